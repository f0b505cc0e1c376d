/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * finding_test: what changed between which hops, what did not, and what nobody
 * can know, as text has it, each line within 80 columns.
 */
#include "out/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "probe/probe.h"
#include "records.h"
#include "reply.h"
#include "wire.h"

#define V4 "192.0.2.1", "198.51.100.9"
#define ALL "MSS, SACK, timestamps, window scale"

enum {
	ALL_SAID = TCP_SAID_OPTIONS | TCP_SAID_WHOLE,
	ENOUGH = 255,
};

static const struct tcp_shape all_options = {
	.mss = TCP_MSS_DEFAULT,
	.flags = TCP_SYN,
	.sack = true,
	.timestamps = true,
	.window_scaling = true,
};

/* What one hop quotes; ttl 0: the end of the list. */
struct quote {
	u8 ttl, said;
	u16 mss, dport;
	u8 scale, flags;
};

static struct record quote_of(const struct quote *q)
{
	struct record r = record_of(V4, q->ttl, 0, "10.0.0.1", 5);

	r.proto = PROTO_TCP;
	r.dport = 80;
	r.seen_dport = q->dport ? q->dport : 80;
	r.hop.tcp_said = q->said;
	r.hop.tcp_mss = q->mss;
	r.hop.tcp_scale = q->scale;
	r.hop.flags |= q->flags;
	return r;
}

static char *tell(struct findings *f)
{
	char *text = NULL;
	size_t size, line;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	findings_end(f);
	for (unsigned int i = 0; i < f->n; i++) {
		fflush(to);
		line = size;
		finding_text(f, &f->f[i], to);
		fflush(to);
		if (f->f[i].kind != FINDING_SOURCE)
			assert_in_range(size - line, 1, 80);
		fputc('\n', to);
	}
	fclose(to);
	return text;
}

static void check(struct findings *f, const char *want)
{
	char *text = tell(f);

	assert_string_equal(text, want);
	free(text);
}

static void check_quotes(const struct tcp_shape *syn, const struct quote *q,
			 const char *want)
{
	struct out_run run = { .syn = *syn };
	struct findings f = {};

	for (; q->ttl; q++) {
		struct record r = quote_of(q);

		findings_note(&f, &run, &r);
	}
	check(&f, want);
}

#define OTHER(t)                                                               \
	{                                                                      \
		t, ALL_SAID, 1460, 0, TCP_SHIFT, HOP_RENUMBERED                \
	}
#define QUOTE(t, what, m, port, shift)                                         \
	{                                                                      \
		t, what, m, port, shift, 0                                     \
	}
#define SAME(t) QUOTE(t, ALL_SAID, 1460, 0, TCP_SHIFT)
#define EIGHT(t) QUOTE(t, 0, 0, 0, 0)
#define BARE(t) QUOTE(t, TCP_SAID_WHOLE, 0, 0, 0)

