/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strategies: what a run says, as each strategy wants to be told it, and what
 * they say of themselves.
 */
#ifndef WHITHER_STRATEGIES_H
#define WHITHER_STRATEGIES_H

#include "cmd/run.h"

/* Traces at once, of a worker's ladder. */
u32 strategies_slots(const struct run *r);
/* Worker i's, whose uplink is open: what its directory knows is told as far as
 * it is counted. 0 or negative errno, logged. */
int strategies_open(struct run *r, struct run_worker *w, u32 i);
/* All are open; nothing has been sent. Tells them what its directory has
 * besides: the results of earlier processes. 0 or negative errno, logged. */
int strategies_recall(struct run *r);
/* How far the workers are (journal.h); before they begin, that is known
 * already. The writer's thread. */
void strategies_position(void *run, u64 *settled);
/* Adds worker i's to the report. */
void strategies_progress(struct run *r, u32 i);

#endif
