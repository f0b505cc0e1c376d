/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record: what was learned. All that outputs, checkpoints and agents see.
 *
 * Plain values, host order, no pointers: a record is copied through a ring
 * from the thread that probes to the thread that writes.
 */
#ifndef WHITHER_RECORD_H
#define WHITHER_RECORD_H

#include "types.h"

/* What became of one probe. */
enum hop_state {
	HOP_SILENT,   /* sent, no reply within its time */
	HOP_ANSWERED, /* a reply that verifies */
	HOP_REFUSED,  /* not sent: the gate or the backend refused it */
	HOP_LOST,     /* no reply, but this host lost replies meanwhile: never
			 to be shown as silence */
};

enum { HOP_LABELS = 3 };

/* One probe and its answer. */
struct hop {
	struct addr from;	/* who answered; none unless ANSWERED */
	be32 label[HOP_LABELS]; /* MPLS label stack entries (RFC 4950) */
	u32 rtt_us;		/* HOP_RTT_UNKNOWN if not known */
	u16 size;		/* of the reply, IP header included */
	u16 quoted_size;	/* IP length in the quote; 0: no quote */
	u16 mtu;		/* next hop's, from a too-big; else 0 */
	u8 ttl, attempt;	/* of the probe */
	u8 state;		/* enum hop_state */
	u8 kind;		/* enum reply_kind */
	u8 icmp_type, icmp_code;
	u8 reply_ttl, reply_tos;
	u8 quoted_ttl, quoted_tos;
	u8 auth_bits;	/* that a forger would have had to guess */
	u8 label_count; /* seen; only the first HOP_LABELS are kept */
	u8 flags;	/* HOP_* below */
	u8 tcp_flags;	/* of a TCP answer */
	/* What a SYN/ACK says, or a quote shows of our own SYN. */
	u16 tcp_mss;
	u8 tcp_said; /* enum tcp_said_what; of UDP: enum hop_quic */
	u8 tcp_scale;
};

_Static_assert(sizeof(struct hop) == 56, "no padding");

#define HOP_RTT_UNKNOWN 0xffffffffu

enum {
	HOP_REACHED = 1 << 0,	/* from the destination itself */
	HOP_FINAL = 1 << 1,	/* ends the trace: reached, or an unreachable */
	HOP_REWRITTEN = 1 << 2, /* the quote shows another source: see seen */
	HOP_DUPLICATE = 1 << 3, /* not the first answer to this probe */
	HOP_LATE = 1 << 4,	/* after its probe's send time was forgotten */
	HOP_GIVEN_UP = 1 << 5,	/* doubletree: after it had gone on without */
	HOP_RENUMBERED = 1 << 6, /* the quote shows another sequence number */
};

/* Why a trace ended. Names as in scamper's JSON (warts(5)). */
enum stop_reason {
	STOP_NONE, /* exhaustive probing: no trace ends */
	STOP_COMPLETED,
	STOP_UNREACH,
	STOP_GAPLIMIT,
	STOP_HOPLIMIT,
	STOP_HALTED, /* interrupted, or out of time */
};

/* What became of a TCP session that a trace was to go through. */
enum session_fate {
	FATE_NONE,	 /* not known yet, or there is none */
	FATE_OPEN,	 /* probes within, told apart by SACK */
	FATE_COUNTED,	 /* probes within, one at a time: no SACK */
	FATE_REFUSED,	 /* by an RST, or by an unreachable: half-open then */
	FATE_UNANSWERED, /* no SYN/ACK came: the same */
	FATE_UNPROVED,	 /* nothing is acknowledged behind a gap: the same */
	FATE_RESET,	 /* it was open, and they ended it: the same */
	FATES,
};

/* What the server of a QUIC connection said; UINT32_MAX: that much or more. */
struct quic_end {
	u32 ect0, ect1, ce; /* of our packets, with HOP_QUIC_COUNTED */
	u32 close_code;	    /* with HOP_QUIC_CLOSE */
};

/*
 * A reply (exhaustive), or one probe of a trace (ladder: one record per
 * probe in order of TTL and attempt, the first and last marked).
 */
struct record {
	struct addr dst, src; /* as probed; src is our address */
	union {
		struct addr seen;     /* us, as quoted, if REWRITTEN */
		struct quic_end quic; /* with RECORD_SESSION of UDP */
	};
	u64 sent_ns;	/* departure, CLOCK_MONOTONIC; 0 unknown */
	u64 arrived_ns; /* CLOCK_MONOTONIC; 0 none */
	struct hop hop;
	u16 sport, dport; /* as sent; ICMP: identifier, 0 */
	u16 seen_sport;	  /* as quoted */
	u16 probe_size;	  /* IP datagram */
	u8 proto;	  /* IP protocol of the probe: 1, 6, 17 or 58 */
	u8 tos;		  /* sent */
	u8 flags;	  /* RECORD_* below */
	u8 stop_reason;	  /* in the last record of a trace */
	u8 session;	  /* enum session_fate, with RECORD_SESSION of TCP */
	u8 quic_version;  /* 1 or 2, with RECORD_SESSION of UDP */
	u16 seen_dport;	  /* of a TCP probe, as quoted; 0: not known */
};

_Static_assert(sizeof(struct record) == 136, "no padding");

/*
 * With RECORD_SESSION it is of no hop: it says what became of the session of
 * the flow hop.attempt, and what the answer to its SYN said. One stands before
 * the hops, and may be followed by another that is true instead from there on.
 *
 * Of UDP it says what became of the QUIC connection of that flow: hop.tcp_said
 * has enum hop_quic, `quic` the rest. It comes when the trace is over, before
 * its last hop, if the server said anything.
 */
enum {
	RECORD_TRACE = 1 << 0, /* belongs to a trace; else stands alone */
	RECORD_FIRST = 1 << 1, /* of its trace */
	RECORD_LAST = 1 << 2,
	RECORD_SESSION = 1 << 3,
};

#endif
