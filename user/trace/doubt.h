/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doubt: when this host itself dropped frames, so that silence proves
 * nothing. Pure; one thread.
 */
#ifndef WHITHER_DOUBT_H
#define WHITHER_DOUBT_H

#include "types.h"

enum { DOUBT_SPANS = 512 };

/* Zeroed: never. Spans in order of their ends; the oldest give way. */
struct doubt {
	struct doubt_span {
		u64 from, to; /* CLOCK_MONOTONIC */
	} span[DOUBT_SPANS];
	u32 next;
};

/* Spans that touch become one. */
void doubt_add(struct doubt *d, u64 from, u64 to);
/* May a frame of what happened from..to have been dropped? */
bool doubt_covers(const struct doubt *d, u64 from, u64 to);

#endif
