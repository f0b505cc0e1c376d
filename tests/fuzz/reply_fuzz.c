/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reply_fuzz: any octets at all as a frame. Nothing outside is read, and what
 * the parser, the cookie and the readers of label stacks and of TCP options say
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
