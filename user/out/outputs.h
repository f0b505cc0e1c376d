/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * outputs: several formats, each with its file, fed with the same records.
 * One thread.
 */
#ifndef WHITHER_OUTPUTS_H
#define WHITHER_OUTPUTS_H

#include "out/dest.h"
#include "out/out.h"

enum { OUTPUTS_MAX = 16 };

/* Zeroed: none. */
struct outputs {
	struct output {
		struct out out;
		struct dest dest;
		bool begun;
	} output[OUTPUTS_MAX];
	unsigned int n;
};

/*
 * Opens each "FORMAT:FILE" or "FORMAT:-" (standard output, once at most), and
 * begins its format. `run` outlives them. 0, -EINVAL for a spec that is none,
 * or negative errno, logged; nothing is left behind then.
 */
int outputs_open(struct outputs *o, const struct out_run *run,
		 const char *const *specs, unsigned int n, u64 now);
/* One that has failed gets nothing more. */
void outputs_record(struct outputs *o, const struct record *r);
/* For out.now and out.closing. */
void outputs_time(struct outputs *o, u64 now, bool closing);
/* out_format.idle of all: something is still to come without any record. */
bool outputs_idle(struct outputs *o);
/* 0 or negative errno of the first that has failed so far. */
int outputs_error(const struct outputs *o);
int outputs_flush(struct outputs *o);
/* Ends the formats, puts the files in their places. Negative errno if any
 * failed at any time. */
int outputs_close(struct outputs *o);
/* Takes away what outputs_open() created. */
void outputs_abandon(struct outputs *o);

/* The format of that name, `len` octets, or NULL. */
const struct out_format *outputs_format(const char *name, size_t len);

#endif
