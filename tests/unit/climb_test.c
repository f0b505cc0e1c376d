/* SPDX-License-Identifier: BSD-2-Clause */
/* climb_test: what becomes of each probe of a trace, and when. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "io/io.h"
#include "line.h"

static u64 taken_ms(const struct line *l)
{
	return (l->f.over_ns - FAKE_START) / NS_PER_MS;
}

static void adaptive_wait(void **state)
{
	struct line *l = line_new("10.0.0.4");

	/* an answer at the same TTL: three times its 20 ms */
	l->how[2][1] = '*';
	l->rules.here_milli = 3000;
	assert_trace(l, "1 aaa 2 a*a 3 aaa 4 DDD completed");
	assert_int_equal(taken_ms(l), 60);
	/* none there: ten times the next TTL's 30 ms */
	memcpy(l->how[2], "***", 3);
	l->rules.near_milli = 10000;
	assert_trace(l, "1 aaa 2 *** 3 aaa 4 DDD completed");
	assert_int_equal(taken_ms(l), 300);
	/* the next that answers: the destination's 40 ms */
	memcpy(l->how[3], "***", 3);
	assert_trace(l, "1 aaa 2 *** 3 *** 4 DDD completed");
	assert_int_equal(taken_ms(l), 400);
	/* the less of the two */
	memcpy(l->how[2], "a**", 3);
	memcpy(l->how[3], "aaa", 3);
	l->extra_us[2] = 180000;
	assert_trace(l, "1 aaa 2 a** 3 aaa 4 DDD completed");
	assert_int_equal(taken_ms(l), 300);
	/* neither: all of it */
	l->rules.here_milli = l->rules.near_milli = 0;
	assert_trace(l, "1 aaa 2 a** 3 aaa 4 DDD completed");
	assert_int_equal(taken_ms(l), 5000);
	line_free(l);
}

/* On a fast network no answer within the floor is taken for silence. */
static void adaptive_floor(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->delay_us = 100;
	l->extra_us[2] = 49000;
	l->rules.here_milli = 3000;
	l->rules.near_milli = 10000;
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	l->extra_us[2] = 51000;
	assert_trace(l, "1 aaa 2 *** 3 aaa 4 DDD completed");
	assert_int_equal(taken_ms(l), 50);
	/* but nobody waits longer than was asked for */
	l->rules.wait_max_ns = 20 * NS_PER_MS;
	assert_trace(l, "1 aaa 2 *** 3 aaa 4 DDD completed");
	assert_int_equal(taken_ms(l), 20);
	line_free(l);
}

static void send_gap(void **state)
{
	struct line *l = line_new("10.0.0.4");
	u64 last = 0;

	l->rules.send_gap_ns = 100 * NS_PER_MS;
	l->how[2][1] = 'x';
	l->how[3][0] = '*';
	assert_trace(l, "1 aaa 2 axa 3 *aa 4 DDD completed");
	for (size_t i = 0; i < l->f.sents; i++) {
		if (!l->f.sent[i].sent_ns)
			continue;
		/* exactly: it wakes when it may */
		if (last)
			assert_int_equal(l->f.sent[i].sent_ns - last,
					 100 * NS_PER_MS);
		last = l->f.sent[i].sent_ns;
	}
	assert_int_equal(l->f.idle, 0);
	line_free(l);
}

static void rising_port(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->length = 40;
	l->rules.attempts = 10;
	l->rules.dport_step = 1;
	l->rules.dport_span = 91;
	line_run(l);
	assert_int_equal(l->f.records, 300);
	for (size_t i = 0; i < 300; i++) {
		assert_int_equal(l->f.sent[i].dport, 33434 + i % 91);
		assert_int_equal(l->f.record[i].dport, 33434 + i % 91);
	}
	l->rules.dport = 65000;
	l->rules.dport_span = 65535;
	l->rules.dport_step = 3;
	line_run(l);
	assert_int_equal(l->f.record[299].dport, (u16)(65000 + 299 * 3));
	line_free(l);
}

/* When the fate of a record's probe was known. */
static u64 known_ns(const struct line *l, const struct record *r)
{
	if (r->hop.state == HOP_ANSWERED)
		return r->arrived_ns;
	return r->sent_ns + l->rules.wait_max_ns;
}

