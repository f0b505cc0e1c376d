/* SPDX-License-Identifier: BSD-2-Clause */
/* sort: records by flow, TTL and attempt, more than memory holds. */
#include "out/sort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/log.h"

enum {
	FIRST = 1024,
	BUFFER_LEAST = 16, /* items of a run that is merged, at least */
	FAN_MIN = 2,
	FAN_MAX = 1 << 12,
};

struct sort_item {
	u64 lead; /* of the order: most pairs differ in it */
	u64 seq;  /* as added */
	struct record record;
};

struct sort_key {
	u64 lead;
	u32 at;
};

/* Items of the file in order, and those of them that are in memory. */
struct sort_run {
	u64 next, end; /* items, in the file */
	struct sort_item *item;
	size_t at, n, room;
};

bool sort_same_flow(const struct record *a, const struct record *b)
{
	return addr_equal(&a->dst, &b->dst) && addr_equal(&a->src, &b->src) &&
	       a->sport == b->sport && a->proto == b->proto;
}

/* The same for all of a flow; IPv4 destinations ascend. */
static u64 lead_of(const struct record *r)
{
	return (u64)be32_get(r->dst.w[3]) << 32 | (u64)r->sport << 16 |
	       (u64)r->proto << 8 | (r->dst.b[11] ^ r->src.b[15]);
}

static int compare(const struct sort_item *a, const struct sort_item *b)
{
	const struct record *x = &a->record, *y = &b->record;
	int differ;

	if (a->lead != b->lead)
		return a->lead < b->lead ? -1 : 1;
	differ = memcmp(&x->dst, &y->dst, sizeof(x->dst));
	if (!differ)
		differ = memcmp(&x->src, &y->src, sizeof(x->src));
	if (!differ)
		differ = x->sport - y->sport;
	if (!differ)
		differ = x->proto - y->proto;
	if (!differ)
		differ = x->hop.ttl - y->hop.ttl;
	if (!differ)
		differ = x->hop.attempt - y->hop.attempt;
	return differ ? differ : a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int compare_keys(const void *a, const void *b, void *items)
{
	const struct sort_key *x = a, *y = b;
	const struct sort_item *item = items;

	if (x->lead != y->lead)
		return x->lead < y->lead ? -1 : 1;
	return compare(&item[x->at], &item[y->at]);
}

static int no_memory(void)
{
	log_err("no memory to sort with");
	return -ENOMEM;
}

void sort_open(struct sort *s, size_t memory, const char *dir)
{
	/* sorting keys takes as much again as they do */
	size_t each = sizeof(struct sort_item) + 2 * sizeof(struct sort_key);

	if (memory < SORT_MEMORY_MIN)
		memory = SORT_MEMORY_MIN;
	*s = (struct sort){
		.memory = memory, .dir = dir, .fd = -1, .spare = -1
	};
	s->most = memory / each < UINT32_MAX ? memory / each : UINT32_MAX;
}

static int grow(struct sort *s)
{
	size_t room = s->room ? 2 * s->room : FIRST;
	void *more;

	if (room > s->most)
		room = s->most;
	more = realloc(s->item, room * sizeof(*s->item));
	if (!more)
		return no_memory();
	s->item = more;
	more = realloc(s->key, room * sizeof(*s->key));
	if (!more)
		return no_memory();
	s->key = more;
	s->room = room;
	return 0;
}

static void sort_items(struct sort *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->key[i] = (struct sort_key){ s->item[i].lead, (u32)i };
	qsort_r(s->key, s->n, sizeof(*s->key), compare_keys, s->item);
}

/* A file that goes with us, whatever happens. */
static int open_file(const struct sort *s)
{
	char path[4096];
	int fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "%s/whither-sort-XXXXXX", s->dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) {
		unlink(path);
		return fd;
	}
	fd = -errno;
	log_err("%s: no temporary file to sort with: %s", s->dir,
		strerror(-fd));
	return fd;
}

static int fail(const struct sort *s, int err)
{
	log_err("%s: temporary file to sort with: %s", s->dir, strerror(-err));
	return err;
}

static int put_items(const struct sort *s, int fd, const struct sort_item *item,
		     size_t n)
{
	const char *p = (const char *)item;
	size_t left = n * sizeof(*item);
	ssize_t got;

	while (left) {
		got = write(fd, p, left);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(s, got ? -errno : -EIO);
		p += got;
		left -= (size_t)got;
	}
	return 0;
}

