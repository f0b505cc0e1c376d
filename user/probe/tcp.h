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

/* A packet that is no probe: a segment of TCP that opens and ends a session, or
 * refuses one, or what closes a QUIC connection. */
struct aside {
	struct addr dst;
	u64 sent_ns; /* as in struct probe */
	u32 owner;   /* whose session it is; its own matter. Of QUIC: which
			connection */
	u32 seq, ack;
	u32 echo; /* with `stamped`: of their timestamp */
	u16 sport, dport;
	u16 id; /* IPv4 */
	u8 flags;
	u8 flow;
	u8 octets; /* 0 or 1 */
	bool stamped;
	bool quic; /* of the rest dst, dport, flow, and seq: its number */
};

/* The header's octets, a multiple of four: 20 .. 20 + TCP_OPTIONS_MAX. */
u32 tcp_header_size(const struct tcp_shape *shape);
/* Octets of the segment that are here: Ethernet pads short frames, so the IP
 * datagram's own size counts. */
u32 tcp_octets(const struct answer *a);
/* Writes it; ports, numbers and checksum are 0. Returns its size. */
u32 tcp_write_header(const struct tcp_shape *shape, bool v4, u8 *at);
/* Its timestamp is where reply.h looks for one. */
static inline bool tcp_has_stamp(const struct tcp_shape *shape)
{
	return shape->flags & TCP_SYN && shape->mss && shape->timestamps;
}
enum { TCP_STAMP_AT = 28 };
/* The same of a segment within a session: 20 or 32. */
static inline u32 tcp_within_size(bool stamped)
{
	return (u32)sizeof(struct wire_tcp) + (stamped ? 12 : 0);
}
/* The same of a segment within a session: its flags, window, timestamp. */
u32 tcp_write_within(u8 flags, bool stamped, u32 echo, u8 *at);
/* What it says in that family; 0: nothing. */
u16 tcp_shape_mss(const struct tcp_shape *shape, bool v4);

enum { TCP_OPTIONS_END = 1 << 8, TCP_OPTIONS_CUT = 1 << 9 };

/* Octets of the option at p, of `left` that are here; 0: it is malformed;
 * TCP_OPTIONS_END: there are no more; TCP_OPTIONS_CUT: it ends too soon. */
u32 tcp_option_size(const u8 *p, u32 left);

enum tcp_said_what {
	TCP_SAID_MSS = 1 << 0,
	TCP_SAID_SACK = 1 << 1,
	TCP_SAID_TIMESTAMPS = 1 << 2,
	TCP_SAID_SCALE = 1 << 3,
	TCP_SAID_AE = 1 << 4,	     /* the flag that is beside the others */
	TCP_SAID_MALFORMED = 1 << 5, /* what is after that was not read */
	TCP_SAID_WHOLE = 1 << 6,     /* of a quote: what is not said is gone */
};

/* All that a SYN of ours says. */
enum {
	TCP_SAID_OPTIONS = TCP_SAID_MSS | TCP_SAID_SACK | TCP_SAID_TIMESTAMPS |
			   TCP_SAID_SCALE,
};

/* Of TCP_SAID_OPTIONS, those that such a probe has. */
u8 tcp_shape_said(const struct tcp_shape *shape);

/* What the header of an answer says; of the options only a SYN's. */
struct tcp_said {
	u16 mss;
	u8 what; /* of enum tcp_said_what */
	u8 scale;
};

/* a->reply.kind is REPLY_TCP. Reads nothing beyond the segment, whatever
 * its length fields say. */
void tcp_read(const struct answer *a, struct tcp_said *said);
/* The same of our own SYN, as an ICMP error quotes it. Many quotes end before
 * the options or among them: without TCP_SAID_WHOLE nobody knows what else
 * the router saw. */
void tcp_read_quote(const struct answer *a, struct tcp_said *said);

/* What it leaves us to send, unscaled; 0 of a segment that is cut. */
static inline u16 tcp_window(const struct answer *a)
{
	const struct wire_tcp *h = (const void *)(a->frame + a->reply.l4_off);

	return tcp_octets(a) < sizeof(*h) ? 0 : be16_get(h->window);
}

static inline bool tcp_is_syn_ack(u8 flags)
{
	return (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
}

#endif
