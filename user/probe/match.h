/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match: reply -> probe. Which destination, TTL and attempt a frame answers.
 *
 * Packet thread. Frames that the XDP program verified carry their proof; the
 * others (raw sockets) are verified here, by the same code.
 */
#ifndef WHITHER_MATCH_H
#define WHITHER_MATCH_H

#include "probe/probe.h"

/*
 * Fills *a and returns true if the frame answers one of our probes. `proof`
 * is what the XDP program left, or result COOKIE_FOREIGN; then the verdict
 * is counted in counts[].
 */
bool match(const struct cookie_key *key, const u8 *frame, u32 len,
	   u64 arrived_ns, const struct cookie_proof *proof, struct answer *a,
	   u64 counts[STEER_VERDICT_COUNT]);

#endif
