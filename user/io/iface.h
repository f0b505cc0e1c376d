/* SPDX-License-Identifier: BSD-2-Clause */
/* iface: what rtnetlink tells of one interface. Nothing here logs. */
#ifndef WHITHER_IFACE_H
#define WHITHER_IFACE_H

#include <net/if.h>

#include "io/nl.h"

struct iface {
	int ifindex;
	char name[IFNAMSIZ];
	u16 type; /* ARPHRD_ETHER ... */
	u32 flags;
	u32 mtu;
	u8 mac[6];
	u32 rx_queues, tx_queues; /* allocated: at least those in use */
	int peer;		  /* ifindex of the other end of a veth, or of
				     the device below; 0: none */
	u64 tx_packets;
	u32 falls;	 /* how often the carrier was lost */
	u8 xdp_attached; /* XDP_ATTACHED_* */
	u32 xdp_id;
};

/*
 * By name if name is not NULL (an alternative name will do), else by index.
 * 0 or negative errno (-ENODEV).
 */
int iface_read(struct nl *nl, int ifindex, const char *name, struct iface *i);

/* The same by index, without its statistics: cheap enough for a thousand calls
 * a second. */
int iface_look(struct nl *nl, int ifindex, struct iface *i);

/* Fills *i from an RTM_NEWLINK. 0 or -EBADMSG. */
int iface_parse(const struct nlmsghdr *message, struct iface *i);

bool iface_is_up(const struct iface *i);
bool iface_has_carrier(const struct iface *i);

#endif
