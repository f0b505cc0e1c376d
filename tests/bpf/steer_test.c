/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steer_test: the XDP program on one frame for every verdict: what it counts,
 * what it does, and what becomes of the frame. Where it passes a frame to the
 * host, not one octet may differ.
 */
#include "bpf/run.h"
#include "frame.h"

#include <linux/if_xdp.h>
#include <sys/socket.h>
#include <time.h>

#include "abi.h"
#include "whither.skel.h"

#define OUR4 "192.0.2.1"
#define IP4 .family = 4, .src = "198.51.100.7", .dst = OUR4, .ttl = 57
#define TO4 .family = 4, .src = "203.0.113.9", .dst = OUR4, .ttl = 57
#define EXPIRED .l4 = { .proto = PROTO_ICMP, .type = ICMP4_EXPIRED }
#define PROBE .family = 4, .dst = "203.0.113.9", .ttl = 1, .src
#define UDP .quoted = { .proto = PROTO_UDP, .dport = 33434, .payload = 12 }

static unsigned int ifindex;

static u64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

struct row {
	const char *what;
	struct frame f;
	enum steer_verdict verdict;
	u64 silence_ns; /* since the process last tended its rings */
	bool no_cookie; /* the frame stays as it is described */
	bool no_socket;
	u16 wrong_field;
};

