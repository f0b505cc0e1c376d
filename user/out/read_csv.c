/* SPDX-License-Identifier: BSD-2-Clause */
/* read_csv: caracal's 17 columns; see formats.h. */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "lib/number.h"
#include "out/reader.h"
#include "wire.h"

enum column {
	TIMESTAMP,
	PROTOCOL,
	SRC,
	DST,
	SPORT,
	DPORT,
	TTL,
	QUOTED_TTL,
	FROM,
	REPLY_PROTOCOL,
	ICMP_TYPE,
	ICMP_CODE,
	REPLY_TTL,
	REPLY_SIZE,
	LABELS,
	RTT,
	ROUND,
	COLUMNS,
};

enum { V6_HEADER = 40 };

static const char *const name[COLUMNS] = {
	"capture_timestamp",
	"probe_protocol",
	"probe_src_addr",
	"probe_dst_addr",
	"probe_src_port",
	"probe_dst_port",
	"probe_ttl",
	"quoted_ttl",
	"reply_src_addr",
	"reply_protocol",
	"reply_icmp_type",
	"reply_icmp_code",
	"reply_ttl",
	"reply_size",
	"reply_mpls_labels",
	"rtt",
	"round",
};

/* Splits the line where it stands. */
static int split(const struct reader *r, char *field[COLUMNS])
{
	char *p = r->line;

	for (int i = 0; i < COLUMNS; i++) {
		bool quoted = *p == '"';

		field[i] = p += quoted;
		p += strcspn(p, quoted ? "\"" : ",");
		if (quoted && *p != '"')
			return reader_fail(r, field[i] - 1,
					   "the quotation of %s has no end",
					   name[i]);
		if (quoted)
			*p++ = '\0';
		if (*p && *p != ',')
			return reader_fail(r, p, "want a comma after %s",
					   name[i]);
		if (!*p && i < COLUMNS - 1)
			return reader_fail(r, p,
					   "the line ends after %s, column %d "
					   "of %d",
					   name[i], i + 1, COLUMNS);
		if (*p && i == COLUMNS - 1)
			return reader_fail(r, p, "more than %d columns",
					   COLUMNS);
		*p++ = '\0';
	}
	if (!*field[ROUND])
		return reader_fail(r, field[ROUND], "round is empty");
	return 0;
}

static int read_number(const struct reader *r, char *const field[], int column,
		       u64 most, u64 *v)
{
	const char *text = field[column];

	if (!number_plain(text, v) && *v <= most)
		return 0;
	return reader_fail(r, text,
			   "%s is \"%.20s\", not a number from 0 to "
			   "%llu",
			   name[column], text, (unsigned long long)most);
}

static int read_u16(const struct reader *r, char *const field[], int column,
		    u64 most, u16 *to)
{
	u64 v = 0;
	int err = read_number(r, field, column, most, &v);

	*to = (u16)v;
	return err;
}

static int read_u8(const struct reader *r, char *const field[], int column,
		   u8 *to)
{
	u64 v = 0;
	int err = read_number(r, field, column, UINT8_MAX, &v);

	*to = (u8)v;
	return err;
}

static int read_addr(const struct reader *r, char *const field[], int column,
		     struct addr *a)
{
	if (!inet_parse(field[column], a))
		return 0;
	return reader_fail(r, field[column], "%s is \"%.40s\", no address",
			   name[column], field[column]);
}

/* One "(label,class,bottom,ttl)"; behind it, or NULL. */
static const char *read_label(const char *p, be32 *entry)
{
	static const u32 most[4] = { (1 << 20) - 1, 7, 1, 255 };
	u32 v[4];
	char *end;

	if (*p != '(')
		return NULL;
	for (int i = 0; i < 4; i++) {
		unsigned long n;

		if (*++p < '0' || *p > '9')
			return NULL;
		n = strtoul(p, &end, 10);
		if (n > most[i] || *end != (i < 3 ? ',' : ')'))
			return NULL;
		v[i] = (u32)n;
		p = end;
	}
	*entry = be32_put(v[0] << 12 | v[1] << 9 | v[2] << 8 | v[3]);
	return p + 1;
}

