/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_hello: the TLS 1.3 ClientHello that begins a QUIC handshake (RFC 8446
 * section 4.1.2, RFC 9001 section 8), shaped like a browser's.
 *
 * Pure: the same description makes the same octets, so that every probe of a
 * connection is a true retransmission and nothing of it is stored.
 */
#ifndef WHITHER_QUIC_HELLO_H
#define WHITHER_QUIC_HELLO_H

#include "probe/quic.h"

enum {
	QUIC_SEED = 96,	      /* octets that make a hello unlike any other */
	QUIC_NAME_MAX = 255,  /* of a host name, and of a protocol's */
	QUIC_HELLO_MAX = 960, /* longer than any hello */
};

struct quic_hello {
	const char *name; /* server_name; NULL: none, as for an address */
	const char *alpn; /* one protocol; NULL: h3 */
	u32 version;	  /* the packet's */
	struct quic_cid scid;
	/* Any octets, unpredictable: the random, the key share (any 32 octets
	 * are an X25519 public key: RFC 7748 section 5), the GREASE. */
	u8 seed[QUIC_SEED];
};

/* Writes the handshake message, and returns its length; 0: a name is longer
 * than QUIC_NAME_MAX or empty, or the whole than `room`. */
u32 quic_hello_write(const struct quic_hello *h, u8 *at, u32 room);

#endif
