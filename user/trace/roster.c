/* SPDX-License-Identifier: BSD-2-Clause */
/* roster: the traces that a ladder has under way, and where each stands. */
#include "trace/roster.h"

#include <errno.h>
#include <stdlib.h>

enum { NO_SLOT = 0xffffffff };

int roster_init(struct roster *r, u32 slots, size_t size)
{
	for (int i = 0; i < LISTS; i++)
		r->list[i].first = r->list[i].last = NO_SLOT;
	r->stride = size;
	/* zeroed by the kernel as it is used: a short run touches little */
	r->slab = calloc(slots, size);
	return r->slab ? 0 : -ENOMEM;
}

void roster_fini(struct roster *r)
{
	free(r->slab);
	r->slab = NULL;
}

void roster_append(struct roster *r, enum roster_list name, struct climb *c)
{
	u32 last = r->list[name].last;

	c->list = name;
	c->after = NO_SLOT;
	c->before = last;
	if (last == NO_SLOT)
		r->list[name].first = c->slot;
	else
		roster_at(r, last)->after = c->slot;
	r->list[name].last = c->slot;
}

void roster_prepend(struct roster *r, enum roster_list name, struct climb *c)
{
	u32 first = r->list[name].first;

	c->list = name;
	c->before = NO_SLOT;
	c->after = first;
	if (first == NO_SLOT)
		r->list[name].last = c->slot;
	else
		roster_at(r, first)->before = c->slot;
	r->list[name].first = c->slot;
}

void roster_remove(struct roster *r, struct climb *c)
{
	if (c->list == LIST_NONE)
		return;
	if (c->before == NO_SLOT)
		r->list[c->list].first = c->after;
	else
		roster_at(r, c->before)->after = c->after;
	if (c->after == NO_SLOT)
		r->list[c->list].last = c->before;
	else
		roster_at(r, c->after)->before = c->before;
	c->list = LIST_NONE;
}

struct climb *roster_first(const struct roster *r, enum roster_list name)
{
	u32 slot = r->list[name].first;

	return slot == NO_SLOT ? NULL : roster_at(r, slot);
}
