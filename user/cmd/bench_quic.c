/* SPDX-License-Identifier: BSD-2-Clause */
/* bench_quic: what QUIC's cryptography costs on this host. */
#include "cmd/bench_quic.h"

#include <stdio.h>

#include "lib/clock.h"
#include "probe/craft.h"

enum {
	CONNECTIONS = 2000,
	PROBES = 16, /* of each */
};

/* Of connections with so many probes each: nanoseconds a probe. */
static double seal(struct quic_conns *x, u32 connections, u32 probes)
{
	static u8 payload[CRAFT_QUIC];
	u64 begun = clock_thread_cpu();

	for (u32 i = 0; i < connections; i++) {
		const struct addr dst = addr_from_v4(be32_put(i));
		struct quic_conn *c = quic_conns_at(x, 0, 0);

		quic_conn_begin(x, c, &dst, 0);
		for (u32 n = 0; n < probes; n++)
			quic_conn_write(x, c, &dst, 0, n, false, payload,
					sizeof(payload));
	}
	return (double)(clock_thread_cpu() - begun) / connections / probes;
}

int bench_quic(void)
{
	const struct cookie_key key = { .mode = COOKIE_QUIC };
	struct quic_conns x = { .key = &key, .slots = 1, .flows = 1 };
	int err = quic_conns_open(&x);

	if (err)
		return err;
	seal(&x, CONNECTIONS, 1); /* everything is in the caches */
	printf("sealed Initials of %d octets, %d a connection: %.0f a second\n",
	       CRAFT_QUIC, PROBES, NS_PER_S / seal(&x, CONNECTIONS, PROBES));
	printf("fresh connections, one Initial each: %.0f a second\n",
	       NS_PER_S / seal(&x, CONNECTIONS, 1));
	quic_conns_close(&x);
	return 0;
}
