#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# quic_test: traces by QUIC to real servers at the end of the lab, two
# implementations that share nothing: every hop once and in order, what each
# server answers, one connection a trace and its close, and what is on the wire.

# shellcheck disable=SC2317,SC2329 # called by check and wait_for
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/tcp.sh
. "$(dirname "$0")/tcp.sh"
# shellcheck source=tests/lab/parallel.sh
. "$(dirname "$0")/parallel.sh"
# shellcheck source=tests/lab/quic.sh
. "$(dirname "$0")/quic.sh"

# A trace finds all hops, each time, and the end says of itself what matches.
answers() # NAME HOPS PATTERN ARGUMENT...
{
	local name=$1 wanted=$2 pattern=$3

	shift 3
	reaches "$name: every hop, once, in order" "$wanted" --quic -n "$@"
	same "$name: no probe is unanswered" "" "$(grep -o '\*' <<<"$out")"
	check "$name: $pattern" grep -qE -- "$pattern  [0-9.]+ ms" \
		<<<"$(end_of_trace)"
}

# How many connections a server saw begin, and closed by us, since the last
# call: both must be as many as are wanted.
connections() # NAME SERVER WANTED
{
	wait_for 3 conns_are "$2" "$3"
	same "$1: connections begun, and closed" "$3 $3" "$(conns "$2")"
	BEGUN[$2]=$(quic_begun "$2") CLOSED[$2]=$(quic_closed "$2")
}

declare -A BEGUN=() CLOSED=()

conns() # SERVER
{
	echo "$(($(quic_begun "$1") - ${BEGUN[$1]:-0}))" \
		"$(($(quic_closed "$1") - ${CLOSED[$1]:-0}))"
}

conns_are()
{
	[ "$(conns "$1")" = "$2 $2" ]
}

test_servers()
{
	local far hops

	for far in $FAR4 $FAR6; do
		hops=$HOPS4
		[ "$far" = $FAR4 ] || hops=$HOPS6
		answers "ngtcp2, $far" "$hops" '<Q:I>' "$far"
		connections "ngtcp2, $far" ngtcp2 1
		answers "Retry, $far" "$hops" '<Q:R\+I>' -p 444 "$far"
		connections "Retry, $far" ngtcp2.retry 1
		answers "prefers v2, $far" "$hops" '<Q:I>' -p 445 "$far"
		connections "prefers v2, $far" ngtcp2.v2 1
		answers "quic-go, $far" "$hops" '<Q:I>' -p 446 "$far"
		connections "quic-go, $far" go 1
		answers "versions, ngtcp2, $far" "$hops" '<Q:V>' \
			--quic-mode vn "$far"
		answers "versions, quic-go, $far" "$hops" '<Q:V>' \
			--quic-mode vn -p 446 "$far"
	done
	answers "--sni" "$HOPS4" '<Q:I>' --sni quic.test -p 446 $FAR4
	answers "-O ecmp is for TCP; -q 10" "$HOPS4" '<Q:I>' -q 10 $FAR4
	connections "a name" go 1
	connections "-q 10" ngtcp2 1
	reaches "closed port" "$HOPS4" --quic -n -p 450 $FAR4
	same "versions: no connection" "0 0" "$(conns ngtcp2)"
}

UDP="udp.port == 443"

