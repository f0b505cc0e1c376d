/* SPDX-License-Identifier: BSD-2-Clause */
/* tx_packet: frames out by AF_PACKET, past the queueing discipline. */
#include "io/tx_packet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/burst.h"
#include "io/iface.h"
#include "lib/log.h"

enum { QUEUE_BYTES = 4 << 20 };

struct tx_packet {
	struct burst burst;
};

static unsigned int packet_reserve(struct tx *tx, unsigned int want)
{
	return want < tx->batch ? want : tx->batch;
}

static int packet_send(struct tx *tx, unsigned int n)
{
	struct tx_packet *p = tx->state;

	for (unsigned int i = 0; i < n; i++) {
		tx->slot[i].sent_ns = 0;
		if (tx->slot[i].len)
			burst_add(&p->burst, tx, i, 0, NULL, 0);
	}
	return burst_send(&p->burst, tx);
}

static void packet_close(struct tx *tx)
{
	struct tx_packet *p = tx->state;

	burst_fini(&p->burst);
	free(p);
	burst_free_slots(tx);
	memset(tx, 0, sizeof(*tx));
}

static const struct tx_ops packet_ops = {
	.name = "packet",
	.reserve = packet_reserve,
	.send = packet_send,
	.close = packet_close,
};

static int check_interface(int ifindex)
{
	struct iface i;
	struct nl nl;
	int err;

	err = nl_open(&nl, NETLINK_ROUTE);
	if (!err)
		err = iface_read(&nl, ifindex, NULL, &i);
	nl_close(&nl);
	if (err)
		log_err("packet: interface %d: %s", ifindex, strerror(-err));
	if (err)
		return err;
	/* the loopback device has Ethernet headers too, all zero */
	if (i.type == ARPHRD_ETHER || i.type == ARPHRD_LOOPBACK)
		return 0;
	log_err("packet: %s is not an Ethernet interface (use --tx raw)",
		i.name);
	return -EPROTOTYPE;
}

static int open_socket(int ifindex)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ifindex,
	};
	int one = 1, bytes = QUEUE_BYTES, fd, err;

	/* protocol 0: it hears nothing */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
		log_err("packet: cannot open a packet socket%s: %s",
			err == -EPERM ? " (needs CAP_NET_RAW)" : "",
			strerror(-err));
		return err;
	}
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err = -errno;
		log_err("packet: interface %d: %s", ifindex, strerror(-err));
		close(fd);
		return err;
	}
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		log_info("packet: frames pass the queueing discipline: %s",
			 strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return fd;
}

int tx_packet_open(struct tx *tx, int ifindex, u32 frame_max,
		   unsigned int batch)
{
	struct tx_packet *p = NULL;
	int fd, err;

	memset(tx, 0, sizeof(*tx));
	if (!batch || batch > IO_BATCH || frame_max < sizeof(struct wire_eth))
		return -EINVAL;
	err = check_interface(ifindex);
	if (err)
		return err;
	fd = open_socket(ifindex);
	if (fd < 0)
		return fd;
	p = malloc(sizeof(*p));
	err = p ? burst_alloc_slots(tx, frame_max, batch) : -ENOMEM;
	if (err) {
		close(fd);
		free(p);
		return err;
	}
	burst_init(&p->burst, fd);
	tx->state = p;
	tx->ops = &packet_ops;
	return 0;
}
