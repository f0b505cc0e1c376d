/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan_fuzz: any octets at all as a file of targets and of exclusions. Each
 * number has its own address, and what is excluded is what the lines say.
 *
 * The first three octets are the sampling of IPv4, of IPv6, and the seed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/lines.h"
#include "plan/exclude.h"
#include "plan/targets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("does not hold: %s\n", what);
	fflush(stdout);
	abort();
}

static void check_targets(const struct targets *t)
{
	u64 n = targets_count(t), step = n / 500 + 1;

	for (u64 i = 0; i < n; i += step) {
		struct addr a;

		targets_at(t, i, &a);
		need(targets_find(t, &a) == (s64)i, "found where it stands");
		need(addr_is_v4(&a) == (i < targets_v4(t)), "IPv4 comes first");
	}
}

/* Except IPv4, mapped, that a prefix of IPv6 happens to hold. */
static void check_excluded(const struct exclude *x, const struct prefix *p,
			   u128 v)
{
	struct addr a = u128_to_addr(v);

	need(exclude_has(x, &a) || (p->family == 6 && addr_is_v4(&a)),
	     "both ends of a prefix are excluded");
}

static void check_exclude(const struct exclude *x)
{
	struct lines l;
	struct prefix p;

	rewind(stdin);
	need(!lines_open(&l, "-"), "standard input is open");
	while (lines_next(&l) > 0) {
		unsigned int bits;
		u128 first;

		if (inet_parse_prefix(l.text, &p))
			break;
		bits = p.family == 4 ? 32 : 128;
		first = u128_from_addr(&p.addr);
		check_excluded(x, &p, first);
		check_excluded(x, &p, first | u128_mask(bits - p.len));
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	/* what is refused is logged, every time; reports go to the descriptor
	 */
	stderr = fopen("/dev/null", "we");
	return stderr ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct targets_config config = {};
	FILE *was = stdin;
	struct targets t;
	struct exclude x;

	if (size < 4)
		return 0;
	config.per_v4 = data[0];
	config.per_v6 = data[1];
	config.seed = data[2];
	stdin = fmemopen((void *)(uintptr_t)(data + 3), size - 3, "r");
	need(stdin, "octets can be read as a file");

	targets_init(&t, &config);
	targets_read(&t, "-");
	need(!targets_seal(&t), "what was read is sealed");
	check_targets(&t);
	targets_fini(&t);

	rewind(stdin);
	exclude_init(&x);
	exclude_read(&x, "-");
	need(!exclude_seal(&x), "what was read is sealed");
	check_exclude(&x);
	exclude_fini(&x);

	fclose(stdin);
	stdin = was;
	return 0;
}
