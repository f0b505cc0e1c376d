/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names: addresses to host names, without ever waiting. One thread.
 *
 * A name is asked for with names_find(), which answers at once; names_work()
 * moves the look-ups on. What came back stays known. Names are what strangers
 * put into the DNS: all but letters, digits, '-', '.' and '_' is escaped.
 */
#ifndef WHITHER_NAMES_H
#define WHITHER_NAMES_H

#include "types.h"

enum {
	NAMES_KNOWN = 1 << 14, /* addresses remembered; others have no name */
	NAMES_TEXT = 1100,     /* longest name, escaped */
};

/* Zeroed: closed. */
struct names {
	struct names_state *state;
};

int names_open(struct names *n);
/* As names_open(), then asks through `channel` (an ares_channel, taken over)
 * instead of one that follows the host's resolver settings: for tests. */
int names_open_channel(struct names *n, void *channel);

/* NULL: not known yet, under way. "": has none. Else the name, kept until
 * names_close(). The first call for an address starts the look-up. */
const char *names_find(struct names *n, const struct addr *a);
/* Reads what has come and sends what is due; does not wait. */
void names_work(struct names *n);
void names_close(struct names *n);

/* Writes the name fit for a terminal; returns text. */
char *names_escape(const char *name, char text[static NAMES_TEXT]);

#endif