static const struct row {
	struct quote quote[6];
	const char *want;
} rows[] = {
	{ {}, "Not visible in any quote: " ALL ".\n" },
	{ { EIGHT(1), EIGHT(9) }, "Not visible in any quote: " ALL ".\n" },
	{ { SAME(4) }, "Unchanged at hop 4: " ALL ".\n" },
	{ { EIGHT(1), SAME(2), EIGHT(3), SAME(9), EIGHT(10) },
	  "Unchanged at hops 2 to 9: " ALL ".\n" },
	/* longest of their kinds */
	{ { SAME(200), SAME(255) },
	  "Unchanged at hops 200 to 255: " ALL ".\n" },
	{ { SAME(253), BARE(254) },
	  "Removed between hops 253 and 254: " ALL ".\n" },
	{ { SAME(1), { 2, ALL_SAID, 1300, 0, TCP_SHIFT, 0 }, EIGHT(3) },
	  "MSS 1460 became 1300 between hops 1 and 2.\n"
	  "Unchanged at hops 1 to 2: SACK, timestamps, window scale.\n" },
	{ { EIGHT(1), EIGHT(3), { 5, ALL_SAID, 1300, 0, TCP_SHIFT, 0 } },
	  "MSS 1460 became 1300 before hop 5.\n"
	  "Unchanged at hop 5: SACK, timestamps, window scale.\n" },
	{ { SAME(1), { 3, ALL_SAID, 1460, 0, 2, 0 } },
	  "Window scale 7 became 2 between hops 1 and 3.\n"
	  "Unchanged at hops 1 to 3: MSS, SACK, timestamps.\n" },
	{ { SAME(1), { 3, ALL_SAID, 1460, 8080, TCP_SHIFT, 0 } },
	  "Destination port 80 became 8080 between hops 1 and 3.\n"
	  "Unchanged at hops 1 to 3: " ALL ".\n" },
	/* the MSS is there, and then the quote ends */
	{ { QUOTE(1, TCP_SAID_MSS, 1460, 0, 0),
	    QUOTE(2, TCP_SAID_MSS, 1000, 0, 0) },
	  "MSS 1460 became 1000 between hops 1 and 2.\n"
	  "Not visible in any quote: SACK, timestamps, window scale.\n" },
	{ { SAME(1),
	    { 2, ALL_SAID & ~TCP_SAID_WHOLE & ~TCP_SAID_SACK, 1460, 0,
	      TCP_SHIFT, 0 } },
	  "Unchanged at hops 1 to 2: MSS, timestamps, window scale.\n"
	  "Unchanged at hop 1: SACK.\n" },
	{ { { 1, ALL_SAID | TCP_SAID_MALFORMED, 1460, 0, TCP_SHIFT, 0 },
	    QUOTE(2, TCP_SAID_MALFORMED, 0, 0, 0) },
	  "Unchanged at hop 1: " ALL ".\n" },
	{ { SAME(252), OTHER(254), SAME(255) },
	  "The TCP sequence number is rewritten between hops 252 and 254.\n"
	  "Unchanged at hops 252 to 255: " ALL ".\n" },
	/* removed one after the other; what is gone is not told again */
	{ { SAME(1),
	    { 2, ALL_SAID & ~TCP_SAID_SACK, 1460, 0, TCP_SHIFT, 0 },
	    { 3, ALL_SAID & ~TCP_SAID_SACK & ~TCP_SAID_MSS, 0, 0, TCP_SHIFT,
	      0 },
	    SAME(4) },
	  "Removed between hops 1 and 2: SACK.\n"
	  "Removed between hops 2 and 3: MSS.\n"
	  "Unchanged at hops 1 to 4: timestamps, window scale.\n" },
	/* the first of a TTL has the say, and nothing goes backwards */
	{ { SAME(2),
	    { 2, ALL_SAID, 9, 0, TCP_SHIFT, 0 },
	    { 1, ALL_SAID, 9, 0, TCP_SHIFT, 0 } },
	  "Unchanged at hop 2: " ALL ".\n" },
	{ { SAME(1), { 2, ALL_SAID, 9, 0, TCP_SHIFT, 0 }, SAME(3) },
	  "MSS 1460 became 9 between hops 1 and 2.\n"
	  "MSS 9 became 1460 between hops 2 and 3.\n"
	  "Unchanged at hops 1 to 3: SACK, timestamps, window scale.\n" },
};

static void of_a_syn(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct quote q[7] = {};

		memcpy(q, rows[i].quote, sizeof(rows[i].quote));
		print_message("row %zu\n", i);
		/* a trace whose only record is silence is one of SYNs, too */
		if (!q[0].ttl) {
			struct out_run run = { .syn = all_options };
			struct record r = record_without(V4, 1, 0, HOP_SILENT);
			struct findings f = {};

			r.proto = PROTO_TCP;
			findings_note(&f, &run, &r);
			check(&f, rows[i].want);
			continue;
		}
		check_quotes(&all_options, q, rows[i].want);
	}
}

/* What was not sent is not missed; nothing is compared with what nobody
 * knows. */
static void of_other_shapes(void **state)
{
	const struct tcp_shape mss = { .mss = 1400, .flags = TCP_SYN },
			       none = {};
	const struct quote gone[] = {
		QUOTE(1, TCP_SAID_MSS | TCP_SAID_WHOLE, 1400, 0, 0), BARE(2), {}
	};
	const struct quote other[] = { SAME(1), BARE(2), {} };

	check_quotes(&mss, gone, "Removed between hops 1 and 2: MSS.\n");
	check_quotes(&none, other, "");
}

static void syn_ack(struct record *r, u8 ttl, u16 mss)
{
	*r = record_of(V4, ttl, 0, "198.51.100.9", 5);
	r->proto = PROTO_TCP;
	r->hop.kind = REPLY_TCP;
	r->hop.quoted_size = 0;
	r->hop.flags = HOP_REACHED | HOP_FINAL;
	r->hop.tcp_flags = TCP_SYN | TCP_ACK;
	r->hop.tcp_said = mss ? TCP_SAID_MSS : 0;
	r->hop.tcp_mss = mss;
}

