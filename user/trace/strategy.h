/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strategy: which probe next, and what an answer means.
 *
 * A strategy is a pure function of its state, the event and `now`: it does
 * no I/O, reads no clock, and allocates nothing after it is opened. Each
 * function is called once a batch. Times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef WHITHER_STRATEGY_H
#define WHITHER_STRATEGY_H

#include "probe/tcp.h"
#include "trace/record.h"

struct strategy;

struct strategy_ops {
	const char *name;
	/* Fills probe[0..n), n <= max, with what may be sent now. */
	unsigned int (*schedule)(struct strategy *s, struct probe *probe,
				 unsigned int max, u64 now);
	/* The probes of the last schedule, now with sent_ns. */
	void (*departed)(struct strategy *s, const struct probe *probe,
			 unsigned int n);
	/* All probes that departed since the last call, at `from` or later,
	 * have left the interface; or, if not `all`, some of them have not,
	 * and nobody knows which. */
	void (*delivered)(struct strategy *s, bool all, u64 from, u64 to);
	/* Between these times this host itself dropped frames that came in, or
	 * could hear none: silence then proves nothing. */
	void (*missed)(struct strategy *s, u64 from, u64 to);
	/* Between these times whatever was sent, or came, may have gone astray,
	 * since the link was down or the next hop was not there: as if it had
	 * not been tried. NULL: as missed(). */
	void (*outage)(struct strategy *s, u64 from, u64 to);
	/* Segments of TCP that are no probes: how many wait, and up to `max`
	 * of those; then, with sent_ns, that they have left. NULL: it has none.
	 */
	unsigned int (*waiting)(const struct strategy *s);
	unsigned int (*segments)(struct strategy *s, struct aside *seg,
				 unsigned int max);
	void (*segments_left)(struct strategy *s, const struct aside *seg,
			      unsigned int n, u64 now);
	/* Answers that came in. Records go to strategy.emit. */
	void (*settle)(struct strategy *s, const struct answer *answer,
		       unsigned int n, u64 now);
	/* Deadlines up to now have passed. All that this host dropped until
	 * then has been told by delivered(), missed() and outage(). */
	void (*expire)(struct strategy *s, u64 now);
	/* When expire will next give something up; UINT64_MAX: never. NULL:
	 * nothing is given up. */
	u64 (*deadline)(const struct strategy *s, u64 now);
	/* When schedule or expire will next have something to do; 0: at once;
	 * UINT64_MAX: nothing more will ever come, the run is over. */
	u64 (*next)(const struct strategy *s, u64 now);
	/* Which shard an answer belongs to, for strategies that run side by
	 * side as shards of one run; UINT32_MAX: none. NULL: this strategy
	 * does not. Any thread. */
	u32 (*shard)(const struct strategy *s, const struct answer *answer);
	/* Ends every open trace as STOP_HALTED and emits what it has. */
	void (*halt)(struct strategy *s, u64 now);
	void (*close)(struct strategy *s);
};

/* Takes finished records, in order; the array is the caller's. */
struct record_sink {
	void (*put)(void *to, const struct record *record, unsigned int n);
	/* How many records may be put now without loss. */
	unsigned int (*room)(void *to);
	void *to;
};

struct strategy {
	const struct strategy_ops *ops;
	void *state; /* strategy's own */
	struct record_sink emit;
	/* the ledger's part that only a strategy knows */
	struct strategy_stats {
		u64 answered;  /* probes with at least one answer */
		u64 silent;    /* probes that waited in vain */
		u64 abandoned; /* probes whose trace ended before they did */
		u64 duplicate; /* answers beyond a probe's first */
		u64 late;      /* answers whose probe had been given up */
		u64 unknown;   /* verified, yet no such probe is outstanding */
	} stats;
};

#endif
