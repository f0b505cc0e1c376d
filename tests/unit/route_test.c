/* SPDX-License-Identifier: BSD-2-Clause */
/* route_test: what is made of the kernel's messages, whole and cut short. */
#include "io/route.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "frame.h"
#include "io/iface.h"
#include "io/neigh.h"

static char buf[NL_BUFFER] __attribute__((aligned(8)));

static struct nlmsghdr *begin_route(u8 family, u8 type)
{
	struct nlmsghdr *m;
	struct rtmsg *rt;
	void *body;

	m = nl_begin(buf, RTM_NEWROUTE, 0, sizeof(*rt), &body);
	rt = body;
	rt->rtm_family = family;
	rt->rtm_type = type;
	return m;
}

static void put(struct nlmsghdr *m, u16 type, const char *text)
{
	struct addr a = frame_addr(text);

	if (addr_is_v4(&a))
		mnl_attr_put(m, type, 4, &a.w[3]);
	else
		mnl_attr_put(m, type, 16, a.b);
}

static void assert_addr(const struct addr *a, const char *text)
{
	struct addr want = frame_addr(text);

	assert_memory_equal(a->b, want.b, 16);
}

static void test_gateway(void **state)
{
	struct route r = { .dst = frame_addr("192.0.2.9") };
	struct nlmsghdr *m = begin_route(AF_INET, RTN_UNICAST);

	mnl_attr_put_u32(m, RTA_OIF, 3);
	put(m, RTA_GATEWAY, "198.51.100.1");
	put(m, RTA_PREFSRC, "198.51.100.7");
	assert_int_equal(route_parse(m, &r), 0);
	assert_int_equal(r.ifindex, 3);
	assert_addr(&r.next_hop, "198.51.100.1");
	assert_addr(&r.src, "198.51.100.7");
	assert_false(r.on_link || r.local);

	/* the same struct again: nothing of the gateway stays */
	m = begin_route(AF_INET, RTN_UNICAST);
	mnl_attr_put_u32(m, RTA_OIF, 4);
	assert_int_equal(route_parse(m, &r), 0);
	assert_addr(&r.next_hop, "192.0.2.9");
	assert_true(r.on_link);
}

static void test_gateway_of_the_other_family(void **state)
{
	struct route r = { .dst = frame_addr("192.0.2.9") };
	struct addr hop = frame_addr("fe80::1");
	struct nlmsghdr *m = begin_route(AF_INET, RTN_UNICAST);
	u8 via[18] = { AF_INET6, 0 };

	memcpy(via + 2, hop.b, 16);
	mnl_attr_put_u32(m, RTA_OIF, 3);
	mnl_attr_put(m, RTA_VIA, sizeof(via), via);
	assert_int_equal(route_parse(m, &r), 0);
	assert_addr(&r.next_hop, "fe80::1");
	assert_false(r.on_link);
}

static void test_types(void **state)
{
	struct route r = { .dst = frame_addr("2001:db8::1") };

	assert_int_equal(route_parse(begin_route(AF_INET6, RTN_LOCAL), &r), 0);
	assert_true(r.local);
	assert_int_equal(route_parse(begin_route(AF_INET6, RTN_UNICAST), &r),
			 0);
	assert_false(r.local);
	for (u8 type = RTN_BLACKHOLE; type <= RTN_PROHIBIT; type++)
		assert_int_equal(route_parse(begin_route(AF_INET6, type), &r),
				 -ENETUNREACH);
	assert_int_equal(route_parse(begin_route(AF_INET, RTN_BROADCAST), &r),
			 -ENETUNREACH);
	assert_int_equal(route_parse(begin_route(AF_INET, RTN_MULTICAST), &r),
			 -ENETUNREACH);
}

/* An attribute of no sane length is passed over, one that lies ends it. */
static void test_damaged_route(void **state)
{
	struct route r = { .dst = frame_addr("192.0.2.9") };
	struct nlmsghdr *m = begin_route(AF_INET, RTN_UNICAST);

	mnl_attr_put(m, RTA_OIF, 2, "xx");
	mnl_attr_put(m, RTA_GATEWAY, 7, "1234567");
	mnl_attr_put(m, RTA_VIA, 1, "1");
	mnl_attr_put(m, RTA_PREFSRC, 0, "");
	assert_int_equal(route_parse(m, &r), 0);
	assert_int_equal(r.ifindex, 0);
	assert_true(r.on_link && addr_is_none(&r.src));
	m->nlmsg_len = NLMSG_HDRLEN + sizeof(struct rtmsg) - 1;
	assert_int_equal(route_parse(m, &r), -EBADMSG);
}

static struct nlmsghdr *begin_neigh(u16 type, u16 nud)
{
	static const u8 mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct nlmsghdr *m;
	struct ndmsg *nd;
	void *body;