static void stream_at_once(void **state)
{
	struct line *l = line_new("10.0.0.4");
	u64 known = 0;

	l->how[2][1] = '*';
	l->extra_us[3] = 7000000; /* too late */
	l->extra_us[4] = 100000;
	l->length = 7;
	l->rules.stream = true;
	assert_trace(l, "1 aaa 2 a*a 3 *** 4 aaa 5 aaa 6 aaa 7 DDD completed");
	for (size_t i = 0; i < l->f.records; i++) {
		const struct record *r = &l->f.record[i];

		if (known_ns(l, r) > known)
			known = known_ns(l, r);
		assert_int_equal(l->f.put_ns[i], known);
	}
	assert_int_equal(l->f.record[0].flags, RECORD_TRACE | RECORD_FIRST);
	/* a slow sink changes nothing but the time */
	l->net.sink_room = 2;
	l->net.sink_ns = 100 * NS_PER_MS;
	assert_trace(l, "1 aaa 2 a*a 3 *** 4 aaa 5 aaa 6 aaa 7 DDD completed");
	l->rules.stream = false;
	l->net.sink_room = 21; /* just enough for all of it at once */
	assert_trace(l, "1 aaa 2 a*a 3 *** 4 aaa 5 aaa 6 aaa 7 DDD completed");
	assert_int_equal(l->f.put_ns[0], l->f.put_ns[20]);
	line_free(l);
}

static void halt_in_mid_run(void **state)
{
	struct line *l = line_new("10.0.0.4");

	for (int stream = 0; stream < 2; stream++) {
		l->rules.stream = stream;
		l->how[2][0] = 0;
		l->rules.send_gap_ns = 0;
		l->rules.window = 16;
		l->net.halt_ns = 25 * NS_PER_MS;
		assert_trace(l, "1 aaa 2 aaa 3 ??? 4 ??? 5 ??? 6 ??? 7 ??? 8 ? "
				"halted");
		assert_int_equal(l->s.stats.late, 3 + 3 + 10);
		assert_int_equal(l->f.sents, 22);
		l->net.halt_ns = 1;
		assert_trace(l, "1 ??? 2 ??? 3 ??? 4 ??? 5 ??? 6 ? halted");
		/* the destination is known already */
		l->net.halt_ns = NS_PER_S;
		memcpy(l->how[2], "***", 3);
		assert_trace(l, "1 aaa 2 ??? 3 aaa 4 DDD halted");
		/* over before */
		l->net.halt_ns = 60 * NS_PER_S;
		assert_trace(l, "1 aaa 2 *** 3 aaa 4 DDD completed");
		/* nothing in flight: a stream still has to say that it ends */
		memcpy(l->how[2], "aaa", 3);
		l->rules.send_gap_ns = NS_PER_S;
		l->net.halt_ns = 4500 * NS_PER_MS;
		assert_trace(l, stream ? "1 aaa 2 aax halted"
				       : "1 aaa 2 aa halted");
	}
	line_free(l);
}

/* A translator whose mapping depends on what `arg` counts. */
static void translate(void *arg, const struct probe *p, struct fake_fate *fate)
{
	const struct line *l = arg;
	struct reply *r = &fate->answer.reply;

	if (p->ttl < 2)
		return;
	r->qsrc = line_addr("203.0.113.5");
	r->sport = 4000;
	if (l->rules.dport_step)
		r->sport = (u16)(4000 + p->dport - l->rules.dport);
	else if (l->rules.tos)
		r->qsrc.b[15] = p->ttl;
}

static void translated(void **state)
{
	struct line *l = line_new("10.0.0.4");
	struct addr seen = line_addr("203.0.113.5");

	l->net.edit = translate;
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	assert_int_equal(l->f.record[0].hop.flags, 0);
	assert_true(addr_is_none(&l->f.record[0].seen));
	for (size_t i = 3; i < 12; i++) {
		const struct record *r = &l->f.record[i];

		assert_true(r->hop.flags & HOP_REWRITTEN);
		assert_true(addr_equal(&r->seen, &seen));
		assert_int_equal(r->seen_sport, 4000);
		assert_int_equal(r->sport, l->f.record[0].sport);
	}
	/* every flow has a mapping of its own */
	l->rules.dport_step = 1;
	l->rules.dport_span = 91;
	line_run(l);
	for (size_t i = 3; i < 12; i++)
		assert_int_equal(l->f.record[i].seen_sport, 4000 + i);
	/* more appearances than one flow should have: none is made up */
	l->rules.dport_step = 0;
	l->rules.tos = 1;
	l->length = 9;
	line_run(l);
	for (size_t i = 3; i < 27; i++) {
		const struct record *r = &l->f.record[i];

		seen.b[15] = r->hop.ttl;
		assert_true(r->hop.flags & HOP_REWRITTEN);
		assert_int_equal(addr_equal(&r->seen, &seen), r->hop.ttl < 6);
		assert_int_equal(addr_is_none(&r->seen), r->hop.ttl >= 6);
	}
	line_free(l);
}

