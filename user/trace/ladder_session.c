/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ladder_session: the TCP sessions of a ladder's traces. A trace is held until
 * it is known which of its flows go through one; the others are half-open.
 */
#include "lib/bounds.h"
#include "lib/clock.h"
#include "trace/ladder_state.h"

/* What became of its sessions, as far as that is news and a record follows it.
 */
unsigned int ladder_session_records(struct ladder *l, struct climb *c)
{
	bool tell =
		c->stop == STOP_NONE ? l->rules.stream : c->total > c->emitted;
	unsigned int n = 0;

	if (ladder_has_quic(l))
		return ladder_quic_records(l, c);
	if (!ladder_has_sessions(l) || !tell)
		return 0;
	for (u8 f = 0; f < l->sessions.flows; f++) {
		struct session *s = sessions_at(&l->sessions, c->slot, f);

		if (!s->fate || s->told)
			continue;
		session_record(s, &l->sessions.rules, &l->records[n]);
		climb_records_of(c, &l->rules, &l->records[n++]);
		s->told = true;
	}
	return n;
}

/* Its records are put: its slot is free when its sessions are. */
void ladder_session_sizes(const struct ladder *l, const struct climb *c,
			  struct record *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct session *s =
			sessions_at(&l->sessions, c->slot, r[i].hop.attempt);

		if (s->fate == FATE_OPEN || s->fate == FATE_COUNTED)
			r[i].probe_size = session_probe_size(s);
	}
}

void ladder_part(struct ladder *l, struct climb *c)
{
	if (!c->put)
		return;
	if (ladder_has_sessions(l) && sessions_busy(&l->sessions, c->slot))
		ladder_set_due(l, c, sessions_due(&l->sessions, c->slot));
	else if (!ladder_has_quic(l) || !ladder_closes_quic(l, c))
		ladder_release(l, c);
}

/* After anything happened to a session of a trace: where does that stand? */
static void place_session(struct ladder *l, struct climb *c, u64 now)
{
	struct session *s;

	if (c->stop != STOP_NONE) {
		ladder_part(l, c);
		return;
	}
	if (c->held && sessions_settled(&l->sessions, c->slot)) {
		c->held = false;
		for (u8 f = 0; f < l->sessions.flows; f++) {
			s = sessions_at(&l->sessions, c->slot, f);
			c->lone |= s->fate == FATE_COUNTED;
		}
	}
	ladder_place(l, c, now);
}

void ladder_hear_session(struct strategy *s, struct ladder *l, struct climb *c,
			 const struct answer *a, u64 now)
{
	struct session *x =
		sessions_at(&l->sessions, c->slot, a->proof.attempt);
	struct sack sack;

	switch (sessions_hear(&l->sessions, c->slot, a, &sack, now)) {
	case SESSION_ACKED:
		s->stats.answered += climb_acknowledge(
			c, &l->rules, x->flow,
			x->fate == FATE_OPEN ? &sack : NULL, a);
		break;
	case SESSION_FAILED:
		s->stats.silent += climb_forsake(c, &l->rules, x->flow);
		break;
	case SESSION_NOTHING:
	case SESSION_OPENED:
	case SESSION_GONE:
		break;
	}
	place_session(l, c, now);
}

void ladder_expire_sessions(struct strategy *s, struct ladder *l,
			    struct climb *c, u64 now)
{
	u32 failed = sessions_expire(&l->sessions, c->slot, now);

	for (u8 f = 0; f < l->sessions.flows; f++)
		if (failed >> f & 1)
			s->stats.silent += climb_forsake(c, &l->rules, f);
	place_session(l, c, now);
}

unsigned int ladder_waiting(const struct strategy *s)
{
	const struct ladder *l = ladder_of(s);

	return l->sessions.waiting + (u32)(l->closing_tail - l->closing_head);
}

unsigned int ladder_segments(struct strategy *s, struct aside *seg,
			     unsigned int max)
{
	struct ladder *l = ladder_of(s);

	if (ladder_has_quic(l))
		return ladder_take_quic(l, seg, max);
	return sessions_take(&l->sessions, seg, max);
}

void ladder_segments_left(struct strategy *s, const struct aside *seg,
			  unsigned int n, u64 now)
{
	struct ladder *l = ladder_of(s);

	if (ladder_has_quic(l))
		ladder_quic_left(l, seg, n);
	for (unsigned int i = 0; i < n && ladder_has_sessions(l); i++) {
		u32 slot = sessions_slot(&l->sessions, &seg[i]);
		struct climb *c = roster_at(&l->roster, slot);

		sessions_left(&l->sessions, &seg[i], now);
		if (c->list != LIST_FREE)
			place_session(l, c, now);
	}
	ladder_drain(s, l);
}

int ladder_open_sessions(struct ladder *l)
{
	const struct ladder_config *c = &l->rules;
	u8 last = c->attempts - 1;
	const struct session_rules rules = {
		.key = c->key,
		.dport = c->dport,
		.window = (u16)(COOKIE_DATA + 1 +
				cookie_step(c->key, c->max_ttl, last)),
		.wait_ns = least(NS_PER_S, c->wait_max_ns),
		.prove_ns = least(NS_PER_S / 4, c->wait_max_ns),
		.by_reset = c->by_reset,
	};

	return sessions_open(&l->sessions, &rules, l->capacity,
			     c->key->flows ? c->attempts : 1, &c->syns);
}
