#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# convert_test: results of real sweeps through every format and back, against
# one another and against the tools that others read them with.

# shellcheck disable=SC2317,SC2016 # called by name; the inner shell's
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

TOOLS=${O:-build}/tools
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for tool in "$TOOLS/simnet" "$WHITHER"; do
	[ -x "$tool" ] || skip "$tool is not built"
done
for tool in sc_warts2json sc_warts2text sc_wartsdump sc_analysis_dump tshark \
	jq zstd; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done

sweep() # SWEEP ARGUMENT...
{
	timeout -k 2 100 "$TOOLS/simnet" -q --mpls 100 --silent 30 \
		--diamond 100 -- "$WHITHER" sweep --quiet --per-prefix 24 \
		--seed 3 --cooldown 1 "$@" 2>"$TMP/err"
}

convert() # CONVERT ARGUMENT...
{
	timeout -k 2 200 "$WHITHER" convert "$@" 2>"$TMP/err"
}

# Of all that both formats tell, what jq makes of a trace.
# shellcheck disable=SC2016 # jq's own
TRACE='select(.type == "trace") | [.src, .dst, .method, .sport, .dport,
	.stop_reason, .stop_data, .start.sec, .start.usec, .hop_count,
	.attempts, .firsthop, .tos, .probe_size, .probe_count,
	[.hops[]? | [.addr, .probe_ttl, .probe_id, .probe_size, .tx.sec,
	.tx.usec, .rtt, .reply_ttl, .reply_tos, .reply_size, .icmp_type,
	.icmp_code, .icmp_q_ttl, .icmp_q_ipl,
	(if .addr | contains(":") then 0 else .icmp_q_tos end),
	[.icmpext[]?.mpls_labels[]? |
		[.mpls_ttl, .mpls_s, .mpls_exp, .mpls_label]]]]]'

# scamper's tools: nothing on standard error, as many traces, the same hops.
# Their exit status says nothing.
reads_warts() # WARTS JSONL
{
	local n

	n=$(grep -c '"type":"trace"' "$2")
	sc_warts2json "$1" >"$TMP/read.json" 2>"$TMP/said" || return
	[ ! -s "$TMP/said" ] || { cat "$TMP/said"; return 1; }
	jq -c "$TRACE" "$TMP/read.json" >"$TMP/read.rows"
	jq -c "$TRACE" "$2" >"$TMP/want.rows"
	cmp "$TMP/read.rows" "$TMP/want.rows" || return
	[ "$(wc -l <"$TMP/read.rows")" = "$n" ] || return
	[ "$(sc_warts2text "$1" 2>&1 | grep -c ^traceroute)" = "$n" ] &&
		[ "$(sc_wartsdump "$1" 2>&1 | grep -c ^traceroute)" = "$n" ] &&
		[ "$(sc_analysis_dump "$1" 2>&1 | grep -c ^T)" = "$n" ]
}

same_when_read_again() # FMT FILE
{
	convert "$2" -o "$1:-" | cmp - "$2"
}

test_traces()
{
	sweep -S ladder -q 2 -r 0 -o "jsonl:$TMP/l.jsonl" \
		-o "warts:$TMP/l.warts" -o "atlas:$TMP/l.atlas" \
		-o "csv:$TMP/l.csv" -o "text:$TMP/l.txt" 20.0.0.0/13 \
		2600:1000::/38
	check "ladder: 3,072 traces" \
		[ "$(wc -l <"$TMP/l.jsonl")" = 3072 ]
	check "ladder: warts as scamper reads it is the jsonl" \
		reads_warts "$TMP/l.warts" "$TMP/l.jsonl"
	check "ladder: jsonl read again" \
		same_when_read_again jsonl "$TMP/l.jsonl"
	convert "$TMP/l.jsonl" -o "warts:$TMP/c.warts" -o "atlas:$TMP/c.atlas"
	check "ladder: warts from jsonl" reads_warts "$TMP/c.warts" \
		"$TMP/l.jsonl"
	check "ladder: atlas from jsonl" cmp "$TMP/c.atlas" "$TMP/l.atlas"
	check "ladder: Atlas results are JSON of format 5000" jq -es \
		'length == 3072 and all(.fw >= 5000 and .type == "traceroute"
		and ([.result[].hop] == [range(1; (.result | length) + 1)]))' \
		"$TMP/l.atlas"
}

