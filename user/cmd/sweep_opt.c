/* SPDX-License-Identifier: BSD-2-Clause */
/* sweep_opt: what a sweep may be told. */
#include "cmd/sweep_opt.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cmd/scope.h"
#include "cmd/tcp_opt.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/uri.h"
#include "trace/near.h"

const struct sweep SWEEP_DEFAULTS = {
	.method = PROBE_UDP,
	.strategy = RUN_EXHAUSTIVE,
	.tx = UPLINK_AUTO,
	.first_ttl = 1,
	.max_ttl = 32,
	.attempts = 1,
	.gap_limit = 5,
	.split = 16,
	.active = 10000,
	.window = 3,
	.pps = 10000,
	.cooldown_ns = 3 * NS_PER_S,
	.round_ns = NS_PER_S,
	.status_ns = NS_PER_S,
	.shards = 1,
	.workers = 1,
};

static int read_per_prefix(void *config, const char *option, const char *text)
{
	struct sweep *s = config;

	return scope_per_prefix(option, text, &s->per_v4, &s->per_v6);
}

enum { URI_MAX = 255 }; /* what any path takes with the rest of a probe */

#define ROW(letter, name, type, field, arg, ...)                               \
	OPT(letter, name, type, struct sweep, field, arg, __VA_ARGS__)

