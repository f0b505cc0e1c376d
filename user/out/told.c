/* SPDX-License-Identifier: BSD-2-Clause */
/* told: what the TCP header of an answer says, in words. */
#include "out/told.h"

#include <stdio.h>

#include "probe/probe.h"
#include "probe/tcp.h"

enum { FLAGS = 8 };

/* From the lowest bit, as traceroute(8) has it. */
static const char *const flag_name[FLAGS] = { "fin", "syn", "rst", "psh",
					      "ack", "urg", "ece", "cwr" };

/* As Pietrasanta traceroute has it: what answered, after a Retry or not. */
static void told_quic(const struct hop *h, char *text)
{
	const char *what = h->tcp_said & HOP_QUIC_INITIAL    ? "I"
			   : h->tcp_said & HOP_QUIC_VERSIONS ? "V"
							     : "U";

	sprintf(text, "Q:%s%s%s", h->tcp_said & HOP_QUIC_RETRY ? "R+" : "",
		what, h->tcp_said & HOP_QUIC_CLOSE ? ",close" : "");
}

/* All of it together takes 73 characters. */
void told_text(const struct hop *h, char text[TOLD_TEXT])
{
	char *end = text;

	*text = '\0';
	if (h->kind == REPLY_UDP && h->tcp_said)
		told_quic(h, text);
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

const char *const told_fates[] = {
	[FATE_NONE] = "not_begun",	  [FATE_OPEN] = "open",
	[FATE_COUNTED] = "counted",	  [FATE_REFUSED] = "refused",
	[FATE_UNANSWERED] = "unanswered", [FATE_UNPROVED] = "unproved",
	[FATE_RESET] = "reset",
};

const char *told_fate(u8 fate)
{
	switch ((enum session_fate)fate) {
	case FATE_COUNTED:
		return "No SACK: the session took one probe at a time.";
	case FATE_REFUSED:
		return "The session was refused: half-open probes instead.";
	case FATE_UNANSWERED:
		return "The session's SYN was not answered: half-open probes "
		       "instead.";
	case FATE_UNPROVED:
		return "The session takes nothing behind a gap: half-open "
		       "probes instead.";
	case FATE_RESET:
		return "The destination reset the session: half-open probes "
		       "from there on.";
	case FATE_NONE:
	case FATE_OPEN:
	case FATES:
		break;
	}
	return NULL;
}