# Single replies: half a million and more, sorted in memory and out of it.
test_replies()
{
	sweep -r 0 -o "jsonl:$TMP/e.jsonl.zst" -o "csv:$TMP/e.csv" 20.0.0.0/10
	zstd -dqc "$TMP/e.jsonl.zst" >"$TMP/e.jsonl"
	check "replies: more than 400,000" \
		[ "$(wc -l <"$TMP/e.jsonl")" -gt 400000 ]
	check "replies: csv and jsonl have as many" \
		[ "$(wc -l <"$TMP/e.csv")" = $(($(wc -l <"$TMP/e.jsonl") + 1)) ]
	check "replies: csv read again" same_when_read_again csv "$TMP/e.csv"
	check "replies: jsonl read again" \
		same_when_read_again jsonl "$TMP/e.jsonl"
	convert "$TMP/e.jsonl.zst" -o "warts:$TMP/e.warts" \
		-o "jsonl:$TMP/t.jsonl"
	check "replies: 16,384 traces of them" \
		[ "$(wc -l <"$TMP/t.jsonl")" = 16384 ]
	check "replies: warts as scamper reads it is the jsonl" \
		reads_warts "$TMP/e.warts" "$TMP/t.jsonl"
	check "replies: each is in its trace" \
		every_hop "$TMP/e.jsonl" "$TMP/t.jsonl"
	convert --memory 2M "$TMP/e.jsonl" -o "warts:$TMP/f.warts"
	check "replies: sorted in 2 MB, the same octets" \
		cmp "$TMP/e.warts" "$TMP/f.warts"
	check "replies: destinations reached, in csv's traces and jsonl's" \
		[ "$(convert --traces "$TMP/e.csv" -o jsonl:- |
			jq -r 'select(.stop_reason == "COMPLETED").dst' |
			sort | cksum)" = "$(jq -r \
			'select(.stop_reason == "COMPLETED").dst' \
			"$TMP/t.jsonl" | sort | cksum)" ]
}

# Each reply is a hop of a trace, or beyond its end.
every_hop() # REPLIES TRACES
{
	jq -r '.dst as $d | (.hops + .extra_hops)[] |
		"\($d) \(.probe_ttl) \(.addr) \(.tx) \(.rtt)"' "$2" |
		sort >"$TMP/hops"
	jq -r '"\(.dst) \(.ttl) \(.addr) \(.tx) \(.rtt)"' "$1" |
		sort | cmp - "$TMP/hops"
}

test_capture()
{
	sweep -r 20000 --metadata "$TMP/ledger.json" -o "csv:$TMP/p.csv" \
		-o "pcap:$TMP/p.pcap.zst" 20.0.0.0/15
	zstd -dqf "$TMP/p.pcap.zst" -o "$TMP/p.pcap"
	same "pcap: every probe" "$(jq .sent "$TMP/ledger.json")" \
		"$(tshark -r "$TMP/p.pcap" -Y 'udp && !icmp' 2>/dev/null |
			wc -l)"
	same "pcap: every reply" "$(jq .received "$TMP/ledger.json")" \
		"$(tshark -r "$TMP/p.pcap" -Y icmp 2>/dev/null | wc -l)"
	same "pcap: nothing malformed" 0 \
		"$(tshark -r "$TMP/p.pcap" -Y _ws.malformed 2>/dev/null | wc -l)"
}

refused() # STATUS PATTERN CONVERT ARGUMENT...
{
	local want=$1 pattern=$2 status=0

	shift 2
	convert "$@" >/dev/null || status=$?
	grep -q "$pattern" "$TMP/err" && [ $status = "$want" ] ||
		! { echo "status $status"; cat "$TMP/err"; }
}

left_nothing() # FILE
{
	[ ! -e "$1" ] && [ ! -e "$1.part" ]
}

