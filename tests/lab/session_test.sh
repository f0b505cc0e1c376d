#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# session_test: traces within TCP sessions, through real servers that behave
# and others that do not: every hop once and in order whatever happens to the
# session, one SYN, nothing that the application reads, and nothing left open.

# shellcheck disable=SC2317,SC2329 # called by check and wait_for
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/tcp.sh
. "$(dirname "$0")/tcp.sh"
# shellcheck source=tests/lab/parallel.sh
. "$(dirname "$0")/parallel.sh"

IN="--tcpinsession"
DATA="tcp.len > 0"
SERVER="(ip.src == 10.3.0.4 || ipv6.src == 2001:db8:3::4)"

# What TCP servers at r4 read goes to a file each.
serve_others()
{
	beside r4 socat TCP-LISTEN:90,fork,reuseaddr \
		"SYSTEM:cat >>$LAB_DIR/read.90"
	beside r4 socat TCP-LISTEN:91,fork,reuseaddr \
		"SYSTEM:echo 220 welcome; cat >>$LAB_DIR/read.91"
	beside r4 socat TCP-LISTEN:92,fork,reuseaddr SYSTEM:true
	beside r4 python3 "$(dirname "$0")/rude_server.py" 93
	wait_for 5 others_listen || { echo "FAIL socat"; exit 1; }
}

others_listen()
{
	[ "$(at r4 ss -Htln | grep -cE ':9[0-3] ')" = 4 ]
}

hand() # the lines of `out` about the handshake
{
	grep '^ hand' <<<"$out"
}

# A trace with all hops once and in order, through the session or after it.
goes() # NAME HOPS HAND END SAID ARGUMENT...
{
	local name=$1 wanted=$2 hand=$3 end=$4 said=$5

	shift 5
	reaches "$name: every hop, once, in order" "$wanted" $IN "$@"
	same "$name: no probe is unanswered" "" "$(grep -o '\*' <<<"$out")"
	check "$name: hand $hand" grep -qE -- "^ hand $hand  [0-9.]+ ms" <<<"$out"
	check "$name: the end: $end" grep -qE -- "$end" <<<"$(end_of_trace)"
	same "$name: what is said of it" "$said" \
		"$(sed -n '/^No SACK\|session/p' <<<"$out")"
}

# Within a second or two all that was opened is closed, at both ends.
closed_again() # NAME PORT
{
	wait_for 3 nothing_open "$2" && ok "$1: nothing is left open" && return
	fail "$1: nothing is left open" "$(at r4 ss -Htan "sport = :$2")"
}

nothing_open() # PORT
{
	[ -z "$(at r4 ss -Htan state established state syn-recv \
		state close-wait state last-ack state fin-wait-1 \
		state fin-wait-2 "sport = :$1")" ]
}

test_servers()
{
	local dup='No SACK: the session took one probe at a time.'
	local reset='The destination reset the session: half-open probes from there on.'
	local refused='The session was refused: half-open probes instead.'

	goes "nginx, IPv4" "$HOPS4" "$OPEN" '10.3.0.4 <ack>  ' "" -n $FAR4
	goes "nginx, IPv6" "$HOPS6" "$OPEN6" '::4 <ack>  ' "" -n $FAR6
	goes "--close rst" "$HOPS4" "$OPEN" '<ack>' "" -n --close rst $FAR4
	goes "-q 10" "$HOPS4" "$OPEN" '<ack>' "" -n -q 10 $FAR4
	goes "-N 1" "$HOPS4" "$OPEN" '<ack>' "" -n -N 1 $FAR4
	closed_again nginx 80
	same "nginx was asked nothing" "" \
		"$(cat "$LAB_DIR/nginx/access.log")"
	goes "reads" "$HOPS4" "$OPEN" '<ack>' "" -n -p 90 $FAR4
	goes "a banner" "$HOPS4" "$OPEN" '<ack>|<psh,ack>' "" -n -p 91 $FAR4
	goes "no SACK" "$HOPS4" '<syn,ack,MSS:1460>' '<ack>' "$dup" \
		-n -p 90 -O mss=1460 $FAR4
	goes "SACK alone" "$HOPS4" '<syn,ack,MSS:1460,SACK>' '<ack>' "" \
		-n -p 90 -O sack,mss=1460 $FAR4
	at r4 sysctl -qw net.ipv4.tcp_sack=0
	goes "tcp_sack=0" "$HOPS4" '<syn,ack,MSS:1460,TS,WS:[0-9]+>' '<ack>' \
		"$dup" -n -p 90 $FAR4
	at r4 sysctl -qw net.ipv4.tcp_sack=1 net.ipv4.tcp_timestamps=0
	goes "tcp_timestamps=0" "$HOPS4" '<syn,ack,MSS:1460,SACK,WS:[0-9]+>' \
		'<ack>' "" -n -p 90 $FAR4
	at r4 sysctl -qw net.ipv4.tcp_timestamps=1
	goes "closed port" "$HOPS4" '<rst,ack>' '<rst,ack>' "$refused" \
		-n -p 81 $FAR4
	goes "reset under way" "$HOPS4" "$OPEN" '<syn,ack' "$reset" \
		-n -z 0.005 -p 93 $FAR4
	for port in 90 91 93; do
		closed_again "port $port" $port
	done
	same "what applications read: nothing" "0 0" "$(for port in 90 91; do
		stat -c %s "$LAB_DIR/read.$port"
	done | paste -sd' ')"
}

