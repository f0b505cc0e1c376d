/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pace: how many packets may leave by now. A token bucket in integers: what
 * does not make a whole packet is kept, so that the rate never drifts.
 *
 * In any span of t seconds at most pps * t + burst + 1 packets leave. Time
 * beyond what fills the bucket, and at most 1 ms and a packet's time more, is
 * forgotten, never caught up.
 * One thread.
 */
#ifndef WHITHER_PACE_H
#define WHITHER_PACE_H

#include "types.h"

#define PACE_MAX_PPS 1000000000ULL /* more counts as this */

struct pace {
	u64 pps;    /* 0: no limit */
	u64 filled; /* until when credit was given, ns */
	u64 credit; /* in 1e-9 packets */
	u64 most;   /* that credit can be */
};

/* burst 0: a millisecond's worth, 1 .. 256. The bucket is full at first. */
void pace_init(struct pace *p, u64 pps, u32 burst, u64 now);
/* How many of `want` may leave now. Takes none: that is pace_take(). */
u32 pace_allow(struct pace *p, u32 want, u64 now);
/* n packets left; at most what pace_allow last said. */
void pace_take(struct pace *p, u32 n);
/* When the next packet may leave: now, or the first later ns. */
u64 pace_when(const struct pace *p, u64 now);

#endif
