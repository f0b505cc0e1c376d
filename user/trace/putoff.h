/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * putoff: probes that wait, since their destination's prefix, or a router that
 * they are foreseen to ask, has been asked often enough for now. Each
 * leaves once, when all its budgets allow; none is forgotten, and nothing new
 * is begun while there is no room. One thread.
 */
#ifndef WHITHER_PUTOFF_H
#define WHITHER_PUTOFF_H

#include "lib/heap.h"
#include "plan/budget.h"
#include "probe/probe.h"
#include "trace/foresee.h"

enum { PUTOFF_MAX = 1 << 13 };

/* Zeroed: everything may leave at once. */
struct putoff {
	struct budget prefix, router; /* without slots: none */
	struct foresee foresee;
	struct putoff_entry {
		u64 turn;
		struct heap_node node; /* in no heap: it has left */
	} * entry;		       /* in order of turns, a ring */
	struct heap due;
	u64 head, tail; /* entries ever */
	u64 again;	/* the lowest turn that came out of order, until none
			   waits any more */
	u64 count;	/* put off, ever */
};

/* 0 or -ENOMEM, logged. */
int putoff_open(struct putoff *p, const struct budget_rate *prefix,
		const struct budget_rate *router, u64 targets);
/* May that probe of that turn leave now? Else it is kept. Only while there is
 * room. Turns rise, but for those that are taken again. */
bool putoff_admit(struct putoff *p, u64 turn, const struct probe *probe,
		  u64 now);
/* Is there one whose time has come? Then its probe is to be given to
 * putoff_leave(), or it is to be dropped. */
bool putoff_due(const struct putoff *p, u64 now, u64 *turn);
/* May it leave now? Else it waits on. */
bool putoff_leave(struct putoff *p, const struct probe *probe, u64 now);
void putoff_drop(struct putoff *p);
/* May a probe leave now that waits elsewhere, when that is so? 0, or when to
 * ask again. place: when it was to ask again; 0: it has not waited. */
u64 putoff_pass(struct putoff *p, const struct probe *probe, u64 place,
		u64 now);
/* The first answer to a probe: who was asked in truth. */
void putoff_heard(struct putoff *p, const struct answer *a, u64 now);
void putoff_close(struct putoff *p);

static inline bool putoff_has_budget(const struct putoff *p)
{
	return p->entry;
}

static inline bool putoff_has_room(const struct putoff *p)
{
	return p->tail - p->head < PUTOFF_MAX;
}

/* How many wait. */
static inline u32 putoff_count(const struct putoff *p)
{
	return p->due.count;
}

/* When the next one may leave; UINT64_MAX: none waits. */
static inline u64 putoff_next(const struct putoff *p)
{
	return heap_min_key(&p->due);
}

/* No turn below it waits; UINT64_MAX: none does. */
static inline u64 putoff_oldest(const struct putoff *p)
{
	u64 turn;

	if (p->head == p->tail)
		return UINT64_MAX;
	turn = p->entry[p->head % PUTOFF_MAX].turn;
	return turn < p->again ? turn : p->again;
}

#endif
