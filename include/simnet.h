/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * simnet: what the simulated Internet does with a probe, so that the truth
 * can be computed.
 *
 * Nothing is stored: the path to a destination follows from the seed. It is
 * as long as a hash of the destination's /24 (/48) says. The router at TTL t
 * is a function of t and the first p(t) bits of the destination, where p
 * grows by `spread` bits a hop from 0 at TTL 1: near hops are shared, and the
 * whole is a tree.
 *
 *   place, IPv4 | t : 5 | first p(t) bits, then zeroes : 24 |
 *   place, IPv6 | t : 8 | first p(t) bits, then zeroes : 48 | 0 : 4 |
 *
 * At some places, not the first and none within the last four bits of p,
 * `width` routers stand side by side, and the zeroes at the end tell them
 * apart. A bijection keyed by the seed makes the place an address of
 * 32.0.0.0/3 or 2a10::/16, neither of which holds a special-purpose block: no
 * two routers share an address. Every other property of a router is a hash of
 * its address.
 */
#ifndef WHITHER_SIMNET_H
#define WHITHER_SIMNET_H

#include "wire.h"

/*
 * Every number that shapes the network, all u32: X(field, option, least,
 * most, preset, "help"). The list is the configuration and its options.
 */
#define SIMNET_PARAMS(X)                                                       \
	X(len_min, "length-min", 1, 32, 8,                                     \
	  "hops of the shortest path, its destination included")               \
	X(len_max, "length-max", 1, 32, 20, "... and of the longest")          \
	X(spread, "spread", 1, 24, 2,                                          \
	  "bits of an IPv4 destination that each hop adds to the last one's")  \
	X(spread6, "spread6", 1, 48, 4, "... and of an IPv6 destination")      \
	X(diamond, "diamond", 0, 1000, 0,                                      \
	  "per mille of hops where routers stand side by side")                \
	X(width, "width", 2, 16, 4, "routers side by side there")              \
	X(per_packet, "per-packet", 0, 1000, 0,                                \
	  "per mille of those that balance by packet, not by flow")            \
	X(silent, "silent", 0, 1000, 0, "per mille of silent routers")         \
	X(silent_dst, "silent-dst", 0, 1000, 0,                                \
	  "per mille of silent destinations")                                  \
	X(loss, "loss", 0, 1000, 0, "per mille of probes that are lost")       \
	X(rate, "rate", 0, 1000000, 0,                                         \
	  "errors that a router sends a second; 0: as many as asked for")      \
	X(burst, "burst", 1, 1000, 10, "... and at once")                      \
	X(quote, "quote", 28, 548, 28,                                         \
	  "octets of an IPv4 probe that an error quotes")                      \
	X(quote6, "quote6", 48, 1232, 1232, "... and of an IPv6 probe")        \
	X(mpls, "mpls", 0, 1000, 0,                                            \
	  "per mille of routers that add MPLS labels (RFC 4950)")              \
	X(ttl255, "ttl255", 0, 1000, 500,                                      \
	  "per mille of routers that answer with TTL 255, not 64")             \
	X(tcp_open, "tcp-open", 0, 1000, 500,                                  \
	  "per mille of open TCP and QUIC ports")                              \
	X(public_port, "public-port", 0, 65535, 0,                             \
	  "source port in such a quote; 0: as sent")                           \
	X(adjust, "adjust", 0, 1, 1,                                           \
	  "1: the quoted checksum is right again; 0: as sent")

/* Host order. Constant while a network runs. */
struct simnet_config {
	u64 seed;
	/* what quotes show in place of the probe's source, as where a
	 * translator left the quote alone; none: as sent */
	struct addr public4, public6;
#define X(field, option, least, most, preset, help) u32 field;
	SIMNET_PARAMS(X)
#undef X
	u32 topo; /* 1: a compiled topology rules, see simnet_topo.h */
	/* Not 0: answers leave by redirection, which also reaches a near end
	 * that polls for GRO alone; else by XDP_TX, which is faster. */
	u32 redirect;
	u32 zero;
};

