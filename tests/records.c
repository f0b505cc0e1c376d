/* SPDX-License-Identifier: BSD-2-Clause */
/* records: results made by hand, and what a format makes of them. */
#include "records.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/inet.h"
#include "reply.h"

const struct out_run records_run = {
	.command = "trace",
	.method = "udp",
	.strategy = "ladder",
	.wall_offset_ns = 1700000000 * NS_PER_S,
	.first_ttl = 1,
	.max_ttl = 30,
	.attempts = 3,
	.wait_ms = 3000,
};

struct record record_without(const char *src, const char *dst, u8 ttl,
			     u8 attempt, enum hop_state state)
{
	struct record r = {
		.sent_ns = ttl * NS_PER_S,
		.hop = {
			.rtt_us = HOP_RTT_UNKNOWN,
			.ttl = ttl,
			.attempt = attempt,
			.state = (u8)state,
		},
		.sport = 40000,
		.dport = 33434,
		.probe_size = 60,
		.proto = PROTO_UDP,
	};

	inet_parse(src, &r.src);
	inet_parse(dst, &r.dst);
	return r;
}

struct record record_of(const char *src, const char *dst, u8 ttl, u8 attempt,
			const char *from, u32 rtt_us)
{
	struct record r = record_without(src, dst, ttl, attempt, HOP_ANSWERED);

	inet_parse(from, &r.hop.from);
	r.arrived_ns = r.sent_ns + rtt_us * NS_PER_US;
	r.hop.rtt_us = rtt_us;
	r.hop.kind = REPLY_EXPIRED;
	r.hop.icmp_type =
		addr_is_v4(&r.hop.from) ? ICMP4_EXPIRED : ICMP6_EXPIRED;
	r.hop.size = addr_is_v4(&r.hop.from) ? 88 : 128;
	r.hop.quoted_size = r.probe_size;
	r.hop.quoted_ttl = 1;
	r.hop.reply_ttl = (u8)(256 - ttl);
	r.hop.auth_bits = 76;
	return r;
}

void records_join(struct record *r, unsigned int n, enum stop_reason why)
{
	for (unsigned int i = 0; i < n; i++)
		r[i].flags = RECORD_TRACE;
	r[0].flags |= RECORD_FIRST;
	r[n - 1].flags |= RECORD_LAST;
	r[n - 1].stop_reason = (u8)why;
}

char *records_render(const struct out_format *format, const struct out_run *run,
		     const struct record *r, unsigned int n)
{
	char *text = NULL;
	size_t size;
	struct out o = {
		.format = format,
		.run = run,
		.to = open_memstream(&text, &size),
	};

	if (!o.to)
		return NULL;
	if (format->begin(&o)) {
		fclose(o.to);
		return NULL;
	}
	for (unsigned int i = 0; i < n; i++)
		format->record(&o, &r[i]);
	format->end(&o);
	fclose(o.to);
	return text;
}