# A server that closes at once answers data with an RST, sooner or later: the
# hops are there in any case.
test_closes_at_once()
{
	reaches "closes at once: every hop" "$HOPS4" $IN -n -p 92 $FAR4
	same "closes at once: no probe is unanswered" "" \
		"$(grep -o '\*' <<<"$out")"
	closed_again "closes at once" 92
}

# What r4 and r3 do to the session's packets, in nft's words.
with_rules() # ROUTER HOOK RULE: until the next call
{
	at r3 nft flush ruleset
	at r4 nft flush ruleset
	[ $# = 0 ] || at "$1" nft -f - <<-END
	table inet lab {
		chain c {
			type filter hook $2 priority 0
			$3
		}
	}
	END
}

test_paths()
{
	local gap='The session takes nothing behind a gap: half-open probes instead.'

	with_rules r4 input "tcp dport 81 drop"
	whither $IN -n -p 81 -m 5 -q 1 -w 0.3 $FAR4
	same "filtered port: its hops, then silence" "$(sed 3d <<<"$HOPS4")
3 *
4 *
5 *
exit 3" "$(hops "$out")
exit $status"
	check "filtered port: hand *" grep -q '^ hand \*$' <<<"$out"
	check "filtered port: said" grep -q 'SYN was not answered' <<<"$out"
	SECONDS=0
	whither $IN -n -p 81 -Q 0.5 $FAR4
	check "-Q ends it, handshake and all" test "$SECONDS" -lt 10 -a \
		"$status" = 3
	with_rules r4 input "tcp dport 81 reject with icmp type admin-prohibited"
	whither $IN -n -p 81 -q 1 -w 0.3 $FAR4
	check "rejected port: !X at the end" grep -q ' 3  10.3.0.4 .*!X' <<<"$out"
	with_rules r3 forward "tcp flags & psh == psh drop"
	goes "what is behind a gap is dropped" "$HOPS4" "$OPEN" '<syn,ack' \
		"$gap" -n $FAR4
	closed_again "what is behind a gap is dropped" 80
	with_rules r3 forward "ip saddr 10.3.0.4 tcp flags & (syn | ack) == ack numgen inc mod 3 0 drop"
	reaches "acknowledgements are lost: every hop" "$HOPS4" \
		$IN -n -w 0.5 $FAR4
	with_rules
	closed_again "acknowledgements are lost" 80
}

# One SYN, one flow, the octet after the SYN never sent, the FIN in its place.
test_wire()
{
	local far

	for far in $FAR4 $FAR6; do
		listen $IN -n "$far"
		same "$far: one SYN" 1 "$(heard "$FROM && $SYN")"
		same "$far: no RST, neither way" 0 "$(heard "$RST")"
		same "$far: the gap is never sent" 0 \
			"$(heard "$FROM && tcp.seq == 1 && $DATA")"
		same "$far: twelve octets at most, ten at least, one each" "true" \
			"$(n=$(heard "$FROM && tcp.len == 1")
			[ "$n" -ge 10 ] && [ "$n" -le 30 ] &&
			[ "$n" = "$(heard "$FROM && $DATA")" ] && echo true)"
		same "$far: our FIN, in the place of the gap" 1 \
			"$(heard "$FROM && tcp.flags.fin == 1 && tcp.seq == 1")"
		same "$far: their FIN, and our last word" "1 1" \
			"$(heard "$SERVER && tcp.flags.fin == 1") $(heard \
			"$FROM && tcp.seq == 2 && tcp.ack == 2 && tcp.len == 0")"
		same "$far: one flow" 1 "$(tshark -n -r "$HEARD" -Y "$FROM" \
			-T fields -e tcp.srcport -e tcp.dstport 2>/dev/null |
			sort -u | wc -l)"
		same "$far: every checksum is right" 0 "$(
			tshark -n -o tcp.check_checksum:TRUE \
				-o ip.check_checksum:TRUE -r "$HEARD" \
				-Y "$FROM && (tcp.checksum.status == Bad ||
				ip.checksum.status == Bad)" 2>/dev/null | wc -l)"
	done
	listen $IN -n --close rst $FAR4
	same "--close rst: one RST of ours, in the place of the gap" "1 1" \
		"$(heard "$FROM && $RST") $(heard "$FROM && $RST && tcp.seq == 1")"
	listen $IN -n -p 81 $FAR4
	same "closed port: its RSTs are not answered" 0 "$(heard "$FROM && $RST")"
	listen $IN -n -q 4 -O ecmp $FAR4
	same "-O ecmp: four SYNs from four ports" "4 4" \
		"$(heard "$FROM && $SYN") $(tshark -n -r "$HEARD" -Y "$FROM" \
		-T fields -e tcp.srcport 2>/dev/null | sort -u | wc -l)"
}

