/* SPDX-License-Identifier: BSD-2-Clause */
/* addrset: distinct addresses, counted exactly. */
#include "lib/addrset.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

enum { ROOM_MIN = 1024 };

/* 0.0.0.0 would look like a free slot. */
static bool is_short(const struct addr *a)
{
	return addr_is_v4(a) && be32_get(a->w[3]);
}

/* Where it stands, or the free slot where it would. */
static be32 *place4(const struct addrset *s, const struct addrset_table *t,
		    be32 v4)
{
	be32 *slot = t->slot;
	u64 i = siphash1(&s->key, be32_get(v4));

	for (i &= t->room - 1;; i = (i + 1) & (t->room - 1))
		if (!be32_get(slot[i]) || be32_get(slot[i]) == be32_get(v4))
			return &slot[i];
}

static struct addr *place6(const struct addrset *s,
			   const struct addrset_table *t, const struct addr *a)
{
	struct addr *slot = t->slot;
	u64 i = siphash3(&s->key, be64_get(a->q[0]), be64_get(a->q[1]), 0);

	for (i &= t->room - 1;; i = (i + 1) & (t->room - 1))
		if (addr_is_none(&slot[i]) || addr_equal(&slot[i], a))
			return &slot[i];
}

static void refill(const struct addrset *s, const struct addrset_table *from,
		   struct addrset_table *to)
{
	const struct addr *long_slot = from->slot;
	const be32 *short_slot = from->slot;

	for (u64 i = 0; i < from->room; i++) {
		if (from == &s->v4) {
			if (be32_get(short_slot[i]))
				*place4(s, to, short_slot[i]) = short_slot[i];
		} else if (!addr_is_none(&long_slot[i])) {
			*place6(s, to, &long_slot[i]) = long_slot[i];
		}
	}
}

/* Room for one more. */
static int grow(struct addrset *s, struct addrset_table *t)
{
	struct addrset_table larger = {
		.room = t->room ? 2 * t->room : ROOM_MIN,
		.count = t->count,
	};
	size_t size = t == &s->v4 ? sizeof(be32) : sizeof(struct addr);

	if (4 * (t->count + 1) <= 3 * t->room)
		return 0;
	if (!s->count &&
	    getrandom(&s->key, sizeof(s->key), 0) != sizeof(s->key))
		return -errno;
	larger.slot = calloc(larger.room, size);
	if (!larger.slot)
		return -ENOMEM;
	refill(s, t, &larger);
	free(t->slot);
	*t = larger;
	return 0;
}

int addrset_add(struct addrset *s, const struct addr *a)
{
	struct addrset_table *t = is_short(a) ? &s->v4 : &s->v6;
	int err;

	if (addr_is_none(a))
		return 0;
	err = grow(s, t);
	if (err)
		return err;
	if (t == &s->v4) {
		be32 *slot = place4(s, t, a->w[3]);

		if (be32_get(*slot))
			return 0;
		*slot = a->w[3];
	} else {
		struct addr *slot = place6(s, t, a);

		if (!addr_is_none(slot))
			return 0;
		*slot = *a;
	}
	t->count++;
	s->count++;
	return 1;
}

bool addrset_has(const struct addrset *s, const struct addr *a)
{
	if (addr_is_none(a))
		return false;
	if (is_short(a))
		return s->v4.room && be32_get(*place4(s, &s->v4, a->w[3]));
	return s->v6.room && !addr_is_none(place6(s, &s->v6, a));
}

bool addrset_next(const struct addrset *s, u64 *at, struct addr *a)
{
	const struct addr *long_slot = s->v6.slot;
	const be32 *short_slot = s->v4.slot;

	while (*at < s->v4.room + s->v6.room) {
		u64 i = (*at)++;

		if (i < s->v4.room)
			*a = be32_get(short_slot[i])
				     ? addr_from_v4(short_slot[i])
				     : (struct addr){};
		else
			*a = long_slot[i - s->v4.room];
		if (!addr_is_none(a))
			return true;
	}
	return false;
}

void addrset_fini(struct addrset *s)
{
	free(s->v4.slot);
	free(s->v6.slot);
	memset(s, 0, sizeof(*s));
}
