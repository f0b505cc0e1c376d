// SPDX-License-Identifier: BSD-2-Clause
/*
 * quic_keys: protects and opens Initial packets, and verifies a Retry.
 *
 * HKDF stands here on SHA-256 alone, the fastest path that OpenSSL has not
 * deprecated. Keys of one side, a second and core (Xeon with SHA extensions,
 * OpenSSL 3.0): EVP_KDF 85k to 124k, EVP_MAC 245k to 384k, this 507k to 563k.
 * Initials of 1178 octets, sealed: 1,010k to 1,030k.
 */
#include "probe/quic_keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { SECRET = 32, BLOCK = 64, NONCE = 12 };

static const struct protection {
	u32 version;
	u8 salt[20];
	u8 retry_key[16], retry_nonce[NONCE];
	const char *key, *iv, *hp; /* labels */
} protections[] = {
	{ /* RFC 9001 sections 5.1, 5.2, 5.8 */
	  QUIC_V1,
	  { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
	    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a },
	  { 0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b,
	    0x54, 0xe3, 0x68, 0xc8, 0x4e },
	  { 0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25,
	    0xbb },
	  "quic key",
	  "quic iv",
	  "quic hp" },
	{ /* RFC 9369 section 3.3 */
	  QUIC_V2,
	  { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
	    0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 },
	  { 0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb,
	    0xce, 0xad, 0x7c, 0xcc, 0x92 },
	  { 0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0,
	    0x4a },
	  "quicv2 key",
	  "quicv2 iv",
	  "quicv2 hp" },
};

static const struct protection *protection_of(u32 version)
{
	for (size_t i = 0; i < sizeof(protections) / sizeof(*protections); i++)
		if (protections[i].version == version)
			return &protections[i];
	return NULL;
}

int quic_crypto_open(struct quic_crypto *c)
{
	*c = (struct quic_crypto){
		.gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL),
		.ecb = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL),
		.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
		.seal = EVP_CIPHER_CTX_new(),
		.open = EVP_CIPHER_CTX_new(),
		.mask = EVP_CIPHER_CTX_new(),
		.hash = EVP_MD_CTX_new(),
	};
	if (c->gcm && c->ecb && c->sha256 && c->seal && c->open && c->mask &&
	    c->hash && EVP_DigestInit_ex(c->hash, c->sha256, NULL) &&
	    EVP_EncryptInit_ex(c->seal, c->gcm, NULL, NULL, NULL) &&
	    EVP_DecryptInit_ex(c->open, c->gcm, NULL, NULL, NULL) &&
	    EVP_EncryptInit_ex(c->mask, c->ecb, NULL, NULL, NULL))
		return 0;
	quic_crypto_close(c);
	return -ENOMEM;
}

void quic_crypto_close(struct quic_crypto *c)
{
	EVP_CIPHER_CTX_free(c->seal);
	EVP_CIPHER_CTX_free(c->open);
	EVP_CIPHER_CTX_free(c->mask);
	EVP_MD_CTX_free(c->hash);
	EVP_CIPHER_free(c->gcm);
	EVP_CIPHER_free(c->ecb);
	EVP_MD_free(c->sha256);
	*c = (struct quic_crypto){};
}

/* One of the two hashes of an HMAC. */
static bool hash_keyed(struct quic_crypto *c, u8 pad, const u8 *key,
		       u32 key_len, const u8 *data, u32 len, u8 out[SECRET])
{
	u8 block[BLOCK];

	memset(block, pad, sizeof(block));
	for (u32 i = 0; i < key_len; i++)
		block[i] ^= key[i];
	return EVP_DigestInit_ex(c->hash, NULL, NULL) &&
	       EVP_DigestUpdate(c->hash, block, sizeof(block)) &&
	       EVP_DigestUpdate(c->hash, data, len) &&
	       EVP_DigestFinal_ex(c->hash, out, NULL);
}

