/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * warts: scamper's binary format, warts(5). Everything is big-endian.
 *
 *	record = u16 0x1205, u16 type, u32 length, body
 *	file   = list, cycle-start, trace ..., cycle-stop
 *
 * Optional data stand in a block of parameters: one bit for each that is
 * there, seven to an octet, the eighth says that another octet of them
 * follows; then the length of all parameters, then these in the order of
 * their bits. An address is told in full once in each record, and then by
 * its number.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "out/formats.h"
#include "out/held.h"
#include "reply.h"

enum {
	MAGIC = 0x1205,

	TYPE_LIST = 1,
	TYPE_CYCLE_START = 2,
	TYPE_CYCLE_STOP = 4,
	TYPE_TRACE = 6,

	/* parameters of a trace */
	TRACE_LIST = 1,
	TRACE_CYCLE = 2,
	TRACE_START = 5,
	TRACE_STOP_REASON = 6,
	TRACE_STOP_DATA = 7,
	TRACE_ATTEMPTS = 9,
	TRACE_HOP_LIMIT = 10,
	TRACE_METHOD = 11,
	TRACE_PROBE_SIZE = 12,
	TRACE_SPORT = 13,
	TRACE_DPORT = 14,
	TRACE_FIRST_HOP = 15,
	TRACE_TOS = 16,
	TRACE_WAIT = 17,
	TRACE_HOP_COUNT = 19,
	TRACE_PROBES = 23,
	TRACE_SRC = 26,
	TRACE_DST = 27,

	/* parameters of a reply */
	HOP_TTL = 2,
	HOP_REPLY_TTL = 3,
	HOP_REPLY_FLAGS = 4,
	HOP_PROBE_ID = 5,
	HOP_RTT = 6,
	HOP_ICMP = 7,
	HOP_PROBE_SIZE = 8,
	HOP_REPLY_SIZE = 9,
	HOP_REPLY_TOS = 11,
	HOP_MTU = 12,
	HOP_QUOTED_SIZE = 13,
	HOP_QUOTED_TTL = 14,
	HOP_TCP_FLAGS = 15,
	HOP_QUOTED_TOS = 16,
	HOP_EXTENSIONS = 17,
	HOP_ADDR = 18,
	HOP_SENT = 19,

	REPLY_FLAG_TTL = 0x10,
	REPLY_FLAG_TCP = 0x20,
	REPLY_FLAG_UDP = 0x40,

	ADDR_V4 = 1,
	ADDR_V6 = 2,

	KNOWN = 64, /* addresses that are looked through for one told already */
	PARAMS = 256,
};

struct octets {
	u8 *at;
	size_t len, room;
	bool failed; /* out of memory */
};

struct params {
	u8 flags[5];
	u8 octets; /* of flags, in use */
	struct octets data;
	u8 space[PARAMS];
};

struct warts {
	struct held held;
	struct octets body;
	struct addr known[KNOWN];
	unsigned int n_known;
	u64 first_s, last_s; /* Unix: of the cycle; 0: nothing has come */
	u64 strays;
	bool begun; /* the cycle is */
};

static u8 *grow(struct octets *o, size_t n)
{
	u8 *more;

	if (o->len + n > o->room) {
		more = realloc(o->at, 2 * (o->len + n));
		if (!more) {
			o->failed = true;
			return NULL;
		}
		o->at = more;
		o->room = 2 * (o->len + n);
	}
	o->len += n;
	return o->at + o->len - n;
}

static void put(struct octets *o, const void *data, size_t n)
{
	u8 *p = grow(o, n);

	if (p && n)
		memcpy(p, data, n);
}

/* The last n octets of v. */
static void put_int(struct octets *o, u64 v, unsigned int n)
{
	u8 *p = grow(o, n);

	for (unsigned int i = 0; p && i < n; i++)
		p[i] = (u8)(v >> 8 * (n - 1 - i));
}

static void put_text(struct octets *o, const char *s)
{
	put(o, s, strlen(s) + 1);
}

/* A block lives on the stack: what is put there is small and never grows. */
static void params_begin(struct params *p)
{
	memset(p->flags, 0, sizeof(p->flags));
	p->octets = 1;
	p->data = (struct octets){ .at = p->space, .room = PARAMS };
}

