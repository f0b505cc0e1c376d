// SPDX-License-Identifier: BSD-2-Clause
/* quic_packet: the packets that a client sends before it has heard anything. */
#include "probe/quic_packet.h"

enum {
	LENGTH = 2, /* octets of a Length field */
	SIZE_MAX14 = 1 << 14,
	CLOSE = 4,  /* octets of that frame */
	CRYPTO = 4, /* ... of CRYPTO's header: type, offset, length */
};

static u8 *put_cid(u8 *p, const struct quic_cid *id)
{
	*p++ = id->len;
	memcpy(p, id->id, id->len);
	return p + id->len;
}

/* The fields that no version may change: RFC 8999 section 5.1. */
static u8 *put_invariants(u8 *p, u8 first, u32 version,
			  const struct quic_cid *dcid,
			  const struct quic_cid *scid)
{
	*p++ = first;
	p = quic_put32(p, version);
	p = put_cid(p, dcid);
	return put_cid(p, scid);
}

static u32 invariant_octets(const struct quic_cid *dcid,
			    const struct quic_cid *scid)
{
	return 1u + 4 + 1 + dcid->len + 1 + scid->len;
}

/* Its length is as short as it can be: it mostly is 0, and not every box on
 * the way reads that from two octets. */
static u32 token_octets(u32 len)
{
	return (len < 64 ? 1 : 2) + len;
}

static u8 *put_token(u8 *p, const u8 *token, u32 len)
{
	if (len < 64)
		*p++ = (u8)len;
	else
		p = quic_put2(p, len);
	if (len)
		memcpy(p, token, len);
	return p + len;
}

/* Returns the end of the frame, NULL if there is none. */
static u8 *put_crypto(u8 *p, const struct quic_hello *h, u32 room)
{
	u32 len;

	if (room < CRYPTO)
		return NULL;
	len = quic_hello_write(h, p + CRYPTO, room - CRYPTO);
	if (!len)
		return NULL;
	*p++ = QUIC_FRAME_CRYPTO;
	*p++ = 0; /* offset */
	return quic_put2(p, len) + len;
}

/* RFC 9000 section 19.19: the code, the frame to blame, no reason. */
static u8 *put_close(u8 *p, u32 room)
{
	if (room < CLOSE)
		return NULL;
	*p++ = QUIC_FRAME_CLOSE;
	memset(p, 0, CLOSE - 1);
	return p + CLOSE - 1;
}

bool quic_initial_write(struct quic_crypto *c, const struct quic_keys *k,
			const struct quic_initial *i, u8 *at, u32 size)
{
	u8 *p = at, *end = at + size - QUIC_TAG;
	u32 header = invariant_octets(&i->dcid, &i->scid) +
		     token_octets(i->token_len) + LENGTH + QUIC_NUMBER_MAX;

	if (size > SIZE_MAX14 || i->token_len >= SIZE_MAX14 ||
	    size < header + CLOSE + QUIC_TAG)
		return false;
	p = put_invariants(p,
			   QUIC_LONG | QUIC_FIXED |
				   quic_type_bits(i->version, QUIC_INITIAL) |
				   (QUIC_NUMBER_MAX - 1),
			   i->version, &i->dcid, &i->scid);
	p = put_token(p, i->token, i->token_len);
	p = quic_put2(p, size - (u32)(p + LENGTH - at));
	p = quic_put32(p, i->number);
	p = i->hello ? put_crypto(p, i->hello, (u32)(end - p))
		     : put_close(p, (u32)(end - p));
	if (!p)
		return false;
	memset(p, QUIC_FRAME_PADDING, (size_t)(end - p));
	return quic_seal(c, k, i->number, at, header, size);
}

bool quic_ask_versions(u32 reserved, const struct quic_cid *dcid,
		       const struct quic_cid *scid, u8 *at, u32 size)
{
	u8 *p;

	if (size < invariant_octets(dcid, scid))
		return false;
	p = put_invariants(at, QUIC_LONG | QUIC_FIXED, reserved, dcid, scid);
	memset(p, 0, (size_t)(at + size - p));
	return true;
}
