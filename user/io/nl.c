/* SPDX-License-Identifier: BSD-2-Clause */
/* nl: one netlink socket: ask, hear the answer. */
#include "io/nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* A table that keeps changing is asked for this often. */
enum { TRIES = 5 };

int nl_open(struct nl *nl, int bus)
{
	int one = 1, err;

	memset(nl, 0, sizeof(*nl));
	nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->sock)
		return -errno;
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		nl_close(nl);
		return err;
	}
	/* The kernel then checks our filters; older ones cannot, and work. */
	setsockopt(nl_fd(nl), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one,
		   sizeof(one));
	return 0;
}

void nl_close(struct nl *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	memset(nl, 0, sizeof(*nl));
}

int nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->sock);
}

struct nlmsghdr *nl_begin(char buf[static NL_BUFFER], u16 type, u16 flags,
			  size_t size, void **body)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buf);

	message->nlmsg_type = type;
	/* whatever is asked ends with an acknowledgement; half of the bits of
	 * "dump" mean something else where an object is made */
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	if ((flags & NLM_F_DUMP) != NLM_F_DUMP)
		message->nlmsg_flags |= NLM_F_ACK;
	*body = mnl_nlmsg_put_extra_header(message, size);
	return message;
}

/* Answers to an earlier question that was given up are passed over. */
static int read_answers(struct nl *nl, const char *buf, int len,
			mnl_cb_t on_answer, void *data)
{
	const struct nlmsghdr *m = (const void *)buf;
	u32 port = mnl_socket_get_portid(nl->sock);
	int more = MNL_CB_OK;

	for (; mnl_nlmsg_ok(m, len); m = mnl_nlmsg_next(m, &len)) {
		if (m->nlmsg_seq != nl->seq || m->nlmsg_pid != port)
			continue;
		more = mnl_cb_run(m, m->nlmsg_len, nl->seq, port, on_answer,
				  data);
		if (more <= MNL_CB_STOP)
			break;
	}
	return more;
}

static int read_all(struct nl *nl, mnl_cb_t on_answer, void *data)
{
	char buf[NL_BUFFER * 2] __attribute__((aligned(8)));
	int more = MNL_CB_OK;

	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl->sock, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n >= 0)
			more = read_answers(nl, buf, (int)n, on_answer, data);
		if (n < 0 || more < 0)
			return -errno;
	}
	return 0;
}

int nl_ask(struct nl *nl, struct nlmsghdr *request, mnl_cb_t on_answer,
	   void *data)
{
	int err = 0;

	for (int i = 0; i < TRIES; i++) {
		request->nlmsg_seq = ++nl->seq;
		if (mnl_socket_sendto(nl->sock, request, request->nlmsg_len) <
		    0)
			return -errno;
		err = read_all(nl, on_answer, data);
		if (err != -EINTR)
			break;
	}
	return err;
}

int nl_join(struct nl *nl, int group)
{
	int err = mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP,
					&group, sizeof(group));

	return err < 0 ? -errno : 0;
}

int nl_hear(struct nl *nl, mnl_cb_t on_message, void *data)
{
	char buf[NL_BUFFER * 2] __attribute__((aligned(8)));
	struct sockaddr_nl from = {};
	socklen_t len = sizeof(from);
	ssize_t n;

	n = recvfrom(nl_fd(nl), buf, sizeof(buf), MSG_DONTWAIT,
		     (struct sockaddr *)&from, &len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	/* any process may write to us; only the kernel is port 0 */
	if (!from.nl_pid)
		mnl_cb_run(buf, (size_t)n, 0, 0, on_message, data);
	return 1;
}

struct wanted {
	u16 type;
	size_t least;
	const struct nlattr *found;
};

static int pick(const struct nlattr *attr, void *data)
{
	struct wanted *w = data;

	if (mnl_attr_get_type(attr) == w->type &&
	    mnl_attr_get_payload_len(attr) >= w->least)
		w->found = attr;
	return MNL_CB_OK;
}

const struct nlattr *nl_find(const struct nlmsghdr *message, size_t size,
			     u16 type, size_t least)
{
	struct wanted w = { .type = type, .least = least };

	if (mnl_nlmsg_get_payload_len(message) < MNL_ALIGN(size))
		return NULL;
	mnl_attr_parse(message, (unsigned int)size, pick, &w);
	return w.found;
}

const struct nlattr *nl_find_nested(const struct nlattr *nest, u16 type,
				    size_t least)
{
	struct wanted w = { .type = type, .least = least };

	mnl_attr_parse_nested(nest, pick, &w);
	return w.found;
}
