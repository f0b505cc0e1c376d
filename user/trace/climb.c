/* SPDX-License-Identifier: BSD-2-Clause */
/* climb: one trace in progress. */
#include "trace/climb.h"

#include "lib/clock.h"
#include "probe/craft.h"

enum {
	CLIMB_SEEN = 4,	    /* a flow is translated once, seldom twice */
	CLIMB_SEEN_TCP = 2, /* in the place of the others: */
	CLIMB_QUOTE = 6,    /* quoted by eight octets, as sent, clamped, cut */
};

/* What the other host, and ours, may take to answer beyond the way. */
#define SLACK_NS (10 * NS_PER_MS)

_Static_assert(CLIMB_SEEN_TCP * sizeof(struct climb_seen) +
			       CLIMB_QUOTE * sizeof(struct quote) ==
		       CLIMB_SEEN * sizeof(struct climb_seen),
	       "a trace by TCP is no larger");

/* Where every probe is a flow of its own, so is its translation. */
static unsigned int seen_max(const struct ladder_config *rules)
{
	unsigned int rungs = ladder_rungs(rules);

	if (!rules->dport_step || !probe_has_ports(rules->method))
		return probe_is_tcp(rules->method) ? CLIMB_SEEN_TCP
						   : CLIMB_SEEN;
	return rungs < UINT8_MAX ? rungs : UINT8_MAX;
}

static struct climb_seen *seen_of(struct climb *c,
				  const struct ladder_config *rules)
{
	return (struct climb_seen *)(void *)&c->rung[ladder_rungs(rules)];
}

/* Only a segment has in its quote what is to be remembered. */
static unsigned int quotes_max(const struct ladder_config *rules)
{
	return probe_is_tcp(rules->method) ? CLIMB_QUOTE : 0;
}

static struct quote *quotes_of(struct climb *c,
			       const struct ladder_config *rules)
{
	return (void *)(seen_of(c, rules) + seen_max(rules));
}

size_t climb_size(const struct ladder_config *rules)
{
	size_t size = sizeof(struct climb) +
		      ladder_rungs(rules) * sizeof(struct rung) +
		      seen_max(rules) * sizeof(struct climb_seen) +
		      quotes_max(rules) * sizeof(struct quote);

	return (size + 7) & ~(size_t)7;
}

void climb_init(struct climb *c, const struct ladder_config *rules,
		const struct addr *dst, u64 number)
{
	u32 slot = c->slot;

	memset(c, 0, sizeof(*c));
	c->slot = slot;
	c->dst = *dst;
	c->number = number;
	c->ceiling = (u8)(rules->max_ttl - rules->first_ttl + 1);
}

/* Rungs that matter. */
static unsigned int limit_of(const struct climb *c,
			     const struct ladder_config *rules)
{
	return (unsigned int)c->ceiling * rules->attempts;
}

/* The next one to be sent again; UINT32_MAX: none, or one of them is out that
 * the destination could take for the next one's connection. */
static unsigned int next_again(const struct climb *c,
			       const struct ladder_config *rules)
{
	unsigned int found = UINT32_MAX, end = limit_of(c, rules);

	if (!c->again)
		return UINT32_MAX;
	for (unsigned int i = c->base; i < c->next && i < end; i++) {
		const struct rung *g = &c->rung[i];

		if (c->accepted && g->label_count &&
		    (g->state == RUNG_WAITING || g->state == RUNG_HANDED))
			return UINT32_MAX;
		if (g->state == RUNG_AGAIN && found == UINT32_MAX)
			found = i;
	}
	return found;
}

bool climb_wants(const struct climb *c, const struct ladder_config *rules)
{
	return c->stop == STOP_NONE && !c->held &&
	       c->open < (c->lone ? 1 : rules->window) &&
	       (c->next < limit_of(c, rules) ||
		next_again(c, rules) != UINT32_MAX);
}

