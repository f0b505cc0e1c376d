/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp: the header of a TCP probe, and what a SYN/ACK says in its own.
 *
 * Pure.
 */
#ifndef WHITHER_TCP_H
#define WHITHER_TCP_H

#include "probe/probe.h"

enum {
	TCP_MSS_V4 = 1460, /* what a host on Ethernet says */
	TCP_MSS_V6 = 1440,
	TCP_SHIFT = 7, /* of the window scale that we offer */
	TCP_OPTIONS_MAX = 20,
};

/* What all TCP probes of a run have in common. */
struct tcp_shape {
	u16 mss; /* 0: no such option; TCP_MSS_DEFAULT: by the family */
	u8 flags;
	bool accurate_ecn; /* AE, RFC 9768 */
	bool sack, timestamps, window_scaling;
};

enum { TCP_MSS_DEFAULT = 0xffff };

/* The header's octets, a multiple of four: 20 .. 20 + TCP_OPTIONS_MAX. */
u32 tcp_header_size(const struct tcp_shape *shape);
/* Writes it; ports, numbers and checksum are 0. Returns its size. */
u32 tcp_write_header(const struct tcp_shape *shape, bool v4, u8 *at);

enum tcp_said_what {
	TCP_SAID_MSS = 1 << 0,
	TCP_SAID_SACK = 1 << 1,
	TCP_SAID_TIMESTAMPS = 1 << 2,
	TCP_SAID_SCALE = 1 << 3,
	TCP_SAID_AE = 1 << 4,	     /* the flag that is beside the others */
	TCP_SAID_MALFORMED = 1 << 5, /* what is after that was not read */
};

/* What the header of an answer says; of the options only a SYN's. */
struct tcp_said {
	u16 mss;
	u8 what; /* of enum tcp_said_what */
	u8 scale;
};

/* a->reply.kind is REPLY_TCP. Reads nothing beyond the segment, whatever
 * its length fields say. */
void tcp_read(const struct answer *a, struct tcp_said *said);

static inline bool tcp_is_syn_ack(u8 flags)
{
	return (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
}

#endif
