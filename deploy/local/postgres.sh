#!/usr/bin/env bash
# A private Postgres cluster in a folder of your choice, beside and independent of any system-wide server.
#
#   postgres.sh start FOLDER     make the cluster if it is new, start it, wait until it answers, print its URL
#   postgres.sh stop FOLDER      end it in an orderly way (sessions are ended, nothing is lost)
#   postgres.sh kill FOLDER      end it at once with SIGKILL, as a crash would
#   postgres.sh status FOLDER    say whether it answers; exit status 0 when it does
#   postgres.sh url FOLDER       print postgres://martlet:PASSWORD@127.0.0.1:PORT/martlet
#
# FOLDER holds everything: data/, log, port, password (mode 600) and the unix socket. Deleting it resets everything.
# The server listens on 127.0.0.1 (scram, with the password) and on its socket (no password: FOLDER has mode 700).
#
# Variables: PGBIN=folder of postgres and initdb   PGPORT=port for a new cluster
#            POSTGRES_TEST=1 turns fsync off, for clusters that may be lost   POSTGRES_DEADLINE=seconds (30)
set -euo pipefail

readonly role=martlet database=martlet deadline=${POSTGRES_DEADLINE:-30}

fail() { echo "postgres.sh: $*" >&2; exit 1; }

usage() { sed -n '2,14p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }

[ $# -eq 2 ] || usage
action=$1
mkdir -p "$2" || fail "cannot make the folder $2"
folder=$(cd "$2" && pwd -P)
data=$folder/data

# --- Which programs, and as whom -------------------------------------------------------------------------------

find_programs() {
    local newest=
    if [ -z "${PGBIN:-}" ]; then
        newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
        PGBIN=$newest
    fi
    [ -x "$PGBIN/postgres" ] || fail "no Postgres server found in $PGBIN: install the package postgresql, or set PGBIN"
}

# Postgres refuses to run as root. Root becomes the user `postgres` where that user can reach the folder; in a
# checkout below /root it cannot, and a user namespace in which root bears another number serves instead.
choose_identity() {
    as=()
    [ "$(id -u)" = 0 ] || return 0
    local owner
    owner=$(stat -c %U "$data" 2>/dev/null || echo none)
    if [ "$owner" != root ] && id postgres >/dev/null 2>&1; then
        as=(setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups --no-new-privs)
        # The parents must let it through; the folder itself will be its own.
        if "${as[@]}" test -x "$(dirname "$folder")" 2>/dev/null; then
            chown postgres "$folder"
            return 0
        fi
    fi
    # A number that has a name: initdb looks its user up.
    as=(unshare --user --map-user="$(id -u nobody)" --map-group="$(id -g nobody)")
    if "${as[@]}" true 2>/dev/null; then
        chown root "$folder"
        return 0
    fi
    fail "Postgres does not run as root. Make a user that owns $folder and can reach it, and call this script as that user."
}

as_owner() { (cd "$folder" && exec "${as[@]}" env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE HOME="$folder" "$@"); }

# --- The process -------------------------------------------------------------------------------------------------

# Prints the postmaster's process id if it lives. The pid file alone proves nothing: after a SIGKILL the number may
# belong to a zombie, or by now to somebody else, so the process must have our data folder as its own.
running_pid() {
    local pid
    pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ -d "/proc/$pid" ] || return 1
    ! grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null || return 1
    [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$data" ] || return 1
    echo "$pid"
}

wait_until_gone() {
    local end=$((SECONDS + deadline))
    while running_pid >/dev/null; do
        [ $SECONDS -lt $end ] || fail "the server in $folder did not end within $deadline s"
        sleep 0.05
    done
}

answers() {
    local port
    port=$(cat "$folder/port" 2>/dev/null) || return 1
    "$PGBIN/pg_isready" -q -h 127.0.0.1 -p "$port" -t 1
}

remove_stale_locks() {
    running_pid >/dev/null || rm -f "$data/postmaster.pid" "$folder"/.s.PGSQL.*
}

# --- The cluster -------------------------------------------------------------------------------------------------

make_cluster() {
    [ ! -s "$data/PG_VERSION" ] || return 0
    local new=$folder/data.new
    rm -rf "$new"
    (umask 077; od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password")
    [ ${#as[@]} -eq 0 ] || chown --reference="$folder" "$folder/password"
    as_owner "$PGBIN/initdb" --pgdata="$new" --username="$role" --pwfile="$folder/password" \
        --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 --no-sync \
        >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; fail "initdb failed"; }
    echo "CREATE DATABASE $database;" | as_owner "$PGBIN/postgres" --single -D "$new" postgres >>"$folder/initdb.log" 2>&1 ||
        { cat "$folder/initdb.log" >&2; fail "the database $database could not be made"; }
    # Under its final name only when complete: an interrupted start begins again.
    mv "$new" "$data"
}

is_port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

choose_port() {
    local candidate
    for _ in {1..50}; do
        # Below the range from which the kernel takes the ports of outgoing connections.
        candidate=$((20000 + RANDOM % 12000))
        if is_port_free "$candidate"; then echo "$candidate" >"$folder/port"; return 0; fi
    done
    fail "no free port found"
}

launch() {
    local socket_folder="\"$folder\""  # quoted for Postgres, which takes a list here
    # A socket's path has at most 107 bytes; in a deeper folder there is TCP alone.
    [ ${#folder} -le 85 ] || socket_folder=
    local options=(
        -p "$(cat "$folder/port")" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$socket_folder"
        -c shared_buffers=128MB -c max_connections=200
    )
    [ "${POSTGRES_TEST:-}" != 1 ] || options+=(-c fsync=off -c full_page_writes=off)
    (
        # The server outlives this script and must hold nothing of its caller's open: not our lock, and not a
        # descriptor by whose closing the caller learns that we have ended.
        for descriptor in /proc/self/fd/*; do
            descriptor=${descriptor##*/}
            [ "$descriptor" -le 2 ] || eval "exec $descriptor>&-" 2>/dev/null || :
        done
        as_owner "$PGBIN/pg_ctl" --pgdata="$data" --log="$folder/log" --wait --timeout="$deadline" --silent \
            -o "$(printf '%q ' "${options[@]}")" start
    ) </dev/null >/dev/null 2>&1
}

start() {
    # One start at a time; the server itself does not inherit the lock.
    exec 9>"$folder/lock"
    flock -w "$deadline" 9 || fail "another start in $folder does not end"
    chmod 700 "$folder"
    choose_identity
    if running_pid >/dev/null; then
        local end=$((SECONDS + deadline))
        until answers; do
            [ $SECONDS -lt $end ] || fail "the server in $folder runs but does not answer; see $folder/log"
            sleep 0.05
        done
        return 0
    fi
    make_cluster
    [ -z "${PGPORT:-}" ] || echo "$PGPORT" >"$folder/port"
    [ -s "$folder/port" ] || choose_port
    # Two things may pass by waiting: processes of a killed server that still hold its memory, and a lost race for
    # the port, which a new port solves unless the port was asked for.
    for _ in {1..5}; do
        remove_stale_locks
        [ -n "${PGPORT:-}" ] || is_port_free "$(cat "$folder/port")" || choose_port
        if launch && answers; then return 0; fi
        sleep 0.3
    done
    tail -n 5 "$folder/log" >&2 || :
    fail "the server in $folder did not start; see $folder/log"
}

url() {
    [ -s "$folder/port" ] && [ -s "$folder/password" ] || fail "there is no cluster in $folder: start it first"
    echo "postgres://$role:$(cat "$folder/password")@127.0.0.1:$(cat "$folder/port")/$database"
}

case $action in
start)
    find_programs
    start
    url
    ;;
stop)
    if pid=$(running_pid); then
        kill -INT "$pid"  # "fast": sessions are ended, then a checkpoint
        wait_until_gone
    fi
    ;;
kill)
    if pid=$(running_pid); then
        kill -KILL "$pid"
        wait_until_gone
    fi
    ;;
status)
    find_programs
    if answers; then echo "running"; else echo "stopped"; exit 1; fi
    ;;
url) url ;;
*) usage ;;
esac
