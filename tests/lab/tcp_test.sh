#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tcp_test: half-open probes against a real server at the end of the lab, and
# against the simulated Internet at scale: what is found, what is told of the
# destination, and that the host's own stack never has a say in it.

# shellcheck disable=SC2317,SC2329 # called by check and wait_for
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/tcp.sh
. "$(dirname "$0")/tcp.sh"

test_ports()
{
	local ack='10.3.0.4 <rst>  [0-9.]+ ms'

	finds "open port, IPv4" "$HOPS4" "$OPEN" -n -T $FAR4
	finds "open port, IPv6" "$HOPS6" "$OPEN6" -n -T $FAR6
	finds "closed port, IPv4" "$HOPS4" '<rst,ack>' -n -T -p 81 $FAR4
	finds "closed port, IPv6" "$HOPS6" '<rst,ack>' -n -T -p 81 $FAR6
	finds "an ACK" "$HOPS4" "$ack" -n -T -O ack $FAR4
	finds "an ACK, IPv6" "$HOPS6" '<rst>' -n -M tcp -O ack $FAR6
	finds "an ACK to a closed port" "$HOPS4" "$ack" \
		-n -T -O ack -p 81 $FAR4
	same "nginx was asked nothing" "" \
		"$(cat "$LAB_DIR/nginx/access.log")"

	at r4 nft -f - <<-END
	table inet lab {
		chain in {
			type filter hook input priority 0
			tcp dport 81 drop
		}
	}
	END
	whither -n -T -p 81 -m 5 -q 1 -w 0.5 $FAR4
	same "filtered port: its hops, then silence" \
		"$(sed 3d <<<"$HOPS4")
3 *
4 *
5 *
exit 3" "$(hops "$out")
exit $status"
	at r4 nft flush ruleset
}

# What traceroute(8) prints of a closed port is what we print, times masked; of
# an open one we tell more, and below the hops of any what their quotes show.
test_layout()
{
	local theirs far tx

	for far in $FAR4 $FAR6; do
		kernel_trace -n -w 5 -T -O info -p 81 "$far"
		theirs=$(layout "$out")
		whither -n -w 5 -T -p 81 "$far"
		same "layout, closed port, $far" "$theirs" "$(layout "$out")"
		kernel_trace -n -w 5 -T -O info "$far"
		theirs=$(layout "$out")
		whither -n -w 5 -T -O info "$far"
		same "layout, open port, $far" "$theirs" \
			"$(layout "$out" | sed 's/,MSS:[^>]*//')"
	done
	for tx in live xsk packet; do
		finds "--tx $tx" "$HOPS4" "$OPEN" -n -T --tx $tx $FAR4
	done
}

layout() # TEXT: all but the times and what is below the hops
{
	grep -E '^(traceroute| ?[0-9]+ )' <<<"$1" |
		sed -E 's/ [0-9]+\.[0-9]{3} ms/ T ms/g'
}

# Only ours, and one for each SYN/ACK.
test_wire()
{
	local far

	for far in $FAR4 $FAR6; do
		listen -n -T "$far"
		same "$far: nine SYNs or some more, at least three SYN/ACKs" \
			"true true" \
			"$( [ "$(heard "$FROM && $SYN")" -ge 9 ] && echo true) $( \
			[ "$(heard "$SYN_ACK")" -ge 3 ] && echo true)"
		same "$far: one RST for each SYN/ACK" "$(heard "$SYN_ACK")" \
			"$(heard "$FROM && $RST")"
		same "$far: its number is the acknowledged one" \
			"$(tshark -n -o tcp.relative_sequence_numbers:FALSE \
				-r "$HEARD" -Y "$SYN_ACK" -T fields -e tcp.ack \
				2>/dev/null | sort)" \
			"$(tshark -n -o tcp.relative_sequence_numbers:FALSE \
				-r "$HEARD" -Y "$FROM && $RST" -T fields \
				-e tcp.seq 2>/dev/null | sort)"
		same "$far: nothing else from us" 0 \
			"$(heard "$FROM && !($RST) && !($SYN)")"
		same "$far: one source port" 1 \
			"$(tshark -n -r "$HEARD" -Y "$FROM" -T fields \
				-e tcp.srcport 2>/dev/null | sort -u | wc -l)"
		same "$far: every checksum is right" 0 "$(
			tshark -n -o tcp.check_checksum:TRUE \
				-o ip.check_checksum:TRUE -r "$HEARD" \
				-Y "$FROM && (tcp.checksum.status == Bad ||
				ip.checksum.status == Bad)" 2>/dev/null | wc -l)"
	done
	listen -n -T -p 81 $FAR4
	same "closed port: an RST is not answered" 0 "$(heard "$FROM && $RST")"
	listen -n -T -O ack $FAR4
	same "ACK: an RST is not answered" 0 "$(heard "$FROM && $RST")"
	listen -n -T -q 1 --no-close $FAR4
	same "--no-close: no RST" 0 "$(heard "$FROM && $RST")"
	check "--no-close: reached" test "$status" = 0
}

