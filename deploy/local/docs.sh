#!/usr/bin/env bash
# Writes the parts of the documentation that are made from the code: docs/settings.md.
#   docs.sh [FOLDER OF THE PROGRAMS]      prints to docs/settings.md, or to standard output with OUT=-
set -euo pipefail
cd "$(dirname "$0")/../.."
programs=${1:-$(swift build --show-bin-path)}
out=${OUT:-docs/settings.md}
write() {
    printf '# Settings\n\nAll settings come from the environment. Each may come from a file instead: `DATABASE_URL_FILE=/run/secrets/url`. Every\n'
    printf 'mistake is listed at start, with exit status 2; `--print-settings` shows what a program found, and where.\n'
    printf '\nThis page is made from the code by `make docs`.\n'
    for program in agent-service job-queue-service notification-service; do
        printf '\n## %s\n\n' "$program"
        "$programs/$program" --describe-settings
    done
}
if [ "$out" = - ]; then write; else write >"$out"; fi
