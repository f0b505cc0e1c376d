/* SPDX-License-Identifier: BSD-2-Clause */
/* craft: probe -> frame. */
#include "probe/craft.h"

#include <errno.h>

#include "probe/quic_vn.h"

/*
 *   Ethernet | IPv4 or IPv6 | UDP or ICMP echo | mark : 8 | balance : 2 |
 *   [0 | URI | 0] | ...
 *
 * The two octets of balance make the transport's checksum come out as the
 * value that the cookie wants there: the probe's field for UDP, the flow's
 * constant for ICMP.
 */
struct WIRE payload {
	be64 mark;
	be16 balance;
};

enum { SEGMENT_TTL = 64 };

u8 craft_proto(enum probe_method method, const struct addr *dst)
{
	if (method == PROBE_UDP || probe_is_quic(method))
		return PROTO_UDP;
	if (probe_is_tcp(method))
		return PROTO_TCP;
	return addr_is_v4(dst) ? PROTO_ICMP : PROTO_ICMP6;
}

static bool craft_has_udp(enum probe_method method)
{
	return method == PROBE_UDP || probe_is_quic(method);
}

static u8 proto_of(enum probe_method method, bool v4)
{
	const struct addr dst =
		v4 ? addr_from_v4(be32_put(0)) : (struct addr){};

	return craft_proto(method, &dst);
}

u16 craft_least(enum probe_method method, const struct tcp_shape *tcp, bool v4)
{
	u32 ip = v4 ? sizeof(struct wire_v4) : sizeof(struct wire_v6);

	if (probe_is_tcp(method))
		return (u16)(ip + tcp_header_size(tcp));
	if (probe_is_quic(method))
		return (u16)(ip + sizeof(struct wire_udp) + CRAFT_QUIC);
	return v4 ? CRAFT_MIN_V4 : CRAFT_MIN_V6;
}

static u8 echo_type(bool v4)
{
	return v4 ? ICMP4_ECHO : ICMP6_ECHO;
}

u32 craft_uri_octets(const char *uri)
{
	return uri ? (u32)strlen(uri) + 2 : 0;
}

/* What follows the balance: who probes, and letters, for whoever looks at the
 * packet. */
static void fill_padding(u8 *p, u32 len, const char *uri)
{
	static const char text[] = "whither: network measurement ";

	if (uri) {
		u32 octets = craft_uri_octets(uri);

		*p = 0;
		memcpy(p + 1, uri, octets - 1);
		p += octets;
		len -= octets;
	}
	for (u32 i = 0; i < len; i++)
		p[i] = (u8)text[i % (sizeof(text) - 1)];
}

static void template_v4(const struct craft_config *cfg,
			struct craft_template *t)
{
	struct wire_eth *eth = (void *)t->frame;
	struct wire_v4 *ip = (void *)(eth + 1);

	eth->type = be16_put(ETHERTYPE_V4);
	*ip = (struct wire_v4){
		.ver_ihl = 0x45,
		.tos = cfg->tos,
		.len = be16_put(cfg->size4),
		.frag = be16_put(cfg->dont_fragment ? 0x4000 : 0),
		.proto = proto_of(cfg->method, true),
		.src = cfg->key->src4.w[3],
	};
	t->len = (u32)sizeof(*eth) + cfg->size4;
	t->ip_sum = csum_fold(csum_octets(0, (u8 *)ip, sizeof(*ip)));
}

static void template_v6(const struct craft_config *cfg,
			struct craft_template *t)
{
	struct wire_eth *eth = (void *)t->frame;
	struct wire_v6 *ip = (void *)(eth + 1);

	eth->type = be16_put(ETHERTYPE_V6);
	*ip = (struct wire_v6){
		.ver_class_flow = be32_put(6u << 28 | (u32)cfg->tos << 20),
		.len = be16_put((u16)(cfg->size6 - sizeof(*ip))),
		.next = proto_of(cfg->method, false),
	};
	memcpy(ip->src, &cfg->key->src6, 16);
	t->len = (u32)sizeof(*eth) + cfg->size6;
}

/* Within a session none may be older than the one before (RFC 7323). */
static bool is_stamped(const struct craft_config *cfg)
{
	return cfg->method == PROBE_TCP && tcp_has_stamp(&cfg->tcp);
}

