/* SPDX-License-Identifier: BSD-2-Clause */
/* ports_test: blocks of ports are held, and given back; in a namespace. */
#include "io/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "twonets.h"

static int bind_any(int family, int type, u16 port)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET,
				   .sin_port = htons(port) };
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	int err = family == AF_INET
			  ? bind(fd, (struct sockaddr *)&to4, sizeof(to4))
			  : bind(fd, (struct sockaddr *)&to6, sizeof(to6));

	if (!err)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int bind_udp(int family, u16 port)
{
	return bind_any(family, SOCK_DGRAM, port);
}

static int bind_tcp(int family, u16 port)
{
	return bind_any(family, SOCK_STREAM, port);
}

static void hold_ports(void **state)
{
	struct ports p, q;
	int fd;

	twonets_need();
	assert_int_equal(ports_open(&p, false, 4), 0);
	assert_int_equal(p.bits, 4);
	assert_int_equal(p.base, 65536 - 16);
	assert_int_equal(bind_udp(AF_INET, p.base), -EADDRINUSE);
	assert_int_equal(bind_udp(AF_INET, (u16)(p.base + 15)), -EADDRINUSE);
	assert_int_equal(bind_udp(AF_INET6, p.base), -EADDRINUSE);
	assert_int_equal(ports_open(&q, false, 4), 0);
	assert_int_equal(q.base, p.base - 16);
	ports_close(&q);
	/* one port in use spoils the block */
	fd = bind_udp(AF_INET, (u16)(p.base - 1));
	assert_true(fd >= 0);
	assert_int_equal(ports_open(&q, false, 4), 0);
	assert_int_equal(q.base, p.base - 32);
	ports_close(&q);
	close(fd);
	ports_close(&p);
	ports_close(&p);

	assert_int_equal(ports_open_one(&p, false, 33000), 0);
	assert_int_equal(p.base, 33000);
	assert_int_equal(p.bits, 0);
	assert_int_equal(ports_open_one(&q, false, 33000), -EADDRINUSE);
	ports_close(&p);
	fd = bind_udp(AF_INET, 33000);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(ports_open(&p, false, 13), -EINVAL);
}

/* The same ports of TCP are others; who holds them does not listen. */
static void hold_tcp_ports(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct ports p, q;
	int fd;

	twonets_need();
	assert_int_equal(ports_open(&p, true, 4), 0);
	assert_int_equal(p.base, 65536 - 16);
	for (u16 i = 0; i < 16; i++) {
		assert_int_equal(bind_tcp(AF_INET, (u16)(p.base + i)),
				 -EADDRINUSE);
		assert_int_equal(bind_tcp(AF_INET6, (u16)(p.base + i)),
				 -EADDRINUSE);
	}
	assert_int_equal(ports_open(&q, false, 4), 0);
	assert_int_equal(q.base, p.base);
	ports_close(&q);
	assert_int_equal(ports_open_one(&q, true, p.base), -EADDRINUSE);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	to.sin_port = htons(p.base);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_true(errno == ECONNREFUSED || errno == ENETUNREACH);
	close(fd);
	ports_close(&p);
	fd = bind_tcp(AF_INET, 65535);
	assert_true(fd >= 0);
	close(fd);
}

/* All 4096: above the ephemeral range, and if that is taken, below it. */
static void hold_many_ports(void **state)
{
	struct rlimit old, low;
	struct ports p;
	int fd;

	twonets_need();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	if (old.rlim_max < 4096 + 256)
		twonets_skip("needs 4352 open files");
	assert_int_equal(ports_open(&p, false, 12), 0);
	assert_int_equal(p.base, 61440);
	assert_int_equal(p.count, 4096);
	ports_close(&p);
	fd = bind_udp(AF_INET6, 65535);
	assert_true(fd >= 0);
	assert_int_equal(ports_open(&p, false, 12), 0);
	assert_int_equal(p.base, 57344);
	ports_close(&p);
	close(fd);

	/* last, since a hard limit may not be raised again without
	 * CAP_SYS_RESOURCE */
	low = (struct rlimit){ .rlim_cur = 300, .rlim_max = 1000 };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(ports_open(&p, false, 12), 0);
	assert_int_equal(p.bits, 9);
	assert_int_equal(p.count, 512);
	ports_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_ports),
		cmocka_unit_test(hold_tcp_ports),
		cmocka_unit_test(hold_many_ports),
	};

	return cmocka_run_group_tests(tests, twonets_setup, twonets_teardown);
}
