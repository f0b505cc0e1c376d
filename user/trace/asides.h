/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * asides: frames of TCP that are no probes: what refuses connections, and what
 * sessions say. They pass the gate like probes, and before them; they are
 * counted apart. The engine's thread.
 */
#ifndef WHITHER_ASIDES_H
#define WHITHER_ASIDES_H

#include "trace/engine.h"

struct asides {
	struct aside segment[IO_BATCH];
};

/* How many wait. */
unsigned int asides_waiting(const struct engine_config *c);
/* Sends what the gate allows. 0 or the backend's error. */
int asides_send(struct asides *x, const struct engine_config *c, u64 now);

#endif