test_wire()
{
	local hellos

	HEARD=$LAB_DIR/heard.pcap
	capture r2 r1 "$HEARD" udp port 443
	whither --quic -n $FAR4
	sleep 0.2
	end_process "$PID"
	same "one flow" 1 "$(tshark -n -r "$HEARD" -Y "$FROM && $UDP" -T fields \
		-e udp.srcport 2>/dev/null | sort -u | wc -l)"
	same "one connection ID" 1 "$(tshark -n -r "$HEARD" -Y "$FROM && $UDP" \
		-T fields -e quic.dcid -e quic.scid 2>/dev/null |
		head -n 9 | sort -u | wc -l)"
	same "packet numbers from 0, each once" "$(seq 0 8)" "$(tshark -n \
		-r "$HEARD" -Y "$FROM && $UDP" -T fields -e quic.packet_number \
		2>/dev/null | head -n 9 | sort -n)"
	same "datagrams of 1200 octets" 1208 "$(tshark -n -r "$HEARD" \
		-Y "$FROM && $UDP" -T fields -e udp.length 2>/dev/null |
		sort -u)"
	# one for each probe, and more where a server was slow
	hellos=$(heard "$FROM && quic.frame_type == 6")
	check "a hello for each probe" [ "$hellos" -ge 9 ]
	same "tshark decodes all of them: hellos, and a close" "$hellos 1" "$((
		$(heard "$FROM && $UDP") - 1)) $(
		heard "$FROM && quic.frame_type == 0x1c")"
	same "h3, and no complaint" "h3 0" "$(tshark -n -r "$HEARD" \
		-Y "$FROM && tls.handshake.extensions_alpn_str" -T fields \
		-e tls.handshake.extensions_alpn_str 2>/dev/null | sort -u) $(
		heard "$FROM && (_ws.malformed ||
		_ws.expert.severity == error)")"
	same "every checksum is right" 0 "$(tshark -n -o udp.check_checksum:TRUE \
		-o ip.check_checksum:TRUE -r "$HEARD" -Y "$FROM &&
		(udp.checksum.status == Bad || ip.checksum.status == Bad)" \
		2>/dev/null | wc -l)"
	capture r2 r1 "$HEARD" udp port 443
	whither --quic --quic-mode vn -n $FAR4
	sleep 0.2
	end_process "$PID"
	same "vn: nine probes of a reserved version, nothing else" "9 9" "$(
		heard "$FROM") $(
		heard "$FROM && udp.payload[1:4] == 1a:2a:3a:4a")"
}

# A Linux router expires a packet before its own rules see it: what r2, hop 1,
# changes is first quoted by r3, hop 2.
marks() # NAME TEXT JSON ARGUMENT...: the end of a trace, as text and jq have it
{
	local name=$1 text=$2 json=$3

	shift 3
	whither --quic -n "$@" -o text:- -o "jsonl:$LAB_DIR/t.jsonl" $FAR4
	same "$name" "$text" "$(sed 1d <<<"$out" | grep -vE '^ ?[0-9]+ ' |
		sed -E 's/[1-9][0-9]* (ECT|CE)/N \1/')"
	same "$name, in JSON" "$json" "$(jq -r '(.findings[] | [.kind, .from,
		.to, .mark, .last_ttl, .first_ttl, .at_server]),
		[.quic | .version, .retry, .ect0, .ect1, .ce] |
		map(if . == null then "-" else . end) | join(" ")' \
		"$LAB_DIR/t.jsonl" | sed -E '$s/ [1-9][0-9]*/ N/g')"
}

sets_ecn() # NODE MARK
{
	at "$1" nft -f - <<-END
	table inet lab {
		chain through {
			type filter hook forward priority 0
			ip daddr $FAR4 ip ecn set $2
		}
	}
	END
}

test_ecn()
{
	marks "no mark" "" "1 - - - -"
	marks "ECT(0)" \
		"ECN ECT(0) is unchanged at hops 1 to 2, and at the server.
The server counted N ECT(0), 0 ECT(1), 0 CE." \
		"ecn-unchanged - - 2 2 1 true
1 - N 0 0" --ecn 2
	marks "ECT(0) by -t, Retry" \
		"ECN ECT(0) is unchanged at hops 1 to 2, and at the server.
The server counted N ECT(0), 0 ECT(1), 0 CE." \
		"ecn-unchanged - - 2 2 1 true
1 true N 0 0" -t 2 -p 444
	marks "a server that does not count" \
		"ECN ECT(0) is unchanged at hops 1 to 2.
The server counts no ECN marks." "ecn-unchanged - - 2 2 1 -
1 - - - -" --ecn 2 -p 446
	sets_ecn r2 not-ect
	marks "r2 clears" "ECN ECT(0) became Not-ECT between hops 1 and 2.
The server counts no ECN marks." "ecn-changed 2 0 - 1 2 -
1 - - - -" --ecn 2
	at r2 nft flush ruleset
	sets_ecn r3 ce
	marks "r3 marks" "ECN ECT(0) became CE between hop 2 and the server.
The server counted 0 ECT(0), 0 ECT(1), N CE." "ecn-changed 2 3 - 2 - true
1 - 0 0 N" --ecn 2
	at r3 nft flush ruleset
	whither -n -I --ecn 1 -o "jsonl:$LAB_DIR/t.jsonl" $FAR4
	check "any method's probes" jq -e '.tos == 1 and
		.findings == [{"kind": "ecn-unchanged", "mark": 1,
		"first_ttl": 1, "last_ttl": 2}]' "$LAB_DIR/t.jsonl"
}

