/* SPDX-License-Identifier: BSD-2-Clause */
/* ports: sockets that do nothing but hold our source ports. */
#include "io/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"

enum {
	FIRST = 61440, /* Linux hands out 32768..60999 by itself */
	LOWEST = 8192,
	END = 65536,
	SPARE = 256, /* files that the rest of the process may open */
};

/* Both families if it may be, IPv4 alone if there is no IPv6. */
static int bind_port(const struct ports *p, unsigned int port)
{
	struct sockaddr_in6 any6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((u16)port),
	};
	struct sockaddr_in any4 = {
		.sin_family = AF_INET,
		.sin_port = htons((u16)port),
	};
	int type = (p->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC;
	int fd, zero = 0, err;

	fd = socket(AF_INET6, type, 0);
	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
		err = bind(fd, (struct sockaddr *)&any6, sizeof(any6));
	} else if (errno == EAFNOSUPPORT) {
		fd = socket(AF_INET, type, 0);
		if (fd < 0)
			return -errno;
		err = bind(fd, (struct sockaddr *)&any4, sizeof(any4));
	} else {
		return -errno;
	}
	if (err) {
		err = -errno;
		close(fd);
		return err;
	}
	/* what comes is read by nobody: keep as little as may be */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &zero, sizeof(zero));
	return fd;
}

/* Fewer bits than asked for, where the limit of open files wants it. */
static unsigned int fit_to_limit(unsigned int bits)
{
	struct rlimit limit;
	unsigned int fit = bits;
	rlim_t need;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return bits;
	while (fit && (1u << fit) + SPARE > limit.rlim_max)
		fit--;
	need = (1u << fit) + SPARE;
	if (limit.rlim_cur < need) {
		limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (fit < bits)
		log_warn("holding %u source ports instead of %u: at most %llu "
			 "files may be open (ulimit -Hn)",
			 1u << fit, 1u << bits,
			 (unsigned long long)limit.rlim_max);
	return fit;
}

static int open_block(struct ports *p, unsigned int base)
{
	unsigned int n = 1u << p->bits;

	for (p->count = 0; p->count < n; p->count++) {
		int fd = bind_port(p, base + p->count);

		if (fd < 0) {
			while (p->count)
				close(p->fd[--p->count]);
			return fd;
		}
		p->fd[p->count] = fd;
	}
	p->base = (u16)base;
	return 0;
}

/* Blocks [from, end) of `size`, the highest first. */
static int open_highest(struct ports *p, unsigned int from, unsigned int end)
{
	unsigned int size = 1u << p->bits;
	int err = -EADDRINUSE;

	for (unsigned int base = end;
	     err == -EADDRINUSE && base >= from + size;)
		err = open_block(p, base -= size);
	return err;
}

int ports_open(struct ports *p, bool tcp, unsigned int bits)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->tcp = tcp;
	if (bits > PORTS_MAX_BITS) {
		log_err("cannot hold 2^%u source ports: at most 2^%d", bits,
			PORTS_MAX_BITS);
		return -EINVAL;
	}
	p->bits = (u8)fit_to_limit(bits);
	p->fd = calloc(1u << p->bits, sizeof(*p->fd));
	if (!p->fd)
		return -ENOMEM;
	err = open_highest(p, FIRST, END);
	if (err == -EADDRINUSE)
		err = open_highest(p, LOWEST, FIRST);
	if (err) {
		log_err("cannot hold %u consecutive %s ports: %s",
			1u << p->bits, tcp ? "TCP" : "UDP", strerror(-err));
		ports_close(p);
	}
	return err;
}

int ports_open_one(struct ports *p, bool tcp, u16 port)
{
	int err;

	memset(p, 0, sizeof(*p));
	p->tcp = tcp;
	if (!port) {
		log_err("0 is no source port");
		return -EINVAL;
	}
	p->fd = calloc(1, sizeof(*p->fd));
	if (!p->fd)
		return -ENOMEM;
	err = open_block(p, port);
	if (err) {
		log_err("cannot hold %s source port %u: %s%s",
			tcp ? "TCP" : "UDP", port, strerror(-err),
			err == -EACCES ? " (ports below 1024 need "
					 "CAP_NET_BIND_SERVICE)"
				       : "");
		ports_close(p);
	}
	return err;
}

void ports_close(struct ports *p)
{
	while (p->count)
		close(p->fd[--p->count]);
	free(p->fd);
	memset(p, 0, sizeof(*p));
}
