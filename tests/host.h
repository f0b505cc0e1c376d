/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host: the far end of a TCP connection, as a kernel would keep it (RFC 9293,
 * RFC 2018, RFC 5961, RFC 7323), with what it does differently as switches.
 * Whatever comes in that no sane peer would send is counted as a fault.
 */
#ifndef WHITHER_TESTS_HOST_H
#define WHITHER_TESTS_HOST_H

#include "frame.h"
#include "simnet_frame.h"

struct host_habits {
	bool closed;   /* an RST is all it has */
	bool filtered; /* not even that */
	bool no_sack, no_stamps;
	bool banner;	   /* 200 octets at once */
	bool ends;	   /* a FIN at once */
	u16 window;	   /* 0: a large one */
	bool drops_behind; /* what is behind a gap, and says nothing */
	u8 resets_at;	   /* the how manieth octet; 0: none */
	u64 deaf_ns;	   /* its SYN/ACKs are lost until then */
};

enum host_state { HOST_LISTEN, HOST_HALF, HOST_OPEN };

enum { HOST_BLOCKS = 8, HOST_FRAME = 320, HOST_OUT = 4, HOST_HEAD = 54 };

/* Of one pair of addresses and ports. */
struct host_conn {
	u8 head[HOST_HEAD] __attribute__((
		aligned(2))); /* of their frames to us, up to TCP */
	u8 l4, state;
	bool sack, stamps, heard_fin, said_fin;
	bool timed; /* its owner's */
	u8 blocks, tries;
	u16 window;
	u16 sport, dport;	/* theirs: ours is dport */
	u32 irs, next;		/* ours: the first, and what is to come */
	u32 iss, unacked, said; /* theirs */
	u32 left[HOST_BLOCKS], right[HOST_BLOCKS]; /* the latest first */
	u32 half, opened, ended, faults, syns, octets, fins;
	u32 acked;	   /* the latest acknowledgement */
	u32 older;	   /* those that came after a later one */
	const char *fault; /* the first of them */
};

/* Frames to us. */
struct host_out {
	u8 frame[HOST_OUT][HOST_FRAME] __attribute__((aligned(8)));
	u32 len[HOST_OUT];
	unsigned int n;
};

/* A segment has come, as simnet_parse() reads it; `ttl` is what its answers
 * arrive with. */
void host_hear(struct host_conn *c, const struct host_habits *h,
	       const u8 *frame, const struct simnet_probe *p, u8 ttl, u64 now,
	       struct host_out *out);
/* Says again what was not acknowledged. False: there is nothing. */
bool host_repeat(struct host_conn *c, const struct host_habits *h, u64 now,
		 struct host_out *out);
/* Is something to be said again, unless it is acknowledged? */
static inline bool host_waits(const struct host_conn *c)
{
	return c->state == HOST_HALF ||
	       (c->state == HOST_OPEN && c->unacked != c->said);
}

#endif
