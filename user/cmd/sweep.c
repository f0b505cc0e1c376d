/* SPDX-License-Identifier: BSD-2-Clause */
/* sweep: many traces. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/reload.h"
#include "cmd/run.h"
#include "cmd/scope.h"
#include "cmd/stop.h"
#include "cmd/sweep_opt.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/opt.h"

/* What is known of a run that is kept. */
struct resumed {
	struct kept kept;
	struct meta meta;
	struct meta_targets operands;
	char *excluded; /* path of what was, at first */
};

static struct scope scope_of(const struct sweep *s)
{
	return (struct scope){
		.targets = &s->target_files,
		.excluded = &s->exclude_files,
		.format = (enum scope_format)s->targets_format,
		.config = { s->per_v4, s->per_v6, s->seed },
		.include_special = s->include_special,
		.contact = s->no_contact || (s->contact && *s->contact),
	};
}

/* Four milliseconds' worth: a turn that comes late makes up for it, and any
 * tenth of a second stays within 1.05 times the rate. */
static u32 burst(u64 pps)
{
	u64 n = pps / 250;

	return n < 1 ? 1 : n > IO_BATCH ? IO_BATCH : (u32)n;
}

/* Nobody reads the lines of a run whose standard error is a file, unless they
 * were asked for. */
static u64 status_interval(const struct sweep *s)
{
	if (s->quiet)
		return 0;
	if (s->status_ns != SWEEP_STATUS_UNSAID)
		return s->status_ns;
	return isatty(STDERR_FILENO) ? SWEEP_DEFAULTS.status_ns : 0;
}

static u16 least_size(const struct sweep *s, bool v4)
{
	u32 uri = craft_uri_octets(s->uri);

	if (s->size)
		return s->size;
	return (u16)(craft_least(s->probes, &s->tcp, v4) + uri);
}

static struct run_config plan(const struct sweep *s, const struct targets *t,
			      const struct exclude *x)
{
	struct run_config c = {
		.targets = t,
		.exclude = x,
		.method = s->probes,
		.strategy = (enum run_strategy)s->strategy,
		.uplink = { .ifname = s->ifname,
			    .tx = (enum uplink_tx)s->tx,
			    .pps = s->pps,
			    .burst = burst(s->pps) },
		.tcp = s->tcp,
		.no_close = s->no_close,
		.flows = s->flows,
		.close = (enum run_closing)s->close,
		.sni = s->sni,
		.alpn = s->alpn,
		.size4 = least_size(s, true),
		.size6 = least_size(s, false),
		.uri = s->uri,
		.contact = s->contact,
		.dport = s->dport,
		.first_ttl = s->first_ttl,
		.max_ttl = s->max_ttl,
		.attempts = s->attempts,
		.wait_ns = s->cooldown_ns,
		.seed = s->seed,
		.near_ttls = s->near_ttls,
		.fill_ttl = s->fill_ttl,
		.prefix_pps = s->prefix_pps,
		.router_pps = s->router_pps,
		.shards = s->shards,
		.shard = s->shard,
		.workers = s->workers,
		.ladder = { .gap_limit = s->gap_limit,
			    .active_max = s->active,
			    .window = s->window },
		.doubletree = { .round_ns = s->round_ns,
				.rules = { .gap_limit = s->gap_limit,
					   .split = s->split } },
		.command = "sweep",
		.drop_output = s->drop_output,
		.outputs = s->outputs.item,
		.n_outputs = s->outputs.count,
		.status_ns = status_interval(s),
		.status_file = s->status_file,
	};

	if (addr_is_v4(&s->source))
		c.uplink.src4 = s->source;
	else
		c.uplink.src6 = s->source;
	return c;
}

/* What can be kept, and taken up again. */
static int check_kept(const struct sweep *s)
{
	for (u32 i = 0; i < s->outputs.count; i++)
		if (!strncmp(s->outputs.item[i], "pcap:", 5)) {
			log_err("--run: packets are not kept: pcap cannot be "
				"made of it");
			return -EINVAL;
		}
	if (!s->drop_output)
		return 0;
	log_err("--drop-output would leave out results that --run keeps: only "
		"one of them");
	return -EINVAL;
}

/* A new directory, and in it what this run is. */
static int keep(struct kept *k, const struct sweep *s, const struct targets *t,
		const struct meta_targets *operands)
{
	struct meta_targets m = *operands;
	int err = kept_create(k, s->run);

	if (err)
		return err;
	m.count = targets_count(t);
	if (s->exclude_files.count)
		err = kept_copy(k, "exclude", s->exclude_files.item,
				s->exclude_files.count, &m.excluded);
	if (!err)
		err = meta_save(&k->dir, &SWEEP_META, s, &m, s->ifname);
	if (err)
		kept_discard(k);
	return err;
}

/* What was excluded stays so, whatever became of the files. */
static int keep_excluded(struct kept *k, struct sweep *s, u32 crc, char **path)
{
	struct opt_list *l = &s->exclude_files;
	int err;

	if (!l->count)
		return 0;
	err = kept_check_copy(k, "exclude", crc);
	if (err)
		return err;
	if (l->count == OPT_LIST_MAX ||
	    asprintf(path, "%s/exclude", k->dir.path) < 0)
		return -ENOMEM;
	l->item[l->count++] = *path;
	return 0;
}

/* What was kept, and what is typed now besides, which may not contradict it.
 * *s is replaced. */