# What is in our probes as r2 heard them, each once: options, then flags in
# full; SEQUENCE in the options is each one's own.
shape()
{
	tshark -n -o tcp.relative_sequence_numbers:FALSE -r "$HEARD" \
		-Y "$FROM && !($RST)" -T fields -E separator=, -e tcp.seq \
		-e tcp.options -e tcp.flags 2>/dev/null |
		while IFS=, read -r seq options flags; do
			printf -v seq '%08x' "$seq"
			echo "${options/$seq/SEQUENCE} $flags"
		done | sort -u
}

# ... of a trace.
syn_fields() # ARGUMENT...
{
	listen -n -T -q 1 "$@" $FAR4
	shape
}

SYN_ALONE=0x0002 SYN_ECN=0x00c2 SYN_ACC_ECN=0x01c2 ACK_ALONE=0x0010
OPTIONS=020405b40402080aSEQUENCE0000000001030307 # Linux' own

test_options()
{
	same "as a host's own: MSS, SACK, timestamps, window scale" \
		"$OPTIONS $SYN_ALONE" "$(syn_fields)"
	same "-O ecn: CWR, ECE" "$OPTIONS $SYN_ECN" "$(syn_fields -O ecn)"
	same "-O acc-ecn: AE, CWR, ECE" \
		"$OPTIONS $SYN_ACC_ECN" "$(syn_fields -O acc-ecn)"
	finds "-O mss=1000 alone" "$HOPS4" '<syn,ack,MSS:1460>' \
		-n -T -O mss=1000 $FAR4
	finds "-O sack" "$HOPS4" '<syn,ack,MSS:1460,SACK>' -n -T -O sack $FAR4
	finds "-O timestamps,window_scaling" "$HOPS4" \
		'<syn,ack,MSS:1460,TS,WS:[0-9]+>' \
		-n -T -O timestamps,window_scaling $FAR4
	at r4 sysctl -qw net.ipv4.tcp_ecn=1
	finds "-O ecn" "$HOPS4" '<syn,ack,ece,MSS:1460,SACK,TS,WS:[0-9]+>' \
		-n -T -O ecn $FAR4
	at r4 sysctl -qw net.ipv4.tcp_ecn=0
	finds "-O ecn where the server has none" "$HOPS4" "$OPEN" \
		-n -T -O ecn $FAR4
	finds "-O acc-ecn where the server has none" "$HOPS4" "$OPEN" \
		-n -T -O acc-ecn $FAR4
	at r4 sysctl -qw net.ipv4.tcp_ecn=2
	at r4 sysctl -qw net.ipv4.tcp_sack=0 net.ipv4.tcp_timestamps=0
	finds "neither SACK nor timestamps" "$HOPS4" \
		'<syn,ack,MSS:1460,WS:[0-9]+>' -n -T $FAR4
	at r4 sysctl -qw net.ipv4.tcp_sack=1 net.ipv4.tcp_timestamps=1
	at r2 nft -f - <<-END
	table inet lab {
		chain through {
			type filter hook forward priority 0
			tcp flags & syn == syn tcp option maxseg size set 1200
		}
	}
	END
	finds "an MSS that r2 clamps" "$HOPS4" '<syn,ack,MSS:1200,' -n -T $FAR4
	at r2 nft flush ruleset
}

