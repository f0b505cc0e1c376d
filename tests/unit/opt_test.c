/* SPDX-License-Identifier: BSD-2-Clause */
/* opt_test: what the options take, what they refuse, and how they say so. */
#include "lib/opt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/inet.h"
#include "lib/log.h"
#include "scratch.h"

struct config {
	bool numeric, icmp;
	u8 ttl;
	u16 port;
	u32 queries;
	u64 rate, wait;
	const char *file;
	struct opt_list out;
	struct addr src;
	int method;
	const char *called;
};

static const char *const methods[] = { "udp", "icmp", "tcp", NULL };

static int call(void *config, const char *option, const char *text)
{
	struct config *c = config;

	if (text && !strcmp(text, "bad")) {
		log_err("%s: \"bad\" is bad", option);
		return -EINVAL;
	}
	c->called = text ? text : "(none)";
	return 0;
}

static const struct opt table[] = {
	OPT_HEADING("What to send:"),
	OPT('n', NULL, FLAG, struct config, numeric, NULL, "no names"),
	OPT('I', "icmp", FLAG, struct config, icmp, NULL, "ICMP"),
	OPT('m', "max", U8, struct config, ttl, "TTL", "last TTL", .min = 1,
	    .max = 64),
	OPT(0, "port", U16, struct config, port, "PORT", "port"),
	OPT('q', "queries", U32, struct config, queries, "N",
	    "a very long help text that has to be broken, because it does not "
	    "fit in the eighty columns that a terminal has, and again"),
	OPT('r', "rate", COUNT, struct config, rate, "PPS", "rate"),
	OPT('w', "wait", SECONDS, struct config, wait, "S", "time", .min = 1,
	    .max = 60000000000),
	OPT('t', "targets", STRING, struct config, file, "FILE", "targets"),
	OPT('o', NULL, LIST, struct config, out, "FMT:FILE", "output"),
	OPT('s', "source-address-of-probes", ADDR, struct config, src,
	    "ADDRESS", "source"),
	OPT('P', "method", CHOICE, struct config, method, "udp|icmp|tcp",
	    "method", .choice = methods),
	OPT_DO('x', "exclude", "FILE", "exclude", call),
	OPT_DO('V', "version", NULL, NULL, call),
	OPT_END,
};

static struct config config;
static char *args[40];
static int count;

/* Parses words; the first is the command. */
static int parse(const char *line)
{
	static char text[512];
	char *save, *word;

	memset(&config, 0, sizeof(config));
	snprintf(text, sizeof(text), "%s", line);
	args[0] = (char *)"/bin/whither sweep";
	count = 1;
	for (word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		args[count++] = word;
	args[count] = NULL;
	return opt_parse(table, &config, count, args);
}

/* Parses words that are all options or their values. */
static void parse_options(const char *line)
{
	int first = parse(line);

	assert_int_equal(first, count);
}

/* It is refused, and this is the one line that says why. */
static void refused(const char *line, const char *why)
{
	char expected[300];
	const char *said;
	int ret;

	scratch_hear_begin();
	ret = parse(line);
	said = scratch_hear_end();
	snprintf(expected, sizeof(expected), "whither: %s\n", why);
	assert_string_equal(said, expected);
	assert_int_equal(ret, -EINVAL);
}

static void test_every_way_to_write_a_value(void **state)
{
	const char *const ways[] = { "-q7",	    "-q 7", "--queries=7",
				     "--queries 7", "-nq7", "-nIq 7" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		parse_options(ways[i]);
		assert_int_equal(config.queries, 7);
		assert_int_equal(config.numeric, i >= 4);
		assert_int_equal(config.icmp, i == 5);
	}
	assert_int_equal(parse("-nI"), 2);
	assert_true(config.numeric && config.icmp);
	assert_int_equal(parse("--icmp"), 2);
	assert_true(!config.numeric && config.icmp);
}

static void test_operands_come_last_and_in_order(void **state)
{
	assert_int_equal(parse("a -q 2 b --rate=3 c -n - -r 4 d"), 7);
	assert_int_equal(count, 12);
	assert_int_equal(config.queries, 2);
	assert_int_equal(config.rate, 4);
	assert_true(config.numeric);
	assert_string_equal(args[7], "a");
	assert_string_equal(args[8], "b");
	assert_string_equal(args[9], "c");
	assert_string_equal(args[10], "-");
	assert_string_equal(args[11], "d");
	assert_null(args[12]);

	assert_int_equal(parse("a -n -- -I --bogus -- b"), 3);
	assert_true(config.numeric && !config.icmp);
	assert_string_equal(args[3], "a");
	assert_string_equal(args[4], "-I");
	assert_string_equal(args[5], "--bogus");
	assert_string_equal(args[6], "--");
	assert_string_equal(args[7], "b");

	assert_int_equal(parse(""), 1);
	assert_int_equal(parse("--"), 2);
	assert_int_equal(parse("a"), 1);
	/* what an option takes is its own, whatever it looks like */
	assert_int_equal(parse("-t -n -x --"), 5);
	assert_string_equal(config.file, "-n");
	assert_string_equal(config.called, "--");
	assert_false(config.numeric);
}

static void test_every_type(void **state)
{
	char text[INET_TEXT];

	parse_options("-m 64 --port 65535 -q 4294967295");
	assert_int_equal(config.ttl, 64);
	assert_int_equal(config.port, 65535);
	assert_int_equal(config.queries, 4294967295);
	parse_options("-t x -o a -o b -s 192.0.2.1 -P tcp");
	assert_string_equal(config.file, "x");
	assert_int_equal(config.out.count, 2);
	assert_string_equal(config.out.item[0], "a");
	assert_string_equal(config.out.item[1], "b");
	assert_string_equal(inet_format(&config.src, text), "192.0.2.1");
	assert_int_equal(config.method, 2);
	parse_options("-V");
	assert_string_equal(config.called, "(none)");
	parse_options("-t= --targets=");
	assert_string_equal(config.file, "");
}

static void test_counts_and_seconds(void **state)
{
	const struct {
		const char *text;
		u64 value;
	} counts[] = {
		{ "0", 0 },
		{ "10k", 10000 },
		{ "1.5M", 1500000 },
		{ "1G", 1000000000 },
		{ "2K", 2000 },
		{ "0.001k", 1 },
		{ "1.0", 1 },
		{ "18446744073709551615", UINT64_MAX },
	}, seconds[] = {
		{ "5", 5000000000 },   { "0.5", 500000000 },
		{ "5s", 5000000000 },  { "200ms", 200000000 },
		{ ".5ms", 500000 },    { "50us", 50000 },
		{ "1.000000001", 1000000001 }, { "1ns", 1 },
	};
	char line[64];

	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		snprintf(line, sizeof(line), "-r %s", counts[i].text);
		assert_int_equal(parse(line), 3);
		assert_true(config.rate == counts[i].value);
	}
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		snprintf(line, sizeof(line), "-w %s", seconds[i].text);
		assert_int_equal(parse(line), 3);
		assert_true(config.wait == seconds[i].value);
	}
}

