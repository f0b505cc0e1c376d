/* SPDX-License-Identifier: BSD-2-Clause */
/* route: which way a packet would leave this host. */
#include "io/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "io/iface.h"
#include "io/neigh.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "lib/log.h"

static u8 family_of(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

static void put_addr(struct nlmsghdr *m, u16 type, const struct addr *a)
{
	if (addr_is_v4(a))
		mnl_attr_put(m, type, 4, &a->w[3]);
	else
		mnl_attr_put(m, type, 16, a->b);
}

/* An address attribute, or the address behind the family of an RTA_VIA. */
static bool take_addr(struct addr *to, const u8 *from, size_t len)
{
	be32 v4;

	if (len == 16) {
		memcpy(to->b, from, 16);
	} else if (len == 4) {
		memcpy(&v4, from, 4);
		*to = addr_from_v4(v4);
	}
	return len == 16 || len == 4;
}

static int pick(const struct nlattr *a, void *data)
{
	u16 type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	const u8 *p = mnl_attr_get_payload(a);
	struct route *r = data;

	if (type == RTA_OIF && len == 4)
		r->ifindex = (int)mnl_attr_get_u32(a);
	else if (type == RTA_PREFSRC)
		take_addr(&r->src, p, len);
	else if (type == RTA_GATEWAY && take_addr(&r->next_hop, p, len))
		r->on_link = false;
	else if (type == RTA_VIA && len > 2 &&
		 take_addr(&r->next_hop, p + 2, len - 2u))
		r->on_link = false;
	return MNL_CB_OK;
}

int route_parse(const struct nlmsghdr *message, struct route *r)
{
	const struct rtmsg *rt;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*rt))
		return -EBADMSG;
	rt = mnl_nlmsg_get_payload(message);
	r->ifindex = 0;
	r->next_hop = r->dst;
	r->on_link = true;
	r->local = rt->rtm_type == RTN_LOCAL || rt->rtm_type == RTN_ANYCAST;
	mnl_attr_parse(message, sizeof(*rt), pick, r);
	return rt->rtm_type == RTN_UNICAST || r->local ? 0 : -ENETUNREACH;
}

struct answer_to {
	struct route *route;
	int err;
	unsigned int count;
};

static int on_route(const struct nlmsghdr *message, void *data)
{
	struct answer_to *to = data;

	if (message->nlmsg_type == RTM_NEWROUTE) {
		to->err = route_parse(message, to->route);
		to->count++;
	}
	return MNL_CB_OK;
}

static int ask_route(struct nl *nl, struct route *r, u32 flags)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct answer_to to = { .route = r };
	struct nlmsghdr *m;
	struct rtmsg *rt;
	void *body;
	int err;

	m = nl_begin(buf, RTM_GETROUTE, 0, sizeof(*rt), &body);
	rt = body;
	rt->rtm_family = family_of(&r->dst);
	rt->rtm_dst_len = addr_is_v4(&r->dst) ? 32 : 128;
	rt->rtm_flags = flags;
	put_addr(m, RTA_DST, &r->dst);
	if (!addr_is_none(&r->want_src)) {
		rt->rtm_src_len = rt->rtm_dst_len;
		put_addr(m, RTA_SRC, &r->want_src);
	}
	if (r->want_ifindex)
		mnl_attr_put_u32(m, RTA_OIF, (u32)r->want_ifindex);
	err = nl_ask(nl, m, on_route, &to);
	if (err)
		return err;
	return to.count ? to.err : -ENETUNREACH;
}

struct search {
	struct addr addr;
	bool found, tentative;
};

