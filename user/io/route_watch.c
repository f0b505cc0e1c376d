/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route_watch: notices when the way out changes.
 *
 * The kernel's news are taken as hints only: any that may concern a route has
 * it found anew, and what differs is what changed. So lost, reordered or
 * doubled news do no harm.
 */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "io/iface.h"
#include "io/neigh.h"
#include "io/route.h"
#include "lib/inet.h"
#include "lib/log.h"

/* Datagrams of news read in one poll: a full routing table may change. */
enum { MOST_NEWS = 64 };

int route_watch_open(struct route_watch *w)
{
	static const int group[] = {
		RTNLGRP_LINK,	    RTNLGRP_NEIGH,	 RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_RULE,  RTNLGRP_IPV6_RULE,
	};
	int err;

	memset(w, 0, sizeof(*w));
	err = nl_open(&w->nl, NETLINK_ROUTE);
	for (size_t i = 0; !err && i < sizeof(group) / sizeof(*group); i++)
		err = nl_join(&w->nl, group[i]);
	if (!err)
		err = nl_open(&w->ask, NETLINK_ROUTE);
	if (err) {
		log_err("cannot listen for changes of links and routes: %s",
			strerror(-err));
		route_watch_close(w);
	}
	return err;
}

void route_watch_close(struct route_watch *w)
{
	nl_close(&w->nl);
	nl_close(&w->ask);
	memset(w, 0, sizeof(*w));
}

struct hints {
	const struct route *route;
	unsigned int n;
	bool look; /* something may concern a route */
	bool fell; /* the interface was down, whatever it is now */
};

/* A fall of the interface that the kernel tells of at once: that by hand. */
static bool tells_of_fall(const struct nlmsghdr *m, const struct route *r)
{
	struct iface i;

	return m->nlmsg_type == RTM_NEWLINK && !iface_parse(m, &i) &&
	       i.ifindex == r->ifindex &&
	       !(iface_is_up(&i) && iface_has_carrier(&i));
}

static bool concerns(const struct nlmsghdr *m, const struct route *r)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(m);
	struct neigh n;

	switch (m->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		/* a bridge tells of its ports by the same messages */
		return mnl_nlmsg_get_payload_len(m) >= sizeof(*info) &&
		       info->ifi_family == AF_UNSPEC &&
		       info->ifi_index == r->ifindex;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return !neigh_parse(m, &n) && n.ifindex == r->ifindex &&
		       addr_equal(&n.addr, &r->next_hop);
	default: /* routes, rules, addresses */
		return true;
	}
}

static int on_news(const struct nlmsghdr *m, void *data)
{
	struct hints *h = data;

	for (unsigned int i = 0; i < h->n; i++) {
		if (!concerns(m, &h->route[i]))
			continue;
		h->look = true;
		h->fell |= tells_of_fall(m, &h->route[i]);
	}
	return MNL_CB_OK;
}

static void say_mac(const struct route *r, const u8 *was)
{
	char text[INET_TEXT];
	const u8 *m = r->next_mac;

	inet_format(&r->next_hop, text);
	if (was)
		log_warn("next hop %s on %s is now %02x:%02x:%02x:%02x:%02x:"
			 "%02x (was %02x:%02x:%02x:%02x:%02x:%02x)",
			 text, r->ifname, m[0], m[1], m[2], m[3], m[4], m[5],
			 was[0], was[1], was[2], was[3], was[4], was[5]);
	else
		log_warn("next hop %s on %s answers: %02x:%02x:%02x:%02x:%02x:"
			 "%02x",
			 text, r->ifname, m[0], m[1], m[2], m[3], m[4], m[5]);
}

/* The next hop is the same: what of its MAC? */
static int compare_next_mac(const struct route *was, struct route *r,
			    const struct neigh *n)
{
	bool same = !memcmp(was->next_mac, r->next_mac, sizeof(r->next_mac));
	char text[INET_TEXT];

	if (r->resolved && was->resolved && same)
		return 0;
	if (r->resolved) {
		say_mac(r, was->resolved ? was->next_mac : NULL);
		return ROUTE_NEXT_MAC;
	}
	memcpy(r->next_mac, was->next_mac, sizeof(r->next_mac));
	if (!was->resolved)
		return 0;
	/* an entry that was merely dropped from the table says nothing */
	if (!neigh_is_silent(n)) {
		r->resolved = true;
		return 0;
	}
	log_warn("next hop %s on %s stopped answering",
		 inet_format(&r->next_hop, text), r->ifname);
	return ROUTE_NEXT_SILENT;
}

