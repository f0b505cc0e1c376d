/* SPDX-License-Identifier: BSD-2-Clause */
/* topo_test: drawn networks are read as they are meant, or refused by line. */
#include "io/topo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "frame.h"
#include "scratch.h"

static struct topo *drawn(const char *text)
{
	struct topo *t = malloc(sizeof(*t));

	assert_non_null(t);
	assert_int_equal(topo_parse(t, "drawn", text), 0);
	return t;
}

static struct topo *file(const char *name)
{
	struct topo *t = malloc(sizeof(*t));
	char path[128];

	assert_non_null(t);
	snprintf(path, sizeof(path), "tests/topo/%s.topo", name);
	assert_int_equal(topo_open(t, path), 0);
	return t;
}

/* Who answers, where nothing is random. */
static struct simnet_hop ask(const struct topo *t, const char *to, u8 ttl,
			     u64 flow, u16 size)
{
	struct addr dst = frame_addr(to);
	struct simnet_walker w = {
		.flow = flow,
		.size = size,
		.ttl = ttl,
		.v4 = addr_is_v4(&dst),
	};
	struct simnet_hop hop;

	topo_hop(t, &dst, &w, &hop);
	return hop;
}

static void assert_from(const struct simnet_hop *hop, const char *from)
{
	struct addr a = frame_addr(from);
	char text[INET_TEXT];

	if (!addr_equal(&hop->from, &a))
		fail_msg("%s answered, not %s", inet_format(&hop->from, text),
			 from);
}

static void line_answers_in_order(void **state)
{
	static const char *const v4[] = { "10.1.0.2", "10.2.0.3", "10.3.0.4" };
	static const char *const v6[] = { "2001:db8:1::2", "2001:db8:2::3",
					  "2001:db8:3::4" };
	struct topo *t = file("line4");

	for (u8 ttl = 1; ttl < 8; ttl++) {
		struct simnet_hop h4 = ask(t, "10.3.0.4", ttl, ttl, 60);
		struct simnet_hop h6 = ask(t, "2001:db8:3::4", ttl, ttl, 60);
		u8 at = ttl < 3 ? ttl : 3;

		assert_from(&h4, v4[at - 1]);
		assert_from(&h6, v6[at - 1]);
		assert_int_equal(h4.end, ttl < 3 ? SIMNET_END_ROUTER
						 : SIMNET_END_DESTINATION);
		assert_int_equal(h4.distance, at);
		assert_int_equal(h4.reply_ttl, 64 - (at - 1));
		assert_int_equal(h4.quote, 28);
		assert_int_equal(h6.quote, 1232);
	}
	/* an address that nobody has */
	assert_int_equal(ask(t, "10.9.9.9", 5, 0, 60).end, SIMNET_END_SILENT);
	free(t);
}

static void every_sample_is_read(void **state)
{
	static const char *const names[] = { "line4",  "diamond", "loss",
					     "silent", "mtu",	  "azure" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct topo *t = file(names[i]);

		assert_true(t->nets >= 2);
		free(t);
	}
}

/* The third octet of a hop's address names its link in diamond.topo. */
static unsigned int link_of(const struct topo *t, u8 ttl, u64 flow, u32 random)
{
	struct addr dst = frame_addr("198.51.100.7");
	struct simnet_walker w = { flow, random, 60, ttl, true };
	struct simnet_hop hop;

	topo_hop(t, &dst, &w, &hop);
	return hop.from.b[14];
}

static void diamonds_keep_their_branches(void **state)
{
	struct topo *t = file("diamond");
	unsigned int upper = 0, lower = 0;

	for (u64 flow = 1; flow <= 1000; flow++) {
		unsigned int b = link_of(t, 2, flow, 0);

		assert_true(b == 2 || b == 3);
		upper += b == 2;
		lower += b == 3;
		/* b1 leads to c1, b2 to c2, whatever the packet */
		assert_int_equal(link_of(t, 3, flow, (u32)flow), b + 2);
		assert_int_equal(link_of(t, 4, flow, ~(u32)flow), b + 4);
	}
	assert_in_range(upper, 400, 600);
	upper = lower = 0;
	for (u32 packet = 1; packet <= 1000; packet++) {
		unsigned int e = link_of(t, 5, 77, packet);

		upper += e == 8;
		lower += e == 9;
	}
	assert_in_range(upper, 400, 600);
	assert_int_equal(upper + lower, 1000);
	assert_int_equal(ask(t, "198.51.100.7", 6, 1, 60).labels, 2);
	free(t);
}