u64 climb_gate(const struct climb *c, const struct ladder_config *rules)
{
	const struct rung *last;

	if (!rules->send_gap_ns || !c->next)
		return 0;
	last = &c->rung[c->next - 1];
	for (unsigned int i = 0; c->resent && i < c->next; i++)
		if (c->rung[i].state == RUNG_HANDED ||
		    c->rung[i].sent_ns > last->sent_ns)
			last = &c->rung[i];
	if (last->state == RUNG_HANDED)
		return UINT64_MAX;
	/* a refused one was already as far from the one before it */
	return last->sent_ns ? last->sent_ns + rules->send_gap_ns : 0;
}

static u16 dport_of(const struct ladder_config *rules, unsigned int number)
{
	if (!probe_has_ports(rules->method))
		return 0;
	if (!rules->dport_step)
		return rules->dport;
	return (u16)(rules->dport +
		     number * rules->dport_step % rules->dport_span);
}

void climb_hand(struct climb *c, const struct ladder_config *rules,
		struct probe *p)
{
	unsigned int i = next_again(c, rules);

	if (i != UINT32_MAX) {
		c->rung[i].label_count++;
		c->resent = true;
		c->again--;
	} else {
		i = c->next++;
		memset(&c->rung[i], 0, sizeof(c->rung[i]));
	}
	c->rung[i].state = RUNG_HANDED;
	c->open++;
	p->dst = c->dst;
	p->position = c->number;
	p->sent_ns = 0;
	p->owner = c->slot;
	p->dport = dport_of(rules, i);
	p->ttl = (u8)(rules->first_ttl + i / rules->attempts);
	p->attempt = (u8)(i % rules->attempts);
	p->how = PROBE_ALONE;
}

/* UINT32_MAX: no such probe was handed out. */
static unsigned int rung_of(const struct climb *c,
			    const struct ladder_config *rules, u8 ttl,
			    u8 attempt)
{
	unsigned int i;

	if (ttl < rules->first_ttl || attempt >= rules->attempts)
		return UINT32_MAX;
	i = (unsigned int)(ttl - rules->first_ttl) * rules->attempts + attempt;
	return i < c->next ? i : UINT32_MAX;
}

bool climb_depart(struct climb *c, const struct ladder_config *rules,
		  const struct probe *p)
{
	unsigned int i = rung_of(c, rules, p->ttl, p->attempt);

	if (i == UINT32_MAX || !addr_equal(&c->dst, &p->dst) ||
	    c->rung[i].state != RUNG_HANDED)
		return false;
	c->rung[i].sent_ns = p->sent_ns;
	c->rung[i].state = RUNG_WAITING;
	if (p->sent_ns)
		return true;
	c->open--;
	c->rung[i].state = HOP_REFUSED;
	if (c->rung[i].label_count < CLIMB_AGAIN && i < limit_of(c, rules)) {
		c->rung[i].state = RUNG_AGAIN;
		c->again++;
	}
	return true;
}

static u8 remember_seen(struct climb *c, const struct ladder_config *rules,
			const struct reply *r)
{
	struct climb_seen *seen = seen_of(c, rules);
	unsigned int i;

	for (i = 0; i < c->seen; i++) {
		struct addr known = seen[i].addr;

		if (seen[i].port == r->sport && addr_equal(&known, &r->qsrc))
			return (u8)(i + 1);
	}
	if (i == seen_max(rules))
		return 0;
	seen[i].addr = r->qsrc;
	seen[i].port = r->sport;
	return ++c->seen;
}

static void remember_quote(struct climb *c, const struct ladder_config *rules,
			   struct rung *g, const struct hop *h, u16 dport)
{
	u8 q = quotes_note(quotes_of(c, rules), c->quotes, quotes_max(rules), h,
			   dport);

	g->quote = q & 15;
	if (q > c->quotes)
		c->quotes = q & 7;
}

/* Did that probe begin a connection at the destination? */
static bool is_accepted(const struct rung *g)
{
	if (g->state != HOP_ANSWERED)
		return false;
	if (g->kind == REPLY_UDP)
		return g->tcp.said & HOP_QUIC_INITIAL;
	return g->kind == REPLY_TCP && tcp_is_syn_ack(g->tcp.flags);
}

