#!/usr/bin/env bash
# Runs Martlet on this machine, with a Postgres and a RabbitMQ of its own, all below one folder.
#   martlet.sh run      build, start everything, show what it does, stay until Ctrl-C
#   martlet.sh start    build and start everything; returns when it is ready
#   martlet.sh stop | status | logs | reset
# MARTLET_HOME (.martlet), AGENT_PORT (8080), JOB_QUEUE_PORT (8081), NOTIFICATION_PORT (8082) are honoured.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
home=${MARTLET_HOME:-$root/.martlet}
case $home in /*) ;; *) home=$root/$home ;; esac
agent_port=${AGENT_PORT:-8080}
job_queue_port=${JOB_QUEUE_PORT:-8081}
notification_port=${NOTIFICATION_PORT:-8082}
token=${MARTLET_DEV_TOKEN:-dev-token}
services=(job-queue-service notification-service agent-service)
say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

port_of() {
    case $1 in
    agent-service) printf '%s' "$agent_port" ;;
    job-queue-service) printf '%s' "$job_queue_port" ;;
    notification-service) printf '%s' "$notification_port" ;;
    esac
}

# A process is known by its number and by when it started, so that a stale file never names somebody else's.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
alive() {
    local pid started
    [ -r "$home/run/$1" ] || return 1
    read -r pid started <"$home/run/$1" || return 1
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && ! grep -q '^State:\s*Z' "/proc/$pid/status" 2>/dev/null
}
pid_of() { cut -d' ' -f1 "$home/run/$1"; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# GET a path of a service; succeeds on status 200.
ready() {
    local line
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    IFS= read -r -t 5 line <&3 || line=
    exec 3<&- 3>&-
    [[ $line == "HTTP/1.1 200"* ]]
}

build() {
    "$here/prerequisites.sh" run
    say "Building (the first time takes a few minutes) …"
    (cd "$root" && swift build -c release 2>&1 | tail -3) || die "the build failed"
}

secret() {
    [ -s "$home/secret" ] || (umask 077 && head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$home/secret")
    cat "$home/secret"
}

start() {
    local name port binaries
    for name in "${services[@]}"; do
        alive "$name" && continue
        port=$(port_of "$name")
        if answers "$port"; then
            die "port $port is taken by another program: choose one with $(printf '%s' "${name%-service}" | tr 'a-z-' 'A-Z_')_PORT=…"
        fi
    done
    mkdir -p "$home/run" "$home/log" "$home/results"
    say "Starting Postgres and RabbitMQ in $home …"
    local database broker
    database=$("$here/postgres.sh" start "$home/postgres")
    broker=$("$here/rabbitmq.sh" start "$home/rabbitmq")
    binaries=$(cd "$root" && swift build -c release --show-bin-path)
    (
        umask 077
        cat >"$home/env" <<ENV
AGENT_URL=http://127.0.0.1:$agent_port
JOB_QUEUE_URL=http://127.0.0.1:$job_queue_port
NOTIFICATION_URL=http://127.0.0.1:$notification_port
MARTLET_DEV_TOKEN=$token
DATABASE_URL=$database
BROKER_URL=$broker
CALLBACK_SECRET=$(secret)
RESULTS_DIR=$home/results
ENV
    )
    for name in "${services[@]}"; do
        alive "$name" && continue
        # shellcheck disable=SC2046 — the file has one variable a line, without spaces in values but the folder's.
        (
            set -a
            while IFS='=' read -r key value; do export "$key=$value"; done <"$home/env"
            PORT=$(port_of "$name")
            set +a
            cd "$home"
            exec setsid "$binaries/$name" >>"$home/log/$name.log" 2>&1 </dev/null
        ) &
        printf '%s %s\n' $! "$(start_time $!)" >"$home/run/$name"
        disown
    done
    for name in "${services[@]}"; do wait_ready "$name"; done
}

wait_ready() {
    local deadline=$((SECONDS + 60))
    until ready "$(port_of "$1")" /ready 2>/dev/null; do
        alive "$1" || { tail -5 "$home/log/$1.log" >&2; die "$1 ended; its log is $home/log/$1.log"; }
        [ $SECONDS -lt $deadline ] || { tail -5 "$home/log/$1.log" >&2; die "$1 was not ready within 60 s; its log is $home/log/$1.log"; }
        sleep 0.1
    done
}

stop() {
    local name pid deadline
    for name in agent-service notification-service job-queue-service; do
        alive "$name" || continue
        pid=$(pid_of "$name")
        kill -TERM "$pid" 2>/dev/null || true
    done
    deadline=$((SECONDS + 25))
    for name in "${services[@]}"; do
        while alive "$name" && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
        if alive "$name"; then kill -KILL "$(pid_of "$name")" 2>/dev/null || true; fi
        rm -f "$home/run/$name"
    done
    [ ! -d "$home/rabbitmq" ] || "$here/rabbitmq.sh" stop "$home/rabbitmq" >/dev/null 2>&1 || true
    [ ! -d "$home/postgres" ] || "$here/postgres.sh" stop "$home/postgres" >/dev/null 2>&1 || true
}

status() {
    local name failed=0
    for name in "${services[@]}"; do
        if alive "$name" && ready "$(port_of "$name")" /ready 2>/dev/null; then
            say "$name  ready  http://127.0.0.1:$(port_of "$name")  pid $(pid_of "$name")"
        elif alive "$name"; then
            say "$name  running, not ready  pid $(pid_of "$name")"; failed=1
        else
            say "$name  stopped"; failed=1
        fi
    done
    return $failed
}

overview() {
    say ""
    say "  agent          http://127.0.0.1:$agent_port"
    say "  job queue      http://127.0.0.1:$job_queue_port"
    say "  notification   http://127.0.0.1:$notification_port   (WebSocket: ws://127.0.0.1:$notification_port/ws)"
    say "  token          $token"
    say "  results        $home/results"
    say "  logs           $home/log"
    say "  command line   $(cd "$root" && swift build -c release --show-bin-path)/martlet"
}

run() {
    build
    local idle=
    # Who signals all of us has ended the sleep already.
    trap 'say ""; say "Stopping …"; [ -z "$idle" ] || kill "$idle" 2>/dev/null || true; stop; exit 0' INT TERM
    start
    local binaries
    binaries=$(cd "$root" && swift build -c release --show-bin-path)
    say ""
    (cd "$home" && set -a && . "$home/env" && set +a && "$binaries/martlet" demo --save "$home/demo") ||
        say "The demonstration did not complete; the services go on. See $home/log."
    say ""
    say "Files of the demonstration are in $home/demo"
    overview
    say ""
    say "Running. Ctrl-C stops everything; data stays in $home (make reset removes it)."
    # In the background and waited for: a trap runs at once then, and not after the sleep.
    while :; do
        sleep 3600 &
        idle=$!
        wait $idle || true
    done
}

case ${1:-} in
run) run ;;
start) build && start && overview ;;
stop) stop ;;
status) status ;;
logs) tail -n "${LINES_OF_LOG:-50}" -F "$home"/log/*.log ;;
reset) stop && rm -rf "$home" && say "removed $home" ;;
*) sed -n '2,6p' "$0"; exit 2 ;;
esac
