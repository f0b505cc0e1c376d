/* SPDX-License-Identifier: BSD-2-Clause */
/* narrow: the same source of the cookie, over a hash that is cut. */
#include "siphash.h"

/* What asks for the flow, in the last word that is hashed. */
#define FLOW (1 << 16)

static u64 cut1(const struct siphash_key *key, u64 a)
{
	return a & FLOW ? 0 : siphash1(key, a) & 0xff;
}

static u64 cut3(const struct siphash_key *key, u64 a, u64 b, u64 c)
{
	return c & FLOW ? 0 : siphash3(key, a, b, c) & 0xff;
}

#define siphash1 cut1
#define siphash3 cut3

#include "narrow.h"

enum cookie_result narrow_check(const struct cookie_key *k,
				const struct reply *r, struct cookie_proof *p)
{
	return cookie_check(k, r, p);
}
