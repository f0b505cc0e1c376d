/* SPDX-License-Identifier: BSD-2-Clause */
/* stopset: which routers are known, and at which distance. */
#include "trace/stopset.h"

#include <errno.h>
#include <sys/mman.h>

int stopset_open(struct stopset *s, u64 entries, const struct siphash_key *key)
{
	memset(s, 0, sizeof(*s));
	s->key = *key;
	s->buckets = (entries + STOPSET_WAYS - 1) / STOPSET_WAYS;
	if (!s->buckets)
		s->buckets = 1;
	if (s->buckets >= 1ULL << 32)
		s->buckets = (1ULL << 32) - 1;
	/* zeroed, in cache lines, and no page before it is needed */
	s->bucket = mmap(NULL, stopset_octets(s), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->bucket != MAP_FAILED)
		return 0;
	s->bucket = NULL;
	return -ENOMEM;
}

void stopset_close(struct stopset *s)
{
	if (s->bucket)
		munmap(s->bucket, stopset_octets(s));
	memset(s, 0, sizeof(*s));
}

size_t stopset_octets(const struct stopset *s)
{
	return (size_t)s->buckets * sizeof(*s->bucket);
}

/* By the upper half of a hash; the lower one is what is kept. */
static u32 *bucket_of(const struct stopset *s, u64 hash)
{
	return s->bucket[(hash >> 32) * s->buckets >> 32];
}

u64 stopset_seek(const struct stopset *s, const struct addr *a, u8 ttl,
		 u32 side)
{
	u64 where = (u64)(side & 0xffffff) << 8 | ttl, hash;

	if (addr_is_v4(a))
		hash = siphash1(&s->key, (u64)be32_get(a->w[3]) << 32 | where);
	else
		hash = siphash3(&s->key, be64_get(a->q[0]), be64_get(a->q[1]),
				where);
	__builtin_prefetch(bucket_of(s, hash), 1);
	return hash;
}

/* FULL: look elsewhere. Entries fill a bucket from its beginning. */
static enum stopset_result add_to(u32 *bucket, u32 print)
{
	for (int i = 0; i < STOPSET_WAYS; i++) {
		if (bucket[i] == print)
			return STOPSET_KNOWN;
		if (!bucket[i]) {
			bucket[i] = print;
			return STOPSET_NEW;
		}
	}
	return STOPSET_FULL;
}

enum stopset_result stopset_add(struct stopset *s, u64 hash)
{
	u32 print = (u32)hash ? (u32)hash : 1;
	enum stopset_result r;

	/* only what did not fit into its first bucket is in its second */
	r = add_to(bucket_of(s, hash), print);
	if (r == STOPSET_FULL)
		r = add_to(bucket_of(s, hash * 0x9e3779b97f4a7c15ULL), print);
	s->count += r == STOPSET_NEW;
	s->overflow += r == STOPSET_FULL;
	return r;
}
