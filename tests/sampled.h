/* SPDX-License-Identifier: BSD-2-Clause */
/* sampled: many targets over the procedural network, as tests of strategies
 * begin. All that goes wrong fails the cmocka test that is running. */
#ifndef WHITHER_TESTS_SAMPLED_H
#define WHITHER_TESTS_SAMPLED_H

#include "fake.h"
#include "plan/targets.h"
#include "trace/doubletree.h"

/* One target in each /per of the prefix, which is of either family. */
void sampled_one(struct targets *t, const char *prefix, u8 per);
/* One in each /24 or /48 of the prefixes; v6: NULL if there is none. */
void sampled_both(struct targets *t, const char *v4, const char *v6);

/* Doubletree over such targets: rounds of 10 ms, 200,000 probes a second. */
struct doubletree_config sampled_doubletree(const struct targets *t,
					    const struct cookie_key *key);
/* Answers take 50 to 200 ms. */
struct fake_config sampled_net(const struct simnet_config *simnet,
			       const struct cookie_key *key);
/* Who is not at the end of his TTL quotes what was left of it. */
void sampled_quote_ttl(const struct simnet_config *simnet,
		       const struct probe *p, struct fake_fate *fate);

#endif
