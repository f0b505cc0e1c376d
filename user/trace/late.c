/* SPDX-License-Identifier: BSD-2-Clause */
/* late: turns whose probes left later than their turn was. */
#include "trace/late.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

int late_open(struct late *l)
{
	*l = (struct late){ .turn = calloc(LATE_MAX, sizeof(*l->turn)) };
	if (l->turn)
		return 0;
	log_err("no memory for probes that left late");
	return -ENOMEM;
}

void late_add(struct late *l, u64 turn, u64 now)
{
	if (!l->turn)
		return;
	if (l->tail - l->head == LATE_MAX)
		l->head++;
	l->turn[l->tail++ % LATE_MAX] = (struct late_turn){ turn, now };
}

void late_lost(struct late *l, u64 until)
{
	if (until > l->lost_ns)
		l->lost_ns = until;
}

bool late_take(struct late *l, u64 now, u64 *turn)
{
	while (l->head < l->tail) {
		const struct late_turn t = l->turn[l->head % LATE_MAX];

		if (now < t.left_ns + REDO_NS)
			return false;
		l->head++;
		*turn = t.turn;
		if (t.left_ns <= l->lost_ns)
			return true;
	}
	return false;
}

/* They stand in the order in which they left. */
u64 late_due(const struct late *l)
{
	u64 left;

	if (l->head == l->tail)
		return UINT64_MAX;
	left = l->turn[l->head % LATE_MAX].left_ns;
	return left <= l->lost_ns ? left + REDO_NS : UINT64_MAX;
}

void late_close(struct late *l)
{
	free(l->turn);
	*l = (struct late){};
}
