/* SPDX-License-Identifier: BSD-2-Clause */
/* flight: when each probe that may still be answered left. */
#include "trace/flight.h"

#include <errno.h>
#include <sys/mman.h>

#include "lib/clock.h"

#define ANSWERED 1ULL

u64 flight_room(u64 probes, u64 pps, u64 wait_ns)
{
	u64 most = pps ? pps * (wait_ns / NS_PER_MS + 1) / 1000 : FLIGHT_MAX;

	if (most > FLIGHT_MAX / 2)
		most = FLIGHT_MAX / 2;
	return 2 * (probes < most ? probes : most);
}

int flight_open(struct flight *f, u64 probes)
{
	memset(f, 0, sizeof(*f));
	f->bits = 4;
	while (f->bits < 40 && (u64)FLIGHT_WAYS << f->bits < probes)
		f->bits++;
	f->bucket = mmap(NULL, flight_octets(f), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->bucket != MAP_FAILED)
		return 0;
	f->bucket = NULL;
	return -ENOMEM;
}

void flight_close(struct flight *f)
{
	if (f->bucket)
		munmap(f->bucket, flight_octets(f));
	memset(f, 0, sizeof(*f));
}

size_t flight_octets(const struct flight *f)
{
	return sizeof(*f->bucket) << f->bits;
}

/* Twice: names differ in a few bits, far apart from each other. */
static struct flight_probe *bucket_of(const struct flight *f, u64 name)
{
	u64 h = name * 0x9e3779b97f4a7c15ULL;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
	return f->bucket[h >> (64 - f->bits)];
}

void flight_prefetch(const struct flight *f, u64 name)
{
	const struct flight_probe *p = bucket_of(f, name);

	__builtin_prefetch(p, 1);
	__builtin_prefetch(p + FLIGHT_WAYS / 2, 1);
}

/* The lower, the sooner it makes room. */
static u64 worth(const struct flight_probe *p)
{
	if (!p->name)
		return 0;
	return p->sent_ns & ANSWERED ? p->sent_ns : p->sent_ns | 1ULL << 63;
}

void flight_depart(struct flight *f, u64 name, u64 sent_ns)
{
	struct flight_probe *p = bucket_of(f, name), *place = p;

	for (int i = 1; i < FLIGHT_WAYS; i++)
		if (worth(&p[i]) < worth(place))
			place = &p[i];
	f->forgotten += place->name && !(place->sent_ns & ANSWERED);
	place->name = name;
	place->sent_ns = sent_ns & ~ANSWERED;
}

enum flight_result flight_answer(struct flight *f, u64 name, u64 *sent_ns)
{
	struct flight_probe *p = bucket_of(f, name);

	*sent_ns = 0;
	for (int i = 0; i < FLIGHT_WAYS; i++) {
		if (p[i].name != name)
			continue;
		*sent_ns = p[i].sent_ns & ~ANSWERED;
		if (p[i].sent_ns & ANSWERED)
			return FLIGHT_AGAIN;
		p[i].sent_ns |= ANSWERED;
		return FLIGHT_FIRST;
	}
	return FLIGHT_UNKNOWN;
}
