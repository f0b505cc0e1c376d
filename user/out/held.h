/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * held: the records of the trace that is under way, for formats that must
 * know all of a trace before they write its head.
 */
#ifndef WHITHER_HELD_H
#define WHITHER_HELD_H

#include "out/out.h"

/* Zeroed: empty. */
struct held {
	struct record *record;
	unsigned int n, room;
	unsigned int omitted; /* records of this trace beyond what is held */
};

/* Adds a record that has RECORD_TRACE. */
void held_add(struct held *h, const struct record *r);
/* In order of TTL and attempt; quick where they are already. */
void held_sort(struct held *h);
/* Makes room for the next trace. */
void held_clear(struct held *h);
void held_fini(struct held *h);

/* What the records say together. */
struct held_summary {
	const struct record *final; /* what ended the trace; NULL: nothing */
	u64 start_ns, end_ns;	    /* first and last known time; 0: none */
	unsigned int probes;
	unsigned int hop_count; /* TTL of `final`; none: the highest */
	u16 probe_size;		/* the largest */
	u8 stop_reason, stop_data;
	bool one_flow; /* all probes had the same ports */
};

void held_summarize(const struct held *h, struct held_summary *s);

/* As warts(5) names it: "udp-paris". */
const char *held_method(const struct out_run *run,
			const struct held_summary *s);

/* By enum stop_reason: "COMPLETED". */
extern const char *const held_stops[];
enum { HELD_STOPS = STOP_HALTED + 1 };

/* Did an ICMP error with a quote come? */
bool held_quotes(const struct hop *h);

/* Formats of whole traces cannot be written while single replies come: 0, or
 * -EINVAL, logged. */
int held_check(const struct out *o);
/* At the end: `strays` single replies came all the same. */
void held_tell(const struct out *o, u64 strays);

#endif
