/* SPDX-License-Identifier: BSD-2-Clause */
/* atlas: RIPE Atlas traceroute results, data format 5000; see formats.h. */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "out/finding.h"
#include "out/formats.h"
#include "out/held.h"
#include "out/text.h"
#include "out/told.h"
#include "probe/mpls.h"
#include "probe/tcp.h"

enum {
	ATLAS_FORMAT = 5000,
	V4_HEADER = 20,
	V6_HEADER = 40,
	UDP_HEADER = 8, /* ICMP echo has as much */
};

struct atlas {
	struct json json;
	struct held held;
	struct findings findings;
	u64 strays;
};

static const char *protocol(u8 proto)
{
	if (proto == PROTO_UDP)
		return "UDP";
	return proto == PROTO_TCP ? "TCP" : "ICMP";
}

/* As the probes of the Atlas name an unreachable; NULL: by its number. */
static const char *error_name(u8 code, bool v4)
{
	static const char *const name4[] = {
		[0] = "N", [1] = "H",  [2] = "P",  [3] = "p",
		[9] = "A", [10] = "A", [13] = "A", [15] = NULL
	};
	static const char *const name6[] = { "N", "A", "h", "H", "p" };

	if (v4)
		return code < 16 ? name4[code] : NULL;
	return code < 5 ? name6[code] : NULL;
}

static void put_error(struct json *j, const struct hop *h)
{
	const char *name = error_name(h->icmp_code, addr_is_v4(&h->from));

	if (h->kind == REPLY_TOOBIG)
		json_u64(j, "mtu", h->mtu);
	else if (h->kind == REPLY_UNREACH && name)
		json_string(j, "err", name);
	else if (h->kind == REPLY_UNREACH || h->kind == REPLY_PARAM)
		json_u64(j, "err", h->icmp_code);
}

static void put_labels(struct json *j, const struct hop *h)
{
	unsigned int n = h->label_count;

	if (!n)
		return;
	if (n > HOP_LABELS)
		n = HOP_LABELS;
	json_object(j, "icmpext");
	json_u64(j, "version", 2);
	json_u64(j, "rfc4884", 1);
	json_array(j, "obj");
	json_object(j, NULL);
	json_u64(j, "class", 1);
	json_u64(j, "type", 1);
	json_array(j, "mpls");
	for (unsigned int i = 0; i < n; i++) {
		json_object(j, NULL);
		json_u64(j, "exp", mpls_class(h->label[i]));
		json_u64(j, "label", mpls_label(h->label[i]));
		json_u64(j, "s", mpls_bottom(h->label[i]));
		json_u64(j, "ttl", mpls_ttl(h->label[i]));
		json_end(j);
	}
	json_end(j);
	json_end(j);
	json_end(j);
	json_end(j);
}

static void put_tcp(struct json *j, const struct hop *h)
{
	char letters[9];

	told_letters(h, letters);
	if (*letters)
		json_string(j, "flags", letters);
	if (!(h->tcp_said & TCP_SAID_MSS))
		return;
	json_array(j, "hdropts");
	json_object(j, NULL);
	json_u64(j, "mss", h->tcp_mss);
	json_end(j);
	json_end(j);
}

static void put_answer(struct json *j, const struct record *r)
{
	const struct hop *h = &r->hop;

	json_addr(j, "from", &h->from);
	json_u64(j, "ttl", h->reply_ttl);
	json_u64(j, "size", h->size);
	if (h->rtt_us == HOP_RTT_UNKNOWN)
		json_u64(j, "late", 1);
	else
		json_fixed(j, "rtt", h->rtt_us, 3);
	if (h->kind == REPLY_TCP)
		put_tcp(j, h);
	put_error(j, h);
	if (held_quotes(h) && h->quoted_ttl != 1)
		json_u64(j, "ittl", h->quoted_ttl);
	if (h->quoted_size && h->quoted_tos != r->tos)
		json_u64(j, "itos", h->quoted_tos);
	if (h->flags & HOP_DUPLICATE)
		json_bool(j, "dup", true);
	put_labels(j, h);
}

/* What this host did or lost is its own error, never the hop's silence. */
static void put_reply(struct json *j, const struct record *r)
{
	json_object(j, NULL);
	switch ((enum hop_state)r->hop.state) {
	case HOP_ANSWERED:
		put_answer(j, r);
		break;
	case HOP_SILENT:
		json_string(j, "x", "*");
		break;
	case HOP_REFUSED:
		json_string(j, "error", "not sent");
		break;
	case HOP_LOST:
		json_string(j, "error", "this host lost replies meanwhile");
		break;
	}
	json_end(j);
}