/* Flags come in ascending order. Returns where the parameter goes. */
static struct octets *param(struct params *p, unsigned int flag)
{
	unsigned int octet = (flag - 1) / 7;

	p->flags[octet] |= (u8)(1 << (flag - 1) % 7);
	p->octets = (u8)(octet + 1);
	return &p->data;
}

static void param_int(struct params *p, unsigned int flag, u64 v,
		      unsigned int n)
{
	put_int(param(p, flag), v, n);
}

static void params_end(struct params *p, struct octets *o)
{
	for (unsigned int i = 0; i + 1 < p->octets; i++)
		p->flags[i] |= 0x80;
	put(o, p->flags, p->octets);
	if (!p->data.len)
		return;
	put_int(o, p->data.len, 2);
	put(o, p->data.at, p->data.len);
}

static void put_time(struct octets *o, const struct out *out, u64 ns)
{
	u64 wall = ns + out->run->wall_offset_ns;

	put_int(o, wall / NS_PER_S, 4);
	put_int(o, wall % NS_PER_S / NS_PER_US, 4);
}

static void put_addr(struct warts *w, struct octets *o, const struct addr *a)
{
	unsigned int n = w->n_known < KNOWN ? w->n_known : KNOWN;
	bool v4 = addr_is_v4(a);

	for (unsigned int i = 0; i < n; i++) {
		if (!addr_equal(&w->known[i], a))
			continue;
		put_int(o, 0, 1);
		put_int(o, i, 4);
		return;
	}
	if (w->n_known < KNOWN)
		w->known[w->n_known] = *a;
	w->n_known++;
	put_int(o, v4 ? 4 : 16, 1);
	put_int(o, v4 ? ADDR_V4 : ADDR_V6, 1);
	put(o, v4 ? a->b + 12 : a->b, v4 ? 4 : 16);
}

/* Writes what stands in the body, and empties it. */
static void put_record(struct out *o, unsigned int type)
{
	struct warts *w = o->state;
	u8 space[8];
	struct octets head = { .at = space, .room = sizeof(space) };

	put_int(&head, MAGIC, 2);
	put_int(&head, type, 2);
	put_int(&head, w->body.len, 4);
	if (w->body.failed) {
		log_err("warts: out of memory");
	} else {
		fwrite_unlocked(space, 1, head.len, o->to);
		fwrite_unlocked(w->body.at, 1, w->body.len, o->to);
	}
	w->body.len = 0;
	w->body.failed = false;
}

static void put_cycle_start(struct out *o)
{
	struct warts *w = o->state;
	const char *monitor = o->run->monitor;
	struct params p;
	char text[64];

	if (w->begun)
		return;
	w->begun = true;
	put_int(&w->body, 1, 4); /* its number in the file */
	put_int(&w->body, 1, 4); /* and for people */
	put_text(&w->body, "whither");
	params_begin(&p);
	snprintf(text, sizeof(text), "whither %s", o->run->command);
	put_text(param(&p, 1), text);
	if (monitor) {
		put(param(&p, 2), monitor, strnlen(monitor, 100));
		put_int(&p.data, 0, 1);
	}
	params_end(&p, &w->body);
	put_record(o, TYPE_LIST);
	put_int(&w->body, 1, 4);
	put_int(&w->body, 1, 4); /* the list */
	put_int(&w->body, 1, 4);
	put_int(&w->body, w->first_s, 4);
	put_int(&w->body, 0, 1); /* no parameters */
	put_record(o, TYPE_CYCLE_START);
}

static void put_labels(struct octets *o, const struct hop *h)
{
	unsigned int n = h->label_count;

	if (n > HOP_LABELS)
		n = HOP_LABELS;
	put_int(o, 4 + 4 * n, 2);
	put_int(o, 4 * n, 2);
	put_int(o, 1, 1); /* MPLS label stack (RFC 4950) */
	put_int(o, 1, 1); /* ... that came in */
	for (unsigned int i = 0; i < n; i++)
		put(o, &h->label[i], 4);
}

