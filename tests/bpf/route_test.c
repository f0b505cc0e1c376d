/* SPDX-License-Identifier: BSD-2-Clause */
/* route_test: the way out, asked of a real kernel, in namespaces of our own. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frame.h"
#include "io/iface.h"
#include "io/route.h"
#include "lib/clock.h"
#include "twonets.h"

static int find(struct route *r, const char *dst, const char *ifname,
		const char *src)
{
	struct addr d = frame_addr(dst), s = {};

	if (src)
		s = frame_addr(src);
	return route_find(r, &d, ifname, src ? &s : NULL);
}

static void assert_addr(const struct addr *a, const char *text)
{
	struct addr want = frame_addr(text);

	assert_memory_equal(a->b, want.b, 16);
}

static struct iface far_v1(void)
{
	struct iface i;
	struct nl nl;

	twonets_enter_far();
	assert_int_equal(nl_open(&nl, NETLINK_ROUTE), 0);
	assert_int_equal(iface_read(&nl, 0, "v1", &i), 0);
	nl_close(&nl);
	twonets_enter_near();
	return i;
}

static void by_gateway(void **state)
{
	struct iface v1;
	struct route r;

	twonets_need();
	v1 = far_v1();
	assert_int_equal(find(&r, "192.0.2.1", NULL, NULL), 0);
	assert_string_equal(r.ifname, "v0");
	assert_addr(&r.src, "10.99.0.1");
	assert_addr(&r.next_hop, "10.99.0.2");
	assert_true(r.ethernet && r.arp && r.up);
	assert_false(r.on_link || r.local);
	assert_int_equal(r.mtu, 1500);
	assert_int_equal(route_resolve(&r, NS_PER_S), 0);
	assert_true(r.resolved);
	assert_memory_equal(r.next_mac, v1.mac, 6);

	assert_int_equal(find(&r, "2001:db8::1", "v0", "fd99::1"), 0);
	assert_addr(&r.src, "fd99::1");
	assert_addr(&r.next_hop, "fd99::2");
	assert_int_equal(route_resolve(&r, NS_PER_S), 0);
	assert_memory_equal(r.next_mac, v1.mac, 6);
	/* now the kernel knows: found at once */
	assert_int_equal(find(&r, "2001:db8::2", NULL, NULL), 0);
	assert_true(r.resolved);

	near_run("ip route add 203.0.113.0/24 via inet6 fd99::2 dev v0");
	assert_int_equal(find(&r, "203.0.113.9", NULL, NULL), 0);
	assert_addr(&r.next_hop, "fd99::2");
	assert_int_equal(route_resolve(&r, NS_PER_S), 0);
	assert_memory_equal(r.next_mac, v1.mac, 6);
}

static void without_gateway(void **state)
{
	struct route r;

	twonets_need();
	assert_int_equal(find(&r, "10.99.0.2", NULL, NULL), 0);
	assert_true(r.on_link);
	assert_addr(&r.next_hop, "10.99.0.2");
	assert_int_equal(find(&r, "10.99.0.1", NULL, NULL), 0);
	assert_true(r.local && r.resolved);
	assert_string_equal(r.ifname, "lo");
	assert_int_equal(find(&r, "127.0.0.9", NULL, NULL), 0);
	assert_true(r.local);
	assert_int_equal(find(&r, "::1", NULL, NULL), 0);
	assert_true(r.local && !r.ethernet);
	assert_int_equal(find(&r, "fd99::1", NULL, NULL), 0);
	assert_true(r.local);
}

