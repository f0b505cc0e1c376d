/* SPDX-License-Identifier: BSD-2-Clause */
/* targets_test: numbers and addresses answer to each other, one to one. */
#include "plan/targets.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/inet.h"
#include "scratch.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static struct targets targets(u8 per_v4, u8 per_v6, u64 seed)
{
	const struct targets_config config = { per_v4, per_v6, seed };
	struct targets t;

	targets_init(&t, &config);
	return t;
}

static void add(struct targets *t, const char *text)
{
	assert_int_equal(targets_add(t, text), 0);
}

static u64 any(void)
{
	return (u64)rand() << 42 ^ (u64)rand() << 21 ^ (u64)rand();
}

/* Each number has an address of its own, whose number it is. */
static void check_one_to_one(const struct targets *t)
{
	for (u64 i = 0; i < targets_count(t); i++) {
		struct addr a;

		targets_at(t, i, &a);
		if (addr_is_v4(&a) != (i < targets_v4(t)) ||
		    targets_find(t, &a) != (s64)i)
			fail_msg("%llu is found as %lld", (unsigned long long)i,
				 (long long)targets_find(t, &a));
	}
}

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

/* A plain set of addresses, to compare with. */
struct plain {
	struct addr *addr;
	size_t count, room, asked;
};

static void plain_add(struct plain *s, const struct prefix *p)
{
	u128 first = u128_from_addr(&p->addr);
	u64 n = 1ULL << ((p->family == 4 ? 32 : 128) - p->len);

	while (s->count + n > s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->addr = realloc(s->addr, s->room * sizeof(*s->addr));
		assert_non_null(s->addr);
	}
	for (u64 i = 0; i < n; i++)
		s->addr[s->count++] = u128_to_addr(first + i);
}

static void plain_seal(struct plain *s)
{
	size_t to = 0;

	s->asked = s->count;
	qsort(s->addr, s->count, sizeof(*s->addr), by_octets);
	for (size_t i = 0; i < s->count; i++)
		if (!to || !addr_equal(&s->addr[to - 1], &s->addr[i]))
			s->addr[to++] = s->addr[i];
	s->count = to;
}

static bool plain_has(const struct plain *s, const struct addr *a)
{
	return bsearch(a, s->addr, s->count, sizeof(*a), by_octets) != NULL;
}

/* Text of a prefix near others; now and then of an address alone. */
static void any_text(char *text, bool v4, unsigned int spread)
{
	struct addr a;
	int host = rand() % 3 ? 0 : rand() % 9;

	a = v4 ? addr_from_v4(be32_put(0x0a000000 + (u32)any() % spread))
	       : u128_to_addr(((u128)0x20010db8 << 96) + any() % spread);
	if (rand() % 50 == 0)
		a = v4 ? addr_from_v4(be32_put(UINT32_MAX))
		       : u128_to_addr(U128_MAX);
	inet_format(&a, text);
	if (host)
		sprintf(text + strlen(text), "/%d", (v4 ? 32 : 128) - host);
}

static void test_as_a_plain_set(void **state)
{
	srand(11);
	for (int round = 0; round < 300; round++) {
		unsigned int spread = 1u << (4 + rand() % 14);
		struct targets t = targets(0, 0, 0);
		int n = 1 + rand() % 400;
		struct plain s = {};

		for (int i = 0; i < n; i++) {
			char text[INET_TEXT + 8];
			struct prefix p;

			any_text(text, rand() % 2, spread);
			add(&t, text);
			assert_int_equal(inet_parse_prefix(text, &p), 0);
			plain_add(&s, &p);
		}
		assert_int_equal(targets_seal(&t), 0);
		plain_seal(&s);
		assert_int_equal(targets_count(&t), s.count);
		assert_int_equal(targets_duplicates(&t), s.asked - s.count);
		check_one_to_one(&t);
		for (int i = 0; i < 1000; i++) {
			char text[INET_TEXT + 8];
			struct addr a;

			any_text(text, rand() % 2, spread * 2);
			text[strcspn(text, "/")] = '\0';
			a = addr(text);
			assert_int_equal(targets_find(&t, &a) >= 0,
					 plain_has(&s, &a));
		}
		free(s.addr);
		targets_fini(&t);
	}
}

