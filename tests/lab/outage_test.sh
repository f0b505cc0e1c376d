#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# outage_test: the interface misbehaves under a sweep: it goes down and up, by
# hand and by its other end, for longer and for too short a time to be seen;
# gets more queues; is removed. Whatever that cost is asked again: in the end
# nothing is silent but who is.

# shellcheck disable=SC2317,SC2329 # called by check, and in namespaces
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/kept.sh
. "$(dirname "$0")/kept.sh"

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
SAMPLE=(--per-prefix 24 --seed 11)
FLAPS=20

kept_needs
command -v ethtool >/dev/null || skip "ethtool is not installed"

# What goes with a link that goes down: here nobody else brings it back.
restore()
{
	ip addr replace 2001:db8::1/64 dev near nodad
	ip neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev near \
		nud permanent
	ip neigh replace 2001:db8::2 lladdr 02:00:00:00:00:02 dev near \
		nud permanent
	ip route replace default via 192.0.2.2
	ip -6 route replace default via 2001:db8::2
} 2>/dev/null

# Some falls are shorter than any look at the link, some longer.
flap() # SEED PID: while that process runs; prints how often
{
	local -i n
	local dev

	RANDOM=$1
	for ((n = 0; n < FLAPS; n++)); do
		kill -0 "$2" || break
		dev=near
		((RANDOM % 2)) || dev=far
		ip link set "$dev" down
		case $((RANDOM % 4)) in
		0 | 1) ;;
		2) sleep 0.0$((RANDOM % 10)) ;;
		3) sleep 0.2 ;;
		esac
		ip link set "$dev" up
		restore
		sleep 0.$((RANDOM % 3))$((RANDOM % 10))
	done 2>/dev/null
	echo "$n"
}

# Beside a sweep that has begun, does something; ends as the sweep does.
under() # DOES NAME SWEEP ARGUMENT...
{
	local name=$2 does=$1 pid before

	shift 2
	before=$(packets)
	"${PINNED[@]}" "$WHITHER" sweep --quiet "${SAMPLE[@]}" "$@" \
		--metadata "$TMP/$name.json" 2>"$TMP/$name.err" &
	pid=$!
	wait_for 20 has_begun "$before"
	$does "$pid" >"$TMP/$name.did" 2>&1
	wait "$pid"
}

packets() # that near received
{
	ip -j -s link show near | jq '.[0].stats64.rx.packets'
}

has_begun() # BEFORE: a thousand answers came since
{
	(($(packets) > $1 + 1000))
}

apart() # "SIMNET OPTIONS" FUNCTION ARGUMENT...: in namespaces of its own
{
	local net=$1

	shift
	# shellcheck disable=SC2086,SC2016 # several options; not here
	simnet $net -- bash -c "$(declare -p SAMPLE PINNED)"';"$@"' apart "$@"
}

PINNED=()
export WHITHER TMP FLAPS

is_true() # CSV TARGET...
{
	"$TOOLS/truth" --silent 50 "${SAMPLE[@]}" --compare "$@"
}

flaps() # NAME SEED "TARGETS" SWEEP ARGUMENT...
{
	local name=$1 targets=$3

	eval "flaps_$name() { flap $2 \"\$1\"; }"
	export -f "flaps_${name?}"
	shift 3
	# shellcheck disable=SC2086 # several targets
	apart "--silent 50 --delay 5-30" under "flaps_$name" "$name" "$@" \
		-o "csv:$TMP/$name.csv" $targets
	echo $? >"$TMP/$name.status"
}

judge_flaps() # NAME "TARGETS"
{
	same "$1, $FLAPS times down and up: ends well" 0 \
		"$(<"$TMP/$1.status")"
	# shellcheck disable=SC2086
	check "$1, $FLAPS times down and up: the truth" \
		is_true "$TMP/$1.csv" $2
	check "$1: the ledger adds up" jq -e \
		'.made == .sent + .excluded + .over_rate + .failed and
		.sent == .answered + .abandoned + .unanswered + .lost_here' \
		"$TMP/$1.json"
	check "$1: it was noticed" grep -q 'sending again' "$TMP/$1.err"
	say "$(<"$TMP/$1.did") times under way, $(grep -c 'sending again' \
		"$TMP/$1.err") pauses, $(wc -l <"$TMP/$1.csv") rows"
}

# Side by side, each in a network of its own.
test_flaps()
{
	local all="20.0.0.0/13 2001:200::/39"

	flaps exhaustive 1 "$all" -r 12000 --cooldown 0.5 &
	flaps doubletree 2 "$all" -r 1500 --cooldown 1 -S doubletree &
	# by packet sockets, which refuse what a link that is down cannot take
	flaps ladder 3 20.0.0.0/15 -r 1500 --cooldown 1 -S ladder --tx packet
	wait
	judge_flaps exhaustive "$all"
	judge_flaps doubletree "$all"
	judge_flaps ladder 20.0.0.0/15
}

remove()
{
	ip link del near
}

# What one process did not, another does.
test_removed()
{
	local -a what=(-r 20000 --cooldown 0.3 20.0.0.0/13)

	apart "--silent 50" under remove gone --run "$TMP/run" \
		-o "csv:$TMP/gone.csv" "${what[@]}"
	same "removed: it fails" 1 $?
	same "removed: one line says so" 1 \
		"$(grep -c 'near is gone' "$TMP/gone.err")"
	check "removed: no results that seem whole" [ ! -e "$TMP/gone.csv" ]
	simnet --silent 50 -- "$WHITHER" sweep --quiet --resume "$TMP/run" \
		2>"$TMP/again.err"
	same "taken up again: ends well" 0 $?
	same "taken up again: no complaint" "" "$(<"$TMP/again.err")"
	check "taken up again: the truth" is_true "$TMP/gone.csv" 20.0.0.0/13
}

more_queues()
{
	ethtool -L near rx 2
	wait_for 10 grep -q 'receive queues now' "$TMP/queues.err"
	ethtool -L near rx 1
}

queues() # NAME SWEEP ARGUMENT...
{
	# native XDP wants no fewer than the other end may send to
	ethtool -L far tx 1 && ethtool -L near rx 1 || return
	under more_queues "$@"
}

# The last processor's answers come by the second queue, once there is one.
test_queues()
{
	local cpu

	cpu=$(($(nproc --all) - 1))
	if ((cpu % 2 == 0)) || ! taskset -c $cpu true; then
		say "an odd number of processors: queues are not tried"
		return
	fi
	PINNED=(taskset -c "$cpu")
	apart "--silent 50 --queues 2" queues queues -r 12000 \
		--cooldown 0.5 -o "csv:$TMP/queues.csv" 20.0.0.0/14
	same "more queues: ends well" 0 $?
	check "more queues: it was noticed" \
		grep -q 'near has 2 receive queues now (was 1)' "$TMP/queues.err"
	check "more queues: the truth" is_true "$TMP/queues.csv" 20.0.0.0/14
	check "fewer queues are refused" grep -q 'too low' "$TMP/queues.did"
	PINNED=()
}

export -f under packets has_begun wait_for restore flap remove more_queues queues
test_flaps
test_removed
test_queues
lab_end