static void refusals(void **state)
{
	struct route r;

	twonets_need();
	assert_int_equal(find(&r, "192.0.2.1", NULL, "10.99.0.3"),
			 -EADDRNOTAVAIL);
	assert_int_equal(find(&r, "2001:db8::1", NULL, "fd99::3"),
			 -EADDRNOTAVAIL);
	assert_int_equal(find(&r, "2001:db8::1", NULL, "10.99.0.1"), -EINVAL);
	assert_int_equal(find(&r, "192.0.2.1", "nosuch", NULL), -ENODEV);
	assert_int_equal(find(&r, "192.0.2.1", "", NULL), -ENODEV);
	near_run("ip link add idle0 type veth peer name idle1");
	assert_int_equal(find(&r, "192.0.2.1", "idle0", NULL), -ENETDOWN);
	near_run("ip route add unreachable 198.51.100.0/25");
	near_run("ip route add blackhole 198.51.100.128/26");
	near_run("ip route add prohibit 198.51.100.192/26");
	near_run("ip route add unreachable 2001:db8:1::/48");
	near_run("ip route add blackhole 2001:db8:2::/48");
	near_run("ip route add prohibit 2001:db8:3::/48");
	assert_int_equal(find(&r, "198.51.100.1", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "198.51.100.129", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "198.51.100.193", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "2001:db8:1::1", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "2001:db8:2::1", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "2001:db8:3::1", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "10.99.0.255", NULL, NULL), -ENETUNREACH);
	assert_int_equal(find(&r, "224.0.0.1", NULL, NULL), -ENETUNREACH);
}

static void silent_gateway(void **state)
{
	struct route r;

	twonets_need();
	near_run("ip route add 198.18.0.0/15 via 10.99.0.77");
	near_run("ip route add 2001:db8:77::/48 via fd99::77");
	assert_int_equal(find(&r, "198.18.0.1", NULL, NULL), 0);
	assert_false(r.resolved);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), -EHOSTUNREACH);
	assert_false(r.resolved);
	assert_int_equal(find(&r, "2001:db8:77::1", NULL, NULL), 0);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), -EHOSTUNREACH);
	/* asked no longer than it was told to */
	near_run("ip route add 198.20.0.0/16 via 10.99.0.78");
	assert_int_equal(find(&r, "198.20.0.1", NULL, NULL), 0);
	assert_int_equal(route_resolve(&r, NS_PER_MS), -EHOSTUNREACH);
}

/* An old entry that is right, and one that is not. */
static void stale_gateway(void **state)
{
	struct iface v1;
	struct route r;

	twonets_need();
	v1 = far_v1();
	near_run("ip neigh replace 10.99.0.2 dev v0 nud stale "
		 "lladdr %02x:%02x:%02x:%02x:%02x:%02x",
		 v1.mac[0], v1.mac[1], v1.mac[2], v1.mac[3], v1.mac[4],
		 v1.mac[5]);
	assert_int_equal(find(&r, "192.0.2.1", NULL, NULL), 0);
	assert_true(r.resolved);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), 0);
	near_run("ip neigh show 10.99.0.2 dev v0 | grep -q REACHABLE");

	near_run("ip neigh replace 10.99.0.2 dev v0 nud stale "
		 "lladdr 02:00:00:00:00:99");
	assert_int_equal(find(&r, "192.0.2.1", NULL, NULL), 0);
	assert_int_equal(r.next_mac[5], 0x99);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), 0);
	assert_memory_equal(r.next_mac, v1.mac, 6);

	near_run("ip neigh replace fd99::2 dev v0 nud stale "
		 "lladdr 02:00:00:00:00:99");
	assert_int_equal(find(&r, "2001:db8::1", NULL, NULL), 0);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), 0);
	assert_memory_equal(r.next_mac, v1.mac, 6);
}

static struct route_watch watch;
static u64 virtual_now;

/* Polls until all of `want` was reported, for some seconds at the longest;
 * returns all that was. */
static int watch_until(struct route *r, int want)
{
	struct pollfd p = { .fd = nl_fd(&watch.nl), .events = POLLIN };
	int seen = 0, n;

	for (int i = 0; i < 100 && (seen & want) != want; i++) {
		poll(&p, 1, 50);
		virtual_now += ROUTE_LOOK_NS;
		n = route_watch_poll(&watch, r, 1, virtual_now);
		assert_true(n >= 0);
		seen |= n;
	}
	return seen;
}

