/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reader_test: what was written is read again as it was; what is cut short or
 * garbled is refused with the place where it is wrong.
 */
#include "out/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

#include "frame.h"
#include "lib/inet.h"
#include "lib/log.h"
#include "out/formats.h"
#include "probe/tcp.h"
#include "records.h"
#include "reply.h"
#include "scratch.h"
#include "traces.h"
#include "wire.h"

#define ROW                                                                    \
	"1700000007,17,::ffff:192.0.2.1,::ffff:198.51.100.9,40000,33434,7,1,"  \
	"::ffff:10.0.0.7,1,11,0,249,88,\"[(5,1,0,9),(6,7,1,255)]\",12,1"
#define REPLY                                                                  \
	"{\"type\":\"reply\",\"src\":\"192.0.2.1\",\"dst\":\"198.51.100.9\","  \
	"\"proto\":17,\"sport\":40000,\"dport\":33434,\"ttl\":5,"              \
	"\"attempt\":1,\"addr\":\"10.0.0.5\",\"tx\":{\"sec\":1700000005,"      \
	"\"usec\":0},\"rx\":null,\"rtt\":12.345,\"icmp_type\":11}"

static int tear_down(void **state)
{
	scratch_remove();
	return 0;
}

/* How a format writes what the reader finds in it: in.to and with its own
 * head for each trace. -errno if it finds anything wrong. */
static int rewrite(const void *octets, size_t len, bool partial,
		   const struct out_format *format, char **text)
{
	struct out_run run = { .command = "convert",
			       .method = "udp",
			       .strategy = "" };
	struct out o = { .format = format, .run = &run };
	const char *path = scratch_file(octets, len);
	struct reader r;
	size_t size;
	int got = reader_open(&r, path, partial);

	*text = NULL;
	if (got)
		return got;
	o.to = open_memstream(text, &size);
	format->begin(&o);
	while ((got = reader_next(&r)) > 0) {
		if (r.trace)
			run = r.run;
		else
			run.trace_method = NULL;
		for (unsigned int i = 0; i < r.n; i++)
			format->record(&o, &r.record[i]);
	}
	format->end(&o);
	fclose(o.to);
	reader_close(&r);
	return got;
}

static void check_same(const struct out_format *format, const char *text)
{
	char *again;

	assert_int_equal(rewrite(text, strlen(text), false, format, &again), 0);
	assert_string_equal(again, text);
	free(again);
}

static char *draw_traces(u8 proto, u8 attempts, int n, u64 seed)
{
	struct traces t = {
		.seed = seed, .proto = proto, .attempts = attempts, .late = true
	};
	struct record *r = calloc((size_t)n, TRACE_RECORDS * sizeof(*r));
	struct out_run run = records_run;
	unsigned int all = 0;
	char *text;

	run.method = proto == PROTO_UDP	  ? "udp"
		     : proto == PROTO_TCP ? "tcp"
					  : "icmp";
	run.wait_ms = 1500;
	if (proto == PROTO_TCP)
		run.syn = (struct tcp_shape){
			.mss = attempts > 1 ? TCP_MSS_DEFAULT : 1000,
			.flags = TCP_SYN,
			.sack = attempts > 1,
			.timestamps = true,
			.window_scaling = attempts > 1,
		};
	for (int i = 0; i < n; i++)
		all += traces_draw(&t, r + all);
	text = records_render(&jsonl_format, &run, r, all);
	free(r);
	return text;
}

static char *draw_replies(const struct out_format *format, int n)
{
	struct traces t = { .seed = 9, .proto = PROTO_UDP, .late = true };
	struct record *r = calloc((size_t)n, sizeof(*r));
	char *text;

	for (int i = 0; i < n; i++) {
		t.proto = i % 3 ? PROTO_UDP : i % 2 ? PROTO_TCP : PROTO_ICMP;
		traces_reply(&t, &r[i]);
	}
	text = records_render(format, &records_run, r, (unsigned int)n);
	free(r);
	return text;
}

static void test_traces(void **state)
{
	for (u8 attempts = 1; attempts <= 4; attempts += 3) {
		char *udp = draw_traces(PROTO_UDP, attempts, 300, 1);
		char *icmp = draw_traces(PROTO_ICMP, attempts, 300, 2);
		char *tcp = draw_traces(PROTO_TCP, attempts, 300, 3);

		check_same(&jsonl_format, udp);
		check_same(&jsonl_format, icmp);
		check_same(&jsonl_format, tcp);
		assert_non_null(strstr(tcp, "\"tcp_mss\""));
		free(tcp);
		free(udp);
		free(icmp);
	}
}

