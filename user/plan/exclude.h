/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exclude: addresses that are never probed.
 *
 * Fails closed: from exclude_init() to exclude_seal(), and again after an
 * addition, every address is excluded. Sealed, it is read by any thread, and
 * may be replaced while they read.
 */
#ifndef WHITHER_EXCLUDE_H
#define WHITHER_EXCLUDE_H

#include "lib/inet.h"
#include "lib/u128.h"

enum exclude_verdict { EXCLUDE_NONE, EXCLUDE_ALL, EXCLUDE_SOME };

struct exclude_range4 {
	u32 first, last;
};

struct exclude_range {
	u128 first, last;
};

struct exclude {
	struct exclude_range4 *range4; /* sorted and disjoint */
	u32 *from4; /* by /16: the first of range4 not wholly below it */
	u32 count;
	struct exclude_range *range; /* the same once sealed; IPv4 too */
	size_t room;
	bool sealed;
	/* what exclude_has() looks at: this one, or what has replaced it */
	const struct exclude *to;
	u32 replaced;	      /* how often */
	u64 map4[65536 / 32]; /* an exclude_verdict for every IPv4 /16 */
};

void exclude_init(struct exclude *x);
void exclude_fini(struct exclude *x);

/* All three: 0 or negative errno, logged. A block of ::/N, N < 96, is of IPv6
 * alone: it never excludes IPv4. */
int exclude_add(struct exclude *x, const struct prefix *p);
/*
 * The blocks that the IANA special-purpose address registries (RFC 6890)
 * call not globally reachable, each whole; multicast; and for IPv6 all that
 * is not 2000::/3, the only space ever assigned for global unicast.
 */
int exclude_add_special(struct exclude *x);
/* One address or prefix a line (lines.h); "-" is standard input. -EINVAL: a
 * line is neither. */
int exclude_read(struct exclude *x, const char *path);

/* Sorts and merges. 0 or negative errno, logged. */
int exclude_seal(struct exclude *x);

/*
 * From now on x excludes what `with` does, for whoever asks; `with` is sealed,
 * and stays as it is until it has been replaced too. Returns what x looked at
 * before: it may be freed once every thread that asks has been seen to have
 * read exclude_replaced() anew, outside of exclude_has(). One thread.
 */
const struct exclude *exclude_replace(struct exclude *x,
				      const struct exclude *with);

/* How often x was replaced. Any thread. */
static inline u32 exclude_replaced(const struct exclude *x)
{
	/* pairs with the release in exclude_replace() */
	return __atomic_load_n(&x->replaced, __ATOMIC_ACQUIRE);
}

/* For exclude_has() alone. */
bool exclude_search4(const struct exclude *x, u32 v4);
bool exclude_search(const struct exclude *x, u128 v);

static inline bool exclude_has(const struct exclude *x, const struct addr *a)
{
	u32 v4 = be32_get(a->w[3]), block = v4 >> 16;
	unsigned int verdict;

	/* pairs with the release in exclude_replace() */
	x = __atomic_load_n(&x->to, __ATOMIC_ACQUIRE);
	if (!addr_is_v4(a))
		return exclude_search(x, u128_from_addr(a));
	verdict = x->map4[block / 32] >> block % 32 * 2 & 3;
	if (verdict == EXCLUDE_SOME)
		return exclude_search4(x, v4);
	return verdict == EXCLUDE_ALL;
}

#endif
