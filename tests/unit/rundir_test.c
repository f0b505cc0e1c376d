/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundir_test: a run's directory as a process that was killed, a host that
 * lost power, or a stranger leaves it: what was durable is there, or it is
 * refused.
 */
#include "out/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/crc32c.h"
#include "out/journal.h"
#include "out/segment.h"
#include "records.h"
#include "scratch.h"

#define V4 "192.0.2.1", "198.51.100.9"

enum { RUN = 5 };

static char base[] = "/tmp/rundir_test.XXXXXX", path[64];
static const u64 LIMIT[2] = { 1000, 1000 };

struct found {
	u64 n, sum;
};

static int count(void *to, const struct record *r, u64 wall_offset_ns)
{
	struct found *f = to;

	assert_true(wall_offset_ns == 42);
	f->n++;
	f->sum += r->hop.rtt_us;
	return 0;
}

static void where(void *to, u64 *settled)
{
	settled[0] = settled[1] = *(u64 *)to;
}

static void name_of(char *to, const char *name)
{
	snprintf(to, 128, "%s/%s", path, name);
}

/* As a process begins or goes on: what there is, and the directory. */
static int take_up(struct rundir *d, struct found *f)
{
	const struct rundir_sink sink = { count, f };
	struct stat st;
	int err;

	*f = (struct found){};
	scratch_hear_begin();
	err = stat(path, &st) ? rundir_create(d, path) : rundir_open(d, path);
	d->run = RUN;
	if (!err)
		err = rundir_recover(d, LIMIT, 2, &sink);
	if (err) {
		assert_non_null(strstr(scratch_hear_end(), path));
		rundir_close(d);
	} else {
		assert_string_equal(scratch_hear_end(), "");
	}
	return err;
}

/* n records from `rtt` on, and a checkpoint after so many of them. */
static void session(unsigned int n, u32 rtt, unsigned int durable)
{
	static u64 settled;
	struct journal_config c = {
		.wall_offset_ns = 42,
		.parts = 2,
		.position = where,
		.to = &settled,
	};
	struct journal j;
	struct rundir d;
	struct found f;

	assert_int_equal(take_up(&d, &f), 0);
	c.dir = &d;
	settled = d.last.settled[0] + 10;
	assert_int_equal(journal_open(&j, &c), 0);
	for (unsigned int i = 0; i < n; i++) {
		struct record r =
			record_of(V4, (u8)(i + 1), 0, "203.0.113.1", rtt + i);

		journal_record(&j, &r);
		if (i + 1 == durable) {
			journal_mark(&j);
			journal_commit(&j, 1);
		}
	}
	journal_flush(&j);
	assert_int_equal(j.error, 0);
	journal_abandon(&j); /* killed */
	rundir_close(&d);
}

static size_t load(const char *name, u8 *octets, size_t max)
{
	char file[128];
	FILE *from;
	size_t n;

	name_of(file, name);
	from = fopen(file, "r");
	assert_non_null(from);
	n = fread(octets, 1, max, from);
	fclose(from);
	return n;
}

static void store(const char *name, const u8 *octets, size_t n)
{
	char file[128];
	FILE *to;

	name_of(file, name);
	to = fopen(file, "w");
	assert_non_null(to);
	assert_int_equal(fwrite(octets, 1, n, to), n);
	fclose(to);
}

static int begin(void **state)
{
	static int runs;

	snprintf(path, sizeof(path), "%s/%d", base, runs++);
	return 0;
}

static void sessions(void **state)
{
	struct rundir d;
	struct found f;

	session(10, 0, 5);
	session(20, 1000, 20);
	session(0, 0, 0);
	session(7, 2000, 0);
	assert_int_equal(take_up(&d, &f), 0);
	assert_int_equal(f.n, 37);
	assert_int_equal(f.sum, 45 + 20190 + 14021);
	assert_int_equal(d.segments, 3);
	assert_int_equal(d.last.settled[1], 20);
	rundir_close(&d);
}

