/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doubletree: each router once, not once for every target behind it.
 *
 * Ways to many targets form a tree (Donnet et al. 2005). One probe to a high
 * TTL asks the target itself, whose error quotes the TTL that was left: that
 * is the distance (Huang et al., FlashRoute, 2020). From there probes go down
 * until a router that is known already, and up only where the target did not
 * answer, as long as routers do.
 *
 * Targets take turns, one probe in each direction a turn. A target's next
 * turn comes when its last probes are answered, or given up after round_ns
 * (longer where answers take longer); until then all others have theirs. So
 * no router is asked in bursts, few targets take as long as their round
 * trips, and many as long as the rate allows.
 *
 * Replies are records by themselves, as those of exhaustive probing. They are
 * all that is to be known to go on with a run that another process has begun:
 * no (target, TTL) that has a result is asked again. Who gave no answer may be,
 * and the order in which answers come decides who is asked.
 *
 * Memory: 16 octets a target, as much for the routers known, and 16 for each
 * probe that may be on its way, 64 MiB at most. All of it is allocated by
 * doubletree_open().
 */
#ifndef WHITHER_DOUBLETREE_H
#define WHITHER_DOUBLETREE_H

#include "plan/exclude.h"
#include "plan/targets.h"
#include "trace/path.h"
#include "trace/strategy.h"

/* Targets whose numbers agree but for so many bits are neighbours: a path
 * stops only at a router that was met on the way to a neighbour. */
enum { DOUBLETREE_SIDE = 8 };

struct doubletree_config {
	const struct targets *targets; /* sealed; fewer than 2^32 */
	const struct exclude *exclude; /* sealed; NULL: none */
	const struct cookie_key *key;
	enum probe_method method;
	u64 seed;
	u64 pps;	   /* expected; 0: as it comes */
	u64 wait_ns;	   /* for replies, after the last probe */
	u64 round_ns;	   /* after which a probe is given up, at least */
	u32 shards, shard; /* targets at positions = shard mod shards */
	u32 known_room;	   /* routers; 0: by the number of targets */
	u16 dport;
	u16 size4, size6;
	struct path_rules rules; /* attempts <= 10 */
	u8 tos;
};

struct doubletree_progress {
	u64 begun, done, all; /* targets of this shard */
	u64 excluded;	      /* targets, among done */
	u64 probes;	      /* handed out */
	u64 refused;	      /* of them */
	u64 doubted;   /* of them, given up when this host dropped frames:
			  asked again, within bounds */
	u64 measured;  /* targets whose answer told the distance */
	u64 guessed;   /* targets begun as their neighbours */
	u64 stopped;   /* paths that met a known router */
	u64 known;     /* routers: side, TTL and address */
	u64 overflow;  /* meetings with routers that did not fit */
	size_t octets; /* allocated */
};

/* *config is copied; what it points to outlives the strategy. 0 or negative
 * errno, logged. */
int doubletree_open(struct strategy *s, const struct doubletree_config *config);
/* Before the first probe: a result that an earlier process of the same run has
 * put; each once, in the order in which they were. False: it is none of this
 * shard's. */
bool doubletree_recall(struct strategy *s, const struct record *r);
void doubletree_progress(const struct strategy *s,
			 struct doubletree_progress *p);

#endif
