# What is on the machine already: other labs, networks, routes, engines. Read by scripts/e2e.
# shellcheck shell=bash

neighbours() {
    say "labs and tiers whose names begin alike do not meet"
    sed -e 's/^  box:/  api-box:/' -e 's/entry: box/entry: api-box/' -e 's/tier: box/tier: api-box/' \
        stages/stage-1.yaml >"$work/api-box.yaml"
    expect 0 "$lab" up "$work/api-box.yaml" --port 0
    expect 0 "$lab" --lab "$name-api" up stage-1 --port 0
    expect 0 "$lab" --lab "$name-api" down
    expect 0 "$lab" status
    says 'api-box-a1 .*ready'
    expect 0 "$lab" down
    nothing_left
}
