/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parting: what a SYN/ACK obliges us to. Whoever sent it holds a connection
 * half open, and repeats itself, until it hears an RST: it hears one, and no
 * more than one for each probe.
 *
 * Answers are noted as they come, and wait in a ring until the gate lets
 * frames leave. Whether a probe's RST was sent already is remembered in a
 * table of marks that forgets the oldest only where others took its place.
 * One thread.
 */
#ifndef WHITHER_PARTING_H
#define WHITHER_PARTING_H

#include "probe/craft.h"

enum {
	PARTING_RING = 4096,	/* that wait; beyond, they are not sent */
	PARTING_SETS = 1 << 14, /* of the table */
	PARTING_WAYS = 4,
};

struct parting_stats {
	u64 syn_acks;  /* heard, repeated ones too */
	u64 resets;    /* heard */
	u64 bare;      /* ACKs alone, that answer no probe */
	u64 malformed; /* of those: the header or its options made no sense */
	u64 sent;      /* RSTs of ours */
	u64 segments;  /* of ours within sessions, SYNs too */
	u64 heard;     /* theirs */
	u64 refused;   /* that the gate or the device did not take, or that
			  found no room */
};

struct parting {
	bool silent; /* --no-close: nothing is sent, all is counted */
	struct parting_stats stats;
	u32 head, tail;
	struct reply ring[PARTING_RING]; /* what craft_reset() reads */
	u64 mark[PARTING_SETS][PARTING_WAYS];
	u8 oldest[PARTING_SETS];
};

/* Those of n answers that are TCP, and of no session. An ACK alone says that a
 * SYN came while an earlier one's connection was half open, and names that one:
 * it answers nothing. How many answers are left, in answer[0..). */
unsigned int parting_note(struct parting *p, struct answer *answer,
			  unsigned int n);
/* A segment of a session that is no more: if whoever sent it believes in that
 * yet, it hears an RST, as often as it says so. */
void parting_refuse(struct parting *p, const struct answer *a);
static inline unsigned int parting_waiting(const struct parting *p)
{
	return p->tail - p->head;
}
/* Takes the first one, of those that wait, and crafts it. Returns its length.
 */
u32 parting_take(struct parting *p, const struct craft *c, u8 *frame);

#endif
