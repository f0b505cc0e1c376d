/* SPDX-License-Identifier: BSD-2-Clause */
/* unzst: a zstd file, read as what it holds. */
#include "lib/unzst.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

enum { PACKED = 1 << 16 };

struct unzst {
	FILE *packed;
	ZSTD_DStream *stream;
	ZSTD_inBuffer in; /* in octets, the rest not yet unpacked */
	size_t wanted;	  /* 0: between two frames */
	char octets[PACKED];
};

static ssize_t fail(int err)
{
	errno = err;
	return -1;
}

static ssize_t unzst_read(void *cookie, char *to, size_t len)
{
	struct unzst *u = cookie;
	ZSTD_outBuffer out = { to, len, 0 };

	while (!out.pos) {
		if (u->in.pos == u->in.size) {
			u->in.size = fread(u->octets, 1, PACKED, u->packed);
			u->in.pos = 0;
			if (ferror(u->packed))
				return fail(EIO);
		}
		/* at the end of the file what is held back still comes out */
		if (!u->in.size && !u->wanted)
			return 0;
		u->wanted = ZSTD_decompressStream(u->stream, &out, &u->in);
		if (ZSTD_isError(u->wanted) || (!u->in.size && !out.pos))
			return fail(EBADMSG);
	}
	return (ssize_t)out.pos;
}

static int unzst_close(void *cookie)
{
	struct unzst *u = cookie;
	int ret = fclose(u->packed);

	ZSTD_freeDStream(u->stream);
	free(u);
	return ret;
}

FILE *unzst_open(FILE *packed)
{
	const cookie_io_functions_t io = { .read = unzst_read,
					   .close = unzst_close };
	struct unzst *u = calloc(1, sizeof(*u));
	FILE *file = NULL;

	if (!u)
		return NULL;
	u->packed = packed;
	u->in.src = u->octets;
	u->stream = ZSTD_createDStream();
	if (u->stream)
		file = fopencookie(u, "r", io);
	if (!file) {
		ZSTD_freeDStream(u->stream);
		free(u);
		errno = ENOMEM;
	}
	return file;
}
