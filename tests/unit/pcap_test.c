/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_test: captures octet for octet, through the writer, and as tshark reads
 * them; what has no room is counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "out/formats.h"
#include "out/frames.h"
#include "out/writer.h"
#include "records.h"
#include "scratch.h"

static struct frames frames;
static struct out_run run;
static char path[] = "/tmp/pcapXXXXXX", spec[64];

static int set_up(void **state)
{
	int fd;

	strcpy(path, "/tmp/pcapXXXXXX");
	fd = mkstemp(path);
	close(fd);
	unlink(path);
	snprintf(spec, sizeof(spec), "pcap:%s", path);
	frames = (struct frames){ .lanes = 2 };
	run = records_run;
	run.frames = &frames;
	return 0;
}

static int tear_down(void **state)
{
	unlink(path);
	return 0;
}

static int open_one(struct writer *w)
{
	const char *one = spec;

	return writer_open(w, &run, &one, 1);
}

static size_t read_back(u8 *to, size_t most)
{
	FILE *f = fopen(path, "r");
	size_t n = fread(to, 1, most, f);

	fclose(f);
	return n;
}

/* What left and what came; not what did not leave. No record is needed. */
static void test_octets(void **state)
{
	u8 a[60] = "\1\2\3\4\5\6\7\10\11\12\13\14\10", b[300] = { 9 };
	const struct tx_slot sent[] = {
		{ .frame = a, .len = 60, .sent_ns = 5 * NS_PER_S + 123456789 },
		{ .frame = b, .len = 300, .sent_ns = 0 },
	};
	const struct rx_frame got = { .data = b, .len = 300 };
	u32 head[6], packet[4];
	struct writer w;
	u8 file[1024];

	assert_int_equal(open_one(&w), 0);
	frames_sent(frames_lane(&frames, 0), sent, 2);
	frames_received(frames_lane(&frames, 1), &got, 1, 7 * NS_PER_S);
	assert_int_equal(writer_close(&w), 0);
	assert_int_equal(read_back(file, sizeof(file)),
			 24 + 16 + 60 + 16 + FRAME_SNAP);
	memcpy(head, file, sizeof(head));
	assert_int_equal(head[0], 0xa1b23c4d);
	assert_int_equal(head[5], 1);
	memcpy(packet, file + 24, sizeof(packet));
	assert_int_equal(packet[0], 1700000005);
	assert_int_equal(packet[1], 123456789);
	assert_int_equal(packet[2], 60);
	assert_int_equal(packet[3], 60);
	assert_memory_equal(file + 40, a, 60);
	memcpy(packet, file + 100, sizeof(packet));
	assert_int_equal(packet[0], 1700000007);
	assert_int_equal(packet[2], FRAME_SNAP);
	assert_int_equal(packet[3], 300);
	assert_memory_equal(file + 116, b, FRAME_SNAP);
	assert_null(frames.lane);
}

/* Without a reader the ring fills: what is there and what is lost are all. */
static void test_lost(void **state)
{
	enum { MORE = 1000 };
	u8 octets[60] = {};
	const struct tx_slot one = { .frame = octets, .len = 60, .sent_ns = 1 };
	struct frame f;
	u64 n = 0;

	assert_int_equal(frames_open(&frames), 0);
	for (int i = 0; i < FRAMES_RING + MORE; i++)
		frames_sent(frames_lane(&frames, 1), &one, 1);
	assert_false(frames_take(&frames, 0, &f));
	while (frames_take(&frames, 1, &f))
		n++;
	assert_true(n > 0 && frames_lost(&frames) >= MORE);
	assert_int_equal(n + frames_lost(&frames), FRAMES_RING + MORE);
	frames_close(&frames);
}

static void test_refused(void **state)
{
	const char *two[] = { spec, "pcap:/dev/null" };
	struct writer w;

	scratch_hear_begin();
	assert_int_equal(writer_open(&w, &run, two, 2), -EBUSY);
	run.frames = NULL;
	assert_int_equal(open_one(&w), -EINVAL);
	assert_non_null(strstr(scratch_hear_end(), "pcap is of packets"));
	assert_int_equal(access(path, F_OK), -1);
}

static void test_full(void **state)
{
	u8 octets[60] = {};
	const struct tx_slot one = { .frame = octets, .len = 60, .sent_ns = 1 };
	struct writer w;

	strcpy(spec, "pcap:/dev/full");
	/* the writer's thread may say it at any time from now on */
	scratch_hear_begin();
	assert_int_equal(open_one(&w), 0);
	frames_sent(frames_lane(&frames, 0), &one, 1);
	assert_int_equal(writer_close(&w), -ENOSPC);
	assert_non_null(strstr(scratch_hear_end(), "No space left"));
}

/* A run that is called off ends at once, with nothing left behind. */
static void test_abandon(void **state)
{
	struct writer w;

	assert_int_equal(open_one(&w), 0);
	writer_abandon(&w);
	assert_int_equal(access(path, F_OK), -1);
	assert_null(frames.lane);
}

static void test_tshark(void **state)
{
	char command[256], line[256] = "";
	struct tx_slot one = { .sent_ns = 1500 };
	struct writer w;
	u8 octets[256];
	FILE *tshark;

	if (system("command -v tshark >/dev/null")) {
		if (getenv("CI"))
			fail_msg("no tshark");
		skip();
	}
	one.frame = octets;
	one.len = 42;
	memset(octets, 0, sizeof(octets));
	memcpy(octets + 12,
	       "\x08\x00\x45\x00\x00\x1c\x12\x34\x00\x00\x07\x11\x00\x00"
	       "\xc0\x00\x02\x01\xc6\x33\x64\x09\x9c\x40\x82\x9a\x00\x08"
	       "\x00\x00",
	       30);
	assert_int_equal(open_one(&w), 0);
	frames_sent(frames_lane(&frames, 0), &one, 1);
	assert_int_equal(writer_close(&w), 0);
	snprintf(command, sizeof(command),
		 "tshark -r %s -T fields -E separator=, -e frame.time_epoch "
		 "-e ip.src -e ip.dst -e ip.ttl -e udp.srcport "
		 "-e udp.dstport 2>/dev/null",
		 path);
	tshark = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), tshark));
	assert_int_equal(pclose(tshark), 0);
	assert_string_equal(line, "1700000000.000001500,192.0.2.1,"
				  "198.51.100.9,7,40000,33434\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_octets), TEST(test_lost),    TEST(test_refused),
		TEST(test_full),   TEST(test_abandon), TEST(test_tshark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
