/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_test: the kernel and user space must read every frame alike. Frames
 * of every kind, damaged at random, go through both builds of the parser and
 * of the cookie's check; what they say is compared octet for octet.
 */
#include "bpf/run.h"
#include "frame.h"

#include "parse.skel.h"

enum { FRAMES = 1200000, SHARE_RANDOM = 16 };

static const u64 seed = 20240607;

struct seen {
	unsigned int kind[REPLY_UDP + 1];
	unsigned int result[COOKIE_REWRITTEN + 1];
};

static struct parse *load(void)
{
	struct parse *skel;

	run_need_bpf();
	skel = parse__open_and_load();
	assert_non_null(skel);
	skel->bss->parse_key = frame_key();
	return skel;
}

static void print_frame(const u8 *frame, u32 len)
{
	for (u32 i = 0; i < len; i++)
		print_message("%02x%s", frame[i], i % 16 == 15 ? "\n" : " ");
	print_message("\n");
}

static void compare(struct parse *skel, int fd, const u8 *frame, u32 len,
		    struct seen *seen)
{
	struct cookie_key key = skel->bss->parse_key;
	struct cookie_proof proof;
	struct reply reply;

	run_frame(fd, frame, len, NULL, NULL);
	reply_parse(frame, len, &reply);
	cookie_check(&key, &reply, &proof);
	seen->kind[reply.kind]++;
	seen->result[proof.result]++;
	if (!memcmp(&reply, &skel->bss->parse_reply, sizeof(reply)) &&
	    !memcmp(&proof, &skel->bss->parse_proof, sizeof(proof)))
		return;
	print_message("kernel: kind %u, result %u; user: kind %u, result %u\n",
		      skel->bss->parse_reply.kind,
		      skel->bss->parse_proof.result, reply.kind, proof.result);
	print_frame(frame, len);
	fail_msg("kernel and user space differ");
}

static void test_samples(void **state)
{
	struct parse *skel = load();
	int fd = bpf_program__fd(skel->progs.parse);
	struct seen seen = {};
	u8 frame[FRAME_MAX];

	for (unsigned int i = 0; i < frame_samples(); i++) {
		u32 len = frame_sample(&skel->bss->parse_key, i, frame);

		for (; len >= RUN_MIN; len--)
			compare(skel, fd, frame, len, &seen);
	}
	parse__destroy(skel);
}

/* One in SHARE_RANDOM is noise behind an Ethernet header, the rest samples
 * with a few octets wrong. */
static u32 next_frame(const struct cookie_key *key, u8 *frame, u64 *state)
{
	u64 r = frame_random(state);
	u32 len;

	if (r % SHARE_RANDOM == 0) {
		len = RUN_MIN + (u32)(r >> 8) % 512;
		for (u32 i = 0; i < len; i += 8) {
			u64 v = frame_random(state);

			memcpy(frame + i, &v, sizeof(v));
		}
		memcpy(frame + 12, r >> 20 & 1 ? "\x08\x00" : "\x86\xdd", 2);
		frame[14] = r >> 20 & 1 ? 0x45 : 0x60;
		return len;
	}
	len = frame_sample(key, (unsigned int)(r >> 8) % frame_samples(),
			   frame);
	return frame_mutate(frame, len, RUN_MIN, state);
}

static void test_mutants(void **state)
{
	struct parse *skel = load();
	int fd = bpf_program__fd(skel->progs.parse);
	struct cookie_key key = skel->bss->parse_key;
	struct seen seen = {};
	u8 frame[FRAME_MAX];
	u64 random = seed;

	for (int i = 0; i < FRAMES; i++) {
		u32 len = next_frame(&key, frame, &random);

		compare(skel, fd, frame, len, &seen);
	}
	/* a run that never came to a branch has said nothing about it */
	for (int i = 0; i <= REPLY_UDP; i++) {
		print_message("kind %d: %u\n", i, seen.kind[i]);
		assert_true(seen.kind[i] >= FRAMES / 200);
	}
	for (int i = 0; i <= COOKIE_REWRITTEN; i++) {
		print_message("result %d: %u\n", i, seen.result[i]);
		assert_true(seen.result[i] >= FRAMES / 200);
	}
	parse__destroy(skel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
