/* SPDX-License-Identifier: BSD-2-Clause */
/* read_jsonl: the lines that jsonl writes; see formats.h. Keys that are not
 * known are passed over. */
#include <errno.h>
#include <json-c/json.h>

#include "lib/clock.h"
#include "out/held.h"
#include "out/key.h"
#include "out/read_said.h"
#include "probe/tcp.h"
#include "wire.h"

static int get_label(const struct reader *r, struct json_object *o, be32 *entry)
{
	u64 label = 0, class = 0, bottom = 0, ttl = 0;
	int err = key_u64(r, o, "mpls_label", (1 << 20) - 1, &label);

	if (!err)
		err = key_u64(r, o, "mpls_exp", 7, &class);
	if (!err)
		err = key_u64(r, o, "mpls_s", 1, &bottom);
	if (!err)
		err = key_u64(r, o, "mpls_ttl", UINT8_MAX, &ttl);
	*entry = be32_put((u32)(label << 12 | class << 9 | bottom << 8 | ttl));
	return err;
}

static int get_stack(const struct reader *r, struct json_object *o,
		     struct hop *h)
{
	struct json_object *labels;
	u64 class = 0, type = 0, octets = 0;
	size_t n;
	int err = key_u64(r, o, "ie_cn", UINT8_MAX, &class);

	if (!err)
		err = key_u64(r, o, "ie_ct", UINT8_MAX, &type);
	if (!err)
		err = key_u64(r, o, "ie_dl", UINT16_MAX, &octets);
	if (!err)
		err = key_array(r, o, "mpls_labels", &labels, &n);
	if (err || class != 1 || type != 1)
		return err;
	octets /= 4;
	h->label_count = (u8)(octets < UINT8_MAX ? octets : UINT8_MAX);
	for (size_t i = 0; !err && i < n && i < HOP_LABELS; i++)
		err = get_label(r, json_object_array_get_idx(labels, i),
				&h->label[i]);
	if (n > h->label_count)
		h->label_count = (u8)(n < UINT8_MAX ? n : UINT8_MAX);
	return err;
}

static int get_labels(const struct reader *r, struct json_object *o,
		      struct hop *h)
{
	struct json_object *array;
	size_t n;
	int err = key_array(r, o, "icmpext", &array, &n);

	for (size_t i = 0; !err && i < n; i++)
		err = get_stack(r, json_object_array_get_idx(array, i), h);
	return err;
}

static int get_seen(const struct reader *r, struct json_object *o,
		    struct record *x)
{
	if (!key_text(o, "seen_src"))
		return 0;
	x->hop.flags |= HOP_REWRITTEN;
	if (key_addr(r, o, "seen_src", &x->seen))
		return -EBADMSG;
	return key_u16(r, o, "seen_sport", &x->seen_sport);
}

static int get_quote(const struct reader *r, struct json_object *o,
		     struct hop *h)
{
	int err = key_u8(r, o, "icmp_q_ttl", &h->quoted_ttl);

	if (!err)
		err = key_u16(r, o, "icmp_q_ipl", &h->quoted_size);
	if (!err)
		err = key_u8(r, o, "icmp_q_tos", &h->quoted_tos);
	if (!err) /* scamper spells it with the colon inside */
		err = key_u16(r, o, "icmp_nhmtu:", &h->mtu);
	if (!err)
		err = key_u16(r, o, "icmp_nhmtu", &h->mtu);
	return err ? err : get_labels(r, o, h);
}

/* What hops of a trace and single replies have in common. */
static int get_answer(const struct reader *r, struct json_object *o,
		      struct record *x)
{
	struct hop *h = &x->hop;
	u64 type = UINT64_MAX;
	int err = key_addr(r, o, "addr", &h->from);

