/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap: probes and replies as a capture with nanoseconds; see formats.h. */
#include <errno.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "out/formats.h"
#include "out/frames.h"

enum {
	LINK_ETHERNET = 1,
	MAJOR = 2,
	MINOR = 4,
};

#define MAGIC_NS 0xa1b23c4du

/* In the byte order of the host: the magic number tells it. */
struct pcap_file {
	u32 magic;
	u16 major, minor;
	u32 zone, accuracy, snap, link;
};

struct pcap_packet {
	u32 sec, nsec, kept, len;
};

static int pcap_begin(struct out *o)
{
	const struct pcap_file head = {
		.magic = MAGIC_NS,
		.major = MAJOR,
		.minor = MINOR,
		.snap = FRAME_SNAP,
		.link = LINK_ETHERNET,
	};
	int err;

	if (!o->run->frames) {
		log_err("pcap is of packets: trace and sweep have them, "
			"results do not");
		return -EINVAL;
	}
	err = frames_open(o->run->frames);
	if (err == -EBUSY)
		log_err("pcap: one capture of a run is all there is");
	if (err)
		return err;
	o->state = o->run->frames;
	fwrite_unlocked(&head, sizeof(head), 1, o->to);
	return 0;
}

static void pcap_record(struct out *o, const struct record *r)
{
}

static void put_frame(struct out *o, const struct frame *f)
{
	u64 wall = f->at_ns + o->run->wall_offset_ns;
	const struct pcap_packet head = {
		.sec = (u32)(wall / NS_PER_S),
		.nsec = (u32)(wall % NS_PER_S),
		.kept = f->kept,
		.len = f->len,
	};

	fwrite_unlocked(&head, sizeof(head), 1, o->to);
	fwrite_unlocked(f->octets, 1, f->kept, o->to);
}

/* Frames come without any record: all that there are now are written. */
static bool pcap_idle(struct out *o)
{
	struct frames *frames = o->state;
	struct frame f;

	for (u32 i = 0; i < frames->lanes; i++)
		for (u32 n = 0; n < FRAMES_RING && frames_take(frames, i, &f);
		     n++)
			put_frame(o, &f);
	return !o->closing;
}

static int pcap_end(struct out *o)
{
	struct frames *frames = o->state;
	u64 lost = frames_lost(frames);

	pcap_idle(o);
	if (lost)
		log_warn("pcap: %llu frames came faster than they could be "
			 "written, and are not in it",
			 (unsigned long long)lost);
	frames_close(frames);
	o->state = NULL;
	return 0;
}

const struct out_format pcap_format = {
	.name = "pcap",
	.begin = pcap_begin,
	.record = pcap_record,
	.end = pcap_end,
	.idle = pcap_idle,
	.binary = true,
};
