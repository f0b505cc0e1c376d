/* SPDX-License-Identifier: BSD-2-Clause */
/* text_test: the layout of traceroute(8), octet for octet. */
#include "out/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "out/formats.h"
#include "out/names.h"
#include "records.h"
#include "reply.h"

#define V4 "192.0.2.1", "198.51.100.9"
#define V6 "2001:db8::1", "2001:db8:9::9"
#define HEADER                                                                 \
	"traceroute to 198.51.100.9 (198.51.100.9), 30 hops max, "             \
	"60 byte packets\n"

/* Stands in place of the real names: only 10.0.0.x is ever known, as rx.net,
 * from the time on that the test lets it be. */
static struct {
	bool known, open;
	unsigned int asked, worked;
} fake_names;

int names_open(struct names *n)
{
	memset(&fake_names, 0, sizeof(fake_names));
	fake_names.open = true;
	return 0;
}

const char *names_find(struct names *n, const struct addr *a)
{
	static char name[32];

	assert_true(fake_names.open);
	fake_names.asked++;
	if (!fake_names.known)
		return NULL;
	if (a->b[12] != 10)
		return "";
	snprintf(name, sizeof(name), "r%d.net", a->b[15]);
	return name;
}

void names_work(struct names *n)
{
	fake_names.worked++;
}

void names_close(struct names *n)
{
	fake_names.open = false;
}

static void check(const struct record *r, unsigned int n, const char *want)
{
	char *text = records_render(&text_format, &records_run, r, n);

	assert_string_equal(text, want);
	free(text);
}

static struct record reached(u8 ttl, u8 attempt, u32 rtt_us)
{
	struct record r = record_of(V4, ttl, attempt, "198.51.100.9", rtt_us);

	r.hop.kind = REPLY_UNREACH;
	r.hop.icmp_type = r.hop.icmp_code = 3;
	r.hop.flags = HOP_REACHED | HOP_FINAL;
	return r;
}

/* An address is named again where it differs from the last that answered. */
static void test_trace(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 233),
		record_of(V4, 1, 1, "10.0.0.1", 14),
		record_of(V4, 1, 2, "10.0.0.1", 6),
		record_of(V4, 2, 0, "10.0.0.2", 1000),
		record_without(V4, 2, 1, HOP_SILENT),
		record_of(V4, 2, 2, "10.0.0.2", 1001),
		record_of(V4, 3, 0, "10.0.0.3", 1234567),
		record_of(V4, 3, 1, "10.0.0.4", 20),
		record_of(V4, 3, 2, "10.0.0.3", 21),
		record_without(V4, 10, 0, HOP_SILENT),
		record_without(V4, 10, 1, HOP_SILENT),
		record_without(V4, 10, 2, HOP_SILENT),
		reached(11, 0, 30),
		reached(11, 1, 31),
		reached(11, 2, 32),
		record_of(V4, 12, 0, "198.51.100.9", 1), /* beyond the end */
	};

	records_join(r, 16, STOP_COMPLETED);
	check(r, 16,
	      HEADER " 1  10.0.0.1  0.233 ms  0.014 ms  0.006 ms\n"
		     " 2  10.0.0.2  1.000 ms *  1.001 ms\n"
		     " 3  10.0.0.3  1234.567 ms 10.0.0.4  0.020 ms"
		     " 10.0.0.3  0.021 ms\n"
		     "10  * * *\n"
		     "11  198.51.100.9  0.030 ms  0.031 ms  0.032 ms\n");
}

static void test_v6(void **state)
{
	struct record r = record_of(V6, 1, 0, "2001:db8::ffff", 5);

	records_join(&r, 1, STOP_HOPLIMIT);
	check(&r, 1,
	      "traceroute to 2001:db8:9::9 (2001:db8:9::9), 30 hops max, "
	      "60 byte packets\n"
	      " 1  2001:db8::ffff  0.005 ms\n");
}

