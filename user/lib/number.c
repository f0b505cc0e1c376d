/* SPDX-License-Identifier: BSD-2-Clause */
/* number: numbers as people write them. */
#include "lib/number.h"

#include <errno.h>

#include "lib/u128.h"

struct unit {
	const char *suffix;
	u64 scale;
};

static int parse(const char *text, const struct unit *unit, u64 *value)
{
	bool digits = false, point = false;
	u128 number = 0, divisor = 1;

	for (; *text; text++) {
		if (*text == '.' && !point) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9')
			break;
		digits = true;
		number = number * 10 + (u128)(*text - '0');
		divisor *= point ? 10 : 1;
		/* so that neither overflows, nor the product below */
		if (number > UINT64_MAX || divisor > UINT64_MAX)
			return -ERANGE;
	}
	while (unit->suffix && strcmp(text, unit->suffix) != 0)
		unit++;
	if (!digits || !unit->suffix || number * unit->scale % divisor)
		return -EINVAL;
	number = number * unit->scale / divisor;
	if (number > UINT64_MAX)
		return -ERANGE;
	*value = (u64)number;
	return 0;
}

int number_plain(const char *text, u64 *value)
{
	static const struct unit units[] = { { "", 1 }, {} };

	return parse(text, units, value);
}

int number_count(const char *text, u64 *value)
{
	static const struct unit units[] = {
		{ "", 1 },	  { "k", 1000 },       { "K", 1000 },
		{ "M", 1000000 }, { "G", 1000000000 }, {},
	};

	return parse(text, units, value);
}

int number_seconds(const char *text, u64 *value)
{
	static const struct unit units[] = {
		{ "", 1000000000 }, { "s", 1000000000 }, { "ms", 1000000 },
		{ "us", 1000 },	    { "ns", 1 },	 {},
	};

	return parse(text, units, value);
}
