/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop: an uplink in memory. What is sent is answered at once by a line of
 * routers, and the answers are there to be received by the next turn.
 *
 *   tx.send -> answer, none or two -> queue -> rx.receive
 *
 * The engine reads the real clock, but nothing here depends on it: an answer
 * arrives as many ms after its probe's departure as its TTL says.
 */
#ifndef WHITHER_TESTS_LOOP_H
#define WHITHER_TESTS_LOOP_H

#include "frame.h"
#include "io/uplink.h"

enum { LOOP_QUEUE = 1 << 14, LOOP_FRAME = 192 };

struct loop_frame {
	u64 arrived_ns;
	u32 len;
	u8 data[LOOP_FRAME];
};

struct loop {
	struct uplink uplink;
	struct exclude exclude;

	/* What goes wrong: one frame in so many; 0: none. */
	u32 silent_every, twice_every, refuse_every;
	u32 overrun_every;  /* answers that find the receive ring full; not
			       those to the same question again */
	u32 stranger_every; /* another program's error comes as well */
	u8 length;	    /* of the path, destination included */
	u64 hold;	    /* nothing arrives until so many frames have left */

	/* After so many frames: send() fails so often with this, or *stop. */
	u64 fail_after;
	u32 fail_times;
	int fail_with;
	u64 stop_after; /* 0: never */
	volatile bool stop;

	/* What truly happened. */
	u64 frames, answered, silent, doubled, overrun, strangers;

	/* private */
	struct tx_slot slot[IO_BATCH];
	u8 memory[IO_BATCH][LOOP_FRAME];
	struct loop_frame queue[LOOP_QUEUE];
	u32 head, tail, taken;
	u64 overran[1024]; /* questions, by a hash: a bit each */
};

/* Ends the test if it cannot: needs a netlink socket, but no privilege. */
struct loop *loop_new(u64 pps);
void loop_free(struct loop *l);

/* Who answers a probe to dst with that TTL. */
struct addr loop_router(const struct loop *l, const struct addr *dst, u8 ttl);

#endif