/* The transport header, and the sum of all that no probe changes. */
static void template_l4(const struct craft_config *cfg, bool v4,
			struct craft_template *t)
{
	u32 off = (u32)sizeof(struct wire_eth) +
		  (v4 ? (u32)sizeof(struct wire_v4)
		      : (u32)sizeof(struct wire_v6));
	u16 len = (u16)(t->len - off);
	const struct addr *src = v4 ? &cfg->key->src4 : &cfg->key->src6;
	u8 *l4 = t->frame + off;
	u64 sum = 0;

	if (craft_has_udp(cfg->method))
		((struct wire_udp *)l4)->len = be16_put(len);
	else if (cfg->method == PROBE_ICMP)
		((struct wire_icmp *)l4)->type = echo_type(v4);
	else
		tcp_write_header(&cfg->tcp, v4, l4);
	if (is_stamped(cfg))
		memset(l4 + TCP_STAMP_AT, 0, 4);
	if (cfg->method == PROBE_QUIC_VN)
		quic_vn_template(l4 + sizeof(struct wire_udp));
	else if (!probe_is_tcp(cfg->method) && cfg->method != PROBE_QUIC)
		fill_padding(l4 + 8 + sizeof(struct payload),
			     len - 8 - (u32)sizeof(struct payload), cfg->uri);
	sum = csum_octets(sum, l4, len);
	if (cfg->method != PROBE_ICMP || !v4)
		sum = csum_add_addr(sum + proto_of(cfg->method, v4) + len, src);
	t->l4_sum = csum_fold(sum);
}

int craft_init(struct craft *c, const struct craft_config *config)
{
	const u32 most = CRAFT_FRAME - sizeof(struct wire_eth);
	u32 uri = craft_uri_octets(config->uri);
	u32 least4 = craft_least(config->method, &config->tcp, true) + uri;
	u32 least6 = craft_least(config->method, &config->tcp, false) + uri;

	if (uri > most || config->size4 < least4 || config->size4 > most ||
	    config->size6 < least6 || config->size6 > most)
		return -EINVAL;
	if (probe_is_quic(config->method) && uri)
		return -EINVAL;
	if (probe_is_tcp(config->method) &&
	    (uri || config->size4 > least4 || config->size6 > least6))
		return -EINVAL;
	memset(c, 0, sizeof(*c));
	c->config = *config;
	template_v4(config, &c->v4);
	template_l4(config, true, &c->v4);
	template_v6(config, &c->v6);
	template_l4(config, false, &c->v6);
	return 0;
}

void craft_set_mac(struct craft *c, bool v4, const u8 src[6], const u8 dst[6])
{
	struct wire_eth *eth = (void *)(v4 ? c->v4.frame : c->v6.frame);

	memcpy(eth->src, src, 6);
	memcpy(eth->dst, dst, 6);
}

static void put_payload(struct payload *to, u64 mark, u64 sum, u16 want)
{
	to->mark = be64_put(mark);
	sum = csum_add32(csum_add32(sum, (u32)mark), (u32)(mark >> 32));
	/* sum + balance must be the complement of the wanted checksum */
	to->balance = be16_put(csum_fold((u64)(u16)~want + csum_neg(sum)));
}

/* The sum of the pseudo header and the ports, besides the template's. */
static u64 put_udp_header(const struct cookie *k, const struct probe *p,
			  u64 sum, u8 *l4)
{
	struct wire_udp *udp = (void *)l4;

	udp->sport = be16_put(k->port);
	udp->dport = be16_put(p->dport);
	udp->check = be16_put(k->field);
	return csum_add_addr(sum + k->port + p->dport, &p->dst);
}

static void put_udp(const struct cookie *k, const struct probe *p, u64 sum,
		    u8 *l4)
{
	sum = put_udp_header(k, p, sum, l4);
	put_payload((void *)(l4 + sizeof(struct wire_udp)), k->mark, sum,
		    k->field);
}

static void put_quic(const struct cookie *k, const struct probe *p, u64 sum,
		     u8 *l4)
{
	sum = put_udp_header(k, p, sum, l4);
	quic_vn_write(l4 + sizeof(struct wire_udp), k->cid, k->mark, sum,
		      k->field);
}

static void put_echo(const struct cookie *k, const struct probe *p, bool v4,
		     u64 sum, u8 *l4)
{
	struct wire_icmp *icmp = (void *)l4;

	icmp->check = be16_put(k->echo_check);
	icmp->id = be16_put(k->echo_id);
	icmp->seq = be16_put(k->field);
	sum += (u32)k->echo_id + k->field;
	if (!v4)
		sum = csum_add_addr(sum, &p->dst);
	put_payload((void *)(icmp + 1), k->mark, sum, k->echo_check);
}

