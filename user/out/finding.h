/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finding: what the records of one trace say together: as whom routers saw
 * us, and from which hop on.
 */
#ifndef WHITHER_FINDING_H
#define WHITHER_FINDING_H

#include "trace/record.h"

enum { FINDINGS = 8 }; /* a trace; what comes after is not told */

/* Our source as quotes show it: a translator stands before first_ttl. */
struct finding {
	struct addr seen;
	u16 port; /* 0: the probe has none */
	u8 first_ttl;
};

struct findings {
	struct finding f[FINDINGS];
	unsigned int n;
};

void findings_clear(struct findings *f);
/* Any record of the trace, in any order. */
void findings_note(struct findings *f, const struct record *r);

#endif
