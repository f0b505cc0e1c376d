/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status: how a run is getting on, while it does: a line on standard error,
 * and lines of JSON in a file. The packet thread that started the run.
 */
#ifndef WHITHER_STATUS_H
#define WHITHER_STATUS_H

#include "cmd/report.h"

/* Zeroed: neither. */
struct status {
	u64 line_ns; /* between two lines on standard error; 0: none */
	FILE *file;  /* a line of JSON a second, and at the end; or NULL */
	const char *path;
	int error;		/* of the file: nothing more goes there */
	u64 line_at, second_at; /* when next */
	/* as of the second before, for the rates */
	u64 before_ns, sent, matched, interfaces;
};

/* path: created or emptied; NULL: no file. 0 or negative errno, logged. */
int status_open(struct status *s, u64 line_ns, const char *path);
/* From when on it runs. */
void status_begin(struct status *s, u64 now);
/* Some times a second. Fills r's rates, and says what is due. */
void status_turn(struct status *s, struct report *r, const struct ledger *l,
		 u64 now);
/* The line on standard error, when sending and hearing are over. */
void status_last_line(const struct status *s, struct report *r,
		      const struct ledger *l);
/* The last line of the file, when everything is. 0 or negative errno of the
 * file at any time, logged. Closes it. */
int status_close(struct status *s, struct report *r, const struct ledger *l);
/* The run never began. */
void status_abandon(struct status *s);

#endif