/* An ACK of what was never sent: its RST brings the number back. */
static void put_tcp(const struct craft_config *cfg, const struct cookie *k,
		    const struct probe *p, u64 sum, u8 *l4)
{
	const be32 stamp = be32_put(k->seq);
	struct wire_tcp *tcp = (void *)l4;

	tcp->sport = be16_put(k->port);
	tcp->dport = be16_put(p->dport);
	tcp->seq = be32_put(k->seq);
	sum = csum_add32(sum + k->port + p->dport, k->seq);
	if (cfg->tcp.flags & TCP_ACK) {
		tcp->ack = be32_put(k->seq);
		sum = csum_add32(sum, k->seq);
	}
	if (is_stamped(cfg)) {
		memcpy(l4 + TCP_STAMP_AT, &stamp, sizeof(stamp));
		sum = csum_add32(sum, k->seq);
	}
	tcp->check = be16_put(csum_neg(csum_add_addr(sum, &p->dst)));
}

static u8 *put_v4(const struct craft_template *t, const struct cookie *k,
		  const struct probe *p, u8 *frame)
{
	struct wire_v4 *ip = (void *)(frame + sizeof(struct wire_eth));
	u64 sum = t->ip_sum + (u64)k->id + ((u32)p->ttl << 8);

	ip->id = be16_put(k->id);
	ip->ttl = p->ttl;
	ip->dst = p->dst.w[3];
	ip->check = be16_put(csum_neg(csum_add32(sum, be32_get(ip->dst))));
	return (u8 *)(ip + 1);
}

static u8 *put_v6(const struct cookie *k, const struct probe *p, u8 *frame)
{
	struct wire_v6 *ip = (void *)(frame + sizeof(struct wire_eth));

	if (k->label)
		ip->ver_class_flow =
			be32_put(be32_get(ip->ver_class_flow) | k->label);
	ip->hops = p->ttl;
	memcpy(ip->dst, &p->dst, 16);
	return (u8 *)(ip + 1);
}

/* The transport's header, and an octet behind it if there is one. */
static u32 put_segment(const struct craft *c, const struct aside *s, u8 *l4)
{
	bool v4 = addr_is_v4(&s->dst);
	struct wire_tcp *tcp = (void *)l4;
	const struct cookie_key *key = c->config.key;
	u32 size;
	u64 sum;

	if (s->flags & TCP_SYN)
		size = tcp_write_header(&c->config.tcp, v4, l4);
	else
		size = tcp_write_within(s->flags, s->stamped, s->echo, l4);
	if (s->octets)
		l4[size++] = 0;
	tcp->sport = be16_put(s->sport);
	tcp->dport = be16_put(s->dport);
	tcp->seq = be32_put(s->seq);
	tcp->ack = be32_put(s->ack);
	sum = csum_add_addr(PROTO_TCP + size, v4 ? &key->src4 : &key->src6);
	sum = csum_octets(csum_add_addr(sum, &s->dst), l4, size);
	tcp->check = be16_put(csum_neg(sum));
	return size;
}

static u32 put_datagram(const struct craft *c, const struct aside *s, u8 ttl,
			u8 *frame)
{
	bool v4 = addr_is_v4(&s->dst);
	const struct craft_template *t = v4 ? &c->v4 : &c->v6;
	u16 ip_len = v4 ? sizeof(struct wire_v4) : sizeof(struct wire_v6);
	struct wire_v4 *ip4 = (void *)(frame + sizeof(struct wire_eth));
	struct wire_v6 *ip6 = (void *)ip4;
	u32 size = put_segment(c, s, (u8 *)ip4 + ip_len);

	memcpy(frame, t->frame, sizeof(struct wire_eth) + ip_len);
	if (v4) {
		ip4->len = be16_put((u16)(ip_len + size));
		ip4->id = be16_put(s->id);
		ip4->frag = be16_put(0x4000);
		ip4->ttl = ttl;
		ip4->dst = s->dst.w[3];
		ip4->check = be16_put(
			csum_neg(csum_octets(0, (u8 *)ip4, sizeof(*ip4))));
	} else {
		ip6->len = be16_put((u16)size);
		ip6->hops = ttl;
		memcpy(ip6->dst, &s->dst, sizeof(ip6->dst));
	}
	return (u32)sizeof(struct wire_eth) + ip_len + size;
}

