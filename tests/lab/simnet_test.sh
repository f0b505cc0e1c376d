#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# simnet_test: the simulated Internet as other programs meet it. The system's
# own traceroute completes through it, and a sweep finds what the truth says.

# shellcheck disable=SC2016,SC2317,SC2329 # awk programs; called by check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

TOOLS=${O:-build}/tools
TOPO=$(dirname "$0")/../topo
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
command -v traceroute >/dev/null || skip "traceroute is not installed"
for tool in "$TOOLS/simnet" "$TOOLS/truth" "$WHITHER"; do
	[ -x "$tool" ] || skip "$tool is not built"
done

# Sets out: standard output of a command inside, with simnet's options before
# the dashes.
inside() # [OPTION...] -- COMMAND...
{
	out=$(timeout -k 2 60 "$TOOLS/simnet" -q "$@" 2>"$TMP/err")
	status=$?
}

# All TTLs answer, the last one is the destination.
completes() # NAME DESTINATION [TRACEROUTE OPTION...]
{
	local name=$1 dst=$2 last

	shift 2
	inside -- traceroute -n -q 1 -w 2 "$@" "$dst"
	last=$(hops "$out" | tail -n 1)
	if [ "$status" = 0 ] && [ "${last#* }" = "$dst" ] &&
		[ "${last%% *}" -ge 8 ] && ! hops "$out" | grep -q '\*'; then
		ok "$name"
	else
		fail "$name" "$out"
	fi
}

test_traceroute()
{
	completes "IPv4, UDP" 8.8.8.8
	completes "IPv4, echo" 8.8.8.8 -I
	completes "IPv4, TCP" 8.8.8.8 -T
	completes "IPv6, UDP" 2600::1 -6
	completes "IPv6, echo" 2600::1 -6 -I
	completes "IPv6, TCP" 2600::1 -6 -T
}

test_topologies()
{
	inside --topo "$TOPO/line4.topo" -- traceroute -n -q 1 -w 2 10.3.0.4
	same "line4" "1 10.1.0.2
2 10.2.0.3
3 10.3.0.4" "$(hops "$out")"
	inside --topo "$TOPO/silent.topo" -- \
		traceroute -n -q 1 -w 1 198.51.100.7
	same "silent" "1 10.0.1.2
2 *
3 10.0.3.2
4 198.51.100.7" "$(hops "$out")"
	inside --topo "$TOPO/diamond.topo" -- \
		traceroute -e -n -q 1 -w 2 198.51.100.7
	check "labels in diamond" grep -q \
		'10.0.1[01].2 <MPLS:L=24001,E=0,S=0,T=1/L=24002,E=0,S=1,T=1>' \
		<<<"$out"
	inside --topo "$TOPO/mtu.topo" -- \
		traceroute -n -q 1 -w 2 --mtu 198.51.100.7
	check "mtu" grep -q '^ 2  10.0.2.2 .* F=1400$' <<<"$out"
	# the quotes show another source: the system hears nothing beyond
	inside --topo "$TOPO/azure.topo" -- \
		traceroute -n -q 1 -w 1 -m 4 198.51.100.7
	same "azure" "1 10.0.0.1
2 *
3 *
4 *" "$(hops "$out")"
}

# The least RTT of some pings is at least that many milliseconds.
takes() # NAME MILLISECONDS DESTINATION [SIMNET OPTION...]
{
	local name=$1 least=$2 dst=$3 ms

	shift 3
	inside "$@" -- ping -n -q -c 20 -i 0.002 "$dst"
	ms=$(sed -n 's|^rtt .* = \([0-9]*\)\..*|\1|p' <<<"$out")
	if [ "${ms:-0}" -ge "$least" ]; then
		ok "$name"
	else
		fail "$name" "$out"
	fi
}

# Every answer takes its time, whoever is asked.
test_delay()
{
	takes "delay" 30 8.8.8.8 --delay 30-60
	check "nothing is lost by it" grep -q ' 0% packet loss' <<<"$out"
	takes "drawn delay" 12 198.51.100.7 --topo "$TOPO/loss.topo"
	completes "delayed traceroute" 8.8.8.8
}

test_status()
{
	inside -- sh -c 'exit 7'
	same "status of the command" 7 "$status"
	inside -- sh -c 'kill -9 $$'
	same "status of a killed command" 137 "$status"
	inside -- ./no-such-command
	same "status of no command" 127 "$status"
	inside --loss 1001 -- true
	same "status of a wrong option" 2 "$status"
}

truth() # NETWORK OPTIONS TRUTH OPTIONS...: exit status of the judge
{
	local net=$1

	shift
	# shellcheck disable=SC2086 # several options
	"$TOOLS/truth" $net --seed 5 --per-prefix 24 "$@"
}

sweep_is_true() # NAME NETWORK-OPTIONS TARGET [SWEEP OPTION...]
{
	local name=$1 net=$2 target=$3

	shift 3
	# shellcheck disable=SC2086
	inside $net -- "$WHITHER" sweep --seed 5 --per-prefix 24 -r 20000 \
		--cooldown 1 --quiet -o "csv:$TMP/rows.csv" "$@" "$target"
	check "$name" truth "$net" --compare "$TMP/rows.csv" "$target"
}

test_truth()
{
	local target=8.8.0.0/18

	sweep_is_true "a plain sweep is the truth" "" $target
	# what is not true is noticed
	check "a row too many" doubt '$ { print; sub(/8\.8\./, "8.200."); print }'
	check "another responder" doubt \
		'NR == 9 { sub(/,::ffff:[0-9.]*,1,/, ",::ffff:33.0.0.1,1,") } 1'
	check "all of a router's rows lost" doubt \
		'NR == 2 { split($0, c, ","); who = c[9] } !index($0, "," who ",")'
	sweep_is_true "diamonds, silence" "--diamond 300 --silent 50
		--silent-dst 50" $target
	sweep_is_true "by echo" "--diamond 300 --per-packet 500 --mpls 200" \
		$target -P icmp
	sweep_is_true "IPv6" "" 2600:1234::/42
	sweep_is_true "behind a translator" "--public4 20.55.0.7
		--public-port 1024" $target
}

# The last sweep's rows, changed by an awk program, are not the truth.
doubt() # AWK
{
	local said

	awk "$1" "$TMP/rows.csv" >"$TMP/false.csv"
	! cmp -s "$TMP/rows.csv" "$TMP/false.csv" || return
	said=$(truth "" --compare "$TMP/false.csv" 8.8.0.0/18)
	[ $? = 1 ] && grep -q '^NOT THE TRUTH$' <<<"$said"
}

test_traceroute
test_topologies
test_delay
test_status
test_truth
lab_end