/* Beside what the SYN/ACK says; what came from beyond is not of the path. */
static void beside_the_syn_ack(void **state)
{
	const struct out_run run = { .syn = all_options };
	const struct quote q[] = { SAME(253),
				   { 254, ALL_SAID, 10000, 0, TCP_SHIFT, 0 } };
	struct findings f = {};
	struct record r[3];

	r[0] = quote_of(&q[0]);
	r[1] = quote_of(&q[1]);
	syn_ack(&r[2], 255, 10001);
	for (int i = 0; i < 3; i++)
		findings_note(&f, &run, &r[i]);
	check(&f, "MSS 1460 became 10000 between hops 253 and 254; "
		  "the SYN/ACK says 10001.\n"
		  "Unchanged at hops 253 to 254: SACK, timestamps, window "
		  "scale.\n");
}

static struct record tos_of(u8 ttl, u8 sent, u8 quoted)
{
	struct record r = record_of(V4, ttl, 0, "10.0.0.1", 5);

	r.tos = sent;
	r.hop.quoted_tos = quoted;
	return r;
}

static void of_any_method(void **state)
{
	const struct out_run run = {};
	struct record r[] = {
		tos_of(1, 46 << 2 | 2, 46 << 2 | 2),
		tos_of(2, 46 << 2 | 2, 46 << 2 | 3),
		tos_of(3, 46 << 2 | 2, 0),
		tos_of(4, 46 << 2 | 2, 46 << 2), /* says nothing of its TOS */
		tos_of(5, 46 << 2 | 2, 8 << 2 | 1),
		tos_of(6, 46 << 2 | 2, 0), /* beyond the end */
	};
	struct findings f = {};

	r[3].hop.quoted_size = 0;
	r[4].hop.kind = REPLY_UNREACH;
	r[4].hop.flags = HOP_FINAL;
	for (int i = 0; i < 6; i++)
		findings_note(&f, &run, &r[i]);
	check(&f, "ECN ECT(0) became CE between hops 1 and 2.\n"
		  "DSCP 46 became 0 between hops 2 and 3.\n"
		  "ECN CE became Not-ECT between hops 2 and 3.\n"
		  "DSCP 0 became 8 between hops 3 and 5.\n"
		  "ECN Not-ECT became ECT(1) between hops 3 and 5.\n");
	/* an echo reply quotes nothing: its TOS is its sender's business */
	findings_clear(&f);
	r[0].hop.kind = REPLY_ECHO;
	r[0].hop.quoted_tos = 1;
	findings_note(&f, &run, &r[0]);
	check(&f, "ECN ECT(0) is not visible in any quote.\n");
}

/* The ECN field that was sent, that three hops quote (ENOUGH: they do not), and
 * that a QUIC server counted; and what all of it says. */
static const struct marks {
	u8 sent, quoted[3], said;
	u32 ect0, ect1, ce;
	const char *want, *counts;
} marks[] = {
	{ 0, { 0, 0, 0 }, HOP_QUIC_INITIAL, 0, 0, 0, "", "" },
	{ 2,
	  { 2, ENOUGH, 2 },
	  0,
	  0,
	  0,
	  0,
	  "ECN ECT(0) is unchanged at hops 1 to 3.\n",
	  "" },
	{ 2,
	  { ENOUGH, 2, ENOUGH },
	  HOP_QUIC_INITIAL,
	  0,
	  0,
	  0,
	  "ECN ECT(0) is unchanged at hop 2.\n",
	  "The server counts no ECN marks.\n" },
	{ 1,
	  { 1, 1, 1 },
	  HOP_QUIC_COUNTED,
	  0,
	  3,
	  0,
	  "ECN ECT(1) is unchanged at hops 1 to 3, and at the server.\n",
	  "The server counted 0 ECT(0), 3 ECT(1), 0 CE.\n" },
	{ 3,
	  { ENOUGH, ENOUGH, ENOUGH },
	  HOP_QUIC_COUNTED,
	  0,
	  0,
	  9,
	  "ECN CE is unchanged at the server.\n",
	  "The server counted 0 ECT(0), 0 ECT(1), 9 CE.\n" },
	{ 2,
	  { ENOUGH, ENOUGH, ENOUGH },
	  HOP_QUIC_VERSIONS,
	  0,
	  0,
	  0,
	  "ECN ECT(0) is not visible in any quote.\n",
	  "" },
	{ 2,
	  { 2, 0, 0 },
	  HOP_QUIC_INITIAL,
	  0,
	  0,
	  0,
	  "ECN ECT(0) became Not-ECT between hops 1 and 2.\n",
	  "The server counts no ECN marks.\n" },
	{ 2,
	  { 2, 2, 2 },
	  HOP_QUIC_COUNTED,
	  2,
	  0,
	  1,
	  "ECN ECT(0) became CE between hop 3 and the server.\n",
	  "The server counted 2 ECT(0), 0 ECT(1), 1 CE.\n" },
	{ 0,
	  { ENOUGH, ENOUGH, ENOUGH },
	  HOP_QUIC_COUNTED,
	  0,
	  4294967295u,
	  0,
	  "ECN Not-ECT became ECT(1) before the server.\n",
	  "The server counted 0 ECT(0), 4294967295 ECT(1), 0 CE.\n" },
	/* changed on the way, and counted as the last hop quotes it */
	{ 2,
	  { 2, 3, 3 },
	  HOP_QUIC_COUNTED,
	  0,
	  0,
	  3,
	  "ECN ECT(0) became CE between hops 1 and 2.\n",
	  "The server counted 0 ECT(0), 0 ECT(1), 3 CE.\n" },
};

