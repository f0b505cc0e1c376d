/* SPDX-License-Identifier: BSD-2-Clause */
/* topo: a network drawn in a small text; this file reads it. */
#include "io/topo.h"

#include "lib/log.h"
#include "lib/number.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 1 << 16, LINE_MAX = 512, WORDS_MAX = 64 };

/* Where the parser stands. */
struct place {
	struct topo *t;
	const char *name;
	unsigned int line;
	char *word[WORDS_MAX + 1];
	unsigned int words;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct place *at,
						       const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_err("%s:%u: %s", at->name, at->line, text);
	return -EINVAL;
}

static int find_node(const struct place *at, const char *name)
{
	for (unsigned int i = 0; i < at->t->nodes; i++)
		if (!strcmp(at->t->name[i], name))
			return (int)i;
	return wrong(at, "%s: no such node before this line", name);
}

static int add_node(struct place *at, const char *name)
{
	struct topo *t = at->t;
	struct simnet_node *n = &t->table.node[t->nodes];

	for (unsigned int i = 0; i < t->nodes; i++)
		if (!strcmp(t->name[i], name))
			return wrong(at, "%s: declared twice", name);
	if (t->nodes == SIMNET_NODES)
		return wrong(at, "more than %d nodes", SIMNET_NODES);
	if (strlen(name) >= TOPO_NAME)
		return wrong(at, "%s: longer than %d octets", name,
			     TOPO_NAME - 1);
	strcpy(t->name[t->nodes], name);
	*n = (struct simnet_node){
		.quote = 28,
		.quote6 = 1232,
		.tos_keep = 0xff,
		.ttl = 64,
	};
	return (int)t->nodes++;
}

/* "name=value": the value if it is that name, else NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : NULL;
}

static int read_number(const struct place *at, const char *word,
		       const char *value, u64 least, u64 most, u64 *number)
{
	if (number_plain(value, number) || *number < least || *number > most)
		return wrong(at, "%s: needs a number from %llu to %llu", word,
			     (unsigned long long)least,
			     (unsigned long long)most);
	return 0;
}

static int read_addr(const struct place *at, const char *text, struct addr *a)
{
	return inet_parse(text, a) ? wrong(at, "%s: is no address", text) : 0;
}

static int read_labels(const struct place *at, const char *word,
		       const char *value, struct simnet_node *n)
{
	char copy[LINE_MAX], *next;
	u64 label;

	n->labels = 0;
	snprintf(copy, sizeof(copy), "%s", value);
	for (char *p = strtok_r(copy, ",", &next); p;
	     p = strtok_r(NULL, ",", &next)) {
		if (n->labels == SIMNET_LABELS)
			return wrong(at, "%s: more than %d labels", word,
				     SIMNET_LABELS);
		if (read_number(at, word, p, 0, (1 << 20) - 1, &label))
			return -EINVAL;
		/* TTL 1, as it is when a packet expires */
		n->label[n->labels++] = be32_put((u32)label << 12 | 1);
	}
	if (!n->labels)
		return wrong(at, "%s: needs a label", word);
	n->label[n->labels - 1] |= be32_put(0x100);
	return 0;
}

/* The words of a node that are numbers, and where they go. */
static int read_node_number(const struct place *at, const char *word,
			    struct simnet_node *n)
{
	static const struct {
		const char *name;
		u32 least, most;
	} row[] = {
		{ "rate", 0, 1000000 }, { "ttl", 1, 255 },
		{ "quote", 28, 548 },	{ "quote6", 48, 1232 },
		{ "dscp", 0, 63 },	{ "ecn", 0, 3 },
		{ "mss", 1, 65535 },	{ "nat-port", 1, 65535 },
	};
	const char *value = NULL;
	unsigned int i;
	u64 v;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		value = value_of(word, row[i].name);
		if (value)
			break;
	}
	if (!value)
		return wrong(at, "%s: unknown word", word);
	if (read_number(at, word, value, row[i].least, row[i].most, &v))
		return -EINVAL;
	switch (i) {
	case 0:
		n->rate = (u32)v;
		break;
	case 1:
		n->ttl = (u8)v;
		break;
	case 2:
		n->quote = (u16)v;
		break;
	case 3:
		n->quote6 = (u16)v;
		break;
	case 4:
		n->tos_keep &= 3;
		n->tos_set = (n->tos_set & 3) | (u8)(v << 2);
		break;
	case 5:
		n->tos_keep &= 0xfc;
		n->tos_set = (n->tos_set & 0xfc) | (u8)v;
		break;
	case 6:
		n->mss = (u16)v;
		break;
	case 7:
		n->nat_port = (u16)v;
		break;
	}
	return 0;
}

