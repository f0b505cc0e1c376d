/* SPDX-License-Identifier: BSD-2-Clause */
/* traces: results drawn at random. */
#include "traces.h"

#include "frame.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "probe/tcp.h"
#include "wire.h"

static u32 draw(struct traces *t, u32 below)
{
	return (u32)(frame_random(&t->seed) >> 33) % below;
}

static struct addr draw_addr(struct traces *t, bool v4)
{
	struct addr a;

	inet_parse(v4 ? "203.0.0.0" : "2001:db8::", &a);
	a.b[13] = (u8)draw(t, 256);
	a.b[14] = (u8)draw(t, 256);
	a.b[15] = (u8)(1 + draw(t, 255));
	return a;
}

static void draw_labels(struct traces *t, struct hop *h)
{
	h->label_count = (u8)(1 + draw(t, 5));
	for (int i = 0; i < HOP_LABELS && i < h->label_count; i++)
		h->label[i] = be32_put((u32)frame_random(&t->seed));
}

/* What a quote may show of a SYN, in any combination. */
static void draw_quote(struct traces *t, struct record *r)
{
	struct hop *h = &r->hop;

	h->tcp_said = (u8)draw(t, TCP_SAID_WHOLE << 1) & (u8)~TCP_SAID_AE;
	if (h->tcp_said & TCP_SAID_MSS)
		h->tcp_mss = (u16)draw(t, 65536);
	if (h->tcp_said & TCP_SAID_SCALE)
		h->tcp_scale = (u8)draw(t, 256);
	if (!draw(t, 8))
		h->flags |= HOP_RENUMBERED;
	r->seen_dport = draw(t, 4) ? r->dport : (u16)draw(t, 65536);
}

static void draw_answer(struct traces *t, struct record *r, bool v4)
{
	struct hop *h = &r->hop;

	h->state = HOP_ANSWERED;
	h->kind = REPLY_EXPIRED;
	h->icmp_type = v4 ? ICMP4_EXPIRED : ICMP6_EXPIRED;
	h->from = draw_addr(t, v4);
	h->rtt_us = draw(t, 900000);
	h->size = (u16)(56 + draw(t, 1000));
	h->reply_ttl = (u8)(1 + draw(t, 255));
	h->reply_tos = (u8)draw(t, 256);
	h->quoted_size = r->probe_size;
	h->quoted_ttl = (u8)(1 + draw(t, 2));
	h->quoted_tos = (u8)draw(t, 3);
	h->auth_bits = (u8)(32 + draw(t, 60));
	if (!draw(t, 8))
		draw_labels(t, h);
	if (!draw(t, 16)) {
		h->flags |= HOP_REWRITTEN;
		r->seen = draw_addr(t, v4);
		r->seen_sport = (u16)draw(t, 65536);
	}
	if (r->proto == PROTO_TCP)
		draw_quote(t, r);
	r->arrived_ns = r->sent_ns + h->rtt_us * NS_PER_US;
	if (t->late && !draw(t, 20)) {
		h->flags |= HOP_LATE;
		h->rtt_us = HOP_RTT_UNKNOWN;
	}
}

/* A SYN/ACK, or an RST. */
static void make_tcp(struct traces *t, struct record *r)
{
	struct hop *h = &r->hop;

	h->flags &= (u8)~HOP_RENUMBERED;
	h->tcp_said = h->tcp_scale = 0;
	h->tcp_mss = r->seen_dport = 0;
	memset(&r->seen, 0, sizeof(r->seen));
	r->seen_sport = 0;
	h->kind = REPLY_TCP;
	h->icmp_type = h->icmp_code = 0;
	h->quoted_size = h->quoted_ttl = h->quoted_tos = 0;
	h->label_count = 0;
	memset(h->label, 0, sizeof(h->label));
	h->flags &= (u8)~HOP_REWRITTEN;
	h->tcp_flags = TCP_RST | TCP_ACK;
	if (!draw(t, 3))
		return;
	h->tcp_flags = TCP_SYN | TCP_ACK | (draw(t, 2) ? TCP_ECE : 0);
	h->tcp_said = (u8)draw(t, TCP_SAID_MALFORMED << 1);
	if (h->tcp_said & TCP_SAID_MSS)
		h->tcp_mss = (u16)draw(t, 65536);
	if (h->tcp_said & TCP_SAID_SCALE)
		h->tcp_scale = (u8)draw(t, 256);
}

