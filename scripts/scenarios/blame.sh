# shellcheck shell=bash
# Scenarios of what is nobody's fault, and of what must not become one, for scripts/e2e.

# node NAME: the main container of a node.
node() { docker ps -aq --filter "label=lab=$name" --filter "label=lab.node=$1" --filter label=lab.part=main; }
# address NAME: the node's address.
address() {
    docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' \
        "$(docker ps -aq --filter "label=lab=$name" --filter "label=lab.node=$1" --filter label=lab.part=holder)"
}

# services_say NODE COMMAND...: people's own client, at an emulator.
services_say() {
    AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 \
        "$AWS" --output text --endpoint-url "http://$(address "$1"):4566" "${@:2}"
}

emulators() {
    needs "$AWS" awscli
    say "up ends when everything is there that tasks make at managed services"
    expect 0 "$lab" up tests/stages/messages.yaml --port 0
    expect 0 services_say queues-localstack sns list-subscriptions
    says ':order-mail'
    says ':order-feed'
    expect 0 services_say queues-localstack events list-targets-by-rule --rule order-feed --event-bus-name shop
    says ':order-feed'
    expect 0 services_say aws-localstack s3api head-bucket --bucket shop-assets
    expect 0 services_say aws-ministack dynamodb describe-table --table-name carts
    expect 0 "$lab" load --for 5s --rate 20
    expect 0 "$lab" verify
    says 'since-up .*no fault'

    say "an emulator that forgot what it held is named, and nobody else is blamed"
    local mailer
    mailer=$(node mailer-a1)
    docker pause "$mailer" >/dev/null
    expect 0 "$lab" load --for 5s --rate 40
    docker kill "$(node queues-localstack)" >/dev/null
    docker unpause "$mailer" >/dev/null
    await "the emulator to be started again" '[ "$(docker inspect -f "{{.State.Running}}" "$(node queues-localstack)")" = true ]'
    # Nobody is asked for what it holds before it has been made again.
    expect 0 "$lab" up tests/stages/messages.yaml --port 0
    expect 3 "$lab" verify
    says 'queues-localstack started anew at [0-9:]+ UTC: what it held is gone'
    says 'loss of queues-localstack'
    expect 0 "$lab" down
    nothing_left
}

# cache NODE COMMAND...: asks a data server.
cache() {
    # shellcheck disable=SC2016
    docker exec "$(node "$1")" sh -c 'REDISCLI_AUTH=$(sed -n "s/^requirepass //p" /etc/lab/redis.conf) redis-cli "$@"' - "${@:2}"
}
# primaries: the data servers that call themselves one.
primaries() {
    local server
    for server in cache-a1 cache-b1; do
        if [ "$(cache "$server" role 2>/dev/null | head -1)" = master ]; then echo "$server"; fi
    done
}
switches() { docker logs "$(node cache-sentinel-c1)" 2>&1 | grep -c '+switch-master' || true; }

cache_replaced_at_once() {
    say "a cache's host that is replaced at once, with an empty disk or without: one switch, and nothing is lost"
    local mode before primary
    expect 0 "$lab" up tests/stages/cache.yaml --port 0
    local last now
    for mode in terminated terminated crash; do
        primary=$(primaries)
        cache "$primary" set kept "$mode" >/dev/null
        cache "$primary" wait 1 5000 >/dev/null
        before=$(switches)
        expect 0 "$lab" chaos kill-cache --mode "$mode" --for 200ms
        # It is whole again; what is not would be named.
        ! grep -q 'is not whole' "$work/out" || { cat "$work/out" >&2; fail "not whole after $mode"; }
        last=$(switches) now=$(primaries)
        # A process that is back with all its data before anybody missed it may go on as it was.
        if [ "$mode" = crash ] && [ "$last" = "$before" ]; then
            [ "$now" = "$primary" ] || fail "$now is the primary without a switch"
        else
            [ "$last" = $((before + 1)) ] || fail "$((last - before)) switches after one kill ($mode)"
            [ "$now" != "$primary" ] || fail "$primary is the primary still, or again ($mode)"
        fi
        for primary in cache-a1 cache-b1; do
            [ "$(cache "$primary" get kept)" = "$mode" ] || fail "$primary has lost what it was told ($mode)"
        done
    done
    # Not a moment later either.
    expect 0 "$lab" load --for 8s --rate 20
    [ "$(switches)" = "$last" ] || fail "$(($(switches) - last)) more switches, without a kill"
    expect 0 "$lab" down
    nothing_left
}
