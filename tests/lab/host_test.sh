#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# host_test: while a sweep runs as fast as it can, the host that it runs on
# notices nothing: its ping, its connections (with a narrower link on the way,
# so that they live from ICMP errors) and its traceroute, all through the same
# interface. And after the sweep nothing of it is left, however it ended.

LAB_MTU23=1300
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

VOID=10.128.0.0/9 # nobody there: TTL 1 and 2 are answered, the rest is lost

void_routes()
{
	ip -n "$LAB-r1" route add $VOID via 10.1.0.2
	ip -n "$LAB-r2" route add $VOID via 10.2.0.3
	ip -n "$LAB-r3" route add $VOID via 10.3.0.4
	ip -n "$LAB-r4" route add blackhole $VOID
}

xdp_id() # of what is attached to our interface; empty: nothing
{
	ip -n "$LAB-r1" -j link show dev r2 | jq -r '.[0].xdp.prog.id // empty'
}

has_xdp()
{
	[ -n "$(xdp_id)" ]
}

# Begins a sweep at full speed that does not end by itself; sets PID.
sweep_begin() # ARGUMENT...
{
	beside r1 "$WHITHER" sweep --no-contact -i r2 -r 0 --include-special \
		--per-prefix 30 -m 8 -q 4 -o csv:/dev/null "$@" $VOID
	wait_for 10 has_xdp || {
		fail "a sweep begins" "$(grep whither: "$LAB_DIR/beside.log")"
		lab_end
	}
}

tcp() # NAME VERSION ADDRESS: two megabytes, from a path not known yet
{
	local file=$LAB_DIR/tcp.out server

	rm -f "$file"
	ip -n "$LAB-r1" "-$2" route flush cache
	beside r4 socat -u "TCP$2-LISTEN:7000,reuseaddr" "CREATE:$file"
	server=$PID
	wait_for 5 grep -q ':1B58 .* 0A ' "/proc/$server/net/tcp" \
		"/proc/$server/net/tcp6"
	head -c 2000000 /dev/urandom >"$LAB_DIR/tcp.in"
	at r1 timeout 20 socat -u "OPEN:$LAB_DIR/tcp.in" "TCP$2:[$3]:7000" \
		2>>"$LAB_DIR/beside.log"
	wait_for 5 cmp -s "$LAB_DIR/tcp.in" "$file"
	end_process "$server"
	check "$1: 2 MB over TCP, IPv$2, arrive whole" \
		cmp "$LAB_DIR/tcp.in" "$file"
	check "$1: the path's MTU was learned, IPv$2" \
		grep -q 'mtu 1300' <<<"$(ip -n "$LAB-r1" route get "$3")"
}

# Frames that a full queue on some link of the lab has dropped so far.
dropped()
{
	local r

	for r in r1 r2 r3 r4; do
		ip -n "$LAB-$r" -s -j link show
	done | jq -s '[.[][].stats64 | .tx.dropped + .rx.dropped] | add'
}

# At full speed the link itself may drop what is sent beside the sweep. Then
# it has counted it, and more is not forgiven.
pings() # NAME COUNT ADDRESS
{
	local -i before received lost

	before=$(dropped)
	received=$(at r1 ping -q -c "$2" -i 0.01 -W 2 "$3" |
		sed -n 's/.* \([0-9]*\) received.*/\1/p')
	lost=$(($2 - received))
	if ((lost > 0 && lost <= $(dropped) - before)); then
		say "$1: the link dropped $lost pings, or their answers"
	fi
	check "$1: $2 pings to $3 are answered" \
		test $lost -le $(($(dropped) - before))
}

host_lives() # NAME
{
	pings "$1" 100 10.3.0.4
	pings "$1" 50 2001:db8:3::4
	tcp "$1" 4 10.3.0.4
	tcp "$1" 6 2001:db8:3::4
	kernel_trace -n -w 5 10.3.0.4
	same "$1: traceroute, UDP" "$HOPS4" "$(hops "$out")"
	kernel_trace -n -w 5 -I 10.3.0.4
	same "$1: traceroute, ICMP" "$HOPS4" "$(hops "$out")"
}

ledger() # NAME CONDITION: of the run's metadata, in jq's words
{
	if [ "$(jq "$2" "$LAB_DIR/meta.json")" = true ]; then
		ok "$1"
	else
		fail "$1" "$2
$(cat "$LAB_DIR/meta.json")"
	fi
}

test_sweep_beside() # BACKEND
{
	local pid

	sweep_begin --tx "$1" --metadata "$LAB_DIR/meta.json"
	pid=$PID
	host_lives "beside a sweep by $1"
	check "the sweep was running all the time" has_xdp
	end_process "$pid"
	same "interrupted, it says so by its exit status" 130 $?
	same "interrupted, it leaves no program" "" "$(xdp_id)"
	grep -A 1 '^  probes' "$LAB_DIR/beside.log" | tail -2
	ledger "the ledger: replies were taken" '.received > 1000'
	ledger "the ledger: all that was taken is ours" \
		'.matched == .received and .unknown == 0 and
		.verdicts.rewritten == 0 and .verdicts.forged == 0'
	ledger "the ledger: all that was taken is accounted for" \
		'.verdicts.exact == .received + .ring_full + .fill_empty +
		.dropped'
	ledger "the ledger: the host's own errors were seen, and passed on" \
		'.verdicts.foreign > 2'
	ledger "the ledger: what was sent adds up" \
		'.made == .sent + .excluded + .over_rate + .failed and
		.sent == .answered + .unanswered + .lost_here'
}

# Stopped, it tends its rings no more: the host must not notice that either.
test_stopped()
{
	local pid

	sweep_begin --metadata "$LAB_DIR/meta.json"
	pid=$PID
	kill -STOP "$pid"
	sleep 2.5
	host_lives "beside a stopped sweep"
	kill -CONT "$pid"
	sleep 0.5
	end_process "$pid"
	same "stopped and continued: interrupted as ever" 130 $?
}

test_kill()
{
	local -i i polls most=0

	for i in 1 2 3 4 5; do
		sweep_begin
		sleep "0.$((RANDOM % 5))"
		end_process "$PID" KILL
		for ((polls = 0; polls < 20; polls++)); do
			has_xdp || break
			sleep 0.01
		done
		((polls <= most)) || most=polls
	done
	if has_xdp; then
		fail "killed, it leaves no program within 200 ms"
	else
		ok "killed, it leaves no program (at most $most polls of 10 ms)"
	fi
	check "killed, it leaves no process" \
		test -z "$(ip netns pids "$LAB-r1" | xargs -r ps -o comm= -p |
			grep whither)"
}

# Somebody else's program is on the interface.
test_guard()
{
	local mode id object=$LAB_DIR/guard.o

	clang -O2 -target bpf -c -x c -o "$object" - <<-END || return
	__attribute__((section("xdp"))) int lab_guard(void *frame)
	{
		return 2; /* XDP_PASS */
	}
	char terms[] __attribute__((section("license"))) = "GPL";
	END
	for mode in xdpdrv xdpgeneric; do
		at r1 ip link set dev r2 $mode obj "$object" sec xdp
		id=$(xdp_id)
		refused "another program ($mode): refused, and named" lab_guard \
			sweep -i r2 --include-special -o csv:- 10.3.0.4/32
		same "another program ($mode): still there" "$id" "$(xdp_id)"
		at r1 ip link set dev r2 $mode off
	done
}

lab_up
void_routes
host_lives "alone"
for tx in live xsk packet; do
	test_sweep_beside $tx
done
test_stopped
test_kill
test_guard
lab_end
