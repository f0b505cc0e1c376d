/* SPDX-License-Identifier: BSD-2-Clause */
/* trace: one trace, with the options and the output of traceroute(8). */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/run.h"
#include "cmd/tcp_opt.h"
#include "lib/clock.h"
#include "lib/inet.h"
#include "lib/log.h"
#include "lib/opt.h"
#include "out/text.h"

struct trace {
	bool only4, only6, icmp, tcp, session, quic, fixed_port, numeric;
	bool dont_fragment, no_close, verbose;
	int close;     /* enum run_closing */
	int quic_mode; /* enum quic_mode */
	bool compare;  /* with UDP */
	const char *sni, *alpn;
	u8 first_ttl, max_ttl, attempts, tos, ecn;
	bool ecn_given;
	u16 port; /* 0: the method's own */
	u32 window;
	u64 wait_ns, gap_ns, limit_ns;
	u32 here_milli, near_milli;
	const char *ifname;
	struct addr source;
	struct opt_list outputs;
	int tx;
	u16 size;
	struct addr dst;
	struct tcp_opt tcp_opt;
	enum probe_method method; /* of the flags above */
	struct tcp_shape shape;
};

enum quic_mode { QUIC_MODE_INITIAL, QUIC_MODE_VN };
static const char *const quic_modes[] = { "initial", "vn", NULL };

static const struct trace DEFAULTS = {
	.first_ttl = 1,
	.max_ttl = 30,
	.attempts = 3,
	.window = 16,
	.wait_ns = 5 * NS_PER_S,
	.here_milli = 3000,
	.near_milli = 10000,
};

enum {
	PORT_FIRST = 33434,
	PORT_SPAN = 91, /* firewalls that let traceroute pass know no more */
	PORT_FIXED = 53,
	PORT_TCP = 80,
	PORT_QUIC = 443,
	COMPARE_GAP = 5, /* silent TTLs that end the trace by UDP */
	/* a pause between probes in which replies are taken as they come:
	 * back to back, our own sending would hold up their stamps */
	PACE = 4000,
	SIZE_V4 = 60,
	SIZE_V6 = 80,
};

static int bad(const char *option, const char *what)
{
	log_err("%s: wants %s", option, what);
	return -EINVAL;
}

/* "MAX,HERE,NEAR" or "MAX", which turns the other two off. */
static int read_wait(void *config, const char *option, const char *text)
{
	struct trace *t = config;
	double v[3] = {};
	char *end;
	int n = 0;

	do {
		v[n] = strtod(text, &end);
		if (end == text || !(v[n] >= 0) || v[n] > 86400)
			return bad(option, "seconds, or MAX,HERE,NEAR");
		n++;
		text = end + 1;
	} while (*end == ',' && n < 3);
	if (*end || v[0] <= 0)
		return bad(option, "seconds above 0, or MAX,HERE,NEAR");
	t->wait_ns = (u64)(v[0] * NS_PER_S);
	t->here_milli = (u32)(v[1] * 1000);
	t->near_milli = (u32)(v[2] * 1000);
	return 0;
}

/* Above 10 it is milliseconds, as traceroute(8) has it. */
static int read_gap(void *config, const char *option, const char *text)
{
	struct trace *t = config;
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v >= 0) || v > 86400000)
		return bad(option, "seconds, or milliseconds if above 10");
	t->gap_ns = (u64)(v > 10 ? v * NS_PER_MS : v * NS_PER_S);
	return 0;
}

static int read_compare(void *config, const char *option, const char *text)
{
	struct trace *t = config;

	if (strcmp(text, "udp"))
		return bad(option, "udp");
	t->compare = true;
	return 0;
}

static int read_ecn(void *config, const char *option, const char *text)
{
	struct trace *t = config;

	if (*text < '0' || *text > '3' || text[1])
		return bad(option, "a number from 0 to 3");
	t->ecn = (u8)(*text - '0');
	t->ecn_given = true;
	return 0;
}

