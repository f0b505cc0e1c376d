/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roster: the traces that a ladder has under way, in slots of equal size, and
 * where each one stands. One thread; allocates when it is made, never after.
 */
#ifndef WHITHER_ROSTER_H
#define WHITHER_ROSTER_H

#include "trace/climb.h"

enum roster_list {
	LIST_NONE, /* waits for an answer, or for a time */
	LIST_FREE,
	LIST_READY, /* may send */
	LIST_HELD,  /* over; its records are still to be put */
	LISTS,
};

struct roster {
	struct {
		u32 first, last;
	} list[LISTS];
	u8 *slab;
	size_t stride;
};

/* 0 or -ENOMEM. */
int roster_init(struct roster *r, u32 slots, size_t size);
void roster_fini(struct roster *r);

static inline struct climb *roster_at(const struct roster *r, u32 slot)
{
	return (struct climb *)(void *)(r->slab + slot * r->stride);
}

/* c->slot is set, and c stands in no list. */
void roster_append(struct roster *r, enum roster_list name, struct climb *c);
void roster_prepend(struct roster *r, enum roster_list name, struct climb *c);
/* From whichever list it stands in. */
void roster_remove(struct roster *r, struct climb *c);
/* NULL: empty. */
struct climb *roster_first(const struct roster *r, enum roster_list name);

#endif
