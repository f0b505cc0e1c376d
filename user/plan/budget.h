/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * budget: how often each of many may be asked: a destination's prefix, or a
 * router.
 *
 * Who is in two budgets asks both when it may leave, and leaves when both say
 * now; that is charged to both. Who may not takes a place in the line of the
 * one that is free last, so that those who wait do not all come back at once.
 * A place is a time to ask again, no promise: what left meanwhile counts.
 *
 * Only those that were asked within their last gaps are remembered. In a table
 * too small for those, two share one budget: slower, never faster.
 * One thread. Times: ns of one clock.
 */
#ifndef WHITHER_BUDGET_H
#define WHITHER_BUDGET_H

#include "types.h"

struct budget {
	struct budget_slot *slot;
	u64 mask;
	u64 gap_ns, ahead_ns;
};

/* One every gap_ns, and up to `burst`, at least 1, at once after a silence.
 * gap_ns 0: no budget. */
struct budget_rate {
	u64 gap_ns;
	u32 burst;
};

/* The share of one of so many workers in a rate; a tenth of a second's worth
 * at once. 0 a second: no budget. */
struct budget_rate budget_share(u64 pps, u32 workers);

/* For as many keys at a time as that; at most 48 MiB. 0 or -ENOMEM, logged. */
int budget_open(struct budget *b, const struct budget_rate *rate, u64 keys);
/* The key of an address's /24 or /48. */
u64 budget_prefix(const struct addr *dst);
/* The key of a router that 32 bits tell from others. */
u64 budget_router(u32 router);

/* When that key may be asked by one who did not wait: now, or later. */
u64 budget_when(const struct budget *b, u64 key, u64 now);
/* The same for one who had a place in a line: others in it are behind. */
u64 budget_when_waited(const struct budget *b, u64 key, u64 now);
/* It is asked now; cost_ns: gap_ns, or that part of it which is foreseen. */
void budget_charge(struct budget *b, u64 key, u64 now, u64 cost_ns);
/* So much of what was charged lately was not asked. */
void budget_refund(struct budget *b, u64 key, u64 now, u64 cost_ns);
/* The next place in the line: when to ask again. */
u64 budget_line(struct budget *b, u64 key, u64 now, u64 cost_ns);
/* A zeroed one is closed. */
void budget_close(struct budget *b);

#endif
