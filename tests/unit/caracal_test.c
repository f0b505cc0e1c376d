/* SPDX-License-Identifier: BSD-2-Clause */
/* caracal_test: lists of probes, good, bad and packed. */
#include "plan/caracal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "lib/inet.h"
#include "scratch.h"

static int read_path(const char *path, struct targets *t)
{
	const struct targets_config cfg = { .per_v4 = 24 };
	int ret;

	targets_init(t, &cfg);
	ret = caracal_read(t, path);
	return ret ? ret : targets_seal(t);
}

static bool has(const struct targets *t, const char *text)
{
	struct addr a;

	assert_int_equal(inet_parse(text, &a), 0);
	return targets_find(t, &a) >= 0;
}

static const char GOOD[] = "192.0.2.1,24000,33434,1,udp\n"
			   "192.0.2.1,24000,33434,2,udp\n"
			   "\n"
			   "::ffff:192.0.2.7,24000,33434,32,icmp,0\r\n"
			   "2001:db8::1,0,65535,255,icmp6,1048575,100000\n"
			   "192.0.2.1,24000,33434,3,udp";

static void check_good(const char *path)
{
	struct targets t;

	assert_int_equal(read_path(path, &t), 0);
	assert_int_equal(targets_count(&t), 3);
	assert_true(has(&t, "192.0.2.1"));
	assert_true(has(&t, "192.0.2.7"));
	assert_true(has(&t, "2001:db8::1"));
	targets_fini(&t);
}

static void test_distinct_destinations(void **state)
{
	check_good(scratch_text(GOOD));
	scratch_remove();
}

static void test_line_and_column_of_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{ "192.0.2.1", ":2: column 2: is missing" },
		{ "192.0.2.1,1,2,3", ":2: column 5: is missing" },
		{ "192.0.2.1,1,2,3,udp,0,0,0", ":2: column 8: is one too" },
		{ "192.0.2.1,1,2,3,udp,0,0,", ":2: column 8: is one too" },
		{ "dst_addr,1,2,3,udp", ":2: column 1 (dst_addr): \"dst_" },
		{ "192.0.2.0/24,1,2,3,udp", ":2: column 1 (dst_addr)" },
		{ ",1,2,3,udp", ":2: column 1 (dst_addr): \"\"" },
		{ "192.0.2.1,65536,2,3,udp", ":2: column 2 (src_port)" },
		{ "192.0.2.1,-1,2,3,udp", ":2: column 2 (src_port)" },
		{ "192.0.2.1,1,x,3,udp", ":2: column 3 (dst_port): \"x\"" },
		{ "192.0.2.1,1,2,0,udp", ":2: column 4 (ttl): \"0\", wanted" },
		{ "192.0.2.1,1,2,256,udp", ":2: column 4 (ttl)" },
		{ "192.0.2.1,1,2,3 4,udp", ":2: column 4 (ttl)" },
		{ "192.0.2.1,1,2,3,tcp", ":2: column 5 (protocol): \"tcp\"" },
		{ "192.0.2.1,1,2,3,udp,1048576", ":2: column 6 (flow_label)" },
		{ "192.0.2.1,1,2,3,udp,0,", ":2: column 7 (wait_us): \"\"" },
		{ "192.0.2.1,1,2,3,udp,0,99999999999999999999",
		  ":2: column 7 (wait_us)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[200];
		struct targets t;
		const char *said;
		int ret;

		snprintf(text, sizeof(text), "192.0.2.1,1,2,3,udp\n%s\n",
			 rows[i].line);
		scratch_hear_begin();
		ret = read_path(scratch_text(text), &t);
		said = scratch_hear_end();
		if (ret != -EINVAL || !strstr(said, rows[i].says))
			fail_msg("%s: %d, %s", rows[i].line, ret, said);
		targets_fini(&t);
		scratch_remove();
	}
}

/* Two frames in a file of that name; less octets if cut. */
static const char *packed(char path[64], size_t cut)
{
	u8 octets[1024];
	size_t half = 40, n;
	FILE *f;
	int fd;

	strcpy(path, "/tmp/whither-caracal-XXXXXX.csv.zst");
	fd = mkstemps(path, 8);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	n = ZSTD_compress(octets, sizeof(octets), GOOD, half, 1);
	n += ZSTD_compress(octets + n, sizeof(octets) - n, GOOD + half,
			   strlen(GOOD) - half, 1);
	assert_int_equal(fwrite(octets, 1, n - cut, f), n - cut);
	fclose(f);
	return path;
}

static void test_packed(void **state)
{
	struct targets t;
	char path[64];

	check_good(packed(path, 0));
	unlink(path);
	scratch_hear_begin();
	assert_int_equal(read_path(packed(path, 5), &t), -EBADMSG);
	assert_non_null(strstr(scratch_hear_end(), "cannot read /tmp/"));
	targets_fini(&t);
	unlink(path);
	scratch_hear_begin();
	assert_int_equal(read_path("/nowhere/x.csv", &t), -ENOENT);
	scratch_hear_end();
	targets_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distinct_destinations),
		cmocka_unit_test(test_line_and_column_of_what_is_wrong),
		cmocka_unit_test(test_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
