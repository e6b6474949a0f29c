# shellcheck shell=bash
# Scenarios of what users get wrong before anything starts, for scripts/e2e.

bad_input() {
    say "bad input: one clear message, the right code, nothing started"
    expect 2 "$lab" up stage-1kk
    says 'stage-1k'
    expect 4 env DOCKER_HOST=tcp://127.0.0.1:1 "$lab" up stage-1
    says 'Docker'
    sed 's/replication: synchronous/replicaton: synchronous/' stages/stage-1k.yaml >"$work/typo.yaml"
    expect 2 "$lab" up "$work/typo.yaml"
    says 'typo.yaml:[0-9]+:[0-9]+'
    says 'replication'
    sed 's/kind: etcd/kind: zookeeper/' stages/stage-1k.yaml >"$work/kind.yaml"
    expect 2 "$lab" up "$work/kind.yaml"
    sed 's/primary: a/primary: [a, b]/' stages/stage-1k.yaml >"$work/two.yaml"
    expect 2 "$lab" up "$work/two.yaml"
    says 'one primary'
    sed 's/primary: a/primary: z/' stages/stage-1k.yaml >"$work/zone.yaml"
    expect 2 "$lab" up "$work/zone.yaml"
    sed 's/fault: kill-task, tier: web/fault: kill-task, tier: webb/' stages/stage-1k.yaml >"$work/tier.yaml"
    expect 2 "$lab" up "$work/tier.yaml"
    says 'webb'
    sed 's/{from: cdn, to: lb}/{from: cdn, to: db}/' stages/stage-100k.yaml >"$work/edge.yaml"
    expect 2 "$lab" up "$work/edge.yaml"
    says 'tier `cdn` does not call tier `db`'
    sed 's/, dynamodb: ministack}/}/' stages/stage-100k.yaml >"$work/service.yaml"
    expect 2 "$lab" up "$work/service.yaml"
    says '`carts: dynamodb` needs `dynamodb`'
    sed '/^    kind: postgres/,/^    replicas/{s/^    zones: .*//}' stages/stage-10k.yaml >"$work/replica.yaml"
    expect 2 "$lab" up "$work/replica.yaml"
    says 'tier `db` .* has no field `zones`'
    sed 's/sentinels: \[a, b, c\]/sentinels: [a, b]/' stages/stage-100k.yaml >"$work/even.yaml"
    expect 2 "$lab" up "$work/even.yaml"
    says 'an even number'
    sed 's/      max: 16/      max: 4/' stages/stage-500k.yaml >"$work/group.yaml"
    expect 2 "$lab" up "$work/group.yaml"
    says 'minimum of scaling group `web` exceeds its maximum'
    sed 's/queue: order-mail}/queue: order-mial}/' stages/stage-1m.yaml >"$work/queue.yaml"
    expect 2 "$lab" up "$work/queue.yaml"
    says 'queue.yaml:[0-9]+:[0-9]+: queue `order-mial` of tier `api` has no consumer'
    sed '/^      queue: order-feed$/d' stages/stage-1m.yaml >"$work/worker.yaml"
    expect 2 "$lab" up "$work/worker.yaml"
    says 'queue'
    expect 2 "$lab" verify
    says 'no lab is running'
    say "files are checked without an engine"
    expect 0 env DOCKER_HOST=tcp://127.0.0.1:1 "$lab" check stage-1 stages/stage-1k.yaml stages/workloads/shop.yaml
    says 'ok stages/workloads/shop.yaml: a workload of '
    sed 's/{int 1 10}/{intt 1 10}/' stages/workloads/shop.yaml >"$work/workload.yaml"
    expect 2 "$lab" check "$work/typo.yaml" "$work/workload.yaml"
    says 'typo.yaml:[0-9]+:[0-9]+: unknown field'
    says 'workload.yaml:[0-9]+:[0-9]+: unknown generator `intt`'
    says 'did you mean `int`'
    nothing_left
}
