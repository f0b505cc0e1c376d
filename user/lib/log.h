/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log: one line to standard error for a person to read. Any thread; never in
 * the packet path.
 *
 * Whoever first learns the reason of a failure logs it once, and returns a
 * negative errno; callers add nothing.
 */
#ifndef WHITHER_LOG_H
#define WHITHER_LOG_H

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* What is printed from now on; LOG_LEVEL_WARN at first. */
void log_set_level(enum log_level level);

__attribute__((format(printf, 1, 2))) void log_err(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *format, ...);

#endif
