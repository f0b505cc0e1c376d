# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# lib: the words in which the tests here are written. The routers that they
# are about are in routers.sh.
#
# A test sources this file, calls lab_up, checks, and ends with lab_end. The
# namespaces are gone, and all that was begun in them, on any exit. Nothing
# outside of them is touched.

WHITHER=${WHITHER:-${O:-build}/whither}
LAB=whither-lab-$$
LAB_DIR=
declare -a LAB_PIDS=()
declare -i LAB_PASSED=0 LAB_FAILED=0

# shellcheck source=tests/lab/routers.sh
. "$(dirname "${BASH_SOURCE[0]}")/routers.sh"

# --- verdicts ---

skip() # WHY: this test cannot run here
{
	echo "SKIP $*"
	[ "${CI:-}" = true ] && exit 1
	exit 77
}

ok() # NAME
{
	echo "ok   $*"
	LAB_PASSED+=1
}

fail() # NAME [DETAIL]: detail is indented below the line
{
	echo "FAIL $1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | sed 's/^/     /'
	LAB_FAILED+=1
}

check() # NAME COMMAND...: the command must succeed
{
	local name=$1 said

	shift
	if said=$("$@" 2>&1); then
		ok "$name"
	else
		fail "$name" "$* (exit $?)${said:+
$said}"
	fi
}

same() # NAME WANTED FOUND: two texts must be equal
{
	local what

	if what=$(diff -u --label wanted --label found \
		<(printf '%s\n' "$2") <(printf '%s\n' "$3")); then
		ok "$1"
	else
		fail "$1" "$what"
	fi
}

ledger() # JQ FILTER: true of the run's ledger, ledger.json in TMP?
{
	jq -e "$1" "$TMP/ledger.json" >"$TMP/ledger.said" ||
		! jq . "$TMP/ledger.json"
}

say() # figures: printed, not judged
{
	printf '     %s\n' "$*"
}

# --- running things ---

at() # ROUTER COMMAND...
{
	local ns=$LAB-$1

	shift
	ip netns exec "$ns" "$@"
}

# The prober, on r1. Sets out, err and status; 30 seconds are a hang.
# shellcheck disable=SC2034 # for the tests
whither()
{
	out=$(at r1 timeout -k 2 30 "$WHITHER" "$@" 2>"$LAB_DIR/err")
	status=$?
	err=$(<"$LAB_DIR/err")
}

# The peer that it is compared with. Sets out and status.
# shellcheck disable=SC2034
kernel_trace()
{
	out=$(at r1 traceroute "$@" 2>&1)
	status=$?
}

# Runs beside the test, is ended with it; PID is its process.
beside() # ROUTER COMMAND...
{
	ip netns exec "$LAB-$1" "${@:2}" >>"$LAB_DIR/beside.log" 2>&1 &
	PID=$!
	LAB_PIDS+=("$PID")
}

wait_for() # SECONDS COMMAND...: until it succeeds
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

is_gone() # PID
{
	! kill -0 "$1"
}

end_process() # PID [SIGNAL]: returns its exit status
{
	kill "-${2:-TERM}" "$1"
	wait_for 10 is_gone "$1" || kill -KILL "$1"
	wait "$1"
} 2>/dev/null # the shell's obituary

# A capture of what passes an interface, from when this returns on.
capture() # ROUTER INTERFACE FILE [TCPDUMP ARGUMENT...]; sets PID
{
	local log=$3.log

	ip netns exec "$LAB-$1" tcpdump -i "$2" -w "$3" -U --immediate-mode -B 16384 \
		--time-stamp-precision=nano -Z root "${@:4}" \
		>"$log" 2>&1 &
	PID=$!
	LAB_PIDS+=("$PID")
	wait_for 5 grep -q 'listening on' "$log"
}

# Refusal: one line that matches, exit status 1 or 2, no results.
refused() # NAME PATTERN ARGUMENT...
{
	local name=$1 pattern=$2

	shift 2
	whither "$@"
	judge_refusal "$name" "$pattern"
}

judge_refusal() # NAME PATTERN: of what is in out, err and status
{
	# the first line of a trace is not a result
	[[ $out == *$'\n'* ]] || out=${out##traceroute to *}
	if [ "$status" != 1 ] && [ "$status" != 2 ]; then
		fail "$1" "exit status $status, not 1 or 2; said: $err"
	elif [ -n "$out" ]; then
		fail "$1" "standard output: $out"
	elif [ "$(wc -l <"$LAB_DIR/err")" != 1 ]; then
		fail "$1" "not one line on standard error:
$err"
	elif ! grep -qiE -- "$2" <<<"$err"; then
		fail "$1" "does not match /$2/: $err"
	else
		ok "$1"
	fi
}

# The hops of a trace: TTL and who answered, as often as printed; * alone for
# a hop where nobody did. Times and marks are left out.
hops() # TEXT
{
	sed 1d <<<"$1" | awk '$1 ~ /^[0-9]+$/ {
		who = ""
		for (i = 2; i <= NF; i++)
			if ($(i + 1) != "ms" && $i ~ /^[0-9a-f]+[.:][0-9a-f.:]+$/)
				who = who " " $i
		print $1 (who == "" ? " *" : who) }'
}

# A trace that must find the far end, its hops and nothing to complain about.
reaches() # NAME HOPS ARGUMENT...
{
	local name=$1 wanted=$2

	shift 2
	whither "$@"
	same "$name" "$wanted
exit 0" "$(hops "$out")
exit $status"
	[ -z "$err" ] || fail "$name: standard error is empty" "$err"
}

lab_end() # the last line of a test
{
	echo "$(basename "$0"): $LAB_PASSED ok, $LAB_FAILED failed"
	[ $LAB_FAILED = 0 ] && [ $LAB_PASSED -gt 0 ]
	exit
}
