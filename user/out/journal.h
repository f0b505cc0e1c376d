/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal: the writer's side of a run directory: appends records, and once a
 * second makes durable what it has, and only then says so in the checkpoint.
 *
 *   mark      how far is the run settled?    all records of that were put
 *   ...       the writer writes all that had been put by then
 *   commit    fdatasync of the segment; checkpoint: settled up to the mark
 *
 * So the checkpoint never claims more than what is there. A trace counts as a
 * whole; one that was halted is not written, and will be probed again.
 *
 * An error ends it: what was written before stays whole, the checkpoint as it
 * was. A segment that could not be made durable is not tried again: the
 * kernel may have dropped it.
 */
#ifndef WHITHER_JOURNAL_H
#define WHITHER_JOURNAL_H

#include "out/rundir.h"

struct journal_config {
	struct rundir *dir; /* outlives it */
	u64 wall_offset_ns;
	u32 parts;
	/* How far each part is settled: what came before it needs no probe any
	 * more, and all its records have been put. The writer's thread. */
	void (*position)(void *to, u64 *settled);
	void *to;
};

/* Zeroed: closed. The writer's thread, but for open and close. */
struct journal {
	struct journal_config config;
	struct rundir_checkpoint mark;
	u8 *buffer;
	size_t frame;  /* where the frame that is being filled begins */
	size_t filled; /* octets in the buffer */
	struct record before;
	u32 in_frame; /* records */
	bool trace;   /* it is one */
	int fd;	      /* of the segment; -1: none yet */
	u32 number;
	u32 size; /* of the segment */
	u64 sequence;
	u64 records, halted; /* taken; of traces that were halted */
	int error;	     /* 0 or negative errno */
};

int journal_open(struct journal *j, const struct journal_config *c);
/* Cheap; an error shows in j->error, logged. */
void journal_record(struct journal *j, const struct record *r);
/* Hands all to the kernel: a process that is killed loses no more. */
void journal_flush(struct journal *j);
void journal_mark(struct journal *j);
/* All records that had been put at the mark have been taken. */
void journal_commit(struct journal *j, u64 wall_ns);
/* Nothing more comes: the run is over, or not. 0 or negative errno. */
int journal_close(struct journal *j, enum rundir_state state, u64 wall_ns);
/* Drops what is not written yet. */
void journal_abandon(struct journal *j);

#endif
