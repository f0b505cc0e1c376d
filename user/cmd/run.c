/* SPDX-License-Identifier: BSD-2-Clause */
/* run: outputs, an uplink, a template, a strategy, and the loop over them. */
#include "cmd/run.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/stop.h"
#include "cmd/strategies.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/processor.h"
#include "out/seen.h"

enum { WAYS = 64 }; /* targets whose route is looked up */

const char *const run_closings[] = { "fin", "rst", NULL };
const char *const run_methods[] = {
	[PROBE_UDP] = "udp",
	[PROBE_ICMP] = "icmp",
	[PROBE_TCP] = "tcp",
	[PROBE_TCP_ACK] = "tcp-ack",
	[PROBE_INSESSION] = "insession",
	[PROBE_QUIC] = "quic",
	[PROBE_QUIC_VN] = "quic-vn",
	NULL,
};
const char *const run_strategies[] = { "exhaustive", "ladder", "doubletree",
				       NULL };

static int recover(struct run *r)
{
	static const enum kept_results results[] = {
		[RUN_EXHAUSTIVE] = KEPT_PROBES,
		[RUN_LADDER] = KEPT_TRACES,
		[RUN_DOUBLETREE] = KEPT_REPLIES,
	};
	const struct run_config *c = &r->config;
	const struct exhaustive_config whole = {
		.targets = c->targets,
		.seed = c->seed,
		.shards = c->shards,
		.shard = c->shard,
		.first_ttl = c->first_ttl,
		.max_ttl = c->max_ttl,
		.fill_ttl = c->fill_ttl,
		.attempts = c->attempts,
	};
	const struct kept_plan plan = {
		.whole = &whole,
		.results = results[c->strategy],
		.workers = r->workers,
		.seen = &r->seen,
	};

	return kept_recover(c->kept, &plan);
}

/* Results go to the directory alone; its records' times are those of several
 * clocks, what comes out of it in the end has wall clock. */
static int open_kept(struct run *r)
{
	const struct run_config *c = &r->config;
	const struct journal_config journal = {
		.dir = &c->kept->dir,
		.wall_offset_ns = r->out.wall_offset_ns,
		.parts = r->workers,
		.position = strategies_position,
		.to = r,
	};
	int err = recover(r);

	r->export_run = r->out;
	r->export_run.wall_offset_ns = 0;
	r->export_run.seen = NULL;
	r->export_run.frames = NULL;
	r->out.journal = &c->kept->journal;
	if (!err)
		err = writer_open(&r->export, &r->export_run, c->outputs,
				  c->n_outputs);
	if (err || kept_is_complete(c->kept))
		return err;
	err = journal_open(&c->kept->journal, &journal);
	if (!err)
		err = writer_open(&r->writer, &r->out, NULL, 0);
	return err;
}

static int open_writer(struct run *r)
{
	const struct run_config *c = &r->config;

	r->out = (struct out_run){
		.command = c->command,
		.method = run_methods[c->method],
		.strategy = run_strategies[c->strategy],
		.wall_offset_ns = clock_wall_offset(),
		.first_ttl = c->first_ttl,
		.max_ttl = c->fill_ttl ? c->fill_ttl : c->max_ttl,
		.attempts = c->attempts,
		.udp_ttl = c->udp_ttl,
		.wait_ms = (u32)(c->wait_ns / NS_PER_MS),
		.syn = c->method == PROBE_TCP ? c->tcp : (struct tcp_shape){},
		.text = c->text,
		.seen = &r->seen,
		.frames = &r->frames,
	};
	r->frames.lanes = r->workers;
	if (c->kept)
		return open_kept(r);
	return writer_open(&r->writer, &r->out, c->outputs, c->n_outputs);
}

static struct uplink_config uplink_of(const struct run *r)
{
	static const enum cookie_mode mode[] = {
		[PROBE_UDP] = COOKIE_PLAIN,
		[PROBE_ICMP] = COOKIE_PLAIN,
		[PROBE_TCP] = COOKIE_TCP_SYN,
		[PROBE_TCP_ACK] = COOKIE_TCP_ACK,
		[PROBE_INSESSION] = COOKIE_TCP_SESSION,
		[PROBE_QUIC] = COOKIE_QUIC,
		[PROBE_QUIC_VN] = COOKIE_QUIC,
	};
	struct uplink_config u = r->config.uplink;
	const struct targets *t = r->config.targets;
	u16 size = 0;

