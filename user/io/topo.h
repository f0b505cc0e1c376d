/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * topo: a network drawn in a small text, tests/topo/NAME.topo.
 *
 * One statement a line; # begins a comment. A node is declared before it is
 * used. Every number is decimal; addresses may be of either family.
 *
 *   source NODE              who sends the probes; declares the node
 *   node NODE [WORD...]      a router or an end host
 *     silent                 never answers
 *     rate=N                 errors a second; 0, the preset: no limit
 *     ttl=N                  of the packets it sends itself; preset 64
 *     quote=N  quote6=N      octets that its errors quote; presets 28, 1232
 *     mpls=L[,L]             label stack that its errors show (RFC 4950)
 *     balance=flow|packet    how it chooses among parallel paths
 *     dscp=N  ecn=N          rewrites these bits of what it forwards
 *     mss=N                  lowers the MSS that a forwarded SYN announces
 *     nat=ADDR  nat-port=N   puts these in place of the source of what it
 *                            forwards, and does not undo it in quotes
 *     unadjusted             ... and forgets the transport checksum
 *     dnat=ADDR              ... the same for the destination
 *   link NODE NODE ADDR ADDR [ADDR ADDR] [WORD...]
 *                            a line between two nodes, with the address of
 *                            each at its end; a second pair: other family
 *     loss=N                 per mille of packets, in either direction
 *     mtu=N                  0, the preset: any size
 *     delay=N                microseconds, one way
 *     cost=N                 preset 1
 *   host NODE PREFIX...      destinations that answer at this node
 *
 * Routes are all the cheapest paths. A router answers with the address of
 * the interface that the probe came in by, a destination as itself. To a
 * destination in no prefix nobody answers.
 */
#ifndef WHITHER_IO_TOPO_H
#define WHITHER_IO_TOPO_H

#include "lib/inet.h"
#include "simnet_topo.h"

enum { TOPO_NAME = 16, TOPO_LINKS = SIMNET_EDGES / 2 };

/* Edges 2i and 2i + 1 of the table: a to b, and b to a. */
struct topo_link {
	u8 a, b;
	u32 cost;
};

struct topo {
	struct simnet_topo table; /* compiled */
	struct prefix net[SIMNET_NETS];
	struct topo_link link[TOPO_LINKS];
	char name[SIMNET_NODES][TOPO_NAME];
	unsigned int nets, nodes, links;
};

/* Reads and compiles a file or, for tests, a text. Errors are logged as
 * FILE:LINE. 0 or negative errno; *t needs no closing. About 100 KB: not for
 * the stack. */
int topo_open(struct topo *t, const char *path);
int topo_parse(struct topo *t, const char *name, const char *text);
/* The routes of t->table out of t->link; topo_parse() ends with it.
 * -EINVAL: more parallel paths than SIMNET_FAN, longer than SIMNET_DEPTH. */
int topo_compile(struct topo *t);

/* Which net a destination is in: the longest match; negative: none. */
int topo_net(const struct topo *t, const struct addr *dst);
/* Who answers a probe to dst; fills *hop as simnet_hop() does. */
void topo_hop(const struct topo *t, const struct addr *dst,
	      const struct simnet_walker *w, struct simnet_hop *hop);

#endif
