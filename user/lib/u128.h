/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * u128: an address as a number, so that blocks of addresses are arithmetic.
 * Any thread.
 */
#ifndef WHITHER_U128_H
#define WHITHER_U128_H

#include "types.h"

typedef unsigned __int128 u128;

#define U128_MAX (~(u128)0)

/* Host order; an IPv4 address keeps its mapped form ::ffff:a.b.c.d. */
static inline u128 u128_from_addr(const struct addr *a)
{
	return (u128)be64_get(a->q[0]) << 64 | be64_get(a->q[1]);
}

static inline struct addr u128_to_addr(u128 v)
{
	struct addr a = {
		.q = { be64_put((u64)(v >> 64)), be64_put((u64)v) },
	};

	return a;
}

/* The `bits` lowest bits set, 0..128. */
static inline u128 u128_mask(unsigned int bits)
{
	return bits ? U128_MAX >> (128 - bits) : 0;
}

#endif
