/* SPDX-License-Identifier: BSD-2-Clause */
/* climb_session: what a TCP session, or a QUIC connection, means to the probes
 * of a trace. */
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

void climb_number(struct climb *c, const struct ladder_config *rules,
		  const struct probe *p, u32 number)
{
	unsigned int i =
		(unsigned int)(p->ttl - rules->first_ttl) * rules->attempts +
		p->attempt;

	c->rung[i].label[0] = be32_put(number);
}

/* Beyond the last router that answered. */
static unsigned int beyond_routers(const struct climb *c,
				   const struct ladder_config *rules, u8 flow)
{
	unsigned int i = c->next;

	while (i > c->base && !(is_of_flow(rules, i - 1, flow) &&
				c->rung[i - 1].state == HOP_ANSWERED &&
				!(c->rung[i - 1].flags & HOP_FINAL)))
		i--;
	return i;
}

unsigned int climb_arrived(struct climb *c, const struct ladder_config *rules,
			   u8 flow, const struct quic_reply *reply, u8 told,
			   const struct answer *a)
{
	unsigned int n = 0;
	unsigned int i = reply ? c->base : beyond_routers(c, rules, flow);

	for (; i < c->next && (reply || !n); i++) {
		struct rung *g = &c->rung[i];
		struct answer one = *a;

		if (g->state != RUNG_WAITING || !is_of_flow(rules, i, flow) ||
		    (reply &&
		     !quic_reply_acknowledges(reply, be32_get(g->label[0]))))
			continue;
		one.proof.ttl = (u8)(rules->first_ttl + i / rules->attempts);
		one.proof.attempt = (u8)(i % rules->attempts);
		if (climb_answer(c, rules, &one) != CLIMB_ANSWERED)
			continue;
		g->tcp.said = told;
		c->accepted |= (told & HOP_QUIC_INITIAL) != 0;
		n++;
	}
	return n;
}