_Static_assert(sizeof(struct simnet_config) == 128, "ABI of the XDP program");

#define SIMNET_PRESET                                                          \
	{                                                                      \
		.seed = 1, SIMNET_PARAMS(SIMNET_PRESET_ONE)                    \
	}
#define SIMNET_PRESET_ONE(field, option, least, most, preset, help)            \
	.field = (preset),

/*
 * What becomes of a frame: X(NAME, replies, "help"). The list is the enum,
 * the counters, and their text.
 */
#define SIMNET_OUTCOMES(X)                                                     \
	X(PASSED, 0, "not a probe: left to the host")                          \
	X(CORRUPT, 0, "IP header's checksum is wrong: dropped")                \
	X(EXPIRED, 1, "a router said time exceeded")                           \
	X(NO_ROUTE, 1, "a router said no route")                               \
	X(TOO_BIG, 1, "a router said packet too big")                          \
	X(PORT, 1, "the destination said port unreachable")                    \
	X(ECHO, 1, "the destination sent an echo reply")                       \
	X(SYN_ACK, 1, "the destination accepted a connection")                 \
	X(SACKED, 1, "the destination acknowledged data within a session")     \
	X(FINISHED, 1, "the destination ended a session with us")              \
	X(VERSIONS, 1, "the destination listed its QUIC versions")             \
	X(RESET, 1, "the destination sent a reset")                            \
	X(SILENT, 0, "whoever had to answer never does")                       \
	X(LOST, 0, "lost on the way")                                          \
	X(LIMITED, 0, "beyond the router's rate")                              \
	X(FAILED, 0, "no room for the answer in the frame: dropped")

enum simnet_outcome {
#define X(name, replies, help) SIMNET_##name,
	SIMNET_OUTCOMES(X)
#undef X
		SIMNET_OUTCOME_COUNT
};

/* Columns of the counters. */
enum { SIMNET_V4, SIMNET_V6, SIMNET_NOT_IP, SIMNET_FAMILIES };

struct simnet_counters {
	u64 n[SIMNET_OUTCOME_COUNT][SIMNET_FAMILIES];
};

/* Where a probe ends. */
enum simnet_end {
	SIMNET_END_SILENT,
	SIMNET_END_LOST,
	SIMNET_END_ROUTER,	/* TTL expired */
	SIMNET_END_DESTINATION, /* reached */
	SIMNET_END_TOO_BIG,
	SIMNET_END_NO_ROUTE,
};

enum { SIMNET_LABELS = 2, SIMNET_LIMITERS = 1 << 20 };

/* Who has to answer a probe, and how. */
struct simnet_hop {
	struct addr from;
	struct addr qsrc, qdst; /* as a quote shows them; none: as sent */
	be32 label[SIMNET_LABELS];
	u32 delay_us; /* there and back; 0 unless a topology says so */
	u32 limiter;  /* which token bucket, < SIMNET_LIMITERS */
	u32 rate;     /* errors a second from that bucket; 0: no limit */
	u16 quote;    /* octets that an error quotes */
	u16 mtu;      /* if TOO_BIG */
	u16 qsport;   /* as quoted; 0: as sent */
	u16 mss;      /* most that a quote may show; 0: as sent */
	u8 end;	      /* enum simnet_end */
	u8 distance;  /* links from here to `from` */
	u8 reply_ttl; /* of the answer, as it arrives here */
	u8 labels;
	u8 tos_keep, tos_set; /* quoted TOS = sent & keep | set */
	u8 adjust;	      /* the quoted checksum is true again */
	u8 zero;
};

