/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * permute: a keyed order of the numbers 0 .. n-1, computed, nothing stored.
 *
 * The next power of two is permuted by steps that can each be undone: add,
 * multiply by an odd number, and fold the upper half onto the lower. What
 * falls outside of [0, n) is permuted again until it falls inside (cycle
 * walking: Black and Rogaway, 2002), fewer than two times on average. Not a
 * cipher: it spreads load, it hides nothing. Any thread.
 */
#ifndef WHITHER_PERMUTE_H
#define WHITHER_PERMUTE_H

#include "types.h"

enum { PERMUTE_ROUNDS = 4 };

struct permute {
	u64 n, mask;
	unsigned int fold; /* half of the bits, rounded up */
	struct permute_round {
		u64 add, mul, inverse; /* mul * inverse = 1 mod 2^64 */
	} round[PERMUTE_ROUNDS];
};

/* n: 1 .. 2^63. Equal n and seed give equal orders, on every machine. */
void permute_init(struct permute *p, u64 n, u64 seed);

static inline u64 permute_forth(const struct permute *p, u64 x)
{
	for (int i = 0; i < PERMUTE_ROUNDS; i++) {
		x = (x + p->round[i].add) * p->round[i].mul & p->mask;
		x ^= x >> p->fold;
	}
	return x;
}

static inline u64 permute_back(const struct permute *p, u64 x)
{
	for (int i = PERMUTE_ROUNDS - 1; i >= 0; i--) {
		x ^= x >> p->fold;
		x = (x * p->round[i].inverse - p->round[i].add) & p->mask;
	}
	return x;
}

/* The number that stands at index; index < n. */
static inline u64 permute_at(const struct permute *p, u64 index)
{
	do
		index = permute_forth(p, index);
	while (index >= p->n);
	return index;
}

/* Where value stands; value < n. The inverse of permute_at. */
static inline u64 permute_index(const struct permute *p, u64 value)
{
	do
		value = permute_back(p, value);
	while (value >= p->n);
	return value;
}

#endif