static int read_node_word(const struct place *at, const char *word,
			  struct simnet_node *n)
{
	const char *value;

	if (!strcmp(word, "silent")) {
		n->flags |= SIMNET_NODE_SILENT;
		return 0;
	}
	if (!strcmp(word, "unadjusted")) {
		n->flags |= SIMNET_NODE_UNADJUSTED;
		return 0;
	}
	if (!strcmp(word, "balance=flow"))
		return 0;
	if (!strcmp(word, "balance=packet")) {
		n->flags |= SIMNET_NODE_PER_PACKET;
		return 0;
	}
	value = value_of(word, "mpls");
	if (value)
		return read_labels(at, word, value, n);
	value = value_of(word, "nat");
	if (value)
		return read_addr(at, value, &n->nat_src);
	value = value_of(word, "dnat");
	if (value)
		return read_addr(at, value, &n->nat_dst);
	return read_node_number(at, word, n);
}

static int read_node(struct place *at)
{
	int node, err = 0;

	if (at->words < 2)
		return wrong(at, "%s: needs a name", at->word[0]);
	node = add_node(at, at->word[1]);
	if (node < 0)
		return node;
	for (unsigned int i = 2; !err && i < at->words; i++)
		err = read_node_word(at, at->word[i], &at->t->table.node[node]);
	return err;
}

static int read_source(struct place *at)
{
	if (at->t->table.source != SIMNET_NODES)
		return wrong(at, "a second source");
	at->t->table.source = (u8)at->t->nodes;
	return read_node(at);
}

/* A pair of addresses: where each end of the link has its own. */
static int read_pair(const struct place *at, char **word,
		     struct simnet_edge *to_a, struct simnet_edge *to_b)
{
	struct addr a, b;

	if (read_addr(at, word[0], &a) || read_addr(at, word[1], &b))
		return -EINVAL;
	if (addr_is_v4(&a) != addr_is_v4(&b))
		return wrong(at, "%s and %s are of two families", word[0],
			     word[1]);
	if (!addr_is_none(addr_is_v4(&a) ? &to_a->addr4 : &to_a->addr6))
		return wrong(at, "two pairs of one family");
	if (addr_is_v4(&a)) {
		to_a->addr4 = a;
		to_b->addr4 = b;
	} else {
		to_a->addr6 = a;
		to_b->addr6 = b;
	}
	return 0;
}

static int read_link_word(const struct place *at, const char *word,
			  struct topo_link *link, struct simnet_edge *edge)
{
	const char *value;
	u64 v;

	value = value_of(word, "loss");
	if (value) {
		if (read_number(at, word, value, 0, 1000, &v))
			return -EINVAL;
		edge->loss = (u16)v;
		return 0;
	}
	value = value_of(word, "mtu");
	if (value) {
		if (read_number(at, word, value, 0, 65535, &v))
			return -EINVAL;
		edge->mtu = (u16)v;
		return 0;
	}
	value = value_of(word, "delay");
	if (value) {
		if (read_number(at, word, value, 0, 10000000, &v))
			return -EINVAL;
		edge->delay_us = (u32)v;
		return 0;
	}
	value = value_of(word, "cost");
	if (!value)
		return wrong(at, "%s: unknown word", word);
	if (read_number(at, word, value, 1, 65535, &v))
		return -EINVAL;
	link->cost = (u32)v;
	return 0;
}

static int read_link(struct place *at)
{
	struct topo *t = at->t;
	struct simnet_edge to_b = { 0 }, to_a = { 0 }, both = { 0 };
	struct topo_link link = { .cost = 1 };
	unsigned int i = 3;
	int a, b, err;

	if (at->words < 5)
		return wrong(at, "link: needs two nodes and two addresses");
	if (t->links == TOPO_LINKS)
		return wrong(at, "more than %d links", TOPO_LINKS);
	a = find_node(at, at->word[1]);
	b = a < 0 ? a : find_node(at, at->word[2]);
	if (b < 0)
		return b;
	if (a == b)
		return wrong(at, "%s: linked to itself", at->word[1]);
	err = read_pair(at, at->word + i, &to_a, &to_b);
	i += 2;
	if (!err && i + 1 < at->words && !strchr(at->word[i], '=')) {
		err = read_pair(at, at->word + i, &to_a, &to_b);
		i += 2;
	}
	for (; !err && i < at->words; i++)
		err = read_link_word(at, at->word[i], &link, &both);
	if (err)
		return err;
	to_a.loss = to_b.loss = both.loss;
	to_a.mtu = to_b.mtu = both.mtu;
	to_a.delay_us = to_b.delay_us = both.delay_us;
	to_a.node = link.a = (u8)a;
	to_b.node = link.b = (u8)b;
	t->table.edge[2 * t->links] = to_b;
	t->table.edge[2 * t->links + 1] = to_a;
	t->link[t->links++] = link;
	return 0;
}

