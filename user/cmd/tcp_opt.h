/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp_opt: -O, what a TCP probe looks like. Main thread; errors are logged. */
#ifndef WHITHER_TCP_OPT_H
#define WHITHER_TCP_OPT_H

#include "lib/opt.h"
#include "probe/tcp.h"

/* Zeroed: nothing was asked for. */
struct tcp_opt {
	struct tcp_shape shape;
	bool given;   /* -O was */
	bool syn;     /* by name */
	bool ack;     /* the other method */
	bool options; /* of the header, by name */
	bool ecmp;    /* each attempt is a flow of its own */
};

/* "syn,mss=1200,sack": adds to what was asked for before. 0 or -EINVAL. */
int tcp_opt_read(struct tcp_opt *t, const char *option, const char *text);
/* Of what was asked for: the method, and the shape of its probes. A SYN whose
 * options were not chosen has those of a host's own, or only the first of
 * them. 0 or -EINVAL. */
int tcp_opt_shape(const struct tcp_opt *t, bool all_options,
		  enum probe_method *method, struct tcp_shape *shape);
/* The same of a sweep, whose -P says the method, and all the -O of which are in
 * `words`; for TCP alone. *flows: each attempt is one of its own. */
int tcp_opt_settle(const struct opt_list *words, enum probe_method *method,
		   struct tcp_shape *shape, bool *flows);

#endif
