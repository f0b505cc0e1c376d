/* SPDX-License-Identifier: BSD-2-Clause */
/* uplink: everything between the engine and the interface. */
#include "io/uplink.h"

#include <errno.h>
#include <sys/random.h>

#include "io/nic.h"
#include "io/rx_raw.h"
#include "io/tx_live.h"
#include "io/tx_packet.h"
#include "io/tx_raw.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "lib/log.h"

const char *const uplink_tx_names[] = {
	[UPLINK_AUTO] = "auto", [UPLINK_XSK] = "xsk",
	[UPLINK_LIVE] = "live", [UPLINK_PACKET] = "packet",
	[UPLINK_RAW] = "raw",	NULL,
};

enum {
	SELF_TEST_FRAMES = 32,
	SELF_TEST_TYPE = 0x88b5, /* IEEE 802: local experimental */
	SELF_TEST_WAIT_MS = 100,
};

static int find_routes(struct uplink *u, const struct uplink_config *cfg)
{
	const struct addr *src4 = addr_is_none(&cfg->src4) ? NULL : &cfg->src4;
	const struct addr *src6 = addr_is_none(&cfg->src6) ? NULL : &cfg->src6;
	int err = 0;

	if (!addr_is_none(&cfg->dst4))
		err = route_find(&u->route4, &cfg->dst4, cfg->ifname, src4);
	if (!err && !addr_is_none(&cfg->dst6))
		err = route_find(&u->route6, &cfg->dst6, cfg->ifname, src6);
	if (err)
		return err;
	if (u->route4.ifindex && u->route6.ifindex &&
	    u->route4.ifindex != u->route6.ifindex) {
		log_err("IPv4 targets leave by %s and IPv6 targets by %s: "
			"choose one with -i, or sweep them apart",
			u->route4.ifname, u->route6.ifname);
		return -EXDEV;
	}
	return 0;
}

static int resolve(struct route *r)
{
	return r->ifindex ? route_resolve(r, 3 * NS_PER_S) : 0;
}

static bool is_tcp(const struct uplink_config *cfg)
{
	return cfg->mode != COOKIE_PLAIN && cfg->mode != COOKIE_QUIC;
}

static int make_key(struct uplink *u, const struct uplink_config *cfg)
{
	struct cookie_key *k = &u->key;
	u16 port;
	int err;

	if (getrandom(&k->hash, sizeof(k->hash), 0) != sizeof(k->hash)) {
		log_err("no random octets for the key: %s", strerror(errno));
		return -errno;
	}
	if (cfg->hash)
		k->hash = *cfg->hash;
	port = (u16)siphash1(&k->hash, COOKIE_PORT);
	if (u->route4.ifindex)
		k->src4 = u->route4.src;
	if (u->route6.ifindex)
		k->src6 = u->route6.src;
	k->mode = (u8)cfg->mode;
	k->attempts = cfg->attempts;
	k->flows = cfg->flows;
	if (!cfg->hold_ports)
		return 0;
	if (cfg->lone && !cfg->flows) {
		/* any of 2^14 ports, which a forger does not know either */
		err = ports_open_one(&u->ports, is_tcp(cfg),
				     (u16)(port | 0xc000));
		k->port_bits = 14;
	} else {
		err = ports_open(&u->ports, is_tcp(cfg), PORTS_MAX_BITS);
		k->port_bits = u->ports.bits;
	}
	k->port_base = u->ports.base;
	k->port_mask = (u16)((1u << u->ports.bits) - 1);
	return err;
}

/* Frames to ourselves of a type that nobody listens to, counted by the
 * interface: that a call succeeds does not mean that a frame left. */
