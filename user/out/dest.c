/* SPDX-License-Identifier: BSD-2-Clause */
/* dest: the file behind an output. */
#include "out/dest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/log.h"

enum {
	DEST_BUFFER = 1 << 20,
	DEST_PACKED = 1 << 17,
	DEST_LEVEL = -1, /* 1 takes a fifth less room and half as long again */
};

static const char *dest_name(const struct dest *d)
{
	if (d->part)
		return d->part;
	return d->path ? d->path : "standard output";
}

/* Takes away again what is not whole, if nobody else has written behind it. */
static bool cut_begun(const struct dest *d)
{
	struct stat st;

	return d->cut && !fstat(d->fd, &st) && st.st_size == d->at &&
	       !ftruncate(d->fd, d->whole_at) &&
	       lseek(d->fd, d->whole_at, SEEK_SET) >= 0;
}

/* Only the first failure is told. */
static void fail(struct dest *d, int err)
{
	bool cut;

	if (d->error)
		return;
	d->error = err;
	cut = cut_begun(d);
	log_err("%s: %s%s%s", dest_name(d), strerror(-err),
		cut ? "; what was written before " : "",
		!cut	   ? ""
		: d->lines ? "ends with a whole line"
			   : "is whole");
}

static void note_written(struct dest *d, const char *p, size_t n)
{
	const char *last = d->lines ? memrchr(p, '\n', n) : NULL;

	if (last)
		d->whole_at = d->at + (last - p) + 1;
	d->at += (off_t)n;
}

/* A descriptor that someone made non-blocking (a shared terminal or pipe) is
 * waited for all the same. */
static bool is_passing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (errno == EINTR)
		return true;
	return errno == EAGAIN && poll(&p, 1, -1) >= 0;
}

static void put(struct dest *d, const char *p, size_t n)
{
	size_t done = 0;
	ssize_t got;

	while (!d->error && done < n) {
		got = write(d->fd, p + done, n - done);
		if (got > 0) {
			note_written(d, p + done, (size_t)got);
			done += (size_t)got;
		} else if (!got || !is_passing(d->fd)) {
			fail(d, got ? -errno : -EIO);
		}
	}
}

static void pack(struct dest *d, const char *p, size_t n, ZSTD_EndDirective how)
{
	ZSTD_inBuffer in = { p, n, 0 };
	bool more = true;

	d->framed = how != ZSTD_e_end;
	while (!d->error && more) {
		ZSTD_outBuffer out = { d->packed, DEST_PACKED, 0 };
		size_t left = ZSTD_compressStream2(d->zst, &out, &in, how);

		if (ZSTD_isError(left)) {
			fail(d, -EIO);
			return;
		}
		put(d, d->packed, out.pos);
		more = d->framed ? in.pos < in.size : left != 0;
	}
}

/* fopencookie(3): fewer than n octets means an error. */
static ssize_t dest_write(void *cookie, const char *p, size_t n)
{
	struct dest *d = cookie;

	if (d->zst)
		pack(d, p, n, ZSTD_e_continue);
	else
		put(d, p, n);
	return d->error ? 0 : (ssize_t)n;
}

static int open_zst(struct dest *d)
{
	d->zst = ZSTD_createCCtx();
	d->packed = malloc(DEST_PACKED);
	if (!d->zst || !d->packed)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(d->zst, ZSTD_c_compressionLevel, DEST_LEVEL);
	ZSTD_CCtx_setParameter(d->zst, ZSTD_c_checksumFlag, 1);
	return 0;
}

static int set_stream(struct dest *d, bool packed)
{
	cookie_io_functions_t io = { .write = dest_write };

	d->buffer = malloc(DEST_BUFFER);
	if (d->buffer && (!packed || !open_zst(d)))
		d->to = fopencookie(d, "w", io);
	if (!d->to) {
		log_err("%s: out of memory", dest_name(d));
		return -ENOMEM;
	}
	setvbuf(d->to, d->buffer, _IOFBF, DEST_BUFFER);
	return 0;
}

static bool is_still(int fd, const char *path)
{
	struct stat here, there;

	return !fstat(fd, &here) && !stat(path, &there) &&
	       here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* Another run that writes to the same file holds the lock; what a run that
 * died left behind does not. */
static int open_part(struct dest *d, mode_t mode)
{
	int fd;

	while (true) {
		fd = open(d->part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			  mode);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			close(fd);
			return -EBUSY;
		}
		if (is_still(fd, d->part))
			break;
		close(fd); /* it was put in its place meanwhile */
	}
	d->fd = fd;
	if (ftruncate(fd, 0))
		return -errno;
	fchmod(fd, mode); /* as the file it replaces, whatever the umask */
	return 0;
}

