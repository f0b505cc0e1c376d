/* SPDX-License-Identifier: BSD-2-Clause */
/* gate: the one function that every frame passes before it leaves. */
#include "io/gate.h"

void gate_init(struct gate *g, const struct exclude *exclude, u64 pps,
	       u32 burst, u64 now)
{
	g->exclude = exclude;
	g->replaced = exclude ? exclude_replaced(exclude) : 0;
	pace_init(&g->pace, pps, burst, now);
}

u32 gate_allow(struct gate *g, u32 want, u64 now)
{
	return pace_allow(&g->pace, want, now);
}

u64 gate_when(const struct gate *g, u64 now)
{
	return pace_when(&g->pace, now);
}

/* Read from the frame itself: what counts is what would go out. What is not
 * IP is nothing that whither sends, whatever the list says. */
static bool is_excluded(const struct gate *g, const struct tx_slot *slot)
{
	const struct wire_eth *eth = (const void *)slot->frame;
	struct addr dst;

	if (eth->type == be16_put(ETHERTYPE_V4)) {
		const struct wire_v4 *v4 = (const void *)(eth + 1);

		dst = addr_from_v4(v4->dst);
	} else if (eth->type == be16_put(ETHERTYPE_V6)) {
		const struct wire_v6 *v6 = (const void *)(eth + 1);

		memcpy(&dst, v6->dst, sizeof(dst));
	} else {
		return true;
	}
	return g->exclude && exclude_has(g->exclude, &dst);
}

int gate_send(struct gate *g, struct tx *tx, unsigned int n, u64 now)
{
	unsigned int allowed = pace_allow(&g->pace, n, now), passed = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct tx_slot *slot = &tx->slot[i];

		if (!slot->len)
			continue;
		if (passed == allowed) {
			slot->len = 0;
			tx->stats.over_rate++;
		} else if (is_excluded(g, slot)) {
			slot->len = 0;
			tx->stats.excluded++;
		} else {
			passed++;
		}
	}
	pace_take(&g->pace, passed);
	return tx->ops->send(tx, n);
}

void gate_tend(struct gate *g)
{
	/* release: what was read of the old exclusions was read before */
	if (g->exclude)
		__atomic_store_n(&g->replaced, exclude_replaced(g->exclude),
				 __ATOMIC_RELEASE);
}

bool gate_has_seen(const struct gate *g, u32 n)
{
	/* pairs with the release in gate_tend() */
	return (s32)(__atomic_load_n(&g->replaced, __ATOMIC_ACQUIRE) - n) >= 0;
}
