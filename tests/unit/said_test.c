/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * said_test: what JSON lines say of sessions and of QUIC is read again as it
 * was written, and refused where it cannot be.
 */
#include "out/read_said.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/log.h"
#include "out/formats.h"
#include "probe/probe.h"
#include "probe/tcp.h"
#include "records.h"
#include "reply.h"
#include "scratch.h"
#include "wire.h"

#define V4 "192.0.2.1", "198.51.100.9"

enum { PROBES = 2, CLOSED = HOP_QUIC_INITIAL | HOP_QUIC_CLOSE };

static int tear_down(void **state)
{
	scratch_remove();
	return 0;
}

/* The records of the first trace in a text; how many, or -errno. */
static int read_back(const char *text, struct reader *r)
{
	int got = reader_open(r, scratch_file(text, strlen(text)), false);

	if (!got)
		got = reader_next(r);
	return got == 1 ? (int)r->n : got;
}

/* A router, and the destination; in front of them n records of what else was
 * said. */
static void check_same(const char *method, struct record *r, unsigned int n)
{
	struct out_run run = records_run;
	struct reader back = {};
	char *text, *again;

	run.method = method;
	records_join(r, n + PROBES, STOP_COMPLETED);
	for (unsigned int i = 0; i < n; i++)
		r[i].flags |= RECORD_SESSION;
	text = records_render(&jsonl_format, &run, r, n + PROBES);
	assert_int_equal(read_back(text, &back), n + PROBES);
	for (unsigned int i = 0; i < n + PROBES; i++) {
		assert_int_equal(back.record[i].flags, r[i].flags);
		assert_int_equal(back.record[i].session, r[i].session);
		assert_int_equal(back.record[i].hop.kind, r[i].hop.kind);
		assert_int_equal(back.record[i].hop.state, r[i].hop.state);
		assert_int_equal(back.record[i].hop.attempt, r[i].hop.attempt);
		assert_int_equal(back.record[i].hop.tcp_said,
				 r[i].hop.tcp_said);
	}
	again = records_render(&jsonl_format, &back.run, back.record, back.n);
	assert_string_equal(again, text);
	free(text);
	free(again);
	reader_close(&back);
}

static void draw_path(struct record r[PROBES], u8 proto)
{
	r[0] = record_of(V4, 1, 0, "10.0.0.1", 500);
	r[1] = record_of(V4, 2, 0, "198.51.100.9", 900);
	r[1].hop.flags = HOP_REACHED | HOP_FINAL;
	r[1].hop.kind = proto == PROTO_TCP ? REPLY_TCP : REPLY_UDP;
	r[1].hop.icmp_type = 0;
	r[1].hop.quoted_size = r[1].hop.quoted_ttl = 0;
	for (int i = 0; i < PROBES; i++)
		r[i].proto = proto;
}

static void sessions(void **state)
{
	struct record r[2 + PROBES];

	for (u8 fate = FATE_OPEN; fate < FATES; fate++) {
		draw_path(r + 2, PROTO_TCP);
		r[0] = record_without(V4, 0, 0, HOP_SILENT);
		r[1] = record_without(V4, 0, 1, HOP_ANSWERED);
		r[0].proto = r[1].proto = PROTO_TCP;
		r[0].session = r[1].session = fate;
		r[1].sport = 40001;
		r[1].hop.from = r[1].dst;
		r[1].hop.rtt_us = 1234;
		r[1].hop.kind = REPLY_TCP;
		r[1].hop.tcp_flags = TCP_SYN | TCP_ACK;
		r[1].hop.tcp_said = TCP_SAID_MSS | TCP_SAID_SACK;
		r[1].hop.tcp_mss = 1400;
		check_same("insession", r, 2);
	}
}

