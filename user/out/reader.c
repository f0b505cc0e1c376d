/* SPDX-License-Identifier: BSD-2-Clause */
/* reader: results in, as records. */
#include "out/reader.h"

#include <errno.h>
#include <json-c/json_tokener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/log.h"
#include "reply.h"
#include "wire.h"

enum { ROOM_FIRST = 64, SHOWN = 200 };

int reader_open(struct reader *r, const char *path, bool partial)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->in.partial = partial;
	r->tokener = json_tokener_new();
	r->record = calloc(ROOM_FIRST, sizeof(*r->record));
	r->room = ROOM_FIRST;
	if (!r->tokener || !r->record) {
		log_err("%s: no memory to read it", path);
		reader_close(r);
		return -ENOMEM;
	}
	json_tokener_set_flags(r->tokener,
			       JSON_TOKENER_STRICT |
				       JSON_TOKENER_ALLOW_TRAILING_CHARS |
				       JSON_TOKENER_VALIDATE_UTF8);
	err = input_open(&r->in, path);
	if (err)
		reader_close(r);
	return err;
}

void reader_close(struct reader *r)
{
	if (r->tokener)
		json_tokener_free(r->tokener);
	free(r->record);
	input_close(&r->in);
	memset(r, 0, sizeof(*r));
}

int reader_fail(const struct reader *r, const char *at, const char *format, ...)
{
	char text[SHOWN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	log_err("%s: line %llu, column %zu: %s", r->in.name,
		(unsigned long long)r->in.line, (size_t)(at - r->line) + 1,
		text);
	return -EBADMSG;
}

struct record *reader_add(struct reader *r)
{
	struct record *more;

	if (r->n == r->room) {
		more = r->room < READER_RECORDS
			       ? realloc(r->record, 2 * r->room * sizeof(*more))
			       : NULL;
		if (!more)
			return NULL;
		r->record = more;
		r->room *= 2;
	}
	r->record[r->n] = (struct record){
		.hop.rtt_us = HOP_RTT_UNKNOWN,
	};
	return &r->record[r->n++];
}

static enum reply_kind kind_v4(u8 type, u8 code)
{
	switch (type) {
	case 0:
		return REPLY_ECHO;
	case 3:
		return code == 4 ? REPLY_TOOBIG : REPLY_UNREACH;
	case 11:
		return REPLY_EXPIRED;
	case 12:
		return REPLY_PARAM;
	default:
		return REPLY_NONE;
	}
}

static enum reply_kind kind_v6(u8 type)
{
	switch (type) {
	case 1:
		return REPLY_UNREACH;
	case 2:
		return REPLY_TOOBIG;
	case 3:
		return REPLY_EXPIRED;
	case 4:
		return REPLY_PARAM;
	case 129:
		return REPLY_ECHO;
	default:
		return REPLY_NONE;
	}
}

bool reader_judge(struct record *r, int icmp_type)
{
	struct hop *h = &r->hop;
	bool v4 = addr_is_v4(&h->from);
	u8 port = v4 ? ICMP4_UNREACH_PORT : ICMP6_UNREACH_PORT;

	h->state = HOP_ANSWERED;
	if (icmp_type < 0) {
		h->kind = r->proto == PROTO_TCP ? REPLY_TCP : REPLY_UDP;
		if (addr_equal(&h->from, &r->dst))
			h->flags |= HOP_REACHED | HOP_FINAL;
		return true;
	}
	h->icmp_type = (u8)icmp_type;
	h->kind = v4 ? kind_v4(h->icmp_type, h->icmp_code)
		     : kind_v6(h->icmp_type);
	if (h->kind == REPLY_NONE)
		return false;
	if (h->kind == REPLY_ECHO && addr_equal(&h->from, &r->dst))
		h->flags |= HOP_REACHED | HOP_FINAL;
	else if (h->kind == REPLY_UNREACH && h->icmp_code == port)
		h->flags |= HOP_REACHED | HOP_FINAL;
	else if (h->kind != REPLY_EXPIRED && h->kind != REPLY_ECHO)
		h->flags |= HOP_FINAL;
	return true;
}

/* The first line tells which format it is. */
static int begin(struct reader *r)
{
	r->begun = true;
	if (r->line[0] == '{')
		return 0;
	r->csv = r->line[0] == 'c' || (r->line[0] >= '0' && r->line[0] <= '9');
	if (r->csv)
		return 0;
	return reader_fail(r, r->line,
			   "neither CSV (caracal's) nor JSON lines");
}

int reader_next(struct reader *r)
{
	int got;

	for (;;) {
		got = input_line(&r->in, &r->line, &r->len);
		if (got <= 0)
			return got;
		if (!r->len)
			continue;
		if (!r->begun) {
			got = begin(r);
			if (got)
				return got;
		}
		r->n = 0;
		got = r->csv ? reader_csv(r) : reader_jsonl(r);
		if (got)
			return got;
		if (r->n)
			return 1;
	}
}
