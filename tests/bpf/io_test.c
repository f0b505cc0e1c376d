/* SPDX-License-Identifier: BSD-2-Clause */
/* io_test: what goes out of one end comes in at the other, and is counted so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
#include "io/nic.h"
#include "io/route.h"
#include "io/rx_raw.h"
#include "io/tx_packet.h"
#include "io/tx_raw.h"
#include "lib/clock.h"
#include "twonets.h"

enum { COUNT = 1000, BATCH = 64 };

/* An echo reply, distinct by its number: the far host does not answer it. */
static u32 put_echo(u8 *at, u8 family, u16 number)
{
	struct frame f = {
		.ip = { .family = family,
			.src = family == 4 ? "10.99.0.1" : "fd99::1",
			.dst = family == 4 ? "10.99.0.2" : "fd99::2",
			.ttl = 64,
			.id = number },
		.l4 = { .proto = family == 4 ? PROTO_ICMP : PROTO_ICMP6,
			.type = family == 4 ? ICMP4_ECHO_REPLY
					    : ICMP6_ECHO_REPLY,
			.sport = 77,
			.field = number,
			.payload = 16 },
	};

	return frame_build(&f, at);
}

static void send_batch(struct tx *tx, const struct route *r, u8 family,
		       u16 first, unsigned int want)
{
	unsigned int n = tx->ops->reserve(tx, want);
	u64 before = clock_now(), after;

	assert_int_equal(n, want);
	for (unsigned int i = 0; i < n; i++) {
		tx->slot[i].len =
			put_echo(tx->slot[i].frame, family, (u16)(first + i));
		memcpy(tx->slot[i].frame, r->next_mac, 6);
		memcpy(tx->slot[i].frame + 6, r->src_mac, 6);
	}
	assert_int_equal(tx->ops->send(tx, n), 0);
	after = clock_now();
	for (unsigned int i = 0; i < n; i++)
		assert_in_range(tx->slot[i].sent_ns, before, after);
}

/* Takes all that is there; counts those of ours in seen[number]. */
static unsigned int receive(struct rx *rx, u8 family, u8 seen[COUNT], u64 since)
{
	struct pollfd p = { .fd = rx->fd, .events = POLLIN };
	struct rx_frame frame[IO_BATCH];
	unsigned int ours = 0, n;
	struct reply reply;

	while (ours < COUNT && poll(&p, 1, 300) > 0) {
		n = rx->ops->receive(rx, frame, IO_BATCH);
		for (unsigned int i = 0; i < n; i++) {
			reply_parse(frame[i].data, frame[i].len, &reply);
			if (reply.kind != REPLY_ECHO || reply.sport != 77)
				continue;
			assert_int_equal(reply.family, family);
			assert_in_range(reply.field, 0, COUNT - 1);
			assert_in_range(frame[i].arrived_ns, since,
					clock_now());
			assert_int_equal(frame[i].proof.result, COOKIE_FOREIGN);
			seen[reply.field]++;
			ours++;
		}
		rx->ops->release(rx);
	}
	return ours;
}

static unsigned int v1_index(void)
{
	unsigned int i;

	twonets_enter_far();
	i = if_nametoindex("v1");
	twonets_enter_near();
	return i;
}

static void open_far_rx(struct rx *rx, int ifindex)
{
	int err;

	twonets_enter_far();
	err = rx_raw_open(rx, ifindex);
	twonets_enter_near();
	assert_int_equal(err, 0);
}

