/* SPDX-License-Identifier: BSD-2-Clause */
/* input: a file of results, line by line, compressed or not. */
#include "out/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/log.h"

enum {
	RAW = 1 << 17,
	TEXT_FIRST = 1 << 18,
	LEAST = 1 << 16, /* octets of text to make room for at once */
};

/* Reads what the file has next, behind what is there. */
static int read_raw(struct input *in)
{
	ssize_t n;

	n = read(in->fd, in->raw + in->raw_len, RAW - in->raw_len);
	if (n < 0) {
		n = -errno;
		if (n == -EINTR) /* someone wants to end it */
			return -EINTR;
		log_err("%s: cannot read: %s", in->name, strerror((int)-n));
		return (int)n;
	}
	in->raw_len += (size_t)n;
	in->offset += (u64)n;
	return (int)n;
}

static int start(struct input *in)
{
	static const u8 magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	int n = 1;

	in->raw = malloc(RAW);
	in->text = malloc(TEXT_FIRST);
	in->room = TEXT_FIRST;
	if (!in->raw || !in->text) {
		log_err("%s: no memory to read it", in->name);
		return -ENOMEM;
	}
	while (n > 0 && in->raw_len < sizeof(magic))
		n = read_raw(in);
	if (n < 0)
		return n;
	if (in->raw_len < sizeof(magic) ||
	    memcmp(in->raw, magic, sizeof(magic)))
		return 0;
	in->zst = ZSTD_createDCtx();
	return in->zst ? 0 : -ENOMEM;
}

int input_open(struct input *in, const char *path)
{
	bool standard = !strcmp(path, "-"), partial = in->partial;
	int err;

	*in = (struct input){ .partial = partial };
	in->name = standard ? "standard input" : path;
	in->fd = standard ? STDIN_FILENO
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->fd < 0) {
		err = -errno;
		log_err("%s: %s", path, strerror(-err));
		return err;
	}
	err = start(in);
	if (err)
		input_close(in);
	return err;
}

void input_close(struct input *in)
{
	if (in->name && in->fd > STDIN_FILENO)
		close(in->fd);
	ZSTD_freeDCtx(in->zst);
	free(in->raw);
	free(in->text);
	*in = (struct input){ .partial = in->partial };
}

static int unpack(struct input *in)
{
	ZSTD_inBuffer from = { in->raw, in->raw_len, in->raw_at };
	ZSTD_outBuffer to = { in->text, in->room - 1, in->len };
	size_t left = ZSTD_decompressStream(in->zst, &to, &from);

	if (ZSTD_isError(left)) {
		log_err("%s: damaged before octet %llu: %s", in->name,
			(unsigned long long)(in->offset - in->raw_len +
					     from.pos),
			ZSTD_getErrorName(left));
		return -EBADMSG;
	}
	/* between frames it would ask for the next, were there one or not */
	if (from.pos > in->raw_at || to.pos > in->len)
		in->within_frame = left != 0;
	in->raw_at = from.pos;
	in->len = to.pos;
	return 0;
}

/* 0 when something came or the end has; negative errno, logged. */
static int fill_packed(struct input *in)
{
	size_t before = in->len;
	int n, err;

	while (in->len == before) {
		err = unpack(in);
		if (err || in->len > before)
			return err;
		if (in->raw_at < in->raw_len)
			continue;
		in->raw_at = in->raw_len = 0;
		n = read_raw(in);
		if (n > 0)
			continue;
		in->ended = true;
		if (n < 0 || !in->within_frame)
			return n;
		if (in->partial) {
			log_warn("%s: ends within a compressed frame; what "
				 "came before is taken",
				 in->name);
			return 0;
		}
		log_err("%s: ends within a compressed frame, at octet %llu: it "
			"was cut short (--partial takes what is there)",
			in->name, (unsigned long long)in->offset);
		return -EBADMSG;
	}
	return 0;
}

static int fill_plain(struct input *in)
{
	size_t n = in->raw_len - in->raw_at, room = in->room - 1 - in->len;
	int got;

	if (!n) {
		in->raw_at = in->raw_len = 0;
		got = read_raw(in);
		if (got <= 0) {
			in->ended = true;
			return got;
		}
		n = (size_t)got;
	}
	n = n < room ? n : room;
	memcpy(in->text + in->len, in->raw + in->raw_at, n);
	in->len += n;
	in->raw_at += n;
	return 0;
}

/* Makes room behind the text, and fills some of it. */
static int fill(struct input *in)
{
	char *more;

	if (in->at) {
		memmove(in->text, in->text + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	if (in->room - in->len < LEAST) {
		more = in->len < INPUT_LINE_MAX
			       ? realloc(in->text, 2 * in->room)
			       : NULL;
		if (!more) {
			log_err("%s: line %llu has more than %d MiB", in->name,
				(unsigned long long)in->line + 1,
				(int)(in->len >> 20));
			return -EMSGSIZE;
		}
		in->text = more;
		in->room *= 2;
	}
	return in->zst ? fill_packed(in) : fill_plain(in);
}

int input_line(struct input *in, char **line, size_t *len)
{
	size_t seen = 0;
	char *end;
	int err;

	while (!(end = memchr(in->text + in->at + seen, '\n',
			      in->len - in->at - seen))) {
		seen = in->len - in->at;
		if (in->ended)
			break;
		err = fill(in);
		if (err)
			return err;
	}
	if (!end && (!seen || (in->partial && in->ended)))
		return 0;
	*line = in->text + in->at;
	*len = end ? (size_t)(end - *line) : seen;
	in->at += *len + (end != NULL);
	if (*len && (*line)[*len - 1] == '\r')
		--*len;
	(*line)[*len] = '\0';
	in->line++;
	return 1;
}
