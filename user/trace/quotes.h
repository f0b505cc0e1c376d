/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quotes: what routers quote of the segments of one trace: few kinds for many
 * rungs, so that a rung says which in four bits. Pure.
 */
#ifndef WHITHER_QUOTES_H
#define WHITHER_QUOTES_H

#include "trace/record.h"

/* As in struct hop and struct record. */
struct quote {
	u16 mss, dport;
	u8 said, scale;
};

/* 1 + the index of that kind, n + 1 if it is a new one; 0: `max` are no room
 * for it. */
u8 quotes_note(struct quote *quote, unsigned int n, unsigned int max,
	       const struct hop *h, u16 dport);
/* What a record says of its quote. */
void quotes_tell(const struct quote *quote, struct record *r);

#endif
