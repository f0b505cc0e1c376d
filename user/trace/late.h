/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * late: turns whose probes left later than their turn was, since they were put
 * off. Stretches of turns that are in doubt (redo.h) do not tell of them: each
 * is looked at by itself, once its answer has had its time.
 *
 * As many as LATE_MAX; beyond, the first is forgotten, and not sent again
 * should this host have lost it. One thread.
 */
#ifndef WHITHER_LATE_H
#define WHITHER_LATE_H

#include "trace/redo.h"

enum { LATE_MAX = 1 << 15 };

/* Zeroed: none, and none is kept. */
struct late {
	struct late_turn {
		u64 turn, left_ns;
	} * turn; /* a ring */
	u64 head, tail;
	u64 lost_ns; /* whatever left before may have been lost here */
};

/* 0 or -ENOMEM, logged. */
int late_open(struct late *l);
/* Its probe leaves now. */
void late_add(struct late *l, u64 turn, u64 now);
/* What left until then, or its answer, may have been lost by this host. */
void late_lost(struct late *l, u64 until);
/* The next turn to be sent again if it has no answer; false: none just now. */
bool late_take(struct late *l, u64 now, u64 *turn);
/* When there will be one; UINT64_MAX: never, as far as is known. */
u64 late_due(const struct late *l);
void late_close(struct late *l);

#endif
