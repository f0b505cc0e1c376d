/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * csum: the Internet checksum (RFC 1071) and its incremental update
 * (RFC 1624).
 *
 * A "sum" is an unfolded one's complement sum of 16-bit words in host order
 * of their network-order values; csum_fold() brings it to 16 bits, and the
 * checksum that goes on the wire is its complement.
 */
#ifndef WHITHER_CSUM_H
#define WHITHER_CSUM_H

#include "types.h"

static __always_inline u16 csum_fold(u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

static __always_inline u64 csum_add32(u64 sum, u32 v)
{
	return sum + (v >> 16) + (v & 0xffff);
}

static __always_inline u64 csum_add_addr(u64 sum, const struct addr *a)
{
	if (addr_is_v4(a))
		return csum_add32(sum, be32_get(a->w[3]));
	for (int i = 0; i < 4; i++)
		sum = csum_add32(sum, be32_get(a->w[i]));
	return sum;
}

/* -v in one's complement: what undoes csum_add of the folded v. */
static __always_inline u16 csum_neg(u64 sum)
{
	return (u16)~csum_fold(sum);
}

/* 0x0000 and 0xffff are the two names of zero. */
static __always_inline bool csum_same(u16 a, u16 b)
{
	return (a == 0xffff ? 0 : a) == (b == 0xffff ? 0 : b);
}

/* Sum of `len` octets; an odd last octet is padded with zero (RFC 1071). */
static __always_inline u64 csum_octets(u64 sum, const u8 *p, u32 len)
{
	for (u32 i = 0; i + 1 < len; i += 2)
		sum += (u32)p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += (u32)p[len - 1] << 8;
	return sum;
}

#endif
