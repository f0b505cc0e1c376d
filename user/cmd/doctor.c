/* SPDX-License-Identifier: BSD-2-Clause */
/* doctor: what this host can do for us, and how to mend what it cannot. */
#include "cmd/doctor.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "io/host.h"
#include "io/nic.h"
#include "io/ports.h"
#include "io/route.h"
#include "io/xsk.h"
#include "lib/inet.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/opt.h"

struct doctor {
	const char *ifname; /* NULL: all but loopback */
	bool json;
};

static const struct opt OPTIONS[] = {
	OPT('i', "interface", STRING, struct doctor, ifname, "IF",
	    "this interface alone; else all but loopback"),
	OPT('j', "json", FLAG, struct doctor, json, NULL,
	    "one JSON object instead of the table"),
	OPT_END,
};

enum level { OK, WARN, FAIL };

static const char *const LEVEL[] = { "ok", "warn", "FAIL" };

/* Where findings go, and what they amount to. */
struct report {
	struct json *json;  /* NULL: a table */
	const char *ifname; /* the interface at hand */
	bool failed;
};

enum { NAME = 16, FINDING = 55, WIDTH = 80, INDENT = 4, ADVICE = 320 };

/* One paragraph, in lines of WIDTH columns. */
static void put_wrapped(const char *text)
{
	size_t at = 0, len;

	while (*text) {
		len = strcspn(text, " ");
		if (at && at + 1 + len > WIDTH) {
			putchar('\n');
			at = 0;
		}
		at += (size_t)printf("%*s%.*s", at ? 1 : INDENT, "", (int)len,
				     text);
		text += len + (text[len] == ' ');
	}
	putchar('\n');
}

static void put_heading(struct report *r, const char *title)
{
	if (r->json)
		json_array(r->json, "checks");
	else
		printf("%s\n", title);
}

/* Advice with the interface's name in place of each '@'. */
static void name_interface(char to[static ADVICE], const char *mend,
			   const char *ifname)
{
	size_t at = 0;

	for (; *mend && at + IFNAMSIZ < ADVICE; mend++) {
		if (*mend == '@' && ifname)
			at += (size_t)sprintf(to + at, "%.*s", IFNAMSIZ - 1,
					      ifname);
		else
			to[at++] = *mend;
	}
	to[at] = '\0';
}

/* mend: what to do about it, in words; for OK it is not shown. */
__attribute__((format(printf, 5, 6))) static void
find(struct report *r, enum level level, const char *name, const char *mend,
     const char *format, ...)
{
	char finding[160], advice[ADVICE];
	va_list args;

	va_start(args, format);
	vsnprintf(finding, sizeof(finding), format, args);
	va_end(args);
	name_interface(advice, mend, r->ifname);
	if (level == FAIL)
		r->failed = true;
	if (r->json) {
		json_object(r->json, NULL);
		json_string(r->json, "name", name);
		json_string(r->json, "finding", finding);
		json_string(r->json, "level",
			    level == FAIL ? "fail" : LEVEL[level]);
		if (level != OK)
			json_string(r->json, "advice", advice);
		json_end(r->json);
		return;
	}
	printf("  %-*s %-*.*s %s\n", NAME, name, FINDING, FINDING, finding,
	       LEVEL[level]);
	if (level != OK)
		put_wrapped(advice);
}

/* "works", or why not. */
static const char *outcome(int err)
{
	return err ? strerror(-err) : "works";
}

#define AS_ROOT                                                                \
	"run as root, or: setcap cap_net_raw,cap_net_admin,cap_bpf,"           \
	"cap_perfmon+ep on the program"

static void find_capabilities(struct report *r, const struct host *h)
{
	bool all = h->cap_net_raw && h->cap_net_admin && h->cap_bpf &&
		   h->cap_perfmon;

	find(r,
	     all	      ? OK
	     : h->cap_net_raw ? WARN
			      : FAIL,
	     "capabilities",
	     h->cap_net_raw ? "without XDP, packets go by packet or raw "
			      "sockets; for all of it " AS_ROOT
			    : AS_ROOT,
	     "%s%s%s%s%s%s",
	     all ? "" : "lacking:", h->cap_net_raw ? "" : " CAP_NET_RAW",
	     h->cap_net_admin ? "" : " CAP_NET_ADMIN",
	     h->cap_bpf ? "" : " CAP_BPF", h->cap_perfmon ? "" : " CAP_PERFMON",
	     all ? "CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON" : "");
}

