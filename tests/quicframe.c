// SPDX-License-Identifier: BSD-2-Clause
/* quicframe: packets of QUIC for tests. */
#include "quicframe.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "quicframe: %s\n", what);
	abort();
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

u32 quicframe_hex(const char *hex, u8 *at)
{
	u32 n = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		need(hex[1], "a digit is missing");
		at[n++] = (u8)(digit(hex[0]) << 4 | digit(hex[1]));
		hex++;
	}
	return n;
}

static struct quic_cid cid(const char *hex)
{
	struct quic_cid c = {};

	c.len = (u8)quicframe_hex(hex, c.id);
	return c;
}

struct quic_cid quicframe_dcid(void)
{
	return cid("8394c8f03e515708");
}

struct quic_cid quicframe_scid(void)
{
	return cid("f067a5502a4262b5");
}

struct quic_cid quicframe_ours(void)
{
	return cid("0123456789abcdef");
}

struct quic_expected quicframe_expected(u32 version)
{
	return (struct quic_expected){
		.version = version,
		.sent = 10,
		.scid = quicframe_ours(),
		.dcid = quicframe_dcid(),
	};
}

/* Of any length up to 255, as the invariants allow. */
static u8 *put_cid(u8 *p, const char *hex, struct quic_cid none)
{
	u32 len = none.len;

	if (hex)
		len = quicframe_hex(hex, p + 1);
	else
		memcpy(p + 1, none.id, len);
	*p = (u8)len;
	return p + 1 + len;
}

/* The tag of a Retry is made as the RFCs say it, apart from what verifies. */
static u8 *put_retry_tag(const struct quicframe *f, const u8 *packet, u8 *end)
{
	const struct quic_cid dcid = f->keys ? *f->keys : quicframe_dcid();
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	u8 key[16], nonce[12];
	int n;

	if (f->version == QUIC_V2) {
		quicframe_hex("8fb4b01b56ac48e260fbcbcead7ccc92", key);
		quicframe_hex("d86969bc2d7c6d9990efb04a", nonce);
	} else {
		quicframe_hex("be0c690b9f66575a1d766b54e368c84e", key);
		quicframe_hex("461599d35d632bf2239825bb", nonce);
	}
	need(c && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce) &&
		     EVP_EncryptUpdate(c, NULL, &n, &dcid.len, 1) &&
		     EVP_EncryptUpdate(c, NULL, &n, dcid.id, dcid.len) &&
		     EVP_EncryptUpdate(c, NULL, &n, packet,
				       (int)(end - packet)) &&
		     EVP_EncryptFinal_ex(c, end, &n) &&
		     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG,
					 end),
	     "no tag");
	EVP_CIPHER_CTX_free(c);
	return end + QUIC_TAG;
}

static u8 *put_sealed(struct quic_crypto *c, const struct quicframe *f,
		      u8 *packet, u8 *p, u32 octets)
{
	const struct quic_cid dcid = f->keys ? *f->keys : quicframe_dcid();
	struct quic_keys k;
	u8 *number;
	u32 len;

	if (f->type == QUIC_INITIAL) {
		*p++ = f->token;
		memset(p, 0x77, f->token);
		p += f->token;
	}
	number = p + 2;
	for (u32 i = 0; i < octets; i++)
		number[i] = (u8)(f->number >> 8 * (octets - 1 - i));
	len = quicframe_hex(f->frames, number + octets);
	memset(number + octets + len, 0, f->padding);
	len += octets + f->padding + QUIC_TAG;
	quic_put2(p, (len + f->lie) & 0x3fff);
	if (f->unsealed) {
		memset(number + len - QUIC_TAG, 0, QUIC_TAG);
		return number + len;
	}
	need(quic_keys_derive(c, f->version, &dcid,
			      f->wrong ? QUIC_CLIENT : QUIC_SERVER, &k) &&
		     quic_seal(c, &k, f->number, packet,
			       (u32)(number + octets - packet),
			       (u32)(number + len - packet)),
	     "not sealed");
	return number + len;
}

u32 quicframe_add(struct quic_crypto *c, const struct quicframe *f, u8 *at,
		  u32 len)
{
	const u32 octets = f->number_octets ? f->number_octets : 2;
	u8 *packet = at + len, *p = packet;

	*p++ = (u8)(QUIC_LONG | QUIC_FIXED |
		    quic_type_bits(f->version, f->type) | f->reserved |
		    (octets - 1));
	p = quic_put32(p, f->version);
	p = put_cid(p, f->to, quicframe_ours());
	p = put_cid(p, f->from,
		    f->version ? quicframe_scid() : quicframe_dcid());
	if (!quic_is_spoken(f->version))
		p += quicframe_hex(f->frames, p);
	else if (f->type == QUIC_RETRY)
		p = put_retry_tag(f, packet, p + quicframe_hex(f->frames, p));
	else
		p = put_sealed(c, f, packet, p, octets);
	packet[0] ^= f->flip;
	need(p <= at + QUICFRAME_MAX, "too long");
	return (u32)(p - at);
}

#define ACK_0 "0200000000"
#define SERVER_HELLO                                                           \
	"06002b 02000027 0303"                                                 \
	"eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a12"     \
	"00 130100 00"

static const struct quicframe samples[][3] = {
	{ { QUIC_V1, .frames = ACK_0 SERVER_HELLO } },
	{ { QUIC_V2, .frames = ACK_0 SERVER_HELLO } },
	{ { QUIC_V1, .frames = "03 09 00 01 02 01 01 05 06 07", .padding = 40 },
	  { QUIC_V1, .type = QUIC_HANDSHAKE, .frames = "", .padding = 40 },
	  { QUIC_V1, .type = QUIC_HANDSHAKE, .frames = "", .padding = 4 } },
	{ { QUIC_V1, .type = QUIC_RETRY, .frames = "746f6b656e" } },
	{ { QUIC_NEGOTIATION, .frames = "6b3343cf ff00001d 1a2a3a4a" } },
	{ { QUIC_V1, .frames = "1c 0a 06 03 414243 01", .padding = 20 } },
	{ { QUIC_V1, .frames = "06000b 0200007603034243444546", .padding = 9,
	    .number_octets = 4 } },
	{ { QUIC_V1, .type = QUIC_0RTT, .frames = "", .padding = 40 } },
	{ { QUIC_V1, .frames = "1e", .padding = 40 } },
	{ { 0xff00001d, .frames = "4142434445" } },
};

u32 quicframe_samples(void)
{
	return sizeof(samples) / sizeof(*samples);
}

u32 quicframe_sample(struct quic_crypto *c, u32 i, bool sealed, u8 *at)
{
	u32 len = 0;

	for (u32 j = 0; j < 3 && samples[i][j].frames; j++) {
		struct quicframe f = samples[i][j];

		f.unsealed = !sealed;
		len = quicframe_add(c, &f, at, len);
	}
	return len;
}
