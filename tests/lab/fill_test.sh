#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# fill_test: sweeps whose random order ends before the ways do, over the
# simulated Internet: chains find what lies beyond, once each, and how each of
# them ended is told.

# shellcheck disable=SC2317,SC2329 # called by check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/kept.sh
. "$(dirname "$0")/kept.sh"

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
HOW=(--per-prefix 24 --seed 11 -r 20000)
KILLS=${RESUME_KILLS:-6}

kept_needs
DIR=$TMP/run

# rows.csv, rows.jsonl and ledger.json are its results.
over() # "SIMNET OPTIONS" SWEEP ARGUMENT...
{
	local net=$1

	shift
	rm -f "$TMP"/rows.* "$TMP/ledger.json"
	# shellcheck disable=SC2086 # several options
	simnet $net -- "$WHITHER" sweep --quiet "${HOW[@]}" --cooldown 1 \
		-o "csv:$TMP/rows.csv" -o "jsonl:$TMP/rows.jsonl" \
		--metadata "$TMP/ledger.json" "$@" 2>"$TMP/err"
}

adds_up()
{
	ledger '.made == .sent + .excluded + .over_rate + .failed' &&
		ledger '.sent == .answered + .abandoned + .unanswered +
			.lost_here' &&
		ledger '.fill | .begun == .reached + .unreachable + .at_limit +
			.silent + .lost_here + .refused + .open'
}

# Destination, TTL and who answered, once each, as far as the destination: its
# own answers to higher TTLs than the first are no news.
ways() # CSV
{
	tail -n +2 "$1" | awk -F, '
		{ at = $4 "," $7 }
		$9 != $4 { print at "," $9 }
		$9 == $4 && (!($4 in end) || $7 + 0 < end[$4]) { end[$4] = $7 + 0 }
		END { for (d in end) print d "," end[d] "," d }' | sort -u
}

# A TTL that was asked again may have two results, of two attempts.
none_twice() # JSONL
{
	[ -s "$1" ] && ! jq -r 'select(.type == "reply") |
		[.dst, .ttl, .attempt] | @csv' "$1" | sort | uniq -d | grep .
}

same_ways() # NAME: of rows.csv and all
{
	check "$1: every router on every way" cmp "$TMP/all" \
		<(ways "$TMP/rows.csv")
	check "$1: no result twice" none_twice "$TMP/rows.jsonl"
	check "$1: the ledger adds up" adds_up
}

test_truth()
{
	over "" -m 32 20.0.0.0/13
	ways "$TMP/rows.csv" >"$TMP/all"
	check "there are ways of more than 12 hops" \
		grep -q '^[^,]*,20,' "$TMP/all"
	over "" -m 12 --fill 32 20.0.0.0/13
	same_ways "one worker"
	check "every chain reached its destination" ledger \
		'.fill | .begun > 1000 and .begun == .reached'
	check "by less than two thirds of the probes" ledger \
		'.sent < 2048 * 32 * 2 / 3'
	over "--queues 2" -m 12 --fill 32 --workers 2 20.0.0.0/13
	same_ways "two workers"
	# replies come on whatever queue: they must find the worker whose chain
	# it is
	over "--queues 3 --delay 1-5" -m 12 --fill 32 --workers 2 20.0.0.0/13
	same_ways "two workers, replies on each other's queues"
	check "none was lost between them" ledger \
		'.matched == .answered and .fill.begun == .fill.reached'
	over "--delay 20-60" -m 12 --fill 32 -P icmp -q 2 20.0.0.0/14
	check "echo, two attempts: each a chain of its own" ledger \
		'.fill.begun == .fill.reached and .unanswered == 0'
	check "and the ledger adds up" adds_up
}

test_shards()
{
	: >"$TMP/parts.jsonl"
	for shard in 0 1 2; do
		over "" -m 12 --fill 32 --shards 3 --shard $shard 20.0.0.0/13
		[ $shard = 0 ] && head -n 1 "$TMP/rows.csv" >"$TMP/parts.csv"
		tail -n +2 "$TMP/rows.csv" >>"$TMP/parts.csv"
		cat "$TMP/rows.jsonl" >>"$TMP/parts.jsonl"
	done
	check "three parts are the whole" cmp "$TMP/all" \
		<(ways "$TMP/parts.csv")
	check "none has what another has" none_twice "$TMP/parts.jsonl"
}

