/* SPDX-License-Identifier: BSD-2-Clause */
/* neighbour: how far away targets are whose addresses are near. */
#include "trace/neighbour.h"

/* The same /16 or /32: who is further away tells nothing. */
static bool is_near(const struct addr *a, const struct addr *b)
{
	if (addr_is_v4(a) != addr_is_v4(b))
		return false;
	if (addr_is_v4(a))
		return be32_get(a->w[3]) >> 16 == be32_get(b->w[3]) >> 16;
	return be32_get(a->w[0]) == be32_get(b->w[0]);
}

u8 neighbour_distance(const struct turns *t, const struct path *path, u64 begun,
		      u64 number, const struct addr *dst)
{
	u64 count = targets_count(t->targets), turn;
	struct addr a;

	for (u64 i = 2; i <= 2 * NEIGHBOUR_REACH + 1; i++) {
		u64 other = i & 1 ? number + i / 2 : number - i / 2;

		/* below 0 is far beyond the end */
		if (other >= count || !turns_find(t, other, &turn) ||
		    turn >= begun || !(path[turn].flags & PATH_MEASURED))
			continue;
		targets_at(t->targets, other, &a);
		if (is_near(dst, &a))
			return path[turn].distance;
	}
	return 0;
}