# Drops what looks like QUIC with a long header, and lets other UDP pass.
blocks_quic() # NODE
{
	at "$1" nft -f - <<-END
	table inet lab {
		chain through {
			type filter hook forward priority 0
			ip daddr $FAR4 udp dport { 443, 450 } @th,64,8 >= 192 drop
		}
	}
	END
}

blocked() # NAME TEXT UDP_TTL JSON ARGUMENT...
{
	local name=$1 text=$2 far=$3 json=$4

	shift 4
	whither --quic -n --compare udp -w 0.5 -m 5 "$@" $FAR4 \
		-o "text:$LAB_DIR/t.text" -o "jsonl:$LAB_DIR/t.jsonl"
	same "$name" "$text" "$(sed 1d "$LAB_DIR/t.text" |
		grep -vE '^ ?[0-9]+ ')"
	same "$name, in JSON" "$far $json" "$(jq -c '.udp_ttl, .findings' \
		"$LAB_DIR/t.jsonl" | paste -sd' ')"
	converts "$name, converted"
}

test_compare()
{
	local what='"kind":"quic-blocked","udp_ttl"'

	blocked "nothing is blocked" "" 2 "[]"
	blocks_quic r2
	blocked "r2 blocks, a server that is silent to UDP" \
		"QUIC blocked after hop 1; hop 2 answers UDP to that port." 2 \
		"[{$what:2,\"last_ttl\":1}]"
	check "its exit status: not reached" [ $status = 3 ]
	at r2 nft flush ruleset
	blocks_quic r3
	blocked "r3 blocks, a closed port" \
		"QUIC blocked after hop 2; hop 3 answers UDP to that port." 3 \
		"[{$what:3,\"last_ttl\":2}]" -p 450
	blocked "r3 blocks versions" \
		"QUIC blocked after hop 2; hop 3 answers UDP to that port." 3 \
		"[{$what:3,\"last_ttl\":2}]" -p 450 --quic-mode vn
	blocked "where UDP is silent too nothing is said" "" 2 "[]"
	at r3 nft flush ruleset
}

test_formats()
{
	local to

	whither --quic -n -o "jsonl:$LAB_DIR/t.jsonl" -o "csv:$LAB_DIR/t.csv" \
		-o "warts:$LAB_DIR/t.warts" -o "text:$LAB_DIR/t.text" \
		--ecn 2 -p 444 $FAR4
	check "jsonl" jq -e '.method == "quic" and .dport == 444 and
		(.hops | length == 9) and
		([.hops[] | select(.addr == "10.3.0.4")] | length == 3 and
		all(.quic == "R+I" and .reached and .rtt > 0))' \
		"$LAB_DIR/t.jsonl"
	same "csv: nine rows" 9 "$(grep -c '10.3.0.4' "$LAB_DIR/t.csv")"
	check "warts: scamper reads it" bash -c "sc_warts2json \
		$LAB_DIR/t.warts | jq -se '.[] | select(.type == \"trace\") |
		.method == \"udp-paris\" and .dport == 444 and
		.stop_reason == \"COMPLETED\" and
		([.hops[].addr] | unique | length == 3)'"
	converts "convert"
	whither --quic --quic-mode vn -n -o "jsonl:$LAB_DIR/t.jsonl" \
		-o "text:$LAB_DIR/t.text" $FAR4
	converts "convert versions"
	for to in csv jsonl; do
		whither sweep -P quic-vn --include-special --quiet -m 3 \
			-o "$to:$LAB_DIR/t.$to" $FAR4
		"$WHITHER" convert "$LAB_DIR/t.$to" -o "atlas:$LAB_DIR/t.atlas"
		check "single replies, $to: one flow, and where it ends" jq -es '
			length == 1 and (.[0] | .proto == "UDP" and .af == 4 and
			.paris_id == 1 and [.result[].result[0].from] ==
			["10.1.0.2", "10.2.0.3", "10.3.0.4"])' \
			"$LAB_DIR/t.atlas"
	done
}

