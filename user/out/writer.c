/* SPDX-License-Identifier: BSD-2-Clause */
/* writer: formats and writes records on a thread of its own. */
#include "out/writer.h"

#include <ck_ring.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "out/journal.h"
#include "out/outputs.h"
#include "out/seen.h"

CK_RING_PROTOTYPE(record, record)

enum {
	TURN = 4096,		  /* records before the clock is read again */
	NAP_NS = 2 * 1000 * 1000, /* the ring holds this much many times over */
	NAPS = 16,		  /* without a record before we sleep */
	FLUSH_MS = 250,		  /* nothing stays unwritten for longer */
	IDLE_MS = 10,
	COMMIT_MS = 1000, /* between two checkpoints of a run directory */
};

struct writer_state {
	/* Shared; the ring keeps its two ends on cache lines of their own. */
	struct ck_ring ring;
	struct record *slot;
	_Atomic bool asleep, closing;
	_Atomic int error;
	_Atomic u64 written;
	int wake; /* eventfd */

	/* The packet thread's. */
	_Atomic u64 lost;

	/* The writer thread's, once it runs. */
	pthread_t thread;
	struct outputs outputs;
	struct out_seen *seen;	 /* or NULL */
	struct journal *journal; /* or NULL */
	u64 commit_at;
	unsigned int behind; /* records before the journal's mark, and one more;
				0: no mark */
	unsigned int naps;
	u64 flush_at;
	bool dirty; /* something may be buffered */
};

unsigned int writer_room(void *to)
{
	struct writer_state *s = to;

	return WRITER_RING - 1 - ck_ring_size(&s->ring);
}

void writer_put(void *to, const struct record *record, unsigned int n)
{
	struct writer_state *s = to;

	if (n > writer_room(s)) {
		atomic_fetch_add_explicit(&s->lost, n, memory_order_relaxed);
		n = 0;
	}
	for (unsigned int i = 0; i < n; i++)
		ck_ring_enqueue_spsc_record(&s->ring, s->slot,
					    (struct record *)&record[i]);
	/* pairs with the fence in sleep_until_woken(): either we see that it
	 * sleeps, or it sees what we put */
	ck_pr_fence_memory();
	if (atomic_load_explicit(&s->asleep, memory_order_relaxed) &&
	    atomic_exchange(&s->asleep, false))
		eventfd_write(s->wake, 1);
}

int writer_error(const struct writer *w)
{
	return w->state ? atomic_load_explicit(&w->state->error,
					       memory_order_relaxed)
			: 0;
}

struct writer_stats writer_stats(const struct writer *w)
{
	struct writer_stats stats = {};

	if (!w->state)
		return stats;
	stats.written =
		atomic_load_explicit(&w->state->written, memory_order_relaxed);
	stats.lost =
		atomic_load_explicit(&w->state->lost, memory_order_relaxed);
	return stats;
}

u64 writer_written(const struct writer *w, unsigned int i)
{
	if (!w->state || i >= w->state->outputs.n)
		return 0;
	return __atomic_load_n(&w->state->outputs.output[i].out.written,
			       __ATOMIC_RELAXED);
}

static void note_error(struct writer_state *s, int err)
{
	int none = 0;

	if (err)
		atomic_compare_exchange_strong(&s->error, &none, err);
}

/* Returns how many there were. */
static unsigned int drain(struct writer_state *s)
{
	struct record record;
	unsigned int n = 0;

	while (n < TURN &&
	       ck_ring_dequeue_spsc_record(&s->ring, s->slot, &record)) {
		if (s->seen)
			seen_record(s->seen, &record);
		outputs_record(&s->outputs, &record);
		if (s->journal)
			journal_record(s->journal, &record);
		n++;
	}
	if (n) {
		s->dirty = true;
		atomic_fetch_add_explicit(&s->written, n, memory_order_relaxed);
	}
	return n;
}

static void flush_if_due(struct writer_state *s, u64 now)
{
	/* a stream that failed by itself is noticed at once */
	note_error(s, outputs_error(&s->outputs));
	if (s->journal)
		note_error(s, s->journal->error);
	if (now < s->flush_at)
		return;
	s->flush_at = now + FLUSH_MS * NS_PER_MS;
	if (!s->dirty)
		return;
	s->dirty = false;
	note_error(s, outputs_flush(&s->outputs));
	if (s->journal)
		journal_flush(s->journal);
}

/* What was put before the mark was read must be in the ring by then: so the
 * position is read first. */
static void mark_if_due(struct writer_state *s, u64 now)
{
	if (!s->journal || s->behind || now < s->commit_at)
		return;
	s->commit_at = now + COMMIT_MS * NS_PER_MS;
	journal_mark(s->journal);
	s->behind = ck_ring_size(&s->ring) + 1;
}