static bool frames_leave(struct uplink *u)
{
	struct tx *tx = &u->tx;
	u64 before, after, deadline;
	unsigned int n;

	if (!u->steered)
		return true; /* the kernel's own way out */
	if (nic_delivered(u->ifname, &before))
		return false;
	n = tx->ops->reserve(tx, SELF_TEST_FRAMES);
	for (unsigned int i = 0; i < n; i++) {
		struct wire_eth *eth = (void *)tx->slot[i].frame;
		const u8 *mac = u->route4.ifindex ? u->route4.src_mac
						  : u->route6.src_mac;

		memset(tx->slot[i].frame, 0, 60);
		memcpy(eth->dst, mac, 6);
		memcpy(eth->src, mac, 6);
		eth->type = be16_put(SELF_TEST_TYPE);
		tx->slot[i].len = 60;
	}
	if (!n || tx->ops->send(tx, n))
		return false;
	deadline = clock_now() + SELF_TEST_WAIT_MS * NS_PER_MS;
	do {
		if (nic_delivered(u->ifname, &after))
			return false;
		if (after - before >= n)
			break;
		clock_sleep(NS_PER_MS);
	} while (clock_now() < deadline);
	tx->stats = (struct tx_stats){};
	return after - before >= n;
}

static int open_tx(struct uplink *u, enum uplink_tx kind, u32 frame_max)
{
	switch (kind) {
	case UPLINK_LIVE:
		return tx_live_open(&u->tx, u->steered, u->lane);
	case UPLINK_XSK:
		return xsk_tx_open(&u->tx, &u->xsk);
	case UPLINK_PACKET:
		return tx_packet_open(&u->tx,
				      u->route4.ifindex ? u->route4.ifindex
							: u->route6.ifindex,
				      frame_max, 256);
	case UPLINK_AUTO:
	case UPLINK_RAW:
		break;
	}
	return tx_raw_open(&u->tx, u->ifname, frame_max, 256);
}

static int choose_tx(struct uplink *u, const struct uplink_config *cfg)
{
	/* zero-copy beats live frames; copy mode does not */
	const enum uplink_tx zerocopy[] = { UPLINK_XSK, UPLINK_LIVE,
					    UPLINK_PACKET, UPLINK_RAW };
	const enum uplink_tx copy[] = { UPLINK_LIVE, UPLINK_XSK, UPLINK_PACKET,
					UPLINK_RAW };
	const enum uplink_tx *order = u->xsk.zerocopy ? zerocopy : copy;

	if (cfg->tx != UPLINK_AUTO) {
		int err = open_tx(u, cfg->tx, cfg->frame_max);

		if (err || frames_leave(u))
			return err;
		log_err("%s: frames sent by %s do not leave (a virtual "
			"Ethernet's peer must run XDP for live frames); use "
			"--tx auto",
			u->ifname, u->tx.ops->name);
		return -EIO;
	}
	for (int i = 0; i < 4; i++) {
		if (open_tx(u, order[i], cfg->frame_max))
			continue;
		if (order[i] == UPLINK_RAW || frames_leave(u))
			return 0;
		log_info("%s: frames sent by %s do not leave; trying %s",
			 u->ifname, u->tx.ops->name,
			 uplink_tx_names[order[i + 1]]);
		u->tx.ops->close(&u->tx);
	}
	return -EIO;
}

static int open_sockets(struct uplink *u, u32 lanes)
{
	const struct xsk_config xsk = {
		.ifname = u->ifname,
		.queues = u->queues,
		.queues_max = u->queues_max,
		.first = u->lane,
		.step = lanes,
		.steer = u->steered,
	};
	int err;

	u->lanes = lanes;
	err = xsk_open(&u->xsk, &xsk);
	return err ? err : xsk_rx_open(&u->rx, &u->xsk);
}

/* Fewer there cannot be: the kernel refuses to take a queue from a socket. */
static int grow(struct uplink *u, u32 queues)
{
	struct xsk_config xsk = {
		.ifname = u->ifname,
		.queues = queues,
		.queues_max = u->queues_max,
		.first = u->lane,
		.step = u->lanes,
		.steer = u->steered,
	};

	if (queues <= u->queues)
		return 0;
	if (queues > u->queues_max) {
		log_err("%s has %u receive queues now, %u at most when this "
			"began: begin anew",
			u->ifname, queues, u->queues_max);
		return -ERANGE;
	}
	u->queues = queues;
	return xsk_grow(&u->xsk, &xsk);
}

