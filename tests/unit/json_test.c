/* SPDX-License-Identifier: BSD-2-Clause */
/* json_test: commas, escapes, numbers; and numbers and addresses as text. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/ascii.h"
#include "lib/inet.h"
#include "lib/json.h"

static struct json j;
static char *text;
static size_t text_size;

static void begin(void)
{
	FILE *to = open_memstream(&text, &text_size);

	assert_non_null(to);
	json_init(&j, to);
}

static void end(const char *want)
{
	json_flush(&j);
	fclose(j.to);
	assert_string_equal(text, want);
	free(text);
}

static void test_commas(void **state)
{
	begin();
	json_object(&j, NULL);
	json_array(&j, "none");
	json_end(&j);
	json_object(&j, "one");
	json_bool(&j, "t", true);
	json_end(&j);
	json_array(&j, "more");
	json_u64(&j, NULL, 1);
	json_object(&j, NULL);
	json_end(&j);
	json_null(&j, NULL);
	json_array(&j, NULL);
	json_bool(&j, NULL, false);
	json_end(&j);
	json_end(&j);
	json_u64(&j, "last", 2);
	json_end(&j);
	json_u64(&j, NULL, 3);
	end("{\"none\":[],\"one\":{\"t\":true},\"more\":[1,{},null,[false]],"
	    "\"last\":2}\n3\n");
}

static void test_numbers(void **state)
{
	begin();
	json_array(&j, NULL);
	json_s64(&j, NULL, -1);
	json_s64(&j, NULL, INT64_MIN);
	json_s64(&j, NULL, 7);
	json_u64(&j, NULL, 0);
	json_u64(&j, NULL, 4294967295);
	json_u64(&j, NULL, 4294967296);
	json_u64(&j, NULL, 1ULL << 53);
	json_u64(&j, NULL, (1ULL << 53) + 1);
	json_u64(&j, NULL, ~0ULL);
	json_fixed(&j, NULL, 0, 3);
	json_fixed(&j, NULL, 1234567, 3);
	json_fixed(&j, NULL, 1000000001, 9);
	json_end(&j);
	end("[-1,\"-9223372036854775808\",7,0,4294967295,4294967296,"
	    "9007199254740992,\"9007199254740993\","
	    "\"18446744073709551615\",0.000,1234.567,1.000000001]\n");
}

static void test_strings(void **state)
{
	begin();
	json_array(&j, NULL);
	json_string(&j, NULL, "");
	json_string(&j, NULL, "a\"b\\c\n\x01\x7f/");
	json_string(&j, NULL, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
	/* alone, cut short, too long, a surrogate, beyond the last */
	json_string(&j, NULL, "\x80");
	json_string(&j, NULL, "\xe2\x82");
	json_string(&j, NULL, "\xc0\xaf");
	json_string(&j, NULL, "\xed\xa0\x80");
	json_string(&j, NULL, "\xf4\x90\x80\x80");
	json_end(&j);
#define R "\xef\xbf\xbd"
	end("[\"\",\"a\\\"b\\\\c\\u000a\\u0001\\u007f/\","
	    "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7\",\"" R "\",\"" R R
	    "\",\"" R R "\",\"" R R R "\",\"" R R R R "\"]\n");
}

/* Longer than the buffer, and across its end at every place. */
static void test_long(void **state)
{
	static char s[3 * JSON_BUFFER + 1], want[3 * JSON_BUFFER + 8];

	for (int n = JSON_BUFFER - 40; n < JSON_BUFFER + 40; n++) {
		memset(s, 'x', (size_t)n);
		s[n] = '\0';
		begin();
		json_array(&j, NULL);
		json_string(&j, NULL, s);
		json_u64(&j, NULL, 7);
		json_end(&j);
		snprintf(want, sizeof(want), "[\"%s\",7]\n", s);
		end(want);
	}
	memset(s, 'y', sizeof(s) - 1);
	begin();
	json_string(&j, NULL, s);
	snprintf(want, sizeof(want), "\"%s\"\n", s);
	end(want);
}

static void check_addr(const char *want)
{
	char got[ASCII_ADDR + 1];
	struct addr a;

	assert_int_equal(inet_parse(want, &a), 0);
	*ascii_addr(got, &a) = '\0';
	assert_string_equal(got, want);
}

/* The examples of RFC 5952 section 4 among them. */
static void test_addresses(void **state)
{
	char got[ASCII_MAPPED + 1];
	struct addr a;

	check_addr("0.0.0.0");
	check_addr("255.255.255.255");
	check_addr("9.10.99.100");
	check_addr("::");
	check_addr("::1");
	check_addr("1::");
	check_addr("2001:db8::1");
	check_addr("2001:db8:0:1:1:1:1:1");
	check_addr("2001:db8::1:0:0:1");
	check_addr("2001:0:0:1::1");
	check_addr("0:1:2:3:4:5:6:7");
	check_addr("1:2:3:4:5:6:7:0");
	check_addr("::2:3:4:5:6:7");
	check_addr("1:2:3:4:5:6::");
	inet_parse("192.0.2.33", &a);
	*ascii_addr_mapped(got, &a) = '\0';
	assert_string_equal(got, "::ffff:192.0.2.33");
	inet_parse("2001:db8::33", &a);
	*ascii_addr_mapped(got, &a) = '\0';
	assert_string_equal(got, "2001:db8::33");
}

/* All shapes of zero groups, against the C library. It writes the deprecated
 * ::a.b.c.d its own way. */
static void test_all_zero_runs(void **state)
{
	char got[ASCII_ADDR + 1], want[INET6_ADDRSTRLEN];
	struct addr a;

	for (unsigned int shape = 4; shape < 256; shape++) {
		for (int i = 0; i < 8; i++) {
			u32 v = shape >> i & 1 ? 1u << (shape + i) % 16 : 0;

			a.b[2 * i] = (u8)(v >> 8);
			a.b[2 * i + 1] = (u8)v;
		}
		if (!(shape & 63))
			continue;
		inet_ntop(AF_INET6, a.b, want, sizeof(want));
		*ascii_addr(got, &a) = '\0';
		assert_string_equal(got, want);
	}
}

static void test_integers(void **state)
{
	char got[ASCII_U64 + 1], want[ASCII_U64 + 1];
	u64 v = 1;

	for (int i = 0; i < 20; i++, v *= 10) {
		for (int d = -1; d < 2; d++) {
			*ascii_u64(got, v + (u64)d) = '\0';
			snprintf(want, sizeof(want), "%llu",
				 (unsigned long long)(v + (u64)d));
			assert_string_equal(got, want);
		}
	}
	*ascii_digits(got, 42, 5) = '\0';
	assert_string_equal(got, "00042");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_all_zero_runs),
		cmocka_unit_test(test_integers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
