/* SPDX-License-Identifier: BSD-2-Clause */
/* budget: how often each of many may be asked. */
#include "plan/budget.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/bounds.h"
#include "lib/clock.h"
#include "lib/log.h"

enum {
	GROUP = 8, /* slots where a key may be: three cache lines */
	SLOTS_MIN = 1 << 10,
	SLOTS_MAX = 1 << 21, /* 48 MiB */
};

#define SHARED (1ULL << 61) /* beside the key: others count here too */

/* free_ns: from when on the key may be asked at leisure; line_ns: the next
 * place of those who wait. What is past is forgotten: a key that is not here
 * may be asked. */
struct budget_slot {
	u64 key, free_ns, line_ns;
};

struct budget_rate budget_share(u64 pps, u32 workers)
{
	return (struct budget_rate){
		.gap_ns = pps ? NS_PER_S * workers / pps : 0,
		.burst = pps < 20ULL * workers ? 1 : (u32)(pps / workers / 10),
	};
}

int budget_open(struct budget *b, const struct budget_rate *rate, u64 keys)
{
	u64 slots = SLOTS_MIN;

	while (slots < SLOTS_MAX && slots < 4 * keys)
		slots *= 2;
	*b = (struct budget){ .mask = slots - 1,
			      .gap_ns = rate->gap_ns,
			      .ahead_ns = rate->gap_ns * (rate->burst - 1) };
	b->slot = calloc(slots, sizeof(*b->slot));
	if (b->slot)
		return 0;
	log_err("no memory for %llu budgets", (unsigned long long)slots);
	return -ENOMEM;
}

/* Neither is 0 ever, nor has it SHARED. */
u64 budget_prefix(const struct addr *dst)
{
	if (addr_is_v4(dst))
		return 1ULL << 63 | be32_get(dst->w[3]) >> 8;
	return 1ULL << 62 | be64_get(dst->q[0]) >> 16;
}

u64 budget_router(u32 router)
{
	return 1ULL << 63 | router;
}

static bool is_past(const struct budget_slot *s, u64 now)
{
	return s->free_ns <= now && s->line_ns <= now;
}

/* A key that found its slots all in use counts in one of another's, and
 * must go on to for as long as that counts. */
static struct budget_slot *find(const struct budget *b, u64 key, u64 now)
{
	u64 hash = key * 0x9e3779b97f4a7c15ULL;
	struct budget_slot *group, *old = NULL, *other;

	hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93ULL;
	group = &b->slot[(hash >> 20) & b->mask & ~(u64)(GROUP - 1)];
	other = &group[hash >> 17 & (GROUP - 1)];
	for (int i = 0; i < GROUP; i++) {
		if ((group[i].key & ~SHARED) == key)
			return &group[i];
		if (!old && is_past(&group[i], now))
			old = &group[i];
	}
	if (!old || (other->key & SHARED && !is_past(other, now))) {
		other->key |= SHARED;
		return other;
	}
	*old = (struct budget_slot){ .key = key };
	return old;
}

/* The generic cell rate algorithm (ITU-T I.371), as virtual scheduling. */
static u64 when(const struct budget *b, const struct budget_slot *s, u64 now)
{
	return s->free_ns > now + b->ahead_ns ? s->free_ns - b->ahead_ns : now;
}

u64 budget_when(const struct budget *b, u64 key, u64 now)
{
	const struct budget_slot *s = find(b, key, now);

	return most(when(b, s, now), s->line_ns);
}

u64 budget_when_waited(const struct budget *b, u64 key, u64 now)
{
	return when(b, find(b, key, now), now);
}

void budget_charge(struct budget *b, u64 key, u64 now, u64 cost_ns)
{
	struct budget_slot *s = find(b, key, now);

	s->free_ns = most(s->free_ns, now) + cost_ns;
}

/* What is past is forgotten, and not paid back. */
void budget_refund(struct budget *b, u64 key, u64 now, u64 cost_ns)
{
	struct budget_slot *s = find(b, key, now);

	if (s->free_ns > now)
		s->free_ns = most(s->free_ns - cost_ns, now);
}

u64 budget_line(struct budget *b, u64 key, u64 now, u64 cost_ns)
{
	struct budget_slot *s = find(b, key, now);
	u64 place = most(when(b, s, now), s->line_ns);

	s->line_ns = place + cost_ns;
	return place;
}

void budget_close(struct budget *b)
{
	free(b->slot);
	*b = (struct budget){};
}
