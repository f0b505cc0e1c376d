/* SPDX-License-Identifier: BSD-2-Clause */
/* names_test: look-ups against a resolver made of two sockets. */
#include "out/names.h"

#include <ares.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/inet.h"

enum { MESSAGE = 1024 };

/* The resolver's end of whatever socket the channel opens. */
static struct resolver {
	int fd;
	u8 query[MESSAGE];
	ssize_t len;
} resolver;

static ares_socket_t fake_socket(int family, int type, int protocol, void *arg)
{
	struct resolver *r = arg;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fd))
		return ARES_SOCKET_BAD;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd[1];
	return fd[0];
}

static int fake_close(ares_socket_t fd, void *arg)
{
	return close(fd);
}

static int fake_connect(ares_socket_t fd, const struct sockaddr *to,
			ares_socklen_t len, void *arg)
{
	return 0;
}

static ares_ssize_t fake_recvfrom(ares_socket_t fd, void *data, size_t size,
				  int flags, struct sockaddr *from,
				  ares_socklen_t *len, void *arg)
{
	struct sockaddr_in server = {
		.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr.s_addr = htonl(0xc0000235),
	};

	if (from) {
		memcpy(from, &server, sizeof(server));
		*len = sizeof(server);
	}
	return recv(fd, data, size, 0);
}

static ares_ssize_t fake_sendv(ares_socket_t fd, const struct iovec *io, int n,
			       void *arg)
{
	return writev(fd, io, n);
}

static const struct ares_socket_functions fake = {
	fake_socket, fake_close, fake_connect, fake_recvfrom, fake_sendv,
};

static void open_names(struct names *n)
{
	struct in_addr server = { htonl(0xc0000235) }; /* 192.0.2.53 */
	struct ares_options options = {
		.timeout = 60000,
		.tries = 1,
		.servers = &server,
		.nservers = 1,
		.lookups = (char[]){ "b" },
	};
	ares_channel channel;

	resolver.fd = -1;
	assert_int_equal(ares_library_init(ARES_LIB_INIT_ALL), 0);
	assert_int_equal(ares_init_options(&channel, &options,
					   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
						   ARES_OPT_SERVERS |
						   ARES_OPT_LOOKUPS),
			 0);
	ares_set_socket_functions(channel, &fake, &resolver);
	assert_int_equal(names_open_channel(n, channel), 0);
}

static void close_names(struct names *n)
{
	names_close(n);
	if (resolver.fd >= 0)
		close(resolver.fd);
}

/* The name that is asked for, in dots. */
static const char *hear_query(void)
{
	static char name[256];
	const u8 *p = resolver.query + 12;
	char *out = name;

	resolver.len = recv(resolver.fd, resolver.query, MESSAGE, 0);
	assert_true(resolver.len > 12);
	while (*p) {
		out = mempcpy(out, p + 1, *p);
		*out++ = '.';
		p += *p + 1;
	}
	*out = '\0';
	return name;
}

/* Answers what was heard: one PTR of these wire octets; none if len is 0. */
static void answer(const void *name, u16 len)
{
	u8 m[2 * MESSAGE], *p;
	static const u8 record[] = {
		0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60
	}; /* the question's name, PTR, IN, 60 s */

	p = mempcpy(m, resolver.query, (size_t)resolver.len);
	m[2] = 0x81;
	m[3] = len ? 0x80 : 0x83; /* no such name */
	m[7] = len ? 1 : 0;
	m[11] = 0; /* no OPT */
	if (len) {
		p = mempcpy(p, record, sizeof(record));
		*p++ = (u8)(len >> 8);
		*p++ = (u8)len;
		p = mempcpy(p, name, len);
	}
	assert_true(send(resolver.fd, m, (size_t)(p - m), 0) > 0);
}

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return a;
}

static void test_v4(void **state)
{
	struct addr a = addr_of("192.0.2.7");
	struct names n = {};

	open_names(&n);
	assert_null(names_find(&n, &a));
	assert_string_equal(hear_query(), "7.2.0.192.in-addr.arpa.");
	names_work(&n);
	assert_null(names_find(&n, &a));
	answer("\2r1\7example", 12);
	names_work(&n);
	assert_string_equal(names_find(&n, &a), "r1.example");
	/* known: nobody is asked again */
	assert_int_equal(recv(resolver.fd, resolver.query, MESSAGE, 0), -1);
	close_names(&n);
}

