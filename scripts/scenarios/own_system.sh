# shellcheck shell=bash
# A system that the lab knows nothing of: an image, traffic and promises of somebody else's. Sourced by
# scripts/e2e.

# own_notes NAME [LINE]: the stage of tests/own with a further line in its tier.
own_notes() {
    mkdir -p "$work/notes"
    cp tests/own/notes-workload.yaml "$work/notes/"
    sed "s#^    image: .*#    image: $name-notes:1${2:+\n    $2}#" tests/own/notes.yaml >"$work/notes/$1.yaml"
    printf '%s\n' "$work/notes/$1.yaml"
}

own_system() {
    local base stage
    base=$("$lab" images build | awk '$1 == "base" { print $2 }')
    printf 'FROM %s\nCOPY notes.pl /notes.pl\nCMD ["perl", "/notes.pl"]\n' "$base" >"$work/notes.dockerfile"
    docker build -q -t "$name-notes:1" -f "$work/notes.dockerfile" tests/own >/dev/null 2>&1 ||
        fail "the image of the system cannot be built"

    say "a system of somebody else's: each operation is tried once, and every promise found"
    stage=$(own_notes sound)
    expect 0 "$lab" check "$stage" "$work/notes/notes-workload.yaml"
    expect 0 "$lab" up "$stage" --port 0
    expect 0 "$lab" workload check
    says '^write .* read +found'
    says 'listed +in GET /notes\?last=50'
    says '^read-me +200'
    says '\(invariants\) +listed +holds'
    say "a promise that is looked for in the wrong place is told before anything is judged"
    sed 's#GET /notes/{id}#GET /note/{id}#' tests/own/notes-workload.yaml >"$work/notes/wrong.yaml"
    expect 1 "$lab" workload check "$work/notes/wrong.yaml"
    says 'read +NOT KEPT: not'
    say "its own traffic and promises are judged"
    expect 0 "$lab" verify "$stage" --quick
    says '^kill-web +survived'
    expect 0 "$lab" down

    say "without a disk: lost writes, by its own ids, and versions that go back"
    expect 1 "$lab" verify "$(own_notes forgets 'env: {FORGETS: "yes"}')" --quick
    says 'no-lost-write: [0-9]+ of [0-9]+ acknowledged writes lost'
    says 'session-guarantees: '
    say "without a look at idempotency keys: writes that happen twice"
    expect 1 "$lab" verify "$(own_notes twice 'env: {TWICE: "yes"}')" --quick
    says 'exactly-once: [0-9]+ writes? with more than one effect'
    docker rmi -f "$name-notes:1" >/dev/null
    nothing_left
}