static int read_tcp(void *config, const char *option, const char *text)
{
	struct trace *t = config;

	return tcp_opt_read(&t->tcp_opt, option, text);
}

static int read_module(void *config, const char *option, const char *text)
{
	struct trace *t = config;

	t->icmp = !strcmp(text, "icmp");
	t->tcp = !strcmp(text, "tcp");
	t->session = !strcmp(text, "tcpinsession");
	t->quic = !strcmp(text, "quic");
	t->fixed_port = !strcmp(text, "udp");
	if (t->icmp || t->tcp || t->session || t->quic || t->fixed_port ||
	    !strcmp(text, "default"))
		return 0;
	return bad(option, "default, udp, icmp, tcp, tcpinsession or quic");
}

#define ROW(letter, name, type, field, arg, ...)                               \
	OPT(letter, name, type, struct trace, field, arg, __VA_ARGS__)

static const struct opt OPTIONS[] = {
	ROW('4', NULL, FLAG, only4, NULL, "use IPv4"),
	ROW('6', NULL, FLAG, only6, NULL, "use IPv6"),
	ROW('I', "icmp", FLAG, icmp, NULL, "probe with ICMP echo"),
	ROW('T', "tcp", FLAG, tcp, NULL,
	    "probe with TCP SYNs to one port, 80 unless -p says"),
	ROW(0, "tcpinsession", FLAG, session, NULL,
	    "probe within a TCP session that is opened to that port"),
	ROW(0, "quic", FLAG, quic, NULL,
	    "probe with what begins a QUIC connection, to port 443 unless -p "
	    "says"),
	ROW(0, "quic-mode", CHOICE, quic_mode, "MODE",
	    "initial: the first packet of a connection; vn: one of a version "
	    "that nobody has, which any server answers and none remembers",
	    .choice = quic_modes),
	ROW(0, "sni", STRING, sni, "NAME",
	    "of --quic: the server's name; HOST unless it is an address"),
	ROW(0, "alpn", STRING, alpn, "NAME",
	    "of --quic: the application's protocol; h3 unless given"),
	OPT_DO(0, "compare", "udp",
	       "of --quic: trace by UDP to the same port first, and tell where "
	       "QUIC is blocked and UDP is not",
	       read_compare),
	ROW('U', "udp", FLAG, fixed_port, NULL,
	    "probe with UDP to one port, 53 unless -p says"),
	OPT_DO('M', "module", "NAME",
	       "the same by name: default, udp (-U), icmp, tcp, tcpinsession "
	       "or "
	       "quic",
	       read_module),
	OPT_DO('O', "options", "OPTION,...",
	       "of TCP: syn, or ack instead; ecn, acc-ecn; mss=N, sack, "
	       "timestamps, window_scaling: these and no others; ecmp: each "
	       "of the probes for a TTL is a flow of its own; info is always "
	       "told",
	       read_tcp),
	ROW(0, "close", CHOICE, close, "HOW",
	    "end the session by fin or rst; its application reads nothing",
	    .choice = run_closings),
	ROW(0, "no-close", FLAG, no_close, NULL,
	    "of -T: leave half open what a SYN/ACK opened"),
	ROW('n', NULL, FLAG, numeric, NULL, "do not look names up"),
	ROW('F', "dont-fragment", FLAG, dont_fragment, NULL,
	    "do not let the probes be fragmented"),
	ROW('f', "first", U8, first_ttl, "TTL", "first TTL", .min = 1),
	ROW('m', "max-hops", U8, max_ttl, "TTL", "last TTL", .min = 1),
	ROW('q', "queries", U8, attempts, "N", "probes for each TTL", .min = 1,
	    .max = 10),
	ROW('N', "sim-queries", U32, window, "N", "probes in flight", .min = 1,
	    .max = 255),
	OPT_DO('w', "wait", "MAX,HERE,NEAR",
	       "wait at most MAX seconds for a reply; at most HERE times what "
	       "another probe of this hop took; at most NEAR times what a "
	       "later "
	       "hop took",
	       read_wait),
	OPT_DO('z', "sendwait", "TIME",
	       "between two probes: seconds, or milliseconds if above 10",
	       read_gap),
	ROW('Q', "limit", SECONDS, limit_ns, "S",
	    "end the trace after S seconds, whatever is still to come",
	    .min = NS_PER_MS),
	ROW('p', "port", U16, port, "PORT",
	    "destination port; of UDP without -U that of the first probe, and "
	    "each next one's is one higher",
	    .min = 1),
	ROW('t', "tos", U8, tos, "TOS", "type of service, or traffic class"),
	OPT_DO(0, "ecn", "N",
	       "the low two bits of that: 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE",
	       read_ecn),
	ROW('i', "interface", STRING, ifname, "IF", "send by IF"),
	ROW('s', "source", ADDR, source, "ADDR", "source address"),
	ROW('o', "output", LIST, outputs, "FMT:FILE",
	    "the result as jsonl, csv, text, warts or atlas, or packets as "
	    "pcap, to FILE, or to standard output (-); text:- unless given"),
	ROW(0, "tx", CHOICE, tx, "BACKEND", "auto, xsk, live, packet or raw",
	    .choice = uplink_tx_names),
	ROW('v', "verbose", FLAG, verbose, NULL, "tell what is being done"),
	OPT_END,
};

