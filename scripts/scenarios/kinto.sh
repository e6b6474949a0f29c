# shellcheck shell=bash
# A system that nobody here wrote, and its red twins. Sourced by scripts/e2e.

# kinto_stage NAME [SED]: the stage of tests/kinto, changed.
kinto_stage() {
    sed -e "s/lab-test-kinto:1/$name-kinto:1/" -e "${2:-}" tests/kinto/kinto.yaml >"$work/$1.yaml"
    printf '%s\n' "$work/$1.yaml"
}

kinto() {
    local base stage
    base=$("$lab" images build | awk '$1 == "base" { print $2 }')
    docker build -q -t "$name-kinto:1" --build-arg BASE="$base" tests/kinto >/dev/null
    stage=$(kinto_stage kinto)
    say "Kinto: every operation is tried, every promise found"
    expect 0 "$lab" up "$stage" --port 0
    expect 0 "$lab" workload check
    says '^write .* read +found'
    says '^read-me +200'
    expect 0 "$lab" psql -c "select current_user, current_database(), (select count(*) from hello), similarity('a', 'a')"
    says 'kinto_app +\| kinto +\| +1 \| +1'
    expect 0 "$lab" down
    say "it survives the loss of a task, of its primary, of the link between its servers, of a zone"
    expect 0 "$lab" verify "$stage" --quick
    local experiment
    for experiment in kill-web kill-primary cut-replication-then-kill lose-zone; do says "^$experiment +survived"; done
    say "asynchronous replication loses writes"
    expect 1 "$lab" verify "$(kinto_stage async 's/replication: synchronous/replication: asynchronous/')" --quick \
        --only cut-replication-then-kill
    says 'no-lost-write: [0-9]+ of [0-9]+ acknowledged writes lost'
    say "with one task nobody is served while it is away"
    expect 1 "$lab" verify "$(kinto_stage single '/image: .*-kinto:1/,/zones:/s/zones: .*/zones: [a]/')" --quick --only kill-web
    says 'availability: '
    say "without a standby nobody takes over"
    expect 1 "$lab" verify "$(kinto_stage alone '/kind: postgres/,/database:/s/zones: .*/zones: [a]/
        /cut-replication-then-kill:/,/objectives:/d')" --quick --only kill-primary
    says 'recovery: |availability: '
    say "in one zone there is nothing left when that is lost"
    expect 1 "$lab" verify "$(kinto_stage narrow '/image: .*-kinto:1/,/zones:/s/zones: .*/zones: {a: 2}/')" --quick --only lose-zone
    says 'availability: '
    docker rmi -f "$name-kinto:1" >/dev/null
    nothing_left
}
