/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netframe: whole probes, with every checksum true, and what must hold for
 * every answer to one.
 */
#ifndef WHITHER_TESTS_NETFRAME_H
#define WHITHER_TESTS_NETFRAME_H

#include "frame.h"

/* A probe; what is zero gets a value that is plain: TTL 1, port 33434, ... */
struct netframe {
	u8 proto; /* PROTO_ICMP to an IPv6 address is ICMPv6 */
	const char *dst, *src;
	u8 ttl, tos, flags; /* flags: TCP; 0: SYN */
	u16 sport, dport, payload;
	bool dont_fragment;
	u8 trailer; /* Ethernet's padding behind the datagram */
};

extern const u8 netframe_near[6], netframe_far[6];

/* From the near end's MAC to the far end's. Returns the length. */
u32 netframe_build(const struct netframe *p, u8 at[static FRAME_MAX]);
/* Makes the transport's checksum true after a change; no extension headers. */
void netframe_sum(u8 *frame);
/* The checksums of the IPv4 header and of the transport. */
bool netframe_sums_hold(const u8 *frame, u32 len);
/* The ICMP error of `from` about a probe, which it quotes to `quote` octets
 * (UINT32_MAX: all of it), TTL 1. Every checksum is true. Its length. */
u32 netframe_error(const u8 *probe, u32 len, const struct addr *from, u8 type,
		   u8 code, u32 quote, u8 at[static FRAME_MAX]);
void netframe_print(const u8 *frame, u32 len);

#endif
