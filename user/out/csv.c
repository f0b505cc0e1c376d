/* SPDX-License-Identifier: BSD-2-Clause */
/* csv: caracal's 17 columns; see formats.h. Written at full rate, so each
 * line is composed by hand. */
#include "lib/ascii.h"
#include "lib/clock.h"
#include "out/formats.h"
#include "out/held.h"
#include "probe/mpls.h"

enum {
	CSV_LINE = 512, /* the longest takes 243 */
	CSV_RTT_MAX_US = 6553500,
	V6_HEADER = 40,
};

static int csv_begin(struct out *o)
{
	fputs("capture_timestamp,probe_protocol,probe_src_addr,probe_dst_addr,"
	      "probe_src_port,probe_dst_port,probe_ttl,quoted_ttl,"
	      "reply_src_addr,reply_protocol,reply_icmp_type,reply_icmp_code,"
	      "reply_ttl,reply_size,reply_mpls_labels,rtt,round\n",
	      o->to);
	return 0;
}

static char *put_int(char *p, u64 v)
{
	p = ascii_u64(p, v);
	*p++ = ',';
	return p;
}

static char *put_addr(char *p, const struct addr *a)
{
	p = ascii_addr_mapped(p, a);
	*p++ = ',';
	return p;
}

/* "[(label,class,bottom,ttl),...]", quoted for its commas */
static char *put_labels(char *p, const struct hop *h)
{
	unsigned int n = h->label_count;

	if (n > HOP_LABELS)
		n = HOP_LABELS;
	*p++ = '"';
	*p++ = '[';
	for (unsigned int i = 0; i < n; i++) {
		if (i)
			*p++ = ',';
		*p++ = '(';
		p = put_int(p, mpls_label(h->label[i]));
		p = put_int(p, mpls_class(h->label[i]));
		p = put_int(p, mpls_bottom(h->label[i]));
		p = ascii_u64(p, mpls_ttl(h->label[i]));
		*p++ = ')';
	}
	memcpy(p, "]\",", 3);
	return p + 3;
}

static u8 reply_protocol(const struct hop *h, bool v4)
{
	if (h->kind == REPLY_TCP)
		return PROTO_TCP;
	if (h->kind == REPLY_UDP)
		return PROTO_UDP;
	return v4 ? PROTO_ICMP : PROTO_ICMP6;
}

static u16 reply_size(const struct hop *h, bool v4)
{
	if (v4)
		return h->size;
	return h->size > V6_HEADER ? h->size - V6_HEADER : 0;
}

static char *put_reply(char *p, const struct hop *h)
{
	bool v4 = addr_is_v4(&h->from);

	p = put_int(p, held_quotes(h) ? h->quoted_ttl : 0);
	p = put_addr(p, &h->from);
	p = put_int(p, reply_protocol(h, v4));
	p = put_int(p, h->icmp_type);
	p = put_int(p, h->icmp_code);
	p = put_int(p, h->reply_ttl);
	p = put_int(p, reply_size(h, v4));
	p = put_labels(p, h);
	if (h->rtt_us <= CSV_RTT_MAX_US)
		p = ascii_u64(p, (h->rtt_us + 50) / 100);
	memcpy(p, ",1\n", 3);
	return p + 3;
}

static void csv_record(struct out *o, const struct record *r)
{
	char line[CSV_LINE], *p = line;

	if (r->hop.state != HOP_ANSWERED || r->flags & RECORD_SESSION)
		return;
	p = put_int(p, (r->arrived_ns + o->run->wall_offset_ns) / NS_PER_S);
	p = put_int(p, r->proto);
	p = put_addr(p, &r->src);
	p = put_addr(p, &r->dst);
	p = put_int(p, r->sport);
	p = put_int(p, r->dport);
	p = put_int(p, r->hop.ttl);
	p = put_reply(p, &r->hop);
	fwrite_unlocked(line, 1, (size_t)(p - line), o->to);
}

static int csv_end(struct out *o)
{
	return 0;
}

const struct out_format csv_format = {
	.name = "csv",
	.begin = csv_begin,
	.record = csv_record,
	.end = csv_end,
};
