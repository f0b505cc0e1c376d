/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * abi: what the XDP program and user space both touch.
 */
#ifndef WHITHER_ABI_H
#define WHITHER_ABI_H

#include "cookie.h"

/*
 * Every frame that reaches the XDP program leaves it with one of these
 * verdicts, and each is counted: X(NAME, taken, "help"). The list is the
 * enum, the counter array, the ledger's keys and the manual's table.
 */
#define STEER_VERDICTS(X)                                                      \
	X(OTHER, 0, "not a packet that a probe can cause")                     \
	X(MALFORMED, 0, "cut short, or contradicts itself")                    \
	X(FRAGMENT, 0, "a fragment of a datagram")                             \
	X(FOREIGN, 0, "an ICMP error or echo reply of another program")        \
	X(FORGED, 0, "shaped like ours, but the tag is wrong")                 \
	X(STALE, 0, "ours, but this process stopped tending its rings")        \
	X(NO_SOCKET, 0, "ours, but no socket listens on this receive queue")   \
	X(EXACT, 1, "ours, quoted as it was sent")                             \
	X(REWRITTEN, 1, "ours, a translator changed our address in the quote")

enum steer_verdict {
#define X(name, taken, help) STEER_##name,
	STEER_VERDICTS(X)
#undef X
		STEER_VERDICT_COUNT
};

/* By what a reply is and how its cookie checks; *proof is filled as by
 * cookie_check(). The other verdicts are about us, not about the reply. */
static __always_inline enum steer_verdict
steer_judge(const struct cookie_key *key, const struct reply *r,
	    struct cookie_proof *proof)
{
	switch ((enum reply_kind)r->kind) {
	case REPLY_MALFORMED:
		return STEER_MALFORMED;
	case REPLY_FRAGMENT:
		return STEER_FRAGMENT;
	case REPLY_NONE:
		return STEER_OTHER;
	case REPLY_EXPIRED:
	case REPLY_UNREACH:
	case REPLY_TOOBIG:
	case REPLY_PARAM:
	case REPLY_ECHO:
	case REPLY_TCP:
	case REPLY_UDP:
		break;
	}
	switch (cookie_check(key, r, proof)) {
	case COOKIE_FOREIGN:
		return r->kind == REPLY_TCP || r->kind == REPLY_UDP
			       ? STEER_OTHER
			       : STEER_FOREIGN;
	case COOKIE_FORGED:
		return STEER_FORGED;
	case COOKIE_EXACT:
		return STEER_EXACT;
	case COOKIE_REWRITTEN:
		break;
	}
	return STEER_REWRITTEN;
}

/* Lives in the program's writable data, which user space maps. */
struct steer_config {
	struct cookie_key key;
	u64 heartbeat_ns; /* CLOCK_MONOTONIC; older than the limit: pass all */
};

_Static_assert(sizeof(struct steer_config) == 64, "ABI of the XDP program");

#define STEER_DEADMAN_NS 2000000000ULL

/*
 * Stands in front of every frame that was taken. The descriptor of AF_XDP
 * does not tell how much metadata a frame has, so the magic does; whoever
 * reads it clears it before the frame goes back to the fill ring.
 */
struct steer_stamp {
	u64 arrived_ns; /* CLOCK_MONOTONIC */
	u32 magic;
	struct cookie_proof proof;
};

_Static_assert(sizeof(struct steer_stamp) == 16, "multiple of 4, <= 32");

#define STEER_MAGIC 0x77686974u

/*
 * Live frames: a slot of the memory-mapped array that the launch program
 * copies to a page of its own and redirects to the wire. Filled by one
 * thread, which then runs the program once a slot. Threads that launch side
 * by side run on processors of their own: the processor tells the lane, and
 * each lane has LAUNCH_SLOTS slots.
 */
enum {
	LAUNCH_LANES = 16,
	LAUNCH_CPUS = 1024,  /* those beyond share lane 0 */
	LAUNCH_SMALL = 112,  /* octets of frame in a slot of 128 */
	LAUNCH_LARGE = 2032, /* ... of 2048 */
	LAUNCH_SLOTS = 1024,
};

struct launch_slot {
	u64 departed_ns; /* written by the program as it takes the slot */
	u32 len;
	u32 zero;
	u8 frame[];
};

_Static_assert(sizeof(struct launch_slot) == 16, "ABI of the XDP program");

/* A live run has no interface of its own: it is seen to come from loopback. */
enum { LAUNCH_IFINDEX = 1, LAUNCH_BATCH = 64 };

#endif
