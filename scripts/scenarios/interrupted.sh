# shellcheck shell=bash
# Ctrl-C in every long command, for scripts/e2e.

# interrupt PID OUTPUT: Ctrl-C, and what the tool then ends with.
interrupt() {
    local code=0
    kill -INT "$1"
    wait "$1" || code=$?
    [ "$code" = 130 ] || {
        cat "$2" >&2
        fail "exit code $code after Ctrl-C instead of 130"
    }
}

interrupted() {
    say "Ctrl-C in up, chaos and verify: exit code 130, healed, what was started is removed"
    # A shell starts background commands deaf to Ctrl-C; Python's child is not.
    hear() { exec python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"; }
    # From nothing: after a fail-over the primary would be another one.
    expect 0 "$lab" down
    hear "$lab" up stage-1k >"$work/up" 2>&1 &
    local tool=$!
    await "containers to be started" '[ "$(docker ps -q --filter "label=lab=$name" | wc -l)" -ge 4 ]'
    interrupt "$tool" "$work/up"
    expect 0 "$lab" up stage-1k
    hear "$lab" chaos kill-primary --for 60s >"$work/chaos" 2>&1 &
    tool=$!
    await "the primary to be killed" '[ "$(docker inspect -f "{{.State.Running}}" "$name.db-a1")" = false ]'
    # Two commands that break and judge would take each other's faults for their own.
    expect 4 "$lab" chaos kill-web
    interrupt "$tool" "$work/chaos"
    expect 0 "$lab" heal
    says 'no fault is active'
    [ "$(docker inspect -f '{{.State.Running}}' "$name.db-a1")" = true ] || fail "db-a1 is not healed"
    expect 0 "$lab" down
    # What had come to its end until then is judged and reported.
    (unset LAB_QUIET && hear "$lab" verify stage-100 --quick --only kill-web-server --only kill-primary \
        --out "$work/cut") >"$work/verify" 2>&1 &
    tool=$!
    await "the database to be killed" '[ "$(docker inspect -f "{{.State.Status}}" "$name.db-a1" 2>/dev/null)" = exited ]'
    interrupt "$tool" "$work/verify"
    grep -Eq '^=> 2 experiments: [0-9]+ to [0-9]+ ' "$work/verify" || fail "verify does not say how long it takes"
    grep -Eq '^kill-web-server +survived' "$work/verify" ||
        fail "nothing is said of what was proven: $(cat "$work/verify")"
    [ -s "$work/cut/latest/results.json" ] && [ -s "$work/cut/latest/report.html" ] || fail "no report of it"
    nothing_left
}
