/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text: for people, in the layout of traceroute(8).
 *
 * A line is opened by the newline that ends the one before, so that each
 * probe's word can be shown the moment it is known. Where names are wanted,
 * records stand in a queue until the name of the first has come or its time
 * is up; the look-ups of those behind it are under way meanwhile.
 */
#include "out/text.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/ascii.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "out/finding.h"
#include "out/formats.h"
#include "out/names.h"
#include "out/told.h"
#include "reply.h"

enum { TEXT_QUEUE = 4096 };

struct queued {
	struct record record;
	u64 until; /* then it is printed without a name */
};

struct text {
	const struct text_config *config;
	struct names names;
	struct queued *queue; /* NULL: no names */
	unsigned int head, tail;

	/* of the trace being printed */
	struct findings findings;
	struct addr last;     /* that answered in this line; none: nobody yet */
	char told[TOLD_TEXT]; /* by its TCP header */
	u8 ttl;		      /* of this line; 0: none is open */
	u8 final_ttl;	      /* lines beyond are not shown; 0: none */
	u8 fate; /* of its sessions, the last that says something */
	bool headed, lost, refused;
};

static const char *addr_text(const struct addr *a, char text[ASCII_ADDR + 1])
{
	*ascii_addr(text, a) = '\0';
	return text;
}

static void put_header(struct out *o, const char *host, const struct addr *dst,
		       u32 size)
{
	struct text *t = o->state;
	char text[ASCII_ADDR + 1];

	addr_text(dst, text);
	fprintf(o->to, "traceroute to %s (%s)", host ? host : text, text);
	if (o->run->max_ttl) /* else results that do not say it */
		fprintf(o->to, ", %u hops max", o->run->max_ttl);
	if (size)
		fprintf(o->to, ", %u byte packets", size);
	t->headed = true;
}

/* RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1 */
static const char *unreachable_v4(u8 code)
{
	static const char *const mark[] = {
		[0] = "!N",  [1] = "!H",  [2] = "!P",  [3] = "",    [5] = "!S",
		[6] = "!N",  [7] = "!H",  [8] = "!N",  [9] = "!X",  [10] = "!X",
		[11] = "!N", [12] = "!H", [13] = "!X", [14] = "!V", [15] = "!C",
	};

	return code < sizeof(mark) / sizeof(mark[0]) ? mark[code] : NULL;
}

/* RFC 4443 section 3.1 */
static const char *unreachable_v6(u8 code)
{
	static const char *const mark[] = { "!N", "!X", "!H", "!H", "" };

	return code < sizeof(mark) / sizeof(mark[0]) ? mark[code] : NULL;
}

static void put_mark(struct out *o, const struct hop *h)
{
	bool v4 = addr_is_v4(&h->from);
	const char *mark;

	switch ((enum reply_kind)h->kind) {
	case REPLY_TOOBIG:
		fprintf(o->to, " !F-%u", h->mtu);
		return;
	case REPLY_UNREACH:
		mark = v4 ? unreachable_v4(h->icmp_code)
			  : unreachable_v6(h->icmp_code);
		if (!mark)
			fprintf(o->to, " !<%u>", h->icmp_code);
		else if (*mark)
			fprintf(o->to, " %s", mark);
		return;
	case REPLY_PARAM:
		break;
	case REPLY_EXPIRED:
		if (!h->icmp_code)
			return;
		break;
	case REPLY_NONE:
	case REPLY_MALFORMED:
	case REPLY_FRAGMENT:
	case REPLY_ECHO:
	case REPLY_TCP:
	case REPLY_UDP:
		return;
	}
	fprintf(o->to, " !<%u-%u>", h->icmp_type, h->icmp_code);
}

static void put_answer(struct out *o, const struct hop *h, const char *name)
{
	struct text *t = o->state;
	char text[ASCII_ADDR + 1], told[TOLD_TEXT];

	told_text(h, told);
	if (!addr_equal(&t->last, &h->from) || strcmp(told, t->told)) {
		addr_text(&h->from, text);
		if (t->queue)
			fprintf(o->to, " %s (%s)", *name ? name : text, text);
		else
			fprintf(o->to, " %s", text);
		if (*told)
			fprintf(o->to, " <%s>", told);
		t->last = h->from;
		memcpy(t->told, told, sizeof(told));
	}
	if (h->rtt_us != HOP_RTT_UNKNOWN)
		fprintf(o->to, "  %u.%03u ms", h->rtt_us / 1000,
			h->rtt_us % 1000);
	put_mark(o, h);
}

static void put_hop(struct out *o, const struct record *r, const char *name)
{
	struct text *t = o->state;
	const struct hop *h = &r->hop;

	if (h->flags & HOP_DUPLICATE || (t->final_ttl && h->ttl > t->final_ttl))
		return;
	if (h->ttl != t->ttl) {
		fprintf(o->to, "\n%2u ", h->ttl);
		t->ttl = h->ttl;
		memset(&t->last, 0, sizeof(t->last));
		t->told[0] = '\0';
	}
	switch ((enum hop_state)h->state) {
	case HOP_SILENT:
		fputs(" *", o->to);
		break;
	case HOP_ANSWERED:
		put_answer(o, h, name);
		break;
	case HOP_REFUSED:
		fputs(" -", o->to);
		t->refused = true;
		break;
	case HOP_LOST:
		fputs(" ?", o->to);
		t->lost = true;
		break;
	}
	if (h->flags & HOP_FINAL)
		t->final_ttl = h->ttl;
}

/* A line for each session, as Pietrasanta traceroute has it; what became of it
 * later is told at the end. */
