/* SPDX-License-Identifier: BSD-2-Clause */
/* quicserver: the far end of a QUIC connection up to its ServerHello. */
#include "quicserver.h"

#include <stdio.h>

#include "probe/quic_packet.h"
#include "quicframe.h"

enum { HEX = 2 * 1024, TOKEN = 12 };

#define SERVER_HELLO                                                           \
	"06002b 02000027 0303"                                                 \
	"eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a12"     \
	"00 130100 00"

/* What is read of a client's Initial. */
struct initial {
	u32 version;
	struct quic_cid dcid, scid;
	const u8 *token;
	u32 token_len, header, size, number;
	u8 plain[2048];
	u32 len;
};

static void fault(struct quicserver *s, const char *what)
{
	if (!s->faults++)
		s->fault = what;
}

static bool take_cid(const u8 **p, const u8 *end, struct quic_cid *id)
{
	if (*p >= end || **p > QUIC_CID_MAX || *p + 1 + **p > end)
		return false;
	id->len = **p;
	memcpy(id->id, *p + 1, id->len);
	*p += 1 + id->len;
	return true;
}

/* Of one or two octets, as clients' are. */
static u32 take_varint(const u8 **p)
{
	const u8 *at = *p;

	*p += at[0] >> 6 ? 2 : 1;
	return at[0] >> 6 ? (at[0] & 0x3fu) << 8 | at[1] : at[0];
}

static bool read_header(struct initial *i, const u8 *data, u32 len)
{
	const u8 *p = data + 5, *end = data + len;

	memset(i, 0, offsetof(struct initial, plain));
	if (len < QUIC_LEAST || (data[0] & 0xc0) != 0xc0)
		return false;
	i->version = quic_get32(data + 1);
	if (!take_cid(&p, end, &i->dcid) || !take_cid(&p, end, &i->scid))
		return false;
	if (quic_is_spoken(i->version) &&
	    quic_type_of(i->version, data[0]) != QUIC_INITIAL)
		return false;
	i->token_len = take_varint(&p);
	i->token = p;
	p += i->token_len;
	if (p + 2 > end)
		return false;
	i->size = take_varint(&p);
	i->header = (u32)(p - data);
	i->size += i->header;
	return i->size <= len;
}

/* Behind the packet: zeroes, but for two octets at an even place, the last
 * such, that are anything. */
static bool is_trailer(const u8 *data, u32 from, u32 len)
{
	u32 balance = (len & ~1u) - 2;

	for (u32 i = from; i < len; i++)
		if (data[i] && i != balance && i != balance + 1)
			return false;
	return len - from == QUIC_TRAILER;
}

static bool open_initial(struct quicserver *s, struct quic_crypto *crypto,
			 const u8 *data, u32 len, struct initial *i)
{
	struct quic_opened opened;
	struct quic_keys keys;

	if (!quic_keys_derive(crypto, i->version, &s->first, QUIC_CLIENT,
			      &keys) ||
	    !quic_open(crypto, &keys, data, i->header, i->size, i->plain,
		       sizeof(i->plain), &opened)) {
		fault(s, "it cannot be opened");
		return false;
	}
	if (opened.first & QUIC_RESERVED_BITS)
		fault(s, "reserved bits");
	if (!is_trailer(data, i->size, len))
		fault(s, "what is behind the packet");
	i->number = (u32)opened.number;
	i->len = opened.len;
	return true;
}

static bool is_heard(const struct quicserver *s, u32 number)
{
	return s->heard[number / 64] >> number % 64 & 1;
}

/* The hello is the same in all; else CONNECTION_CLOSE. Then padding. */
static void read_frames(struct quicserver *s, const struct initial *i)
{
	const u8 *p = i->plain, *end = p + i->len;
	u64 hash = 0xcbf29ce484222325;
	u32 n;

	if (*p == QUIC_FRAME_CLOSE) {
		const struct quic_cid id = quicserver_id(&s->first);

		s->closes++;
		/* RFC 9000 section 7.2 */
		if (!quic_cid_equal(&id, i->dcid.id, i->dcid.len))
			fault(s, "an end to an ID that was never ours");
		if (!s->begun)
			fault(s, "it ends what never began");
		s->closed = true;
		p += 4;
	} else if (*p == QUIC_FRAME_CRYPTO && !p[1]) {
		if (s->closed)
			fault(s, "a hello after the end");
		p += 2;
		n = take_varint(&p);
		for (u32 j = 0; j < n && p < end; j++)
			hash = (hash ^ *p++) * 0x100000001b3;
		if (s->hello && s->hello != hash)
			fault(s, "another hello");
		s->hello = hash;
	} else {
		fault(s, "a frame that is neither a hello nor an end");
	}
	while (p < end)
		if (*p++)
			fault(s, "no padding");
}

