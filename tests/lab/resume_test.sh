#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# resume_test: a sweep that is killed, again and again, has in the end the
# results of one that was not: none is lost, none is there twice. A full disk,
# a second process, another version, a changed file: refused, in one line.

# shellcheck disable=SC2317,SC2329 # called by check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/kept.sh
. "$(dirname "$0")/kept.sh"

TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
SAMPLE=(--per-prefix 24 --seed 11)
KILLS=${RESUME_KILLS:-50}

kept_needs
command -v python3 >/dev/null || skip "python3 is not installed"
DIR=$TMP/run

# Destination, TTL, responder, attempt of each result.
results() # CSV
{
	tail -n +2 "$1" | cut -d, -f4,7,9,17 | sort
}

# As an uninterrupted sweep of the same: no less, nothing twice.
equal() # CSV CSV
{
	cmp <(results "$1") <(results "$2") && [ "$(wc -l <"$1")" -gt 1 ]
}

kill_and_compare() # NAME "SIMNET OPTIONS" KILLS LONGEST SWEEP ARGUMENT...
{
	local name=$1 net=$2 kills=$3 longest=$4 n

	shift 4
	rm -rf "$DIR"
	n=$(kill_over "$net" 7 "$kills" "$longest" "$DIR" "${SAMPLE[@]}" \
		-o "csv:$TMP/killed.csv" "$@")
	# shellcheck disable=SC2086
	simnet $net -- "$WHITHER" sweep --quiet "${SAMPLE[@]}" \
		-o "csv:$TMP/whole.csv" "$@"
	same "$name: killed so often" "$kills" "$n"
	check "$name: the results of a run that was not" \
		equal "$TMP/killed.csv" "$TMP/whole.csv"
	same "$name: nothing was complained of" "" "$(cat "$DIR.err")"
	say "$(($(wc -l <"$TMP/killed.csv") - 1)) results," \
		"$(find "$DIR" -name '*.seg' | wc -l) segments"
}

test_kill()
{
	kill_and_compare exhaustive "--silent 50" "$KILLS" 600 \
		-r 30000 --cooldown 0.05 20.0.0.0/12
	check "exhaustive: the truth" "$TOOLS/truth" --silent 50 \
		"${SAMPLE[@]}" --compare "$TMP/killed.csv" 20.0.0.0/12
	kill_and_compare "answers on their way" "--delay 10-60" 5 999 \
		-r 15000 --cooldown 0.2 20.0.0.0/13
	kill_and_compare ladder "--silent 50 --delay 10-60" 8 900 -S ladder \
		-r 15000 --cooldown 0.2 20.0.0.0/13
	kill_and_compare "two workers" "--queues 2" 5 900 --workers 2 \
		-r 20000 --cooldown 0.1 20.0.0.0/13
}

# Another meta.json, with a checksum that is right.
forge() # TEXT
{
	echo "$1" >"$DIR/meta.json"
	python3 - "$DIR/meta.json" >"$DIR/meta.crc32c" <<-'END'
	import sys
	crc = 0xffffffff
	for octet in open(sys.argv[1], 'rb').read():
	    crc ^= octet
	    for _ in range(8):
	        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
	print('%08x' % (crc ^ 0xffffffff))
	END
}

# The last run's directory, whole.
test_refused()
{
	local meta

	meta=$(<"$DIR/meta.json")
	refused "another rate" 'another --rate' --resume "$DIR" -r 40000
	refused "other targets" 'name none' --resume "$DIR" 20.0.0.0/24
	refused "no run" 'No such file' --resume "$TMP/nothing"
	refused "a run that is there" 'holds a run already' --run "$DIR" \
		20.0.0.0/24
	sed -i 's/"whither":"[^"]*"/"whither":"9.9"/' "$DIR/meta.json"
	refused "another version" 'is of version "9.9"' --resume "$DIR"
	echo "${meta/\"sweep\"/\"bench\"}" >"$DIR/meta.json"
	refused "another command" 'of the command "bench"' --resume "$DIR"
	echo "${meta/\"rate\":20000/\"rate\":200000}" >"$DIR/meta.json"
	refused "ten times the rate" 'is not what was written' --resume "$DIR"
	forge "${meta/20.0.0.0\/13/20.0.0.0\/12}"
	refused "more targets" 'has 2048 targets, not the 4096' \
		--resume "$DIR"
	forge "${meta/20.0.0.0\/13/20.8.0.0\/13}"
	refused "as many, but others" 'is no probe of this run' \
		--resume "$DIR"
	echo "${meta%?}" >"$DIR/meta.json"
	refused "half a meta.json" 'meta.json: octet' --resume "$DIR"
	forge "$meta"
	chmod 777 "$DIR"
	refused "a directory for all to write to" 'written to by others' \
		--resume "$DIR"
	chmod 700 "$DIR"
}