	if (targets_v4(t)) {
		targets_at(t, 0, &u.dst4);
		size = r->config.size4;
	}
	if (targets_v6(t)) {
		targets_at(t, targets_v4(t), &u.dst6);
		if (r->config.size6 > size)
			size = r->config.size6;
	}
	u.frame_max = size + (u32)sizeof(struct wire_eth);
	u.hold_ports = probe_has_ports(r->config.method);
	u.mode = mode[r->config.method];
	u.attempts = r->config.attempts;
	u.flows = r->config.flows;
	u.lone = targets_count(t) == 1;
	u.exclude = r->config.exclude;
	u.lanes = r->workers;
	u.hash = r->config.kept ? &r->config.kept->key : NULL;
	return u;
}

/* All targets of a family are sent one way. That it is the way of each cannot
 * be asked for millions; of some it can. */
static int check_ways(const struct run *r)
{
	const struct targets *t = r->config.targets;
	u64 count = targets_count(t), step = count / WAYS + 1;
	struct addr dst;
	int err = 0;

	for (u64 i = 0; !err && i < count; i += step) {
		targets_at(t, i, &dst);
		if (!r->config.exclude || !exclude_has(r->config.exclude, &dst))
			err = uplink_check_way(&r->worker[0].uplink, &dst);
	}
	return err;
}

static int open_uplinks(struct run *r)
{
	const struct uplink_config u = uplink_of(r);
	struct uplink *first = &r->worker[0].uplink;
	int err, cpu;

	if (r->workers > 1 && processor_nth(r->workers - 1) < 0) {
		log_err("%u workers want as many processors", r->workers);
		return -ERANGE;
	}
	err = uplink_open(first, &u);
	if (!err)
		err = check_ways(r);
	for (u32 i = 1; !err && i < r->workers; i++) {
		cpu = processor_nth(i);
		err = uplink_open_beside(&r->worker[i].uplink, first, &u, i,
					 (unsigned int)cpu);
	}
	return err;
}

/* As many as there are traces at once. */
static int open_quic(const struct run *r, struct run_worker *w)
{
	const struct run_config *c = &r->config;

	w->quic = (struct quic_conns){
		.key = &w->uplink.key,
		.name = c->sni,
		.alpn = c->alpn,
		.dport = c->dport,
		.slots = strategies_slots(r),
		.flows = c->flows ? c->attempts : 1,
	};
	return quic_conns_open(&w->quic);
}

static int open_craft(struct run *r, struct run_worker *w)
{
	const struct craft_config c = {
		.key = &w->uplink.key,
		.method = r->config.method,
		.tcp = r->config.tcp,
		.quic = &w->quic,
		.size4 = r->config.size4,
		.size6 = r->config.size6,
		.uri = r->config.uri,
		.tos = r->config.tos,
		.dont_fragment = r->config.dont_fragment,
	};
	u32 uri = craft_uri_octets(c.uri);
	int err = craft_init(&w->craft, &c);

	if (err)
		log_err("packet length: at least %u octets for IPv4, %u for "
			"IPv6, at most %d",
			craft_least(c.method, &c.tcp, true) + uri,
			craft_least(c.method, &c.tcp, false) + uri,
			CRAFT_FRAME - 14);
	else if (c.method == PROBE_QUIC)
		err = open_quic(r, w);
	if (err || !(probe_is_tcp(c.method) || c.method == PROBE_QUIC))
		return err;
	w->parting = calloc(1, sizeof(*w->parting));
	if (!w->parting)
		return -ENOMEM;
	w->parting->silent = r->config.no_close;
	return 0;
}

/* The writer's ring has one producer: the workers take turns, a stretch of
 * records at a time. */
static void put_shared(void *to, const struct record *record, unsigned int n)
{
	struct run *r = to;

	pthread_spin_lock(&r->sink_lock);
	r->sink.put(r->sink.to, record, n);
	pthread_spin_unlock(&r->sink_lock);
}

/* Each counts on its share alone. */
static unsigned int room_shared(void *to)
{
	struct run *r = to;

	return r->sink.room(r->sink.to) / r->workers;
}

/* Nothing waits for the outputs: what has no room is counted by writer_put().
 */
static unsigned int room_for_any(void *to)
{
	(void)to;
	return UINT_MAX;
}

