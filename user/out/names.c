/* SPDX-License-Identifier: BSD-2-Clause */
/* names: addresses to host names, without ever waiting. */
#include "out/names.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>

#include "lib/log.h"

enum {
	SLOTS = 2 * NAMES_KNOWN,
	UNDER_WAY = 256, /* look-ups at a time */
	QUERY_MS = 700,	 /* before a resolver is asked again */
	QUERY_TRIES = 2,
	NAME_OCTETS = 255, /* RFC 1035 section 2.3.4 */
};

struct entry {
	struct addr addr; /* none: free */
	char *name;	  /* NULL: not known yet */
	struct names_state *owner;
};

struct names_state {
	ares_channel channel;
	struct entry entry[SLOTS];
	unsigned int used, under_way;
};

static bool is_plain(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

char *names_escape(const char *name, char text[static NAMES_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	char *p = text;

	for (unsigned int i = 0; name[i] && i < NAME_OCTETS; i++) {
		u8 c = (u8)name[i];

		if (is_plain(c)) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	*p = '\0';
	return text;
}

/* Without memory an address has no name. */
static char *keep(const char *name)
{
	static char none[] = "";
	char text[NAMES_TEXT], *copy;

	if (!name || !*name)
		return none;
	copy = strdup(names_escape(name, text));
	return copy ? copy : none;
}

static void found(void *arg, int status, int timeouts, struct hostent *host)
{
	struct entry *e = arg;

	e->owner->under_way--;
	e->name = keep(status == ARES_SUCCESS && host ? host->h_name : NULL);
}

/* The address's own place, or the free one where it belongs. */
static struct entry *place(struct names_state *s, const struct addr *a)
{
	u64 h = (be64_get(a->q[0]) ^ be64_get(a->q[1])) * 0x9e3779b97f4a7c15ULL;
	u32 i = (u32)(h >> 32) % SLOTS;

	while (!addr_is_none(&s->entry[i].addr) &&
	       !addr_equal(&s->entry[i].addr, a))
		i = (i + 1) % SLOTS;
	return &s->entry[i];
}

const char *names_find(struct names *n, const struct addr *a)
{
	struct names_state *s = n->state;
	struct entry *e = place(s, a);

	if (!addr_is_none(&e->addr))
		return e->name;
	if (s->used == NAMES_KNOWN || addr_is_none(a))
		return "";
	if (s->under_way == UNDER_WAY)
		return NULL;
	e->addr = *a;
	e->owner = s;
	s->used++;
	s->under_way++;
	if (addr_is_v4(a))
		ares_gethostbyaddr(s->channel, &e->addr.w[3], 4, AF_INET, found,
				   e);
	else
		ares_gethostbyaddr(s->channel, e->addr.b, 16, AF_INET6, found,
				   e);
	return e->name;
}

void names_work(struct names *n)
{
	ares_socket_t fd[ARES_GETSOCK_MAXNUM];
	struct pollfd p[ARES_GETSOCK_MAXNUM];
	ares_channel channel = n->state->channel;
	u32 bits = (u32)ares_getsock(channel, fd, ARES_GETSOCK_MAXNUM);
	unsigned int used = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		/* the library's own macro shifts into the sign */
		if (bits >> i & 1)
			events |= POLLIN;
		if (bits >> (i + ARES_GETSOCK_MAXNUM) & 1)
			events |= POLLOUT;
		if (events)
			p[used++] = (struct pollfd){ fd[i], events, 0 };
	}
	if (poll(p, used, 0) < 0)
		return;
	for (unsigned int i = 0; i < used; i++)
		ares_process_fd(
			channel,
			p[i].revents & ~POLLOUT ? p[i].fd : ARES_SOCKET_BAD,
			p[i].revents & POLLOUT ? p[i].fd : ARES_SOCKET_BAD);
	/* what timed out */
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int names_open_channel(struct names *n, void *channel)
{
	n->state = calloc(1, sizeof(*n->state));
	if (!n->state) {
		log_err("names: out of memory");
		ares_destroy(channel);
		return -ENOMEM;
	}
	n->state->channel = channel;
	return 0;
}

int names_open(struct names *n)
{
	struct ares_options options = {
		.timeout = QUERY_MS,
		.tries = QUERY_TRIES,
	};
	ares_channel channel;
	int err;

	err = ares_library_init(ARES_LIB_INIT_ALL);
	if (!err)
		err = ares_init_options(&channel, &options,
					ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (err) {
		log_err("names: %s; use -n to do without", ares_strerror(err));
		return err == ARES_ENOMEM ? -ENOMEM : -EIO;
	}
	return names_open_channel(n, channel);
}

void names_close(struct names *n)
{
	struct names_state *s = n->state;

	if (!s)
		return;
	/* ends what is under way: found() is called for each */
	ares_destroy(s->channel);
	for (unsigned int i = 0; i < SLOTS; i++)
		if (s->entry[i].name && *s->entry[i].name)
			free(s->entry[i].name);
	free(s);
	n->state = NULL;
}
