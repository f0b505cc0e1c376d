/* SPDX-License-Identifier: BSD-2-Clause */
/* journal: the writer's side of a run directory. */
#include "out/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"
#include "out/segment.h"

enum {
	BUFFER = 1 << 20,
	ALONE = 128, /* records in a frame */
	FRAME = SEGMENT_HEAD + SEGMENT_PAYLOAD_MAX + SEGMENT_TAIL,
};

int journal_open(struct journal *j, const struct journal_config *c)
{
	memset(j, 0, sizeof(*j));
	j->config = *c;
	j->fd = -1;
	j->number = c->dir->segments;
	j->sequence = c->dir->sequence;
	j->mark = c->dir->last;
	j->mark.parts = c->parts;
	j->mark.segment = c->dir->end_segment;
	j->mark.offset = c->dir->end_offset;
	j->buffer = malloc(BUFFER + FRAME);
	if (j->buffer)
		return 0;
	log_err("%s: out of memory", c->dir->path);
	return -ENOMEM;
}

static void fail(struct journal *j, int err)
{
	char name[RUNDIR_NAME];

	if (j->error)
		return;
	j->error = err;
	rundir_segment_name(name, j->number);
	/* half a frame is cut by whoever reads it, if not by us */
	if (j->fd >= 0 && ftruncate(j->fd, j->size))
		log_debug("%s: cannot be cut", name);
	log_err("%s/%s: %s; what was written before is whole, --resume goes "
		"on from there",
		j->config.dir->path, name, strerror(-err));
}

/* Up to the last whole frame. */
static void write_out(struct journal *j)
{
	size_t done = 0;

	while (!j->error && done < j->frame) {
		ssize_t n = write(j->fd, j->buffer + done, j->frame - done);

		if (n > 0)
			done += (size_t)n;
		else if (!n || errno != EINTR)
			fail(j, n ? -errno : -EIO);
	}
	if (j->error)
		return;
	j->size += (u32)done;
	j->filled -= done;
	j->frame = 0;
	memmove(j->buffer, j->buffer + done, j->filled);
}

static void seal(struct journal *j, enum segment_type type)
{
	size_t length = j->filled - j->frame - SEGMENT_HEAD;

	j->frame +=
		segment_seal(j->buffer + j->frame, type, j->sequence++, length);
	j->filled = j->frame;
	j->in_frame = 0;
}

static void sync_segment(struct journal *j)
{
	if (!j->error && j->fd >= 0 && fdatasync(j->fd))
		fail(j, -errno);
}

static void end_segment(struct journal *j)
{
	write_out(j);
	sync_segment(j);
	close(j->fd);
	j->fd = -1;
	j->number++;
}

/* Its name is durable before anything in it can count. */
static void begin_segment(struct journal *j)
{
	const struct rundir *d = j->config.dir;
	const struct segment_begin b = {
		.magic = SEGMENT_MAGIC,
		.run = d->run,
		.wall_offset_ns = j->config.wall_offset_ns,
		.format = SEGMENT_FORMAT,
		.number = j->number,
	};
	char name[RUNDIR_NAME];

	j->size = 0;
	rundir_segment_name(name, j->number);
	j->fd = openat(d->fd, name,
		       O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC |
			       O_NOFOLLOW,
		       0600);
	if (j->fd < 0 || fsync(d->fd)) {
		fail(j, -errno);
		return;
	}
	memcpy(j->buffer + j->frame + SEGMENT_HEAD, &b, sizeof(b));
	j->filled = j->frame + SEGMENT_HEAD + sizeof(b);
	seal(j, SEGMENT_BEGIN);
}

static void begin_frame(struct journal *j, const struct record *r)
{
	if (j->fd >= 0 && j->size + j->frame >= RUNDIR_SEGMENT)
		end_segment(j);
	if (j->fd < 0 && !j->error)
		begin_segment(j);
	if (!j->error && j->frame >= BUFFER)
		write_out(j);
	j->filled = j->frame + SEGMENT_HEAD;
	j->trace = r->flags & RECORD_TRACE;
	memset(&j->before, 0, sizeof(j->before));
}

static void end_trace(struct journal *j, const struct record *last)
{
	if (last->stop_reason == STOP_HALTED) {
		j->halted += j->in_frame;
		j->filled = j->frame;
		j->in_frame = 0;
	} else {
		seal(j, SEGMENT_TRACE);
	}
}

void journal_record(struct journal *j, const struct record *r)
{
	bool trace = r->flags & RECORD_TRACE;

	if (j->error)
		return;
	if (j->in_frame && !j->trace && (trace || j->in_frame == ALONE))
		seal(j, SEGMENT_ALONE);
	if (!j->in_frame)
		begin_frame(j, r);
	/* cannot be, unless whoever probes mixes traces, or knows more kinds
	 * of results than segments do */
	if (!segment_can(r) || trace != j->trace ||
	    (trace && !j->in_frame != !!(r->flags & RECORD_FIRST)) ||
	    j->filled - j->frame > FRAME - SEGMENT_RECORD_MAX - SEGMENT_TAIL)
		fail(j, -EPROTO);
	if (j->error)
		return;
	j->filled += segment_put(j->buffer + j->filled, &j->before, r);
	j->in_frame++;
	j->records++;
	if (r->flags & RECORD_LAST)
		end_trace(j, r);
}

void journal_mark(struct journal *j)
{
	/* what is not known any more is as it was */
	if (j->config.position)
		j->config.position(j->config.to, j->mark.settled);
}

void journal_flush(struct journal *j)
{
	if (j->in_frame && !j->trace)
		seal(j, SEGMENT_ALONE);
	if (j->frame && !j->error)
		write_out(j);
}

static void save(struct journal *j, enum rundir_state state, u64 wall_ns)
{
	struct rundir_checkpoint *c = &j->mark;

	if (j->error)
		return;
	/* frames that are begun, but not written, are not counted */
	c->sequence = j->sequence;
	if (j->fd >= 0) {
		c->segment = j->number;
		c->offset = j->size;
	}
	c->state = state;
	c->wall_ns = wall_ns;
	j->error = rundir_save(j->config.dir, c);
	if (!j->error)
		j->config.dir->last = *c;
}

void journal_commit(struct journal *j, u64 wall_ns)
{
	journal_flush(j);
	sync_segment(j);
	save(j, RUNDIR_RUNNING, wall_ns);
}

void journal_abandon(struct journal *j)
{
	if (j->buffer && j->fd >= 0)
		close(j->fd);
	free(j->buffer);
	memset(j, 0, sizeof(*j));
}

int journal_close(struct journal *j, enum rundir_state state, u64 wall_ns)
{
	int err;

	if (!j->buffer)
		return 0;
	journal_mark(j);
	journal_flush(j);
	sync_segment(j);
	save(j, state, wall_ns);
	err = j->error;
	journal_abandon(j);
	return err;
}
