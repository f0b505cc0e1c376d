/* SPDX-License-Identifier: BSD-2-Clause */
/* ladder_test: what one trace asks, and when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "line.h"

static void line_of_four(void **state)
{
	struct line *l = line_new("10.0.0.4");

	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	for (size_t i = 0; i < l->f.records; i++) {
		const struct record *r = &l->f.record[i];

		assert_int_equal(r->hop.rtt_us, 10000 * r->hop.ttl);
		assert_int_equal(r->proto, PROTO_UDP);
		assert_int_equal(r->dport, 33434);
		assert_in_range(r->sport, 32768, 32768 + 4095);
		assert_int_equal(r->sport, l->f.record[0].sport);
		assert_int_equal(r->probe_size, 60);
		assert_int_equal(r->hop.quoted_size, 60);
		assert_true(addr_equal(&r->src, &l->key.src4));
		assert_true(addr_is_none(&r->seen));
		assert_int_equal(r->hop.reply_ttl, 64);
		assert_int_equal(r->hop.auth_bits, 12 + 16 + 4 + 44);
	}
	/* nothing asked it to act without need */
	assert_int_equal(l->f.idle, 0);
	/* 16 at first, and three for each hop that answered before the last */
	assert_int_equal(l->f.probes, 16 + 3 * 3);
	line_free(l);
}

static void families_and_methods(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->rules.method = PROBE_ICMP;
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	assert_int_equal(l->f.record[0].proto, PROTO_ICMP);
	assert_int_equal(l->f.record[0].dport, 0);
	assert_int_equal(l->f.record[11].hop.kind, REPLY_ECHO);
	assert_int_equal(l->f.record[11].hop.quoted_size, 0);
	line_free(l);

	l = line_new("fd00::4");
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	assert_int_equal(l->f.record[0].proto, PROTO_UDP);
	assert_int_equal(l->f.record[0].probe_size, 80);
	assert_true(addr_equal(&l->f.record[0].src, &l->key.src6));
	l->rules.method = PROBE_ICMP;
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	assert_int_equal(l->f.record[0].proto, PROTO_ICMP6);
	line_free(l);
}

/* Every TTL and attempt once, in order, and none beyond what ends it. */
static void probes_in_order(void **state)
{
	struct line *l = line_new("10.0.0.4");

	for (u8 q = 1; q <= 10; q++) {
		l->rules.attempts = q;
		line_run(l);
		assert_int_equal(l->f.records, 4 * q);
		for (size_t i = 0; i < l->f.sents; i++) {
			assert_int_equal(l->f.sent[i].ttl, 1 + i / q);
			assert_int_equal(l->f.sent[i].attempt, i % q);
		}
		assert_true(l->f.sents >= 4U * q);
	}
	l->rules.attempts = 1;
	l->length = 33;
	assert_trace(l, "1 a 2 a 3 a 4 a 5 a 6 a 7 a 8 a 9 a 10 a 11 a 12 a "
			"13 a 14 a 15 a 16 a 17 a 18 a 19 a 20 a 21 a 22 a "
			"23 a 24 a 25 a 26 a 27 a 28 a 29 a 30 a hoplimit");
	assert_int_equal(l->f.sents, 30);
	line_free(l);
}

static void short_and_partial(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->length = 1;
	assert_trace(l, "1 DDD completed");
	l->length = 6;
	l->rules.first_ttl = 4;
	assert_trace(l, "4 aaa 5 aaa 6 DDD completed");
	l->rules.first_ttl = 9; /* beyond the destination */
	assert_trace(l, "9 DDD completed");
	l->rules.first_ttl = 2;
	l->rules.max_ttl = 3;
	assert_trace(l, "2 aaa 3 aaa hoplimit");
	l->rules.first_ttl = l->rules.max_ttl = 255;
	assert_trace(l, "255 DDD completed");
	line_free(l);
}

static void silent_hops(void **state)
{
	struct line *l = line_new("10.0.0.4");

	memcpy(l->how[2], "***", 3);
	l->how[3][1] = '*';
	assert_trace(l, "1 aaa 2 *** 3 a*a 4 DDD completed");
	/* the destination is known; only what waits is waited for */
	assert_true(l->f.over_ns < FAKE_START + 6 * NS_PER_S);
	assert_int_equal(l->s.stats.silent, 4);
	line_free(l);
}

