#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# backend_test: whatever carries the packets, the hops are the same.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

FAR4=10.3.0.4
FAR6=2001:db8:3::4

test_backends()
{
	local tx

	for tx in live xsk packet raw; do
		reaches "--tx $tx, UDP" "$HOPS4" --tx $tx -n "$FAR4"
		reaches "--tx $tx, ICMP" "$HOPS4" --tx $tx -n -I "$FAR4"
		reaches "--tx $tx, IPv6" "$HOPS6" --tx $tx -n "$FAR6"
		reaches "--tx $tx, IPv6, ICMP" "$HOPS6" --tx $tx -n -I "$FAR6"
	done
}

# A peer that does not poll swallows every live frame and reports success.
test_swallowed()
{
	at r2 ethtool -K r1 gro off
	reaches "live frames are swallowed: another way is found" "$HOPS4" \
		-n "$FAR4"
	refused "live frames are swallowed: --tx live says so" 'r2.*live' \
		--tx live -n "$FAR4"
	at r2 ethtool -K r1 gro on
}

# A macvlan has no native XDP: generic XDP hears, and that is said once.
test_generic()
{
	at r1 ip link add mv link r2 type macvlan mode bridge || return
	at r1 ip addr add 10.1.0.9/24 dev mv
	at r1 ip link set mv up
	at r1 ip route add 10.3.0.0/24 via 10.1.0.2 dev mv metric 9999
	whither -v -n -q 1 -i mv -s 10.1.0.9 "$FAR4"
	same "generic XDP" "$HOPS4" "$(hops "$out")"
	# shellcheck disable=SC2154 # set by whither
	same "generic XDP is announced once" 1 \
		"$(grep -c 'no native XDP' <<<"$err")"
	at r1 ip link del mv
}

# To the host itself, and out of a device without Ethernet, raw sockets go.
test_odd_interfaces()
{
	whither -n 127.0.0.1
	same "loopback" "1 127.0.0.1" "$(hops "$out")"
	at r1 ip tuntap add dev tun9 mode tun
	at r1 ip addr add 10.77.0.1/24 dev tun9
	at r1 ip link set tun9 up
	whither -n -q 1 -m 2 -w 0.3 10.77.0.2
	same "a tun device: raw sockets, announced once" 1 \
		"$(grep -c 'raw sockets' <<<"$err")"
	at r1 ip link del tun9
}

lab_up
test_backends
test_swallowed
test_generic
test_odd_interfaces
lab_end