/* Has it more queues by now? When link and driver say so, and now and then. */
static int tend_queues(struct uplink *u, u64 now)
{
	u32 queues;
	int err;

	if (!u->steer.program || now - u->queues_ns < UPLINK_QUEUES_NS)
		return 0;
	u->queues_ns = now;
	queues = nic_rx_queues(u->ifname);
	if (queues <= u->queues)
		return 0;
	log_warn("%s has %u receive queues now (was %u)", u->ifname, queues,
		 u->queues);
	err = grow(u, queues);
	/* a virtual Ethernet runs the program where it did at first */
	if (!err && !strcmp(u->driver, "veth"))
		err = steer_attach_again(&u->steer, u->ifname);
	return err ? err : 1;
}

static int open_xdp(struct uplink *u, const struct uplink_config *cfg,
		    int ifindex)
{
	const u32 lanes = cfg->lanes ? cfg->lanes : 1;
	const struct steer_open_config steer = {
		.ifname = u->ifname,
		.ifindex = ifindex,
		.key = u->key,
		.frame_max = cfg->frame_max,
		.lanes = lanes,
	};
	struct nic_info nic;
	int err;

	err = nic_read(&nic, u->ifname);
	if (err)
		return err;
	u->queues = nic.rx_queues ? nic.rx_queues : 1;
	u->queues_max =
		nic.rx_queues_max > u->queues ? nic.rx_queues_max : u->queues;
	memcpy(u->driver, nic.driver, sizeof(u->driver));
	if (u->queues < lanes) {
		log_err("%s has %u receive queues: at most as many workers",
			u->ifname, u->queues);
		return -ERANGE;
	}
	err = steer_open(&u->steer, &steer);
	if (err)
		return err;
	u->steered = &u->steer;
	err = open_sockets(u, lanes);
	if (err) {
		xsk_close(&u->xsk);
		steer_close(&u->steer);
		u->steered = NULL;
	}
	return err;
}

/* To this host itself the loopback leads, where raw sockets are no loss. */
static bool is_local(const struct uplink *u)
{
	return u->route4.local || u->route6.local;
}

static int open_backends(struct uplink *u, const struct uplink_config *cfg,
			 int ifindex)
{
	int err;

	if (cfg->tx != UPLINK_RAW && u->ethernet) {
		err = open_xdp(u, cfg, ifindex);
		if (!err)
			return choose_tx(u, cfg);
		/* another's program, a forbidden call: the user decides */
		if (cfg->tx != UPLINK_AUTO || err == -EBUSY || err == -EPERM ||
		    err == -EEXIST || cfg->lanes > 1)
			return err;
		log_warn("%s: no XDP (%s)%s", u->ifname, strerror(-err),
			 is_tcp(cfg) ? "" : ": raw sockets instead, slower");
	} else if (cfg->tx != UPLINK_RAW && !is_local(u) && !is_tcp(cfg)) {
		log_warn("%s: not an Ethernet interface: raw sockets, slower",
			 u->ifname);
	}
	if (is_tcp(cfg)) {
		log_err("%s: TCP wants XDP on an Ethernet interface: by raw "
			"sockets this host itself would answer the "
			"destinations",
			u->ifname);
		return -EOPNOTSUPP;
	}
	if (cfg->lanes > 1) {
		log_err("%s: raw sockets serve one worker", u->ifname);
		return -EOPNOTSUPP;
	}
	err = rx_raw_open(&u->rx, ifindex);
	return err ? err : open_tx(u, UPLINK_RAW, cfg->frame_max);
}

/* Side by side, each has its share of the rate, the first ones the rest. */
static void open_gate(struct uplink *u, const struct uplink_config *cfg)
{
	u64 pps = cfg->pps;

	if (cfg->lanes > 1 && pps) {
		pps = cfg->pps / cfg->lanes + (u->lane < cfg->pps % cfg->lanes);
		pps = pps ? pps : 1;
	}
	if (cfg->batch && cfg->batch < u->tx.batch)
		u->tx.batch = cfg->batch;
	gate_init(&u->gate, cfg->exclude, pps, cfg->burst, clock_now());
}