static int on_address(const struct nlmsghdr *message, void *data)
{
	const struct ifaddrmsg *ifa;
	const struct nlattr *a;
	struct search *s = data;
	struct addr has = {};

	if (message->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*ifa))
		return MNL_CB_OK;
	ifa = mnl_nlmsg_get_payload(message);
	/* of the two ends of a point-to-point link, IFA_LOCAL is ours */
	a = nl_find(message, sizeof(*ifa), IFA_LOCAL, 4);
	if (!a)
		a = nl_find(message, sizeof(*ifa), IFA_ADDRESS, 4);
	if (!a || !take_addr(&has, mnl_attr_get_payload(a),
			     mnl_attr_get_payload_len(a)))
		return MNL_CB_OK;
	if (addr_equal(&has, &s->addr)) {
		s->found = true;
		s->tentative =
			ifa->ifa_flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
	}
	return MNL_CB_OK;
}

static int find_address(struct nl *nl, struct search *s)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct ifaddrmsg *ifa;
	struct nlmsghdr *m;
	void *body;

	m = nl_begin(buf, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa), &body);
	ifa = body;
	ifa->ifa_family = family_of(&s->addr);
	return nl_ask(nl, m, on_address, s);
}

static bool is_loopback4(const struct addr *a)
{
	return addr_is_v4(a) && a->b[12] == 127;
}

bool route_has_source(struct nl *nl, const struct addr *src)
{
	struct search s = { .addr = *src };

	return is_loopback4(src) || find_address(nl, &s) ||
	       (s.found && !s.tentative);
}

/* IPv4 checks the source itself, IPv6 does not; one message for both. */
static int check_source(struct nl *nl, const struct route *r,
			char why[ROUTE_WHY])
{
	struct search s = { .addr = r->want_src };
	char text[INET_TEXT];
	int err;

	inet_format(&r->want_src, text);
	if (addr_is_v4(&r->want_src) != addr_is_v4(&r->dst)) {
		snprintf(why, ROUTE_WHY,
			 "source address %s: not of the family of "
			 "the destination",
			 text);
		return -EINVAL;
	}
	if (is_loopback4(&s.addr))
		return 0;
	err = find_address(nl, &s);
	if (err) {
		snprintf(why, ROUTE_WHY,
			 "cannot list this host's addresses: %s",
			 strerror(-err));
		return err;
	}
	if (!s.found) {
		snprintf(why, ROUTE_WHY,
			 "source address %s is not an address of "
			 "this host",
			 text);
		return -EADDRNOTAVAIL;
	}
	if (s.tentative) {
		snprintf(why, ROUTE_WHY,
			 "source address %s is not usable: duplicate "
			 "address detection has not passed it",
			 text);
		return -EADDRNOTAVAIL;
	}
	return 0;
}

static int read_interface(struct nl *nl, struct route *r, char why[ROUTE_WHY])
{
	struct iface i;
	int err = iface_read(nl, r->ifindex, NULL, &i);

	if (err) {
		snprintf(why, ROUTE_WHY, "interface %d: %s", r->ifindex,
			 strerror(-err));
		return err;
	}
	memcpy(r->ifname, i.name, sizeof(r->ifname));
	memcpy(r->src_mac, i.mac, sizeof(r->src_mac));
	r->mtu = i.mtu;
	r->falls = i.falls;
	r->up = iface_is_up(&i) && iface_has_carrier(&i);
	r->ethernet = i.type == ARPHRD_ETHER;
	r->arp = r->ethernet && !r->local && !(i.flags & IFF_NOARP);
	if (!iface_is_up(&i)) {
		snprintf(why, ROUTE_WHY,
			 "interface %s is down (ip link set %s up)", i.name,
			 i.name);
		return -ENETDOWN;
	}
	return 0;
}

static int read_next_mac(struct nl *nl, struct route *r, struct neigh *n)
{
	int err;

	memset(n, 0, sizeof(*n));
	r->resolved = !r->arp;
	if (!r->arp) {
		/* what the kernel writes into frames for such an interface */
		memcpy(r->next_mac, r->src_mac, sizeof(r->next_mac));
		return 0;
	}
	err = neigh_read(nl, r->ifindex, &r->next_hop, n);
	if (!err && n->has_mac) {
		memcpy(r->next_mac, n->mac, sizeof(r->next_mac));
		r->resolved = true;
	}
	return err;
}

