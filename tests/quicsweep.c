/* SPDX-License-Identifier: BSD-2-Clause */
/* quicsweep: a ladder of traces by QUIC, to servers. */
#include "quicsweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "netframe.h"

static struct quicsweep_far *far_of(struct quicsweep *w, const struct addr *dst,
				    u16 port)
{
	u64 i = simnet_mix(simnet_number(dst) + port);
	struct quicsweep_far *far;

	for (;; i++) {
		far = &w->far[w->index[i % QUICSWEEP_INDEX]];
		if (!w->index[i % QUICSWEEP_INDEX])
			break;
		if (far->port == port && addr_equal(&far->dst, dst))
			return far;
	}
	assert_true(w->fars < QUICSWEEP_INDEX / 2);
	w->index[i % QUICSWEEP_INDEX] = ++w->fars;
	far = &w->far[w->fars];
	far->dst = *dst;
	far->port = port;
	return far;
}

/* A datagram back to where that frame came from. */
static u32 answer_with(const struct quicsweep *w, const u8 *frame, u8 ttl,
		       const u8 *data, u32 len, u8 *at)
{
	bool v4 = frame[14] >> 4 == 4;
	u32 ip = v4 ? sizeof(struct wire_v4) : sizeof(struct wire_v6);
	struct wire_v4 *h4 = (void *)(at + 14);
	struct wire_v6 *h6 = (void *)(at + 14);
	struct wire_udp *udp = (void *)(at + 14 + ip);
	const struct wire_v4 *p4 = (const void *)(frame + 14);
	const struct wire_v6 *p6 = (const void *)(frame + 14);
	const struct wire_udp *asked = (const void *)(frame + 14 + ip);

	memcpy(at, frame, 14 + ip);
	udp->sport = w->from ? be16_put(w->from) : asked->dport;
	udp->dport = asked->sport;
	udp->len = be16_put((u16)(sizeof(*udp) + len));
	memcpy(udp + 1, data, len);
	len += (u32)sizeof(*udp);
	if (v4) {
		h4->len = be16_put((u16)(ip + len));
		h4->src = p4->dst;
		h4->dst = p4->src;
		h4->ttl = ttl;
		h4->check = be16_put(0);
		h4->check = be16_put(csum_neg(csum_octets(0, at + 14, ip)));
	} else {
		h6->ver_class_flow = be32_put(6u << 28);
		h6->len = be16_put((u16)len);
		memcpy(h6->src, p6->dst, 16);
		memcpy(h6->dst, p6->src, 16);
		h6->hops = ttl;
	}
	netframe_sum(at);
	return 14 + ip + len;
}

static void hear(void *to, const u8 *frame, u32 len, u8 ttl, u64 now,
		 struct abroad_said *said)
{
	struct quicsweep *w = to;
	struct simnet_probe p;
	struct quicserver_out out;
	u32 head = 14 + (frame[14] >> 4 == 4 ? 20 : 40) + 8;
	struct quicsweep_far *far;

	simnet_parse(frame, frame + len, &p);
	assert_int_equal(p.proto, PROTO_UDP);
	assert_int_equal(p.first4 & 0xffff, QUICSWEEP_PORT);
	far = far_of(w, &p.dst, (u16)(p.first4 >> 16));
	quicserver_hear(&far->server, &w->habits, &w->crypto, frame + head,
			len - head, now, &out);
	for (; said->n < out.n; said->n++)
		said->len[said->n] =
			answer_with(w, frame, ttl, out.data[said->n],
				    out.len[said->n], said->frame[said->n]);
}

struct quicsweep *quicsweep_new(const char *prefix, const char *another)
{
	static const struct simnet_config preset = SIMNET_PRESET;
	static const struct targets_config per = { 24, 48, 3 };
	struct quicsweep *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	targets_init(&w->targets, &per);
	assert_int_equal(targets_add(&w->targets, prefix), 0);
	if (another)
		assert_int_equal(targets_add(&w->targets, another), 0);
	assert_int_equal(targets_seal(&w->targets), 0);
	permute_init(&w->order, targets_count(&w->targets), 11);
	w->key = frame_key();
	w->key.mode = COOKIE_QUIC;
	w->far = calloc(QUICSWEEP_INDEX, sizeof(*w->far));
	assert_non_null(w->far);
	assert_int_equal(quic_crypto_open(&w->crypto), 0);
	w->said = HOP_QUIC_INITIAL;
	w->net = (struct abroad_config){ .key = &w->key,
					 .craft = &w->craft,
					 .simnet = preset,
					 .hear = hear,
					 .to = w,
					 .seed = 1 };
	w->net.simnet.silent = 100;
	w->net.simnet.mpls = 300;
	w->rules = (struct ladder_config){
		.targets = &w->targets,
		.order = &w->order,
		.first_ttl = 1,
		.max_ttl = 32,
		.attempts = 1,
		.gap_limit = 5,
		.active_max = 10000,
		.window = 3,
		.wait_max_ns = 2 * NS_PER_S,
		.method = PROBE_QUIC,
		.key = &w->key,
		.quic = &w->quic,
		.src4 = w->key.src4,
		.src6 = w->key.src6,
		.dport = QUICSWEEP_PORT,
	};
	return w;
}

