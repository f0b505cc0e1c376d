/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * simnet_topo: a drawn network, compiled: the table that the simulated
 * Internet walks in place of its procedural model.
 *
 * A probe starts at `source` and, at each node, takes one of the route's
 * edges towards its destination, chosen by flow or by packet, until its TTL
 * is spent, an edge is too narrow, or it is there. The table holds
 * indices alone, so it is the value of a BPF map as it stands.
 */
#ifndef WHITHER_SIMNET_TOPO_H
#define WHITHER_SIMNET_TOPO_H

#include "simnet.h"

/* Powers of two, so that an index can be masked. */
enum {
	SIMNET_NODES = 64,
	SIMNET_EDGES = 256, /* a link is two */
	SIMNET_NETS = 64,   /* destination prefixes */
	SIMNET_FAN = 8,	    /* parallel edges of a route */
	SIMNET_DEPTH = 32,  /* longest path */
};

enum {
	SIMNET_NODE_SILENT = 1 << 0,
	SIMNET_NODE_PER_PACKET = 1 << 1,
	SIMNET_NODE_UNADJUSTED = 1 << 2, /* NAT that forgets the checksum */
};

struct simnet_node {
	struct addr nat_src, nat_dst; /* put in place beyond it; none: kept */
	be32 label[SIMNET_LABELS];
	u32 rate; /* errors a second; 0: no limit */
	u16 nat_port;
	u16 quote, quote6;
	u16 mss;	      /* most it lets a SYN announce; 0: any */
	u8 tos_keep, tos_set; /* of what it forwards */
	u8 ttl;		      /* of the packets it sends itself */
	u8 labels;
	u8 flags;
	u8 zero[7];
};

/* One direction of a link. */
struct simnet_edge {
	struct addr addr4, addr6; /* of the interface it leads to */
	u32 delay_us;
	u16 mtu;  /* 0: any */
	u16 loss; /* per mille */
	u8 node;  /* it leads to */
	u8 zero[7];
};

struct simnet_route {
	u8 count; /* 0: none */
	u8 edge[SIMNET_FAN];
};

struct simnet_topo {
	struct simnet_node node[SIMNET_NODES];
	struct simnet_edge edge[SIMNET_EDGES];
	struct simnet_route route[SIMNET_NETS][SIMNET_NODES];
	u8 home[SIMNET_NETS]; /* the node where a destination prefix is */
	u8 source;	      /* the node that sends probes */
	u8 zero[7];
};

_Static_assert(sizeof(struct simnet_node) == 64, "ABI of the XDP program");
_Static_assert(sizeof(struct simnet_edge) == 48, "ABI of the XDP program");

/* Key of the trie that finds a net; IPv4 is IPv4-mapped, its length + 96. */
struct simnet_net_key {
	u32 len;
	u8 addr[16]; /* follows at once, where a struct addr would be aligned */
};

/* What a walk must know of a probe beside its destination's net. */
struct simnet_walker {
	u64 flow;
	u32 random;
	u16 size; /* IP datagram; 0 if it may be fragmented */
	u8 ttl;
	bool v4;
};

static __always_inline u32 simnet_pick(const struct simnet_walker *w, u32 node,
				       u8 flags, u32 count)
{
	u64 draw = flags & SIMNET_NODE_PER_PACKET ? w->random : w->flow;

	return (u32)((simnet_mix(draw + node) >> 32) * count >> 32);
}

/* The packet leaves a node: what that changes in later quotes. */
static __always_inline void simnet_forward(const struct simnet_node *n, bool v4,
					   struct simnet_hop *hop)
{
	hop->tos_keep &= n->tos_keep;
	hop->tos_set = (hop->tos_set & n->tos_keep) | n->tos_set;
	if (n->mss && (!hop->mss || n->mss < hop->mss))
		hop->mss = n->mss;
	if (!addr_is_none(&n->nat_src) && addr_is_v4(&n->nat_src) == v4) {
		hop->qsrc = n->nat_src;
		if (n->nat_port)
			hop->qsport = n->nat_port;
		if (n->flags & SIMNET_NODE_UNADJUSTED)
			hop->adjust = 0;
	}
	if (!addr_is_none(&n->nat_dst) && addr_is_v4(&n->nat_dst) == v4)
		hop->qdst = n->nat_dst;
}

/* The node where a probe ended has to answer for it. */
static __always_inline void simnet_arrive(const struct simnet_node *n, u32 node,
					  bool v4, enum simnet_end end,
					  struct simnet_hop *hop)
{
	hop->end = (u8)end;
	if (n->flags & SIMNET_NODE_SILENT || addr_is_none(&hop->from))
		hop->end = SIMNET_END_SILENT;
	hop->reply_ttl = (u8)(n->ttl - (hop->distance - 1));
	hop->quote = v4 ? n->quote : n->quote6;
	if (end == SIMNET_END_DESTINATION)
		return;
	hop->rate = n->rate;
	hop->limiter = node;
	hop->labels = n->labels;
	__builtin_memcpy(hop->label, n->label, sizeof(hop->label));
}

/*
 * The same for a drawn network: who answers a probe to `dst`, which the
 * longest match found in `net`; ttl >= 1. Pure.
 */
static __always_inline void simnet_walk(const struct simnet_topo *t, u32 net,
					const struct addr *dst,
					const struct simnet_walker *w,
					struct simnet_hop *hop)
{
	u32 at = t->source & (SIMNET_NODES - 1);
	u32 home = t->home[net & (SIMNET_NETS - 1)] & (SIMNET_NODES - 1);
	u32 alive = 0xffff; /* chance to have survived, of 0xffff */
	enum simnet_end end = SIMNET_END_SILENT;

	__builtin_memset(hop, 0, sizeof(*hop));
	hop->tos_keep = 0xff;
	hop->adjust = 1;
	for (u32 i = 0; i < SIMNET_DEPTH; i++) {
		const struct simnet_route *r;
		const struct simnet_edge *e;
		const struct simnet_node *n = &t->node[at];
		u32 pick = 0;

		r = &t->route[net & (SIMNET_NETS - 1)][at];
		if (!r->count) {
			end = SIMNET_END_NO_ROUTE;
			break;
		}
		if (r->count > 1)
			pick = simnet_pick(w, at, n->flags, r->count);
		e = &t->edge[r->edge[pick & (SIMNET_FAN - 1)]];
		if (e->mtu && w->size > e->mtu) {
			hop->mtu = e->mtu;
			end = SIMNET_END_TOO_BIG;
			break;
		}
		if (i)
			simnet_forward(n, w->v4, hop);
		alive = alive * (1000U - e->loss) / 1000U; /* there */
		alive = alive * (1000U - e->loss) / 1000U; /* and back */
		hop->delay_us += 2 * e->delay_us;
		hop->distance = (u8)(i + 1);
		hop->from = w->v4 ? e->addr4 : e->addr6;
		at = e->node & (SIMNET_NODES - 1);
		if (at == home) {
			hop->from = *dst;
			end = SIMNET_END_DESTINATION;
			break;
		}
		if (i + 1 == w->ttl) {
			end = SIMNET_END_ROUTER;
			break;
		}
	}
	simnet_arrive(&t->node[at], at, w->v4, end, hop);
	if ((w->random & 0xffff) > alive)
		hop->end = SIMNET_END_LOST;
}

#endif