/* Up to the checkpoint it must be there, behind it any part may be. */
static void last_segment(void **state)
{
	static u8 octets[4096], mark[sizeof(struct rundir_checkpoint)];
	struct rundir_checkpoint c;
	struct rundir d;
	struct found f;
	size_t n;

	session(9, 100, 4);
	n = load("replies-00000.seg", octets, sizeof(octets));
	assert_int_equal(load("checkpoint", mark, sizeof(mark)), sizeof(c));
	memcpy(&c, mark, sizeof(c));
	assert_true(c.offset < n);
	for (size_t cut = 0; cut <= n; cut++) {
		int err;

		store("replies-00000.seg", octets, cut);
		err = take_up(&d, &f);
		assert_int_equal(err, cut < c.offset ? -EBADMSG : 0);
		if (err)
			continue;
		assert_int_equal(f.n, cut < n ? 4 : 9);
		assert_int_equal(d.end_offset, cut < n ? c.offset : n);
		rundir_close(&d);
	}
	for (size_t bit = 0; bit < 8 * n; bit++) {
		int err;

		octets[bit / 8] ^= (u8)(1 << bit % 8);
		store("replies-00000.seg", octets, n);
		octets[bit / 8] ^= (u8)(1 << bit % 8);
		err = take_up(&d, &f);
		assert_int_equal(err, bit / 8 < c.offset ? -EBADMSG : 0);
		if (err)
			continue;
		assert_int_equal(f.n, 4);
		rundir_close(&d);
	}
}

/* One that is not the last is whole, or nothing is done. */
static void other_segment(void **state)
{
	static u8 octets[4096];
	char file[128], other[128];
	struct rundir d;
	struct found f;
	size_t n;

	session(9, 100, 4);
	session(9, 200, 0);
	n = load("replies-00000.seg", octets, sizeof(octets));
	for (size_t cut = 1; cut < n; cut++) {
		store("replies-00000.seg", octets, n - cut);
		assert_int_equal(take_up(&d, &f), -EBADMSG);
	}
	store("replies-00000.seg", octets, n);
	/* the other's name, and none */
	name_of(file, "replies-00001.seg");
	name_of(other, "replies-00002.seg");
	assert_int_equal(rename(file, other), 0);
	assert_int_equal(take_up(&d, &f), -EBADMSG);
	name_of(other, "replies-00001.seg");
	store("replies-00001.seg", octets, n);
	assert_int_equal(take_up(&d, &f), -EBADMSG);
}

static void checkpoints(void **state)
{
	u8 octets[sizeof(struct rundir_checkpoint) + 1] = {};
	struct rundir d;
	struct found f;
	size_t n, at;

	session(9, 100, 4);
	n = load("checkpoint", octets, sizeof(octets));
	assert_null(rundir_judge(octets, n, RUN, LIMIT, 2, &at));
	for (size_t cut = 0; cut <= n + 1; cut++)
		assert_int_equal(!rundir_judge(octets, cut, RUN, LIMIT, 2, &at),
				 cut == n);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		octets[bit / 8] ^= (u8)(1 << bit % 8);
		assert_non_null(rundir_judge(octets, n, RUN, LIMIT, 2, &at));
		assert_in_range(at, 0, n);
		octets[bit / 8] ^= (u8)(1 << bit % 8);
	}
	assert_non_null(rundir_judge(octets, n, RUN + 1, LIMIT, 2, &at));
	assert_non_null(rundir_judge(octets, n, RUN, LIMIT, 1, &at));
	octets[50] ^= 1;
	store("checkpoint", octets, n);
	assert_int_equal(take_up(&d, &f), -EBADMSG);
}

