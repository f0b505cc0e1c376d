/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_conn: the QUIC connections of a run's traces, one for each flow: what
 * their probes are sealed with, and what servers answered.
 *
 * All probes of a connection are copies of its first packet, with numbers of
 * their own: a server acknowledges those that arrived. No handshake is
 * finished. A Retry is followed once, a Version Negotiation once; then the
 * connection goes on with other keys.
 *
 * One thread; allocates when it is opened, never after, but for what OpenSSL
 * does to derive keys.
 */
#ifndef WHITHER_QUIC_CONN_H
#define WHITHER_QUIC_CONN_H

#include "probe/probe.h"
#include "probe/quic_packet.h"
#include "probe/quic_reply.h"

enum {
	QUIC_TOKEN_MAX = 256,	/* of a Retry that is followed */
	QUIC_NUMBERS = 1 << 16, /* packets of a connection */
};

struct quic_conn {
	struct quic_keys keys; /* of our Initials */
	u32 version;
	struct quic_cid dcid, peer; /* of our Initials; of the closing */
	u32 next;		    /* number of the next packet */
	u32 faults;		    /* datagrams with enum quic_seen ones */
	u64 ect0, ect1, ce;	    /* of the last ACK that counts them */
	u64 close_code;		    /* if `closed` */
	u16 token_len;
	u8 token[QUIC_TOKEN_MAX];
	u8 told;	   /* enum hop_quic, of the answers so far */
	bool counted;	   /* ECN was */
	bool begun;	   /* a server holds state for it */
	bool closed;	   /* a server said so */
	bool renegotiated; /* a Version Negotiation was followed */
};

struct quic_conns {
	struct quic_crypto crypto;
	struct quic_conn *conn; /* slot * flows + flow */
	const struct cookie_key *key;
	const char *name, *alpn; /* NULL: none; h3. They outlive this. */
	u16 dport;
	u32 slots;
	u8 flows;
};

/* The caller has set key, name, alpn, dport, slots and flows. 0 or -ENOMEM,
 * logged. */
int quic_conns_open(struct quic_conns *x);
void quic_conns_close(struct quic_conns *x);
size_t quic_conns_octets(const struct quic_conns *x);

static inline struct quic_conn *quic_conns_at(const struct quic_conns *x,
					      u32 slot, u8 flow)
{
	return &x->conn[(size_t)slot * x->flows + flow % x->flows];
}

/* False: OpenSSL refuses. */
bool quic_conn_begin(struct quic_conns *x, struct quic_conn *c,
		     const struct addr *dst, u8 flow);
/* A datagram's UDP payload: an Initial with that number, or CONNECTION_CLOSE,
 * and QUIC_TRAILER octets of 0 behind it. False: it cannot be made. */
bool quic_conn_write(struct quic_conns *x, const struct quic_conn *c,
		     const struct addr *dst, u8 flow, u32 number, bool closes,
		     u8 *payload, u32 size);

enum quic_event {
	QUIC_NOTHING, /* that names or changes anything */
	QUIC_ACKED,   /* see the reply */
	QUIC_CHANGED, /* what is under way has to be sent again */
	QUIC_UNNAMED, /* an answer that names no packet, and the only one there
			 will be */
};

/* a->reply.kind is REPLY_UDP, with TTL 0, and from the port that we asked. */
enum quic_event quic_conn_hear(struct quic_conns *x, struct quic_conn *c,
			       const struct answer *a, u8 flow,
			       struct quic_reply *r);

#endif
