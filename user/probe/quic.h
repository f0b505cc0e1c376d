/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic: what all packets of QUIC have in common (RFC 8999, RFC 9000, RFC 9369).
 *
 * Pure. Values are in host order unless they are octets.
 */
#ifndef WHITHER_QUIC_H
#define WHITHER_QUIC_H

#include "types.h"

enum {
	QUIC_NEGOTIATION = 0, /* the version of a Version Negotiation */
	QUIC_V1 = 1,
	QUIC_V2 = 0x6b3343cf,
};

enum {
	QUIC_CID_MAX = 20, /* of v1 and v2; the invariants allow 255 */
	QUIC_CID = 8,	   /* of ours */
	QUIC_TAG = 16,	   /* of AES-128-GCM, and of a Retry */
	QUIC_SAMPLE = 16,
	QUIC_NUMBER_MAX = 4, /* octets of a packet number, before a sample */
	QUIC_LEAST = 1200,   /* a client's UDP payload, RFC 9000 section 14.1 */
};

/* First octet, RFC 9000 section 17.2 */
enum {
	QUIC_LONG = 0x80,
	QUIC_FIXED = 0x40,
	QUIC_RESERVED_BITS = 0x0c,
};

enum quic_type {
	QUIC_INITIAL,
	QUIC_0RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY,
};

enum {
	QUIC_FRAME_PADDING = 0x00,
	QUIC_FRAME_PING = 0x01,
	QUIC_FRAME_ACK = 0x02,
	QUIC_FRAME_ACK_ECN = 0x03,
	QUIC_FRAME_CRYPTO = 0x06,
	QUIC_FRAME_CLOSE = 0x1c,
};

struct quic_cid {
	u8 len; /* 0..QUIC_CID_MAX */
	u8 id[QUIC_CID_MAX];
};

static inline bool quic_cid_equal(const struct quic_cid *c, const u8 *id,
				  u32 len)
{
	return c->len == len && !memcmp(c->id, id, len);
}

/* We speak it: its salts and labels are known. */
static inline bool quic_is_spoken(u32 version)
{
	return version == QUIC_V1 || version == QUIC_V2;
}

/* 0x?a?a?a?a: no server ever speaks it (RFC 9000 section 15). */
static inline bool quic_is_reserved(u32 version)
{
	return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* The two bits of a type, which v2 counts from elsewhere: RFC 9369 section
 * 3.2. They stand at 0x30 of the first octet. */
static inline u8 quic_type_bits(u32 version, enum quic_type type)
{
	return (u8)((type + (version == QUIC_V2)) & 3) << 4;
}

static inline enum quic_type quic_type_of(u32 version, u8 first)
{
	return (enum quic_type)(((first >> 4) - (version == QUIC_V2)) & 3);
}

/* A variable-length integer of two octets: below 2^14 (RFC 9000 section 16) */
static inline u8 *quic_put2(u8 *p, u32 value)
{
	*p++ = (u8)(0x40 | value >> 8);
	*p++ = (u8)value;
	return p;
}

static inline u8 *quic_put32(u8 *p, u32 value)
{
	const be32 v = be32_put(value);

	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static inline u32 quic_get32(const u8 *p)
{
	be32 v;

	memcpy(&v, p, sizeof(v));
	return be32_get(v);
}

#endif
