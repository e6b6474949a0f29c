# shellcheck shell=bash
# What others do to the lab's containers: clean-ups, restarts, removals. One lab for all of it. Read by
# scripts/e2e.

# prune: a routine clean-up of containers, of this lab alone.
prune() { docker container prune -f --filter "label=lab=$name" >/dev/null; }

# whole: every node is ready by its own account.
whole() {
    "$lab" status --format json >"$work/status" 2>/dev/null &&
        python3 - "$work/status" <<'EOP'
import json, sys
status = json.load(open(sys.argv[1]))
sys.exit(any(n["health"] not in ("ready", "in reserve") for n in status["nodes"]) or bool(status["strays"]))
EOP
}

started() { docker inspect -f '{{.State.StartedAt}}' "$name.$1"; }

others() {
    local file own=e2e-own:$$
    file=$(stage stage-1k)
    [ -f "$file" ] || file=stages/stage-1k.yaml
    sed "s/    image: app$/    image: $own/" "$file" >"$work/others.yaml"
    file=$work/others.yaml
    docker tag "$(docker images -q lab/app | head -1)" "$own"
    # Another definition of a stage may run.
    expect 0 "$lab" down
    expect 0 "$lab" up "$file" --port 0

    say "a clean-up takes the record of a lost zone: heal finds the effects"
    "$lab" chaos lose-zone --zone b --for 120s >"$work/chaos" 2>&1 &
    local chaos=$!
    await "zone b to be dark" '[ "$(docker inspect -f "{{.State.Running}}" "$name.lb-b1")" = false ]'
    kill -9 "$chaos"
    wait "$chaos" 2>/dev/null || true
    prune
    expect 0 "$lab" heal
    says 'found a packet filter on web-b1, undone: no fault on record explains it'
    # The clean-up took what was killed as well.
    expect 0 "$lab" up "$file"
    await "the lab to be whole" whole
    expect 0 "$lab" status
    says 'noted .*a packet filter on web-b1'
    expect 0 "$lab" heal
    says 'no fault is active'

    say "the same of a fault that cuts off a few peers only: up finds it"
    "$lab" chaos cut-replication --for 120s >"$work/chaos" 2>&1 &
    chaos=$!
    await "the link to be cut" '[ -n "$(docker ps -aq --filter "label=lab=$name" --filter label=lab.part=fault)" ] &&
        case $(for node in a b; do docker exec "$name.db-${node}1.net" nft list tables; done 2>&1) in *lab_*) ;; *) false ;; esac'
    kill -9 "$chaos"
    wait "$chaos" 2>/dev/null || true
    prune
    docker pause "$name.web-a1" >/dev/null
    docker update --memory 100m --memory-swap 200m "$name.web-b1" >/dev/null
    expect 0 "$lab" up "$file"
    says 'found a packet filter on db-[ab]1'
    says 'found frozen processes on web-a1'
    says 'found limits of 0.5 CPUs and 100 MiB instead of 0.5 and 256 on web-b1'
    await "the lab to be whole" whole

    say "restarted networks: the control plane brings its nodes into them, and itself"
    local web control
    web=$(started web-a1) control=$(started control)
    docker restart -t 0 "$name.web-a1.net" "$name.control.net" >/dev/null
    await "web-a1 to be started again" '[ "$(started web-a1)" != "$web" ]'
    await "the control plane to be started again" '[ "$(started control)" != "$control" ]'
    await "the lab to be whole" whole
    # Without a control plane that could: named by chaos, mended by up.
    docker pause "$name.control" >/dev/null
    docker restart -t 0 "$name.control.net" "$name.web-a1.net" >/dev/null
    # The table has 80 columns, and words of this length several lines.
    expect 0 "$lab" status --format json
    [ "$(grep -cE '"health": "its network was restarted at .* UTC; run `lab up`' "$work/out")" = 2 ] ||
        fail "web-a1 and control are not said to have lost their networks: $(cat "$work/out")"
    docker unpause "$name.control" >/dev/null
    expect 0 "$lab" up "$file"
    says 'is up'
    await "the lab to be whole" whole

    say "a task that was renamed, and one that was taken out of the network: up makes both anew"
    docker rename "$name.web-b1" "$name.somebodys"
    docker network disconnect "$(docker network ls -q --filter "label=lab=$name")" "$name.web-a1.net"
    expect 0 "$lab" up "$file" --dry-run
    says "remove $name.somebodys \(it was renamed\)"
    says "remove $name.web-a1 \(it was taken out of the network\)"
    expect 0 "$lab" up "$file"
    await "the lab to be whole" whole
    ! docker inspect "$name.somebodys" >/dev/null 2>&1 || fail "what was renamed is still there"

    say "a frozen control plane is not asked"
    docker pause "$name.control" >/dev/null
    local asked=$SECONDS
    expect 0 "$lab" status
    [ $((SECONDS - asked)) -lt 20 ] || fail "status took $((SECONDS - asked)) s"
    docker unpause "$name.control" >/dev/null

    say "a member of etcd without its disk is taken in again by the others"
    docker rm -f "$name.db-etcd-c1" >/dev/null
    docker volume rm "$name.db-etcd-c1.data" >/dev/null
    expect 0 "$lab" up "$file"
    await "the lab to be whole" whole
    [ "$(docker exec "$name.db-etcd-a1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/2380 &&
        printf "GET /members HTTP/1.0\r\n\r\n" >&3 && cat <&3' | grep -o clientURLs | wc -l)" = 3 ] ||
        fail "etcd has not three members that work"

    say "the same name for another image: up makes the tasks anew, and nothing else"
    local made
    made=$(docker create "$own")
    docker commit --change 'LABEL again=yes' "$made" "$own" >/dev/null
    docker rm "$made" >/dev/null
    expect 0 "$lab" up "$file" --dry-run
    says 'create web-a1 \(service\) \(its image was built anew\)'
    ! grep -q 'db-a1' "$work/out" || fail "more than the tasks would be made anew: $(cat "$work/out")"
    expect 0 "$lab" up "$file"
    # Load balancers notice a moment later that their targets are other ones.
    await "up to have nothing to do" '"$lab" up "$file" >"$work/out" 2>&1 && grep -q "nothing to do" "$work/out"'

    say "who was removed in the middle of a verification is named"
    "$lab" verify --quick --only kill-web >"$work/verify" 2>&1 &
    local verify=$! code=0
    await "the experiment to begin" 'grep -qs "\"phase\":\"steady\"" "$LAB_OUT"/latest/journal.jsonl'
    docker rm -f "$name.db-etcd-c1" >/dev/null
    wait "$verify" || code=$?
    cp "$work/verify" "$work/out"
    [ "$code" = 3 ] || { cat "$work/out" >&2; fail "exit code $code instead of 3"; }
    says 'db-etcd-c1 was removed by somebody else'
    expect 0 "$lab" down
    docker rmi -f "$own" >/dev/null
    nothing_left
}

# orphan FAULT...: a fault whose command is killed once its effect is there, and whose record a clean-up
# takes.
orphan() {
    (unset LAB_QUIET && exec "$lab" chaos "$@" --for 120s) >"$work/chaos" 2>&1 &
    local chaos=$!
    await "the effect of $*" 'grep -q confirmed "$work/chaos"'
    kill -9 "$chaos"
    wait "$chaos" 2>/dev/null || true
    prune
}

prunes() {
    say "late replicas whose record is gone"
    expect 0 "$lab" up "$(stage stage-10k)" --port 0
    orphan replica-lag
    expect 0 "$lab" heal
    says 'found a replay [0-9]+ ms late on db-replica-[bc]1'
    expect 0 "$lab" down
    say "a slow edge whose record is gone"
    expect 0 "$lab" up tests/stages/services.yaml --port 0
    orphan slow web:api-lb
    expect 0 "$lab" heal
    says 'found a slow or cut edge .* on web-net-a1'
    expect 0 "$lab" down
    say "an engine that ends every container, and starts none again"
    expect 0 "$lab" up "$(stage stage-1k)" --port 0
    for _ in 1 2 3; do
        # The control plane first: it would start the others again.
        docker ps -q --filter "label=lab=$name" --filter label=lab.node=control | xargs docker stop -t 1 >/dev/null
        docker ps -q --filter "label=lab=$name" | xargs docker stop -t 1 >/dev/null
        expect 0 "$lab" up "$(stage stage-1k)" --port 0
        expect 0 "$lab" up "$(stage stage-1k)" --port 0
        says 'nothing to do'
    done
    expect 0 "$lab" down
    nothing_left
}
