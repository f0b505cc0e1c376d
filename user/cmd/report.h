/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report: what a run tells of itself: the status line once a second, the
 * summary at its end, the same as JSON. To standard error, or a file.
 */
#ifndef WHITHER_REPORT_H
#define WHITHER_REPORT_H

#include <stdio.h>

#include "out/limit.h"
#include "trace/engine.h"
#include "trace/fill.h"

struct json;

enum { REPORT_OUTPUTS = 16, REPORT_LIMITED = 64 };

struct report {
	const char *tx, *rx; /* names of the backends */
	u64 done, all;	     /* progress: of probes or targets */
	u64 targets;
	u64 skipped;  /* near probes, that would show nothing new */
	u64 put_off;  /* probes, for a prefix's or router's budget */
	u8 fill_from; /* chains go on beyond this TTL; 0: there are none */
	u64 sessions[FATES]; /* by enum session_fate; of their traces */
	bool has_sessions;
	struct fill_stats fill;
	u64 interfaces, destinations; /* distinct, that answered */
	u64 written, output_lost;     /* records */
	/* routers that limit their errors: at the end; the first of them */
	u64 limited;
	struct report_limited {
		struct addr from;
		double per_second;
	} limited_router[REPORT_LIMITED];
	struct report_output {
		const char *spec;
		u64 written;
	} output[REPORT_OUTPUTS];
	u32 outputs;
	/* a second: probes, answers, interfaces not seen before; of the
	 * second before, or in the end of the whole run */
	double sent_rate, heard_rate, new_rate;
	const char *contact, *uri; /* who is behind it; or NULL */
};

/* One line of at most 79 columns, ending in a carriage return on a terminal
 * and a newline elsewhere. */
void report_status(FILE *to, bool terminal, const struct report *r,
		   const struct ledger *l, u64 now);
void report_summary(FILE *to, const struct report *r, const struct ledger *l);
/* Takes the routers that limit their errors. */
void report_limits(struct report *r, const struct limits *limits,
		   const struct ledger *l);
/* Could report_json() write there? Leaves nothing behind. 0 or negative
 * errno, logged. */
int report_check(const char *path);
/* Every counter by its name, into the object that is open. `now` is when, for
 * what has not ended. */
void report_put(struct json *j, const struct report *r, const struct ledger *l,
		u64 now);
/* One JSON object of them. 0 or negative errno, logged. */
int report_json(const char *path, const struct report *r,
		const struct ledger *l);

/*
 * sent = answered + abandoned + report_lost_here() + report_silent().
 *
 * Of what this host's own rings dropped, as much as may have been the answer
 * of a probe that has none; and the probes that nobody answered.
 */
u64 report_lost_here(const struct ledger *l);
u64 report_silent(const struct ledger *l);

#endif