const struct opt SWEEP_OPTIONS[] = {
	OPT_HEADING("What to trace"),
	ROW('t', "targets", LIST, target_files, "FILE",
	    "targets from FILE, one address or prefix a line; - is standard "
	    "input"),
	ROW(0, "targets-format", CHOICE, targets_format, "FMT",
	    "of the files of targets: list, or caracal (its probes' "
	    "destinations); auto: caracal if named .csv or .csv.zst",
	    .choice = scope_formats),
	OPT_DO(0, "per-prefix", "N",
	       "one pseudo-random address in each /N of the given prefixes; "
	       "24, 48 or 24,48",
	       read_per_prefix),
	ROW('x', "exclude", LIST, exclude_files, "FILE",
	    "never probe the addresses and prefixes in FILE"),
	ROW(0, "include-special", FLAG, include_special, NULL,
	    "do probe the special-purpose blocks (RFC 6890), such as private "
	    "ones"),
	OPT_HEADING("How"),
	ROW('P', "method", CHOICE, method, "METHOD",
	    "udp, icmp, tcp (SYN), tcp-ack, insession (within a TCP session), "
	    "quic (what begins a connection; both by -S ladder), or quic-vn "
	    "(of a QUIC version that nobody has)",
	    .choice = run_methods),
	ROW('S', "strategy", CHOICE, strategy, "NAME",
	    "exhaustive: every TTL of every target, in a random order; "
	    "ladder: TTL by TTL until the target answers; doubletree: from "
	    "there down to routers that are known",
	    .choice = run_strategies),
	ROW('f', "first", U8, first_ttl, "TTL", "first TTL", .min = 1),
	ROW('m', "max", U8, max_ttl, "TTL", "last TTL", .min = 1),
	ROW('q', "queries", U8, attempts, "N", "probes for each TTL", .min = 1,
	    .max = 10),
	ROW('r', "rate", COUNT, pps, "PPS",
	    "probes a second; 0: as fast as possible"),
	ROW(0, "neighbourhood", U8, near_ttls, "TTL",
	    "exhaustive: ask no more of a TTL up to this one where for 30 s "
	    "no new router was heard",
	    .max = NEAR_TTLS),
	ROW(0, "fill", U8, fill_ttl, "TTL",
	    "exhaustive: where a router answers the last TTL, ask one TTL "
	    "after another, up to this one"),
	ROW(0, "prefix-rate", COUNT, prefix_pps, "PPS",
	    "exhaustive: probes a second to each /24 or /48, insession: SYNs "
	    "of sessions; what is beyond is sent later; 0: as it comes",
	    .max = 1000000),
	ROW(0, "router-rate", COUNT, router_pps, "PPS",
	    "exhaustive: probes a second to each router, as far as is known "
	    "who will answer; what is beyond is sent later; 0: as it comes",
	    .max = 1000000),
	ROW('p', "port", U16, dport, "PORT",
	    "destination port; 33434 for UDP, 80 for TCP and 443 for QUIC "
	    "unless "
	    "given",
	    .min = 1),
	ROW('O', "options", LIST, tcp_options, "OPTION,...",
	    "tcp: syn, or ack instead; ecn, acc-ecn; mss=N, sack, timestamps, "
	    "window_scaling: these and no others, mss alone unless given; "
	    "ecmp: "
	    "each of -q is a flow of its own"),
	ROW(0, "no-close", FLAG, no_close, NULL,
	    "tcp: leave half open what a SYN/ACK opened"),
	ROW(0, "close", CHOICE, close, "HOW",
	    "insession: end sessions by fin or rst; applications read nothing",
	    .choice = run_closings),
	ROW(0, "sni", STRING, sni, "NAME",
	    "quic: the server's name; none unless given"),
	ROW(0, "alpn", STRING, alpn, "NAME",
	    "quic: the application's protocol; h3 unless given"),
	ROW(0, "size", U16, size, "OCTETS",
	    "length of the IP packet; the least possible unless given"),
	ROW(0, "gap", U8, gap_limit, "N",
	    "ladder, doubletree: go no further after N silent TTLs in a row; "
	    "255: never give up",
	    .min = 1),
	ROW(0, "split", U8, split, "TTL",
	    "doubletree: begin there if neither a target nor its neighbours "
	    "tell how far they are",
	    .min = 1),
	ROW(0, "round-interval", SECONDS, round_ns, "S",
	    "doubletree: a target's next probe waits so long for the answer "
	    "to its last",
	    .min = NS_PER_MS, .max = 30 * NS_PER_S),
	ROW(0, "active", U32, active, "N", "ladder: traces at once", .min = 1,
	    .max = 1 << 22),
	ROW('N', "window", U32, window, "N",
	    "ladder: probes in flight for each trace", .min = 1, .max = 255),
	ROW(0, "seed", COUNT, seed, "N",
	    "of the order and of --per-prefix; random unless given"),
	ROW(0, "shards", U32, shards, "N", "split the sweep into N parts",
	    .min = 1),
	ROW(0, "shard", U32, shard, "I", "and do part I, 0 .. N-1"),
	ROW(0, "cooldown", SECONDS, cooldown_ns, "S",
	    "wait for replies: after the last probe, or for each (ladder)",
	    .min = NS_PER_MS),
	OPT_HEADING("Through what"),
	ROW('i', "interface", STRING, ifname, "IF",
	    "send by IF; where the routes lead unless given"),
	ROW('s', "source", ADDR, source, "ADDR", "source address"),
	ROW(0, "tx", CHOICE, tx, "BACKEND", "auto, xsk, live, packet or raw",
	    .choice = uplink_tx_names),
	ROW(0, "workers", U32, workers, "N",
	    "packet threads, each on a processor and on receive queues of its "
	    "own",
	    .min = 1, .max = LAUNCH_LANES),
	OPT_HEADING("Who asks"),
	ROW(0, "probe-uri", STRING, uri, "URI",
	    "carried by every probe: who is behind it (RFC 9511); https, "
	    "mailto or tel"),
	ROW(0, "contact", STRING, contact, "TEXT",
	    "who answers for this sweep, for the metadata; one of more than a "
	    "million targets asks for it,"),
	ROW(0, "no-contact", FLAG, no_contact, NULL, "or for this instead"),
	OPT_HEADING("What comes out"),
	ROW('o', "output", LIST, outputs, "FMT:FILE",
	    "results as jsonl, csv, text, warts or atlas, or packets as pcap, "
	    "to FILE, or to standard output (-); .zst compresses; may be "
	    "repeated; jsonl:- unless given"),
	ROW(0, "drop-output", FLAG, drop_output, NULL,
	    "drop and count what outputs are too slow for; probing waits for "
	    "them unless given"),
	ROW(0, "run", STRING, run, "DIR",
	    "keep the run in DIR, so that --resume can go on with it; outputs "
	    "are made at its end"),
	ROW(0, "resume", STRING, resume, "DIR",
	    "go on with the run in DIR, as it was begun; -o may be another"),
	ROW(0, "metadata", STRING, metadata, "FILE",
	    "the run's ledger as JSON, at its end"),
	ROW(0, "status-interval", SECONDS, status_ns, "S",
	    "between two status lines; 0: none; as on a terminal elsewhere "
	    "too"),
	ROW(0, "status-file", STRING, status_file, "FILE",
	    "the run's ledger every second and at its end, a line of JSON "
	    "each"),
	ROW(0, "quiet", FLAG, quiet, NULL, "no status, no summary"),
	ROW('v', "verbose", FLAG, verbose, NULL, "tell what is being done"),
	OPT_END,
};

/* What shapes a run besides the table above. */
static const struct opt MORE_OPTIONS[] = {
	ROW(0, "per-prefix", U8, per_v4, "N", NULL, .max = 32),
	ROW(0, "per-prefix-ipv6", U8, per_v6, "N", NULL, .max = 128),
	OPT_END,
};

static const char *const FREE_OPTIONS[] = { "metadata",	   "status-interval",
					    "status-file", "quiet",
					    "verbose",	   "run",
					    "resume",	   NULL };
static const char *const FILE_OPTIONS[] = { "targets", "exclude", NULL };
static const char *const MUTABLE_OPTIONS[] = { "exclude", NULL };

