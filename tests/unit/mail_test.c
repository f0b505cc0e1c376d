/* SPDX-License-Identifier: BSD-2-Clause */
/* mail_test: what one worker heard for another comes as it was, frame and all,
 * however often the ring goes round. */
#include "trace/mail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reply.h"

enum { MANY = 3 * MAIL_RING };

/* Octets that no other answer has. */
static void fill(u8 *frame, u32 len, u32 number)
{
	for (u32 i = 0; i < len; i++)
		frame[i] = (u8)(number * 31 + (number >> 8) + i);
}

static void put(struct mailroom *m, u32 number, u32 len, u8 kind)
{
	u8 *frame = malloc(len);
	struct answer a = { .frame = frame, .frame_len = len };

	a.reply.kind = kind;
	a.arrived_ns = number;
	fill(frame, len, number);
	mail_put(m, 0, 1, &a);
	memset(frame, 0xee, len);
	free(frame);
}

static u32 least(u32 a, u32 b)
{
	return a < b ? a : b;
}

static void check(const struct answer *a, u32 number, u32 len)
{
	u8 want[MAIL_DATAGRAM];

	assert_int_equal(a->arrived_ns, number);
	assert_int_equal(a->frame_len, len);
	fill(want, len, number);
	assert_memory_equal(a->frame, want, len);
}

/* All that fits is written before anything is read, and all that was taken is
 * still as it was when as much has been written again. */
static void go_round(u32 frame, u32 len, u8 kind)
{
	struct mail mail[MAIL_TAKEN];
	struct mailroom m;
	u32 sent = 0, seen = 0;

	assert_int_equal(mailroom_open(&m, 2, frame), 0);
	while (seen < MANY) {
		unsigned int n;

		while (mail_room(&m, 0))
			put(&m, sent++, len, kind);
		n = mail_take(&m, 1, mail, MAIL_TAKEN);
		assert_int_equal(n, MAIL_TAKEN);
		while (mail_room(&m, 0))
			put(&m, sent++, len, kind);
		for (unsigned int i = 0; i < n; i++)
			check(&mail[i].answer, seen++, least(len, frame));
	}
	mailroom_close(&m);
}

static void errors(void **state)
{
	go_round(MAIL_FRAME, 70, REPLY_EXPIRED);
	go_round(MAIL_FRAME, 1514, REPLY_EXPIRED);
}

static void datagrams(void **state)
{
	go_round(MAIL_DATAGRAM, 1514, REPLY_UDP);
}

/* Extensions beyond what is kept are not there. */
static void extensions(void **state)
{
	u8 frame[MAIL_FRAME + 4] = {};
	struct answer a = { .frame = frame, .frame_len = sizeof(frame) };
	struct mail mail[MAIL_TAKEN];
	struct mailroom m;

	assert_int_equal(mailroom_open(&m, 2, MAIL_FRAME), 0);
	a.reply.kind = REPLY_EXPIRED;
	a.reply.ext_len = 8;
	a.reply.ext_off = MAIL_FRAME - 8;
	mail_put(&m, 0, 1, &a);
	a.reply.ext_off++;
	mail_put(&m, 0, 1, &a);
	assert_int_equal(mail_take(&m, 1, mail, MAIL_TAKEN), 2);
	assert_int_equal(mail[0].answer.reply.ext_len, 8);
	assert_int_equal(mail[1].answer.reply.ext_len, 0);
	mailroom_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
