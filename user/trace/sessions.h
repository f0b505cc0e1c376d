/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sessions: the TCP connections of a ladder's traces, one for each flow of
 * each slot, and the line in which their segments wait for the gate.
 *
 * One thread; allocates when it is opened, never after.
 */
#ifndef WHITHER_SESSIONS_H
#define WHITHER_SESSIONS_H

#include "plan/budget.h"
#include "trace/session.h"

struct sessions {
	struct session_rules rules;
	struct session *session; /* slot * flows + flow */
	u32 slots;
	u8 flows;
	u32 first, last;    /* of the line */
	u32 waiting;	    /* in the line */
	struct budget syns; /* for each destination prefix */
	u64 syn_ns;
	u64 fates[FATES]; /* of those that are over, by enum session_fate */
};

/* syns.gap_ns 0: SYNs as they come. 0 or -ENOMEM, logged. */
int sessions_open(struct sessions *x, const struct session_rules *r, u32 slots,
		  u8 flows, const struct budget_rate *syns);
void sessions_close(struct sessions *x);
size_t sessions_octets(const struct sessions *x);

static inline struct session *sessions_at(const struct sessions *x, u32 slot,
					  u8 flow)
{
	return &x->session[(size_t)slot * x->flows + flow % x->flows];
}

/* Those of a trace, which begins, or is over. */
void sessions_begin(struct sessions *x, u32 slot, const struct addr *dst,
		    u64 now);
void sessions_end(struct sessions *x, u32 slot, bool reset);
/* Is it known of all of them whether probes go through them? */
bool sessions_settled(const struct sessions *x, u32 slot);
/* Is something left of one of them? */
bool sessions_busy(const struct sessions *x, u32 slot);
/* When sessions_expire() has something to do for that trace. */
u64 sessions_due(const struct sessions *x, u32 slot);

/* As session_hear(), of the flow that the answer names. */
enum session_event sessions_hear(struct sessions *x, u32 slot,
				 const struct answer *a, struct sack *sack,
				 u64 now);
/* The flows, a bit each, whose session failed now. */
u32 sessions_expire(struct sessions *x, u32 slot, u64 now);

/* Up to `max` segments, in the order in which they came up. */
unsigned int sessions_take(struct sessions *x, struct aside *seg,
			   unsigned int max);
/* One of them has left. Its slot is that of seg->owner. */
enum session_event sessions_left(struct sessions *x, const struct aside *seg,
				 u64 now);
static inline u32 sessions_slot(const struct sessions *x,
				const struct aside *seg)
{
	return seg->owner / x->flows;
}

/* How that probe is sent, and what it acknowledges. */
void sessions_equip(const struct sessions *x, struct probe *p);

#endif
