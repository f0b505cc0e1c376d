/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redo: turns that may have to be taken again, since this host may have lost
 * their probes or their answers.
 *
 *   stretch 0 ...... looked ......... next ........ count
 *           known    taken again, but          not taken again
 *           to have  not known whether         yet
 *           left     that left
 *
 * Stretches are taken again in order, each once its answers have had their
 * time; what is lost then as well makes a further stretch, REDO_TRIES times
 * at most, where there was a way at all. Those taken again are remembered for
 * REDO_KEEP_NS: how the way was then may be known only later. Pure; one thread.
 */
#ifndef WHITHER_REDO_H
#define WHITHER_REDO_H

#include "lib/clock.h"

enum {
	REDO_TRIES = 3,	  /* after the first */
	REDO_MOST = 4096, /* stretches; beyond, turns are not taken again */
};

/* The time that answers are given. */
#define REDO_NS (500 * NS_PER_MS)
#define REDO_KEEP_NS (15 * NS_PER_S)

/* Zeroed: none. */
struct redo {
	struct redo_stretch {
		u64 from, to;	      /* turns; to is not in it */
		u64 due_ns, first_ns; /* when, and as that was at first */
		u64 taken_ns;	      /* when it was taken again, at last */
		u32 tries;
		bool again; /* was lost once more: another stretch has it */
	} stretch[REDO_MOST];
	u32 count, next, looked;
	u64 done; /* turns of stretch[next] */
};

/* These turns are in doubt, which were taken up to last_ns. */
void redo_add(struct redo *r, u64 from, u64 to, u64 last_ns);
/* So is all that was taken again at `since` or later, or since the last look;
 * `tried`, if that counts as a try. */
void redo_again(struct redo *r, u64 since, u64 last_ns, bool tried);
/* A look: all that was taken again has left, or is in doubt. */
void redo_look(struct redo *r, u64 now);

/* The next turn to take again; false: none just now. */
bool redo_take(struct redo *r, u64 now, u64 *turn);
/* When there will be one; UINT64_MAX: never. */
u64 redo_due(const struct redo *r);
/* The first turn that has not left yet, as far as is known; UINT64_MAX: all
 * have. */
u64 redo_first(const struct redo *r);

#endif
