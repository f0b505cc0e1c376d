/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonl_test: lines octet for octet, and as jq reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "out/formats.h"
#include "records.h"
#include "reply.h"

#define V4 "192.0.2.1", "198.51.100.9"
#define V6 "2001:db8::1", "2001:db8:9::9"

static void check(const struct record *r, unsigned int n, const char *want)
{
	char *text = records_render(&jsonl_format, &records_run, r, n);

	assert_string_equal(text, want);
	free(text);
}

static void test_nothing(void **state)
{
	check(NULL, 0, "");
}

#define REPLY_HEAD                                                             \
	"{\"type\":\"reply\",\"src\":\"192.0.2.1\",\"dst\":\"198.51.100.9\","  \
	"\"proto\":17,\"sport\":40000,\"dport\":33434,"

static void test_reply(void **state)
{
	struct record r[] = {
		record_of(V4, 5, 0, "10.0.0.5", 12345),
		record_without(V4, 6, 0, HOP_SILENT), /* has no line */
		record_of(V4, 7, 1, "10.0.0.7", 0),
	};

	r[2].hop.rtt_us = HOP_RTT_UNKNOWN;
	r[2].sent_ns = 0;
	r[2].hop.flags = HOP_LATE | HOP_DUPLICATE;
	check(r, 3,
	      REPLY_HEAD
	      "\"ttl\":5,\"attempt\":1,\"addr\":\"10.0.0.5\","
	      "\"tx\":{\"sec\":1700000005,\"usec\":0},"
	      "\"rx\":{\"sec\":1700000005,\"usec\":12345},\"rtt\":12.345,"
	      "\"reply_ttl\":251,\"reply_tos\":0,\"reply_size\":88,"
	      "\"icmp_type\":11,\"icmp_code\":0,\"icmp_q_ttl\":1,"
	      "\"icmp_q_ipl\":60,\"icmp_q_tos\":0,\"auth_bits\":76}\n"

	      REPLY_HEAD
	      "\"ttl\":7,\"attempt\":2,\"addr\":\"10.0.0.7\",\"tx\":null,"
	      "\"rx\":{\"sec\":1700000007,\"usec\":0},\"rtt\":null,"
	      "\"reply_ttl\":249,\"reply_tos\":0,\"reply_size\":88,"
	      "\"icmp_type\":11,\"icmp_code\":0,\"icmp_q_ttl\":1,"
	      "\"icmp_q_ipl\":60,\"icmp_q_tos\":0,\"auth_bits\":76,"
	      "\"dup\":true,\"late\":true}\n");
}

#define TRACE_END                                                              \
	"\"start\":{\"sec\":1700000001,\"usec\":0,"                            \
	"\"ftime\":\"2023-11-14 22:13:21\"},"

/* Router, silence, refusal, loss, and the destination's port unreachable
 * behind a translator. */
static void test_trace(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 500),
		record_without(V4, 2, 0, HOP_SILENT),
		record_without(V4, 3, 0, HOP_REFUSED),
		record_without(V4, 4, 0, HOP_LOST),
		record_of(V4, 5, 2, "198.51.100.9", 20001),
	};

	r[0].hop.label_count = 1;
	r[0].hop.label[0] = be32_put(16u << 12 | 1 << 8 | 2);
	r[2].sent_ns = 0;
	r[4].hop.kind = REPLY_UNREACH;
	r[4].hop.icmp_type = r[4].hop.icmp_code = 3;
	r[4].hop.flags = HOP_REACHED | HOP_FINAL | HOP_REWRITTEN;
	inet_parse("203.0.113.77", &r[4].seen);
	r[4].seen_sport = 1027;
	records_join(r, 5, STOP_COMPLETED);
	check(r, 5,
	      "{\"type\":\"trace\",\"version\":\"0.1\","
	      "\"method\":\"udp-paris\",\"src\":\"192.0.2.1\","
	      "\"dst\":\"198.51.100.9\",\"sport\":40000,\"dport\":33434,"
	      "\"stop_reason\":\"COMPLETED\",\"stop_data\":0," TRACE_END
	      "\"hop_count\":5,\"attempts\":3,\"hoplimit\":30,"
	      "\"firsthop\":1,\"wait\":3,\"tos\":0,\"probe_size\":60,"
	      "\"probe_count\":4,\"hops\":["
	      "{\"addr\":\"10.0.0.1\",\"probe_ttl\":1,\"probe_id\":1,"
	      "\"probe_size\":60,\"tx\":{\"sec\":1700000001,\"usec\":0},"
	      "\"rtt\":0.500,\"reply_ttl\":255,\"reply_tos\":0,"
	      "\"reply_size\":88,\"icmp_type\":11,\"icmp_code\":0,"
	      "\"icmp_q_ttl\":1,\"icmp_q_ipl\":60,\"icmp_q_tos\":0,"
	      "\"icmpext\":[{\"ie_cn\":1,\"ie_ct\":1,\"ie_dl\":4,"
	      "\"mpls_labels\":[{\"mpls_ttl\":2,\"mpls_s\":1,"
	      "\"mpls_exp\":0,\"mpls_label\":16}]}],\"auth_bits\":76},"
	      "{\"addr\":\"198.51.100.9\",\"probe_ttl\":5,\"probe_id\":3,"
	      "\"probe_size\":60,\"tx\":{\"sec\":1700000005,\"usec\":0},"
	      "\"rtt\":20.001,\"reply_ttl\":251,\"reply_tos\":0,"
	      "\"reply_size\":88,\"icmp_type\":3,\"icmp_code\":3,"
	      "\"icmp_q_ttl\":1,\"icmp_q_ipl\":60,\"icmp_q_tos\":0,"
	      "\"auth_bits\":76,\"seen_src\":\"203.0.113.77\","
	      "\"seen_sport\":1027,\"reached\":true}],\"no_hops\":["
	      "{\"probe_ttl\":2,\"probe_id\":1,\"probe_size\":60,"
	      "\"tx\":{\"sec\":1700000002,\"usec\":0},\"why\":\"silent\"},"
	      "{\"probe_ttl\":3,\"probe_id\":1,\"probe_size\":60,"
	      "\"tx\":null,\"why\":\"refused\"},"
	      "{\"probe_ttl\":4,\"probe_id\":1,\"probe_size\":60,"
	      "\"tx\":{\"sec\":1700000004,\"usec\":0},\"why\":\"lost\"}],"
	      "\"findings\":[{\"kind\":\"source-rewritten\","
	      "\"seen\":\"203.0.113.77\",\"port\":1027,\"first_ttl\":5}]}\n");
}

