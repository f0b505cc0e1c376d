/* SPDX-License-Identifier: BSD-2-Clause */
/* topo_route: a network drawn in a small text; this file finds the ways. */
#include "io/topo.h"

#include <errno.h>

enum { FAR = 0xffffff };

/* Cost from every node to `home` (Bellman and Ford: the networks are small). */
static void measure(const struct topo *t, u8 home, u32 cost[SIMNET_NODES])
{
	bool changed = true;

	for (unsigned int i = 0; i < t->nodes; i++)
		cost[i] = i == home ? 0 : FAR;
	while (changed) {
		changed = false;
		for (unsigned int i = 0; i < t->links; i++) {
			const struct topo_link *l = &t->link[i];
			u32 *a = &cost[l->a], *b = &cost[l->b];

			if (*a + l->cost < *b) {
				*b = *a + l->cost;
				changed = true;
			}
			if (*b + l->cost < *a) {
				*a = *b + l->cost;
				changed = true;
			}
		}
	}
}

static int add_edge(struct simnet_route *r, unsigned int edge)
{
	if (r->count == SIMNET_FAN)
		return -E2BIG;
	r->edge[r->count++] = (u8)edge;
	return 0;
}

/* Longest way in hops along the routes; costs fall along them, so no loop. */
static unsigned int longest(const struct topo *t, unsigned int net)
{
	unsigned int hops[SIMNET_NODES] = { 0 };
	bool changed = true;

	while (changed) {
		changed = false;
		for (unsigned int i = 0; i < t->nodes; i++) {
			const struct simnet_route *r = &t->table.route[net][i];

			for (unsigned int j = 0; j < r->count; j++) {
				u8 to = t->table.edge[r->edge[j]].node;

				if (hops[i] > hops[to])
					continue;
				hops[i] = hops[to] + 1;
				changed = true;
			}
		}
	}
	return hops[t->table.source];
}

static int compile_net(struct topo *t, unsigned int net)
{
	u32 cost[SIMNET_NODES];
	int err = 0;

	measure(t, t->table.home[net], cost);
	for (unsigned int i = 0; !err && i < t->links; i++) {
		const struct topo_link *l = &t->link[i];
		struct simnet_route *route = t->table.route[net];

		if (cost[l->b] + l->cost == cost[l->a] && cost[l->b] < FAR)
			err = add_edge(&route[l->a], 2 * i);
		if (!err && cost[l->a] + l->cost == cost[l->b] &&
		    cost[l->a] < FAR)
			err = add_edge(&route[l->b], 2 * i + 1);
	}
	if (!err && longest(t, net) > SIMNET_DEPTH)
		err = -ELOOP;
	return err;
}

int topo_compile(struct topo *t)
{
	int err = 0;

	memset(t->table.route, 0, sizeof(t->table.route));
	for (unsigned int net = 0; !err && net < t->nets; net++)
		err = compile_net(t, net);
	return err;
}

int topo_net(const struct topo *t, const struct addr *dst)
{
	int best = -ENOENT;

	for (unsigned int i = 0; i < t->nets; i++) {
		if (!inet_in_prefix(dst, &t->net[i]))
			continue;
		if (best < 0 || t->net[i].len > t->net[best].len)
			best = (int)i;
	}
	return best;
}

void topo_hop(const struct topo *t, const struct addr *dst,
	      const struct simnet_walker *w, struct simnet_hop *hop)
{
	int net = topo_net(t, dst);

	if (net < 0)
		memset(hop, 0, sizeof(*hop)); /* silent */
	else
		simnet_walk(&t->table, (u32)net, dst, w, hop);
}
