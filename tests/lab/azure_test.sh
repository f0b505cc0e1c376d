#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# azure_test: the second router translates our address without state, as some
# clouds do: in the probes, and back in the outer header of the errors. What
# the errors quote still shows the translated address, so that the system's
# own traceroute hears nothing. whither must show every hop, and say why.
#
#   10.1.0.1 -> 10.3.0.4    r2: postrouting    198.51.100.7 -> 10.3.0.4
#   10.3.0.4 -> 10.1.0.1    r2: prerouting     10.3.0.4 -> 198.51.100.7
#    quotes 198.51.100.7                        quotes 198.51.100.7

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

SEEN4=198.51.100.7
SEEN6=2001:db8:ff::7

translate()
{
	at r2 nft -f - <<-END
	table inet azure {
		chain out {
			type filter hook postrouting priority raw
			oifname r3 ip saddr 10.1.0.1 counter \
				ip saddr set $SEEN4
			oifname r3 ip6 saddr 2001:db8:1::1 \
				ip6 saddr set $SEEN6
		}
		chain back {
			type filter hook prerouting priority raw
			iifname r3 ip daddr $SEEN4 ip daddr set 10.1.0.1
			iifname r3 ip6 daddr $SEEN6 \
				ip6 daddr set 2001:db8:1::1
		}
	}
	END
	ip -n "$LAB-r3" route add $SEEN4 via 10.2.0.2
	ip -n "$LAB-r4" route add $SEEN4 via 10.3.0.3
	ip -n "$LAB-r3" route add $SEEN6 via 2001:db8:2::2
	ip -n "$LAB-r4" route add $SEEN6 via 2001:db8:3::3
}

# What is on the wire is what the comment above claims, or this test is void.
test_translation()
{
	local file=$LAB_DIR/wire.pcap found

	capture r1 r2 "$file" 'icmp[icmptype] = 11 or icmp[icmptype] = 3'
	kernel_trace -n -q 1 -w 1 -m 3 10.3.0.4
	sleep 0.3
	end_process "$PID"
	found=$(tshark -n -r "$file" -T fields -E separator=' ' \
		-E occurrence=a -E aggregator=, -e ip.src -e ip.dst \
		-o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
		2>/dev/null)
	same "the errors come back to us, and quote the other address" \
		"10.1.0.2,10.1.0.1 10.1.0.1,10.3.0.4
10.2.0.3,$SEEN4 10.1.0.1,10.3.0.4
10.3.0.4,$SEEN4 10.1.0.1,10.3.0.4" "$found"
}

# The system's traceroute, for which all beyond r2 is silent; an echo reply
# quotes nothing, so ICMP finds the far end alone.
test_kernel()
{
	kernel_trace -n -q 1 -w 1 -m 3 10.3.0.4
	same "traceroute, UDP: blind" "1 10.1.0.2
2 *
3 *" "$(hops "$out")"
	kernel_trace -n -I -q 1 -w 1 -m 3 10.3.0.4
	same "traceroute, ICMP: blind between" "1 10.1.0.2
2 *
3 10.3.0.4" "$(hops "$out")"
	kernel_trace -n -q 1 -w 1 -m 3 2001:db8:3::4
	same "traceroute, UDP, IPv6: blind" "1 2001:db8:1::2
2 *
3 *" "$(hops "$out")"
}

test_whither() # NAME HOPS SEEN ARGUMENT...
{
	local name=$1 wanted=$2 seen=$3

	shift 3
	whither -n "$@"
	same "whither, $name: every hop, no option" "$wanted
exit 0" "$(hops "$out")
exit $status"
	check "whither, $name: says that we are seen as $seen" \
		grep -F "$seen" <<<"$out
$err"
}

test_sweep() # STRATEGY METHOD FAR: what r4's answer shows of us
{
	local file=$LAB_DIR/$1.jsonl found

	whither sweep -i r2 --include-special -S "$1" -P "$2" -m 4 \
		--cooldown 1 -o "jsonl:$file" 10.3.0.4/32
	found=$(jq -r '.. | objects | select(.addr) | .addr +
		if .seen_src then " sees " + .seen_src else "" end' "$file" |
		sort -u)
	same "sweep -S $1 -P $2: every router, and whom it sees" "10.1.0.2
10.2.0.3 sees $SEEN4
10.3.0.4$3" "$found"
}

lab_up
translate
test_translation
test_kernel
test_whither "UDP" "$HOPS4" $SEEN4 10.3.0.4
test_whither "ICMP" "$HOPS4" $SEEN4 -I 10.3.0.4
test_whither "UDP, IPv6" "$HOPS6" $SEEN6 2001:db8:3::4
test_whither "ICMP, IPv6" "$HOPS6" $SEEN6 -I 2001:db8:3::4
for tx in live packet raw; do
	test_whither "UDP, --tx $tx" "$HOPS4" $SEEN4 --tx $tx 10.3.0.4
	test_whither "ICMP, --tx $tx" "$HOPS4" $SEEN4 --tx $tx -I 10.3.0.4
done
test_whither "TCP" "$HOPS4" $SEEN4 -T 10.3.0.4
test_whither "TCP, IPv6" "$HOPS6" $SEEN6 -T 2001:db8:3::4
test_whither "TCP, ACK" "$HOPS4" $SEEN4 -T -O ack 10.3.0.4
test_whither "QUIC" "$HOPS4" $SEEN4 --quic 10.3.0.4
test_whither "QUIC, IPv6" "$HOPS6" $SEEN6 --quic 2001:db8:3::4
test_whither "QUIC versions" "$HOPS4" $SEEN4 --quic --quic-mode vn 10.3.0.4
beside r4 socat TCP6-LISTEN:80,ipv6only=0,fork,reuseaddr SYSTEM:cat
wait_for 5 at r4 sh -c 'ss -Htln | grep -q :80' || fail "socat"
test_whither "in session" "$HOPS4" $SEEN4 --tcpinsession 10.3.0.4
check "in session: a session" grep -q '^ hand <syn,ack' <<<"$out"
test_whither "in session, IPv6" "$HOPS6" $SEEN6 --tcpinsession 2001:db8:3::4
test_sweep exhaustive udp " sees $SEEN4"
test_sweep ladder udp " sees $SEEN4"
test_sweep exhaustive tcp
test_sweep ladder tcp
lab_end
