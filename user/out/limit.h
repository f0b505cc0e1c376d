/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limit: does a router limit how many errors it sends? Told from the times of
 * its answers alone, in a sweep whose order is random.
 *
 * Asked at random, a router answers at random too, and if it does not answer
 * all, or some are lost, what is left is as random: the gaps between answers
 * vary as much as their mean (of a router that has the share f of all
 * probes, their squared coefficient of variation is 1 - f). A token bucket
 * that is asked for more than it gives hands them out as its tokens come: the
 * gaps are alike. Gaps far more alike than chance are the evidence; silence,
 * loss, and a bucket that is never empty leave none.
 *
 * Single gaps show slow buckets soon; the time of 16 answers together shows
 * fast ones, whose tokens come in lots or whose answers jitter. Both are
 * averaged over the last 32 or so, so that the first burst is forgotten.
 */
#ifndef WHITHER_LIMIT_H
#define WHITHER_LIMIT_H

#include "types.h"

enum { LIMIT_SCALES = 2 };

/* Of one router. Zeroed: it has not answered yet. */
struct limit {
	struct limit_scale {
		u64 since_ns;
		float mean, variance; /* of the gap, in s */
	} scale[LIMIT_SCALES];
	u32 answers;
};

/* An answer came then (CLOCK_MONOTONIC); out of order it is not looked at. */
void limit_answer(struct limit *l, u64 arrived_ns);
/* How many errors a second it gives, or 0: no evidence of a limit. sent: all
 * probes of the sweep, to whomever. */
double limit_rate(const struct limit *l, u64 sent);

/* Of many routers; zeroed: none. Beyond LIMITS_MAX they are not looked at. */
enum { LIMITS_MAX = 1 << 16 };

struct limits {
	struct limits_router {
		struct addr from;
		struct limit limit;
	} * router; /* open addressing */
	u32 count;
};

void limits_answer(struct limits *l, const struct addr *from, u64 arrived_ns);
/* Calls found() for each that limits its errors; returns how many. */
u32 limits_find(const struct limits *l, u64 sent,
		void (*found)(void *to, const struct addr *from,
			      double per_second),
		void *to);
void limits_fini(struct limits *l);

#endif