static void gap_limit(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->length = 12;
	l->rules.gap_limit = 3;
	for (int ttl = 2; ttl < 12; ttl++)
		memset(l->how[ttl], ttl == 4 ? 'a' : '*', LINE_TRIES);
	for (u32 window = 1; window < 40; window++) {
		l->rules.window = window;
		assert_trace(l, "1 aaa 2 *** 3 *** 4 aaa 5 *** 6 *** 7 *** "
				"gaplimit");
	}
	/* one answer to one attempt is no gap */
	l->how[6][2] = 'a';
	assert_trace(l, "1 aaa 2 *** 3 *** 4 aaa 5 *** 6 **a 7 *** 8 *** "
			"9 *** gaplimit");
	l->rules.gap_limit = LADDER_GAP_OFF;
	assert_trace(l, "1 aaa 2 *** 3 *** 4 aaa 5 *** 6 **a 7 *** 8 *** "
			"9 *** 10 *** 11 *** 12 DDD completed");
	line_free(l);
}

/* Probes sent and neither answered nor given up, at most; all end as known. */
static unsigned int most_in_flight(const struct line *l)
{
	unsigned int most = 0;

	for (size_t i = 0; i < l->f.sents; i++) {
		const struct probe *p = &l->f.sent[i];
		unsigned int n = 1;

		for (size_t k = 0; k < i; k++) {
			const struct probe *q = &l->f.sent[k];
			u64 wait = l->delay_us * NS_PER_US * q->ttl;

			if (line_how(l, q) == '*')
				wait = l->rules.wait_max_ns;
			n += q->sent_ns + wait > p->sent_ns;
		}
		most = n > most ? n : most;
	}
	return most;
}

static void window_is_kept(void **state)
{
	static const u32 windows[] = { 1, 2, 3, 16 };
	struct line *l = line_new("10.0.0.4");

	l->length = 25;
	l->how[3][1] = l->how[9][0] = l->how[9][2] = '*';
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		l->rules.window = windows[i];
		line_run(l);
		assert_int_equal(l->f.records, 75);
		assert_int_equal(most_in_flight(l), windows[i]);
	}
	line_free(l);
}

static void unreachable(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->length = 9;
	memcpy(l->how[3], "!!!", 3);
	assert_trace(l, "1 aaa 2 aaa 3 !!! unreach");
	memcpy(l->how[3], "*!*", 3);
	assert_trace(l, "1 aaa 2 aaa 3 *!* unreach");
	/* another path goes on */
	for (u32 window = 1; window < 20; window++) {
		l->rules.window = window;
		memcpy(l->how[3], "!a*", 3);
		memcpy(l->how[5], "a!!", 3);
		memcpy(l->how[7], "*!*", 3);
		assert_trace(l, "1 aaa 2 aaa 3 !a* 4 aaa 5 a!! 6 aaa 7 *!* "
				"unreach");
		assert_false(l->f.record[6].hop.flags & HOP_FINAL);
		assert_true(l->f.record[19].hop.flags & HOP_FINAL);
	}
	/* reached counts more */
	memcpy(l->how[7], "a!D", 3);
	assert_trace(l, "1 aaa 2 aaa 3 !a* 4 aaa 5 a!! 6 aaa 7 a!D completed");
	line_free(l);
}

static void who_ends_a_trace(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->length = 5;
	memcpy(l->how[1], "ddd", 3);
	memcpy(l->how[3], "dad", 3);
	assert_trace(l, "1 ddd 2 aaa 3 dad 4 aaa 5 DDD completed");
	memcpy(l->how[4], "PPP", 3);
	assert_trace(l, "1 ddd 2 aaa 3 dad 4 PPP completed");
	/* all attempts are made, and earlier ones waited for */
	memcpy(l->how[4], "D**", 3);
	memcpy(l->how[2], "***", 3);
	l->rules.window = 2;
	assert_trace(l, "1 ddd 2 *** 3 dad 4 D** completed");
	line_free(l);
}

/* Nothing is sent beyond the TTL that is known to end the trace. */
static void none_beyond_the_end(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->net.pps = 100; /* always with a probe to send */
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	assert_true(l->f.sents > 12);
	for (size_t i = 0; i < l->f.sents; i++)
		assert_true(l->f.sent[i].ttl <= 4 ||
			    l->f.sent[i].sent_ns < l->f.record[9].arrived_ns);
	/* TTL 3 proves to be passable, and the next end is known by then */
	l->net.pps = 0;
	l->length = 9;
	memcpy(l->how[3], "!a*", 3);
	memcpy(l->how[4], "a*a", 3);
	memcpy(l->how[5], "!!!", 3);
	assert_trace(l, "1 aaa 2 aaa 3 !a* 4 a*a 5 !!! unreach");
	for (size_t i = 0; i < l->f.sents; i++)
		assert_true(l->f.sent[i].sent_ns < FAKE_START + NS_PER_S);
	line_free(l);
}