# A server that does what RFC 9768 asks: says how the SYN's ECN field arrived.
# Who knows no more than RFC 3168 takes the SYN for one of those.
test_accurate_ecn()
{
	local -a said=(cwr 'ece,cwr' ae 'cwr,ae')
	local i

	at r4 sysctl -qw net.ipv4.tcp_ecn=1
	finds "-O acc-ecn where the server has ECN" "$HOPS4" \
		'<syn,ack,ece,MSS:1460,SACK,TS,WS:[0-9]+>' \
		-n -T -O acc-ecn $FAR4
	if at r4 sysctl -qw net.ipv4.tcp_ecn=3 2>/dev/null; then
		finds "-O acc-ecn where the kernel has it" "$HOPS4" \
			'<syn,ack,cwr,MSS:1460' -n -T -O acc-ecn $FAR4
	else
		say "this kernel's TCP has no accurate ECN: a peer of our own" \
			"alone is asked"
	fi
	at r4 sysctl -qw net.ipv4.tcp_ecn=2
	at r4 nft -f - <<-END
	table inet lab {
		chain in {
			type filter hook input priority 0
			tcp dport 82 drop
		}
	}
	END
	beside r4 python3 "$(dirname "$0")/ecn_peer.py" r3 82
	wait_for 5 at r4 sh -c 'ss -0Hln | grep -q :r3'
	for i in 0 1 2 3; do
		finds "-O acc-ecn, the SYN's ECN field is $i" "$HOPS4" \
			"<syn,ack,${said[i]},MSS:1460>" \
			-n -T -O acc-ecn -p 82 -t "$i" $FAR4
	done
	finds "no -O acc-ecn" "$HOPS4" '<syn,ack,MSS:1460>' -n -T -p 82 $FAR4
	whither -n -T -q 1 -O acc-ecn -p 82 -t 2 -o jsonl:- $FAR4
	check "-O acc-ecn: AE in jsonl" jq -e \
		'.hops[-1] | .tcp_flags == 18 and .tcp_ae' <<<"$out"
	end_process "$PID"
	at r4 nft flush ruleset
}

# The words of a trace's -O, in a sweep; taken up again, it asks as before.
test_sweep_options()
{
	local -a how=(sweep -P tcp --include-special -m 3 --quiet -r 200
		--cooldown 0.3 -o csv:/dev/null)
	local dir=$LAB_DIR/shaped

	listen "${how[@]}" $FAR4
	same "sweep: MSS alone" "020405b4 $SYN_ALONE" "$(shape)"
	listen "${how[@]}" -O ecn $FAR4
	same "sweep -O ecn" "020405b4 $SYN_ECN" "$(shape)"
	listen "${how[@]}" -O acc-ecn,mss=1000,sack -O window_scaling $FAR4
	same "sweep -O twice: both" "020403e80101040201030307 $SYN_ACC_ECN" \
		"$(shape)"
	listen "${how[@]}" -O timestamps $FAR6
	same "sweep -O timestamps, IPv6" \
		"0101080a0000000100000000 $SYN_ALONE" "$(shape)"
	listen "${how[@]}" -O ack $FAR4
	same "sweep -O ack" " $ACK_ALONE" "$(shape)"

	{
		at r1 timeout -s KILL 1.2 "$WHITHER" "${how[@]}" -r 10 \
			-O ecn,sack --run "$dir" 10.3.0.0/28
	} 2>/dev/null # the shell's obituary
	check "sweep --run -O: in meta.json" jq -e \
		'.options.options == ["ecn,sack"]' "$dir/meta.json"
	listen sweep --resume "$dir" --quiet
	same "sweep --resume: goes on" 0 "$status"
	same "sweep --resume: as it was begun" "01010402 $SYN_ECN" "$(shape)"
	whither sweep --resume "$dir" --quiet -O ecn,sack
	same "sweep --resume with the same -O" 0 "$status"
	refused "sweep --resume with another -O" 'another --options' \
		sweep --resume "$dir" -O ecn
}

# Behind r4, 60 ms away: while its connection is half open for one probe, it
# swallows the others, which are asked again.
slow_up()
{
	local r4=$LAB-r4 r5=$LAB-r5 i

	[ -c /dev/net/tun ] || return 1
	beside r4 python3 "$(dirname "$0")/slow_link.py" near far 60
	wait_for 5 ip -n "$r4" link show far || return 1
	ip netns add "$r5"
	ip -n "$r4" link set far netns "$r5"
	ip -n "$r4" addr add 10.4.0.1 peer 10.4.0.4 dev near
	ip -n "$r4" link set near up
	ip -n "$r5" link set lo up
	ip -n "$r5" addr add 10.4.0.4/32 dev far
	ip -n "$r5" link set far up
	ip -n "$r5" route add default dev far
	for i in 1 2 3; do
		ip -n "$LAB-r$i" route add 10.4.0.4 via "10.$i.0.$((i + 1))"
	done
	beside r5 socat TCP-LISTEN:80,fork,reuseaddr /dev/null
	wait_for 5 at r5 sh -c 'ss -Htln | grep -q :80'
}