static void put_session(struct out *o, const struct record *r)
{
	struct text *t = o->state;
	char told[TOLD_TEXT];

	if (told_fate(r->session))
		t->fate = r->session;
	if (t->ttl)
		return;
	told_text(&r->hop, told);
	if (r->hop.state != HOP_ANSWERED)
		fputs("\n hand *", o->to);
	else
		fprintf(o->to, "\n hand <%s>  %u.%03u ms", told,
			r->hop.rtt_us / 1000, r->hop.rtt_us % 1000);
}

static void put_findings(struct out *o)
{
	struct text *t = o->state;

	findings_end(&t->findings);
	for (unsigned int i = 0; i < t->findings.n; i++) {
		finding_text(&t->findings, &t->findings.f[i], o->to);
		fputc('\n', o->to);
	}
	findings_counts(&t->findings, o->to);
	if (t->fate)
		fprintf(o->to, "%s\n", told_fate(t->fate));
	if (t->lost)
		fputs("?: this host lost replies meanwhile, perhaps this one; "
		      "the hop need not be silent.\n",
		      o->to);
	if (t->refused)
		fputs("-: not sent, the exclusions or the device refused it.\n",
		      o->to);
}

/* Closes the line and the trace, if there is one. */
static void finish(struct out *o)
{
	struct text *t = o->state;

	if (!t->headed)
		return;
	fputc('\n', o->to);
	put_findings(o);
	findings_clear(&t->findings);
	t->headed = t->lost = t->refused = false;
	t->ttl = t->final_ttl = t->fate = 0;
}

/* An answer that belongs to no trace has a line of its own. */
static void put_alone(struct out *o, const struct record *r, const char *name)
{
	struct text *t = o->state;
	char text[ASCII_ADDR + 1];

	if (r->hop.state != HOP_ANSWERED)
		return;
	fprintf(o->to, "%s %2u ", addr_text(&r->dst, text), r->hop.ttl);
	memset(&t->last, 0, sizeof(t->last));
	put_answer(o, &r->hop, name);
	if (r->hop.flags & HOP_REWRITTEN)
		fprintf(o->to, " (our address seen as %s)",
			addr_text(&r->seen, text));
	fputc('\n', o->to);
}

/* Someone watches one trace: each word is shown as it comes. */
static void show(struct out *o)
{
	const struct text *t = o->state;

	if (t->config && !addr_is_none(&t->config->dst))
		fflush(o->to);
}

static void print(struct out *o, const struct record *r, const char *name)
{
	struct text *t = o->state;
	const struct text_config *c = t->config;

	if (!(r->flags & RECORD_TRACE)) {
		put_alone(o, r, name);
		return;
	}
	if (r->flags & RECORD_FIRST && t->ttl)
		finish(o); /* one that never ended */
	if (!t->headed)
		put_header(
			o, c && addr_equal(&c->dst, &r->dst) ? c->host : NULL,
			&r->dst,
			c && c->packet_size ? c->packet_size : r->probe_size);
	findings_note(&t->findings, o->run, r);
	if (r->flags & RECORD_SESSION) {
		if (r->session)
			put_session(o, r);
		show(o);
		return;
	}
	put_hop(o, r, name);
	if (r->flags & RECORD_LAST)
		finish(o);
	show(o);
}

static const char *name_of(struct text *t, const struct queued *q)
{
	if (q->record.hop.state != HOP_ANSWERED ||
	    q->record.flags & RECORD_SESSION)
		return "";
	return names_find(&t->names, &q->record.hop.from);
}

/* Prints what need not wait any longer; `must`: the first in any case. */
static void advance(struct out *o, bool must)
{
	struct text *t = o->state;

	while (t->head != t->tail) {
		struct queued *q = &t->queue[t->head % TEXT_QUEUE];
		const char *name = name_of(t, q);

		if (!name && !must && o->now < q->until)
			return;
		print(o, &q->record, name ? name : "");
		t->head++;
		must = false;
	}
}

static void text_record(struct out *o, const struct record *r)
{
	struct text *t = o->state;
	struct queued *q;

	if (!t->queue) {
		print(o, r, "");
		return;
	}
	if (t->tail - t->head == TEXT_QUEUE)
		advance(o, true);
	q = &t->queue[t->tail++ % TEXT_QUEUE];
	q->record = *r;
	q->until = o->now + TEXT_NAME_WAIT_MS * NS_PER_MS;
	name_of(t, q);
	advance(o, false);
}

static bool text_idle(struct out *o)
{
	struct text *t = o->state;

	if (!t->queue)
		return false;
	names_work(&t->names);
	advance(o, false);
	return t->head != t->tail;
}

static int open_names(struct text *t)
{
	t->queue = calloc(TEXT_QUEUE, sizeof(*t->queue));
	if (!t->queue) {
		log_err("text: out of memory");
		return -ENOMEM;
	}
	return names_open(&t->names);
}

static int text_end(struct out *o)
{
	struct text *t = o->state;

	while (t->head != t->tail)
		advance(o, true);
	finish(o);
	show(o); /* a run that fails to start ends its line all the same */
	names_close(&t->names);
	free(t->queue);
	free(t);
	o->state = NULL;
	return 0;
}

static int text_begin(struct out *o)
{
	const struct text_config *c = o->run->text;
	struct text *t = calloc(1, sizeof(*t));
	int err;

	if (!t) {
		log_err("text: out of memory");
		return -ENOMEM;
	}
	t->config = c;
	o->state = t;
	err = c && !c->numeric ? open_names(t) : 0;
	if (err) {
		text_end(o);
		return err;
	}
	if (c && !addr_is_none(&c->dst)) {
		put_header(o, c->host, &c->dst, c->packet_size);
		show(o);
	}
	return 0;
}

const struct out_format text_format = {
	.name = "text",
	.begin = text_begin,
	.record = text_record,
	.end = text_end,
	.idle = text_idle,
};
