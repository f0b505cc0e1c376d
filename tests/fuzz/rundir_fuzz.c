/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rundir_fuzz: any octets at all as a segment and as a checkpoint. Nothing
 * outside is read, what is taken makes sense, and written again it is the
 * same.
 *
 * The first octet says what the rest is: 0, a segment as it stands; 1, a
 * checkpoint as it stands; 2, a checkpoint whose checksum is made right; else,
 * frames, each a type and a length of two octets before its payload, which
 * are sealed: so that the fuzzer need not guess checksums.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/crc32c.h"
#include "out/rundir.h"
#include "out/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { RUN = 7, ROOM = 1 << 16 };

static const u64 LIMIT[3] = { 10, 1 << 20, UINT64_MAX };

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("does not hold: %s\n", what);
	fflush(stdout);
	abort();
}

/* Written again alone, it is the same. */
static int take(void *to, const struct record *r, u64 wall_offset_ns)
{
	struct record before = {}, again = {};
	u8 octets[SEGMENT_RECORD_MAX];
	size_t n = segment_put(octets, &before, r);

	(void)to;
	(void)wall_offset_ns;
	need(n <= sizeof(octets), "a record has room");
	need(segment_get(octets, n, &again) == (ssize_t)n, "it is read back");
	need(!memcmp(&again, r, 4 * SEGMENT_WORDS), "it is the same");
	need(r->hop.state <= HOP_LOST, "its state exists");
	return 0;
}

static void read_segment(const u8 *octets, size_t n, bool begun)
{
	struct segment_scan s = { .run = RUN, .take = take };
	u8 *block = malloc(n ? n : 1);

	if (!block)
		return;
	memcpy(block, octets, n);
	need(!segment_scan(&s, block, n), "nobody ended it");
	need(s.good <= n, "no more is good than there is");
	need(!s.why == (s.good == n), "what is not good has a reason");
	need(!begun || s.good, "its beginning is good");
	free(block);
}

static void read_sealed(const u8 *data, size_t size)
{
	static u8 segment[ROOM + 1024];
	const struct segment_begin b = {
		.magic = SEGMENT_MAGIC,
		.run = RUN,
		.format = SEGMENT_FORMAT,
	};
	size_t n;

	memcpy(segment + SEGMENT_HEAD, &b, sizeof(b));
	n = segment_seal(segment, SEGMENT_BEGIN, 0, sizeof(b));
	for (u64 sequence = 1; size > 3; sequence++) {
		size_t length = (size_t)data[1] << 8 | data[2];

		if (length > size - 3)
			length = size - 3;
		if (n + length + SEGMENT_HEAD + SEGMENT_TAIL > ROOM)
			break;
		memcpy(segment + n + SEGMENT_HEAD, data + 3, length);
		n += segment_seal(segment + n, (enum segment_type)(data[0] & 3),
				  sequence, length);
		data += 3 + length;
		size -= 3 + length;
	}
	read_segment(segment, n, true);
}

static void read_checkpoint(const u8 *data, size_t size, bool mend)
{
	struct rundir_checkpoint c = {};
	size_t where = SIZE_MAX;
	const char *why;

	if (mend) {
		memcpy(&c, data, size < sizeof(c) ? size : sizeof(c));
		c.crc = crc32c(0, &c, offsetof(struct rundir_checkpoint, crc));
		data = (const u8 *)&c;
		size = sizeof(c);
	}
	why = rundir_judge(data, size, RUN, LIMIT, 3, &where);
	need(where <= sizeof(c), "where is in it");
	if (why)
		return;
	need(size == sizeof(c), "it is whole");
	memcpy(&c, data, sizeof(c));
	need(c.run == RUN && c.parts == 3, "it is this run's");
	for (u32 i = 0; i < RUNDIR_PARTS; i++)
		need(c.settled[i] <= (i < 3 ? LIMIT[i] : 0), "no wider");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0]) {
	case 0:
		read_segment(data + 1, size - 1, false);
		break;
	case 1:
	case 2:
		read_checkpoint(data + 1, size - 1, data[0] == 2);
		break;
	default:
		read_sealed(data + 1, size - 1);
	}
	return 0;
}

static void seed(const char *folder, const char *name, u8 kind, const void *p,
		 size_t n)
{
	char path[512];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	to = fopen(path, "w");
	if (!to)
		return;
	putc(kind, to);
	fwrite(p, 1, n, to);
	fclose(to);
}

/* FUZZ_SEEDS names a folder of its corpus. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");
	struct rundir_checkpoint c = { .run = RUN, .parts = 3 };
	struct record before = {}, r = { .hop.ttl = 3, .hop.rtt_us = 1000 };
	u8 frame[3 + SEGMENT_RECORD_MAX] = { SEGMENT_ALONE };
	size_t n;

	(void)argc;
	(void)argv;
	if (!folder)
		return 0;
	n = segment_put(frame + 3, &before, &r);
	frame[2] = (u8)n;
	seed(folder, "sealed", 3, frame, 3 + n);
	c.magic = RUNDIR_MAGIC;
	c.format = SEGMENT_FORMAT;
	seed(folder, "checkpoint", 2, &c, sizeof(c));
	n = segment_seal(frame, SEGMENT_BEGIN, 0, 32);
	seed(folder, "segment", 0, frame, n);
	return 0;
}
