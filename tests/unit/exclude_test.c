/* SPDX-License-Identifier: BSD-2-Clause */
/* exclude_test: against a plain list of prefixes, and what is special. */
#include "plan/exclude.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scratch.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static void add(struct exclude *x, const char *text)
{
	struct prefix p;

	assert_int_equal(inet_parse_prefix(text, &p), 0);
	assert_int_equal(exclude_add(x, &p), 0);
}

static bool has(const struct exclude *x, const char *text)
{
	struct addr a = addr(text);

	return exclude_has(x, &a);
}

static u64 any(void)
{
	return (u64)rand() << 42 ^ (u64)rand() << 21 ^ (u64)rand();
}

/* Within few bits, so that prefixes meet, touch and hold each other. */
static struct prefix any_prefix(bool v4, unsigned int spread)
{
	struct prefix p;
	char text[INET_TEXT + 8];
	struct addr a;

	if (v4) {
		a = addr_from_v4(be32_put((u32)(any() << (32 - spread))));
		if (rand() % 8 == 0)
			a = addr_from_v4(be32_put(UINT32_MAX - (u32)any() % 9));
	} else {
		a = u128_to_addr((u128)any() << (128 - spread));
		if (rand() % 8 == 0)
			a = u128_to_addr(U128_MAX - any() % 9);
		if (rand() % 8 == 0) /* around the mapped addresses */
			a = u128_to_addr(((u128)0xffff << 32) - 3 + any() % 6);
	}
	inet_format(&a, text);
	sprintf(text + strlen(text), "/%d",
		addr_is_v4(&a) ? 8 + rand() % 25 : 4 + rand() % 125);
	assert_int_equal(inet_parse_prefix(text, &p), 0);
	return p;
}

/* The edges of a prefix and what lies beside them; or anything. */
static struct addr near(const struct prefix *p)
{
	unsigned int bits = p->family == 4 ? 32 : 128;
	u128 first = u128_from_addr(&p->addr);
	u128 last = first | u128_mask(bits - p->len);

	switch (rand() % 6) {
	case 0:
		return u128_to_addr(first);
	case 1:
		return u128_to_addr(last);
	case 2:
		return u128_to_addr(first - 1);
	case 3:
		return u128_to_addr(last + 1);
	case 4:
		return u128_to_addr(first + (last - first) / 2);
	}
	return rand() % 2 ? addr_from_v4(be32_put((u32)any()))
			  : u128_to_addr((u128)any() << 64 | any());
}

static void test_as_a_plain_list(void **state)
{
	enum { MOST = 60 };
	struct exclude x;

	srand(9);
	for (int round = 0; round < 600; round++) {
		struct prefix p[MOST];
		int n = 1 + rand() % MOST;
		unsigned int spread = 8 + (unsigned int)rand() % 17;

		exclude_init(&x);
		for (int i = 0; i < n; i++) {
			p[i] = any_prefix(rand() % 2, spread);
			assert_int_equal(exclude_add(&x, &p[i]), 0);
		}
		assert_int_equal(exclude_seal(&x), 0);
		for (int probe = 0; probe < 300; probe++) {
			struct addr a = near(&p[rand() % n]);
			bool expected = false;

			for (int i = 0; i < n; i++)
				expected |= inet_in_prefix(&a, &p[i]);
			assert_int_equal(exclude_has(&x, &a), expected);
		}
		exclude_fini(&x);
	}
}

/* Every address of a /14, so that the table's edges are passed. */
static void test_every_address_around_a_block(void **state)
{
	const char *const block[] = { "10.1.0.0/16", "10.1.128.0/17",
				      "10.0.255.255", "10.2.0.0/31",
				      "10.0.0.0/15" };
	struct exclude x;
	struct prefix p;

	for (size_t i = 0; i < sizeof(block) / sizeof(*block); i++) {
		exclude_init(&x);
		add(&x, block[i]);
		assert_int_equal(exclude_seal(&x), 0);
		inet_parse_prefix(block[i], &p);
		for (u32 v4 = 0x0a000000; v4 < 0x0a040000; v4++) {
			struct addr a = addr_from_v4(be32_put(v4));

			if (exclude_has(&x, &a) != inet_in_prefix(&a, &p))
				fail_msg("%s: %x", block[i], v4);
		}
		exclude_fini(&x);
	}
}