static void test_replies(void **state)
{
	char *json = draw_replies(&jsonl_format, 3000);
	char *csv = draw_replies(&csv_format, 3000);

	check_same(&jsonl_format, json);
	check_same(&csv_format, csv);
	free(json);
	free(csv);
}

/* An unreachable that did not end its trace is none that did. */
static void test_revoked(void **state)
{
	struct record r[] = {
		record_of("10.0.0.1", "192.0.2.9", 1, 0, "10.0.0.9", 10),
		record_of("10.0.0.1", "192.0.2.9", 2, 0, "10.0.0.8", 20),
		record_of("10.0.0.1", "192.0.2.9", 3, 0, "192.0.2.9", 30),
	};
	char *text;

	r[0].hop.kind = r[2].hop.kind = REPLY_UNREACH;
	r[0].hop.icmp_type = r[2].hop.icmp_type = 3;
	r[0].hop.icmp_code = 13;
	r[2].hop.icmp_code = 3;
	r[2].hop.flags = HOP_FINAL | HOP_REACHED;
	records_join(r, 3, STOP_COMPLETED);
	text = records_render(&jsonl_format, &records_run, r, 3);
	assert_non_null(strstr(text, "\"hop_count\":3,"));
	check_same(&jsonl_format, text);
	free(text);
}

/* Ports that change from probe to probe: said by the method alone. */
static void test_classic(void **state)
{
	struct record r[] = {
		record_of("10.0.0.1", "192.0.2.9", 1, 0, "10.0.0.9", 10),
		record_of("10.0.0.1", "192.0.2.9", 2, 0, "10.0.0.8", 20),
	};
	char *text;

	r[1].dport++;
	records_join(r, 2, STOP_HALTED);
	text = records_render(&jsonl_format, &records_run, r, 2);
	assert_non_null(strstr(text, "\"method\":\"udp\","));
	check_same(&jsonl_format, text);
	free(text);
}

static void test_csv_fields(void **state)
{
	const char *path = scratch_text(ROW "\n");
	struct reader r;
	char text[INET_TEXT];

	assert_int_equal(reader_open(&r, path, false), 0);
	assert_int_equal(reader_next(&r), 1);
	assert_int_equal(r.n, 1);
	assert_false(r.trace);
	assert_true(r.record->arrived_ns == 1700000007000000000ULL);
	assert_string_equal(inet_format(&r.record->hop.from, text), "10.0.0.7");
	assert_int_equal(r.record->sport, 40000);
	assert_int_equal(r.record->dport, 33434);
	assert_int_equal(r.record->hop.kind, REPLY_EXPIRED);
	assert_int_equal(r.record->hop.rtt_us, 1200);
	assert_int_equal(r.record->hop.size, 88);
	assert_int_equal(r.record->hop.label_count, 2);
	assert_int_equal(be32_get(r.record->hop.label[1]),
			 6 << 12 | 7 << 9 | 1 << 8 | 255);
	assert_int_equal(reader_next(&r), 0);
	reader_close(&r);
}

/* Files that were joined, other line ends, no line end at all. */
static void test_lenient(void **state)
{
	static const char joined[] = "capture_timestamp,2,3,4,5,6,7,8,9,10,11,"
				     "12,13,14,15,16,17\r\n" ROW "\r\n\r\n"
				     "capture_timestamp,2,3,4,5,6,7,8,9,10,11,"
				     "12,13,14,15,16,17\n" ROW;
	static const char scamper[] =
		"{\"type\":\"cycle-start\", \"list_name\":\"x\", "
		"\"id\":1}\n" REPLY " \n{\"type\":\"cycle-stop\"}";
	char *text;
	int lines = 0;

	assert_int_equal(
		rewrite(joined, strlen(joined), false, &csv_format, &text), 0);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3);
	free(text);
	assert_int_equal(
		rewrite(scamper, strlen(scamper), false, &csv_format, &text),
		0);
	assert_non_null(strstr(text, "10.0.0.5"));
	free(text);
}

static void refused(const char *input, size_t len, const char *want)
{
	const char *said;
	char *text;
	int err;

	scratch_hear_begin();
	err = rewrite(input, len, false, &csv_format, &text);
	said = scratch_hear_end();
	free(text);
	if (!err || !strstr(said, want))
		fail_msg("%.60s...: %d, said %s, want %s", input, err, said,
			 want);
}