static int resolve(struct trace *t, const char *host)
{
	const struct addrinfo hints = {
		.ai_family = t->only4	? AF_INET
			     : t->only6 ? AF_INET6
					: AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
	};
	struct addrinfo *list, *best;
	int err = getaddrinfo(host, NULL, &hints, &list);

	if (err) {
		log_err("%s: %s", host,
			err == EAI_SYSTEM ? strerror(errno)
					  : gai_strerror(err));
		return -ENOENT;
	}
	/* IPv4 if both are there, as traceroute(8) */
	best = list;
	for (struct addrinfo *i = list; i; i = i->ai_next)
		if (i->ai_family == AF_INET && best->ai_family != AF_INET)
			best = i;
	if (best->ai_family == AF_INET)
		t->dst = addr_from_v4(
			(WHITHER_FORCE be32)(
				(struct sockaddr_in *)(void *)best->ai_addr)
				->sin_addr.s_addr);
	else
		memcpy(&t->dst,
		       &((struct sockaddr_in6 *)(void *)best->ai_addr)
				->sin6_addr,
		       sizeof(t->dst));
	freeaddrinfo(list);
	return 0;
}

static bool is_tcp(const struct trace *t)
{
	return t->tcp || t->session;
}

/* What belongs to one method alone is of no other. */
static int check_method(const struct trace *t)
{
	const struct rule {
		bool breaks;
		const char *what;
	} rules[] = {
		{ t->icmp + t->tcp + t->session + t->quic + t->fixed_port > 1,
		  "-I, -T, --tcpinsession, --quic and -U exclude each other" },
		{ !is_tcp(t) && t->tcp_opt.given, "-O is for TCP: give -T" },
		{ !is_tcp(t) && t->no_close, "--no-close is for TCP: give -T" },
		{ !t->session && t->close != RUN_CLOSE_FIN,
		  "--close is for --tcpinsession" },
		{ !t->quic && (t->quic_mode || t->sni || t->alpn || t->compare),
		  "--quic-mode, --sni, --alpn and --compare are for --quic" },
		{ t->ecn_given && t->tos & 3,
		  "--ecn gives the low two bits that -t gives already" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if (!rules[i].breaks)
			continue;
		log_err("%s", rules[i].what);
		return -EINVAL;
	}
	return 0;
}

static int choose_method(struct trace *t)
{
	if (check_method(t))
		return -EINVAL;
	t->method = t->icmp			   ? PROBE_ICMP
		    : t->tcp			   ? PROBE_TCP
		    : t->session		   ? PROBE_INSESSION
		    : !t->quic			   ? PROBE_UDP
		    : t->quic_mode == QUIC_MODE_VN ? PROBE_QUIC_VN
						   : PROBE_QUIC;
	return is_tcp(t)
		       ? tcp_opt_shape(&t->tcp_opt, true, &t->method, &t->shape)
		       : 0;
}

static u16 least_size(const struct trace *t, bool v4)
{
	return craft_least(t->method, &t->shape, v4);
}

static int check_size(struct trace *t, const char *text)
{
	bool v4 = addr_is_v4(&t->dst);
	u16 least = least_size(t, v4);
	unsigned long size;
	char *end;

	t->size = is_tcp(t) || t->quic ? least : v4 ? SIZE_V4 : SIZE_V6;
	if (text && is_tcp(t)) {
		log_err("packet length %s: a TCP probe's follows from its "
			"options (-O)",
			text);
		return -EINVAL;
	}
	if (text) {
		size = strtoul(text, &end, 10);
		if (*end || !*text || size > 65000) {
			log_err("packet length \"%s\" is not a number up to "
				"65000",
				text);
			return -EINVAL;
		}
		t->size = (u16)size;
	}
	if (t->size < least || t->size > CRAFT_FRAME - 14) {
		log_err("packet length %u: %u to %d octets", t->size, least,
			CRAFT_FRAME - 14);
		return -EINVAL;
	}
	return 0;
}

static int check(struct trace *t, int argc, char **argv, int first)
{
	struct addr literal;

	if (first == argc || argc - first > 2) {
		log_err("%s; see whither trace --help",
			first == argc ? "which host?"
				      : "more than a host and a packet length");
		return CMD_USAGE;
	}
	if (t->only4 && t->only6) {
		log_err("-4 and -6 exclude each other");
		return CMD_USAGE;
	}
	if (t->first_ttl > t->max_ttl) {
		log_err("first hop %u is beyond the last, %u (-m)",
			t->first_ttl, t->max_ttl);
		return CMD_USAGE;
	}
	if (choose_method(t))
		return CMD_USAGE;
	log_set_level(t->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
	if (resolve(t, argv[first]))
		return CMD_USAGE;
	if (t->quic && !t->sni && inet_parse(argv[first], &literal))
		t->sni = argv[first];
	if (check_size(t, argc - first == 2 ? argv[first + 1] : NULL))
		return CMD_USAGE;
	return CMD_DONE;
}

static void set_ports(const struct trace *t, struct run_config *c)
{
	if (t->icmp)
		return;
	if (t->fixed_port || t->quic || is_tcp(t)) {
		c->dport = t->port     ? t->port
			   : t->quic   ? PORT_QUIC
			   : is_tcp(t) ? PORT_TCP
				       : PORT_FIXED;
		c->ladder.dport_span = 1;
		return;
	}
	c->dport = t->port ? t->port : PORT_FIRST;
	c->ladder.dport_step = 1;
	c->ladder.dport_span = t->port ? (u16)(65535 - t->port + 1) : PORT_SPAN;
}

static struct run_config plan(const struct trace *t,
			      const struct targets *targets,
			      const struct text_config *text)
{
	static const char *const standard[] = { "text:-" };
	bool v4 = addr_is_v4(&t->dst);
	struct run_config c = {
		.targets = targets,
		.method = t->method,
		.tcp = t->shape,
		.no_close = t->no_close,
		.flows = t->tcp_opt.ecmp,
		.close = (enum run_closing)t->close,
		.sni = t->sni,
		.alpn = t->alpn,
		.deadline_ns = t->limit_ns,
		.strategy = RUN_LADDER,
		.uplink = { .ifname = t->ifname,
			    .tx = (enum uplink_tx)t->tx,
			    .batch = 1,
			    .pps = PACE,
			    .burst = 1 },
		.size4 = v4 ? t->size : least_size(t, true),
		.size6 = v4 ? least_size(t, false) : t->size,
		.tos = t->tos | t->ecn,
		.dont_fragment = t->dont_fragment,
		.first_ttl = t->first_ttl,
		.max_ttl = t->max_ttl,
		.attempts = t->attempts,
		.wait_ns = t->wait_ns,
		.shards = 1,
		.ladder = { .gap_limit = LADDER_GAP_OFF,
			    .active_max = 1,
			    .window = t->window,
			    .here_milli = t->here_milli,
			    .near_milli = t->near_milli,
			    .send_gap_ns = t->gap_ns,
			    .stream = true },
		.command = "trace",
		.outputs = t->outputs.count ? t->outputs.item : standard,
		.n_outputs = t->outputs.count ? t->outputs.count : 1,
		.text = text,
	};

	if (addr_is_v4(&t->source))
		c.uplink.src4 = t->source;
	else
		c.uplink.src6 = t->source;
	set_ports(t, &c);
	return c;
}

/* Of a probe within a session that has what we offer. */
static u16 session_size(const struct trace *t)
{
	u32 ip = addr_is_v4(&t->dst) ? sizeof(struct wire_v4)
				     : sizeof(struct wire_v6);

	return (u16)(ip + tcp_within_size(t->shape.timestamps) + 1);
}

static int go(const struct run_config *config, struct run *r)
{
	int err = run_open(r, config);

	if (err)
		return err;
	err = run_go(r);
	run_close(r);
	return err;
}

/* How far UDP to the same port is answered, in datagrams of the same size. */
static int compare(const struct trace *t, const struct targets *targets,
		   struct run *r, u8 *udp_ttl)
{
	struct trace udp = *t;
	struct run_config config;
	int err;

	udp.method = PROBE_UDP;
	config = plan(&udp, targets, NULL);
	config.n_outputs = 0;
	config.ladder.stream = false;
	config.ladder.gap_limit = COMPARE_GAP;
	err = go(&config, r);
	*udp_ttl = r->seen.farthest;
	return err;
}

static int trace(const struct trace *t, const char *host)
{
	const struct targets_config every = {};
	const struct text_config text = {
		.host = host,
		.dst = t->dst,
		.packet_size = t->session ? session_size(t) : t->size,
		.numeric = t->numeric,
	};
	struct targets targets;
	char name[INET_TEXT];
	struct run_config config;
	struct run *r = calloc(1, sizeof(*r));
	int err, status = CMD_FAILED;
	u8 udp_ttl = 0;

	targets_init(&targets, &every);
	err = targets_add(&targets, inet_format(&t->dst, name));
	if (!err)
		err = targets_seal(&targets);
	if (r && !err && t->compare)
		err = compare(t, &targets, r, &udp_ttl);
	if (r && !err) {
		config = plan(t, &targets, &text);
		config.udp_ttl = udp_ttl;
		err = go(&config, r);
	}
	if (r)
		status = err == -EINTR		  ? CMD_INTERRUPTED
			 : err			  ? CMD_FAILED
			 : r->report.destinations ? CMD_DONE
						  : CMD_NOT_REACHED;
	targets_fini(&targets);
	free(r);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	struct trace t = DEFAULTS;
	int first, status;

	argv[0] = (char *)"whither trace";
	first = opt_parse(OPTIONS, &t, argc, argv);
	if (first == -ECANCELED) {
		opt_usage_defaults(stdout,
				   "whither [trace] [OPTION]... HOST [LEN]",
				   "Prints the way that packets take to HOST.",
				   OPTIONS, &DEFAULTS);
		return CMD_DONE;
	}
	if (first < 0)
		return CMD_USAGE;
	status = check(&t, argc, argv, first);
	return status ? status : trace(&t, argv[first]);
}