/* Returns the first record beyond this hop. */
static unsigned int put_hop(struct atlas *a, unsigned int ttl, unsigned int i)
{
	struct json *j = &a->json;
	unsigned int n = 0;

	json_object(j, NULL);
	json_u64(j, "hop", ttl);
	json_array(j, "result");
	for (; i < a->held.n && a->held.record[i].hop.ttl <= ttl; i++) {
		if (a->held.record[i].hop.ttl < ttl)
			continue;
		put_reply(j, &a->held.record[i]);
		n++;
	}
	if (!n) { /* nothing came, and nothing was kept of it */
		json_object(j, NULL);
		json_string(j, "x", "*");
		json_end(j);
	}
	json_end(j);
	json_end(j);
	return i;
}

static void put_head(struct out *o, const struct held_summary *s)
{
	const struct text_config *text = o->run->text;
	struct atlas *a = o->state;
	const struct record *r = &a->held.record[0];
	bool v4 = addr_is_v4(&r->dst);
	const struct addr *seen = findings_source(&a->findings);
	u32 headers = (v4 ? V4_HEADER : V6_HEADER) + UDP_HEADER;
	struct json *j = &a->json;

	json_u64(j, "fw", ATLAS_FORMAT);
	json_string(j, "mver", "0.1.0");
	json_s64(j, "lts", -1); /* when the clock was set is not known */
	if (text && text->host && addr_equal(&text->dst, &r->dst))
		json_string(j, "dst_name", text->host);
	else
		json_addr(j, "dst_name", &r->dst);
	json_addr(j, "dst_addr", &r->dst);
	json_addr(j, "src_addr", &r->src);
	json_addr(j, "from", seen ? seen : &r->src);
	json_string(j, "proto", protocol(r->proto));
	json_u64(j, "af", v4 ? 4 : 6);
	/* of the payload, which TCP has none of */
	json_u64(j, "size",
		 r->proto != PROTO_TCP && r->probe_size > headers
			 ? r->probe_size - headers
			 : 0);
	json_u64(j, "paris_id", s->one_flow);
	json_u64(j, "tos", r->tos);
	json_u64(j, "timestamp",
		 (s->start_ns + o->run->wall_offset_ns) / NS_PER_S);
	json_u64(j, "endtime", (s->end_ns + o->run->wall_offset_ns) / NS_PER_S);
	json_u64(j, "msm_id", 0);
	json_u64(j, "prb_id", 0);
	json_string(j, "msm_name", "Traceroute");
	json_string(j, "type", "traceroute");
}

static void put_trace(struct out *o)
{
	struct atlas *a = o->state;
	unsigned int i = 0, first = o->run->first_ttl;
	struct held_summary s;

	if (!a->held.n)
		return;
	held_sort(&a->held);
	held_summarize(&a->held, &s);
	json_object(&a->json, NULL);
	put_head(o, &s);
	json_array(&a->json, "result");
	for (unsigned int ttl = first ? first : 1; ttl <= s.hop_count; ttl++)
		i = put_hop(a, ttl, i);
	json_end(&a->json);
	json_end(&a->json);
	held_clear(&a->held);
	findings_clear(&a->findings);
}

static void atlas_record(struct out *o, const struct record *r)
{
	struct atlas *a = o->state;

	if (!(r->flags & RECORD_TRACE)) {
		a->strays++;
		return;
	}
	if (r->flags & RECORD_FIRST)
		put_trace(o); /* one that never ended */
	if (r->flags & RECORD_SESSION)
		return; /* the format has no place for it */
	findings_note(&a->findings, o->run, r);
	held_add(&a->held, r);
	if (r->flags & RECORD_LAST)
		put_trace(o);
}

static int atlas_begin(struct out *o)
{
	struct atlas *a;
	int err = held_check(o);

	if (err)
		return err;
	a = calloc(1, sizeof(*a));
	if (!a) {
		log_err("atlas: out of memory");
		return -ENOMEM;
	}
	json_init(&a->json, o->to);
	o->state = a;
	return 0;
}

static int atlas_end(struct out *o)
{
	struct atlas *a = o->state;

	put_trace(o);
	held_tell(o, a->strays);
	held_fini(&a->held);
	free(a);
	o->state = NULL;
	return 0;
}

const struct out_format atlas_format = {
	.name = "atlas",
	.begin = atlas_begin,
	.record = atlas_record,
	.end = atlas_end,
};
