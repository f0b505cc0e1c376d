/* SPDX-License-Identifier: BSD-2-Clause */
/* atlas_test: results octet for octet, and by the rules of their format. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/inet.h"
#include "out/formats.h"
#include "out/text.h"
#include "records.h"
#include "reply.h"
#include "scratch.h"
#include "traces.h"
#include "wire.h"

#define V4 "10.0.0.1", "192.0.2.9"

/* A router with labels behind a translator, silence, loss, refusal, nothing
 * at all, and the destination, twice. */
static void test_trace(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.254", 523),
		record_without(V4, 2, 0, HOP_SILENT),
		record_without(V4, 2, 1, HOP_LOST),
		record_without(V4, 3, 0, HOP_REFUSED),
		record_of(V4, 5, 0, "192.0.2.9", 9002),
		record_of(V4, 6, 0, "192.0.2.9", 9002),
	};
	char *text;

	r[0].hop.label_count = 1;
	r[0].hop.label[0] = be32_put(16001u << 12 | 1 << 8 | 1);
	r[0].hop.quoted_ttl = 2;
	r[0].hop.quoted_tos = 8;
	r[0].hop.flags = HOP_REWRITTEN;
	inet_parse("203.0.113.1", &r[0].seen);
	r[4].hop.kind = r[5].hop.kind = REPLY_UNREACH;
	r[4].hop.icmp_type = r[5].hop.icmp_type = 3;
	r[4].hop.icmp_code = r[5].hop.icmp_code = 3;
	r[4].hop.flags = r[5].hop.flags = HOP_FINAL | HOP_REACHED;
	r[4].hop.rtt_us = HOP_RTT_UNKNOWN;
	records_join(r, 6, STOP_COMPLETED);
	text = records_render(&atlas_format, &records_run, r, 6);
	assert_string_equal(
		text,
		"{\"fw\":5000,\"mver\":\"0.1.0\",\"lts\":-1,"
		"\"dst_name\":\"192.0.2.9\",\"dst_addr\":\"192.0.2.9\","
		"\"src_addr\":\"10.0.0.1\",\"from\":\"203.0.113.1\","
		"\"proto\":\"UDP\",\"af\":4,\"size\":32,\"paris_id\":1,"
		"\"tos\":0,\"timestamp\":1700000001,\"endtime\":1700000006,"
		"\"msm_id\":0,\"prb_id\":0,\"msm_name\":\"Traceroute\","
		"\"type\":\"traceroute\",\"result\":["
		"{\"hop\":1,\"result\":[{\"from\":\"10.0.0.254\",\"ttl\":255,"
		"\"size\":88,\"rtt\":0.523,\"ittl\":2,\"itos\":8,"
		"\"icmpext\":{\"version\":2,\"rfc4884\":1,\"obj\":[{\"class\":"
		"1,"
		"\"type\":1,\"mpls\":[{\"exp\":0,\"label\":16001,\"s\":1,"
		"\"ttl\":1}]}]}}]},"
		"{\"hop\":2,\"result\":[{\"x\":\"*\"},{\"error\":"
		"\"this host lost replies meanwhile\"}]},"
		"{\"hop\":3,\"result\":[{\"error\":\"not sent\"}]},"
		"{\"hop\":4,\"result\":[{\"x\":\"*\"}]},"
		"{\"hop\":5,\"result\":[{\"from\":\"192.0.2.9\",\"ttl\":251,"
		"\"size\":88,\"late\":1,\"err\":\"p\"}]}]}\n");
	free(text);
}

static void check_error(const char *src, const char *dst, u8 code, u8 kind,
			const char *want)
{
	struct record r = record_of(src, dst, 1, 0, dst, 100);
	char *text;

	r.hop.kind = kind;
	r.hop.icmp_type = addr_is_v4(&r.dst) ? 3 : 1;
	r.hop.icmp_code = code;
	r.hop.mtu = kind == REPLY_TOOBIG ? 1400 : 0;
	records_join(&r, 1, STOP_UNREACH);
	text = records_render(&atlas_format, &records_run, &r, 1);
	assert_non_null(strstr(text, want));
	free(text);
}