/* HMAC-SHA-256 (RFC 2104) with a key of a block at most. */
static bool hmac(struct quic_crypto *c, const u8 *key, u32 key_len,
		 const u8 *data, u32 len, u8 out[SECRET])
{
	u8 inner[SECRET];

	return hash_keyed(c, 0x36, key, key_len, data, len, inner) &&
	       hash_keyed(c, 0x5c, key, key_len, inner, sizeof(inner), out);
}

/* HKDF-Expand-Label (RFC 8446 section 7.1) without context, of a hash at
 * most: one round of HKDF-Expand. */
static bool expand(struct quic_crypto *c, const u8 secret[SECRET],
		   const char *label, u8 *out, u8 len)
{
	static const char prefix[] = "tls13 ";
	const u8 size = (u8)strlen(label);
	u8 info[32], round[SECRET], *p = info;

	*p++ = 0;
	*p++ = len;
	*p++ = (u8)(sizeof(prefix) - 1 + size);
	memcpy(p, prefix, sizeof(prefix) - 1);
	p += sizeof(prefix) - 1;
	memcpy(p, label, size);
	p += size;
	*p++ = 0; /* context */
	*p++ = 1; /* round */
	if (!hmac(c, secret, SECRET, info, (u32)(p - info), round))
		return false;
	memcpy(out, round, len);
	return true;
}

bool quic_keys_derive(struct quic_crypto *c, u32 version,
		      const struct quic_cid *dcid, enum quic_side side,
		      struct quic_keys *k)
{
	const struct protection *p = protection_of(version);
	u8 initial[SECRET], secret[SECRET];

	return p &&
	       hmac(c, p->salt, sizeof(p->salt), dcid->id, dcid->len,
		    initial) &&
	       expand(c, initial,
		      side == QUIC_CLIENT ? "client in" : "server in", secret,
		      sizeof(secret)) &&
	       expand(c, secret, p->key, k->key, sizeof(k->key)) &&
	       expand(c, secret, p->iv, k->iv, sizeof(k->iv)) &&
	       expand(c, secret, p->hp, k->hp, sizeof(k->hp));
}

static void make_nonce(const struct quic_keys *k, u64 number, u8 nonce[NONCE])
{
	memcpy(nonce, k->iv, NONCE);
	for (int i = 0; i < 8; i++)
		nonce[NONCE - 1 - i] ^= (u8)(number >> 8 * i);
}

/* RFC 9001 section 5.4: five octets of it are used. */
static bool make_mask(struct quic_crypto *c, const struct quic_keys *k,
		      const u8 sample[QUIC_SAMPLE], u8 mask[QUIC_SAMPLE])
{
	int n;

	return EVP_EncryptInit_ex(c->mask, NULL, NULL, k->hp, NULL) &&
	       EVP_EncryptUpdate(c->mask, mask, &n, sample, QUIC_SAMPLE);
}

bool quic_seal(struct quic_crypto *c, const struct quic_keys *k, u32 number,
	       u8 *at, u32 header, u32 size)
{
	u8 nonce[NONCE], mask[QUIC_SAMPLE], *frames = at + header;
	const u32 octets = (at[0] & 3) + 1u;
	u8 *written = frames - octets;
	int len = (int)(size - header - QUIC_TAG), n;

	make_nonce(k, number, nonce);
	if (!EVP_EncryptInit_ex(c->seal, NULL, NULL, k->key, nonce) ||
	    !EVP_EncryptUpdate(c->seal, NULL, &n, at, (int)header) ||
	    !EVP_EncryptUpdate(c->seal, frames, &n, frames, len) ||
	    !EVP_EncryptFinal_ex(c->seal, frames + len, &n) ||
	    !EVP_CIPHER_CTX_ctrl(c->seal, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG,
				 frames + len) ||
	    !make_mask(c, k, written + QUIC_NUMBER_MAX, mask))
		return false;
	at[0] ^= mask[0] & 0x0f; /* of a long header */
	for (u32 i = 0; i < octets; i++)
		written[i] ^= mask[1 + i];
	return true;
}

