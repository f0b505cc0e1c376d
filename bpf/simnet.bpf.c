// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * simnet: answers every probe that arrives at this device as the Internet of
 * simnet.h would, and lets everything else pass.
 */
#include "simnet_frame.h"
#include "simnet_topo.h"

const volatile struct simnet_config config;

struct simnet_cpu {
	struct simnet_counters counters;
	struct simnet_probe probe;
	struct simnet_hop hop;
	u8 padded[SIMNET_QUOTE_PADDED];
};

/* Counters, and what a stack of 512 octets has no room for. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct simnet_cpu);
} cpus SEC(".maps");

/* Resized to SIMNET_LIMITERS where something is rate-limited. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} limiters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct simnet_topo);
} topo SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SIMNET_NETS);
	__type(key, struct simnet_net_key);
	__type(value, u32);
} nets SEC(".maps");

/* The compiler must not take the configuration for the zeroes that stand
 * here until it is loaded; the verifier then folds what it reads. */
static __always_inline const struct simnet_config *settings(void)
{
	const struct simnet_config *c = (const void *)&config;

	asm volatile("" : "+r"(c));
	return c;
}

static __always_inline void *frame(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *frame_end(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/*
 * Global functions from here to handle(), because the verifier takes each of
 * those by itself: the paths through them add up and do not multiply.
 */
__noinline int parse(struct xdp_md *ctx, struct simnet_cpu *cpu)
{
	if (!cpu)
		return SIMNET_PASSED;
	return simnet_parse(frame(ctx), frame_end(ctx), &cpu->probe);
}

__noinline int walk(struct simnet_cpu *cpu, u64 flow, u32 random)
{
	struct simnet_net_key key = { .len = 128 };
	struct simnet_walker w = { .flow = flow, .random = random };
	u32 zero = 0, *net;
	struct simnet_topo *t;

	if (!cpu)
		return 0;
	w.size = cpu->probe.may_fragment ? 0 : cpu->probe.size;
	w.ttl = cpu->probe.ttl;
	w.v4 = cpu->probe.family == 4;
	__builtin_memcpy(key.addr, &cpu->probe.dst, sizeof(key.addr));
	net = bpf_map_lookup_elem(&nets, &key);
	t = bpf_map_lookup_elem(&topo, &zero);
	if (t && net)
		simnet_walk(t, *net, &cpu->probe.dst, &w, &cpu->hop);
	else
		__builtin_memset(&cpu->hop, 0, sizeof(cpu->hop));
	return 0;
}

__noinline int decide(struct simnet_cpu *cpu)
{
	const struct simnet_config *c = settings();
	const struct simnet_probe *p;
	struct simnet_hop *hop;
	u32 random = 0, slot;
	u64 flow = 0, *tat;

	if (!cpu)
		return SIMNET_FAILED;
	p = &cpu->probe;
	hop = &cpu->hop;
	if (c->topo || c->loss || c->per_packet)
		random = bpf_get_prandom_u32();
	if (c->topo || c->diamond)
		flow = simnet_flow(c, &p->src, &p->dst, p->proto, p->first4);
	if (c->topo)
		walk(cpu, flow, random);
	else
		simnet_hop(c, &p->dst, p->ttl, flow, random, hop);
	if (hop->rate && hop->end != SIMNET_END_SILENT &&
	    hop->end != SIMNET_END_LOST) {
		slot = hop->limiter;
		tat = bpf_map_lookup_elem(&limiters, &slot);
		if (tat && !simnet_allow(c, hop->rate, tat, bpf_ktime_get_ns()))
			return SIMNET_LIMITED;
	}
	return simnet_judge(c, p, hop);
}

/* Copies what a label stack will stand behind, before it is overwritten. */
__noinline int pad(struct xdp_md *ctx, struct simnet_cpu *cpu)
{
	u32 quote;

	if (!cpu)
		return 0;
	__builtin_memset(cpu->padded, 0, sizeof(cpu->padded));
	quote = simnet_quote(&cpu->probe, &cpu->hop);
	asm volatile("" : "+r"(quote));
	if (quote < 28 || quote > sizeof(cpu->padded))
		return 0;
	return !bpf_xdp_load_bytes(ctx, 14, cpu->padded, quote);
}

__noinline int write4(struct xdp_md *ctx, struct simnet_cpu *cpu, u32 outcome)
{
	return cpu &&
	       simnet_write_as(settings(), frame(ctx), frame_end(ctx), true,
			       &cpu->probe, &cpu->hop, outcome, cpu->padded);
}

__noinline int write6(struct xdp_md *ctx, struct simnet_cpu *cpu, u32 outcome)
{
	return cpu &&
	       simnet_write_as(settings(), frame(ctx), frame_end(ctx), false,
			       &cpu->probe, &cpu->hop, outcome, cpu->padded);
}

__noinline int rewrite(struct xdp_md *ctx, struct simnet_cpu *cpu)
{
	return cpu && simnet_rewrite(frame(ctx), frame_end(ctx), &cpu->probe,
				     &cpu->hop);
}

__noinline int seal(struct xdp_md *ctx)
{
	return simnet_seal(frame(ctx), frame_end(ctx));
}

static __always_inline bool answer(struct xdp_md *ctx, struct simnet_cpu *cpu,
				   enum simnet_outcome outcome)
{
	u32 len = (u32)(ctx->data_end - ctx->data);
	bool error = simnet_is_error(outcome);
	struct simnet_shape s;

	simnet_shape(&cpu->probe, &cpu->hop, outcome, len, &s);
	if (error && cpu->hop.labels && !pad(ctx, cpu))
		return false;
	if (s.head && bpf_xdp_adjust_head(ctx, -(int)s.head))
		return false;
	if (s.len != len + s.head &&
	    bpf_xdp_adjust_tail(ctx, (int)(s.len - len - s.head)))
		return false;
	if (cpu->probe.family == 4 ? !write4(ctx, cpu, outcome)
				   : !write6(ctx, cpu, outcome))
		return false;
	if (!error)
		return true;
	if (simnet_is_rewritten(&cpu->probe, &cpu->hop) && !rewrite(ctx, cpu))
		return false;
	return seal(ctx);
}

static __always_inline enum simnet_outcome handle(struct xdp_md *ctx,
						  struct simnet_cpu *cpu)
{
	enum simnet_outcome outcome = parse(ctx, cpu);

	if (outcome != SIMNET_OUTCOME_COUNT)
		return outcome;
	outcome = decide(cpu);
	if (outcome < SIMNET_EXPIRED || outcome > SIMNET_RESET)
		return outcome;
	return answer(ctx, cpu, outcome) ? outcome : SIMNET_FAILED;
}

SEC("xdp")
int simnet_main(struct xdp_md *ctx)
{
	enum simnet_outcome outcome;
	struct simnet_cpu *cpu;
	u32 zero = 0, family = SIMNET_NOT_IP, at;

	cpu = bpf_map_lookup_elem(&cpus, &zero);
	if (!cpu)
		return XDP_DROP;
	outcome = handle(ctx, cpu);
	if (cpu->probe.family)
		family = cpu->probe.family == 4 ? SIMNET_V4 : SIMNET_V6;
	at = outcome * SIMNET_FAMILIES + family;
	asm volatile("" : "+r"(at));
	if (at < SIMNET_OUTCOME_COUNT * SIMNET_FAMILIES)
		((u64 *)&cpu->counters)[at]++;
	if (outcome == SIMNET_PASSED)
		return XDP_PASS;
	if (outcome < SIMNET_EXPIRED || outcome > SIMNET_RESET)
		return XDP_DROP;
	if (settings()->redirect)
		return bpf_redirect(ctx->ingress_ifindex, 0);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
