// SPDX-License-Identifier: BSD-2-Clause
/* quic_hello: the TLS 1.3 ClientHello that begins a QUIC handshake. */
#include "probe/quic_hello.h"

/* RFC 8446 section 4.2, RFC 6066, RFC 7301, RFC 9001 section 8.2 */
enum extension {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_VERSIONS = 43,
	EXT_PSK_MODES = 45,
	EXT_KEY_SHARE = 51,
	EXT_TRANSPORT = 57,
};

/* RFC 9000 section 18.2, RFC 9368 section 3 */
enum parameter {
	PARAM_IDLE_TIMEOUT = 0x01,
	PARAM_PAYLOAD = 0x03,
	PARAM_DATA = 0x04,
	PARAM_DATA_LOCAL = 0x05,
	PARAM_DATA_REMOTE = 0x06,
	PARAM_DATA_UNI = 0x07,
	PARAM_STREAMS = 0x08,
	PARAM_STREAMS_UNI = 0x09,
	PARAM_SCID = 0x0f,
	PARAM_VERSIONS = 0x11,
};

enum {
	CLIENT_HELLO = 1,
	TLS12 = 0x0303,
	TLS13 = 0x0304,
	X25519 = 29,
	SECP256R1 = 23,
	SECP384R1 = 24,
	/* A server forgets soon what our closing did not reach. */
	IDLE_MS = 3000,
	PAYLOAD = 1472, /* of Ethernet's MTU */
	WINDOW = 16383, /* the most of two octets */
	STREAMS = 100,
	STREAMS_UNI = 3, /* what HTTP/3 needs: RFC 9114 section 6.2 */
};

/* Where things stand in the seed. */
enum {
	SEED_RANDOM = 0,
	SEED_SHARE = 32,
	SEED_CIPHER = 64,
	SEED_GROUP,
	SEED_EXT,
	SEED_EXT_LAST,
	SEED_TLS,
	SEED_PARAM,	     /* two octets */
	SEED_VALUE = 72,     /* eight */
	SEED_AVAILABLE = 80, /* four */
};

static u8 *put16(u8 *p, u32 v)
{
	*p++ = (u8)(v >> 8);
	*p++ = (u8)v;
	return p;
}

/* What was left out at `at`: how much stands behind it. */
static void fill16(u8 *at, const u8 *end)
{
	put16(at, (u32)(end - at - 2));
}

/* 0x?a?a, RFC 8701 section 2 */
static u16 grease(u8 seed)
{
	return (u16)((seed & 0xf0) * 0x101 | 0x0a0a);
}

static u8 *put_name(u8 *p, const char *name, u32 len)
{
	p = put16(p, EXT_SERVER_NAME);
	p = put16(p, len + 5);
	p = put16(p, len + 3);
	*p++ = 0; /* host_name */
	p = put16(p, len);
	memcpy(p, name, len);
	return p + len;
}

static u8 *put_alpn(u8 *p, const char *protocol, u32 len)
{
	p = put16(p, EXT_ALPN);
	p = put16(p, len + 3);
	p = put16(p, len + 1);
	*p++ = (u8)len;
	memcpy(p, protocol, len);
	return p + len;
}

/* An extension that is a list of 16-bit values. */
static u8 *put_list(u8 *p, enum extension type, const u16 *list, u32 n)
{
	p = put16(p, type);
	p = put16(p, 2 * n + 2);
	p = put16(p, 2 * n);
	for (u32 i = 0; i < n; i++)
		p = put16(p, list[i]);
	return p;
}

static u8 *put_groups(u8 *p, const u8 *seed)
{
	const u16 groups[] = { grease(seed[SEED_GROUP]), X25519, SECP256R1,
			       SECP384R1 };

	return put_list(p, EXT_GROUPS, groups, 4);
}

/* ECDSA, PSS and PKCS #1 with SHA-256, -384 and -512, as browsers say it. */
static u8 *put_signatures(u8 *p)
{
	static const u16 schemes[] = { 0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
				       0x0501, 0x0806, 0x0601, 0x0201 };

	return put_list(p, EXT_SIGNATURES, schemes, 9);
}

static u8 *put_key_share(u8 *p, const u8 *seed)
{
	u8 *size = put16(p, EXT_KEY_SHARE), *shares = size + 2;

	p = put16(shares + 2, grease(seed[SEED_GROUP]));
	p = put16(p, 1);
	*p++ = 0;
	p = put16(p, X25519);
	p = put16(p, 32);
	memcpy(p, seed + SEED_SHARE, 32);
	p += 32;
	fill16(size, p);
	fill16(shares, p);
	return p;
}

static u8 *put_versions(u8 *p, const u8 *seed)
{
	p = put16(p, EXT_VERSIONS);
	p = put16(p, 5);
	*p++ = 4;
	p = put16(p, grease(seed[SEED_TLS]));
	return put16(p, TLS13);
}

