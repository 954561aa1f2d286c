#!/usr/bin/env bash
# Installs the Debian packages that are missing: to build (always), and to run the servers and the offline kinds.
#   prerequisites.sh build|run|test
# Works on Debian 12 and 13 and Ubuntu 24.04 as root or through sudo; elsewhere it says what to install.
# Nothing that a package brings is started or left enabled: Martlet runs servers of its own in its own folder.
set -euo pipefail
say() { printf '%s\n' "$*" >&2; }

command -v swift >/dev/null 2>&1 || {
    say "Swift 6.3 is needed and not on the PATH: install the toolchain and try again."
    exit 1
}

# The first of several names that this system's package lists know: names differ between releases.
first_known() {
    local name
    for name in "$@"; do
        # A name that other packages only mention has the candidate "(none)". Not by a pipe to `grep -q`: that ends at
        # the first match, and whoever still writes to it fails.
        if [[ $(apt-cache policy "$name" 2>/dev/null) == *"Candidate: "[^\(]* ]]; then printf '%s\n' "$name" && return; fi
    done
    printf '%s\n' "$1"
}
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

wanted() { # wanted PURPOSE: one line per package, alternatives separated by spaces
    cat <<'LIST'
libncurses6
libcurl4t64 libcurl4
libxml2 libxml2-16
libedit2
libsqlite3-0
gcc
libc6-dev
libstdc++-12-dev libstdc++-14-dev libstdc++-13-dev
binutils
make
pkg-config pkgconf
libboost1.81-dev libboost1.83-dev libboost-dev
libpq-dev
librabbitmq-dev
libcurl4-openssl-dev
libssl-dev
libsimdjson-dev
LIST
    [ "$1" = build ] || cat <<'LIST'
postgresql
rabbitmq-server
tzdata
espeak-ng
imagemagick
ffmpeg
fonts-dejavu-core
LIST
    # The examples of the documentation are run by a test, and services whose clocks are wrong by another.
    [ "$1" != test ] || printf 'curl\npython3\nfaketime\n'
}

purpose=${1:?build, run or test}
if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    say "This is not a Debian or Ubuntu system: make sure that the like of these packages is installed:"
    wanted "$purpose" | sed 's/ .*//; s/^/  /' >&2
    exit 0
fi

find_missing() {
    missing=()
    local names name found
    while read -r -a names; do
        found=
        for name in "${names[@]}"; do installed "$name" && found=1 && break; done
        [ -n "$found" ] || missing+=("${names[*]}")
    done < <(wanted "$purpose")
}
find_missing
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        say "These packages are missing, and neither are we root nor is there sudo. Install them and try again:"
        printf '  %s\n' "${missing[@]%% *}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"; }

say "Installing what is missing: ${missing[*]%% *}"
apt_get update >/dev/null
packages=()
for names in "${missing[@]}"; do
    # shellcheck disable=SC2086 — the alternatives are words.
    packages+=("$(first_known $names)")
done

# Packages of servers start them and enable them at boot. We want their programs only: while they are installed
# nothing may be started, and what is new is disabled afterwards. What was there before is not touched.
new_servers=()
for server in postgresql rabbitmq-server; do
    for package in "${packages[@]}"; do [ "$package" != "$server" ] || new_servers+=("$server"); done
done
policy=/usr/sbin/policy-rc.d
placed=
if [ ${#new_servers[@]} -gt 0 ] && [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    placed=1
fi
restore() { [ -z "$placed" ] || "${as_root[@]}" rm -f $policy; }
trap restore EXIT
had_clusters=$(ls /etc/postgresql/*/main 2>/dev/null || true)
apt_get install --no-install-recommends "${packages[@]}" >/dev/null || {
    say "apt-get could not install them; see its words above."
    exit 1
}
for server in "${new_servers[@]}"; do
    case $server in
    postgresql)
        # The empty cluster that the package makes; one that was there before stays.
        [ -n "$had_clusters" ] || for folder in /etc/postgresql/*/main; do
            [ -d "$folder" ] || continue
            "${as_root[@]}" pg_dropcluster "$(basename "$(dirname "$folder")")" main >/dev/null 2>&1 || true
        done
        units=(postgresql.service) ;;
    *) units=(rabbitmq-server.service epmd.service epmd.socket) ;;
    esac
    if command -v systemctl >/dev/null 2>&1; then
        "${as_root[@]}" systemctl disable "${units[@]}" >/dev/null 2>&1 || true
    fi
done
find_missing
[ ${#missing[@]} -eq 0 ] || { say "still missing: ${missing[*]%% *}"; exit 1; }
