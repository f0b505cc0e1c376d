/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frames: probes and replies as they were on the wire, on their way from the
 * packet threads to the writer's, for -o pcap alone.
 *
 * Each packet thread has a ring of its own. What has no room is counted, and
 * never waits: packets are for people who look, records are the results.
 */
#ifndef WHITHER_FRAMES_H
#define WHITHER_FRAMES_H

#include "io/io.h"

enum {
	FRAME_SNAP = 240, /* octets kept of a frame */
	FRAMES_RING = 1 << 16,
};

struct frame {
	u64 at_ns; /* departure or arrival, CLOCK_MONOTONIC */
	u32 len;   /* on the wire */
	u32 kept;
	u8 octets[FRAME_SNAP];
};

struct frames_lane;

/* Zeroed but for `lanes`: closed. */
struct frames {
	struct frames_lane *lane;
	u32 lanes; /* packet threads */
};

/* -ENOMEM, logged; -EBUSY if they are open. */
int frames_open(struct frames *f);
/* No packet thread may put any more. */
void frames_close(struct frames *f);

/* What a packet thread puts into; NULL if nobody wants frames. */
void *frames_lane(const struct frames *f, u32 i);
/* A packet thread's, once a batch; `lane` is its own. Slots that did not
 * leave are passed over; `now` stands for an arrival that is not known. */
void frames_sent(void *lane, const struct tx_slot *slot, unsigned int n);
void frames_received(void *lane, const struct rx_frame *frame, unsigned int n,
		     u64 now);

/* The writer's: false if there is none of that thread. */
bool frames_take(struct frames *f, u32 i, struct frame *frame);
u64 frames_lost(const struct frames *f);

#endif
