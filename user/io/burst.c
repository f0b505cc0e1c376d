/* SPDX-License-Identifier: BSD-2-Clause */
/* burst: frames of a struct tx handed to a socket by sendmmsg(). */
#include "io/burst.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

enum {
	/* Frames that share one reading of the clock. Measured on veth: 4 or
	 * 64 at once are sent at the same rate, but the stamp is 6 us early
	 * at the median, or 80. */
	AT_ONCE = 4,
	PATIENCE = 16, /* waits for a full queue, a batch */
	WAIT_NS = 100000,
};

int burst_alloc_slots(struct tx *tx, u32 frame_max, unsigned int batch)
{
	/* the IP header behind Ethernet's is then aligned to 4 */
	size_t stride = (frame_max + 2 + 15) / 16 * 16;
	u8 *memory;

	tx->slot = calloc(batch, sizeof(*tx->slot));
	memory = calloc(batch, stride);
	if (!tx->slot || !memory) {
		free(tx->slot);
		free(memory);
		tx->slot = NULL;
		log_err("no memory for %u frames", batch);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < batch; i++)
		tx->slot[i].frame = memory + i * stride + 2;
	tx->batch = batch;
	tx->frame_max = frame_max;
	return 0;
}

void burst_free_slots(struct tx *tx)
{
	if (tx->slot)
		free(tx->slot[0].frame - 2);
	free(tx->slot);
	tx->slot = NULL;
}

void burst_init(struct burst *b, int fd)
{
	memset(b, 0, sizeof(*b));
	b->fd = fd;
	for (unsigned int i = 0; i < IO_BATCH; i++) {
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

void burst_fini(struct burst *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

void burst_add(struct burst *b, const struct tx *tx, unsigned int i, u32 skip,
	       void *to, socklen_t to_len)
{
	struct msghdr *m = &b->msg[b->n].msg_hdr;

	b->iov[b->n].iov_base = tx->slot[i].frame + skip;
	b->iov[b->n].iov_len = tx->slot[i].len - skip;
	m->msg_name = to;
	m->msg_namelen = to_len;
	b->slot[b->n++] = (u16)i;
}

/* The queue is full: waits a little. */
static void wait_for_room(int fd, int err)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	/* the socket's own buffer tells when it drains, a device does not */
	if (err == -EAGAIN)
		poll(&p, 1, 1);
	else
		clock_sleep(WAIT_NS);
}

static bool is_device_error(int err)
{
	return err == -ENETDOWN || err == -ENXIO || err == -ENODEV ||
	       err == -EBADF;
}

/* Hands over [from, to), all with one stamp. Count or negative errno. */
static int send_some(struct burst *b, struct tx *tx, unsigned int from,
		     unsigned int to)
{
	u64 now = clock_now();
	int n = sendmmsg(b->fd, b->msg + from, to - from, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	for (unsigned int i = from; i < from + (unsigned int)n; i++)
		tx->slot[b->slot[i]].sent_ns = now;
	tx->stats.sent += (unsigned int)n;
	return n;
}

int burst_send(struct burst *b, struct tx *tx)
{
	unsigned int done = 0, patience = PATIENCE, n = b->n, end;
	int k = 0;

	b->n = 0;
	while (done < n) {
		end = done + AT_ONCE < n ? done + AT_ONCE : n;
		k = send_some(b, tx, done, end);
		if (k > 0) {
			done += (unsigned int)k;
			b->said = false;
		} else if (is_device_error(k)) {
			break;
		} else if ((k == -EAGAIN || k == -ENOBUFS) && patience) {
			patience--;
			wait_for_room(b->fd, k);
		} else if (k != -EINTR) {
			/* this one will not do: too long, no route, filtered */
			tx->stats.failed++;
			done++;
		}
	}
	if (done == n)
		return 0;
	tx->stats.failed += n - done;
	if (!b->said)
		log_err("%s: cannot send: %s", tx->ops->name, strerror(-k));
	b->said = true;
	return k;
}
