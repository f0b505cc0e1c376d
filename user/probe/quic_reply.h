/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_reply: what a server's datagram says.
 *
 * Every octet of it is hostile. Nothing outside is read; the work is linear
 * in the datagram's length, and QUIC_PACKETS of its packets are looked at; no
 * more than one key derivation per version is made, and one opening a packet.
 *
 * Pure. Any thread, with its own struct quic_crypto.
 */
#ifndef WHITHER_QUIC_REPLY_H
#define WHITHER_QUIC_REPLY_H

#include "probe/quic_keys.h"

enum {
	QUIC_PACKETS = 8,     /* of a datagram; what follows is CROWDED */
	QUIC_RANGES = 16,     /* of acknowledged numbers; more are CROWDED */
	QUIC_OFFERED = 8,     /* versions */
	QUIC_OPEN_MAX = 2048, /* frames of one packet, in octets; a longer one
				 is SEALED */
};

/* NAME, what it means. What a datagram has shown; any number of them. */
#define QUIC_SEEN(X)                                                           \
	X(INITIAL, "an Initial that is authentic")                             \
	X(HANDSHAKE, "a Handshake packet, which we have no keys for")          \
	X(RETRY, "a Retry with a true integrity tag")                          \
	X(VERSIONS, "a Version Negotiation that answers us")                   \
	X(SHORT, "a packet with a short header to our connection ID")          \
	X(RESET, "what a stateless reset looks like")                          \
	X(ACK, "packets acknowledged")                                         \
	X(ECN, "ECN counts")                                                   \
	X(HELLO, "a ServerHello or HelloRetryRequest")                         \
	X(HELLO_RETRY, "a HelloRetryRequest")                                  \
	X(CLOSE, "CONNECTION_CLOSE")                                           \
	X(PING, "PING")                                                        \
	X(TRAILER, "octets behind the last packet that are none")              \
	X(FOREIGN, "a packet that is not to our connection ID")                \
	X(SEALED, "an Initial that cannot be opened")                          \
	X(UNSPOKEN, "a packet of a version that we do not speak")              \
	X(UNSENT, "an acknowledgement of what was never sent")                 \
	X(STRANGE, "a packet or frame that a server may not send here")        \
	X(MALFORMED, "lengths that do not hold")                               \
	X(CROWDED, "more than is looked at")

enum quic_seen_bit {
#define QUIC_SEEN_BIT(name, text) QUIC_SEEN_BIT_##name,
	QUIC_SEEN(QUIC_SEEN_BIT)
#undef QUIC_SEEN_BIT
		QUIC_SEEN_COUNT,
};

enum quic_seen {
#define QUIC_SEEN_FLAG(name, text) QUIC_SEEN_##name = 1 << QUIC_SEEN_BIT_##name,
	QUIC_SEEN(QUIC_SEEN_FLAG)
#undef QUIC_SEEN_FLAG
	/* nothing of these comes from a server that answers us */
	QUIC_SEEN_FAULTS =
		QUIC_SEEN_FOREIGN | QUIC_SEEN_SEALED | QUIC_SEEN_UNSPOKEN |
		QUIC_SEEN_UNSENT | QUIC_SEEN_STRANGE | QUIC_SEEN_MALFORMED |
		QUIC_SEEN_CROWDED,
};

/* The connection that a datagram should belong to. */
struct quic_expected {
	u32 version;	      /* of our packets, a reserved one included */
	u32 sent;	      /* our packet numbers are below this */
	struct quic_cid scid; /* ours: what a server sends to */
	struct quic_cid
		dcid; /* of our Initials: keys, Retry, and negotiation
		       * depend on it. After a Retry, the one it gave. */
};

struct quic_range {
	u16 first, last; /* both acknowledged, and all between */
};

struct quic_reply {
	u32 seen;    /* of enum quic_seen */
	u32 version; /* of the last long header; 0: Version Negotiation */
	/* SEEN_INITIAL, SEEN_RETRY: what to send to from now on */
	struct quic_cid scid;
	/* SEEN_RETRY: within the datagram, one octet at least */
	const u8 *token;
	u32 token_len;
	/* SEEN_ACK: highest first in each packet; they may overlap */
	struct quic_range range[QUIC_RANGES];
	u32 ranges; /* 0 if only UNSENT ones were acknowledged */
	/* SEEN_ECN: of our packets, as they arrived (RFC 9000 section 19.3.2)*/
	u64 ect0, ect1, ce;
	/* SEEN_CLOSE: RFC 9000 section 20 */
	u64 close_code, close_frame;
	/* SEEN_VERSIONS: the first that were offered, and how many in all */
	u32 offered[QUIC_OFFERED];
	u32 offers;
	bool offers_v1, offers_v2; /* anywhere among them */
};

/* Reads the UDP payload data[0..len), sent by the server's address and port
 * to ours, and fills *r. */
void quic_reply_read(struct quic_crypto *c, const struct quic_expected *e,
		     const u8 *data, u32 len, struct quic_reply *r);

/* Is our packet `number` acknowledged? */
bool quic_reply_acknowledges(const struct quic_reply *r, u32 number);

#endif