# An octet of a file is another; and back again.
damage() # FILE OFFSET
{
	local octet

	octet=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059 # an escape
	printf "\\x$(printf %02x $((octet ^ 16)))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

test_damaged()
{
	local seg=$DIR/replies-00000.seg

	damage "$DIR/checkpoint" 40
	refused "a damaged checkpoint" 'checkpoint: octet [0-9]*: it is dam' \
		--resume "$DIR"
	damage "$DIR/checkpoint" 40
	cp "$DIR/checkpoint" "$TMP/checkpoint"
	truncate -s 100 "$DIR/checkpoint"
	refused "half a checkpoint" 'checkpoint: octet 100: it is cut short' \
		--resume "$DIR"
	cp "$TMP/checkpoint" "$DIR/checkpoint"
	damage "$seg" 200
	refused "a damaged segment" 'replies-00000.seg: octet 52: damaged' \
		--resume "$DIR"
	damage "$seg" 200
	mv "$seg" "$TMP/seg"
	refused "a segment that is gone" 'missing' --resume "$DIR"
	mv "$TMP/seg" "$seg"
	damage "$DIR/key" 3
	refused "a damaged key" 'key: octet' --resume "$DIR"
	damage "$DIR/key" 3
	sweep --resume "$DIR" -o "csv:$TMP/again.csv"
	check "mended, its outputs are made again" \
		equal "$TMP/again.csv" "$TMP/whole.csv"
}

# Targets of files: what is excluded at first stays so, and more may be.
test_files()
{
	echo 20.0.0.0/14 >"$TMP/targets"
	echo 20.0.0.0/16 >"$TMP/exclude"
	rm -rf "$DIR"
	simnet -- timeout --foreground -s INT 0.7 "$WHITHER" sweep \
		--quiet "${SAMPLE[@]}" \
		--run "$DIR" -t "$TMP/targets" -x "$TMP/exclude" -r 10000 \
		-o "csv:$TMP/files.csv" 2>"$TMP/err"
	check "interrupted: says how to go on" grep -q -- --resume "$TMP/err"
	check "interrupted: no outputs" [ ! -e "$TMP/files.csv" ]
	echo 20.0.0.0/13 >"$TMP/targets"
	refused "a changed file of targets" 'targets has changed' \
		--resume "$DIR"
	echo 20.0.0.0/14 >"$TMP/targets"
	echo 20.1.0.0/16 >"$TMP/exclude"
	simnet -- "$WHITHER" sweep --quiet --resume "$DIR" 2>"$TMP/err"
	same "nothing of what was excluded at first" 0 \
		"$(results "$TMP/files.csv" | grep -c '^::ffff:20\.0\.')"
	same "all of what never was" $((512 * 32)) \
		"$(results "$TMP/files.csv" | grep -c '^::ffff:20\.[23]\.')"
	sweep --run "$DIR.2" -t - </dev/null
	check "standard input cannot be kept" [ "$status" != 0 ]
}

second_process()
{
	"$WHITHER" sweep --quiet "${SAMPLE[@]}" --run "$DIR" -r 5000 \
		-o csv:/dev/null 20.0.0.0/13 2>/dev/null &
	wait_for 5 test -e "$DIR/replies-00000.seg"
	"$WHITHER" sweep --quiet --resume "$DIR" 2>"$TMP/err"
	echo $?
	kill %1
	wait %1
	echo $?
}

test_second()
{
	rm -rf "$DIR"
	export -f second_process wait_for
	export DIR TMP
	same "a second process is refused, the first goes on" "1
130" "$(simnet -- bash -c "$(declare -p SAMPLE); second_process")"
	check "and it says why" grep -q 'another process works on this run' \
		"$TMP/err"
}

says() # PATTERN FILE: in one line, and no other
{
	[ "$(wc -l <"$2")" = 1 ] && grep -q "$1" "$2"
}

# A file system that is full, then has room; a limit of the size of files.
full()
{
	mkdir "$DIR"
	mount -t tmpfs -o size=300k,mode=700 none "$DIR"
	"$WHITHER" sweep --quiet "${SAMPLE[@]}" --run "$DIR" "$@" \
		2>"$TMP/full.err"
	echo $?
	mount -o remount,size=64m "$DIR"
	(ulimit -f 600 && exec "$WHITHER" sweep --quiet --resume "$DIR" \
		2>"$TMP/limit.err")
	echo $?
	"$WHITHER" sweep --quiet --resume "$DIR" 2>"$TMP/err"
	echo $?
}

test_full()
{
	local -a what=(-r 30000 --cooldown 0.2 20.0.0.0/13)

	rm -rf "$DIR"
	export -f full
	same "full, limited, done" "1
1
0" "$(simnet -- unshare -m bash -c "$(declare -p SAMPLE); full \"\$@\"" full \
		-o "csv:$TMP/full.csv" "${what[@]}")"
	check "full: said in one line" \
		says "No space left on device" "$TMP/full.err"
	check "limited: said in one line" \
		says "File too large" "$TMP/limit.err"
	simnet -- "$WHITHER" sweep --quiet "${SAMPLE[@]}" \
		-o "csv:$TMP/whole.csv" "${what[@]}" -r 0
	check "then: the results of a run that had room" \
		equal "$TMP/full.csv" "$TMP/whole.csv"
}

test_kill
test_refused
test_damaged
test_files
test_second
test_full
lab_end
