/* SPDX-License-Identifier: BSD-2-Clause */
/* sort_test: the same order however little memory there is; and replies made
 * into traces. */
#include "out/sort.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "frame.h"
#include "out/group.h"
#include "records.h"
#include "reply.h"
#include "scratch.h"
#include "traces.h"
#include "wire.h"

/* Few flows, so that many are equal but for when they were added. */
static void draw(struct record *r, unsigned int n)
{
	struct traces t = { .seed = 11, .proto = PROTO_UDP };

	for (unsigned int i = 0; i < n; i++) {
		traces_reply(&t, &r[i]);
		r[i].dst.b[13] = 0;
		r[i].dst.b[14] &= 3;
		r[i].sport = (u16)(r[i].sport % 3);
		r[i].sent_ns = i;
	}
}

static void sort_all(const struct record *r, unsigned int n, size_t memory,
		     struct record *sorted)
{
	struct sort s;
	unsigned int got = 0;

	sort_open(&s, memory, "/tmp");
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(sort_add(&s, &r[i]), 0);
	assert_int_equal(sort_end(&s), 0);
	while (sort_next(&s, &sorted[got]) == 1)
		assert_in_range(++got, 1, n);
	assert_int_equal(got, n);
	sort_close(&s);
	sort_close(&s);
}

static void check_order(const struct record *r, unsigned int n)
{
	static u8 seen[1 << 17];

	memset(seen, 0, sizeof(seen));
	for (unsigned int i = 0; i < n; i++) {
		const struct record *a = &r[i ? i - 1 : 0], *b = &r[i];

		assert_int_equal(seen[b->sent_ns]++, 0);
		if (!i || !sort_same_flow(a, b))
			continue;
		assert_in_range(b->hop.ttl, a->hop.ttl, 255);
		if (a->hop.ttl == b->hop.ttl)
			assert_true(a->sent_ns < b->sent_ns);
	}
}

/* All of a flow stand together. */
static void check_together(const struct record *r, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		if (sort_same_flow(&r[i - 1], &r[i]))
			continue;
		for (unsigned int k = i + 1; k < n && k < i + 3000; k++)
			assert_false(sort_same_flow(&r[i - 1], &r[k]));
	}
}

static void test_memory(void **state)
{
	enum { RECORDS = 100000 };
	struct record *r = calloc(RECORDS, sizeof(*r));
	struct record *in_memory = calloc(RECORDS, sizeof(*r));
	struct record *external = calloc(RECORDS, sizeof(*r));

	draw(r, RECORDS);
	sort_all(r, RECORDS, 1 << 30, in_memory);
	check_order(in_memory, RECORDS);
	check_together(in_memory, 20000);
	/* hundreds of runs in several passes; some runs; just one too many */
	for (size_t memory = SORT_MEMORY_MIN; memory <= 16 << 20; memory *= 4) {
		memset(external, 0, RECORDS * sizeof(*r));
		sort_all(r, RECORDS, memory, external);
		assert_memory_equal(external, in_memory, RECORDS * sizeof(*r));
	}
	free(r);
	free(in_memory);
	free(external);
}

static void test_few(void **state)
{
	struct record r[2], sorted[2];

	draw(r, 2);
	sort_all(r, 0, 0, sorted);
	sort_all(r, 1, 0, sorted);
	assert_memory_equal(r, sorted, sizeof(r[0]));
	sort_all(r, 2, 0, sorted);
}

static int add_many(struct sort *s)
{
	struct record r;
	int err = 0;

	draw(&r, 1);
	for (int i = 0; !err && i < 10000; i++)
		err = sort_add(s, &r);
	return err;
}

static void test_no_dir(void **state)
{
	struct sort s;

	sort_open(&s, 0, "/nonexistent");
	scratch_hear_begin();
	assert_int_equal(add_many(&s), -ENOENT);
	assert_non_null(strstr(scratch_hear_end(), "/nonexistent: no temp"));
	sort_close(&s);
}

static void test_no_room(void **state)
{
	struct rlimit before, small;
	struct sort s;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 100000;
	sort_open(&s, 0, "/tmp");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	scratch_hear_begin();
	assert_int_equal(add_many(&s), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(scratch_hear_end(), "/tmp: temporary file"));
	sort_close(&s);
}

#define V4 "10.0.0.1", "192.0.2.9"

static struct record unreach(u8 ttl, u8 code, u8 flags)
{
	struct record r = record_of(V4, ttl, 0, "10.0.9.9", 10);

	r.hop.kind = REPLY_UNREACH;
	r.hop.icmp_type = 3;
	r.hop.icmp_code = code;
	r.hop.flags = flags;
	return r;
}

/* It ends where the destination first answered; nothing is left out. */
static void test_completed(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.2", 10),
		unreach(2, 13, HOP_FINAL),
		record_of(V4, 3, 0, "10.0.0.3", 10),
		unreach(5, 3, HOP_FINAL | HOP_REACHED),
		unreach(5, 3, HOP_FINAL | HOP_REACHED),
		unreach(6, 3, HOP_FINAL | HOP_REACHED),
		record_of(V4, 7, 0, "10.0.0.3", 10),
	};

	group_trace(r, 7);
	assert_int_equal(r[0].flags, RECORD_TRACE | RECORD_FIRST);
	assert_int_equal(r[1].hop.flags, 0);
	assert_int_equal(r[3].flags, RECORD_TRACE);
	assert_int_equal(r[3].hop.flags, HOP_FINAL | HOP_REACHED);
	assert_int_equal(r[6].flags, RECORD_TRACE | RECORD_LAST);
	assert_int_equal(r[6].stop_reason, STOP_COMPLETED);
}

static void test_unreach(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.2", 10),
		unreach(2, 13, HOP_FINAL),
		unreach(3, 13, HOP_FINAL),
	};

	group_trace(r, 3);
	assert_int_equal(r[2].stop_reason, STOP_UNREACH);
	assert_int_equal(r[1].hop.flags, HOP_FINAL);
}

/* A router beyond says that the way went on. */
static void test_passed(void **state)
{
	struct record r[] = {
		unreach(2, 13, HOP_FINAL),
		record_of(V4, 3, 0, "10.0.0.2", 10),
	};

	group_trace(r, 2);
	assert_int_equal(r[1].stop_reason, STOP_NONE);
	assert_int_equal(r[0].hop.flags, 0);
	group_trace(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_no_dir),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_completed),
		cmocka_unit_test(test_unreach),
		cmocka_unit_test(test_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