const char *quicserver_hex(const u8 *p, u32 len, char *text)
{
	for (u32 i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", p[i]);
	return text;
}

struct quic_cid quicserver_id(const struct quic_cid *first)
{
	struct quic_cid id = { .len = 11 };

	for (u32 i = 0; i < id.len; i++)
		id.id[i] = (u8)(first->id[i % first->len] * 3 + i);
	return id;
}

static void say(struct quicserver *s, struct quic_crypto *crypto,
		struct quicframe *f, const struct quic_cid *from,
		struct quicserver_out *out)
{
	char to[64], by[64];
	u8 at[QUICFRAME_MAX];

	f->to = quicserver_hex(s->client.id, s->client.len, to);
	f->from = quicserver_hex(from->id, from->len, by);
	out->len[out->n] = quicframe_add(crypto, f, at, 0);
	memcpy(out->data[out->n], at, out->len[out->n]);
	out->n++;
}

/* 0x02 or 0x03: largest, delay, count, first, (gap, length) ...; numbers below
 * 2^14 take two octets. */
static u32 put_ack(struct quicserver *s, bool ecn, u8 *at)
{
	u8 *p = at, *count;
	s32 n = (s32)s->highest, first;

	*p++ = ecn ? QUIC_FRAME_ACK_ECN : QUIC_FRAME_ACK;
	p = quic_put2(p, s->highest);
	*p++ = 0;
	count = p++;
	*count = 0;
	for (;;) {
		for (first = n; first > 0 && is_heard(s, (u32)first - 1);)
			first--;
		p = quic_put2(p, (u32)(n - first));
		n = first - 1;
		while (n >= 0 && !is_heard(s, (u32)n))
			n--;
		if (n < 0 || *count == 12)
			break;
		p = quic_put2(p, (u32)(first - n - 2));
		(*count)++;
	}
	if (ecn) {
		p = quic_put2(p, s->initials);
		p = quic_put2(p, 0);
		p = quic_put2(p, 1);
	}
	return (u32)(p - at);
}

static void acknowledge(struct quicserver *s, const struct quicserver_habits *h,
			struct quic_crypto *crypto, struct quicserver_out *out)
{
	const struct quic_cid from = quicserver_id(&s->first);
	u8 ack[128];
	char frames[HEX], text[HEX / 2];
	struct quicframe f = { .version = s->version,
			       .frames = frames,
			       .keys = &s->first,
			       .number = s->acks++ };

	quicserver_hex(ack, put_ack(s, h->ecn, ack), text);
	snprintf(frames, sizeof(frames), "%s%s%s", text,
		 h->refuses ? "" : SERVER_HELLO,
		 h->refuses || h->ends ? "1c41780000" : "");
	say(s, crypto, &f, &from, out);
}

static void negotiate(struct quicserver *s, struct quic_crypto *crypto,
		      const struct initial *i, struct quicserver_out *out)
{
	struct quicframe f = { .version = QUIC_NEGOTIATION,
			       .frames = "0a1a2a3a 6b3343cf" };

	s->negotiations++;
	say(s, crypto, &f, &i->dcid, out);
}

static void retry(struct quicserver *s, struct quic_crypto *crypto,
		  const struct initial *i, struct quicserver_out *out)
{
	const struct quic_cid from = quicserver_id(&i->dcid);
	char token[2 * TOKEN + 2];
	struct quicframe f = { .version = i->version,
			       .type = QUIC_RETRY,
			       .keys = &i->dcid,
			       .frames = quicserver_hex(from.id, from.len,
							token) };

	s->retries++;
	say(s, crypto, &f, &from, out);
}

/* What looks like one: 38 bits that are anything, and a token. */
static void reset(struct quicserver_out *out)
{
	memset(out->data[out->n], 0x5b, 40);
	out->len[out->n++] = 40;
}

/* Is it of the connection that there is, or the first of one? */
static bool belongs(struct quicserver *s, const struct initial *i, u64 now)
{
	struct quic_cid id;

	if (!s->begun) {
		s->begun = true;
		s->begun_ns = now;
		s->first = i->dcid;
		s->version = i->version;
		return true;
	}
	id = quicserver_id(&s->first);
	if (i->version != s->version) {
		fault(s, "another version");
		return false;
	}
	if (!quic_cid_equal(&s->first, i->dcid.id, i->dcid.len) &&
	    !quic_cid_equal(&id, i->dcid.id, i->dcid.len)) {
		fault(s, "to another connection");
		return false;
	}
	return true;
}

static void note_client(struct quicserver *s, const struct initial *i)
{
	if (s->client.len &&
	    !quic_cid_equal(&s->client, i->scid.id, i->scid.len))
		fault(s, "another client");
	s->client = i->scid;
}

void quicserver_hear(struct quicserver *s, const struct quicserver_habits *h,
		     struct quic_crypto *crypto, const u8 *data, u32 len,
		     u64 now, struct quicserver_out *out)
{
	struct initial i;
	bool closed = s->closed;

	out->n = 0;
	if (!read_header(&i, data, len) || (h->size && len != h->size)) {
		fault(s, "no Initial");
		return;
	}
	s->initials++;
	if (h->silent)
		return;
	note_client(s, &i);
	if (h->resets) {
		reset(out);
		return;
	}
	if (i.version != QUIC_V2 && h->v2_only) {
		negotiate(s, crypto, &i, out);
		return;
	}
	if (h->retries && !i.token_len) {
		retry(s, crypto, &i, out);
		return;
	}
	if (i.token_len && !quic_cid_equal(&i.dcid, i.token, i.token_len) &&
	    !s->begun)
		fault(s, "another's token");
	if (!belongs(s, &i, now) || !open_initial(s, crypto, data, len, &i))
		return;
	if (i.number >= QUICSERVER_NUMBERS || is_heard(s, i.number)) {
		fault(s, "a number twice, or far too high");
		return;
	}
	s->heard[i.number / 64] |= 1ULL << i.number % 64;
	if (i.number > s->highest)
		s->highest = i.number;
	read_frames(s, &i);
	if (!s->closed && !closed && (!h->every || !(++s->taken % h->every)))
		acknowledge(s, h, crypto, out);
}
