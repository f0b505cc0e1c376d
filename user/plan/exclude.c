/* SPDX-License-Identifier: BSD-2-Clause */
/* exclude: addresses that are never probed. */
#include "plan/exclude.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/lines.h"
#include "lib/log.h"

/* The IPv4-mapped addresses: IPv4's place among the numbers. */
#define MAPPED_FIRST ((u128)0xffff << 32)
#define MAPPED_LAST (MAPPED_FIRST | 0xffffffff)

enum { BLOCKS4 = 65536 }; /* /16s */

/*
 * IANA IPv4 and IPv6 Special-Purpose Address Registries: "Globally
 * Reachable" is "False". What ::/3, 4000::/2 and 8000::/1 already hold (::1,
 * 64:ff9b:1::/48, 100::/64, 5f00::/16, fc00::/7, fe80::/10, and multicast
 * ff00::/8) is not repeated.
 */
static const char *const special[] = {
	"0.0.0.0/8",	   /* this network, RFC 791 */
	"10.0.0.0/8",	   /* private use, RFC 1918 */
	"100.64.0.0/10",   /* shared address space, RFC 6598 */
	"127.0.0.0/8",	   /* loopback, RFC 1122 */
	"169.254.0.0/16",  /* link local, RFC 3927 */
	"172.16.0.0/12",   /* private use, RFC 1918 */
	"192.0.0.0/24",	   /* IETF protocol assignments, RFC 6890 */
	"192.0.2.0/24",	   /* documentation, RFC 5737 */
	"192.168.0.0/16",  /* private use, RFC 1918 */
	"198.18.0.0/15",   /* benchmarking, RFC 2544 */
	"198.51.100.0/24", /* documentation, RFC 5737 */
	"203.0.113.0/24",  /* documentation, RFC 5737 */
	"224.0.0.0/4",	   /* multicast, RFC 5771 */
	"240.0.0.0/4",	   /* reserved, RFC 1112; limited broadcast */
	"2001::/23",	   /* IETF protocol assignments, RFC 2928 */
	"2001:db8::/32",   /* documentation, RFC 3849 */
	"3fff::/20",	   /* documentation, RFC 9637 */
	"::/3",		   /* not 2000::/3, RFC 4291 section 2.4 */
	"4000::/2",
	"8000::/1",
};

static void close_all(struct exclude *x)
{
	x->sealed = false;
	memset(x->map4, EXCLUDE_ALL * 0x55, sizeof(x->map4));
}

void exclude_init(struct exclude *x)
{
	memset(x, 0, sizeof(*x));
	x->to = x;
	close_all(x);
}

void exclude_fini(struct exclude *x)
{
	free(x->range4);
	free(x->from4);
	free(x->range);
	exclude_init(x);
}

static int push(struct exclude *x, u128 first, u128 last)
{
	struct exclude_range *range = x->range;
	size_t room = x->room;

	if (x->count == x->room) {
		room = room ? room * 2 : 64;
		range = room <= UINT32_MAX
				? realloc(range, room * sizeof(*range))
				: NULL;
		if (!range) {
			log_err("no memory for %zu exclusions", room);
			return -ENOMEM;
		}
		x->range = range;
		x->room = room;
	}
	if (x->sealed)
		close_all(x);
	x->range[x->count++] = (struct exclude_range){ first, last };
	return 0;
}

int exclude_add(struct exclude *x, const struct prefix *p)
{
	unsigned int bits = p->family == 4 ? 32 : 128;
	u128 first = u128_from_addr(&p->addr);
	u128 last = first | u128_mask(bits - p->len);
	int ret;

	if (first >= MAPPED_FIRST || last < MAPPED_FIRST)
		return push(x, first, last);
	/* a block of IPv6 around the mapped addresses leaves IPv4 out */
	ret = push(x, first, MAPPED_FIRST - 1);
	return ret ? ret : push(x, MAPPED_LAST + 1, last);
}

int exclude_add_special(struct exclude *x)
{
	struct prefix p;
	int ret = 0;

	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++) {
		ret = inet_parse_prefix(special[i], &p);
		ret = ret ? ret : exclude_add(x, &p);
		if (ret)
			break;
	}
	return ret;
}