/* Answers that verify, and yet nobody waits for them. */
static void stray_answers(void **state)
{
	static const struct stray {
		u8 ttl, attempt;
		const char *dst;
	} strays[] = {
		{ 0, 0, "10.0.0.4" },  { 1, 0, "10.0.0.4" },
		{ 7, 2, "10.0.0.4" },  { 8, 3, "10.0.0.4" },
		{ 8, 15, "10.0.0.4" }, { 9, 1, "10.0.0.4" },
		{ 31, 0, "10.0.0.4" }, { 255, 15, "10.0.0.4" },
		{ 8, 0, "10.0.0.5" },  { 8, 0, "fd00::4" },
	};
	struct line *l = line_new("10.0.0.4");
	struct probe p[IO_BATCH] = {};
	struct answer a = {};
	unsigned int n;

	assert_int_equal(fake_open(&l->f, &l->net), 0);
	l->rules.first_ttl = 8;
	l->rules.window = 4;
	l->s.emit = fake_sink(&l->f);
	assert_int_equal(ladder_open(&l->s, &l->rules, 0), 0);
	n = l->s.ops->schedule(&l->s, p, IO_BATCH, 1000);
	assert_int_equal(n, 4); /* TTL 8 and one of TTL 9 */
	for (unsigned int i = 0; i < n; i++)
		p[i].sent_ns = 1000 + i;
	l->s.ops->departed(&l->s, p, n);
	/* departed twice, or of a trace that is none: ignored */
	l->s.ops->departed(&l->s, p, n);
	p[0].owner = 5;
	l->s.ops->departed(&l->s, p, n);
	a.proof.result = COOKIE_EXACT;
	a.reply.kind = REPLY_EXPIRED;
	a.reply.family = 4;
	for (size_t i = 0; i < sizeof(strays) / sizeof(*strays); i++) {
		a.dst = line_addr(strays[i].dst);
		a.proof.ttl = strays[i].ttl;
		a.proof.attempt = strays[i].attempt;
		l->s.ops->settle(&l->s, &a, 1, 2000);
		assert_int_equal(l->s.stats.unknown, i + 1);
	}
	assert_int_equal(l->s.stats.answered, 0);
	/* an arrival before the departure is no negative RTT */
	a.dst = line_addr("10.0.0.4");
	a.proof.ttl = 8;
	a.proof.attempt = 1;
	a.arrived_ns = 500;
	l->s.ops->settle(&l->s, &a, 1, 2000);
	assert_int_equal(l->s.stats.answered, 1);
	l->s.ops->halt(&l->s, 3000);
	assert_int_equal(l->s.ops->next(&l->s, 3000), UINT64_MAX);
	assert_int_equal(l->f.records, 4);
	assert_int_equal(l->f.record[1].hop.rtt_us, 0);
	line_free(l);
}

/* The rules of ladder.h once more, told TTL by TTL without any window. */
static void expected(const struct line *l, char *t)
{
	unsigned int gap = 0, q = l->rules.attempts;
	const char *why = NULL;

	*t = '\0';
	for (u8 ttl = l->rules.first_ttl; !why; ttl++) {
		char hop[LINE_TRIES + 1] = "";
		bool heard;

		for (u8 i = 0; i < q; i++)
			hop[i] = line_how(
				l, &(struct probe){ .ttl = ttl, .attempt = i });
		heard = strspn(hop, "*x") < q;
		gap = heard ? 0 : gap + 1;
		if (strpbrk(hop, "DP"))
			why = " completed";
		else if (strchr(hop, '!') && !strpbrk(hop, "ad"))
			why = " unreach";
		else if (gap >= l->rules.gap_limit)
			why = " gaplimit";
		else if (ttl == l->rules.max_ttl)
			why = " hoplimit";
		t += sprintf(t, "%s%u %s%s",
			     ttl > l->rules.first_ttl ? " " : "", ttl, hop,
			     why ? why : "");
	}
}

