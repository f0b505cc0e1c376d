# shellcheck shell=bash disable=SC2154 # of the tests
# SPDX-License-Identifier: BSD-2-Clause
# parallel: two ways between the lab's routers in the middle.

# Two ways from r2 to r3, which r2 chooses by addresses and ports.
parallel_up()
{
	local n net

	for n in 21 22; do
		net=$LAB-p$n
		ip netns add "$net"
		at "p$n" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
		ip -n "$LAB-r2" link add "p$n" type veth peer name r2 netns "$net"
		ip -n "$LAB-r3" link add "p$n" type veth peer name r3 netns "$net"
		ip -n "$LAB-r2" addr add "10.$n.0.2/24" dev "p$n"
		ip -n "$net" addr add "10.$n.0.1/24" dev r2
		ip -n "$LAB-r3" addr add "10.$((n + 10)).0.3/24" dev "p$n"
		ip -n "$net" addr add "10.$((n + 10)).0.1/24" dev r3
		ip -n "$LAB-r2" link set "p$n" up
		ip -n "$LAB-r3" link set "p$n" up
		ip -n "$net" link set r2 up
		ip -n "$net" link set r3 up
		ip -n "$net" route add 10.3.0.0/24 via "10.$((n + 10)).0.3"
		ip -n "$net" route add 10.1.0.0/24 via "10.$n.0.2"
	done
	# who answers says by which way the probe came
	at r3 sysctl -qw net.ipv4.icmp_errors_use_inbound_ifaddr=1
	at r2 sysctl -qw net.ipv4.fib_multipath_hash_policy=1
	ip -n "$LAB-r2" route replace 10.3.0.4/32 nexthop via 10.21.0.1 \
		nexthop via 10.22.0.1
}

# Of the hops 2 and 3 of the last trace: how many addresses each has.
ways() # TTL
{
	hops "$out" | awk -v ttl="$1" '$1 == ttl {
		for (i = 2; i <= NF; i++) seen[$i] = 1 }
		END { for (i in seen) n++; print n + 0 }'
}
