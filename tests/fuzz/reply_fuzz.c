/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply_fuzz: any octets at all as a frame, and as the options of a SYN/ACK.
 * Nothing outside is read, and what the parser, the cookie, the readers of
 * label stacks and of TCP options, and a TCP session in any state make of it
 * holds together.
 *
 * FUZZ_SEEDS names a folder of its corpus: the samples of the tests are
 * written there first.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame.h"
#include "invariants.h"
#include "probe/mpls.h"
#include "probe/tcp.h"
#include "trace/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void need(const char *broken)
{
	if (!broken)
		return;
	fprintf(stderr, "does not hold: %s\n", broken);
	abort();
}

static void read_labels(const u8 *frame, u32 len, const struct reply *r,
			const struct cookie_proof *p)
{
	enum { MAX = 3 };
	struct answer answer = {
		.reply = *r,
		.proof = *p,
		.frame = frame,
		.frame_len = len,
	};
	be32 label[MAX + 1];
	unsigned int n;

	label[MAX] = be32_put(0x5a5a5a5a);
	n = mpls_labels(&answer, label, MAX);
	if (n > 255 || (n && !r->ext_off))
		need("labels come from extensions");
	if (label[MAX] != be32_put(0x5a5a5a5a))
		need("no more labels than there is room for");
}

static void read_options(const u8 *frame, u32 len, const struct reply *r)
{
	const struct answer answer = {
		.reply = *r,
		.frame = frame,
		.frame_len = len,
	};
	struct tcp_said said;

	if (r->kind < REPLY_EXPIRED ||
	    (r->kind != REPLY_TCP && r->kind > REPLY_PARAM))
		return;
	memset(&said, 0xff, sizeof(said));
	if (r->kind == REPLY_TCP)
		tcp_read(&answer, &said);
	else
		tcp_read_quote(&answer, &said);
	if (said.what >= TCP_SAID_WHOLE << 1)
		need("nothing is said that has no name");
	if (said.what & TCP_SAID_WHOLE &&
	    (r->kind == REPLY_TCP || r->qproto != PROTO_TCP ||
	     said.what & TCP_SAID_MALFORMED))
		need("whole is only what was quoted, and sound");
	if ((said.mss && !(said.what & TCP_SAID_MSS)) ||
	    (said.scale && !(said.what & TCP_SAID_SCALE)))
		need("what was not said is 0");
}

/* RFC 9293 section 3.1, by another way than the reader's. */
static bool is_sound(const u8 *p, const u8 *end)
{
	static const u8 exact[9] = { [2] = 4, [3] = 3, [4] = 2, [8] = 10 };

	if (p == end || *p == 0)
		return true;
	if (*p == 1)
		return is_sound(p + 1, end);
	if (end - p < 2 || p[1] < 2 || p[1] > end - p)
		return false;
	if (*p < sizeof(exact) && exact[*p] && p[1] != exact[*p])
		return false;
	return is_sound(p + p[1], end);
}

/*
 * The first two octets are the header's own length, with AE beside it, and its
 * flags; the others stand behind it, in a segment that ends with them. What
 * pads the frame is no part of that.
 */
static void read_list(const u8 *data, size_t size)
{
	enum { MOST = 64, PAD = 8, L4 = 14 + 20, LEAST = 5 };
	u8 there = (u8)(size - 2 < MOST ? size - 2 : MOST), *frame;
	const struct frame f = {
		.ip = { 4, "203.0.113.9", "192.0.2.1" },
		.l4 = { PROTO_TCP, .payload = there, .flags = data[1] },
		.trailer = PAD,
	};
	u32 words = data[0] >> 4, claimed = (words - LEAST) * 4;
	struct answer a = {};
	struct tcp_said said;
	u8 at[FRAME_MAX];
	bool bad;

	a.frame_len = frame_build(&f, at);
	at[L4 + 12] = data[0];
	memcpy(at + L4 + 20, data + 2, there);
	memset(at + a.frame_len - PAD, 2, PAD); /* options, for who reads it */
	frame = malloc(a.frame_len);
	if (!frame)
		return;
	memcpy(frame, at, a.frame_len);
	a.frame = frame;
	if (reply_parse(frame, a.frame_len, &a.reply) == REPLY_TCP) {
		tcp_read(&a, &said);
		bad = words < LEAST || claimed > there ||
		      (data[1] & TCP_SYN &&
		       !is_sound(data + 2, data + 2 + claimed));
		if (bad != ((said.what & TCP_SAID_MALFORMED) != 0))
			need("a list is malformed if it is, and then alone");
		if (!(said.what & TCP_SAID_AE) != !(data[0] & TCP_OFFSET_AE))
			need("AE is its bit");
		if (!(data[1] & TCP_SYN) &&
		    said.what & ~(TCP_SAID_AE | TCP_SAID_MALFORMED))
			need("only a SYN has options");
	}
	free(frame);
}

