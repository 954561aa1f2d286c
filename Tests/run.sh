#!/usr/bin/env bash
# Runs all tests, group after group: tests with servers of their own must not starve one another.
# Every folder Tests/*Tests belongs to a group; what is in none of the lists below runs first.
#
#   Tests/run.sh [--except GROUP]… [options of swift test…]
set -uo pipefail
cd "$(dirname "$0")/.."
except=" "
while [ "${1:-}" = --except ]; do
    except+="$2 "
    shift 2
done
groups=(
    "PostgresTests|HTTPServerTests|HTTPClientTests|LanguageModelsTests"
    # The fuzzer calculates while the others wait for brokers.
    "RabbitMQTests|MessagingTests|FuzzTests"
    "JobQueueServiceTests|AgentServiceTests|CommandLineTests"
    "NotificationServiceTests"
    "SystemTests"
)
named="|$(IFS='|'; printf '%s' "${groups[*]}")|"
rest=
for folder in Tests/*Tests; do
    name=${folder#Tests/}
    [[ $named == *"|$name|"* ]] || rest+="${rest:+|}$name"
done

passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for group in "$rest" "${groups[@]}"; do
    [[ $except != *" $group "* ]] || continue
    printf '\n== %s\n' "${group//|/ }"
    # A group that takes longer hangs; the next ones still run.
    timeout --kill-after=10 900 swift test --skip-build --experimental-maximum-parallelization-width 4 \
        --filter "^(${group})\\." "$@" 2>&1 | tee "$log" |
        grep -E '^✘|^↳|✔ Suite|Test run with|recorded an issue|error:|skipped|^(postgres|rabbitmq)\.sh:' |
        grep -v '^↳ Test\(ing Library\|\) '
    status=${PIPESTATUS[0]}
    ran=$(sed -n 's/.*Test run with \([0-9]*\) tests\{0,1\} .*/\1/p' "$log" | tail -n 1)
    broken=$(grep -cE '^✘ Test ".* failed after' "$log")
    if [ "$status" -ne 0 ] && [ "$broken" -eq 0 ]; then
        broken=1
        echo "✘ the group ended with status $status"
        tail -n 40 "$log"
    fi
    sed -n '/WARNING: ThreadSanitizer/,/^====/p; /ERROR: \(Address\|Leak\)Sanitizer/,$p' "$log"
    failed=$((failed + broken))
    passed=$((passed + ${ran:-0} - (broken > ${ran:-0} ? ${ran:-0} : broken)))
done
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
