/* SPDX-License-Identifier: BSD-2-Clause */
/* status_test: a line of JSON a second, rates of the second before, and a last
 * line that adds up. */
#include "cmd/status.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/clock.h"
#include "scratch.h"

static const u64 START = 5 * NS_PER_S;

static struct report report_of(void)
{
	return (struct report){ .tx = "live", .rx = "xsk", .all = 100 };
}

static u64 number(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v))
		fail_msg("no %s", key);
	return (u64)json_object_get_int64(v);
}

/* The lines of the file, parsed; how many. */
static int read_lines(const char *path, struct json_object *line[], int max)
{
	FILE *f = fopen(path, "r");
	char text[8192];
	int n = 0;

	assert_non_null(f);
	while (fgets(text, sizeof(text), f)) {
		assert_true(n < max);
		line[n] = json_tokener_parse(text);
		assert_non_null(line[n++]);
	}
	fclose(f);
	return n;
}

static void test_lines_of_json(void **state)
{
	const char *path = scratch_text("what was there before\n");
	struct report r = report_of();
	struct ledger l = { .started_ns = START };
	struct json_object *line[8];
	struct status s;

	assert_int_equal(status_open(&s, 0, path), 0);
	status_begin(&s, START);
	for (u64 ms = 100; ms <= 2500; ms += 100) {
		l.tx.sent = l.made = ms * 10;
		l.matched = ms * 5;
		r.interfaces = ms < 1500 ? ms / 10 : 150;
		r.done = ms / 25;
		status_turn(&s, &r, &l, START + ms * NS_PER_MS);
	}
	l.last_sent_ns = l.ended_ns = START + 2500 * NS_PER_MS;
	assert_int_equal(status_close(&s, &r, &l), 0);
	assert_int_equal(read_lines(path, line, 8), 3);
	assert_int_equal(number(line[0], "elapsed_ns"), NS_PER_S);
	assert_int_equal(number(line[0], "sent"), 10000);
	assert_int_equal(number(line[0], "sent_per_second"), 10000);
	assert_int_equal(number(line[0], "heard_per_second"), 5000);
	assert_int_equal(number(line[0], "new_interfaces_per_second"), 100);
	assert_int_equal(number(line[0], "ended"), 0);
	assert_int_equal(number(line[1], "done"), 80);
	assert_int_equal(number(line[1], "all"), 100);
	assert_int_equal(number(line[1], "sent_per_second"), 10000);
	assert_int_equal(number(line[1], "new_interfaces_per_second"), 50);
	assert_int_equal(number(line[2], "ended"), 1);
	assert_int_equal(number(line[2], "sent"), 25000);
	assert_int_equal(number(line[2], "new_interfaces_per_second"), 60);
	for (int i = 0; i < 3; i++)
		json_object_put(line[i]);
	scratch_remove();
}

/* What was dropped here can have cost no more than has no answer. */
static void test_last_line_adds_up(void **state)
{
	static const u64 rows[][3] = { /* sent, answered, dropped */
				       { 1000, 1000, 0 },  { 1000, 900, 50 },
				       { 1000, 900, 100 }, { 1000, 900, 5000 },
				       { 1000, 1000, 7 },  { 0, 0, 3 }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *path = scratch_text("");
		struct report r = report_of();
		struct ledger l = {
			.made = rows[i][0] + 6,
			.tx = { .sent = rows[i][0],
				.excluded = 1,
				.over_rate = 2,
				.failed = 3 },
			.rx = { .ring_full = rows[i][2] },
			.strategy = { .answered = rows[i][1] / 2,
				      .abandoned =
					      rows[i][1] - rows[i][1] / 2 },
			.started_ns = START,
			.ended_ns = START + 1,
		};
		struct json_object *o;
		struct status s;

		assert_int_equal(status_open(&s, 0, path), 0);
		status_begin(&s, START);
		assert_int_equal(status_close(&s, &r, &l), 0);
		assert_int_equal(read_lines(path, &o, 1), 1);
		assert_int_equal(number(o, "sent"),
				 number(o, "answered") +
					 number(o, "abandoned") +
					 number(o, "lost_here") +
					 number(o, "unanswered"));
		assert_int_equal(number(o, "made"),
				 number(o, "sent") + number(o, "excluded") +
					 number(o, "over_rate") +
					 number(o, "failed"));
		assert_int_equal(number(o, "ring_full"), rows[i][2]);
		json_object_put(o);
		scratch_remove();
	}
}

static void test_file_that_fails(void **state)
{
	struct report r = report_of();
	struct ledger l = { .started_ns = START, .ended_ns = START };
	const char *said;
	struct status s;

	scratch_hear_begin();
	assert_int_equal(status_open(&s, 0, "/nowhere/status"), -ENOENT);
	assert_non_null(strstr(scratch_hear_end(), "/nowhere/status: "));
	assert_int_equal(status_open(&s, 0, "/dev/full"), 0);
	status_begin(&s, START);
	scratch_hear_begin();
	for (u64 i = 1; i < 5; i++)
		status_turn(&s, &r, &l, START + i * NS_PER_S);
	assert_int_equal(status_close(&s, &r, &l), -ENOSPC);
	said = scratch_hear_end();
	assert_non_null(strstr(said, "/dev/full: "));
	/* once */
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	assert_int_equal(status_open(&s, 0, NULL), 0);
	assert_int_equal(status_close(&s, &r, &l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_json),
		cmocka_unit_test(test_last_line_adds_up),
		cmocka_unit_test(test_file_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
