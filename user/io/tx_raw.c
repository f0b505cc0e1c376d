/* SPDX-License-Identifier: BSD-2-Clause */
/* tx_raw: IP packets out by raw sockets; the kernel routes them. */
#include "io/tx_raw.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/burst.h"
#include "lib/log.h"

enum { QUEUE_BYTES = 4 << 20 };

struct tx_raw {
	struct burst v4, v6;
	u32 ifindex; /* 0: not bound */
	struct sockaddr_in to4[IO_BATCH];
	struct sockaddr_in6 to6[IO_BATCH];
};

static unsigned int raw_reserve(struct tx *tx, unsigned int want)
{
	return want < tx->batch ? want : tx->batch;
}

static void add_v4(struct tx_raw *r, struct tx *tx, unsigned int i)
{
	const struct wire_v4 *ip =
		(const void *)(tx->slot[i].frame + sizeof(struct wire_eth));
	struct sockaddr_in *to = &r->to4[i];

	to->sin_family = AF_INET;
	memcpy(&to->sin_addr, &ip->dst, sizeof(to->sin_addr));
	burst_add(&r->v4, tx, i, sizeof(struct wire_eth), to, sizeof(*to));
}

static void add_v6(struct tx_raw *r, struct tx *tx, unsigned int i)
{
	const struct wire_v6 *ip =
		(const void *)(tx->slot[i].frame + sizeof(struct wire_eth));
	struct sockaddr_in6 *to = &r->to6[i];

	to->sin6_family = AF_INET6;
	memcpy(&to->sin6_addr, ip->dst, sizeof(to->sin6_addr));
	/* only a link-local address has a scope (RFC 4007) */
	to->sin6_scope_id =
		IN6_IS_ADDR_LINKLOCAL(&to->sin6_addr) ? r->ifindex : 0;
	burst_add(&r->v6, tx, i, sizeof(struct wire_eth), to, sizeof(*to));
}

static bool add(struct tx_raw *r, struct tx *tx, unsigned int i)
{
	const struct wire_eth *eth = (const void *)tx->slot[i].frame;
	u32 len = tx->slot[i].len;
	u16 type;

	if (len < sizeof(*eth) + sizeof(struct wire_v4))
		return false;
	type = be16_get(eth->type);
	if (type == ETHERTYPE_V4 && r->v4.fd >= 0) {
		add_v4(r, tx, i);
		return true;
	}
	if (type == ETHERTYPE_V6 && r->v6.fd >= 0 &&
	    len >= sizeof(*eth) + sizeof(struct wire_v6)) {
		add_v6(r, tx, i);
		return true;
	}
	return false;
}

static int raw_send(struct tx *tx, unsigned int n)
{
	struct tx_raw *r = tx->state;
	int err4, err6;

	for (unsigned int i = 0; i < n; i++) {
		tx->slot[i].sent_ns = 0;
		if (tx->slot[i].len && !add(r, tx, i))
			tx->stats.failed++;
	}
	err4 = burst_send(&r->v4, tx);
	err6 = burst_send(&r->v6, tx);
	return err4 ? err4 : err6;
}

static void raw_close(struct tx *tx)
{
	struct tx_raw *r = tx->state;

	burst_fini(&r->v4);
	burst_fini(&r->v6);
	free(r);
	burst_free_slots(tx);
	memset(tx, 0, sizeof(*tx));
}

static const struct tx_ops raw_ops = {
	.name = "raw",
	.reserve = raw_reserve,
	.send = raw_send,
	.close = raw_close,
};

/* A socket or negative errno, logged except where the family is not there. */
static int open_socket(int family, const char *ifname)
{
	int one = 1, bytes = QUEUE_BYTES, none = 0, fd, err = 0;

	fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return -EAFNOSUPPORT;
	if (fd < 0) {
		err = -errno;
		log_err("raw: cannot open a raw socket%s: %s",
			err == -EPERM ? " (needs CAP_NET_RAW)" : "",
			strerror(-err));
		return err;
	}
	if (family == AF_INET)
		err = setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one));
	else
		err = setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &one,
				 sizeof(one));
	if (!err && ifname)
		err = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname,
				 (socklen_t)strlen(ifname) + 1);
	if (err) {
		err = -errno;
		log_err("raw: %s: %s", ifname ? ifname : "IP_HDRINCL",
			strerror(-err));
		close(fd);
		return err;
	}
	/* it is for sending alone */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &none, sizeof(none));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return fd;
}

int tx_raw_open(struct tx *tx, const char *ifname, u32 frame_max,
		unsigned int batch)
{
	struct tx_raw *r = NULL;
	int fd4, fd6, err;

	memset(tx, 0, sizeof(*tx));
	if (!batch || batch > IO_BATCH || frame_max < sizeof(struct wire_eth))
		return -EINVAL;
	fd4 = open_socket(AF_INET, ifname);
	if (fd4 < 0 && fd4 != -EAFNOSUPPORT)
		return fd4;
	fd6 = open_socket(AF_INET6, ifname);
	err = fd6 < 0 && (fd6 != -EAFNOSUPPORT || fd4 < 0) ? fd6 : 0;
	if (!err)
		r = calloc(1, sizeof(*r));
	if (!err)
		err = r ? burst_alloc_slots(tx, frame_max, batch) : -ENOMEM;
	if (err) {
		if (fd4 >= 0)
			close(fd4);
		if (fd6 >= 0)
			close(fd6);
		free(r);
		return err;
	}
	burst_init(&r->v4, fd4 < 0 ? -1 : fd4);
	burst_init(&r->v6, fd6 < 0 ? -1 : fd6);
	r->ifindex = ifname ? if_nametoindex(ifname) : 0;
	tx->state = r;
	tx->ops = &raw_ops;
	return 0;
}