int exclude_read(struct exclude *x, const char *path)
{
	struct prefix p;
	struct lines l;
	int ret = lines_open(&l, path);

	if (ret)
		return ret;
	while ((ret = lines_next(&l)) > 0) {
		if (inet_parse_prefix(l.text, &p)) {
			log_err("%s:%llu: \"%s\" is neither an address nor a "
				"prefix",
				l.name, (unsigned long long)l.number, l.text);
			ret = -EINVAL;
			break;
		}
		ret = exclude_add(x, &p);
		if (ret)
			break;
	}
	lines_close(&l);
	return ret;
}

static int by_first(const void *a, const void *b)
{
	const struct exclude_range *ra = a, *rb = b;

	return ra->first < rb->first ? -1 : ra->first > rb->first;
}

static void merge(struct exclude *x)
{
	struct exclude_range *to = x->range;

	if (!x->count)
		return;
	qsort(x->range, x->count, sizeof(*x->range), by_first);
	for (u32 i = 1; i < x->count; i++) {
		const struct exclude_range *r = &x->range[i];

		/* the last of all addresses has no successor */
		if (r->first > to->last && r->first - 1 > to->last)
			*++to = *r;
		else if (r->last > to->last)
			to->last = r->last;
	}
	x->count = (u32)(to - x->range) + 1;
}

static void mark(struct exclude *x, const struct exclude_range4 *r)
{
	for (u32 b = r->first >> 16; b <= r->last >> 16; b++) {
		bool all = r->first <= b << 16 && r->last >= (b << 16 | 0xffff);
		u64 verdict = all ? EXCLUDE_ALL : EXCLUDE_SOME;

		x->map4[b / 32] |= verdict << b % 32 * 2;
	}
}

/* Fills what serves IPv4 from the part of range that is IPv4. */
static void split(struct exclude *x)
{
	u32 count4 = 0, block = 0;

	memset(x->map4, 0, sizeof(x->map4));
	for (u32 i = 0; i < x->count; i++) {
		const struct exclude_range *r = &x->range[i];
		struct exclude_range4 *r4 = &x->range4[count4];

		if (r->last < MAPPED_FIRST || r->first > MAPPED_LAST)
			continue;
		r4->first = r->first < MAPPED_FIRST ? 0 : (u32)r->first;
		r4->last = r->last > MAPPED_LAST ? UINT32_MAX : (u32)r->last;
		mark(x, r4);
		while (block <= r4->last >> 16)
			x->from4[block++] = count4;
		count4++;
	}
	while (block <= BLOCKS4)
		x->from4[block++] = count4;
}

int exclude_seal(struct exclude *x)
{
	struct exclude_range4 *range4;

	merge(x);
	if (!x->from4)
		x->from4 = malloc((BLOCKS4 + 1) * sizeof(*x->from4));
	range4 = realloc(x->range4, (x->count + 1ul) * sizeof(*range4));
	if (range4)
		x->range4 = range4;
	if (!range4 || !x->from4) {
		log_err("no memory for %u exclusions", x->count);
		return -ENOMEM;
	}
	split(x);
	x->sealed = true;
	return 0;
}

const struct exclude *exclude_replace(struct exclude *x,
				      const struct exclude *with)
{
	const struct exclude *before = x->to;

	/* whoever reads that it was replaced reads what it was replaced by */
	__atomic_store_n(&x->to, with, __ATOMIC_RELEASE);
	__atomic_store_n(&x->replaced, x->replaced + 1, __ATOMIC_RELEASE);
	return before;
}

bool exclude_search4(const struct exclude *x, u32 v4)
{
	u32 low = x->from4[v4 >> 16], high = x->from4[(v4 >> 16) + 1];

	/* the first range that is not wholly below v4 */
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (x->range4[middle].last < v4)
			low = middle + 1;
		else
			high = middle;
	}
	return low < x->from4[BLOCKS4] && x->range4[low].first <= v4;
}

bool exclude_search(const struct exclude *x, u128 v)
{
	u32 low = 0, high = x->count;

	if (!x->sealed)
		return true;
	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (x->range[middle].last < v)
			low = middle + 1;
		else
			high = middle;
	}
	return low < x->count && x->range[low].first <= v;
}