	if (!err)
		err = key_thousandths(r, o, "rtt", &h->rtt_us);
	if (!err)
		err = key_u8(r, o, "reply_ttl", &h->reply_ttl);
	if (!err)
		err = key_u8(r, o, "reply_tos", &h->reply_tos);
	if (!err)
		err = key_u16(r, o, "reply_size", &h->size);
	if (!err)
		err = key_u64(r, o, "icmp_type", UINT8_MAX, &type);
	if (!err)
		err = key_u8(r, o, "icmp_code", &h->icmp_code);
	if (!err)
		err = get_quote(r, o, h);
	if (!err)
		err = key_u8(r, o, "auth_bits", &h->auth_bits);
	if (!err)
		err = get_seen(r, o, x);
	if (err)
		return err;
	if (!reader_judge(x, type <= UINT8_MAX ? (int)type : -1))
		return reader_fail(r, key_where(r, "icmp_type"),
				   "ICMP type %u answers no probe",
				   (unsigned int)type);
	if (h->kind == REPLY_TCP && said_tcp(r, o, h))
		return -EBADMSG;
	if (h->kind == REPLY_UDP && said_quic(r, o, h))
		return -EBADMSG;
	if (held_quotes(h) && x->proto == PROTO_TCP && said_of_segment(r, o, x))
		return -EBADMSG;
	if (key_true(o, "reached"))
		h->flags |= HOP_REACHED | HOP_FINAL;
	if (key_true(o, "dup"))
		h->flags |= HOP_DUPLICATE;
	if (key_true(o, "late"))
		h->flags |= HOP_LATE;
	return 0;
}

/* "probe_ttl" and "probe_id" of a trace, "ttl" and "attempt" of a reply. */
static int get_step(const struct reader *r, struct json_object *o,
		    const char *ttl, const char *attempt, struct hop *h)
{
	u64 t = UINT64_MAX, a = 1;
	int err = key_u64(r, o, ttl, UINT8_MAX, &t);

	if (!err && t > UINT8_MAX)
		err = reader_fail(r, r->line, "%s is not there", ttl);
	if (!err)
		err = key_u64(r, o, attempt, UINT8_MAX + 1, &a);
	if (!err && !a)
		err = reader_fail(r, key_where(r, attempt), "%s is 0", attempt);
	h->ttl = (u8)t;
	h->attempt = (u8)(a - 1);
	return err;
}

static int get_reply(struct reader *r, struct json_object *o)
{
	struct record *x = reader_add(r);
	int err = key_addr(r, o, "src", &x->src);

	r->trace = false;
	if (!err)
		err = key_addr(r, o, "dst", &x->dst);
	if (!err)
		err = key_u8(r, o, "proto", &x->proto);
	if (!err)
		err = key_u16(r, o, "sport", &x->sport);
	if (!err)
		err = key_u16(r, o, "dport", &x->dport);
	if (!err)
		err = get_step(r, o, "ttl", "attempt", &x->hop);
	if (!err)
		err = key_time(r, o, "tx", &x->sent_ns);
	if (!err)
		err = key_time(r, o, "rx", &x->arrived_ns);
	return err ? err : get_answer(r, o, x);
}

/* A probe of a trace; `common` has what all of them share. */
static struct record *get_probe(struct reader *r, struct json_object *o,
				const struct record *common)
{
	struct record *x = reader_add(r);

	if (!x) {
		reader_fail(r, r->line, "more than %d probes in one trace",
			    READER_RECORDS);
		return NULL;
	}
	*x = *common;
	if (get_step(r, o, "probe_ttl", "probe_id", &x->hop) ||
	    key_u16(r, o, "probe_size", &x->probe_size) ||
	    key_time(r, o, "tx", &x->sent_ns))
		return NULL;
	return x;
}

static int get_hop(struct reader *r, struct json_object *o,
		   const struct record *common, u64 hop_count)
{
	struct record *x = get_probe(r, o, common);
	int err = x ? get_answer(r, o, x) : -EBADMSG;

	if (err)
		return err;
	if (x->sent_ns && x->hop.rtt_us != HOP_RTT_UNKNOWN)
		x->arrived_ns = x->sent_ns + x->hop.rtt_us * NS_PER_US;
	/* what came before the end did not end it, whatever it was */
	if (x->hop.ttl < hop_count)
		x->hop.flags &= (u8)~HOP_FINAL;
	return 0;
}

