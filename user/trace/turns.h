/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * turns: which target's turn is when. Targets are in a permuted order, of
 * which a shard takes every shards-th: a target's turn is its place among
 * those.
 *
 *   number -> permute -> index = turn * shards + shard
 *
 * Pure.
 */
#ifndef WHITHER_TURNS_H
#define WHITHER_TURNS_H

#include "plan/permute.h"
#include "plan/targets.h"

struct turns {
	const struct targets *targets;
	struct permute order;
	u32 shards, shard;
	u64 count; /* of this shard */
};

/* targets: sealed, and outlive it. */
void turns_init(struct turns *t, const struct targets *targets, u64 seed,
		u32 shards, u32 shard);

/* The number of the target whose turn it is. */
static inline u64 turns_number(const struct turns *t, u64 turn)
{
	return permute_at(&t->order, turn * t->shards + t->shard);
}

/* The turn of a target; false: it is another shard's. */
static inline bool turns_find(const struct turns *t, u64 number, u64 *turn)
{
	u64 index = permute_index(&t->order, number);

	if (t->shards > 1) {
		if (index % t->shards != t->shard)
			return false;
		index /= t->shards;
	}
	*turn = index;
	return true;
}

/* Whose target that is; UINT32_MAX: it is none. */
u32 turns_shard(const struct turns *t, const struct addr *dst);

#endif
