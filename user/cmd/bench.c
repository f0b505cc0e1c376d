/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench: how many probes this host can send and hear.
 *
 * Two figures of one run, taken in turn so that a machine whose speed drifts
 * slows both alike:
 *
 *   ceiling  the backend sends frames that were made beforehand, and the ring
 *            hands back what returns; nobody looks at it
 *   sweep    the real thing: permuted, crafted, sent, verified, matched to
 *            its probe, recorded, and written as csv by the other thread
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/bench_quic.h"
#include "cmd/cmd.h"
#include "cmd/run.h"
#include "cmd/stop.h"
#include "cmd/tcp_opt.h"
#include "io/simnet.h"
#include "io/veth.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/opt.h"

enum { ROUNDS_MAX = 99, RECEIVE = 128 };

struct bench {
	int method, tx;
	u32 rounds;
	u64 probes;
	bool six, verbose;
	const char *ifname, *output;
	struct opt_list tcp_options;
};

static const struct bench DEFAULTS = {
	.method = PROBE_UDP,
	.tx = UPLINK_AUTO,
	.rounds = 5,
	.probes = 2 << 20,
	.output = "csv:/dev/null",
};

#define ROW(letter, name, type, field, arg, ...)                               \
	OPT(letter, name, type, struct bench, field, arg, __VA_ARGS__)

static const struct opt OPTIONS[] = {
	ROW('P', "method", CHOICE, method, "METHOD",
	    "udp, icmp, tcp, tcp-ack, quic or quic-vn", .choice = run_methods),
	ROW('O', "options", LIST, tcp_options, "OPTION,...",
	    "of tcp, as in a sweep"),
	ROW('6', NULL, FLAG, six, NULL, "probe IPv6 targets"),
	ROW(0, "tx", CHOICE, tx, "BACKEND", "auto, xsk, live, packet or raw",
	    .choice = uplink_tx_names),
	ROW(0, "rounds", U32, rounds, "N", "of ceiling and sweep, in turn",
	    .min = 1, .max = ROUNDS_MAX),
	ROW(0, "probes", COUNT, probes, "N", "in each round, about",
	    .min = 1 << 15, .max = 1ULL << 32),
	ROW('o', "output", STRING, output, "FMT:FILE",
	    "where the sweep writes; csv:/dev/null unless given"),
	ROW('i', "interface", STRING, ifname, "IF",
	    "probe the given TARGETs through IF, not the simulated Internet"),
	ROW('v', "verbose", FLAG, verbose, NULL, "tell what is being done"),
	OPT_END,
};

/* What one round found. */
struct round {
	double ceiling_pps, sweep_pps;
	double ceiling_cpu_ns, sweep_cpu_ns; /* of the packet thread, a probe */
	u64 sent, replies, heard, recorded, lost_here; /* of the sweep */
	const char *tx, *rx;
};

enum { TTLS = 32 };

/* One address in each /24 (/48): as many as make the probes asked for. */
static int bench_targets(struct targets *t, const struct bench *b, int argc,
			 char **argv, int first)
{
	const struct targets_config cfg = { .per_v4 = 24,
					    .per_v6 = 48,
					    .seed = 1 };
	char text[64];
	int err = 0, bits = 0;

	targets_init(t, &cfg);
	if (first < argc) {
		for (; !err && first < argc; first++)
			err = targets_add(t, argv[first]);
		return err ? err : targets_seal(t);
	}
	while ((u64)TTLS << (bits + 1) <= b->probes && bits < 22)
		bits++;
	if (b->six)
		snprintf(text, sizeof(text), "2600::/%d", 48 - bits);
	else
		snprintf(text, sizeof(text), "16.0.0.0/%d", 24 - bits);
	err = targets_add(t, text);
	return err ? err : targets_seal(t);
}

static int open_world(const struct bench *b, struct simnet *net)
{
	const struct veth_config *v = &VETH_DEFAULT;
	struct simnet_config cfg = SIMNET_DEFAULT;
	int err;

	if (b->ifname)
		return 0;
	if (unshare(CLONE_NEWNET)) {
		log_err("no network namespace for the simulated Internet: %s",
			strerror(errno));
		return -errno;
	}
	err = veth_open(v);
	if (err)
		return err;
	return simnet_open(net, &cfg, (int)if_nametoindex(v->far));
}