/* COUNT frames there: each comes once, and every counter says so. */
static void exchange(struct tx *tx, struct rx *rx, u8 family)
{
	u64 before, delivered, since = clock_now();
	u8 seen[COUNT] = {};
	struct route r;
	struct addr to = frame_addr(family == 4 ? "10.99.0.2" : "fd99::2");

	assert_int_equal(route_find(&r, &to, "v0", NULL), 0);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), 0);
	assert_int_equal(nic_delivered("v0", &before), 0);
	for (u16 i = 0; i < COUNT; i += BATCH)
		send_batch(tx, &r, family, i,
			   COUNT - i < BATCH ? (unsigned int)(COUNT - i)
					     : BATCH);
	assert_int_equal(nic_delivered("v0", &delivered), 0);
	assert_int_equal(receive(rx, family, seen, since), COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(seen[i], 1);
	/* neighbour discovery may add a few */
	assert_in_range(delivered - before, COUNT, COUNT + 8);
	rx->ops->read_stats(rx);
	assert_int_equal(rx->stats.dropped, 0);
}

static void packet_to_raw(void **state)
{
	struct tx tx;
	struct rx rx;

	twonets_need();
	open_far_rx(&rx, (int)v1_index());
	assert_int_equal(
		tx_packet_open(&tx, (int)if_nametoindex("v0"), 1514, BATCH), 0);
	exchange(&tx, &rx, 4);
	exchange(&tx, &rx, 6);
	assert_int_equal(tx.stats.sent, 2 * COUNT);
	assert_int_equal(tx.stats.failed, 0);
	assert_in_range(rx.stats.received, 2 * COUNT, 2 * COUNT + 8);
	tx.ops->close(&tx);
	rx.ops->close(&rx);
	assert_null(tx.ops);
	assert_null(rx.ops);
}

static void raw_to_raw(void **state)
{
	struct tx tx;
	struct rx rx;

	twonets_need();
	open_far_rx(&rx, 0);
	assert_int_equal(tx_raw_open(&tx, "v0", 1514, BATCH), 0);
	exchange(&tx, &rx, 4);
	exchange(&tx, &rx, 6);
	tx.ops->close(&tx);
	assert_int_equal(tx_raw_open(&tx, NULL, 1514, BATCH), 0);
	exchange(&tx, &rx, 4);
	exchange(&tx, &rx, 6);
	assert_int_equal(tx.stats.sent, 2 * COUNT);
	tx.ops->close(&tx);
	rx.ops->close(&rx);
}

/* More than the socket holds while nobody reads: each is received or counted
 * as dropped. */
static void losses_are_counted(void **state)
{
	enum { MANY = 60000, ALL = MANY / BATCH * BATCH };
	struct addr to = frame_addr("10.99.0.2");
	struct rx_frame frame[IO_BATCH];
	u64 received = 0;
	struct route r;
	unsigned int n;
	struct tx tx;
	struct rx rx;

	twonets_need();
	open_far_rx(&rx, (int)v1_index());
	assert_int_equal(
		tx_packet_open(&tx, (int)if_nametoindex("v0"), 1514, BATCH), 0);
	assert_int_equal(route_find(&r, &to, "v0", NULL), 0);
	assert_int_equal(route_resolve(&r, 3 * NS_PER_S), 0);
	for (u32 i = 0; i < ALL; i += BATCH)
		send_batch(&tx, &r, 4, (u16)i, BATCH);
	while ((n = rx.ops->receive(&rx, frame, IO_BATCH)) > 0) {
		received += n;
		rx.ops->release(&rx);
	}
	rx.ops->read_stats(&rx);
	assert_int_equal(tx.stats.sent, ALL);
	assert_int_equal(rx.stats.received, received);
	assert_int_not_equal(rx.stats.dropped, 0);
	/* neighbour discovery may add a few */
	assert_in_range(received + rx.stats.dropped, ALL, ALL + 8);
	/* what was read once is not counted again */
	n = (unsigned int)rx.stats.dropped;
	rx.ops->read_stats(&rx);
	assert_int_equal(rx.stats.dropped, n);
	tx.ops->close(&tx);
	rx.ops->close(&rx);
}