/* Lists long enough for every level of the sort and the jump table. */
static void check_long_list(bool v4, u128 mask, u128 base)
{
	enum { N = 30000 };
	struct targets t = targets(0, 0, 0);
	struct plain s = {};
	char text[INET_TEXT];
	struct prefix p;

	for (int i = 0; i < N; i++) {
		u128 v = (((u128)any() << 64 | any()) & mask) + base;
		struct addr a =
			v4 ? addr_from_v4(be32_put((u32)v)) : u128_to_addr(v);

		add(&t, inet_format(&a, text));
		assert_int_equal(inet_parse_prefix(text, &p), 0);
		plain_add(&s, &p);
	}
	plain_seal(&s);
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_count(&t), s.count);
	for (size_t i = 0; i < s.count; i++) {
		struct addr a;

		targets_at(&t, i, &a);
		assert_true(addr_equal(&a, &s.addr[i]));
		assert_int_equal(targets_find(&t, &a), i);
		a.b[15] ^= 1;
		assert_int_equal(targets_find(&t, &a) >= 0, plain_has(&s, &a));
		a.b[rand() % 16] ^= (u8)rand();
		assert_int_equal(targets_find(&t, &a) >= 0, plain_has(&s, &a));
	}
	free(s.addr);
	targets_fini(&t);
}

static void test_long_lists(void **state)
{
	const u128 v6 = (u128)0x20010db8 << 96;

	srand(12);
	check_long_list(true, UINT32_MAX, 0);
	check_long_list(true, 0xffff, 0x0a000000);
	check_long_list(true, 0xff00ff00, 0);
	check_long_list(false, U128_MAX >> 16, v6);
	check_long_list(false, 0xffff, v6);
	check_long_list(false, (u128)0xffff << 64, v6);
	check_long_list(false, (u128)0xff << 120 | 0xff, (u128)1 << 64);
	check_long_list(false, U128_MAX, 0);
}

/* One in each /N, within it, never its first or last address. */
static void test_one_in_each(void **state)
{
	struct targets t = targets(24, 48, 7);
	u32 differ = 0;
	struct addr a;

	add(&t, "10.0.0.0/8");
	add(&t, "2001:db8::/32");
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_v4(&t), 65536);
	assert_int_equal(targets_v6(&t), 65536);
	assert_int_equal(targets_count(&t), 131072);
	assert_int_equal(targets_duplicates(&t), 0);
	for (u64 i = 0; i < 65536; i++) {
		targets_at(&t, i, &a);
		assert_true(be32_get(a.w[3]) >> 8 == 0x0a0000 + i);
		assert_in_range(a.b[15], 1, 254);
		differ += a.b[15] != 77;
		targets_at(&t, 65536 + i, &a);
		assert_true(u128_from_addr(&a) >> 80 ==
			    ((u64)0x20010db8 << 16) + i);
		assert_true((u128_from_addr(&a) & u128_mask(80)) != 0);
		assert_true((u128_from_addr(&a) & u128_mask(80)) !=
			    u128_mask(80));
	}
	/* hosts are spread: 1 of 254 is any given one */
	assert_in_range(differ, 65000, 65500);
	check_one_to_one(&t);
	targets_fini(&t);
}

static void test_only_the_sample_is_found(void **state)
{
	struct targets t = targets(24, 120, 99);
	u32 found = 0;

	add(&t, "192.0.2.0/23");
	add(&t, "2001:db8::/118");
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_count(&t), 2 + 4);
	for (u32 i = 0; i < 1024; i++) {
		struct addr a = addr_from_v4(be32_put(0xc0000100 + i));

		found += targets_find(&t, &a) >= 0;
		a = u128_to_addr(((u128)0x20010db8 << 96) + i);
		found += targets_find(&t, &a) >= 0;
	}
	assert_int_equal(found, 6);
	targets_fini(&t);
}

