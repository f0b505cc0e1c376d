/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * twonets: two network namespaces of this process alone, joined by a veth
 * pair: v0 in the near one, v1 in the far one. They end with the process.
 *
 *	near                                   far
 *	v0  10.99.0.1/24  fd99::1/64  ------  v1  10.99.0.2/24  fd99::2/64
 *	default by 10.99.0.2 and fd99::2
 */
#ifndef WHITHER_TESTS_TWONETS_H
#define WHITHER_TESTS_TWONETS_H

/* For cmocka_run_group_tests(): makes both, and enters the near one. */
int twonets_setup(void **state);
int twonets_teardown(void **state);

/* First in each test: skips it where there are none. */
void twonets_need(void);

void twonets_enter_far(void);
void twonets_enter_near(void);

/* Runs a shell command in the near (far) one; the test fails if it does. */
__attribute__((format(printf, 1, 2))) void near_run(const char *format, ...);
__attribute__((format(printf, 1, 2))) void far_run(const char *format, ...);

/* skip(), or fail() where CI=true: for what the machine cannot do. */
void twonets_skip(const char *why);

#endif
