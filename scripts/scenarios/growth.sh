# shellcheck shell=bash
# Scenarios of the larger stages, for scripts/e2e.

growth() {
    say "read replicas: nobody is shown less than they wrote, and the habit that sees to it is worth it"
    local file
    file=$(stage stage-10k)
    expect 0 "$lab" verify "$file" --quick --only kill-primary --only replica-lag --only storm-and-failover
    says 'storm-and-failover .*broke, as declared'
    [ -f "$file" ] || file=stages/stage-10k.yaml
    # A replica that is so late is left out of all reads as well; without either, users see old states.
    sed 's/^    database: db$/    database: db\n    habits: {read_your_writes: false}\n    env: {REPLICA_MAX_LAG_MS: "600000"}/' \
        "$file" >"$work/ryw.yaml"
    expect 1 "$lab" verify "$work/ryw.yaml" --quick --only replica-lag
    says 'session-guarantees'
    expect 0 "$lab" diff stage-1k stage-10k
    says 'reads-without-primary +newly survived'
    nothing_left
}

# The longest that all stages may take together, in seconds.
PATH_LIMIT=2700

growth_path() {
    say "every stage survives what it promises, in one run, and each what broke the one before"
    local begun=$SECONDS stage before=
    for stage in stage-1 stage-100 stage-1k stage-10k stage-100k stage-500k stage-1m; do
        expect 0 "$lab" verify "$(stage "$stage")" --quick
        say "$stage: $(grep -E "^$stage: " "$work/out")"
        if [ -n "$before" ]; then
            expect 0 "$lab" diff "$before" "$stage"
            says 'newly survived'
        fi
        before=$stage
    done
    [ $((SECONDS - begun)) -le "$PATH_LIMIT" ] || fail "all stages took $((SECONDS - begun)) s"
    nothing_left
}

main_job() {
    say "up, chaos kill-primary, verify: the architecture for a million users"
    expect 0 "$lab" up "$(stage stage-1m)"
    expect 0 "$lab" chaos kill-primary
    says 'acknowledged writes lost +0'
    expect 0 "$lab" verify --quick
    says 'since-up +survives +survived'
    says '11 of 11 experiments as expected'
    expect 0 "$lab" down
    nothing_left
}

caches() {
    say "one origin fetch for a crowd, one load for a cold value: and red without the habit behind each"
    local file
    file=$(stage stage-100k)
    expect 0 "$lab" verify "$file" --quick --only flash-crowd --only cold-cache
    [ -f "$file" ] || file=stages/stage-100k.yaml
    sed 's/^    kind: cdn$/    kind: cdn\n    collapse: false/' "$file" >"$work/collapse.yaml"
    expect 1 "$lab" verify "$work/collapse.yaml" --quick --only flash-crowd
    says 'request-collapsing'
    sed 's/^    carts: dynamodb$/    carts: dynamodb\n    habits: {stampede_protection: false}/' \
        "$file" >"$work/stampede.yaml"
    expect 1 "$lab" verify "$work/stampede.yaml" --quick --only cold-cache
    says 'cache-stampede'
    nothing_left
}

# endpoint WHAT PATTERN: the first endpoint of this sort whose node matches, out of $work/status.
endpoint() {
    python3 - "$work/status" "$@" <<'EOF' || fail "no endpoint $*"
import json, re, sys
found = json.load(open(sys.argv[1]))["endpoints"]
print(next(e["url"] for e in found if e["what"] == sys.argv[2] and re.search(sys.argv[3], e["node"])))
EOF
}