/* Frames of the first targets, TTL by TTL: what the sweep would send. */
static unsigned int make_frames(struct run *r, u8 (*frame)[LAUNCH_LARGE],
				u32 *len)
{
	unsigned int n = r->worker[0].uplink.tx.batch;
	u64 count = targets_count(r->config.targets);

	for (unsigned int i = 0; i < n; i++) {
		struct probe p = { .ttl = (u8)(1 + i % TTLS),
				   .dport = r->config.dport };

		targets_at(r->config.targets, i * 977 % count, &p.dst);
		len[i] = craft_probe(&r->worker[0].craft, &p, frame[i]);
	}
	return n;
}

static void drain(struct rx *rx)
{
	static struct rx_frame frame[RECEIVE];

	while (rx->ops->receive(rx, frame, RECEIVE) > 0)
		rx->ops->release(rx);
}

/* The frames pass the gate like any other. */
static int measure_ceiling(struct run *r, u64 probes, struct round *out)
{
	static u8 frame[IO_BATCH][LAUNCH_LARGE];
	static u32 len[IO_BATCH];
	struct uplink *u = &r->worker[0].uplink;
	unsigned int n, batch;
	u64 start, cpu;
	int err = 0;

	batch = make_frames(r, frame, len);
	drain(&u->rx);
	u->tx.stats = (struct tx_stats){};
	start = clock_now();
	cpu = clock_thread_cpu();
	while (!err && u->tx.stats.sent < probes) {
		u64 now = clock_now();

		n = u->tx.ops->reserve(&u->tx, batch);
		for (unsigned int i = 0; i < n; i++) {
			memcpy(u->tx.slot[i].frame, frame[i], len[i]);
			u->tx.slot[i].len = len[i];
		}
		err = gate_send(&u->gate, &u->tx, n, now);
		drain(&u->rx);
		if (u->steer.program)
			steer_beat(&u->steer, now);
	}
	out->ceiling_pps = (double)u->tx.stats.sent * NS_PER_S /
			   (double)(clock_now() - start);
	out->ceiling_cpu_ns =
		(double)(clock_thread_cpu() - cpu) / (double)u->tx.stats.sent;
	clock_sleep(20 * NS_PER_MS);
	drain(&u->rx);
	return err;
}

/* Replies that the simulated Internet has sent so far. */
static u64 replies_sent(const struct simnet *net)
{
	struct simnet_counters c = {};
	u64 n = 0;

	if (!net->skel || simnet_counters(net, &c))
		return 0;
	for (int o = SIMNET_EXPIRED; o <= SIMNET_RESET; o++)
		n += c.n[o][SIMNET_V4] + c.n[o][SIMNET_V6];
	return n;
}

static int one_round(const struct run_config *c, const struct simnet *net,
		     struct round *out)
{
	struct run *r = calloc(1, sizeof(*r));
	const struct ledger *l;
	struct uplink *u;
	u64 cpu;
	int err;

	if (!r)
		return -ENOMEM;
	err = run_open(r, c);
	if (err)
		goto undo;
	u = &r->worker[0].uplink;
	craft_set_mac(&r->worker[0].craft, true, u->route4.src_mac,
		      u->route4.next_mac);
	craft_set_mac(&r->worker[0].craft, false, u->route6.src_mac,
		      u->route6.next_mac);
	err = measure_ceiling(r, targets_count(c->targets) * TTLS / 2, out);
	u->tx.stats = (struct tx_stats){};
	u->rx.stats = (struct rx_stats){};
	out->replies = replies_sent(net);
	cpu = clock_thread_cpu();
	if (!err)
		err = run_go(r);
	l = &r->ledger;
	out->sweep_cpu_ns =
		(double)(clock_thread_cpu() - cpu) / (double)l->tx.sent;
	out->sweep_pps = (double)l->tx.sent * NS_PER_S /
			 (double)(l->last_sent_ns - l->started_ns);
	out->sent = l->tx.sent;
	out->replies = replies_sent(net) - out->replies;
	out->heard = l->rx.received;
	out->recorded = r->report.written;
	out->lost_here = report_lost_here(l) + r->report.output_lost;
	out->tx = r->report.tx;
	out->rx = r->report.rx;
	run_close(r);
undo:
	free(r);
	return err;
}

static int by_ratio(const void *a, const void *b)
{
	const struct round *x = a, *y = b;
	double p = x->sweep_pps / x->ceiling_pps;
	double q = y->sweep_pps / y->ceiling_pps;

	return p < q ? -1 : p > q;
}

