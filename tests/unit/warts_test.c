/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * warts_test: records octet for octet, and as scamper's own tools read them:
 * without a complaint, as many as were written, the same hops as in the JSON
 * of the same records. Their exit status says nothing, so it is not asked.
 */
#include <errno.h>
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
#include "scratch.h"
#include "traces.h"
#include "wire.h"

static char dir[32];

static int set_up(void **state)
{
	strcpy(dir, "/tmp/wartsXXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Standard output and standard error of a shell command in `dir`. */
static const char *run(const char *command)
{
	static char text[4096];
	char line[2048];
	size_t n;
	FILE *f;

	snprintf(line, sizeof(line), "cd %s && { %s; } 2>&1", dir, command);
	f = popen(line, "r");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	pclose(f);
	return text;
}

static void need_scamper(void)
{
	if (!system("command -v sc_warts2json jq >/dev/null"))
		return;
	if (getenv("CI"))
		fail_msg("no scamper tools, or no jq");
	skip();
}

/* Into a file of `dir`. */
static void open_out(struct out *o, const struct out_format *format,
		     const struct out_run *of, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	*o = (struct out){ .format = format, .run = of };
	o->to = fopen(path, "w");
	assert_non_null(o->to);
	assert_int_equal(format->begin(o), 0);
}

static void close_out(struct out *o)
{
	o->format->end(o);
	assert_int_equal(fclose(o->to), 0);
}

/* A run of one trace, 10.0.0.1 -> 192.0.2.9, UDP 33434 -> 33435, 60 octets:
 * two routers, silence, and the destination. Each line is a field or more of
 * warts(5). */
static const char golden[] =
	"1205 0001 0000002d 00000001 00000001"	  /* list */
	"77686974686572 00"			  /* whither */
	"03 001a 77686974686572 20 7377656570 00" /* whither sweep */
	"7670312e6578616d706c65 00"		  /* vp1.example */

	"1205 0002 00000011 00000001 00000001 00000001 6553f100 00" /* cycle */

	"1205 0006 000000b7 f3fe9732 002e" /* flags 1 2 5-7 9-17 19 23 26 27 */
	"00000001 00000001 6553f100 0001e240 01 00 01 20 05 003c 829a 829b"
	"01 00 05 0004 0004 04 01 0a000001 04 01 c0000209"
	"0003"
	"feeb1a 0021" /* flags 2-9 11 13 14 16 18 19 */
	"01 40 10 00 0000020b 0b00 003c 0038 00 003c 01 00"
	"04 01 0a0000fe 6553f100 00030da4"
	"feeb1e 002f" /* adds 17 */
	"02 3f 10 00 000009db 0b00 003c 0038 00 003c 02 00"
	"000c 0008 01 01 03e81001 05dc5101"
	"04 01 c6336401 6553f100 00030e08"
	"feeb1a 0020"
	"04 3c 10 00 0000232a 0303 003c 0038 00 003c 01 00"
	"00 00000001 6553f100 00030f6c" /* an address told before */
	"0000"

	"1205 0004 00000009 00000001 6553f100 00"; /* cycle-stop */

static struct record golden_hop(u8 ttl, const char *from, u32 rtt_us)
{
	struct record r =
		record_of("10.0.0.1", "192.0.2.9", ttl, 0, from, rtt_us);

	r.sport = 33434;
	r.dport = 33435;
	r.hop.size = 56;
	r.hop.reply_ttl = (u8)(65 - ttl);
	r.sent_ns = (200000 + ttl * 100) * NS_PER_US;
	return r;
}

static void golden_records(struct record r[static 4])
{
	r[0] = golden_hop(1, "10.0.0.254", 523);
	r[1] = golden_hop(2, "198.51.100.1", 2523);
	r[1].hop.quoted_ttl = 2;
	r[1].hop.label_count = 2;
	r[1].hop.label[0] = be32_put(0x03e81001);
	r[1].hop.label[1] = be32_put(0x05dc5101);
	r[2] = record_without("10.0.0.1", "192.0.2.9", 3, 0, HOP_SILENT);
	r[2].sport = 33434;
	r[2].dport = 33435;
	r[2].sent_ns = 123456 * NS_PER_US;
	r[3] = golden_hop(4, "192.0.2.9", 9002);
	r[3].sent_ns = 200556 * NS_PER_US;
	r[3].hop.reply_ttl = 60;
	r[3].hop.kind = REPLY_UNREACH;
	r[3].hop.icmp_type = r[3].hop.icmp_code = 3;
	r[3].hop.flags = HOP_REACHED | HOP_FINAL;
	for (int i = 0; i < 4; i++)
		r[i].arrived_ns = r[i].hop.state == HOP_ANSWERED
					  ? r[i].sent_ns + 1000
					  : 0;
	records_join(r, 4, STOP_COMPLETED);
}

static struct out_run golden_run(void)
{
	struct out_run of = records_run;

	of.command = "sweep";
	of.monitor = "vp1.example";
	of.attempts = 1;
	of.max_ttl = 32;
	of.wait_ms = 5000;
	return of;
}

static unsigned int octets_of(const char *hex, u8 *to)
{
	unsigned int n = 0, high = 0, digits = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		high = high << 4 |
		       (unsigned int)(*hex <= '9' ? *hex - '0'
						  : *hex - 'a' + 10);
		if (++digits % 2 == 0)
			to[n++] = (u8)high;
	}
	return n;
}

static void put_all(struct out *o, const struct record *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		o->format->record(o, &r[i]);
}

static void test_golden(void **state)
{
	const struct out_run of = golden_run();
	u8 want[1024], got[1024];
	struct record r[4];
	char path[64];
	unsigned int n = octets_of(golden, want);
	struct out o;
	FILE *f;

	golden_records(r);
	open_out(&o, &warts_format, &of, "w");
	put_all(&o, r, 4);
	close_out(&o);
	snprintf(path, sizeof(path), "%s/w", dir);
	f = fopen(path, "r");
	assert_int_equal(fread(got, 1, sizeof(got), f), n);
	fclose(f);
	assert_memory_equal(got, want, n);
}

/* The tools tell what they read in words of their own. */
static void test_golden_read(void **state)
{
	const struct out_run of = golden_run();
	struct record r[4];
	struct out o;

	need_scamper();
	golden_records(r);
	open_out(&o, &warts_format, &of, "w");
	put_all(&o, r, 4);
	close_out(&o);
	assert_string_equal(run("sc_warts2text w"),
			    "traceroute from 10.0.0.1 to 192.0.2.9\n"
			    " 1  10.0.0.254  0.523 ms\n"
			    " 2  198.51.100.1  2.523 ms\n"
			    " 3  *\n"
			    " 4  192.0.2.9  9.002 ms\n");
}

/* A run without any trace is a file that can be read. */
static void test_nothing(void **state)
{
	struct out o;

	need_scamper();
	open_out(&o, &warts_format, &records_run, "w");
	close_out(&o);
	assert_string_equal(run("sc_warts2json w | jq -c '[.type,.id]'"),
			    "[\"cycle-start\",1]\n[\"cycle-stop\",1]\n");
	assert_string_equal(run("sc_warts2text w"), "");
}

/* Single replies have no place: a run that brings nothing else is refused,
 * and what comes all the same is counted. */
static void test_replies(void **state)
{
	struct record r =
		record_of("192.0.2.1", "198.51.100.9", 5, 0, "10.0.0.5", 100);
	struct out_run of = records_run;
	struct out o = { .format = &warts_format, .run = &of };

	of.strategy = "exhaustive";
	scratch_hear_begin();
	assert_int_equal(warts_format.begin(&o), -EINVAL);
	assert_string_equal(scratch_hear_end(),
			    "whither: warts needs traces: use -S ladder, or "
			    "write csv or jsonl and whither convert\n");
	scratch_hear_begin();
	open_out(&o, &warts_format, &records_run, "w");
	put_all(&o, &r, 1);
	close_out(&o);
	assert_non_null(strstr(scratch_hear_end(), "1 replies"));
}

/* What both formats can tell of a trace, as jq sees it. */
#define SAME                                                                   \
	"select(.type==\"trace\") | [.src,.dst,.method,.sport,.dport,"         \
	".stop_reason,.stop_data,.start.sec,.start.usec,.hop_count,"           \
	".attempts,.hoplimit,.firsthop,.wait,.tos,.probe_size,.probe_count,"   \
	"[.hops[]?|[.addr,.probe_ttl,.probe_id,.probe_size,.tx.sec,.tx.usec,"  \
	".rtt,.reply_ttl,.reply_tos,.reply_size,.icmp_type,.icmp_code,"        \
	".tcp_flags,"                                                          \
	".icmp_q_ttl,.icmp_q_ipl,(.icmp_nhmtu//.\"icmp_nhmtu:\"),"             \
	"(if .addr|contains(\":\") then 0 else .icmp_q_tos end),"              \
	"[.icmpext[]?.mpls_labels[]?|"                                         \
	"[.mpls_ttl,.mpls_s,.mpls_exp,.mpls_label]]]]]"

static void compare(u8 proto, u8 attempts, unsigned int replies)
{
	struct traces t = { .seed = proto,
			    .proto = proto,
			    .attempts = attempts };
	struct out_run of = records_run;
	struct record r[TRACE_RECORDS];
	struct out warts, json;
	unsigned int traces = 0, n;
	char want[64];

	of.method = proto == PROTO_UDP	 ? "udp"
		    : proto == PROTO_TCP ? "tcp"
					 : "icmp";
	of.attempts = attempts;
	open_out(&warts, &warts_format, &of, "w");
	open_out(&json, &jsonl_format, &of, "j");
	for (unsigned int i = 0; i < replies; traces++) {
		n = traces_draw(&t, r);
		put_all(&warts, r, n);
		put_all(&json, r, n);
		for (unsigned int k = 0; k < n; k++)
			i += r[k].hop.state == HOP_ANSWERED;
	}
	close_out(&warts);
	close_out(&json);
	assert_string_equal(run("sc_warts2json w >wj"), "");
	assert_string_equal(run("jq -c '" SAME "' wj >w1;"
				"jq -c '" SAME "' j >j1; cmp w1 j1"),
			    "");
	snprintf(want, sizeof(want), "%u\n", traces);
	assert_string_equal(run("wc -l <w1"), want);
	assert_string_equal(run("sc_warts2text w >t; grep -c ^traceroute t"),
			    want);
	assert_string_equal(run("sc_wartsdump w >d; grep -c ^traceroute d"),
			    want);
	assert_string_equal(run("sc_analysis_dump w >a; grep -c ^T a"), want);
}

static void test_udp(void **state)
{
	need_scamper();
	compare(PROTO_UDP, 1, 100000);
}

static void test_icmp(void **state)
{
	need_scamper();
	compare(PROTO_ICMP, 3, 20000);
}

static void test_tcp(void **state)
{
	need_scamper();
	compare(PROTO_TCP, 2, 20000);
	assert_string_not_equal(run("jq -c '.hops[]?.tcp_flags|numbers' wj"),
				"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_golden),  TEST(test_golden_read), TEST(test_nothing),
		TEST(test_replies), TEST(test_udp),	    TEST(test_icmp),
		TEST(test_tcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