clients() {
    say "people's own clients see the shop's data at the printed endpoints"
    needs psql postgresql-client
    needs redis-cli redis-tools
    needs "$AWS" awscli
    expect 0 "$lab" up stage-1m
    expect 0 "$lab" load --for 5s --rate 20
    "$lab" status --format json >"$work/status"
    local site cache database s3 table queues metrics
    site=$(endpoint site cdn) cache=$(endpoint cache .) database=$(endpoint database .)
    s3=$(endpoint aws s3) table=$(endpoint aws dynamodb)
    queues=$(endpoint aws sqs) metrics=$(endpoint metrics control)
    expect 0 psql -X -A -t "$database" -c 'select count(*) > 0 as orders from orders'
    says '^t$'
    expect 0 redis-cli --no-auth-warning -u "$cache" --scan --pattern '*'
    says 'shop:'
    export AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_DEFAULT_REGION=us-east-1
    expect 0 "$AWS" --endpoint-url "$s3" s3 ls
    says 'shop-assets'
    expect 0 "$AWS" --endpoint-url "$s3" s3 ls --recursive s3://shop-assets/
    says 'assets/v.*app\.css'
    expect 0 "$AWS" --endpoint-url "$table" dynamodb list-tables
    says 'carts'
    expect 0 "$AWS" --endpoint-url "$table" dynamodb scan --table-name carts --max-items 3
    says '"S":'
    expect 0 "$AWS" --endpoint-url "$queues" sqs list-queues
    says 'order-mail"'
    says 'order-mail-dead"'
    says 'order-feed"'
    expect 0 "$AWS" --endpoint-url "$queues" sns list-topics
    says ':orders"'
    expect 0 "$AWS" --endpoint-url "$queues" sns list-subscriptions
    says ':order-mail"'
    says ':order-feed"'
    expect 0 "$AWS" --endpoint-url "$queues" events list-rules --event-bus-name shop
    says '"order-feed"'
    expect 0 "$AWS" --endpoint-url "$queues" events list-targets-by-rule --event-bus-name shop --rule order-feed
    says ':order-feed"'
    expect 0 "$lab" status
    says 'mailer-b1 .*worker +ready'
    await "the queue's depth to be shown" 'curl -fsS "$metrics" | grep >/dev/null "^lab_queue_waiting_messages{tier=\"mailer\"} "'
    expect 0 "$lab" psql -c "select count(*) > 0 as heard from domain_events where kind = 'mail-sent'"
    says '^ t$'
    expect 0 curl -fsSI "$site/products/1"
    says '^[Xx]-[Cc]ache-[Ss]tatus: '
    expect 0 "$lab" down
    nothing_left
}

scaling() {
    say "a spike is absorbed by a scaling group, with metrics and alarms where people look for them"
    needs "$AWS" awscli
    expect 0 "$lab" up "$(stage stage-500k)"
    "$lab" status --format json >"$work/status"
    local metrics cloudwatch trace=0af7651916cd43dd8448eb211c80319c
    metrics=$(endpoint metrics control) cloudwatch=$(endpoint aws localstack)
    expect 0 curl -fsS "$metrics"
    says '^lab_canary_success_percent '
    says '^lab_group_size_tasks\{tier="web"\} 6$'
    export AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_DEFAULT_REGION=us-east-1
    await "metrics to be published" '"$AWS" --endpoint-url "$cloudwatch" cloudwatch list-metrics --namespace lab 2>/dev/null | grep >/dev/null lab_group_size_tasks'
    expect 0 "$AWS" --endpoint-url "$cloudwatch" cloudwatch describe-alarms
    says 'canary-availability'
    says 'canary-latency-anomaly'
    local map site
    map=$(endpoint map control) site=$(endpoint site cdn)
    expect 0 curl -fsS -H "traceparent: 00-$trace-b7ad6b7169203331-01" "$site/products/1?traced=1"
    await "the map of services to have all of a request's way" \
        'curl -fsS "$map" | grep >/dev/null "\"from\":\"web\",\"to\":\"db-proxy\""'
    expect 0 curl -fsS "$map"
    says '"from":"users","to":"cdn"'
    says '"from":"cdn","to":"lb"'
    says '"from":"lb","to":"web"'
    expect 0 "$lab" logs web-a1 --json
    says '"message":"listening"'
    expect 0 "$lab" verify --quick
    grep -q '<svg class="map"' "$LAB_OUT/latest/report.html" || fail "no map in the report"
    expect 0 "$lab" down
    nothing_left
}
