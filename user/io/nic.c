/* SPDX-License-Identifier: BSD-2-Clause */
/* nic: what an interface is and can do, and how many frames left by it. */
#include "io/nic.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fnmatch.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/iface.h"
#include "io/nl.h"
#include "lib/log.h"

/* The netdev family, younger than the oldest headers that we build with. */
enum { NETDEV_DEV_GET = 1, NETDEV_IFINDEX = 1, NETDEV_XDP_FEATURES = 3 };

enum { PATTERNS = 3 };

/* Frames that the driver does not count among the interface's own: the sum of
 * the driver's counters that fit the patterns is taken in their place. From
 * the drivers' sources. */
static const struct {
	const char *driver, *pattern[PATTERNS];
} counted_apart[] = {
	{ "mlx5_core", { "tx_packets", "tx_xdp_xmit", "tx_xsk_xmit" } },
	{ "ena", { "queue_*_tx_cnt" } }, /* and queue_*_xdp_tx_cnt */
};

struct ethtool {
	int fd;
	struct ifreq request;
};

static int ethtool_open(struct ethtool *e, const char *ifname)
{
	memset(e, 0, sizeof(*e));
	strncpy(e->request.ifr_name, ifname, IFNAMSIZ - 1);
	e->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return e->fd < 0 ? -errno : 0;
}

static int ethtool_ask(struct ethtool *e, void *command)
{
	e->request.ifr_data = command;
	return ioctl(e->fd, SIOCETHTOOL, &e->request) < 0 ? -errno : 0;
}

static void ethtool_close(struct ethtool *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

static void read_driver(struct ethtool *e, char driver[static 32])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	driver[0] = '\0';
	if (!ethtool_ask(e, &info)) {
		memcpy(driver, info.driver, 32);
		driver[31] = '\0';
	}
}

static void read_ethtool(struct ethtool *e, struct nic_info *nic)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_value flags = { .cmd = ETHTOOL_GFLAGS };
	struct ethtool_ts_info stamps = { .cmd = ETHTOOL_GET_TS_INFO };

	read_driver(e, nic->driver);
	/* a tunnel that nothing has opened yet has none */
	if (!ethtool_ask(e, &channels) &&
	    channels.rx_count + channels.combined_count) {
		nic->rx_queues = channels.rx_count + channels.combined_count;
		nic->tx_queues = channels.tx_count + channels.combined_count;
	}
	if (!ethtool_ask(e, &flags))
		nic->rx_vlan_offload = flags.data & ETH_FLAG_RXVLAN;
	if (!ethtool_ask(e, &stamps))
		nic->stamps_rx =
			stamps.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE;
}

unsigned int nic_rx_queues(const char *ifname)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool e;
	unsigned int n = 0;

	if (!ethtool_open(&e, ifname) && !ethtool_ask(&e, &channels))
		n = channels.rx_count + channels.combined_count;
	ethtool_close(&e);
	return n;
}

