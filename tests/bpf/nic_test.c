/* SPDX-License-Identifier: BSD-2-Clause */
/* nic_test: what is read of an interface, against a veth pair and XDP. */
#include "io/nic.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
#include "io/delivered.h"
#include "lib/clock.h"
#include "twonets.h"

enum { COUNT = 1000 };

static unsigned int v1_index(void)
{
	unsigned int i;

	twonets_enter_far();
	i = if_nametoindex("v1");
	twonets_enter_near();
	return i;
}

static int load_pass(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "let_pass", "GPL", pass, 2,
			     NULL);
}

/* Redirects every frame to the interface. */
static int load_launch(int ifindex)
{
	const struct bpf_insn launch[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = 1,
		  .imm = ifindex },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "launch", "GPL", launch, 4,
			     NULL);
}

static void facts(void **state)
{
	struct nic_info nic;
	int fd;

	twonets_need();
	assert_int_equal(nic_read(&nic, "v0"), 0);
	assert_string_equal(nic.ifname, "v0");
	assert_string_equal(nic.driver, "veth");
	assert_true(nic.ethernet && nic.up && nic.carrier && !nic.loopback);
	assert_int_equal(nic.mtu, 1500);
	assert_true(nic.rx_queues >= 1 && nic.tx_queues >= 1);
	assert_int_equal(nic.peer_ifindex, v1_index());
	assert_int_equal(nic.xdp_mode, NIC_XDP_NONE);
	assert_int_equal(nic.xdp_id, 0);
	if (nic.features_known)
		assert_true(nic.features & NIC_XDP_BASIC);

	fd = load_pass();
	assert_true(fd >= 0);
	assert_int_equal(
		bpf_xdp_attach(nic.ifindex, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	assert_int_equal(nic_read(&nic, "v0"), 0);
	assert_int_equal(nic.xdp_mode, NIC_XDP_NATIVE);
	assert_int_not_equal(nic.xdp_id, 0);
	assert_string_equal(nic.xdp_name, "let_pass");
	bpf_xdp_detach(nic.ifindex, XDP_FLAGS_DRV_MODE, NULL);
	assert_int_equal(
		bpf_xdp_attach(nic.ifindex, fd, XDP_FLAGS_SKB_MODE, NULL), 0);
	assert_int_equal(nic_read(&nic, "v0"), 0);
	assert_int_equal(nic.xdp_mode, NIC_XDP_GENERIC);
	assert_string_equal(nic.xdp_name, "let_pass");
	bpf_xdp_detach(nic.ifindex, XDP_FLAGS_SKB_MODE, NULL);
	close(fd);

	assert_int_equal(nic_read(&nic, "lo"), 0);
	assert_true(nic.loopback && !nic.ethernet);
	assert_int_equal(nic_read(&nic, "nosuch"), -ENODEV);
}

static u64 run_live(int fd, const u8 *frame, u32 len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = len, .repeat = COUNT,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	u64 before, after;

	assert_int_equal(nic_delivered("v0", &before), 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	after = before;
	for (int i = 0; i < 20 && after - before < COUNT; i++) {
		assert_int_equal(nic_delivered("v0", &after), 0);
		clock_sleep(10 * NS_PER_MS);
	}
	return after - before;
}

/* Live frames are counted when they arrive, and are not when the other end
 * lets them fall, although the kernel reports success. */
static void live_frames_are_counted(void **state)
{
	struct frame f = {
		.ip = { .family = 4,
			.src = "10.99.0.1",
			.dst = "10.99.0.2",
			.ttl = 64 },
		.l4 = { .proto = PROTO_ICMP, .payload = 16 },
	};
	struct delivered_all all = {};
	struct delivered d, beside;
	u8 frame[FRAME_MAX];
	int fd, pass, err;
	u64 missing;
	u32 len;

	twonets_need();
	len = frame_build(&f, frame);
	fd = load_launch((int)if_nametoindex("v0"));
	pass = load_pass();
	assert_true(fd >= 0 && pass >= 0);
	assert_int_equal(delivered_open(&d, (int)if_nametoindex("v0"), "veth"),
			 0);
	assert_int_equal(
		delivered_open(&beside, (int)if_nametoindex("v0"), "veth"), 0);
	beside.all = &all;
	assert_in_range(run_live(fd, frame, len), 0, 8);
	assert_true(delivered_missing(&d, COUNT, &missing));
	assert_in_range(missing, COUNT - 8, COUNT);
	/* who stands beside others learns it when nobody sends */
	delivered_begin(&beside);
	assert_false(delivered_missing(&beside, 0, &missing));
	delivered_end(&beside, COUNT);
	assert_true(delivered_missing(&beside, 0, &missing));
	assert_in_range(missing, COUNT - 8, COUNT);
	twonets_enter_far();
	err = bpf_xdp_attach((int)if_nametoindex("v1"), pass,
			     XDP_FLAGS_DRV_MODE, NULL);
	twonets_enter_near();
	assert_int_equal(err, 0);
	assert_in_range(run_live(fd, frame, len), COUNT, COUNT + 8);
	assert_true(delivered_missing(&d, COUNT, &missing));
	assert_int_equal(missing, 0);
	delivered_begin(&beside);
	delivered_end(&beside, COUNT);
	assert_true(delivered_missing(&beside, 0, &missing));
	assert_int_equal(missing, 0);
	delivered_close(&d);
	delivered_close(&beside);
	close(fd);
	close(pass);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts),
		cmocka_unit_test(live_frames_are_counted),
	};

	return cmocka_run_group_tests(tests, twonets_setup, twonets_teardown);
}
