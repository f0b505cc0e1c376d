/* SPDX-License-Identifier: BSD-2-Clause */
/* world: the simulated Internet in memory. */
#include "io/world.h"

#include "io/topo.h"
#include "lib/log.h"
#include "simnet_frame.h"

#include <errno.h>
#include <stdlib.h>

int world_check(const struct simnet_config *cfg)
{
#define X(field, option, least, most, preset, help)                            \
	if (cfg->field - (u32)(least) > (u32)((most) - (least))) {             \
		log_err("simulated Internet: %s %u: allowed is %u to %u",      \
			option, cfg->field, (u32)(least), (u32)(most));        \
		return -EINVAL;                                                \
	}
	SIMNET_PARAMS(X)
#undef X
	if (cfg->len_min > cfg->len_max) {
		log_err("simulated Internet: its shortest path, %u, is longer "
			"than the longest, %u",
			cfg->len_min, cfg->len_max);
		return -EINVAL;
	}
	return 0;
}

bool world_has_limits(const struct simnet_config *cfg, const struct topo *topo)
{
	for (unsigned int i = 0; topo && i < topo->nodes; i++)
		if (topo->table.node[i].rate)
			return true;
	return !topo && cfg->rate;
}

int world_open(struct world *w, const struct simnet_config *cfg,
	       const struct topo *topo)
{
	int err = world_check(cfg);

	memset(w, 0, sizeof(*w));
	if (err)
		return err;
	w->cfg = *cfg;
	w->cfg.topo = topo != NULL;
	w->topo = topo;
	if (!world_has_limits(cfg, topo))
		return 0;
	w->limiter = calloc(SIMNET_LIMITERS, sizeof(*w->limiter));
	if (!w->limiter) {
		log_err("simulated Internet: out of memory");
		return -ENOMEM;
	}
	return 0;
}

void world_close(struct world *w)
{
	free(w->limiter);
	memset(w, 0, sizeof(*w));
}

int world_put(struct world_frame *f, const void *data, u32 len)
{
	if (len > WORLD_FRAME)
		return -EMSGSIZE;
	f->data = f->room + WORLD_HEADROOM;
	f->len = len;
	f->delay_us = 0;
	memcpy(f->data, data, len);
	return 0;
}

void world_hop(const struct world *w, const struct simnet_probe *p, u32 random,
	       struct simnet_hop *hop)
{
	u64 flow = simnet_flow(&w->cfg, &p->src, &p->dst, p->proto, p->first4);
	struct simnet_walker walker = {
		.flow = flow,
		.random = random,
		.size = p->may_fragment ? 0 : p->size,
		.ttl = p->ttl,
		.v4 = p->family == 4,
	};

	if (w->topo)
		topo_hop(w->topo, &p->dst, &walker, hop);
	else
		simnet_hop(&w->cfg, &p->dst, p->ttl, flow, random, hop);
}

static enum simnet_outcome answer(struct world *w, struct world_frame *f,
				  const struct simnet_probe *p,
				  const struct simnet_hop *hop,
				  enum simnet_outcome outcome)
{
	u8 padded[SIMNET_QUOTE_PADDED] = { 0 }, *end;
	struct simnet_shape s;

	simnet_shape(p, hop, outcome, f->len, &s);
	if (s.head > (u32)(f->data - f->room) ||
	    s.len > (u32)(f->room + sizeof(f->room) - f->data) + s.head)
		return SIMNET_FAILED;
	if (simnet_is_error(outcome) && hop->labels)
		memcpy(padded, f->data + 14, simnet_quote(p, hop));
	f->data -= s.head;
	f->len = s.len;
	f->delay_us = hop->delay_us;
	end = f->data + f->len;
	if (!simnet_write(&w->cfg, f->data, end, p, hop, outcome, padded))
		return SIMNET_FAILED;
	if (!simnet_is_error(outcome))
		return outcome;
	if (simnet_is_rewritten(p, hop) &&
	    !simnet_rewrite(f->data, end, p, hop))
		return SIMNET_FAILED;
	return simnet_seal(f->data, end) ? outcome : SIMNET_FAILED;
}

static enum simnet_outcome handle(struct world *w, struct world_frame *f,
				  struct simnet_probe *p, u32 random, u64 now)
{
	struct simnet_hop hop;
	enum simnet_outcome outcome;

	outcome = simnet_parse(f->data, f->data + f->len, p);
	if (outcome != SIMNET_OUTCOME_COUNT)
		return outcome;
	world_hop(w, p, random, &hop);
	outcome = simnet_judge(&w->cfg, p, &hop);
	if (hop.rate && hop.end != SIMNET_END_SILENT &&
	    hop.end != SIMNET_END_LOST &&
	    !simnet_allow(&w->cfg, hop.rate, &w->limiter[hop.limiter], now))
		outcome = SIMNET_LIMITED;
	if (outcome < SIMNET_EXPIRED || outcome > SIMNET_RESET)
		return outcome;
	return answer(w, f, p, &hop, outcome);
}

enum simnet_outcome world_answer(struct world *w, struct world_frame *f,
				 u32 random, u64 now)
{
	struct simnet_probe p;
	enum simnet_outcome outcome = handle(w, f, &p, random, now);
	unsigned int family = SIMNET_NOT_IP;

	if (p.family)
		family = p.family == 4 ? SIMNET_V4 : SIMNET_V6;
	w->counters.n[outcome][family]++;
	return outcome;
}

const char *world_outcome_name(enum simnet_outcome outcome)
{
	static const char *const name[SIMNET_OUTCOME_COUNT] = {
#define X(name, replies, help) [SIMNET_##name] = #name,
		SIMNET_OUTCOMES(X)
#undef X
	};

	return name[outcome];
}

const char *world_outcome_help(enum simnet_outcome outcome)
{
	static const char *const text[SIMNET_OUTCOME_COUNT] = {
#define X(name, replies, help) [SIMNET_##name] = help,
		SIMNET_OUTCOMES(X)
#undef X
	};

	return text[outcome];
}
