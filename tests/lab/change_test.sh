#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# change_test: the network changes under a sweep. It says what happened, goes
# on when it can, hears the routers again, and ends when it cannot.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

RESULTS=

# Begins a sweep of two hops that always answer; sets PID.
begin() # SECONDS that it lasts [SWEEP ARGUMENT...]
{
	: >"$LAB_DIR/beside.log"
	rm -f "$RESULTS" # an older one would be replaced only at the end
	wait_for 10 at r1 ping -qc 1 -W 1 10.3.0.4
	beside r1 "$WHITHER" sweep -i r2 --include-special -m 2 -q 10 \
		-r $((5120 / $1)) --quiet --cooldown 1 --tx "$TX" \
		-o "jsonl:$RESULTS" "${@:2}" 10.3.0.0/24
	wait_for 5 grep -q addr "$RESULTS" # may stay in a buffer for a while
}

says() # NAME PATTERN: within fifteen seconds
{
	check "$1" wait_for 15 grep -E "whither: .*$2" "$LAB_DIR/beside.log"
}

# How many answers there are to probes sent in that second of the clock or
# later, after the sweep has ended well.
ends_hearing() # NAME SECOND
{
	local count

	wait "$PID"
	same "$1: ends well" 0 $?
	count=$(jq -n --argjson since "$2" \
		'[inputs | select(.tx.sec > $since)] | length' "$RESULTS")
	if [ "${count:-0}" -gt 50 ]; then
		ok "$1: hears the routers again"
	else
		fail "$1: hears the routers again" \
			"$count answers since; $(cat "$LAB_DIR/beside.log")"
	fi
}

test_carrier()
{
	begin 10
	ip -n "$LAB-r2" link set r1 down
	says "the far end goes down" 'r2.*carrier'
	ip -n "$LAB-r2" link set r1 up
	says "the far end comes up" 'r2.*up again'
	wait_for 10 lab_converged
	ends_hearing "the far end" "$(date +%s)"
}

test_down()
{
	begin 10
	ip -n "$LAB-r1" link set r2 down
	says "our end goes down" 'r2.*down'
	ip -n "$LAB-r1" link set r2 up
	ip -n "$LAB-r1" addr add 2001:db8:1::1/64 dev r2 nodad
	says "our end comes up" 'r2.*up again'
	wait_for 10 lab_converged
	ends_hearing "our end" "$(date +%s)"
}

# Nobody tells us: it is found when the next hop is asked after, which is not
# before the kernel doubts what it knows; here it does so early.
test_mac()
{
	at r1 sysctl -qw net.ipv4.neigh.r2.base_reachable_time_ms=2000
	ip -n "$LAB-r1" neigh flush dev r2
	begin 12
	ip -n "$LAB-r2" link set r1 address 02:00:00:00:00:77
	says "the next hop has another MAC" '02:00:00:00:00:77'
	ends_hearing "another MAC" "$(date +%s)"
	# what went to the old one was sent again: two hops, ten times; the
	# broadcast address is answered by the first alone
	same "another MAC: every probe is answered" $((255 * 2 * 10)) \
		"$(jq -r 'select(.dst != "10.3.0.255") |
			[.dst, .ttl, .attempt] | @csv' "$RESULTS" |
			sort -u | wc -l)"
}

# The same trace by trace, each of which waits longer than it takes until the
# other MAC is known: what went to the old one is sent again.
test_mac_ladder()
{
	at r1 sysctl -qw net.ipv4.neigh.r2.base_reachable_time_ms=2000
	ip -n "$LAB-r1" neigh flush dev r2
	begin 12 -S ladder --active 16 --cooldown 10
	ip -n "$LAB-r2" link set r1 address 02:00:00:00:00:78
	says "ladder: the next hop has another MAC" '02:00:00:00:00:78'
	wait "$PID"
	same "ladder, another MAC: ends well" 0 $?
	same "ladder, another MAC: every hop is there" $((255 * 2 * 10)) \
		"$(jq -r 'select(.dst != "10.3.0.255") | .dst as $dst |
			.hops[] | select(.addr) |
			[$dst, .probe_ttl, .probe_id] | @csv' "$RESULTS" |
			sort -u | wc -l)"
}

test_gone()
{
	local -i lines

	begin 20
	ip -n "$LAB-r1" link del r2
	wait_for 10 is_gone "$PID"
	wait "$PID"
	same "the interface is gone: it fails" 1 $?
	same "the interface is gone: one line says so" 1 \
		"$(grep -c 'whither: .*r2.*gone' "$LAB_DIR/beside.log")"
	lines=$(wc -l <"$RESULTS")
	same "the interface is gone: every result is whole" "$lines" \
		"$(jq -c . "$RESULTS" | wc -l)"
	check "the interface is gone: there are results" test $lines -gt 0
}

lab_up
RESULTS=$LAB_DIR/results.jsonl
TX=auto
test_carrier
test_down
test_mac
test_mac_ladder
test_gone
lab_end