static void find_kernel(struct report *r, const struct host *h)
{
	unsigned int major = 0, minor = 0;

	sscanf(h->kernel, "%u.%u", &major, &minor);
	find(r, major > 5 || (major == 5 && minor >= 10) ? OK : WARN, "kernel",
	     "older than 5.10: what works below was found by trying, the rest "
	     "is unknown",
	     "Linux %s", h->kernel);
}

static void find_paths(struct report *r, const struct host *h)
{
	bool denied = h->err_xdp == -EPERM || h->err_xdp == -EACCES;
	bool no_sockets = h->err_packet && h->err_raw4;

	find(r, h->err_xdp ? WARN : OK, "XDP program",
	     denied ? AS_ROOT "; else packets go by packet or raw sockets"
		    : "the kernel needs CONFIG_BPF_SYSCALL; else packets go "
		      "by packet or raw sockets",
	     "%s", outcome(h->err_xdp));
	find(r, h->err_live ? WARN : OK, "live frames",
	     h->err_xdp ? "see XDP program"
			: "needs Linux 5.18; AF_XDP is used in their place",
	     "%s", outcome(h->err_live));
	find(r, h->err_xsk ? WARN : OK, "AF_XDP socket",
	     h->err_xsk == -EPERM ? AS_ROOT
				  : "the kernel needs CONFIG_XDP_SOCKETS; "
				    "else: --tx packet or --tx raw",
	     "%s", outcome(h->err_xsk));
	find(r,
	     !h->err_packet ? OK
	     : no_sockets   ? FAIL
			    : WARN,
	     "packet socket",
	     h->err_packet == -EPERM ? AS_ROOT
				     : "the kernel needs CONFIG_PACKET",
	     "%s", outcome(h->err_packet));
	find(r, h->err_raw4 ? WARN : OK, "raw socket IPv4",
	     h->err_raw4 == -EPERM ? AS_ROOT : "IPv4 is not there", "%s",
	     outcome(h->err_raw4));
	find(r, h->err_raw6 ? WARN : OK, "raw socket IPv6",
	     h->err_raw6 == -EPERM ? AS_ROOT
				   : "IPv6 is switched off: IPv4 alone can "
				     "be probed",
	     "%s", outcome(h->err_raw6));
	find(r, h->err_netlink ? FAIL : OK, "netlink",
	     "routes cannot be read: a sandbox is in the way", "%s",
	     outcome(h->err_netlink));
}

static const char *mebibytes(u64 octets, char text[static 24])
{
	if (octets == UINT64_MAX)
		strcpy(text, "unlimited");
	else
		snprintf(text, 24, "%llu MiB",
			 (unsigned long long)octets >> 20);
	return text;
}

static void find_bpf_settings(struct report *r, const struct host *h)
{
	if (h->jit < 0)
		find(r, OK, "BPF compiler", "", "state cannot be read here");
	else
		find(r, h->jit ? OK : WARN, "BPF compiler",
		     "interpreted programs are slow: sysctl -w "
		     "net.core.bpf_jit_enable=1",
		     "%s", h->jit ? "on" : "off");
	find(r, OK, "BPF for users", "", "%s",
	     h->unprivileged_bpf < 0 ? "state cannot be read here"
	     : h->unprivileged_bpf   ? "off (we need none)"
				     : "on (we need none)");
}

_Static_assert(XSK_CHUNK *(XSK_RX_FRAMES + XSK_TX_FRAMES) == 36 << 20,
	       "the advice below says so");

static void find_limits(struct report *r, const struct host *h)
{
	u64 umem = (u64)XSK_CHUNK * (XSK_RX_FRAMES + XSK_TX_FRAMES);
	u64 files = (1u << PORTS_MAX_BITS) + 256;
	char soft[24], hard[24];
	bool ok;

	ok = h->cap_ipc_lock || h->memlock >= umem;
	find(r, ok ? OK : WARN, "locked memory",
	     "AF_XDP needs 36 MiB: ulimit -l unlimited, or "
	     "CAP_IPC_LOCK",
	     "%s, at most %s%s", mebibytes(h->memlock, soft),
	     mebibytes(h->memlock_hard, hard),
	     h->cap_ipc_lock ? "; CAP_IPC_LOCK lifts it" : "");
	find(r, h->files_hard >= files ? OK : WARN, "open files",
	     "fewer than 4096 source ports can be held, which weakens the "
	     "protection against forged replies: ulimit -Hn 8192",
	     "%llu, at most %llu", (unsigned long long)h->files,
	     (unsigned long long)h->files_hard);
}

