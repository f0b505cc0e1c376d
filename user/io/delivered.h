/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * delivered: how many frames the interface itself says have left, and how many
 * it had no room for when they came; asked often and cheaply: one rtnetlink
 * question of some microseconds.
 *
 * Backends know what they handed over, and what they were handed; a ring that
 * was full further down (256 frames in a virtual Ethernet, a NIC's own) tells
 * nobody but these counters.
 *
 * One thread each. Several that send by one interface tell each other how much
 * they handed over; what is missing is then known only at moments when none of
 * them is sending.
 */
#ifndef WHITHER_DELIVERED_H
#define WHITHER_DELIVERED_H

#include "types.h"

/* Of all who send; written by each of them. */
struct delivered_all {
	u64 handed;
	u32 sending; /* how many are */
};

struct delivered {
	int fd; /* 0: closed */
	int ifindex;
	bool tells;	   /* what has left; set by who opens it, who must know
			       whether other senders' frames are among them */
	bool drops_missed; /* counts as dropped what others count as missed */
	struct delivered_all *all; /* NULL: there is but one */
	u64 handed;		   /* by all, at the last look */
	u64 packets, at_first; /* left at the last look; missed at the first */
	u64 missed; /* came since then and found no room, as of the last look:
		       anybody's frames, before XDP could see them */
};

/* driver: its name, "" if not known. 0 or negative errno; not logged, since
 * runs do without. */
int delivered_open(struct delivered *d, int ifindex, const char *driver);
/* Brings d->missed up to date. */
void delivered_look(struct delivered *d);
/* Around the sending of n frames. */
void delivered_begin(struct delivered *d);
void delivered_end(struct delivered *d, u64 n);
/*
 * Of what was handed over since the last look, `sent` frames or, if there are
 * others, what all did, how many did not leave? What else the host sends by the
 * interface meanwhile makes it less. 0 where the counter cannot be read, or
 * does not tell. False: not known now, there was no look.
 */
bool delivered_missing(struct delivered *d, u64 sent, u64 *missing);
void delivered_close(struct delivered *d);

#endif
