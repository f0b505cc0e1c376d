/* SPDX-License-Identifier: BSD-2-Clause */
/* log: one line to standard error for a person to read. */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level max_level = LOG_LEVEL_WARN;

void log_set_level(enum log_level level)
{
	max_level = level;
}

static void say(enum log_level level, const char *format, va_list args)
{
	char line[1024];

	if (level > max_level)
		return;
	vsnprintf(line, sizeof(line), format, args);
	/* one write: lines of several threads do not mix */
	fprintf(stderr, "whither: %s\n", line);
}

#define LOG_AT(name, level)                                                    \
	void name(const char *format, ...)                                     \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		va_start(args, format);                                        \
		say(level, format, args);                                      \
		va_end(args);                                                  \
	}

LOG_AT(log_err, LOG_LEVEL_ERR)
LOG_AT(log_warn, LOG_LEVEL_WARN)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)
