/* SPDX-License-Identifier: BSD-2-Clause */
/* rung: one probe of a trace under way, and what answered it. */
#include "trace/rung.h"

#include "trace/hop.h"

void rung_answer(struct rung *g, const struct answer *a, struct hop *h)
{
	u64 rtt = a->arrived_ns > g->sent_ns ? a->arrived_ns - g->sent_ns : 0;

	hop_from_answer(h, a);
	g->from = h->from;
	g->rtt_us = (u32)(rtt / 1000);
	g->rtt_rest_ns = (u16)(rtt % 1000);
	g->size = h->size;
	g->quoted_size = h->quoted_size;
	if (h->kind == REPLY_TOOBIG)
		g->mtu = h->mtu;
	else if (h->kind == REPLY_TCP || h->kind == REPLY_UDP)
		g->tcp = (struct rung_tcp){ h->tcp_mss, h->tcp_flags,
					    h->tcp_said, h->tcp_scale };
	else
		memcpy(g->label, h->label, sizeof(h->label));
	g->state = h->state;
	g->kind = h->kind & 15;
	g->icmp_type = h->icmp_type;
	g->icmp_code = h->icmp_code;
	g->reply_ttl = h->reply_ttl;
	g->reply_tos = h->reply_tos;
	g->quoted_ttl = h->quoted_ttl;
	g->quoted_tos = h->quoted_tos;
	g->auth_bits = h->auth_bits;
	g->label_count = h->label_count;
	g->flags = h->flags;
}

void rung_hop(const struct rung *g, struct hop *h)
{
	h->state = g->state;
	h->rtt_us = HOP_RTT_UNKNOWN;
	if (g->state != HOP_ANSWERED)
		return;
	h->from = g->from;
	h->rtt_us = g->rtt_us;
	h->size = g->size;
	h->quoted_size = g->quoted_size;
	if (g->kind == REPLY_TOOBIG) {
		h->mtu = g->mtu;
	} else if (g->kind == REPLY_TCP || g->kind == REPLY_UDP) {
		h->tcp_mss = g->tcp.mss;
		h->tcp_flags = g->tcp.flags;
		h->tcp_said = g->tcp.said;
		h->tcp_scale = g->tcp.scale;
	} else {
		memcpy(h->label, g->label, sizeof(h->label));
	}
	h->kind = g->kind;
	h->icmp_type = g->icmp_type;
	h->icmp_code = g->icmp_code;
	h->reply_ttl = g->reply_ttl;
	h->reply_tos = g->reply_tos;
	h->quoted_ttl = g->quoted_ttl;
	h->quoted_tos = g->quoted_tos;
	h->auth_bits = g->auth_bits;
	h->label_count = g->label_count;
	h->flags = g->flags;
}