static void cost_decides(void **state)
{
	struct topo *t = drawn("source s\nnode a\nnode b\nnode c\n"
			       "link s a 10.0.0.1 10.0.0.2\n"
			       "link a c 10.0.1.1 10.0.1.2 cost=9\n"
			       "link a b 10.0.2.1 10.0.2.2 cost=4\n"
			       "link b c 10.0.3.1 10.0.3.2 cost=4\n"
			       "host c 192.0.2.0/24\n"
			       "host b 192.0.2.128/25\n");
	struct simnet_hop h = ask(t, "192.0.2.1", 2, 0, 60);

	assert_from(&h, "10.0.2.2");
	assert_int_equal(ask(t, "192.0.2.1", 9, 0, 60).distance, 3);
	/* the longest prefix wins */
	assert_int_equal(ask(t, "192.0.2.129", 9, 0, 60).distance, 2);
	free(t);
}

static void islands_have_no_route(void **state)
{
	struct topo *t = drawn("source s\nnode a\nnode b\nnode c\n"
			       "link s a 10.0.0.1 10.0.0.2\n"
			       "link b c 10.0.3.1 10.0.3.2\n"
			       "host c 192.0.2.0/24\n");

	/* the source itself has none: nobody is there to say so */
	assert_int_equal(ask(t, "192.0.2.1", 5, 0, 60).end, SIMNET_END_SILENT);
	free(t);
}

static void narrow_links_say_so(void **state)
{
	struct topo *t = file("mtu");
	struct simnet_hop h;

	h = ask(t, "198.51.100.7", 9, 0, 1400);
	assert_int_equal(h.end, SIMNET_END_DESTINATION);
	h = ask(t, "198.51.100.7", 9, 0, 1401);
	assert_int_equal(h.end, SIMNET_END_TOO_BIG);
	assert_int_equal(h.mtu, 1400);
	assert_from(&h, "10.0.1.2");
	/* TTL is looked at before the size */
	h = ask(t, "198.51.100.7", 1, 0, 1401);
	assert_int_equal(h.end, SIMNET_END_ROUTER);
	/* may be fragmented: goes on */
	h = ask(t, "198.51.100.7", 9, 0, 0);
	assert_int_equal(h.end, SIMNET_END_DESTINATION);
	/* behind the silent router is a black hole */
	h = ask(t, "203.0.113.7", 9, 0, 1350);
	assert_int_equal(h.end, SIMNET_END_SILENT);
	h = ask(t, "203.0.113.7", 9, 0, 1300);
	assert_int_equal(h.end, SIMNET_END_DESTINATION);
	free(t);
}

static u8 tos_at(const struct topo *t, u8 ttl, u8 tos)
{
	struct simnet_hop h = ask(t, "198.51.100.7", ttl, 0, 60);

	return (u8)((tos & h.tos_keep) | h.tos_set);
}

static void rewriting_shows_beyond_it(void **state)
{
	struct topo *t = file("mtu");

	assert_int_equal(tos_at(t, 1, 0xff), 0xff);
	assert_int_equal(tos_at(t, 2, 0xff), 0xfc);   /* a bleached ECN */
	assert_int_equal(tos_at(t, 3, 0xff), 8 << 2); /* b set DSCP 8 */
	assert_int_equal(tos_at(t, 4, 0), 8 << 2);
	assert_int_equal(ask(t, "198.51.100.7", 3, 0, 60).mss, 0);
	assert_int_equal(ask(t, "198.51.100.7", 4, 0, 60).mss, 1240);
	free(t);
}

static void translators_show_beyond_them(void **state)
{
	struct topo *t = file("azure");
	struct addr public = frame_addr("20.55.0.7");
	struct simnet_hop h = ask(t, "203.0.113.7", 1, 0, 60);

	assert_true(addr_is_none(&h.qsrc));
	h = ask(t, "203.0.113.7", 2, 0, 60);
	assert_true(addr_equal(&h.qsrc, &public));
	assert_true(addr_is_none(&h.qdst));
	assert_int_equal(h.adjust, 1);
	h = ask(t, "203.0.113.7", 5, 0, 60);
	assert_from(&h, "203.0.113.7");
	public = frame_addr("10.9.9.9");
	assert_true(addr_equal(&h.qdst, &public));
	/* a translator of IPv4 leaves IPv6 alone */
	h = ask(t, "2001:db8:100::1", 4, 0, 60);
	assert_true(addr_is_none(&h.qsrc));
	free(t);
}

