# shellcheck shell=bash
# Users who speak HTTP/2 within TLS. Sourced by scripts/e2e.

# authority FOLDER: an authority of its own in FOLDER/ca.pem, and what it signed for shop.example in FOLDER/edge.
authority() {
    local of=$1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=authority" \
        -keyout "$of/ca.key" -out "$of/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=shop.example" \
        -keyout "$of/edge/server.key" -out "$of/edge/server.csr" 2>/dev/null
    openssl x509 -req -days 2 -in "$of/edge/server.csr" -CA "$of/ca.pem" -CAkey "$of/ca.key" -CAcreateserial \
        -extfile <(printf 'subjectAltName=DNS:shop.example\n') -out "$of/edge/server.pem" 2>/dev/null
    chmod 644 "$of/edge/server.key"
}

secure_entry() {
    local of=$work/secure
    rm -rf "$of" && cp -r tests/secure "$of"

    say "an authority that is not there, or none: file, line, nothing started"
    expect 2 "$lab" up "$of/shop.yaml"
    says 'shop.yaml:20:13: .*ca.pem: No such file'
    printf 'no certificate\n' >"$of/ca.pem"
    expect 2 "$lab" check "$of/shop.yaml"
    says 'shop.yaml:20:13: no certificates'
    authority "$of"
    say "users speak HTTP/2 within TLS, and so do the canary, faults that are traffic, and the reading back"
    expect 0 "$lab" up "$of/shop.yaml" --port 0
    expect 0 "$lab" workload check
    expect 0 "$lab" load --for 3s --format json
    python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); assert s["ok"] > 60 and s["ok"] == s["sent"], s' "$work/out" ||
        fail "load failed: $(cat "$work/out")"
    expect 2 "$lab" chaos flash-crowd
    says 'a flash crowd speaks HTTP/1.1 without TLS'
    await "the canary to be served" canary_is_served
    expect 0 "$lab" verify
    says '^kill-edge +survived'
    says '^more-users +survived'
    expect 0 "$lab" down
    say "who knows another authority believes nobody; who checks nothing believes everybody"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=another" \
        -keyout "$of/other.key" -out "$of/other.pem" 2>/dev/null
    sed 's/ca: ca.pem/ca: other.pem/' "$of/shop.yaml" >"$of/other.yaml"
    expect 0 "$lab" up "$of/other.yaml" --port 0
    expect 1 "$lab" workload check --format json
    says 'TLS: invalid peer certificate'
    expect 0 "$lab" down
    sed 's/ca: ca.pem/unchecked: true/' "$of/shop.yaml" >"$of/unchecked.yaml"
    expect 0 "$lab" up "$of/unchecked.yaml" --port 0
    expect 0 "$lab" workload check
    say "who speaks HTTP/1.1 to it is told so"
    expect 0 "$lab" down
    sed '/http2: true/d' "$of/unchecked.yaml" >"$of/first.yaml"
    expect 0 "$lab" up "$of/first.yaml" --port 0
    expect 1 "$lab" workload check
    says '505'
    expect 0 "$lab" down
    docker images -q --filter label=lab.image=built | sort -u | xargs docker rmi -f >/dev/null
    nothing_left
}
