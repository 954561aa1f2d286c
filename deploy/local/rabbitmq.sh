#!/usr/bin/env bash
# A private RabbitMQ node in one folder: it shares nothing with a broker of the system, and deleting the folder removes it.
#
#   rabbitmq.sh start  FOLDER        starts the node, waits until it answers, prints its amqp:// URL
#   rabbitmq.sh stop   FOLDER        stops node and port mapper
#   rabbitmq.sh kill   FOLDER        the same with SIGKILL: what a power cut leaves behind
#   rabbitmq.sh status FOLDER        0 when the node answers
#   rabbitmq.sh url    FOLDER        prints the URL
#   rabbitmq.sh pid    FOLDER        prints the process id of the node
#   rabbitmq.sh ctl    FOLDER ...    rabbitmqctl against this node
#   rabbitmq.sh guard  FOLDER        starts, prints the URL, stops and deletes the folder when its standard input ends
#
# RABBITMQ_PORT      the AMQP port; else a free one is chosen at the first start and kept
# RABBITMQ_BIN       the folder of rabbitmq-server and rabbitmqctl, when it is in no usual place
# RABBITMQ_DEADLINE  seconds that a start may take, default 60
#
# Everything listens on 127.0.0.1. FOLDER/conf.d/*.conf is read too. RabbitMQ 3.10 to 4.x.
set -euo pipefail

die() { echo "rabbitmq.sh: $*" >&2; exit 1; }
usage() { sed -n '4,11s/^# \{0,1\}//p' "$0" >&2; exit 64; }

[ $# -ge 2 ] || usage
command=$1
folder=$2
shift 2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

programs() {
    local place
    for place in "${RABBITMQ_BIN:-}" /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin \
        /opt/rabbitmq/sbin /usr/local/sbin /opt/homebrew/sbin; do
        if [ -n "$place" ] && [ -x "$place/rabbitmq-server" ]; then
            echo "$place"
            return
        fi
    done
    die "rabbitmq-server was not found; install it (Debian: apt-get install rabbitmq-server) or set RABBITMQ_BIN"
}

port_mapper() {
    local place
    for place in "$(command -v epmd || true)" /usr/lib/erlang/bin/epmd /usr/lib/erlang/erts-*/bin/epmd \
        /usr/local/lib/erlang/erts-*/bin/epmd /opt/erlang/lib/erlang/erts-*/bin/epmd; do
        if [ -n "$place" ] && [ -x "$place" ]; then
            echo "$place"
            return
        fi
    done
    die "epmd, a part of Erlang, was not found"
}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# AMQP, or nothing at all: the server greets a wrong protocol header with its own and closes.
speaks_amqp() {
    local greeting
    greeting=$( (exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'HELLO000' >&3 && timeout 2 head -c 4 <&3) 2>/dev/null || true)
    [ "$greeting" = AMQP ]
}

# Below the range that Linux gives to outgoing connections, so that none of these is taken in passing.
free_port() {
    local port try
    for try in $(seq 200); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        case " $* " in *" $port "*) continue ;; esac
        if ! answers "$port"; then
            echo "$port"
            return
        fi
    done
    die "no free port was found"
}

random_text() { LC_ALL=C tr -dc 'A-Za-z0-9' < <(head -c 1024 /dev/urandom) | head -c 32 || true; }

# Chosen once, then kept: node name, data and cookie belong to these ports.
identity() {
    if [ ! -s "$folder/identity" ]; then
        local first second third
        first=${RABBITMQ_PORT:-$(free_port)}
        second=$(free_port "$first")
        third=$(free_port "$first" "$second")
        (
            umask 077
            printf 'amqp=%s\ndistribution=%s\nmapper=%s\npassword=%s\n' \
                "$first" "$second" "$third" "$(random_text)" >"$folder/identity.new"
        )
        mv "$folder/identity.new" "$folder/identity"
    fi
    # shellcheck disable=SC1090,SC1091
    . "$folder/identity"
    if [ -n "${RABBITMQ_PORT:-}" ] && [ "$RABBITMQ_PORT" != "$amqp" ]; then
        die "$folder belongs to port $amqp; use another folder for port $RABBITMQ_PORT"
    fi
}

url() { echo "amqp://martlet:$password@127.0.0.1:$amqp/%2f"; }

environment() {
    # A home folder that is read-only or missing does not matter: cookie and history live in the folder.
    export HOME=$folder LANG=C.UTF-8 LC_ALL=C.UTF-8
    export ERL_EPMD_PORT=$mapper ERL_EPMD_ADDRESS=127.0.0.1
    # "localhost" resolves everywhere; the machine's own name may not.
    export RABBITMQ_NODENAME=martlet-$amqp@localhost RABBITMQ_USE_LONGNAME=false
    export RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$amqp RABBITMQ_DIST_PORT=$distribution
    export RABBITMQ_BASE=$folder RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log
    export RABBITMQ_CONF_ENV_FILE=$folder/none.env RABBITMQ_CONFIG_FILE=$folder/rabbitmq.conf
    export RABBITMQ_CONFIG_FILES=$folder/conf.d RABBITMQ_ADVANCED_CONFIG_FILE=$folder/none.config
    export RABBITMQ_ENABLED_PLUGINS_FILE=$folder/enabled_plugins
    export RABBITMQ_GENERATED_CONFIG_DIR=$folder/generated RABBITMQ_PLUGINS_EXPAND_DIR=$folder/expanded
    # Its schedulers shall sleep when there is nothing to do, not turn: the processors are for the services too.
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none'
    export RABBITMQ_CTL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
    # Makes the launcher become the node, instead of waiting beside it: its process id is the one we keep.
    export RUNNING_UNDER_SYSTEMD=true
    unset RABBITMQ_PID_FILE RABBITMQ_SERVER_START_ARGS RABBITMQ_FEATURE_FLAGS ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS NOTIFY_SOCKET
}

