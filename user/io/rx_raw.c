/* SPDX-License-Identifier: BSD-2-Clause */
/* rx_raw: frames in by AF_PACKET, where XDP cannot be had. */
#include "io/rx_raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"

enum {
	QUEUE_BYTES = 8 << 20,
	PAD = 2, /* brings the IP header to a multiple of 4 */
	STRIDE = PAD + sizeof(struct wire_eth) + RX_RAW_FRAME,
	CONTROL = CMSG_SPACE(sizeof(struct timespec)),
};

/* One socket a family: one that hears all would hear our own frames too, and
 * those of a bridge or a VLAN twice. */
enum { SOCKETS = 2 };

struct rx_raw {
	int fd[SOCKETS];
	unsigned int turn; /* which is read first */
	struct mmsghdr msg[IO_BATCH];
	struct iovec iov[IO_BATCH];
	struct sockaddr_ll from[IO_BATCH];
	u8 control[IO_BATCH][CONTROL] __attribute__((aligned(8)));
	u8 frame[IO_BATCH][STRIDE] __attribute__((aligned(16)));
};

static u64 arrival(struct msghdr *m, u64 now, u64 wall_offset)
{
	struct cmsghdr *c;
	struct timespec ts;
	u64 at;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET ||
		    c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		at = (u64)ts.tv_sec * NS_PER_S + (u64)ts.tv_nsec - wall_offset;
		/* the wall clock may have been set since */
		return at < now && now - at < NS_PER_S ? at : now;
	}
	return now;
}

static void put_ethernet(struct wire_eth *eth, const struct sockaddr_ll *from)
{
	u16 type = ntohs(from->sll_protocol);

	memset(eth, 0, sizeof(*eth));
	if (from->sll_halen == sizeof(eth->src))
		memcpy(eth->src, from->sll_addr, sizeof(eth->src));
	eth->type = be16_put(type);
}

/* Reads one socket into frame[0..max), with buffers from `first` on. */
static unsigned int read_socket(struct rx_raw *r, int fd, unsigned int first,
				struct rx_frame *frame, unsigned int max)
{
	u64 now, wall_offset;
	int n;

	for (unsigned int i = first; i < first + max; i++) {
		r->msg[i].msg_hdr.msg_namelen = sizeof(r->from[i]);
		r->msg[i].msg_hdr.msg_controllen = CONTROL;
	}
	n = recvmmsg(fd, r->msg + first, max, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return 0;
	now = clock_now();
	wall_offset = clock_wall_offset();
	for (unsigned int i = first; i < first + (unsigned int)n; i++) {
		u8 *data = r->frame[i] + PAD;

		put_ethernet((struct wire_eth *)data, &r->from[i]);
		*frame++ = (struct rx_frame){
			.data = data,
			.len = sizeof(struct wire_eth) + r->msg[i].msg_len,
			.arrived_ns =
				arrival(&r->msg[i].msg_hdr, now, wall_offset),
		};
	}
	return (unsigned int)n;
}

static unsigned int raw_receive(struct rx *rx, struct rx_frame *frame,
				unsigned int max)
{
	struct rx_raw *r = rx->state;
	unsigned int n = 0;

	if (max > IO_BATCH)
		max = IO_BATCH;
	r->turn ^= 1;
	for (unsigned int s = 0; s < SOCKETS; s++) {
		int fd = r->fd[s ^ r->turn];

		if (fd >= 0 && n < max)
			n += read_socket(r, fd, n, frame + n, max - n);
	}
	rx->stats.received += n;
	return n;
}

static void raw_release(struct rx *rx)
{
	(void)rx; /* the buffers are ours, and are written anew */
}

static void raw_read_stats(struct rx *rx)
{
	struct rx_raw *r = rx->state;
	struct tpacket_stats stats;
	socklen_t len;

	for (unsigned int s = 0; s < SOCKETS; s++) {
		len = sizeof(stats);
		/* what is read is reset */
		if (r->fd[s] >= 0 &&
		    !getsockopt(r->fd[s], SOL_PACKET, PACKET_STATISTICS, &stats,
				&len))
			rx->stats.dropped += stats.tp_drops;
	}
}

static void free_state(struct rx_raw *r)
{
	for (unsigned int s = 0; r && s < SOCKETS; s++) {
		if (r->fd[s] >= 0)
			close(r->fd[s]);
	}
	free(r);
}

static void raw_close(struct rx *rx)
{
	free_state(rx->state);
	if (rx->fd >= 0)
		close(rx->fd);
	memset(rx, 0, sizeof(*rx));
}

static const struct rx_ops raw_ops = {
	.name = "raw",
	.receive = raw_receive,
	.release = raw_release,
	.read_stats = raw_read_stats,
	.close = raw_close,
};

/* The filter sees the packet from its IP header on. */
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (u32)(offset))
#define TAKE_IF(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0)
#define RETURN(octets) BPF_STMT(BPF_RET | BPF_K, octets)
#define FOR_OTHERS                                                             \
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, PACKET_OTHERHOST, 0, 1), RETURN(0)