/* A regular file is replaced by a sibling; where a link points to one, that
 * one is. */
static int open_beside(struct dest *d, mode_t mode)
{
	char *real = realpath(d->path, NULL);

	if (!real)
		return -errno;
	if (access(real, W_OK)) {
		free(real);
		return -errno;
	}
	free(d->path);
	d->path = real;
	if (asprintf(&d->part, "%s.part", d->path) < 0) {
		d->part = NULL;
		return -ENOMEM;
	}
	return open_part(d, mode & 0777);
}

static int open_path(struct dest *d)
{
	struct stat st;

	d->fd = open(d->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (d->fd >= 0) {
		d->created = true;
		return 0;
	}
	if (errno != EEXIST)
		return -errno;
	/* a link to nowhere is a file that exists, but is not there */
	if (stat(d->path, &st))
		return -errno;
	if (S_ISREG(st.st_mode))
		return open_beside(d, st.st_mode);
	d->fd = open(d->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return d->fd < 0 ? -errno : 0;
}

/* Standard output may stand anywhere in a file. */
static void find_start(struct dest *d)
{
	int flags = fcntl(d->fd, F_GETFL);
	struct stat st;

	if (fstat(d->fd, &st) || !S_ISREG(st.st_mode) || flags < 0)
		return;
	d->cut = true;
	d->at = flags & O_APPEND ? st.st_size : lseek(d->fd, 0, SEEK_CUR);
	d->whole_at = d->at;
}

static bool is_packed(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && !strcmp(path + n - 4, ".zst");
}

int dest_open(struct dest *d, const char *path, bool lines)
{
	int err = 0;

	memset(d, 0, sizeof(*d));
	d->fd = -1;
	if (!strcmp(path, "-")) {
		d->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		if (d->fd < 0) {
			err = -errno;
			log_err("standard output: %s", strerror(-err));
		}
	} else {
		d->path = strdup(path);
		err = d->path ? open_path(d) : -ENOMEM;
		if (err)
			log_err("%s: %s%s", d->path ? dest_name(d) : path,
				err == -EBUSY ? "another run writes to it"
					      : strerror(-err),
				d->part ? " (it is to replace the file)" : "");
	}
	if (!err)
		err = set_stream(d, is_packed(path));
	if (err) {
		dest_abandon(d);
		return err;
	}
	d->lines = lines && !d->zst;
	find_start(d);
	return 0;
}

int dest_flush(struct dest *d)
{
	if (!d->error && fflush(d->to) && !d->error)
		fail(d, errno ? -errno : -EIO);
	if (d->framed)
		pack(d, NULL, 0, ZSTD_e_end);
	if (!d->error && !d->lines)
		d->whole_at = d->at;
	return d->error;
}

static void close_stream(struct dest *d)
{
	if (d->to && fclose(d->to) && !d->error)
		fail(d, errno ? -errno : -EIO);
	d->to = NULL;
	free(d->buffer);
	ZSTD_freeCCtx(d->zst);
	free(d->packed);
}

static void release(struct dest *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->part);
	free(d->path);
	memset(d, 0, sizeof(*d));
	d->fd = -1;
}

int dest_close(struct dest *d)
{
	int err;

	if (!d->to)
		return 0;
	dest_flush(d);
	if (d->zst && !d->at) /* no octet at all is no compressed file */
		pack(d, NULL, 0, ZSTD_e_end);
	close_stream(d);
	/* closing is when NFS and quotas report; the lock outlives a copy */
	if (!d->error && close(dup(d->fd)))
		fail(d, -errno);
	if (!d->error && d->part && rename(d->part, d->path))
		fail(d, -errno);
	err = d->error;
	release(d);
	return err;
}

void dest_abandon(struct dest *d)
{
	if (!d->to && !d->path)
		return;
	if (d->part && d->fd >= 0)
		unlink(d->part);
	else if (d->created)
		unlink(d->path);
	if (!d->error)
		d->error = -ECANCELED; /* drops what is buffered */
	close_stream(d);
	release(d);
}
