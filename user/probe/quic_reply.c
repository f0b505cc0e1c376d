// SPDX-License-Identifier: BSD-2-Clause
/* quic_reply: what a server's datagram says. */
#include "probe/quic_reply.h"

/* What is left to read. Nothing is taken that is not there. */
struct cursor {
	const u8 *p;
	u32 left;
};

/* What is known of the packet that is being read. */
struct packet {
	u32 version;
	u8 first;
	struct cursor dcid, scid;
};

struct reader {
	struct quic_crypto *crypto;
	const struct quic_expected *expected;
	struct quic_reply *reply;
	/* the server's keys, derived when they are needed */
	struct quic_keys keys[2];
	bool has_keys[2];
};

static bool take(struct cursor *c, u64 n, struct cursor *taken)
{
	if (n > c->left)
		return false;
	*taken = (struct cursor){ c->p, (u32)n };
	c->p += n;
	c->left -= (u32)n;
	return true;
}

static bool take_u8(struct cursor *c, u8 *v)
{
	struct cursor t;

	if (!take(c, 1, &t))
		return false;
	*v = t.p[0];
	return true;
}

/* RFC 9000 section 16 */
static bool take_varint(struct cursor *c, u64 *v)
{
	struct cursor t;
	u32 size;

	if (!c->left)
		return false;
	size = 1u << (c->p[0] >> 6);
	if (!take(c, size, &t))
		return false;
	*v = t.p[0] & 0x3f;
	for (u32 i = 1; i < size; i++)
		*v = *v << 8 | t.p[i];
	return true;
}

static bool take_cid(struct cursor *c, struct cursor *id)
{
	u8 len;

	return take_u8(c, &len) && take(c, len, id);
}

static void note(struct reader *r, enum quic_seen what)
{
	r->reply->seen |= what;
}

/* --- frames of an Initial --- */

/* Those of [first, last] that can have been sent. */
static void add_range(struct reader *r, u64 first, u64 last)
{
	struct quic_reply *reply = r->reply;
	u64 sent = r->expected->sent < 1 << 16 ? r->expected->sent : 1 << 16;

	if (last >= sent) {
		note(r, QUIC_SEEN_UNSENT);
		if (first >= sent)
			return;
		last = sent - 1;
	}
	if (reply->ranges == QUIC_RANGES) {
		note(r, QUIC_SEEN_CROWDED);
		return;
	}
	reply->range[reply->ranges++] =
		(struct quic_range){ (u16)first, (u16)last };
}

/* RFC 9000 section 19.3.1. Each range takes two octets at least, whatever
 * their number is said to be. */
static bool read_ranges(struct reader *r, struct cursor *c, u64 largest,
			u64 count)
{
	u64 gap, len;

	if (!take_varint(c, &len) || len > largest)
		return false;
	add_range(r, largest - len, largest);
	for (; count; count--) {
		largest -= len;
		if (!take_varint(c, &gap) || gap + 2 > largest)
			return false;
		largest -= gap + 2;
		if (!take_varint(c, &len) || len > largest)
			return false;
		add_range(r, largest - len, largest);
	}
	return true;
}

static bool read_ack(struct reader *r, struct cursor *c, bool ecn)
{
	struct quic_reply *reply = r->reply;
	u64 largest, delay, count, ect0, ect1, ce;

	if (!take_varint(c, &largest) || !take_varint(c, &delay) ||
	    !take_varint(c, &count) || !read_ranges(r, c, largest, count))
		return false;
	note(r, QUIC_SEEN_ACK);
	if (!ecn)
		return true;
	if (!take_varint(c, &ect0) || !take_varint(c, &ect1) ||
	    !take_varint(c, &ce))
		return false;
	note(r, QUIC_SEEN_ECN);
	reply->ect0 = ect0;
	reply->ect1 = ect1;
	reply->ce = ce;
	return true;
}

/* What the handshake begins with: a type, a length, a version, the random. */
static void read_hello(struct reader *r, const struct cursor *data)
{
	enum { SERVER_HELLO = 2, RANDOM = 6 };
	/* of a HelloRetryRequest, RFC 8446 section 4.1.3 */
	static const u8 retry[32] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
		0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
		0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	if (!data->left)
		return;
	if (data->p[0] != SERVER_HELLO) {
		note(r, QUIC_SEEN_STRANGE);
		return;
	}
	note(r, QUIC_SEEN_HELLO);
	if (data->left >= RANDOM + sizeof(retry) &&
	    !memcmp(data->p + RANDOM, retry, sizeof(retry)))
		note(r, QUIC_SEEN_HELLO_RETRY);
}

static bool read_crypto(struct reader *r, struct cursor *c)
{
	struct cursor data;
	u64 offset, len;

	if (!take_varint(c, &offset) || !take_varint(c, &len) ||
	    !take(c, len, &data))
		return false;
	if (!offset)
		read_hello(r, &data);
	return true;
}

