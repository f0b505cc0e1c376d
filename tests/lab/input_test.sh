#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# input_test: whatever is wrong with what whither is given, it says so in one
# line on standard error, exits with 1 or 2, and leaves nothing behind.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

FAR=10.3.0.4/32

# A refusal after which the output does not exist, nor anything beside it.
refused_sweep() # NAME PATTERN ARGUMENT...
{
	local name=$1 pattern=$2 dir=$LAB_DIR/out

	shift 2
	rm -rf "$dir"
	mkdir "$dir"
	refused "$name" "$pattern" sweep --include-special -i r2 \
		-o "csv:$dir/result.csv" "$@"
	same "$name: nothing left behind" "" "$(ls -A "$dir")"
}

test_targets()
{
	local file=$LAB_DIR/targets

	printf '10.3.0.4\n\n# far\n10.3.0.\n10.3.0.3\n' >"$file"
	refused_sweep "a malformed line, by file and number" "$file:4" -t "$file"
	printf '10.3.0.4\n10.3.0.3/33\n' >"$file"
	refused_sweep "a prefix that is none" "$file:2" -t "$file"
	printf '10.3.0.4\n10.3.0.4/8\n' >"$file"
	refused_sweep "a prefix too wide, in a file" "$file:2.*per-prefix" \
		-t "$file"
	refused_sweep "a prefix too wide" '10.0.0.0/8.*per-prefix' 10.0.0.0/8
	head -c 3000 /dev/urandom | tr -d '\n' >"$file"
	refused_sweep "octets at random" "$file:1" -t "$file"
	refused_sweep "a name for a target" 'nowhere.example' nowhere.example
	refused_sweep "no such file of targets" "$LAB_DIR/none" \
		-t "$LAB_DIR/none"
	refused_sweep "a directory of targets" "$LAB_DIR" -t "$LAB_DIR"
	: >"$file"
	refused_sweep "an empty file of targets" 'no target' -t "$file"
	refused_sweep "no targets" 'no target'
	printf '10.3.0.0/24\n' >"$file"
	refused_sweep "all targets excluded" 'exclu|no target' -x "$file" $FAR
	printf 'nonsense\n' >"$file"
	refused_sweep "a malformed exclusion" "$file:1" -x "$file" $FAR
	refused_sweep "no such file of exclusions" "$LAB_DIR/none" \
		-x "$LAB_DIR/none" $FAR
	refused "special-purpose targets" 'include-special|no target' \
		sweep -i r2 -o csv:- $FAR
}

test_options()
{
	local value

	for value in -1 x 1e99 99999999999999999999999; do
		refused_sweep "the rate $value" '-r|rate' -r $value $FAR
	done
	refused_sweep "an unknown option" 'bogus' --bogus $FAR
	refused_sweep "an unknown strategy" 'bogus' -S bogus $FAR
	refused_sweep "an unknown method" 'bogus' -P bogus $FAR
	refused_sweep "an option without its value" 'rate|-r' $FAR -r
	refused_sweep "TTLs the wrong way round" 'first|-f' -f 9 -m 3 $FAR
	refused_sweep "a shard that does not exist" 'shard' \
		--shards 2 --shard 2 $FAR
	refused "an unknown format" 'bogus' sweep --include-special -i r2 \
		-o "bogus:$LAB_DIR/x" $FAR
	refused "standard output twice" 'standard output|twice' sweep \
		--include-special -i r2 -o csv:- -o jsonl:- $FAR
}

test_usage()
{
	usage() # PATTERN ARGUMENT...
	{
		refused "usage: whither ${*:2}" "$@"
		same "usage: exit status" 2 "$status"
	}
	usage 'host' -n
	usage 'bogus' --bogus 10.3.0.4
	usage '-q|queries' -q 0 10.3.0.4
	usage '-q|queries' -q x 10.3.0.4
	usage '-m|max-hops' -m 256 10.3.0.4
	usage 'first|-f' -f 5 -m 4 10.3.0.4
	usage '-p|port' -p 65536 10.3.0.4
	usage '-w|wait' -w -1 10.3.0.4
	usage 'length' -n 10.3.0.4 70000
	usage 'bogus' --tx bogus 10.3.0.4
}

