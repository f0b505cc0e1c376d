/* SPDX-License-Identifier: BSD-2-Clause */
/* addrset: distinct addresses, counted exactly. One thread; grows. */
#ifndef WHITHER_ADDRSET_H
#define WHITHER_ADDRSET_H

#include "siphash.h"

/* Zeroed: empty. Open addressing, at most three quarters full: an IPv4 address
 * costs 5 to 11 octets, another 21 to 43. */
struct addrset {
	u64 count;
	struct addrset_table {
		void *slot;	 /* 0: free */
		u64 count, room; /* room: a power of two */
	} v4, v6;		 /* slots of be32, of struct addr */
	/* drawn with the first slots: who answers chooses its address, and
	 * must not be able to choose collisions */
	struct siphash_key key;
};

/* 1 if it was new, 0 if not, negative errno (the set stays as it was). */
int addrset_add(struct addrset *s, const struct addr *a);
bool addrset_has(const struct addrset *s, const struct addr *a);
/* One after the other, in no order: *at is 0 at first; false: no more. */
bool addrset_next(const struct addrset *s, u64 *at, struct addr *a);
void addrset_fini(struct addrset *s);

#endif