enum climb_outcome climb_answer(struct climb *c,
				const struct ladder_config *rules,
				const struct answer *a)
{
	unsigned int i = rung_of(c, rules, a->proof.ttl, a->proof.attempt);
	unsigned int level;
	struct rung *g;
	struct hop h;

	if (i == UINT32_MAX)
		return CLIMB_UNKNOWN;
	g = &c->rung[i];
	if (g->state == HOP_ANSWERED)
		return CLIMB_DUPLICATE;
	if (g->state == HOP_SILENT || g->state == RUNG_AGAIN)
		return CLIMB_LATE;
	if (g->state != RUNG_WAITING)
		return CLIMB_UNKNOWN;
	c->open--;
	rung_answer(g, a, &h);
	c->accepted |= is_accepted(g);
	if (g->flags & HOP_REWRITTEN)
		g->seen = remember_seen(c, rules, &a->reply);
	if (a->reply.qproto == PROTO_TCP)
		remember_quote(c, rules, g, &h, a->reply.dport);
	level = i / rules->attempts;
	if (g->flags & HOP_FINAL && level < c->ceiling)
		c->ceiling = (u8)(level + 1);
	return CLIMB_ANSWERED;
}

/* The longest RTT of the answers at a level in ns; 0: none. */
static u64 level_rtt(const struct climb *c, const struct ladder_config *rules,
		     unsigned int level)
{
	unsigned int i = level * rules->attempts;
	unsigned int end = i + rules->attempts;
	u64 longest = 0;

	for (; i < end && i < c->next; i++) {
		const struct rung *g = &c->rung[i];

		if (g->state == HOP_ANSWERED && g->rtt_us + 1ULL > longest)
			longest = g->rtt_us + 1ULL;
	}
	return longest * 1000;
}

static u64 wait_of(const struct climb *c, const struct ladder_config *rules,
		   unsigned int i)
{
	unsigned int level = i / rules->attempts;
	u64 wait = rules->wait_max_ns, rtt, factor;

	if (rules->here_milli) {
		rtt = level_rtt(c, rules, level);
		factor = rtt / 1000 * rules->here_milli;
		if (rtt && factor < wait)
			wait = factor;
	}
	if (rules->near_milli) {
		rtt = 0;
		while (!rtt && ++level * rules->attempts < c->next)
			rtt = level_rtt(c, rules, level);
		factor = rtt / 1000 * rules->near_milli;
		if (rtt && factor < wait)
			wait = factor;
	}
	if (wait < LADDER_WAIT_FLOOR_NS)
		wait = LADDER_WAIT_FLOOR_NS;
	return wait < rules->wait_max_ns ? wait : rules->wait_max_ns;
}

static bool is_adaptive(const struct ladder_config *rules)
{
	return rules->here_milli || rules->near_milli;
}

/* Did that probe come while the destination was busy with the connection that
 * another began? Then how long that one's answer took; 0: it did not. */
static u64 swallowed_ns(const struct climb *c,
			const struct ladder_config *rules, unsigned int i)
{
	const struct rung *late = &c->rung[i];

	if (!c->accepted || i >= limit_of(c, rules) ||
	    late->label_count >= CLIMB_AGAIN)
		return 0;
	for (unsigned int j = 0; j < c->next; j++) {
		const struct rung *g = &c->rung[j];
		u64 rtt = (g->rtt_us + 1ULL) * NS_PER_US;

		if (is_accepted(g) && g->sent_ns <= late->sent_ns &&
		    late->sent_ns <= g->sent_ns + 2 * rtt + SLACK_NS)
			return rtt;
	}
	return 0;
}

static u64 deadline(const struct climb *c, const struct ladder_config *rules,
		    unsigned int i)
{
	u64 rtt = swallowed_ns(c, rules, i), wait = rules->wait_max_ns;

	if (is_adaptive(rules))
		wait = wait_of(c, rules, i);
	if (rtt && 3 * rtt + SLACK_NS < wait)
		wait = 3 * rtt + SLACK_NS;
	return c->rung[i].sent_ns + wait;
}

