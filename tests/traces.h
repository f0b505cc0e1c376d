/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traces: results drawn at random, in every shape that a run can give them,
 * for formats to write and to read again.
 */
#ifndef WHITHER_TESTS_TRACES_H
#define WHITHER_TESTS_TRACES_H

#include "trace/record.h"

enum { TRACE_RECORDS = 128 }; /* at most */

struct traces {
	u64 seed; /* changes with each draw */
	u8 proto; /* of all probes */
	u8 attempts;
	bool late; /* answers whose time is unknown, too */
};

/* A trace in order of TTL and attempt; how many records it has. Times are
 * whole microseconds. */
unsigned int traces_draw(struct traces *t, struct record *r);
/* A reply that stands alone. */
void traces_reply(struct traces *t, struct record *r);

#endif
