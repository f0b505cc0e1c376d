/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonl: one JSON object a line, with scamper's keys; see formats.h. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "out/finding.h"
#include "out/formats.h"
#include "out/held.h"
#include "out/told.h"
#include "probe/mpls.h"
#include "probe/tcp.h"

struct jsonl {
	struct json json;
	struct findings findings;
	struct held held; /* the trace that is under way */
	struct record session[COOKIE_MAX_ATTEMPT + 1]; /* its, by flow, or its
							  connection */
};

static void put_time(struct jsonl *l, const char *key, const struct out *o,
		     u64 ns)
{
	u64 wall = ns + o->run->wall_offset_ns;

	if (!ns) {
		json_null(&l->json, key);
		return;
	}
	json_object(&l->json, key);
	json_u64(&l->json, "sec", wall / NS_PER_S);
	json_u64(&l->json, "usec", wall % NS_PER_S / NS_PER_US);
	json_end(&l->json);
}

static void put_rtt(struct json *j, const struct hop *h)
{
	if (h->rtt_us == HOP_RTT_UNKNOWN)
		json_null(j, "rtt");
	else
		json_fixed(j, "rtt", h->rtt_us, 3);
}

/* One extension object, as scamper names its parts (RFC 4884, RFC 4950). */
static void put_labels(struct json *j, const struct hop *h)
{
	unsigned int n = h->label_count;

	if (!n)
		return;
	if (n > HOP_LABELS)
		n = HOP_LABELS;
	json_array(j, "icmpext");
	json_object(j, NULL);
	json_u64(j, "ie_cn", 1);
	json_u64(j, "ie_ct", 1);
	json_u64(j, "ie_dl", h->label_count * 4u);
	json_array(j, "mpls_labels");
	for (unsigned int i = 0; i < n; i++) {
		json_object(j, NULL);
		json_u64(j, "mpls_ttl", mpls_ttl(h->label[i]));
		json_u64(j, "mpls_s", mpls_bottom(h->label[i]));
		json_u64(j, "mpls_exp", mpls_class(h->label[i]));
		json_u64(j, "mpls_label", mpls_label(h->label[i]));
		json_end(j);
	}
	json_end(j);
	json_end(j);
	json_end(j);
}

/* What a quote shows of our own segment. */
static void put_quoted_tcp(struct json *j, const struct record *r)
{
	const struct hop *h = &r->hop;

	if (r->seen_dport)
		json_u64(j, "icmp_q_tcp_dport", r->seen_dport);
	if (h->flags & HOP_RENUMBERED)
		json_bool(j, "icmp_q_tcp_seq_rewritten", true);
	if (h->tcp_said & TCP_SAID_MSS)
		json_u64(j, "icmp_q_tcp_mss", h->tcp_mss);
	if (h->tcp_said & TCP_SAID_SACK)
		json_bool(j, "icmp_q_tcp_sack", true);
	if (h->tcp_said & TCP_SAID_TIMESTAMPS)
		json_bool(j, "icmp_q_tcp_timestamps", true);
	if (h->tcp_said & TCP_SAID_SCALE)
		json_u64(j, "icmp_q_tcp_wscale", h->tcp_scale);
	if (h->tcp_said & TCP_SAID_MALFORMED)
		json_bool(j, "icmp_q_tcp_malformed", true);
	if (h->tcp_said & TCP_SAID_WHOLE)
		json_bool(j, "icmp_q_tcp_whole", true);
}

/* The flags as scamper has them. */
static void put_tcp(struct json *j, const struct hop *h)
{
	json_u64(j, "tcp_flags", h->tcp_flags);
	if (h->tcp_said & TCP_SAID_AE)
		json_bool(j, "tcp_ae", true);
	if (h->tcp_said & TCP_SAID_MSS)
		json_u64(j, "tcp_mss", h->tcp_mss);
	if (h->tcp_said & TCP_SAID_SACK)
		json_bool(j, "tcp_sack", true);
	if (h->tcp_said & TCP_SAID_TIMESTAMPS)
		json_bool(j, "tcp_timestamps", true);
	if (h->tcp_said & TCP_SAID_SCALE)
		json_u64(j, "tcp_wscale", h->tcp_scale);
	if (h->tcp_said & TCP_SAID_MALFORMED)
		json_bool(j, "tcp_malformed", true);
}