static void check_counts(const struct findings *f, const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	findings_counts(f, to);
	fclose(to);
	assert_string_equal(text, want);
	assert_in_range(size, 0, 81);
	free(text);
}

static void of_marks(void **state)
{
	const struct out_run run = {};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		const struct marks *m = &marks[i];
		struct record server = record_without(V4, 0, 0, HOP_SILENT);
		struct findings f = {};

		print_message("marks %zu\n", i);
		for (u8 ttl = 1; ttl <= 3; ttl++) {
			struct record r =
				tos_of(ttl, m->sent, m->quoted[ttl - 1]);

			if (m->quoted[ttl - 1] == ENOUGH)
				r.hop.quoted_size = 0;
			findings_note(&f, &run, &r);
		}
		server.flags = RECORD_TRACE | RECORD_SESSION;
		server.hop.tcp_said = m->said;
		server.quic = (struct quic_end){ m->ect0, m->ect1, m->ce, 0 };
		findings_note(&f, &run, &server);
		check(&f, m->want);
		check_counts(&f, m->counts);
	}
}

/* A trace by QUIC, of which the last that answered is at `ttl`, 0: nobody, and
 * UDP is answered as far as udp_ttl. */
static void check_blocked(u8 udp_ttl, u8 ttl, u8 flags, const char *want)
{
	const struct out_run run = { .udp_ttl = udp_ttl };
	struct record silent = record_without(V4, 9, 0, HOP_SILENT);
	struct record r = record_of(V4, ttl, 0, "10.0.0.1", 5);
	struct findings f = {};

	r.hop.flags = flags;
	if (ttl)
		findings_note(&f, &run, &r);
	findings_note(&f, &run, &silent);
	check(&f, want);
}

static void of_quic_alone(void **state)
{
	check_blocked(0, 3, 0, "");
	check_blocked(3, 3, 0, "");
	check_blocked(4, 3, HOP_REACHED | HOP_FINAL, "");
	check_blocked(4, 3, 0,
		      "QUIC blocked after hop 3; hop 4 answers UDP to that "
		      "port.\n");
	/* by somebody who says so */
	check_blocked(255, 254, HOP_FINAL,
		      "QUIC blocked after hop 254; hop 255 answers UDP to that "
		      "port.\n");
	check_blocked(1, 0, 0,
		      "QUIC blocked before any hop; hop 1 answers UDP to that "
		      "port.\n");
}

/* A path that changes all the time, and whoever invents one. */
static void no_more_than_there_is_room_for(void **state)
{
	const struct out_run run = { .syn = all_options };
	struct findings f = {};

	for (unsigned int i = 1; i <= ENOUGH; i++) {
		struct quote q = { (u8)i, ALL_SAID, (u16)i, (u16)i, (u8)i, 0 };
		struct record r = quote_of(&q);

		r.hop.flags = HOP_REWRITTEN;
		r.seen.w[3] = be32_put(i);
		findings_note(&f, &run, &r);
	}
	findings_end(&f);
	assert_int_equal(f.n, FINDINGS);
	findings_clear(&f);
	check(&f, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_syn),
		cmocka_unit_test(of_other_shapes),
		cmocka_unit_test(beside_the_syn_ack),
		cmocka_unit_test(of_any_method),
		cmocka_unit_test(of_marks),
		cmocka_unit_test(of_quic_alone),
		cmocka_unit_test(no_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
