/* SPDX-License-Identifier: BSD-2-Clause */
/* inet_test: addresses and prefixes as text. */
#include "lib/inet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(inet_parse_prefix(text, &p), 0);
	return p;
}

static void test_addresses(void **state)
{
	const char *const same[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "::", "::" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
	};
	char text[INET_TEXT];

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		struct addr a = addr(same[i][0]);

		assert_string_equal(inet_format(&a, text), same[i][1]);
	}
	assert_true(addr_is_v4(&(struct addr){ .b = { [10] = 0xff, 0xff } }));
	assert_true(be32_get(addr("1.2.3.4").w[3]) == 0x01020304);
}

static void test_not_addresses(void **state)
{
	const char *const bad[] = { "",		 "foo",	       "1.2.3",
				    "1.2.3.4.5", "1.2.3.256",  "1.2.3.4 ",
				    " 1.2.3.4",	 "1.2.3.4/8",  "2001:db8:::1",
				    "2001:db8",	 "fe80::1%lo", "::1/128",
				    "0x1.2.3.4", "12345::",    "1.2.3.-4" };
	struct addr a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!inet_parse(bad[i], &a))
			fail_msg("\"%s\" is taken for an address", bad[i]);
}

static void test_prefixes(void **state)
{
	const struct {
		const char *text, *first;
		int family, len;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0", 4, 24 },
		{ "192.0.2.77/24", "192.0.2.0", 4, 24 },
		{ "192.0.2.77/29", "192.0.2.72", 4, 29 },
		{ "192.0.2.77", "192.0.2.77", 4, 32 },
		{ "192.0.2.77/32", "192.0.2.77", 4, 32 },
		{ "255.255.255.255/0", "0.0.0.0", 4, 0 },
		{ "255.255.255.255/1", "128.0.0.0", 4, 1 },
		{ "2001:db8::/32", "2001:db8::", 6, 32 },
		{ "2001:db8:ffff::/33", "2001:db8:8000::", 6, 33 },
		{ "2001:db8::1", "2001:db8::1", 6, 128 },
		{ "ffff::/0", "::", 6, 0 },
		{ "::ffff:192.0.2.77/24", "192.0.2.0", 4, 24 },
	};
	char text[INET_TEXT];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct prefix p = prefix(rows[i].text);

		assert_string_equal(inet_format(&p.addr, text), rows[i].first);
		assert_int_equal(p.family, rows[i].family);
		assert_int_equal(p.len, rows[i].len);
	}
}

static void test_not_prefixes(void **state)
{
	const char *const bad[] = {
		"",
		"/24",
		"192.0.2.0/",
		"192.0.2.0/33",
		"192.0.2.0/-1",
		"192.0.2.0/+8",
		"192.0.2.0/ 8",
		"192.0.2.0/8x",
		"192.0.2.0/8/8",
		"192.0.2.0/18446744073709551616",
		"2001:db8::/129",
		"foo/8",
		"1111111111111111111111111111111111111111111111111111111111/8",
		"::ffff:0:0/96", /* IPv4 counts from the IPv4 address */
	};
	struct prefix p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!inet_parse_prefix(bad[i], &p))
			fail_msg("\"%s\" is taken for a prefix", bad[i]);
}

/* Text of no more than the 46 octets that any address needs. */
static void test_random_octets(void **state)
{
	static const char alphabet[] = "0123456789abcdef:./ x%\xff\t";
	struct prefix p;

	srand(8);
	for (int i = 0; i < 200000; i++) {
		char text[80], back[INET_TEXT];
		size_t n = (size_t)rand() % (sizeof(text) - 1);

		for (size_t k = 0; k < n; k++)
			text[k] = alphabet[(size_t)rand() %
					   (sizeof(alphabet) - 1)];
		text[n] = '\0';
		if (inet_parse_prefix(text, &p))
			continue;
		assert_true(p.len <= (p.family == 4 ? 32 : 128));
		assert_true(inet_in_prefix(&p.addr, &p));
		assert_true(addr(inet_format(&p.addr, back)).q[1] ==
			    p.addr.q[1]);
	}
}

static void test_in_prefix(void **state)
{
	const struct {
		const char *addr, *prefix;
		bool in;
	} rows[] = {
		{ "192.0.2.0", "192.0.2.0/24", true },
		{ "192.0.2.255", "192.0.2.0/24", true },
		{ "192.0.3.0", "192.0.2.0/24", false },
		{ "192.0.1.255", "192.0.2.0/24", false },
		{ "1.2.3.4", "0.0.0.0/0", true },
		{ "1.2.3.4", "1.2.3.4", true },
		{ "1.2.3.5", "1.2.3.4", false },
		{ "1.2.3.4", "::/0", false },
		{ "::1.2.3.4", "0.0.0.0/0", false },
		{ "2001:db8::1", "::/0", true },
		{ "2001:db8:7fff::", "2001:db8::/33", true },
		{ "2001:db8:8000::", "2001:db8::/33", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr a = addr(rows[i].addr);
		struct prefix p = prefix(rows[i].prefix);

		assert_int_equal(inet_in_prefix(&a, &p), rows[i].in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_not_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_not_prefixes),
		cmocka_unit_test(test_random_octets),
		cmocka_unit_test(test_in_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
