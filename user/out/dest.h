/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dest: the file behind an output, so that a reader never finds half a
 * result where a whole one stood. One thread.
 *
 * A path that ends in .zst is compressed (RFC 8878), with checksums. Each
 * flush ends a frame, so that what was flushed can be read whatever comes
 * after.
 */
#ifndef WHITHER_DEST_H
#define WHITHER_DEST_H

#include <stdio.h>
#include <sys/types.h>

#include "types.h"

struct ZSTD_CCtx_s;

/* Zeroed: closed. */
struct dest {
	FILE *to;   /* writes to it are buffered */
	char *path; /* NULL: standard output */
	char *part; /* written instead of path, which it replaces; or NULL */
	char *buffer;
	struct ZSTD_CCtx_s *zst; /* NULL: not compressed */
	char *packed;		 /* what comes out of it */
	int fd;
	int error;	/* 0, or negative errno of the first failure */
	off_t at;	/* where the next octet goes, if the file is regular */
	off_t whole_at; /* up to where all is whole: lines, or what was flushed
			 */
	bool created;	/* path did not exist before */
	bool lines;	/* can be read up to its last newline */
	bool cut;	/* regular: a failure cuts it at whole_at */
	bool framed;	/* a compressed frame has begun */
};

/* `path` "-": standard output. `lines`: the format has lines. Logs. */
int dest_open(struct dest *d, const char *path, bool lines);
/* Hands over what is buffered, which must end with a whole record. 0 or
 * dest.error. */
int dest_flush(struct dest *d);
/* Flushes, closes, and puts the file in its place; if anything ever failed,
 * it stays where it is. 0 or negative errno. */
int dest_close(struct dest *d);
/* Closes and takes away what dest_open() created. */
void dest_abandon(struct dest *d);

#endif
