/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* parse: the shared parser and cookie as the kernel runs them, for tests. */
#include "cookie.h"

struct cookie_key parse_key;
struct reply parse_reply;
struct cookie_proof parse_proof;

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	reply_parse_source(ctx, &parse_reply);
	cookie_check(&parse_key, &parse_reply, &parse_proof);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
