#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# sweep_test: sweeps at scale over the simulated Internet, against the truth,
# which can be computed: nothing missing, nothing invented, nothing lost
# without being said.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2016 # the inner shell's variables

TOOLS=${O:-build}/tools
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
SAMPLE=(--per-prefix 24 --seed 11)

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for tool in "$TOOLS/simnet" "$TOOLS/truth" "$WHITHER"; do
	[ -x "$tool" ] || skip "$tool is not built"
done

# Runs a sweep inside; rows.csv and ledger.json are its results.
sweep() # "SIMNET OPTIONS" SWEEP ARGUMENT...
{
	local net=$1

	shift
	rm -f "$TMP/rows.csv" "$TMP/ledger.json"
	# shellcheck disable=SC2086 # several options
	timeout -k 2 100 "$TOOLS/simnet" -q $net -- "$WHITHER" sweep \
		"${SAMPLE[@]}" --quiet --cooldown 1 -o "csv:$TMP/rows.csv" \
		--metadata "$TMP/ledger.json" "$@" 2>"$TMP/err"
}

truth() # "SIMNET OPTIONS" TARGET...
{
	local net=${1//--delay [0-9]*-[0-9]*/}

	net=${net//--queues [0-9]*/}
	shift
	# shellcheck disable=SC2086
	"$TOOLS/truth" $net "${SAMPLE[@]}" --compare "$TMP/rows.csv" "$@"
}

# What was made was sent or refused; what was sent was answered, given up,
# lost here or silent.
adds_up()
{
	ledger '.made == .sent + .excluded + .over_rate + .failed' &&
		ledger '.sent == .answered + .abandoned + .unanswered +
			.lost_here'
}

test_exhaustive()
{
	sweep "" -r 0 -f 1 -m 32 20.0.0.0/10
	check "16,384 targets x 32 TTLs: the truth, whole" \
		truth "" 20.0.0.0/10
	check "every reply is recorded" \
		ledger '.answered == 524288 and .written == 524288'
	check "the ledger adds up" adds_up
	say "$(jq -r '"\(.sent) probes in \(.sending_ns / 1e6 | floor) ms, by \(.tx)"' \
		"$TMP/ledger.json")"
	sweep "" -r 0 2600:1000::/36
	check "IPv6" truth "" 2600:1000::/36
	sweep "" -r 0 -P icmp 20.0.0.0/12 2600:1000::/38
	check "both families, by echo" truth "" 20.0.0.0/12 2600:1000::/38
}

test_ladder()
{
	local net="--delay 50-200"

	# a probe of each trace at a time: 10,000 traces are 10,000 probes on
	# their way, which the responder's own ring holds
	sweep "$net" -S ladder -N 1 -r 0 --active 10000 --cooldown 3 \
		20.0.0.0/10
	check "ladder, 10,000 traces at once, 50-200 ms: the truth" \
		truth "$net" 20.0.0.0/10
	check "its ledger adds up" adds_up
	check "it found all destinations" ledger '.destinations == 16384'
}

test_workers()
{
	local net="--queues 2"

	sweep "$net" --workers 2 -r 0 20.0.0.0/11
	check "two workers" truth "$net" 20.0.0.0/11
	# replies come from another process: on whatever queue it happens to be
	net="--queues 3 --delay 1-5"
	sweep "$net" --workers 2 -r 30000 20.0.0.0/14
	check "two workers, replies on each other's queues" \
		truth "$net" 20.0.0.0/14
	check "none lost between them" ledger \
		'.matched == .answered and .verdicts.no_socket == 0'
	sweep "$net" -S ladder --workers 2 -r 30000 --cooldown 1 20.0.0.0/14
	check "two workers, ladder" truth "$net" 20.0.0.0/14
	check "more workers than queues are refused" \
		refuses 'receive queues' --workers 2 20.0.0.0/20
}

refuses() # PATTERN SWEEP ARGUMENT...
{
	local pattern=$1

	shift
	! sweep "" "$@" && grep -q "$pattern" "$TMP/err"
}

test_shards()
{
	: >"$TMP/all.csv"
	for shard in 0 1 2; do
		sweep "" -r 0 --shards 3 --shard $shard 20.0.0.0/13
		[ $shard = 0 ] && head -n 1 "$TMP/rows.csv" >"$TMP/all.csv"
		tail -n +2 "$TMP/rows.csv" >>"$TMP/all.csv"
	done
	cp "$TMP/all.csv" "$TMP/rows.csv"
	check "three shards are the whole" truth "" 20.0.0.0/13
	same "no probe is in two of them" "" \
		"$(tail -n +2 "$TMP/all.csv" | cut -d, -f4,7 | sort | uniq -d)"
}

# 10 % of the probes die, 5 % of routers are silent: what comes is right.
test_loss()
{
	local net="--loss 100 --silent 50"

	sweep "$net" -r 0 20.0.0.0/12
	check "the ledger adds up under loss" adds_up
	check "unanswered probes are told" ledger '.unanswered > .sent / 20'
	check "silence is not our loss" ledger '.lost_here < .unanswered / 2'
	sweep "$net" -S ladder -q 3 -r 0 --cooldown 1 20.0.0.0/13
	check "ladder's ledger adds up under loss" adds_up
}

# A receiver that stands still for half a second loses replies, and says so
# to the packet: what the XDP program took and nobody got is lost here.
test_stall()
{
	timeout -k 2 60 "$TOOLS/simnet" -q -- bash -c '
		"$0" "$@" & pid=$!
		sleep 0.5
		for i in 1 2 3; do
			kill -STOP $pid; sleep 0.3; kill -CONT $pid; sleep 0.2
		done
		wait $pid' "$WHITHER" sweep "${SAMPLE[@]}" --quiet -r 200000 \
		-o "csv:$TMP/rows.csv" --metadata "$TMP/ledger.json" \
		--status-file "$TMP/status" 20.0.0.0/10 2>"$TMP/err"
	check "the status file's last line is the ledger" test \
		"$(tail -n 1 "$TMP/status" | jq -S 'del(.ended, .done, .all,
			.sent_per_second, .heard_per_second,
			.new_interfaces_per_second)')" = \
		"$(jq -S . "$TMP/ledger.json")"
	check "the ledger adds up after a stall" adds_up
	check "taken = received + lost here" ledger \
		'.verdicts.exact + .verdicts.rewritten == .received +
		 .ring_full + .fill_empty + .dropped'
}

# A reader that sleeps: with --drop-output nothing waits for it, what it missed
# is counted, and what it got is whole; else it gets everything.
slow_reader() # SWEEP ARGUMENT...
{
	timeout -k 2 60 "$TOOLS/simnet" -q -- "$WHITHER" sweep "${SAMPLE[@]}" \
		--quiet -r 0 --cooldown 0.5 -o csv:- \
		--metadata "$TMP/ledger.json" "$@" 20.0.0.0/11 2>"$TMP/err" |
		{ sleep 3 && cat >"$TMP/rows.csv"; }
}

rows_are() # JQ EXPRESSION of the ledger
{
	ledger "$1 == $(($(wc -l <"$TMP/rows.csv") - 1))"
}

test_slow_reader()
{
	slow_reader --drop-output
	check "what a slow reader misses is counted" ledger \
		'.output_lost > 0 and .written + .output_lost == .answered'
	check "it gets the rest" rows_are .written
	check "each row of it whole" truth_of_some
	slow_reader
	check "a slow reader gets everything if it is waited for" ledger \
		'.output_lost == 0 and .written == 262144'
	check "every row" rows_are .written
}

# Right rows, though not all.
truth_of_some()
{
	truth "" 20.0.0.0/11 | grep "rows .* 0 wrong"
}

test_slow_reader
test_exhaustive
test_ladder
test_workers
test_shards
test_loss
test_stall
lab_end
