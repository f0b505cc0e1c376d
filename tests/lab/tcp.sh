# shellcheck shell=bash disable=SC2034,SC2154 # for and of the tests
# SPDX-License-Identifier: BSD-2-Clause
# tcp: what tests of TCP share: a server at the end of the lab, what is heard
# of a trace on its way there, and sweeps of the simulated Internet.

FAR4=10.3.0.4
FAR6=2001:db8:3::4
OPEN='<syn,ack,MSS:1460,SACK,TS,WS:[0-9]+>'
OPEN6='<syn,ack,MSS:1440,SACK,TS,WS:[0-9]+>'
TOOLS=${O:-build}/tools

# nginx on r4, port 80 of both families; its files are the lab's.
serve()
{
	command -v nginx >/dev/null || skip "nginx is not installed"
	mkdir "$LAB_DIR/nginx"
	cat >"$LAB_DIR/nginx/conf" <<-END
	daemon off;
	master_process off;
	pid $LAB_DIR/nginx/pid;
	error_log $LAB_DIR/nginx/error.log;
	events { }
	http {
		access_log $LAB_DIR/nginx/access.log;
		client_body_temp_path $LAB_DIR/nginx/body;
		proxy_temp_path $LAB_DIR/nginx/proxy;
		fastcgi_temp_path $LAB_DIR/nginx/fastcgi;
		uwsgi_temp_path $LAB_DIR/nginx/uwsgi;
		scgi_temp_path $LAB_DIR/nginx/scgi;
		server {
			listen 0.0.0.0:80;
			listen [::]:80 ipv6only=on;
			return 204;
		}
	}
	END
	beside r4 nginx -c "$LAB_DIR/nginx/conf" -e "$LAB_DIR/nginx/error.log"
	wait_for 10 listens || { echo "FAIL nginx"; exit 1; }
}

listens()
{
	at r4 ss -Htln | grep -q '0.0.0.0:80' &&
		at r4 ss -Htln | grep -q '\[::\]:80'
}

# The last hop's line of `out`.
end_of_trace()
{
	grep -E '^ *[0-9]+ ' <<<"$out" | tail -n 1
}

# A trace finds all hops, each time, and the last says of itself what matches.
finds() # NAME HOPS PATTERN ARGUMENT...
{
	local name=$1 wanted=$2 pattern=$3

	shift 3
	reaches "$name: every hop, once, in order" "$wanted" "$@"
	if [ "$(end_of_trace | grep -cE -- "$pattern")" = 1 ]; then
		ok "$name: $pattern"
	else
		fail "$name: $pattern" "$(end_of_trace)"
	fi
	same "$name: no probe is unanswered" "" "$(grep -o '\*' <<<"$out")"
}

# What r2 hears of TCP from r1 during a trace: packets in the words of tshark's
# display filter.
listen() # ARGUMENT...
{
	HEARD=$LAB_DIR/heard.pcap
	capture r2 r1 "$HEARD" tcp
	whither "$@"
	sleep 0.2
	end_process "$PID"
}

heard() # FILTER: how many
{
	tshark -n -r "$HEARD" -Y "$1" 2>/dev/null | wc -l
}

FROM="(ip.src == 10.1.0.1 || ipv6.src == 2001:db8:1::1)"
SYN="tcp.flags.syn == 1 && tcp.flags.ack == 0"
SYN_ACK="tcp.flags.syn == 1 && tcp.flags.ack == 1"
RST="tcp.flags.reset == 1"

# Probes of 5,120 targets, or of SCALE_NETS, into the simulated Internet; OutRsts
# counts what the host's own stack sent.
at_scale() # NAME "SIMNET OPTIONS" FILTER SWEEP ARGUMENT...
{
	local name=$1 net=$2 filter=$3 dir=$LAB_DIR/scale
	local nets=${SCALE_NETS:-20.0.0.0/12 2600:1000::/38}

	shift 3
	rm -rf "$dir"
	mkdir "$dir"
	# shellcheck disable=SC2016,SC2086 # the inner shell's; several targets, options
	timeout -k 2 100 "$TOOLS/simnet" -q $net -- bash -c '
		"$@"; nstat -az TcpOutRsts >'"$dir/rsts" - "$WHITHER" sweep \
		--per-prefix 24 --seed 11 --quiet --cooldown 1 \
		-o "csv:$dir/rows.csv" --metadata "$dir/ledger" "$@" $nets \
		2>"$dir/err"
	# shellcheck disable=SC2086
	check "$name: the truth, whole" "$TOOLS/truth" --per-prefix 24 \
		--seed 11 --compare "$dir/rows.csv" $nets
	check "$name: the ledger" jq -e "$filter and
		.made == .sent + .excluded + .over_rate + .failed and
		.sent == .answered + .abandoned + .unanswered + .lost_here" \
		"$dir/ledger"
	same "$name: the host's stack sent no RST" 0 \
		"$(awk '$1 == "TcpOutRsts" { print $2 }' "$dir/rsts")"
}

# What was written as t.jsonl and t.text of a trace is the same from t.jsonl.
converts() # NAME
{
	"$WHITHER" convert "$LAB_DIR/t.jsonl" -o "text:$LAB_DIR/u.text" \
		-o "jsonl:$LAB_DIR/u.jsonl"
	same "$1: the same text" "$(sed 1d "$LAB_DIR/t.text")" \
		"$(sed 1d "$LAB_DIR/u.text")"
	same "$1: the same JSON" "$(<"$LAB_DIR/t.jsonl")" \
		"$(<"$LAB_DIR/u.jsonl")"
}
