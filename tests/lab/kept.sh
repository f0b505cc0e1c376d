# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# kept: the words in which tests of kept runs are written, beside lib.sh: over
# the simulated Internet, killed, taken up again, refused. A test sets TMP, and
# DIR, the directory of its run.

TOOLS=${O:-build}/tools

kept_needs() # skips unless it is there
{
	[ "$(id -u)" = 0 ] || skip "network namespaces need root"
	for tool in "$TOOLS/simnet" "$TOOLS/truth" "$WHITHER"; do
		[ -x "$tool" ] || skip "$tool is not built"
	done
	WHITHER=$(realpath "$WHITHER")
}

simnet() # [OPTION...] -- COMMAND...
{
	timeout -k 2 90 "$TOOLS/simnet" -q "$@"
}

# Begins a run and kills it at random moments, up to LONGEST ms after its
# start, KILLS times in all; then lets it end. Prints how often it was killed.
killed() # SEED KILLS LONGEST DIR SWEEP ARGUMENT...
{
	local kills=$2 longest=$3 dir=$4 n=0 status=137 pid
	local -a how

	RANDOM=$1
	shift 4
	while [ "$status" = 137 ]; do
		how=(--resume "$dir")
		[ -e "$dir/meta.json" ] || how=(--run "$dir" "$@")
		"$WHITHER" sweep --quiet "${how[@]}" 2>>"$dir.err" &
		pid=$!
		if [ "$n" -lt "$kills" ]; then
			sleep "$(printf '0.%03d' $((RANDOM % longest + 20)))"
			kill -9 "$pid" && n=$((n + 1))
		fi
		wait "$pid"
		status=$?
	done 2>/dev/null
	echo "$n"
	return "$status"
}

# The same, in namespaces of its own.
kill_over() # "SIMNET OPTIONS" SEED KILLS LONGEST DIR SWEEP ARGUMENT...
{
	local net=$1

	shift
	export -f killed
	export WHITHER
	# shellcheck disable=SC2086,SC2016 # several options; not here
	simnet $net -- bash -c 'killed "$@"' killed "$@"
}

# Sets status, and err.
sweep() # SWEEP ARGUMENT...
{
	err=$("$WHITHER" sweep --quiet "$@" 2>&1 >/dev/null)
	status=$?
}

# One line that matches; exit status 1.
refused() # NAME PATTERN SWEEP ARGUMENT...
{
	local name=$1 pattern=$2

	shift 2
	sweep "$@"
	if [ "$status" = 1 ] && [ "$(wc -l <<<"$err")" = 1 ] &&
		grep -q -- "$pattern" <<<"$err"; then
		ok "$name"
	else
		fail "$name" "exit $status: $err"
	fi
}
