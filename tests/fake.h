/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fake: a network in memory and in virtual time, and the loop that drives a
 * strategy through it. No socket, no clock, no root; one seed, one outcome.
 *
 *   schedule -> fate -> departed      heap of answers by time of arrival
 *                 |                     |
 *                 +--- answer ----------+--> cookie_check -> settle
 *
 * Each turn delivers what has arrived, lets deadlines pass, and sends what
 * may be sent; then virtual time jumps to whatever comes next. What the
 * strategy says of that time is checked: a turn in which nothing happens is
 * counted, and too many in a row end the run.
 */
#ifndef WHITHER_TESTS_FAKE_H
#define WHITHER_TESTS_FAKE_H

#include "io/topo.h"
#include "lib/heap.h"
#include "plan/pace.h"
#include "simnet.h"
#include "trace/strategy.h"

/* What becomes of a probe and of the answer to it. */
struct fake_fate {
	struct answer answer; /* as it will arrive, but for arrived_ns */
	u64 delay_ns;
	u32 copies;   /* that arrive; 0: none, lost or nobody answers */
	bool refused; /* the probe never leaves */
};

struct fake_config {
	u64 seed;
	u8 method; /* enum probe_method */
	u16 probe_size;
	const struct cookie_key *key; /* its src4, src6 are ours */

	/* Who answers: a function, else a drawn network, else the procedural
	 * model with these numbers. */
	const struct simnet_config *simnet; /* NULL: SIMNET_PRESET */
	const struct topo *topo;
	void (*route)(void *arg, const struct probe *p, u32 random,
		      struct simnet_hop *hop);
	/* Has the last word; NULL: leaves all as it is. */
	void (*edit)(void *arg, const struct probe *p, struct fake_fate *fate);
	void *arg; /* of both */

	/* Added to simnet_hop.delay_us: a time that is the router's own, and
	 * one that is the packet's, by which answers overtake each other. */
	u64 delay_min_ns, delay_max_ns, jitter_ns;
	u32 loss, duplicate, refuse; /* per mille */
	u32 drop; /* per mille that this host loses, and tells by missed() */

	u64 pps;     /* 0: no limit */
	u32 batch;   /* most probes of one schedule; 0: IO_BATCH's 256 */
	u64 tick_ns; /* between turns at least, so that batches are larger */

	u32 sink_room; /* records that the sink holds; 0: no limit */
	u64 sink_ns;   /* time to take a record out of it */

	u64 halt_ns;  /* when to halt, from the start; 0: never */
	bool log;     /* keep every probe in fake.sent */
	bool measure; /* add up the strategy's time in fake.spent_ns */
};

struct fake {
	struct fake_config config;
	struct simnet_config simnet;
	u64 random, start, now, sink_then, *limiter;
	u64 told_ns, told; /* up to when, and how many of those dropped */
	struct heap arrivals;
	struct pace pace;
	u32 sink_used, idle_row;
	bool halted;

	/* for the test to look at */
	struct record *record; /* in the order in which they came */
	u64 *put_ns;	       /* when each of them came */
	size_t records, record_room, put_room;
	struct probe *sent; /* refused ones too, sent_ns 0 */
	size_t sents, sent_room;
	u64 probes, refused, dropped; /* the latter are among probes */
	u64 answers;		      /* delivered, copies included */
	u64 foreign;   /* of those that arrived, not verified: dropped */
	u64 idle;      /* turns in which nothing happened */
	u64 over_ns;   /* when next() first said that the run is over */
	u64 spent_ns;  /* real time, if measured */
	u32 overflows; /* puts beyond the sink's room */
};

/* Virtual time starts here: not 0, which means "unknown". */
#define FAKE_START (1000 * 1000000000ULL)

/* 0 or -ENOMEM. */
int fake_open(struct fake *f, const struct fake_config *c);
void fake_close(struct fake *f);

/* For strategy.emit: records go to fake.record. */
struct record_sink fake_sink(struct fake *f);

/*
 * Drives s until it says that nothing more will come, and then delivers what
 * is still under way. 0; -ELOOP: s wants to be called again and again, but
 * does nothing; -ENOMEM.
 */
int fake_run(struct fake *f, struct strategy *s);

/* The next number of the seed's sequence. */
u64 fake_random(struct fake *f);

#endif