static void check_mark(const char *from, u8 kind, u8 type, u8 code, u16 mtu,
		       const char *want)
{
	struct record r = record_of(V4, 1, 0, from, 5);
	char *text, *mark;

	r.hop.kind = kind;
	r.hop.icmp_type = type;
	r.hop.icmp_code = code;
	r.hop.mtu = mtu;
	records_join(&r, 1, STOP_UNREACH);
	text = records_render(&text_format, &records_run, &r, 1);
	mark = strstr(text, " ms");
	assert_non_null(mark);
	assert_string_equal(mark + 3, want);
	free(text);
}

static void test_marks_v4(void **state)
{
	static const char *const want[] = {
		" !N\n", " !H\n", " !P\n", "\n",    NULL,	" !S\n",
		" !N\n", " !H\n", " !N\n", " !X\n", " !X\n",	" !N\n",
		" !H\n", " !X\n", " !V\n", " !C\n", " !<16>\n",
	};

	for (u8 code = 0; code <= 16; code++)
		if (want[code])
			check_mark("10.0.0.1", REPLY_UNREACH, 3, code, 0,
				   want[code]);
	check_mark("10.0.0.1", REPLY_UNREACH, 3, 255, 0, " !<255>\n");
	check_mark("10.0.0.1", REPLY_TOOBIG, 3, 4, 1400, " !F-1400\n");
	check_mark("10.0.0.1", REPLY_TOOBIG, 3, 4, 0, " !F-0\n");
	check_mark("10.0.0.1", REPLY_PARAM, 12, 1, 0, " !<12-1>\n");
	check_mark("10.0.0.1", REPLY_EXPIRED, 11, 0, 0, "\n");
	check_mark("10.0.0.1", REPLY_EXPIRED, 11, 1, 0, " !<11-1>\n");
	check_mark("10.0.0.1", REPLY_ECHO, 0, 0, 0, "\n");
}

static void test_marks_v6(void **state)
{
	static const char *const want[] = { " !N\n",  " !X\n", " !H\n",
					    " !H\n",  "\n",    " !<5>\n",
					    " !<6>\n" };

	for (u8 code = 0; code <= 6; code++)
		check_mark("2001:db8::1", REPLY_UNREACH, 1, code, 0,
			   want[code]);
	check_mark("2001:db8::1", REPLY_TOOBIG, 2, 0, 1280, " !F-1280\n");
	check_mark("2001:db8::1", REPLY_PARAM, 4, 1, 0, " !<4-1>\n");
	check_mark("2001:db8::1", REPLY_EXPIRED, 3, 0, 0, "\n");
	check_mark("2001:db8::1", REPLY_ECHO, 129, 0, 0, "\n");
}

/* A second answer to one probe is no word of its own. */
static void test_duplicate(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 5),
		record_of(V4, 1, 0, "10.0.0.8", 6),
		record_of(V4, 1, 1, "10.0.0.1", 7),
	};

	r[1].hop.flags = HOP_DUPLICATE;
	records_join(r, 3, STOP_HOPLIMIT);
	check(r, 3, HEADER " 1  10.0.0.1  0.005 ms  0.007 ms\n");
}

static void test_unknown_rtt(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", HOP_RTT_UNKNOWN);

	records_join(&r, 1, STOP_HOPLIMIT);
	check(&r, 1, HEADER " 1  10.0.0.1\n");
}

static void rewrite(struct record *r, const char *seen, u16 port)
{
	r->hop.flags |= HOP_REWRITTEN;
	inet_parse(seen, &r->seen);
	r->seen_sport = port;
}

/* Told without being asked for, once each, from the first hop that saw it;
 * an ICMP probe has no port to tell of. */
static void test_rewritten(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 5),
		record_of(V4, 2, 0, "10.0.0.2", 5),
		record_of(V4, 3, 0, "10.0.0.3", 5),
		record_of(V4, 4, 0, "10.0.0.4", 5),
	};

	rewrite(&r[1], "203.0.113.5", 1024);
	rewrite(&r[2], "203.0.113.5", 1024);
	rewrite(&r[3], "203.0.113.6", 2048);
	r[3].proto = PROTO_ICMP;
	records_join(r, 4, STOP_GAPLIMIT);
	check(r, 4,
	      HEADER " 1  10.0.0.1  0.005 ms\n 2  10.0.0.2  0.005 ms\n"
		     " 3  10.0.0.3  0.005 ms\n 4  10.0.0.4  0.005 ms\n"
		     "Our address is seen as 203.0.113.5 (port 1024) from hop "
		     "2 on: a translator on the path.\n"
		     "Our address is seen as 203.0.113.6 from hop "
		     "4 on: a translator on the path.\n");
}