/* A bijection of 64 bits; every output bit depends on every input bit. */
static __always_inline u64 simnet_mix(u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

enum simnet_topic {
	SIMNET_ON_LENGTH = 1,
	SIMNET_ON_PLACE,
	SIMNET_ON_ROUTER,
	SIMNET_ON_HOST,
	SIMNET_ON_PORT,
	SIMNET_ON_FLOW,
};

static __always_inline u64 simnet_draw(const struct simnet_config *c,
				       enum simnet_topic topic, u64 value)
{
	return simnet_mix(simnet_mix(value ^ (u64)topic << 56) + c->seed);
}

/* True for `permille` of a thousand 16-bit draws. */
static __always_inline bool simnet_chance(u64 draw, u32 permille)
{
	return ((draw & 0xffff) * 1000 >> 16) < permille;
}

/*
 * What load balancers look at: addresses, protocol and the first four octets
 * of the transport header, here in host order.
 */
static __always_inline u64 simnet_flow(const struct simnet_config *c,
				       const struct addr *src,
				       const struct addr *dst, u8 proto,
				       u32 first4)
{
	u64 a = be64_get(src->q[0]) + 3 * be64_get(src->q[1]);
	u64 b = be64_get(dst->q[0]) + 3 * be64_get(dst->q[1]);
	u64 h = simnet_mix(a) + b;

	h = simnet_mix(h) + ((u64)proto << 32 | first4);
	return simnet_draw(c, SIMNET_ON_FLOW, h);
}

/* Hops to the destination, which stands at the last of them. */
static __always_inline u32 simnet_length(const struct simnet_config *c,
					 const struct addr *dst)
{
	u64 net = addr_is_v4(dst) ? be32_get(dst->w[3]) >> 8
				  : be64_get(dst->q[0]) >> 16;
	u64 span = c->len_max - c->len_min + 1;
	u64 draw = simnet_draw(c, SIMNET_ON_LENGTH, net);

	return c->len_min + (u32)((draw >> 32) * span >> 32);
}

/* p(ttl); at most 24 or 48. */
static __always_inline u32 simnet_shared_bits(const struct simnet_config *c,
					      bool v4, u32 ttl)
{
	u32 bits = (ttl - 1) * (v4 ? c->spread : c->spread6);
	u32 most = v4 ? 24 : 48;

	return bits < most ? bits : most;
}

static __always_inline u64 simnet_place(const struct addr *dst, bool v4,
					u32 ttl, u32 bits)
{
	if (v4)
		return (u64)ttl << 24 |
		       ((be32_get(dst->w[3]) >> 8) & ~(0xffffffU >> bits));
	return (u64)ttl << 52 |
	       ((be64_get(dst->q[0]) >> 16) & ~(0xffffffffffffULL >> bits))
		       << 4;
}

/* Routers side by side at a place; *by_packet: how one is chosen. */
static __always_inline u32 simnet_width(const struct simnet_config *c, bool v4,
					u64 place, u32 bits, bool *by_packet)
{
	u64 draw;

	*by_packet = false;
	if (!c->diamond || !bits || bits > (v4 ? 20 : 44))
		return 1;
	draw = simnet_draw(c, SIMNET_ON_PLACE, place);
	if (!simnet_chance(draw, c->diamond))
		return 1;
	*by_packet = simnet_chance(draw >> 16, c->per_packet);
	return c->width;
}

/* A bijection of 29 bits, keyed by the seed. */
static __always_inline u32 simnet_scramble29(u64 seed, u32 x)
{
	const u32 mask = (1U << 29) - 1;

	x = (x ^ (u32)seed) * 0x1b873593U & mask;
	x ^= x >> 15;
	x = (x + (u32)(seed >> 32)) * 0x0cc9e2d5U & mask;
	x ^= x >> 13;
	x = x * 0x05ebca6bU & mask;
	return x ^ x >> 15;
}

static __always_inline struct addr simnet_router(const struct simnet_config *c,
						 bool v4, u64 place)
{
	struct addr a;
	u64 x;

	if (v4)
		return addr_from_v4(be32_put(
			0x20000000U | simnet_scramble29(c->seed, (u32)place)));
	x = simnet_mix(place + c->seed);
	a.q[0] = be64_put(0x2a10000000000000ULL | x >> 16);
	a.q[1] = be64_put(x & 0xffff);
	return a;
}

/* A number for an address, to draw its properties from. */
static __always_inline u64 simnet_number(const struct addr *a)
{
	return be64_get(a->q[0]) * 0x9e3779b97f4a7c15ULL + be64_get(a->q[1]);
}

static __always_inline void simnet_fill_router(const struct simnet_config *c,
					       struct simnet_hop *hop)
{
	u64 draw = simnet_draw(c, SIMNET_ON_ROUTER, simnet_number(&hop->from));
	u32 label = (u32)(draw >> 44);

	hop->end = simnet_chance(draw, c->silent) ? SIMNET_END_SILENT
						  : SIMNET_END_ROUTER;
	hop->reply_ttl =
		(u8)((simnet_chance(draw >> 16, c->ttl255) ? 255 : 64) -
		     (hop->distance - 1));
	hop->rate = c->rate;
	hop->limiter = (u32)(draw >> 24) & (SIMNET_LIMITERS - 1);
	if (!simnet_chance(draw >> 32, c->mpls))
		return;
	hop->labels = 1 + (label & 1);
	hop->label[0] = be32_put(label << 12 | 1); /* TTL 1 */
	if (hop->labels == 2)
		hop->label[1] = be32_put((~label << 12) | 1);
	hop->label[hop->labels - 1] |= be32_put(0x100); /* bottom of stack */
}

static __always_inline void simnet_fill_host(const struct simnet_config *c,
					     struct simnet_hop *hop)
{
	u64 draw;

	hop->end = SIMNET_END_DESTINATION;
	hop->reply_ttl = (u8)(64 - (hop->distance - 1));
	if (!c->silent_dst)
		return;
	draw = simnet_draw(c, SIMNET_ON_HOST, simnet_number(&hop->from));
	if (simnet_chance(draw, c->silent_dst))
		hop->end = SIMNET_END_SILENT;
}

/*
 * Who answers a probe to `dst` with this TTL (>= 1). `flow` is that of
 * simnet_flow() (used where simnet_config.diamond is set), `random` is fresh
 * for every packet and decides loss and balancing by packet. Pure.
 */
static __always_inline void simnet_hop(const struct simnet_config *c,
				       const struct addr *dst, u32 ttl,
				       u64 flow, u32 random,
				       struct simnet_hop *hop)
{
	bool v4 = addr_is_v4(dst), by_packet;
	u32 length = simnet_length(c, dst), bits, width;
	u64 place;

	__builtin_memset(hop, 0, sizeof(*hop));
	hop->quote = (u16)(v4 ? c->quote : c->quote6);
	hop->tos_keep = 0xff;
	hop->qsrc = v4 ? c->public4 : c->public6;
	hop->qsport = addr_is_none(&hop->qsrc) ? 0 : (u16)c->public_port;
	hop->adjust = (u8)c->adjust;
	if (ttl >= length) {
		hop->distance = (u8)length;
		hop->from = *dst;
		simnet_fill_host(c, hop);
	} else {
		hop->distance = (u8)ttl;
		bits = simnet_shared_bits(c, v4, ttl);
		place = simnet_place(dst, v4, ttl, bits);
		width = simnet_width(c, v4, place, bits, &by_packet);
		if (width > 1 && by_packet)
			place |= (random >> 16) * width >> 16;
		else if (width > 1)
			place |= (simnet_mix(flow + place) >> 32) * width >> 32;
		hop->from = simnet_router(c, v4, place);
		simnet_fill_router(c, hop);
	}
	if (c->loss && simnet_chance(random, c->loss))
		hop->end = SIMNET_END_LOST;
}

/*
 * The token bucket of a router (GCRA): may it send an error now? *tat is the
 * bucket's state, 0 at first.
 */
static __always_inline bool simnet_allow(const struct simnet_config *c,
					 u32 rate, u64 *tat, u64 now)
{
	u64 interval, slack, base;

	if (!rate)
		return true;
	interval = 1000000000ULL / rate;
	slack = (c->burst - 1) * interval;
	base = *tat > now ? *tat : now;
	if (base - now > slack)
		return false;
	*tat = base + interval;
	return true;
}

#endif
