#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# exclude_test: exclusions that are read again under a sweep, on SIGHUP.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

TOOLS=${O:-build}/tools
TMP=$(mktemp -d)
ADDED='^20\.0\.([0-9]|[0-9][0-9]|1[01][0-9]|12[0-7])\.' # 20.0.0.0/17
trap 'rm -rf "$TMP"' EXIT

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for tool in "$TOOLS/simnet" "$WHITHER"; do
	[ -x "$tool" ] || skip "$tool is not built"
done

# Sweeps 256 /24s for some seconds; its process is in pid, what it says in
# err, its results in rows.jsonl and ledger.json.
begin() # SWEEP ARGUMENT...
{
	rm -f "$TMP"/{pid,rows.jsonl,ledger.json}
	# shellcheck disable=SC2016 # the inner shell's variables
	timeout -k 2 60 "$TOOLS/simnet" -q --queues 2 -- bash -c '
		echo $$ >"$0"; exec "$@"' "$TMP/pid" "$WHITHER" sweep --quiet \
		--per-prefix 24 -q 3 -r 4000 --cooldown 1 -o "jsonl:$TMP/rows.jsonl" \
		--metadata "$TMP/ledger.json" "$@" 20.0.0.0/16 <&0 2>"$TMP/err" &
	RUN=$!
	wait_for 10 test -s "$TMP/rows.jsonl"
}

hang_up()
{
	kill -HUP "$(<"$TMP/pid")"
}

says() # NAME PATTERN COUNT: within five seconds, so many times
{
	# shellcheck disable=SC2016
	check "$1" wait_for 5 bash -c '[ "$(grep -c "$0" "$1")" = "$2" ]' \
		"$2" "$TMP/err" "$3"
}

# Probes, sent later than that, that were answered.
heard_since() # MICROSECONDS of the clock, PATTERN of the destination
{
	jq -n --argjson since "$1" --arg to "$2" '[inputs | select(
		.tx.sec * 1000000 + .tx.usec > $since and
		(.dst | test($to)))] | length' "$TMP/rows.jsonl"
}

test_again() # WORKERS
{
	local -i since before

	echo "20.0.200.0/24" >"$TMP/x"
	begin -x "$TMP/x" --workers "$1"
	echo "20.0.0.0/17" >>"$TMP/x"
	hang_up
	says "$1 workers: the file is read again" 'SIGHUP: exclusions read again' 1
	since=$(($(date +%s%N) / 1000 + 5000)) # what was under way
	echo "no prefix" >>"$TMP/x"
	hang_up
	says "$1 workers: a bad line keeps the old set" \
		'SIGHUP: the exclusions stay as they are' 1
	rm "$TMP/x"
	hang_up
	says "$1 workers: so does a file that is gone" \
		'SIGHUP: the exclusions stay as they are' 2
	wait $RUN
	same "$1 workers: the run ends well" 0 $?
	before=$(heard_since 0 "$ADDED")
	same "$1 workers: no probe to what was added" 0 "$(heard_since $since "$ADDED")"
	check "$1 workers: there were some before" test "$before" -gt 0
	check "$1 workers: the others went on" test "$(heard_since $since .)" -gt 1000
	check "$1 workers: the ledger counts them" jq -e '.excluded > 1000 and
		.made == .sent + .excluded + .over_rate + .failed' \
		"$TMP/ledger.json"
}

test_standard_input()
{
	begin -x - < <(echo "20.0.200.0/24")
	hang_up
	says "standard input is not read again" 'cannot be read again' 1
	kill -INT "$(<"$TMP/pid")"
	wait $RUN
	same "what it held is left out" 0 "$(heard_since 0 '^20\.0\.200\.')"
}

test_again 1
test_again 2
test_standard_input
lab_end