/* What hops of a trace and single replies have in common. */
static void put_answer(struct json *j, const struct record *r)
{
	const struct hop *h = &r->hop;
	char told[TOLD_TEXT];

	put_rtt(j, h);
	json_u64(j, "reply_ttl", h->reply_ttl);
	json_u64(j, "reply_tos", h->reply_tos);
	json_u64(j, "reply_size", h->size);
	if (h->kind != REPLY_TCP && h->kind != REPLY_UDP) {
		json_u64(j, "icmp_type", h->icmp_type);
		json_u64(j, "icmp_code", h->icmp_code);
	}
	if (h->kind == REPLY_TCP)
		put_tcp(j, h);
	if (h->kind == REPLY_UDP && h->tcp_said) {
		told_text(h, told);
		json_string(j, "quic", told + 2);
	}
	if (held_quotes(h))
		json_u64(j, "icmp_q_ttl", h->quoted_ttl);
	if (h->quoted_size) {
		json_u64(j, "icmp_q_ipl", h->quoted_size);
		json_u64(j, "icmp_q_tos", h->quoted_tos);
	}
	if (held_quotes(h) && r->proto == PROTO_TCP)
		put_quoted_tcp(j, r);
	if (h->mtu)
		json_u64(j, "icmp_nhmtu", h->mtu);
	put_labels(j, h);
	json_u64(j, "auth_bits", h->auth_bits);
	if (h->flags & HOP_REWRITTEN) {
		json_addr(j, "seen_src", &r->seen);
		json_u64(j, "seen_sport", r->seen_sport);
	}
	if (h->flags & HOP_REACHED)
		json_bool(j, "reached", true);
	if (h->flags & HOP_DUPLICATE)
		json_bool(j, "dup", true);
	if (h->flags & HOP_LATE)
		json_bool(j, "late", true);
}

static void put_reply(struct out *o, const struct record *r)
{
	struct jsonl *l = o->state;
	struct json *j = &l->json;

	json_object(j, NULL);
	json_string(j, "type", "reply");
	json_addr(j, "src", &r->src);
	json_addr(j, "dst", &r->dst);
	json_u64(j, "proto", r->proto);
	json_u64(j, "sport", r->sport);
	json_u64(j, "dport", r->dport);
	json_u64(j, "ttl", r->hop.ttl);
	json_u64(j, "attempt", r->hop.attempt + 1u);
	json_addr(j, "addr", &r->hop.from);
	put_time(l, "tx", o, r->sent_ns);
	put_time(l, "rx", o, r->arrived_ns);
	put_answer(j, r);
	json_end(j);
}

static void put_probe(struct out *o, const struct record *r)
{
	struct jsonl *l = o->state;

	json_u64(&l->json, "probe_ttl", r->hop.ttl);
	json_u64(&l->json, "probe_id", r->hop.attempt + 1u);
	json_u64(&l->json, "probe_size", r->probe_size);
	put_time(l, "tx", o, r->sent_ns);
}

static void put_hop(struct out *o, const struct record *r)
{
	struct jsonl *l = o->state;

	json_object(&l->json, NULL);
	json_addr(&l->json, "addr", &r->hop.from);
	put_probe(o, r);
	put_answer(&l->json, r);
	json_end(&l->json);
}

static void put_no_hop(struct out *o, const struct record *r)
{
	static const char *const why[] = {
		[HOP_SILENT] = "silent",
		[HOP_REFUSED] = "refused",
		[HOP_LOST] = "lost",
	};
	struct jsonl *l = o->state;

	json_object(&l->json, NULL);
	put_probe(o, r);
	json_string(&l->json, "why", why[r->hop.state]);
	json_end(&l->json);
}

static void put_start(struct out *o, u64 sent_ns)
{
	u64 wall = sent_ns + o->run->wall_offset_ns;
	time_t sec = (time_t)(wall / NS_PER_S);
	struct jsonl *l = o->state;
	char text[32];
	struct tm tm;

	if (!sent_ns) {
		json_null(&l->json, "start");
		return;
	}
	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	json_object(&l->json, "start");
	json_u64(&l->json, "sec", (u64)sec);
	json_u64(&l->json, "usec", wall % NS_PER_S / NS_PER_US);
	json_string(&l->json, "ftime", text);
	json_end(&l->json);
}

/* With what the quotes are to be compared. */
static void put_syn(struct out *o, const struct record *r)
{
	const struct tcp_shape *s = &o->run->syn;
	struct json *j = &((struct jsonl *)o->state)->json;

	if (r->proto != PROTO_TCP || !tcp_shape_said(s))
		return;
	json_object(j, "syn");
	if (s->mss)
		json_u64(j, "mss", tcp_shape_mss(s, addr_is_v4(&r->dst)));
	if (s->sack)
		json_bool(j, "sack", true);
	if (s->timestamps)
		json_bool(j, "timestamps", true);
	if (s->window_scaling)
		json_u64(j, "wscale", TCP_SHIFT);
	json_end(j);
}

