#!/usr/bin/env bash
# Measures Martlet beside its peers on this machine and prints one table; docs/benchmarks.md says how to read it.
#   bench.sh            all rows; the exit status tells of crashes only
#   CHECK=1 bench.sh    exit status 1 also when a threshold is missed
#   ROWS="server queue agent notifications" bench.sh   some of them; these are all
# Everything it starts is its own and lives below .martlet-bench, which it removes. WSLOAD_SOURCE names wsload.c, the
# WebSocket load client; without it, or a wsload.c in a peers folder beside the checkout, the broadcast row is skipped.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
home=$root/.martlet-bench
local_=$root/deploy/local
readonly rounds=${ROUNDS:-3}
say() { printf '%s\n' "$*" >&2; }
die() { say "bench: $*"; exit 1; }

# --- What is ours to end ---------------------------------------------------------------------------------------

children=()
finish() {
    local pid
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ ! -d "$home" ] || MARTLET_HOME=$home "$local_/martlet.sh" reset >/dev/null
}
trap finish EXIT
trap 'exit 1' INT TERM

# Ends one child now, so that its port and its core are free for the next row.
end_child() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s' "$port" && return; }
    done
}
wait_for_port() {
    local deadline=$((SECONDS + 10))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || die "nothing listens on port $1"
        sleep 0.05
    done
}

# --- Figures ---------------------------------------------------------------------------------------------------

median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
divide() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.3f", a / b; else print 0 }'; }
rounded() { awk -v v="$1" 'BEGIN { printf (v >= 100 ? "%.0f" : v >= 10 ? "%.1f" : "%.2f"), v }'; }
word() { sed -n "s/.*[ ,{\"]$2\"\\{0,1\\}[=:] *\\([0-9.]*\\).*/\\1/p" <<<" $1"; }

table=()
missed=0
# row NAME OURS PEER RATIO THRESHOLD VERDICT
row() {
    table+=("$1|$2|$3|$4|$5|$6|$(cut -d' ' -f1 /proc/loadavg)")
    say "  $1: $2 beside $3, ratio $4 $6"
}
skip() { row "$1" - - - - "skipped: $2"; }
# judge VALUE at-least|at-most LIMIT
judge() {
    if awk -v v="$1" -v l="$3" -v how="$2" 'BEGIN { exit !(how == "at-least" ? v >= l : v > 0 && v <= l) }'; then
        verdict=met
    else
        verdict=MISSED
        missed=1
    fi
}

# beside OURS PEER: runs both commands in turns, each printing one figure; sets ours, peer and ratio to medians.
beside() {
    local all_ours=() all_peer=() ratios=() a b
    for _ in $(seq $rounds); do
        a=$($1)
        b=$($2)
        all_ours+=("$a")
        all_peer+=("$b")
        ratios+=("$(divide "$a" "$b")")
    done
    ours=$(median "${all_ours[@]}")
    peer=$(median "${all_peer[@]}")
    ratio=$(rounded "$(median "${ratios[@]}")")
}