static void sweep_clear(struct quicsweep *w)
{
	if (!w->s.ops)
		return;
	w->s.ops->close(&w->s);
	abroad_close(&w->f);
	if (w->quic.conn)
		quic_conns_close(&w->quic);
	memset(&w->s, 0, sizeof(w->s));
}

void quicsweep_free(struct quicsweep *w)
{
	sweep_clear(w);
	quic_crypto_close(&w->crypto);
	targets_fini(&w->targets);
	free(w->far);
	free(w);
}

static void check_ledger(struct quicsweep *w)
{
	const struct strategy_stats *st = &w->s.stats;
	struct ladder_progress *p = &w->progress;

	ladder_progress(&w->s, p);
	assert_int_equal(p->probes, w->f.probes);
	assert_int_equal(p->refused, w->f.refused);
	assert_int_equal(p->probes,
			 st->answered + st->silent + p->refused + p->abandoned);
	assert_int_equal(p->started, p->ended);
	assert_int_equal(p->active, 0);
	assert_int_equal(st->unknown != 0, w->from != 0);
	assert_int_equal(w->f.faults, 0);
	assert_int_equal(w->f.verdicts[STEER_FORGED], 0);
	assert_int_equal(w->f.verdicts[STEER_FOREIGN], 0);
	assert_int_equal(w->f.parting->stats.heard, 0);
}

void quicsweep_run(struct quicsweep *w)
{
	struct craft_config c = {
		.key = &w->key,
		.method = (enum probe_method)w->rules.method,
		.quic = &w->quic,
	};

	sweep_clear(w);
	w->key.flows = w->flows;
	w->key.attempts = w->rules.attempts;
	w->quic = (struct quic_conns){
		.key = &w->key,
		.name = "example.net",
		.dport = QUICSWEEP_PORT,
		.slots = w->rules.active_max,
		.flows = w->flows ? w->rules.attempts : 1,
	};
	if (c.method == PROBE_QUIC)
		assert_int_equal(quic_conns_open(&w->quic), 0);
	c.size4 = craft_least(c.method, NULL, true) + w->odd;
	c.size6 = craft_least(c.method, NULL, false) + w->odd;
	w->habits.size = CRAFT_QUIC + w->odd;
	w->rules.probe_size4 = c.size4;
	w->rules.probe_size6 = c.size6;
	assert_int_equal(craft_init(&w->craft, &c), 0);
	memset(w->index, 0, sizeof(w->index));
	memset(w->far, 0, (w->fars + 1) * sizeof(*w->far));
	w->fars = 0;
	abroad_open(&w->f, &w->net, 1);
	w->rules.parting = w->f.parting;
	w->s.emit = abroad_sink(&w->f);
	assert_int_equal(ladder_open(&w->s, &w->rules, ABROAD_START), 0);
	assert_int_equal(abroad_run(&w->f, &w->s), 0);
	check_ledger(w);
}

void quicsweep_check_faults(const struct quicsweep *w)
{
	for (u32 i = 1; i <= w->fars; i++)
		if (w->far[i].server.faults)
			fail_msg("server %u: %s", i, w->far[i].server.fault);
}

void quicsweep_check_servers(const struct quicsweep *w, bool begin)
{
	quicsweep_check_faults(w);
	assert_int_equal(w->fars,
			 w->traces * (w->flows ? w->rules.attempts : 1));
	for (u32 i = 1; i <= w->fars; i++) {
		const struct quicserver *s = &w->far[i].server;

		assert_int_equal(s->begun,
				 begin || w->habits.refuses || w->habits.ends);
		assert_int_equal(s->closes, begin);
		for (u32 j = 1; j < i && i < 50; j++) {
			const struct quicserver *o = &w->far[j].server;

			if (!s->client.len)
				break;
			assert_memory_not_equal(&s->client, &o->client,
						sizeof(s->client));
		}
	}
}
