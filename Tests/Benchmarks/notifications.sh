# shellcheck shell=bash
# Rows of the notification service: the whole way from the broker, or from a commit, to sockets, beside nchan and
# nats-server, which are given their messages directly. Sourced by bench.sh. PEERS names a folder with wsload.c, nchan.conf
# and wsconform.py; without one these rows are skipped. The peers' programs are taken out of Debian's packages.

find_fanout() {
    local folder
    peers=${PEERS:-$(printf '%s\n' "$root"/../*/peers | head -n 1)}
    fanout=$home/fanout nchan= nats=
    mkdir -p "$fanout"
    ulimit -n "$(ulimit -Hn)"
    [ -r "$wsload_source" ] && command -v gcc >/dev/null || return 1
    gcc -O2 -pthread -o "$home/wsload" "$wsload_source"
    command -v apt-get >/dev/null || return 0
    (
        cd "$fanout" && apt-get -q download nats-server && apt-get -q download libnginx-mod-nchan
        for folder in *.deb; do dpkg -x "$folder" .; done
    ) >/dev/null 2>&1 || true
    [ ! -x "$fanout/usr/sbin/nats-server" ] || nats=$fanout/usr/sbin/nats-server
    if [ -n "$nginx" ] && [ -r "$peers/nchan.conf" ] && [ -r "$fanout/usr/lib/nginx/modules/ngx_nchan_module.so" ]; then
        nchan=$fanout/usr/lib/nginx/modules/ngx_nchan_module.so
    fi
}

# Each starts a server of its own for one run of wsload, and sets `load` to how it is spoken to and `loaded` to its process.
start_ours() {
    fan_port=$(free_port)
    (
        while IFS='=' read -r key value; do export "$key=$value"; done <"$home/env"
        export PORT=$fan_port MAX_CONNECTIONS=100000 MAX_CONNECTIONS_PER_ADDRESS=100000 LOG_LEVEL=warning
        exec "$binaries/notification-service" >/dev/null 2>>"$home/fanout.log"
    ) &
    loaded=$!
    children+=("$loaded")
    wait_for_port "$fan_port"
    # It has begun to follow the log when it is ready.
    until grep -q ' 200 ' <<<"$(head -n 1 < <(exec 3<>"/dev/tcp/127.0.0.1/$fan_port" &&
        printf 'GET /ready HTTP/1.0\r\nHost: h\r\n\r\n' >&3 && cat <&3))"; do sleep 0.1; done
    sleep 1
    pids=$loaded
    load=(-u /ws -H 'Authorization: Bearer dev-token\r\n' -A '"subscribed"'
        -s '{"type":"subscribe","snapshot":false,"contexts":["queue:{ch}"]}'
        -X "env DATABASE_URL='$database' BROKER_URL='$broker' '$binaries/ServiceLoad' ${source_of_events:-publish}")
}
start_nchan() {
    fan_port=$(free_port)
    mkdir -p "$fanout/nchan"
    chmod 755 "$home" "$fanout" "$fanout/nchan"
    sed "s/18080/$fan_port/; s/worker_processes 2;/& user $(id -un);/" "$peers/nchan.conf" >"$fanout/nchan/conf"
    "$nginx" -p "$fanout/nchan" -c "$fanout/nchan/conf" -e "$fanout/nchan/log" -g "load_module $nchan;" 2>/dev/null &
    loaded=$!
    children+=("$loaded")
    wait_for_port "$fan_port"
    sleep 1
    pids=$loaded$(pgrep -P "$loaded" | sed 's/^/,/' | tr -d '\n')
    load=(-u '/sub/{ch}' -U '/pub/{ch}')
}
start_nats() {
    local control
    control=$(free_port) fan_port=$(free_port)
    printf 'listen: 127.0.0.1:%s\nmax_connections: 20000\nwrite_deadline: "10s"\nwebsocket { listen: "127.0.0.1:%s", no_tls: true }\n' \
        "$control" "$fan_port" >"$fanout/nats.conf"
    "$nats" -c "$fanout/nats.conf" >/dev/null 2>&1 &
    loaded=$!
    children+=("$loaded")
    wait_for_port "$fan_port"
    sleep 1
    pids=$loaded
    local hello='CONNECT {"verbose":false,"pedantic":false}\r\n'
    load=(-u / -2 -s "${hello}SUB {ch} 1\\r\\nPING\\r\\n" -A PONG -y "$hello" -w 'PUB {ch} {len}\r\n{payload}\r\n')
}

# fan NAME ARGUMENTS…: what wsload says of one run against a fresh server; `lost` in front when messages were lost.
fan() {
    local name=$1 line
    shift
    "start_$name"
    if ! line=$("$home/wsload" -p "$fan_port" "${load[@]}" -x "$pids" -b "${payload:-256}" -t 2 -e 5 "$@" 2>/dev/null); then
        line="lost $line"
    fi
    end_child "$loaded"
    printf '%s' "$line"
}

# How many deliveries a second, none lost. Ours is given events at growing rates: who is given more than it can read is
# told what it skipped, which is not a delivery.
most_of() {
    local rate line best=0
    if [ "$1" != ours ]; then
        line=$(fan "$1" -n "$watchers" -m 1 -k 1000 -W 1)
        [ "${line%% *}" != lost ] || { printf 0; return; }
        word "$line" deliveries_per_s
        return
    fi
    for rate in 600 800 1000 1200 1400 1700 2000 2400; do
        line=$(fan ours -n "$watchers" -m 1 -k $((rate * 2)) -r $rate)
        [ "${line%% *}" != lost ] || line=$(fan ours -n "$watchers" -m 1 -k $((rate * 2)) -r $rate)
        [ "${line%% *}" != lost ] || break
        best=$(word "$line" deliveries_per_s)
    done
    printf '%s' "$best"
}

# against NAME WORD OURS PEER LIMIT how: ours beside one peer, by the median of ratios; OURS and PEER print a figure.
against() {
    beside "$3" "$4"
    judge "$ratio" "$6" "$5"
    row "$1" "$(rounded "$ours")" "$2 $(rounded "$peer")" "$ratio" "$([ "$6" = at-least ] && echo "≥" || echo "≤") $5" "$verdict"
}

measure_notifications() {
    local watchers=${WATCHERS:-1000} many=${MANY:-10000} line value name
    if ! find_fanout; then
        skip "notifications beside nchan and nats-server" "no wsload.c or no gcc"
        return
    fi
    broker=$(sed -n 's/^BROKER_URL=//p' "$home/env")
    measure_conformance

    for name in nats nchan; do
        [ -n "${!name}" ] || { skip "deliveries/s to $watchers watchers beside $name" "no $name"; continue; }
        our_most() { most_of ours; }
        peer_most() { most_of "$name"; }
        against "deliveries/s to $watchers watchers of one context" "$name" our_most peer_most 1.2 at-least
    done
    if [ -n "$nchan" ]; then
        our_one() { word "$(fan ours -n "$many" -m 1 -k 40 -r 4)" p50_ms; }
        peer_one() { word "$(fan nchan -n "$many" -m 1 -k 40 -r 4)" p50_ms; }
        against "one message to $many watchers: p50 ms" nchan our_one peer_one 0.5 at-most
        our_mix() { word "$(fan ours -n "$many" -m $((many / 10)) -k 10000 -r 1000)" p99_ms; }
        peer_mix() { word "$(fan nchan -n "$many" -m $((many / 10)) -k 10000 -r 1000)" p99_ms; }
        against "$((many / 10)) contexts × 10 watchers, 1,000 events/s: p99 ms" nchan our_mix peer_mix 1 at-most
    else
        skip "one message to $many watchers, and $((many / 10)) contexts" "no nchan"
    fi
    value=$(divide "$(word "$(fan ours -n "$many" -m "$many" -k 1)" srv_bytes_per_conn)" 1024)
    bound "idle watcher, of $many, each of a context of its own: KiB" "$value" 4
    measure_stalled
    line=$(source_of_events=append fan ours -n "$watchers" -m $((watchers / 10)) -k 5000 -r 500)
    bound "commit to socket, 500 events/s, $watchers watchers of $((watchers / 10)) contexts: p50 ms" "$(word "$line" p50_ms)" 5
    bound "the same: p99 ms" "$(word "$line" p99_ms)" 25
}

# Ten who do not read: what they cost, and what the others notice.
measure_stalled() {
    local calm beset ratios=() costs=() payload=4096 limit=100
    for _ in $(seq $rounds); do
        calm=$(fan ours -n "$watchers" -m 1 -k 2000 -r "$limit")
        beset=$(fan ours -n "$watchers" -m 1 -k 2000 -r "$limit" -z 10)
        ratios+=("$(divide "$(word "$beset" p99_ms)" "$(word "$calm" p99_ms)")")
        costs+=("$(awk -v a="$(word "$beset" srv_kb_after)" -v b="$(word "$calm" srv_kb_after)" \
            'BEGIN { v = (a - b) / 10; print (v > 1 ? v : 1) }')")
    done
    bound "ten of $watchers read nothing, $limit × 4 KiB/s: the others' p99, by that without them" "$(median "${ratios[@]}")" 1.1
    bound "the same: KiB that each of the ten costs" "$(median "${costs[@]}")" 64
}

# The Autobahn cases, by a port to today's Python; each failure of them is one of ours.
measure_conformance() {
    local name="Autobahn cases 1–7, 9, 10: failures" line port server value count
    if [ ! -r "$peers/wsconform.py" ] || ! command -v python3 >/dev/null; then
        skip "$name" "no wsconform.py"
        return
    fi
    if ! (
        cd "$fanout" && python3 -m venv python && python/bin/pip -q install autobahn twisted setuptools &&
            python/bin/pip -q download --no-deps autobahntestsuite==25.10.1
        tar xzf autobahntestsuite-25.10.1.tar.gz
    ) >/dev/null 2>&1; then
        skip "$name" "the cases cannot be had from PyPI"
        return
    fi
    port=$(free_port)
    "$binaries/HTTPHello" "$port" 2 >/dev/null &
    server=$!
    children+=("$server")
    wait_for_port "$port"
    line=$("$fanout/python/bin/python" "$peers/wsconform.py" --only 1.,2.,3.,4.,5.,6.,7.,9.,10. \
        --suite "$fanout/autobahntestsuite-25.10.1/autobahntestsuite" --url "ws://127.0.0.1:$port/ws-echo" 2>/dev/null | tail -n 1) || true
    end_child "$server"
    line=${line//: /:}
    value=$(word "$line" failed)
    count=$(word "$line" run)
    # None failed only counts when they ran.
    [ "${count:-0}" -gt 250 ] || value=
    verdict=met
    [ "$value" = 0 ] || verdict=MISSED missed=1
    row "$name of ${count:-0}" "${value:-none ran}" - - "= 0" "$verdict"
}
