/* SPDX-License-Identifier: BSD-2-Clause */
/* veth: a pair of virtual Ethernet devices in this network namespace. */
#include "io/veth.h"

#include "io/nl.h"
#include "lib/inet.h"
#include "lib/log.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* An IP address as netlink has it: 4 or 16 octets. */
static void put_addr(struct nlmsghdr *m, u16 type, const struct addr *a)
{
	if (addr_is_v4(a))
		mnl_attr_put(m, type, 4, &a->w[3]);
	else
		mnl_attr_put(m, type, 16, a->b);
}

static u8 family_of(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

static void put_device(struct nlmsghdr *m, const char *name, const u8 mac[6],
		       const struct veth_config *cfg)
{
	mnl_attr_put_strz(m, IFLA_IFNAME, name);
	mnl_attr_put(m, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(m, IFLA_MTU, cfg->mtu);
	if (cfg->queues) {
		mnl_attr_put_u32(m, IFLA_NUM_RX_QUEUES, cfg->queues);
		mnl_attr_put_u32(m, IFLA_NUM_TX_QUEUES, cfg->queues);
	}
}

static int make_pair(struct nl *nl, const struct veth_config *cfg)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlattr *info, *data, *peer;
	struct ifinfomsg *body;
	struct nlmsghdr *m;

	m = nl_begin(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*body),
		     (void **)&body);
	put_device(m, cfg->near, cfg->near_mac, cfg);
	info = mnl_attr_nest_start(m, IFLA_LINKINFO);
	mnl_attr_put_strz(m, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(m, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(m, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(m, sizeof(*body));
	put_device(m, cfg->far, cfg->far_mac, cfg);
	mnl_attr_nest_end(m, peer);
	mnl_attr_nest_end(m, data);
	mnl_attr_nest_end(m, info);
	return nl_ask(nl, m, NULL, NULL);
}

static int set_up(struct nl *nl, unsigned int ifindex)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct ifinfomsg *body;
	struct nlmsghdr *m;

	m = nl_begin(buf, RTM_NEWLINK, 0, sizeof(*body), (void **)&body);
	body->ifi_index = (int)ifindex;
	body->ifi_flags = body->ifi_change = IFF_UP;
	return nl_ask(nl, m, NULL, NULL);
}

static int set_gro(const char *name)
{
	struct ethtool_value on = { .cmd = ETHTOOL_SGRO, .data = 1 };
	struct ifreq request = { .ifr_data = (void *)&on };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int add_address(struct nl *nl, unsigned int ifindex,
		       const struct addr *a, u8 len)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct ifaddrmsg *body;
	struct nlmsghdr *m;

	m = nl_begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*body),
		     (void **)&body);
	body->ifa_family = family_of(a);
	body->ifa_prefixlen = len;
	/* nobody else is there to have the same: usable at once */
	body->ifa_flags = IFA_F_NODAD;
	body->ifa_index = ifindex;
	put_addr(m, IFA_LOCAL, a);
	put_addr(m, IFA_ADDRESS, a);
	return nl_ask(nl, m, NULL, NULL);
}

static int add_neighbour(struct nl *nl, unsigned int ifindex,
			 const struct addr *a, const u8 mac[6])
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *m;
	struct ndmsg *body;

	m = nl_begin(buf, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
		     sizeof(*body), (void **)&body);
	body->ndm_family = family_of(a);
	body->ndm_ifindex = (int)ifindex;
	body->ndm_state = NUD_PERMANENT;
	put_addr(m, NDA_DST, a);
	mnl_attr_put(m, NDA_LLADDR, 6, mac);
	return nl_ask(nl, m, NULL, NULL);
}

static int add_default_route(struct nl *nl, unsigned int ifindex,
			     const struct addr *gate)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *m;
	struct rtmsg *body;

	m = nl_begin(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
		     sizeof(*body), (void **)&body);
	body->rtm_family = family_of(gate);
	body->rtm_table = RT_TABLE_MAIN;
	body->rtm_protocol = RTPROT_STATIC;
	body->rtm_type = RTN_UNICAST;
	put_addr(m, RTA_GATEWAY, gate);
	mnl_attr_put_u32(m, RTA_OIF, ifindex);
	return nl_ask(nl, m, NULL, NULL);
}

static int add_family(struct nl *nl, const struct veth_config *cfg,
		      const char *near, const char *gate, u8 len)
{
	unsigned int ifindex = if_nametoindex(cfg->near);
	struct addr near_addr, gate_addr;
	int err;

	if (!near)
		return 0;
	if (inet_parse(near, &near_addr) || inet_parse(gate, &gate_addr))
		return -EINVAL;
	err = add_address(nl, ifindex, &near_addr, len);
	if (!err)
		err = add_neighbour(nl, ifindex, &gate_addr, cfg->far_mac);
	if (!err)
		err = add_default_route(nl, ifindex, &gate_addr);
	return err;
}

int veth_open(const struct veth_config *cfg)
{
	const char *doing = "open netlink";
	struct nl nl;
	int err = nl_open(&nl, NETLINK_ROUTE);

	if (!err) {
		doing = "make the pair";
		err = make_pair(&nl, cfg);
	}
	if (!err) {
		/* before they are up: only then do they begin to poll */
		doing = "turn GRO on";
		err = set_gro(cfg->near);
		if (!err)
			err = set_gro(cfg->far);
	}
	if (!err) {
		doing = "set the devices up";
		err = set_up(&nl, if_nametoindex("lo"));
		if (!err)
			err = set_up(&nl, if_nametoindex(cfg->far));
		if (!err)
			err = set_up(&nl, if_nametoindex(cfg->near));
	}
	if (!err) {
		doing = "set addresses and routes";
		err = add_family(&nl, cfg, cfg->near4, cfg->gate4, cfg->len4);
		if (!err)
			err = add_family(&nl, cfg, cfg->near6, cfg->gate6,
					 cfg->len6);
	}
	if (err)
		log_err("veth %s, %s: cannot %s: %s", cfg->near, cfg->far,
			doing, strerror(-err));
	nl_close(&nl);
	return err;
}