static void test_every_length(void **state)
{
	for (u8 per = 1; per <= 32; per++) {
		for (u8 len = per > 12 ? per - 12 : 0; len <= 32; len++) {
			struct targets t = targets(per, 0, per);
			char text[INET_TEXT];
			struct addr a;
			u64 n = len < per ? 1ULL << (per - len) : 1;

			snprintf(text, sizeof(text), "93.184.216.34/%u", len);
			add(&t, text);
			assert_int_equal(targets_seal(&t), 0);
			assert_int_equal(targets_count(&t), n);
			check_one_to_one(&t);
			for (u64 i = 0; i < n; i++) {
				u8 host = 32 - (len > per ? len : per);
				u32 mask = (u32)u128_mask(host);

				targets_at(&t, i, &a);
				if (host < 2)
					continue;
				assert_true(be32_get(a.w[3]) & mask);
				assert_true(~be32_get(a.w[3]) & mask);
			}
			targets_fini(&t);
		}
	}
	for (u8 per = 3; per <= 128; per++) {
		struct targets t = targets(0, per, per);
		char text[INET_TEXT];

		snprintf(text, sizeof(text), "2001:db8:aaaa:bbbb::1/%u",
			 per > 12 ? per - 9 : per);
		add(&t, text);
		assert_int_equal(targets_seal(&t), 0);
		assert_int_equal(targets_count(&t), per > 12 ? 512 : 1);
		check_one_to_one(&t);
		targets_fini(&t);
	}
}

static void test_seed_chooses(void **state)
{
	struct targets a = targets(24, 0, 1), b = targets(24, 0, 2);
	struct targets c = targets(24, 0, 1);
	struct addr x, y, z;
	u32 same = 0;

	add(&a, "10.0.0.0/12");
	add(&b, "10.0.0.0/12");
	add(&c, "10.0.0.0/12");
	assert_int_equal(targets_seal(&a) | targets_seal(&b), 0);
	assert_int_equal(targets_seal(&c), 0);
	for (u64 i = 0; i < 4096; i++) {
		targets_at(&a, i, &x);
		targets_at(&b, i, &y);
		targets_at(&c, i, &z);
		same += addr_equal(&x, &y);
		assert_true(addr_equal(&x, &z));
	}
	assert_in_range(same, 1, 45); /* 4096 / 254 = 16 */
	targets_fini(&a);
	targets_fini(&b);
	targets_fini(&c);
}

/* The whole of both families, as it would be swept: nothing is stored. */
static void test_vast(void **state)
{
	struct targets t = targets(24, 48, 3);
	struct addr a;

	add(&t, "0.0.0.0/0");
	add(&t, "2000::/3");
	assert_int_equal(targets_seal(&t), 0);
	assert_true(targets_v4(&t) == 1 << 24);
	assert_true(targets_v6(&t) == 1ULL << 45);
	srand(13);
	for (int i = 0; i < 100000; i++) {
		u64 number = any() % targets_count(&t);

		targets_at(&t, number, &a);
		assert_true(targets_find(&t, &a) == (s64)number);
		a.b[15] ^= 1;
		assert_true(targets_find(&t, &a) == -1);
	}
	targets_at(&t, targets_count(&t) - 1, &a);
	assert_true(targets_find(&t, &a) == (s64)targets_count(&t) - 1);
	targets_fini(&t);
}

static void test_what_counts_once(void **state)
{
	struct targets t = targets(0, 0, 0);
	struct addr a;

	add(&t, "192.0.2.7");
	add(&t, "192.0.2.7/32");
	add(&t, "::ffff:192.0.2.7");
	add(&t, "192.0.2.0/28");
	add(&t, "192.0.2.0/28");
	add(&t, "192.0.2.8/30");
	add(&t, "2001:db8::1");
	add(&t, "2001:db8:0::1");
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_v4(&t), 16);
	assert_int_equal(targets_v6(&t), 1);
	assert_int_equal(targets_duplicates(&t), 3 + 16 + 4 + 1);
	a = addr("192.0.2.16");
	assert_int_equal(targets_find(&t, &a), -1);
	a = addr("2001:db8::1");
	assert_int_equal(targets_find(&t, &a), 16);
	targets_fini(&t);
}