static void connections(void **state)
{
	static const struct row {
		u8 version, said, hop;
		struct quic_end end;
	} rows[] = {
		{ 1, HOP_QUIC_INITIAL, HOP_QUIC_INITIAL, {} },
		{ 2,
		  HOP_QUIC_INITIAL | HOP_QUIC_VERSIONS,
		  HOP_QUIC_INITIAL | HOP_QUIC_RETRY,
		  {} },
		{ 1, HOP_QUIC_RETRY, HOP_QUIC_UNKNOWN | HOP_QUIC_RETRY, {} },
		{ 1, CLOSED, CLOSED, { .close_code = 0 } },
		{ 1,
		  CLOSED,
		  CLOSED | HOP_QUIC_RETRY,
		  { .close_code = UINT32_MAX } },
		{ 1,
		  HOP_QUIC_INITIAL | HOP_QUIC_COUNTED,
		  HOP_QUIC_VERSIONS,
		  { 1, 2, UINT32_MAX, 0 } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct record r[1 + PROBES];

		draw_path(r + 1, PROTO_UDP);
		r[0] = record_without(V4, 0, 0, HOP_SILENT);
		r[0].quic_version = rows[i].version;
		r[0].quic = rows[i].end;
		r[0].hop.tcp_said = rows[i].said;
		r[2].hop.tcp_said = rows[i].hop;
		check_same(i % 2 ? "quic" : "quic-vn", r, 1);
	}
}

/* An answer by UDP that says nothing of QUIC, as scamper's. */
static void no_quic(void **state)
{
	struct record r[PROBES];

	draw_path(r, PROTO_UDP);
	check_same("udp", r, 0);
}

#define TRACE(method, more)                                                    \
	"{\"type\":\"trace\",\"dst\":\"192.0.2.9\",\"method\":\"" method       \
	"\"," more "}\n"
#define HOP(quic)                                                              \
	TRACE("quic", "\"hops\":[{\"probe_ttl\":1,\"addr\":\"192.0.2.9\","     \
		      "\"quic\":\"" quic "\"}]")

static void refused(void **state)
{
	static const char *const bad[][2] = {
		{ HOP(""), "quic is " },
		{ HOP("R+"), "quic is R+" },
		{ HOP("X"), "quic is X" },
		{ HOP("II"), "quic is II" },
		{ HOP("I,closed"), "quic is I,closed" },
		{ TRACE("quic", "\"quic\":7"), "quic is no object" },
		{ TRACE("tcp", "\"quic\":{\"version\":1}"),
		  "quic is no object of a trace by UDP" },
		{ TRACE("quic", "\"quic\":{}"), "version 0 of QUIC" },
		{ TRACE("quic", "\"quic\":{\"version\":1,\"ce\":4294967296}"),
		  "ce is 4294967296" },
		{ TRACE("insession", "\"sessions\":[{}]"),
		  "fate is not there" },
		{ TRACE("insession", "\"sessions\":[{\"fate\":\"sealed\"}]"),
		  "fate is sealed" },
		{ TRACE("quic", "\"sessions\":[{\"fate\":\"open\"}]"),
		  "sessions are of TCP" },
		{ TRACE("insession",
			"\"sessions\":[{},{},{},{},{},{},{},{},{},{},{},{},{},"
			"{},{},{},{}]"),
		  "more than 16 sessions" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct reader r = {};
		const char *said;
		int got;

		scratch_hear_begin();
		got = read_back(bad[i][0], &r);
		said = scratch_hear_end();
		reader_close(&r);
		if (got != -EBADMSG || !strstr(said, bad[i][1]))
			fail_msg("%s: %d, said %s", bad[i][0], got, said);
	}
}

/* What was said, and no probe: no trace. */
static void nothing_else(void **state)
{
	struct reader r = {};

	assert_int_equal(
		read_back(TRACE("quic", "\"quic\":{\"version\":1}"), &r), 0);
	reader_close(&r);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sessions), TEST(connections),  TEST(no_quic),
		TEST(refused),	TEST(nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