/* A checksum is no proof. */
static void hostile(void **state)
{
	struct rundir_checkpoint good, c;
	size_t at;

	session(9, 100, 4);
	load("checkpoint", (u8 *)&good, sizeof(good));
	for (int kind = 0; kind < 8; kind++) {
		c = good;
		c.settled[1] = kind == 0 ? LIMIT[1] + 1 : c.settled[1];
		c.settled[2] = kind == 1;
		c.parts = kind == 2 ? RUNDIR_PARTS + 1 : c.parts;
		c.state = kind == 3 ? RUNDIR_COMPLETE + 1 : c.state;
		c.offset = kind == 4 ? RUNDIR_SEGMENT_MAX + 1 : c.offset;
		c.sequence = kind == 5 ? 0 : c.sequence;
		c.format = kind == 6 ? SEGMENT_FORMAT + 1 : c.format;
		c.magic ^= kind == 7;
		c.crc = crc32c(0, &c, offsetof(struct rundir_checkpoint, crc));
		assert_non_null(
			rundir_judge(&c, sizeof(c), RUN, LIMIT, 2, &at));
	}
}

/* Beyond what the segments have: they were made durable before it was. */
static void too_far(void **state)
{
	struct rundir_checkpoint c;
	struct rundir d;
	struct found f;

	session(9, 100, 9);
	load("checkpoint", (u8 *)&c, sizeof(c));
	c.sequence++;
	c.crc = crc32c(0, &c, offsetof(struct rundir_checkpoint, crc));
	store("checkpoint", (const u8 *)&c, sizeof(c));
	assert_int_equal(take_up(&d, &f), -EBADMSG);
}

static void one_at_a_time(void **state)
{
	struct rundir d, other;
	struct found f;

	session(1, 1, 1);
	assert_int_equal(take_up(&d, &f), 0);
	assert_int_equal(take_up(&other, &f), -EBUSY);
	rundir_close(&d);
	scratch_hear_begin();
	assert_int_equal(rundir_create(&other, path), -EEXIST);
	scratch_hear_end();
	assert_int_equal(chmod(path, 0720), 0);
	assert_int_equal(take_up(&d, &f), -EPERM);
	assert_int_equal(chmod(path, 0700), 0);
}

/* A halted trace leaves nothing, what is behind it is as before. */
static void traces(void **state)
{
	struct journal_config c = { .wall_offset_ns = 42, .parts = 2 };
	struct record r[30];
	struct journal j;
	struct rundir d;
	struct found f;

	assert_int_equal(take_up(&d, &f), 0);
	c.dir = &d;
	assert_int_equal(journal_open(&j, &c), 0);
	for (u32 i = 0; i < 30; i++)
		r[i] = record_of(V4, (u8)(i + 1), 0, "203.0.113.1", 1 << i);
	records_join(r, 10, STOP_COMPLETED);
	records_join(r + 10, 10, STOP_HALTED);
	records_join(r + 20, 10, STOP_GAPLIMIT);
	for (u32 i = 0; i < 30; i++) {
		journal_record(&j, &r[i]);
		if (i == 4 || i == 15)
			journal_commit(&j, 1); /* in the middle of one */
	}
	assert_int_equal(journal_close(&j, RUNDIR_COMPLETE, 1), 0);
	rundir_close(&d);
	assert_int_equal(take_up(&d, &f), 0);
	assert_int_equal(f.n, 20);
	assert_int_equal(f.sum, 0x3ff003ff);
	assert_int_equal(d.last.state, RUNDIR_COMPLETE);
	rundir_close(&d);
}

static int remove_all(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", base);
	scratch_remove();
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sessions, begin),
		cmocka_unit_test_setup(last_segment, begin),
		cmocka_unit_test_setup(other_segment, begin),
		cmocka_unit_test_setup(checkpoints, begin),
		cmocka_unit_test_setup(hostile, begin),
		cmocka_unit_test_setup(too_far, begin),
		cmocka_unit_test_setup(one_at_a_time, begin),
		cmocka_unit_test_setup(traces, begin),
	};

	if (!mkdtemp(base))
		return 1;
	return cmocka_run_group_tests(tests, NULL, remove_all);
}