#define FINDINGS_OF(text) strstr(text, "\"findings\":")

/* What was sent, what the quotes show, and what that says together. */
static void test_quoted_tcp(void **state)
{
	struct out_run run = records_run;
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 500),
		record_of(V4, 2, 0, "10.0.0.2", 500),
		record_of(V4, 3, 0, "10.0.0.3", 500),
		record_of(V4, 4, 0, "10.0.0.4", 500),
	};
	char *text;

	run.method = "tcp";
	run.syn = (struct tcp_shape){ .mss = TCP_MSS_DEFAULT,
				      .flags = TCP_SYN,
				      .sack = true,
				      .timestamps = true,
				      .window_scaling = true };
	for (int i = 0; i < 4; i++) {
		r[i].proto = PROTO_TCP;
		r[i].dport = r[i].seen_dport = 80;
	}
	r[0].hop.tcp_said = TCP_SAID_OPTIONS | TCP_SAID_WHOLE;
	r[0].hop.tcp_mss = 1460;
	r[0].hop.tcp_scale = 7;
	r[1].seen_dport = 81;
	r[2].seen_dport = 81;
	r[2].hop.tcp_said = TCP_SAID_MSS | TCP_SAID_SCALE | TCP_SAID_WHOLE;
	r[2].hop.tcp_mss = 1300;
	r[2].hop.tcp_scale = 7;
	r[3].seen_dport = 0;
	r[3].hop.kind = REPLY_TCP;
	r[3].hop.quoted_size = 0;
	r[3].hop.flags = HOP_REACHED | HOP_FINAL;
	r[3].hop.tcp_flags = TCP_SYN | TCP_ACK;
	r[3].hop.tcp_said = TCP_SAID_MSS;
	r[3].hop.tcp_mss = 1452;
	records_join(r, 4, STOP_COMPLETED);
	text = records_render(&jsonl_format, &run, r, 4);
	assert_non_null(strstr(text, "\"syn\":{\"mss\":1460,\"sack\":true,"
				     "\"timestamps\":true,\"wscale\":7},"));
	assert_non_null(strstr(text,
			       "\"icmp_q_tos\":0,\"icmp_q_tcp_dport\":80,"
			       "\"icmp_q_tcp_mss\":1460,"
			       "\"icmp_q_tcp_sack\":true,"
			       "\"icmp_q_tcp_timestamps\":true,"
			       "\"icmp_q_tcp_wscale\":7,"
			       "\"icmp_q_tcp_whole\":true,\"auth_bits\""));
	assert_non_null(strstr(text, "\"icmp_q_tcp_dport\":81,\"auth_bits\""));
	assert_string_equal(
		FINDINGS_OF(text),
		"\"findings\":[{\"kind\":\"dport-rewritten\",\"from\":80,"
		"\"to\":81,\"first_ttl\":2,\"last_ttl\":1},"
		"{\"kind\":\"option-changed\",\"options\":[\"mss\"],"
		"\"syn_ack_mss\":1452,\"from\":1460,\"to\":1300,"
		"\"first_ttl\":3,\"last_ttl\":1},"
		"{\"kind\":\"option-removed\","
		"\"options\":[\"sack\",\"timestamps\"],"
		"\"first_ttl\":3,\"last_ttl\":1},"
		"{\"kind\":\"option-unchanged\",\"options\":[\"wscale\"],"
		"\"first_ttl\":1,\"last_ttl\":3}]}\n");
	free(text);
	for (int i = 0; i < 3; i++)
		r[i].hop.tcp_said = 0;
	text = records_render(&jsonl_format, &run, r, 4);
	assert_non_null(
		strstr(FINDINGS_OF(text),
		       "{\"kind\":\"option-not-visible\",\"options\":[\"mss\","
		       "\"sack\",\"timestamps\",\"wscale\"],"
		       "\"syn_ack_mss\":1452}]}\n"));
	free(text);
}

