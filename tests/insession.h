/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * insession: a ladder of traces, each through a TCP session of its own, with
 * real frames over the procedural network, whose truth can be computed, to
 * hosts of every kind (abroad.h).
 *
 * All that goes wrong fails the cmocka test that is running.
 */
#ifndef WHITHER_TESTS_INSESSION_H
#define WHITHER_TESTS_INSESSION_H

#include "abroad.h"
#include "lib/clock.h"
#include "trace/ladder.h"

enum { INSESSION_PORT = 443 };

struct insession {
	struct targets targets;
	struct permute order;
	struct cookie_key key;
	struct ladder_config rules;
	struct craft craft;
	struct abroad_config net;
	struct strategy s;
	struct abroad f;
	struct ladder_progress progress;
	u64 fates[FATE_RESET + 1]; /* that were told */
	u64 reached, traces;
};

/* One target in each /24 or /48 of the prefixes. */
struct insession *insession_new(const char *prefix, const char *another);
void insession_free(struct insession *w);
/* All but running it. */
void insession_prepare(struct insession *w);
/* Runs it, and checks that each probe is accounted for, and that no host is
 * left with a connection or has seen what it should not. */
void insession_run(struct insession *w);
void insession_check_ledger(struct insession *w);
/* Every trace whole, in order, once, and true; `answers`: hosts do. */
void insession_check_truth(struct insession *w, bool answers);
/* What answers, answers truly. */
void insession_check_answers(struct insession *w);
/* All were told that fate, and no other. */
void insession_assert_fates(const struct insession *w, enum session_fate fate);

#endif
