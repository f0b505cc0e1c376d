/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer: formats and writes records on a thread of its own.
 *
 *   packet thread -> ring of struct record -> writer thread -> output ...
 *
 * One producer, one consumer. Several outputs at once, each "FMT:FILE" or
 * "FMT:-" (standard output, once at most).
 *
 * A FILE that does not exist is created, and taken away again if the start
 * fails. One that exists and is regular is replaced only by writer_close():
 * until then the results stand in FILE.part beside it, and there they stay if
 * writing failed. Anything else (pipe, device) is opened as it is.
 *
 * If an output fails (disk full, reader gone), one line says so within a
 * second, the others go on, and a text format's file is cut after its last
 * whole line.
 */
#ifndef WHITHER_WRITER_H
#define WHITHER_WRITER_H

#include "out/out.h"

enum {
	WRITER_RING = 1 << 16, /* records between the threads, less one */
};

struct writer_stats {
	u64 written; /* records handed to every output */
	u64 lost;    /* records put while the ring was full */
};

/* Zeroed: closed. */
struct writer {
	struct writer_state *state;
};

/*
 * Takes what user/trace/strategy.h calls a record sink; declared there, but
 * out/ includes nothing of trace/ but the record.
 */
struct record_sink;

/* Opens every output and starts the thread. `run` outlives the writer.
 * -EINVAL for a spec that is none; else negative errno. */
int writer_open(struct writer *w, const struct out_run *run,
		const char *const *specs, unsigned int n_specs);

/*
 * The packet thread's side, of the types that struct record_sink wants; `to`
 * is writer.state. writer_put() copies into the ring: no lock, and a system
 * call only if the other thread sleeps, once a batch. If there is no room for
 * all n, all are counted as lost: a trace is put at once, and whole or not.
 */
void writer_put(void *to, const struct record *record, unsigned int n);
unsigned int writer_room(void *to);

/* { writer_put, writer_room, w->state }: needs trace/strategy.h. */
#define writer_sink(w)                                                         \
	((struct record_sink){ writer_put, writer_room, (w)->state })

/* 0, or negative errno of the first output that failed. Any thread, cheap. */
int writer_error(const struct writer *w);
struct writer_stats writer_stats(const struct writer *w);
/* Records that the i-th output has taken; 0 if there is none. Any thread. */
u64 writer_written(const struct writer *w, unsigned int i);

/* Writes all that was put, and stops: writer_stats() is final then. No put
 * may come after it has begun. writer_close() does this first. */
void writer_drain(struct writer *w);
/* The run is over, in good order or interrupted: writes what is left, ends
 * the formats, puts the files in their places. Negative errno if any output
 * failed at any time. No put may come after it has begun. */
int writer_close(struct writer *w);
/* The run never began: takes away what writer_open() created. */
void writer_abandon(struct writer *w);

#endif
