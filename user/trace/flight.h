/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flight: when each probe that may still be answered left.
 *
 * A table of a fixed size, sixteen octets a probe, in buckets of two cache
 * lines. Where a bucket is full, the oldest answered probe makes room, else
 * the oldest of all, which is then forgotten. One thread.
 */
#ifndef WHITHER_FLIGHT_H
#define WHITHER_FLIGHT_H

#include "types.h"

enum { FLIGHT_WAYS = 8, FLIGHT_MAX = 1 << 22 };

/* Private to flight.c. */
struct flight_probe {
	u64 name;    /* 0: free */
	u64 sent_ns; /* bit 0: answered */
};

struct flight {
	struct flight_probe (*bucket)[FLIGHT_WAYS];
	unsigned int bits; /* log2 of the number of buckets */
	u64 forgotten;	   /* without an answer */
};

enum flight_result {
	FLIGHT_FIRST,	/* answer to this probe */
	FLIGHT_AGAIN,	/* answered before */
	FLIGHT_UNKNOWN, /* forgotten, or never departed */
};

/* What to open it for: probes that may be on their way at once, of so many in
 * all, FLIGHT_MAX at most; twice that, for loose buckets. pps 0: not known. */
u64 flight_room(u64 probes, u64 pps, u64 wait_ns);
/* For about that many probes at once. 0, or -ENOMEM, not logged. Closing a
 * zeroed one is a no-op. */
int flight_open(struct flight *f, u64 probes);
void flight_close(struct flight *f);
size_t flight_octets(const struct flight *f);

/* name: not 0, and never used before. */
void flight_depart(struct flight *f, u64 name, u64 sent_ns);
/* *sent_ns: 0 if unknown. */
enum flight_result flight_answer(struct flight *f, u64 name, u64 *sent_ns);
void flight_prefetch(const struct flight *f, u64 name);

#endif
