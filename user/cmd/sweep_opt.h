/* SPDX-License-Identifier: BSD-2-Clause */
/* sweep_opt: what a sweep may be told. Main thread. */
#ifndef WHITHER_SWEEP_OPT_H
#define WHITHER_SWEEP_OPT_H

#include "cmd/meta.h"
#include "cmd/run.h"
#include "lib/opt.h"

struct sweep {
	struct opt_list target_files, exclude_files, outputs, tcp_options;
	u8 per_v4, per_v6;
	bool include_special;
	int method, strategy, tx, targets_format;
	int close; /* enum run_closing */
	u8 near_ttls, fill_ttl, first_ttl, max_ttl, attempts, gap_limit, split;
	u32 active, window;
	u64 prefix_pps, router_pps, pps, seed, cooldown_ns, round_ns, status_ns;
	u32 shards, shard, workers;
	const char *ifname;
	struct addr source;
	u16 dport, size; /* 0: not said */
	/* what -P and -O come to */
	enum probe_method probes;
	struct tcp_shape tcp;
	bool flows;
	const char *metadata, *status_file;
	const char *run, *resume;
	const char *sni, *alpn;
	const char *uri, *contact;
	bool no_contact, no_close;
	bool drop_output, quiet, verbose;
};

/* --status-interval was not given. */
#define SWEEP_STATUS_UNSAID UINT64_MAX

extern const struct sweep SWEEP_DEFAULTS;
extern const struct opt SWEEP_OPTIONS[];
extern const struct meta_plan SWEEP_META;

/* Do they go together? What was left open is settled. 0 or -EINVAL, logged. */
int sweep_opt_check(struct sweep *s);

#endif
