/* SPDX-License-Identifier: BSD-2-Clause */
/* iface: what rtnetlink tells of one interface. */
#include "io/iface.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

/* <linux/if.h> has it, which <net/if.h> does not bear beside itself. */
enum { FLAG_LOWER_UP = 1 << 16 };

static void parse_xdp(const struct nlattr *nest, struct iface *i)
{
	static const u16 type[] = {
		[XDP_ATTACHED_DRV] = IFLA_XDP_DRV_PROG_ID,
		[XDP_ATTACHED_SKB] = IFLA_XDP_SKB_PROG_ID,
		[XDP_ATTACHED_HW] = IFLA_XDP_HW_PROG_ID,
		[XDP_ATTACHED_MULTI] = IFLA_XDP_DRV_PROG_ID,
	};
	const struct nlattr *a;

	a = nl_find_nested(nest, IFLA_XDP_ATTACHED, 1);
	i->xdp_attached = a ? mnl_attr_get_u8(a) : XDP_ATTACHED_NONE;
	if (i->xdp_attached == XDP_ATTACHED_NONE ||
	    i->xdp_attached > XDP_ATTACHED_MULTI)
		return;
	a = nl_find_nested(nest, type[i->xdp_attached], 4);
	i->xdp_id = a ? mnl_attr_get_u32(a) : 0;
}

static int pick(const struct nlattr *a, void *data)
{
	u16 type = mnl_attr_get_type(a), len = mnl_attr_get_payload_len(a);
	struct iface *i = data;
	struct rtnl_link_stats64 stats;

	if (type == IFLA_IFNAME &&
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		strncpy(i->name, mnl_attr_get_str(a), sizeof(i->name) - 1);
	else if (type == IFLA_ADDRESS && len == sizeof(i->mac))
		memcpy(i->mac, mnl_attr_get_payload(a), sizeof(i->mac));
	else if (type == IFLA_MTU && len == 4)
		i->mtu = mnl_attr_get_u32(a);
	else if (type == IFLA_LINK && len == 4)
		i->peer = (int)mnl_attr_get_u32(a);
	else if (type == IFLA_NUM_RX_QUEUES && len == 4)
		i->rx_queues = mnl_attr_get_u32(a);
	else if (type == IFLA_NUM_TX_QUEUES && len == 4)
		i->tx_queues = mnl_attr_get_u32(a);
	else if (type == IFLA_CARRIER_DOWN_COUNT && len == 4)
		i->falls = mnl_attr_get_u32(a);
	else if (type == IFLA_XDP)
		parse_xdp(a, i);
	else if (type == IFLA_STATS64 && len >= 16) {
		/* longer on newer kernels, shorter on older ones */
		memset(&stats, 0, sizeof(stats));
		memcpy(&stats, mnl_attr_get_payload(a),
		       len < sizeof(stats) ? len : sizeof(stats));
		i->tx_packets = stats.tx_packets;
	}
	return MNL_CB_OK;
}

int iface_parse(const struct nlmsghdr *message, struct iface *i)
{
	const struct ifinfomsg *info;

	memset(i, 0, sizeof(*i));
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return -EBADMSG;
	info = mnl_nlmsg_get_payload(message);
	i->ifindex = info->ifi_index;
	i->type = info->ifi_type;
	i->flags = info->ifi_flags;
	mnl_attr_parse(message, sizeof(*info), pick, i);
	return 0;
}

static int on_link(const struct nlmsghdr *message, void *data)
{
	if (message->nlmsg_type == RTM_NEWLINK)
		iface_parse(message, data);
	return MNL_CB_OK;
}

int iface_read(struct nl *nl, int ifindex, const char *name, struct iface *i)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *m;
	struct ifinfomsg *info;
	void *body;
	int err;

	memset(i, 0, sizeof(*i));
	m = nl_begin(buf, RTM_GETLINK, 0, sizeof(*info), &body);
	if (name && (!*name || strlen(name) >= 128))
		return -ENODEV;
	if (name) {
		mnl_attr_put_strz(m,
				  strlen(name) < IFNAMSIZ ? IFLA_IFNAME
							  : IFLA_ALT_IFNAME,
				  name);
	} else {
		info = body;
		info->ifi_index = ifindex;
	}
	err = nl_ask(nl, m, on_link, i);
	if (err)
		return err;
	return i->ifindex ? 0 : -ENODEV;
}

int iface_look(struct nl *nl, int ifindex, struct iface *i)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct ifinfomsg *info;
	struct nlmsghdr *m;
	void *body;
	int err;

	memset(i, 0, sizeof(*i));
	m = nl_begin(buf, RTM_GETLINK, 0, sizeof(*info), &body);
	info = body;
	info->ifi_index = ifindex;
	mnl_attr_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = nl_ask(nl, m, on_link, i);
	if (err)
		return err;
	return i->ifindex ? 0 : -ENODEV;
}

bool iface_is_up(const struct iface *i)
{
	return i->flags & IFF_UP;
}

bool iface_has_carrier(const struct iface *i)
{
	return i->flags & FLAG_LOWER_UP;
}
