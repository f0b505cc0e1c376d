/* SPDX-License-Identifier: BSD-2-Clause */
/* foresee: which routers will a probe ask? */
#include "trace/foresee.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

enum {
	GROUP = 4, /* slots where a place may be: two cache lines */
	PLACES_MIN = 1 << 10,
	PLACES_MAX = 1 << 20, /* 32 MiB */
	TTLS = 256,
	PLACES_V4 = 1 << 16,
	HOPS = 32,	/* TTLs at which routers answer, more or less */
	HORIZON = 1024, /* answers; then the past counts half */
	SELDOM = 64,	/* one of so many: not foreseen */
};

/* total: answers, of which `none` came from destinations themselves. */
struct counts {
	u16 total, none;
};

struct foresee_place {
	u32 tag; /* 0: free */
	struct counts counts;
	u32 router[FORESEE_PLACE];
	u16 count[FORESEE_PLACE];
};

_Static_assert(sizeof(struct foresee_place) == 32, "half a cache line");

struct foresee_ttl {
	u64 asked_ns; /* first; 0: not yet */
	struct counts counts;
	u32 router[FORESEE_TTL];
	u16 count[FORESEE_TTL];
};

int foresee_open(struct foresee *f, u64 targets)
{
	u64 places = PLACES_MIN;

	if (targets > PLACES_V4)
		targets = PLACES_V4;
	while (places < PLACES_MAX && places < HOPS * targets)
		places *= 2;
	*f = (struct foresee){ .mask = places - 1 };
	f->place = calloc(places, sizeof(*f->place));
	f->ttl = calloc((size_t)2 * TTLS, sizeof(*f->ttl));
	if (f->place && f->ttl)
		return 0;
	foresee_close(f);
	log_err("no memory to foresee routers");
	return -ENOMEM;
}

static u64 mix(u64 x)
{
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

u32 foresee_name(const struct addr *router)
{
	return (u32)mix(mix(be64_get(router->q[0])) + be64_get(router->q[1]));
}

static struct foresee_ttl *ttl_of(const struct foresee *f,
				  const struct addr *dst, u8 ttl)
{
	return &f->ttl[(addr_is_v4(dst) ? 0 : TTLS) + ttl];
}

/* The group where that place may be, and its tag. */
static struct foresee_place *group_of(const struct foresee *f,
				      const struct addr *dst, u8 ttl, u32 *tag)
{
	bool v4 = addr_is_v4(dst);
	u64 place = v4 ? be32_get(dst->w[3]) >> 16 : be32_get(dst->w[0]);
	u64 hash = mix((u64)v4 << 40 | place << 8 | ttl);

	*tag = (u32)(hash >> 32) | 1;
	return &f->place[hash & f->mask & ~(u64)(GROUP - 1)];
}

static struct foresee_place *find(const struct foresee *f,
				  const struct addr *dst, u8 ttl)
{
	u32 tag;
	struct foresee_place *group = group_of(f, dst, ttl, &tag);

	for (int i = 0; i < GROUP; i++)
		if (group[i].tag == tag)
			return &group[i];
	return NULL;
}

static struct foresee_place *find_or_take(const struct foresee *f,
					  const struct addr *dst, u8 ttl)
{
	struct foresee_place *place = find(f, dst, ttl), *group;
	u32 tag;

	if (place)
		return place;
	place = group = group_of(f, dst, ttl, &tag);
	for (int i = 1; i < GROUP; i++)
		if (group[i].counts.total < place->counts.total)
			place = &group[i];
	*place = (struct foresee_place){ .tag = tag };
	return place;
}

/* One counter each for those who answer most: who has none takes one that is
 * free, else takes one off every counter. */
static void count_one(u32 *router, u16 *count, u32 n, u32 who)
{
	u32 free = n;

	for (u32 i = 0; i < n; i++) {
		if (count[i] && router[i] == who) {
			count[i]++;
			return;
		}
		if (!count[i])
			free = i;
	}
	if (free < n) {
		router[free] = who;
		count[free] = 1;
		return;
	}
	for (u32 i = 0; i < n; i++)
		count[i]--;
}

static void heard(struct counts *c, u32 *router, u16 *count, u32 n, u32 who,
		  bool none)
{
	if (c->total == HORIZON) {
		c->total /= 2;
		c->none /= 2;
		for (u32 i = 0; i < n; i++)
			count[i] /= 2;
	}
	c->total++;
	if (none)
		c->none++;
	else
		count_one(router, count, n, who);
}

void foresee_heard(struct foresee *f, const struct addr *dst, u8 ttl,
		   const struct addr *from)
{
	bool none = addr_equal(dst, from);
	struct foresee_place *place;
	struct foresee_ttl *t;
	u32 who;

	if (!f->place)
		return;
	who = foresee_name(from);
	t = ttl_of(f, dst, ttl);
	heard(&t->counts, t->router, t->count, FORESEE_TTL, who, none);
	place = find_or_take(f, dst, ttl);
	heard(&place->counts, place->router, place->count, FORESEE_PLACE, who,
	      none);
}

/* Adds those who answer of `whole` parts of a probe; what is left of it. */
static u32 add(struct foreseen *who, u32 whole, const struct counts *c,
	       const u32 *router, const u16 *count, u32 n)
{
	u32 sum = 0, known = c->none, total = c->total, missed;

	if (!total)
		return whole;
	for (u32 i = 0; i < n; i++)
		sum += count[i];
	/* each counter tells too little by that at most */
	missed = c->none + sum < total ? (total - c->none - sum) / (n + 1) : 0;
	for (u32 i = 0; i < n; i++) {
		u32 likely = count[i] + missed;

		if (!count[i] || likely * SELDOM < total)
			continue;
		known += likely;
		who->by[who->count].router = router[i];
		who->by[who->count++].share =
			(whole * likely + total - 1) / total;
	}
	return known < total ? whole * (total - known) / total : 0;
}

void foresee_who(struct foresee *f, const struct addr *dst, u8 ttl, u64 now,
		 struct foreseen *who)
{
	const struct foresee_place *place;
	struct foresee_ttl *t;
	u32 left = FORESEE_WHOLE;

	who->count = 0;
	who->until_ns = UINT64_MAX;
	if (!f->place)
		return;
	t = ttl_of(f, dst, ttl);
	if (!t->asked_ns)
		t->asked_ns = now;
	if (!t->counts.total) {
		if (now >= t->asked_ns + FORESEE_WAIT_NS)
			return;
		who->count = 1;
		who->by[0].router = ttl;
		who->by[0].share = FORESEE_WHOLE;
		who->until_ns = t->asked_ns + FORESEE_WAIT_NS;
		return;
	}
	place = find(f, dst, ttl);
	if (place)
		left = add(who, left, &place->counts, place->router,
			   place->count, FORESEE_PLACE);
	if (left)
		add(who, left, &t->counts, t->router, t->count, FORESEE_TTL);
}

void foresee_close(struct foresee *f)
{
	free(f->place);
	free(f->ttl);
	*f = (struct foresee){};
}