/* Takes them and gives them back. */
static void find_ports(struct report *r, const struct host *h)
{
	struct ports p;
	u32 last;
	int err = ports_open(&p, false, PORTS_MAX_BITS);

	last = p.base + (1u << p.bits) - 1;
	if (err)
		find(r, FAIL, "source ports",
		     "no block of UDP ports is free: see what holds them by "
		     "ss -ulnp",
		     "%s", strerror(-err));
	else
		find(r, p.bits == PORTS_MAX_BITS ? OK : WARN, "source ports",
		     "fewer than 4096: see open files", "%u..%u can be held",
		     p.base, last);
	if (!err)
		find(r,
		     h->ephemeral_last < p.base || h->ephemeral_first > last
			     ? OK
			     : WARN,
		     "ephemeral ports",
		     "they overlap the block that we hold, which leaves fewer "
		     "to other programs meanwhile: sysctl -w "
		     "net.ipv4.ip_local_port_range='32768 60999'",
		     "%u..%u", h->ephemeral_first, h->ephemeral_last);
	ports_close(&p);
}

static void examine_host(struct report *r)
{
	struct host h;

	host_read(&h);
	put_heading(r, "this host");
	find_kernel(r, &h);
	find_capabilities(r, &h);
	find_paths(r, &h);
	find_bpf_settings(r, &h);
	find_limits(r, &h);
	find_ports(r, &h);
	if (r->json)
		json_end(r->json);
}

static bool find_link(struct report *r, const struct nic_info *nic)
{
	bool works = nic->up && nic->carrier;

	find(r, OK, "driver", "", "%s%s; queues: %u in, %u out",
	     nic->driver[0] ? nic->driver : "no name",
	     nic->ethernet ? "" : ", not Ethernet", nic->rx_queues,
	     nic->tx_queues);
	find(r, works ? OK : WARN, "link",
	     nic->up ? "plug in the cable, or bring the other end up"
		     : "ip link set @ up",
	     "%s",
	     works     ? "up, with carrier"
	     : nic->up ? "up, without carrier"
		       : "down");
	find(r, nic->mtu <= 3498 || !nic->ethernet ? OK : WARN, "MTU",
	     "many drivers have no native XDP beyond some 3500: ip link set "
	     "@ mtu 1500",
	     "%u", nic->mtu);
	return works;
}

static void find_hook(struct report *r, const struct nic_info *nic)
{
	bool is_veth = !strcmp(nic->driver, "veth");
	bool xmit = nic->features & NIC_XDP_XMIT;

	find(r, nic->xdp_id ? WARN : OK, "XDP hook",
	     "it is not displaced. Free it (ip link set dev @ xdp off), or: "
	     "--tx packet",
	     nic->xdp_id ? "held by program %u \"%s\" (%s)" : "free",
	     nic->xdp_id, nic->xdp_name, nic_xdp_mode_name(nic->xdp_mode));
	if (!nic->features_known) {
		find(r, OK, "native XDP", "",
		     "unknown before Linux 6.3; found by trying");
		return;
	}
	find(r, nic->features & NIC_XDP_BASIC ? OK : WARN, "native XDP",
	     "the driver has none: generic XDP is used, several times slower",
	     "%s", nic->features & NIC_XDP_BASIC ? "yes" : "no");
	find(r, OK, "zero-copy", "", "%s",
	     nic->features & NIC_XDP_ZEROCOPY
		     ? "yes"
		     : "no: live frames, or AF_XDP with copying");
	if (is_veth && !xmit)
		find(r, WARN, "live frames",
		     "the other end of the pair must run an XDP program, or "
		     "have GRO on before it is brought up (ethtool -K PEER "
		     "gro on); else AF_XDP with copying is used",
		     "no");
	else
		find(r, OK, "live frames", "", "%s",
		     xmit ? "yes" : "not now; many drivers: once we attach");
}

/* Addresses sure to be elsewhere (a root name server): the kernel is asked
 * the way there, and nothing is sent. */
#define FAR_V4 "198.41.0.4"
#define FAR_V6 "2001:503:ba3e::2:30"