static void test_v6(void **state)
{
	struct addr a = addr_of("2001:db8::7");
	struct names n = {};

	open_names(&n);
	assert_null(names_find(&n, &a));
	assert_string_equal(hear_query(),
			    "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			    "8.b.d.0.1.0.0.2.ip6.arpa.");
	answer("\2r6\7example", 12);
	names_work(&n);
	assert_string_equal(names_find(&n, &a), "r6.example");
	close_names(&n);
}

static void check_name(const void *wire, u16 len, const char *want)
{
	struct addr a = addr_of("192.0.2.7");
	struct names n = {};

	open_names(&n);
	assert_null(names_find(&n, &a));
	hear_query();
	answer(wire, len);
	names_work(&n);
	assert_string_equal(names_find(&n, &a), want);
	close_names(&n);
}

static void test_none(void **state)
{
	check_name(NULL, 0, ""); /* no such name */
	check_name("\0", 1, ""); /* the root */
}

/* Whatever the resolver library lets through of such a name, no octet of it
 * reaches the terminal that could do harm there. */
static void test_hostile(void **state)
{
	static const struct {
		const char *wire;
		u16 len;
	} hostile[] = {
		{ "\6\x1b[31mx\7example", 16 },
		{ "\4a\nb\r\7example", 14 },
		{ "\3a b\7example", 13 },
		{ "\3\x80\xff\x9b\7example", 13 },
		{ "\5a(b);\7example", 15 },
		{ "\3\\%s\7example", 13 },
	};

	for (unsigned int i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct addr a = addr_of("192.0.2.7");
		struct names n = {};
		const char *name;

		open_names(&n);
		assert_null(names_find(&n, &a));
		hear_query();
		answer(hostile[i].wire, hostile[i].len);
		names_work(&n);
		name = names_find(&n, &a);
		assert_non_null(name);
		for (; *name; name++)
			assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz"
					       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					       "0123456789-._\\",
					       *name));
		close_names(&n);
	}
}

static void test_escape(void **state)
{
	char text[NAMES_TEXT], long_name[2000];

	assert_string_equal(names_escape("Core-1_a.example", text),
			    "Core-1_a.example");
	assert_string_equal(names_escape("", text), "");
	assert_string_equal(names_escape("a\x1b[2J\n\x80 \\", text),
			    "a\\x1b\\x5b2J\\x0a\\x80\\x20\\x5c");
	memset(long_name, '\xff', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(strlen(names_escape(long_name, text)), 4 * 255);
}

/* What is not ours, or makes no sense, is no answer and does no harm. */
static void test_rubbish(void **state)
{
	struct addr a = addr_of("192.0.2.7");
	struct names n = {};
	u8 m[600];

	open_names(&n);
	assert_null(names_find(&n, &a));
	hear_query();
	srand(5);
	for (int round = 0; round < 200; round++) {
		size_t len = (size_t)rand() % sizeof(m);

		for (size_t i = 0; i < len; i++)
			m[i] = (u8)rand();
		memcpy(m, resolver.query, 2);
		m[0] ^= 1; /* another query's number */
		assert_int_equal(send(resolver.fd, m, len, 0), len);
		names_work(&n);
		assert_null(names_find(&n, &a));
	}
	answer("\2r1\7example", 12);
	names_work(&n);
	assert_string_equal(names_find(&n, &a), "r1.example");
	close_names(&n);
}

/* The table is bounded: who comes too late has no name. */
static void test_full(void **state)
{
	struct names n = {};
	char text[32];
	struct addr a;

	open_names(&n);
	for (int i = 0; i < NAMES_KNOWN; i++) {
		snprintf(text, sizeof(text), "198.18.%d.%d", i >> 8, i & 255);
		a = addr_of(text);
		assert_null(names_find(&n, &a));
		hear_query();
		answer(NULL, 0);
		names_work(&n);
		assert_string_equal(names_find(&n, &a), "");
	}
	a = addr_of("192.0.2.7");
	assert_string_equal(names_find(&n, &a), "");
	assert_int_equal(recv(resolver.fd, resolver.query, MESSAGE, 0), -1);
	close_names(&n);
}

/* Closing ends what is under way; closing again does nothing. */
static void test_close(void **state)
{
	struct addr a = addr_of("192.0.2.7");
	struct names n = {};

	names_close(&n);
	open_names(&n);
	assert_null(names_find(&n, &a));
	close_names(&n);
	names_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),     cmocka_unit_test(test_v6),
		cmocka_unit_test(test_none),   cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_escape), cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_full),   cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