static int open_worker(struct run *r, u32 i)
{
	struct run_worker *w = &r->worker[i];
	int err = open_craft(r, w);

	if (!err)
		err = strategies_open(r, w, i);
	if (err)
		return err;
	w->strategy.emit = r->sink;
	if (r->workers == 1)
		return 0;
	w->strategy.emit = (struct record_sink){ put_shared, room_shared, r };
	if (w->strategy.ops->shard)
		return 0;
	log_err("%s is for one worker", w->strategy.ops->name);
	return -EOPNOTSUPP;
}

static void abandon(struct run *r)
{
	writer_abandon(&r->writer);
	writer_abandon(&r->export);
	status_abandon(&r->status);
	if (r->config.kept)
		journal_abandon(&r->config.kept->journal);
}

int run_open(struct run *r, const struct run_config *config)
{
	int err;

	memset(r, 0, sizeof(*r));
	r->config = *config;
	r->workers = config->workers ? config->workers : 1;
	pthread_spin_init(&r->sink_lock, PTHREAD_PROCESS_PRIVATE);
	/* a budget makes regular what was asked at random */
	r->seen.random = config->strategy == RUN_EXHAUSTIVE &&
			 !config->prefix_pps && !config->router_pps;
	err = open_writer(r);
	if (!err)
		err = status_open(&r->status, config->status_ns,
				  config->status_file);
	if (err) {
		abandon(r);
		return err;
	}
	r->report.targets = targets_count(config->targets);
	r->report.contact = config->contact;
	r->report.uri = config->uri;
	r->report.has_sessions = config->method == PROBE_INSESSION;
	r->report.fill_from = config->fill_ttl ? config->max_ttl : 0;
	for (u32 i = 0; i < config->n_outputs && i < REPORT_OUTPUTS; i++)
		r->report.output[r->report.outputs++].spec = config->outputs[i];
	r->report.tx = r->report.rx = "nothing";
	if (config->kept && kept_is_complete(config->kept))
		return 0;
	r->sink = writer_sink(&r->writer);
	if (config->drop_output)
		r->sink.room = room_for_any;
	r->worker = calloc(r->workers, sizeof(*r->worker));
	err = r->worker ? open_uplinks(r) : -ENOMEM;
	for (u32 i = 0; !err && i < r->workers; i++)
		err = open_worker(r, i);
	if (!err && r->workers > 1)
		err = mailroom_open(&r->mail, r->workers,
				    probe_is_quic(config->method)
					    ? MAIL_DATAGRAM
					    : MAIL_FRAME);
	if (!err)
		err = strategies_recall(r);
	if (err) {
		abandon(r);
		run_close(r);
		return err;
	}
	r->report.tx = r->worker[0].uplink.tx.ops->name;
	r->report.rx = r->worker[0].uplink.rx.ops->name;
	return 0;
}

static void read_written(struct run *r, const struct writer *w)
{
	for (u32 i = 0; i < r->report.outputs; i++)
		r->report.output[i].written = writer_written(w, i);
}

static void read_progress(struct run *r)
{
	const struct writer_stats w = writer_stats(&r->writer);

	r->report.written = w.written;
	r->report.output_lost = w.lost;
	read_written(r, &r->writer);
	r->report.done = r->report.all = 0;
	r->report.put_off = r->report.skipped = 0;
	r->report.fill = (struct fill_stats){};
	memset(r->report.sessions, 0, sizeof(r->report.sessions));
	for (u32 i = 0; i < r->workers; i++)
		strategies_progress(r, i);
	r->report.interfaces =
		__atomic_load_n(&r->seen.interfaces.count, __ATOMIC_RELAXED);
	r->report.destinations =
		__atomic_load_n(&r->seen.destinations.count, __ATOMIC_RELAXED);
}

/* All workers' together. Verdicts are the XDP program's, of them all. */
static void sum_ledgers(struct run *r)
{
	r->ledger = r->worker[0].ledger;
	for (u32 i = 1; i < r->workers; i++)
		ledger_add(&r->ledger, &r->worker[i].ledger);
}

static int on_status(void *to, const struct ledger *ledger, u64 now)
{
	struct run *r = to;

	(void)ledger;
	read_progress(r);
	sum_ledgers(r);
	status_turn(&r->status, &r->report, &r->ledger, now);
	return writer_error(&r->writer);
}