static void test_bad_csv(void **state)
{
	static const struct {
		const char *row, *want;
	} bad[] = {
		{ "x\n", "line 1, column 1: neither CSV" },
		{ ROW "\n1700000007,17\n",
		  "line 2, column 14: the line ends after probe_protocol, "
		  "column 2 of 17" },
		{ ROW "\n" ROW ",9\n", "line 2, column 128: more than 17" },
		{ "1,18,::,::,1,1,1,1,::,1,11,0,1,1,\"[]\",1,1\n",
		  "line 1, column 3: probe_protocol is 18" },
		{ "1,17,::x,::,1,1,1,1,::,1,11,0,1,1,\"[]\",1,1\n",
		  "column 6: probe_src_addr is \"::x\"" },
		{ "1,17,::,::,70000,1,1,1,::,1,11,0,1,1,\"[]\",1,1\n",
		  "column 12: probe_src_port is \"70000\", not a number from "
		  "0 to 65535" },
		{ "1,17,::,::,-1,1,1,1,::,1,11,0,1,1,\"[]\",1,1\n",
		  "probe_src_port is \"-1\"" },
		{ "1,17,::,::,1,1,256,1,::,1,11,0,1,1,\"[]\",1,1\n",
		  "probe_ttl is \"256\"" },
		{ "1,17,::,::,1,1,1,1,::ffff:1.2.3.4,1,77,0,1,1,\"[]\",1,1\n",
		  "ICMP type 77" },
		{ "1,17,::,::,1,1,1,1,::,58,3,0,1,1,\"[(1,2)]\",1,1\n",
		  "reply_mpls_labels is not" },
		{ "1,17,::,::,1,1,1,1,::,58,3,0,1,1,\"[(1048576,0,0,1)]\",1,"
		  "1\n",
		  "reply_mpls_labels is not" },
		{ "1,17,::,::,1,1,1,1,::,58,3,0,1,1,\"[],1,1\n",
		  "quotation of reply_mpls_labels has no end" },
		{ "1,17,::,::,1,1,1,1,::,58,3,0,1,1,\"[]\"x,1,1\n",
		  "want a comma after reply_mpls_labels" },
		{ "1,17,::,::,1,1,1,1,::,58,3,0,1,1,\"[]\",65536,1\n",
		  "rtt is \"65536\"" },
		{ "1,17,::,::,1,1,1,1,::,58,3,0,1,1,\"[]\",1,\n",
		  "round is empty" },
		{ "99999999999999999999,17,::,::,1,1,1,1,::,58,3,0,1,1,"
		  "\"[]\",1,1\n",
		  "capture_timestamp is" },
	};
	static const char zero[] = "1,17,::,::,1,1,1\0,1,::,58,3,0,1,1,[],1,1";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i].row, strlen(bad[i].row), bad[i].want);
	refused(zero, sizeof(zero), "column 17: an octet of zero");
}

#define TRACE(more)                                                            \
	"{\"type\":\"trace\",\"dst\":\"192.0.2.9\",\"method\":\"udp-"          \
	"paris\"," more "}\n"

static void test_bad_jsonl(void **state)
{
	static const struct {
		const char *line, *want;
	} bad[] = {
		{ "{\n", "line 1, column 2: no JSON object: the line ends" },
		{ REPLY "\n{]\n", "line 2, column 2: no JSON object: " },
		{ REPLY " x\n", "something stands behind" },
		{ REPLY "\n[]\n", "line 2, column 1: no JSON object" },
		{ "{}\n", "type is not there" },
		{ "{\"type\":7}\n", "type is not there" },
		{ "{\"type\":\"ping\"}\n", "column 2: type is ping" },
		{ "{\"type\":\"reply\",\"src\":\"1.2.3\"}\n",
		  "column 17: src is 1.2.3, no address" },
		{ TRACE("\"sport\":65536"), "sport is 65536" },
		{ TRACE("\"sport\":1.5"), "sport is 1.5" },
		{ TRACE("\"sport\":-1"), "sport is -1" },
		{ TRACE("\"sport\":\"1\""), "sport is \"1\"" },
		{ TRACE("\"hops\":{}"), "hops is no array" },
		{ TRACE("\"hops\":[7]"), "hops has what is no object" },
		{ TRACE("\"hops\":[{\"addr\":\"::\"}]"),
		  "probe_ttl is not there" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1}]"), "addr is not there" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1,\"probe_id\":257}]"),
		  "probe_id is 257" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1,\"addr\":\"::1\","
			"\"rtt\":-1}]"),
		  "rtt is -1" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1,\"addr\":\"::1\","
			"\"rtt\":1e99}]"),
		  "rtt is 1e99" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1,\"addr\":\"::1\","
			"\"tx\":7}]"),
		  "tx is no time" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1,\"addr\":\"::1\","
			"\"icmp_type\":99}]"),
		  "ICMP type 99" },
		{ TRACE("\"hops\":[{\"probe_ttl\":1,\"addr\":\"::1\","
			"\"icmp_type\":3,\"icmpext\":[{\"ie_cn\":1,\"ie_ct\":1,"
			"\"ie_dl\":4,\"mpls_labels\":[{\"mpls_exp\":8}]}]}]"),
		  "mpls_exp is 8" },
		{ "{\"type\":\"trace\",\"dst\":\"::\",\"method\":\"x\"}\n",
		  "method is x" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i].line, strlen(bad[i].line), bad[i].want);
}

