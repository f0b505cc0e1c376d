/* SPDX-License-Identifier: BSD-2-Clause */
/* held: the records of the trace that is under way. */
#include "out/held.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "reply.h"
#include "wire.h"

enum {
	HELD_FIRST = 64,
	/* All probes that a trace can have, and as many answers too many. */
	HELD_MAX = 2 * 256 * 16,
};

const char *const held_stops[HELD_STOPS] = {
	[STOP_NONE] = "NONE",	      [STOP_COMPLETED] = "COMPLETED",
	[STOP_UNREACH] = "UNREACH",   [STOP_GAPLIMIT] = "GAPLIMIT",
	[STOP_HOPLIMIT] = "HOPLIMIT", [STOP_HALTED] = "HALTED",
};

void held_add(struct held *h, const struct record *r)
{
	struct record *more;
	unsigned int room;

	if (h->n == h->room) {
		room = h->room ? 2 * h->room : HELD_FIRST;
		more = room <= HELD_MAX
			       ? realloc(h->record, room * sizeof(*more))
			       : NULL;
		if (!more) {
			h->omitted++;
			/* the last says why the trace ended */
			if (r->flags & RECORD_LAST && h->n)
				h->record[h->n - 1] = *r;
			return;
		}
		h->record = more;
		h->room = room;
	}
	h->record[h->n++] = *r;
}

static unsigned int rank(const struct record *r)
{
	return r->hop.ttl * 256u + r->hop.attempt;
}

static int compare(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a;
	const struct record *y = *(const struct record *const *)b;

	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void sort(struct held *h, struct record *sorted,
		 const struct record **order)
{
	for (unsigned int i = 0; i < h->n; i++)
		order[i] = &h->record[i];
	qsort(order, h->n, sizeof(const void *), compare);
	for (unsigned int i = 0; i < h->n; i++) {
		sorted[i] = *order[i];
		/* what the last says of the trace, the new last says */
		sorted[i].flags &= (u8) ~(RECORD_FIRST | RECORD_LAST);
		if (i == h->n - 1) {
			sorted[i].flags |= RECORD_LAST;
			sorted[i].stop_reason = h->record[i].stop_reason;
		}
	}
	sorted[0].flags |= RECORD_FIRST;
	memcpy(h->record, sorted, h->n * sizeof(*sorted));
}

void held_sort(struct held *h)
{
	const struct record **order;
	struct record *sorted;
	unsigned int i = 1;

	while (i < h->n && rank(&h->record[i - 1]) <= rank(&h->record[i]))
		i++;
	if (i >= h->n)
		return;
	sorted = malloc(h->n * sizeof(*sorted));
	order = malloc(h->n * sizeof(*order));
	if (sorted && order)
		sort(h, sorted, order);
	free(sorted);
	free(order);
}

void held_clear(struct held *h)
{
	h->n = h->omitted = 0;
}

void held_fini(struct held *h)
{
	free(h->record);
	memset(h, 0, sizeof(*h));
}

static void note_time(struct held_summary *s, u64 ns)
{
	if (ns && (!s->start_ns || ns < s->start_ns))
		s->start_ns = ns;
	if (ns > s->end_ns)
		s->end_ns = ns;
}

/* An arrival and its round trip tell when the probe left, if nothing else
 * does. */
static void note_times(struct held_summary *s, const struct record *r)
{
	u64 rtt = r->hop.rtt_us * NS_PER_US;

	note_time(s, r->arrived_ns);
	if (r->sent_ns)
		note_time(s, r->sent_ns);
	else if (r->hop.rtt_us != HOP_RTT_UNKNOWN && r->arrived_ns > rtt)
		note_time(s, r->arrived_ns - rtt);
}

void held_summarize(const struct held *h, struct held_summary *s)
{
	const struct record *r, *first = h->record;

	*s = (struct held_summary){ .one_flow = true };
	for (unsigned int i = 0; i < h->n; i++) {
		r = &h->record[i];
		if (r->hop.flags & HOP_FINAL &&
		    (!s->final || r->hop.ttl < s->final->hop.ttl))
			s->final = r;
		note_times(s, r);
		if (r->hop.ttl > s->hop_count)
			s->hop_count = r->hop.ttl;
		if (r->probe_size > s->probe_size)
			s->probe_size = r->probe_size;
		if (r->hop.state != HOP_REFUSED &&
		    !(r->hop.flags & HOP_DUPLICATE))
			s->probes++;
		if (r->flags & RECORD_LAST && r->stop_reason < HELD_STOPS)
			s->stop_reason = r->stop_reason;
		s->one_flow &=
			r->sport == first->sport && r->dport == first->dport;
	}
	if (s->final)
		s->hop_count = s->final->hop.ttl;
	if (s->final && s->stop_reason == STOP_UNREACH)
		s->stop_data = s->final->hop.icmp_code;
}

const char *held_method(const struct out_run *run, const struct held_summary *s)
{
	if (run->trace_method)
		return run->trace_method;
	if (!strcmp(run->method, "udp"))
		return s->one_flow ? "udp-paris" : "udp";
	if (!strcmp(run->method, "icmp"))
		return "icmp-echo-paris";
	return run->method;
}

bool held_quotes(const struct hop *h)
{
	return h->kind == REPLY_EXPIRED || h->kind == REPLY_UNREACH ||
	       h->kind == REPLY_TOOBIG || h->kind == REPLY_PARAM;
}

int held_check(const struct out *o)
{
	if (strcmp(o->run->strategy, "exhaustive") &&
	    strcmp(o->run->strategy, "doubletree"))
		return 0;
	log_err("%s needs traces: use -S ladder, or write csv or jsonl and "
		"whither convert",
		o->format->name);
	return -EINVAL;
}

void held_tell(const struct out *o, u64 strays)
{
	if (strays)
		log_warn("%s: %llu replies are of no trace and left out: write "
			 "csv or jsonl and whither convert",
			 o->format->name, (unsigned long long)strays);
}