/* Does that counter see our frames? Not all drivers' do. It may lag. */
static bool counts_ours(struct uplink *u)
{
	u64 deadline, missing = SELF_TEST_FRAMES;

	if (!frames_leave(u))
		return false;
	deadline = clock_now() + SELF_TEST_WAIT_MS * NS_PER_MS;
	while (delivered_missing(&u->delivered, missing, &missing) && missing &&
	       clock_now() < deadline)
		clock_sleep(NS_PER_MS);
	return !missing;
}

static void open_delivered(struct uplink *u, const struct uplink_config *cfg)
{
	const struct route *r = u->route4.ifindex ? &u->route4 : &u->route6;
	struct uplink *first = u->first ? u->first : u;

	if (!u->steered || delivered_open(&u->delivered, r->ifindex, u->driver))
		return;
	u->delivered.tells = u->first ? first->delivered.tells : counts_ours(u);
	if (cfg->lanes > 1)
		u->delivered.all = &first->handed;
}

int uplink_open(struct uplink *u, const struct uplink_config *cfg)
{
	const struct route *r;
	int err;

	memset(u, 0, sizeof(*u));
	u->steer.link = -1;
	err = find_routes(u, cfg);
	if (err)
		goto undo;
	r = u->route4.ifindex ? &u->route4 : &u->route6;
	memcpy(u->ifname, r->ifname, sizeof(u->ifname));
	u->ethernet = r->ethernet && !r->local;
	if (cfg->tx != UPLINK_RAW && (err = resolve(&u->route4), !err))
		err = resolve(&u->route6);
	if (!err)
		err = make_key(u, cfg);
	if (!err)
		err = open_backends(u, cfg, r->ifindex);
	if (!err)
		err = route_watch_open(&u->watch);
	if (err)
		goto undo;
	open_gate(u, cfg);
	open_delivered(u, cfg);
	log_info("%s: sending by %s, hearing by %s%s", u->ifname,
		 u->tx.ops->name, u->rx.ops->name,
		 u->steer.program && u->steer.generic ? " (generic XDP)" : "");
	return 0;
undo:
	uplink_close(u);
	return err;
}

int uplink_open_beside(struct uplink *u, struct uplink *first,
		       const struct uplink_config *cfg, u32 lane,
		       unsigned int cpu)
{
	enum uplink_tx kind = UPLINK_XSK;
	int err;

	memset(u, 0, sizeof(*u));
	u->steer.link = -1;
	u->route4 = first->route4;
	u->route6 = first->route6;
	memcpy(u->ifname, first->ifname, sizeof(u->ifname));
	memcpy(u->driver, first->driver, sizeof(u->driver));
	u->ethernet = first->ethernet;
	u->key = first->key;
	u->steered = first->steered;
	u->first = first;
	u->lane = lane;
	u->queues = first->queues;
	u->queues_max = first->queues_max;
	steer_set_lane(u->steered, cpu, lane);
	err = open_sockets(u, cfg->lanes);
	while (strcmp(uplink_tx_names[kind], first->tx.ops->name))
		kind++; /* what the first found to work */
	if (!err)
		err = open_tx(u, kind, cfg->frame_max);
	if (err) {
		uplink_close(u);
		return err;
	}
	open_gate(u, cfg);
	open_delivered(u, cfg);
	return 0;
}

/* Where the kernel knows no way, the first target's is as good as any; told
 * which interface to use, it takes whatever it does not know for on link. */
static bool same_way(const struct route *a, const struct route *b)
{
	if (a->ifindex != b->ifindex)
		return false;
	return addr_equal(&a->next_hop, &b->next_hop) ||
	       (b->on_link && b->want_ifindex);
}

int uplink_check_way(const struct uplink *u, const struct addr *dst)
{
	bool v4 = addr_is_v4(dst);
	const struct route *ours = v4 ? &u->route4 : &u->route6;
	char a[INET_TEXT], b[INET_TEXT], why[ROUTE_WHY];
	struct route r = { .dst = *dst,
			   .want_ifindex = ours->want_ifindex,
			   .want_src = ours->want_src };
	struct neigh neigh;
	struct nl nl;
	int err;

	if (!u->steered || nl_open(&nl, NETLINK_ROUTE))
		return 0;
	err = route_find_again(&nl, &r, &neigh, why);
	nl_close(&nl);
	if (err || same_way(ours, &r))
		return 0;
	log_err("%s goes by %s on %s, the first target by another way (%s): "
		"sweep them apart, or with --tx raw",
		inet_format(dst, a), inet_format(&r.next_hop, b), r.ifname,
		ours->ifname);
	return -EXDEV;
}