static bool read_close(struct reader *r, struct cursor *c)
{
	u64 code, frame, len;
	struct cursor reason;

	if (!take_varint(c, &code) || !take_varint(c, &frame) ||
	    !take_varint(c, &len) || !take(c, len, &reason))
		return false;
	note(r, QUIC_SEEN_CLOSE);
	r->reply->close_code = code;
	r->reply->close_frame = frame;
	return true;
}

static bool read_frame(struct reader *r, u8 type, struct cursor *c)
{
	switch (type) {
	case QUIC_FRAME_PADDING:
		return true;
	case QUIC_FRAME_PING:
		note(r, QUIC_SEEN_PING);
		return true;
	case QUIC_FRAME_ACK:
	case QUIC_FRAME_ACK_ECN:
		return read_ack(r, c, type == QUIC_FRAME_ACK_ECN);
	case QUIC_FRAME_CRYPTO:
		return read_crypto(r, c);
	case QUIC_FRAME_CLOSE:
		return read_close(r, c);
	}
	/* no other may stand in an Initial (RFC 9000 section 12.4), and the
	 * length of one that is not known is not known either */
	note(r, QUIC_SEEN_STRANGE);
	c->left = 0;
	return true;
}

static void read_frames(struct reader *r, struct cursor frames)
{
	u8 type;

	if (!frames.left) /* RFC 9000 section 12.4 */
		note(r, QUIC_SEEN_MALFORMED);
	while (take_u8(&frames, &type))
		if (!read_frame(r, type, &frames)) {
			note(r, QUIC_SEEN_MALFORMED);
			return;
		}
}

/* --- packets --- */

static void keep_scid(struct reader *r, const struct packet *p)
{
	r->reply->scid.len = (u8)p->scid.left;
	memcpy(r->reply->scid.id, p->scid.p, p->scid.left);
}

static const struct quic_keys *server_keys(struct reader *r, u32 version)
{
	int i = version == QUIC_V2;

	if (!r->has_keys[i])
		r->has_keys[i] =
			quic_keys_derive(r->crypto, version, &r->expected->dcid,
					 QUIC_SERVER, &r->keys[i]);
	return r->has_keys[i] ? &r->keys[i] : NULL;
}

/* at[header..] are the packet number and what follows it. */
static void read_initial(struct reader *r, const struct packet *p, const u8 *at,
			 u32 header, u32 size)
{
	const struct quic_keys *k = server_keys(r, p->version);
	u8 plain[QUIC_OPEN_MAX];
	struct quic_opened o;

	if (!k || !quic_open(r->crypto, k, at, header, size, plain,
			     sizeof(plain), &o)) {
		note(r, QUIC_SEEN_SEALED);
		return;
	}
	if (o.first & QUIC_RESERVED_BITS) { /* RFC 9000 section 17.2 */
		note(r, QUIC_SEEN_STRANGE);
		return;
	}
	note(r, QUIC_SEEN_INITIAL);
	keep_scid(r, p);
	read_frames(r, (struct cursor){ plain, o.len });
}

/* Handshake, Initial and 0-RTT say how long they are. */
static bool read_with_length(struct reader *r, const struct packet *p,
			     enum quic_type type, const u8 *at,
			     struct cursor *c)
{
	struct cursor token = {}, body;
	u64 len;
	u32 header;

	if (type == QUIC_INITIAL &&
	    (!take_varint(c, &len) || !take(c, len, &token)))
		return false;
	if (!take_varint(c, &len))
		return false;
	header = (u32)(c->p - at);
	if (!take(c, len, &body) || len < QUIC_NUMBER_MAX + QUIC_SAMPLE)
		return false;
	if (type == QUIC_HANDSHAKE)
		note(r, QUIC_SEEN_HANDSHAKE);
	else if (type == QUIC_0RTT || token.left)
		note(r, QUIC_SEEN_STRANGE); /* never a server's, 17.2.2 */
	else
		read_initial(r, p, at, header, header + body.left);
	return true;
}

/* A Retry has no length: it is all of its datagram. RFC 9000 section 17.2.5. */
static bool read_retry(struct reader *r, const struct packet *p, const u8 *at,
		       struct cursor *c)
{
	const struct quic_expected *e = r->expected;
	struct cursor rest;

	take(c, c->left, &rest);
	if (rest.left <= QUIC_TAG)
		return false; /* one without token is to be discarded */
	if (r->reply->seen ||
	    quic_cid_equal(&e->dcid, p->scid.p, p->scid.left) ||
	    p->version != e->version ||
	    !quic_retry_verify(r->crypto, p->version, &e->dcid, at,
			       (u32)(rest.p + rest.left - at))) {
		note(r, QUIC_SEEN_STRANGE);
		return true;
	}
	note(r, QUIC_SEEN_RETRY);
	keep_scid(r, p);
	r->reply->token = rest.p;
	r->reply->token_len = rest.left - QUIC_TAG;
	return true;
}

