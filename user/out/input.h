/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * input: a file of results, line by line, compressed (RFC 8878) or not. What
 * it is shows in its first octets, not in its name. One thread.
 */
#ifndef WHITHER_INPUT_H
#define WHITHER_INPUT_H

#include "types.h"

enum { INPUT_LINE_MAX = 64 << 20 };

struct ZSTD_DCtx_s;

/* Zeroed: closed. */
struct input {
	const char *name; /* for messages */
	int fd;
	struct ZSTD_DCtx_s *zst; /* NULL: not compressed */
	u8 *raw;		 /* as it is in the file */
	size_t raw_at, raw_len;
	u64 offset; /* in the file, of what was read so far */
	char *text;
	size_t at, len, room;
	u64 line;     /* of the line read last; the first is 1 */
	bool partial; /* may be set: an end within a frame or line is an end */
	bool ended, within_frame;
};

/* "-" is standard input; path outlives the input. 0 or negative errno,
 * logged. */
int input_open(struct input *in, const char *path);
/* 1: the next line, without its end, a zero behind it; until the next call,
 * and the caller may write on it. 0: there is none. Negative errno, logged;
 * -EINTR: a signal came while it waited. */
int input_line(struct input *in, char **line, size_t *len);
void input_close(struct input *in);

#endif