/* Every reason by its name; the code of an unreachable; ICMP has no ports. */
static void test_stops(void **state)
{
	static const char *const name[] = { "NONE",	"COMPLETED", "UNREACH",
					    "GAPLIMIT", "HOPLIMIT",  "HALTED" };
	struct out_run run = records_run;
	char want[64], *text;

	run.method = "icmp";
	run.wait_ms = 1500;
	for (int why = STOP_NONE; why <= STOP_HALTED; why++) {
		struct record r = record_of(V6, 9, 0, "2001:db8:9::1", 1);

		r.proto = PROTO_ICMP6;
		r.hop.kind = REPLY_UNREACH;
		r.hop.icmp_type = 1;
		r.hop.icmp_code = 6;
		r.hop.flags = HOP_FINAL;
		records_join(&r, 1, (enum stop_reason)why);
		text = records_render(&jsonl_format, &run, &r, 1);
		snprintf(want, sizeof(want),
			 "\"stop_reason\":\"%s\",\"stop_data\":%d,", name[why],
			 why == STOP_UNREACH ? 6 : 0);
		assert_non_null(strstr(text, want));
		assert_non_null(strstr(text, "\"icmp-echo-paris\""));
		assert_non_null(strstr(text, "\"wait\":1.500,"));
		assert_null(strstr(text, "sport"));
		free(text);
	}
}

/* The trace's length is the destination's distance, not the last probe's. */
static void test_hop_count(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 500),
		record_of(V4, 2, 0, "198.51.100.9", 500),
		record_of(V4, 3, 0, "198.51.100.9", 500),
		record_without(V4, 4, 0, HOP_SILENT),
	};
	char *text;

	r[1].hop.flags = r[2].hop.flags = HOP_FINAL | HOP_REACHED;
	records_join(r, 4, STOP_COMPLETED);
	text = records_render(&jsonl_format, &records_run, r, 4);
	assert_non_null(strstr(text, "\"hop_count\":2,"));
	free(text);
	r[1].hop.flags = r[2].hop.flags = 0;
	records_join(r, 4, STOP_GAPLIMIT);
	text = records_render(&jsonl_format, &records_run, r, 4);
	assert_non_null(strstr(text, "\"hop_count\":4,"));
	free(text);
}

/* Traces that lack their end are still told, each in its line. */
static void test_cut(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 500),
		record_of(V4, 1, 0, "10.0.0.2", 500),
	};
	unsigned int lines = 0;
	char *text;

	r[0].flags = r[1].flags = RECORD_TRACE | RECORD_FIRST;
	text = records_render(&jsonl_format, &records_run, r, 2);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 2);
	free(text);
}

/* A flood of answers is bounded, and what is left out is counted. */
static void test_flood(void **state)
{
	enum { FLOOD = 20000, HELD = 8192 };
	struct record *r = calloc(FLOOD, sizeof(*r));
	char want[64], *text;

	for (int i = 0; i < FLOOD; i++) {
		r[i] = record_of(V4, 1, 0, "10.0.0.1", 500);
		r[i].hop.flags = i ? HOP_DUPLICATE : 0;
	}
	records_join(r, FLOOD, STOP_HALTED);
	text = records_render(&jsonl_format, &records_run, r, FLOOD);
	snprintf(want, sizeof(want), "\"omitted\":%d,", FLOOD - HELD);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "\"HALTED\""));
	free(text);
	free(r);
}

/* A second opinion: jq reads it, and finds the same. */
static void test_jq(void **state)
{
	struct record r[] = {
		record_of(V6, 1, 0, "2001:db8::1:1", 500),
		record_without(V6, 2, 0, HOP_SILENT),
		record_of(V6, 3, 0, "2001:db8:9::9", 4294967294u),
	};
	char *text, line[256], command[256], path[] = "/tmp/jsonlXXXXXX";
	int fd = mkstemp(path);
	FILE *jq;

	assert_true(fd >= 0);
	if (system("command -v jq >/dev/null")) {
		unlink(path);
		if (getenv("CI"))
			fail_msg("no jq");
		skip();
	}
	records_join(r, 3, STOP_HOPLIMIT);
	text = records_render(&jsonl_format, &records_run, r, 3);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	free(text);
	snprintf(command, sizeof(command),
		 "jq -ce '[.stop_reason,.probe_count,(.hops|length),"
		 ".hops[1].rtt,.no_hops[0].why,.start.ftime]' %s",
		 path);
	jq = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), jq));
	assert_int_equal(pclose(jq), 0);
	unlink(path);
	assert_string_equal(line, "[\"HOPLIMIT\",3,2,4294967.294,\"silent\","
				  "\"2023-11-14 22:13:21\"]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_quoted_tcp),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_hop_count),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_jq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