test_slow()
{
	slow_up || { fail "60 ms away: no slow link"; return; }
	finds "60 ms away" "$HOPS4
4 10.4.0.4" "$OPEN" -n -T 10.4.0.4
	same "60 ms away: each time is of its own probe" "3 0" \
		"$(end_of_trace | grep -oE '[0-9.]+ ms' | awk '
			$1 >= 120 && $1 < 240 { good++; next }
			{ bad++ } END { print good, bad + 0 }')"
	listen -n -T -q 5 10.4.0.4
	same "60 ms away: all five are answered" 5 \
		"$(end_of_trace | grep -oE '[0-9.]+ ms' | wc -l)"
	same "60 ms away: one RST for each SYN/ACK" "$(heard "$SYN_ACK")" \
		"$(heard "$FROM && $RST")"
	same "60 ms away: nothing else from us" 0 \
		"$(heard "$FROM && !($RST) && !($SYN)")"
	check "60 ms away: SYNs were swallowed, and challenged" test 0 -lt \
		"$(heard "ip.src == 10.4.0.4 && tcp.flags == 0x10")"
	listen -n -T -p 81 -q 5 10.4.0.4
	same "60 ms away, closed port: all five are answered" 5 \
		"$(end_of_trace | grep -oE '[0-9.]+ ms' | wc -l)"
}

# The same results in every format, and back.
test_formats()
{
	whither -n -T -o "jsonl:$LAB_DIR/t.jsonl" -o "text:$LAB_DIR/t.text" \
		-o "warts:$LAB_DIR/t.warts" -o "atlas:$LAB_DIR/t.atlas" \
		-o "pcap:$LAB_DIR/t.pcap" $FAR4
	check "jsonl: flags, MSS, ports" jq -e \
		'.method == "tcp" and .dport == 80 and .sport > 8191 and
		 ([.hops[] | select(.addr == "10.3.0.4")] | length == 3 and
		  all(.tcp_flags == 18 and .tcp_mss == 1460 and .tcp_sack and
		      .tcp_timestamps and .tcp_wscale > 0 and .reached))' \
		"$LAB_DIR/t.jsonl"
	check "warts: scamper reads flags" bash -c "sc_warts2json \
		$LAB_DIR/t.warts | jq -se '.[] | select(.type == \"trace\") |
		.method == \"tcp\" and .stop_reason == \"COMPLETED\" and
		([.hops[] | .tcp_flags | numbers] == [18, 18, 18])'"
	check "atlas: flags and MSS" jq -e '.proto == "TCP" and
		(.result[2].result | all(.flags == "SA" and
		 .hdropts == [{"mss": 1460}]))' "$LAB_DIR/t.atlas"
	same "pcap: our SYNs, our RSTs, their SYN/ACKs" "true true" "$(
		HEARD=$LAB_DIR/t.pcap
		[ "$(heard "$FROM && $SYN")" -ge 9 ] && echo -n 'true '
		[ "$(heard "$RST")" = "$(heard "$SYN_ACK")" ] && echo true)"
	converts "convert"
}

test_refusals()
{
	refused "by raw sockets" 'TCP wants XDP' -n -T --tx raw $FAR4
	refused "-O nonsense" '-O fine: wants syn' -n -T -O fine $FAR4
	refused "-O mss=0" 'mss=0: wants a number' -n -T -O mss=0 $FAR4
	refused "-O mss=70000" 'wants a number' -n -T -O mss=70000 $FAR4
	refused "-O ack,sack" 'an ACK has no options' -n -T -O ack,sack $FAR4
	refused "-O without -T" 'give -T' -n -O ecn $FAR4
	refused "--no-close without -T" 'give -T' -n -I --no-close $FAR4
	refused "-T -I" 'exclude each other' -n -T -I $FAR4
	refused "a length" 'follows from its options' -n -T $FAR4 100
	refused "-M nothing" '-M: wants' -n -M dccp $FAR4
	refused "sweep: --probe-uri" 'probe-uri: a TCP probe' sweep -P tcp \
		--probe-uri https://example.net/ --include-special $FAR4
	refused "sweep: --size" 'size: a TCP probe' sweep -P tcp --size 100 \
		--include-special $FAR4
	refused "sweep: --no-close" 'is for -P tcp' sweep --no-close \
		--include-special $FAR4
	refused "sweep: -O without -P tcp" '-O is for -P tcp' sweep -O ecn \
		--include-special $FAR4
	refused "sweep: -O nonsense" '-O fine: wants syn' sweep -P tcp \
		-O fine --include-special $FAR4
	refused "sweep: -O of an ACK" 'an ACK has no options' sweep \
		-P tcp-ack -O sack --include-special $FAR4
	refused "bench: -O without -P tcp" '-O is for -P tcp' bench -P icmp \
		-O ecn
}

