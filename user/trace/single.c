/* SPDX-License-Identifier: BSD-2-Clause */
/* single: the record of a reply that stands alone. */
#include "trace/single.h"

#include "lib/clock.h"
#include "probe/craft.h"
#include "trace/hop.h"

void single_record(const struct single_rules *rules, const struct answer *a,
		   u64 sent_ns, struct record *r)
{
	bool v4 = addr_is_v4(&a->dst), ports = probe_has_ports(rules->method);
	bool direct = a->reply.kind == REPLY_TCP || a->reply.kind == REPLY_UDP;
	struct cookie cookie;
	u64 rtt_us;

	*r = (struct record){
		.dst = a->dst,
		.src = v4 ? rules->key->src4 : rules->key->src6,
		.sent_ns = sent_ns,
		.arrived_ns = a->arrived_ns,
		.sport = direct ? a->reply.dport : a->reply.sport,
		.dport = ports ? rules->dport : 0,
		.probe_size = v4 ? rules->size4 : rules->size6,
		.proto = craft_proto(rules->method, &a->dst),
		.tos = rules->tos,
		.stop_reason = STOP_NONE,
	};
	if (a->reply.qproto == PROTO_TCP)
		r->seen_dport = a->reply.dport;
	hop_from_answer(&r->hop, a);
	rtt_us = (a->arrived_ns - sent_ns + 500) / NS_PER_US;
	if (sent_ns && a->arrived_ns >= sent_ns && rtt_us < HOP_RTT_UNKNOWN)
		r->hop.rtt_us = (u32)rtt_us;
	if (a->proof.result != COOKIE_REWRITTEN)
		return;
	/* the quote shows what a translator made of it, not what we sent */
	cookie_make(rules->key, &a->dst, r->proto, 0, 0, &cookie);
	r->seen = a->reply.qsrc;
	r->seen_sport = a->reply.sport;
	r->sport = ports ? cookie.port : cookie.echo_id;
}
