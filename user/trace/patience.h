/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * patience: how long to wait for an answer, by how long the others took.
 *
 * As RFC 6298 does, but slowly: these are the times of many routers, not of
 * one. Pure.
 */
#ifndef WHITHER_PATIENCE_H
#define WHITHER_PATIENCE_H

#include "types.h"

struct patience {
	u64 least_ns, most_ns;
	u64 warm_ns;	    /* until when only quick answers have come */
	u64 rtt_ns, off_ns; /* smoothed, and its deviation; 0: no answer */
};

/* now: when the first probe leaves. least wins over most. */
void patience_init(struct patience *p, u64 least_ns, u64 most_ns, u64 now);
void patience_learn(struct patience *p, u64 rtt_ns);
u64 patience_ns(const struct patience *p, u64 now);

#endif
