/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap: a binary min-heap of times over nodes that the caller owns.
 *
 * A node sits inside the caller's struct and knows its place, so that it can
 * be moved or removed at any time. After heap_init nothing is allocated. One
 * thread. Equal keys come out in any order.
 */
#ifndef WHITHER_HEAP_H
#define WHITHER_HEAP_H

#include "types.h"

struct heap_node {
	u32 place; /* 0: in no heap; zero it before first use */
};

struct heap_entry {
	u64 key;
	struct heap_node *node;
};

struct heap {
	struct heap_entry *entry; /* entry[1] is the least */
	u32 count, capacity;
};

/* The struct of `type` whose `member` is `node`. */
#define heap_of(node, type, member)                                            \
	((type *)(void *)((char *)(node)-offsetof(type, member)))

/* 0, or -ENOMEM, logged. */
int heap_init(struct heap *h, u32 capacity);
void heap_fini(struct heap *h);

/* The node must be in no heap. 0, or -ENOSPC if the heap is full. */
int heap_insert(struct heap *h, struct heap_node *node, u64 key);
/* Gives a node of the heap another key. */
void heap_update(struct heap *h, struct heap_node *node, u64 key);
/* A node that is in no heap is left alone. */
void heap_remove(struct heap *h, struct heap_node *node);

static inline bool heap_has(const struct heap_node *node)
{
	return node->place != 0;
}

/* The key of a node that is in the heap. */
static inline u64 heap_key(const struct heap *h, const struct heap_node *node)
{
	return h->entry[node->place].key;
}

/* UINT64_MAX if the heap is empty. */
static inline u64 heap_min_key(const struct heap *h)
{
	return h->count ? h->entry[1].key : UINT64_MAX;
}

/* The node of the least key, left in the heap; NULL if it is empty. */
static inline struct heap_node *heap_min(const struct heap *h)
{
	return h->count ? h->entry[1].node : NULL;
}

/* As heap_min, but NULL also if the least key is later than now. */
static inline struct heap_node *heap_due(const struct heap *h, u64 now)
{
	return h->count && h->entry[1].key <= now ? h->entry[1].node : NULL;
}

#endif