# A lost reply does not end a chain, and silence is told.
test_loss()
{
	over "--loss 100" -m 12 --fill 32 20.0.0.0/13
	check "under loss the ledger adds up" adds_up
	check "loss: asked again" ledger '.fill.again > .fill.probes / 20'
	check "loss: nine in ten chains reach their end" ledger \
		'.fill.reached > .fill.begun * 0.9'
	over "--silent 50" -m 12 --fill 32 20.0.0.0/13
	check "silent routers end chains, which is told" ledger \
		'.fill | .silent > 50 and
		.begun == .silent + .reached + .lost_here'
	over "" -m 12 --fill 14 20.0.0.0/13
	check "so is the limit" ledger \
		'.fill | .at_limit > 500 and
		.begun == .at_limit + .reached + .lost_here'
	same "and nothing was asked beyond" 14 \
		"$(tail -n +2 "$TMP/rows.csv" | cut -d, -f7 | sort -n | tail -n 1)"
}

# A host that stands still loses replies: that is no silence.
test_stall()
{
	# shellcheck disable=SC2016 # the inner shell's variables
	simnet --delay 100-300 -- bash -c '
		"$0" "$@" & pid=$!
		sleep 0.4
		for i in 1 2 3; do
			kill -STOP $pid; sleep 0.5; kill -CONT $pid; sleep 0.3
		done
		wait $pid' "$WHITHER" sweep --quiet --per-prefix 24 --seed 11 \
		-r 50000 -m 12 --fill 32 -o "csv:$TMP/rows.csv" \
		--metadata "$TMP/ledger.json" 20.0.0.0/10 2>"$TMP/err"
	check "after a stall the ledger adds up" adds_up
	check "what this host lost is no silence" ledger '.fill.silent == 0'
	say "$(jq -r '"\(.lost_here) lost here, \(.fill.again) asked again, " +
		"\(.fill.reached) of \(.fill.begun) chains reached"' \
		"$TMP/ledger.json")"
}

# Killed again and again, it finds the same.
killed_as_whole() # NAME "SIMNET OPTIONS" SWEEP ARGUMENT...
{
	local name=$1 net=$2 n

	shift 2
	rm -rf "$DIR" "$DIR.err"
	n=$(kill_over "$net" "$KILLS" "$KILLS" 700 "$DIR" --per-prefix 24 \
		--seed 11 -r 8000 --cooldown 0.3 -m 12 --fill 32 \
		-o "csv:$TMP/killed.csv" -o "jsonl:$TMP/killed.jsonl" "$@" \
		20.0.0.0/13)
	same "$name: killed so often" "$KILLS" "$n"
	check "$name: every router on every way" cmp "$TMP/all" \
		<(ways "$TMP/killed.csv")
	check "$name: no result twice" none_twice "$TMP/killed.jsonl"
	same "$name: nothing was complained of" "" "$(cat "$DIR.err")"
}

test_kill()
{
	killed_as_whole "kept" ""
	killed_as_whole "kept, answers on their way" "--delay 10-60"
	killed_as_whole "kept, two workers" "--queues 2" --workers 2
	refused "another limit" 'another --fill' --resume "$DIR" --fill 20
	over "--silent 50" -m 12 --fill 32 20.0.0.0/13
	ways "$TMP/rows.csv" >"$TMP/all"
	killed_as_whole "kept, silent routers" "--silent 50"
}

says() # NAME PATTERN SWEEP ARGUMENT...: refused as a usage error
{
	local name=$1 pattern=$2

	shift 2
	sweep "$@"
	check "$name" [ "$status $(wc -l <<<"$err")" = "2 1" ]
	check "$name: says why" grep -q -- "$pattern" <<<"$err"
}

test_refused()
{
	says "not beyond -m" 'not beyond --max 16' -m 16 --fill 16 192.0.2.1
	says "another strategy" 'is for exhaustive' -S doubletree -m 16 \
		--fill 32 192.0.2.1
	says "a neighbourhood up to -m" 'below --max 4' -m 4 --fill 32 \
		--neighbourhood 4 192.0.2.1
}

test_truth
test_shards
test_loss
test_stall
test_kill
test_refused
lab_end
