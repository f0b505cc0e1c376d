/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic: what an interface is and can do, and how many frames left by it.
 *
 * Everything is read, nothing is changed. Any thread.
 */
#ifndef WHITHER_NIC_H
#define WHITHER_NIC_H

#include <net/if.h>

#include "types.h"

/* netdev family of generic netlink, attribute xdp-features (Linux 6.3) */
enum nic_xdp_feature {
	NIC_XDP_BASIC = 1 << 0,	   /* runs a program natively */
	NIC_XDP_REDIRECT = 1 << 1, /* XDP_REDIRECT from it */
	NIC_XDP_XMIT = 1 << 2,	   /* takes redirected and live frames; on
				      many drivers, veth too, only while a
				      program is attached (veth: to the peer) */
	NIC_XDP_ZEROCOPY = 1 << 3, /* AF_XDP zero-copy */
};

enum nic_xdp_mode {
	NIC_XDP_NONE,
	NIC_XDP_GENERIC,
	NIC_XDP_NATIVE,
	NIC_XDP_OFFLOAD,
	NIC_XDP_MULTI, /* more than one of them */
};

struct nic_info {
	int ifindex;
	char ifname[IFNAMSIZ];
	char driver[32]; /* "" if the driver does not say */
	u8 mac[6];
	u32 mtu;
	bool ethernet, loopback;
	bool up;			   /* IFF_UP */
	bool carrier;			   /* cable in, peer up */
	unsigned int rx_queues, tx_queues; /* in use now */
	unsigned int rx_queues_max;	   /* that it may come to have */
	bool rx_vlan_offload; /* tags are cut off before XDP sees the frame */
	bool stamps_rx;	      /* has a hardware clock for received frames */

	enum nic_xdp_mode xdp_mode; /* of what is attached */
	u32 xdp_id;		    /* 0: nothing attached */
	char xdp_name[16];	    /* "" if it may not be read */
	bool features_known;	    /* false before Linux 6.3 */
	u64 features;		    /* set of enum nic_xdp_feature */
	int peer_ifindex; /* veth: in whatever namespace the peer is; else 0 */
};

/* 0 or negative errno, logged (-ENODEV: no such interface). */
int nic_read(struct nic_info *nic, const char *ifname);

/* Receive queues in use now; 0: it cannot be told. */
unsigned int nic_rx_queues(const char *ifname);

/* "none", "generic", "native", ... */
const char *nic_xdp_mode_name(enum nic_xdp_mode mode);

/*
 * Frames that have left by this interface by any path: the stack, AF_PACKET,
 * AF_XDP, live frames. Never falls while the interface exists; the difference
 * of two calls is what a self-test counts. May lag behind the call that sent
 * by some milliseconds. On veth (measured, Linux 6.18) it counts what the
 * other end took, live frames too, and not those that it let fall while the
 * call reported success. 0 or negative errno, logged.
 */
int nic_delivered(const char *ifname, u64 *packets);

#endif
