/* SPDX-License-Identifier: BSD-2-Clause */
/* report_test: the status line and the summary word for word, within the
 * width of a terminal whatever the numbers; and the same as JSON. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "cmd/report.h"
#include "lib/clock.h"
#include "scratch.h"

enum { WIDTH = 79 };

static char text[16384];

static struct report report_of(u64 done, u64 all)
{
	return (struct report){
		.tx = "live",
		.rx = "xsk",
		.done = done,
		.all = all,
		.targets = 1000,
		.interfaces = 1234,
		.destinations = 99,
		.sent_rate = 33333,
		.heard_rate = 29990,
		.new_rate = 12.4,
	};
}

static struct ledger ledger_of(void)
{
	struct ledger l = {
		.made = 1000005,
		.tx = { .sent = 1000000, .excluded = 3, .failed = 2 },
		.rx = { .received = 900100, .ring_full = 7, .dropped = 1 },
		.missed = 3,
		.matched = 900000,
		.strategy = { .answered = 899000,
			      .duplicate = 900,
			      .late = 60,
			      .unknown = 40 },
		.started_ns = NS_PER_S,
		.last_sent_ns = 61 * NS_PER_S,
		.ended_ns = 63 * NS_PER_S,
	};

	l.verdicts[STEER_EXACT] = 899500;
	l.verdicts[STEER_REWRITTEN] = 500;
	l.verdicts[STEER_FORGED] = 11;
	l.verdicts[STEER_NO_SOCKET] = 2;
	return l;
}

/* Every counter is n. */
static struct ledger all_of(u64 n)
{
	struct ledger l = {
		.made = n,
		.tx = { n, n, n, n },
		.rx = { n, n, n, n },
		.strategy = { .answered = n,
			      .silent = n,
			      .duplicate = n,
			      .late = n,
			      .unknown = n },
		.matched = n,
	};

	for (int v = 0; v < STEER_VERDICT_COUNT; v++)
		l.verdicts[v] = n;
	return l;
}

static FILE *begin(void)
{
	FILE *to = fmemopen(text, sizeof(text) - 1, "w");

	memset(text, 0, sizeof(text));
	assert_non_null(to);
	return to;
}

static const char *status(bool terminal, const struct report *r,
			  const struct ledger *l, u64 now)
{
	FILE *to = begin();

	report_status(to, terminal, r, l, now);
	fclose(to);
	return text;
}

static const char *summary(const struct report *r, const struct ledger *l)
{
	FILE *to = begin();

	report_summary(to, r, l);
	fclose(to);
	return text;
}

static void status_lines(void **state)
{
	struct report r = report_of(500000, 1000000);
	struct ledger l = ledger_of(), none = { .started_ns = NS_PER_S };

	assert_string_equal(status(false, &r, &l, 31 * NS_PER_S),
			    " 0:30  50% (0:30 left); sent 1.0M, 33k/s; "
			    "heard 30k/s; new 12/s; lost 13\n");
	r.done = r.all;
	assert_string_equal(status(false, &r, &l, 121 * NS_PER_S),
			    " 2:00 100% (0:00 left); sent 1.0M, 33k/s; "
			    "heard 30k/s; new 12/s; lost 13\n");
	/* nothing known yet */
	r = report_of(0, 10);
	r.sent_rate = r.heard_rate = r.new_rate = 0;
	assert_string_equal(status(false, &r, &none, NS_PER_S),
			    " 0:00   0% (? left); sent 0, 0/s; heard 0/s; "
			    "new 0/s; lost 0\n");
	/* almost is not all */
	r = report_of(99999, 100000);
	assert_non_null(strstr(status(false, &r, &l, 31 * NS_PER_S), " 99% "));
}

/* On a terminal each line covers the whole of the one before. */
static void status_on_a_terminal(void **state)
{
	struct report r = report_of(1, 2);
	struct ledger l = ledger_of();

	status(true, &r, &l, 2 * NS_PER_S);
	assert_int_equal(text[0], '\r');
	assert_int_equal(strlen(text), 1 + WIDTH);
	assert_null(strchr(text, '\n'));
}

static void times(void **state)
{
	static const struct {
		double s;
		const char *text;
	} rows[] = {
		{ 0.9, " 0:00 " },	 { 59.99, " 0:59 " },
		{ 60, " 1:00 " },	 { 3599, "59:59 " },
		{ 3600, " 1h00 " },	 { 359999, "99h59 " },
		{ 360000, "   4d " },	 { 863999999, "9999d " },
		{ 864000000, "  27y " }, { 1.8e10, " 570y " },
	};
	struct report r = report_of(1, 1);
	struct ledger l = {};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		status(false, &r, &l, (u64)(rows[i].s * NS_PER_S));
		assert_memory_equal(text, rows[i].text, 6);
	}
}