static void find_next_hop(struct report *r, const struct nic_info *nic,
			  const char *name, const char *far)
{
	struct route route = { .want_ifindex = nic->ifindex };
	char why[ROUTE_WHY] = "", hop[INET_TEXT];
	struct neigh neigh;
	struct nl nl;
	int err;

	inet_parse(far, &route.dst);
	err = nl_open(&nl, NETLINK_ROUTE);
	if (err) {
		find(r, WARN, name, "see netlink", "%s", strerror(-err));
		return;
	}
	err = route_find_again(&nl, &route, &neigh, why);
	nl_close(&nl);
	if (err || (route.on_link && route.arp)) {
		find(r, WARN, name,
		     "only what is on the link can be probed in this family: "
		     "ip route add default via GATEWAY dev @",
		     "no gateway");
		return;
	}
	inet_format(&route.next_hop, hop);
	if (!route.arp)
		find(r, OK, name, "", "none needed");
	else if (neigh_is_silent(&neigh))
		find(r, WARN, name,
		     "it does not answer ARP or neighbour discovery: is it "
		     "there, and is the address right?",
		     "%s: silent", hop);
	else
		find(r, OK, name, "", "%s: %s", hop,
		     neigh_is_confirmed(&neigh) ? "MAC known"
		     : neigh.has_mac		? "MAC known of old"
						: "MAC will be asked for");
}

/* Whether a sweep could use it. */
static bool examine_interface(struct report *r, const char *ifname)
{
	char title[IFNAMSIZ + 16];
	struct nic_info nic;
	bool works;

	if (nic_read(&nic, ifname))
		return false;
	if (r->json) {
		json_object(r->json, NULL);
		json_string(r->json, "name", nic.ifname);
	}
	r->ifname = nic.ifname;
	snprintf(title, sizeof(title), "interface %s", nic.ifname);
	put_heading(r, title);
	works = find_link(r, &nic);
	if (nic.ethernet)
		find_hook(r, &nic);
	if (works && !nic.loopback) {
		find_next_hop(r, &nic, "next hop IPv4", FAR_V4);
		find_next_hop(r, &nic, "next hop IPv6", FAR_V6);
	}
	find(r, OK, "arrival times", "", "%s",
	     nic.ethernet ? "taken by the XDP program" : "taken by the kernel");
	if (nic.ethernet)
		find(r, OK, "VLAN tags", "", "%s",
		     nic.rx_vlan_offload ? "cut off by the card (rxvlan on)"
					 : "left in frames");
	if (r->json) {
		json_end(r->json);
		json_end(r->json);
	}
	r->ifname = NULL;
	return works;
}

static void examine_interfaces(struct report *r, const struct doctor *d)
{
	struct if_nameindex *all, *i;
	bool any = false;

	if (r->json)
		json_array(r->json, "interfaces");
	if (d->ifname) {
		any = examine_interface(r, d->ifname);
	} else {
		all = if_nameindex();
		for (i = all; i && i->if_index; i++) {
			if (strcmp(i->if_name, "lo"))
				any |= examine_interface(r, i->if_name);
		}
		if (all)
			if_freenameindex(all);
	}
	if (r->json)
		json_end(r->json);
	if (!any)
		r->failed = true;
	if (!any && !r->json)
		printf("no interface is up\n");
}

int cmd_doctor(int argc, char **argv)
{
	struct report r = {};
	struct doctor d = {};
	struct json json;
	int first;

	argv[0] = (char *)"whither doctor";
	first = opt_parse(OPTIONS, &d, argc, argv);
	if (first == -ECANCELED) {
		opt_usage(stdout, "whither doctor [OPTION]...",
			  "Tells what this host can do, and how to mend what "
			  "it cannot. Attaches, changes and sends nothing.",
			  OPTIONS);
		return CMD_DONE;
	}
	if (first >= 0 && first < argc)
		log_err("doctor takes no operand: \"%s\"", argv[first]);
	if (first < 0 || first < argc)
		return CMD_USAGE;
	/* what others would warn of is a line of its own here */
	log_set_level(LOG_LEVEL_ERR);
	if (d.json) {
		json_init(&json, stdout);
		json_object(&json, NULL);
		r.json = &json;
	}
	examine_host(&r);
	examine_interfaces(&r, &d);
	if (d.json) {
		json_bool(&json, "ok", !r.failed);
		json_end(&json);
		json_flush(&json);
	}
	return r.failed ? CMD_FAILED : CMD_DONE;
}