/* What is our own doing is never shown as the network's silence. */
static void test_lost_and_refused(void **state)
{
	struct record r[] = {
		record_without(V4, 1, 0, HOP_LOST),
		record_without(V4, 1, 1, HOP_SILENT),
		record_without(V4, 2, 0, HOP_REFUSED),
	};

	records_join(r, 3, STOP_HALTED);
	check(r, 3,
	      HEADER " 1  ? *\n 2  -\n"
		     "?: this host lost replies meanwhile, perhaps this one; "
		     "the hop need not be silent.\n"
		     "-: not sent, the exclusions or the device refused it.\n");
}

/* Many traces: each is whole, and what one says does not cling to the next. */
static void test_two_traces(void **state)
{
	struct record r[] = {
		reached(1, 0, 5),
		record_without(V4, 1, 0, HOP_LOST),
		record_of(V4, 1, 0, "10.0.0.1", 5),
		record_of(V4, 2, 0, "10.0.0.2", 5),
	};

	rewrite(&r[0], "203.0.113.5", 1024);
	records_join(&r[0], 1, STOP_COMPLETED);
	r[1].flags = RECORD_TRACE | RECORD_FIRST; /* never ended */
	records_join(&r[2], 2, STOP_HOPLIMIT);
	check(r, 4,
	      HEADER " 1  198.51.100.9  0.005 ms\n"
		     "Our address is seen as 203.0.113.5 (port 1024) from hop "
		     "1 on: a translator on the path.\n" HEADER " 1  ?\n"
		     "?: this host lost replies meanwhile, perhaps this one; "
		     "the hop need not be silent.\n" HEADER
		     " 1  10.0.0.1  0.005 ms\n 2  10.0.0.2  0.005 ms\n");
}

/* Answers that belong to no trace: a line each, no header. */
static void test_alone(void **state)
{
	struct record r[] = {
		record_of(V4, 7, 0, "10.0.0.7", 5),
		record_without(V4, 8, 0, HOP_SILENT),
		record_of(V6, 12, 0, "2001:db8::7", 1500),
	};

	rewrite(&r[2], "2001:db8:ff::1", 1024);
	r[2].hop.kind = REPLY_UNREACH;
	r[2].hop.icmp_code = 1;
	check(r, 3,
	      "198.51.100.9  7  10.0.0.7  0.005 ms\n"
	      "2001:db8:9::9 12  2001:db8::7  1.500 ms !X"
	      " (our address seen as 2001:db8:ff::1)\n");
}

/* One trace: the header stands before anything is known. */
static void test_no_hops(void **state)
{
	struct text_config config = {
		.host = "host.example",
		.packet_size = 72,
		.numeric = true,
	};
	struct out_run run = records_run;
	char *text;

	check(NULL, 0, "");
	inet_parse("198.51.100.9", &config.dst);
	run.text = &config;
	text = records_render(&text_format, &run, NULL, 0);
	assert_string_equal(text, "traceroute to host.example (198.51.100.9), "
				  "30 hops max, 72 byte packets\n");
	free(text);
}

static void test_one_trace(void **state)
{
	struct text_config config = {
		.host = "host.example",
		.packet_size = 60,
		.numeric = true,
	};
	struct record r = reached(1, 0, 5);
	struct out_run run = records_run;
	char *text;

	inet_parse("198.51.100.9", &config.dst);
	run.text = &config;
	records_join(&r, 1, STOP_COMPLETED);
	text = records_render(&text_format, &run, &r, 1);
	assert_string_equal(text, "traceroute to host.example (198.51.100.9), "
				  "30 hops max, 60 byte packets\n"
				  " 1  198.51.100.9  0.005 ms\n");
	free(text);
}

/* An output under way, with names, at a time of the test's choosing. */
struct under_way {
	struct text_config config;
	struct out_run run;
	struct out out;
	char *text;
	size_t size;
};

