/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * targets: all that is to be traced, as the numbers 0 .. count-1.
 *
 * A family (IPv4, IPv6) has a sorted list of single addresses and a sorted
 * list of disjoint blocks. Its numbers are those of the list, then those of
 * the blocks, one for each /per of a block:
 *
 *	0 .. listed-1          list[number]
 *	block->base + i        sample(block->first + (i << bits - per), per)
 *
 * Sampling is a keyed hash of the /per, so nothing is stored for it, and an
 * address is a target if it is what its own /per gives. "Every address" is
 * per = bits: an address is the only sample of itself.
 */
#include "plan/targets.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/inet.h"
#include "lib/lines.h"
#include "lib/log.h"

/* An address of the family as a number; IPv4 without its mapping. */
static u128 item(const struct targets_family *f, u64 i)
{
	return f->bits == 32 ? ((const u32 *)f->list)[i]
			     : ((const u128 *)f->list)[i];
}

static void set_item(struct targets_family *f, u64 i, u128 v)
{
	if (f->bits == 32)
		((u32 *)f->list)[i] = (u32)v;
	else
		((u128 *)f->list)[i] = v;
}

static size_t item_size(const struct targets_family *f)
{
	return f->bits / 8;
}

static void init(struct targets_family *f, u8 bits, u8 per)
{
	f->bits = bits;
	f->per = per && per < bits ? per : bits;
}

void targets_init(struct targets *t, const struct targets_config *config)
{
	memset(t, 0, sizeof(*t));
	t->config = *config;
	init(&t->v4, 32, config->per_v4);
	init(&t->v6, 128, config->per_v6);
}

static void fini(struct targets_family *f)
{
	free(f->list);
	free(f->block);
	free(f->in_list.from);
	free(f->in_blocks.from);
	free(f->by_number.from);
}

void targets_fini(struct targets *t)
{
	fini(&t->v4);
	fini(&t->v6);
	memset(t, 0, sizeof(*t));
}

