/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scratch: files for a test to read, and what the code under test says on
 * standard error. A failure to make one ends the test program.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stddef.h>

/* A file of `len` octets; its path, until the next call. It is removed by
 * scratch_remove(). */
const char *scratch_file(const void *octets, size_t len);
const char *scratch_text(const char *text);
void scratch_remove(void);

/* From begin to end, standard error is kept; end returns it, until the next
 * begin. */
void scratch_hear_begin(void);
const char *scratch_hear_end(void);

#endif