	m = nl_begin(buf, type, 0, sizeof(*nd), &body);
	nd = body;
	nd->ndm_ifindex = 5;
	nd->ndm_state = nud;
	put(m, NDA_DST, "192.0.2.1");
	mnl_attr_put(m, NDA_LLADDR, sizeof(mac), mac);
	return m;
}

static void test_neighbour_states(void **state)
{
	static const struct {
		u16 nud;
		bool has_mac, confirmed, silent;
	} row[] = {
		{ NUD_REACHABLE, true, true, false },
		{ NUD_PERMANENT, true, true, false },
		{ NUD_NOARP, true, true, false },
		{ NUD_STALE, true, false, false },
		{ NUD_DELAY, true, false, false },
		{ NUD_PROBE, true, false, false },
		{ NUD_INCOMPLETE, false, false, false },
		{ NUD_FAILED, false, false, true },
		{ NUD_NONE, false, false, false },
	};
	struct neigh n;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_int_equal(
			neigh_parse(begin_neigh(RTM_NEWNEIGH, row[i].nud), &n),
			0);
		assert_int_equal(n.ifindex, 5);
		assert_addr(&n.addr, "192.0.2.1");
		assert_int_equal(n.has_mac, row[i].has_mac);
		assert_int_equal(neigh_is_confirmed(&n), row[i].confirmed);
		assert_int_equal(neigh_is_silent(&n), row[i].silent);
		if (n.has_mac)
			assert_int_equal(n.mac[5], 9);
	}
	/* gone: whatever its last state was */
	neigh_parse(begin_neigh(RTM_DELNEIGH, NUD_REACHABLE), &n);
	assert_false(n.has_mac || neigh_is_confirmed(&n));
}

static void test_damaged_neighbour(void **state)
{
	struct nlmsghdr *m;
	struct neigh n;
	void *body;

	m = nl_begin(buf, RTM_NEWNEIGH, 0, sizeof(struct ndmsg), &body);
	((struct ndmsg *)body)->ndm_state = NUD_REACHABLE;
	mnl_attr_put(m, NDA_DST, 5, "12345");
	/* InfiniBand's are longer */
	mnl_attr_put(m, NDA_LLADDR, 20, "12345678901234567890");
	assert_int_equal(neigh_parse(m, &n), 0);
	assert_true(addr_is_none(&n.addr));
	assert_false(n.has_mac || neigh_is_confirmed(&n));
	m->nlmsg_len = NLMSG_HDRLEN + 3;
	assert_int_equal(neigh_parse(m, &n), -EBADMSG);
}

static void test_interface(void **state)
{
	struct nlmsghdr *m, *whole;
	struct ifinfomsg *info;
	struct nlattr *nest;
	u64 stats[3] = { 1, 42, 3 };
	struct iface i;
	void *body;

	m = nl_begin(buf, RTM_NEWLINK, 0, sizeof(*info), &body);
	info = body;
	info->ifi_index = 7;
	info->ifi_flags = IFF_UP | 1 << 16;
	mnl_attr_put_strz(m, IFLA_IFNAME, "test7");
	mnl_attr_put_u32(m, IFLA_MTU, 9000);
	mnl_attr_put(m, IFLA_STATS64, sizeof(stats), stats);
	nest = mnl_attr_nest_start(m, IFLA_XDP);
	mnl_attr_put_u8(m, IFLA_XDP_ATTACHED, XDP_ATTACHED_SKB);
	mnl_attr_put_u32(m, IFLA_XDP_SKB_PROG_ID, 99);
	mnl_attr_nest_end(m, nest);
	assert_int_equal(iface_parse(m, &i), 0);
	assert_int_equal(i.ifindex, 7);
	assert_string_equal(i.name, "test7");
	assert_int_equal(i.mtu, 9000);
	assert_int_equal(i.tx_packets, 42);
	assert_int_equal(i.xdp_id, 99);
	assert_true(iface_is_up(&i) && iface_has_carrier(&i));

	/* cut anywhere, in memory of its very size, as netlink pads it */
	for (u32 len = NLMSG_HDRLEN; len < m->nlmsg_len; len++) {
		whole = calloc(1, MNL_ALIGN(len));
		memcpy(whole, m, len);
		whole->nlmsg_len = len;
		assert_int_equal(iface_parse(whole, &i),
				 len < NLMSG_HDRLEN + sizeof(*info) ? -EBADMSG
								    : 0);
		free(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gateway),
		cmocka_unit_test(test_gateway_of_the_other_family),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_damaged_route),
		cmocka_unit_test(test_neighbour_states),
		cmocka_unit_test(test_damaged_neighbour),
		cmocka_unit_test(test_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
