/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text: for people, in the layout of traceroute(8).
 *
 * Beyond that layout: "?" for a probe whose reply this host may have lost,
 * "-" for one that was not sent, and lines behind the last hop that explain
 * these or say as whom routers saw us. An answer that belongs to no trace has
 * a line of its own: destination, TTL, who answered.
 */
#ifndef WHITHER_TEXT_H
#define WHITHER_TEXT_H

#include "types.h"

/* What a record does not say. Without it (out_run.text is NULL): numeric, the
 * destination's address for its name, the size of the first probe. */
struct text_config {
	const char *host; /* as the user gave it */
	struct addr dst;  /* the header is printed before any record; none:
			     with the first record of each trace */
	u16 packet_size;  /* IP datagram */
	bool numeric;	  /* look no names up */
};

enum { TEXT_NAME_WAIT_MS = 1000 }; /* for a name, from the record's arrival */

#endif