static size_t pack(const char *text, u8 *to, size_t room)
{
	size_t n = ZSTD_compress(to, room, text, strlen(text), 3);

	assert_false(ZSTD_isError(n));
	return n;
}

/* Several frames are one input; each way of cutting it is found out. */
static void test_packed(void **state)
{
	char *json = draw_replies(&jsonl_format, 200), *twice, *text;
	static u8 packed[1 << 17];
	size_t n = pack(json, packed, sizeof(packed)), frame = n;

	assert_true(asprintf(&twice, "%s%s", json, json) > 0);
	n += pack(json, packed + n, sizeof(packed) - n);
	assert_int_equal(rewrite(packed, n, false, &jsonl_format, &text), 0);
	assert_string_equal(text, twice);
	free(text);
	free(twice);
	for (size_t cut = 4; cut < n; cut += 37) {
		int err;

		scratch_hear_begin();
		err = rewrite(packed, cut, false, &jsonl_format, &text);
		assert_non_null(strstr(scratch_hear_end(),
				       cut == frame ? "" : "cut short"));
		assert_int_equal(err, cut == frame ? 0 : -EBADMSG);
		free(text);
	}
	packed[n / 2] ^= 4;
	refused((char *)packed, n, "damaged before octet");
	free(json);
}

/* What is whole of a run that was killed. */
static void test_partial(void **state)
{
	char *json = draw_replies(&jsonl_format, 2), *text, *first;
	static u8 packed[1 << 17];
	size_t n = pack(json, packed, sizeof(packed));

	first = strndup(json, (size_t)(strchr(json, '\n') - json) + 1);
	assert_int_equal(
		rewrite(json, strlen(json) - 5, true, &jsonl_format, &text), 0);
	assert_string_equal(text, first);
	free(text);
	n += pack(json, packed + n, sizeof(packed) - n) - 9;
	scratch_hear_begin();
	assert_int_equal(rewrite(packed, n, true, &jsonl_format, &text), 0);
	assert_non_null(strstr(scratch_hear_end(), "within a compressed"));
	assert_memory_equal(text, json, strlen(json));
	free(text);
	free(first);
	free(json);
}

/* Any prefix of a good input, and any octets in it changed: a result or a
 * refusal, never anything else. */
static void mangle(const char *text, const struct out_format *format)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1), *out;
	u64 seed = 4;

	for (int i = 0; i < 3000; i++) {
		size_t n = 1 + frame_random(&seed) % len;

		memcpy(copy, text, len + 1);
		for (u64 k = frame_random(&seed) % 4; k > 0; k--)
			copy[frame_random(&seed) % n] =
				(char)frame_random(&seed);
		rewrite(copy, n, i % 2, format, &out);
		free(out);
	}
	free(copy);
}

static void test_mangled(void **state)
{
	char *json = draw_traces(PROTO_UDP, 2, 2, 3);
	char *csv = draw_replies(&csv_format, 4);

	scratch_hear_begin();
	mangle(json, &jsonl_format);
	mangle(csv, &csv_format);
	mangle(REPLY "\n" REPLY "\n", &csv_format);
	scratch_hear_end();
	free(json);
	free(csv);
}

static void test_no_file(void **state)
{
	struct reader r;

	scratch_hear_begin();
	assert_int_equal(reader_open(&r, "/nonexistent/x", false), -ENOENT);
	assert_string_equal(scratch_hear_end(),
			    "whither: /nonexistent/x: No such file or "
			    "directory\n");
	scratch_hear_begin();
	assert_int_equal(reader_open(&r, "/", false), -EISDIR);
	assert_non_null(strstr(scratch_hear_end(), "directory"));
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_traces),  TEST(test_replies),	   TEST(test_revoked),
		TEST(test_classic), TEST(test_csv_fields), TEST(test_lenient),
		TEST(test_bad_csv), TEST(test_bad_jsonl),  TEST(test_packed),
		TEST(test_partial), TEST(test_mangled),	   TEST(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
