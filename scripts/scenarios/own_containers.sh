# shellcheck shell=bash
# Tiers of any image: MariaDB with a replica and a page in PHP. Sourced by scripts/e2e.

# own_mariadb NAME [LINE]: the stage of tests/mariadb with a further variable of the database.
own_mariadb() {
    sed "s/lab-test-\([a-z]*\):1/$name-\1:1/; s/{PRIMARY: db-a1, /&${2:-}/" tests/mariadb/notes.yaml >"$work/$1.yaml"
    printf '%s\n' "$work/$1.yaml"
}

own_containers() {
    local base stage
    base=$("$lab" images build | awk '$1 == "base" { print $2 }')
    docker build -q -t "$name-mariadb:1" --build-arg BASE="$base" tests/mariadb/db >/dev/null
    docker build -q -t "$name-page:1" --build-arg BASE="$base" tests/mariadb/page >/dev/null
    stage=$(own_mariadb sound)

    say "MariaDB and PHP: its primary is found by asking"
    expect 0 "$lab" check "$stage"
    expect 0 "$lab" up "$stage" --port 0
    expect 0 "$lab" status
    says '^db-a1 .*primary.*ready'
    says '^db-b1 .*replica.*ready'
    expect 0 "$lab" workload check
    says '^write .* read +found'
    expect 0 "$lab" exec page-b1 -- getent ahostsv4 db-b1 page
    says 'STREAM db-b1'
    says 'STREAM page'
    say "and hit: no acknowledged note is lost, and the replica has them all"
    expect 0 "$lab" verify --quick
    says '^kill-primary +survived'
    says '^kill-page +survived'
    local count
    count=$("$lab" exec db-a1 -- mariadb --batch --skip-column-names --execute='select count(*) from notes.notes')
    # The canary goes on writing.
    await "the replica to have $count notes and more" '[ "$("$lab" exec db-b1 -- mariadb --batch \
        --skip-column-names --execute="select count(*) from notes.notes")" -ge "$count" ]'
    say "a container that is made anew keeps its folders"
    docker rm -f "$name.db-a1" >/dev/null
    expect 0 "$lab" up "$stage"
    [ "$("$lab" exec db-a1 -- mariadb --batch --skip-column-names --execute='select count(*) from notes.notes')" -ge "$count" ] ||
        fail "notes are gone"
    expect 0 "$lab" down
    nothing_left

    say "with commits that are durable once a second, the same kill loses some"
    expect 1 "$lab" verify "$(own_mariadb lazy 'FLUSH: "0", ')" --quick --only kill-primary
    says 'no-lost-write: [0-9]+ of [0-9]+ acknowledged writes lost'
    say "a question that nobody answers: nobody is the primary, and that is said"
    sed 's/--execute=select @@read_only/--execute=select nothing/' "$stage" >"$work/dumb.yaml"
    expect 0 "$lab" up "$work/dumb.yaml" --port 0
    expect 2 "$lab" chaos kill-primary
    says 'tier db has no primary at this moment'
    expect 0 "$lab" down
    sed 's/primary: ^0\$/primary: "^(0$"/' "$stage" >"$work/expression.yaml"
    expect 2 "$lab" check "$work/expression.yaml"
    says 'expression.yaml:[0-9]+:[0-9]+: this is no regular expression: unclosed group'
    docker rmi -f "$name-mariadb:1" "$name-page:1" >/dev/null
    nothing_left
}
