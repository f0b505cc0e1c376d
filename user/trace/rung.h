/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rung: one probe of a trace under way, and what answered it, packed: a trace
 * holds one for each TTL and attempt. Pure.
 */
#ifndef WHITHER_RUNG_H
#define WHITHER_RUNG_H

#include "probe/probe.h"
#include "trace/record.h"

/* What a rung is before it is one of enum hop_state. */
enum {
	RUNG_HANDED = 16,
	RUNG_WAITING,
	RUNG_AGAIN, /* to be sent once more: see climb_expire() */
};

/* Only what the rung's place in the trace does not say; 58 octets. */
struct __attribute__((packed, aligned(2))) rung {
	struct addr from;
	u64 sent_ns;
	u32 rtt_us;
	u16 rtt_rest_ns; /* beyond rtt_us */
	u16 size, quoted_size;
	union {
		be32 label[HOP_LABELS];
		u16 mtu; /* a too-big has no labels */
		struct __attribute__((packed, aligned(2))) rung_tcp {
			u16 mss;
			u8 flags, said, scale;
		} tcp; /* nor has a segment of TCP */
	};
	u8 state;     /* enum hop_state or RUNG_* */
	u8 kind : 4;  /* enum reply_kind */
	u8 quote : 4; /* 1 + index of struct quote; 0: none */
	u8 icmp_type, icmp_code;
	u8 reply_ttl, reply_tos, quoted_ttl, quoted_tos;
	u8 auth_bits;
	u8 label_count; /* until it is answered: times sent again */
	u8 flags;
	u8 seen; /* 1 + index of climb_seen; 0: none */
};

_Static_assert(sizeof(struct rung) == 58, "32 of them and the rest: 2 KiB");

/* It is answered by that; sent_ns is set already. What has no place in a rung,
 * *h says too. */
void rung_answer(struct rung *g, const struct answer *a, struct hop *h);
/* What a record says of it, all but TTL and attempt; *h is zeroed. */
void rung_hop(const struct rung *g, struct hop *h);

#endif
