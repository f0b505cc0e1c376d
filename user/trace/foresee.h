/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * foresee: which routers will a probe ask?
 *
 * Nobody knows before the answer; but those who answered to probes of the same
 * TTL for the same part of the address space will answer again, as often as
 * they did. So a probe asks several routers, each with a share of it:
 *
 *   those of its TTL in its destination's /16 (IPv6: /32), and
 *   for what is not known of them, those of its TTL anywhere.
 *
 * Who answers most is found in a fixed number of counters (Misra and Gries
 * 1982), which tell too little by no more than what is known; that is added.
 * A router that answers seldom in each place may be missed: it is
 * asked seldom, since the order of an exhaustive sweep is random.
 *
 * While no answer came to a TTL, it is taken for one router, but not for
 * longer than FORESEE_WAIT_NS: then nobody is there who could be protected.
 *
 * Tables of a fixed size. What finds no place pushes out what was heard of
 * least, of which then less is known. One thread. Times: ns of one clock.
 */
#ifndef WHITHER_FORESEE_H
#define WHITHER_FORESEE_H

#include "types.h"

enum {
	FORESEE_PLACE = 4, /* routers counted in a place at a TTL */
	FORESEE_TTL = 16,  /* and at a TTL anywhere */
	FORESEE_MAX = FORESEE_PLACE + FORESEE_TTL,
	FORESEE_WHOLE = 256, /* a share of 1 */
};

#define FORESEE_WAIT_NS 2000000000ULL

/* Zeroed: nobody is foreseen. */
struct foresee {
	struct foresee_place *place;
	struct foresee_ttl *ttl; /* IPv4's, then IPv6's */
	u64 mask;
};

struct foreseen {
	u32 count;
	struct {
		u32 router; /* a hash of its address */
		u32 share;  /* of FORESEE_WHOLE, at least 1 */
	} by[FORESEE_MAX];
	u64 until_ns; /* then more is known; or UINT64_MAX */
};

/* For so many targets; at most 32 MiB. 0 or -ENOMEM, logged. */
int foresee_open(struct foresee *f, u64 targets);
/* An answer, its destination's own or a router's. */
void foresee_heard(struct foresee *f, const struct addr *dst, u8 ttl,
		   const struct addr *from);
/* How a router is called in struct foreseen. */
u32 foresee_name(const struct addr *router);
void foresee_who(struct foresee *f, const struct addr *dst, u8 ttl, u64 now,
		 struct foreseen *who);
/* A zeroed one is closed. */
void foresee_close(struct foresee *f);

#endif