test_parallel()
{
	local i many=0 one=0 seen=""

	parallel_up
	# 2^-23 is the chance that all ports take the same way
	for i in {1..24}; do
		whither $IN -n -q 3 $FAR4
		[ "$(ways 2) $(ways 3)" = "1 1" ] && one=$((one + 1))
		seen+=" $(hops "$out" | awk '$1 == 2 { print $2 }')"
	done
	same "in session: one way each time" 24 $one
	same "in session: both ways, of all traces" "10.21.0.1 10.22.0.1" \
		"$(tr ' ' '\n' <<<"$seen" | sort -u | paste -sd' ' | sed 's/^ //')"
	for i in 1 2 3; do
		whither -n -T -O ecmp -q 10 $FAR4
		[ "$(ways 2) $(ways 3)" = "2 2" ] && many=$((many + 1))
	done
	check "half-open from new ports: several" test $many -ge 1
	many=0
	for i in 1 2 3; do
		whither $IN -n -O ecmp -q 10 -o text:- -o "jsonl:$LAB_DIR/e" $FAR4
		[ "$(ways 2) $(ways 3)" = "2 2" ] && many=$((many + 1))
		same "-O ecmp: each column goes one way, $i" 0 "$(jq '
			[.hops[] | select(.probe_ttl == 2 or .probe_ttl == 3)] |
			group_by(.probe_id) |
			map(map(.addr | split(".")[1] | tonumber % 10) |
				unique | length) | map(select(. != 1)) | length' \
			"$LAB_DIR/e")"
	done
	check "in session, -O ecmp: several" test $many -ge 1
	ip -n "$LAB-r2" route del 10.3.0.4/32
}

# Targets at r4, all of them nginx.
test_many()
{
	local i net=10.40.0.0/24

	ip -n "$LAB-r4" route add local $net dev lo
	for i in 1 2 3; do
		ip -n "$LAB-r$i" route add $net via "10.$i.0.$((i + 1))"
	done
	whither sweep -P insession --include-special --quiet -m 8 -r 20000 \
		--cooldown 1 -o "jsonl:$LAB_DIR/many" \
		--metadata "$LAB_DIR/ledger" $net
	check "256 at once, to nginx: the ledger" jq -e \
		'.sessions.open == 256 and .destinations == 256 and
		 .sent == .answered + .abandoned + .lost_here and
		 .tcp.session_sent >= 256 * 4 and .tcp.not_closed == 0' \
		"$LAB_DIR/ledger"
	same "256 at once: every hop of each" "256 1 10.1.0.2
256 2 10.2.0.3
256 3 target" "$(jq -r '.dst as $dst | .hops[] | "\(.probe_ttl) \(
		if .addr == $dst then "target" else .addr end)"' \
		"$LAB_DIR/many" | sort | uniq -c | sed 's/^ *//')"
	closed_again "256 at once" 80
	same "256 at once: nginx was asked nothing" "" \
		"$(cat "$LAB_DIR/nginx/access.log")"
	whither sweep -P insession --include-special --quiet -m 8 -r 20000 \
		--cooldown 0.5 --prefix-rate 100 --metadata "$LAB_DIR/ledger" \
		-o "jsonl:$LAB_DIR/many" "10.40.0.0/25"
	check "--prefix-rate: SYNs to a /24" jq -e '.sessions.open == 128 and
		.sending_ns > 1.1e9' "$LAB_DIR/ledger"
	whither sweep -P insession --include-special --quiet -m 8 -r 20000 \
		--cooldown 1 --run "$LAB_DIR/run" -o "jsonl:$LAB_DIR/kept" $net
	same "--run: the same hops, and sessions" "256 256" "$(jq -s '[.[] |
		select(.sessions[0].fate == "open")] | length' "$LAB_DIR/kept") $(
		jq -s '[.[] | select(.hop_count == 3)] | length' "$LAB_DIR/kept")"
}

