/* SPDX-License-Identifier: BSD-2-Clause */
/* strategies: what a run says, as each of them wants to be told it. */
#include "cmd/strategies.h"

#include <errno.h>

#include "lib/clock.h"
#include "lib/log.h"

static int open_exhaustive(struct run *r, struct run_worker *w, u32 i)
{
	const struct run_config *c = &r->config;
	const struct kept_part *past = c->kept ? &c->kept->part[i] : NULL;
	struct exhaustive_config x = {
		.targets = c->targets,
		.key = &w->uplink.key,
		.method = c->method,
		.seed = c->seed,
		.pps = c->uplink.pps / r->workers,
		.wait_ns = c->wait_ns,
		.shards = c->shards * r->workers,
		.shard = c->shard + c->shards * i,
		.dport = c->dport,
		.size4 = c->size4,
		.size6 = c->size6,
		.first_ttl = c->first_ttl,
		.max_ttl = c->max_ttl,
		.attempts = c->attempts,
		.tos = c->tos,
		.fill_ttl = c->fill_ttl,
		.near_ttls = c->near_ttls,
		.near_quiet_ns = 30 * NS_PER_S,
		.prefix = budget_share(c->prefix_pps, r->workers),
		.router = budget_share(c->router_pps, r->workers),
	};

	if (past)
		x.past = (struct exhaustive_past){ past->settled, past->known,
						   past->bits };
	return exhaustive_open(&w->strategy, &x);
}

u32 strategies_slots(const struct run *r)
{
	return (r->config.ladder.active_max + r->workers - 1) / r->workers;
}

static int open_ladder(struct run *r, struct run_worker *w, u32 i)
{
	const struct run_config *c = &r->config;
	struct ladder_config l = c->ladder;

	permute_init(&r->order, targets_count(c->targets), c->seed);
	l.targets = c->targets;
	l.order = &r->order;
	l.exclude = c->exclude;
	l.first = c->shard + c->shards * i;
	l.step = c->shards * r->workers;
	l.past = c->kept ? c->kept->part[i].bits : NULL;
	l.active_max = strategies_slots(r);
	l.quic = c->method == PROBE_QUIC ? &w->quic : NULL;
	l.first_ttl = c->first_ttl;
	l.max_ttl = c->max_ttl;
	l.attempts = c->attempts;
	l.wait_max_ns = c->wait_ns;
	l.method = (u8)c->method;
	l.tos = c->tos;
	l.key = &w->uplink.key;
	l.src4 = w->uplink.key.src4;
	l.src6 = w->uplink.key.src6;
	l.probe_size4 = c->size4;
	l.probe_size6 = c->size6;
	l.dport = c->dport;
	l.parting = w->parting;
	l.by_reset = c->close == RUN_CLOSE_RST;
	l.syns = budget_share(c->prefix_pps, r->workers);
	return ladder_open(&w->strategy, &l, clock_now());
}

static int open_doubletree(struct run *r, struct run_worker *w, u32 i)
{
	const struct run_config *c = &r->config;
	struct doubletree_config d = c->doubletree;

	d.targets = c->targets;
	d.exclude = c->exclude;
	d.key = &w->uplink.key;
	d.method = c->method;
	d.seed = c->seed;
	d.pps = c->uplink.pps / r->workers;
	d.wait_ns = c->wait_ns;
	d.shards = c->shards * r->workers;
	d.shard = c->shard + c->shards * i;
	d.dport = c->dport;
	d.size4 = c->size4;
	d.size6 = c->size6;
	d.tos = c->tos;
	d.rules.first_ttl = c->first_ttl;
	d.rules.max_ttl = c->max_ttl;
	d.rules.attempts = c->attempts;
	return doubletree_open(&w->strategy, &d);
}

int strategies_open(struct run *r, struct run_worker *w, u32 i)
{
	switch (r->config.strategy) {
	case RUN_EXHAUSTIVE:
		break;
	case RUN_LADDER:
		return open_ladder(r, w, i);
	case RUN_DOUBLETREE:
		return open_doubletree(r, w, i);
	}
	return open_exhaustive(r, w, i);
}

/* Whose worker's target that is; NULL: nobody's. */
static struct strategy *find_strategy(struct run *r, const struct record *to)
{
	const struct run_config *c = &r->config;
	const struct answer a = {
		.dst = to->dst,
		.proof = { .ttl = to->hop.ttl, .attempt = to->hop.attempt },
	};
	struct strategy *first = &r->worker[0].strategy;
	u32 shard = first->ops->shard(first, &a);

	if (shard == UINT32_MAX || shard % c->shards != c->shard)
		return NULL;
	return &r->worker[shard / c->shards].strategy;
}

static int recall(void *to, const struct record *record, u64 wall_offset_ns)
{
	struct run *r = to;
	struct strategy *s = find_strategy(r, record);
	int err = -ENOENT;

	(void)wall_offset_ns;
	if (s && r->config.strategy == RUN_EXHAUSTIVE)
		err = exhaustive_recall(s, record);
	else if (s && doubletree_recall(s, record))
		err = 0;
	if (err != -ENOENT)
		return err;
	log_err("%s: its results are not what they were a moment ago",
		r->config.kept->dir.path);
	return -EBADMSG;
}

int strategies_recall(struct run *r)
{
	const struct run_config *c = &r->config;
	const struct rundir_sink sink = { recall, r };

	if (!c->kept || !(c->strategy == RUN_DOUBLETREE || c->fill_ttl))
		return 0;
	return kept_recall(c->kept, &sink);
}

void strategies_position(void *to, u64 *settled)
{
	const struct run *r = to;

	/* pairs with the store in run_go() */
	if (!__atomic_load_n(&r->going, __ATOMIC_ACQUIRE) ||
	    r->config.strategy != RUN_EXHAUSTIVE)
		return;
	for (u32 i = 0; i < r->workers; i++)
		settled[i] = exhaustive_settled(&r->worker[i].strategy);
}

void strategies_progress(struct run *r, u32 i)
{
	const struct strategy *s = &r->worker[i].strategy;
	struct exhaustive_progress x;
	struct doubletree_progress d;
	struct ladder_progress l;

	switch (r->config.strategy) {
	case RUN_EXHAUSTIVE:
		exhaustive_progress(s, &x);
		r->report.done += x.done;
		r->report.all += x.all;
		r->report.put_off += x.put_off;
		r->report.skipped += x.skipped;
		fill_add(&r->report.fill, &x.fill);
		break;
	case RUN_LADDER:
		ladder_progress(s, &l);
		r->report.done += l.ended + l.excluded + l.no_source + l.past;
		for (int f = 0; f < FATES; f++)
			r->report.sessions[f] += l.sessions[f];
		r->report.all += l.positions;
		break;
	case RUN_DOUBLETREE:
		doubletree_progress(s, &d);
		r->report.done += d.begun + d.done;
		r->report.all += 2 * d.all;
		break;
	}
}
