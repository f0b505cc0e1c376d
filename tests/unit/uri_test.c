/* SPDX-License-Identifier: BSD-2-Clause */
/* uri_test: what is one, and what is not. */
#include "lib/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_valid(void **state)
{
	static const struct {
		const char *text;
		bool valid, describes;
	} rows[] = {
		{ "https://example.net/measurement.txt", true, true },
		{ "HTTPS://[2001:db8::1]/a?b=c#d", true, true },
		{ "mailto:lab@example.net", true, true },
		{ "tel:+1-201-555-0123", true, true },
		{ "https://example.net/%C3%a9", true, true },
		{ "http://example.net/", true, false },
		{ "https:example.net", true, false },
		{ "https://", true, false },
		{ "x-y+1.z:a", true, false },
		{ "https://example.net/%C", false, false },
		{ "https://example.net/%zz", false, false },
		{ "https://example.net/a b", false, false },
		{ "https://example.net/\n", false, false },
		{ "https://example.net/\xc3\xa9", false, false },
		{ "https://example.net/<x>", false, false },
		{ "lab@example.net", false, false },
		{ "mailto:", false, false },
		{ ":x", false, false },
		{ "1x:y", false, false },
		{ "a_b:c", false, false },
		{ "", false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (uri_valid(rows[i].text) != rows[i].valid ||
		    uri_describes(rows[i].text) != rows[i].describes)
			fail_msg("%s", rows[i].text);
	}
	assert_true(uri_has_scheme("HttpS:x", "https"));
	assert_false(uri_has_scheme("httpss:x", "https"));
	assert_false(uri_has_scheme("https", "https"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