static void loss_is_as_drawn(void **state)
{
	struct topo *t = file("loss");
	struct addr dst = frame_addr("198.51.100.7");
	u32 lost = 0, near = 0;
	struct simnet_hop h;
	u64 seed = 5;

	for (int i = 0; i < 10000; i++) {
		struct simnet_walker w = { 0, (u32)frame_random(&seed), 60, 9,
					   true };

		topo_hop(t, &dst, &w, &h);
		lost += h.end == SIMNET_END_LOST;
		w.ttl = 1;
		topo_hop(t, &dst, &w, &h);
		near += h.end == SIMNET_END_LOST;
	}
	/* 1 - 0.8^2, five sigma */
	assert_in_range(lost, 3600 - 240, 3600 + 240);
	assert_int_equal(near, 0);
	assert_int_equal(ask(t, "198.51.100.7", 9, 0, 60).delay_us, 12400);
	assert_int_equal(ask(t, "198.51.100.7", 2, 0, 60).rate, 5);
	free(t);
}

static void mistakes_are_named_by_line(void **state)
{
	static const struct {
		const char *text, *says;
	} row[] = {
		{ "source s\nnoed a\n", "bad:2: noed: begins no statement" },
		{ "source s\n\n# c\nnode s\n", "bad:4: s: declared twice" },
		{ "node a\n", "bad:1: ends without a source" },
		{ "source a\nsource b\n", "bad:2: a second source" },
		{ "source a\nlink a b 10.0.0.1 10.0.0.2\n",
		  "bad:2: b: no such node" },
		{ "source a\nnode b\nlink a b 10.0.0.1\n",
		  "bad:3: link: needs two nodes and two addresses" },
		{ "source a\nnode b\nlink a b 10.0.0.1 fd00::1\n",
		  "bad:3: 10.0.0.1 and fd00::1 are of two families" },
		{ "source a\nnode b\nlink a b 10.0.0.1 10.0.0.300\n",
		  "bad:3: 10.0.0.300: is no address" },
		{ "source a\nnode b\nlink a b 10.0.0.1 10.0.0.2 lost=3\n",
		  "bad:3: lost=3: unknown word" },
		{ "source a\nnode b\nlink a b 10.0.0.1 10.0.0.2 loss=1001\n",
		  "bad:3: loss=1001: needs a number from 0 to 1000" },
		{ "source a\nnode b\nlink b b 10.0.0.1 10.0.0.2\n",
		  "bad:3: b: linked to itself" },
		{ "source a\nnode b quote=27\n",
		  "bad:2: quote=27: needs a number from 28 to 548" },
		{ "source a\nnode b mpls=1,2,3\n",
		  "bad:2: mpls=1,2,3: more than 2 labels" },
		{ "source a\nnode b mpls=\n", "bad:2: mpls=: needs a label" },
		{ "source a\nnode b nat=x\n", "bad:2: x: is no address" },
		{ "source a\nnode\n", "bad:2: node: needs a name" },
		{ "source a\nnode abcdefghijklmnop\n",
		  "bad:2: abcdefghijklmnop: longer than 15 octets" },
		{ "source a\nhost a 10.0.0.0/33\n",
		  "bad:2: 10.0.0.0/33: is no prefix" },
		{ "source a\nhost a 10.0.0.0/8 10.0.0.0/8\n",
		  "bad:2: 10.0.0.0/8: given twice" },
		{ "source a\nhost a\n", "bad:2: host: needs a node and" },
	};
	struct topo *t = malloc(sizeof(*t));

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *heard;
		int err;

		scratch_hear_begin();
		err = topo_parse(t, "bad", row[i].text);
		heard = scratch_hear_end();
		if (err >= 0 || !strstr(heard, row[i].says))
			fail_msg("row %zu: %d, \"%s\"", i, err, heard);
	}
	free(t);
}

