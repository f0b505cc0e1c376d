#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# clamp_test: what routers on the path do to a SYN, and to the TOS of any
# probe, as whither tells it from what the routers behind them quote.
#
# A Linux router expires a packet before its own forwarding rules see it: what
# r2, hop 1, changes is first quoted by r3, hop 2.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

FAR4=10.3.0.4
FAR6=2001:db8:3::4
TOOLS=${O:-build}/tools
WHOLE=quote=548
ALL='MSS, SACK, timestamps, window scale'

serve()
{
	beside r4 socat TCP4-LISTEN:80,fork,reuseaddr /dev/null
	beside r4 socat TCP6-LISTEN:80,fork,reuseaddr,ipv6only=1 /dev/null
	wait_for 5 listens || { echo "FAIL socat"; exit 1; }
}

listens()
{
	[ "$(at r4 ss -Htln | grep -c ':80 ')" = 2 ]
}

# What r2 does to what it forwards; nothing: no rule.
forwarding() # RULE...
{
	at r2 nft flush ruleset
	[ $# = 0 ] || at r2 nft -f - <<-END
	table inet lab {
		chain through {
			type filter hook forward priority 0
			$(printf '%s\n' "$@")
		}
	}
	END
}

# The findings of a trace in text, and as jq shows them from JSON.
tells() # NAME TEXT JSON ARGUMENT...
{
	local name=$1 text=$2 json=$3

	shift 3
	whither -n "$@" -o text:- -o "jsonl:$LAB_DIR/t.jsonl"
	same "$name" "$text" "$(sed 1d <<<"$out" | grep -vE '^ ?[0-9]+ ')"
	same "$name, in JSON" "$json" "$(jq -r '.findings[] | [.kind,
		((.options // ["-"]) | join("+")), .from, .to, .last_ttl,
		.first_ttl, .syn_ack_mss] | map(. // "-") | join(" ")' \
		"$LAB_DIR/t.jsonl")"
	"$WHITHER" convert "$LAB_DIR/t.jsonl" -o "text:$LAB_DIR/u.text" \
		-o "jsonl:$LAB_DIR/u.jsonl"
	same "$name, converted" "$(sed 1d <<<"$out")
$(<"$LAB_DIR/t.jsonl")" "$(sed 1d "$LAB_DIR/u.text")
$(<"$LAB_DIR/u.jsonl")"
}

test_unchanged()
{
	forwarding
	tells "nothing is done, IPv4" "Unchanged at hops 1 to 2: $ALL." \
		"option-unchanged mss+sack+timestamps+wscale - - 2 1 1460" \
		-T $FAR4
	tells "nothing is done, IPv6" "Unchanged at hops 1 to 2: $ALL." \
		"option-unchanged mss+sack+timestamps+wscale - - 2 1 1440" \
		-T $FAR6
	tells "MSS alone" "Unchanged at hops 1 to 2: MSS." \
		"option-unchanged mss - - 2 1 1460" -T -O mss=1000 $FAR4
	tells "an ACK has none" "" "" -T -O ack $FAR4
	tells "a closed port" "Unchanged at hops 1 to 2: $ALL." \
		"option-unchanged mss+sack+timestamps+wscale - - 2 1 -" \
		-T -p 81 $FAR4
	check "hops tell what they quote" jq -e '[.hops[] |
		select(.icmp_q_tcp_whole) | .icmp_q_tcp_mss == 1460 and
		.icmp_q_tcp_wscale == 7 and .icmp_q_tcp_sack and
		.icmp_q_tcp_timestamps and .icmp_q_tcp_dport == 81] |
		length == 6 and all' "$LAB_DIR/t.jsonl"
}

test_mss()
{
	forwarding 'tcp flags & syn == syn tcp option maxseg size set 1200'
	tells "a clamp" \
		"MSS 1460 became 1200 between hops 1 and 2; the SYN/ACK says 1200.
Unchanged at hops 1 to 2: SACK, timestamps, window scale." \
		"option-changed mss 1460 1200 1 2 1200
option-unchanged sack+timestamps+wscale - - 2 1 -" -T $FAR4
	forwarding 'ip saddr 10.1.0.1 tcp flags & syn == syn tcp option maxseg size set 1200'
	tells "a clamp of one direction" \
		"MSS 1460 became 1200 between hops 1 and 2; the SYN/ACK says 1460.
Unchanged at hops 1 to 2: SACK, timestamps, window scale." \
		"option-changed mss 1460 1200 1 2 1460
option-unchanged sack+timestamps+wscale - - 2 1 -" -T $FAR4
	forwarding 'ip6 saddr 2001:db8:1::1 tcp flags & syn == syn tcp option maxseg size set 1200'
	tells "a clamp, IPv6" \
		"MSS 1440 became 1200 between hops 1 and 2; the SYN/ACK says 1440.
Unchanged at hops 1 to 2: SACK, timestamps, window scale." \
		"option-changed mss 1440 1200 1 2 1440
option-unchanged sack+timestamps+wscale - - 2 1 -" -T $FAR6
}

test_removed()
{
	if ! forwarding 'ip saddr 10.1.0.1 reset tcp option sack-perm'; then
		say "this nft cannot remove options"
		return
	fi
	tells "an option is removed" \
		"Removed between hops 1 and 2: SACK.
Unchanged at hops 1 to 2: MSS, timestamps, window scale." \
		"option-removed sack - - 1 2 -
option-unchanged mss+timestamps+wscale - - 2 1 1460" -T $FAR4
	forwarding 'ip saddr 10.1.0.1 reset tcp option maxseg' \
		'ip saddr 10.1.0.1 reset tcp option sack-perm' \
		'ip saddr 10.1.0.1 reset tcp option timestamp' \
		'ip saddr 10.1.0.1 reset tcp option window'
	tells "all are removed" "Removed between hops 1 and 2: $ALL." \
		"option-removed mss+sack+timestamps+wscale - - 1 2 1460" \
		-T $FAR4
}

test_tos()
{
	local udp='-M udp'

	forwarding 'ip dscp set 0'
	# shellcheck disable=SC2086 # words
	for how in "$udp" -I; do
		tells "DSCP, $how" "DSCP 46 became 0 between hops 1 and 2." \
			"dscp-changed - 46 0 1 2 -" $how -t 184 $FAR4
		tells "DSCP as it is, $how" "" "" $how $FAR4
	done
	tells "DSCP, TCP" "DSCP 46 became 0 between hops 1 and 2.
Unchanged at hops 1 to 2: $ALL." "dscp-changed - 46 0 1 2 -
option-unchanged mss+sack+timestamps+wscale - - 2 1 1460" -T -t 184 $FAR4
	forwarding 'ip6 ecn set ce'
	tells "ECN, IPv6" "ECN ECT(0) became CE between hops 1 and 2." \
		"ecn-changed - 2 3 1 2 -" -I -t 2 $FAR6
	forwarding 'ip dscp set 0' 'ip ecn set 0'
	tells "both" "DSCP 46 became 0 between hops 1 and 2.
ECN ECT(0) became Not-ECT between hops 1 and 2." "dscp-changed - 46 0 1 2 -
ecn-changed - 2 0 1 2 -" -I -t 186 $FAR4
}

# Without state: else r2 would put the port back in what is quoted to us.
test_port()
{
	forwarding 'ip saddr 10.1.0.1 tcp dport 8080 tcp dport set 80' \
		'ip daddr 10.1.0.1 tcp sport 80 tcp sport set 8080'
	tells "another port" \
		"Destination port 8080 became 80 between hops 1 and 2.
Unchanged at hops 1 to 2: $ALL." "dport-rewritten - 8080 80 1 2 -
option-unchanged mss+sack+timestamps+wscale - - 2 1 1460" -T -p 8080 $FAR4
	forwarding
}

# As a firewall that hides the numbers of those behind it, but without the way
# back: what the destination acknowledges is not what we sent.
test_sequence()
{
	forwarding 'ip saddr 10.1.0.1 tcp flags syn tcp sequence set 305419896'
	tells "another number" \
		"The TCP sequence number is rewritten between hops 1 and 2.
Unchanged at hops 1 to 2: $ALL." "sequence-rewritten - - - 1 2 -
option-unchanged mss+sack+timestamps+wscale - - 2 1 -" \
		-T -m 3 -w 0.5 $FAR4
	check "hops that quote it" jq -e '[.hops[] |
		select(.icmp_q_tcp_seq_rewritten) | .probe_ttl] == [2, 2, 2]' \
		"$LAB_DIR/t.jsonl"
	forwarding
}