/* Refused slots are passed over; frames too long fail alone. */
static void odd_slots(void **state)
{
	static const u32 len[4] = { 0, 58, 1600, 58 };
	struct tx tx;

	twonets_need();
	for (int raw = 0; raw < 2; raw++) {
		if (raw)
			assert_int_equal(tx_raw_open(&tx, "v0", 2000, 8), 0);
		else
			assert_int_equal(
				tx_packet_open(&tx, (int)if_nametoindex("v0"),
					       2000, 8),
				0);
		assert_int_equal(tx.ops->reserve(&tx, 99), 8);
		assert_int_equal(tx.ops->reserve(&tx, 4), 4);
		for (u16 i = 0; i < 4; i++) {
			put_echo(tx.slot[i].frame, 4, i);
			tx.slot[i].len = len[i];
			tx.slot[i].sent_ns = 1;
		}
		assert_int_equal(tx.ops->send(&tx, 4), 0);
		assert_int_equal(tx.stats.sent, 2);
		assert_int_equal(tx.stats.failed, 1);
		assert_int_equal(tx.slot[0].sent_ns, 0);
		assert_int_equal(tx.slot[2].sent_ns, 0);
		assert_int_not_equal(tx.slot[1].sent_ns, 0);
		assert_int_not_equal(tx.slot[3].sent_ns, 0);
		tx.ops->close(&tx);
	}
	/* neither IPv4 nor IPv6: the raw sockets have no use for it */
	assert_int_equal(tx_raw_open(&tx, NULL, 2000, 8), 0);
	memset(tx.slot[0].frame, 0xff, 60);
	tx.slot[0].len = 60;
	tx.slot[1].len = 10;
	assert_int_equal(tx.ops->send(&tx, 2), 0);
	assert_int_equal(tx.stats.failed, 2);
	tx.ops->close(&tx);
}

static void device_down(void **state)
{
	struct tx tx;

	twonets_need();
	near_run("ip link add d0 type veth peer name d1 && ip link set d0 up "
		 "&& ip link set d1 up");
	assert_int_equal(
		tx_packet_open(&tx, (int)if_nametoindex("d0"), 1514, 4), 0);
	for (u16 i = 0; i < 4; i++)
		tx.slot[i].len = put_echo(tx.slot[i].frame, 4, i);
	assert_int_equal(tx.ops->send(&tx, 4), 0);
	near_run("ip link set d0 down");
	assert_int_equal(tx.ops->send(&tx, 4), -ENETDOWN);
	assert_int_equal(tx.slot[0].sent_ns, 0);
	near_run("ip link del d0");
	assert_true(tx.ops->send(&tx, 4) < 0);
	assert_int_equal(tx.stats.sent, 4);
	assert_int_equal(tx.stats.failed, 8);
	tx.ops->close(&tx);
	assert_int_equal(tx_packet_open(&tx, 99999, 1514, 4), -ENODEV);
	assert_int_equal(tx_raw_open(&tx, "nosuch", 1514, 4), -ENODEV);
}