/* An address beside the sample of its /24 counts; the sample itself does
 * not count again. */
static void test_address_in_a_sampled_prefix(void **state)
{
	struct targets t = targets(24, 0, 5);
	char text[INET_TEXT];
	struct addr sample;

	add(&t, "192.0.2.0/23");
	assert_int_equal(targets_seal(&t), 0);
	targets_at(&t, 1, &sample);
	targets_fini(&t);

	t = targets(24, 0, 5);
	add(&t, "192.0.2.0/24"); /* /24 in /23: nothing new */
	add(&t, inet_format(&sample, text));
	add(&t, "192.0.2.0/23");
	add(&t, "192.0.3.0");
	add(&t, "192.0.3.255");
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_count(&t), 2 + 2);
	assert_int_equal(targets_duplicates(&t), 2);
	check_one_to_one(&t);
	targets_fini(&t);
}

/* Sampled and single, nested, twice: still one to one. */
static void test_sampled_mixtures(void **state)
{
	srand(14);
	for (int round = 0; round < 60; round++) {
		struct targets t = targets((u8)(20 + rand() % 13),
					   (u8)(116 + rand() % 13), any());
		int n = 1 + rand() % 600;

		for (int i = 0; i < n; i++) {
			char text[INET_TEXT + 8];

			if (rand() % 2)
				snprintf(text, sizeof(text), "10.%d.%d.%d/%d",
					 rand() % 2, rand() % 256, rand() % 256,
					 18 + rand() % 15);
			else
				snprintf(text, sizeof(text),
					 "2001:db8:0:%x::%x/%d", rand() % 300,
					 rand() % 65536, 114 + rand() % 15);
			add(&t, text);
		}
		assert_int_equal(targets_seal(&t), 0);
		check_one_to_one(&t);
		targets_fini(&t);
	}
}

static void refused(struct targets *t, const char *text, int err,
		    const char *why)
{
	char expected[300];
	int ret;

	scratch_hear_begin();
	ret = targets_add(t, text);
	snprintf(expected, sizeof(expected), "whither: \"%s\" %s\n", text, why);
	assert_string_equal(scratch_hear_end(), expected);
	assert_int_equal(ret, err);
}

static void test_refused(void **state)
{
	const char *large = "holds more than 65536 addresses; --per-prefix N "
			    "takes one in each /N of it";
	const char *vast = "makes more than 2^56 targets in all";
	const char *mapped = "holds IPv4, mapped; the unicast addresses of "
			     "IPv6 are 2000::/3";
	const char *neither = "is neither an address nor a prefix";
	struct targets t = targets(0, 0, 0);

	refused(&t, "foo", -EINVAL, neither);
	refused(&t, "", -EINVAL, neither);
	refused(&t, "10.0.0.0/33", -EINVAL, neither);
	refused(&t, "10.0.0.0/15", -E2BIG, large);
	refused(&t, "0.0.0.0/0", -E2BIG, large);
	refused(&t, "2001:db8::/111", -E2BIG, large);
	refused(&t, "::/0", -E2BIG, large);
	add(&t, "10.0.0.0/16");
	add(&t, "2001:db8::/112");
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_count(&t), 131072);
	check_one_to_one(&t);
	targets_fini(&t);

	t = targets(8, 64, 0);
	refused(&t, "::/0", -E2BIG, mapped);
	refused(&t, "::/80", -E2BIG, mapped);
	refused(&t, "::8000:0:0/81", -E2BIG, mapped);
	refused(&t, "2000::/7", -E2BIG, vast);
	add(&t, "2000::/8");
	refused(&t, "2000::/32", -E2BIG, vast);
	assert_int_equal(targets_seal(&t), 0);
	assert_true(targets_count(&t) == TARGETS_MAX);
	targets_fini(&t);

	t = targets(0, 128, 0);
	refused(&t, "2001::/16", -E2BIG, vast);
	targets_fini(&t);
}

