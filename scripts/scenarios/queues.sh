# shellcheck shell=bash
# Scenarios of queues and workers, for scripts/e2e.

# breaks FILE EXPERIMENT WHY: a copy of a stage in which this experiment is declared to break.
breaks() {
    python3 - "$1" "$2" "$3" <<'EOP'
import re, sys
file, experiment, why = sys.argv[1:]
head, tail = open(file).read().split(f"\n  {experiment}:\n", 1)
tail = tail.replace("expect: survives", f"expect: breaks\n    why: {why}", 1)
open(file, "w").write(f"{head}\n  {experiment}:\n{tail}")
EOP
}

queues() {
    say "orders go on while queues and mail are out, and every order has one mail in the end"
    local file
    file=$(stage stage-1m)
    expect 0 "$lab" verify "$file" --quick --only queue-outage --only mail-outage \
        --only duplicate-delivery --only poison-message --only kill-worker
    [ -f "$file" ] || file=stages/stage-1m.yaml

    say "a worker that acknowledges before the effect loses mails when it is killed"
    sed 's/^      queue: order-mail$/      queue: order-mail\n      acknowledge: before/' "$file" >"$work/before.yaml"
    breaks "$work/before.yaml" kill-worker "what was acknowledged and not sent dies with its worker"
    expect 0 "$lab" verify "$work/before.yaml" --quick --only kill-worker
    says 'broke, as declared \(.*effect-exactly-once'

    say "a worker that does not look whether a message came before sends two mails"
    sed 's/^      queue: order-mail$/      queue: order-mail\n      dedupe: false/' "$file" >"$work/dedupe.yaml"
    breaks "$work/dedupe.yaml" duplicate-delivery "a queue delivers at least once, so twice is once too often"
    expect 0 "$lab" verify "$work/dedupe.yaml" --quick --only duplicate-delivery
    says 'broke, as declared \(.*effect-exactly-once'
    nothing_left
}

mail_inside_the_request() {
    say "the stage before loses mails when the mail service is out, and this one does not"
    expect 0 "$lab" verify "$(stage stage-500k)" --quick --only mail-outage
    says 'mail-outage .*broke, as declared'
    expect 0 "$lab" diff stage-500k stage-1m
    says 'mail-outage +newly survived'
    nothing_left
}

# awake TIER: whether any task of the tier runs.
awake() { [ -n "$(docker ps -q --filter "label=lab=$name" --filter "name=^$name[.]$1-[a-z][0-9]+$")" ]; }

functions() {
    say "a function runs while messages wait for it, and no longer than it is kept warm"
    sed 's/canary_per_s: 5/canary_per_s: 0/' stages/stage-1m.yaml >"$work/quiet.yaml"
    expect 0 "$lab" up "$work/quiet.yaml"
    await "the first to have made the queue and to have ended" '! awake feed'
    expect 0 "$lab" status
    says 'feed-a1 .*in reserve'
    expect 0 "$lab" load --for 5s --rate 20
    await "one to be started" 'awake feed'
    await "all of them to have ended" '! awake feed'
    expect 0 "$lab" psql -c "select count(*) > 0 and count(*) = (select count(*) from domain_events where kind = 'order-placed') as all_of_them from orders"
    says '^ t$'
    expect 0 "$lab" down
    nothing_left
}