static void test_closed_until_sealed(void **state)
{
	struct exclude x;

	exclude_init(&x);
	assert_true(has(&x, "192.0.2.1"));
	assert_true(has(&x, "2001:db8::1"));
	assert_int_equal(exclude_seal(&x), 0);
	assert_false(has(&x, "192.0.2.1"));
	assert_false(has(&x, "2001:db8::1"));
	add(&x, "10.0.0.0/8");
	assert_true(has(&x, "192.0.2.1"));
	assert_true(has(&x, "2001:db8::1"));
	assert_int_equal(exclude_seal(&x), 0);
	assert_true(has(&x, "10.0.0.1"));
	assert_false(has(&x, "192.0.2.1"));
	assert_false(has(&x, "2001:db8::1"));
	exclude_fini(&x);
	assert_true(has(&x, "192.0.2.1"));
}

static void test_all_of_a_family(void **state)
{
	struct exclude x;

	exclude_init(&x);
	add(&x, "::/0");
	assert_int_equal(exclude_seal(&x), 0);
	assert_true(has(&x, "::"));
	assert_true(has(&x, "::fffe:ffff:ffff"));
	assert_true(has(&x, "::1:0:0:0"));
	assert_true(has(&x, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has(&x, "0.0.0.0"));
	assert_false(has(&x, "255.255.255.255"));
	add(&x, "0.0.0.0/0");
	assert_int_equal(exclude_seal(&x), 0);
	assert_true(has(&x, "0.0.0.0"));
	assert_true(has(&x, "255.255.255.255"));
	assert_true(has(&x, "::1"));
	exclude_fini(&x);
}

/* The edges of every block of the registries, and their neighbours. */
static void test_special(void **state)
{
	const char *const special[] = {
		"0.0.0.0",
		"0.255.255.255",
		"10.0.0.0",
		"10.255.255.255",
		"100.64.0.0",
		"100.127.255.255",
		"127.0.0.0",
		"127.255.255.255",
		"169.254.0.0",
		"169.254.255.255",
		"172.16.0.0",
		"172.31.255.255",
		"192.0.0.0",
		"192.0.0.255",
		"192.0.2.0",
		"192.0.2.255",
		"192.168.0.0",
		"192.168.255.255",
		"198.18.0.0",
		"198.19.255.255",
		"198.51.100.0",
		"198.51.100.255",
		"203.0.113.0",
		"203.0.113.255",
		"224.0.0.0",
		"239.255.255.255",
		"240.0.0.0",
		"255.255.255.254",
		"255.255.255.255",
		"::",
		"::1",
		"64:ff9b::1",
		"64:ff9b:1::",
		"100::",
		"1fff:ffff::",
		"2001::",
		"2001:1ff:ffff::",
		"2001:2::1",
		"2001:db8::",
		"2001:db8:ffff::",
		"3fff::",
		"3fff:fff::",
		"4000::",
		"5f00::",
		"fc00::1",
		"fdff::",
		"fe80::1",
		"ff00::",
		"ff02::1",
		"ffff::",
	};
	const char *const ordinary[] = {
		"1.0.0.0",	  "9.255.255.255",   "11.0.0.0",
		"100.63.255.255", "100.128.0.0",     "126.255.255.255",
		"128.0.0.0",	  "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0",	     "191.255.255.255",
		"192.0.1.0",	  "192.0.3.0",	     "192.167.255.255",
		"192.169.0.0",	  "198.17.255.255",  "198.20.0.0",
		"198.51.99.255",  "198.51.101.0",    "203.0.112.255",
		"203.0.114.0",	  "223.255.255.255", "2000::",
		"2001:200::",	  "2001:db7:ffff::", "2001:db9::",
		"2606:4700::1",	  "3ffe:ffff::",     "3fff:1000::",
		"3fff:ffff::",
	};
	struct exclude x;

	exclude_init(&x);
	assert_int_equal(exclude_add_special(&x), 0);
	assert_int_equal(exclude_seal(&x), 0);
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
		if (!has(&x, special[i]))
			fail_msg("%s is not excluded", special[i]);
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(*ordinary); i++)
		if (has(&x, ordinary[i]))
			fail_msg("%s is excluded", ordinary[i]);
	exclude_fini(&x);
}

static void test_file(void **state)
{
	struct exclude x;

	exclude_init(&x);
	assert_int_equal(exclude_read(&x, scratch_text("# never\r\n"
						       "192.0.2.0/25\r\n\n"
						       " 2001:db8::/32 # x\n"
						       "198.51.100.7")),
			 0);
	assert_int_equal(exclude_seal(&x), 0);
	assert_true(has(&x, "192.0.2.127"));
	assert_false(has(&x, "192.0.2.128"));
	assert_true(has(&x, "2001:db8::1"));
	assert_true(has(&x, "198.51.100.7"));
	assert_false(has(&x, "198.51.100.8"));
	exclude_fini(&x);
	scratch_remove();
}

