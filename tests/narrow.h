/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * narrow: the cookie with a tag of eight bits and a flow that anybody knows.
 * A test of forgeries must find this one out.
 */
#ifndef WHITHER_TESTS_NARROW_H
#define WHITHER_TESTS_NARROW_H

#include "cookie.h"

enum cookie_result narrow_check(const struct cookie_key *k,
				const struct reply *r, struct cookie_proof *p);

#endif
