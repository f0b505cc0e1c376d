/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ladder_quic: the QUIC connections of a ladder's traces. Whose handshake began
 * is closed when the trace is over; until that has left, its slot is taken.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/bounds.h"
#include "lib/log.h"
#include "trace/ladder_state.h"

int ladder_open_quic(struct ladder *l)
{
	size_t n = (size_t)l->capacity * l->rules.quic->flows;

	l->closing = calloc(n, sizeof(*l->closing));
	if (l->closing)
		return 0;
	log_err("no memory for %zu QUIC connections at once: ask for fewer", n);
	return -ENOMEM;
}

void ladder_begin_quic(struct ladder *l, struct climb *c)
{
	struct quic_conns *x = l->rules.quic;

	for (u8 f = 0; f < x->flows; f++)
		quic_conn_begin(x, quic_conns_at(x, c->slot, f), &c->dst, f);
}

void ladder_equip_quic(struct ladder *l, struct climb *c, struct probe *p)
{
	struct quic_conn *q = quic_conns_at(l->rules.quic, c->slot, p->attempt);

	p->ack = q->next < QUIC_NUMBERS - 1 ? q->next++ : q->next;
	climb_number(c, &l->rules, p, p->ack);
}

void ladder_hear_quic(struct strategy *s, struct ladder *l, struct climb *c,
		      const struct answer *a, u64 now)
{
	struct quic_conns *x = l->rules.quic;
	u8 flow = a->proof.attempt % x->flows;
	struct quic_conn *q = quic_conns_at(x, c->slot, flow);
	struct quic_reply r;

	if (a->reply.kind != REPLY_UDP || a->reply.sport != x->dport) {
		s->stats.unknown++;
		return;
	}
	switch (quic_conn_hear(x, q, a, flow, &r)) {
	case QUIC_ACKED:
		s->stats.answered +=
			climb_arrived(c, &l->rules, flow, &r, q->told, a);
		break;
	case QUIC_UNNAMED:
		s->stats.answered +=
			climb_arrived(c, &l->rules, flow, NULL, q->told, a);
		break;
	case QUIC_CHANGED:
		s->stats.silent += climb_forsake(c, &l->rules, flow);
		break;
	case QUIC_NOTHING:
		break;
	}
	if (c->stop == STOP_NONE)
		ladder_place(l, c, now);
}

static u32 entry(const struct ladder *l, u64 i)
{
	return (u32)(i % (l->capacity * l->rules.quic->flows));
}

void ladder_end_quic(struct ladder *l, struct climb *c)
{
	struct quic_conns *x = l->rules.quic;

	for (u8 f = 0; f < x->flows; f++) {
		struct quic_conn *q = quic_conns_at(x, c->slot, f);

		q->begun &= !q->closed;
		if (q->begun)
			l->closing[entry(l, l->closing_tail++)] =
				c->slot * x->flows + f;
	}
}

static u32 at_most(u64 n)
{
	return (u32)least(n, UINT32_MAX);
}

/* What their servers said, once: when the trace is over, and a record of a
 * probe follows. */
unsigned int ladder_quic_records(struct ladder *l, struct climb *c)
{
	const struct quic_conns *x = l->rules.quic;
	u64 flow = cookie_flow(l->rules.key, &c->dst, PROTO_UDP);
	unsigned int n = 0;

	if (c->stop == STOP_NONE || c->told || c->total == c->emitted)
		return 0;
	c->told = true;
	for (u8 f = 0; f < x->flows; f++) {
		const struct quic_conn *q = quic_conns_at(x, c->slot, f);

		if (!q->told)
			continue;
		l->records[n] = (struct record){
			.quic = { .ect0 = at_most(q->ect0),
				  .ect1 = at_most(q->ect1),
				  .ce = at_most(q->ce),
				  .close_code = at_most(q->close_code) },
			.hop = { .rtt_us = HOP_RTT_UNKNOWN,
				 .attempt = f,
				 .state = HOP_SILENT,
				 .tcp_said = q->told },
			.sport = cookie_port(l->rules.key, flow, f),
			.dport = x->dport,
			.flags = RECORD_TRACE | RECORD_SESSION,
			.quic_version = q->version == QUIC_V2 ? 2 : 1,
		};
		if (q->counted)
			l->records[n].hop.tcp_said |= HOP_QUIC_COUNTED;
		climb_records_of(c, &l->rules, &l->records[n++]);
	}
	return n;
}

bool ladder_closes_quic(const struct ladder *l, const struct climb *c)
{
	const struct quic_conns *x = l->rules.quic;

	for (u8 f = 0; f < x->flows; f++)
		if (quic_conns_at(x, c->slot, f)->begun)
			return true;
	return false;
}

unsigned int ladder_take_quic(struct ladder *l, struct aside *aside,
			      unsigned int max)
{
	const struct quic_conns *x = l->rules.quic;
	unsigned int n = 0;

	for (; n < max && l->closing_head != l->closing_tail; n++) {
		u32 owner = l->closing[entry(l, l->closing_head++)];
		struct quic_conn *q = &x->conn[owner];

		aside[n] = (struct aside){
			.quic = true,
			.dst = roster_at(&l->roster, owner / x->flows)->dst,
			.owner = owner,
			.seq = q->next++,
			.dport = x->dport,
			.flow = (u8)(owner % x->flows),
		};
	}
	return n;
}

void ladder_quic_left(struct ladder *l, const struct aside *aside,
		      unsigned int n)
{
	const struct quic_conns *x = l->rules.quic;

	for (unsigned int i = 0; i < n; i++) {
		x->conn[aside[i].owner].begun = false;
		ladder_part(l,
			    roster_at(&l->roster, aside[i].owner / x->flows));
	}
}
