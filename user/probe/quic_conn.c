/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_conn: the QUIC connections of a run's traces. */
#include "probe/quic_conn.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

/* Beyond any TTL, attempt, and other use: see cookie.h. */
enum { SEED = 1 << 19 };

int quic_conns_open(struct quic_conns *x)
{
	int err = quic_crypto_open(&x->crypto);

	if (err) {
		log_err("OpenSSL has no AES-128-GCM, or no memory");
		return err;
	}
	x->conn = calloc((size_t)x->slots * x->flows, sizeof(*x->conn));
	if (x->conn)
		return 0;
	log_err("no memory for %u QUIC connections at once: ask for fewer",
		x->slots);
	quic_conns_close(x);
	return -ENOMEM;
}

void quic_conns_close(struct quic_conns *x)
{
	quic_crypto_close(&x->crypto);
	free(x->conn);
	x->conn = NULL;
}

size_t quic_conns_octets(const struct quic_conns *x)
{
	return (size_t)x->slots * x->flows * sizeof(*x->conn);
}

static void put_cid(struct quic_cid *cid, u64 value)
{
	const be64 v = be64_put(value);

	cid->len = QUIC_CID;
	memcpy(cid->id, &v, sizeof(v));
}

/* What a server answers to: the mark of TTL 0. */
static void ours(const struct quic_conns *x, const struct addr *dst, u8 flow,
		 struct quic_cid *cid)
{
	u16 i = (u16)(flow << 4);

	put_cid(cid, cookie_mark(cookie_tag(x->key, dst, PROTO_UDP, i), i));
}

bool quic_conn_begin(struct quic_conns *x, struct quic_conn *c,
		     const struct addr *dst, u8 flow)
{
	memset(c, 0, sizeof(*c));
	c->version = QUIC_V1;
	put_cid(&c->dcid,
		cookie_hash(x->key, dst, PROTO_UDP, COOKIE_CID | (u32)flow));
	return quic_keys_derive(&x->crypto, c->version, &c->dcid, QUIC_CLIENT,
				&c->keys);
}

/* The same for all packets of a connection, and for no other. */
static void fill_hello(const struct quic_conns *x, const struct quic_conn *c,
		       const struct addr *dst, u8 flow, struct quic_hello *h)
{
	h->name = x->name;
	h->alpn = x->alpn;
	h->version = c->version;
	ours(x, dst, flow, &h->scid);
	for (u32 i = 0; i < QUIC_SEED / 8; i++) {
		u64 v = cookie_hash(x->key, dst, PROTO_UDP,
				    SEED | (u32)flow << 4 | i);

		memcpy(h->seed + 8 * i, &v, sizeof(v));
	}
}

bool quic_conn_write(struct quic_conns *x, const struct quic_conn *c,
		     const struct addr *dst, u8 flow, u32 number, bool closes,
		     u8 *payload, u32 size)
{
	struct quic_hello hello;
	struct quic_initial i = {
		.version = c->version,
		.number = number,
		.dcid = closes && c->peer.len ? c->peer : c->dcid,
		.token = c->token,
		.token_len = c->token_len,
	};

	if (!closes) {
		fill_hello(x, c, dst, flow, &hello);
		i.hello = &hello;
	}
	ours(x, dst, flow, &i.scid);
	memset(payload + size - QUIC_TRAILER, 0, QUIC_TRAILER);
	return quic_initial_write(&x->crypto, &c->keys, &i, payload,
				  size - QUIC_TRAILER);
}

/* The payload, as far as it is here. */
static u32 payload_of(const struct answer *a, const u8 **data)
{
	u32 off = a->reply.l4_off + (u32)sizeof(struct wire_udp), len;
	const struct wire_udp *udp = (const void *)(a->frame + a->reply.l4_off);

	*data = a->frame + off;
	if (off > a->frame_len)
		return 0;
	len = be16_get(udp->len);
	len = len < sizeof(*udp) ? 0 : len - (u32)sizeof(*udp);
	return len < a->frame_len - off ? len : a->frame_len - off;
}

static bool rekey(struct quic_conns *x, struct quic_conn *c)
{
	return quic_keys_derive(&x->crypto, c->version, &c->dcid, QUIC_CLIENT,
				&c->keys);
}

/* RFC 9000 section 17.2.5.2 */
static enum quic_event retried(struct quic_conns *x, struct quic_conn *c,
			       const struct quic_reply *r)
{
	if (c->told & (HOP_QUIC_RETRY | HOP_QUIC_INITIAL))
		return QUIC_NOTHING;
	c->told |= HOP_QUIC_RETRY;
	if (r->token_len > QUIC_TOKEN_MAX)
		return QUIC_UNNAMED;
	memcpy(c->token, r->token, r->token_len);
	c->token_len = (u16)r->token_len;
	c->dcid = r->scid;
	return rekey(x, c) ? QUIC_CHANGED : QUIC_UNNAMED;
}

/* RFC 9000 section 6.2, RFC 9368 section 2 */
static enum quic_event negotiated(struct quic_conns *x, struct quic_conn *c,
				  const struct quic_reply *r)
{
	u32 other = c->version == QUIC_V1 ? QUIC_V2 : QUIC_V1;

	if (c->told & (HOP_QUIC_RETRY | HOP_QUIC_INITIAL))
		return QUIC_NOTHING;
	c->told |= HOP_QUIC_VERSIONS;
	if (c->renegotiated ||
	    !(other == QUIC_V2 ? r->offers_v2 : r->offers_v1))
		return QUIC_UNNAMED;
	c->renegotiated = true;
	c->version = other;
	return rekey(x, c) ? QUIC_CHANGED : QUIC_UNNAMED;
}

static void note(struct quic_conn *c, const struct quic_reply *r)
{
	c->faults += (r->seen & QUIC_SEEN_FAULTS) != 0;
	if (r->seen & QUIC_SEEN_INITIAL) {
		c->told |= HOP_QUIC_INITIAL;
		c->peer = r->scid;
	}
	c->begun |= (r->seen & (QUIC_SEEN_HELLO | QUIC_SEEN_HANDSHAKE)) != 0;
	if (r->seen & QUIC_SEEN_ECN) {
		c->counted = true;
		c->ect0 = r->ect0;
		c->ect1 = r->ect1;
		c->ce = r->ce;
	}
	if (r->seen & QUIC_SEEN_CLOSE) {
		c->told |= HOP_QUIC_CLOSE;
		c->closed = true;
		c->close_code = r->close_code;
	}
}

enum quic_event quic_conn_hear(struct quic_conns *x, struct quic_conn *c,
			       const struct answer *a, u8 flow,
			       struct quic_reply *r)
{
	struct quic_expected e = { .version = c->version,
				   .sent = c->next,
				   .dcid = c->dcid };
	const u8 *data;
	u32 len = payload_of(a, &data);

	ours(x, &a->dst, flow, &e.scid);
	quic_reply_read(&x->crypto, &e, data, len, r);
	note(c, r);
	if (r->seen & QUIC_SEEN_RETRY)
		return retried(x, c, r);
	if (r->seen & QUIC_SEEN_VERSIONS)
		return negotiated(x, c, r);
	if (r->ranges)
		return QUIC_ACKED;
	if (r->seen & QUIC_SEEN_CLOSE)
		return QUIC_UNNAMED;
	/* more of what a server said already, such as Retries to other probes
	 */
	if (c->told || r->seen & QUIC_SEEN_HANDSHAKE)
		return QUIC_NOTHING;
	c->told |= HOP_QUIC_UNKNOWN;
	return QUIC_UNNAMED;
}