static int open_tun(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	strcpy(request.ifr_name, name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Packets that the kernel itself sends to the tunnel are passed over. */
static ssize_t read_udp(int fd, u8 *at, size_t max)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (poll(&p, 1, 300) > 0) {
		n = read(fd, at, max);
		if (n >= 40 && at[at[0] >> 4 == 4 ? 9 : 6] == PROTO_UDP)
			return n;
	}
	return -1;
}

/* One packet into the tunnel: it comes out as crafted, octet by octet. */
static void through_tunnel(struct tx *tx, int fd, const u8 *frame, u32 len)
{
	u8 packet[FRAME_MAX];

	memcpy(tx->slot[0].frame, frame, len);
	tx->slot[0].len = len;
	assert_int_equal(tx->ops->send(tx, 1), 0);
	assert_int_equal(read_udp(fd, packet, sizeof(packet)), len - 14);
	assert_memory_equal(packet, frame + 14, len - 14);
}

static void tunnel_out(int fd)
{
	struct frame f = {
		.ip = { .family = 4,
			.src = "10.98.0.1",
			.dst = "10.98.0.9",
			.ttl = 3,
			.id = 7,
			.tos = 0x14 },
		.l4 = { .proto = PROTO_UDP,
			.sport = 61440,
			.dport = 33434,
			.payload = 12,
			.field = 0x1234 },
	};
	u8 frame[FRAME_MAX];
	struct tx tx;
	u32 len;

	assert_int_equal(tx_raw_open(&tx, "tun7", 1514, 4), 0);
	len = frame_build(&f, frame);
	through_tunnel(&tx, fd, frame, len);
	f.ip.family = 6;
	f.ip.src = "fd98::1";
	f.ip.dst = "fd98::9";
	len = frame_build(&f, frame);
	/* a flow label: the kernel leaves ours alone */
	frame[15] |= 0x01;
	frame[16] = 0x23;
	frame[17] = 0x45;
	through_tunnel(&tx, fd, frame, len);
	tx.ops->close(&tx);
}

static void tunnel_in(int fd, int ifindex)
{
	struct frame f = {
		.ip = { .family = 4,
			.src = "10.98.0.9",
			.dst = "10.98.0.1",
			.ttl = 3 },
		.l4 = { .proto = PROTO_ICMP,
			.sport = 77,
			.field = 5,
			.payload = 8 },
	};
	u8 frame[FRAME_MAX], seen[COUNT] = {};
	u64 since = clock_now();
	struct rx rx;
	u32 len;

	assert_int_equal(rx_raw_open(&rx, ifindex), 0);
	len = frame_build(&f, frame);
	assert_int_equal(write(fd, frame + 14, len - 14), len - 14);
	assert_int_equal(receive(&rx, 4, seen, since), 1);
	assert_int_equal(seen[5], 1);
	rx.ops->close(&rx);
}

static void tunnel(void **state)
{
	struct addr to = frame_addr("10.98.0.9");
	struct route r;
	struct tx tx;
	int fd;

	twonets_need();
	fd = open_tun("tun7");
	if (fd < 0)
		twonets_skip("needs /dev/net/tun");
	near_run("ip addr add 10.98.0.1/24 dev tun7 && ip link set tun7 up");
	near_run("ip addr add fd98::1/64 dev tun7 nodad");
	assert_int_equal(route_find(&r, &to, NULL, NULL), 0);
	assert_string_equal(r.ifname, "tun7");
	assert_true(!r.ethernet && !r.arp && r.resolved && r.up);
	assert_int_equal(route_resolve(&r, NS_PER_S), 0);
	assert_int_equal(tx_packet_open(&tx, r.ifindex, 1514, 4), -EPROTOTYPE);
	tunnel_out(fd);
	tunnel_in(fd, r.ifindex);
	close(fd);
}

static void loopback(void **state)
{
	struct frame f = {
		.ip = { .family = 4,
			.src = "127.0.0.1",
			.dst = "127.0.0.1",
			.ttl = 1 },
		.l4 = { .proto = PROTO_ICMP,
			.sport = 77,
			.field = 9,
			.payload = 8 },
	};
	u64 since = clock_now();
	u8 seen[COUNT] = {};
	struct tx tx;
	struct rx rx;

	twonets_need();
	assert_int_equal(tx_raw_open(&tx, NULL, 1514, 4), 0);
	assert_int_equal(rx_raw_open(&rx, (int)if_nametoindex("lo")), 0);
	tx.slot[0].len = frame_build(&f, tx.slot[0].frame);
	assert_int_equal(tx.ops->send(&tx, 1), 0);
	/* once, although it is seen going out and coming in */
	assert_int_equal(receive(&rx, 4, seen, since), 1);
	tx.ops->close(&tx);
	rx.ops->close(&rx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_to_raw),
		cmocka_unit_test(raw_to_raw),
		cmocka_unit_test(losses_are_counted),
		cmocka_unit_test(odd_slots),
		cmocka_unit_test(device_down),
		cmocka_unit_test(tunnel),
		cmocka_unit_test(loopback),
	};

	return cmocka_run_group_tests(tests, twonets_setup, twonets_teardown);
}
