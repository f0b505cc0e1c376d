/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fill: beyond the last TTL of a random order, one TTL after another, where
 * routers answer: Yarrp's fill mode (Beverly 2016), whose chains ended with
 * the first lost reply.
 *
 *   order: TTL .. max_ttl | chain: max_ttl + 1 .. limit
 *          a router answers |        asked until an answer that is not a
 *          there: begin     |        router's, the limit, or silence
 *
 * A chain is of one target and one attempt of the order, `attempts` of them:
 * its tries at a TTL are the attempts that equal it modulo that number. Each
 * is given the time that answers take, the last one the whole wait. What
 * was given up while this host dropped frames was no try.
 *
 * Chains that are open stand in a table that does not grow. While it is three
 * quarters full, the order is to wait (fill_has_room()); an answer for which
 * there is no place all the same is counted.
 *
 * All of it is allocated by fill_open(), but for an octet a chain where
 * another process's results are recalled. Times: CLOCK_MONOTONIC ns. One
 * thread.
 */
#ifndef WHITHER_FILL_H
#define WHITHER_FILL_H

#include "lib/heap.h"
#include "lib/table.h"
#include "plan/permute.h"
#include "plan/targets.h"
#include "trace/doubt.h"
#include "trace/flight.h"
#include "trace/patience.h"
#include "trace/putoff.h"
#include "trace/single.h"
#include "trace/strategy.h"

enum {
	FILL_TRIES = 3,	      /* in silence, as far as attempts go */
	FILL_TRIES_MAX = 8,   /* of which this host may have lost some */
	FILL_REFUSALS = 3,    /* of one probe by the gate or the device */
	FILL_CHAINS = 1 << 18 /* open at once */
};

struct fill_config {
	const struct targets *targets; /* sealed */
	struct putoff *putoff;	       /* the order's budgets */
	u64 pps;		       /* expected; 0: as it comes */
	u64 wait_ns;		       /* for replies, after the last try */
	u64 seed;
	u32 room; /* chains; 0: by the number of targets */
	u16 dport;
	u8 max_ttl, attempts; /* of the order; attempts <= 10 */
	u8 limit;	      /* TTL; 0: no chains */
};

/* Chains: begun = reached + unreachable + at_limit + silent + lost_here +
 * refused + open. */
struct fill_stats {
	u64 begun;
	u64 reached;	 /* the destination answered */
	u64 unreachable; /* another answer that is not a router's on the way */
	u64 at_limit;	 /* a router answered the last TTL */
	u64 silent;	 /* nobody answered */
	u64 lost_here;	 /* no answer, which this host may have lost */
	u64 refused;	 /* not sent: excluded, or refused by the device */
	u64 open;	 /* in the end: cut short */
	u64 not_begun;	 /* answers that found no room, or came too late */
	u64 probes, again; /* that left; of them, not the first at their TTL */
};

void fill_add(struct fill_stats *sum, const struct fill_stats *s);

/* Zeroed: no chains. */
struct fill {
	struct fill_config cfg;
	struct fill_chain *chain;
	struct table open;	    /* a chain's key -> its place */
	struct heap waiting, later; /* for an answer; for budgets */
	struct flight flight;
	struct patience patience;
	struct doubt doubt;
	u32 free, first, last; /* places: free; ready to be asked, a list */
	u32 room, used;	       /* places */
	u32 most;	       /* used ones: beyond, the order waits */
	u8 *past; /* by key: the TTL to go on from; NULL: nothing is known */
	u64 past_next, keys;  /* of the past looked at; all there are */
	struct permute order; /* in which it is, as neighbours share routers */
	struct fill_stats stats;
};

/* *c is copied; what it points to outlives it. 0 or -ENOMEM, logged. */
int fill_open(struct fill *f, const struct fill_config *c);
void fill_close(struct fill *f);

/* That answer, if fill_begins(), which is the first to its probe. sent_ns 0:
 * not known, or it is too late. */
void fill_begin(struct fill *f, const struct answer *a, u64 sent_ns, u64 now);
/* Before the first probe: a result of another process of this run. 0;
 * -ENOENT: none of this run's; -ENOMEM, logged. */
int fill_recall(struct fill *f, const struct record *r);

/* What may be asked now, within the budgets; as strategy_ops. Each probe's
 * owner is not 0. */
unsigned int fill_schedule(struct fill *f, struct probe *probe,
			   unsigned int max, u64 now);
void fill_departed(struct fill *f, const struct probe *probe, u64 now);
/* An answer to a probe that is none of the order's. False: nobody asked that,
 * or an earlier process, as far as is known; else it is counted, and *r
 * filled. */
bool fill_settle(struct fill *f, const struct single_rules *rules,
		 const struct answer *a, u64 now, struct strategy_stats *stats,
		 struct record *r);
/* This host may have lost what left or came between these times. */
void fill_doubt(struct fill *f, u64 from, u64 to);
void fill_expire(struct fill *f, u64 now);
/* When fill_expire() has something to do next; UINT64_MAX: never. */
u64 fill_deadline(const struct fill *f);
/* When either has; 0: at once. */
u64 fill_next(const struct fill *f);

static inline bool fill_is_on(const struct fill *f)
{
	return f->chain;
}

/* Would that answer begin one? */
static inline bool fill_begins(const struct fill *f, const struct answer *a)
{
	return a->proof.ttl == f->cfg.max_ttl &&
	       a->reply.kind == REPLY_EXPIRED && f->chain;
}

/* May the order go on, whose answers begin chains? */
static inline bool fill_has_room(const struct fill *f)
{
	return f->used <= f->most;
}

#endif
