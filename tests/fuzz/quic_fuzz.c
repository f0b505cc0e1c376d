/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_fuzz: any octets at all as a server's datagram. Nothing outside is read,
 * and what the reader says holds together.
 *
 * Built for fuzzers, an Initial that does not authenticate is read as if it had
 * never been protected: frames are reached both ways, through the cryptography
 * from seeds that are sealed, and past it by every mutation.
 *
 * FUZZ_SEEDS names a folder of its corpus: the samples of the tests are
 * written there first.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "quicframe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct quic_crypto crypto;

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static bool seen(const struct quic_reply *r, u32 what)
{
	return r->seen & what;
}

static void check_ranges(const struct quic_reply *r, u32 sent)
{
	need(r->ranges <= QUIC_RANGES, "no more ranges than there is room for");
	for (u32 i = 0; i < r->ranges; i++) {
		const struct quic_range *a = &r->range[i];

		need(a->first <= a->last, "a range has a number at least");
		need(a->last < sent, "what is acknowledged was sent");
		need(quic_reply_acknowledges(r, a->first) &&
			     quic_reply_acknowledges(r, a->last),
		     "a range's ends are acknowledged");
	}
	need(!quic_reply_acknowledges(r, sent), "what was not sent is not");
}

static void check(const struct quic_reply *r, const u8 *data, u32 size)
{
	need(r->seen && r->seen < 1 << QUIC_SEEN_COUNT,
	     "something is seen, and nothing that has no name");
	need(!r->ranges || seen(r, QUIC_SEEN_INITIAL),
	     "an ACK stands in an Initial");
	need(!seen(r, QUIC_SEEN_ECN) || seen(r, QUIC_SEEN_ACK),
	     "ECN counts stand in an ACK");
	need(seen(r, QUIC_SEEN_ECN) || (!r->ect0 && !r->ect1 && !r->ce),
	     "without them there are none");
	need(seen(r, QUIC_SEEN_CLOSE) || (!r->close_code && !r->close_frame),
	     "a code has a CONNECTION_CLOSE");
	need(!seen(r, QUIC_SEEN_HELLO_RETRY) || seen(r, QUIC_SEEN_HELLO),
	     "a HelloRetryRequest is a ServerHello");
	need(!r->scid.len || seen(r, QUIC_SEEN_INITIAL | QUIC_SEEN_RETRY),
	     "only what is authentic has an ID to keep");
	need(r->scid.len <= QUIC_CID_MAX, "IDs are bounded");
	need(!r->token == !seen(r, QUIC_SEEN_RETRY), "a Retry has a token");
	need(!r->token || (r->token > data && r->token_len &&
			   r->token + r->token_len == data + size - QUIC_TAG),
	     "a token is within its datagram");
	need(!r->offers == !seen(r, QUIC_SEEN_VERSIONS) &&
		     r->offers <= size / 4,
	     "versions are those of a Version Negotiation");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct quic_expected e = quicframe_expected(QUIC_V1);
	struct quic_reply r, twice;
	u8 *exact;

	if (size > QUICFRAME_MAX)
		return 0;
	exact = malloc(size ? size : 1);
	if (!exact)
		return 0;
	memcpy(exact, data, size);
	memset(&r, 0xff, sizeof(r));
	quic_reply_read(&crypto, &e, exact, (u32)size, &r);
	check(&r, exact, (u32)size);
	check_ranges(&r, e.sent);
	memset(&twice, 0, sizeof(twice));
	quic_reply_read(&crypto, &e, exact, (u32)size, &twice);
	need(!memcmp(&r, &twice, sizeof(r)),
	     "the same datagram says the same twice");
	free(exact);
	return 0;
}

static void write_seeds(const char *folder)
{
	u8 at[QUICFRAME_MAX];

	for (u32 i = 0; i < 2 * quicframe_samples(); i++) {
		u32 len = quicframe_sample(&crypto, i / 2, i & 1, at);
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

	if (quic_crypto_open(&crypto)) {
		fprintf(stderr, "no cryptography\n");
		exit(1);
	}
	if (folder)
		write_seeds(folder);
	return 0;
}
