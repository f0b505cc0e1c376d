/* SPDX-License-Identifier: BSD-2-Clause */
/* tx_raw: IP packets out by raw sockets; the kernel routes them. */
#ifndef WHITHER_TX_RAW_H
#define WHITHER_TX_RAW_H

#include "io/io.h"

/*
 * Works on any interface, tun and lo too. Frames come with an Ethernet header,
 * of which only the type is looked at (0x0800 or 0x86dd, no VLAN tag). ifname:
 * bound to that interface; NULL: wherever the routes lead. The kernel fills in
 * IPv4's total length and header checksum, and the identification and the
 * source address where they are 0 (raw(7)), and refuses a packet longer than
 * the MTU. sent_ns is read just before every four frames.
 * 0 or negative errno, logged.
 */
int tx_raw_open(struct tx *tx, const char *ifname, u32 frame_max,
		unsigned int batch);

#endif
