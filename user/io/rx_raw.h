/* SPDX-License-Identifier: BSD-2-Clause */
/* rx_raw: frames in by AF_PACKET, where XDP cannot be had. */
#ifndef WHITHER_RX_RAW_H
#define WHITHER_RX_RAW_H

#include "io/io.h"

/*
 * Hears ICMP and ICMPv6 that come in by the interface (0: any), as copies: the
 * host's stack sees them as well. Works on any interface, tun and lo too: each
 * frame gets an Ethernet header, its addresses zero where the interface has
 * none. arrived_ns is the kernel's stamp, brought to CLOCK_MONOTONIC. Frames
 * are cut to RX_RAW_FRAME octets. Not verified: proof.result is FOREIGN.
 * 0 or negative errno, logged.
 */
int rx_raw_open(struct rx *rx, int ifindex);

enum { RX_RAW_FRAME = 2048 };

#endif
