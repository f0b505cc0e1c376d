/* SPDX-License-Identifier: BSD-2-Clause */
/* probing_txt_test: the file, line by line, and fields that are refused. */
#include "cmd/probing_txt.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "scratch.h"

static void test_file(void **state)
{
	const struct probing_txt p = {
		.contacts = { { "lab@example.net", "tel:+1-201-555-0123" }, 2 },
		.canonical = "https://example.net/.well-known/probing.txt",
		.description = "Which way packets take.",
		.days = 366,
	};
	const u64 leap_day = 1709164799; /* 2024-02-28T23:59:59Z */
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_int_equal(probing_txt_check(&p), 0);
	probing_txt_print(to, &p, leap_day * NS_PER_S + 999999999);
	fclose(to);
	assert_string_equal(
		text, "Canonical: https://example.net/.well-known/probing.txt\n"
		      "Contact: mailto:lab@example.net\n"
		      "Contact: tel:+1-201-555-0123\n"
		      "Expires: 2025-02-28T23:59:59Z\n"
		      "Description: Which way packets take.\n");
	free(text);
}

static void test_least(void **state)
{
	const struct probing_txt p = {
		.contacts = { { "https://example.net/contact" }, 1 },
		.days = 1,
	};
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_int_equal(probing_txt_check(&p), 0);
	probing_txt_print(to, &p, 0);
	fclose(to);
	assert_string_equal(text, "Contact: https://example.net/contact\n"
				  "Expires: 1970-01-02T00:00:00Z\n");
	free(text);
}

static void test_refused(void **state)
{
	static const struct {
		struct probing_txt p;
		const char *says;
	} rows[] = {
		{ { .days = 1 }, "--contact is missing" },
		{ { .contacts = { { "nobody" }, 1 } }, "--contact: neither" },
		{ { .contacts = { { "a@b", "a@b@c" }, 2 } }, "a@b@c" },
		{ { .contacts = { { "a b@c" }, 1 } }, "a b@c" },
		{ { .contacts = { { "@c" }, 1 } }, "@c" },
		{ { .contacts = { { "a@" }, 1 } }, "a@" },
		{ { .contacts = { { "a@b\nExpires: x" }, 1 } }, "--contact" },
		{ { .contacts = { { "http://b/" }, 1 } }, "http://b/" },
		{ { .contacts = { { "a@b" }, 1 }, .canonical = "http://b/" },
		  "--canonical: not an https URI: http://b/" },
		{ { .contacts = { { "a@b" }, 1 }, .canonical = "tel:1" },
		  "--canonical" },
		{ { .contacts = { { "a@b" }, 1 }, .description = "a\nb" },
		  "--description: not one line" },
		{ { .contacts = { { "a@b" }, 1 }, .description = "" },
		  "--description: not one line" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *said;
		int ret;

		scratch_hear_begin();
		ret = probing_txt_check(&rows[i].p);
		said = scratch_hear_end();
		if (ret != -EINVAL || !strstr(said, rows[i].says) ||
		    strchr(said, '\n') != said + strlen(said) - 1)
			fail_msg("row %zu: %d, %s", i, ret, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
