/* SPDX-License-Identifier: BSD-2-Clause */
/* tx_live: frames out by BPF_PROG_RUN with live frames. */
#include "io/tx_live.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"

struct live {
	struct steer *steer;
	u32 lane;
};

static struct launch_slot *slot_at(const struct live *l, unsigned int i)
{
	size_t slot = (size_t)l->lane * LAUNCH_SLOTS + i;

	return (void *)(l->steer->slots + slot * l->steer->slot_size);
}

/* The slots never move: they were written down when tx was opened. */
static unsigned int live_reserve(struct tx *tx, unsigned int want)
{
	return want < tx->batch ? want : tx->batch;
}

static int live_send(struct tx *tx, unsigned int n)
{
	struct live *l = tx->state;
	unsigned int asked = 0, left = 0;
	int err;

	for (unsigned int i = 0; i < n; i++) {
		struct launch_slot *slot = slot_at(l, i);

		slot->len = tx->slot[i].len;
		slot->departed_ns = 0;
		asked += slot->len != 0;
	}
	err = steer_launch(l->steer, l->lane, n);
	for (unsigned int i = 0; i < n; i++) {
		tx->slot[i].sent_ns = slot_at(l, i)->departed_ns;
		left += tx->slot[i].sent_ns != 0;
	}
	tx->stats.sent += left;
	tx->stats.failed += asked - left;
	return err;
}

static void live_close(struct tx *tx)
{
	free(tx->slot);
	free(tx->state);
	memset(tx, 0, sizeof(*tx));
}

static const struct tx_ops live_ops = {
	.name = "live",
	.reserve = live_reserve,
	.send = live_send,
	.close = live_close,
};

int tx_live_open(struct tx *tx, struct steer *steer, u32 lane)
{
	struct live *l = malloc(sizeof(*l));

	memset(tx, 0, sizeof(*tx));
	tx->state = l;
	tx->slot = calloc(IO_BATCH, sizeof(*tx->slot));
	if (!l || !tx->slot) {
		log_err("no memory for %d frames", IO_BATCH);
		live_close(tx);
		return -ENOMEM;
	}
	_Static_assert((int)LAUNCH_SLOTS >= (int)IO_BATCH, "a slot a frame");
	*l = (struct live){ .steer = steer, .lane = lane };
	for (unsigned int i = 0; i < IO_BATCH; i++)
		tx->slot[i].frame = slot_at(l, i)->frame;
	tx->ops = &live_ops;
	tx->batch = IO_BATCH;
	tx->frame_max = steer->frame_max;
	return 0;
}