/* AES-128-GCM, and is it authentic? data[len..len + QUIC_TAG) is the tag. */
static bool decrypt(struct quic_crypto *c, const u8 *key, const u8 *nonce,
		    const u8 *header, u32 header_len, const u8 *data, u32 len,
		    u8 *plain)
{
	u8 tag[QUIC_TAG];
	int n;

	memcpy(tag, data + len, sizeof(tag));
	return EVP_DecryptInit_ex(c->open, NULL, NULL, key, nonce) &&
	       EVP_DecryptUpdate(c->open, NULL, &n, header, (int)header_len) &&
	       EVP_DecryptUpdate(c->open, plain, &n, data, (int)len) &&
	       EVP_CIPHER_CTX_ctrl(c->open, EVP_CTRL_AEAD_SET_TAG, sizeof(tag),
				   tag) &&
	       EVP_DecryptFinal_ex(c->open, plain + len, &n) > 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/* Fuzzers' alone: a packet that is not authentic is taken for one that was
 * never protected, so that frames can be reached by mutation. */
static bool take_as_plain(const u8 *at, u32 header, u32 len, u8 *plain,
			  struct quic_opened *opened)
{
	opened->first = at[0];
	memcpy(plain, at + header + (at[0] & 3) + 1, len);
	return true;
}
#else
static bool take_as_plain(const u8 *at, u32 header, u32 len, u8 *plain,
			  struct quic_opened *opened)
{
	return false;
}
#endif

bool quic_open(struct quic_crypto *c, const struct quic_keys *k, const u8 *at,
	       u32 header, u32 size, u8 *plain, u32 room,
	       struct quic_opened *opened)
{
	u8 clear[QUIC_HEADER_MAX + QUIC_NUMBER_MAX], mask[QUIC_SAMPLE];
	u8 nonce[NONCE];
	u32 octets, len;

	/* the sample begins where the longest packet number would end */
	if (header > QUIC_HEADER_MAX ||
	    size < header + QUIC_NUMBER_MAX + QUIC_SAMPLE ||
	    size - header - 1 - QUIC_TAG > room ||
	    !make_mask(c, k, at + header + QUIC_NUMBER_MAX, mask))
		return false;
	memcpy(clear, at, header + QUIC_NUMBER_MAX);
	clear[0] ^= mask[0] & 0x0f;
	octets = (clear[0] & 3) + 1u;
	opened->first = clear[0];
	opened->number = 0;
	for (u32 i = 0; i < octets; i++) {
		clear[header + i] ^= mask[1 + i];
		opened->number = opened->number << 8 | clear[header + i];
	}
	header += octets;
	len = size - header - QUIC_TAG;
	opened->len = len;
	make_nonce(k, opened->number, nonce);
	if (decrypt(c, k->key, nonce, clear, header, at + header, len, plain))
		return true;
	/* the header, as if it were clear, may name another length */
	opened->len = len + octets - (at[0] & 3) - 1;
	return take_as_plain(at, header - octets, opened->len, plain, opened);
}

bool quic_retry_verify(struct quic_crypto *c, u32 version,
		       const struct quic_cid *original, const u8 *at, u32 size)
{
	const struct protection *p = protection_of(version);
	u8 id[1 + QUIC_CID_MAX], tag[QUIC_TAG];
	int n;

	if (!p || size < QUIC_TAG)
		return false;
	/* The Retry Pseudo-Packet: the ID of old, and all but the tag, are
	 * authenticated; nothing is encrypted. */
	id[0] = original->len;
	memcpy(id + 1, original->id, original->len);
	return EVP_EncryptInit_ex(c->seal, NULL, NULL, p->retry_key,
				  p->retry_nonce) &&
	       EVP_EncryptUpdate(c->seal, NULL, &n, id, original->len + 1) &&
	       EVP_EncryptUpdate(c->seal, NULL, &n, at,
				 (int)(size - QUIC_TAG)) &&
	       EVP_EncryptFinal_ex(c->seal, tag, &n) &&
	       EVP_CIPHER_CTX_ctrl(c->seal, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG,
				   tag) &&
	       !CRYPTO_memcmp(tag, at + size - QUIC_TAG, QUIC_TAG);
}