/* A datagram whose packet is sealed: its checksum is what it is to be. */
static void put_sealed(const struct craft *c, const struct cookie *k,
		       const struct probe *p, bool closes, bool v4, u8 *l4)
{
	const struct craft_template *t = v4 ? &c->v4 : &c->v6;
	u32 off = (u32)sizeof(struct wire_eth) +
		  (v4 ? (u32)sizeof(struct wire_v4)
		      : (u32)sizeof(struct wire_v6));
	u32 size = t->len - off - (u32)sizeof(struct wire_udp);
	struct quic_conns *x = c->config.quic;
	u8 *payload = l4 + sizeof(struct wire_udp);
	be16 *balance = (be16 *)(void *)(payload + (size & ~1u) - 2);
	u64 sum = put_udp_header(k, p, t->l4_sum, l4);

	quic_conn_write(x, quic_conns_at(x, p->owner, p->attempt), &p->dst,
			p->attempt % x->flows, p->ack, closes, payload, size);
	sum = csum_octets(sum, payload, size);
	*balance = be16_put(csum_fold((u64)(u16)~k->field + csum_neg(sum)));
}

/* One that closes goes all the way, and is told from probes by TTL 0. */
static u32 put_closing(const struct craft *c, const struct aside *s, u8 *frame)
{
	bool v4 = addr_is_v4(&s->dst);
	const struct craft_template *t = v4 ? &c->v4 : &c->v6;
	struct probe p = {
		.dst = s->dst,
		.owner = s->owner / c->config.quic->flows,
		.ack = s->seq,
		.dport = s->dport,
		.ttl = SEGMENT_TTL,
		.attempt = s->flow,
	};
	struct cookie k;
	u8 *l4;

	cookie_make(c->config.key, &p.dst, PROTO_UDP, 0, p.attempt, &k);
	memcpy(frame, t->frame, t->len);
	l4 = v4 ? put_v4(t, &k, &p, frame) : put_v6(&k, &p, frame);
	put_sealed(c, &k, &p, true, v4, l4);
	return t->len;
}

u32 craft_aside(const struct craft *c, const struct aside *s, u8 *frame)
{
	if (s->quic)
		return put_closing(c, s, frame);
	return put_datagram(c, s, SEGMENT_TTL, frame);
}

/* As a host's own stack would do for a connection that it does not know
 * (RFC 9293 section 3.5.2): the number is the one that was acknowledged. */
u32 craft_reset(const struct craft *c, const struct reply *r, u8 *frame)
{
	const struct aside s = {
		.dst = r->from,
		.seq = r->ack,
		.sport = r->dport,
		.dport = r->sport,
		.flags = TCP_RST,
	};

	return craft_aside(c, &s, frame);
}

/* The octet of a probe in its session. */
static u32 put_within(const struct craft *c, const struct probe *p, u8 *frame)
{
	const struct cookie_key *key = c->config.key;
	struct aside s = {
		.dst = p->dst,
		.seq = cookie_session(key, &p->dst) + COOKIE_DATA +
		       cookie_step(key, p->ttl, p->attempt),
		.ack = p->ack,
		.echo = p->echo,
		.dport = p->dport,
		.flags = TCP_PSH | TCP_ACK, /* not merged with others */
		.octets = 1,
		.stamped = p->how == PROBE_STAMPED,
	};
	struct cookie k;

	cookie_make(key, &p->dst, PROTO_TCP, p->ttl, p->attempt, &k);
	s.sport = k.port;
	s.id = k.id;
	return put_datagram(c, &s, p->ttl, frame);
}

u32 craft_probe(const struct craft *c, const struct probe *p, u8 *frame)
{
	bool v4 = addr_is_v4(&p->dst);
	const struct craft_template *t = v4 ? &c->v4 : &c->v6;
	struct cookie k;
	u8 *l4;

	if (p->how != PROBE_ALONE)
		return put_within(c, p, frame);
	cookie_make(c->config.key, &p->dst,
		    craft_proto(c->config.method, &p->dst), p->ttl, p->attempt,
		    &k);
	memcpy(frame, t->frame, t->len);
	l4 = v4 ? put_v4(t, &k, p, frame) : put_v6(&k, p, frame);
	if (c->config.method == PROBE_QUIC)
		put_sealed(c, &k, p, false, v4, l4);
	else if (c->config.method == PROBE_QUIC_VN)
		put_quic(&k, p, t->l4_sum, l4);
	else if (c->config.method == PROBE_UDP)
		put_udp(&k, p, t->l4_sum, l4);
	else if (c->config.method == PROBE_ICMP)
		put_echo(&k, p, v4, t->l4_sum, l4);
	else
		put_tcp(&c->config, &k, p, t->l4_sum, l4);
	return t->len;
}
