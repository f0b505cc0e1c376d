/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exhaustive: every (target, TTL, attempt) once, in a keyed permutation, as
 * Yarrp does (Beverly 2016): near routers are not asked in bursts, and
 * nothing is remembered of a probe.
 *
 * The run's whole position is (seed, index). The permutation can be
 * inverted: a reply names (target, TTL, attempt), hence the index at which
 * its probe left, and a ring of departure times, as long as a reply may take,
 * gives the RTT to the microsecond with nothing but the cookie in the packet.
 *
 *   index -> permute -> number = (target * TTLs + TTL) * attempts + attempt
 *
 * Beyond its last TTL, chains may go on where routers answer (fill.h): these
 * are remembered, a bounded number of them at a time.
 */
#ifndef WHITHER_EXHAUSTIVE_H
#define WHITHER_EXHAUSTIVE_H

#include "plan/budget.h"
#include "plan/permute.h"
#include "plan/targets.h"
#include "trace/fill.h"
#include "trace/strategy.h"

/* What is known of a run that was begun by another process. Turn t of a shard
 * is the index t * shards + shard. */
struct exhaustive_past {
	u64 settled;	     /* turns before it need no probe any more */
	u64 known;	     /* turns from settled to here may have been */
	const u64 *answered; /* bit t - settled: turn t has a result */
};

struct exhaustive_config {
	const struct targets *targets; /* sealed */
	const struct cookie_key *key;
	enum probe_method method;
	u64 seed;
	u64 pps;	   /* expected, for the ring's length; 0: as it comes */
	u64 wait_ns;	   /* for replies, after the last probe */
	u32 shards, shard; /* this run takes indices = shard mod shards */
	u16 dport;
	u16 size4, size6;
	u8 first_ttl, max_ttl, attempts;
	u8 tos;
	struct exhaustive_past past;	   /* zeroed: none */
	struct budget_rate prefix, router; /* to a /24 or /48; foreseen to ask
					      a router */
	u8 near_ttls;			   /* as in near.h */
	u8 fill_ttl;   /* the last one of chains beyond max_ttl (fill.h); 0:
			  none */
	u32 fill_room; /* chains at once; 0: by the number of targets */
	u64 near_quiet_ns;
};

struct exhaustive_progress {
	u64 done, all; /* indices of this shard */
	u64 skipped;   /* of them, near ones that show nothing new */
	u64 put_off;   /* of them, for a prefix's or router's budget, so
			  far; probes of chains too */
	struct fill_stats fill;
};

/* *config is copied; what it points to outlives the strategy. 0 or negative
 * errno, logged. */
int exhaustive_open(struct strategy *s, const struct exhaustive_config *config);
void exhaustive_progress(const struct strategy *s,
			 struct exhaustive_progress *p);
/* Turns before it need no probe any more: their replies have been put, or had
 * wait_ns to come. That says nothing of chains: who goes on with a run recalls
 * its results. Any thread; what was put, was before this was. */
u64 exhaustive_settled(const struct strategy *s);

/* Before the first probe, of a run with chains: a result that an earlier
 * process of the same run has put. 0 or negative errno: -ENOENT, it is none of
 * this run's; -ENOMEM, logged. */
int exhaustive_recall(struct strategy *s, const struct record *r);

/* How many turns a shard has. */
u64 exhaustive_turns(const struct exhaustive_config *config);
void exhaustive_order(const struct exhaustive_config *config,
		      struct permute *order);
/* The index of a probe of the order; false: it is none of this run's. */
bool exhaustive_index(const struct exhaustive_config *config,
		      const struct permute *order, const struct addr *dst,
		      u8 ttl, u8 attempt, u64 *index);
/* The index of the probe at max_ttl whose answer begins the chain of such a
 * probe beyond: its shard has the chain. False: it is none of a chain's. */
bool exhaustive_chain(const struct exhaustive_config *config,
		      const struct permute *order, const struct addr *dst,
		      u8 ttl, u8 attempt, u64 *index);

#endif
