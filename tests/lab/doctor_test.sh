#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# doctor_test: what doctor says of hosts made for it. Each is a network
# namespace of its own that ends with the process in it.
# shellcheck disable=SC2317,SC2329 # called by check
set -u

WHITHER=${WHITHER:-${O:-build}/whither}
failed=0

skip()
{
	echo "SKIP $*"
	[ "${CI:-}" = true ] && exit 1
	exit 77
}

check() # NAME COMMAND...
{
	local name=$1

	shift
	if "$@"; then
		echo "ok   $name"
	else
		echo "FAIL $name: $*"
		sed 's/^/     /' "$dir/out" "$dir/err"
		failed=1
	fi
}

# Runs doctor behind `pre` in a fresh namespace that `setup` has furnished.
doctor() # SETUP PRE ARGUMENT...; sets status
{
	local setup=$1 pre=$2

	shift 2
	# shellcheck disable=SC2016 # for the inner shell
	unshare -n sh -c "$setup"' && pre=$1 && shift && exec $pre "$@"' sh \
		"$pre" "$dir/whither" doctor "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}

is() # WANTED FOUND
{
	[ "$1" = "$2" ]
}

says() # NAME LEVEL [PATTERN]: that line of the table
{
	grep -E "^  $1 " "$dir/out" | grep -qE "${3:-} *$2\$"
}

[ "$(id -u)" = 0 ] || skip "network namespaces need root"
for need in ip jq setpriv prlimit; do
	command -v $need >/dev/null || skip "$need is not installed"
done
[ -x "$WHITHER" ] || skip "$WHITHER is not built"
unshare -n true 2>/dev/null || skip "network namespaces cannot be had here"

dir=$(mktemp -d /tmp/whither-doctor.XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir" # so that nobody may run it
cp "$WHITHER" "$dir/whither"

pair='ip link add near type veth peer name far &&
	ip link set lo up && ip link set near up && ip link set far up &&
	ip addr add 10.77.0.1/24 dev near &&
	ip route add default via 10.77.0.2'

doctor "$pair" "" -i near
check "a host that can: exit 0" is 0 $status
check "the driver" says driver ok "veth; .*"
check "the link" says link ok "up, with carrier"
check "the next hop" says "next hop IPv4" ok "10.77.0.2: .*"
check "a family without a gateway" says "next hop IPv6" warn "no gateway"
check "the source ports" says "source ports" ok "61440..65535 .*"
check "no line beyond 80 columns" is "" "$(awk 'length > 80' "$dir/out")"
check "nothing on standard error" is "" "$(cat "$dir/err")"

doctor "$pair" "" --json
check "JSON: one valid object" is 1 "$(jq -s length "$dir/out")"
check "JSON: all interfaces" is "far near" \
	"$(jq -r '[.interfaces[].name] | sort | join(" ")' "$dir/out")"
check "JSON: advice wherever it is not well" is 0 \
	"$(jq '[.. | objects | select(.level? and .level != "ok") |
		select((.advice // "") == "")] | length' "$dir/out")"

doctor "$pair" "setpriv --reuid 65534 --regid 65534 --clear-groups" -i near
check "no privilege: exit 1" is 1 $status
check "no privilege: named" says capabilities FAIL ".*CAP_NET_RAW.*"

doctor "$pair" "prlimit --nofile=500:1000" -i near
check "few files: exit 0" is 0 $status
check "few files: fewer ports" says "source ports" warn "65024..65535 .*"

doctor "$pair && ip link set far down" "" -i near
check "no carrier: exit 1" is 1 $status
check "no carrier: named" says link warn "up, without carrier"

doctor "ip link add near type veth peer name far" "" -i near
check "down: advice has the name" grep -q 'ip link set near up' "$dir/out"

doctor true ""
check "no interface: exit 1" is 1 $status
doctor true "" -i nosuch
check "no such interface: exit 1" is 1 $status
check "no such interface: named" grep -q nosuch "$dir/err"
doctor true "" --frobnicate
check "wrong usage: exit 2" is 2 $status
exit $failed