u64 climb_due(const struct climb *c, const struct ladder_config *rules)
{
	u64 due = UINT64_MAX, t;

	for (unsigned int i = c->base; i < c->next; i++) {
		if (c->rung[i].state != RUNG_WAITING)
			continue;
		t = deadline(c, rules, i);
		if (t < due)
			due = t;
		/* all wait as long: who left first gives up first */
		if (!is_adaptive(rules) && !c->accepted && !c->resent)
			break;
	}
	return due;
}

/* Is silence our own doing, and may that one be sent once more? */
static bool is_lost(const struct climb *c, const struct ladder_config *rules,
		    const struct doubt *doubt, unsigned int i)
{
	const struct rung *g = &c->rung[i];

	return i < limit_of(c, rules) && g->label_count < CLIMB_AGAIN &&
	       doubt_covers(doubt, g->sent_ns, g->sent_ns + rules->wait_max_ns);
}

unsigned int climb_expire(struct climb *c, const struct ladder_config *rules,
			  const struct doubt *doubt, u64 now)
{
	unsigned int n = 0;

	for (unsigned int i = c->base; i < c->next; i++) {
		if (c->rung[i].state != RUNG_WAITING ||
		    deadline(c, rules, i) > now)
			continue;
		if (swallowed_ns(c, rules, i) || is_lost(c, rules, doubt, i)) {
			c->rung[i].state = RUNG_AGAIN;
			c->again++;
		} else {
			c->rung[i].state = HOP_SILENT;
		}
		c->open--;
		n++;
	}
	return n;
}

/* A time exceeded from beyond an unreachable: the trace goes on after all,
 * as far as the next answer that seems to end it. */
static void revoke(struct climb *c, const struct ladder_config *rules,
		   unsigned int level)
{
	unsigned int i = level * rules->attempts;

	for (; i < (level + 1) * rules->attempts; i++)
		c->rung[i].flags &= (u8)~HOP_FINAL;
	while (i < c->next && !(c->rung[i].flags & HOP_FINAL))
		i++;
	if (i < c->next)
		c->ceiling = (u8)(i / rules->attempts + 1);
	else
		c->ceiling = (u8)(rules->max_ttl - rules->first_ttl + 1);
}

static enum stop_reason judge_level(struct climb *c,
				    const struct ladder_config *rules)
{
	unsigned int level = c->judged++, first = level * rules->attempts;
	bool answered = false, transit = false;
	u8 flags = 0;

	for (unsigned int i = first; i < first + rules->attempts; i++) {
		const struct rung *g = &c->rung[i];

		flags |= g->flags;
		answered |= g->state == HOP_ANSWERED;
		transit |= g->state == HOP_ANSWERED && !(g->flags & HOP_FINAL);
	}
	c->gap = answered ? 0 : (u8)(c->gap + 1);
	if (flags & HOP_REACHED)
		return STOP_COMPLETED;
	if (flags & HOP_FINAL && !transit)
		return STOP_UNREACH;
	if (flags & HOP_FINAL)
		revoke(c, rules, level);
	if (c->gap >= rules->gap_limit && rules->gap_limit != LADDER_GAP_OFF)
		return STOP_GAPLIMIT;
	if (rules->first_ttl + level == rules->max_ttl)
		return STOP_HOPLIMIT;
	return STOP_NONE;
}

bool climb_judge(struct climb *c, const struct ladder_config *rules)
{
	unsigned int end = (c->judged + 1u) * rules->attempts;

	while (c->stop == STOP_NONE && c->base < c->next &&
	       c->rung[c->base].state < RUNG_HANDED) {
		if (++c->base < end)
			continue;
		c->stop = (u8)judge_level(c, rules);
		c->total = c->base;
		end += rules->attempts;
	}
	return c->stop != STOP_NONE;
}

/* TTLs judged, the last ones of which nobody answered. */
static u8 gap_before(const struct climb *c, const struct ladder_config *rules)
{
	u8 gap = 0;

	while (gap < c->judged && !level_rtt(c, rules, c->judged - gap - 1u))
		gap++;
	return gap;
}

