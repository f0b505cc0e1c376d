/* SPDX-License-Identifier: BSD-2-Clause */
/* sessions: the TCP connections of a ladder's traces. */
#include "trace/sessions.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/bounds.h"
#include "lib/log.h"

enum { NOBODY = 0xffffffff };

int sessions_open(struct sessions *x, const struct session_rules *r, u32 slots,
		  u8 flows, const struct budget_rate *syns)
{
	*x = (struct sessions){
		.rules = *r,
		.slots = slots,
		.flows = flows ? flows : 1,
		.first = NOBODY,
		.last = NOBODY,
		.syn_ns = syns->gap_ns,
	};
	x->session = calloc((size_t)slots * x->flows, sizeof(*x->session));
	if (x->session && !x->syn_ns)
		return 0;
	if (x->session)
		return budget_open(&x->syns, syns, (u64)slots * x->flows);
	log_err("no memory for %u TCP sessions at once: ask for fewer", slots);
	return -ENOMEM;
}

void sessions_close(struct sessions *x)
{
	free(x->session);
	budget_close(&x->syns);
	x->session = NULL;
}

size_t sessions_octets(const struct sessions *x)
{
	return (size_t)x->slots * x->flows * sizeof(*x->session);
}

static void enqueue(struct sessions *x, struct session *s)
{
	u32 i = (u32)(s - x->session);

	if (s->queued || !session_speaks(s))
		return;
	s->queued = true;
	s->next = NOBODY;
	if (x->last == NOBODY)
		x->first = i;
	else
		x->session[x->last].next = i;
	x->last = i;
	x->waiting++;
}

static struct session *dequeue(struct sessions *x)
{
	struct session *s = &x->session[x->first];

	x->first = s->next;
	if (x->first == NOBODY)
		x->last = NOBODY;
	s->queued = false;
	x->waiting--;
	return s;
}

void sessions_begin(struct sessions *x, u32 slot, const struct addr *dst,
		    u64 now)
{
	for (u8 f = 0; f < x->flows; f++) {
		struct session *s = sessions_at(x, slot, f);
		/* who has nothing to say any more may stand in the line yet */
		bool queued = s->queued;
		u32 next = s->next;

		session_begin(s, dst, f, now);
		s->queued = queued;
		s->next = next;
	}
}

void sessions_end(struct sessions *x, u32 slot, bool hard)
{
	for (u8 f = 0; f < x->flows; f++) {
		struct session *s = sessions_at(x, slot, f);

		x->fates[s->fate]++;
		session_end(s, &x->rules, hard);
		enqueue(x, s);
	}
}

bool sessions_settled(const struct sessions *x, u32 slot)
{
	for (u8 f = 0; f < x->flows; f++)
		if (!sessions_at(x, slot, f)->fate)
			return false;
	return true;
}

bool sessions_busy(const struct sessions *x, u32 slot)
{
	for (u8 f = 0; f < x->flows; f++)
		if (sessions_at(x, slot, f)->state != SESSION_NONE)
			return true;
	return false;
}

u64 sessions_due(const struct sessions *x, u32 slot)
{
	u64 due = UINT64_MAX;

	for (u8 f = 0; f < x->flows; f++) {
		const struct session *s = sessions_at(x, slot, f);

		if (s->state != SESSION_NONE)
			due = least(due, s->due_ns);
	}
	return due;
}

enum session_event sessions_hear(struct sessions *x, u32 slot,
				 const struct answer *a, struct sack *sack,
				 u64 now)
{
	struct session *s = sessions_at(x, slot, a->proof.attempt);
	enum session_event event = session_hear(s, &x->rules, a, sack, now);

	enqueue(x, s);
	return event;
}

/* A SYN that its prefix has no room for yet comes back later. */
static bool must_wait(struct sessions *x, struct session *s, u64 now)
{
	u64 prefix = budget_prefix(&s->dst), when = now;

	if (!x->syn_ns || s->state > SESSION_OPENING)
		return false;
	if (s->state == SESSION_LATER)
		when = s->tries ? budget_when_waited(&x->syns, prefix, now)
				: budget_when(&x->syns, prefix, now);
	if (when > now) {
		s->tries = 1; /* has a place in the line */
		s->due_ns = budget_line(&x->syns, prefix, now, x->syn_ns);
		return true;
	}
	budget_charge(&x->syns, prefix, now, x->syn_ns);
	return false;
}

u32 sessions_expire(struct sessions *x, u32 slot, u64 now)
{
	u32 failed = 0;

	for (u8 f = 0; f < x->flows; f++) {
		struct session *s = sessions_at(x, slot, f);

		if (s->state == SESSION_NONE || s->due_ns > now ||
		    must_wait(x, s, now))
			continue;
		if (session_expire(s, &x->rules, now) == SESSION_FAILED)
			failed |= 1u << f;
		enqueue(x, s);
	}
	return failed;
}

unsigned int sessions_take(struct sessions *x, struct aside *seg,
			   unsigned int max)
{
	unsigned int n = 0;

	while (n < max && x->first != NOBODY) {
		struct session *s = dequeue(x);

		if (session_take(s, &x->rules, &seg[n]))
			seg[n++].owner = (u32)(s - x->session);
		enqueue(x, s); /* it may have more to say */
	}
	return n;
}

enum session_event sessions_left(struct sessions *x, const struct aside *seg,
				 u64 now)
{
	struct session *s = &x->session[seg->owner];

	/* another trace may have its place by now */
	if (seg->flow != s->flow || !addr_equal(&seg->dst, &s->dst))
		return SESSION_NOTHING;
	return session_left(s, &x->rules, seg, now);
}

void sessions_equip(const struct sessions *x, struct probe *p)
{
	const struct session *s = sessions_at(x, p->owner, p->attempt);

	p->how = PROBE_ALONE;
	if (s->state != SESSION_OPEN)
		return;
	p->how = session_stamped(s) ? PROBE_STAMPED : PROBE_WITHIN;
	p->ack = s->theirs;
	p->echo = s->stamp;
}
