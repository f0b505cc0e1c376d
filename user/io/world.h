/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world: the simulated Internet in memory: a frame in, its answer out. The
 * same source decides and writes as in the XDP program.
 */
#ifndef WHITHER_IO_WORLD_H
#define WHITHER_IO_WORLD_H

#include <simnet.h> /* include/, not this folder */

struct simnet_probe;
struct topo;

struct world {
	struct simnet_config cfg;
	const struct topo *topo; /* NULL: procedural; else the caller's */
	u64 *limiter;		 /* token buckets; NULL unless needed */
	struct simnet_counters counters;
};

enum { WORLD_FRAME = 2048, WORLD_HEADROOM = 192 };

/* A frame with room in front of it, as long as the longest answer needs. */
struct world_frame {
	u8 *data; /* Ethernet header; within room */
	u32 len;
	u32 delay_us; /* of the answer, there and back; a topology's */
	u8 room[WORLD_HEADROOM + WORLD_FRAME];
};

/* 0 or negative errno. Memory is taken only if something is rate-limited. */
int world_open(struct world *w, const struct simnet_config *cfg,
	       const struct topo *topo);
void world_close(struct world *w);

/* Copies a frame in. 0, or -EMSGSIZE for more than WORLD_FRAME octets. */
int world_put(struct world_frame *f, const void *data, u32 len);
/*
 * What the network does with the frame. For an outcome that replies, the
 * answer stands in its place; else the frame is untouched. `random` is fresh
 * for every frame. `now` is only used by rate limits.
 */
enum simnet_outcome world_answer(struct world *w, struct world_frame *f,
				 u32 random, u64 now);

/* Who has to answer a probe. Pure. */
void world_hop(const struct world *w, const struct simnet_probe *p, u32 random,
	       struct simnet_hop *hop);

/* "EXPIRED", "PORT", ...: the name and the text of an outcome. */
const char *world_outcome_name(enum simnet_outcome outcome);
const char *world_outcome_help(enum simnet_outcome outcome);
/* Whether a configuration contradicts itself: 0 or -EINVAL. */
int world_check(const struct simnet_config *cfg);
/* Whether anything in it is rate-limited. */
bool world_has_limits(const struct simnet_config *cfg, const struct topo *topo);

#endif