bool climb_revise(struct climb *c, const struct ladder_config *rules,
		  const struct doubt *doubt)
{
	unsigned int first = c->total;

	for (unsigned int i = c->total; i-- > c->emitted;) {
		if (c->rung[i].state != HOP_SILENT ||
		    !is_lost(c, rules, doubt, i))
			continue;
		c->rung[i].state = RUNG_AGAIN;
		c->again++;
		first = i;
	}
	if (first == c->total)
		return false;
	c->stop = STOP_NONE;
	c->total = 0;
	c->base = (u16)first;
	c->judged = (u8)(first / rules->attempts);
	c->gap = gap_before(c, rules);
	return true;
}

unsigned int climb_in_flight(const struct climb *c)
{
	unsigned int n = 0;

	for (unsigned int i = c->base; i < c->next; i++)
		n += c->rung[i].state == RUNG_WAITING;
	return n;
}

unsigned int climb_halt(struct climb *c, const struct ladder_config *rules)
{
	unsigned int limit = limit_of(c, rules), lost = 0;

	while (c->next && c->rung[c->next - 1].state == RUNG_HANDED)
		c->next--;
	for (unsigned int i = c->base; i < c->next; i++) {
		lost += c->rung[i].state == RUNG_WAITING;
		if (c->rung[i].state >= RUNG_HANDED)
			c->rung[i].state =
				c->rung[i].sent_ns ? HOP_LOST : HOP_REFUSED;
	}
	c->open = 0;
	c->stop = STOP_HALTED;
	c->total = (u16)(c->next < limit ? c->next : limit);
	/* a stream that has said all it knows must still say that it ends */
	if (c->begun && c->emitted == c->total && c->total < limit) {
		struct rung *g = &c->rung[c->total++];

		memset(g, 0, sizeof(*g));
		g->state = HOP_REFUSED;
	}
	return lost;
}

void climb_records_of(const struct climb *c, const struct ladder_config *rules,
		      struct record *r)
{
	bool v4 = addr_is_v4(&c->dst);

	r->dst = c->dst;
	r->src = v4 ? rules->src4 : rules->src6;
	r->probe_size = v4 ? rules->probe_size4 : rules->probe_size6;
	r->proto = craft_proto((enum probe_method)rules->method, &c->dst);
	r->tos = rules->tos;
}

void climb_records(const struct climb *c, const struct ladder_config *rules,
		   unsigned int from, unsigned int n, struct record *out)
{
	const struct climb_seen *seen = seen_of((struct climb *)c, rules);
	const struct quote *quote = quotes_of((struct climb *)c, rules);
	struct record common = {};
	struct cookie cookie;
	u64 flow;

	climb_records_of(c, rules, &common);
	flow = cookie_flow(rules->key, &c->dst, common.proto);
	cookie_make(rules->key, &c->dst, common.proto, rules->first_ttl, 0,
		    &cookie);
	common.sport =
		probe_has_ports(rules->method) ? cookie.port : cookie.echo_id;
	for (unsigned int i = from; i < from + n; i++, out++) {
		const struct rung *g = &c->rung[i];

		*out = common;
		rung_hop(g, &out->hop);
		out->hop.ttl = (u8)(rules->first_ttl + i / rules->attempts);
		out->hop.attempt = (u8)(i % rules->attempts);
		out->dport = dport_of(rules, i);
		if (rules->key->flows)
			out->sport =
				cookie_port(rules->key, flow, out->hop.attempt);
		out->sent_ns = g->sent_ns;
		if (g->state == HOP_ANSWERED)
			out->arrived_ns = g->sent_ns + g->rtt_us * 1000ULL +
					  g->rtt_rest_ns;
		if (g->seen) {
			out->seen = seen[g->seen - 1].addr;
			out->seen_sport = seen[g->seen - 1].port;
		}
		if (g->quote)
			quotes_tell(&quote[g->quote - 1], out);
		out->flags = RECORD_TRACE;
		if (i == 0 && !c->begun)
			out->flags |= RECORD_FIRST;
		if (c->stop == STOP_NONE || i + 1u < c->total)
			continue;
		out->flags |= RECORD_LAST;
		out->stop_reason = c->stop;
	}
}