static int on_family(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *a;

	a = nl_find(message, GENL_HDRLEN, CTRL_ATTR_FAMILY_ID, 2);
	if (a)
		*(u16 *)data = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

static int on_features(const struct nlmsghdr *message, void *data)
{
	struct nic_info *nic = data;
	const struct nlattr *a;

	a = nl_find(message, GENL_HDRLEN, NETDEV_XDP_FEATURES, 8);
	if (a) {
		nic->features = mnl_attr_get_u64(a);
		nic->features_known = true;
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *begin_generic(char buf[static NL_BUFFER], u16 family,
				      u8 command, u8 version)
{
	struct genlmsghdr *generic;
	struct nlmsghdr *m;
	void *body;

	m = nl_begin(buf, family, 0, sizeof(*generic), &body);
	generic = body;
	generic->cmd = command;
	generic->version = version;
	return m;
}

/* Kernels before 6.3 do not have the family: then nothing is known. */
static void read_features(struct nic_info *nic)
{
	char buf[NL_BUFFER] __attribute__((aligned(8)));
	struct nlmsghdr *m;
	u16 family = 0;
	struct nl nl;

	if (nl_open(&nl, NETLINK_GENERIC))
		return;
	m = begin_generic(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(m, CTRL_ATTR_FAMILY_NAME, "netdev");
	if (!nl_ask(&nl, m, on_family, &family) && family) {
		m = begin_generic(buf, family, NETDEV_DEV_GET, 1);
		mnl_attr_put_u32(m, NETDEV_IFINDEX, (u32)nic->ifindex);
		nl_ask(&nl, m, on_features, nic);
	}
	nl_close(&nl);
}

static void read_program(struct nic_info *nic)
{
	struct bpf_prog_info info = {};
	u32 len = sizeof(info);
	int fd;

	if (!nic->xdp_id)
		return;
	fd = bpf_prog_get_fd_by_id(nic->xdp_id);
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		memcpy(nic->xdp_name, info.name, sizeof(nic->xdp_name) - 1);
	close(fd);
}

static enum nic_xdp_mode mode_of(u8 attached)
{
	switch (attached) {
	case XDP_ATTACHED_DRV:
		return NIC_XDP_NATIVE;
	case XDP_ATTACHED_SKB:
		return NIC_XDP_GENERIC;
	case XDP_ATTACHED_HW:
		return NIC_XDP_OFFLOAD;
	case XDP_ATTACHED_MULTI:
		return NIC_XDP_MULTI;
	}
	return NIC_XDP_NONE;
}

const char *nic_xdp_mode_name(enum nic_xdp_mode mode)
{
	switch (mode) {
	case NIC_XDP_NONE:
		return "none";
	case NIC_XDP_GENERIC:
		return "generic";
	case NIC_XDP_NATIVE:
		return "native";
	case NIC_XDP_OFFLOAD:
		return "offload";
	case NIC_XDP_MULTI:
		return "several";
	}
	return "?";
}

static int read_iface(const char *ifname, struct iface *i)
{
	struct nl nl;
	int err = nl_open(&nl, NETLINK_ROUTE);

	if (!err)
		err = iface_read(&nl, 0, ifname, i);
	nl_close(&nl);
	if (err)
		log_err("interface %s: %s", ifname, strerror(-err));
	return err;
}

int nic_read(struct nic_info *nic, const char *ifname)
{
	struct ethtool e;
	struct iface i;
	int err;

	memset(nic, 0, sizeof(*nic));
	err = read_iface(ifname, &i);
	if (err)
		return err;
	nic->ifindex = i.ifindex;
	memcpy(nic->ifname, i.name, sizeof(nic->ifname));
	memcpy(nic->mac, i.mac, sizeof(nic->mac));
	nic->mtu = i.mtu;
	nic->ethernet = i.type == ARPHRD_ETHER;
	nic->loopback = i.flags & IFF_LOOPBACK;
	nic->up = iface_is_up(&i);
	nic->carrier = iface_has_carrier(&i);
	nic->rx_queues = nic->rx_queues_max = i.rx_queues;
	nic->tx_queues = i.tx_queues;
	nic->xdp_mode = mode_of(i.xdp_attached);
	nic->xdp_id = i.xdp_id;
	if (!ethtool_open(&e, nic->ifname))
		read_ethtool(&e, nic);
	ethtool_close(&e);
	if (!strcmp(nic->driver, "veth"))
		nic->peer_ifindex = i.peer;
	read_features(nic);
	read_program(nic);
	return 0;
}

/* The patterns for that driver, or NULL: the interface counts all itself. */
static const char *const *patterns_of(const char *driver)
{
	size_t n = sizeof(counted_apart) / sizeof(*counted_apart);

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(counted_apart[i].driver, driver))
			return counted_apart[i].pattern;
	}
	return NULL;
}

static bool fits(const char *const pattern[PATTERNS], const char *name)
{
	for (size_t i = 0; i < PATTERNS && pattern[i]; i++) {
		if (!fnmatch(pattern[i], name, 0))
			return true;
	}
	return false;
}

/* Adds up the driver's counters of that kind; returns how many there are. */
static u32 sum_counters(struct ethtool *e, const char *const pattern[PATTERNS],
			u64 *sum)
{
	struct ethtool_gstrings *names;
	struct ethtool_stats *values;
	struct {
		struct ethtool_sset_info info;
		u32 count;
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO,
			    .sset_mask = 1ULL << ETH_SS_STATS } };
	u32 found = 0, n;

	*sum = 0;
	if (ethtool_ask(e, &set) || !set.info.sset_mask || !set.count)
		return 0;
	/* the kernel writes as many as there are by then: room for more */
	n = set.count;
	names = calloc(2u * n + 1, ETH_GSTRING_LEN);
	values = calloc(2u * n + 1, sizeof(u64));
	if (names && values) {
		names->cmd = ETHTOOL_GSTRINGS;
		names->string_set = ETH_SS_STATS;
		names->len = n;
		values->cmd = ETHTOOL_GSTATS;
		values->n_stats = n;
		if (ethtool_ask(e, names) || ethtool_ask(e, values))
			n = 0;
		for (u32 i = 0; i < n; i++) {
			char *name = (char *)names->data + i * ETH_GSTRING_LEN;

			name[ETH_GSTRING_LEN - 1] = '\0';
			if (fits(pattern, name)) {
				*sum += values->data[i];
				found++;
			}
		}
	}
	free(names);
	free(values);
	return found;
}

int nic_delivered(const char *ifname, u64 *packets)
{
	const char *const *pattern;
	char driver[32] = "";
	struct ethtool e;
	struct iface i;
	u64 sum;
	int err;

	*packets = 0;
	err = read_iface(ifname, &i);
	if (err)
		return err;
	*packets = i.tx_packets;
	if (!ethtool_open(&e, i.name)) {
		read_driver(&e, driver);
		pattern = patterns_of(driver);
		if (pattern && sum_counters(&e, pattern, &sum))
			*packets = sum;
	}
	ethtool_close(&e);
	return 0;
}
