/* SPDX-License-Identifier: BSD-2-Clause */
/* zst_test: compressed outputs, as zstd(1) reads them: whole, cut off in the
 * middle of a run, and on a disk that is full. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "out/dest.h"
#include "out/formats.h"
#include "out/writer.h"
#include "records.h"
#include "scratch.h"

#define V4 "192.0.2.1", "198.51.100.9"

static char dir[32], path[64], spec[80];

static int set_up(void **state)
{
	strcpy(dir, "/tmp/zstXXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/out.zst", dir);
	snprintf(spec, sizeof(spec), "csv:%s", path);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Standard output of a shell command, until the next call. */
static const char *run(const char *command, int *status)
{
	static char text[1 << 23];
	FILE *f = popen(command, "r");
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	text[n] = '\0';
	*status = pclose(f);
	return text;
}

static const char *unpack(const char *file, int *status)
{
	char command[160];

	snprintf(command, sizeof(command), "zstd -dcq -- %s 2>/dev/null", file);
	return run(command, status);
}

static void need_zstd(void)
{
	int status;

	run("zstd --version", &status);
	if (!status)
		return;
	if (getenv("CI"))
		fail_msg("no zstd");
	skip();
}

/* Octet for octet what the plain file holds, and checked by a sum. */
static void test_same(void **state)
{
	struct record r = record_of(V4, 3, 0, "10.0.0.3", 100);
	const char *one = spec;
	char *plain, listing[160];
	struct writer w;
	int status;

	need_zstd();
	assert_int_equal(writer_open(&w, &records_run, &one, 1), 0);
	writer_put(w.state, &r, 1);
	assert_int_equal(writer_close(&w), 0);
	plain = records_render(&csv_format, &records_run, &r, 1);
	assert_string_equal(unpack(path, &status), plain);
	assert_int_equal(status, 0);
	snprintf(listing, sizeof(listing), "zstd -lv %s 2>&1", path);
	assert_non_null(strstr(run(listing, &status), "XXH64"));
	free(plain);
}

/* A run without results is a compressed file too. */
static void test_empty(void **state)
{
	struct dest d;
	int status;

	need_zstd();
	assert_int_equal(dest_open(&d, path, true), 0);
	assert_int_equal(dest_close(&d), 0);
	assert_string_equal(unpack(path, &status), "");
	assert_int_equal(status, 0);
}

/* What was flushed is read, whatever becomes of the rest. */
static void test_killed(void **state)
{
	enum { MORE = 400000 };
	u32 noise = 1;
	struct dest d;
	struct stat st;
	int status;

	need_zstd();
	assert_int_equal(dest_open(&d, path, true), 0);
	fputs("first\n", d.to);
	assert_int_equal(dest_flush(&d), 0);
	assert_string_equal(unpack(path, &status), "first\n");
	assert_int_equal(status, 0);
	fputs("second\n", d.to);
	assert_int_equal(dest_flush(&d), 0);
	for (int i = 0; i < MORE; i++) {
		noise = noise * 1664525 + 1013904223;
		fprintf(d.to, "%08x\n", noise);
	}
	/* the last frame has no end yet */
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > MORE);
	assert_int_equal(strncmp(unpack(path, &status), "first\nsecond\n", 13),
			 0);
	assert_int_not_equal(status, 0);
	assert_int_equal(dest_close(&d), 0);
	unpack(path, &status);
	assert_int_equal(status, 0);
}

static void put_noise(struct dest *d)
{
	u32 noise = 7;

	for (int i = 0; i < 1000 && !d->error; i++) {
		for (int j = 0; j < 100; j++) {
			noise = noise * 1664525 + 1013904223;
			fprintf(d->to, "%08x\n", noise);
		}
		dest_flush(d);
	}
}

/* What did not fit is taken away again: whole frames remain. */
static void test_no_room(void **state)
{
	struct rlimit before, small;
	struct dest d;
	int status;

	need_zstd();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 65537;
	assert_int_equal(dest_open(&d, path, true), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	scratch_hear_begin();
	put_noise(&d);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(scratch_hear_end(),
			       "File too large; what was written before is "
			       "whole"));
	assert_int_equal(dest_close(&d), -EFBIG);
	assert_true(strlen(unpack(path, &status)) > 32768);
	assert_int_equal(status, 0);
}

static void test_full(void **state)
{
	struct dest d;

	assert_int_equal(symlink("/dev/full", path), 0);
	assert_int_equal(dest_open(&d, path, true), 0);
	fputs("nowhere to go\n", d.to);
	assert_int_equal(dest_flush(&d), -ENOSPC);
	assert_int_equal(dest_close(&d), -ENOSPC);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same),    TEST(test_empty), TEST(test_killed),
		TEST(test_no_room), TEST(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
