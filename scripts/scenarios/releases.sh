# shellcheck shell=bash
# Releases: good ones and bad ones on a lab that serves users, for scripts/e2e.

# runs RELEASE: every task of web has this release, and six of them serve.
runs() {
    "$lab" status --format json >"$work/status"
    python3 - "$work/status" "$1" <<'EOP' || fail "web does not run $1"
import json, sys
status = json.load(open(sys.argv[1]))
web = [n for n in status["nodes"] if n["tier"] == "web"]
assert {n["release"] for n in web} == {sys.argv[2]}, web
serving = [n for n in web if n["health"] == "ready"]
assert len(serving) >= 6 and len(web) == 16, web
assert status["deploy"] is None and status["faults"] == [], status
EOP
}

# under_load TIME COMMAND...: runs it while users are served for so long; how many requests failed is in
# $work/load.
under_load() {
    local time=$1
    shift
    "$lab" load --for "$time" --rate 32 --format json >"$work/load" 2>/dev/null &
    local load=$!
    sleep 2
    "$@"
    wait "$load" || fail "lab load failed"
}

# failed MOST: no more than this share of the requests, in percent.
failed() {
    python3 - "$work/load" "$1" <<'EOP' || fail "too many requests failed: $(cat "$work/load")"
import json, sys
s = json.load(open(sys.argv[1]))
assert s["sent"] > 1000 and (s["fail"] + s["unknown"]) * 100 <= float(sys.argv[2]) * s["sent"], s
EOP
}

releases() {
    say "a good release takes over and nobody notices; bad ones are rolled back by themselves"
    local file
    file=$(stage stage-500k)
    expect 2 "$lab" deploy web v2
    says 'no lab is running'
    expect 0 "$lab" up "$file"
    # Two cores cannot start six more tasks beside the first requests, for which all connections are made.
    expect 0 "$lab" load --for 10s --rate 32
    runs v1

    say "what cannot be deployed is refused, and nothing is changed"
    expect 2 "$lab" deploy webb v2
    says 'no tier `webb`; tiers with releases: web'
    expect 2 "$lab" deploy db v2
    says 'tier `db` has no releases'
    expect 2 "$lab" deploy web v9
    says 'there are: v1, v2,'
    expect 2 "$lab" deploy web v1
    says 'runs release `v1` already'
    runs v1

    say "while one is deployed, another is refused"
    second() {
        "$lab" deploy web v2 >"$work/first" 2>&1 &
        local first=$!
        await "the deploy to begin" '[ -n "$(docker ps -aq --filter "name=^$name[.]deploy$")" ]'
        expect 4 "$lab" deploy web v2-slow
        says 'under way already: web from v1 to v2|is working on the lab'
        wait "$first" || { cat "$work/first" >&2; fail "the good release was not deployed"; }
    }
    under_load 50s second
    failed 0
    runs v2
    expect 0 "$lab" up "$file"
    says 'nothing to do'

    for bad in unhealthy errors slow; do
        say "rolled back by itself: v2-$bad"
        under_load 35s expect 1 "$lab" deploy web "v2-$bad"
        says "web runs v2 again: v2-$bad was rolled back"
        failed 0.99
        runs v2
    done

    say "kill -9 in the middle of a deploy: the next command rolls it back"
    "$lab" deploy web v1 >/dev/null 2>&1 &
    local deploy=$!
    await "a new task to run" '[ "$(docker inspect -f "{{.State.Running}}" "$name.web-a4")" = true ]'
    kill -9 "$deploy"
    wait "$deploy" 2>/dev/null || true
    expect 0 "$lab" heal
    says 'rolled back a deploy that was left behind: web runs v2, not v1'
    runs v2
    # The experiments begin with the release that the stage begins with.
    expect 0 "$lab" deploy web v1
    expect 0 "$lab" verify --quick --only good-deploy --only bad-deploy-unhealthy --only bad-deploy-errors \
        --only bad-deploy-slow

    say "the end of the terminal in a deploy that is a fault: rolled back, exit code 129"
    "$lab" chaos deploy web --release v2 >"$work/chaos" 2>&1 &
    local chaos=$! code=0
    await "the deploy to begin" '[ -n "$(docker ps -aq --filter "name=^$name[.]deploy$")" ]'
    kill -HUP "$chaos"
    wait "$chaos" || code=$?
    [ "$code" = 129 ] || { cat "$work/chaos" >&2; fail "exit code $code after the terminal's end instead of 129"; }
    runs v1
    expect 0 "$lab" down
    nothing_left
}