static void counts(void **state)
{
	static const struct {
		u64 n;
		const char *text;
	} rows[] = {
		{ 0, "0" },	     { 9999, "9999" },
		{ 10000, "10k" },    { 99499, "99k" },
		{ 999499, "999k" },  { 999500, "1.0M" },
		{ 1234567, "1.2M" }, { 9949999, "9.9M" },
		{ 9950001, "10M" },  { 999499999, "999M" },
		{ ~0ULL, "18E" },
	};
	struct report r = report_of(1, 1);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ledger l = { .rx = { .ring_full = rows[i].n } };
		char want[32];

		snprintf(want, sizeof(want), "; lost %s\n", rows[i].text);
		status(false, &r, &l, NS_PER_S);
		assert_string_equal(strstr(text, "; lost"), want);
	}
}

static void summary_whole(void **state)
{
	struct report r = report_of(1000000, 1000000);
	struct ledger l = ledger_of();

	assert_string_equal(
		summary(&r, &l),
		"\n"
		"  targets          1000\n"
		"  probes        1000000   in 60.00 s: 16.7kpps, sent by live\n"
		"  replies        900000   heard by xsk, 899500 exact, 500 "
		"rewritten\n"
		"  interfaces       1234   and 99 destinations reached\n"
		"  unanswered     100987   of 1000000 sent\n"
		"  lost here          13   device 0, missed 3, ring full 7, no "
		"buffer 0,\n"
		"                          other 1, not taken 2\n"
		"  not sent            5   excluded 3, over rate 0, "
		"refused by the device 2\n"
		"  put aside        1011   duplicate 900, late 60, not asked "
		"for 40, forged 11\n");
	assert_null(strstr(text, "chains"));
	r.fill_from = 16;
	r.fill = (struct fill_stats){
		.begun = 5000,
		.reached = 4000,
		.unreachable = 300,
		.at_limit = 200,
		.silent = 100,
		.lost_here = 50,
		.refused = 40,
		.open = 310,
		.not_begun = 7,
	};
	summary(&r, &l);
	assert_non_null(strstr(
		text,
		"  chains           5000   beyond TTL 16, reached 4000, "
		"unreachable 300,\n"
		"                          at the limit 200, silent 100, lost "
		"here 50,\n"
		"                          not sent 40, cut short 310\n"
		"  no chain            7   answers that asked for one, too "
		"many "
		"at once,\n"
		"                          or too late\n"));
	r.fill_from = 0;
	r.output_lost = 12;
	l.strategy.abandoned = 990;
	l.tx.excluded = l.tx.failed = 0;
	summary(&r, &l);
	assert_non_null(strstr(text, "  unanswered      99997   of 1000000 "
				     "sent, 990 more beyond the end of a "
				     "trace\n"));
	assert_non_null(strstr(text, "  unwritten          12   records\n"));
	assert_null(strstr(text, "not sent"));
}

static void summary_of_nothing(void **state)
{
	struct report r = { .tx = "raw", .rx = "raw" };
	struct ledger l = {};

	assert_string_equal(
		summary(&r, &l),
		"\n"
		"  targets             0\n"
		"  probes              0   sent by raw\n"
		"  replies             0   heard by raw, 0 exact, 0 rewritten\n"
		"  interfaces          0   and 0 destinations reached\n"
		"  unanswered          0   of 0 sent\n"
		"  lost here           0   device 0, missed 0, ring full 0, no "
		"buffer 0,\n"
		"                          other 0, not taken 0\n"
		"  put aside           0   duplicate 0, late 0, not asked for "
		"0, forged 0\n");
}

/* No line too long, none that ends in a space or cuts a number. */
static void check_lines(const char *where)
{
	const char *end;

	for (const char *line = where; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		if (end - line > WIDTH)
			fail_msg("%d columns: %.*s", (int)(end - line),
				 (int)(end - line), line);
		assert_false(end > line && end[-1] == ' ');
	}
}