static struct sock_filter filter_v4[] = {
	LOAD(SKF_AD_OFF + SKF_AD_PKTTYPE),
	FOR_OTHERS,
	LOAD(offsetof(struct wire_v4, proto)),
	TAKE_IF(PROTO_ICMP, 1),
	RETURN(0),
	RETURN(RX_RAW_FRAME),
};

/* Behind an extension header may be ICMPv6; whoever parses finds out. */
static struct sock_filter filter_v6[] = {
	LOAD(SKF_AD_OFF + SKF_AD_PKTTYPE),
	FOR_OTHERS,
	LOAD(offsetof(struct wire_v6, next)),
	TAKE_IF(PROTO_ICMP6, 5),
	TAKE_IF(PROTO_HOPOPTS, 4),
	TAKE_IF(PROTO_ROUTING, 3),
	TAKE_IF(PROTO_FRAGMENT, 2),
	TAKE_IF(PROTO_DSTOPTS, 1),
	RETURN(0),
	RETURN(RX_RAW_FRAME),
};

static int open_socket(u16 type, int ifindex, struct sock_filter *filter,
		       u16 filter_len)
{
	struct sockaddr_ll from = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(type),
		.sll_ifindex = ifindex,
	};
	struct sock_fprog program = { .len = filter_len, .filter = filter };
	int one = 1, bytes = QUEUE_BYTES, fd, err;

	/* protocol 0: nothing is heard before the filter is in place */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
		log_err("raw: cannot open a packet socket%s: %s",
			err == -EPERM ? " (needs CAP_NET_RAW)" : "",
			strerror(-err));
		return err;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&from, sizeof(from))) {
		err = -errno;
		log_err("raw: cannot listen on interface %d: %s", ifindex,
			strerror(-err));
		close(fd);
		return err;
	}
	return fd;
}

static int open_sockets(struct rx_raw *r, int ifindex, int epoll)
{
	static const struct {
		u16 type;
		u16 len;
		struct sock_filter *filter;
	} of[SOCKETS] = {
		{ ETH_P_IP, sizeof(filter_v4) / sizeof(*filter_v4), filter_v4 },
		{ ETH_P_IPV6, sizeof(filter_v6) / sizeof(*filter_v6),
		  filter_v6 },
	};
	struct epoll_event event = { .events = EPOLLIN };

	for (unsigned int s = 0; s < SOCKETS; s++) {
		r->fd[s] = open_socket(of[s].type, ifindex, of[s].filter,
				       of[s].len);
		if (r->fd[s] < 0)
			return r->fd[s];
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, r->fd[s], &event) < 0)
			return -errno;
	}
	return 0;
}

int rx_raw_open(struct rx *rx, int ifindex)
{
	struct rx_raw *r;
	int err, epoll;

	memset(rx, 0, sizeof(*rx));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	r = aligned_alloc(16, sizeof(*r));
	if (!r) {
		close(epoll);
		return -ENOMEM;
	}
	memset(r, 0, sizeof(*r));
	r->fd[0] = r->fd[1] = -1;
	for (unsigned int i = 0; i < IO_BATCH; i++) {
		r->iov[i].iov_base =
			r->frame[i] + PAD + sizeof(struct wire_eth);
		r->iov[i].iov_len = RX_RAW_FRAME;
		r->msg[i].msg_hdr.msg_iov = &r->iov[i];
		r->msg[i].msg_hdr.msg_iovlen = 1;
		r->msg[i].msg_hdr.msg_name = &r->from[i];
		r->msg[i].msg_hdr.msg_control = r->control[i];
	}
	err = open_sockets(r, ifindex, epoll);
	if (err) {
		free_state(r);
		close(epoll);
		return err;
	}
	rx->state = r;
	rx->fd = epoll;
	rx->ops = &raw_ops;
	return 0;
}