static int compare(const struct route *was, struct route *r,
		   const struct neigh *n)
{
	char hop[INET_TEXT], src[INET_TEXT];
	int changed = 0;

	if (was->up != r->up) {
		log_warn("interface %s: %s", r->ifname,
			 r->up ? "up again" : "lost its carrier");
		changed |= r->up ? ROUTE_LINK_UP : ROUTE_LINK_DOWN;
	}
	if (was->lost || was->ifindex != r->ifindex ||
	    !addr_equal(&was->next_hop, &r->next_hop) ||
	    !addr_equal(&was->src, &r->src) ||
	    memcmp(was->src_mac, r->src_mac, sizeof(r->src_mac))) {
		log_warn("the way out is now %s by %s from %s", r->ifname,
			 inet_format(&r->next_hop, hop),
			 inet_format(&r->src, src));
		if (!r->resolved)
			memset(r->next_mac, 0, sizeof(r->next_mac));
		return changed | ROUTE_MOVED;
	}
	return changed | compare_next_mac(was, r, n);
}

/* There is no way now: keep the old values, and say so once. */
static int compare_lost(struct nl *ask, const struct route *was,
			struct route *r, const char *why)
{
	struct iface i;
	int changed = 0;

	*r = *was;
	r->lost = true;
	r->up = false;
	if (iface_read(ask, was->ifindex, NULL, &i) == -ENODEV) {
		if (!was->lost || was->up)
			changed |= ROUTE_LINK_GONE;
	} else {
		r->up = iface_is_up(&i) && iface_has_carrier(&i);
		r->falls = i.falls;
	}
	if (was->up && !r->up && !changed)
		changed |= ROUTE_LINK_DOWN;
	if (!was->up && r->up)
		changed |= ROUTE_LINK_UP;
	if (!was->lost)
		changed |= ROUTE_LOST;
	if (changed & ROUTE_LINK_GONE)
		log_warn("interface %s is gone", was->ifname);
	else if (changed & ROUTE_LINK_DOWN)
		log_warn("interface %s went down", was->ifname);
	else if (changed & ROUTE_LINK_UP)
		log_warn("interface %s is up again, without a route",
			 was->ifname);
	else if (changed)
		log_warn("%s", why);
	return changed;
}

/* An entry without a MAC was never asked for, or is of old: the kernel then
 * asks anew. A permanent one is not to be doubted. */
static int ask(struct nl *nl, const struct neigh *n)
{
	if (n->has_mac && n->state & (NUD_PERMANENT | NUD_NOARP))
		return 0;
	return neigh_ask(nl, n);
}

static int begin_asking(struct route_watch *w, struct route *r, u64 now)
{
	struct neigh n;

	if (!r->arp || neigh_read(&w->ask, r->ifindex, &r->next_hop, &n) ||
	    ask(&w->ask, &n))
		return -EPERM; /* then who is there is not to be found out */
	r->asked_ns = now;
	r->again_ns = now + ROUTE_ASK_NS;
	return 0;
}

/* It is being asked. */
static int hear_next_hop(struct route_watch *w, struct route *r, u64 now)
{
	u8 was[6];
	struct neigh n;

	if (neigh_read(&w->ask, r->ifindex, &r->next_hop, &n))
		return 0;
	if (now >= r->again_ns && !neigh_is_confirmed(&n)) {
		r->again_ns = now + ROUTE_ASK_NS;
		ask(&w->ask, &n);
		/* still asked, in vain, but not yet given up */
		if (n.has_mac && !neigh_is_silent(&n))
			goto sound;
	}
	if (!neigh_is_confirmed(&n))
		return 0;
sound:
	r->shut = false;
	r->asked_ns = 0;
	if (r->resolved && !memcmp(n.mac, r->next_mac, sizeof(n.mac)))
		return 0;
	memcpy(was, r->next_mac, sizeof(was));
	memcpy(r->next_mac, n.mac, sizeof(n.mac));
	say_mac(r, r->resolved ? was : NULL);
	r->resolved = true;
	return ROUTE_NEXT_MAC;
}