static u64 mix(u64 z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* The address that stands for the prefix first/len. */
static u128 sample(const struct targets *t, const struct targets_family *f,
		   u128 first, u8 len)
{
	unsigned int host = f->bits - len;
	u128 mask = u128_mask(host), v;
	u64 hash;

	if (!host)
		return first;
	hash = mix(mix(t->config.seed ^ (u64)(first >> 64)) ^ (u64)first);
	if (host <= 32 && mask > 1) /* 1 .. mask - 1 */
		return first + 1 + (((hash >> 32) * (u64)(mask - 1)) >> 32);
	v = ((u128)mix(~hash) << 64 | hash) & mask;
	if (host > 32 && (!v || v == mask))
		v = 1;
	return first | v;
}

static int grow(void **array, u64 *room, u64 used, size_t size)
{
	u64 more = *room ? *room * 2 : 64;
	void *bigger;

	if (used < *room)
		return 0;
	if (more > 1ULL << 31) { /* the jump tables count in u32 */
		log_err("more than 2^31 lines of targets");
		return -E2BIG;
	}
	bigger = realloc(*array, more * size);
	if (!bigger) {
		log_err("no memory for %llu targets", (unsigned long long)more);
		return -ENOMEM;
	}
	*array = bigger;
	*room = more;
	return 0;
}

static int push_item(struct targets_family *f, u128 v)
{
	int ret = grow(&f->list, &f->list_room, f->listed, item_size(f));

	if (!ret)
		set_item(f, f->listed++, v);
	return ret;
}

static int push_block(struct targets_family *f, u128 first, u8 len)
{
	void *block = f->block;
	int ret = grow(&block, &f->block_room, f->blocks, sizeof(*f->block));

	f->block = block;
	if (!ret)
		f->block[f->blocks++] = (struct targets_block){
			.first = first,
			.len = len,
		};
	return ret;
}

/* How many targets a prefix is; UINT64_MAX: too many to count. */
static u64 prefix_targets(const struct targets_family *f, u8 len)
{
	if (len >= f->per)
		return 1;
	return f->per - len < 64 ? 1ULL << (f->per - len) : UINT64_MAX;
}

/* Why the prefix cannot be taken, or NULL. */
static const char *refuse(const struct targets *t,
			  const struct targets_family *f,
			  const struct prefix *p)
{
	const u128 mapped = (u128)0xffff << 32; /* ::ffff:0:0/96 is IPv4 */
	bool sampled = p->family == 4 ? t->config.per_v4 : t->config.per_v6;
	u128 first = u128_from_addr(&p->addr);
	u64 n = prefix_targets(f, p->len);

	if (!sampled && n > TARGETS_PREFIX_MAX)
		return "holds more than 65536 addresses; --per-prefix N takes "
		       "one in each /N of it";
	if (p->family == 6 && first <= mapped &&
	    (first | u128_mask(128 - p->len)) >= mapped)
		return "holds IPv4, mapped; the unicast addresses of IPv6 are "
		       "2000::/3";
	if (n > TARGETS_MAX - t->asked)
		return "makes more than 2^56 targets in all";
	return NULL;
}

static int reject(const struct lines *l, const char *text, const char *why)
{
	if (l)
		log_err("%s:%llu: \"%s\" %s", l->name,
			(unsigned long long)l->number, text, why);
	else
		log_err("\"%s\" %s", text, why);
	return -EINVAL;
}

/* l: where the text was read, or NULL. */
static int add(struct targets *t, const char *text, const struct lines *l)
{
	struct targets_family *f;
	const char *why;
	struct prefix p;
	u128 first;
	int ret;

	if (inet_parse_prefix(text, &p))
		return reject(l, text, "is neither an address nor a prefix");
	f = p.family == 4 ? &t->v4 : &t->v6;
	why = refuse(t, f, &p);
	if (why) {
		reject(l, text, why);
		return -E2BIG;
	}
	first = u128_from_addr(&p.addr) & u128_mask(f->bits);
	if (p.len < f->per)
		ret = push_block(f, first, p.len);
	else
		ret = push_item(f, sample(t, f, first, p.len));
	if (!ret)
		t->asked += prefix_targets(f, p.len);
	return ret;
}

int targets_add(struct targets *t, const char *text)
{
	return add(t, text, NULL);
}

int targets_read(struct targets *t, const char *path)
{
	struct lines l;
	int ret = lines_open(&l, path);

	if (ret)
		return ret;
	while ((ret = lines_next(&l)) > 0) {
		ret = add(t, l.text, &l);
		if (ret)
			break;
	}
	lines_close(&l);
	return ret;
}

static void sort_few(struct targets_family *f, u64 low, u64 high)
{
	for (u64 i = low + 1; i < high; i++) {
		u128 v = item(f, i);
		u64 to = i;

		for (; to > low && item(f, to - 1) > v; to--)
			set_item(f, to, item(f, to - 1));
		set_item(f, to, v);
	}
}

/*
 * Sorts list[low..high), equal above the octet at `shift`, in place: by that
 * octet, then what has it in common by the next (American flag sort: McIlroy,
 * Bostic and McIlroy, 1993).
 */
static void sort_by_octet(struct targets_family *f, u64 low, u64 high,
			  unsigned int shift)
{
	u64 next[256] = {}, end[256], at = low;

	if (high - low < 48) {
		sort_few(f, low, high);
		return;
	}
	for (u64 i = low; i < high; i++)
		next[(u8)(item(f, i) >> shift)]++;
	for (int o = 0; o < 256; o++) {
		end[o] = at + next[o];
		next[o] = at;
		at = end[o];
	}
	for (int o = 0; o < 256; o++) {
		while (next[o] < end[o]) {
			u128 v = item(f, next[o]);

			for (u8 to; (to = (u8)(v >> shift)) != o;) {
				u128 there = item(f, next[to]);

				set_item(f, next[to]++, v);
				v = there;
			}
			set_item(f, next[o]++, v);
		}
	}
	for (int o = 0; shift && o < 256; o++) {
		sort_by_octet(f, low, end[o], shift - 8);
		low = end[o];
	}
}

static int by_first(const void *a, const void *b)
{
	const struct targets_block *ba = a, *bb = b;

	if (ba->first != bb->first)
		return ba->first < bb->first ? -1 : 1;
	return ba->len - bb->len;
}

static u128 last_of(const struct targets_family *f,
		    const struct targets_block *b)
{
	return b->first | u128_mask(f->bits - b->len);
}

/* Prefixes overlap only if one holds the other; the larger comes first. */
static void merge_blocks(struct targets_family *f)
{
	struct targets_block *to = f->block;

	if (!f->blocks)
		return;
	qsort(f->block, f->blocks, sizeof(*f->block), by_first);
	for (u64 i = 1; i < f->blocks; i++)
		if (f->block[i].first > last_of(f, to))
			*++to = f->block[i];
	f->blocks = (u64)(to - f->block) + 1;
}

/* The number of v if it is a target of block b, else -1. */
static s64 find_in_block(const struct targets *t,
			 const struct targets_family *f,
			 const struct targets_block *b, u128 v)
{
	unsigned int host = f->bits - f->per;
	u128 part = v >> host << host;

	if (v < b->first || v > last_of(f, b) ||
	    sample(t, f, part, f->per) != v)
		return -1;
	return (s64)(b->base + (u64)((v - b->first) >> host));
}

/* Drops what stands twice, and what a block gives already. */
static void merge_list(const struct targets *t, struct targets_family *f)
{
	u64 to = 0, b = 0;

	for (u64 i = 0; i < f->listed; i++) {
		u128 v = item(f, i);

		while (b < f->blocks && last_of(f, &f->block[b]) < v)
			b++;
		if ((to && item(f, to - 1) == v) ||
		    (b < f->blocks &&
		     find_in_block(t, f, &f->block[b], v) >= 0))
			continue;
		set_item(f, to++, v);
	}
	f->listed = to;
}

static void shrink(void **array, u64 *room, u64 used, size_t size)
{
	void *smaller = used ? realloc(*array, used * size) : NULL;

	if (!smaller)
		return;
	*array = smaller;
	*room = used;
}

/* Jump tables go by 64 bits: all of IPv4, the upper half of IPv6. */
static u64 upper(const struct targets_family *f, u128 v)
{
	return (u64)(f->bits == 32 ? v : v >> 64);
}

static u64 item_key(const struct targets_family *f, u64 i)
{
	return upper(f, item(f, i));
}

static u64 first_key(const struct targets_family *f, u64 i)
{
	return upper(f, f->block[i].first);
}

static u64 base_key(const struct targets_family *f, u64 i)
{
	return f->block[i].base;
}

/* From `count` keys that do not fall; an entry for every 16 of them. */
static int make_jump(struct targets_jump *j, const struct targets_family *f,
		     u64 (*key)(const struct targets_family *f, u64 i),
		     u64 count)
{
	u64 span, entry = 0;

	if (!count)
		return 0;
	j->min = key(f, 0);
	j->max = key(f, count - 1);
	span = j->max - j->min;
	while (j->shift < 63 && span >> j->shift > count / 16)
		j->shift++;
	j->from = malloc(((span >> j->shift) + 2) * sizeof(*j->from));
	if (!j->from) {
		log_err("no memory to index %llu targets",
			(unsigned long long)count);
		return -ENOMEM;
	}
	for (u64 i = 0; i < count; i++)
		while (entry <= (key(f, i) - j->min) >> j->shift)
			j->from[entry++] = (u32)i;
	j->from[entry] = (u32)count;
	return 0;
}

static int index_family(struct targets_family *f)
{
	int ret = make_jump(&f->in_list, f, item_key, f->listed);

	ret = ret ? ret : make_jump(&f->in_blocks, f, first_key, f->blocks);
	return ret ? ret : make_jump(&f->by_number, f, base_key, f->blocks);
}

static int seal(const struct targets *t, struct targets_family *f)
{
	void *block = f->block;

	merge_blocks(f);
	sort_by_octet(f, 0, f->listed, f->bits - 8u);
	merge_list(t, f);
	shrink(&f->list, &f->list_room, f->listed, item_size(f));
	shrink(&block, &f->block_room, f->blocks, sizeof(*f->block));
	f->block = block;
	f->count = f->listed;
	for (u64 i = 0; i < f->blocks; i++) {
		f->block[i].base = f->count;
		f->count += prefix_targets(f, f->block[i].len);
	}
	return index_family(f);
}

int targets_seal(struct targets *t)
{
	int ret = seal(t, &t->v4);

	return ret ? ret : seal(t, &t->v6);
}

/*
 * The last block that does not begin above v, by number or by address; the
 * first if all do. `key` is v's, not below j->min.
 */
static const struct targets_block *block_of(const struct targets_family *f,
					    const struct targets_jump *j,
					    bool number, u64 key, u128 v)
{
	u64 entry = ((key < j->max ? key : j->max) - j->min) >> j->shift;
	u64 low = j->from[entry], left = j->from[entry + 1] - low;

	/* it may begin before all that share the entry */
	if (low) {
		low--;
		left++;
	}
	/* a select, not a branch, which could not be predicted */
	for (; left > 1; left -= left / 2) {
		const struct targets_block *b = &f->block[low + left / 2];

		low += (number ? b->base : b->first) <= v ? left / 2 : 0;
	}
	return &f->block[low];
}

static u128 family_at(const struct targets *t, const struct targets_family *f,
		      u64 number)
{
	const struct targets_block *b;
	u128 part;

	if (number < f->listed)
		return item(f, number);
	b = block_of(f, &f->by_number, true, number, number);
	part = b->first + ((u128)(number - b->base) << (f->bits - f->per));
	return sample(t, f, part, f->per);
}

void targets_at(const struct targets *t, u64 number, struct addr *a)
{
	if (number < t->v4.count)
		*a = addr_from_v4(be32_put((u32)family_at(t, &t->v4, number)));
	else
		*a = u128_to_addr(family_at(t, &t->v6, number - t->v4.count));
}

static s64 find_in_list(const struct targets_family *f, u64 key, u128 v)
{
	const struct targets_jump *j = &f->in_list;
	u64 entry = (key - j->min) >> j->shift, low, left;

	if (!f->listed || key < j->min || key > j->max)
		return -1;
	low = j->from[entry];
	/* a select, not a branch, which could not be predicted */
	for (left = j->from[entry + 1] - low; left > 1; left -= left / 2)
		low += item(f, low + left / 2 - 1) < v ? left / 2 : 0;
	return left && item(f, low) == v ? (s64)low : -1;
}

static s64 family_find(const struct targets *t, const struct targets_family *f,
		       u128 v)
{
	const struct targets_jump *j = &f->in_blocks;
	u64 key = upper(f, v);
	s64 number = find_in_list(f, key, v);

	if (number >= 0 || !f->blocks || key < j->min)
		return number;
	return find_in_block(t, f, block_of(f, j, false, key, v), v);
}

s64 targets_find(const struct targets *t, const struct addr *a)
{
	s64 number;

	if (addr_is_v4(a))
		return family_find(t, &t->v4, be32_get(a->w[3]));
	number = family_find(t, &t->v6, u128_from_addr(a));
	return number < 0 ? number : number + (s64)t->v4.count;
}
