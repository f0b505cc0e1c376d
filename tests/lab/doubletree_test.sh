#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# doubletree_test: sweeps that stop at known routers, over the simulated
# Internet: they find what there is, for two probes a router.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

TOOLS=${O:-build}/tools
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
SAMPLE=(--seed 11)

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for tool in "$TOOLS/simnet" "$TOOLS/truth" "$WHITHER"; do
	[ -x "$tool" ] || skip "$tool is not built"
done

# Runs a sweep inside; rows.csv and ledger.json are its results.
sweep() # "SIMNET OPTIONS" SWEEP ARGUMENT...
{
	local net=$1

	shift
	rm -f "$TMP/rows.csv" "$TMP/ledger.json"
	# shellcheck disable=SC2086 # several options
	timeout -k 2 60 "$TOOLS/simnet" -q $net -- "$WHITHER" sweep \
		-S doubletree --round-interval 0.01 --cooldown 1 "${SAMPLE[@]}" \
		--quiet -r 0 -o "csv:$TMP/rows.csv" \
		--metadata "$TMP/ledger.json" "$@" 2>"$TMP/err" ||
		{ fail "sweep $*" "$(<"$TMP/err")" && return 1; }
}

# What the rows say is true, and no interface is missing.
truth() # "SIMNET OPTIONS" TARGET...
{
	local net=$1

	shift
	# shellcheck disable=SC2086
	"$TOOLS/truth" $net "${SAMPLE[@]}" --compare "$TMP/rows.csv" "$@"
}

figures()
{
	say "$(jq -r '"\(.targets) targets, \(.sent) probes, " +
		"\(.interfaces) interfaces: \(.sent / .interfaces * 100 |
		floor / 100) each, in \(.sending_ns / 1e6 | floor) ms, by " +
		.tx' "$TMP/ledger.json")"
}

# Every answer once, every (target, TTL) once, but for what was lost here.
is_frugal() # PROBES_AN_INTERFACE
{
	ledger ".sent <= $1 * .interfaces and .unanswered == 0 and
		.sent == .answered + .lost_here and
		.duplicate == 0 and .written == .answered" &&
		! cut -d, -f4,7 "$TMP/rows.csv" | sort | uniq -d | grep .
}

test_lossless()
{
	SAMPLE=(--seed 11 --per-prefix 24)
	sweep "" 20.0.0.0/10 && figures
	check "16,384 targets: all interfaces, no other" truth "" 20.0.0.0/10
	check "at most 2.1 probes each, none twice" is_frugal 2.1
	sweep "" 16.0.0.0/7 && figures
	check "131,072 targets: all interfaces" truth "" 16.0.0.0/7
	check "at most 2.1 probes each, none twice" is_frugal 2.1
	SAMPLE=(--seed 11 --per-prefix 27)
	sweep "" 20.0.0.0/10 && figures
	check "131,072 targets in 16,384 /24s" truth "" 20.0.0.0/10
	check "each reached, and at most 2.5 probes for it" ledger \
		'.destinations == 131072 and .sent <= 2.5 * .targets'
}

test_families_and_methods()
{
	SAMPLE=(--seed 11 --per-prefix 24)
	sweep "" 2600:1000::/34 && figures
	check "IPv6" truth "" 2600:1000::/34
	check "at most 2.1 probes each, none twice" is_frugal 2.1
	sweep "" -P icmp 20.0.0.0/12 2600:1000::/38
	check "both families, by echo" truth "" 20.0.0.0/12 2600:1000::/38
}

test_waiting()
{
	SAMPLE=(--seed 11 --per-prefix 24)
	sweep "--delay 50-200" 20.0.0.0/13
	check "answers take longer than a round" truth "" 20.0.0.0/13
	check "nothing is given up for that" is_frugal 2.1
	sweep "--silent 100" 20.0.0.0/13
	check "silent routers: all others are found" \
		truth "--silent 100" 20.0.0.0/13
}

test_translated()
{
	SAMPLE=(--seed 11 --per-prefix 24)
	sweep "--public4 198.51.100.7" 20.0.0.0/13
	check "behind a translator" truth "" 20.0.0.0/13
	check "every error was rewritten" \
		ledger '.verdicts.rewritten == .answered'
}

test_refusals()
{
	local -i status=0

	"$WHITHER" sweep -S doubletree --round-interval 31 20.0.0.1 \
		>"$TMP/out" 2>&1 || status=$?
	same "a round of more than 30 s is refused" 2 "$status"
	status=0
	"$WHITHER" sweep -S doubletree --split 0 20.0.0.1 \
		>"$TMP/out" 2>&1 || status=$?
	same "a split of 0 is refused" 2 "$status"
}

test_lossless
test_families_and_methods
test_waiting
test_translated
test_refusals
lab_end