/* RFC 9000 sections 6.2 and 17.2.1 */
static bool read_negotiation(struct reader *r, const struct packet *p,
			     struct cursor *c)
{
	const struct quic_expected *e = r->expected;
	struct quic_reply *reply = r->reply;
	struct cursor list;
	bool ours = false;

	take(c, c->left, &list);
	if (!list.left || list.left % 4)
		return false;
	if (!quic_cid_equal(&e->dcid, p->scid.p, p->scid.left)) {
		note(r, QUIC_SEEN_FOREIGN);
		return true;
	}
	for (u32 i = 0; i < list.left; i += 4)
		ours |= quic_get32(list.p + i) == e->version;
	if (ours && !quic_is_reserved(e->version)) { /* no reason to send it */
		note(r, QUIC_SEEN_STRANGE);
		return true;
	}
	note(r, QUIC_SEEN_VERSIONS);
	reply->offers = list.left / 4;
	for (u32 i = 0; i < reply->offers; i++) {
		u32 version = quic_get32(list.p + 4 * i);

		if (i < QUIC_OFFERED)
			reply->offered[i] = version;
		reply->offers_v1 |= version == QUIC_V1;
		reply->offers_v2 |= version == QUIC_V2;
	}
	return true;
}

/* Returns false if what follows cannot be told from it. */
static bool read_long(struct reader *r, struct cursor *c)
{
	const u8 *at = c->p;
	struct packet p = {};
	struct cursor version;
	enum quic_type type;

	if (!take_u8(c, &p.first) || !take(c, 4, &version) ||
	    !take_cid(c, &p.dcid) || !take_cid(c, &p.scid)) {
		note(r, QUIC_SEEN_MALFORMED);
		return false;
	}
	p.version = quic_get32(version.p);
	r->reply->version = p.version;
	if (!quic_cid_equal(&r->expected->scid, p.dcid.p, p.dcid.left)) {
		note(r, QUIC_SEEN_FOREIGN);
		return false;
	}
	type = quic_type_of(p.version, p.first);
	if (p.version == QUIC_NEGOTIATION) {
		if (!read_negotiation(r, &p, c))
			note(r, QUIC_SEEN_MALFORMED);
		return false;
	}
	if (!quic_is_spoken(p.version)) {
		note(r, QUIC_SEEN_UNSPOKEN);
		return false;
	}
	if (!(p.first & QUIC_FIXED) || p.scid.left > QUIC_CID_MAX ||
	    (type == QUIC_RETRY ? !read_retry(r, &p, at, c)
				: !read_with_length(r, &p, type, at, c))) {
		note(r, QUIC_SEEN_MALFORMED);
		return false;
	}
	return true;
}

/* It ends the datagram. A reset has no connection ID that we know: 38 bits
 * that are random, and the token, RFC 9000 section 10.3. */
static void read_short(struct reader *r, const struct cursor *c, bool first)
{
	enum { RESET_LEAST = 21 };
	const struct quic_cid *ours = &r->expected->scid;
	const bool fixed = c->p[0] & QUIC_FIXED;

	if (fixed && c->left > ours->len &&
	    quic_cid_equal(ours, c->p + 1, ours->len))
		note(r, QUIC_SEEN_SHORT);
	else if (!first)
		note(r, QUIC_SEEN_TRAILER);
	else if (fixed && c->left >= RESET_LEAST)
		note(r, QUIC_SEEN_RESET);
	else
		note(r, QUIC_SEEN_STRANGE);
}

void quic_reply_read(struct quic_crypto *crypto, const struct quic_expected *e,
		     const u8 *data, u32 len, struct quic_reply *reply)
{
	struct reader r = {
		.crypto = crypto,
		.expected = e,
		.reply = reply,
	};
	struct cursor c = { data, len };

	memset(reply, 0, sizeof(*reply));
	if (!len)
		note(&r, QUIC_SEEN_MALFORMED);
	for (int packets = 0; c.left; packets++) {
		if (packets == QUIC_PACKETS) {
			note(&r, QUIC_SEEN_CROWDED);
			return;
		}
		if (!(c.p[0] & QUIC_LONG)) {
			read_short(&r, &c, !packets);
			return;
		}
		if (!read_long(&r, &c))
			return;
	}
}

bool quic_reply_acknowledges(const struct quic_reply *r, u32 number)
{
	for (u32 i = 0; i < r->ranges; i++)
		if (number >= r->range[i].first && number <= r->range[i].last)
			return true;
	return false;
}
