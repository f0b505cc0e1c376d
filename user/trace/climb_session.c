/* SPDX-License-Identifier: BSD-2-Clause */
/* climb_session: what a TCP session means to the probes of a trace. */
#include "trace/climb.h"

static bool is_of_flow(const struct ladder_config *rules, unsigned int i,
		       u8 flow)
{
	return !rules->key->flows || i % rules->attempts == flow;
}

unsigned int climb_acknowledge(struct climb *c,
			       const struct ladder_config *rules, u8 flow,
			       const struct sack *sack, const struct answer *a)
{
	u32 data = cookie_session(rules->key, &c->dst) + COOKIE_DATA;
	unsigned int n = 0;

	for (unsigned int i = c->base; i < c->next; i++) {
		struct answer one;
		u8 ttl = (u8)(rules->first_ttl + i / rules->attempts);
		u8 attempt = (u8)(i % rules->attempts);

		if (c->rung[i].state != RUNG_WAITING ||
		    !is_of_flow(rules, i, flow) ||
		    (sack &&
		     !sack_covers(sack, data + cookie_step(rules->key, ttl,
							   attempt))))
			continue;
		one = *a;
		one.proof.ttl = ttl;
		one.proof.attempt = attempt;
		n += climb_answer(c, rules, &one) == CLIMB_ANSWERED;
		if (!sack)
			break;
	}
	return n;
}

unsigned int climb_forsake(struct climb *c, const struct ladder_config *rules,
			   u8 flow)
{
	unsigned int n = 0;

	for (unsigned int i = c->base; i < c->next; i++) {
		struct rung *g = &c->rung[i];

		if (g->state != RUNG_WAITING || !is_of_flow(rules, i, flow) ||
		    g->label_count >= CLIMB_AGAIN)
			continue;
		g->state = RUNG_AGAIN;
		c->again++;
		c->open--;
		n++;
	}
	return n;
}
