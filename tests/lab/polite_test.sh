#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# polite_test: over the simulated Internet, a budget for each destination
# prefix, or each router, is kept, and nothing left out for it; routers that
# limit their errors are told from loss and silence.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

TOOLS=${O:-build}/tools
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for tool in "$TOOLS/simnet" "$TOOLS/truth" "$WHITHER"; do
	[ -x "$tool" ] || skip "$tool is not built"
done

# The most probes to one /24 whose answers show that they left within a
# second of each other.
most_in_a_second()
{
	jq -r '"\(.dst) \(.tx.sec * 1000000 + .tx.usec)"' "$TMP/rows.jsonl" |
		sort -k 1,1 -k 2,2n | awk '
		$1 != dst { dst = $1; first = n = 0 }
		{
			at[n++] = $2
			while (at[first] <= $2 - 1000000) first++
			if (n - first > most) most = n - first
		}
		END { print most }'
}

test_prefix_rate() # WORKERS
{
	timeout -k 2 60 "$TOOLS/simnet" -q --queues 2 -- "$WHITHER" sweep \
		--quiet --per-prefix 24 --seed 11 -r 0 --cooldown 0.5 \
		--prefix-rate 20 --workers "$1" -o "csv:$TMP/rows.csv" \
		-o "jsonl:$TMP/rows.jsonl" --metadata "$TMP/ledger.json" \
		20.0.0.0/16 2>"$TMP/err"
	same "$1 workers: ends well" 0 $?
	check "$1 workers: the truth, whole" "$TOOLS/truth" --per-prefix 24 \
		--seed 11 --compare "$TMP/rows.csv" 20.0.0.0/16
	# 20, and what a tenth of a second's worth, or one, may do at once
	check "$1 workers: the budget is kept" test "$(most_in_a_second)" -le 23
	check "$1 workers: the ledger adds up" jq -e '.put_off > 1000 and
		.answered == 8192 and .made == .sent and
		.sent == 8192 + .lost_here' \
		"$TMP/ledger.json"
	say "most within a second: $(most_in_a_second); $(jq -r \
		'"\(.put_off) put off, \(.sending_ns / 1e6 | floor) ms"' \
		"$TMP/ledger.json")"
}

# The most probes that one router answered and that left within a second of
# each other, after the first second.
most_of_a_router()
{
	jq -r 'select(.addr != .dst) |
		"\(.addr) \(.tx.sec * 1000000 + .tx.usec)"' \
		"$TMP/rows.jsonl" | sort -k 2,2n |
		awk 'NR == 1 { start = $2 } $2 >= start + 1000000' |
		sort -k 1,1 -k 2,2n | awk '
		$1 != router { router = $1; first = n = 0 }
		{
			at[n++] = $2
			while (at[first] <= $2 - 1000000) first++
			if (n - first > most) most = n - first
		}
		END { print most }'
}

test_router_rate() # WORKERS METHOD
{
	local most

	timeout -k 2 60 "$TOOLS/simnet" -q --queues 2 -- "$WHITHER" sweep \
		--quiet --per-prefix 24 --seed 11 -r 0 --cooldown 0.5 -P "$2" \
		--router-rate 200 --workers "$1" -o "csv:$TMP/rows.csv" \
		-o "jsonl:$TMP/rows.jsonl" --metadata "$TMP/ledger.json" \
		20.0.0.0/14 2>"$TMP/err"
	same "$1 workers, $2: ends well" 0 $?
	check "$1 workers, $2: the truth, whole" "$TOOLS/truth" --per-prefix 24 \
		--seed 11 --compare "$TMP/rows.csv" 20.0.0.0/14
	# 200, a tenth of a second's worth, and a tenth for what was foreseen
	# wrong
	most=$(most_of_a_router)
	check "$1 workers, $2: routers are not asked too often" \
		test "$most" -le 240
	check "$1 workers, $2: the ledger adds up" jq -e '.put_off > 1000 and
		.answered == 32768 and .made == .sent and
		.sent == 32768 + .lost_here' \
		"$TMP/ledger.json"
	say "most of a router within a second: $most; $(jq -r \
		'"\(.put_off) put off, \(.sending_ns / 1e6 | floor) ms"' \
		"$TMP/ledger.json")"
}

# How many routers limit their errors, they say.
limited() # "SIMNET OPTIONS" SWEEP ARGUMENT...
{
	local net=$1

	shift
	# shellcheck disable=SC2086 # several options
	timeout -k 2 60 "$TOOLS/simnet" -q $net -- "$WHITHER" sweep --quiet \
		--per-prefix 24 --seed 5 -r 20000 --cooldown 0.5 \
		-o "csv:$TMP/rows.csv" --metadata "$TMP/ledger.json" "$@" \
		2>"$TMP/err"
	jq .rate_limited "$TMP/ledger.json"
}

test_limits()
{
	local said

	said=$(limited "--rate 50" 20.0.0.0/12)
	check "routers that limit their errors are found: $said" test "$said" -ge 5
	check "at the rate that is theirs" jq -e '.rate_limited_routers |
		all(.per_second > 45 and .per_second < 55)' "$TMP/ledger.json"
	same "half of all lost: nobody is accused" 0 \
		"$(limited "--loss 500 --silent 100" 20.0.0.0/12)"
	same "every router answers all: nobody is accused" 0 \
		"$(limited "" 20.0.0.0/12)"
	same "one router, asked regularly: nobody is accused" 0 \
		"$(limited "" -m 1 20.0.0.0/10)"
}

test_limits
test_prefix_rate 1
test_prefix_rate 2
test_router_rate 1 udp
test_router_rate 2 icmp
lab_end
