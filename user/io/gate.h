/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gate: the one function that every frame passes before it leaves, whatever
 * the backend. AF_XDP and live frames bypass the host's queueing discipline
 * and its packet filter, so nothing behind this would hold a frame back.
 *
 * Packet thread only.
 */
#ifndef WHITHER_GATE_H
#define WHITHER_GATE_H

#include "io/io.h"
#include "plan/exclude.h"
#include "plan/pace.h"

struct gate {
	const struct exclude *exclude; /* NULL: nothing is excluded */
	struct pace pace;
	u32 replaced; /* exclude_replaced(), as of gate_tend() */
};

/* pps and burst as in pace.h. */
void gate_init(struct gate *g, const struct exclude *exclude, u64 pps,
	       u32 burst, u64 now);
/* How many frames may leave now, of `want`. */
u32 gate_allow(struct gate *g, u32 want, u64 now);
/* When the next one may. */
u64 gate_when(const struct gate *g, u64 now);
/*
 * Sends slot[0..n) of tx, but sets len 0 for, and counts, every frame whose
 * destination is excluded, that is not IP at all (counted as excluded), or
 * that is beyond the rate, whoever made it.
 * 0 or negative errno of the backend.
 */
int gate_send(struct gate *g, struct tx *tx, unsigned int n, u64 now);
/* Now and then, where this thread holds nothing of the exclusions. */
void gate_tend(struct gate *g);
/* Has this thread let go of all that was replaced before the n-th time? Any
 * thread. */
bool gate_has_seen(const struct gate *g, u32 n);

#endif