static void set_engine(struct run *r, u32 i, u64 deadline)
{
	const struct run_config *c = &r->config;
	struct run_worker *w = &r->worker[i];

	w->engine = (struct engine_config){
		.uplink = &w->uplink,
		.strategy = &w->strategy,
		.craft = &w->craft,
		.stop = stop_on_signals(),
		.deadline_ns = deadline,
		.status = i ? NULL : on_status,
		.status_to = r,
		/* a writer that fails is noticed, however seldom we say so */
		.status_ns = c->status_ns && c->status_ns < NS_PER_S / 2
				     ? c->status_ns
				     : NS_PER_S / 2,
		.mail = r->workers > 1 ? &r->mail : NULL,
		.worker = i,
		.outer_shards = c->shards,
		.outer_shard = c->shard,
		.tap = { frames_sent, frames_received,
			 frames_lane(&r->frames, i) },
		.parting = w->parting,
	};
}

static void *work(void *to)
{
	struct run_worker *w = to;

	w->err = engine_run(&w->engine, &w->ledger);
	return NULL;
}

/* The first worker is this thread; the others start pinned, since what they
 * launch is told apart by its processor. */
static int run_workers(struct run *r)
{
	cpu_set_t before;
	u32 started = 1;
	int err = 0;

	sched_getaffinity(0, sizeof(before), &before);
	for (; !err && started < r->workers; started++) {
		pthread_attr_t attr;
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(processor_nth(started), &one);
		pthread_attr_init(&attr);
		pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
		err = -pthread_create(&r->worker[started].thread, &attr, work,
				      &r->worker[started]);
		pthread_attr_destroy(&attr);
	}
	if (err) {
		log_err("worker %u cannot be started: %s", --started,
			strerror(-err));
		r->mail.failed = true;
	}
	if (r->workers > 1)
		processor_pin(0);
	work(&r->worker[0]);
	for (u32 i = 1; i < started; i++)
		pthread_join(r->worker[i].thread, NULL);
	sched_setaffinity(0, sizeof(before), &before);
	for (u32 i = 0; i < started && (!err || err == -ECANCELED); i++)
		err = r->worker[i].err;
	return err;
}

/* A complete run becomes outputs; any other one keeps what it has. */
static int end_kept(struct run *r, bool complete)
{
	struct kept *k = r->config.kept;
	u64 wall = clock_now() + clock_wall_offset();
	const struct record_sink sink = writer_sink(&r->export);
	int err = journal_close(&k->journal,
				complete ? RUNDIR_COMPLETE : RUNDIR_INTERRUPTED,
				wall);
	s64 n;

	if (err || !complete) {
		writer_abandon(&r->export);
		if (!err)
			log_warn("%s: not complete: --resume goes on with it",
				 k->dir.path);
		return err;
	}
	n = kept_export(k, &sink);
	writer_drain(&r->export);
	read_written(r, &r->export);
	err = writer_close(&r->export);
	r->report.written = n > 0 ? (u64)n : 0;
	return n < 0 ? (int)n : err;
}

int run_go(struct run *r)
{
	const struct run_config *c = &r->config;
	u64 deadline = c->deadline_ns ? clock_now() + c->deadline_ns : 0;
	int err, failed, status;

	if (c->kept && kept_is_complete(c->kept)) {
		err = end_kept(r, true);
		status = status_close(&r->status, &r->report, &r->ledger);
		return err ? err : status;
	}
	for (u32 i = 0; i < r->workers; i++)
		set_engine(r, i, deadline);
	status_begin(&r->status, clock_now());
	__atomic_store_n(&r->going, true, __ATOMIC_RELEASE);
	if (c->kept)
		kept_settle(c->kept, c->wait_ns, stop_on_signals());
	err = run_workers(r);
	read_progress(r);
	sum_ledgers(r);
	status_last_line(&r->status, &r->report, &r->ledger);
	writer_drain(&r->writer);
	read_progress(r);
	report_limits(&r->report, &r->seen.limits, &r->ledger);
	failed = writer_close(&r->writer);
	if (c->kept) {
		int kept = end_kept(r, !err && !failed);

		failed = failed ? failed : kept;
	}
	status = status_close(&r->status, &r->report, &r->ledger);
	failed = failed ? failed : status;
	return err && err != -EINTR ? err : failed ? failed : err;
}

void run_close(struct run *r)
{
	for (u32 i = r->workers; r->worker && i > 0; i--) {
		struct run_worker *w = &r->worker[i - 1];

		if (w->strategy.ops)
			w->strategy.ops->close(&w->strategy);
		uplink_close(&w->uplink);
		free(w->parting);
		quic_conns_close(&w->quic);
	}
	free(r->worker);
	mailroom_close(&r->mail);
	seen_fini(&r->seen);
}
