# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: BSD-2-Clause
# quic: real servers of QUIC at the end of the lab, two implementations that
# share nothing, and what they say of their clients.
#
#   r4, both families   port 443   ngtcp2: v1, counts ECN marks
#                       port 444   ngtcp2, which asks for a Retry first
#                       port 445   ngtcp2 that offers v2 alone, and takes v1
#                       port 446   quic-go (caddy): v1; no ECN
#
# Their certificate is for QUIC_NAME; a client that names nobody gets it too.
# Debian 12 has no server of RFC 9369, but ngtcp2 of its last draft, which
# differs in numbers alone: quic_v2.py gives a copy the RFC's.

QUIC_NAME=quic.test
QUIC_PORT=443
QUIC_PORT_RETRY=444
QUIC_PORT_V2=445
QUIC_PORT_GO=446

quic_certificate() # writes quic/key and quic/cert
{
	mkdir -p "$LAB_DIR/quic/empty"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$LAB_DIR/quic/key" -out "$LAB_DIR/quic/cert" -days 2 \
		-subj "/CN=$QUIC_NAME" -addext "subjectAltName=DNS:$QUIC_NAME" \
		2>"$LAB_DIR/quic/openssl.log"
}

# gtlsserver speaks on its standard streams: what clients do is in quic/NAME.
serve_ngtcp2() # NAME PORT [OPTION...]
{
	local name=$1 port=$2 dir=$LAB_DIR/quic

	shift 2
	beside r4 env ${NGTCP2:+"LD_LIBRARY_PATH=$NGTCP2"} \
		stdbuf -oL -eL bash -c 'exec >"$0" 2>&1; exec "$@"' \
		"$dir/$name" "${NGTCP2:+$NGTCP2/}gtlsserver" -d "$dir/empty" \
		"$@" '*' "$port" "$dir/key" "$dir/cert"
}

serve_ngtcp2_v2()
{
	local NGTCP2=$LAB_DIR/quic/v2

	mkdir "$NGTCP2"
	python3 "$(dirname "${BASH_SOURCE[0]}")/quic_v2.py" "$NGTCP2" ||
		skip "this ngtcp2 is not the one whose draft we know"
	serve_ngtcp2 ngtcp2.v2 $QUIC_PORT_V2 --preferred-versions=v2draft
}

# quic-go logs to quic/go, if it is told to by its environment.
serve_caddy()
{
	local dir=$LAB_DIR/quic

	cat >"$dir/Caddyfile" <<-END
	{
		admin off
		auto_https disable_redirects
		default_sni $QUIC_NAME
		storage file_system $dir/caddy
		log {
			level ERROR
		}
	}
	https://$QUIC_NAME:$QUIC_PORT_GO {
		tls $dir/cert $dir/key
		respond 204
	}
	END
	beside r4 env HOME="$dir" XDG_CONFIG_HOME="$dir" \
		QUIC_GO_LOG_LEVEL=debug bash -c 'exec >"$0" 2>&1; exec "$@"' \
		"$dir/go" caddy run --config "$dir/Caddyfile" \
		--adapter caddyfile
}

# All four, and ready.
serve_quic()
{
	local what

	for what in openssl gtlsserver caddy; do
		command -v $what >/dev/null || skip "$what is not installed"
	done
	quic_certificate
	serve_ngtcp2 ngtcp2 $QUIC_PORT
	serve_ngtcp2 ngtcp2.retry $QUIC_PORT_RETRY -V
	serve_ngtcp2_v2
	serve_caddy
	wait_for 10 quic_listens || {
		echo "FAIL servers of QUIC"
		tail -n 5 "$LAB_DIR"/quic/ngtcp2* "$LAB_DIR/quic/go"
		exit 1
	}
}

quic_listens()
{
	local port

	# ngtcp2 has a socket for each family, quic-go one for both
	for port in $QUIC_PORT $QUIC_PORT_RETRY $QUIC_PORT_V2; do
		[ "$(at r4 ss -Hlun "sport = :$port" | wc -l)" = 2 ] ||
			return 1
	done
	[ -n "$(at r4 ss -Hlun "sport = :$QUIC_PORT_GO")" ]
}

# Connections that began, and that their client closed, since a server's
# start: NAME is ngtcp2, ngtcp2.retry, ngtcp2.v2 or go.
quic_begun() # NAME
{
	case $1 in
	go) grep -c 'server Received ClientHello message' ;;
	*) grep -c 'con the negotiated version is' ;;
	esac <"$LAB_DIR/quic/$1"
}

quic_closed() # NAME: with NO_ERROR
{
	case $1 in
	go) grep -c 'Peer closed connection with error: NO_ERROR' ;;
	*) grep -c 'frm rx .* CONNECTION_CLOSE(0x1c) error_code=NO_ERROR' ;;
	esac <"$LAB_DIR/quic/$1"
}
