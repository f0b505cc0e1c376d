/* SPDX-License-Identifier: BSD-2-Clause */
/* rundir: the directory that a run is kept in. */
#include "out/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32c.h"
#include "lib/log.h"
#include "out/segment.h"

void rundir_segment_name(char name[static RUNDIR_NAME], u32 number)
{
	snprintf(name, RUNDIR_NAME, "replies-%05u.seg", number);
}

static int complain(const struct rundir *d, const char *name, int err)
{
	log_err("%s/%s: %s", d->path, name, strerror(-err));
	return err;
}

/* Nobody else may have put anything there. */
static int check_owner(const struct rundir *d)
{
	struct stat st;

	if (fstat(d->fd, &st))
		return complain(d, ".", -errno);
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	log_err("%s: a run's directory is its owner's alone: this one %s",
		d->path,
		st.st_uid != geteuid() ? "is another user's"
				       : "can be written to by others");
	return -EPERM;
}

static int take_lock(struct rundir *d)
{
	d->lock = openat(d->fd, "lock",
			 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock < 0)
		return complain(d, "lock", -errno);
	if (!flock(d->lock, LOCK_EX | LOCK_NB))
		return 0;
	if (errno != EWOULDBLOCK)
		return complain(d, "lock", -errno);
	log_err("%s: another process works on this run", d->path);
	return -EBUSY;
}

int rundir_open(struct rundir *d, const char *path)
{
	int err;

	memset(d, 0, sizeof(*d));
	d->lock = -1;
	d->path = strdup(path);
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!d->path || d->fd < 0) {
		err = d->path ? -errno : -ENOMEM;
		log_err("%s: %s", path, strerror(-err));
	} else {
		err = check_owner(d);
	}
	if (!err)
		err = take_lock(d);
	if (err)
		rundir_close(d);
	return err;
}

