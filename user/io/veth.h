/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * veth: a pair of virtual Ethernet devices in this network namespace, with
 * the way to everywhere through it.
 *
 * Both ends are in the one namespace. Only the near end has addresses: the
 * far end is a wire's end where XDP or a packet socket answers.
 */
#ifndef WHITHER_IO_VETH_H
#define WHITHER_IO_VETH_H

#include "types.h"

struct veth_config {
	const char *near, *far; /* names of the devices */
	u8 near_mac[6], far_mac[6];
	const char *near4, *gate4; /* "192.0.2.1": near end, and who is beyond
				      it; NULL: no IPv4 */
	const char *near6, *gate6;
	u8 len4, len6; /* of the near end's networks */
	u32 mtu;
	u32 queues; /* of each end, receiving and transmitting; 0: one */
};

static const struct veth_config VETH_DEFAULT = {
	.near = "near",
	.far = "far",
	.near_mac = { 0x02, 0, 0, 0, 0, 1 },
	.far_mac = { 0x02, 0, 0, 0, 0, 2 },
	.near4 = "192.0.2.1",
	.gate4 = "192.0.2.2",
	.near6 = "2001:db8::1",
	.gate6 = "2001:db8::2",
	.len4 = 24,
	.len6 = 64,
	.mtu = 1500,
};

/*
 * Makes the pair, both ends up with GRO (so that they poll, and redirected and
 * live frames reach them), the loopback up, addresses, a permanent neighbour
 * for the gateway and a default route through it, in both families. The pair
 * dies with its namespace. Needs CAP_NET_ADMIN. 0 or negative errno.
 */
int veth_open(const struct veth_config *cfg);

#endif
