/* SPDX-License-Identifier: BSD-2-Clause */
/* near: the routers around us, which every probe passes. */
#include "trace/near.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

struct near_ttl {
	struct addr router[NEAR_ROUTERS]; /* open addressing; none: free */
	u32 routers;
	u64 grown_ns; /* or when it was first asked; 0: not yet */
};

int near_open(struct near *n, u8 ttls, u64 quiet_ns)
{
	*n = (struct near){ .ttls = ttls, .quiet_ns = quiet_ns };
	if (!ttls)
		return 0;
	n->ttl = calloc(ttls, sizeof(*n->ttl));
	if (n->ttl)
		return 0;
	log_err("no memory for the near routers");
	return -ENOMEM;
}

void near_heard(struct near *n, u8 ttl, const struct addr *from, u64 now)
{
	struct near_ttl *t;
	u32 at;

	if (!ttl || ttl > n->ttls)
		return;
	t = &n->ttl[ttl - 1];
	at = (be32_get(from->w[0]) ^ be32_get(from->w[1]) ^
	      be32_get(from->w[2]) ^ be32_get(from->w[3])) *
	     0x9e3779b1u;
	for (at >>= 16;; at++) {
		struct addr *r = &t->router[at % NEAR_ROUTERS];

		if (addr_equal(r, from))
			return;
		if (addr_is_none(r)) {
			t->grown_ns = now;
			if (t->routers < NEAR_ROUTERS / 2) {
				t->routers++;
				*r = *from;
			}
			return;
		}
	}
}

bool near_skip(struct near *n, u8 ttl, u64 now)
{
	struct near_ttl *t;

	if (!ttl || ttl > n->ttls)
		return false;
	t = &n->ttl[ttl - 1];
	if (!t->grown_ns)
		t->grown_ns = now;
	if (now < t->grown_ns + n->quiet_ns)
		return false;
	n->skipped++;
	return true;
}

void near_close(struct near *n)
{
	free(n->ttl);
	*n = (struct near){};
}