# In a drawn network, where routers quote 28 octets if they are told no other
# number, and pad them with zeroes where labels follow (RFC 4884).
#
#   s --- a --- b --- c --- d --- web
draws() # NAME TEXT "NODE WORDS"...
{
	local name=$1 text=$2

	shift 2
	{
		printf 'source s\nnode web\nhost web 198.51.100.0/24\n'
		printf 'node %s\n' "$@"
		cat <<-END
		link s a    10.0.1.1 10.0.1.2  2001:db8:1::1 2001:db8:1::2
		link a b    10.0.2.1 10.0.2.2  2001:db8:2::1 2001:db8:2::2
		link b c    10.0.3.1 10.0.3.2  2001:db8:3::1 2001:db8:3::2
		link c d    10.0.4.1 10.0.4.2  2001:db8:4::1 2001:db8:4::2
		link d web  10.0.5.1 10.0.5.2  2001:db8:5::1 2001:db8:5::2
		END
	} >"$LAB_DIR/topo"
	out=$(timeout -k 2 30 "$TOOLS/simnet" -q --topo "$LAB_DIR/topo" -- \
		"$WHITHER" -n -T 198.51.100.9 2>&1)
	same "$name" "$text" "$(sed 1d <<<"$out" | grep -vE '^ ?[0-9]+ ' |
		sed 's/; the SYN.*/./')"
}

