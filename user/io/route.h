/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route: which way a packet would leave this host: interface, source address,
 * next hop and its MAC. The kernel's own answer, asked by rtnetlink.
 *
 * One thread at a time.
 */
#ifndef WHITHER_ROUTE_H
#define WHITHER_ROUTE_H

#include <net/if.h>

#include "io/neigh.h"
#include "types.h"

struct route {
	struct addr dst;      /* what was asked for */
	struct addr src;      /* ours: what the kernel chose, or was given */
	struct addr next_hop; /* dst itself if on link; may be IPv6 for an
				 IPv4 dst (RFC 8950) */
	int ifindex;
	char ifname[IFNAMSIZ];
	u32 mtu; /* of the interface: octets of IP packet */
	u8 src_mac[6], next_mac[6];
	bool ethernet; /* frames carry an Ethernet header; else tun, ppp ... */
	bool arp;      /* next_mac must be asked for (ARP, RFC 826; neighbour
			  discovery, RFC 4861) */
	bool on_link;  /* no gateway on the way to dst */
	bool local;    /* dst is this host itself: 127/8, ::1, own address */
	bool up;       /* administratively, and with carrier */
	bool resolved; /* next_mac is valid; always true where no MAC is
			  needed */
	u32 falls;     /* how often the interface lost its carrier */
	/* kept by route_watch_poll() */
	bool lost; /* there is no such route now */
	bool shut; /* what is sent now is sent in vain: no link, the source is
		      no address of this host any more, or the next hop is
		      silent, or was not heard since */
	u64 asked_ns; /* the next hop is being asked, since then; 0: it is
			 not */
	u64 again_ns; /* when it is asked again, should it be silent */
	struct addr sent_src; /* the first src, which frames go on to carry */
	/* what the caller insisted on, kept for asking again */
	int want_ifindex; /* 0: any */
	struct addr want_src;
};

/*
 * The way to dst: through interface ifname (NULL: any) and from src (NULL:
 * the kernel chooses). A MAC that the kernel already knows is filled in; else
 * `resolved` is false. *r is overwritten. 0 or negative errno, logged:
 * -ENODEV no such interface, -EADDRNOTAVAIL src is not an address of this
 * host, -ENETUNREACH no route, -ENETDOWN interface is down.
 */
int route_find(struct route *r, const struct addr *dst, const char *ifname,
	       const struct addr *src);

/*
 * Has the kernel ask for the next hop's MAC if it does not know it, or has not
 * confirmed it lately, and waits for the answer, timeout_ns at the longest.
 * A MAC known but not confirmed in time is used, with a warning. Returns at
 * once if none is needed. 0, or negative errno, logged: -EHOSTUNREACH the next
 * hop does not answer.
 */
int route_resolve(struct route *r, u64 timeout_ns);

enum { ROUTE_WHY = 192 }; /* octets of a reason in words */

/*
 * The parts of route_find() that the watch needs. What r->dst and r->want_*
 * ask for: fills the rest of *r, and *n with the next hop's neighbour entry.
 * 0 or negative errno, not logged; then `why` has the reason in words.
 */
int route_find_again(struct nl *nl, struct route *r, struct neigh *n,
		     char why[static ROUTE_WHY]);

/* Is that an address of this host, and usable? True if it cannot be told. */
bool route_has_source(struct nl *nl, const struct addr *src);

/* The kernel's answer: ifindex, src, next_hop, on_link and local, for r->dst.
 * 0, -EBADMSG, or -ENETUNREACH for a route that leads nowhere. Pure. */
int route_parse(const struct nlmsghdr *message, struct route *r);

/* What route_watch_poll() noticed. */
enum route_change {
	ROUTE_LINK_DOWN = 1 << 0,   /* was up, now down or without carrier */
	ROUTE_LINK_UP = 1 << 1,	    /* the reverse */
	ROUTE_LINK_GONE = 1 << 2,   /* interface was removed */
	ROUTE_NEXT_MAC = 1 << 3,    /* next_mac changed (or was learned) */
	ROUTE_NEXT_SILENT = 1 << 4, /* next hop stopped answering: next_mac is
				       the last that was known */
	ROUTE_MOVED = 1 << 5,	  /* other interface, next hop or source (or its
				     MAC): *r has been found anew */
	ROUTE_LOST = 1 << 6,	  /* no route any more; *r keeps its values */
	ROUTE_LINK_FELL = 1 << 7, /* was up at the last poll, is up now, and
				     was not between them */
};

#define ROUTE_CONFIRM_NS 10000000000ULL
/* However much is told, routes are not found anew more often. */
#define ROUTE_LOOK_NS 20000000ULL
/* A next hop that neither answers nor is known to be silent is used after so
 * long; one that is silent is asked again as often. */
#define ROUTE_ASK_NS 3000000000ULL

struct route_watch {
	struct nl nl; /* hears changes */
	struct nl ask;
	u64 confirmed_ns; /* when next hops were last asked after */
	u64 looked_ns;	  /* when routes were last found anew */
	bool hinted;	  /* something changed since */
};

/* 0 or negative errno, logged. */
int route_watch_open(struct route_watch *w);
void route_watch_close(struct route_watch *w);

/*
 * Reads what the kernel told since the last call and brings routes[0..n) up to
 * date. Never waits for the network. Returns a set of enum route_change over
 * all the routes, 0 if nothing changed, or negative errno (logged). Each
 * change is logged as a warning. Cheap enough for a thousand calls a second;
 * the fd (nl_fd(&w->nl)) becomes readable when there is something.
 *
 * After the link was down, or the source address gone, a route stays shut until
 * its next hop has answered: only then it knows this host again.
 *
 * Frames that do not pass through the kernel's neighbour table never make it
 * verify an entry: every ROUTE_CONFIRM_NS this asks the kernel to, for which
 * it needs CAP_NET_ADMIN; without it, what others make the kernel notice is
 * all that is heard.
 */
int route_watch_poll(struct route_watch *w, struct route *routes,
		     unsigned int n, u64 now);

/* Nobody answers: asks the next hops whether they are there. What comes of it,
 * route_watch_poll() tells; then asked_ns is 0. */
void route_watch_ask(struct route_watch *w, struct route *routes,
		     unsigned int n, u64 now);

#endif