static void read_sack(const struct answer *a)
{
	struct sack all;

	memset(&all, 0xff, sizeof(all));
	sack_read(a, &all);
	if (all.blocks > SACK_BLOCKS)
		need("no more blocks than there is room for");
	for (u32 i = 0; i < all.blocks; i++)
		if (!sack_covers(&all, all.left[i]) ||
		    !sack_covers(&all, all.right[i] - 1))
			need("a block covers what it begins and ends with");
	if (all.next - a->reply.seq - all.octets > 2)
		need("SYN and FIN are all that has numbers beside data");
	if (all.stamp && !all.stamped)
		need("what was not said is 0");
}

/* A session in that state; nothing is left to be said. */
static void stand(struct session *s, const struct session_rules *r, u8 state,
		  const struct addr *dst)
{
	struct aside seg;

	session_begin(s, dst, 0, 1);
	session_expire(s, r, 1);
	while (session_take(s, r, &seg))
		session_left(s, r, &seg, 1);
	s->state = state;
	s->due_ns = UINT64_MAX;
	if (state == SESSION_OPEN || state == SESSION_PROVING)
		s->said = TCP_SAID_SACK;
	if (state == SESSION_OPEN)
		s->fate = FATE_OPEN;
	s->filled = state == SESSION_CLOSING;
}

/* What it says, said twice: no more than a word is said to each, but that two
 * begin a session, and it stands where such a one may. */
static void hear_as(const struct answer *a, const struct session_rules *r,
		    u8 state)
{
	struct session s;
	struct sack sack;

	stand(&s, r, state, &a->dst);
	for (int i = 0; i < 2; i++) {
		bool opens = s.state == SESSION_OPENING;
		enum session_event e = session_hear(&s, r, a, &sack, 2);
		struct aside seg;
		unsigned int said = 0;

		for (; session_take(&s, r, &seg); said++)
			session_left(&s, r, &seg, 2);
		if (said > (opens ? 2 : 1))
			need("no more is said than was heard");
		if (said && a->reply.tcp_flags & TCP_RST)
			need("an RST is not answered");
		if (e > SESSION_GONE || s.state > SESSION_CLOSING ||
		    s.fate > FATE_RESET)
			need("states and fates have names");
		if (e == SESSION_FAILED &&
		    (s.fate <= FATE_COUNTED || s.state == SESSION_OPEN))
			need("it fails for a reason");
	}
}

static void hear(const u8 *frame, u32 len, const struct reply *r)
{
	struct cookie_key key = frame_key();
	const struct session_rules rules = { .key = &key,
					     .dport = r->sport,
					     .window = 100,
					     .wait_ns = 1,
					     .prove_ns = 1 };
	struct answer a = { .reply = *r,
			    .frame = frame,
			    .frame_len = len,
			    .dst = r->from,
			    .arrived_ns = 2 };

	key.mode = COOKIE_TCP_SESSION;
	key.attempts = 3;
	if (r->kind != REPLY_TCP)
		return;
	read_sack(&a);
	for (u8 state = SESSION_NONE; state <= SESSION_CLOSING; state++)
		hear_as(&a, &rules, state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cookie_key key = frame_key();
	struct cookie_proof proof, again;
	struct reply reply, twice;
	u8 *frame;

	if (size > FRAME_MAX)
		return 0;
	/* a block of its own: aligned like a frame, and ends like one */
	frame = malloc(size ? size : 1);
	if (!frame)
		return 0;
	memcpy(frame, data, size);
	reply_parse(frame, (u32)size, &reply);
	need(reply_broken(&reply, (u32)size));
	cookie_check(&key, &reply, &proof);
	need(proof_broken(&proof, &reply));
	memset(&twice, 0xff, sizeof(twice));
	memset(&again, 0xff, sizeof(again));
	reply_parse(frame, (u32)size, &twice);
	cookie_check(&key, &twice, &again);
	if (memcmp(&reply, &twice, sizeof(reply)) ||
	    memcmp(&proof, &again, sizeof(proof)))
		need("the same frame says the same twice");
	read_labels(frame, (u32)size, &reply, &proof);
	read_options(frame, (u32)size, &reply);
	if (size >= 2)
		read_list(data, size);
	hear(frame, (u32)size, &reply);
	free(frame);
	return 0;
}

static void write_seeds(const char *folder)
{
	struct cookie_key key = frame_key();
	u8 at[FRAME_MAX];

	for (unsigned int i = 0; i < frame_samples(); i++) {
		u32 len = frame_sample(&key, i, at);
		char path[4096];
		FILE *f;

		snprintf(path, sizeof(path), "%s/sample%02u", folder, i);
		f = fopen(path, "w");
		if (!f || fwrite(at, 1, len, f) != len || fclose(f)) {
			perror(path);
			exit(1);
		}
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	if (folder)
		write_seeds(folder);
	return 0;
}
