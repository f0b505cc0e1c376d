/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table: a hash table from u64 to u32 of fixed capacity.
 *
 * Open addressing, linear probing; removal shifts back what follows, so
 * there are no tombstones and the table never ages. 12 octets a slot, at
 * most 3 of 4 slots in use. After table_init nothing is allocated. One
 * thread.
 */
#ifndef WHITHER_TABLE_H
#define WHITHER_TABLE_H

#include "types.h"

#define TABLE_NONE 0xffffffffu /* never a value */

struct table {
	u64 *key;
	u32 *value; /* TABLE_NONE: the slot is free */
	u64 seed;
	u32 mask, count, capacity;
};

/*
 * Room for `capacity` keys, at most 2^31. The seed keeps whoever chooses the
 * keys (the network) from choosing collisions. 0 or negative errno, logged.
 */
int table_init(struct table *t, u32 capacity, u64 seed);
void table_fini(struct table *t);

/* 0; -EEXIST: the key is there and keeps its value; -ENOSPC: full. */
int table_insert(struct table *t, u64 key, u32 value);
/* The value or TABLE_NONE. */
u32 table_find(const struct table *t, u64 key);
/* The value that was there, or TABLE_NONE. */
u32 table_remove(struct table *t, u64 key);
/* Removes every key. */
void table_clear(struct table *t);

#endif