test_quotes()
{
	draws "all of it is quoted" "Unchanged at hops 1 to 4: $ALL." \
		"a $WHOLE" "b $WHOLE" "c $WHOLE" "d $WHOLE mpls=7"
	draws "eight octets: not visible, clamped or not" \
		"Not visible in any quote: $ALL." \
		a "b mss=1200" c d
	draws "eight octets, padded" "Not visible in any quote: $ALL." \
		"a mpls=7" b "c mpls=7" d
	draws "cut behind the MSS" "Unchanged at hops 1 to 4: MSS.
Not visible in any quote: SACK, timestamps, window scale." \
		"a quote=44" "b quote=44" "c quote=44 mpls=7" "d quote=44"
	draws "a clamp between those who say nothing" \
		"MSS 1460 became 1200 between hops 1 and 4.
Unchanged at hops 1 to 4: SACK, timestamps, window scale." \
		"a $WHOLE" "b mss=1200" c "d $WHOLE"
	draws "before anybody says anything" \
		"MSS 1460 became 1200 before hop 3.
Unchanged at hop 3: SACK, timestamps, window scale." \
		"a mss=1200" b "c $WHOLE" d
	draws "twice" "MSS 1460 became 1400 between hops 1 and 2.
MSS 1400 became 1200 between hops 3 and 4.
Unchanged at hops 1 to 4: SACK, timestamps, window scale." \
		"a $WHOLE mss=1400" "b $WHOLE" "c $WHOLE mss=1200" "d $WHOLE"
}

lab_up
serve
test_unchanged
test_mss
test_removed
test_tos
test_port
test_sequence
test_quotes
lab_end
