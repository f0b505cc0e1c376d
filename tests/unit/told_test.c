/* SPDX-License-Identifier: BSD-2-Clause */
/* told_test: what a TCP answer says, as people and RIPE Atlas read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "out/formats.h"
#include "out/told.h"
#include "probe/tcp.h"
#include "records.h"

enum {
	OPEN = TCP_SYN | TCP_ACK,
	CLOSED = TCP_RST | TCP_ACK,
	ALL = TCP_SAID_MSS | TCP_SAID_SACK | TCP_SAID_TIMESTAMPS |
	      TCP_SAID_SCALE,
};

static const struct row {
	struct hop hop;
	const char *text, *letters;
} rows[] = {
	{ { .kind = REPLY_TCP, .tcp_flags = CLOSED }, "rst,ack", "RA" },
	{ { .kind = REPLY_TCP, .tcp_flags = TCP_RST }, "rst", "R" },
	{ { .kind = REPLY_TCP, .tcp_flags = OPEN }, "syn,ack", "SA" },
	{ { .kind = REPLY_TCP,
	    .tcp_flags = OPEN,
	    .tcp_said = ALL,
	    .tcp_mss = 1460,
	    .tcp_scale = 7 },
	  "syn,ack,MSS:1460,SACK,TS,WS:7",
	  "SA" },
	{ { .kind = REPLY_TCP,
	    .tcp_flags = OPEN | TCP_ECE,
	    .tcp_said = TCP_SAID_MSS | TCP_SAID_MALFORMED,
	    .tcp_mss = 0 },
	  "syn,ack,ece,MSS:0,malformed",
	  "SAE" },
	{ { .kind = REPLY_TCP,
	    .tcp_flags = OPEN | TCP_CWR,
	    .tcp_said = TCP_SAID_AE },
	  "syn,ack,cwr,ae",
	  "SAC" },
	{ { .kind = REPLY_TCP,
	    .tcp_flags = 0xff,
	    .tcp_said = 0x3f,
	    .tcp_mss = 65535,
	    .tcp_scale = 255 },
	  "fin,syn,rst,psh,ack,urg,ece,cwr,ae,MSS:65535,SACK,TS,WS:255,"
	  "malformed",
	  "FSRPAUEC" },
	{ { .kind = REPLY_TCP }, "", "" },
	{ { .kind = REPLY_EXPIRED, .tcp_flags = OPEN }, "", "SA" },
};

static void words(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[TOLD_TEXT], letters[9];

		told_text(&rows[i].hop, text);
		assert_string_equal(text, rows[i].text);
		told_letters(&rows[i].hop, letters);
		assert_string_equal(letters, rows[i].letters);
	}
}

static struct record answer(u8 attempt, u8 flags, u8 said)
{
	struct record r = record_of("192.0.2.1", "198.51.100.9", 2, attempt,
				    "198.51.100.9", 5);

	r.proto = PROTO_TCP;
	r.dport = 80;
	r.hop.kind = REPLY_TCP;
	r.hop.icmp_type = 0;
	r.hop.quoted_size = r.hop.quoted_ttl = 0;
	r.hop.size = 60;
	r.hop.flags = HOP_REACHED | HOP_FINAL;
	r.hop.tcp_flags = flags;
	r.hop.tcp_said = said;
	r.hop.tcp_mss = said & TCP_SAID_MSS ? 1460 : 0;
	return r;
}

/* Printed with the address, and again only where either differs. */
static void in_a_trace(void **state)
{
	struct record r[] = {
		record_of("192.0.2.1", "198.51.100.9", 1, 0, "10.0.0.1", 5),
		answer(0, OPEN, TCP_SAID_MSS),
		answer(1, OPEN, TCP_SAID_MSS),
		answer(2, CLOSED, 0),
	};
	char *text;

	r[0].proto = PROTO_TCP;
	records_join(r, 4, STOP_COMPLETED);
	text = records_render(&text_format, &records_run, r, 4);
	assert_string_equal(text,
			    "traceroute to 198.51.100.9 (198.51.100.9), 30 "
			    "hops max, 60 byte packets\n"
			    " 1  10.0.0.1  0.005 ms\n"
			    " 2  198.51.100.9 <syn,ack,MSS:1460>  0.005 ms  "
			    "0.005 ms 198.51.100.9 <rst,ack>  0.005 ms\n");
	free(text);
	text = records_render(&atlas_format, &records_run, r, 4);
	assert_non_null(strstr(text, "\"proto\":\"TCP\",\"af\":4,\"size\":0,"));
	assert_non_null(strstr(text,
			       "{\"from\":\"198.51.100.9\",\"ttl\":254,"
			       "\"size\":60,\"rtt\":0.005,\"flags\":\"SA\","
			       "\"hdropts\":[{\"mss\":1460}]}"));
	assert_non_null(strstr(text, "\"rtt\":0.005,\"flags\":\"RA\"}"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(in_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