static int take_up(struct resumed *r, struct sweep *s, int argc, char **argv)
{
	struct sweep kept = SWEEP_DEFAULTS, asked;
	int err = kept_open(&r->kept, s->resume);

	if (err)
		return err;
	err = meta_load(&r->meta, &r->kept.dir, &SWEEP_META, &kept,
			&r->operands);
	if (err)
		return err;
	kept.status_ns = s->status_ns;
	asked = kept;
	asked.target_files.count = asked.exclude_files.count = 0;
	asked.outputs.count = asked.tcp_options.count = 0;
	/* it was parsed once already, so that it can be parsed */
	if (opt_parse(SWEEP_OPTIONS, &asked, argc, argv) != argc) {
		log_err("--resume: the targets are those of %s: name none",
			s->resume);
		return -EINVAL;
	}
	if (asked.outputs.count)
		kept.outputs = asked.outputs;
	asked.outputs = kept.outputs;
	err = meta_compare(&r->kept.dir, &SWEEP_META, &kept, &asked);
	if (err)
		return err;
	kept.metadata = asked.metadata;
	kept.status_file = asked.status_file;
	kept.status_ns = asked.status_ns;
	kept.quiet = asked.quiet;
	kept.verbose = asked.verbose;
	kept.resume = s->resume;
	*s = kept;
	return keep_excluded(&r->kept, s, r->operands.excluded, &r->excluded);
}

static int sweep(const struct sweep *s, const struct targets *t,
		 struct exclude *x, struct kept *kept)
{
	struct run_config config = plan(s, t, x);
	struct run *r = calloc(1, sizeof(*r));
	const struct scope scope = scope_of(s);
	struct reload reload = {
		.exclude = x, .build = scope_reread, .of = &scope, .run = r
	};
	bool again = false; /* nothing but the outputs */
	int err;

	if (!r)
		return CMD_FAILED;
	config.kept = kept;
	if (s->exclude_files.count)
		reload_hold();
	err = s->metadata ? report_check(s->metadata) : 0;
	if (!err)
		err = run_open(r, &config);
	if (err && s->run)
		kept_discard(kept);
	if (!err) {
		again = kept && kept_is_complete(kept);
		err = s->exclude_files.count ? reload_start(&reload) : 0;
		err = err ? err : run_go(r);
		reload_stop(&reload);
		if (!s->quiet && !again)
			report_summary(stderr, &r->report, &r->ledger);
		if (s->metadata &&
		    report_json(s->metadata, &r->report, &r->ledger))
			err = err ? err : -EIO;
		run_close(r);
	}
	free(r);
	return err == -EINTR ? CMD_INTERRUPTED : err ? CMD_FAILED : CMD_DONE;
}

static int count_targets(const struct resumed *r, const struct targets *t)
{
	if (targets_count(t) == r->operands.count)
		return 0;
	return meta_refuse(&r->kept.dir,
			   "the run has %llu targets, not the %llu of its "
			   "files and operands",
			   (unsigned long long)r->operands.count,
			   (unsigned long long)targets_count(t));
}

static int run_sweep(struct sweep *s, struct resumed *r,
		     const char *const *operand, u32 operands)
{
	const struct scope scope = scope_of(s);
	struct targets t = {};
	struct exclude x = {};
	struct kept *kept = s->run || s->resume ? &r->kept : NULL;
	int status = CMD_USAGE, err;

	err = scope_targets(&scope, &t, operand, operands);
	if (!err)
		err = scope_excluded(&scope, &x);
	if (!err)
		err = scope_check(&t, &x);
	if (!err) {
		status = CMD_FAILED;
		if (s->resume && count_targets(r, &t))
			err = -EBADMSG;
		else if (!s->run || !keep(kept, s, &t, &r->operands))
			status = sweep(s, &t, &x, kept);
	}
	targets_fini(&t);
	exclude_fini(&x);
	return status;
}

/* Without a run directory there may be any number of them. */
static int note_operands(struct opt_list *l, const char *const *operand, u32 n)
{
	if (n > OPT_LIST_MAX) {
		log_err("--run: more than %d targets: put them into a file, "
			"for -t",
			OPT_LIST_MAX);
		return -E2BIG;
	}
	memcpy(l->item, operand, n * sizeof(*operand));
	l->count = n;
	return 0;
}

/* The run that is in a directory, or is to be. */
static int cmd_kept(struct sweep *s, int argc, char **argv, int first)
{
	const char *const *operand = (const char *const *)argv + first;
	struct resumed r = {};
	int status = CMD_USAGE;

	if (s->run && s->resume) {
		log_err("--run begins a run, --resume goes on with one: only "
			"one of them");
		return CMD_USAGE;
	}
	stop_on_signals();
	if (s->resume && take_up(&r, s, argc, argv))
		status = CMD_FAILED;
	else if (!sweep_opt_check(s) && !check_kept(s) &&
		 (s->resume || !note_operands(&r.operands.operands, operand,
					      (u32)(argc - first))))
		status = run_sweep(s, &r, r.operands.operands.item,
				   r.operands.operands.count);
	kept_close(&r.kept);
	meta_close(&r.meta);
	free(r.excluded);
	return status;
}

int cmd_sweep(int argc, char **argv)
{
	struct sweep s = SWEEP_DEFAULTS;
	struct resumed none = {};
	int first;

	s.status_ns = SWEEP_STATUS_UNSAID;
	argv[0] = (char *)"whither sweep";
	first = opt_parse(SWEEP_OPTIONS, &s, argc, argv);
	if (first == -ECANCELED) {
		opt_usage_defaults(
			stdout, "whither sweep [OPTION]... [TARGET]...",
			"Traces many targets: addresses, or prefixes.",
			SWEEP_OPTIONS, &SWEEP_DEFAULTS);
		return CMD_DONE;
	}
	if (first < 0)
		return CMD_USAGE;
	if (s.run || s.resume)
		return cmd_kept(&s, argc, argv, first);
	if (sweep_opt_check(&s))
		return CMD_USAGE;
	return run_sweep(&s, &none, (const char *const *)argv + first,
			 (u32)(argc - first));
}
