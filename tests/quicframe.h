/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quicframe: packets of QUIC for tests: those of the RFCs' appendices, and
 * what a server might send, true or not.
 */
#ifndef WHITHER_TESTS_QUICFRAME_H
#define WHITHER_TESTS_QUICFRAME_H

#include "probe/quic_reply.h"

enum { QUICFRAME_MAX = 2048 };

/* Octets from hexadecimal digits; blanks are skipped. Returns how many. */
u32 quicframe_hex(const char *hex, u8 *at);

/* The ID of the appendices: 0x8394c8f03e515708, and what their server takes. */
struct quic_cid quicframe_dcid(void);
struct quic_cid quicframe_scid(void);
/* Ours in tests that are not the appendices'. */
struct quic_cid quicframe_ours(void);

/* A connection of quicframe_ours() to quicframe_dcid(), of 10 packets. */
struct quic_expected quicframe_expected(u32 version);

/* A packet with a long header. What is left zero is what a sane server sends
 * to quicframe_expected(). */
struct quicframe {
	u32 version;
	enum quic_type type;
	const char *frames; /* hexadecimal; of a Retry the token, of a Version
			     * Negotiation the list */
	u32 padding;	    /* octets of zero behind them */
	u32 number;
	u8 number_octets; /* 0: 2 */
	u8 flip;	  /* bits of the first octet, after protection */
	u8 reserved;	  /* bits of it before */
	u8 token;	  /* octets of one, in an Initial */
	const char *to;	  /* hexadecimal; NULL: quicframe_ours() */
	const char *from; /* NULL: quicframe_scid() */
	bool unsealed;	  /* its frames as they are, and no tag */
	u32 lie;	  /* added to the true length */
	/* of the client's first Initial; NULL: quicframe_dcid() */
	const struct quic_cid *keys;
	enum quic_side wrong; /* QUIC_SERVER: sealed as by a client */
};

/* Appends it at at[len..QUICFRAME_MAX), and returns the new length. */
u32 quicframe_add(struct quic_crypto *c, const struct quicframe *f, u8 *at,
		  u32 len);

/* A datagram of every kind that is understood, and of some that are not, to
 * quicframe_expected(QUIC_V1): sample(0) .. sample(quicframe_samples() - 1).
 * Not sealed, they are what only fuzzers' builds read. */
u32 quicframe_samples(void);
u32 quicframe_sample(struct quic_crypto *c, u32 i, bool sealed, u8 *at);

#endif