static void print_rounds(struct round *r, u32 n, bool simulated)
{
	u64 replies = 0, heard = 0, recorded = 0;
	const struct round *m;

	printf("%5s %21s %23s %20s\n", "", "wall: Mpps", "CPU: ns a probe", "");
	printf("%5s %8s %6s %6s %8s %6s %6s %10s %9s\n", "round", "ceiling",
	       "sweep", "ratio", "ceiling", "sweep", "ratio", "recorded",
	       "lost here");
	for (u32 i = 0; i < n; i++)
		printf("%5u %8.3f %6.3f %6.3f %8.0f %6.0f %6.3f %10llu %9llu\n",
		       i + 1, r[i].ceiling_pps / 1e6, r[i].sweep_pps / 1e6,
		       r[i].sweep_pps / r[i].ceiling_pps, r[i].ceiling_cpu_ns,
		       r[i].sweep_cpu_ns,
		       r[i].ceiling_cpu_ns / r[i].sweep_cpu_ns,
		       (unsigned long long)r[i].recorded,
		       (unsigned long long)r[i].lost_here);
	qsort(r, n, sizeof(*r), by_ratio);
	m = &r[n / 2];
	printf("\nmedian: %.3f Mpps matched and recorded = %.3f of the ceiling "
	       "(%.3f Mpps);\nsent by %s, heard by %s, one worker\n",
	       m->sweep_pps / 1e6, m->sweep_pps / m->ceiling_pps,
	       m->ceiling_pps / 1e6, m->tx, m->rx);
	if (!simulated)
		return;
	for (u32 i = 0; i < n; i++) {
		replies += r[i].replies;
		heard += r[i].heard;
		recorded += r[i].recorded;
	}
	printf("the sweeps' replies: %llu sent by the simulated Internet, %llu "
	       "received\nthrough the virtual wire, %llu recorded\n",
	       (unsigned long long)replies, (unsigned long long)heard,
	       (unsigned long long)recorded);
}

static int bench(const struct bench *b, const struct targets *t)
{
	static struct round round[ROUNDS_MAX];
	struct exclude none;
	struct simnet net = {};
	enum probe_method method = (enum probe_method)b->method;
	struct run_config c = {
		.targets = t,
		.exclude = &none,
		/* who keeps connections goes TTL by TTL */
		.strategy = method == PROBE_QUIC ? RUN_LADDER : RUN_EXHAUSTIVE,
		.ladder = { .gap_limit = 5, .active_max = 10000, .window = 3 },
		.uplink = { .ifname = b->ifname, .tx = (enum uplink_tx)b->tx },
		.dport = probe_is_quic(method)	? 443
			 : probe_is_tcp(method) ? 80
						: 33434,
		.first_ttl = 1,
		.max_ttl = TTLS,
		.attempts = 1,
		.wait_ns = 200 * NS_PER_MS,
		.seed = 1,
		.shards = 1,
		.command = "bench",
		.outputs = &b->output,
		.n_outputs = 1,
	};
	int err = tcp_opt_settle(&b->tcp_options, &method, &c.tcp, &c.flows);

	c.method = method;
	if (!err && method == PROBE_QUIC)
		err = bench_quic();
	c.size4 = craft_least(method, &c.tcp, true);
	c.size6 = craft_least(method, &c.tcp, false);
	exclude_init(&none);
	if (!err)
		err = exclude_add_special(&none);
	if (!err)
		err = exclude_seal(&none);
	if (!err)
		err = open_world(b, &net);
	for (u32 i = 0; !err && i < b->rounds; i++)
		err = one_round(&c, &net, &round[i]);
	if (!err)
		print_rounds(round, b->rounds, net.skel != NULL);
	simnet_close(&net);
	exclude_fini(&none);
	return err == -EINTR ? CMD_INTERRUPTED : err ? CMD_FAILED : CMD_DONE;
}

int cmd_bench(int argc, char **argv)
{
	struct bench b = DEFAULTS;
	struct targets t = {};
	int first, status = CMD_USAGE;

	argv[0] = (char *)"whither bench";
	first = opt_parse(OPTIONS, &b, argc, argv);
	if (first == -ECANCELED) {
		opt_usage_defaults(
			stdout, "whither bench [OPTION]... [TARGET]...",
			"Measures how many probes this host can send and "
			"hear.",
			OPTIONS, &DEFAULTS);
		return CMD_DONE;
	}
	if (first < 0)
		return CMD_USAGE;
	if (b.method == PROBE_INSESSION) {
		log_err("-P insession: a sweep measures sessions, bench "
			"single probes: -P tcp");
		return CMD_USAGE;
	}
	if (!b.ifname != (first == argc)) {
		log_err("-i and TARGETs go together: the simulated Internet "
			"is probed unless both are given");
		return CMD_USAGE;
	}
	log_set_level(b.verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	if (!bench_targets(&t, &b, argc, argv, first))
		status = bench(&b, &t);
	targets_fini(&t);
	return status;
}
