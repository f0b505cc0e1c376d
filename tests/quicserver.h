/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quicserver: the far end of a QUIC connection up to its ServerHello, with
 * what servers do differently as switches. It opens what it hears with keys of
 * its own; whatever no sane client would send is counted as a fault.
 */
#ifndef WHITHER_TESTS_QUICSERVER_H
#define WHITHER_TESTS_QUICSERVER_H

#include "probe/quic_keys.h"

enum { QUICSERVER_OUT = 2, QUICSERVER_FRAME = 256, QUICSERVER_NUMBERS = 512 };

struct quicserver_habits {
	bool silent;
	bool retries; /* whoever has no token */
	bool v2_only;
	bool ends;    /* closes at once, with its hello */
	bool refuses; /* closes at once */
	bool resets;  /* a stateless reset is all that it sends */
	bool ecn;     /* counts it */
	u8 every;     /* acknowledges each how manieth; 0: each */
	u16 size;     /* of a datagram to be heard; 0: any */
};

/* Of one pair of addresses and ports. */
struct quicserver {
	struct quic_cid first; /* what keys are of */
	struct quic_cid client;
	u32 version;
	bool begun, closed; /* by the client */
	u64 begun_ns;
	u64 hello;			    /* a hash */
	u64 heard[QUICSERVER_NUMBERS / 64]; /* numbers */
	u32 highest, taken;
	u32 initials, retries, negotiations, acks, closes, faults;
	const char *fault; /* the first of them */
};

/* UDP payloads to the client. */
struct quicserver_out {
	u8 data[QUICSERVER_OUT][QUICSERVER_FRAME];
	u32 len[QUICSERVER_OUT];
	unsigned int n;
};

/* Octets as quicframe takes them; returns text. */
const char *quicserver_hex(const u8 *p, u32 len, char *text);
/* Its own connection ID: of a server that was asked for `first`. */
struct quic_cid quicserver_id(const struct quic_cid *first);
/* A UDP payload has come. */
void quicserver_hear(struct quicserver *s, const struct quicserver_habits *h,
		     struct quic_crypto *crypto, const u8 *data, u32 len,
		     u64 now, struct quicserver_out *out);

#endif
