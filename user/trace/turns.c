/* SPDX-License-Identifier: BSD-2-Clause */
/* turns: which target's turn is when. */
#include "trace/turns.h"

void turns_init(struct turns *t, const struct targets *targets, u64 seed,
		u32 shards, u32 shard)
{
	u64 all = targets_count(targets);

	t->targets = targets;
	t->shards = shards;
	t->shard = shard;
	t->count = (all - shard + shards - 1) / shards;
	permute_init(&t->order, all, seed);
}

u32 turns_shard(const struct turns *t, const struct addr *dst)
{
	s64 number = targets_find(t->targets, dst);

	if (number < 0)
		return UINT32_MAX;
	return (u32)(permute_index(&t->order, (u64)number) % t->shards);
}
