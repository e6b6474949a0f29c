# shellcheck shell=bash
# Tiers of any image: MariaDB with a replica and a page in PHP. Sourced by scripts/e2e.

# own_mariadb NAME [LINE]: the stage of tests/mariadb with a further variable of the database.
own_mariadb() {
    mkdir -p "$work/mariadb"
    cp -r tests/mariadb/db tests/mariadb/page "$work/mariadb"
    sed "s/{PRIMARY: db-a1, /&${2:-}/" tests/mariadb/notes.yaml >"$work/mariadb/$1.yaml"
    printf '%s\n' "$work/mariadb/$1.yaml"
}

own_containers() {
    local stage
    stage=$(own_mariadb sound)

    say "MariaDB and PHP: its primary is found by asking"
    expect 0 "$lab" check "$stage"
    expect 0 "$lab" up "$stage" --port 0
    expect 0 "$lab" status
    says '^db-a1 .*primary.*ready'
    says '^db-b1 .*replica.*ready'
    says '^schema-a1 .*done'
    says '^page-b1 .*ready'
    expect 0 "$lab" up "$stage" --port 0
    says 'nothing to do'
    expect 0 "$lab" workload check
    say "what was built of a folder is built anew when that changes, and made anew where it runs"
    printf '// Changed.\n' >>"$work/mariadb/page/page.php"
    expect 0 "$lab" up "$stage" --port 0
    expect 0 "$lab" exec page-b1 -- tail -1 /srv/page.php
    says '^// Changed'
    expect 0 "$lab" workload check
    says '^write .* read +found'
    says '^directly .* read +found'
    says '^\(invariants\) .* texts +holds'
    say "a workload of a file has commands of its own"
    cat >"$work/mariadb/other.yaml" <<'YAML'
workload:
  operations:
    count: {safe: true, exec: {tier: db, command: [sh, -c, "while read -r line; do echo '{}'; done"]}, json: {all: true}}
YAML
    expect 0 "$lab" workload check "$work/mariadb/other.yaml"
    say "names: a node's is its address, a tier's is one that works, another one each time"
    expect 0 "$lab" exec page-b1 -- getent ahostsv4 db-b1 lb
    says 'STREAM db-b1'
    says 'STREAM lb'
    asked_for_db() {
        local n
        for n in 1 2 3 4 5 6; do "$lab" exec page-b1 -- getent ahostsv4 db | awk 'NR == 1 { print $1 }'; done | sort -u
    }
    await "both databases to be answered" '[ "$(asked_for_db | wc -l)" = 2 ]'
    # What began under a page that was just made anew would be no steady state.
    await "the canary to be served" canary_is_served
    "$lab" chaos kill-db --zone b --for 20s >"$work/killing" 2>&1 &
    local killing=$!
    await "only one to be answered" '[ "$(asked_for_db | wc -l)" = 1 ]'
    wait "$killing" || fail "kill-db: $(cat "$work/killing")"
    expect 0 "$lab" exec page-b1 -- getent ahostsv4 localhost
    say "a flood of writes of the workload, each with a key of its own"
    expect 0 env -u LAB_QUIET "$lab" chaos flood --operation write --clients 2 --per-second 20 --for 3s
    ! grep -q 'was not planned' "$work/out" || fail "blamed for the fault before: $(cat "$work/out")"
    says '(1[0-9][0-9]|[89][0-9]) passed'
    expect 2 "$lab" chaos flash-crowd --operation write
    says 'no operation `write` that they can ask for; there are: count'
    say "and hit: no acknowledged note is lost, and the replica has them all"
    expect 0 "$lab" verify --quick
    says '^kill-primary +survived'
    says '^kill-page +survived'
    says '^slow-database +survived'
    says '^cut-database +survived'
    says '^lose-replica +survived'
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
    sed 's/--execute=select @@read_only/--execute=select nothing/' "$stage" >"$work/mariadb/dumb.yaml"
    expect 0 "$lab" up "$work/mariadb/dumb.yaml" --port 0
    expect 2 "$lab" chaos kill-primary
    says 'tier db has no primary at this moment'
    expect 0 "$lab" down
    sed 's/primary: ^0\$/primary: "^(0$"/' "$stage" >"$work/mariadb/expression.yaml"
    expect 2 "$lab" check "$work/mariadb/expression.yaml"
    says 'expression.yaml:[0-9]+:[0-9]+: this is no regular expression: unclosed group'
    say "a job that fails: its last words, and nothing that needs it begins"
    sed "s/CREATE TABLE IF NOT EXISTS/CREATE SOMETHING/" "$stage" >"$work/mariadb/failing.yaml"
    expect 4 "$lab" up "$work/mariadb/failing.yaml" --port 0
    says 'schema-a1 stopped: exited \(1\)'
    says 'You have an error in your SQL syntax'
    [ -z "$(docker ps -q --filter "label=lab=$name" --filter label=lab.node=page-a1 --filter label=lab.part=main)" ] ||
        fail "the page began"
    expect 0 "$lab" down
    docker images -q --filter label=lab.image=built | sort -u | xargs docker rmi -f >/dev/null
    nothing_left
}