# One way a trace, though each probe is sealed anew.
test_parallel()
{
	local i one=0 seen=""

	parallel_up
	# 2^-23 is the chance that all ports take the same way
	for i in {1..24}; do
		whither --quic -n -q 3 $FAR4
		[ "$(ways 2) $(ways 3)" = "1 1" ] && one=$((one + 1))
		seen+=" $(hops "$out" | awk '$1 == 2 { print $2 }')"
	done
	same "parallel ways: one each time" 24 $one
	same "parallel ways: both, of all traces" "10.21.0.1 10.22.0.1" \
		"$(tr ' ' '\n' <<<"$seen" | sort -u | paste -sd' ' |
		sed 's/^ //')"
}

test_refusals()
{
	refused "--quic -T" 'exclude each other' -n --quic -T $FAR4
	refused "--sni without it" 'are for --quic' -n --sni a $FAR4
	refused "--compare tcp" 'compare: wants udp' -n --quic --compare tcp \
		$FAR4
	refused "--compare without it" 'are for --quic' -n --compare udp $FAR4
	refused "--ecn 4" 'ecn: wants a number from 0 to 3' -n --ecn 4 $FAR4
	refused "--ecn and -t" 'low two bits' -n --ecn 0 -t 3 $FAR4
	refused "sweep --sni" 'are for -P quic' sweep --sni a \
		--include-special $FAR4
	refused "sweep --size" '1228 octets for IPv4, 1248' sweep -P quic-vn \
		--size 100 --include-special $FAR4
	refused "sweep --probe-uri" 'has no room' sweep -P quic-vn \
		--probe-uri https://example.net/ --include-special $FAR4
	refused "sweep --workers 2" 'for one worker' sweep -P quic --workers 2 \
		--include-special $FAR4
	refused "sweep -S doubletree" 'ladder, not doubletree' sweep -P quic \
		-S doubletree --include-special $FAR4
}

# Targets at r4, all of them ngtcp2.
test_many()
{
	local i net=10.40.0.0/26

	ip -n "$LAB-r4" route add local $net dev lo
	for i in 1 2 3; do
		ip -n "$LAB-r$i" route add $net via "10.$i.0.$((i + 1))"
	done
	BEGUN[ngtcp2]=$(quic_begun ngtcp2) CLOSED[ngtcp2]=$(quic_closed ngtcp2)
	whither sweep -P quic --include-special --quiet -m 8 -r 2000 \
		--cooldown 2 -o "jsonl:$LAB_DIR/many" \
		--metadata "$LAB_DIR/ledger" $net
	check "64 at once: the ledger" jq -e '.destinations == 64 and
		.sent == .answered + .abandoned + .unanswered + .lost_here' \
		"$LAB_DIR/ledger"
	same "64 at once: routers of each" "64 10.1.0.2
64 10.2.0.3" "$(jq -r '.hops[] | select(.probe_ttl < 3) | .addr' \
		"$LAB_DIR/many" | sort | uniq -c | sed 's/^ *//')"
	same "64 at once: answered by QUIC" 64 "$(jq -r '.hops[] |
		select(.quic == "I") | .addr' "$LAB_DIR/many" | sort -u | wc -l)"
	same "64 at once: what became of each connection" 64 "$(jq -r \
		'select(.quic == {"version": 1, "initial": true}) | .dst' \
		"$LAB_DIR/many" | sort -u | wc -l)"
	connections "64 at once" ngtcp2 64
}

test_scale()
{
	local how

	for how in "-S exhaustive" "-S ladder" "-S doubletree"; do
		# shellcheck disable=SC2086 # two words
		at_scale "versions, $how" "" '.destinations == 5120' \
			-P quic-vn -r 50000 $how --round-interval 0.2
	done
	at_scale "versions, two workers" "--queues 2" '.destinations == 5120' \
		-P quic-vn -r 50000 --workers 2
	SCALE_NETS="20.0.0.0/11 2600:1000::/36" at_scale \
		"Initials, 10,000 at once" "" '.targets == 12288 and
		.destinations == 12288' -P quic -r 100000 --active 10000
}

lab_up
serve_quic
test_servers
test_wire
test_ecn
test_compare
test_formats
test_refusals
test_many
test_scale
test_parallel
lab_end
