/* SPDX-License-Identifier: BSD-2-Clause */
/* told: what the TCP header of an answer says, in words. */
#include "out/told.h"

#include <stdio.h>

#include "probe/tcp.h"

enum { FLAGS = 8 };

/* From the lowest bit, as traceroute(8) has it. */
static const char *const flag_name[FLAGS] = { "fin", "syn", "rst", "psh",
					      "ack", "urg", "ece", "cwr" };

/* All of it together takes 73 characters. */
void told_text(const struct hop *h, char text[TOLD_TEXT])
{
	char *end = text;

	*text = '\0';
	if (h->kind != REPLY_TCP)
		return;
	for (int i = 0; i < FLAGS; i++)
		if (h->tcp_flags >> i & 1)
			end += sprintf(end, ",%s", flag_name[i]);
	if (h->tcp_said & TCP_SAID_AE)
		end += sprintf(end, ",ae");
	if (h->tcp_said & TCP_SAID_MSS)
		end += sprintf(end, ",MSS:%u", h->tcp_mss);
	if (h->tcp_said & TCP_SAID_SACK)
		end += sprintf(end, ",SACK");
	if (h->tcp_said & TCP_SAID_TIMESTAMPS)
		end += sprintf(end, ",TS");
	if (h->tcp_said & TCP_SAID_SCALE)
		end += sprintf(end, ",WS:%u", h->tcp_scale);
	if (h->tcp_said & TCP_SAID_MALFORMED)
		end += sprintf(end, ",malformed");
	if (end > text)
		memmove(text, text + 1, (size_t)(end - text));
}

void told_letters(const struct hop *h, char text[9])
{
	static const char letter[] = "FSRPAUEC";
	char *end = text;

	for (int i = 0; i < FLAGS; i++)
		if (h->tcp_flags >> i & 1)
			*end++ = letter[i];
	*end = '\0';
}
