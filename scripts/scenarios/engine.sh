# The engine itself restarts under a lab. It is one of the scenario's own, in a network namespace of its own, with
# the images of this machine. Read by scripts/e2e.
# shellcheck shell=bash

# What was begun is known by files: the scenario runs in a shell of its own, and who cleans up in another.
holder() { cat "$work/inside/holder" 2>/dev/null; }

# within COMMAND...: in the namespace of that engine, with that engine.
within() { nsenter --net="/proc/$(holder)/ns/net" env DOCKER_HOST="unix://$work/inside/socket" "$@"; }

begin_engine_inside() {
    within dockerd --config-file "$work/inside/daemon.json" --data-root "$work/inside/data" \
        --exec-root "$work/inside/exec" --pidfile "$work/inside/pid" --host "unix://$work/inside/socket" \
        --containerd-namespace "e2e-$$" --containerd-plugins-namespace "e2e-plugins-$$" \
        --storage-driver "$(docker info --format '{{.Driver}}')" >>"$work/inside/log" 2>&1 &
    await "an engine of the scenario's own" 'within docker version >/dev/null 2>&1'
}

# As it ends when a package is updated or the machine is shut down: with all of its containers.
end_engine_inside() {
    local engine
    engine=$(cat "$work/inside/pid" 2>/dev/null) || return 0
    kill "$engine" 2>/dev/null || return 0
    await "the end of the engine" '! kill -0 '"$engine"' 2>/dev/null'
}

clean_engine_inside() {
    [ -e "$work/inside/holder" ] || return 0
    within "$lab" down >/dev/null 2>&1 || true
    end_engine_inside
    kill "$(holder)" 2>/dev/null || true
    rm -rf "$work/inside"
}

engine_restarts() {
    say "an engine that is restarted under a lab"
    clean_engine_inside
    mkdir -p "$work/inside" && printf '{}' >"$work/inside/daemon.json"
    unshare --net sh -c 'ip link set lo up; exec sleep infinity' &
    echo $! >"$work/inside/holder"
    await "a namespace of its own" '[ "$(nsenter --net="/proc/$(holder)/ns/net" ip -br link show up | wc -l)" = 1 ]'
    begin_engine_inside
    local kinds='app|control|etcd|net|netproxy|nginx|postgres|redis|base|rootfs' images
    images=$(docker images --format '{{.Repository}}:{{.Tag}}' | grep -E "^lab/($kinds):")
    # shellcheck disable=SC2086  # One word for each image.
    docker save $images | within docker load >/dev/null
    local stage restart
    stage=$(stage stage-1k)
    expect 0 within "$lab" up "$stage" --port 18080
    expect 0 within "$lab" verify --quick --only kill-web
    for restart in 1 2; do
        within curl -fsS http://127.0.0.1:18080/posts -H "Idempotency-Key: restart-$restart" \
            -H 'Content-Type: application/json' -d "{\"topic\": \"restarts\", \"body\": \"before $restart\"}" \
            >/dev/null || fail "nothing is written before restart $restart"
        end_engine_inside
        begin_engine_inside
        expect 0 within "$lab" up "$stage" --port 18080
        expect 0 within "$lab" up "$stage" --port 18080
        says 'nothing to do'
        within curl -fsS 'http://127.0.0.1:18080/posts?topic=restarts' >"$work/posts"
        [ "$(grep -o '"before [12]"' "$work/posts" | wc -l)" = "$restart" ] || fail "posts were lost: $(cat "$work/posts")"
        expect 0 within "$lab" verify --quick --only kill-web
    done
    expect 0 within "$lab" down
    [ -z "$(within docker ps -aq)$(within docker volume ls -q)" ] || fail "left over in the engine"
    clean_engine_inside
}
