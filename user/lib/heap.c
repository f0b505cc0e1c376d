/* SPDX-License-Identifier: BSD-2-Clause */
/* heap: a binary min-heap of times over nodes that the caller owns. */
#include "lib/heap.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

int heap_init(struct heap *h, u32 capacity)
{
	memset(h, 0, sizeof(*h));
	/* places are counted from 1 and must fit a u32 */
	if (capacity < UINT32_MAX)
		h->entry = calloc((size_t)capacity + 1, sizeof(*h->entry));
	if (!h->entry) {
		log_err("no memory for %u timers", capacity);
		return -ENOMEM;
	}
	h->capacity = capacity;
	return 0;
}

void heap_fini(struct heap *h)
{
	free(h->entry);
	memset(h, 0, sizeof(*h));
}

static void put(struct heap *h, u32 place, struct heap_entry e)
{
	h->entry[place] = e;
	e.node->place = place;
}

/* Puts e at the free place, or where the order wants it instead. */
static void settle(struct heap *h, u32 place, struct heap_entry e)
{
	u32 child;

	while (place > 1 && h->entry[place / 2].key > e.key) {
		put(h, place, h->entry[place / 2]);
		place /= 2;
	}
	while ((child = place * 2) <= h->count && child > place) {
		if (child < h->count &&
		    h->entry[child + 1].key < h->entry[child].key)
			child++;
		if (h->entry[child].key >= e.key)
			break;
		put(h, place, h->entry[child]);
		place = child;
	}
	put(h, place, e);
}

int heap_insert(struct heap *h, struct heap_node *node, u64 key)
{
	if (h->count == h->capacity)
		return -ENOSPC;
	h->count++;
	settle(h, h->count, (struct heap_entry){ key, node });
	return 0;
}

void heap_update(struct heap *h, struct heap_node *node, u64 key)
{
	settle(h, node->place, (struct heap_entry){ key, node });
}

void heap_remove(struct heap *h, struct heap_node *node)
{
	struct heap_entry last;
	u32 place = node->place;

	if (!place)
		return;
	last = h->entry[h->count--];
	if (last.node != node)
		settle(h, place, last);
	node->place = 0;
}
