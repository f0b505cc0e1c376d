/* SPDX-License-Identifier: BSD-2-Clause */
/* hop: what one answer says of one hop. */
#include "trace/hop.h"

#include "probe/mpls.h"
#include "probe/quic_vn.h"
#include "probe/tcp.h"

u8 hop_end_flags(const struct reply *r, const struct addr *dst)
{
	unsigned int port =
		r->family == 4 ? ICMP4_UNREACH_PORT : ICMP6_UNREACH_PORT;

	if ((r->kind == REPLY_ECHO || r->kind == REPLY_TCP ||
	     r->kind == REPLY_UDP) &&
	    addr_equal(&r->from, dst))
		return HOP_REACHED | HOP_FINAL;
	if (r->kind == REPLY_UNREACH && r->icmp_code == port)
		return HOP_REACHED | HOP_FINAL;
	if (r->kind == REPLY_UNREACH || r->kind == REPLY_TOOBIG ||
	    r->kind == REPLY_PARAM)
		return HOP_FINAL;
	return 0;
}

static void read_tcp(struct hop *h, const struct answer *a)
{
	struct tcp_said said;

	tcp_read(a, &said);
	h->tcp_flags = a->reply.tcp_flags;
	h->tcp_mss = said.mss;
	h->tcp_said = said.what;
	h->tcp_scale = said.scale;
}

static void read_quote(struct hop *h, const struct answer *a)
{
	struct tcp_said said;

	tcp_read_quote(a, &said);
	h->tcp_mss = said.mss;
	h->tcp_said = said.what;
	h->tcp_scale = said.scale;
}

/* Our timestamp names the probe, the sequence number another one, or none. */
static bool is_renumbered(const struct answer *a)
{
	u16 step = (u16)(a->proof.ttl << 8 | a->proof.attempt << 4);

	return a->reply.has_mark && a->proof.ttl &&
	       cookie_seq_step((u32)a->reply.mark) == step &&
	       cookie_seq_step(a->reply.seq) != step;
}

void hop_from_answer(struct hop *h, const struct answer *a)
{
	const struct reply *r = &a->reply;

	*h = (struct hop){
		.from = r->from,
		.rtt_us = HOP_RTT_UNKNOWN,
		.size = r->size,
		.quoted_size = r->qsize,
		.mtu = (u16)(r->mtu < UINT16_MAX ? r->mtu : UINT16_MAX),
		.ttl = a->proof.ttl,
		.attempt = a->proof.attempt,
		.state = HOP_ANSWERED,
		.kind = r->kind,
		.icmp_type = r->icmp_type,
		.icmp_code = r->icmp_code,
		.reply_ttl = r->ttl,
		.reply_tos = r->tos,
		.quoted_ttl = r->qttl,
		.quoted_tos = r->qtos,
		.auth_bits = a->proof.bits,
		.flags = hop_end_flags(r, &a->dst),
	};
	if (a->proof.result == COOKIE_REWRITTEN)
		h->flags |= HOP_REWRITTEN;
	if (r->kind == REPLY_TCP)
		read_tcp(h, a);
	else if (r->kind == REPLY_UDP && a->proof.ttl)
		h->tcp_said =
			quic_vn_first(a) ? HOP_QUIC_VERSIONS : HOP_QUIC_UNKNOWN;
	else if (r->qproto == PROTO_TCP)
		read_quote(h, a);
	if (r->qproto == PROTO_TCP && is_renumbered(a))
		h->flags |= HOP_RENUMBERED;
	if (r->ext_len)
		h->label_count = (u8)mpls_labels(a, h->label, HOP_LABELS);
}
