/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * steer: which returning packet is ours, and where it goes.
 *
 * Ours, and only ours, goes to the AF_XDP socket of the queue that it came
 * in on, with a stamp in front. Whatever is not understood, not verified or
 * not wanted passes to the host as if we were not there.
 */
#ifndef BPF_STEER_H
#define BPF_STEER_H

#include "abi.h"

/* Written by user space through its mapping while the program runs. */
volatile struct steer_config steer_config;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 256);
	__type(key, u32);
	__type(value, u32);
} steer_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_VERDICT_COUNT);
	__type(key, u32);
	__type(value, u64);
} steer_counts SEC(".maps");

static __always_inline void steer_read_key(struct cookie_key *key)
{
	const volatile u64 *from = (const volatile u64 *)&steer_config.key;
	u64 *to = (u64 *)key;

	for (u32 i = 0; i < sizeof(*key) / 8; i++)
		to[i] = from[i];
}

/* Functions of their own: the verifier walks the paths of each once, and not
 * those of one for each way through the other. */
__attribute__((noinline)) int steer_parse(struct xdp_md *ctx, struct reply *r)
{
	if (!r)
		return REPLY_MALFORMED;
	return reply_parse_source(ctx, r);
}

__attribute__((noinline)) int steer_verify(const struct cookie_key *key,
					   const struct reply *r,
					   struct cookie_proof *proof)
{
	if (!key || !r || !proof)
		return STEER_MALFORMED;
	return (int)steer_judge(key, r, proof);
}

static __always_inline enum steer_verdict
steer_classify(struct xdp_md *ctx, u64 now, struct cookie_proof *proof)
{
	struct cookie_key key;
	struct reply r;
	int verdict;

	steer_parse(ctx, &r);
	steer_read_key(&key);
	verdict = steer_verify(&key, &r, proof);
	if (verdict != STEER_EXACT && verdict != STEER_REWRITTEN)
		return (enum steer_verdict)verdict;
	if (now - steer_config.heartbeat_ns > STEER_DEADMAN_NS &&
	    now > steer_config.heartbeat_ns)
		return STEER_STALE;
	return (enum steer_verdict)verdict;
}

/* A driver without room for metadata still delivers; user space then
 * verifies and stamps for itself. */
static __always_inline void steer_stamp(struct xdp_md *ctx, u64 now,
					const struct cookie_proof *proof)
{
	struct steer_stamp *stamp;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*stamp)))
		return;
	stamp = (void *)(long)ctx->data_meta;
	if ((void *)(stamp + 1) > (void *)(long)ctx->data)
		return;
	stamp->arrived_ns = now;
	stamp->magic = STEER_MAGIC;
	stamp->proof = *proof;
}

static __always_inline int steer(struct xdp_md *ctx)
{
	u64 now = bpf_ktime_get_ns(), *count;
	struct cookie_proof proof = {};
	enum steer_verdict verdict = steer_classify(ctx, now, &proof);
	u32 key = verdict, queue = ctx->rx_queue_index;
	int action = XDP_PASS;

	if (verdict == STEER_EXACT || verdict == STEER_REWRITTEN) {
		if (bpf_map_lookup_elem(&steer_sockets, &queue)) {
			steer_stamp(ctx, now, &proof);
			action = bpf_redirect_map(&steer_sockets, queue,
						  XDP_PASS);
		} else {
			key = STEER_NO_SOCKET;
		}
	}
	count = bpf_map_lookup_elem(&steer_counts, &key);
	if (count)
		*count += 1;
	return action;
}

#endif
