/* SPDX-License-Identifier: BSD-2-Clause */
/* caracal: the list of probes that caracal reads, as a list of targets. */
#include "plan/caracal.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/inet.h"
#include "lib/lines.h"
#include "lib/log.h"

enum { COLUMNS_MIN = 5, COLUMNS_MAX = 7, ADDRESS = 0, PROTOCOL = 4 };

/* A number is wanted where there is a max. */
static const struct column {
	const char *name, *wants;
	u64 min, max;
} columns[COLUMNS_MAX] = {
	{ "dst_addr", "an address", 0, 0 },
	{ "src_port", "0 .. 65535", 0, 65535 },
	{ "dst_port", "0 .. 65535", 0, 65535 },
	{ "ttl", "1 .. 255", 1, 255 },
	{ "protocol", "icmp, icmp6 or udp", 0, 0 },
	{ "flow_label", "0 .. 1048575", 0, 0xfffff },
	{ "wait_us", "a number of microseconds", 0, INT64_MAX },
};

static bool is_number(const char *text, u64 min, u64 max)
{
	char *end;
	u64 n;

	errno = 0;
	n = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && n >= min &&
	       n <= max;
}

static bool is_good(unsigned int column, const char *text)
{
	const struct column *c = &columns[column];
	struct addr a;

	if (column == ADDRESS)
		return !inet_parse(text, &a);
	if (column == PROTOCOL)
		return !strcmp(text, "icmp") || !strcmp(text, "icmp6") ||
		       !strcmp(text, "udp");
	return is_number(text, c->min, c->max);
}

/* Leaves the first column in l->text, a string. */
static int check_line(struct lines *l)
{
	unsigned long long line = l->number;
	char *field = l->text, *next;
	unsigned int n = 0;

	for (; field && n < COLUMNS_MAX; field = next, n++) {
		next = strchr(field, ',');
		if (next)
			*next++ = '\0';
		if (is_good(n, field))
			continue;
		log_err("%s:%llu: column %u (%s): \"%s\", wanted: %s", l->name,
			line, n + 1, columns[n].name, field, columns[n].wants);
		return -EINVAL;
	}
	if (n >= COLUMNS_MIN && !field)
		return 0;
	log_err("%s:%llu: column %u: %s; wanted: dst_addr,src_port,dst_port,"
		"ttl,protocol[,flow_label[,wait_us]]",
		l->name, line, n + 1, field ? "is one too many" : "is missing");
	return -EINVAL;
}

int caracal_read(struct targets *t, const char *path)
{
	char before[LINES_TEXT] = "";
	struct lines l;
	int ret = lines_open(&l, path);

	if (ret)
		return ret;
	while ((ret = lines_next(&l)) > 0) {
		ret = check_line(&l);
		if (ret)
			break;
		/* the probes of a target mostly stand together */
		if (!strcmp(l.text, before))
			continue;
		memcpy(before, l.text, sizeof(before));
		ret = targets_add(t, l.text);
		if (ret)
			break;
	}
	lines_close(&l);
	return ret;
}
