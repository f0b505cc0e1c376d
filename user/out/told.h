/* SPDX-License-Identifier: BSD-2-Clause */
/* told: what the TCP header of an answer says, in words. Pure. */
#ifndef WHITHER_TOLD_H
#define WHITHER_TOLD_H

#include "trace/record.h"

enum { TOLD_TEXT = 96 };

/* "syn,ack,MSS:1460,SACK,TS,WS:7"; "rst,ack"; of QUIC "Q:I", "Q:R+I", "Q:V",
 * "Q:U"; "" of anything else. */
void told_text(const struct hop *h, char text[TOLD_TEXT]);
/* The flags alone, in the order of RIPE Atlas, a letter each: "SA". */
void told_letters(const struct hop *h, char text[9]);

/* By enum session_fate: "open", "reset". */
extern const char *const told_fates[];
/* What became of a session, as a sentence; NULL: probes went through it. */
const char *told_fate(u8 fate);

#endif