/* No list, no sweep: what cannot be read is an error, and stays closed. */
static void test_bad_files(void **state)
{
	const char *path = scratch_text("192.0.2.0/24\nfoo bar\n10.0.0.0/8\n");
	char expected[200];
	struct exclude x;

	exclude_init(&x);
	scratch_hear_begin();
	assert_int_equal(exclude_read(&x, path), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "whither: %s:2: \"foo bar\" is neither an address nor a "
		 "prefix\n",
		 path);
	assert_string_equal(scratch_hear_end(), expected);
	scratch_hear_begin();
	assert_int_equal(exclude_read(&x, "/nonexistent"), -ENOENT);
	assert_string_equal(scratch_hear_end(), "whither: cannot read "
						"/nonexistent: No such file or "
						"directory\n");
	assert_true(has(&x, "1.1.1.1"));
	exclude_fini(&x);
	scratch_remove();
}

static void test_any_octets(void **state)
{
	static const char alphabet[] = "0123456789abf:./\n\n\r# \xff";
	char octets[400];
	struct exclude x;
	int taken = 0;

	srand(10);
	for (int round = 0; round < 3000; round++) {
		size_t n = (size_t)rand() % sizeof(octets);
		int ret;

		for (size_t i = 0; i < n; i++)
			octets[i] = rand() % 50 ? alphabet[(size_t)rand() %
							   sizeof(alphabet)]
						: (char)rand();
		exclude_init(&x);
		scratch_hear_begin();
		ret = exclude_read(&x, scratch_file(octets, n));
		scratch_hear_end();
		assert_true(ret == 0 || ret == -EINVAL);
		taken += !ret;
		assert_int_equal(exclude_seal(&x), 0);
		exclude_fini(&x);
	}
	assert_in_range(taken, 1, 2999);
	scratch_remove();
}

struct readers {
	struct exclude x;
	u32 seen; /* exclude_replaced(), as of the reader's last rest */
	u64 wrong, asked;
	bool end;
};

/* 192.0.2.1 is in every set, 203.0.113.1 in none. */
static void *ask(void *to)
{
	struct readers *r = to;

	while (!__atomic_load_n(&r->end, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < 100; i++) {
			r->wrong += !has(&r->x, "192.0.2.1");
			r->wrong += has(&r->x, "203.0.113.1");
			r->asked++;
		}
		__atomic_store_n(&r->seen, exclude_replaced(&r->x),
				 __ATOMIC_RELEASE);
	}
	return NULL;
}

/* A set of as many ranges as it is old, so that lookups search. */
static struct exclude *set_of_age(unsigned int age)
{
	struct exclude *x = malloc(sizeof(*x));

	exclude_init(x);
	add(x, "192.0.2.1");
	for (unsigned int i = 0; i < age % 60; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", 4 * i + 4);
		add(x, text);
	}
	assert_int_equal(exclude_seal(x), 0);
	return x;
}

/* Sets come and go, and are freed, while another thread asks. */
static void test_replaced_while_read(void **state)
{
	struct readers r = {};
	pthread_t thread;

	exclude_init(&r.x);
	add(&r.x, "192.0.2.1");
	assert_int_equal(exclude_seal(&r.x), 0);
	assert_int_equal(pthread_create(&thread, NULL, ask, &r), 0);
	for (unsigned int i = 1; i <= 200; i++) {
		struct exclude *with = set_of_age(i), *before;

		before = (struct exclude *)exclude_replace(&r.x, with);
		assert_int_equal(exclude_replaced(&r.x), i);
		assert_int_equal(has(&r.x, "192.0.2.4"), i % 60 > 0);
		while (__atomic_load_n(&r.seen, __ATOMIC_ACQUIRE) < i)
			sched_yield();
		if (before == &r.x)
			continue;
		exclude_fini(before);
		free(before);
	}
	__atomic_store_n(&r.end, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_int_equal(r.wrong, 0);
	assert_true(r.asked > 200);
	exclude_fini((struct exclude *)r.x.to);
	free((struct exclude *)exclude_replace(&r.x, &r.x));
	assert_false(has(&r.x, "192.0.2.4"));
	exclude_fini(&r.x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_plain_list),
		cmocka_unit_test(test_every_address_around_a_block),
		cmocka_unit_test(test_closed_until_sealed),
		cmocka_unit_test(test_all_of_a_family),
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_any_octets),
		cmocka_unit_test(test_replaced_while_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
