#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# rtt_test: are the round-trip times true? r2 captures both directions at its
# end of the first link, where frames that XDP sends and takes can be seen.
# How far the times are off is printed and not judged; that they are never
# shorter than what the capture saw is.
#
#    r5 (load) ---- r1 ---- r2 ---- r3 ---- r4 ( + 10.99.0.0/24 )
#                           capture

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

LOAD=10.64.0.0/10 # behind r5, which answers TTL 1 and drops the rest

many_targets()
{
	local r

	at r4 ip route add local 10.99.0.0/24 dev lo
	at r4 ip route add local 2001:db8:99::/64 dev lo
	for r in r1:10.1.0.2:2001:db8:1::2 r2:10.2.0.3:2001:db8:2::3 \
		r3:10.3.0.4:2001:db8:3::4; do
		at "${r%%:*}" ip route add 10.99.0.0/24 \
			via "$(cut -d: -f2 <<<"$r")"
		at "${r%%:*}" ip route add 2001:db8:99::/64 \
			via "$(cut -d: -f3- <<<"$r")"
	done
	printf '2001:db8:99::%x\n' {1..255} >"$LAB_DIR/targets6"
}

load_link()
{
	ip netns add "$LAB-r5" || exit 1
	ip -n "$LAB-r5" link set lo up
	lab_sysctl r5
	lab_link 1 5 5 1500
	ip -n "$LAB-r1" route add $LOAD via 10.5.0.5
	ip -n "$LAB-r5" route add $LOAD via 10.5.0.1 # dropped: see below
	at r5 nft -f - <<-END
	table ip lab {
		chain forward {
			type filter hook forward priority 0
			drop
		}
	}
	END
}

judge() # NAME FEWEST ARGUMENT...: of a command that writes $RESULTS
{
	local name=$1 fewest=$2 file=$LAB_DIR/rtt.pcap said

	shift 2
	capture r2 r1 "$file" udp or icmp or icmp6
	whither "$@"
	sleep 0.3
	end_process "$PID"
	if said=$("$(dirname "$0")/rtt_compare.py" "$file" \
		"$RESULTS" "$fewest" 2>&1); then
		ok "$name"
		while read -r line; do
			say "$line"
		done <<<"$said"
	else
		fail "$name" "$said
$err"
	fi
}

sweep() # NAME FEWEST ARGUMENT...
{
	judge "$1" "$2" sweep -i r2 --include-special -m 3 --cooldown 1 \
		--quiet -o "jsonl:$RESULTS" "${@:3}"
}

lab_up
RESULTS=$LAB_DIR/results.jsonl
many_targets
load_link
judge "one trace, UDP" 30 -n -q 10 -o "jsonl:$RESULTS" 10.3.0.4
judge "one trace, ICMP, IPv6" 30 -n -I -q 10 -o "jsonl:$RESULTS" 2001:db8:3::4
judge "one trace, QUIC" 30 -n --quic -q 10 -o "jsonl:$RESULTS" 10.3.0.4
judge "one trace, QUIC versions" 30 -n --quic --quic-mode vn -q 10 \
	-o "jsonl:$RESULTS" 10.3.0.4
sweep "idle, UDP" 1500 -q 2 -r 500 10.99.0.0/24
sweep "idle, ICMP" 700 -P icmp -r 500 10.99.0.0/24
sweep "idle, ICMP, IPv6" 700 -P icmp -r 500 -t "$LAB_DIR/targets6"
sweep "idle, UDP, trace by trace" 700 -S ladder -q 1 -r 500 10.99.0.0/24
sweep "at full speed, UDP" 1000 -q 10 -r 0 10.99.0.0/24

beside r1 "$WHITHER" sweep --no-contact -i r5 -r 0 --include-special \
	--per-prefix 30 -m 8 -q 4 -o csv:/dev/null $LOAD
load=$PID
sweep "beside a sweep at full speed, UDP" 1500 -q 2 -r 500 10.99.0.0/24
sweep "beside a sweep at full speed, ICMP" 700 -P icmp -r 500 10.99.0.0/24
check "the other sweep was running all the time" kill -0 "$load"
end_process "$load"
sed -n '/^  probes/p; /whither:/p' "$LAB_DIR/beside.log"
lab_end