static void test_numbers_refused(void **state)
{
	const char *const bad[] = { "abc",
				    "",
				    "-1",
				    "+1",
				    "1x",
				    "1.5",
				    ".",
				    "1..0",
				    "0x10",
				    "1kk",
				    "1e3",
				    "1 k",
				    "k",
				    "1.0005k",
				    "18446744073709551616",
				    "99999999999G",
				    "0.00000000000000000000001G" };
	char why[100], option[60];

	refused("--rate abc", "--rate: \"abc\" is not a number (0..)");
	refused("-rabc", "-r: \"abc\" is not a number (0..)");
	refused("-m 0", "-m: \"0\" is not a number (1..64)");
	refused("-m 65", "-m: \"65\" is not a number (1..64)");
	refused("-m 1k", "-m: \"1k\" is not a number (1..64)");
	refused("--port=65536", "--port: \"65536\" is not a number (0..65535)");
	refused("-w 0", "-w: \"0\" is not a time in seconds (1e-09..60)");
	refused("-w 1m", "-w: \"1m\" is not a time in seconds (1e-09..60)");
	refused("-w 61", "-w: \"61\" is not a time in seconds (1e-09..60)");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *argv[] = { args[0], option, NULL };
		const char *said;
		int ret;

		snprintf(option, sizeof(option), "--rate=%s", bad[i]);
		scratch_hear_begin();
		ret = opt_parse(table, &config, 2, argv);
		said = scratch_hear_end();
		snprintf(why, sizeof(why),
			 "whither: --rate: \"%s\" is not a number (0..)\n",
			 bad[i]);
		assert_string_equal(said, why);
		assert_int_equal(ret, -EINVAL);
	}
}

static void test_refused(void **state)
{
	char line[512] = "";

	refused("--foo", "unknown option --foo; see whither sweep --help");
	refused("--foo=1", "unknown option --foo; see whither sweep --help");
	/* no abbreviations: they break when an option is added */
	refused("--rat 1", "unknown option --rat; see whither sweep --help");
	refused("--=1", "unknown option --; see whither sweep --help");
	refused("-nZ", "unknown option -Z; see whither sweep --help");
	refused("-q", "-q needs a value: N");
	refused("--queries", "--queries needs a value: N");
	refused("--icmp=1", "--icmp takes no value");
	refused("-s 300.1.1.1", "-s: \"300.1.1.1\" is not an address");
	refused("-P gre", "-P: \"gre\" is none of udp, icmp, tcp");
	refused("--exclude bad", "--exclude: \"bad\" is bad");
	for (int i = 0; i < 10; i++)
		strcat(line, "-oa -ob -oc ");
	parse_options(line);
	assert_int_equal(config.out.count, 30);
	strcat(line, "-oa -ob ");
	parse_options(line);
	strcat(line, "-oc");
	refused(line, "-o: given more than 32 times");
}

static void test_help(void **state)
{
	assert_int_equal(parse("-n --help"), -ECANCELED);
	assert_int_equal(parse("-h"), -ECANCELED);
	assert_int_equal(parse("-nh"), -ECANCELED);
	/* behind -- it is a word like others */
	assert_int_equal(parse("-- --help"), 2);
}

static void test_usage(void **state)
{
	char *text = NULL, *line, *save;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	opt_usage(to, "whither sweep [options] [TARGET...]",
		  "Traces many targets at once, as fast as the card can send, "
		  "and writes what answers.",
		  table);
	fclose(to);
	assert_non_null(strstr(text, "usage: whither sweep [options] [TARG"));
	assert_non_null(strstr(text, "\nWhat to send:\n"));
	assert_non_null(strstr(text, "\n  -n                        no names"));
	assert_non_null(strstr(text, "\n  -m, --max TTL             last TTL"));
	assert_non_null(strstr(text, "\n      --port PORT           port\n"));
	assert_non_null(strstr(text, "\n  -s, --source-address-of-probes "
				     "ADDRESS\n                            "
				     "source\n"));
	assert_non_null(strstr(text, "\n  -h, --help                print"));
	/* a row without help is not shown */
	assert_null(strstr(text, "version"));
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		assert_in_range(strlen(line), 0, 80);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way_to_write_a_value),
		cmocka_unit_test(test_operands_come_last_and_in_order),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_counts_and_seconds),
		cmocka_unit_test(test_numbers_refused),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