# --- Tools -----------------------------------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# wrk is a program alone. Of nginx the program is taken out of its package, so that no service comes with it.
find_tools() {
    if ! command -v wrk >/dev/null && command -v apt-get >/dev/null; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends wrk >/dev/null 2>&1 || true
    fi
    command -v wrk >/dev/null || die "wrk is needed to measure anything: install it and try again"
    nginx=$(PATH=$PATH:/usr/sbin command -v nginx || true)
    if [ -z "$nginx" ] && command -v apt-get >/dev/null; then
        mkdir -p "$home/nginx"
        (cd "$home/nginx" && apt-get -q download nginx && dpkg -x nginx_*.deb .) >/dev/null 2>&1 || true
        nginx=$home/nginx/usr/sbin/nginx
    fi
    { [ -n "$nginx" ] && "$nginx" -v 2>/dev/null; } || nginx=
    postgres=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    wsload_source=${WSLOAD_SOURCE:-$(printf '%s\n' "$root"/../*/peers/wsload.c | head -n 1)}
}

# The processors that this script may use: the first is for the server that is measured, the rest are for the load.
find_processors() {
    local range
    processors=()
    for range in $(sed -n 's/^Cpus_allowed_list:\s*//p' /proc/self/status | tr ',' ' '); do
        # shellcheck disable=SC2207 — numbers.
        processors+=($(seq "${range%-*}" "${range#*-}"))
    done
    server_core=${processors[0]}
    load_cores=$(printf '%s,' "${processors[@]:1}")
    load_cores=${load_cores%,}
    [ ${#processors[@]} -gt 1 ] || load_cores=$server_core
}

# wrk_rate CONNECTIONS URL [SCRIPT]: requests a second; keeps what wrk said in $home/wrk.
wrk_rate() {
    local threads=2
    [ "$1" -ge 2 ] || threads=1
    taskset -c "${WRK_CORES:-$load_cores}" wrk -t$threads -c"$1" -d"${WRK_SECONDS:-2}s" --latency ${3:+-s "$3"} "$2" \
        >"$home/wrk" 2>&1 || die "wrk failed: $(cat "$home/wrk")"
    ! grep -q 'Non-2xx\|Socket errors' "$home/wrk" || die "requests failed: $(grep 'Non-2xx\|Socket errors' "$home/wrk")"
    awk '/^Requests\/sec/ { print $2 }' "$home/wrk"
}
# The median latency of the last run, in milliseconds.
wrk_median() {
    awk '$1 == "50%" { v = $2; f = v ~ /us$/ ? 0.001 : v ~ /ms$/ ? 1 : 1000; sub(/[a-z]+$/, "", v); print v * f }' "$home/wrk"
}

# --- The server alone ------------------------------------------------------------------------------------------

start_hello() {
    hello_port=$(free_port)
    taskset -c "$server_core" "$binaries/HTTPHello" "$hello_port" 1 >/dev/null 2>"$home/hello.log" &
    hello=$!
    children+=("$hello")
    wait_for_port "$hello_port"
}

start_nginx() {
    nginx_port=$(free_port)
    mkdir -p "$home/nginx"
    cat >"$home/nginx/conf" <<CONF
daemon off; master_process off; worker_processes 1; pid $home/nginx/pid;
events { worker_connections 1024; }
http {
    access_log off; default_type application/json; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path $home/nginx/1; proxy_temp_path $home/nginx/2; fastcgi_temp_path $home/nginx/3;
    uwsgi_temp_path $home/nginx/4; scgi_temp_path $home/nginx/5;
    server {
        listen 127.0.0.1:$nginx_port;
        location = /hello { return 200 '{"message":"hello, world","ok":true} '; }
    }
}
CONF
    taskset -c "$server_core" "$nginx" -p "$home/nginx" -e "$home/nginx/log" -c "$home/nginx/conf" &
    peer_server=$!
    children+=("$peer_server")
    wait_for_port "$nginx_port"
}

# A process's processor time so far, in microseconds.
processor_time() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000000 / hz }' "/proc/$1/stat"; }

# hello_rate WHOSE PROCESS URL: requests a second; appends to $home/cost.WHOSE what one request cost the process.
hello_rate() {
    local before after rate
    before=$(processor_time "$2")
    rate=$(wrk_rate 64 "$3")
    after=$(processor_time "$2")
    divide $((after - before)) "$(awk '/ requests in / { print $1 }' "$home/wrk")" >>"$home/cost.$1"
    echo >>"$home/cost.$1"
    printf '%s' "$rate"
}

measure_hello() {
    local name="HTTP hello, 64 connections, one core: requests/s"
    start_hello
    if [ -n "$nginx" ]; then
        start_nginx
        our_hello() { hello_rate ours "$hello" "http://127.0.0.1:$hello_port/hello"; }
        peer_hello() { hello_rate peer "$peer_server" "http://127.0.0.1:$nginx_port/hello"; }
        beside our_hello peer_hello
        judge "$ratio" at-least 0.8
        row "$name" "$(rounded "$ours")" "nginx $(rounded "$peer")" "$ratio" "≥ 0.8" "$verdict"
        # shellcheck disable=SC2046 — numbers.
        ours=$(median $(cat "$home/cost.ours")) peer=$(median $(cat "$home/cost.peer"))
        row "the same: CPU µs a request" "$(rounded "$ours")" "nginx $(rounded "$peer")" \
            "$(rounded "$(divide "$ours" "$peer")")" - printed
        our_hello() { wrk_rate 64 "http://127.0.0.1:$hello_port/hello-task"; }
        beside our_hello peer_hello
        row "the same from a handler that may wait: requests/s" "$(rounded "$ours")" "nginx $(rounded "$peer")" \
            "$ratio" - printed
        end_child "$peer_server"
    else
        row "$name" "$(rounded "$(wrk_rate 64 "http://127.0.0.1:$hello_port/hello")")" - - "≥ 0.8" "no nginx"
    fi
    end_child "$hello"
}

measure_broadcast() {
    local cpu="broadcast to 5,000 WebSockets: CPU µs a delivery" memory="idle WebSocket, of 5,000: KiB" line
    local costs=() sizes=()
    if [ ! -r "$wsload_source" ] || ! command -v gcc >/dev/null; then
        skip "$cpu" "no wsload.c or no gcc"
        return
    fi
    gcc -O2 -pthread -o "$home/wsload" "$wsload_source"
    ulimit -n "$(ulimit -Hn)"
    for _ in $(seq $rounds); do
        start_hello
        line=$(taskset -c "$load_cores" "$home/wsload" -p "$hello_port" -u '/sub/{ch}' -U '/pub/{ch}' -x "$hello" \
            -n 5000 -m 1 -k 40 -b 128 -W 1 -e 5 -t 2) || die "the broadcast lost messages: $line"
        costs+=("$(word "$line" srv_us_per_delivery)")
        sizes+=("$(divide "$(word "$line" srv_bytes_per_conn)" 1024)")
        end_child "$hello"
    done
    judge "$(median "${costs[@]}")" at-most 8
    row "$cpu" "$(rounded "$(median "${costs[@]}")")" - - "≤ 8" "$verdict"
    judge "$(median "${sizes[@]}")" at-most 8
    row "$memory" "$(rounded "$(median "${sizes[@]}")")" - - "≤ 8" "$verdict"
}

# --- The services ----------------------------------------------------------------------------------------------

start_services() {
    AGENT_PORT=$(free_port)
    JOB_QUEUE_PORT=$(free_port)
    NOTIFICATION_PORT=$(free_port)
    export AGENT_PORT JOB_QUEUE_PORT NOTIFICATION_PORT MARTLET_HOME=$home LOG_LEVEL=warning
    export AGENT_URL=http://127.0.0.1:$AGENT_PORT PROVIDER_PRESETS=echo PROVIDER_CONCURRENCY=1000
    export JOB_QUEUE_URL=http://127.0.0.1:$JOB_QUEUE_PORT NOTIFICATION_URL=http://127.0.0.1:$NOTIFICATION_PORT
    "$local_/martlet.sh" start >/dev/null
    database=$("$local_/postgres.sh" url "$home/postgres")
}

sql() { "$postgres/psql" -X -q -A -t -v ON_ERROR_STOP=1 "${2:-$peer_database}" -c "$1"; }

measure_latency() {
    local line
    line=$("$binaries/ServiceLoad" latency) || die "$line"
    row "submission to update, one each 20 ms: p50 / p99 ms" \
        "$(rounded "$(word "$line" p50_ms)") / $(rounded "$(word "$line" p99_ms)")" - - - printed
}

measure_work() {
    local rates=() line before after position="SELECT pg_current_wal_insert_lsn() - '0/0'" jobs=10000
    before=$(sql "$position" "$database")
    for _ in $(seq $rounds); do
        line=$("$binaries/ServiceLoad" work $jobs 4) || die "$line"
        rates+=("$(word "$line" jobs_per_s)")
    done
    row "lease begun, complete over HTTP, 4 sessions: jobs/s" "$(rounded "$(median "${rates[@]}")")" - - - printed
    after=$(sql "$position" "$database")
    row "what Postgres logs for a job until it is completed: KiB" \
        "$(rounded "$(divide "$((after - before))" $((jobs * rounds * 1024)))")" - - - printed
}

# A table as wide as a job's row, with no more than a primary key, is what single inserts are compared with.
prepare_inserts() {
    local width
    width=$(sql "SELECT avg(pg_column_size(jobs.*))::integer FROM jobs.jobs" "$database")
    sql "CREATE DATABASE peer" "$database"
    peer_database=${database%/*}/peer
    # 24 bytes of header, 8 of key, 4 of length.
    sql "CREATE TABLE rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL)"
    printf "INSERT INTO rows (body) VALUES (repeat('x', %d));\n" $((width - 36)) >"$home/insert.sql"
    printf "INSERT INTO rows (body) SELECT repeat('x', %d) FROM generate_series(1, 1000);\n" $((width - 36)) \
        >"$home/insert-1000.sql"
    cat >"$home/one.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer dev-token"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"kind":"bench","params":{"text":"a job as people submit it"}}'
LUA
    cat >"$home/batch.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer dev-token"
wrk.headers["Content-Type"] = "application/json"
local jobs = {}
for number = 1, 1000 do jobs[number] = '{"kind":"bench","params":{"text":"a job as people submit it"}}' end
wrk.body = '{"jobs":[' .. table.concat(jobs, ",") .. ']}'
LUA
}

# insert_rate CLIENTS SCRIPT: transactions a second; the transactions' own times are kept in $home/pgbench.N.
insert_rate() {
    rm -f "$home"/pgbench.*
    local threads=2
    [ "$1" -ge 2 ] || threads=1
    (cd "$home" && "$postgres/pgbench" -n -M prepared -c "$1" -j $threads -T 2 -f "$2" -l --log-prefix=pgbench \
        "$peer_database" 2>&1) | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}
insert_median() {
    cat "$home"/pgbench.* | awk '{ print $3 / 1000 }' | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

measure_submission() {
    local url=http://127.0.0.1:$JOB_QUEUE_PORT WRK_CORES
    # The services use all processors, and so may what loads them.
    WRK_CORES=$(printf '%s,' "${processors[@]}")
    WRK_CORES=${WRK_CORES%,}
    our_one() { wrk_rate "$connections" "$url/api/jobs" "$home/one.lua"; }
    peer_one() { insert_rate "$clients" "$home/insert.sql"; }
    local connections=64 clients=16
    beside our_one peer_one
    judge "$ratio" at-least 3
    row "submission, 64 connections: jobs/s" "$(rounded "$ours")" "16 × INSERT $(rounded "$peer")" "$ratio" "≥ 3" \
        "$verdict"
    connections=1 clients=1
    our_median() { our_one >/dev/null && wrk_median; }
    peer_median() { peer_one >/dev/null && insert_median; }
    beside our_median peer_median
    judge "$ratio" at-most 1.3
    row "submission, 1 connection: p50 ms" "$(rounded "$ours")" "1 × INSERT $(rounded "$peer")" "$ratio" "≤ 1.3" \
        "$verdict"
    beside our_one peer_one
    row "submission, 1 connection: jobs/s" "$(rounded "$ours")" "1 × INSERT $(rounded "$peer")" "$ratio" - printed
    our_batch() { divide "$(wrk_rate 4 "$url/api/jobs/batch" "$home/batch.lua")" 0.001; }
    peer_batch() { divide "$(insert_rate 4 "$home/insert-1000.sql")" 0.001; }
    beside our_batch peer_batch
    row "submission in batches of 1,000, 4 connections: jobs/s" \
        "$(rounded "$ours")" "4 × INSERT of 1,000 $(rounded "$peer")" "$ratio" - printed
}

# A figure from a run that lost a job, or ran one twice, is none.
measure_history() {
    local line
    line=$(DATABASE_URL=$database "$binaries/ServiceLoad" history) || missed=1
    row "what all rows above have left: offences of $(word "$line" jobs) jobs" "$(word "$line" offences)" - - "= 0" \
        "$([ "$(word "$line" offences)" = 0 ] && echo met || echo MISSED)"
}

# --- The run ---------------------------------------------------------------------------------------------------

print_table() {
    printf '\n%s\n%s processors, load %s at the end; Martlet %s; every ratio is the median of %s interleaved rounds\n\n' \
        "$(date -u +%Y-%m-%dT%H:%MZ)" "${#processors[@]}" "$(cut -d' ' -f1-3 /proc/loadavg)" \
        "$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)" $rounds
    {
        printf 'row|ours|peer|ratio|threshold|verdict|load\n---|---:|---:|---:|---|---|---:\n'
        printf '%s\n' "${table[@]}"
    } | sed 's/|/ | /g; s/^/| /; s/$/ |/'
}

[ ! -d "$home" ] || MARTLET_HOME=$home "$local_/martlet.sh" reset >/dev/null
mkdir -p "$home"
say "Building …"
"$local_/prerequisites.sh" run
(cd "$root" && swift build -c release 2>&1 | tail -n 1 >&2)
binaries=$(cd "$root" && swift build -c release --show-bin-path)
find_tools
find_processors
# shellcheck source=Tests/Benchmarks/queue.sh
. "$root/Tests/Benchmarks/queue.sh"
# shellcheck source=Tests/Benchmarks/notifications.sh
. "$root/Tests/Benchmarks/notifications.sh"
# shellcheck source=Tests/Benchmarks/agent.sh
. "$root/Tests/Benchmarks/agent.sh"
wanted() { [[ " ${ROWS:-server queue agent notifications} " == *" $1 "* ]]; }
say "Measuring, about twenty minutes …"
if wanted server; then
    measure_hello
    measure_broadcast
fi
start_services
if wanted queue; then
    measure_latency
    measure_work
    prepare_inserts
    measure_submission
    measure_queue
    measure_history
    measure_loads
fi
if wanted agent; then
    measure_threads
    measure_context
    measure_tools
fi
# Last: of the events that these make the log knows nothing.
if wanted notifications; then measure_notifications; fi
print_table
[ -z "${CHECK:-}" ] || [ $missed = 0 ] || die "a threshold was missed"