/* The way in which a trace ends. */
static void make_final(struct traces *t, struct record *r, bool v4)
{
	u32 how = draw(t, 4);

	r->hop.flags |= HOP_FINAL;
	r->hop.kind = REPLY_UNREACH;
	r->hop.icmp_type = v4 ? ICMP4_UNREACH : ICMP6_UNREACH;
	r->hop.icmp_code = v4 ? 13 : 1;
	if (how == 0) {
		r->hop.kind = REPLY_TOOBIG;
		r->hop.icmp_type = v4 ? ICMP4_UNREACH : ICMP6_TOOBIG;
		r->hop.icmp_code = v4 ? 4 : 0;
		r->hop.mtu = (u16)(1280 + draw(t, 220));
	} else if (how < 3) {
		r->hop.flags |= HOP_REACHED;
		r->hop.from = r->dst;
		r->hop.icmp_code = v4 ? ICMP4_UNREACH_PORT : ICMP6_UNREACH_PORT;
	}
	if (r->proto == PROTO_TCP && r->hop.flags & HOP_REACHED) {
		make_tcp(t, r);
	} else if (r->proto != PROTO_UDP && r->hop.flags & HOP_REACHED) {
		r->hop.kind = REPLY_ECHO;
		r->hop.icmp_type = v4 ? 0 : 129;
		r->hop.icmp_code = 0;
		r->hop.quoted_size = r->hop.quoted_ttl = 0;
		r->hop.quoted_tos = 0;
	}
}

static struct record draw_probe(struct traces *t, const struct addr *dst)
{
	bool v4 = addr_is_v4(dst);
	struct record r = {
		.dst = *dst,
		.sent_ns = (100000 + draw(t, 1u << 30)) * NS_PER_US,
		.sport = (u16)(1024 + draw(t, 60000)),
		.dport = 33434,
		.probe_size = v4 ? 38 : 66,
		.proto = t->proto,
		.hop = { .rtt_us = HOP_RTT_UNKNOWN },
	};

	if (t->proto == PROTO_ICMP && !v4)
		r.proto = PROTO_ICMP6;
	if (t->proto == PROTO_ICMP)
		r.dport = 0;
	inet_parse(v4 ? "192.0.2.1" : "2001:db8::1", &r.src);
	return r;
}

unsigned int traces_draw(struct traces *t, struct record *r)
{
	bool v4 = draw(t, 3) > 0;
	struct addr dst = draw_addr(t, v4);
	unsigned int length = 1 + draw(t, 20), beyond = draw(t, 4), n = 0;
	const struct record probe = draw_probe(t, &dst);
	bool ends = draw(t, 3) > 0;
	enum stop_reason why = ends ? STOP_UNREACH : STOP_GAPLIMIT;

	for (u8 ttl = 1; ttl <= length + (ends ? beyond : 0); ttl++)
		for (u8 i = 0; i < t->attempts; i++) {
			struct record *x = &r[n++];

			*x = probe;
			x->hop.ttl = ttl;
			x->hop.attempt = i;
			x->sent_ns += n * NS_PER_MS;
			x->flags = RECORD_TRACE;
			if (ttl >= length && ends)
				draw_answer(t, x, v4), make_final(t, x, v4);
			else if (draw(t, 4))
				draw_answer(t, x, v4);
			else
				x->hop.state =
					draw(t, 5) ? HOP_SILENT : HOP_LOST;
			if (ttl == length && x->hop.flags & HOP_REACHED)
				why = STOP_COMPLETED;
		}
	r[0].flags |= RECORD_FIRST;
	r[n - 1].flags |= RECORD_LAST;
	r[n - 1].stop_reason = (u8)why;
	return n;
}

void traces_reply(struct traces *t, struct record *r)
{
	bool v4 = draw(t, 3) > 0;
	struct addr dst = draw_addr(t, v4);

	*r = draw_probe(t, &dst);
	r->hop.ttl = (u8)(1 + draw(t, 32));
	draw_answer(t, r, v4);
	if (!draw(t, 6))
		make_final(t, r, v4);
	if (!draw(t, 30))
		r->hop.flags |= HOP_DUPLICATE;
}
