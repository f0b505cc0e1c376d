/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nl: one netlink socket: ask, hear the answer. One thread a struct nl.
 *
 * Nothing here logs: what an error means, only the asker knows.
 */
#ifndef WHITHER_NL_H
#define WHITHER_NL_H

#include <libmnl/libmnl.h>

#include "types.h"

struct nl {
	struct mnl_socket *sock; /* NULL: closed */
	u32 seq;
};

enum { NL_BUFFER = 16384 };

/* bus: NETLINK_ROUTE, NETLINK_GENERIC. 0 or negative errno. */
int nl_open(struct nl *nl, int bus);
void nl_close(struct nl *nl);
int nl_fd(const struct nl *nl);

/* Puts a header and `size` zeroed octets of family header into buf; *body is
 * those octets. NLM_F_REQUEST is always set, NLM_F_ACK unless it is a dump. */
struct nlmsghdr *nl_begin(char buf[static NL_BUFFER], u16 type, u16 flags,
			  size_t size, void **body);

/*
 * Sends `request` and hands every answer to `on_answer` (may be NULL; returns
 * MNL_CB_OK to go on, MNL_CB_STOP if it heard enough), until the kernel said
 * that it was all. A dump that changed under way is asked again, from its
 * start: on_answer must bear to see an entry twice. Blocks for as long as the
 * kernel takes. 0 or the kernel's negative errno.
 */
int nl_ask(struct nl *nl, struct nlmsghdr *request, mnl_cb_t on_answer,
	   void *data);

/* Joins a multicast group, e.g. RTNLGRP_LINK. 0 or negative errno. */
int nl_join(struct nl *nl, int group);

/*
 * Hands one datagram of news, if there is one, to on_message, message by
 * message. Never blocks. 1, 0 when there was none, or negative errno
 * (-ENOBUFS: some were lost).
 */
int nl_hear(struct nl *nl, mnl_cb_t on_message, void *data);

/* The attribute of that type behind a family header of `size` octets, or
 * NULL; NULL also if it has fewer than `least` octets. */
const struct nlattr *nl_find(const struct nlmsghdr *message, size_t size,
			     u16 type, size_t least);
const struct nlattr *nl_find_nested(const struct nlattr *nest, u16 type,
				    size_t least);

#endif