test_bad_input()
{
	local bad="$TMP/bad" out="$TMP/never"

	head -n 5000 "$TMP/e.csv" >"$bad"
	echo "1,2,3" >>"$bad"
	check "a bad row: file, line, column" refused 1 \
		"$bad: line 5001, column 6: " "$bad" -o "csv:$out" -o csv:-
	check "... and no output is left" left_nothing "$out"
	echo old >"$TMP/old"
	refused 1 . "$bad" -o "csv:$TMP/old"
	check "... or the old one" [ "$(cat "$TMP/old")" = old ]
	head -c 100000 "$TMP/e.jsonl.zst" >"$bad"
	check "compressed data cut short" refused 1 "cut short" "$bad" \
		-o "jsonl:$out"
	check "... are read as far as they go, if asked" \
		convert --partial "$bad" -o "jsonl:$out"
	check "... and are as they were" cmp -n "$(stat -c %s "$out")" \
		"$out" "$TMP/e.jsonl"
	rm -f "$out"
	check "an ELF file" refused 1 "neither CSV" "$WHITHER" -o "csv:$out"
	check "no such file" refused 1 "No such file" "$TMP/none" -o "csv:$out"
	check "a directory" refused 1 "directory" "$TMP" -o "csv:$out"
	check "pcap of results" refused 1 "pcap is of packets" "$TMP/e.csv" \
		-o "pcap:$out"
	check "no output" refused 2 "no output" "$TMP/e.csv"
	check "no input" refused 2 "no input" -o "csv:$out"
	check "nothing was left behind" left_nothing "$out"
}

test_full_disk()
{
	for format in csv jsonl warts atlas text; do
		check "$format to a full disk" refused 1 "No space left" \
			"$TMP/l.jsonl" -o "$format:/dev/full"
	done
	ln -s /dev/full "$TMP/full.zst"
	check "compressed to a full disk" refused 1 "No space left" \
		"$TMP/l.jsonl" -o "csv:$TMP/full.zst"
	mkdir "$TMP/small"
	check "temporary files on a full disk" in_small_dir
	check "... leaves nothing" left_nothing "$TMP/never"
}

# A disk of 4 MB, in a mount namespace of its own.
in_small_dir()
{
	TMP=$TMP WHITHER=$WHITHER unshare -m bash -c '
		mount -t tmpfs -o size=4m none "$TMP/small" || exit
		! TMPDIR=$TMP/small "$WHITHER" convert --memory 1M \
			"$TMP/e.jsonl" -o "warts:$TMP/never" 2>"$TMP/err"' &&
		grep -q "$TMP/small: .*No space left" "$TMP/err"
}

# Interrupted, it leaves nothing and says so by its status.
test_interrupted()
{
	local status=0 pid

	mkfifo "$TMP/fifo"
	"$WHITHER" convert "$TMP/fifo" "$TMP/e.jsonl" \
		-o "warts:$TMP/never" &
	pid=$!
	head -n 1 "$TMP/e.jsonl" >"$TMP/fifo"
	kill -INT $pid
	wait $pid || status=$?
	same "interrupted: status" 130 $status
	check "interrupted: nothing is left" left_nothing "$TMP/never"
	status=0
	sleep 100 >"$TMP/fifo" &
	LAB_PIDS+=($!)
	"$WHITHER" convert "$TMP/fifo" -o "csv:$TMP/never" &
	pid=$!
	while [ ! -e "$TMP/never" ]; do sleep 0.1; done
	sleep 0.2
	kill -INT $pid
	wait $pid || status=$?
	kill "${LAB_PIDS[-1]}"
	same "interrupted while it waits: status" 130 $status
	check "... nothing is left" left_nothing "$TMP/never"
}

unable() # SWEEP ARGUMENT...
{
	! sweep "$@"
}

test_refusals()
{
	for strategy in exhaustive doubletree; do
		check "$strategy: warts is refused at the start" unable \
			-S $strategy -o "warts:$TMP/never" 20.0.0.0/24
		check "... with the way out" \
			grep -q "use -S ladder, or write csv or" "$TMP/err"
		check "... and leaves nothing" left_nothing "$TMP/never"
	done
}

test_traces
test_replies
test_capture
test_bad_input
test_full_disk
test_interrupted
test_refusals
lab_end
