/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * near: the routers around us, which every probe passes. A near TTL at which
 * no router was heard that was not known, for long enough, is asked no more.
 * What is left out is counted. One thread; times in ns of one clock.
 */
#ifndef WHITHER_NEAR_H
#define WHITHER_NEAR_H

#include "types.h"

enum {
	NEAR_TTLS = 16,
	NEAR_ROUTERS = 512, /* of a TTL, half of them at most; beyond, it is
			       asked on */
};

/* Zeroed: every TTL is asked. */
struct near {
	struct near_ttl *ttl; /* of TTL 1 at [0] */
	u8 ttls;
	u64 quiet_ns;
	u64 skipped;
};

/* TTLs 1 .. ttls, at most NEAR_TTLS; 0: none. 0 or -ENOMEM, logged. */
int near_open(struct near *n, u8 ttls, u64 quiet_ns);
/* A router answered to a probe of that TTL. */
void near_heard(struct near *n, u8 ttl, const struct addr *from, u64 now);
/* Is a probe of that TTL to be left out? Counts it then. */
bool near_skip(struct near *n, u8 ttl, u64 now);
void near_close(struct near *n);

#endif
