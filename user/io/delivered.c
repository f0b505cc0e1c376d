/* SPDX-License-Identifier: BSD-2-Clause */
/* delivered: what the interface itself says of its frames. */
#include "io/delivered.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* By hand: libmnl's generality costs as much as the question itself. */
struct question {
	struct nlmsghdr header;
	struct if_stats_msg body;
};

struct answer_message {
	struct nlmsghdr header;
	struct if_stats_msg body;
	struct nlattr attr;
	struct rtnl_link_stats64 stats;
};

static int look(struct delivered *d, struct rtnl_link_stats64 *stats)
{
	const struct question q = {
		.header = { .nlmsg_len = sizeof(q),
			    .nlmsg_type = RTM_GETSTATS,
			    .nlmsg_flags = NLM_F_REQUEST },
		.body = { .ifindex = (u32)d->ifindex,
			  .filter_mask =
				  IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) },
	};
	union {
		struct answer_message m;
		u8 octets[1024];
	} a;
	ssize_t n;

	if (send(d->fd, &q, sizeof(q), 0) != sizeof(q))
		return -errno;
	n = recv(d->fd, &a, sizeof(a), 0);
	if (n < 0)
		return -errno;
	if (n < (ssize_t)(offsetof(struct answer_message, stats) +
			  offsetof(struct rtnl_link_stats64, rx_nohandler)) ||
	    a.m.header.nlmsg_type != RTM_NEWSTATS)
		return -EPROTO;
	/* 64-bit values may stand at an odd multiple of four */
	memcpy(stats, (const u8 *)&a.m.attr + sizeof(a.m.attr), sizeof(*stats));
	return a.m.attr.nla_type == IFLA_STATS_LINK_64 ? 0 : -EPROTO;
}

/* A virtual Ethernet has one count for all that it drops; so do others, where
 * it means more than a lack of room. */
static u64 missed(const struct delivered *d, const struct rtnl_link_stats64 *s)
{
	return d->drops_missed ? s->rx_dropped : s->rx_missed_errors;
}

int delivered_open(struct delivered *d, int ifindex, const char *driver)
{
	struct rtnl_link_stats64 stats;
	int err;

	memset(d, 0, sizeof(*d));
	d->ifindex = ifindex;
	d->drops_missed = !strcmp(driver, "veth");
	d->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (d->fd < 0) {
		d->fd = 0;
		return -errno;
	}
	err = look(d, &stats);
	if (err) {
		delivered_close(d);
		return err;
	}
	d->packets = stats.tx_packets;
	d->at_first = missed(d, &stats);
	d->tells = true;
	return 0;
}

void delivered_look(struct delivered *d)
{
	struct rtnl_link_stats64 stats;

	if (d->fd && !look(d, &stats))
		d->missed = missed(d, &stats) - d->at_first;
}

void delivered_begin(struct delivered *d)
{
	if (d->all)
		__atomic_add_fetch(&d->all->sending, 1, __ATOMIC_SEQ_CST);
}

void delivered_end(struct delivered *d, u64 n)
{
	if (!d->all)
		return;
	__atomic_add_fetch(&d->all->handed, n, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&d->all->sending, 1, __ATOMIC_SEQ_CST);
}

/* Nobody sends; *handed: how much was, until now. */
static bool is_quiet(const struct delivered_all *all, u64 *handed)
{
	*handed = __atomic_load_n(&all->handed, __ATOMIC_SEQ_CST);
	return !__atomic_load_n(&all->sending, __ATOMIC_SEQ_CST);
}

bool delivered_missing(struct delivered *d, u64 sent, u64 *missing)
{
	struct rtnl_link_stats64 stats;
	u64 left, handed = 0, after = 0;

	*missing = 0;
	if (!d->fd)
		return true;
	if (d->all && !is_quiet(d->all, &handed))
		return !d->tells;
	if (look(d, &stats))
		return true;
	if (d->all && (!is_quiet(d->all, &after) || handed != after))
		return !d->tells;
	if (d->all)
		sent = handed - d->handed;
	left = stats.tx_packets - d->packets;
	d->handed = handed;
	d->packets = stats.tx_packets;
	d->missed = missed(d, &stats) - d->at_first;
	*missing = d->tells && left < sent ? sent - left : 0;
	return true;
}

void delivered_close(struct delivered *d)
{
	if (d->fd)
		close(d->fd);
	memset(d, 0, sizeof(*d));
}