static void start(struct under_way *w)
{
	memset(w, 0, sizeof(*w));
	w->config.host = "host.example";
	w->config.packet_size = 60;
	inet_parse("198.51.100.9", &w->config.dst);
	w->run = records_run;
	w->run.text = &w->config;
	w->out.format = &text_format;
	w->out.run = &w->run;
	w->out.to = open_memstream(&w->text, &w->size);
	assert_int_equal(text_format.begin(&w->out), 0);
}

static void expect(struct under_way *w, const char *want)
{
	fflush(w->out.to);
	assert_string_equal(w->text, want);
}

static void stop(struct under_way *w, const char *want)
{
	text_format.end(&w->out);
	expect(w, want);
	fclose(w->out.to);
	free(w->text);
	assert_false(fake_names.open);
}

#define NAMED                                                                  \
	"traceroute to host.example (198.51.100.9), 30 hops max, "             \
	"60 byte packets"

static void test_names(void **state)
{
	struct record r[] = {
		record_of(V4, 1, 0, "10.0.0.1", 5),
		record_of(V4, 1, 1, "10.0.0.1", 6),
		reached(2, 0, 7),
	};
	struct under_way w;

	start(&w);
	expect(&w, NAMED); /* no newline yet, as is the custom */
	fake_names.known = true;
	records_join(r, 3, STOP_COMPLETED);
	for (int i = 0; i < 3; i++)
		text_format.record(&w.out, &r[i]);
	assert_false(text_format.idle(&w.out));
	stop(&w, NAMED "\n 1  r1.net (10.0.0.1)  0.005 ms  0.006 ms\n"
		       " 2  198.51.100.9 (198.51.100.9)  0.007 ms\n");
}

/* Nothing overtakes an answer that waits for its name; what needs no name is
 * shown at once; and the wait is bounded. */
static void test_late_names(void **state)
{
	struct record r[] = {
		record_without(V4, 1, 0, HOP_SILENT),
		record_of(V4, 2, 0, "10.0.0.2", 5),
		record_without(V4, 3, 0, HOP_SILENT),
	};
	struct under_way w;

	start(&w);
	records_join(r, 3, STOP_HOPLIMIT);
	w.out.now = 77 * NS_PER_S;
	for (int i = 0; i < 3; i++)
		text_format.record(&w.out, &r[i]);
	expect(&w, NAMED "\n 1  *");
	assert_true(fake_names.asked >= 1);
	w.out.now += TEXT_NAME_WAIT_MS * NS_PER_MS - 1;
	assert_true(text_format.idle(&w.out));
	assert_int_equal(fake_names.worked, 1);
	expect(&w, NAMED "\n 1  *");
	w.out.now++;
	assert_false(text_format.idle(&w.out));
	stop(&w, NAMED "\n 1  *\n 2  10.0.0.2 (10.0.0.2)  0.005 ms\n 3  *\n");
}

/* Interrupted: what waited for a name is told without. */
static void test_end_while_waiting(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 5);
	struct under_way w;

	start(&w);
	records_join(&r, 1, STOP_HALTED);
	text_format.record(&w.out, &r);
	expect(&w, NAMED);
	stop(&w, NAMED "\n 1  10.0.0.1 (10.0.0.1)  0.005 ms\n");
}

/* More records than may wait: the first go on without their names. */
static void test_queue_full(void **state)
{
	struct record r = record_of(V4, 1, 0, "10.0.0.1", 5);
	unsigned int shown = 0;
	struct under_way w;

	start(&w);
	for (int i = 0; i < 5000; i++)
		text_format.record(&w.out, &r);
	fflush(w.out.to);
	for (const char *p = w.text; (p = strstr(p, " ms")); p++)
		shown++;
	assert_int_equal(shown, 5000 - 4096);
	text_format.end(&w.out);
	fclose(w.out.to);
	free(w.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_marks_v4),
		cmocka_unit_test(test_marks_v6),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_unknown_rtt),
		cmocka_unit_test(test_rewritten),
		cmocka_unit_test(test_lost_and_refused),
		cmocka_unit_test(test_two_traces),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_no_hops),
		cmocka_unit_test(test_one_trace),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_late_names),
		cmocka_unit_test(test_end_while_waiting),
		cmocka_unit_test(test_queue_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