const struct meta_plan SWEEP_META = {
	.command = "sweep",
	.table = { SWEEP_OPTIONS, MORE_OPTIONS },
	.free = FREE_OPTIONS,
	.files = FILE_OPTIONS,
	.mutable = MUTABLE_OPTIONS,
};

enum { PORT_UDP = 33434, PORT_TCP = 80, PORT_QUIC = 443 };

static u16 port_of(enum probe_method method)
{
	if (probe_is_quic(method))
		return PORT_QUIC;
	return probe_is_tcp(method) ? PORT_TCP : PORT_UDP;
}

static int check_tcp(struct sweep *s)
{
	s->probes = (enum probe_method)s->method;
	if (s->no_close && !probe_is_tcp(s->probes)) {
		log_err("--no-close is for -P tcp");
		return -EINVAL;
	}
	if (probe_is_tcp(s->probes) && (s->size || s->uri)) {
		log_err("%s: a TCP probe is its header and no more",
			s->size ? "--size" : "--probe-uri");
		return -EINVAL;
	}
	return tcp_opt_settle(&s->tcp_options, &s->probes, &s->tcp, &s->flows);
}

/* Who keeps a session with a target goes to it step by step. */
static int check_session(struct sweep *s)
{
	if (s->method != PROBE_INSESSION && s->close != RUN_CLOSE_FIN) {
		log_err("--close is for -P insession");
		return -EINVAL;
	}
	if (probe_is_quic((enum probe_method)s->method) && s->uri) {
		log_err("--probe-uri: a QUIC probe has no room for it");
		return -EINVAL;
	}
	if (s->method != PROBE_QUIC && (s->sni || s->alpn)) {
		log_err("--sni and --alpn are for -P quic");
		return -EINVAL;
	}
	if (s->method != PROBE_INSESSION && s->method != PROBE_QUIC)
		return 0;
	if (s->strategy == RUN_DOUBLETREE) {
		log_err("-P %s goes TTL by TTL: -S ladder, not doubletree",
			run_methods[s->method]);
		return -EINVAL;
	}
	if (s->method == PROBE_QUIC && s->workers > 1) {
		log_err("-P quic is for one worker: more have not been tried");
		return -EINVAL;
	}
	s->strategy = RUN_LADDER;
	return 0;
}

/* What is for exhaustive alone. */
static int check_others(const struct sweep *s)
{
	const char *one_by_one = "the others ask each target one TTL after "
				 "another";
	const struct rule {
		u64 given;
		const char *option, *why;
	} rules[] = {
		{ s->near_ttls, "neighbourhood",
		  "the others know near routers already" },
		{ s->fill_ttl, "fill", one_by_one },
		{ s->method == PROBE_INSESSION ? 0 : s->prefix_pps,
		  "prefix-rate", one_by_one },
		{ s->router_pps, "router-rate", one_by_one },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].given)
			continue;
		log_err("--%s is for exhaustive: %s", rules[i].option,
			rules[i].why);
		return -EINVAL;
	}
	return 0;
}

int sweep_opt_check(struct sweep *s)
{
	if (s->first_ttl > s->max_ttl) {
		log_err("--first %u is beyond --max %u", s->first_ttl,
			s->max_ttl);
		return -EINVAL;
	}
	if (s->shard >= s->shards) {
		log_err("--shard %u: shards are numbered 0 .. %u", s->shard,
			s->shards - 1);
		return -EINVAL;
	}
	if (check_session(s))
		return -EINVAL;
	if (s->strategy != RUN_EXHAUSTIVE && check_others(s))
		return -EINVAL;
	if (s->fill_ttl && s->fill_ttl <= s->max_ttl) {
		log_err("--fill %u is not beyond --max %u", s->fill_ttl,
			s->max_ttl);
		return -EINVAL;
	}
	if (s->fill_ttl && s->near_ttls >= s->max_ttl) {
		log_err("--neighbourhood %u would end what --fill begins: it "
			"must be below --max %u",
			s->near_ttls, s->max_ttl);
		return -EINVAL;
	}
	if (s->uri && (!uri_describes(s->uri) || strlen(s->uri) > URI_MAX)) {
		log_err("--probe-uri: wants an https, mailto or tel URI of at "
			"most %d octets",
			URI_MAX);
		return -EINVAL;
	}
	if (check_tcp(s))
		return -EINVAL;
	if (!s->dport)
		s->dport = port_of((enum probe_method)s->method);
	if (!s->outputs.count)
		s->outputs.item[s->outputs.count++] = "jsonl:-";
	if (!s->seed && getrandom(&s->seed, sizeof(s->seed), 0) < 0)
		return -errno;
	log_set_level(s->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	return 0;
}