static const struct row rows[] = {
	{ "another protocol",
	  { .ip = { IP4 }, .l4 = { 89, .payload = 40 } },
	  .verdict = STEER_OTHER,
	  .no_cookie = true },
	{ "TCP to the host",
	  { .ip = { IP4 }, .l4 = { PROTO_TCP, .dport = 22 } },
	  .verdict = STEER_OTHER,
	  .no_cookie = true },
	{ "UDP to the host, to a port that we hold",
	  { .ip = { IP4 }, .l4 = { PROTO_UDP, .dport = 33000, .payload = 9 } },
	  .verdict = STEER_OTHER,
	  .no_cookie = true },
	{ "an echo request",
	  { .ip = { IP4 }, .l4 = { PROTO_ICMP, 8, .payload = 56 } },
	  .verdict = STEER_OTHER,
	  .no_cookie = true },
	{ "an error that is cut",
	  { .ip = { IP4 },
	    EXPIRED,
	    .quote = { PROBE = OUR4 },
	    UDP,
	    .quote_max = 27 },
	  .verdict = STEER_MALFORMED },
	{ "a fragment of an error",
	  { .ip = { IP4, .frag = 0x2000 },
	    EXPIRED,
	    .quote = { PROBE = OUR4 },
	    UDP },
	  .verdict = STEER_FRAGMENT },
	{ "the host's own path MTU discovery",
	  { .ip = { IP4 },
	    .l4 = { PROTO_ICMP, 3, 4 },
	    .mtu = 1400,
	    .quote = { PROBE = OUR4, .id = 7 },
	    .quoted = { PROTO_TCP, .sport = 40000, .dport = 443 } },
	  .verdict = STEER_FOREIGN,
	  .no_cookie = true },
	{ "another traceroute of this host",
	  { .ip = { IP4 },
	    EXPIRED,
	    .quote = { PROBE = OUR4, .id = 7 },
	    .quoted = { PROTO_UDP, .sport = 50000, .payload = 32 } },
	  .verdict = STEER_FOREIGN,
	  .no_cookie = true },
	{ "the reply to another ping",
	  { .ip = { IP4 },
	    .l4 = { PROTO_ICMP, 0, .sport = 7, .field = 1, .payload = 56 } },
	  .verdict = STEER_FOREIGN,
	  .no_cookie = true },
	{ "a forged error",
	  { .ip = { IP4 }, EXPIRED, .quote = { PROBE = OUR4 }, UDP },
	  .verdict = STEER_FORGED,
	  .wrong_field = 1 },
	{ "ours, but the process hangs",
	  { .ip = { IP4 }, EXPIRED, .quote = { PROBE = OUR4 }, UDP },
	  .verdict = STEER_STALE,
	  .silence_ns = STEER_DEADMAN_NS + 1000000 },
	{ "ours, but nobody listens",
	  { .ip = { IP4 }, EXPIRED, .quote = { PROBE = OUR4 }, UDP },
	  .verdict = STEER_NO_SOCKET,
	  .no_socket = true },
	{ "ours",
	  { .ip = { IP4 }, EXPIRED, .quote = { PROBE = OUR4 }, UDP },
	  .verdict = STEER_EXACT },
	{ "ours, the shortest quote",
	  { .ip = { IP4 },
	    EXPIRED,
	    .quote = { PROBE = OUR4 },
	    UDP,
	    .quote_max = 28 },
	  .verdict = STEER_EXACT },
	{ "ours, a reply to an echo request",
	  { .ip = { IP4 }, .l4 = { PROTO_ICMP, 0, .payload = 12 } },
	  .verdict = STEER_EXACT },
	{ "ours, IPv6, tagged twice",
	  { .vlan = { ETHERTYPE_STAG, ETHERTYPE_CTAG },
	    .ip = { 6, "2001:db8:f::7", "2001:db8::1" },
	    .l4 = { PROTO_ICMP6, ICMP6_EXPIRED },
	    .quote = { 6, "2001:db8::1", "2001:db8:9::9" },
	    UDP },
	  .verdict = STEER_EXACT },
	{ "ours, the process was silent for a while",
	  { .ip = { IP4 }, EXPIRED, .quote = { PROBE = OUR4 }, UDP },
	  .verdict = STEER_EXACT,
	  .silence_ns = STEER_DEADMAN_NS / 2 },
	{ "a TCP answer to a port that we hold, but not to us",
	  { .ip = { TO4 },
	    .l4 = { PROTO_TCP, .sport = 80, .dport = 33000, .flags = 18 } },
	  .verdict = STEER_FORGED,
	  .no_cookie = true },
	{ "TCP that acknowledges nothing, to a port that we hold",
	  { .ip = { TO4 }, .l4 = { PROTO_TCP, .sport = 80, .flags = TCP_SYN } },
	  .verdict = STEER_OTHER },
	{ "ours, an ACK alone: this SYN came on top of another",
	  { .ip = { TO4 }, .l4 = { PROTO_TCP, .sport = 80, .flags = TCP_ACK } },
	  .verdict = STEER_EXACT },
	{ "a bare RST, which no SYN is answered with",
	  { .ip = { TO4 }, .l4 = { PROTO_TCP, .sport = 80, .flags = TCP_RST } },
	  .verdict = STEER_OTHER },
	{ "ours, a SYN/ACK, but the process hangs",
	  { .ip = { TO4 }, .l4 = { PROTO_TCP, .sport = 80 } },
	  .verdict = STEER_STALE,
	  .silence_ns = STEER_DEADMAN_NS + 1000000 },
	{ "ours, a SYN/ACK",
	  { .ip = { TO4 }, .l4 = { PROTO_TCP, .sport = 80 } },
	  .verdict = STEER_EXACT },
	{ "ours, an RST/ACK",
	  { .ip = { TO4 },
	    .l4 = { PROTO_TCP, .sport = 80, .flags = TCP_RST | TCP_ACK } },
	  .verdict = STEER_EXACT },
	{ "ours, a SYN/ACK with an ECN answer, IPv6",
	  { .ip = { 6, "2001:db8:9::9", "2001:db8::1" },
	    .l4 = { PROTO_TCP, .sport = 80,
		    .flags = TCP_SYN | TCP_ACK | TCP_ECE } },
	  .verdict = STEER_EXACT },
	{ "ours, the shortest quote of a SYN",
	  { .ip = { IP4 },
	    EXPIRED,
	    .quote = { PROBE = OUR4 },
	    .quoted = { PROTO_TCP, .dport = 80 },
	    .quote_max = 28 },
	  .verdict = STEER_EXACT },
	{ "a forged quote of a SYN",
	  { .ip = { IP4 },
	    EXPIRED,
	    .quote = { PROBE = OUR4, .id = 1 },
	    .quoted = { PROTO_TCP, .sport = 33000, .seq = 7 } },
	  .verdict = STEER_FORGED,
	  .no_cookie = true },
	{ "ours, a SYN, rewritten",
	  { .ip = { IP4 },
	    EXPIRED,
	    .quote = { PROBE = "20.40.60.80" },
	    .quoted = { PROTO_TCP, .dport = 80 } },
	  .verdict = STEER_REWRITTEN },
	{ "ours, rewritten",
	  { .ip = { IP4 }, EXPIRED, .quote = { PROBE = "20.40.60.80" }, UDP },
	  .verdict = STEER_REWRITTEN },
};

/* A socket that the map takes needs a receive ring, but no memory. */
static int socket_open(void)
{
	int fd = socket(AF_XDP, SOCK_RAW, 0), size = 64;

	assert_true(fd >= 0);
	assert_int_equal(
		setsockopt(fd, SOL_XDP, XDP_RX_RING, &size, sizeof(size)), 0);
	return fd;
}

static void listen_on(struct whither *skel, int socket)
{
	int map = bpf_map__fd(skel->maps.steer_sockets);
	u32 queue = 0;

	bpf_map_delete_elem(map, &queue);
	if (socket >= 0)
		assert_int_equal(bpf_map_update_elem(map, &queue, &socket, 0),
				 0);
}

