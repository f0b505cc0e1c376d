/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * siphash: SipHash-2-4 (Aumasson and Bernstein, 2012) of one or three 64-bit
 * words, the only shapes that the cookie needs.
 */
#ifndef WHITHER_SIPHASH_H
#define WHITHER_SIPHASH_H

#include "types.h"

struct siphash_key {
	u64 k[2];
};

static __always_inline u64 siphash_rotl(u64 v, int n)
{
	return v << n | v >> (64 - n);
}

static __always_inline void siphash_round(u64 v[4])
{
	v[0] += v[1];
	v[1] = siphash_rotl(v[1], 13) ^ v[0];
	v[0] = siphash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotl(v[1], 17) ^ v[2];
	v[2] = siphash_rotl(v[2], 32);
}

static __always_inline void siphash_absorb(u64 v[4], u64 m)
{
	v[3] ^= m;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= m;
}

static __always_inline void siphash_start(const struct siphash_key *key,
					  u64 v[4])
{
	v[0] = key->k[0] ^ 0x736f6d6570736575ULL;
	v[1] = key->k[1] ^ 0x646f72616e646f6dULL;
	v[2] = key->k[0] ^ 0x6c7967656e657261ULL;
	v[3] = key->k[1] ^ 0x7465646279746573ULL;
}

static __always_inline u64 siphash_finish(u64 v[4], u64 octets)
{
	siphash_absorb(v, octets << 56);
	v[2] ^= 0xff;
	siphash_round(v);
	siphash_round(v);
	siphash_round(v);
	siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The words stand for octets in little-endian order, as in the paper. */
static __always_inline u64 siphash1(const struct siphash_key *key, u64 a)
{
	u64 v[4];

	siphash_start(key, v);
	siphash_absorb(v, a);
	return siphash_finish(v, 8);
}

static __always_inline u64 siphash3(const struct siphash_key *key, u64 a, u64 b,
				    u64 c)
{
	u64 v[4];

	siphash_start(key, v);
	siphash_absorb(v, a);
	siphash_absorb(v, b);
	siphash_absorb(v, c);
	return siphash_finish(v, 24);
}

#endif
