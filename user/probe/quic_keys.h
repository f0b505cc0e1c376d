/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_keys: protects and opens Initial packets, and verifies a Retry (RFC
 * 9001 section 5, RFC 9369 section 3.3).
 *
 * Keys are plain values; what OpenSSL allocates is one struct quic_crypto per
 * thread, keyed anew for every packet: ten thousand connections have ten
 * thousand times 44 octets. Nothing is allocated for a packet that is sealed,
 * opened or verified; for a derivation OpenSSL does, and frees.
 *
 * Initial keys are no secret: whoever sees the first packet can derive them.
 * They tell a server's answer from noise, not a friend from a foe.
 */
#ifndef WHITHER_QUIC_KEYS_H
#define WHITHER_QUIC_KEYS_H

#include "probe/quic.h"

struct evp_cipher_ctx_st;
struct evp_cipher_st;
struct evp_md_ctx_st;
struct evp_md_st;

/* Of one thread. */
struct quic_crypto {
	struct evp_cipher_ctx_st *seal, *open; /* AES-128-GCM */
	struct evp_cipher_ctx_st *mask;	       /* AES-128-ECB */
	struct evp_md_ctx_st *hash;	       /* SHA-256 */
	struct evp_cipher_st *gcm, *ecb;
	struct evp_md_st *sha256;
};

/* Of one direction of one connection. */
struct quic_keys {
	u8 key[16], iv[12], hp[16];
};

enum quic_side {
	QUIC_CLIENT,
	QUIC_SERVER,
};

/* 0 or -ENOMEM; then *c needs no closing. */
int quic_crypto_open(struct quic_crypto *c);
/* A zeroed one may be closed too. */
void quic_crypto_close(struct quic_crypto *c);

/* The keys of a side's Initials; `dcid` is the destination connection ID of
 * the client's first Initial, after a Retry that of the first one since.
 * False: OpenSSL refuses, or the version is not spoken. */
bool quic_keys_derive(struct quic_crypto *c, u32 version,
		      const struct quic_cid *dcid, enum quic_side side,
		      struct quic_keys *k);

/*
 * Protects a packet where it stands: at[0..header) is its long header, which
 * ends with the packet number in as many octets as the first octet says;
 * at[header..size - QUIC_TAG) are its frames, with the number four octets at
 * least. The tag is written to the QUIC_TAG octets behind them. False: OpenSSL
 * refuses, and the packet is spoilt.
 */
bool quic_seal(struct quic_crypto *c, const struct quic_keys *k, u32 number,
	       u8 *at, u32 header, u32 size);

/* Of a packet that can be opened, what stands before its number: a server has
 * no token to send. */
enum { QUIC_HEADER_MAX = 128 };

/* What quic_open() finds. */
struct quic_opened {
	u64 number; /* as it was sent, not expanded */
	u32 len;    /* of the frames, in plain[] */
	u8 first;   /* the first octet, unprotected */
};

/*
 * Opens a packet at[0..size) whose header is long and has its packet number
 * at at[header], header <= QUIC_HEADER_MAX; writes its frames to plain[], of
 * room octets. The packet itself is not touched. False: too short, too long,
 * or not sealed with these keys.
 *
 * The packet number is taken as it stands: a peer that never had anything
 * acknowledged sends it whole (RFC 9000 section 17.1).
 */
bool quic_open(struct quic_crypto *c, const struct quic_keys *k, const u8 *at,
	       u32 header, u32 size, u8 *plain, u32 room,
	       struct quic_opened *opened);

/* Does the tag that ends the Retry at[0..size) answer an Initial to
 * `original`? (RFC 9001 section 5.8) */
bool quic_retry_verify(struct quic_crypto *c, u32 version,
		       const struct quic_cid *original, const u8 *at, u32 size);

#endif
