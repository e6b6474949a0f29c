# What is on the machine already: other labs, networks, routes, engines. Read by scripts/e2e.
# shellcheck shell=bash

clean_machine() {
    unset DOCKER_CONFIG
    end_engine
    local other
    for other in api at-once-1 at-once-2 at-once-3 at-once-4; do
        "$lab" --lab "$name-$other" down >/dev/null 2>&1 || true
    done
    [ -f "$work/compose.yaml" ] || return 0
    for other in first second; do
        docker compose -p "$name-$other" -f "$work/compose.yaml" down -v >/dev/null 2>&1 || true
    done
}

neighbours() {
    local n
    say "labs and tiers whose names begin alike do not meet"
    sed -e 's/^  box:/  api-box:/' -e 's/entry: box/entry: api-box/' -e 's/tier: box/tier: api-box/' \
        stages/stage-1.yaml >"$work/api-box.yaml"
    expect 0 "$lab" up "$work/api-box.yaml" --port 0
    expect 0 "$lab" --lab "$name-api" up stage-1 --port 0
    expect 0 "$lab" --lab "$name-api" down
    expect 0 "$lab" status
    says 'api-box-a1 .*ready'
    expect 0 "$lab" up "$work/api-box.yaml"
    expect 2 "$lab" up "$work/api-box.yaml" --subnet 10.9.0.0/16
    says 'runs in 10\.[0-9.]+/16, and not in 10\.9\.0\.0/16'
    say "an exported file has addresses and ports of its own, and others when it is told"
    expect 0 "$lab" export compose stage-1
    says 'subnet: \$\{LAB_NET:-10\.(1[6-9]|[2-6][0-9]|7[0-6])\}\.0\.0/16'
    says '127\.0\.0\.1:\$\{LAB_PORT_BOX_A1:-[0-9]+\}:8080'
    if docker compose version >/dev/null 2>&1; then
        cp "$work/out" "$work/compose.yaml"
        expect 0 docker compose -p "$name-first" -f "$work/compose.yaml" up -d --wait
        expect 0 env LAB_NET=10.15 LAB_PORT_BOX_A1=0 \
            docker compose -p "$name-second" -f "$work/compose.yaml" up -d --wait
        for n in first second; do expect 0 docker compose -p "$name-$n" -f "$work/compose.yaml" down -v; done
    fi
    expect 0 "$lab" down
    nothing_left
    say "labs that start at the same moment take different subnets"
    local starts=()
    for n in 1 2 3 4; do
        "$lab" --lab "$name-at-once-$n" up stage-1 --port 0 >"$work/at-once-$n" 2>&1 &
        starts+=($!)
    done
    for n in 1 2 3 4; do
        wait "${starts[n - 1]}" || fail "one of four that started at once: $(cat "$work/at-once-$n")"
    done
    for n in 1 2 3 4; do
        expect 0 "$lab" --lab "$name-at-once-$n" down
    done
}

# elsewhere SETUP COMMAND...: the command in a network namespace of its own, with a default route and what
# SETUP adds. Docker's socket is a file and works from there.
elsewhere() {
    unshare --net sh -ec 'ip link set lo up
        ip link add out type bridge && ip address add 192.0.2.2/24 dev out && ip link set out up
        ip route add default via 192.0.2.1
        eval "$1"; shift; exec "$@"' sh "$@"
}

routes() {
    say "routes of tunnels and of other tables: what is free is found, what is in the way is named"
    local plan=("$lab" up stage-1 --dry-run)
    expect 0 elsewhere 'for net in 0.0.0.0/1 128.0.0.0/1 0.0.0.0/2 64.0.0.0/2; do
        ip route add $net via 192.0.2.1; done' "${plan[@]}"
    says 'network \(10\.[0-9]+\.1\.10\)'
    local ten='ip route add 10.0.0.0/8 via 192.0.2.1'
    expect 0 elsewhere "$ten" "${plan[@]}"
    says 'network \(172\.(1[6-9]|2[0-9]|3[01])\.1\.10\)'
    expect 0 elsewhere "$ten table 100; ip route add 172.16.0.0/12 via 192.0.2.1 table 200" "${plan[@]}"
    says 'network \(192\.168\.1\.10\)'
    expect 4 elsewhere "$ten; ip route add 172.16.0.0/12 via 192.0.2.1; ip route add blackhole 192.168.7.0/24 table 100" \
        "${plan[@]}"
    says 'in the way: the route to 10\.0\.0\.0/8 \(out\), the route to 172\.16\.0\.0/12 \(out\)'
    says 'the route to 192\.168\.7\.0/24'
    expect 4 elsewhere "$ten" "$lab" doctor
    says 'subnet 172\.[0-9]+\.0\.0/16 is free'
    expect 0 "${plan[@]}" --subnet 10.9.0.0/16
    says 'network \(10\.9\.1\.10\)'
    expect 4 elsewhere "$ten" "${plan[@]}" --subnet 10.9.0.0/16
    says '10\.9\.0\.0/16 is not free; in the way: the route to 10\.0\.0\.0/8'
    expect 2 env LAB_SUBNET=10.9.0.0/24 "${plan[@]}"
    says 'a lab needs a /16'
}

# An engine in a network namespace of its own: its socket is here, its containers are not.
engine_elsewhere() {
    mkdir -p "$work/engine" && printf '{}' >"$work/engine/daemon.json"
    unshare --net sh -c 'ip link set lo up; exec dockerd --config-file "$1/daemon.json" --data-root "$1/data" \
        --exec-root "$1/exec" --pidfile "$1/pid" --host "unix://$1/socket" --storage-driver vfs' sh "$work/engine" \
        >"$work/engine/log" 2>&1 &
    engine=$!
    await "an engine in another namespace" 'docker --host "unix://$work/engine/socket" version >/dev/null 2>&1'
}

end_engine() {
    [ -n "${engine:-}" ] || return 0
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    engine=
}

engines() {
    say "one engine for everything, and one whose containers are out of reach is refused by name"
    engine_elsewhere
    local far=unix://$work/engine/socket near=unix:///var/run/docker.sock
    export DOCKER_CONFIG=$work/docker
    docker context create far --docker "host=$far" >/dev/null
    docker context create tunnel --docker host=ssh://user@far >/dev/null
    docker context use far >/dev/null 2>&1
    expect 4 "$lab" up stage-1
    says 'far, the current one\) cannot be reached by their addresses: .* no route of this machine leads there'
    [ -z "$(docker --host "$far" network ls -q --filter label=lab)" ] || fail "a network stays on the engine"
    [ -z "$(docker --host "$far" ps -aq)" ] || fail "a container stays on the engine"
    expect 4 "$lab" --context tunnel up stage-1
    says 'ssh://user@far .*it is reached by SSH'
    expect 4 "$lab" --context nowhere up stage-1
    says 'no such context; there are: default, far, tunnel'
    expect 4 env DOCKER_HOST=unix:///nowhere.sock "$lab" status
    says 'unix:///nowhere.sock \(DOCKER_HOST\)'
    # Docker's own command would go on using the other engine.
    expect 0 "$lab" --host "$near" up stage-1
    expect 0 "$lab" --context default status
    says 'engine +unix:///var/run/docker.sock \(context default, --context\)'
    expect 0 env DOCKER_HOST="$near" DOCKER_CONTEXT=far "$lab" exec box-a1 -- id -un
    expect 0 "$lab" --host "$near" psql -c 'select 41 + 1 as answer'
    says '42'
    expect 0 "$lab" --host "$near" down
    unset DOCKER_CONFIG
    end_engine
    nothing_left
}