/* What the kernel's errno stands for, where it is not plain. */
static const char *refusal(int err)
{
	switch (err) {
	case -EACCES:
		return "a route prohibits it";
	case -EHOSTUNREACH:
		return "a route says that it is unreachable";
	case -EINVAL:
		return "a route swallows it (blackhole)";
	}
	return strerror(-err);
}

static int no_route(const struct route *r, int err, char why[ROUTE_WHY])
{
	char dst[INET_TEXT], src[INET_TEXT + 8] = "", name[IFNAMSIZ + 16] = "";
	char text[INET_TEXT], buf[IFNAMSIZ];

	if (!addr_is_none(&r->want_src))
		snprintf(src, sizeof(src), " from %s",
			 inet_format(&r->want_src, text));
	if (r->want_ifindex &&
	    if_indextoname((unsigned int)r->want_ifindex, buf))
		snprintf(name, sizeof(name), " through %s", buf);
	snprintf(why, ROUTE_WHY, "no route to %s%s%s: %s",
		 inet_format(&r->dst, dst), src, name, refusal(err));
	return -ENETUNREACH;
}

int route_find_again(struct nl *nl, struct route *r, struct neigh *n,
		     char why[static ROUTE_WHY])
{
	int err = 0;

	if (!addr_is_none(&r->want_src))
		err = check_source(nl, r, why);
	if (err)
		return err;
	r->src = r->want_src;
	err = ask_route(nl, r, 0);
	if (err)
		return no_route(r, err, why);
	err = read_interface(nl, r, why);
	if (err)
		return err;
	err = read_next_mac(nl, r, n);
	if (err)
		snprintf(why, ROUTE_WHY,
			 "cannot read the neighbour table of %s: %s", r->ifname,
			 strerror(-err));
	return err;
}

/* Told to use an interface without a route, IPv4 takes all for on link. */
static void warn_assumed(struct nl *nl, const struct route *r)
{
	struct route again = *r;
	char text[INET_TEXT];

	if (!r->want_ifindex || !r->on_link || r->local || !r->arp ||
	    !addr_is_v4(&r->dst))
		return;
	if (ask_route(nl, &again, RTM_F_FIB_MATCH) == -EHOSTUNREACH)
		log_warn("no route to %s through %s: taking it for on link",
			 inet_format(&r->dst, text), r->ifname);
}

static int open_asking(struct nl *nl)
{
	int err = nl_open(nl, NETLINK_ROUTE);

	if (err)
		log_err("cannot open a netlink socket: %s", strerror(-err));
	return err;
}

int route_find(struct route *r, const struct addr *dst, const char *ifname,
	       const struct addr *src)
{
	char why[ROUTE_WHY] = "";
	struct neigh neigh;
	struct iface wanted;
	struct nl nl;
	int err;

	memset(r, 0, sizeof(*r));
	r->dst = *dst;
	if (src)
		r->want_src = *src;
	err = open_asking(&nl);
	if (err)
		return err;
	if (ifname) {
		err = iface_read(&nl, 0, ifname, &wanted);
		if (err)
			snprintf(why, ROUTE_WHY, "interface %s: %s", ifname,
				 strerror(-err));
		r->want_ifindex = wanted.ifindex;
		/* else the kernel merely says that there is no route */
		r->ifindex = wanted.ifindex;
		if (!err)
			err = read_interface(&nl, r, why);
	}
	if (!err)
		err = route_find_again(&nl, r, &neigh, why);
	if (err)
		log_err("%s", why);
	else
		warn_assumed(&nl, r);
	nl_close(&nl);
	return err;
}

static const char *asked_by(const struct addr *a)
{
	return addr_is_v4(a) ? "ARP" : "neighbour discovery";
}

static const char *hop_name(const struct route *r)
{
	return r->on_link ? "host" : "gateway";
}

static bool is_next_hop(const struct route *r, const struct neigh *n)
{
	return n->ifindex == r->ifindex && addr_equal(&n->addr, &r->next_hop);
}

struct news {
	const struct route *route;
	struct neigh *neigh;
};