static void random_line(struct line *l)
{
	static const char *const kinds[] = { "aaaa*d", "*****a", "aaaad!",
					     "*!x", "aaaaaaaaD*P" };

	l->length = 1 + fake_random(&l->f) % 34;
	for (int ttl = 0; ttl < LINE_TTLS; ttl++) {
		const char *kind = kinds[fake_random(&l->f) % 5];

		if (fake_random(&l->f) % 2)
			kind = "a";
		for (int i = 0; i < LINE_TRIES; i++)
			l->how[ttl][i] =
				kind[fake_random(&l->f) % strlen(kind)];
		if (ttl >= (int)l->length)
			memset(l->how[ttl], 0, LINE_TRIES);
		l->extra_us[ttl] = fake_random(&l->f) % 1000000;
	}
	l->rules.first_ttl = 1 + fake_random(&l->f) % 4;
	l->rules.max_ttl = 4 + fake_random(&l->f) % 29;
	l->rules.attempts = 1 + fake_random(&l->f) % LINE_TRIES;
	l->rules.gap_limit = 1 + fake_random(&l->f) % 6;
	if (fake_random(&l->f) % 4 == 0)
		l->rules.gap_limit = LADDER_GAP_OFF;
	l->rules.window = 1 + fake_random(&l->f) % 64;
	l->rules.stream = fake_random(&l->f) % 2;
	l->rules.send_gap_ns = fake_random(&l->f) % 3 * 40 * NS_PER_MS;
	l->net.jitter_ns = 1 + fake_random(&l->f) % NS_PER_S;
	l->net.pps = fake_random(&l->f) % 2 * 100;
	l->net.batch = 1 + fake_random(&l->f) % 64;
	l->net.duplicate = fake_random(&l->f) % 300;
}

/* Whatever the window, the pace and the order of answers: what is reported
 * follows from who answers. */
static void outcome_is_the_answers(void **state)
{
	char text[LINE_TEXT];

	for (u64 seed = 1; seed <= 1500; seed++) {
		struct line *l = line_new("10.0.0.4");

		l->f.random = l->net.seed = seed;
		random_line(l);
		expected(l, text);
		assert_trace(l, text);
		line_free(l);
	}
}

static void refuses_nonsense(void **state)
{
	struct line *l = line_new("10.0.0.4");
	struct ladder_config good = l->rules;

#define assert_refused(field, value)                                           \
	do {                                                                   \
		l->rules = good;                                               \
		l->rules.field = (value);                                      \
		assert_int_equal(ladder_open(&l->s, &l->rules, 0), -EINVAL);   \
	} while (0)
	assert_refused(first_ttl, 0);
	assert_refused(first_ttl, 31);
	assert_refused(attempts, 0);
	assert_refused(attempts, 17);
	assert_refused(gap_limit, 0);
	assert_refused(window, 0);
	assert_refused(active_max, 0);
	assert_refused(wait_max_ns, 0);
	assert_refused(wait_max_ns, UINT64_MAX);
	assert_refused(dport_step, 1);
	assert_refused(key, NULL);
	assert_refused(order, NULL);
	l->rules = good;
	l->rules.stream = true;
	l->rules.active_max = 2;
	assert_int_equal(ladder_open(&l->s, &l->rules, 0), -EINVAL);
	assert_null(l->s.ops);
	line_free(l);
}

/* What this host itself loses: of each probe the first so many that left. */
static struct uplink_loss {
	unsigned int first, left[LINE_TTLS][LINE_TRIES];
} loss;

static void lose(void *arg, const struct probe *p, struct fake_fate *fate)
{
	struct line *l = arg;

	if (loss.left[p->ttl][p->attempt]++ >= loss.first)
		return;
	fate->copies = 0;
	l->f.dropped++; /* told by missed() in the next turn */
}

static void assert_left(u8 ttls, unsigned int times)
{
	for (int ttl = 1; ttl <= ttls; ttl++)
		for (int attempt = 0; attempt < 3; attempt++)
			assert_int_equal(loss.left[ttl][attempt], times);
}

/* It is sent again, each time when it has waited in vain, and no more than
 * four times; what was answered or is silent for others is not. */
static void our_own_losses(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->net.edit = lose;
	l->how[2][1] = '*';
	l->rules.max_ttl = 5; /* all in one window */
	for (int i = 0; i < 2 * 6; i++) {
		unsigned int first = i / 2;
		bool enough = first <= 4;

		loss = (struct uplink_loss){ .first = first };
		l->rules.stream = i % 2;
		assert_trace(l, enough ? "1 aaa 2 a*a 3 aaa 4 DDD completed"
				       : "1 ??? 2 ??? 3 ??? 4 ??? 5 ??? "
					 "hoplimit");
		assert_left(enough ? 4 : 5, enough ? first + 1 : 5);
		assert_in_range(taken_ms(l), 5000 * (enough ? first + 1 : 5),
				5000 * (enough ? first + 1 : 5) + 100);
		assert_int_equal(l->f.idle, 0);
	}
	line_free(l);
}