static void put_quote(struct params *p, const struct hop *h)
{
	bool quotes = held_quotes(h) && h->kind != REPLY_PARAM;

	if (h->kind == REPLY_TOOBIG)
		param_int(p, HOP_MTU, h->mtu, 2);
	if (quotes && h->quoted_size)
		param_int(p, HOP_QUOTED_SIZE, h->quoted_size, 2);
	if (quotes)
		param_int(p, HOP_QUOTED_TTL, h->quoted_ttl, 1);
	if (h->kind == REPLY_TCP)
		param_int(p, HOP_TCP_FLAGS, h->tcp_flags, 1);
	if (quotes && h->quoted_size)
		param_int(p, HOP_QUOTED_TOS, h->quoted_tos, 1);
}

static void put_hop(struct out *o, const struct record *r)
{
	struct warts *w = o->state;
	const struct hop *h = &r->hop;
	bool tcp = h->kind == REPLY_TCP, udp = h->kind == REPLY_UDP;
	struct params p;

	params_begin(&p);
	param_int(&p, HOP_TTL, h->ttl, 1);
	param_int(&p, HOP_REPLY_TTL, h->reply_ttl, 1);
	param_int(&p, HOP_REPLY_FLAGS,
		  REPLY_FLAG_TTL | (tcp	  ? REPLY_FLAG_TCP
				    : udp ? REPLY_FLAG_UDP
					  : 0),
		  1);
	param_int(&p, HOP_PROBE_ID, h->attempt, 1);
	if (h->rtt_us != HOP_RTT_UNKNOWN)
		param_int(&p, HOP_RTT, h->rtt_us, 4);
	if (!tcp && !udp)
		param_int(&p, HOP_ICMP, h->icmp_type << 8 | h->icmp_code, 2);
	param_int(&p, HOP_PROBE_SIZE, r->probe_size, 2);
	param_int(&p, HOP_REPLY_SIZE, h->size, 2);
	param_int(&p, HOP_REPLY_TOS, h->reply_tos, 1);
	put_quote(&p, h);
	if (h->label_count)
		put_labels(param(&p, HOP_EXTENSIONS), h);
	put_addr(w, param(&p, HOP_ADDR), &h->from);
	if (r->sent_ns)
		put_time(param(&p, HOP_SENT), o, r->sent_ns);
	params_end(&p, &w->body);
}

/* What the format has no name for goes as what it looks like to routers. */
static unsigned int method_code(const char *name)
{
	static const struct {
		const char *name;
		u8 code;
	} method[] = {
		{ "icmp-echo", 1 },	  { "udp", 2 },	      { "tcp", 3 },
		{ "icmp-echo-paris", 4 }, { "udp-paris", 5 }, { "tcp-ack", 6 },
		{ "insession", 6 },	  { "quic", 5 },      { "quic-vn", 5 },
	};

	for (size_t i = 0; i < sizeof(method) / sizeof(*method); i++)
		if (!strcmp(method[i].name, name))
			return method[i].code;
	return 0;
}

/* Up to and with the reason why it ended. */
static void put_end_params(struct out *o, struct params *p,
			   const struct held_summary *s)
{
	static const u8 code[HELD_STOPS] = {
		[STOP_NONE] = 0,     [STOP_COMPLETED] = 1, [STOP_UNREACH] = 2,
		[STOP_GAPLIMIT] = 5, [STOP_HOPLIMIT] = 7,  [STOP_HALTED] = 9,
	};

	param_int(p, TRACE_LIST, 1, 4);
	param_int(p, TRACE_CYCLE, 1, 4);
	if (s->start_ns)
		put_time(param(p, TRACE_START), o, s->start_ns);
	param_int(p, TRACE_STOP_REASON, code[s->stop_reason], 1);
	param_int(p, TRACE_STOP_DATA, s->stop_data, 1);
}

