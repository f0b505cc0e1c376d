/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stopset: which routers are known, and at which distance.
 *
 * The key is (side, TTL, address), a side being a neighbourhood of targets
 * whose paths may be taken for each other's where they meet. By the address
 * alone a loop would be its own end, and a path that meets a known router by
 * a way of another length would lose that way.
 *
 * Four octets an entry: 32 bits of a keyed hash, in buckets of a cache line
 * that other bits of it choose, so that two keys are taken for one in about
 * one of 2^28 questions, and whoever answers cannot arrange it. Nothing is
 * ever removed; what no longer fits is counted, and costs probes alone.
 * One thread.
 */
#ifndef WHITHER_STOPSET_H
#define WHITHER_STOPSET_H

#include "siphash.h"

enum { STOPSET_WAYS = 16, STOPSET_SIDE_BITS = 24 };

enum stopset_result {
	STOPSET_NEW,
	STOPSET_KNOWN,
	STOPSET_FULL, /* not known, nor will it be */
};

struct stopset {
	struct siphash_key key;
	u32 (*bucket)[STOPSET_WAYS]; /* 0: free */
	u64 buckets;
	u64 count, overflow;
};

/* Room for about that many. 0, or -ENOMEM, not logged: the caller knows what
 * for. Closing a zeroed one is a no-op. */
int stopset_open(struct stopset *s, u64 entries, const struct siphash_key *key);
void stopset_close(struct stopset *s);
size_t stopset_octets(const struct stopset *s);

/* The hash of a key, side < 2^STOPSET_SIDE_BITS. Begins to fetch into the
 * cache what stopset_add() will read. */
u64 stopset_seek(const struct stopset *s, const struct addr *a, u8 ttl,
		 u32 side);
/* Adds it unless it is there. */
enum stopset_result stopset_add(struct stopset *s, u64 hash);

#endif
