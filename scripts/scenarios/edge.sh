# shellcheck shell=bash
# Scenarios of the edge and of capacity units, for scripts/e2e.

front() {
    say "one client that floods is cut off, attacks are refused, and the name leads to what works"
    needs dig bind9-dnsutils
    local file site dns
    file=$(stage stage-500k)
    expect 0 "$lab" verify "$file" --quick --only flood --only kill-edge --keep
    "$lab" status --format json >"$work/status"
    site=$(endpoint site cdn) dns=$(endpoint name dns-a1)
    expect 0 curl -s -o /dev/null -w '%{http_code}' "$site/products?q=1%27%20or%201=1"
    says '^403$'
    expect 0 curl -s -o /dev/null -w '%{http_code}' "$site/products?page=1"
    says '^200$'
    dns=${dns#dns://}
    expect 0 edges "$dns"
    says '^10\..*'

    say "the name leaves out an edge node that does not answer, and takes it back when it does"
    await "the name to stand for both edge nodes" '[ "$(edges "$dns" | wc -l)" = 2 ]'
    "$lab" chaos kill-cdn --mode silent --for 15s >"$work/chaos" 2>&1 &
    local chaos=$!
    await "the name to leave the dead one out" '[ "$(edges "$dns" | wc -l)" = 1 ]'
    wait "$chaos" || { cat "$work/chaos" >&2; fail "chaos kill-cdn failed"; }
    await "the name to take it back" '[ "$(edges "$dns" | wc -l)" = 2 ]'
    "$lab" down
    nothing_left
}

# edges ADDRESS:PORT/NAME: the addresses that the name stands for at this moment.
edges() {
    local server=${1%%/*}
    dig +short +tries=1 +time=2 "@${server%%:*}" -p "${server##*:}" "${1##*/}" | grep '^10\.'
}

capacity() {
    say "a database grows under load and shrinks after it, and no request notices"
    cat >"$work/capacity.yaml" <<'YAML'
stage: capacity
title: A database with capacity units
users: 1000
intent: The database grows and shrinks while it serves.
regions: [{name: eu, zones: [a]}]
time_scale: 20
tiers:
  web: {kind: service, database: db, zones: {a: 2}, publish: 8080}
  db:
    kind: postgres
    zones: [a]
    capacity: {min: 1, max: 4, milli_cpus_per_unit: 100, memory_mib_per_unit: 192}
control_plane: {canary_per_s: 0}
traffic: {entry: web, rate_per_s: 100}
objectives: {availability_percent: 100, p99_ms: 1000, rto_ms: 5000}
experiments: {}
YAML
    expect 0 "$lab" up "$work/capacity.yaml"
    expect 0 "$lab" load --rate 150 --for 30s --format json
    says '"fail": ?0,'
    says '"unknown": ?0,?'
    "$lab" status --format json >"$work/status"
    local metrics
    metrics=$(endpoint metrics .)
    expect 0 curl -s "$metrics"
    says 'lab_database_capacity_units\{tier="db"\} (1\.5|2|2\.5|3|3\.5|4)$'
    for _ in $(seq 60); do
        shrunk "$metrics" && break
        sleep 1
    done
    shrunk "$metrics" || fail "the database has not shrunk within a minute"
    "$lab" down
    nothing_left
}

shrunk() { curl -s "$1" | grep >/dev/null 'lab_database_capacity_units{tier="db"} 1$'; }
