# The engine itself restarts under a lab. It is one of the scenario's own, in a network namespace of its own, with
# the images of this machine. Read by scripts/e2e.
# shellcheck shell=bash

# within COMMAND...: in the namespace of that engine, with that engine.
within() { nsenter --net="/proc/$namespace/ns/net" env DOCKER_HOST="unix://$work/inside/socket" "$@"; }

begin_engine_inside() {
    within dockerd --config-file "$work/inside/daemon.json" --data-root "$work/inside/data" \
        --exec-root "$work/inside/exec" --pidfile "$work/inside/pid" --host "unix://$work/inside/socket" \
        --containerd-namespace "e2e-$$" --containerd-plugins-namespace "e2e-plugins-$$" \
        --storage-driver "$(docker info --format '{{.Driver}}')" >>"$work/inside/log" 2>&1 &
    inside=$!
    await "an engine of the scenario's own" 'within docker version >/dev/null 2>&1'
}

# As it ends when a package is updated or the machine is shut down: with all of its containers.
end_engine_inside() {
    [ -n "${inside:-}" ] || return 0
    kill "$inside" 2>/dev/null || true
    wait "$inside" 2>/dev/null || true
    inside=
}

clean_engine_inside() {
    if [ -n "${inside:-}" ]; then
        within "$lab" down >/dev/null 2>&1 || true
        end_engine_inside
    fi
    [ -z "${namespace:-}" ] || kill "$namespace" 2>/dev/null || true
    namespace=
}

engine_restarts() {
    say "an engine that is restarted under a lab"
    mkdir -p "$work/inside" && printf '{}' >"$work/inside/daemon.json"
    unshare --net sh -c 'ip link set lo up; exec sleep infinity' &
    namespace=$!
    await "a namespace of its own" '[ "$(nsenter --net=/proc/$namespace/ns/net ip -br link show up | wc -l)" = 1 ]'
    begin_engine_inside
    local kinds='app|control|etcd|net|netproxy|nginx|postgres|redis|base|rootfs' images
    images=$(docker images --format '{{.Repository}}:{{.Tag}}' | grep -E "^lab/($kinds):")
    # shellcheck disable=SC2086  # One word for each image.
    docker save $images | within docker load >/dev/null
    local stage order
    stage=$(stage stage-1k)
    expect 0 within "$lab" up "$stage" --port 18080
    expect 0 within "$lab" verify --quick --only kill-task
    for restart in 1 2; do
        order=$(within curl -fsS http://127.0.0.1:18080/products | head -c 200)
        [ -n "$order" ] || fail "nothing is served before restart $restart"
        end_engine_inside
        begin_engine_inside
        expect 0 within "$lab" up "$stage" --port 18080
        expect 0 within "$lab" up "$stage" --port 18080
        says 'nothing to do'
        [ "$(within curl -fsS http://127.0.0.1:18080/products | head -c 200)" = "$order" ] || fail "other products"
        expect 0 within "$lab" verify --quick --only kill-task
    done
    expect 0 within "$lab" down
    [ -z "$(within docker ps -aq)$(within docker volume ls -q)" ] || fail "left over in the engine"
    clean_engine_inside
}