static void limits_are_named(void **state)
{
	struct topo *t = malloc(sizeof(*t));
	char text[32768], *p = text;
	const char *heard;

	/* nine parallel links */
	p += sprintf(p, "source a\nnode b\n");
	for (int i = 0; i < 9; i++)
		p += sprintf(p, "link a b 10.0.%d.1 10.0.%d.2\n", i, i);
	sprintf(p, "host b 192.0.2.0/24\n");
	scratch_hear_begin();
	assert_int_equal(topo_parse(t, "wide", text), -EINVAL);
	heard = scratch_hear_end();
	assert_non_null(strstr(heard, "more than 8 parallel paths"));

	/* a line of n links */
	for (int n = 32; n <= 33; n++) {
		p = text + sprintf(text, "source n0\n");
		for (int i = 1; i <= n; i++)
			p += sprintf(p,
				     "node n%d\n"
				     "link n%d n%d 10.0.%d.1 10.0.%d.2\n",
				     i, i - 1, i, i, i);
		sprintf(p, "host n%d 192.0.2.0/24\n", n);
		scratch_hear_begin();
		assert_int_equal(topo_parse(t, "long", text),
				 n == 32 ? 0 : -EINVAL);
		heard = scratch_hear_end();
		if (n == 33)
			assert_non_null(strstr(heard, "longer than 32 hops"));
		else
			assert_int_equal(
				ask(t, "192.0.2.1", 40, 0, 60).distance, 32);
	}

	p = text + sprintf(text, "source n0\n");
	for (int i = 1; i <= SIMNET_NODES; i++)
		p += sprintf(p, "node n%d\n", i);
	scratch_hear_begin();
	assert_int_equal(topo_parse(t, "many", text), -EINVAL);
	heard = scratch_hear_end();
	assert_non_null(strstr(heard, "many:65: more than 64 nodes"));
	free(t);
}

/* The source sends, it does not forward. */
static void the_source_rewrites_nothing(void **state)
{
	struct topo *t = drawn("source s ecn=0 nat=192.0.2.9\n"
			       "node a\nnode b\n"
			       "link s a 10.0.0.1 10.0.0.2\n"
			       "link a b 10.0.1.1 10.0.1.2\n"
			       "host b 198.51.100.0/24\n");
	struct simnet_hop h = ask(t, "198.51.100.7", 2, 0, 60);

	assert_int_equal(h.tos_keep, 0xff);
	assert_true(addr_is_none(&h.qsrc));
	free(t);
}

/* 2^30 paths of 30 diamonds compile at once. */
static void many_paths_cost_nothing(void **state)
{
	char text[16384], *p = text;
	struct topo *t;

	p += sprintf(p, "source n0\n");
	for (int i = 1; i <= 30; i++)
		p += sprintf(p,
			     "node n%d\nlink n%d n%d 10.0.%d.1 10.0.%d.2\n"
			     "link n%d n%d 10.1.%d.1 10.1.%d.2\n",
			     i, i - 1, i, i, i, i - 1, i, i, i);
	sprintf(p, "host n30 192.0.2.0/24\n");
	t = drawn(text);
	assert_int_equal(ask(t, "192.0.2.1", 40, 3, 60).distance, 30);
	free(t);
}

static void files_that_cannot_be_read(void **state)
{
	static const char zero[] = "source a\n\0node b\n";
	struct topo *t = malloc(sizeof(*t));
	const char *path = scratch_file(zero, sizeof(zero) - 1), *heard;

	scratch_hear_begin();
	assert_int_equal(topo_open(t, path), -EILSEQ);
	assert_int_equal(topo_open(t, "tests/topo/none.topo"), -ENOENT);
	heard = scratch_hear_end();
	assert_non_null(strstr(heard, "none.topo: No such file"));
	scratch_remove();
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_answers_in_order),
		cmocka_unit_test(every_sample_is_read),
		cmocka_unit_test(diamonds_keep_their_branches),
		cmocka_unit_test(cost_decides),
		cmocka_unit_test(islands_have_no_route),
		cmocka_unit_test(narrow_links_say_so),
		cmocka_unit_test(rewriting_shows_beyond_it),
		cmocka_unit_test(translators_show_beyond_them),
		cmocka_unit_test(loss_is_as_drawn),
		cmocka_unit_test(mistakes_are_named_by_line),
		cmocka_unit_test(limits_are_named),
		cmocka_unit_test(the_source_rewrites_nothing),
		cmocka_unit_test(many_paths_cost_nothing),
		cmocka_unit_test(files_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
