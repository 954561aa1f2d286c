#!/usr/bin/env bash
# Breaks one promise after the other, in a copy, and sees whether the test that is named for it fails.
#
#   Tests/sabotage.sh [number…]        only the breakages whose names begin with one of these
#
# A breakage is a file of Tests/Sabotage: which promise, which test must notice, and in which files which lines
# (`-`) become which (`+`). A test sees to it that the lines exist; this sees to it that they matter.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

copy=${SABOTAGE_COPY:-.build/sabotage}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
rm -rf "$copy/tree"
mkdir -p "$copy/tree"
git ls-files --cached --others --exclude-standard -z | tar --null -T - -cf - 2>/dev/null | tar -xf - -C "$copy/tree"

field() { sed -n "s/^$1: //p" "$2"; }

# Applies the changes of a breakage; fails when a line that it changes is not there.
apply() {
    local target= old= new= line content
    flush() {
        [ -n "$old" ] || return 0
        content=$(cat "$copy/tree/$target"; printf x)
        content=${content%x}
        [[ $content == *"$old"* ]] || return 1
        printf '%s' "${content//"$old"/"$new"}" >"$copy/tree/$target"
        old= new=
    }
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '== '*) flush || return 1; target=${line#== } ;;
        -*) [ -z "$new" ] || flush || return 1; old+=${line#-}$'\n' ;;
        +*) new+=${line#+}$'\n' ;;
        esac
    done <"$1"
    flush
}

# Built in one place, so that each breakage costs only what it changes.
build() { swift build --package-path "$copy/tree" --scratch-path "$copy/build" --build-tests >"$log" 2>&1; }

echo 'Building the unbroken copy …'
build || { tail -n 20 "$log"; exit 1; }
unseen=0
for breakage in Tests/Sabotage/*.txt; do
    name=${breakage##*/}
    if [ $# -gt 0 ]; then
        wanted=
        for number in "$@"; do [[ $name != "$number"* ]] || wanted=yes; done
        [ -n "$wanted" ] || continue
    fi
    expect=$(field expect "$breakage")
    verdict='NOT NOTICED'
    if ! apply "$breakage"; then
        verdict='DOES NOT APPLY'
    elif ! build; then
        verdict='DOES NOT BUILD'
        grep -E 'error:' "$log" | head -n 3
    else
        timeout --kill-after=10 150 swift test --package-path "$copy/tree" --scratch-path "$copy/build" --skip-build \
            --filter "^$(field suite "$breakage" | sed 's/\./\\./')/.$expect.\\(\\)" >"$log" 2>&1
        status=$?
        # A test that waits in vain has noticed too.
        if [ $status -eq 124 ] || [ $status -eq 137 ] || grep -q '^✘ Test run with 1 test' "$log"; then
            verdict=noticed
        elif ! grep -q '^✔ Test run with 1 test' "$log"; then
            verdict='DID NOT RUN'
            tail -n 5 "$log"
        fi
    fi
    [ "$verdict" = noticed ] || unseen=$((unseen + 1))
    printf '  %-15s promise %-3s %s\n' "$verdict" "$(field promise "$breakage")" "$(field breaks "$breakage")"
    sed -n 's/^== //p' "$breakage" | while IFS= read -r file; do cp "$file" "$copy/tree/$file"; done
done
[ "$unseen" -eq 0 ] || { echo "$unseen breakages went unnoticed"; exit 1; }
