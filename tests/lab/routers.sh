# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# routers: four of them in a line, as network namespaces with Linux's own
# forwarding and FRR's OSPF.
#
#        r1                r2                r3                r4
#   +----------+      +----------+      +----------+      +----------+
#   |       r2 |------| r1    r3 |------| r2    r4 |------| r3       |
#   +----------+      +----------+      +----------+      +----------+
#   10.1.0.1   10.1.0.2   10.2.0.2   10.2.0.3   10.3.0.3   10.3.0.4     /24
#   2001:db8:1::1  ::2   2001:db8:2::2   ::3    2001:db8:3::3  ::4      /64
#
# An interface is named after the router at its other end. Each router runs
# zebra, ospfd and ospf6d of its own; all addresses are in area 0. The kernel's
# limits on ICMP are lifted, so that what is lost is not lost by a router.

# Set before lab_up to change the lab.
LAB_MTU23=${LAB_MTU23:-1500}	# of the link r2 - r3, on both sides
LAB_FRR=/usr/lib/frr
# shellcheck disable=SC2034 # the way from r1 to r4, for the tests
HOPS4="1 10.1.0.2
2 10.2.0.3
3 10.3.0.4"
# shellcheck disable=SC2034
HOPS6="1 2001:db8:1::2
2 2001:db8:2::3
3 2001:db8:3::4"

lab_need()
{
	local need

	[ "$(id -u)" = 0 ] || skip "network namespaces need root"
	for need in ip nft tcpdump traceroute ethtool jq bpftool socat \
		tshark python3; do
		command -v $need >/dev/null || skip "$need is not installed"
	done
	[ -x $LAB_FRR/ospfd ] || skip "frr is not installed"
	[ -x "$WHITHER" ] || skip "$WHITHER is not built"
}

lab_down()
{
	local pid r

	for pid in "${LAB_PIDS[@]}"; do
		kill "$pid" 2>/dev/null
	done
	for pid in "${LAB_PIDS[@]}"; do
		wait_for 5 is_gone "$pid" || kill -KILL "$pid"
	done
	wait 2>/dev/null
	for r in "/run/netns/$LAB"-*; do
		[ ! -e "$r" ] || ip netns del "$(basename "$r")"
	done
	[ -z "$LAB_DIR" ] || rm -rf "$LAB_DIR"
	LAB_PIDS=()
	LAB_DIR=
}

lab_link() # I J NETWORK MTU: routers rI and rJ in 10.NETWORK.0.0/24
{
	local i=r$1 j=r$2 net=$3 mtu=$4

	ip -n "$LAB-$i" link add "$j" mtu "$mtu" type veth \
		peer name "$i" mtu "$mtu" netns "$LAB-$j" || return
	ip -n "$LAB-$i" addr add "10.$net.0.$1/24" dev "$j"
	ip -n "$LAB-$j" addr add "10.$net.0.$2/24" dev "$i"
	ip -n "$LAB-$i" addr add "2001:db8:$net::$1/64" dev "$j" nodad
	ip -n "$LAB-$j" addr add "2001:db8:$net::$2/64" dev "$i" nodad
	# frames that XDP redirects reach a veth only if it polls
	at "$i" ethtool -K "$j" gro on
	at "$j" ethtool -K "$i" gro on
	ip -n "$LAB-$i" link set "$j" up
	ip -n "$LAB-$j" link set "$i" up
}

lab_sysctl() # ROUTER: forwards, and never withholds an ICMP error
{
	at "$1" sysctl -qw net.ipv4.ip_forward=1 \
		net.ipv6.conf.all.forwarding=1 \
		net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	# a limit of the whole host in older kernels, not ours to change
	at "$1" sysctl -qew net.ipv4.icmp_msgs_per_sec=1000000 \
		net.ipv4.icmp_msgs_burst=1000000 2>/dev/null
	return 0
}