static void commit_if_written(struct writer_state *s, unsigned int n)
{
	if (!s->behind)
		return;
	s->behind -= n < s->behind ? n : s->behind - 1;
	if (s->behind > 1)
		return;
	s->behind = 0;
	journal_commit(s->journal, clock_now() + clock_wall_offset());
	note_error(s, s->journal->error);
}

static void sleep_until_woken(struct writer_state *s, int wait_ms)
{
	struct pollfd p = { .fd = s->wake, .events = POLLIN };
	eventfd_t count;

	atomic_store_explicit(&s->asleep, true, memory_order_relaxed);
	/* pairs with the fence in writer_put() */
	ck_pr_fence_memory();
	if (!ck_ring_size(&s->ring) && !atomic_load(&s->closing))
		poll(&p, 1, wait_ms);
	/* if the producer was first, its wake-up must not be kept for later */
	if (!atomic_exchange(&s->asleep, false))
		eventfd_read(s->wake, &count);
}

/* Short naps while records come, so that putting one needs no system call;
 * then sleep. */
static void rest(struct writer_state *s, bool more)
{
	if (s->naps < NAPS) {
		s->naps++;
		clock_sleep(NAP_NS);
		return;
	}
	sleep_until_woken(s, more	  ? IDLE_MS
			     : s->dirty	  ? FLUSH_MS
			     : s->journal ? COMMIT_MS
					  : -1);
}

static void *writer_run(void *arg)
{
	struct writer_state *s = arg;
	bool more, closing;
	unsigned int n;
	u64 now;

	do {
		/* before the ring is found empty: nothing is put after it */
		closing = atomic_load(&s->closing);
		now = clock_now();
		outputs_time(&s->outputs, now, closing);
		mark_if_due(s, now);
		n = drain(s);
		commit_if_written(s, n);
		more = outputs_idle(&s->outputs);
		s->dirty |= more;
		flush_if_due(s, now);
		if (n)
			s->naps = 0;
		else if (!closing || more)
			rest(s, more);
	} while (n || more || !closing);
	return NULL;
}

/* Signals belong to the other threads; a pipe without a reader is an error
 * like any other. */
static int start_thread(struct writer_state *s)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&s->thread, NULL, writer_run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		log_err("writer: cannot start its thread: %s", strerror(err));
	return -err;
}

static int open_ring(struct writer_state *s)
{
	size_t size = WRITER_RING * sizeof(*s->slot);

	ck_ring_init(&s->ring, WRITER_RING);
	s->slot = aligned_alloc(64, size);
	if (!s->slot) {
		log_err("writer: out of memory");
		return -ENOMEM;
	}
	memset(s->slot, 0, size); /* no page faults in the packet thread */
	s->wake = eventfd(0, EFD_CLOEXEC);
	if (s->wake < 0) {
		int err = -errno;

		log_err("writer: eventfd: %s", strerror(-err));
		return err;
	}
	return 0;
}

static void release(struct writer *w)
{
	struct writer_state *s = w->state;

	if (s->wake >= 0)
		close(s->wake);
	free(s->slot);
	free(s);
	w->state = NULL;
}

int writer_open(struct writer *w, const struct out_run *run,
		const char *const *specs, unsigned int n_specs)
{
	size_t size = (sizeof(*w->state) + 63) & ~(size_t)63;
	struct writer_state *s;
	int err;

	w->state = NULL;
	s = aligned_alloc(64, size);
	if (!s) {
		log_err("writer: out of memory");
		return -ENOMEM;
	}
	memset(s, 0, size);
	s->wake = -1;
	s->seen = run->seen;
	s->journal = run->journal;
	w->state = s;
	err = open_ring(s);
	if (!err)
		err = outputs_open(&s->outputs, run, specs, n_specs,
				   clock_now());
	if (!err)
		err = start_thread(s);
	if (err) {
		outputs_abandon(&s->outputs);
		release(w);
	}
	return err;
}

static void stop_thread(struct writer_state *s)
{
	if (atomic_exchange(&s->closing, true))
		return;
	eventfd_write(s->wake, 1);
	pthread_join(s->thread, NULL);
}

void writer_drain(struct writer *w)
{
	if (w->state)
		stop_thread(w->state);
}

int writer_close(struct writer *w)
{
	struct writer_state *s = w->state;
	int err;

	if (!s)
		return 0;
	stop_thread(s);
	note_error(s, outputs_close(&s->outputs));
	err = atomic_load(&s->error);
	release(w);
	return err;
}

void writer_abandon(struct writer *w)
{
	if (!w->state)
		return;
	stop_thread(w->state);
	outputs_abandon(&w->state->outputs);
	release(w);
}