/* The first probe is lost, which is told when the second one leaves. */
static void lose_and_tell_later(void *arg, const struct probe *p,
				struct fake_fate *fate)
{
	struct line *l = arg;

	if (p->ttl == 1 && !loss.left[1][0]++)
		fate->copies = 0;
	if (p->ttl == 2 && !loss.left[2][0]++)
		l->s.ops->missed(&l->s, FAKE_START, FAKE_START + 1);
}

/* A trace that would end goes on with what had seemed silent, unless that was
 * put already. */
static void losses_known_later(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->net.edit = lose_and_tell_later;
	l->rules.attempts = l->rules.window = 1;
	loss = (struct uplink_loss){};
	assert_trace(l, "1 a 2 a 3 a 4 D completed");
	l->how[2][0] = '*';
	l->rules.gap_limit = 2;
	loss = (struct uplink_loss){};
	assert_trace(l, "1 a 2 * 3 a 4 D completed");
	assert_int_equal(loss.left[1][0], 2);
	assert_int_equal(loss.left[2][0], 1);
	l->rules.stream = true;
	loss = (struct uplink_loss){};
	assert_trace(l, "1 * 2 * gaplimit");
	line_free(l);
}

/* The gate or the device does not take it at first. */
static void refuse(void *arg, const struct probe *p, struct fake_fate *fate)
{
	fate->refused = loss.left[p->ttl][p->attempt]++ < loss.first;
}

static void refused_goes_again(void **state)
{
	struct line *l = line_new("10.0.0.4");

	l->net.edit = refuse;
	l->rules.max_ttl = 5;
	for (unsigned int first = 1; first <= 5; first++) {
		loss = (struct uplink_loss){ .first = first };
		assert_trace(l, first < 5 ? "1 aaa 2 aaa 3 aaa 4 DDD completed"
					  : "1 xxx 2 xxx 3 xxx 4 xxx 5 xxx "
					    "hoplimit");
		assert_left(4, first < 5 ? first + 1 : 5);
	}
	line_free(l);
}

static void seem_lost(void *arg, const struct probe *p, struct fake_fate *fate)
{
	struct line *l = arg;

	l->f.dropped += !loss.left[p->ttl][p->attempt]++;
}

/* An answer that comes when its probe has been given up, but is not sent again
 * yet, is late like any other. */
static void late_before_it_goes_again(void **state)
{
	struct line *l = line_new("10.0.0.4");

	loss = (struct uplink_loss){};
	l->net.edit = seem_lost;
	l->rules.wait_max_ns = 1050 * NS_PER_MS; /* goes again after 1100 */
	l->rules.send_gap_ns = 100 * NS_PER_MS;
	for (int ttl = 1; ttl <= 4; ttl++)
		l->extra_us[ttl] = 1060000;
	line_run(l);
	assert_int_equal(l->s.stats.unknown, 0);
	assert_in_range(l->s.stats.late, 1, l->f.answers);
	line_free(l);
}

/* They keep the distance of all probes. */
static void losses_keep_the_gap(void **state)
{
	struct line *l = line_new("10.0.0.4");
	u64 last = 0;

	loss = (struct uplink_loss){ .first = 1 };
	l->net.edit = lose;
	l->rules.window = 2;
	l->rules.here_milli = 3000;
	l->rules.send_gap_ns = 100 * NS_PER_MS;
	assert_trace(l, "1 aaa 2 aaa 3 aaa 4 DDD completed");
	assert_int_equal(l->f.sents, 2 * 12);
	for (size_t i = 0; i < l->f.sents; i++) {
		assert_true(l->f.sent[i].sent_ns >= last + 100 * NS_PER_MS);
		last = l->f.sent[i].sent_ns;
	}
	line_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adaptive_wait),
		cmocka_unit_test(adaptive_floor),
		cmocka_unit_test(send_gap),
		cmocka_unit_test(rising_port),
		cmocka_unit_test(stream_at_once),
		cmocka_unit_test(halt_in_mid_run),
		cmocka_unit_test(translated),
		cmocka_unit_test(stray_answers),
		cmocka_unit_test(outcome_is_the_answers),
		cmocka_unit_test(our_own_losses),
		cmocka_unit_test(losses_known_later),
		cmocka_unit_test(refused_goes_again),
		cmocka_unit_test(late_before_it_goes_again),
		cmocka_unit_test(losses_keep_the_gap),
		cmocka_unit_test(refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