/* The first counts each change after it has written it down. */
static int follow(struct uplink *u)
{
	u32 changes = __atomic_load_n(&u->first->changes, __ATOMIC_ACQUIRE);
	int err;

	u->asking = __atomic_load_n(&u->first->asking, __ATOMIC_RELAXED);
	if (changes == u->changes)
		return 0;
	u->changes = changes;
	u->route4 = u->first->route4;
	u->route6 = u->first->route6;
	u->shut = u->first->shut;
	err = grow(u, u->first->queues);
	/* which of them it was is not written down */
	return err ? err : ROUTE_MOVED | ROUTE_LINK_FELL;
}

/* Of both families, those that are used. */
struct ways {
	struct route route[2];
	unsigned int n;
	int first;
};

static void take_ways(const struct uplink *u, struct ways *w)
{
	*w = (struct ways){ .route = { u->route4, u->route6 } };
	w->first = u->route4.ifindex ? 0 : 1;
	w->n = (u->route4.ifindex != 0) + (u->route6.ifindex != 0);
}

static void put_ways(struct uplink *u, const struct ways *w)
{
	bool shut = false, asking = false;

	u->route4 = w->route[0];
	u->route6 = w->route[1];
	for (int i = 0; i < 2; i++) {
		shut |= w->route[i].shut;
		asking |= w->route[i].asked_ns != 0;
	}
	__atomic_store_n(&u->asking, asking, __ATOMIC_RELAXED);
	u->shut = shut;
}

int uplink_watch(struct uplink *u, u64 now)
{
	bool shut = u->shut;
	struct ways ways;
	int changed;

	if (u->first)
		return follow(u);
	take_ways(u, &ways);
	changed = route_watch_poll(&u->watch, ways.route + ways.first, ways.n,
				   now);
	put_ways(u, &ways);
	/* many a driver takes the link down for it */
	if (changed > 0 && changed & (ROUTE_LINK_UP | ROUTE_LINK_FELL))
		u->queues_ns = 0;
	if (changed > 0 || shut != u->shut)
		__atomic_add_fetch(&u->changes, 1, __ATOMIC_RELEASE);
	if (changed > 0 && changed & ROUTE_LINK_GONE)
		return -ENODEV;
	return changed;
}

void uplink_ask(struct uplink *u, u64 now)
{
	struct ways ways;

	if (u->first)
		return;
	take_ways(u, &ways);
	route_watch_ask(&u->watch, ways.route + ways.first, ways.n, now);
	put_ways(u, &ways);
}

int uplink_tend(struct uplink *u, u64 now)
{
	int err;

	gate_tend(&u->gate);
	if (u->first)
		return 0;
	if (u->steer.program)
		steer_beat(&u->steer, now);
	err = tend_queues(u, now);
	if (err > 0)
		__atomic_add_fetch(&u->changes, 1, __ATOMIC_RELEASE);
	return err;
}

int uplink_read_counts(const struct uplink *u, u64 counts[STEER_VERDICT_COUNT])
{
	int err;

	if (!u->steered) {
		memcpy(counts, u->counts, sizeof(u->counts));
		return 0;
	}
	err = steer_read_counts(u->steered, counts);
	return err;
}

/* Frames stop before the program is detached, and sockets close last: a
 * redirect to a closing socket has upset drivers. */
void uplink_close(struct uplink *u)
{
	if (u->tx.ops)
		u->tx.ops->close(&u->tx);
	if (u->rx.ops)
		u->rx.ops->close(&u->rx);
	steer_close(&u->steer);
	xsk_close(&u->xsk);
	ports_close(&u->ports);
	delivered_close(&u->delivered);
	route_watch_close(&u->watch);
}
