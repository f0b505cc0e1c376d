/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe: what is asked, and what came back. Plain values, no I/O, no clock.
 */
#ifndef WHITHER_PROBE_H
#define WHITHER_PROBE_H

#include "abi.h"

enum probe_method {
	PROBE_UDP,
	PROBE_ICMP,
	PROBE_TCP,	 /* SYN, half-open */
	PROBE_TCP_ACK,	 /* ACK, which any host answers with an RST */
	PROBE_INSESSION, /* an octet within a TCP session; else a SYN */
	PROBE_QUIC,	 /* an Initial */
	PROBE_QUIC_VN,	 /* a QUIC version that nobody has: servers list theirs
			  */
};

/* Their probes have ports, and leave from those that are held. */
static inline bool probe_has_ports(enum probe_method m)
{
	return m != PROBE_ICMP;
}

static inline bool probe_is_tcp(enum probe_method m)
{
	return m == PROBE_TCP || m == PROBE_TCP_ACK || m == PROBE_INSESSION;
}

static inline bool probe_is_quic(enum probe_method m)
{
	return m == PROBE_QUIC || m == PROBE_QUIC_VN;
}

/* How a probe of PROBE_INSESSION is sent. */
enum probe_how {
	PROBE_ALONE,   /* a SYN */
	PROBE_WITHIN,  /* an octet, acknowledging `ack` */
	PROBE_STAMPED, /* the same with a timestamp, echoing `echo` */
};

/* What QUIC servers said. */
enum hop_quic {
	HOP_QUIC_INITIAL = 1 << 0,
	HOP_QUIC_RETRY = 1 << 1,
	HOP_QUIC_VERSIONS = 1 << 2,
	HOP_QUIC_CLOSE = 1 << 3,
	HOP_QUIC_UNKNOWN = 1 << 4, /* a datagram that is none of these */
	HOP_QUIC_COUNTED = 1 << 5, /* ECN marks; of a connection alone */
};

/* One packet to be sent. A strategy fills it, crafting reads it. */
struct probe {
	struct addr dst;
	u64 position; /* strategy's own: where in its order this probe stands */
	u64 sent_ns;  /* departure, CLOCK_MONOTONIC; 0 until it left, and for
			 good if it was refused */
	u32 owner;    /* strategy's own: which trace */
	u32 ack, echo; /* of a session; ack: QUIC's packet number */
	u16 dport;     /* UDP, TCP */
	u8 ttl, attempt;
	u8 how; /* enum probe_how */
};

/* A reply that is ours, matched to the probe that it names. */
struct answer {
	struct reply reply;
	struct cookie_proof proof;
	struct addr dst; /* the probe's destination */
	u64 arrived_ns;	 /* CLOCK_MONOTONIC */
	const u8 *frame; /* valid until the batch is released */
	u32 frame_len;
};

#endif
