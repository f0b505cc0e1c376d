/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sack: what a segment of an open TCP session acknowledges, and what it adds
 * to their side (RFC 2018, RFC 2883, RFC 7323).
 *
 * Pure. Numbers are those of the wire, in host order, and wrap.
 */
#ifndef WHITHER_SACK_H
#define WHITHER_SACK_H

#include "probe/probe.h"

enum { SACK_BLOCKS = 4 }; /* as many as 40 octets of options hold */

struct sack {
	u32 left[SACK_BLOCKS], right[SACK_BLOCKS]; /* left <= it < right */
	u32 next;   /* the number after all that the segment holds */
	u32 stamp;  /* their timestamp, with `stamped` */
	u16 octets; /* of data */
	u8 blocks;
	bool stamped;
	bool malformed; /* what came after was not read */
};

/* a->reply.kind is REPLY_TCP. Reads nothing beyond the segment. */
void sack_read(const struct answer *a, struct sack *s);
bool sack_covers(const struct sack *s, u32 seq);

#endif
