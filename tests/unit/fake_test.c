/* SPDX-License-Identifier: BSD-2-Clause */
/* fake_test: drawn networks, walked in memory by whole traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "line.h"

#include "lib/inet.h"

struct drawn {
	struct topo topo;
	struct line *line;
};

static struct drawn *drawn_new(const char *path, const char *target)
{
	struct drawn *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	assert_int_equal(topo_open(&d->topo, path), 0);
	d->line = line_new(target);
	d->line->net.route = NULL;
	d->line->net.edit = NULL;
	d->line->net.topo = &d->topo;
	d->line->net.delay_min_ns = d->line->net.delay_max_ns = NS_PER_MS;
	return d;
}

static void drawn_free(struct drawn *d)
{
	line_free(d->line);
	free(d);
}

static void assert_from(const struct drawn *d, size_t record, const char *text)
{
	char from[INET_TEXT];

	inet_format(&d->line->f.record[record].hop.from, from);
	assert_string_equal(from, text);
}

static void four_routers(void **state)
{
	struct drawn *d = drawn_new("tests/topo/line4.topo", "10.3.0.4");

	assert_trace(d->line, "1 aaa 2 aaa 3 DDD completed");
	assert_from(d, 0, "10.1.0.2");
	assert_from(d, 3, "10.2.0.3");
	assert_from(d, 6, "10.3.0.4");
	drawn_free(d);

	d = drawn_new("tests/topo/line4.topo", "2001:db8:3::4");
	d->line->rules.method = PROBE_ICMP;
	assert_trace(d->line, "1 aaa 2 aaa 3 DDD completed");
	assert_from(d, 0, "2001:db8:1::2");
	drawn_free(d);

	/* in no prefix: nobody answers */
	d = drawn_new("tests/topo/line4.topo", "10.77.0.1");
	d->line->rules.gap_limit = 3;
	assert_trace(d->line, "1 *** 2 *** 3 *** gaplimit");
	drawn_free(d);
}

static void silence(void **state)
{
	struct drawn *d = drawn_new("tests/topo/silent.topo", "198.51.100.7");

	assert_trace(d->line, "1 aaa 2 *** 3 aaa 4 DDD completed");
	assert_int_equal(d->line->f.record[6].hop.reply_ttl, 253);
	drawn_free(d);

	d = drawn_new("tests/topo/silent.topo", "203.0.113.7");
	d->line->rules.gap_limit = 4;
	assert_trace(d->line, "1 aaa 2 *** 3 aaa 4 *** 5 *** 6 *** 7 *** "
			      "gaplimit");
	drawn_free(d);
}

static void loss_and_limit(void **state)
{
	struct drawn *d = drawn_new("tests/topo/loss.topo", "198.51.100.7");
	u64 lost = 0, limited = 0;

	d->line->rules.attempts = 10;
	for (u64 seed = 1; seed <= 200; seed++) {
		d->line->net.seed = seed;
		line_run(d->line);
		assert_true(d->line->f.records >= 30);
		for (size_t i = 0; i < 30; i++) {
			const struct hop *h = &d->line->f.record[i].hop;

			if (h->ttl == 1) {
				assert_int_equal(h->rtt_us, 1000 + 2 * 1000);
				continue;
			}
			lost += h->ttl == 3 && h->state == HOP_SILENT;
			limited += h->ttl == 2 && h->state == HOP_SILENT;
		}
	}
	/* there and back: 1 - 0.8 * 0.8 of 2000; the limit takes more */
	assert_in_range(lost, 720 - 100, 720 + 100);
	assert_in_range(limited, lost, 2000);
	drawn_free(d);
}

static void translator(void **state)
{
	struct drawn *d = drawn_new("tests/topo/azure.topo", "198.51.100.7");
	struct addr public = line_addr("20.55.0.7");

	for (u8 method = PROBE_UDP; method <= PROBE_ICMP; method++) {
		d->line->rules.method = method;
		assert_trace(d->line, "1 aaa 2 aaa 3 aaa 4 DDD completed");
		for (size_t i = 0; i < 12; i++) {
			const struct record *r = &d->line->f.record[i];
			bool seen = r->hop.ttl > 1 && r->hop.kind != REPLY_ECHO;

			assert_int_equal(!!(r->hop.flags & HOP_REWRITTEN),
					 seen);
			assert_int_equal(addr_equal(&r->seen, &public), seen);
		}
	}
	drawn_free(d);
}

/* A flow sees one branch, and attempts are one flow. */
static void one_branch(void **state)
{
	struct drawn *d = drawn_new("tests/topo/diamond.topo", "198.51.100.7");
	const struct record *r;

	assert_trace(d->line, "1 aaa 2 aaa 3 aaa 4 aaa 5 aaa 6 aaa 7 DDD "
			      "completed");
	r = d->line->f.record;
	for (size_t i = 3; i < 12; i++) /* by flow: up to d */
		assert_true(addr_equal(&r[i].hop.from, &r[i / 3 * 3].hop.from));
	assert_int_equal(r[15].hop.label_count, 2);
	assert_int_equal(be32_get(r[15].hop.label[0]) >> 12, 24001);
	assert_int_equal(be32_get(r[15].hop.label[1]) >> 12, 24002);
	assert_int_equal(r[12].hop.label_count, 0);
	drawn_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_routers),	  cmocka_unit_test(silence),
		cmocka_unit_test(loss_and_limit), cmocka_unit_test(translator),
		cmocka_unit_test(one_branch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