static void watch_begin(struct route *r)
{
	assert_int_equal(find(r, "192.0.2.1", NULL, NULL), 0);
	assert_int_equal(route_resolve(r, 3 * NS_PER_S), 0);
	assert_int_equal(route_watch_open(&watch), 0);
	virtual_now = NS_PER_S;
	assert_int_equal(route_watch_poll(&watch, r, 1, virtual_now), 0);
}

static void watch_next_mac(void **state)
{
	static const u8 mac[6] = { 2, 0, 0, 0, 0xbe, 0xef };
	struct route r;

	twonets_need();
	watch_begin(&r);
	/* nothing that concerns us */
	near_run("ip link add other0 type veth peer name other1 && "
		 "ip link set other0 up && ip link set other1 up && "
		 "ip route add 100.64.0.0/10 dev other0 && ip link del other0");
	assert_int_equal(route_watch_poll(&watch, &r, 1, virtual_now), 0);

	/* silently another: only asking finds it out */
	far_run("ip link set v1 address 02:00:00:00:be:ef");
	assert_int_equal(route_watch_poll(&watch, &r, 1, virtual_now), 0);
	near_run("ip neigh change 10.99.0.2 dev v0 nud stale");
	virtual_now += ROUTE_CONFIRM_NS;
	assert_true(watch_until(&r, ROUTE_NEXT_MAC) & ROUTE_NEXT_MAC);
	assert_memory_equal(r.next_mac, mac, 6);
	assert_true(r.resolved);

	/* it announces itself (RFC 5227) */
	far_run("echo 1 >/proc/sys/net/ipv4/conf/v1/arp_notify");
	near_run("echo 0 >/proc/sys/net/ipv4/neigh/v0/locktime");
	far_run("ip link set v1 address 02:00:00:00:be:e0");
	assert_int_equal(watch_until(&r, ROUTE_NEXT_MAC), ROUTE_NEXT_MAC);
	assert_int_equal(r.next_mac[5], 0xe0);

	far_run("ip addr del 10.99.0.2/24 dev v1");
	near_run("ip neigh change 10.99.0.2 dev v0 nud stale");
	virtual_now += ROUTE_CONFIRM_NS;
	assert_int_equal(watch_until(&r, ROUTE_NEXT_SILENT), ROUTE_NEXT_SILENT);
	assert_int_equal(r.next_mac[5], 0xe0);
	assert_false(r.resolved);
	far_run("ip addr add 10.99.0.2/24 dev v1");
	virtual_now += ROUTE_CONFIRM_NS;
	assert_int_equal(watch_until(&r, ROUTE_NEXT_MAC), ROUTE_NEXT_MAC);
	assert_true(r.resolved);
	route_watch_close(&watch);
}

static void watch_link_and_route(void **state)
{
	struct route r;

	twonets_need();
	watch_begin(&r);
	far_run("ip link set v1 down");
	assert_int_equal(watch_until(&r, ROUTE_LINK_DOWN), ROUTE_LINK_DOWN);
	assert_false(r.up);
	far_run("ip link set v1 up");
	assert_int_equal(watch_until(&r, ROUTE_LINK_UP), ROUTE_LINK_UP);
	assert_true(r.up);

	far_run("ip addr add 10.99.0.3/24 dev v1");
	near_run("ip route replace default via 10.99.0.3");
	assert_true(watch_until(&r, ROUTE_MOVED | ROUTE_NEXT_MAC) &
		    ROUTE_MOVED);
	assert_addr(&r.next_hop, "10.99.0.3");
	assert_true(r.resolved);
	near_run("ip route del default");
	assert_int_equal(watch_until(&r, ROUTE_LOST), ROUTE_LOST);
	assert_true(r.lost);
	assert_addr(&r.next_hop, "10.99.0.3");
	near_run("ip route add default via 10.99.0.2");
	assert_true(watch_until(&r, ROUTE_MOVED) & ROUTE_MOVED);
	assert_false(r.lost);

	near_run("ip link set v0 down");
	assert_int_equal(watch_until(&r, ROUTE_LINK_DOWN | ROUTE_LOST),
			 ROUTE_LINK_DOWN | ROUTE_LOST);
	near_run("ip link set v0 up && ip route add default via 10.99.0.2");
	assert_true(watch_until(&r, ROUTE_LINK_UP | ROUTE_MOVED) &
		    ROUTE_LINK_UP);
	assert_true(r.up && !r.lost);
	route_watch_close(&watch);
}

