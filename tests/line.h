/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * line: traces by ladder through a line of routers in virtual time, and what
 * they report as text: for each TTL one letter an attempt, and at the end the
 * reason to stop.
 *
 *   a  time exceeded from the router of that TTL   *  silent
 *   d  ... from the destination's address          x  refused
 *   D  reached                                     ?  lost by us
 *   P  reached, says another address               !  unreachable
 *
 * All that goes wrong fails the cmocka test that is running.
 */
#ifndef WHITHER_TESTS_LINE_H
#define WHITHER_TESTS_LINE_H

#include "fake.h"
#include "lib/clock.h"
#include "trace/ladder.h"

enum { LINE_TTLS = 33, LINE_TRIES = 16, LINE_TEXT = 8192 };

struct line {
	struct targets targets;
	struct permute order;
	struct cookie_key key;

	/* The network: change it at will between runs. With another than its
	 * own net.route, 'a' is whoever says time exceeded. */
	unsigned int length; /* of the path, destination included */
	u32 delay_us;	     /* a hop, there and back */
	/* a letter above; 0: 'a', or 'D' from length on */
	char how[LINE_TTLS][LINE_TRIES];
	u32 extra_us[LINE_TTLS]; /* more delay */
	struct fake_config net;
	struct ladder_config rules;

	/* Of the last run. */
	struct strategy s;
	struct fake f;
	char text[LINE_TEXT];
};

/* One target: 4 hops of 10 ms, 3 attempts, traceroute(8)'s TTLs and window. */
struct line *line_new(const char *target);
void line_free(struct line *l);

/* Runs it, checks that every probe and every answer is accounted for and that
 * records come in order; returns the text. */
const char *line_run(struct line *l);
/* A letter above for a probe, whatever it will be answered. */
char line_how(const struct line *l, const struct probe *p);

struct addr line_addr(const char *text);
/* Router of that TTL on the way to dst. */
struct addr line_router(const struct addr *dst, u8 ttl);

#define assert_trace(l, text) assert_string_equal(line_run(l), text)

#endif