static void test_errors(void **state)
{
	static const struct {
		u8 code4;
		const char *want;
	} row4[] = { { 0, "\"N\"}" }, { 1, "\"H\"}" },	{ 2, "\"P\"}" },
		     { 3, "\"p\"}" }, { 13, "\"A\"}" }, { 12, ":12}" },
		     { 99, ":99}" } };
	static const char *const row6[] = { "\"N\"}", "\"A\"}", "\"h\"}",
					    "\"H\"}", "\"p\"}", ":5}" };

	for (unsigned int i = 0; i < sizeof(row4) / sizeof(row4[0]); i++)
		check_error(V4, row4[i].code4, REPLY_UNREACH, row4[i].want);
	for (u8 i = 0; i < 6; i++)
		check_error("2001:db8::1", "2001:db8::2", i, REPLY_UNREACH,
			    row6[i]);
	check_error(V4, 4, REPLY_TOOBIG, "\"rtt\":0.100,\"mtu\":1400}");
}

/* The name that the user gave; ports that change are no Paris. */
static void test_name(void **state)
{
	struct text_config name = { .host = "host.example", .numeric = true };
	struct out_run run = records_run;
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.254", 523),
		record_of(V4, 2, 0, "10.0.1.254", 523),
	};
	char *text;

	r[1].dport++;
	name.dst = r[0].dst;
	run.text = &name;
	records_join(r, 2, STOP_HALTED);
	text = records_render(&atlas_format, &run, r, 2);
	assert_non_null(strstr(text, "\"dst_name\":\"host.example\","
				     "\"dst_addr\":\"192.0.2.9\""));
	assert_non_null(strstr(text, "\"paris_id\":0"));
	free(text);
}

/* What must hold of every line, as jq sees it. */
#define RULES                                                                  \
	".fw>=5000 and .type==\"traceroute\" and .endtime>=.timestamp and "    \
	".timestamp>=1700000000 and (.af==4 or .af==6) and "                   \
	"(.proto==\"UDP\" or .proto==\"ICMP\") and (.from|length)>0 and "      \
	"(.lts==-1) and .size>0 and "                                          \
	"([.result[].hop]==[range(1;(.result|length)+1)]) and "                \
	"([.result[].result|length]|min)>0 and "                               \
	"all(.result[].result[];(has(\"from\") and has(\"ttl\") and "          \
	"(has(\"rtt\") != has(\"late\"))) or .==({x:\"*\"}) or "               \
	"keys==[\"error\"]) and "                                              \
	"all(.result[].result[]|.icmpext//empty;.version==2 and "              \
	"(.obj[0].mpls|length)>0)"

static void test_rules(void **state)
{
	enum { TRACES = 2000 };
	struct traces t = {
		.seed = 5, .proto = PROTO_UDP, .attempts = 2, .late = true
	};
	char path[] = "/tmp/atlasXXXXXX", command[2048], got[64] = "";
	struct out o = { .format = &atlas_format, .run = &records_run };
	struct record r[TRACE_RECORDS];
	int fd = mkstemp(path);
	FILE *jq;

	if (system("command -v jq >/dev/null")) {
		unlink(path);
		if (getenv("CI"))
			fail_msg("no jq");
		skip();
	}
	o.to = fdopen(fd, "w");
	atlas_format.begin(&o);
	for (int i = 0; i < TRACES; i++) {
		unsigned int n = traces_draw(&t, r);

		for (unsigned int k = 0; k < n; k++)
			atlas_format.record(&o, &r[k]);
	}
	atlas_format.end(&o);
	fclose(o.to);
	snprintf(command, sizeof(command),
		 "jq -c '" RULES "' %s | sort | "
		 "uniq -c | tr -s ' '",
		 path);
	jq = popen(command, "r");
	assert_non_null(fgets(got, sizeof(got), jq));
	assert_null(fgets(command, sizeof(command), jq));
	pclose(jq);
	unlink(path);
	assert_string_equal(got, " 2000 true\n");
}

static void test_replies(void **state)
{
	struct out_run run = records_run;
	struct out o = { .format = &atlas_format, .run = &run };

	run.strategy = "exhaustive";
	scratch_hear_begin();
	assert_int_equal(atlas_format.begin(&o), -EINVAL);
	assert_non_null(strstr(scratch_hear_end(), "atlas needs traces"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace),	cmocka_unit_test(test_errors),
		cmocka_unit_test(test_name),	cmocka_unit_test(test_rules),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