static void too_big(void *arg, const struct probe *p, struct fake_fate *fate)
{
	struct reply *r = &fate->answer.reply;

	if (p->ttl != 2)
		return;
	r->kind = REPLY_TOOBIG;
	r->icmp_type = ICMP4_UNREACH;
	r->icmp_code = ICMP4_UNREACH_FRAG;
	r->mtu = p->attempt ? 100000 : 1400;
}

static void too_big_ends(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->net.edit = too_big;
	assert_trace(l, "1 aaa 2 !!! unreach");
	assert_int_equal(l->f.record[2].hop.mtu, 0);
	assert_int_equal(l->f.record[3].hop.mtu, 1400);
	assert_int_equal(l->f.record[4].hop.mtu, 65535);
	assert_int_equal(l->f.record[3].hop.label[0], 0);
	line_free(l);
}

static void duplicates(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->net.duplicate = 1000;
	l->rules.window = 1;
	for (int stream = 0; stream < 2; stream++) {
		l->rules.stream = stream;
		assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
		assert_int_equal(l->s.stats.answered, 12);
		/* the last one's copy comes when all is over */
		assert_int_equal(l->s.stats.duplicate, 11);
		assert_int_equal(l->s.stats.late, 1);
	}
	line_free(l);
}

static void late_replies(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->rules.wait_max_ns = NS_PER_S;
	l->extra_us[2] = 1500000; /* after the trace has ended */
	assert_trace(l, "1 aaa 2 *** 3 aaa 4 DDD completed");
	assert_int_equal(l->s.stats.late, 3);
	assert_int_equal(l->s.stats.silent, 3);
	l->extra_us[3] = 3000000; /* before, for hop 2 */
	l->rules.window = 2;
	assert_trace(l, "1 aaa 2 *** 3 *** 4 DDD completed");
	assert_int_equal(l->s.stats.late, 6);
	assert_int_equal(l->s.stats.silent, 6);
	/* just in time is in time */
	l->extra_us[3] = 0;
	l->extra_us[2] = 1000000 - 20000 - 1;
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	line_free(l);
}

static void reordering(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->length = 20;
	l->net.jitter_ns = NS_PER_S;
	for (u64 seed = 1; seed < 50; seed++) {
		l->net.seed = seed;
		assert_non_null(strstr(line_run(l), "19 aaa 20 DDD completed"));
		assert_null(strchr(l->text, '*'));
	}
	line_free(l);
}

static void refused(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->how[2][1] = 'x';
	assert_trace(l, "1 aaa 2 axa 3 aaa 4 DDD completed");
	memset(l->how, 'x', sizeof(l->how));
	l->rules.gap_limit = 2;
	assert_trace(l, "1 xxx 2 xxx gaplimit");
	assert_int_equal(l->f.over_ns, FAKE_START); /* at once */
	line_free(l);
}

static void losses(void **state)
{
	struct line *l = line_new("10.0.0.4");
	u64 silent = 0, records = 0;

	l->length = 12;
	l->net.loss = 100;
	for (u64 seed = 1; seed <= 200; seed++) {
		l->net.seed = seed;
		line_run(l);
		records += l->f.records;
		for (size_t i = 0; i < l->f.records; i++)
			silent += l->f.record[i].hop.state == HOP_SILENT;
		assert_null(strpbrk(l->text, "x?!P"));
	}
	assert_in_range(silent * 1000 / records, 80, 120);
	line_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_of_four),
		cmocka_unit_test(families_and_methods),
		cmocka_unit_test(probes_in_order),
		cmocka_unit_test(short_and_partial),
		cmocka_unit_test(silent_hops),
		cmocka_unit_test(gap_limit),
		cmocka_unit_test(window_is_kept),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(who_ends_a_trace),
		cmocka_unit_test(none_beyond_the_end),
		cmocka_unit_test(too_big_ends),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(late_replies),
		cmocka_unit_test(reordering),
		cmocka_unit_test(refused),
		cmocka_unit_test(losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