/* "[(...),(...)]" */
static int read_labels(const struct reader *r, const char *text, struct hop *h)
{
	const char *p = text;
	be32 entry = 0;

	if (*p++ != '[')
		p = NULL;
	while (p && *p == '(') {
		p = read_label(p, &entry);
		if (h->label_count < HOP_LABELS)
			h->label[h->label_count] = entry;
		if (h->label_count < UINT8_MAX)
			h->label_count++;
		if (p && p[0] == ',' && p[1] == '(')
			p++;
	}
	if (p && !strcmp(p, "]"))
		return 0;
	return reader_fail(r, text, "%s is not [(label,exp,s,ttl),...]",
			   name[LABELS]);
}

static int read_rtt(const struct reader *r, char *const field[], struct hop *h)
{
	u64 tenths = 0;
	int err;

	if (!*field[RTT])
		return 0; /* not known */
	err = read_number(r, field, RTT, UINT16_MAX, &tenths);
	h->rtt_us = (u32)tenths * 100;
	return err;
}

static int read_protocol(const struct reader *r, char *const field[],
			 int column, u8 *to)
{
	u64 v = 0;
	int err = read_number(r, field, column, UINT8_MAX, &v);

	*to = (u8)v;
	if (err || v == PROTO_ICMP || v == PROTO_UDP || v == PROTO_ICMP6 ||
	    v == PROTO_TCP)
		return err;
	return reader_fail(r, field[column],
			   "%s is %u: want 1 (ICMP), 6 (TCP), 17 (UDP) or 58 "
			   "(ICMPv6)",
			   name[column], *to);
}

static int read_probe(const struct reader *r, char *const field[],
		      struct record *x)
{
	u64 seconds = 0;
	int err =
		read_number(r, field, TIMESTAMP, READER_SECONDS_MAX, &seconds);

	if (!err)
		err = read_protocol(r, field, PROTOCOL, &x->proto);
	if (!err)
		err = read_addr(r, field, SRC, &x->src);
	if (!err)
		err = read_addr(r, field, DST, &x->dst);
	if (!err)
		err = read_u16(r, field, SPORT, UINT16_MAX, &x->sport);
	if (!err)
		err = read_u16(r, field, DPORT, UINT16_MAX, &x->dport);
	if (!err)
		err = read_u8(r, field, TTL, &x->hop.ttl);
	x->arrived_ns = seconds * NS_PER_S;
	return err;
}

static int read_reply(const struct reader *r, char *const field[],
		      struct record *x, u8 *protocol)
{
	struct hop *h = &x->hop;
	int err = read_u8(r, field, QUOTED_TTL, &h->quoted_ttl);

	if (!err)
		err = read_addr(r, field, FROM, &h->from);
	if (!err)
		err = read_protocol(r, field, REPLY_PROTOCOL, protocol);
	if (!err)
		err = read_u8(r, field, ICMP_CODE, &h->icmp_code);
	if (!err)
		err = read_u8(r, field, REPLY_TTL, &h->reply_ttl);
	if (!err)
		err = read_u16(r, field, REPLY_SIZE, UINT16_MAX - V6_HEADER,
			       &h->size);
	if (!err)
		err = read_labels(r, field[LABELS], h);
	if (!err)
		err = read_rtt(r, field, h);
	if (!addr_is_v4(&h->from) && h->size)
		h->size += V6_HEADER;
	return err;
}

int reader_csv(struct reader *r)
{
	char *field[COLUMNS];
	struct record *x;
	u8 protocol, type;
	int err;

	if (strlen(r->line) != r->len)
		return reader_fail(r, r->line + strlen(r->line),
				   "an octet of zero");
	err = split(r, field);
	if (err || !strcmp(field[TIMESTAMP], name[TIMESTAMP]))
		return err; /* the header, wherever files were joined */
	x = reader_add(r);
	err = read_probe(r, field, x);
	if (!err)
		err = read_reply(r, field, x, &protocol);
	if (!err)
		err = read_u8(r, field, ICMP_TYPE, &type);
	if (err)
		return err;
	r->trace = false;
	if (protocol == PROTO_TCP || protocol == PROTO_UDP) {
		reader_judge(x, -1);
	} else if (!reader_judge(x, type)) {
		return reader_fail(r, field[ICMP_TYPE],
				   "ICMP type %u answers no probe", type);
	}
	return 0;
}
