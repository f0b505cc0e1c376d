/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * abroad: real frames through the simulated Internet in virtual time, to
 * destinations that keep TCP connections (host.h), or to its own, which
 * remember nothing. It drives a strategy as the engine does: what it wants to
 * send is crafted, and what comes back is parsed and matched.
 *
 *   schedule, segments -> craft -> routers -> error ----+--> match -> settle
 *                                     |                 |
 *                                     +----> host ------+
 */
#ifndef WHITHER_TESTS_ABROAD_H
#define WHITHER_TESTS_ABROAD_H

#include "host.h"
#include "io/world.h"
#include "lib/heap.h"
#include "trace/parting.h"
#include "trace/strategy.h"

/* Virtual time starts here: not 0, which means "unknown". */
#define ABROAD_START (1000 * 1000000000ULL)

struct event; /* abroad.c's: a frame under way */

/* Whole frames to us. */
struct abroad_said {
	u8 frame[2][512] __attribute__((aligned(8)));
	u32 len[2];
	unsigned int n;
};

struct abroad_config {
	const struct cookie_key *key;
	const struct craft *craft;
	struct simnet_config simnet;
	struct host_habits habits; /* deaf_ns counts from ABROAD_START */
	bool stateless;		   /* destinations are simnet's own */
	/* In place of hosts, if set; ttl: what its answers arrive with. */
	void (*hear)(void *to, const u8 *frame, u32 len, u8 ttl, u64 now,
		     struct abroad_said *said);
	void *to;
	u32 loss;      /* per mille of what hosts say */
	u32 lost;      /* per mille of what we send: on the way */
	u32 refuse;    /* per mille of what we send: it never leaves */
	u64 jitter_ns; /* by which frames overtake each other */
	u32 asides;    /* that leave in a turn; 0: all */
	u64 tick_ns;   /* of a turn; 0: 20 us */
	u64 halt_ns;   /* from the start; 0: never */
	u64 seed;
};

struct abroad {
	struct abroad_config config;
	struct world world;
	struct parting *parting;
	struct heap due;
	struct event *spare;
	struct host_conn *conn;
	u32 conns, *index; /* of (destination, our port) */
	u64 now, random, number;
	u64 verdicts[STEER_VERDICT_COUNT];
	bool halted;

	/* for the test to look at */
	struct record *record;
	size_t records, room;
	u64 probes, refused, segments, faults, idle;
	u32 waited; /* the most segments at once */
};

/* Ends the test if it cannot. Hosts for up to so many connections. */
void abroad_open(struct abroad *f, const struct abroad_config *c, u32 conns);
void abroad_close(struct abroad *f);
struct record_sink abroad_sink(struct abroad *f);
/* Until the strategy is done, nothing is under way and no host waits. 0, or
 * -ELOOP: it wants to be called again and again, and does nothing. */
int abroad_run(struct abroad *f, struct strategy *s);
/* Of that destination and that port of ours; NULL: nothing ever came. */
struct host_conn *abroad_conn(struct abroad *f, const struct addr *dst,
			      u16 port);

#endif
