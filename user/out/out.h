/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * out: results in a format. A format is a table of functions that turn
 * records into octets; the writer (writer.h) calls them on its own thread.
 *
 * A format writes to the stream it is given and nowhere else. Errors of the
 * stream are found by the writer.
 */
#ifndef WHITHER_OUT_H
#define WHITHER_OUT_H

#include <stdio.h>

#include "probe/tcp.h"
#include "trace/record.h"

/* What holds for the whole run. Strings and pointers outlive the writer. */
struct out_run {
	const char *command;  /* "sweep", "trace" */
	const char *method;   /* "udp", "icmp" */
	const char *strategy; /* "exhaustive", "ladder" */
	u64 wall_offset_ns;   /* CLOCK_REALTIME = CLOCK_MONOTONIC + this */
	u8 first_ttl, max_ttl, attempts;
	u8 udp_ttl;  /* of QUIC: how far UDP to that port is answered; or 0 */
	u32 wait_ms; /* for a reply, at most */
	struct tcp_shape syn; /* all 0: there are none, or nobody knows */
	const struct text_config *text; /* for -o text (text.h), or NULL */
	struct out_seen *seen;		/* who answered (seen.h), or NULL */
	struct frames *frames;		/* for -o pcap (frames.h), or NULL */
	struct journal *journal;	/* of a run directory, or NULL */
	const char *monitor; /* name of this host in warts, or NULL */
	/* What whither convert knows of the trace that it reads. */
	const char *trace_method; /* as warts(5) names it; or NULL */
	u32 omitted;		  /* records that it lacks already */
};

struct out;

struct out_format {
	const char *name; /* as in -o NAME:FILE */
	int (*begin)(struct out *o);
	/* One record; records of a trace come together and in order. */
	void (*record)(struct out *o, const struct record *r);
	int (*end)(struct out *o);
	/* Or NULL: called after each batch and every few ms while no record
	 * waits; true: something is still to come without any record. */
	bool (*idle)(struct out *o);
	bool binary; /* has no lines: not cut after the last when writing fails
		      */
};

struct out {
	const struct out_format *format;
	const struct out_run *run;
	FILE *to;
	u64 written;  /* records, counted by the writer */
	void *state;  /* format's own; begin allocates, end frees */
	u64 now;      /* CLOCK_MONOTONIC, as this batch of records began */
	bool closing; /* no record comes any more */
};

/* NULL-terminated: every format there is. */
extern const struct out_format *const out_formats[];

#endif
