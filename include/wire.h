/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * wire: the headers of the protocols that whither sends or hears, as they
 * stand in a packet.
 *
 * Every header starts at an even offset of a frame that itself is aligned,
 * hence aligned(2): two-octet loads, no undefined behaviour, and no byte-wise
 * access in the BPF program.
 */
#ifndef WHITHER_WIRE_H
#define WHITHER_WIRE_H

#include "types.h"

#define WIRE __attribute__((packed, aligned(2)))

enum {
	ETHERTYPE_V4 = 0x0800,
	ETHERTYPE_V6 = 0x86dd,
	ETHERTYPE_CTAG = 0x8100,
	ETHERTYPE_STAG = 0x88a8,
};

enum {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMP6 = 58,
	PROTO_DSTOPTS = 60,
};

/* RFC 792, RFC 4443 */
enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACH = 3,
	ICMP4_ECHO = 8,
	ICMP4_EXPIRED = 11,
	ICMP4_PARAM = 12,
	ICMP4_UNREACH_PORT = 3,
	ICMP4_UNREACH_FRAG = 4,
	ICMP6_UNREACH = 1,
	ICMP6_TOOBIG = 2,
	ICMP6_EXPIRED = 3,
	ICMP6_PARAM = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_UNREACH_PORT = 4,
};

/* RFC 9293 section 3.1, RFC 3168; AE (RFC 9768) stands beside the offset. */
enum {
	TCP_FIN = 1 << 0,
	TCP_SYN = 1 << 1,
	TCP_RST = 1 << 2,
	TCP_PSH = 1 << 3,
	TCP_ACK = 1 << 4,
	TCP_URG = 1 << 5,
	TCP_ECE = 1 << 6,
	TCP_CWR = 1 << 7,
	TCP_OFFSET_AE = 1 << 0,
};

struct WIRE wire_eth {
	u8 dst[6], src[6];
	be16 type;
};

struct WIRE wire_vlan {
	be16 tag;
	be16 type;
};

struct WIRE wire_v4 {
	u8 ver_ihl;
	u8 tos;
	be16 len;
	be16 id;
	be16 frag;
	u8 ttl;
	u8 proto;
	be16 check;
	be32 src, dst;
};

struct WIRE wire_v6 {
	be32 ver_class_flow;
	be16 len;
	u8 next;
	u8 hops;
	be32 src[4], dst[4];
};

/* The common start of hop-by-hop, routing and destination options. */
struct WIRE wire_v6_ext {
	u8 next;
	u8 len;
	be16 rest[3];
};

struct WIRE wire_v6_frag {
	u8 next;
	u8 reserved;
	be16 offset;
	be32 id;
};

struct WIRE wire_icmp {
	u8 type, code;
	be16 check;
	union {
		struct WIRE {
			be16 id, seq;
		};
		be32 mtu6;
		struct WIRE {
			u8 quote_words6; /* RFC 4884: 64-bit words */
			u8 quote_words;	 /* RFC 4884: 32-bit words */
			be16 mtu4;
		};
	};
};

struct WIRE wire_udp {
	be16 sport, dport;
	be16 len, check;
};

struct WIRE wire_tcp {
	be16 sport, dport;
	be32 seq, ack;
	u8 offset, flags;
	be16 window, check, urgent;
};

_Static_assert(sizeof(struct wire_eth) == 14, "Ethernet");
_Static_assert(sizeof(struct wire_v4) == 20, "RFC 791");
_Static_assert(sizeof(struct wire_v6) == 40, "RFC 8200");
_Static_assert(sizeof(struct wire_v6_ext) == 8, "RFC 8200");
_Static_assert(sizeof(struct wire_v6_frag) == 8, "RFC 8200");
_Static_assert(sizeof(struct wire_icmp) == 8, "RFC 792");
_Static_assert(sizeof(struct wire_udp) == 8, "RFC 768");
_Static_assert(sizeof(struct wire_tcp) == 20, "RFC 9293");

#endif