lab_frr_config() # ROUTER
{
	local net

	echo "hostname $1"
	for net in r1 r2 r3 r4; do
		ip -n "$LAB-$1" link show "$net" >/dev/null 2>&1 || continue
		cat <<-END
		interface $net
		 ip ospf area 0
		 ip ospf network point-to-point
		 ip ospf hello-interval 1
		 ip ospf dead-interval 4
		 ip ospf retransmit-interval 2
		 ipv6 ospf6 area 0
		 ipv6 ospf6 network point-to-point
		 ipv6 ospf6 hello-interval 1
		 ipv6 ospf6 dead-interval 4
		 ipv6 ospf6 retransmit-interval 2
		END
	done
	cat <<-END
	router ospf
	 ospf router-id 10.0.0.${1#r}
	 timers throttle spf 0 50 200
	 timers throttle lsa all 0
	 timers lsa min-arrival 0
	router ospf6
	 ospf6 router-id 10.0.0.${1#r}
	 timers throttle spf 0 50 200
	 timers lsa min-arrival 0
	END
}

lab_frr() # ROUTER
{
	local dir=$LAB_DIR/$1 name

	mkdir "$dir"
	lab_frr_config "$1" >"$dir/conf"
	chown -R frr:frr "$dir"
	for name in zebra ospfd ospf6d; do
		if [ $name = ospfd ]; then
			wait_for 5 test -S "$dir/zserv" || return
		fi
		beside "$1" setpriv --pdeathsig TERM $LAB_FRR/$name \
			-f "$dir/conf" -i "$dir/$name.pid" \
			-z "$dir/zserv" --vty_socket "$dir" -P 0 \
			--log "file:$dir/$name.log"
	done
}

lab_knows() # ROUTER DESTINATION: has OSPF taught it the way?
{
	ip -n "$LAB-$1" route get "$2" | grep -q 'via.*proto ospf' ||
		ip -n "$LAB-$1" route show match "$2" | grep -q 'proto ospf' ||
		ip -n "$LAB-$1" -6 route show match "$2" | grep -q 'proto ospf'
}

lab_converged()
{
	lab_knows r1 10.3.0.4 && lab_knows r4 10.1.0.1 &&
		lab_knows r2 10.3.0.4 && lab_knows r3 10.1.0.1 &&
		lab_knows r1 2001:db8:3::4 && lab_knows r4 2001:db8:1::1 &&
		lab_knows r2 2001:db8:3::4 && lab_knows r3 2001:db8:1::1
}

lab_up()
{
	local r

	lab_need
	LAB_DIR=$(mktemp -d /tmp/whither-lab.XXXXXX) || exit 1
	chmod 711 "$LAB_DIR" # the daemons are not root
	trap lab_down EXIT
	trap 'exit 130' INT TERM HUP
	for r in r1 r2 r3 r4; do
		ip netns add "$LAB-$r" || exit 1
		ip -n "$LAB-$r" link set lo up
		lab_sysctl $r
	done
	if ! { lab_link 1 2 1 1500 && lab_link 2 3 2 "$LAB_MTU23" &&
		lab_link 3 4 3 1500; }; then
		echo "FAIL the lab: no links"
		exit 1
	fi
	for r in r1 r2 r3 r4; do
		lab_frr $r || { echo "FAIL the lab: no zebra on $r"; exit 1; }
	done
	if ! wait_for 30 lab_converged; then
		echo "FAIL the lab: OSPF did not converge in 30 s"
		ip -n "$LAB-r1" route
		ip -n "$LAB-r1" -6 route
		tail -n 5 "$LAB_DIR"/r*/*.log "$LAB_DIR/beside.log"
		exit 1
	fi
	# neighbours are known before the first probe, on every link
	at r1 ping -qc 1 -W 2 10.3.0.4 >/dev/null
	at r1 ping -qc 1 -W 2 2001:db8:3::4 >/dev/null
}
