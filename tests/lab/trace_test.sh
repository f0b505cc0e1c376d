#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# trace_test: one trace through real routers, against what is known of them
# and against the system's traceroute.

LAB_MTU23=1300
WAIT=5
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

FAR4=10.3.0.4
FAR6=2001:db8:3::4

# What of a trace must be equal to the octet: all but the times.
layout() # TEXT
{
	sed -E 's/ [0-9]+\.[0-9]{3} ms/ T ms/g' <<<"$1"
}

times() # TEXT TTL: how many times that hop's line has
{
	grep -E "^ *$2 " <<<"$1" | grep -oE '[0-9.]+ ms' | wc -l
}

# The same trace by both programs: the same text, times masked. With -w alone
# neither gives up early on a probe because another was answered fast.
as_kernel() # NAME ARGUMENT...
{
	local name=$1 theirs

	shift
	kernel_trace -w "$WAIT" "$@"
	theirs=$(layout "$out")
	whither -w "$WAIT" "$@"
	same "$name" "$theirs" "$(layout "$out")"
}

# Ports and addresses of the probes as r2 hears them during a trace.
heard() # FIELD ARGUMENT...: one value a line, in order of arrival
{
	local field=$1 file=$LAB_DIR/heard.pcap

	shift
	capture r2 r1 "$file" -Q in udp dst portrange 1024-65535
	whither "$@"
	sleep 0.3
	end_process "$PID"
	tshark -n -r "$file" -T fields -e "$field" 2>/dev/null
}

test_hops()
{
	reaches "UDP, IPv4" "$HOPS4" -n $FAR4
	reaches "ICMP, IPv4" "$HOPS4" -n -I $FAR4
	reaches "UDP, IPv6" "$HOPS6" -n $FAR6
	reaches "ICMP, IPv6" "$HOPS6" -n -I $FAR6
}

test_layout()
{
	local far

	for far in $FAR4 $FAR6; do
		as_kernel "layout, UDP, $far" -n "$far"
		as_kernel "layout, ICMP, $far" -n -I "$far"
		as_kernel "layout, one probe a hop, $far" -n -q 1 "$far"
		as_kernel "layout, from the second hop, $far" -n -f 2 "$far"
	done
}

test_options()
{
	local ttl

	whither -n -w 5 -q 1 $FAR4
	same "-q 1: one time a hop" "1 1 1" \
		"$(times "$out" 1) $(times "$out" 2) $(times "$out" 3)"
	whither -n -w 5 -q 5 $FAR4
	same "-q 5: five times a hop" "5 5 5" \
		"$(times "$out" 1) $(times "$out" 2) $(times "$out" 3)"
	reaches "-f 2: begins at the second hop" "$(sed 1d <<<"$HOPS4")" \
		-n -f 2 $FAR4
	whither -n -w 5 -m 2 $FAR4
	same "-m 2: ends at the second hop, not reached" \
		"$(sed 3d <<<"$HOPS4")
exit 3" "$(hops "$out")
exit $status"
	for ttl in 1 2; do
		same "-m 2: hop $ttl has three times" 3 "$(times "$out" $ttl)"
	done
}

test_port_and_source()
{
	local ports

	ports=$(heard udp.dstport -n -q 1 -p 40000 $FAR4 | head -3)
	same "-p: destination ports rise from it" "40000
40001
40002" "$ports"
	ports=$(heard udp.dstport -n -q 1 $FAR4 | head -1)
	same "without -p: from 33434" 33434 "$ports"
	ports=$(heard udp.srcport -n $FAR4 | sort -u | wc -l)
	same "one source port for the whole trace" 1 "$ports"

	ip -n "$LAB-r1" addr add 10.1.0.77/24 dev r2
	same "-s: probes come from it" 10.1.0.77 \
		"$(heard ip.src -n -s 10.1.0.77 $FAR4 | sort -u)"
	reaches "-s: all hops" "$HOPS4" -n -s 10.1.0.77 $FAR4
	refused "-s: an address that is not ours" 10.9.9.9 -n -s 10.9.9.9 $FAR4
}

