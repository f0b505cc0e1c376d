/* SPDX-License-Identifier: BSD-2-Clause */
/* lines_test: any octets at all come out as items that are safe to show. */
#include "lib/lines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scratch.h"

/* The items of the octets, each behind its line's number, joined by `|`. */
static const char *items(const void *octets, size_t len)
{
	static char joined[4096];
	struct lines l;
	size_t n = 0;
	int ret;

	assert_int_equal(lines_open(&l, scratch_file(octets, len)), 0);
	joined[0] = '\0';
	while ((ret = lines_next(&l)) > 0)
		n += (size_t)snprintf(joined + n, sizeof(joined) - n,
				      "%s%llu %s", n ? "|" : "",
				      (unsigned long long)l.number, l.text);
	assert_int_equal(ret, 0);
	/* the end stays the end */
	assert_int_equal(lines_next(&l), 0);
	lines_close(&l);
	scratch_remove();
	return joined;
}

static const char *items_of(const char *text)
{
	return items(text, strlen(text));
}

static void test_what_a_line_holds(void **state)
{
	assert_string_equal(items_of(""), "");
	assert_string_equal(items_of("a"), "1 a");
	assert_string_equal(items_of("a\n"), "1 a");
	assert_string_equal(items_of("a\r\nb\r\n"), "1 a|2 b");
	assert_string_equal(items_of("\n\n  \t\na\n\n"), "4 a");
	assert_string_equal(items_of("# x\na # y\n#\nb#z"), "2 a|4 b");
	assert_string_equal(items_of("\t a b \t\r\n"), "1 a b");
	assert_string_equal(items_of("a\rb"), "1 a b");
	assert_string_equal(items_of("#\n#"), "");
}

static void test_octets_that_do_not_print(void **state)
{
	static const char nul[] = "1.2.3.4\0 5\nb\0\n\0\n";

	assert_string_equal(items(nul, sizeof(nul) - 1),
			    "1 1.2.3.4? 5|2 b?|3 ?");
	assert_string_equal(items_of("\x1b[31m\x7f\xff"), "1 ?[31m??");
}

static void test_overlong(void **state)
{
	char text[5000], expected[200];

	for (size_t n = 110; n < sizeof(text) - 2; n += n < 140 ? 1 : 97) {
		memset(text, '1', n);
		text[n] = '\0';
		if (n <= 124)
			snprintf(expected, sizeof(expected), "1 %.124s", text);
		else
			snprintf(expected, sizeof(expected), "1 %.124s...",
				 text);
		assert_string_equal(items_of(text), expected);
		/* space and a comment do not make an item long */
		memset(text, ' ', n);
		text[0] = 'a';
		assert_string_equal(items_of(text), "1 a");
		text[2] = '#';
		assert_string_equal(items_of(text), "1 a");
	}
}

static void test_unreadable(void **state)
{
	struct lines l;

	scratch_hear_begin();
	assert_int_equal(lines_open(&l, "/nonexistent/x"), -ENOENT);
	assert_string_equal(scratch_hear_end(),
			    "whither: cannot read /nonexistent/x: No such file "
			    "or directory\n");
	lines_close(&l);
	/* a folder can be opened, but not read */
	scratch_hear_begin();
	assert_int_equal(lines_open(&l, "/tmp"), 0);
	assert_int_equal(lines_next(&l), -EISDIR);
	assert_string_equal(scratch_hear_end(), "whither: cannot read /tmp: "
						"Is a directory\n");
	lines_close(&l);
	lines_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_line_holds),
		cmocka_unit_test(test_octets_that_do_not_print),
		cmocka_unit_test(test_overlong),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