static int on_neigh_news(const struct nlmsghdr *message, void *data)
{
	struct news *news = data;
	struct neigh n;

	if ((message->nlmsg_type == RTM_NEWNEIGH ||
	     message->nlmsg_type == RTM_DELNEIGH) &&
	    !neigh_parse(message, &n) && is_next_hop(news->route, &n))
		*news->neigh = n;
	return MNL_CB_OK;
}

/* 0 when the neighbour is confirmed, -EHOSTUNREACH when the kernel gave up,
 * -ETIMEDOUT when it still asks. */
static int await(struct nl *news, struct nl *ask, struct route *r,
		 struct neigh *n, u64 timeout_ns)
{
	struct pollfd p = { .fd = nl_fd(news), .events = POLLIN };
	struct news to = { .route = r, .neigh = n };
	u64 now = clock_now(), until = now + timeout_ns;
	bool asked_anew = !n->has_mac;
	int err;

	for (;; now = clock_now()) {
		while ((err = nl_hear(news, on_neigh_news, &to)) > 0)
			;
		if (err == -ENOBUFS)
			err = neigh_read(ask, r->ifindex, &r->next_hop, n);
		if (err)
			return err;
		if (neigh_is_confirmed(n))
			return 0;
		if (neigh_is_silent(n)) {
			if (asked_anew)
				return -EHOSTUNREACH;
			/* gone from its old MAC; perhaps it has another */
			asked_anew = true;
			err = neigh_ask(ask, n);
			if (err)
				return err;
			n->state = 0;
		}
		if (now >= until)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((until - now) / NS_PER_MS + 1)) < 0 &&
		    errno != EINTR)
			return -errno;
	}
}

static int ask_next_hop(struct nl *ask, struct route *r, struct neigh *n,
			u64 timeout_ns)
{
	struct nl news;
	int err;

	err = nl_open(&news, NETLINK_ROUTE);
	if (err)
		return err;
	err = nl_join(&news, RTNLGRP_NEIGH);
	if (!err)
		err = neigh_ask(ask, n);
	if (!err)
		err = await(&news, ask, r, n, timeout_ns);
	nl_close(&news);
	return err;
}

/* What to make of the outcome `err` of asking. */
static int conclude(struct route *r, const struct neigh *n, int err)
{
	char text[INET_TEXT];

	inet_format(&r->next_hop, text);
	r->resolved = n->has_mac;
	if (n->has_mac) {
		memcpy(r->next_mac, n->mac, sizeof(r->next_mac));
		if (err)
			log_warn("%s %s on %s: its MAC is of old, and not "
				 "confirmed: %s",
				 hop_name(r), text, r->ifname, strerror(-err));
		return 0;
	}
	if (err == -ENETDOWN)
		log_err("%s %s cannot be reached: %s has no carrier",
			hop_name(r), text, r->ifname);
	else if (err == -EPERM)
		log_err("%s %s on %s: its MAC is not known, and asking for it "
			"needs CAP_NET_ADMIN",
			hop_name(r), text, r->ifname);
	else if (err == -ETIMEDOUT || err == -EHOSTUNREACH)
		log_err("%s %s on %s does not answer %s", hop_name(r), text,
			r->ifname, asked_by(&r->next_hop));
	else
		log_err("%s %s on %s: cannot ask for its MAC: %s", hop_name(r),
			text, r->ifname, strerror(-err));
	return err == -ETIMEDOUT ? -EHOSTUNREACH : err;
}

int route_resolve(struct route *r, u64 timeout_ns)
{
	struct neigh n;
	struct nl ask;
	int err;

	if (!r->arp)
		return 0;
	err = open_asking(&ask);
	if (err)
		return err;
	err = neigh_read(&ask, r->ifindex, &r->next_hop, &n);
	if (!err && !r->up && !n.has_mac)
		err = -ENETDOWN;
	if (!err && r->up && !neigh_is_confirmed(&n))
		err = ask_next_hop(&ask, r, &n, timeout_ns);
	nl_close(&ask);
	return conclude(r, &n, err);
}
