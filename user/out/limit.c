/* SPDX-License-Identifier: BSD-2-Clause */
/* limit: does a router limit how many errors it sends? */
#include "out/limit.h"

#include <stdlib.h>

enum {
	MEMORY = 32,   /* gaps that count */
	ENOUGH = 64,   /* gaps for a verdict */
	TOGETHER = 16, /* answers of the second scale */
	PROBES = 16,   /* slots where a router may be */
	SLOTS = 2 * LIMITS_MAX,
};

/* Of what chance would give. */
#define ALIKE 0.2

/* The last of that many. */
static void add_gap(struct limit_scale *s, u64 now, u32 gaps)
{
	float gap = (float)(now - s->since_ns) * 1e-9f, d = gap - s->mean;
	float weight = gaps < MEMORY ? 1.0f / (float)gaps : 1.0f / MEMORY;

	s->since_ns = now;
	s->mean += weight * d;
	s->variance = (1 - weight) * (s->variance + weight * d * d);
}

void limit_answer(struct limit *l, u64 arrived_ns)
{
	struct limit_scale *one = &l->scale[0], *many = &l->scale[1];
	u32 n = l->answers;

	if (!n) {
		one->since_ns = many->since_ns = arrived_ns;
	} else {
		if (arrived_ns < one->since_ns || n == UINT32_MAX)
			return;
		add_gap(one, arrived_ns, n);
		if (n % TOGETHER == 0)
			add_gap(many, arrived_ns, n / TOGETHER);
	}
	l->answers++;
}

double limit_rate(const struct limit *l, u64 sent)
{
	double share = sent ? (double)l->answers / (double)sent : 1;

	for (int i = 0; i < LIMIT_SCALES && share < 1; i++) {
		const struct limit_scale *s = &l->scale[i];
		int together = i ? TOGETHER : 1;
		double mean = s->mean;
		u32 gaps = (l->answers - 1) / (u32)together;

		if (l->answers && gaps >= ENOUGH && mean > 0 &&
		    s->variance * together < ALIKE * (1 - share) * mean * mean)
			return together / mean;
	}
	return 0;
}

static u64 hash_of(const struct addr *a)
{
	u64 h = be64_get(a->q[0]) * 0x9e3779b97f4a7c15ULL ^ be64_get(a->q[1]);

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	return h ^ h >> 32;
}

void limits_answer(struct limits *l, const struct addr *from, u64 arrived_ns)
{
	u64 at = hash_of(from);

	if (!l->router) { /* without memory nothing is told of limits */
		l->router = aligned_alloc(64, SLOTS * sizeof(*l->router));
		if (l->router)
			memset(l->router, 0, SLOTS * sizeof(*l->router));
	}
	for (int i = 0; l->router && i < PROBES; i++, at++) {
		struct limits_router *r = &l->router[at % SLOTS];

		if (!r->limit.answers) {
			if (l->count == LIMITS_MAX)
				return;
			l->count++;
			r->from = *from;
		} else if (!addr_equal(&r->from, from)) {
			continue;
		}
		limit_answer(&r->limit, arrived_ns);
		return;
	}
}

u32 limits_find(const struct limits *l, u64 sent,
		void (*found)(void *to, const struct addr *from,
			      double per_second),
		void *to)
{
	u32 n = 0;

	for (u32 i = 0; l->router && i < SLOTS; i++) {
		double rate = limit_rate(&l->router[i].limit, sent);

		if (rate <= 0)
			continue;
		found(to, &l->router[i].from, rate);
		n++;
	}
	return n;
}

void limits_fini(struct limits *l)
{
	free(l->router);
	*l = (struct limits){};
}
