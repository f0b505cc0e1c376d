/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * marks: how far a run is settled whose turns are taken in order: not beyond
 * a turn whose reply may still come.
 *
 *   settled ... ripe ....... marks ........ next
 *           a round of the   replies may
 *           loop too few     still come
 *
 * Marks reach back as far as replies may take, and MARKS_REACH_NS. Pure; one
 * thread, but for marks_settled().
 */
#ifndef WHITHER_MARKS_H
#define WHITHER_MARKS_H

#include "lib/clock.h"

enum { MARKS = 256 };

/* A next hop that was replaced is found out after seconds, and all that went to
 * it is then sent again. */
#define MARKS_REACH_NS (15 * NS_PER_S)

struct marks {
	u64 settled, ripe, begun; /* turns; from `begun` on they are this
				     process's */
	struct mark {
		u64 at_ns, next; /* every turn before `next` had left */
	} mark[MARKS];
	u64 count, first, due_ns, gap_ns, reply_ns;
	u32 loops; /* since the last mark */
};

/* reply_ns: what a reply may take. */
void marks_init(struct marks *m, u64 begun, u64 reply_ns);
/* Once in a round of the packet loop: is there a mark to be set? */
bool marks_due(struct marks *m, u64 now);
/* All turns before `next` have left, as far as is known. */
void marks_set(struct marks *m, u64 now, u64 next);
/* All turns before it had left by then. */
u64 marks_before(const struct marks *m, u64 time);
/* All turns before it have left, and replies have had their time: they have
 * been put by then. Any thread. */
u64 marks_settled(const struct marks *m);

#endif