static int get_items(const struct sort *s, struct sort_run *run)
{
	size_t n = run->room, done = 0;
	ssize_t got;

	if (n > run->end - run->next)
		n = run->end - run->next;
	while (done < n * sizeof(*run->item)) {
		got = pread(s->fd, (char *)run->item + done,
			    n * sizeof(*run->item) - done,
			    (off_t)(run->next * sizeof(*run->item) + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return fail(s, got ? -errno : -EIO);
		done += (size_t)got;
	}
	run->next += n;
	run->at = 0;
	run->n = n;
	return 0;
}

static int add_run(struct sort *s, u64 n)
{
	u64 begin = s->n_runs ? s->run[s->n_runs - 1].end : 0;
	struct sort_run *more;

	if (s->n_runs == s->run_room) {
		s->run_room = s->run_room ? 2 * s->run_room : 16;
		more = realloc(s->run, s->run_room * sizeof(*more));
		if (!more)
			return no_memory();
		s->run = more;
	}
	s->run[s->n_runs++] =
		(struct sort_run){ .next = begin, .end = begin + n };
	return 0;
}

/* Lays down what is in memory. */
static int lay_down(struct sort *s)
{
	enum { BATCH = 256 };
	struct sort_item *batch;
	size_t n = 0;
	int err = 0;

	sort_items(s);
	if (s->fd < 0)
		s->fd = open_file(s);
	if (s->fd < 0)
		return s->fd;
	batch = malloc(BATCH * sizeof(*batch));
	if (!batch)
		return no_memory();
	for (size_t i = 0; !err && i < s->n; i++) {
		batch[n++] = s->item[s->key[i].at];
		if (n < BATCH && i + 1 < s->n)
			continue;
		err = put_items(s, s->fd, batch, n);
		n = 0;
	}
	free(batch);
	if (!err)
		err = add_run(s, s->n);
	s->n = 0;
	return err;
}

int sort_add(struct sort *s, const struct record *r)
{
	int err = 0;

	if (s->n == s->most)
		err = lay_down(s);
	else if (s->n == s->room)
		err = grow(s);
	if (err)
		return err;
	s->item[s->n++] = (struct sort_item){ lead_of(r), s->added++, *r };
	return 0;
}

static const struct sort_item *head(const struct sort_run *run)
{
	return &run->item[run->at];
}

/* The run at `i` of the heap has changed its head. */
static void sink(struct sort *s, size_t i)
{
	struct sort_run *run = s->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < s->heaped &&
		    compare(head(s->heap[child + 1]), head(s->heap[child])) < 0)
			child++;
		if (child >= s->heaped ||
		    compare(head(run), head(s->heap[child])) <= 0)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = run;
}

static void end_merge(struct sort *s)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		free(s->run[i].item);
		s->run[i].item = NULL;
	}
	free(s->heap);
	s->heap = NULL;
	s->heaped = 0;
}

/* Starts to merge n runs from the first on. */
static int begin_merge(struct sort *s, size_t first, size_t n)
{
	size_t room = s->memory / n / sizeof(struct sort_item);
	int err = 0;

	s->heap = calloc(n, sizeof(*s->heap));
	if (!s->heap)
		return no_memory();
	for (size_t i = first; !err && i < first + n; i++) {
		struct sort_run *run = &s->run[i];

		run->room = room > BUFFER_LEAST ? room : BUFFER_LEAST;
		run->item = malloc(run->room * sizeof(*run->item));
		err = run->item ? get_items(s, run) : no_memory();
		s->heap[s->heaped++] = run;
	}
	for (size_t i = s->heaped / 2; !err && i-- > 0;)
		sink(s, i);
	return err;
}

/* 1, 0 or negative errno. */
static int merge_next(struct sort *s, struct sort_item *item)
{
	struct sort_run *run;
	int err;

	if (!s->heaped)
		return 0;
	run = s->heap[0];
	*item = *head(run);
	if (++run->at == run->n && run->next < run->end) {
		err = get_items(s, run);
		if (err)
			return err;
	}
	if (run->at == run->n) {
		free(run->item);
		run->item = NULL;
		s->heap[0] = s->heap[--s->heaped];
	}
	if (s->heaped)
		sink(s, 0);
	return 1;
}

/* Runs that can be merged at once. */
static size_t fan(const struct sort *s)
{
	size_t n = s->memory / (BUFFER_LEAST * sizeof(struct sort_item));

	return n < FAN_MIN ? FAN_MIN : n > FAN_MAX ? FAN_MAX : n;
}

/* Merges n runs into one, in the other file. */
static int merge_some(struct sort *s, size_t first, size_t n)
{
	enum { BATCH = 64 };
	struct sort_item batch[BATCH];
	int err = begin_merge(s, first, n), got = 1;
	size_t filled = 0;

	while (!err && got > 0) {
		got = merge_next(s, &batch[filled]);
		filled += got > 0;
		if (got < 0)
			err = got;
		else if (filled == BATCH || (!got && filled)) {
			err = put_items(s, s->spare, batch, filled);
			filled = 0;
		}
	}
	end_merge(s);
	return err;
}

/* Fewer runs, of `width` of those that are now. */
static int merge_pass(struct sort *s, size_t width)
{
	size_t made = 0;
	int err = 0, fd;

	if (s->spare < 0)
		s->spare = open_file(s);
	if (s->spare < 0)
		return s->spare;
	for (size_t i = 0; !err && i < s->n_runs; i += width) {
		size_t n = s->n_runs - i < width ? s->n_runs - i : width;
		u64 begin = s->run[i].next, end = s->run[i + n - 1].end;

		err = merge_some(s, i, n);
		s->run[made++] = (struct sort_run){ .next = begin, .end = end };
	}
	fd = s->fd;
	s->fd = s->spare;
	s->spare = fd;
	s->n_runs = made;
	if (!err && (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET)))
		err = fail(s, -errno);
	return err;
}

int sort_end(struct sort *s)
{
	int err = 0;

	if (!s->n_runs) {
		if (s->n)
			sort_items(s);
		return 0;
	}
	if (s->n)
		err = lay_down(s);
	free(s->item);
	free(s->key);
	s->item = NULL;
	s->key = NULL;
	while (!err && s->n_runs > fan(s))
		err = merge_pass(s, fan(s));
	return err ? err : begin_merge(s, 0, s->n_runs);
}

int sort_next(struct sort *s, struct record *r)
{
	struct sort_item item;
	int got;

	if (!s->n_runs) {
		if (s->taken == s->n)
			return 0;
		*r = s->item[s->key[s->taken++].at].record;
		return 1;
	}
	got = merge_next(s, &item);
	if (got > 0)
		*r = item.record;
	return got;
}

void sort_close(struct sort *s)
{
	if (!s->memory)
		return;
	end_merge(s);
	free(s->item);
	free(s->key);
	free(s->run);
	if (s->fd >= 0)
		close(s->fd);
	if (s->spare >= 0)
		close(s->spare);
	memset(s, 0, sizeof(*s));
}
