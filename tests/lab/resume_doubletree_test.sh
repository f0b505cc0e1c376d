#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# resume_doubletree_test: a doubletree sweep that is killed, again and again:
# who is asked depends on when answers come, so that no two sweeps are the
# same; but each finds all that there is, and has no result twice.

# shellcheck disable=SC2317,SC2329 # called by check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/kept.sh
. "$(dirname "$0")/kept.sh"

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
SAMPLE=(--per-prefix 24 --seed 11)
HOW=(-S doubletree --round-interval 0.5 "${SAMPLE[@]}")
KILLS=${RESUME_KILLS:-10}

kept_needs
DIR=$TMP/run

# All there is, and no other; "SIMNET OPTIONS" are of the network.
truth() # "SIMNET OPTIONS" CSV TARGET...
{
	local net=$1 csv=$2

	shift 2
	# shellcheck disable=SC2086
	"$TOOLS/truth" $net "${SAMPLE[@]}" --compare "$csv" "$@"
}

# Destination, TTL, attempt of each result: each once.
none_twice() # JSONL
{
	[ -s "$1" ] && ! jq -r 'select(.type == "reply") |
		[.dst, .ttl, .attempt] | @csv' "$1" | sort | uniq -d | grep .
}

kill_and_judge() # NAME "NET" "MORE NET" KILLS TARGET SWEEP ARGUMENT...
{
	local name=$1 net=$2 more=$3 kills=$4 target=$5 n

	shift 5
	rm -rf "$DIR" "$DIR.err"
	n=$(kill_over "$net $more" "$kills" "$kills" 700 "$DIR" "${HOW[@]}" \
		-o "csv:$TMP/killed.csv" -o "jsonl:$TMP/killed.jsonl" "$@" \
		"$target")
	same "$name: killed so often" "$kills" "$n"
	check "$name: the truth" truth "$net" "$TMP/killed.csv" "$target"
	check "$name: no result twice" none_twice "$TMP/killed.jsonl"
	same "$name: nothing was complained of" "" "$(cat "$DIR.err")"
	say "$(($(wc -l <"$TMP/killed.csv") - 1)) results"
}

test_kill()
{
	kill_and_judge "answers at once" "" "" "$KILLS" 20.0.0.0/11 \
		-r 8000 --cooldown 0.1
	kill_and_judge "answers on their way" "" "--delay 10-60" 4 \
		20.0.0.0/12 -r 8000 --cooldown 0.2
	kill_and_judge "silent routers, two attempts" "--silent 50" "" 4 \
		20.0.0.0/13 -r 8000 --cooldown 0.1 -q 2
	kill_and_judge "two workers" "" "--queues 2" 4 20.0.0.0/12 \
		--workers 2 -r 8000 --cooldown 0.1
}

# The last run's directory, whole.
test_complete()
{
	sweep --resume "$DIR" -o "csv:$TMP/again.csv"
	same "of a complete run, the outputs again" "$(sort "$TMP/killed.csv")" \
		"$(sort "$TMP/again.csv")"
	refused "another strategy" 'another --strategy' --resume "$DIR" \
		-S exhaustive
	refused "another round" 'another --round-interval' --resume "$DIR" \
		--round-interval 2
	mv "$DIR/replies-00000.seg" "$TMP/seg"
	refused "results that are gone" 'missing' --resume "$DIR"
	mv "$TMP/seg" "$DIR/replies-00000.seg"
}

# Interrupted, and gone on with; who is excluded by then is asked no more, and
# all others' routers are found all the same.
test_interrupted()
{
	local status=0

	rm -rf "$DIR"
	echo 20.0.0.0/16 >"$TMP/exclude"
	simnet -- timeout --foreground -s INT 1 "$WHITHER" sweep --quiet \
		"${HOW[@]}" --run "$DIR" -x "$TMP/exclude" -r 8000 \
		--cooldown 0.2 -o "csv:$TMP/rows.csv" \
		-o "jsonl:$TMP/rows.jsonl" 20.0.0.0/12 2>"$TMP/err"
	check "interrupted: says how to go on" grep -q -- --resume "$TMP/err"
	check "interrupted: no outputs" [ ! -e "$TMP/rows.csv" ]
	echo 20.8.0.0/16 >>"$TMP/exclude"
	simnet -- "$WHITHER" sweep --quiet --resume "$DIR" 2>"$TMP/err" ||
		status=$?
	same "and goes on to its end" "0" "$status$(<"$TMP/err")"
	check "interrupted: no result twice" none_twice "$TMP/rows.jsonl"
	same "nothing of what was excluded at first" 0 \
		"$(cut -d, -f4 "$TMP/rows.csv" | grep -c '^::ffff:20\.0\.')"
	grep -v '::ffff:20\.8\.[0-9.]*,[0-9]*,33434' "$TMP/rows.csv" \
		>"$TMP/rest.csv"
	check "of the others, the truth" truth "" "$TMP/rest.csv" \
		20.{1,2,3,4,5,6,7,9,10,11,12,13,14,15}.0.0/16
}

test_kill
test_complete
test_interrupted
lab_end
