/* SPDX-License-Identifier: BSD-2-Clause */
/* line: traces through a line of routers in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "line.h"

#include "lib/inet.h"

struct addr line_addr(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

struct addr line_router(const struct addr *dst, u8 ttl)
{
	struct addr a = line_addr(addr_is_v4(dst) ? "10.9.0.0" : "fd09::");

	a.b[15] = ttl;
	return a;
}

char line_how(const struct line *l, const struct probe *p)
{
	unsigned int ttl = p->ttl < LINE_TTLS ? p->ttl : LINE_TTLS - 1;
	char how = l->how[ttl][p->attempt];

	if (!how)
		how = p->ttl >= l->length ? 'D' : 'a';
	return how;
}

static void line_route(void *arg, const struct probe *p, u32 random,
		       struct simnet_hop *hop)
{
	const struct line *l = arg;
	char how = line_how(l, p);

	hop->end = SIMNET_END_ROUTER;
	hop->from = line_router(&p->dst, p->ttl);
	hop->reply_ttl = 64;
	hop->delay_us = l->delay_us * p->ttl;
	if (p->ttl < LINE_TTLS)
		hop->delay_us += l->extra_us[p->ttl];
	if (how == 'd' || how == 'D')
		hop->from = p->dst;
	if (how == 'D' || how == 'P')
		hop->end = SIMNET_END_DESTINATION;
	else if (how == '!')
		hop->end = SIMNET_END_NO_ROUTE;
	else if (how == '*')
		hop->end = SIMNET_END_SILENT;
}

static void line_edit(void *arg, const struct probe *p, struct fake_fate *fate)
{
	const struct line *l = arg;

	if (line_how(l, p) == 'x')
		fate->refused = true;
}

struct line *line_new(const char *target)
{
	static const struct targets_config every = {};
	struct line *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	targets_init(&l->targets, &every);
	assert_int_equal(targets_add(&l->targets, target), 0);
	assert_int_equal(targets_seal(&l->targets), 0);
	permute_init(&l->order, targets_count(&l->targets), 7);
	l->key = (struct cookie_key){
		.hash = { { 0x0123456789abcdef, 0xfedcba9876543210 } },
		.src4 = line_addr("192.0.2.1"),
		.src6 = line_addr("2001:db8::1"),
		.port_base = 32768,
		.port_mask = 4095,
		.port_bits = 12,
	};
	l->length = 4;
	l->delay_us = 10000;
	l->rules = (struct ladder_config){
		.targets = &l->targets,
		.order = &l->order,
		.first_ttl = 1,
		.max_ttl = 30,
		.attempts = 3,
		.gap_limit = LADDER_GAP_OFF,
		.active_max = 1,
		.window = 16,
		.wait_max_ns = 5 * NS_PER_S,
		.method = PROBE_UDP,
		.key = &l->key,
		.src4 = l->key.src4,
		.src6 = l->key.src6,
		.probe_size4 = 60,
		.probe_size6 = 80,
		.dport = 33434,
	};
	l->net = (struct fake_config){
		.seed = 1,
		.probe_size = 60,
		.key = &l->key,
		.route = line_route,
		.edit = line_edit,
		.arg = l,
		.log = true,
	};
	return l;
}

static void clear(struct line *l)
{
	if (!l->s.ops)
		return;
	l->s.ops->close(&l->s);
	fake_close(&l->f);
	memset(&l->s, 0, sizeof(l->s));
}

void line_free(struct line *l)
{
	clear(l);
	targets_fini(&l->targets);
	free(l);
}

static char letter(const struct line *l, const struct record *r)
{
	const struct hop *h = &r->hop;
	struct addr near = line_router(&r->dst, h->ttl);
	bool from_dst = addr_equal(&h->from, &r->dst);

	if (h->state != HOP_ANSWERED) {
		assert_true(addr_is_none(&h->from));
		assert_int_equal(h->rtt_us, HOP_RTT_UNKNOWN);
		assert_int_equal(r->arrived_ns, 0);
		assert_int_equal(!r->sent_ns, h->state == HOP_REFUSED);
		return "*ax?"[h->state];
	}
	if (l->net.route)
		assert_true(from_dst || addr_equal(&h->from, &near));
	assert_true(r->sent_ns && r->arrived_ns > r->sent_ns);
	assert_int_equal(h->rtt_us, (r->arrived_ns - r->sent_ns) / 1000);
	if (h->flags & HOP_REACHED) {
		assert_true(h->flags & HOP_FINAL);
		return from_dst ? 'D' : 'P';
	}
	if (h->kind == REPLY_EXPIRED) {
		assert_false(h->flags & HOP_FINAL);
		return from_dst ? 'd' : 'a';
	}
	return '!';
}

static const char *const reasons[] = { "none",	   "completed", "unreach",
				       "gaplimit", "hoplimit",	"halted" };

/* Every record, in the order in which it came, and that this order is due. */
static const char *render(struct line *l)
{
	unsigned int ttl = 0, attempt = 0;
	char *t = l->text;

	*t = '\0';
	for (size_t i = 0; i < l->f.records; i++) {
		const struct record *r = &l->f.record[i];

		assert_true(t + 32 < l->text + LINE_TEXT);
		assert_int_equal(r->flags & RECORD_TRACE, RECORD_TRACE);
		if (r->flags & RECORD_FIRST) {
			ttl = l->rules.first_ttl;
			attempt = 0;
		}
		assert_int_equal(r->hop.ttl, ttl);
		assert_int_equal(r->hop.attempt, attempt);
		if (!attempt)
			t += sprintf(t, "%s%u ", t == l->text ? "" : " ", ttl);
		*t++ = letter(l, r);
		*t = '\0';
		if (++attempt == l->rules.attempts) {
			attempt = 0;
			ttl++;
		}
		assert_int_equal(!!(r->flags & RECORD_LAST), !!r->stop_reason);
		if (r->flags & RECORD_LAST) {
			t += sprintf(t, " %s", reasons[r->stop_reason]);
			ttl = 0; /* nothing but a FIRST may follow */
		}
	}
	return l->text;
}

static void check_ledger(const struct line *l)
{
	const struct strategy_stats *st = &l->s.stats;
	struct ladder_progress p;

	ladder_progress(&l->s, &p);
	assert_int_equal(p.probes, l->f.probes);
	assert_int_equal(p.refused, l->f.refused);
	assert_int_equal(p.probes,
			 st->answered + st->silent + p.refused + p.abandoned);
	assert_int_equal(l->f.answers,
			 st->answered + st->duplicate + st->late + st->unknown);
	assert_int_equal(p.started, p.ended);
	assert_int_equal(p.active, 0);
	assert_int_equal(l->f.overflows, 0);
	assert_int_equal(l->f.foreign, 0);
}

const char *line_run(struct line *l)
{
	clear(l);
	assert_int_equal(fake_open(&l->f, &l->net), 0);
	l->f.config.method = l->rules.method;
	l->s.emit = fake_sink(&l->f);
	assert_int_equal(ladder_open(&l->s, &l->rules, FAKE_START), 0);
	assert_int_equal(fake_run(&l->f, &l->s), 0);
	check_ledger(l);
	return render(l);
}