static int read_host(struct place *at)
{
	struct topo *t = at->t;
	struct prefix *p;
	int node;

	if (at->words < 3)
		return wrong(at, "host: needs a node and a prefix");
	node = find_node(at, at->word[1]);
	if (node < 0)
		return node;
	for (unsigned int i = 2; i < at->words; i++) {
		if (t->nets == SIMNET_NETS)
			return wrong(at, "more than %d prefixes", SIMNET_NETS);
		p = &t->net[t->nets];
		if (inet_parse_prefix(at->word[i], p))
			return wrong(at, "%s: is no prefix", at->word[i]);
		for (unsigned int j = 0; j < t->nets; j++)
			if (t->net[j].len == p->len &&
			    addr_equal(&t->net[j].addr, &p->addr))
				return wrong(at, "%s: given twice",
					     at->word[i]);
		t->table.home[t->nets++] = (u8)node;
	}
	return 0;
}

static int read_statement(struct place *at)
{
	static const struct {
		const char *word;
		int (*read)(struct place *at);
	} statement[] = {
		{ "source", read_source },
		{ "node", read_node },
		{ "link", read_link },
		{ "host", read_host },
	};

	for (size_t i = 0; i < sizeof(statement) / sizeof(statement[0]); i++)
		if (!strcmp(at->word[0], statement[i].word))
			return statement[i].read(at);
	return wrong(at, "%s: begins no statement", at->word[0]);
}

static int read_line(struct place *at, char *line)
{
	char *next;

	line[strcspn(line, "#")] = '\0';
	at->words = 0;
	for (char *w = strtok_r(line, " \t\r", &next); w;
	     w = strtok_r(NULL, " \t\r", &next)) {
		if (at->words == WORDS_MAX)
			return wrong(at, "more than %d words", WORDS_MAX);
		at->word[at->words++] = w;
	}
	return at->words ? read_statement(at) : 0;
}

int topo_parse(struct topo *t, const char *name, const char *text)
{
	struct place at = { .t = t, .name = name };
	char line[LINE_MAX];
	size_t n;
	int err = 0;

	memset(t, 0, sizeof(*t));
	t->table.source = SIMNET_NODES; /* none yet */
	while (!err && *text) {
		at.line++;
		n = strcspn(text, "\n");
		if (n >= sizeof(line))
			return wrong(&at, "longer than %d octets",
				     LINE_MAX - 1);
		memcpy(line, text, n);
		line[n] = '\0';
		text += n + (text[n] == '\n');
		err = read_line(&at, line);
	}
	if (err)
		return err;
	if (t->table.source == SIMNET_NODES)
		return wrong(&at, "ends without a source");
	err = topo_compile(t);
	if (err == -E2BIG)
		return wrong(&at, "a node has more than %d parallel paths",
			     SIMNET_FAN);
	return err ? wrong(&at, "a path is longer than %d hops", SIMNET_DEPTH)
		   : 0;
}

int topo_open(struct topo *t, const char *path)
{
	char *text = calloc(1, TEXT_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n = 0;
	int err = 0;

	if (!f)
		err = -errno;
	else if (!text)
		err = -ENOMEM;
	if (!err) {
		n = fread(text, 1, TEXT_MAX + 1, f);
		if (ferror(f))
			err = -EIO;
		else if (n > TEXT_MAX)
			err = -EFBIG;
	}
	if (!err && memchr(text, '\0', n))
		err = -EILSEQ; /* it would end there, unnoticed */
	if (err)
		log_err("%s: %s", path, strerror(-err));
	if (!err)
		err = topo_parse(t, path, text);
	if (f)
		fclose(f);
	free(text);
	return err;
}
