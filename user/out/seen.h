/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seen: who answered, each once. Filled by the writer's thread, which has
 * the time; the counts may be read by others while it runs, the rest when it
 * has ended.
 */
#ifndef WHITHER_SEEN_H
#define WHITHER_SEEN_H

#include "lib/addrset.h"
#include "out/limit.h"
#include "trace/record.h"

struct out_seen {
	struct addrset interfaces;   /* routers: time exceeded */
	struct addrset destinations; /* that answered for themselves */
	struct limits limits;	     /* of routers' errors */
	u8 farthest;		     /* TTL that anybody answered */
	bool random; /* the order of probing: else limits are not looked for */
};

void seen_record(struct out_seen *s, const struct record *r);
void seen_fini(struct out_seen *s);

#endif
