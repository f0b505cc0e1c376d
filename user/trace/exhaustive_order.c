/* SPDX-License-Identifier: BSD-2-Clause */
/* exhaustive: the order of its probes, in numbers. */
#include "trace/exhaustive.h"

static u64 count_all(const struct exhaustive_config *c)
{
	return targets_count(c->targets) * (c->max_ttl - c->first_ttl + 1u) *
	       c->attempts;
}

u64 exhaustive_turns(const struct exhaustive_config *c)
{
	return (count_all(c) - c->shard + c->shards - 1) / c->shards;
}

void exhaustive_order(const struct exhaustive_config *c, struct permute *order)
{
	permute_init(order, count_all(c), c->seed);
}

bool exhaustive_index(const struct exhaustive_config *c,
		      const struct permute *order, const struct addr *dst,
		      u8 ttl, u8 attempt, u64 *index)
{
	s64 target = targets_find(c->targets, dst);
	u64 number;

	if (target < 0 || ttl < c->first_ttl || ttl > c->max_ttl ||
	    attempt >= c->attempts)
		return false;
	number = (u64)target * (c->max_ttl - c->first_ttl + 1u) +
		 (u64)(ttl - c->first_ttl);
	*index = permute_index(order, number * c->attempts + attempt);
	return true;
}

bool exhaustive_chain(const struct exhaustive_config *c,
		      const struct permute *order, const struct addr *dst,
		      u8 ttl, u8 attempt, u64 *index)
{
	return ttl > c->max_ttl && ttl <= c->fill_ttl &&
	       exhaustive_index(c, order, dst, c->max_ttl,
				attempt % c->attempts, index);
}
