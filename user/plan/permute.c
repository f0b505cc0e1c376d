/* SPDX-License-Identifier: BSD-2-Clause */
/* permute: a keyed order of the numbers 0 .. n-1, computed, nothing stored. */
#include "plan/permute.h"

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static u64 next_key(u64 *state)
{
	u64 z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* Of an odd number, by Newton: every step doubles the bits that hold. */
static u64 inverse(u64 a)
{
	u64 x = a; /* a * a = 1 mod 8 */

	for (int bits = 3; bits < 64; bits *= 2)
		x *= 2 - a * x;
	return x;
}

void permute_init(struct permute *p, u64 n, u64 seed)
{
	unsigned int bits = 0;

	while (bits < 63 && 1ULL << bits < n)
		bits++;
	p->n = n;
	p->mask = (1ULL << bits) - 1;
	p->fold = (bits + 1) / 2;
	for (int i = 0; i < PERMUTE_ROUNDS; i++) {
		struct permute_round *r = &p->round[i];

		r->add = next_key(&seed);
		r->mul = next_key(&seed) | 1;
		r->inverse = inverse(r->mul);
	}
}