static void width_of_any_number(void **state)
{
	for (u64 n = 1, i = 0; i < 77; i++, n = i == 76 ? ~0ULL : n * 9 / 5) {
		const double rate = (double)n;
		struct report r = {
			.tx = "packet",
			.rx = "packet",
			.done = n / 2,
			.all = n,
			.targets = n,
			.interfaces = n,
			.destinations = n,
			.written = n,
			.output_lost = n,
			.sent_rate = rate,
			.heard_rate = rate,
			.new_rate = rate,
		};
		struct ledger l = all_of(n);

		/* however long it took */
		for (u64 s = 1; s < 10000000000; s *= 11) {
			l.last_sent_ns = s * NS_PER_S;
			check_lines(status(false, &r, &l, s * NS_PER_S));
			assert_non_null(strstr(text, "; lost "));
		}
		check_lines(summary(&r, &l));
		/* nothing is left out for its length */
		assert_non_null(strstr(text, "forged "));
		assert_non_null(strstr(text, "refused by the device "));
		assert_non_null(strstr(text, "unwritten "));
	}
}

static void losses(void **state)
{
	struct ledger l = ledger_of();

	l.verdicts[STEER_STALE] = 5;
	l.rx.fill_empty = 6;
	assert_int_equal(report_lost_here(&l), 3 + 7 + 6 + 1 + 5 + 2);
	assert_int_equal(report_silent(&l), 1000000 - 899000 - 24);
	/* what we lost may have been duplicates: never below nothing */
	l.rx.ring_full = 2000000;
	assert_int_equal(report_silent(&l), 0);
	l = (struct ledger){ .strategy = { .answered = 5 } };
	assert_int_equal(report_silent(&l), 0);
}

/* jq's answer to a question about the file. */
static void ask(const char *path, const char *question, const char *want)
{
	char command[512], line[256] = "";
	FILE *jq;

	snprintf(command, sizeof(command), "jq -c '%s' %s", question, path);
	jq = popen(command, "r");
	assert_non_null(jq);
	assert_non_null(fgets(line, sizeof(line), jq));
	assert_int_equal(pclose(jq), 0);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, want);
}

static void as_json(void **state)
{
	struct report r = report_of(1000000, 1000000);
	struct ledger l = ledger_of();
	char path[64];

	if (system("command -v jq >/dev/null")) {
		if (getenv("CI"))
			fail_msg("no jq");
		skip();
	}
	snprintf(path, sizeof(path), "%s", scratch_text("old"));
	assert_int_equal(report_json(path, &r, &l), 0);
	ask(path, "[.tx, .rx, .targets, .interfaces, .destinations]",
	    "[\"live\",\"xsk\",1000,1234,99]");
	ask(path, "[.made, .sent + .excluded + .over_rate + .failed]",
	    "[1000005,1000005]");
	ask(path, "[.sent, .answered + .unanswered + .lost_here]",
	    "[1000000,1000000]");
	ask(path, "[.verdicts.exact, .verdicts.rewritten, .verdicts.no_socket]",
	    "[899500,500,2]");
	ask(path, "[.verdicts[]] | add", "900013");
	ask(path, "[.sending_ns, .elapsed_ns]", "[60000000000,62000000000]");
	/* beyond what a double holds: still exact */
	l = all_of(~0ULL);
	assert_int_equal(report_json(path, &r, &l), 0);
	ask(path, "[.sent, .verdicts.other]",
	    "[\"18446744073709551615\",\"18446744073709551615\"]");
	scratch_remove();
}

static void paths(void **state)
{
	struct report r = report_of(1, 1);
	struct ledger l = ledger_of();
	char path[64];

	scratch_hear_begin();
	assert_int_equal(report_check("/nonexistent/file"), -ENOENT);
	assert_string_equal(strrchr(scratch_hear_end(), '/'),
			    "/file: No such file or directory\n");
	scratch_hear_begin();
	assert_int_equal(report_json("/nonexistent/file", &r, &l), -ENOENT);
	assert_non_null(strstr(scratch_hear_end(), "/nonexistent/file: "));
	/* leaves nothing behind, and a file that is there as it was */
	snprintf(path, sizeof(path), "%s", scratch_text("kept"));
	assert_int_equal(report_check(path), 0);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	assert_int_equal(report_check(path), 0);
	assert_int_equal(access(path, F_OK), -1);
	/* a full disk is found out */
	scratch_hear_begin();
	assert_int_equal(report_json("/dev/full", &r, &l), -ENOSPC);
	assert_non_null(strstr(scratch_hear_end(), "/dev/full: No space"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_lines),
		cmocka_unit_test(status_on_a_terminal),
		cmocka_unit_test(times),
		cmocka_unit_test(counts),
		cmocka_unit_test(summary_whole),
		cmocka_unit_test(summary_of_nothing),
		cmocka_unit_test(width_of_any_number),
		cmocka_unit_test(losses),
		cmocka_unit_test(as_json),
		cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