static void test_nothing(void **state)
{
	struct addr v4 = addr("192.0.2.1"), none = addr("::");
	struct targets t = targets(0, 0, 0);

	assert_int_equal(targets_read(&t, scratch_text("")), 0);
	scratch_remove();
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_count(&t), 0);
	assert_int_equal(targets_find(&t, &v4), -1);
	assert_int_equal(targets_find(&t, &none), -1);
	targets_fini(&t);
	targets_fini(&t);
}

static void test_file(void **state)
{
	struct targets t = targets(0, 0, 0);

	assert_int_equal(targets_read(&t, scratch_text("# a list\r\n"
						       "192.0.2.1\r\n\r\n"
						       "192.0.2.8/30 # four\n"
						       "\t2001:db8::1\n"
						       "192.0.2.1")),
			 0);
	assert_int_equal(targets_seal(&t), 0);
	assert_int_equal(targets_v4(&t), 5);
	assert_int_equal(targets_v6(&t), 1);
	assert_int_equal(targets_duplicates(&t), 1);
	targets_fini(&t);
	scratch_remove();
}

static void bad_file(const char *text, int err, const char *why)
{
	const char *path = scratch_text(text);
	struct targets t = targets(0, 0, 0);
	char expected[300];
	int ret;

	scratch_hear_begin();
	ret = targets_read(&t, path);
	snprintf(expected, sizeof(expected), "whither: %s:%s\n", path, why);
	assert_string_equal(scratch_hear_end(), expected);
	assert_int_equal(ret, err);
	targets_fini(&t);
	scratch_remove();
}

static void test_bad_files(void **state)
{
	struct targets t = targets(0, 0, 0);

	bad_file("192.0.2.1\n\n# x\nfoo\n", -EINVAL,
		 "4: \"foo\" is neither an address nor a prefix");
	bad_file("192.0.2.1 192.0.2.2\n", -EINVAL,
		 "1: \"192.0.2.1 192.0.2.2\" is neither an address nor a "
		 "prefix");
	bad_file("\x1b[2J\n", -EINVAL,
		 "1: \"?[2J\" is neither an address nor a prefix");
	bad_file("10.0.0.0/8\n", -E2BIG,
		 "1: \"10.0.0.0/8\" holds more than 65536 addresses; "
		 "--per-prefix N takes one in each /N of it");
	scratch_hear_begin();
	assert_int_equal(targets_read(&t, "/nonexistent"), -ENOENT);
	assert_string_equal(scratch_hear_end(), "whither: cannot read "
						"/nonexistent: No such file or "
						"directory\n");
	targets_fini(&t);
}

static void test_any_octets(void **state)
{
	static const char alphabet[] = "0123456789abf:./\n\n\r# \xff";
	char octets[400];
	int taken = 0;

	srand(15);
	for (int round = 0; round < 3000; round++) {
		struct targets t = targets((u8)rand(), (u8)rand(), any());
		size_t n = (size_t)rand() % sizeof(octets);
		int ret;

		for (size_t i = 0; i < n; i++)
			octets[i] = rand() % 50 ? alphabet[(size_t)rand() %
							   sizeof(alphabet)]
						: (char)rand();
		scratch_hear_begin();
		ret = targets_read(&t, scratch_file(octets, n));
		scratch_hear_end();
		assert_true(ret == 0 || ret == -EINVAL || ret == -E2BIG);
		taken += !ret;
		assert_int_equal(targets_seal(&t), 0);
		if (targets_count(&t) < 100000)
			check_one_to_one(&t);
		targets_fini(&t);
	}
	assert_in_range(taken, 1, 2999);
	scratch_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_plain_set),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_one_in_each),
		cmocka_unit_test(test_only_the_sample_is_found),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_seed_chooses),
		cmocka_unit_test(test_vast),
		cmocka_unit_test(test_what_counts_once),
		cmocka_unit_test(test_address_in_a_sampled_prefix),
		cmocka_unit_test(test_sampled_mixtures),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_any_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
