/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lines: a text file with one item a line.
 *
 * `#` begins a comment, blank lines count but are skipped, space at either
 * end and a carriage return before the newline are dropped. Any octets at all
 * may be read: what cannot be printed becomes `?` and an overlong item ends
 * in `...`, so that it is safe to show and no parser takes it for an item.
 * A file whose name ends in .zst is unpacked.
 */
#ifndef WHITHER_LINES_H
#define WHITHER_LINES_H

#include <stdio.h>

#include "types.h"

enum { LINES_TEXT = 128 };

struct lines {
	FILE *file;
	const char *name; /* the path, or "standard input" */
	u64 number;	  /* of the line read last; the first is 1 */
	char text[LINES_TEXT];
};

/* "-" is standard input; path must outlive l. 0 or negative errno, logged. */
int lines_open(struct lines *l, const char *path);
/* 1: the next item is in l->text. 0: end. Negative errno, logged. */
int lines_next(struct lines *l);
/* Standard input stays open. */
void lines_close(struct lines *l);

#endif