static void read_counts(struct whither *skel, u64 sum[STEER_VERDICT_COUNT])
{
	int map = bpf_map__fd(skel->maps.steer_counts);
	int cpus = libbpf_num_possible_cpus();
	u64 each[1024];

	assert_in_range(cpus, 1, 1024);
	for (u32 v = 0; v < STEER_VERDICT_COUNT; v++) {
		assert_int_equal(bpf_map_lookup_elem(map, &v, each), 0);
		sum[v] = 0;
		for (int i = 0; i < cpus; i++)
			sum[v] += each[i];
	}
}

static void check_stamp(const u8 *at, u64 before, u8 result)
{
	struct steer_stamp stamp;

	memcpy(&stamp, at, sizeof(stamp));
	assert_int_equal(stamp.magic, STEER_MAGIC);
	assert_in_range(stamp.arrived_ns, before, clock_ns());
	assert_int_equal(stamp.proof.result, result);
	assert_int_equal(stamp.proof.ttl, 9);
	assert_int_equal(stamp.proof.attempt, 3);
}

static void check_row(struct whither *skel, const struct row *row)
{
	u64 counts[STEER_VERDICT_COUNT], then[STEER_VERDICT_COUNT], before;
	bool taken = row->verdict >= STEER_EXACT;
	struct cookie_key key = frame_key();
	u8 in[FRAME_MAX], out[FRAME_MAX + 256];
	unsigned int len, action, out_len = sizeof(out), meta;
	struct frame f = row->f;

	if (!row->no_cookie)
		frame_probe(&f, &key, 9, 3);
	f.quoted.field ^= row->wrong_field;
	len = frame_build(&f, in);
	before = clock_ns();
	skel->bss->steer_config.heartbeat_ns = before - row->silence_ns;
	read_counts(skel, counts);
	action = run_frame_on(bpf_program__fd(skel->progs.whither), ifindex, in,
			      len, out, &out_len, &meta);
	read_counts(skel, then);
	for (int v = 0; v < STEER_VERDICT_COUNT; v++)
		if (then[v] - counts[v] != (v == (int)row->verdict))
			fail_msg("%s: verdict %d counted %d times", row->what,
				 v, (int)(then[v] - counts[v]));
	assert_int_equal(action, taken ? XDP_REDIRECT : XDP_PASS);
	assert_int_equal(meta, taken ? sizeof(struct steer_stamp) : 0);
	assert_int_equal(out_len, len + meta);
	assert_memory_equal(out + meta, in, len);
	if (taken)
		check_stamp(out, before,
			    row->verdict == STEER_EXACT ? COOKIE_EXACT
							: COOKIE_REWRITTEN);
}

static struct whither *load(void)
{
	struct cookie_key key = frame_key();
	struct whither *skel = whither__open_and_load();

	assert_non_null(skel);
	memcpy((void *)&skel->bss->steer_config.key, &key, sizeof(key));
	return skel;
}

static void test_verdicts(void **state)
{
	unsigned int covered = 0;
	struct whither *skel;
	int socket;

	run_need_bpf();
	skel = load();
	socket = socket_open();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		listen_on(skel, rows[i].no_socket ? -1 : socket);
		check_row(skel, &rows[i]);
		covered |= 1U << rows[i].verdict;
	}
	assert_int_equal(covered, (1U << STEER_VERDICT_COUNT) - 1);
	close(socket);
	whither__destroy(skel);
}

/* Before a key and a heartbeat are set, nothing is ours. */
static void test_unset(void **state)
{
	u64 counts[STEER_VERDICT_COUNT];
	struct cookie_key key = frame_key();
	struct whither *skel;
	u8 in[FRAME_MAX], out[FRAME_MAX + 256];
	u64 taken = 0;

	run_need_bpf();
	skel = whither__open_and_load();
	assert_non_null(skel);
	for (unsigned int i = 0; i < frame_samples(); i++) {
		unsigned int len = frame_sample(&key, i, in), meta;
		unsigned int out_len = sizeof(out);

		assert_int_equal(
			run_frame_on(bpf_program__fd(skel->progs.whither),
				     ifindex, in, len, out, &out_len, &meta),
			XDP_PASS);
	}
	read_counts(skel, counts);
	for (int v = STEER_STALE; v < STEER_VERDICT_COUNT; v++)
		taken += counts[v];
	assert_int_equal(taken, 0);
	whither__destroy(skel);
}

static int set_up(void **state)
{
	if (geteuid() == 0)
		ifindex = run_interface();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_unset),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
