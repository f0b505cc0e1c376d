/* SPDX-License-Identifier: BSD-2-Clause */
/* sampled: many targets over the procedural network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sampled.h"

#include "lib/clock.h"

static void sample(struct targets *t, const struct targets_config *each,
		   const char *a, const char *b)
{
	targets_init(t, each);
	assert_int_equal(targets_add(t, a), 0);
	if (b)
		assert_int_equal(targets_add(t, b), 0);
	assert_int_equal(targets_seal(t), 0);
}

void sampled_one(struct targets *t, const char *prefix, u8 per)
{
	const struct targets_config each = { per, per, 3 };

	sample(t, &each, prefix, NULL);
}

void sampled_both(struct targets *t, const char *v4, const char *v6)
{
	static const struct targets_config each = { 24, 48, 3 };

	sample(t, &each, v4, v6);
}

struct doubletree_config sampled_doubletree(const struct targets *t,
					    const struct cookie_key *key)
{
	return (struct doubletree_config){
		.targets = t,
		.key = key,
		.method = PROBE_UDP,
		.seed = 11,
		.pps = 200000,
		.wait_ns = 2 * NS_PER_S,
		.round_ns = 10 * NS_PER_MS,
		.shards = 1,
		.dport = 33434,
		.size4 = 60,
		.size6 = 80,
		.rules = { 1, 32, 1, 5, 16 },
	};
}

struct fake_config sampled_net(const struct simnet_config *simnet,
			       const struct cookie_key *key)
{
	return (struct fake_config){
		.seed = 1,
		.probe_size = 60,
		.key = key,
		.simnet = simnet,
		.delay_min_ns = 50 * NS_PER_MS,
		.delay_max_ns = 200 * NS_PER_MS,
		.pps = 200000,
		.log = true,
	};
}

void sampled_quote_ttl(const struct simnet_config *simnet,
		       const struct probe *p, struct fake_fate *fate)
{
	struct reply *r = &fate->answer.reply;

	if (r->kind == REPLY_UNREACH)
		r->qttl = (u8)(p->ttl - simnet_length(simnet, &p->dst) + 1);
}