static int get_no_hop(struct reader *r, struct json_object *o,
		      const struct record *common)
{
	struct record *x = get_probe(r, o, common);
	const char *why = key_text(o, "why");

	if (!x)
		return -EBADMSG;
	x->hop.state = HOP_SILENT;
	if (why && !strcmp(why, "refused"))
		x->hop.state = HOP_REFUSED;
	else if (why && !strcmp(why, "lost"))
		x->hop.state = HOP_LOST;
	return 0;
}

/* One of the arrays of a trace, and how far it is read. */
struct list {
	struct json_object *array;
	size_t n, at;
};

static u64 rank(const struct list *l)
{
	struct json_object *o, *x;
	u64 rank = 0;

	if (l->at == l->n)
		return UINT64_MAX;
	o = json_object_array_get_idx(l->array, l->at);
	if (json_object_object_get_ex(o, "probe_ttl", &x))
		rank = (u64)json_object_get_int64(x) << 16;
	if (json_object_object_get_ex(o, "probe_id", &x))
		rank |= (u64)json_object_get_int64(x) & 0xffff;
	return rank;
}

/* Answers and silence together again, in order of TTL and attempt; each kind
 * keeps the order that it has. */
static int get_both(struct reader *r, struct list *hops, struct list *none,
		    const struct record *common, u64 hop_count)
{
	int err = 0;

	while (!err && (hops->at < hops->n || none->at < none->n)) {
		struct list *l = rank(hops) <= rank(none) ? hops : none;
		struct json_object *o;

		if (l->at == l->n)
			l = l == hops ? none : hops;
		o = json_object_array_get_idx(l->array, l->at++);
		err = l == hops ? get_hop(r, o, common, hop_count)
				: get_no_hop(r, o, common);
	}
	return err;
}

static int get_hops(struct reader *r, struct json_object *o,
		    const char *answered, const char *silent,
		    const struct record *common, u64 hop_count)
{
	struct list hops = {}, none = {};
	int err = key_array(r, o, answered, &hops.array, &hops.n);

	if (!err)
		err = key_array(r, o, silent, &none.array, &none.n);
	return err ? err : get_both(r, &hops, &none, common, hop_count);
}

/* The names live for ever, as out_run wants them. */
static int get_method(struct reader *r, struct json_object *o,
		      struct record *common)
{
	static const struct {
		const char *name, *short_name;
		u8 proto;
	} method[] = {
		{ "udp-paris", "udp", PROTO_UDP },
		{ "icmp-echo-paris", "icmp", PROTO_ICMP },
		{ "udp", "udp", PROTO_UDP },
		{ "icmp-echo", "icmp", PROTO_ICMP },
		{ "tcp", "tcp", PROTO_TCP },
		{ "tcp-ack", "tcp", PROTO_TCP },
		{ "insession", "insession", PROTO_TCP },
		{ "quic", "quic", PROTO_UDP },
		{ "quic-vn", "quic-vn", PROTO_UDP },
	};
	const char *text = key_text(o, "method");

	for (size_t i = 0; text && i < sizeof(method) / sizeof(*method); i++) {
		if (strcmp(text, method[i].name))
			continue;
		r->run.trace_method = method[i].name;
		r->run.method = method[i].short_name;
		common->proto = method[i].proto;
		if (common->proto == PROTO_ICMP && !addr_is_v4(&common->dst))
			common->proto = PROTO_ICMP6;
		return 0;
	}
	return reader_fail(r, key_where(r, "method"), "method is %.30s",
			   text ? text : "not there");
}

static int get_common(struct reader *r, struct json_object *o,
		      struct record *common)
{
	int err = key_text(o, "src") ? key_addr(r, o, "src", &common->src) : 0;

	if (!err)
		err = key_addr(r, o, "dst", &common->dst);
	if (!err)
		err = get_method(r, o, common);
	if (!err)
		err = key_u16(r, o, "sport", &common->sport);
	if (!err)
		err = key_u16(r, o, "dport", &common->dport);
	if (!err)
		err = key_u16(r, o, "probe_size", &common->probe_size);
	return err ? err : key_u8(r, o, "tos", &common->tos);
}

