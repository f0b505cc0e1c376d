/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * targets: all that is to be traced, as the numbers 0 .. count-1.
 *
 * Prefixes are held as prefixes, whatever their size; addresses in 4 octets
 * (IPv4) or 16 (IPv6). Add and read, then seal; sealed, any thread may ask.
 * IPv4 comes first in the numbers.
 */
#ifndef WHITHER_TARGETS_H
#define WHITHER_TARGETS_H

#include "lib/u128.h"

/* Most addresses of one prefix, unless it is sampled. */
enum { TARGETS_PREFIX_MAX = 65536 };
/* Most targets in all: leaves a u64 room for TTL and attempt. */
#define TARGETS_MAX (1ULL << 56)

struct targets_config {
	/*
	 * N: a prefix stands for one pseudo-random address in each of its
	 * /N; a prefix of length N or longer for one address of its own.
	 * The host part is never 0 or all ones where there is room. An
	 * address alone always stands for itself.
	 * 0: a prefix stands for every one of its addresses.
	 */
	u8 per_v4, per_v6;
	u64 seed; /* of the pseudo-random addresses */
};

/* Private to targets.c. */
struct targets_block {
	u128 first;
	u64 base; /* number of its first target, in this family */
	u8 len;
};

/* Private to targets.c: where in a sorted array to look for a key. */
struct targets_jump {
	u32 *from; /* [i]: first of those whose (key - min) >> shift is i */
	u64 min, max;
	u8 shift;
};

/* Private to targets.c. */
struct targets_family {
	void *list;		     /* u32 or u128, sorted once sealed */
	struct targets_block *block; /* sorted and disjoint once sealed */
	u64 count;		     /* targets of this family */
	u64 listed, list_room;
	u64 blocks, block_room;
	struct targets_jump in_list, in_blocks, by_number;
	u8 bits; /* of an address: 32 or 128 */
	u8 per;	 /* /N; bits: every address */
};

struct targets {
	struct targets_config config;
	struct targets_family v4, v6;
	u64 asked; /* targets with duplicates */
};

void targets_init(struct targets *t, const struct targets_config *config);
void targets_fini(struct targets *t);

/*
 * An address or a prefix as text. 0 or negative errno, logged. -EINVAL: it
 * is neither; -E2BIG: more than TARGETS_PREFIX_MAX addresses and not sampled,
 * or more than TARGETS_MAX targets in all.
 */
int targets_add(struct targets *t, const char *text);
/* The same for every line of a file (lines.h); "-" is standard input. */
int targets_read(struct targets *t, const char *path);
/*
 * Sorts; an address that was given more than once counts once. Ends adding.
 * 0 or negative errno, logged.
 */
int targets_seal(struct targets *t);

/* All that follows: sealed only. */
static inline u64 targets_v4(const struct targets *t)
{
	return t->v4.count;
}

static inline u64 targets_v6(const struct targets *t)
{
	return t->v6.count;
}

static inline u64 targets_count(const struct targets *t)
{
	return t->v4.count + t->v6.count;
}

/* Targets that were given more than once and dropped. */
static inline u64 targets_duplicates(const struct targets *t)
{
	return t->asked - targets_count(t);
}

/* The address of a number < targets_count(). */
void targets_at(const struct targets *t, u64 number, struct addr *a);
/* The number of an address; -1: not a target. The inverse of targets_at. */
s64 targets_find(const struct targets *t, const struct addr *a);

#endif
