/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records: results made by hand, and what a format makes of them.
 */
#ifndef WHITHER_TESTS_RECORDS_H
#define WHITHER_TESTS_RECORDS_H

#include "out/out.h"

/* The wall clock stands at 1700000000 s when the monotonic one is at 0. */
extern const struct out_run records_run;

/* The answer of `from` to a UDP probe from port 40000 to 33434 of `ttl`, sent
 * at ttl seconds. Time exceeded; not of a trace. */
struct record record_of(const char *src, const char *dst, u8 ttl, u8 attempt,
			const char *from, u32 rtt_us);
/* The same probe without an answer. */
struct record record_without(const char *src, const char *dst, u8 ttl,
			     u8 attempt, enum hop_state state);
/* Makes a trace of n records: flags, and why it ended. */
void records_join(struct record *r, unsigned int n, enum stop_reason why);

/* All that the format writes; the caller frees it. */
char *records_render(const struct out_format *format, const struct out_run *run,
		     const struct record *r, unsigned int n);

#endif
