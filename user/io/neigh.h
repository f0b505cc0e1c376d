/* SPDX-License-Identifier: BSD-2-Clause */
/* neigh: the kernel's neighbour table: who has which MAC. Nothing logs. */
#ifndef WHITHER_NEIGH_H
#define WHITHER_NEIGH_H

#include "io/nl.h"

struct neigh {
	int ifindex;
	struct addr addr;
	u16 state; /* NUD_*; NUD_NONE: the table does not have it */
	bool has_mac;
	u8 mac[6];
};

/* Fills *n from an RTM_NEWNEIGH or RTM_DELNEIGH. 0 or -EBADMSG. */
int neigh_parse(const struct nlmsghdr *message, struct neigh *n);

/* 0 (also when the table does not have it) or negative errno. */
int neigh_read(struct nl *nl, int ifindex, const struct addr *addr,
	       struct neigh *n);

/*
 * Has the kernel ask the neighbour for its MAC, or, where it has one, ask
 * whether it still holds. Returns at once. Needs CAP_NET_ADMIN. 0 or negative
 * errno.
 */
int neigh_ask(struct nl *nl, const struct neigh *n);

bool neigh_is_confirmed(const struct neigh *n); /* has_mac, and it answers */
bool neigh_is_silent(const struct neigh *n);	/* was asked, to no avail */

#endif
