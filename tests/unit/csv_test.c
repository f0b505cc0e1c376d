/* SPDX-License-Identifier: BSD-2-Clause */
/* csv_test: rows octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "out/formats.h"
#include "records.h"
#include "reply.h"

#define HEADER                                                                 \
	"capture_timestamp,probe_protocol,probe_src_addr,probe_dst_addr,"      \
	"probe_src_port,probe_dst_port,probe_ttl,quoted_ttl,reply_src_addr,"   \
	"reply_protocol,reply_icmp_type,reply_icmp_code,reply_ttl,"            \
	"reply_size,reply_mpls_labels,rtt,round\n"

#define V4 "192.0.2.1", "198.51.100.9"
#define V6 "2001:db8::1", "2001:db8:9::9"
#define ROW4 "17,::ffff:192.0.2.1,::ffff:198.51.100.9,40000,33434,"

static void check(const struct record *r, unsigned int n, const char *want)
{
	char *text = records_render(&csv_format, &records_run, r, n);

	assert_string_equal(text, want);
	free(text);
}

static void test_nothing(void **state)
{
	check(NULL, 0, HEADER);
}

static void test_v4(void **state)
{
	struct record r = record_of(V4, 7, 0, "10.0.0.7", 1234);

	check(&r, 1,
	      HEADER "1700000007," ROW4
		     "7,1,::ffff:10.0.0.7,1,11,0,249,88,\"[]\",12,1\n");
}

/* The payload alone counts for the size; ICMPv6 is protocol 58. */
static void test_v6(void **state)
{
	struct record r = record_of(V6, 3, 0, "2001:db8:3::", 150);

	check(&r, 1,
	      HEADER "1700000003,17,2001:db8::1,2001:db8:9::9,40000,33434,3,1,"
		     "2001:db8:3::,58,3,0,253,88,\"[]\",2,1\n");
}

static void test_echo(void **state)
{
	struct record r = record_of(V4, 9, 0, "198.51.100.9", 99949);

	r.proto = PROTO_ICMP;
	r.dport = 0;
	r.sport = 4711;
	r.hop.kind = REPLY_ECHO;
	r.hop.icmp_type = 0;
	r.hop.quoted_size = 0;
	r.hop.quoted_ttl = 77; /* says nothing without a quote */
	r.hop.size = 60;
	check(&r, 1,
	      HEADER "1700000009,1,::ffff:192.0.2.1,::ffff:198.51.100.9,4711,0,"
		     "9,0,::ffff:198.51.100.9,1,0,0,247,60,\"[]\",999,1\n");
}

static void test_labels(void **state)
{
	struct record r = record_of(V4, 2, 0, "10.0.0.2", 0);

	r.hop.label_count = 2;
	r.hop.label[0] = be32_put(24001u << 12 | 5 << 9 | 0 << 8 | 1);
	r.hop.label[1] = be32_put(1048575u << 12 | 7 << 9 | 1 << 8 | 255);
	check(&r, 1,
	      HEADER "1700000002," ROW4 "2,1,::ffff:10.0.0.2,1,11,0,254,88,"
		     "\"[(24001,5,0,1),(1048575,7,1,255)]\",0,1\n");
	r.hop.label_count = 200; /* only what is kept can be told */
	r.hop.label[2] = be32_put(1u << 12);
	check(&r, 1,
	      HEADER "1700000002," ROW4 "2,1,::ffff:10.0.0.2,1,11,0,254,88,"
		     "\"[(24001,5,0,1),(1048575,7,1,255),(1,0,0,0)]\",0,1\n");
}

static void check_rtt(u32 rtt_us, const char *want)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 0);
	char *text, *rtt;

	r.hop.rtt_us = rtt_us;
	text = records_render(&csv_format, &records_run, &r, 1);
	rtt = strstr(text, "\"[]\",");
	assert_non_null(rtt);
	assert_string_equal(rtt + 5, want);
	free(text);
}

/* Readers hold 16 bits: what does not fit is left out, never clamped. */
static void test_rtt(void **state)
{
	check_rtt(HOP_RTT_UNKNOWN, ",1\n");
	check_rtt(49, "0,1\n");
	check_rtt(50, "1,1\n");
	check_rtt(6553500, "65535,1\n");
	check_rtt(6553501, ",1\n");
}

/* Only answers have a row, a second answer too. */
static void test_which(void **state)
{
	struct record r[] = {
		record_without(V4, 1, 0, HOP_SILENT),
		record_without(V4, 2, 0, HOP_REFUSED),
		record_without(V4, 3, 0, HOP_LOST),
		record_of(V4, 4, 0, "10.0.0.4", 100),
		record_of(V4, 4, 0, "10.0.0.4", 200),
	};

	r[4].hop.flags = HOP_DUPLICATE;
	records_join(r, 5, STOP_HOPLIMIT);
	check(r, 5,
	      HEADER "1700000004," ROW4
		     "4,1,::ffff:10.0.0.4,1,11,0,252,88,\"[]\",1,1\n"
		     "1700000004," ROW4
		     "4,1,::ffff:10.0.0.4,1,11,0,252,88,\"[]\",2,1\n");
}

/* The longest of everything still is one line. */
static void test_longest(void **state)
{
	static const char long6[] = "1111:2222:3333:4444:5555:6666:7777:8888";
	struct record r = record_of(long6, long6, 255, 0, long6, 6553400);
	char *text;

	r.arrived_ns = ~0ULL - records_run.wall_offset_ns;
	r.proto = 255;
	r.sport = r.dport = r.hop.size = 65535;
	r.hop.icmp_type = r.hop.icmp_code = r.hop.quoted_ttl = 255;
	r.hop.reply_ttl = r.hop.label_count = 255;
	memset(r.hop.label, 0xff, sizeof(r.hop.label));
	text = records_render(&csv_format, &records_run, &r, 1);
	assert_int_equal(strlen(text) - strlen(HEADER), 243);
	assert_string_equal(text + strlen(text) - 28,
			    "(1048575,7,1,255)]\",65534,1\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),	cmocka_unit_test(test_echo),
		cmocka_unit_test(test_labels),	cmocka_unit_test(test_rtt),
		cmocka_unit_test(test_which),	cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
