/* SPDX-License-Identifier: BSD-2-Clause */
/* scratch: files for a test to read, and what the code says. */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/whither-test-XXXXXX";
static char heard[8192];
static int saved = -1;
static FILE *said;

static void need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

void scratch_remove(void)
{
	unlink(path);
	strcpy(path, "/tmp/whither-test-XXXXXX");
}

const char *scratch_file(const void *octets, size_t len)
{
	int fd;

	scratch_remove();
	fd = mkstemp(path);
	need(fd >= 0, path);
	need(write(fd, octets, len) == (ssize_t)len, path);
	close(fd);
	return path;
}

const char *scratch_text(const char *text)
{
	return scratch_file(text, strlen(text));
}

void scratch_hear_begin(void)
{
	fflush(stderr);
	said = tmpfile();
	saved = dup(STDERR_FILENO);
	need(said && saved >= 0, "standard error");
	need(dup2(fileno(said), STDERR_FILENO) >= 0, "standard error");
}

const char *scratch_hear_end(void)
{
	size_t n;

	fflush(stderr);
	need(dup2(saved, STDERR_FILENO) >= 0, "standard error");
	close(saved);
	rewind(said);
	n = fread(heard, 1, sizeof(heard) - 1, said);
	heard[n] = '\0';
	fclose(said);
	return heard;
}