# Interrupted, it leaves nothing open either.
test_interrupted()
{
	beside r1 "$WHITHER" sweep -P insession --include-special --quiet \
		-m 8 -r 300 --cooldown 1 -o "jsonl:$LAB_DIR/cut" 10.40.0.0/24
	wait_for 5 established
	sleep 0.2
	end_process "$PID" INT
	same "interrupted: exit status" 130 $?
	closed_again "interrupted" 80
}

established()
{
	[ "$(at r4 ss -Htan state established 'sport = :80' | wc -l)" -gt 10 ]
}

test_formats()
{
	whither $IN -n -o "jsonl:$LAB_DIR/t.jsonl" -o "text:$LAB_DIR/t.text" \
		-o "warts:$LAB_DIR/t.warts" -o "atlas:$LAB_DIR/t.atlas" \
		-o "csv:$LAB_DIR/t.csv" $FAR4
	check "jsonl: the session" jq -e '.method == "insession" and
		(.sessions | length == 1) and (.sessions[0] |
		.fate == "open" and .tcp_mss == 1460 and .tcp_sack and
		.rtt > 0 and .rtt < 1000) and .probe_size == 53 and
		(.hops | length == 9)' "$LAB_DIR/t.jsonl"
	check "warts: scamper reads it, the session left out" bash -c \
		"sc_warts2json $LAB_DIR/t.warts | jq -se '.[] |
		select(.type == \"trace\") |
		.method == \"tcp-ack\" and .dport == 80 and .stop_reason == \"COMPLETED\" and
		([.hops[].addr] | unique | length == 3)'"
	same "csv: nine rows" 9 "$(grep -c '10.3.0.4' "$LAB_DIR/t.csv")"
	converts "convert"
	whither $IN -n -O ecmp -o "jsonl:$LAB_DIR/t.jsonl" \
		-o "text:$LAB_DIR/t.text" -p 81 $FAR4
	check "refused, each of three" jq -e '[.sessions[].fate] ==
		["refused", "refused", "refused"]' "$LAB_DIR/t.jsonl"
	converts "convert what was refused"
}

test_refusals()
{
	refused "--tcpinsession -T" 'exclude each other' -n $IN -T $FAR4
	refused "--close without it" 'is for --tcpinsession' -n --close rst $FAR4
	refused "--close nonsense" 'close' -n $IN --close fast $FAR4
	refused "-O ack" 'begins with a SYN' -n $IN -O ack $FAR4
	refused "by raw sockets" 'TCP wants XDP' -n $IN --tx raw $FAR4
	refused "sweep -S doubletree" 'ladder, not doubletree' sweep \
		-P insession -S doubletree --include-special $FAR4
	refused "sweep: --close" 'is for -P insession' sweep -P tcp \
		--close rst --include-special $FAR4
	refused "bench" 'a sweep measures sessions' bench -P insession
}

test_scale()
{
	SCALE_NETS="20.0.0.0/11 2600:1000::/36" at_scale \
		"10,000 at once" "" '.targets == 12288 and
		.destinations == 12288 and .unanswered == 0 and
		.sessions.open + .sessions.refused == 12288' -P insession -r 0 \
		--active 10000
	at_scale "sessions" "" '.tcp.session_sent > 10000 and
		.sessions.open > 2000 and .sessions.refused > 2000 and
		.sessions.open + .sessions.refused == 5120 and
		.destinations == 5120' -P insession -r 0
	at_scale "sessions, two workers" "--queues 2" '.destinations == 5120 and
		.sessions.open + .sessions.refused == 5120' \
		-P insession -r 0 --workers 2
	at_scale "sessions, -q 3 -O ecmp" "" '.destinations == 5120 and
		.sessions.open + .sessions.refused == 15360' \
		-P insession -r 0 -q 3 -O ecmp
}

lab_up
serve
serve_others
test_servers
test_closes_at_once
test_paths
test_wire
test_formats
test_refusals
test_many
test_interrupted
test_scale
test_parallel
lab_end
