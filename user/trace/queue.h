/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue: paths in a row, linked by their turns, which are their places in an
 * array. A path that stands in a queue says so by the queue's mark, and
 * stands in no other. Pure.
 */
#ifndef WHITHER_QUEUE_H
#define WHITHER_QUEUE_H

#include "trace/path.h"

enum { QUEUE_NONE = 0xffffffff };

struct queue {
	u32 first, last; /* turns; QUEUE_NONE: empty */
	u8 mark;	 /* PATH_READY or PATH_WAITING */
};

void queue_init(struct queue *q, enum path_side mark);
/* path[turn] stands in no queue. */
void queue_append(struct queue *q, struct path *path, u32 turn);
/* path[turn] stands in this one. */
void queue_remove(struct queue *q, struct path *path, u32 turn);

#endif
