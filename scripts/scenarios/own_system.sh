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

# page FILE: runs every block of commands of a page, one after the other, as a reader does.
page() {
    {
        printf 'set -euo pipefail\nlab() { %q "$@"; }\n' "$lab"
        awk '/^```/ { runs = ($0 == "```sh"); next } runs' "$1"
    } >"$work/page"
    grep -q '^lab verify' "$work/page" || fail "$1 has no commands any more"
    expect 0 bash "$work/page"
}

own_system() {
    say "docs/own-system.md, command by command"
    export LAB_OUT=runs
    page docs/own-system.md
    export LAB_OUT=$work/runs
    says '^write .* read +found'
    says 'listed +in GET /notes\?last=50'
    says '^read-me +200'
    says '\(invariants\) +listed +holds'
    says '^kill-web +survived'
    says 'no-lost-write: [0-9]+ of [0-9]+ acknowledged writes lost'
    says 'session-guarantees: '
    nothing_left

    local stage
    docker tag notes:1 "$name-notes:1"
    say "a promise that is looked for in the wrong place is told before anything is judged"
    stage=$(own_notes sound)
    sed 's#GET /notes/{id}#GET /note/{id}#' tests/own/notes-workload.yaml >"$work/notes/wrong.yaml"
    expect 0 "$lab" up "$stage" --port 0
    expect 1 "$lab" workload check "$work/notes/wrong.yaml"
    says 'read +NOT KEPT: not'
    expect 0 "$lab" down
    say "without a look at idempotency keys: writes that happen twice"
    expect 1 "$lab" verify "$(own_notes twice 'env: {TWICE: "yes"}')" --quick
    says 'exactly-once: [0-9]+ writes? with more than one effect'
    docker rmi -f "$name-notes:1" notes:1 >/dev/null
    nothing_left
}