# r3's ICMP goes home through a class so narrow that the last of five answers
# waits for a second and more; OSPF goes beside it.
test_wait()
{
	local -i times stars

	at r3 tc qdisc add dev r2 root handle 1: htb default 1
	at r3 tc class add dev r2 classid 1:1 htb rate 1gbit quantum 1500
	at r3 tc class add dev r2 classid 1:2 htb rate 800bit burst 200 quantum 200
	at r3 nft -f - <<-END
	table ip lab {
		chain out {
			type filter hook output priority 0
			meta l4proto icmp meta priority set 1:2
		}
	}
	END
	whither -n -I -q 5 -f 2 -m 2 -w 0.3 $FAR4
	times=$(times "$out" 2)
	stars=$(grep -o '\*' <<<"$out" | wc -l)
	if ((stars > 0 && times + stars == 5)); then
		ok "-w 0.3: what comes later is a star"
	else
		fail "-w 0.3: what comes later is a star" "$out"
	fi
	whither -n -I -q 5 -f 2 -m 2 -w 20 $FAR4
	same "-w 20: all are heard" 5 "$(times "$out" 2)"
	at r3 tc qdisc del dev r2 root
	at r3 nft flush ruleset
}

test_names()
{
	cat >"$LAB_DIR/hosts" <<-END
	127.0.0.1 localhost
	10.1.0.2 first.example
	10.2.0.3 second.example
	10.3.0.4 far.example
	2001:db8:3::4 far6.example
	END
	echo "nameserver 10.1.0.2" >"$LAB_DIR/resolv.conf" # nobody listens
	with_names()
	{
		# the mount is seen by this one command alone
		out=$(at r1 sh -c "mount --bind $LAB_DIR/hosts /etc/hosts &&
			mount --bind $LAB_DIR/resolv.conf /etc/resolv.conf &&
			exec timeout 30 \"\$@\"" - "$@" 2>"$LAB_DIR/err")
		status=$?
		err=$(<"$LAB_DIR/err")
	}
	with_names traceroute -w 5 far.example
	local theirs
	theirs=$(layout "$out")
	with_names "$WHITHER" -w 5 far.example
	same "names: as the system's" "$theirs" "$(layout "$out")"
	with_names "$WHITHER" -n far6.example
	same "names: a host that has IPv6 alone" "$HOPS6" "$(hops "$out")"
	with_names "$WHITHER" nowhere.example
	judge_refusal "names: an unknown host" nowhere.example
}

test_unreachable()
{
	local code far family what

	for family in 4 6; do
		if [ $family = 4 ]; then
			far=$FAR4 what="icmp type"
			set -- net-unreachable host-unreachable \
				prot-unreachable port-unreachable \
				net-prohibited host-prohibited admin-prohibited
		else
			far=$FAR6 what="icmpv6 type"
			set -- no-route admin-prohibited addr-unreachable \
				port-unreachable
		fi
		for code; do
			at r3 nft flush ruleset
			at r3 nft -f - <<-END
			table inet lab {
				chain in {
					type filter hook forward priority 0
					iifname r2 ip${family#4} daddr $far \
					reject with ${what% type} type $code
				}
			}
			END
			as_kernel "IPv$family $code" -n "$far"
		done
	done
	at r3 nft flush ruleset
}

# r3 forwards, but answers nothing itself.
test_silent()
{
	at r3 nft -f - <<-END
	table inet lab {
		chain out {
			type filter hook output priority 0
			icmp type time-exceeded drop
			icmpv6 type time-exceeded drop
		}
	}
	END
	reaches "a silent router, UDP" "${HOPS4/10.2.0.3/*}" -n -w 1 "$FAR4"
	WAIT=1
	as_kernel "a silent router, layout" -n "$FAR4"
	as_kernel "a silent router, layout, ICMP" -n -I "$FAR4"
	as_kernel "a silent router, layout, IPv6" -n "$FAR6"
	WAIT=5
	whither -n -q 1 -w 1 -f 2 -m 2 "$FAR4"
	same "a silent router alone: not reached" "2 *
exit 3" "$(hops "$out")
exit $status"
	at r3 nft flush ruleset
}

# Probes that the hop of 1300 octets cuts, or refuses.
test_length()
{
	long() # NAME ARGUMENT...: the host has learned nothing of the path
	{
		at r1 ip route flush cache
		as_kernel "$@"
	}
	long "1300 octets" -n "$FAR4" 1300
	long "1400 octets, fragmented" -n "$FAR4" 1400
	long "1400 octets, not to be fragmented" -n -F "$FAR4" 1400
	long "1400 octets, not to be fragmented, ICMP" -n -I -F "$FAR4" 1400
	long "1300 octets, IPv6" -n "$FAR6" 1300
}

lab_up
test_hops
test_layout
test_options
test_port_and_source
test_wait
test_names
test_unreachable
test_silent
test_length
lab_end