/* After anything happened: is the way open? */
static int judge(struct route_watch *w, struct route *r, int changed, u64 now)
{
	if (!r->up || !route_has_source(&w->ask, &r->sent_src)) {
		r->shut = true;
		r->asked_ns = 0;
		return changed;
	}
	if (changed & (ROUTE_LINK_UP | ROUTE_LINK_FELL | ROUTE_NEXT_SILENT) ||
	    (changed & ROUTE_MOVED && !r->resolved) ||
	    (r->shut && !r->asked_ns)) {
		r->shut = true;
		if (begin_asking(w, r, now))
			r->shut = false;
	}
	return changed;
}

static int look(struct route_watch *w, struct route *r, bool fell, bool confirm,
		u64 now)
{
	struct route was = *r;
	char why[ROUTE_WHY] = "";
	struct neigh n = {};
	int err, changed;

	if (addr_is_none(&r->sent_src))
		r->sent_src = r->src;
	was.sent_src = r->sent_src;
	err = route_find_again(&w->ask, r, &n, why);
	if (err) {
		changed = compare_lost(&w->ask, &was, r, why);
	} else {
		r->lost = false;
		changed = compare(&was, r, &n);
	}
	if (was.up && r->up && (fell || was.falls != r->falls)) {
		log_warn("interface %s was down for a moment", r->ifname);
		changed |= ROUTE_LINK_FELL;
	}
	/* where that is not allowed, others must make the kernel do it */
	if (!err && r->arp && r->up && (confirm || changed) &&
	    !neigh_is_confirmed(&n))
		neigh_ask(&w->ask, &n);
	return judge(w, r, changed, now);
}

void route_watch_ask(struct route_watch *w, struct route *routes,
		     unsigned int n, u64 now)
{
	for (unsigned int i = 0; i < n; i++)
		if (!routes[i].shut && !routes[i].asked_ns)
			begin_asking(w, &routes[i], now);
}

/* News of the carrier may come a second late, and of a short fall not at all:
 * the interface is asked itself. */
static bool link_changed(struct route_watch *w, const struct route *r)
{
	struct iface i;
	int err = iface_look(&w->ask, r->ifindex, &i);

	if (err)
		return err == -ENODEV && (!r->lost || r->up);
	return i.falls != r->falls ||
	       r->up != (iface_is_up(&i) && iface_has_carrier(&i));
}

static int hear_news(struct route_watch *w, struct hints *hints)
{
	int err = 1;

	for (int i = 0; i < MOST_NEWS && err > 0; i++)
		err = nl_hear(&w->nl, on_news, hints);
	if (err < 0 && err != -ENOBUFS) {
		log_err("cannot hear of changes of links and routes: %s",
			strerror(-err));
		return err;
	}
	w->hinted |= hints->look || err == -ENOBUFS;
	return 0;
}

int route_watch_poll(struct route_watch *w, struct route *routes,
		     unsigned int n, u64 now)
{
	struct hints hints = { .route = routes, .n = n };
	bool confirm = false, urgent = false;
	int err, changed = 0;

	err = hear_news(w, &hints);
	if (err)
		return err;
	if (!w->confirmed_ns) {
		/* what happened before the socket listened */
		w->confirmed_ns = now;
		urgent = true;
	}
	if (now - w->confirmed_ns >= ROUTE_CONFIRM_NS) {
		w->confirmed_ns = now;
		confirm = true;
	}
	for (unsigned int i = 0; i < n; i++)
		urgent |= hints.fell || link_changed(w, &routes[i]);
	if (urgent || confirm ||
	    (w->hinted && now - w->looked_ns >= ROUTE_LOOK_NS)) {
		w->looked_ns = now;
		w->hinted = false;
		for (unsigned int i = 0; i < n; i++)
			changed |=
				look(w, &routes[i], hints.fell, confirm, now);
	}
	for (unsigned int i = 0; i < n; i++)
		if (routes[i].asked_ns)
			changed |= hear_next_hop(w, &routes[i], now);
	return changed;
}