static void put_head(struct out *o, const struct held_summary *s)
{
	struct jsonl *l = o->state;
	const struct record *r = &l->held.record[0];
	u64 omitted = (u64)l->held.omitted + o->run->omitted;
	struct json *j = &l->json;

	json_string(j, "type", "trace");
	json_string(j, "version", "0.1");
	json_string(j, "method", held_method(o->run, s));
	json_addr(j, "src", &r->src);
	json_addr(j, "dst", &r->dst);
	if (r->proto == PROTO_UDP || r->proto == PROTO_TCP) {
		json_u64(j, "sport", r->sport);
		json_u64(j, "dport", r->dport);
	}
	json_string(j, "stop_reason", held_stops[s->stop_reason]);
	json_u64(j, "stop_data", s->stop_data);
	put_start(o, s->start_ns);
	json_u64(j, "hop_count", s->hop_count);
	json_u64(j, "attempts", o->run->attempts);
	json_u64(j, "hoplimit", o->run->max_ttl);
	json_u64(j, "firsthop", o->run->first_ttl);
	if (o->run->wait_ms % 1000)
		json_fixed(j, "wait", o->run->wait_ms, 3);
	else
		json_u64(j, "wait", o->run->wait_ms / 1000);
	json_u64(j, "tos", r->tos);
	json_u64(j, "probe_size", s->probe_size);
	json_u64(j, "probe_count", s->probes);
	put_syn(o, r);
	if (o->run->udp_ttl)
		json_u64(j, "udp_ttl", o->run->udp_ttl);
	if (omitted)
		json_u64(j, "omitted", omitted);
}

static void put_options(struct json *j, u8 options, u16 syn_ack_mss)
{
	static const char *const name[] = { "mss", "sack", "timestamps",
					    "wscale" };

	json_array(j, "options");
	for (int i = 0; i < 4; i++)
		if (options >> i & 1)
			json_string(j, NULL, name[i]);
	json_end(j);
	if (options & TCP_SAID_MSS && syn_ack_mss)
		json_u64(j, "syn_ack_mss", syn_ack_mss);
}

static void put_finding(struct jsonl *l, const struct finding *f)
{
	static const char *const kind[] = {
		[FINDING_SOURCE] = "source-rewritten",
		[FINDING_DSCP] = "dscp-changed",
		[FINDING_ECN] = "ecn-changed",
		[FINDING_DPORT] = "dport-rewritten",
		[FINDING_MSS] = "option-changed",
		[FINDING_SCALE] = "option-changed",
		[FINDING_SEQUENCE] = "sequence-rewritten",
		[FINDING_REMOVED] = "option-removed",
		[FINDING_UNCHANGED] = "option-unchanged",
		[FINDING_NOT_VISIBLE] = "option-not-visible",
		[FINDING_ECN_UNCHANGED] = "ecn-unchanged",
		[FINDING_ECN_NOT_VISIBLE] = "ecn-not-visible",
		[FINDING_BLOCKED] = "quic-blocked",
	};
	struct json *j = &l->json;

	json_object(j, NULL);
	json_string(j, "kind", kind[f->kind]);
	if (f->kind == FINDING_SOURCE) {
		json_addr(j, "seen", &f->seen);
		if (f->port)
			json_u64(j, "port", f->port);
	}
	if (f->options)
		put_options(j, f->options, l->findings.syn_ack_mss);
	if (f->kind > FINDING_SOURCE && f->kind < FINDING_SEQUENCE) {
		json_u64(j, "from", f->from);
		json_u64(j, "to", f->to);
	}
	if (f->kind >= FINDING_ECN_UNCHANGED)
		json_u64(j, f->kind == FINDING_BLOCKED ? "udp_ttl" : "mark",
			 f->to);
	if (f->first_ttl)
		json_u64(j, "first_ttl", f->first_ttl);
	if (f->kind > FINDING_SOURCE &&
	    (f->last_ttl || f->kind < FINDING_UNCHANGED ||
	     f->kind == FINDING_BLOCKED))
		json_u64(j, "last_ttl", f->last_ttl);
	if (f->at_server)
		json_bool(j, "at_server", true);
	json_end(j);
}

static void put_findings(struct jsonl *l)
{
	findings_end(&l->findings);
	json_array(&l->json, "findings");
	for (unsigned int i = 0; i < l->findings.n; i++)
		put_finding(l, &l->findings.f[i]);
	json_end(&l->json);
}