/* The new name in the directory that holds it. */
static int sync_parent(const struct rundir *d)
{
	int fd = openat(d->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return err ? complain(d, "..", err) : 0;
}

int rundir_create(struct rundir *d, const char *path)
{
	struct stat st;
	int err;

	if (mkdir(path, 0700) && errno != EEXIST) {
		err = -errno;
		log_err("%s: %s", path, strerror(-err));
		return err;
	}
	err = rundir_open(d, path);
	if (err)
		return err;
	if (!fstatat(d->fd, "meta.json", &st, AT_SYMLINK_NOFOLLOW) ||
	    !fstatat(d->fd, "replies-00000.seg", &st, AT_SYMLINK_NOFOLLOW) ||
	    !fstatat(d->fd, "checkpoint", &st, AT_SYMLINK_NOFOLLOW)) {
		log_err("%s: holds a run already: --resume goes on with it",
			path);
		err = -EEXIST;
	} else {
		err = sync_parent(d);
	}
	if (err)
		rundir_close(d);
	return err;
}

void rundir_close(struct rundir *d)
{
	if (!d->path)
		return;
	if (d->lock >= 0)
		close(d->lock);
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	memset(d, 0, sizeof(*d));
}

void rundir_discard(struct rundir *d)
{
	static const char *const names[] = {
		"meta.json",	     "meta.crc32c", "key", "checkpoint",
		"replies-00000.seg", "exclude",	    "lock"
	};
	char *path = d->path ? strdup(d->path) : NULL;

	for (size_t i = 0; path && i < sizeof(names) / sizeof(*names); i++)
		unlinkat(d->fd, names[i], 0);
	rundir_close(d);
	if (path)
		rmdir(path);
	free(path);
}

/* EIO for less than all: what else would it be? */
static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t got = write(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

int rundir_put(struct rundir *d, const char *name, const void *octets, size_t n)
{
	char part[RUNDIR_NAME];
	int fd, err;

	snprintf(part, sizeof(part), "%s.part", name);
	fd = openat(d->fd, part,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return complain(d, part, -errno);
	err = write_all(fd, octets, n);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(d->fd, part, d->fd, name))
		err = -errno;
	if (err)
		unlinkat(d->fd, part, 0);
	else if (fsync(d->fd))
		err = -errno;
	return err ? complain(d, name, err) : 0;
}

static int read_all(int fd, char *p, size_t n)
{
	while (n) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		p += got;
		n -= (size_t)got;
	}
	p[0] = '\0';
	return 0;
}

/* -ENOENT is not logged: the caller knows what it means. */
static int get_file(const struct rundir *d, const char *name, size_t max,
		    char **octets, size_t *n)
{
	int fd = openat(d->fd, name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
	    err = 0;
	struct stat st;

	*octets = NULL;
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : complain(d, name, -errno);
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((u64)st.st_size > max)
		err = -EFBIG;
	if (!err) {
		*n = (size_t)st.st_size;
		*octets = malloc(*n + 1);
		err = *octets ? read_all(fd, *octets, *n) : -ENOMEM;
	}
	close(fd);
	if (!err)
		return 0;
	free(*octets);
	*octets = NULL;
	return complain(d, name, err);
}

int rundir_get(const struct rundir *d, const char *name, size_t max,
	       char **octets, size_t *n)
{
	int err = get_file(d, name, max, octets, n);

	return err == -ENOENT ? complain(d, name, err) : err;
}

int rundir_save(struct rundir *d, struct rundir_checkpoint *c)
{
	c->magic = RUNDIR_MAGIC;
	c->format = SEGMENT_FORMAT;
	c->run = d->run;
	c->crc = crc32c(0, c, offsetof(struct rundir_checkpoint, crc));
	return rundir_put(d, "checkpoint", c, sizeof(*c));
}

#define WRONG(field, why)                                                      \
	(*where = offsetof(struct rundir_checkpoint, field), why)

const char *rundir_judge(const void *octets, size_t n, u64 run,
			 const u64 *limit, u32 parts, size_t *where)
{
	struct rundir_checkpoint c;

	*where = n < sizeof(c) ? n : sizeof(c);
	if (n != sizeof(c))
		return n < sizeof(c) ? "it is cut short" : "it is too long";
	memcpy(&c, octets, sizeof(c));
	if (c.magic != RUNDIR_MAGIC)
		return WRONG(magic, "it is no checkpoint of this kind of host");
	if (c.format != SEGMENT_FORMAT)
		return WRONG(format, "it is of another version");
	if (c.crc != crc32c(0, &c, offsetof(struct rundir_checkpoint, crc)))
		return WRONG(crc, "it is damaged: its checksum is wrong");
	if (c.state > RUNDIR_COMPLETE)
		return WRONG(state, "there is no such state");
	if (c.run != run)
		return WRONG(run, "it is another run's");
	if (c.parts != parts || parts > RUNDIR_PARTS)
		return WRONG(parts, "it has another number of workers");
	for (u32 i = 0; i < RUNDIR_PARTS; i++)
		if (c.settled[i] > (i < parts ? limit[i] : 0))
			return WRONG(settled[i], "it goes beyond the sweep");
	if (c.sequence &&
	    (c.offset < SEGMENT_HEAD || c.offset > RUNDIR_SEGMENT_MAX))
		return WRONG(offset, "no segment ends there");
	if (!c.sequence && (c.segment || c.offset))
		return WRONG(sequence, "there cannot be none");
	return NULL;
}

static int load_checkpoint(struct rundir *d, const u64 *limit, u32 parts)
{
	char *octets;
	const char *why;
	size_t n, where;
	int err;

	memset(&d->last, 0, sizeof(d->last));
	d->last.run = d->run;
	err = get_file(d, "checkpoint", 1 << 20, &octets, &n);
	if (err)
		return err == -ENOENT ? 0 : err;
	why = rundir_judge(octets, n, d->run, limit, parts, &where);
	if (!why)
		memcpy(&d->last, octets, sizeof(d->last));
	free(octets);
	if (!why)
		return 0;
	log_err("%s/checkpoint: octet %zu: %s", d->path, where, why);
	return -EBADMSG;
}

/* How many segments there are, if they are 0 .. n-1. */
static int count_segments(struct rundir *d)
{
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char name[RUNDIR_NAME];
	struct dirent *e;
	u32 found = 0, highest = 0, number;
	int end;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return complain(d, ".", -errno);
	}
	while ((e = readdir(dir))) {
		if (sscanf(e->d_name, "replies-%5u.seg%n", &number, &end) != 1)
			continue;
		rundir_segment_name(name, number);
		if (strcmp(name, e->d_name))
			continue;
		found++;
		highest = number > highest ? number : highest;
	}
	closedir(dir);
	d->segments = found;
	if (!found || found == highest + 1)
		return 0;
	log_err("%s: of replies-00000.seg to replies-%05u.seg, %u are missing",
		d->path, highest, highest + 1 - found);
	return -EBADMSG;
}

static int read_segment(struct rundir *d, u32 number, bool last,
			const struct rundir_sink *sink)
{
	struct segment_scan scan = {
		.run = d->run,
		.number = number,
		.sequence = d->sequence,
		.take = sink->take,
		.to = sink->to,
	};
	const struct rundir_checkpoint *c = &d->last;
	size_t size, least = 0; /* of what cannot be cut off */
	char name[RUNDIR_NAME], *octets;
	int err;

	if (number == c->segment)
		least = c->offset;
	rundir_segment_name(name, number);
	err = rundir_get(d, name, RUNDIR_SEGMENT_MAX, &octets, &size);
	if (err)
		return err;
	err = segment_scan(&scan, (const u8 *)octets, size);
	free(octets);
	d->sequence = scan.sequence;
	if (err)
		return err;
	if (scan.good) {
		d->end_segment = number;
		d->end_offset = (u32)scan.good;
	}
	if (scan.good >= least && (scan.good == size || last) && !scan.foreign)
		return 0;
	log_err("%s/%s: octet %zu: %s", d->path, name, scan.good,
		scan.why ? scan.why : "it is cut short");
	return -EBADMSG;
}

static int read_segments(struct rundir *d, const struct rundir_sink *sink)
{
	int err = 0;

	d->sequence = 0;
	d->end_segment = d->end_offset = 0;
	for (u32 i = 0; !err && i < d->segments; i++)
		err = read_segment(d, i, i + 1 == d->segments, sink);
	if (err || d->sequence >= d->last.sequence)
		return err;
	log_err("%s: results are missing: the checkpoint knows of %llu frames, "
		"the segments have "
		"%llu",
		d->path, (unsigned long long)d->last.sequence,
		(unsigned long long)d->sequence);
	return -EBADMSG;
}

/* What the last segment has behind its good frames was never finished. What it
 * has before may not be durable yet: whoever wrote it was ended. */
static int end_last(struct rundir *d)
{
	bool empty = d->end_segment != d->segments - 1 || !d->end_offset;
	char name[RUNDIR_NAME];
	int fd, err = 0;

	rundir_segment_name(name, d->segments - 1);
	if (empty) {
		d->segments--;
		if (unlinkat(d->fd, name, 0) || fsync(d->fd))
			return complain(d, name, -errno);
		return 0;
	}
	fd = openat(d->fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || ftruncate(fd, d->end_offset) || fsync(fd))
		err = complain(d, name, -errno);
	if (fd >= 0)
		close(fd);
	return err;
}

int rundir_recover(struct rundir *d, const u64 *limit, u32 parts,
		   const struct rundir_sink *sink)
{
	int err = load_checkpoint(d, limit, parts);

	if (!err)
		err = count_segments(d);
	if (!err)
		err = read_segments(d, sink);
	if (!err && d->segments)
		err = end_last(d);
	return err;
}

int rundir_read(struct rundir *d, const struct rundir_sink *sink)
{
	int err = count_segments(d);

	return err ? err : read_segments(d, sink);
}