/* Until the next hop has answered. */
static void await_open(struct route *r)
{
	for (int i = 0; i < 200 && r->shut; i++) {
		clock_sleep(20 * NS_PER_MS);
		virtual_now += ROUTE_LOOK_NS;
		assert_true(route_watch_poll(&watch, r, 1, virtual_now) >= 0);
	}
}

/* Shorter than any two looks, by our own hand and by the other end. */
static void watch_short_falls(void **state)
{
	struct route r;

	twonets_need();
	watch_begin(&r);
	far_run("ip link set v1 down && ip link set v1 up");
	assert_true(watch_until(&r, ROUTE_LINK_FELL) & ROUTE_LINK_FELL);
	assert_true(r.up);
	/* open again when the next hop has answered */
	await_open(&r);
	assert_false(r.shut || r.asked_ns);

	near_run("ip link set v0 down && ip link set v0 up && "
		 "ip route add default via 10.99.0.2");
	assert_true(watch_until(&r, ROUTE_LINK_FELL) & ROUTE_LINK_FELL);
	await_open(&r);
	assert_false(r.shut);

	/* an address of ours that is gone, and is back */
	near_run("ip addr del 10.99.0.1/24 dev v0");
	watch_until(&r, ROUTE_LOST);
	assert_true(r.shut);
	near_run("ip addr add 10.99.0.1/24 dev v0 && "
		 "ip route add default via 10.99.0.2");
	watch_until(&r, ROUTE_MOVED);
	await_open(&r);
	assert_false(r.shut);
	route_watch_close(&watch);
}

/* More news than the socket holds: what changed is noticed all the same. */
static void watch_flood(void **state)
{
	struct route r;
	int bytes = 1, seen = 0;

	twonets_need();
	watch_begin(&r);
	setsockopt(nl_fd(&watch.nl), SOL_SOCKET, SO_RCVBUF, &bytes,
		   sizeof(bytes));
	near_run("i=0; while [ $i -lt 200 ]; do "
		 "echo route add 100.64.$i.0/24 dev v0; i=$((i + 1)); done | "
		 "ip -batch -");
	near_run("ip route replace default via 10.99.0.3");
	virtual_now += ROUTE_LOOK_NS;
	for (int i = 0; i < 10 && !seen; i++)
		seen |= route_watch_poll(&watch, &r, 1, virtual_now);
	assert_true(seen & ROUTE_MOVED);
	assert_addr(&r.next_hop, "10.99.0.3");
	route_watch_close(&watch);
}

/* Last: it takes the pair away. */
static void watch_gone(void **state)
{
	struct route r;

	twonets_need();
	watch_begin(&r);
	near_run("ip link del v0");
	assert_true(watch_until(&r, ROUTE_LINK_GONE) & ROUTE_LINK_GONE);
	assert_true(r.lost && !r.up);
	/* said once */
	assert_int_equal(route_watch_poll(&watch, &r, 1, virtual_now), 0);
	route_watch_close(&watch);
	route_watch_close(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_gateway),
		cmocka_unit_test(without_gateway),
		cmocka_unit_test(refusals),
		cmocka_unit_test(silent_gateway),
		cmocka_unit_test(stale_gateway),
		cmocka_unit_test(watch_next_mac),
		cmocka_unit_test(watch_link_and_route),
		cmocka_unit_test(watch_short_falls),
		cmocka_unit_test(watch_flood),
		cmocka_unit_test(watch_gone),
	};

	return cmocka_run_group_tests(tests, twonets_setup, twonets_teardown);
}