test_interface()
{
	ip -n "$LAB-r1" link add down0 type veth peer name down1
	ip -n "$LAB-r1" addr add 10.7.0.1/24 dev down0
	refused_sweep "no such interface" 'nope0' -i nope0 $FAR
	refused_sweep "an interface that is down" 'down0.*down' -i down0 \
		10.7.0.9/32
	refused_sweep "a source that is not ours" '10.9.9.9' -s 10.9.9.9 $FAR
	refused "no route" '203.0.113.1|no route|unreachable' \
		sweep -o csv:- --include-special 203.0.113.1/32
	refused "no route, one trace" '203.0.113.1|no route|unreachable' \
		-n -o csv:- 203.0.113.1
	refused "an unknown host" 'nowhere.example' -n nowhere.example
	refused "no neighbour" '10.1.0.99' -n -o csv:- 10.1.0.99
	ip -n "$LAB-r1" link del down0
}

test_no_capability()
{
	local tx

	for tx in auto live xsk packet raw; do
		out=$(at r1 timeout 30 setpriv --bounding-set -all \
			--inh-caps -all "$WHITHER" sweep --include-special \
			--tx $tx -i r2 -o csv:- $FAR 2>"$LAB_DIR/err")
		status=$?
		err=$(<"$LAB_DIR/err")
		judge_refusal "without capabilities, --tx $tx" \
			'CAP_|privilege|permi|root'
	done
}

# Results that cannot be written: loud, and what is written is whole.
test_outputs()
{
	local file=$LAB_DIR/result.csv lines

	refused "a folder that does not exist" 'none/result' sweep \
		--include-special -i r2 -o "csv:$LAB_DIR/none/result" $FAR
	refused "a folder for a result" "$LAB_DIR" sweep --include-special \
		-i r2 -o "csv:$LAB_DIR" $FAR
	refused "metadata to nowhere" 'none/meta' sweep --include-special \
		-i r2 -o csv:/dev/null --metadata "$LAB_DIR/none/meta" $FAR
	refused "a full device" '/dev/full.*space' sweep --quiet -m 3 \
		--cooldown 1 --include-special -i r2 -o csv:/dev/full $FAR
	refused "a full device, one trace" '/dev/full.*space' \
		-n -o text:/dev/full 10.3.0.4

	echo "the results of yesterday" >"$file"
	refused "a start that fails" 'nope0' sweep --include-special -i nope0 \
		-o "csv:$file" $FAR
	same "a start that fails: older results are kept" \
		"the results of yesterday" "$(<"$file")"

	# ten thousand records do not fit into 64 KiB
	at r1 sh -c "mount -t tmpfs -o size=64k none $LAB_DIR/small &&
		timeout 30 \$0 sweep --quiet -m 2 -q 10 -r 0 --cooldown 1 \
			--include-special -i r2 \
			-o csv:$LAB_DIR/small/result.csv 10.3.0.0/23 \
			2>$LAB_DIR/err
		echo \$? >$LAB_DIR/status
		cat $LAB_DIR/small/*" "$WHITHER" >"$LAB_DIR/written"
	out=
	status=$(<"$LAB_DIR/status")
	err=$(<"$LAB_DIR/err")
	judge_refusal "a full disk" 'small/result.*space'
	lines=$(wc -l <"$LAB_DIR/written")
	check "a full disk: results are there ($lines lines)" \
		test "$lines" -gt 100
	same "a full disk: all lines are whole" "17" \
		"$(awk -F, '{ print NF }' "$LAB_DIR/written" | sort -u)"
	same "a full disk: up to the last octet" "" \
		"$(tail -c 1 "$LAB_DIR/written")"
}

# The reader of a pipe goes away.
test_reader_gone()
{
	out=
	at r1 sh -c "timeout 30 \$0 sweep --quiet -m 2 -q 10 -r 20000 \
		--cooldown 1 --include-special -i r2 -o csv:- 10.3.0.0/23 \
		2>$LAB_DIR/err; echo \$? >$LAB_DIR/status" "$WHITHER" |
		head -1 >/dev/null
	status=$(<"$LAB_DIR/status")
	err=$(<"$LAB_DIR/err")
	judge_refusal "a reader that goes away" 'pipe|reader|standard output'
}

lab_up
mkdir "$LAB_DIR/small"
test_targets
test_options
test_usage
test_interface
test_no_capability
test_outputs
test_reader_gone
lab_end
