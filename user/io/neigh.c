/* SPDX-License-Identifier: BSD-2-Clause */
/* neigh: the kernel's neighbour table: who has which MAC. */
#include "io/neigh.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

static int pick(const struct nlattr *a, void *data)
{
	u16 type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	struct neigh *n = data;
	be32 v4;

	if (type == NDA_DST && len == 16) {
		memcpy(n->addr.b, mnl_attr_get_payload(a), 16);
	} else if (type == NDA_DST && len == 4) {
		memcpy(&v4, mnl_attr_get_payload(a), 4);
		n->addr = addr_from_v4(v4);
	} else if (type == NDA_LLADDR && len == sizeof(n->mac)) {
		memcpy(n->mac, mnl_attr_get_payload(a), sizeof(n->mac));
		n->has_mac = true;
	}
	return MNL_CB_OK;
}

int neigh_parse(const struct nlmsghdr *message, struct neigh *n)
{
	const struct ndmsg *nd;

	memset(n, 0, sizeof(*n));
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*nd))
		return -EBADMSG;
	nd = mnl_nlmsg_get_payload(message);
	n->ifindex = nd->ndm_ifindex;
	n->state =
		message->nlmsg_type == RTM_NEWNEIGH ? nd->ndm_state : NUD_NONE;
	mnl_attr_parse(message, sizeof(*nd), pick, n);
	if (!(n->state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP |
			  NUD_STALE | NUD_DELAY | NUD_PROBE)))
		n->has_mac = false;
	return 0;
}

static int on_neigh(const struct nlmsghdr *message, void *data)
{
	if (message->nlmsg_type == RTM_NEWNEIGH)
		neigh_parse(message, data);
	return MNL_CB_OK;
}

static void put_addr(struct nlmsghdr *m, u16 type, const struct addr *a)
{
	if (addr_is_v4(a))
		mnl_attr_put(m, type, 4, &a->w[3]);
	else
		mnl_attr_put(m, type, 16, a->b);
}

static struct nlmsghdr *begin(char buf[static NL_BUFFER], u16 type, int ifindex,
			      const struct addr *addr, struct ndmsg **nd)
{
	struct nlmsghdr *m;
	void *body;

	m = nl_begin(buf, type, 0, sizeof(**nd), &body);
	*nd = body;
	(*nd)->ndm_family = addr_is_v4(addr) ? AF_INET : AF_INET6;
	(*nd)->ndm_ifindex = ifindex;
	put_addr(m, NDA_DST, addr);
	return m;
}

int neigh_read(struct nl *nl, int ifindex, const struct addr *addr,
	       struct neigh *n)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *m;
	struct ndmsg *nd;
	int err;

	memset(n, 0, sizeof(*n));
	m = begin(buf, RTM_GETNEIGH, ifindex, addr, &nd);
	err = nl_ask(nl, m, on_neigh, n);
	n->ifindex = ifindex;
	n->addr = *addr;
	return err == -ENOENT ? 0 : err;
}

int neigh_ask(struct nl *nl, const struct neigh *n)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *m;
	struct ndmsg *nd;

	m = begin(buf, RTM_NEWNEIGH, n->ifindex, &n->addr, &nd);
	m->nlmsg_flags |= NLM_F_CREATE | NLM_F_REPLACE;
	if (n->has_mac) {
		/* merely using the entry would let it wait five seconds
		 * before the kernel asks */
		nd->ndm_state = NUD_PROBE;
		mnl_attr_put(m, NDA_LLADDR, sizeof(n->mac), n->mac);
	} else {
		nd->ndm_flags = NTF_USE;
	}
	return nl_ask(nl, m, NULL, NULL);
}

bool neigh_is_confirmed(const struct neigh *n)
{
	return n->has_mac &&
	       n->state & (NUD_REACHABLE | NUD_PERMANENT | NUD_NOARP);
}

bool neigh_is_silent(const struct neigh *n)
{
	return n->state & NUD_FAILED;
}
