/* SPDX-License-Identifier: BSD-2-Clause */
/* table: a hash table from u64 to u32 of fixed capacity. */
#include "lib/table.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/u128.h"

int table_init(struct table *t, u32 capacity, u64 seed)
{
	u64 slots = 4;

	memset(t, 0, sizeof(*t));
	while (slots / 4 * 3 < capacity)
		slots *= 2;
	if (slots <= 1ULL << 32) {
		t->key = calloc(slots, sizeof(*t->key));
		t->value = malloc(slots * sizeof(*t->value));
	}
	if (!t->key || !t->value) {
		log_err("no memory for a table of %u keys", capacity);
		table_fini(t);
		return -ENOMEM;
	}
	t->seed = seed;
	t->mask = (u32)(slots - 1);
	t->capacity = capacity;
	table_clear(t);
	return 0;
}

void table_fini(struct table *t)
{
	free(t->key);
	free(t->value);
	memset(t, 0, sizeof(*t));
}

void table_clear(struct table *t)
{
	if (t->value)
		memset(t->value, 0xff, ((size_t)t->mask + 1) * sizeof(u32));
	t->count = 0;
}

/* Both halves of the product, or multiples of 2^32 would all share a slot. */
static u32 home(const struct table *t, u64 key)
{
	u128 product = (u128)(key ^ t->seed) * 0x9e3779b97f4a7c15ULL;
	u64 mix = ((u64)product ^ (u64)(product >> 64)) + t->seed;

	product = (u128)mix * 0xd1342543de82ef95ULL;
	return (u32)((u64)product ^ (u64)(product >> 64)) & t->mask;
}

/* Where key is, or the free slot where it would go. */
static u32 seek(const struct table *t, u64 key)
{
	u32 i = home(t, key);

	while (t->value[i] != TABLE_NONE && t->key[i] != key)
		i = (i + 1) & t->mask;
	return i;
}

int table_insert(struct table *t, u64 key, u32 value)
{
	u32 i = seek(t, key);

	if (t->value[i] != TABLE_NONE)
		return -EEXIST;
	if (t->count == t->capacity)
		return -ENOSPC;
	t->key[i] = key;
	t->value[i] = value;
	t->count++;
	return 0;
}

u32 table_find(const struct table *t, u64 key)
{
	return t->value[seek(t, key)];
}

u32 table_remove(struct table *t, u64 key)
{
	u32 gap = seek(t, key), value = t->value[gap], i = gap;

	if (value == TABLE_NONE)
		return value;
	t->count--;
	/* whoever probed past the gap on the way from home moves into it */
	for (;;) {
		i = (i + 1) & t->mask;
		if (t->value[i] == TABLE_NONE)
			break;
		if (((i - home(t, t->key[i])) & t->mask) <
		    ((i - gap) & t->mask))
			continue;
		t->key[gap] = t->key[i];
		t->value[gap] = t->value[i];
		gap = i;
	}
	t->value[gap] = TABLE_NONE;
	return value;
}