# Root gives up its rights when the distribution's user can reach the folder.
drops_rights() {
    [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && id rabbitmq >/dev/null 2>&1 &&
        setpriv --reuid=rabbitmq --regid="$(id -g rabbitmq)" --clear-groups test -x "$folder"
}
as_owner() {
    if drops_rights; then
        exec setpriv --reuid=rabbitmq --regid="$(id -g rabbitmq)" --clear-groups --no-new-privs "$@"
    fi
    exec "$@"
}

# A killed process that nobody has waited for yet is a zombie: it is not alive.
alive() { [ -s "$folder/$1.pid" ] && grep -q '^State:.[^ZX]' "/proc/$(cat "$folder/$1.pid")/status" 2>/dev/null; }

prepare() {
    mkdir -p "$folder"/{data,log,generated,expanded,conf.d}
    echo '[].' >"$folder/enabled_plugins"
    (
        umask 077
        cat >"$folder/rabbitmq.conf" <<CONFIGURATION
listeners.tcp.1 = 127.0.0.1:$amqp
default_user = martlet
default_pass = $password
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
CONFIGURATION
        [ -s "$folder/.erlang.cookie" ] || random_text >"$folder/.erlang.cookie"
    )
    chmod 400 "$folder/.erlang.cookie"
    if drops_rights; then chown -R rabbitmq "$folder"; fi
}

start() {
    identity
    environment
    local bin deadline
    if alive node; then
        speaks_amqp "$amqp" || die "the node of $folder runs but does not answer; see $folder/log"
        url
        return
    fi
    bin=$(programs)
    prepare
    deadline=$((SECONDS + ${RABBITMQ_DEADLINE:-60}))
    # A node that was killed a moment ago may still be letting go of it.
    local patience=$((SECONDS + 5))
    while answers "$amqp"; do
        [ $SECONDS -lt $patience ] || die "port $amqp is taken by another program"
        sleep 0.05
    done
    if ! alive mapper; then
        (as_owner setsid "$(port_mapper)" -port "$mapper" -address 127.0.0.1) </dev/null >"$folder/log/mapper.log" 2>&1 &
        echo $! >"$folder/mapper.pid"
        disown
    fi
    # Erlang starts a port mapper of its own where it finds none, and nobody would stop that one.
    until answers "$mapper"; do
        alive mapper && [ $SECONDS -lt $deadline ] || die "the port mapper did not start; see $folder/log/mapper.log"
        sleep 0.02
    done
    (as_owner setsid "$bin/rabbitmq-server") </dev/null >"$folder/log/console.log" 2>&1 &
    echo $! >"$folder/node.pid"
    disown
    until speaks_amqp "$amqp"; do
        if ! alive node || [ $SECONDS -ge $deadline ]; then
            tail -n 25 "$folder/log/console.log" >&2
            finish KILL
            die "the node did not start; its log is in $folder/log"
        fi
        sleep 0.05
    done
    url
}

# Ends one of our processes: asks with the signal, waits at most $3 seconds.
end() {
    local tries=$(($3 * 20))
    alive "$1" || { rm -f "$folder/$1.pid"; return 0; }
    # A frozen process would not hear it.
    kill -CONT "$(cat "$folder/$1.pid")" 2>/dev/null || true
    kill "-$2" "$(cat "$folder/$1.pid")" 2>/dev/null || true
    while alive "$1" && [ $tries -gt 0 ]; do
        sleep 0.05
        tries=$((tries - 1))
    done
    ! alive "$1" || return 1
    rm -f "$folder/$1.pid"
}

finish() {
    end node "$1" 30 || end node KILL 5 || die "the node of $folder does not end"
    end mapper TERM 5 || end mapper KILL 5 || die "the port mapper of $folder does not end"
}

case $command in
start) start ;;
stop) finish TERM ;;
kill) finish KILL ;;
url)
    [ -s "$folder/identity" ] || die "no node was ever started in $folder"
    identity
    url
    ;;
pid)
    alive node || die "no node runs in $folder"
    cat "$folder/node.pid"
    ;;
status)
    [ -s "$folder/identity" ] || die "no node was ever started in $folder"
    identity
    alive node && speaks_amqp "$amqp" || { echo "stopped"; exit 3; }
    echo "running on port $amqp"
    ;;
ctl)
    # Against a stopped node the tool would start a port mapper of its own and leave it behind.
    alive node || die "no node runs in $folder"
    [ -s "$folder/identity" ] || die "no node was ever started in $folder"
    identity
    environment
    as_owner "$(programs)/rabbitmqctl" -q -n "$RABBITMQ_NODENAME" "$@"
    ;;
guard)
    # Whoever holds the other end of standard input may end in any way: the kernel closes it, and this ends too.
    # Handled, not ignored: the node would inherit that, and could not be asked to stop.
    trap : HUP INT TERM
    start || { finish KILL; exit 1; }
    cat >/dev/null
    finish KILL
    rm -rf "$folder"
    ;;
*) usage ;;
esac
