/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * results_fuzz: any octets at all as a file of results. What is made of them
 * is written in every format; our own JSON of it, read again, is the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "out/formats.h"
#include "out/group.h"
#include "out/reader.h"
#include "records.h"
#include "traces.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { FORMATS = 5 };

static const struct out_format *const formats[FORMATS] = {
	&jsonl_format, &csv_format, &text_format, &warts_format, &atlas_format,
};

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("does not hold: %s\n", what);
	fflush(stdout);
	abort();
}

static void open_all(struct out o[FORMATS], const struct out_run *run,
		     char *text[FORMATS], size_t size[FORMATS])
{
	for (int i = 0; i < FORMATS; i++) {
		o[i] = (struct out){ .format = formats[i], .run = run };
		o[i].to = open_memstream(&text[i], &size[i]);
		need(o[i].to && !formats[i]->begin(&o[i]), "it is begun");
	}
}

static void close_all(struct out o[FORMATS])
{
	for (int i = 0; i < FORMATS; i++) {
		formats[i]->end(&o[i]);
		fclose(o[i].to);
	}
}

static void put(struct out o[FORMATS], const struct record *r, unsigned int n)
{
	for (int i = 0; i < FORMATS; i++)
		for (unsigned int k = 0; k < n; k++)
			formats[i]->record(&o[i], &r[k]);
}

/* All that can be read of it; as our own JSON, to be freed. */
static char *rewrite(const void *data, size_t size, bool grouped)
{
	struct out_run run = { .command = "convert",
			       .method = "udp",
			       .strategy = "" };
	int fd = memfd_create("results", MFD_CLOEXEC);
	char path[64], *text[FORMATS];
	size_t len[FORMATS];
	struct out o[FORMATS];
	struct reader r;

	need(write(fd, data, size) == (ssize_t)size, "octets make a file");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	need(!reader_open(&r, path, true), "it is opened");
	open_all(o, &run, text, len);
	while (reader_next(&r) > 0) {
		run.trace_method = NULL;
		if (r.trace)
			run = r.run;
		else if (grouped)
			group_trace(r.record, r.n);
		run.command = "convert";
		run.strategy = "";
		if (!run.method)
			run.method = "udp";
		put(o, r.record, r.n);
	}
	close_all(o);
	reader_close(&r);
	close(fd);
	for (int i = 1; i < FORMATS; i++)
		free(text[i]);
	return text[0];
}

static void put_seed(const char *name, const char *text)
{
	const char *dir = getenv("FUZZ_SEEDS");
	char path[512];
	FILE *f;

	if (!dir || !text)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		return;
	fputs(text, f);
	fclose(f);
}

static void put_seeds(void)
{
	struct traces t = {
		.seed = 1, .proto = PROTO_UDP, .attempts = 2, .late = true
	};
	struct record r[TRACE_RECORDS];
	unsigned int n = traces_draw(&t, r);
	char *text = records_render(&jsonl_format, &records_run, r, n);

	put_seed("trace", text);
	free(text);
	for (int i = 0; i < 4; i++)
		traces_reply(&t, &r[i]);
	text = records_render(&jsonl_format, &records_run, r, 4);
	put_seed("replies", text);
	free(text);
	text = records_render(&csv_format, &records_run, r, 4);
	put_seed("csv", text);
	free(text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	put_seeds();
	/* what is refused is logged, every time; reports go to the descriptor
	 */
	stderr = fopen("/dev/null", "we");
	return stderr ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *once = rewrite(data, size, false), *again;

	again = rewrite(once, strlen(once), false);
	need(!strcmp(once, again), "our own JSON is read as it was written");
	free(again);
	free(once);
	free(rewrite(data, size, true));
	return 0;
}
