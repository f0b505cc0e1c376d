/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run: what trace, sweep and bench have in common: outputs, an uplink, a
 * template, a strategy, and the loop over them.
 */
#ifndef WHITHER_RUN_H
#define WHITHER_RUN_H

#include <pthread.h>

#include "cmd/kept.h"
#include "cmd/status.h"
#include "out/frames.h"
#include "out/seen.h"
#include "out/writer.h"
#include "trace/doubletree.h"
#include "trace/exhaustive.h"
#include "trace/ladder.h"

enum run_strategy { RUN_EXHAUSTIVE, RUN_LADDER, RUN_DOUBLETREE };

/* How TCP sessions end. */
enum run_closing { RUN_CLOSE_FIN, RUN_CLOSE_RST };

extern const char *const run_closings[];   /* by enum run_closing */
extern const char *const run_methods[];	   /* by enum probe_method */
extern const char *const run_strategies[]; /* by enum run_strategy */

struct run_config {
	const struct targets *targets; /* sealed, not empty */
	const struct exclude *exclude; /* sealed */
	enum probe_method method;
	enum run_strategy strategy;
	struct uplink_config uplink; /* dst4, dst6 and frame_max are set here */
	struct tcp_shape tcp;	     /* of TCP methods */
	bool no_close;		     /* half-open connections stay so */
	bool flows;		/* TCP: each attempt is a flow of its own */
	const char *sni, *alpn; /* QUIC: NULL: none; h3 */
	enum run_closing close; /* of sessions */
	u16 size4, size6;	/* IP datagram */
	const char *uri;	/* as in craft.h; or NULL */
	const char *contact;	/* who is behind it; or NULL */
	u16 dport;
	u8 tos;
	bool dont_fragment;
	u8 first_ttl, max_ttl, attempts;
	u8 udp_ttl;  /* QUIC: how far UDP to that port is answered; or 0 */
	u64 wait_ns; /* ladder: for a reply; else: after the last probe */
	u64 seed;
	u32 shards, shard;
	u8 near_ttls;	/* exhaustive: as in near.h */
	u8 fill_ttl;	/* exhaustive: as in fill.h; 0: none */
	u64 prefix_pps; /* to each /24 or /48: probes of exhaustive, or SYNs
			   of sessions; 0: no budget */
	u64 router_pps; /* to each router foreseen: the same */
	u32 workers;	/* side by side, each on a processor; 0 counts as 1 */
	struct ladder_config ladder; /* what only ladder knows: gap_limit,
					active_max, window, here_milli,
					near_milli, send_gap_ns, stream,
					dport_step, dport_span */
	struct doubletree_config doubletree; /* the same: round_ns, and of
						rules gap_limit and split */
	const char *command;
	const char *const *outputs; /* FMT:FILE */
	unsigned int n_outputs;
	bool drop_output; /* what outputs are too slow for is dropped */
	const struct text_config *text;
	u64 deadline_ns;	 /* after the start; 0: none */
	u64 status_ns;		 /* between status lines; 0: none */
	const char *status_file; /* lines of JSON; or NULL */
	struct kept *kept; /* in a directory, or NULL: outputs are made when
			      the run is complete */
};

/* One packet thread's own. The first is the calling thread's. */
struct run_worker {
	struct uplink uplink;
	struct craft craft;
	struct strategy strategy;
	struct ledger ledger;
	struct engine_config engine;
	struct parting *parting; /* of TCP methods and QUIC; else NULL */
	struct quic_conns quic;	 /* of PROBE_QUIC; else zeroed */
	pthread_t thread;
	int err;
};

struct run {
	struct run_config config;
	struct out_run out;
	struct out_seen seen;
	struct frames frames;
	struct writer writer;
	struct out_run export_run;
	struct writer export;	 /* kept: the outputs' */
	struct record_sink sink; /* the writer's, shared by the workers */
	pthread_spinlock_t sink_lock;
	bool going; /* strategies may be asked */
	struct status status;
	struct permute order;
	struct mailroom mail;
	struct run_worker *worker;
	u32 workers;
	struct ledger ledger; /* of all of them */
	struct report report;
};

/*
 * Opens everything, in the order in which the user is told what is wrong:
 * outputs first. Nothing is left behind if it fails. 0 or negative errno,
 * logged.
 */
int run_open(struct run *r, const struct run_config *config);
/* To the end. 0, -EINTR, or negative errno, logged; the report is filled in
 * every case. */
int run_go(struct run *r);
void run_close(struct run *r);

#endif
