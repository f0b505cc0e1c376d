/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * types: integers, byte order and addresses, spelled alike in the kernel and
 * in user space.
 *
 * A be16/be32/be64 holds network byte order and is read only through
 * be16_get() and its kin; everything else is in host order. Sparse checks it.
 */
#ifndef WHITHER_TYPES_H
#define WHITHER_TYPES_H

#ifdef __CHECKER__
#define WHITHER_BITWISE __attribute__((bitwise))
#define WHITHER_FORCE __attribute__((force))
#else
#define WHITHER_BITWISE
#define WHITHER_FORCE
#endif

#ifdef __bpf__
#include <linux/bpf.h> /* before the helpers, which need its types */

#include <bpf/bpf_helpers.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
#define true 1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#endif

typedef u16 WHITHER_BITWISE be16;
typedef u32 WHITHER_BITWISE be32;
typedef u64 WHITHER_BITWISE be64;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WHITHER_SWAP(bits, v) __builtin_bswap##bits(v)
#else
#define WHITHER_SWAP(bits, v) (v)
#endif

static __always_inline u16 be16_get(be16 v)
{
	return WHITHER_SWAP(16, (WHITHER_FORCE u16)v);
}

static __always_inline u32 be32_get(be32 v)
{
	return WHITHER_SWAP(32, (WHITHER_FORCE u32)v);
}

static __always_inline u64 be64_get(be64 v)
{
	return WHITHER_SWAP(64, (WHITHER_FORCE u64)v);
}

static __always_inline be16 be16_put(u16 v)
{
	return (WHITHER_FORCE be16)WHITHER_SWAP(16, v);
}

static __always_inline be32 be32_put(u32 v)
{
	return (WHITHER_FORCE be32)WHITHER_SWAP(32, v);
}

static __always_inline be64 be64_put(u64 v)
{
	return (WHITHER_FORCE be64)WHITHER_SWAP(64, v);
}

/*
 * An address of either family in 16 octets; IPv4 is held IPv4-mapped
 * (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). All zero means "none".
 */
struct addr {
	union {
		u8 b[16];
		be32 w[4];
		be64 q[2];
	};
};

_Static_assert(sizeof(struct addr) == 16, "an address is 16 octets");

static __always_inline struct addr addr_from_v4(be32 v4)
{
	struct addr a = { .w = { 0, 0, be32_put(0xffff), v4 } };

	return a;
}

static __always_inline bool addr_is_v4(const struct addr *a)
{
	return !a->q[0] && a->w[2] == be32_put(0xffff);
}

static __always_inline bool addr_is_none(const struct addr *a)
{
	return !a->q[0] && !a->q[1];
}

static __always_inline bool addr_equal(const struct addr *a,
				       const struct addr *b)
{
	return a->q[0] == b->q[0] && a->q[1] == b->q[1];
}

#endif
