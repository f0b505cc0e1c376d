/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer_test: two real threads, files that are to be replaced, and streams
 * that fail. "writer_test bench" prints records a second.
 */
#include "out/writer.h"

#include <errno.h>
#include <fcntl.h>
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
#include "lib/inet.h"
#include "lib/log.h"
#include "out/formats.h"
#include "out/outputs.h"
#include "records.h"
#include "trace/strategy.h"

#define V4 "192.0.2.1", "198.51.100.9"

/* A format that only looks whether records come in order. */
static struct {
	u64 next, wrong;
	bool fails;
} order;

static int order_begin(struct out *o)
{
	order.next = order.wrong = 0;
	return order.fails ? -EIO : 0;
}

static void order_record(struct out *o, const struct record *r)
{
	order.wrong += r->sent_ns != order.next++;
	order.wrong += r->arrived_ns != ~r->sent_ns;
}

static int order_end(struct out *o)
{
	return 0;
}

static const struct out_format order_format = {
	.name = "order",
	.begin = order_begin,
	.record = order_record,
	.end = order_end,
};

const struct out_format *const out_formats[] = { &csv_format, &jsonl_format,
						 &order_format, NULL };

#ifdef __SANITIZE_THREAD__
/* The ring's order comes from instructions that this sanitizer does not see;
 * all else is checked. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:_ck_ring_enqueue_sp\nrace:_ck_ring_dequeue_sc\n";
}
#endif

static char dir[32], path[64], spec[80];

static int set_up(void **state)
{
	strcpy(dir, "/tmp/writerXXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/out", dir);
	snprintf(spec, sizeof(spec), "csv:%s", path);
	order.fails = false;
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static int open_one(struct writer *w, const char *s)
{
	return writer_open(w, &records_run, &s, 1);
}

static void put_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* NULL: there is none. Until the next call. */
static const char *read_back(const char *name)
{
	static char text[1 << 16];
	FILE *f = fopen(name, "r");
	size_t n;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static unsigned int files(void)
{
	char command[64];
	FILE *f;
	unsigned int n;

	snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
	f = popen(command, "r");
	assert_int_equal(fscanf(f, "%u", &n), 1);
	pclose(f);
	return n;
}

/* Puts as the packet thread does: never more than there is room for. */
static void put_all(struct writer *w, struct record *r, u64 n)
{
	struct record_sink sink = writer_sink(w);

	while (n) {
		unsigned int room = sink.room(sink.to);

		if (room > n)
			room = (unsigned int)n;
		if (room > 256)
			room = 256;
		for (unsigned int i = 0; i < room; i++)
			sink.put(sink.to, r, 1);
		n -= room;
	}
}

static void test_ring(void **state)
{
	enum { RECORDS = 10000000, BATCH = 200 };
	static struct record batch[BATCH];
	struct writer w;
	struct record_sink sink;
	unsigned int room;
	u64 put = 0;

	assert_int_equal(open_one(&w, "order:/dev/null"), 0);
	sink = writer_sink(&w);
	assert_int_equal(sink.room(sink.to), WRITER_RING - 1);
	while (put < RECORDS) {
		room = sink.room(sink.to);
		if (room > BATCH)
			room = BATCH;
		if (room > RECORDS - put)
			room = (unsigned int)(RECORDS - put);
		for (unsigned int i = 0; i < room; i++) {
			batch[i].sent_ns = put + i;
			batch[i].arrived_ns = ~(put + i);
		}
		sink.put(sink.to, batch, room);
		put += room;
	}
	assert_int_equal(writer_stats(&w).lost, 0);
	assert_int_equal(writer_close(&w), 0);
	assert_int_equal(order.next, RECORDS);
	assert_int_equal(order.wrong, 0);
}

/* Between sleep and wake-up nothing is forgotten: each record is put when
 * the one before has been written, with pauses that let the thread sleep. */
static void test_wake(void **state)
{
	enum { WAKES = 200 };
	struct record r = {};
	struct writer w;

	assert_int_equal(open_one(&w, "order:/dev/null"), 0);
	for (u64 i = 0; i < WAKES; i++) {
		u64 until = clock_now() + 10 * NS_PER_S;

		r.sent_ns = i;
		r.arrived_ns = ~i;
		if (i % 20 == 0)
			clock_sleep(60 * NS_PER_MS); /* it sleeps by now */
		writer_put(w.state, &r, 1);
		while (writer_stats(&w).written != i + 1)
			assert_true(clock_now() < until);
	}
	assert_int_equal(writer_close(&w), 0);
	assert_int_equal(order.next, WAKES);
	assert_int_equal(order.wrong, 0);
}

/* What has no room is counted, and what had comes out in order. */
static void test_overrun(void **state)
{
	enum { RECORDS = 8 * WRITER_RING, PIECE = 7 };
	struct record r[PIECE], *many;
	struct writer_stats stats;
	struct writer w;
	u64 lost = 0, put = 0;

	assert_int_equal(open_one(&w, "order:/dev/null"), 0);
	for (int i = 0; i + PIECE <= RECORDS; i += PIECE) {
		for (int k = 0; k < PIECE; k++)
			r[k] = (struct record){ .sent_ns = put + (u64)k,
						.arrived_ns = ~(put + (u64)k) };
		writer_put(w.state, r, PIECE);
		stats = writer_stats(&w);
		/* all or nothing */
		assert_int_equal(stats.lost % PIECE, 0);
		if (stats.lost == lost)
			put += PIECE;
		lost = stats.lost;
	}
	do
		stats = writer_stats(&w);
	while (stats.written < put);
	/* never room for that many */
	many = calloc(WRITER_RING, sizeof(*many));
	assert_non_null(many);
	writer_put(w.state, many, WRITER_RING);
	free(many);
	assert_int_equal(writer_stats(&w).lost, lost + WRITER_RING);
	assert_int_equal(writer_close(&w), 0);
	assert_int_equal(order.next, put);
	assert_int_equal(order.wrong, 0);
}

static void test_new_file(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	struct writer w;
	const char *text;

	assert_int_equal(open_one(&w, spec), 0);
	writer_put(w.state, &r, 1);
	assert_int_equal(writer_close(&w), 0);
	assert_int_equal(writer_close(&w), 0); /* closed: nothing happens */
	text = read_back(path);
	assert_non_null(strchr(text, '\n'));
	assert_non_null(strstr(text, "\n1700000001,17,::ffff:192.0.2.1,"));
	assert_int_equal(files(), 1);
}

/* The old results stand until the new ones are whole; their mode is kept. */
static void test_replace(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	struct stat st;
	struct writer w;

	put_file(path, "old\n");
	chmod(path, 0640);
	assert_int_equal(open_one(&w, spec), 0);
	put_all(&w, &r, 100000); /* more than is buffered */
	assert_string_equal(read_back(path), "old\n");
	assert_int_equal(writer_close(&w), 0);
	assert_non_null(strstr(read_back(path), "1700000001,17,"));
	assert_int_equal(files(), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* Through a link, what it points to is replaced. */
static void test_link(void **state)
{
	char link[64];
	struct stat st;
	struct writer w;

	put_file(path, "old\n");
	snprintf(link, sizeof(link), "%s/link", dir);
	snprintf(spec, sizeof(spec), "csv:%s", link);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(open_one(&w, spec), 0);
	assert_int_equal(writer_close(&w), 0);
	assert_non_null(strstr(read_back(path), "capture_timestamp"));
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void test_abandon(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	struct writer w = {};

	writer_abandon(&w);
	assert_int_equal(open_one(&w, spec), 0);
	writer_put(w.state, &r, 1);
	writer_abandon(&w);
	assert_int_equal(files(), 0);
	put_file(path, "old\n");
	assert_int_equal(open_one(&w, spec), 0);
	writer_put(w.state, &r, 1);
	writer_abandon(&w);
	assert_string_equal(read_back(path), "old\n");
	assert_int_equal(files(), 1);
}

/* A run that never began says nothing on standard output. */
static void test_abandon_stdout(void **state)
{
	int saved, fd = open(path, O_RDWR | O_CREAT, 0600);
	struct writer w;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	assert_int_equal(open_one(&w, "csv:-"), 0);
	writer_abandon(&w);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_string_equal(read_back(path), "");
}

/* The same file is not written by two at a time. */
static void test_two_runs(void **state)
{
	struct writer w, other;

	put_file(path, "old\n");
	assert_int_equal(open_one(&w, spec), 0);
	assert_int_equal(open_one(&other, spec), -EBUSY);
	assert_int_equal(files(), 2);
	assert_int_equal(writer_close(&w), 0);
	assert_int_equal(files(), 1);
}

/* What a run that died left behind is no obstacle. */
static void test_stale_part(void **state)
{
	char part[80];
	struct writer w;

	put_file(path, "old\n");
	snprintf(part, sizeof(part), "%s.part", path);
	put_file(part, "stale and long, far longer than what is new\n");
	assert_int_equal(open_one(&w, spec), 0);
	assert_int_equal(writer_close(&w), 0);
	assert_null(strstr(read_back(path), "stale"));
	assert_int_equal(files(), 1);
}

static void test_bad_specs(void **state)
{
	static const char *const bad[] = { "csv",    "csv:",	  "",
					   ":",	     "cs:/tmp/x", "csvv:/tmp/x",
					   ":/tmp/x" };
	const char *twice[] = { "csv:-", "jsonl:-" };
	const char *same[] = { spec, spec };
	const char *second[] = { spec, "csv:/nonexistent/x" };
	const char *many[OUTPUTS_MAX + 1];
	struct writer w;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(open_one(&w, bad[i]), -EINVAL);
	assert_int_equal(writer_open(&w, &records_run, twice, 2), -EINVAL);
	assert_int_equal(writer_open(&w, &records_run, same, 2), -EINVAL);
	for (unsigned int i = 0; i <= OUTPUTS_MAX; i++)
		many[i] = "csv:/dev/null";
	assert_int_equal(writer_open(&w, &records_run, many, OUTPUTS_MAX + 1),
			 -EINVAL);
	assert_int_equal(open_one(&w, "csv:/nonexistent/x"), -ENOENT);
	snprintf(spec, sizeof(spec), "csv:%s", dir);
	assert_int_equal(open_one(&w, spec), -EISDIR);
	/* the first was good, and is taken away again */
	snprintf(spec, sizeof(spec), "csv:%s", path);
	assert_int_equal(writer_open(&w, &records_run, second, 2), -ENOENT);
	assert_null(w.state);
	order.fails = true;
	second[1] = "order:/dev/null";
	assert_int_equal(writer_open(&w, &records_run, second, 2), -EIO);
	assert_int_equal(files(), 0);
}

/* Waits until the error is told: it must come by itself. */
static int wait_error(const struct writer *w)
{
	u64 until = clock_now() + 20 * NS_PER_S;

	while (!writer_error(w) && clock_now() < until)
		clock_sleep(NS_PER_MS);
	return writer_error(w);
}

/* One output fails: it is told, and the other is whole. */
static void test_full(void **state)
{
	const char *specs[] = { "csv:/dev/full", spec };
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	struct writer w;

	assert_int_equal(writer_open(&w, &records_run, specs, 2), 0);
	writer_put(w.state, &r, 1);
	assert_int_equal(wait_error(&w), -ENOSPC);
	put_all(&w, &r, 100000);
	assert_int_equal(writer_close(&w), -ENOSPC);
	assert_non_null(strstr(read_back(path), "1700000001,17,"));
}

/* An error that only the last flush meets is an error too. */
static void test_full_at_end(void **state)
{
	struct writer w;

	assert_int_equal(open_one(&w, "csv:/dev/full"), 0);
	assert_int_equal(writer_close(&w), -ENOSPC);
}

static void test_closed_pipe(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	struct writer w;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	snprintf(spec, sizeof(spec), "jsonl:/proc/self/fd/%d", fd[1]);
	assert_int_equal(open_one(&w, spec), 0);
	close(fd[0]);
	close(fd[1]);
	writer_put(w.state, &r, 1);
	assert_int_equal(wait_error(&w), -EPIPE);
	put_all(&w, &r, 100000);
	assert_int_equal(writer_close(&w), -EPIPE);
}

/* Standard output, by name. */
static void test_stdout(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	int saved, fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	struct writer w;

	put_file(path, "before\n");
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	assert_int_equal(open_one(&w, "csv:-"), 0);
	writer_put(w.state, &r, 1);
	assert_int_equal(writer_close(&w), 0);
	/* it stays open for whoever comes after */
	assert_int_equal(write(STDOUT_FILENO, "after\n", 6), 6);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(strncmp(read_back(path), "before\ncapture_", 15), 0);
	assert_non_null(strstr(read_back(path), ",1\nafter\n"));
}

/* A file that can grow no more: what is there ends with a whole line, and
 * stands beside the old results. */
static void test_no_room(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 100);
	struct rlimit before, small;
	char part[80], last;
	struct stat st;
	struct writer w;
	int fd;

	put_file(path, "old\n");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 65537;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(open_one(&w, spec), 0);
	put_all(&w, &r, 20000);
	assert_int_equal(wait_error(&w), -EFBIG);
	assert_int_equal(writer_close(&w), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(read_back(path), "old\n");
	snprintf(part, sizeof(part), "%s.part", path);
	fd = open(part, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_in_range(st.st_size, 65537 - 200, 65537);
	assert_int_equal(pread(fd, &last, 1, st.st_size - 1), 1);
	assert_int_equal(last, '\n');
	close(fd);
}

static void put_bench(const struct writer *w, struct record *r, u32 n)
{
	u32 seed = 1;

	/* not all alike, or compressing would cost nothing */
	for (u32 i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		r->hop.from.b[14] = (u8)(seed >> 24);
		r->hop.from.b[15] = (u8)(seed >> 16);
		r->dst.b[13] = (u8)(i >> 16);
		r->dst.b[14] = (u8)(i >> 8);
		r->dst.b[15] = (u8)(seed >> 8);
		r->hop.rtt_us = seed & 0xffff;
		r->arrived_ns = i * 1000ULL;
		while (!writer_room(w->state))
			;
		writer_put(w->state, r, 1);
	}
}

static void bench_format(const char *what, const char *name, const char *dst,
			 const char *from)
{
	enum { RECORDS = 3000000 };
	struct record r = record_of("192.0.2.1", dst, 12, 0, from, 34567);
	struct writer w;
	u64 from_ns;

	if (open_one(&w, name))
		return;
	from_ns = clock_now();
	put_bench(&w, &r, RECORDS);
	writer_close(&w);
	printf("%-8s %-32s %6.2f M records/s, with the ring\n", what, name,
	       RECORDS * 1e3 / (double)(clock_now() - from_ns));
}

static void bench_alone(const char *what, const struct out_format *format,
			const char *dst, const char *from)
{
	enum { RECORDS = 3000000 };
	struct record r = record_of("192.0.2.1", dst, 12, 0, from, 34567);
	struct out o = { .format = format,
			 .run = &records_run,
			 .to = fopen("/dev/null", "w") };
	u64 from_ns;

	setvbuf(o.to, NULL, _IOFBF, 1 << 20);
	if (format->begin(&o))
		return;
	from_ns = clock_now();
	for (int i = 0; i < RECORDS; i++)
		format->record(&o, &r);
	format->end(&o);
	fclose(o.to);
	printf("%-8s %-32s %6.2f M records/s, formatted alone\n", what,
	       format->name, RECORDS * 1e3 / (double)(clock_now() - from_ns));
}

static int bench(void)
{
	static const char v6[] = "2001:db8:85a3:1234:5678:8a2e:370:7334";

	bench_alone("IPv4", &csv_format, "198.51.100.9", "203.0.113.77");
	bench_alone("IPv6", &csv_format, v6, v6);
	bench_alone("IPv4", &jsonl_format, "198.51.100.9", "203.0.113.77");
	bench_alone("IPv6", &jsonl_format, v6, v6);
	bench_format("IPv4", "csv:/dev/null", "198.51.100.9", "203.0.113.77");
	bench_format("IPv6", "csv:/dev/null", v6, v6);
	bench_format("IPv4", "jsonl:/dev/null", "198.51.100.9", "203.0.113.77");
	bench_format("IPv4", "csv:/tmp/whither-bench.zst", "198.51.100.9",
		     "203.0.113.77");
	bench_format("IPv4", "jsonl:/tmp/whither-bench.zst", "198.51.100.9",
		     "203.0.113.77");
	unlink("/tmp/whither-bench.zst");
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ring),	TEST(test_wake),
		TEST(test_overrun),	TEST(test_new_file),
		TEST(test_replace),	TEST(test_link),
		TEST(test_abandon),	TEST(test_abandon_stdout),
		TEST(test_two_runs),	TEST(test_stale_part),
		TEST(test_bad_specs),	TEST(test_full),
		TEST(test_full_at_end), TEST(test_closed_pipe),
		TEST(test_stdout),	TEST(test_no_room),
	};

	if (argc > 1 && !strcmp(argv[1], "bench"))
		return bench();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