static u8 *put_psk_modes(u8 *p)
{
	p = put16(p, EXT_PSK_MODES);
	p = put16(p, 2);
	*p++ = 1;
	*p++ = 1; /* psk_dhe_ke */
	return p;
}

/* One parameter whose value is an integer below 2^14. */
static u8 *put_number(u8 *p, enum parameter id, u32 value)
{
	*p++ = (u8)id;
	*p++ = 2;
	return quic_put2(p, value);
}

/* The version in use, and what it may be exchanged for without a round trip:
 * nothing but a reserved one. All our probes stay what they are. */
static u8 *put_version_information(u8 *p, const struct quic_hello *h)
{
	const u32 any = quic_get32(h->seed + SEED_AVAILABLE);

	*p++ = PARAM_VERSIONS;
	*p++ = 12;
	p = quic_put32(p, h->version);
	p = quic_put32(p, (any & 0xf0f0f0f0) | 0x0a0a0a0a);
	return quic_put32(p, h->version);
}

/* A number of the form 31 * N + 27 means nothing: RFC 9000 section 18.1. */
static u8 *put_reserved(u8 *p, const u8 *seed)
{
	u32 n = (u32)(seed[SEED_PARAM] << 8 | seed[SEED_PARAM + 1]) % 500;
	u32 len = seed[SEED_VALUE] & 7;

	p = quic_put2(p, 31 * n + 27);
	*p++ = (u8)len;
	memcpy(p, seed + SEED_VALUE, len);
	return p + len;
}

static u8 *put_transport(u8 *p, const struct quic_hello *h)
{
	u8 *size = put16(p, EXT_TRANSPORT);

	p = put_number(size + 2, PARAM_IDLE_TIMEOUT, IDLE_MS);
	p = put_number(p, PARAM_PAYLOAD, PAYLOAD);
	p = put_number(p, PARAM_DATA, WINDOW);
	p = put_number(p, PARAM_DATA_LOCAL, WINDOW);
	p = put_number(p, PARAM_DATA_REMOTE, WINDOW);
	p = put_number(p, PARAM_DATA_UNI, WINDOW);
	p = put_number(p, PARAM_STREAMS, STREAMS);
	p = put_number(p, PARAM_STREAMS_UNI, STREAMS_UNI);
	*p++ = PARAM_SCID;
	*p++ = h->scid.len;
	memcpy(p, h->scid.id, h->scid.len);
	p = put_version_information(p + h->scid.len, h);
	p = put_reserved(p, h->seed);
	fill16(size, p);
	return p;
}

static u8 *put_extensions(u8 *p, const struct quic_hello *h, u32 name_len,
			  const char *alpn, u32 alpn_len)
{
	u16 first = grease(h->seed[SEED_EXT]);
	u16 last = grease(h->seed[SEED_EXT_LAST]);
	u8 *size = p;

	/* none may stand twice: RFC 8446 section 4.2 */
	if (last == first)
		last ^= 0x1010;
	p = put16(put16(size + 2, first), 0);
	if (h->name)
		p = put_name(p, h->name, name_len);
	p = put_groups(p, h->seed);
	p = put_alpn(p, alpn, alpn_len);
	p = put_signatures(p);
	p = put_key_share(p, h->seed);
	p = put_psk_modes(p);
	p = put_versions(p, h->seed);
	p = put_transport(p, h);
	p = put16(put16(p, last), 1);
	*p++ = 0;
	fill16(size, p);
	return p;
}

/* What stands before the extensions: no session ID, RFC 9001 section 8.4. */
static u8 *put_start(u8 *p, const u8 *seed)
{
	const u16 suites[] = { grease(seed[SEED_CIPHER]), 0x1301, 0x1302,
			       0x1303 };

	p = put16(p, TLS12);
	memcpy(p, seed + SEED_RANDOM, 32);
	p += 32;
	*p++ = 0;
	p = put16(p, sizeof(suites));
	for (u32 i = 0; i < 4; i++)
		p = put16(p, suites[i]);
	*p++ = 1; /* one compression: none */
	*p++ = 0;
	return p;
}

u32 quic_hello_write(const struct quic_hello *h, u8 *at, u32 room)
{
	const char *alpn = h->alpn ? h->alpn : "h3";
	size_t name_len = h->name ? strnlen(h->name, QUIC_NAME_MAX + 1) : 1;
	size_t alpn_len = strnlen(alpn, QUIC_NAME_MAX + 1);
	u8 whole[QUIC_HELLO_MAX], *p;
	u32 len;

	if (!name_len || name_len > QUIC_NAME_MAX || !alpn_len ||
	    alpn_len > QUIC_NAME_MAX)
		return 0;
	p = put_start(whole + 4, h->seed);
	p = put_extensions(p, h, (u32)name_len, alpn, (u32)alpn_len);
	len = (u32)(p - whole);
	whole[0] = CLIENT_HELLO;
	whole[1] = 0;
	fill16(whole + 2, p);
	if (len > room)
		return 0;
	memcpy(at, whole, len);
	return len;
}