static int get_run(struct reader *r, struct json_object *o)
{
	u64 omitted = 0;
	int err = key_u8(r, o, "attempts", &r->run.attempts);

	if (!err)
		err = key_u8(r, o, "hoplimit", &r->run.max_ttl);
	if (!err)
		err = key_u8(r, o, "firsthop", &r->run.first_ttl);
	if (!err)
		err = key_u8(r, o, "udp_ttl", &r->run.udp_ttl);
	if (!err)
		err = key_thousandths(r, o, "wait", &r->run.wait_ms);
	if (!err)
		err = key_u64(r, o, "omitted", UINT32_MAX, &omitted);
	r->run.omitted = (u32)omitted;
	return err;
}

/* What the SYNs were like, if it is said. */
static int get_syn(struct reader *r, struct json_object *o)
{
	struct tcp_shape *s = &r->run.syn;
	struct json_object *syn;
	int err;

	if (!json_object_object_get_ex(o, "syn", &syn))
		return 0;
	if (!json_object_is_type(syn, json_type_object))
		return reader_fail(r, key_where(r, "syn"), "syn is no object");
	err = key_u16(r, syn, "mss", &s->mss);
	s->flags = TCP_SYN;
	s->sack = key_true(syn, "sack");
	s->timestamps = key_true(syn, "timestamps");
	s->window_scaling = json_object_object_get_ex(syn, "wscale", NULL);
	return err;
}

static u8 stop_reason(const char *text)
{
	u8 i = HELD_STOPS;

	while (--i && (!text || strcmp(text, held_stops[i])))
		;
	return i;
}

static int get_trace(struct reader *r, struct json_object *o)
{
	struct record common = { .flags = RECORD_TRACE,
				 .hop.rtt_us = HOP_RTT_UNKNOWN };
	u64 hop_count = 0;
	unsigned int sessions;
	int err;

	r->trace = true;
	r->run = (struct out_run){};
	err = get_common(r, o, &common);
	if (!err)
		err = get_run(r, o);
	if (!err)
		err = get_syn(r, o);
	if (!err)
		err = key_u64(r, o, "hop_count", UINT8_MAX, &hop_count);
	if (!err)
		err = said_of_sessions(r, o, &common);
	if (!err)
		err = said_of_connection(r, o, &common);
	sessions = r->n;
	if (!err)
		err = get_hops(r, o, "hops", "no_hops", &common, hop_count);
	if (!err)
		err = get_hops(r, o, "extra_hops", "extra_no_hops", &common,
			       hop_count);
	if (err || r->n == sessions) {
		r->n = 0; /* no trace without a probe */
		return err;
	}
	r->record[0].flags |= RECORD_FIRST;
	r->record[r->n - 1].flags |= RECORD_LAST;
	r->record[r->n - 1].stop_reason =
		stop_reason(key_text(o, "stop_reason"));
	return 0;
}

static int get_object(struct reader *r, struct json_object *o)
{
	const char *type = key_text(o, "type");

	if (type && !strcmp(type, "trace"))
		return get_trace(r, o);
	if (type && !strcmp(type, "reply"))
		return get_reply(r, o);
	if (type && !strncmp(type, "cycle-", 6))
		return 0; /* scamper's, around its traces */
	return reader_fail(r, key_where(r, "type"),
			   "type is %.30s: want \"trace\" or \"reply\"",
			   type ? type : "not there");
}

int reader_jsonl(struct reader *r)
{
	struct json_object *o;
	size_t end;
	int err;

	json_tokener_reset(r->tokener);
	o = json_tokener_parse_ex(r->tokener, r->line, (int)r->len);
	end = json_tokener_get_parse_end(r->tokener);
	if (!o) {
		enum json_tokener_error why =
			json_tokener_get_error(r->tokener);

		return reader_fail(r, r->line + end, "no JSON object: %s",
				   why == json_tokener_continue
					   ? "the line ends within it"
					   : json_tokener_error_desc(why));
	}
	end += strspn(r->line + end, " \t");
	if (end < r->len)
		err = reader_fail(r, r->line + end,
				  "something stands behind the JSON object");
	else if (!json_object_is_type(o, json_type_object))
		err = reader_fail(r, r->line, "no JSON object");
	else
		err = get_object(r, o);
	json_object_put(o);
	return err;
}