/* Those with (or without) an answer, and up to (or beyond) the end. */
static void put_hops(struct out *o, const char *key, bool answered,
		     unsigned int from, unsigned int to, bool always)
{
	struct jsonl *l = o->state;
	bool begun = always;

	if (always)
		json_array(&l->json, key);
	for (unsigned int i = 0; i < l->held.n; i++) {
		const struct record *r = &l->held.record[i];

		if ((r->hop.state == HOP_ANSWERED) != answered ||
		    r->hop.ttl < from || r->hop.ttl > to)
			continue;
		if (!begun)
			json_array(&l->json, key);
		begun = true;
		if (answered)
			put_hop(o, r);
		else
			put_no_hop(o, r);
	}
	if (begun)
		json_end(&l->json);
}

/* Those that the trace went through, or was to. */
static void put_sessions(struct jsonl *l)
{
	struct json *j = &l->json;
	bool begun = false;

	for (int i = 0; i <= COOKIE_MAX_ATTEMPT; i++) {
		const struct record *r = &l->session[i];

		if (!r->session)
			continue;
		if (!begun)
			json_array(j, "sessions");
		begun = true;
		json_object(j, NULL);
		json_u64(j, "sport", r->sport);
		json_string(j, "fate", told_fates[r->session]);
		if (r->hop.state == HOP_ANSWERED) {
			put_rtt(j, &r->hop);
			put_tcp(j, &r->hop);
		}
		json_end(j);
	}
	if (begun)
		json_end(j);
	memset(l->session, 0, sizeof(l->session));
}

/* What the server said in all, if anything: a trace has one connection. */
static void put_connection(struct jsonl *l)
{
	const struct record *r = &l->session[0];
	struct json *j = &l->json;
	u8 said = r->hop.tcp_said;

	if (!r->quic_version)
		return;
	json_object(j, "quic");
	json_u64(j, "version", r->quic_version);
	if (said & HOP_QUIC_INITIAL)
		json_bool(j, "initial", true);
	if (said & HOP_QUIC_RETRY)
		json_bool(j, "retry", true);
	if (said & HOP_QUIC_VERSIONS)
		json_bool(j, "versions", true);
	if (said & HOP_QUIC_CLOSE)
		json_u64(j, "close", r->quic.close_code);
	if (said & HOP_QUIC_COUNTED) {
		json_u64(j, "ect0", r->quic.ect0);
		json_u64(j, "ect1", r->quic.ect1);
		json_u64(j, "ce", r->quic.ce);
	}
	json_end(j);
}

static void put_trace(struct out *o)
{
	struct jsonl *l = o->state;
	struct held_summary s;

	if (!l->held.n)
		return;
	held_summarize(&l->held, &s);
	json_object(&l->json, NULL);
	put_head(o, &s);
	put_hops(o, "hops", true, 0, s.hop_count, true);
	put_hops(o, "extra_hops", true, s.hop_count + 1, UINT8_MAX, false);
	put_hops(o, "no_hops", false, 0, s.hop_count, true);
	put_hops(o, "extra_no_hops", false, s.hop_count + 1, UINT8_MAX, false);
	put_connection(l);
	put_sessions(l);
	put_findings(l);
	json_end(&l->json);
	held_clear(&l->held);
	findings_clear(&l->findings);
}

static void jsonl_record(struct out *o, const struct record *r)
{
	struct jsonl *l = o->state;

	if (!(r->flags & RECORD_TRACE)) {
		if (r->hop.state == HOP_ANSWERED)
			put_reply(o, r);
		return;
	}
	if (r->flags & RECORD_FIRST)
		put_trace(o); /* one that never ended */
	findings_note(&l->findings, o->run, r);
	if (r->flags & RECORD_SESSION) {
		l->session[r->hop.attempt & COOKIE_MAX_ATTEMPT] = *r;
		return;
	}
	held_add(&l->held, r);
	if (r->flags & RECORD_LAST)
		put_trace(o);
}

static int jsonl_begin(struct out *o)
{
	struct jsonl *l = calloc(1, sizeof(*l));

	if (!l) {
		log_err("jsonl: out of memory");
		return -ENOMEM;
	}
	json_init(&l->json, o->to);
	o->state = l;
	return 0;
}

static int jsonl_end(struct out *o)
{
	struct jsonl *l = o->state;

	put_trace(o);
	held_fini(&l->held);
	free(l);
	o->state = NULL;
	return 0;
}

const struct out_format jsonl_format = {
	.name = "jsonl",
	.begin = jsonl_begin,
	.record = jsonl_record,
	.end = jsonl_end,
};
