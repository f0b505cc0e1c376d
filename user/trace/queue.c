/* SPDX-License-Identifier: BSD-2-Clause */
/* queue: paths in a row, linked by their turns. */
#include "trace/queue.h"

void queue_init(struct queue *q, enum path_side mark)
{
	*q = (struct queue){ QUEUE_NONE, QUEUE_NONE, (u8)mark };
}

void queue_append(struct queue *q, struct path *path, u32 turn)
{
	struct path *p = &path[turn];

	p->flags |= q->mark;
	p->after = QUEUE_NONE;
	p->before = q->last;
	if (q->last == QUEUE_NONE)
		q->first = turn;
	else
		path[q->last].after = turn;
	q->last = turn;
}

void queue_remove(struct queue *q, struct path *path, u32 turn)
{
	struct path *p = &path[turn];

	if (p->before == QUEUE_NONE)
		q->first = p->after;
	else
		path[p->before].after = p->after;
	if (p->after == QUEUE_NONE)
		q->last = p->before;
	else
		path[p->after].before = p->before;
	p->flags &= (u8)~q->mark;
}