static void put_trace_params(struct out *o, const struct held_summary *s)
{
	struct warts *w = o->state;
	const struct out_run *run = o->run;
	const struct record *r = &w->held.record[0];
	u32 wait = run->wait_ms / 1000;
	struct params p;

	params_begin(&p);
	put_end_params(o, &p, s);
	param_int(&p, TRACE_ATTEMPTS, run->attempts, 1);
	param_int(&p, TRACE_HOP_LIMIT, run->max_ttl, 1);
	param_int(&p, TRACE_METHOD, method_code(held_method(run, s)), 1);
	param_int(&p, TRACE_PROBE_SIZE, r->probe_size, 2);
	param_int(&p, TRACE_SPORT, r->sport, 2);
	param_int(&p, TRACE_DPORT, r->dport, 2);
	param_int(&p, TRACE_FIRST_HOP, run->first_ttl, 1);
	param_int(&p, TRACE_TOS, r->tos, 1);
	param_int(&p, TRACE_WAIT, wait < UINT8_MAX ? wait : UINT8_MAX, 1);
	param_int(&p, TRACE_HOP_COUNT, s->hop_count, 2);
	param_int(&p, TRACE_PROBES, s->probes, 2);
	if (!addr_is_none(&r->src))
		put_addr(w, param(&p, TRACE_SRC), &r->src);
	put_addr(w, param(&p, TRACE_DST), &r->dst);
	params_end(&p, &w->body);
}

static bool is_told(const struct record *r, const struct held_summary *s)
{
	return r->hop.state == HOP_ANSWERED && r->hop.ttl &&
	       r->hop.ttl <= s->hop_count;
}

static void note_time(struct out *o, const struct held_summary *s)
{
	struct warts *w = o->state;
	u64 start = (s->start_ns + o->run->wall_offset_ns) / NS_PER_S;
	u64 end = (s->end_ns + o->run->wall_offset_ns) / NS_PER_S;

	if (!s->start_ns)
		return;
	if (!w->first_s)
		w->first_s = start;
	if (end > w->last_s)
		w->last_s = end;
}

static void put_trace(struct out *o)
{
	struct warts *w = o->state;
	struct held_summary s;
	unsigned int told = 0;

	if (!w->held.n)
		return;
	held_sort(&w->held);
	held_summarize(&w->held, &s);
	note_time(o, &s);
	put_cycle_start(o);
	for (unsigned int i = 0; i < w->held.n; i++)
		told += is_told(&w->held.record[i], &s);
	w->n_known = 0;
	put_trace_params(o, &s);
	put_int(&w->body, told, 2);
	for (unsigned int i = 0; i < w->held.n; i++)
		if (is_told(&w->held.record[i], &s))
			put_hop(o, &w->held.record[i]);
	put_int(&w->body, 0, 2); /* no attributes */
	put_record(o, TYPE_TRACE);
	held_clear(&w->held);
}

static void warts_record(struct out *o, const struct record *r)
{
	struct warts *w = o->state;

	if (!(r->flags & RECORD_TRACE)) {
		w->strays++;
		return;
	}
	if (r->flags & RECORD_FIRST)
		put_trace(o); /* one that never ended */
	if (r->flags & RECORD_SESSION)
		return; /* the format has no place for it */
	held_add(&w->held, r);
	if (r->flags & RECORD_LAST)
		put_trace(o);
}

static int warts_begin(struct out *o)
{
	int err = held_check(o);

	if (err)
		return err;
	o->state = calloc(1, sizeof(struct warts));
	if (!o->state) {
		log_err("warts: out of memory");
		return -ENOMEM;
	}
	return 0;
}

static int warts_end(struct out *o)
{
	struct warts *w = o->state;

	put_trace(o);
	if (!w->first_s)
		w->first_s = w->last_s =
			(o->now + o->run->wall_offset_ns) / NS_PER_S;
	put_cycle_start(o);
	put_int(&w->body, 1, 4);
	put_int(&w->body, w->last_s, 4);
	put_int(&w->body, 0, 1); /* no parameters */
	put_record(o, TYPE_CYCLE_STOP);
	held_tell(o, w->strays);
	held_fini(&w->held);
	free(w->body.at);
	free(w);
	o->state = NULL;
	return 0;
}

const struct out_format warts_format = {
	.name = "warts",
	.begin = warts_begin,
	.record = warts_record,
	.end = warts_end,
	.binary = true,
};