# Each strategy, through the real server.
test_sweeps()
{
	local s

	for s in exhaustive ladder doubletree; do
		whither sweep -S $s -P tcp --include-special -m 6 --quiet \
			--cooldown 0.5 -r 200 -o jsonl:- \
			--metadata "$LAB_DIR/m" $FAR4 $FAR6
		if [ $s = ladder ]; then
			out=$(jq -r '.hops[] | "\(.probe_ttl) \(.addr)"' \
				<<<"$out" | sort -u)
		else
			out=$(jq -r 'select(.ttl <= 3) | "\(.ttl) \(.addr)"' \
				<<<"$out" | sort -u)
		fi
		same "sweep -S $s -P tcp" \
			"$(printf '%s\n%s\n' "$HOPS4" "$HOPS6" | sort -u)" "$out"
		check "sweep -S $s: one RST for each SYN/ACK" jq -e \
			'.tcp.syn_acks == .tcp.closed and .tcp.syn_acks > 0 and
			 .tcp.not_closed == 0 and .tcp.malformed == 0' \
			"$LAB_DIR/m"
	done
	whither sweep -P tcp --include-special -m 6 --quiet --cooldown 0.5 \
		-r 200 --run "$LAB_DIR/run" -o "jsonl:$LAB_DIR/run.jsonl" $FAR4
	check "sweep --run -P tcp" test "$status" = 0
	whither sweep --resume "$LAB_DIR/run" --quiet -o jsonl:-
	same "sweep --resume: the same results" \
		"$(sort "$LAB_DIR/run.jsonl")" "$(sort <<<"$out")"
	check "sweep --resume: with what the SYN/ACK said" \
		grep -q '"tcp_flags":18,"tcp_mss":1460' <<<"$out"
	whither sweep -P tcp-ack --include-special -m 6 --quiet \
		--cooldown 0.5 -r 200 -o csv:- $FAR4
	check "sweep -P tcp-ack: reached" grep -q \
		'::ffff:10.3.0.4,6,0,0' <<<"$out"
}

test_scale()
{
	at_scale "SYNs" "" '.answered == 163840 and .tcp.syn_acks >= 40000 and
		.tcp.syn_acks == .tcp.closed and .tcp.resets >= 40000' \
		-P tcp -r 0
	at_scale "SYNs, not closed" "" '.answered == 163840 and .tcp.closed == 0' \
		-P tcp -r 0 --no-close
	at_scale "ACKs" "" '.answered == 163840 and .tcp.syn_acks == 0 and
		.tcp.resets >= 80000' -P tcp-ack -r 0
	at_scale "SYNs at a rate, RSTs included" "" \
		'.answered == 163840 and .tcp.syn_acks == .tcp.closed and
		 (.sent + .tcp.closed) * 1e9 <= .sending_ns * 105000' \
		-P tcp -r 100000
	at_scale "two workers" "--queues 2" '.answered == 163840 and
		.tcp.syn_acks == .tcp.closed' -P tcp -r 0 --workers 2
	at_scale "doubletree" "" '.tcp.syn_acks == .tcp.closed and
		.tcp.syn_acks > 2000 and .destinations == 5120' \
		-P tcp -S doubletree -r 100000 --round-interval 0.2
}

test_bench()
{
	out=$("$WHITHER" bench -P tcp --rounds 1 --probes 65536 2>&1)
	check "bench -P tcp prints its figures" grep -q \
		'^median: .* Mpps matched and recorded' <<<"$out"
	say "$(grep ^median <<<"$out")"
}

lab_up
serve
test_ports
test_layout
test_wire
test_options
test_accurate_ecn
test_sweep_options
test_slow
test_formats
test_refusals
test_sweeps
test_scale
test_bench
lab_end
