# shellcheck shell=bash
# Images of one's own: what they may do, that they are pulled as who logged in, and what too little memory
# looks like. Sourced by scripts/e2e.

# own_stage IMAGE LINE...: a stage of one task, with further lines in its tier.
own_stage() {
    local image=$1
    shift
    cat <<YAML
stage: own
title: One task
users: 1
intent: For tests.
regions: [{name: eu, zones: [a]}]
tiers:
  web:
    kind: service
    image: $image
    health: /
    zones: [a]
$(printf '    %s\n' "$@")
traffic: {entry: web, rate_per_s: 1}
objectives: {availability_percent: 50, p99_ms: 1000, rto_ms: 10000}
experiments: {}
YAML
}

# A registry of one image that wants a name and a password: its port is in a file.
own_registry() {
    exec python3 - "$1" <<'PYTHON'
import base64, gzip, hashlib, http.server, io, json, sys, tarfile
raw = io.BytesIO()
with tarfile.open(fileobj=raw, mode="w") as tar:
    info = tarfile.TarInfo("hello"); info.size = 5
    tar.addfile(info, io.BytesIO(b"hello"))
digest = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
layer = gzip.compress(raw.getvalue())
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
    "rootfs": {"type": "layers", "diff_ids": [digest(raw.getvalue())]}}).encode()
kind = "application/vnd.docker.distribution.manifest.v2+json"
part = lambda kind, data: {"mediaType": kind, "size": len(data), "digest": digest(data)}
manifest = json.dumps({"schemaVersion": 2, "mediaType": kind,
    "config": part("application/vnd.docker.container.image.v1+json", config),
    "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)]}).encode()
blobs = {digest(data): data for data in (config, layer, manifest)}
wanted = "Basic " + base64.b64encode(b"ada:secret").decode()
class Registry(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_HEAD(self): self.do_GET()
    def do_GET(self):
        last = self.path.rsplit("/", 1)[-1]
        data, code, type = b"{}", 200, "application/json"
        if self.headers.get("Authorization") != wanted: code = 401
        elif "/manifests/" in self.path: data, type = manifest, kind
        elif "/blobs/" in self.path: data, type = blobs[last], "application/octet-stream"
        self.send_response(code)
        if code == 401: self.send_header("WWW-Authenticate", 'Basic realm="own"')
        self.send_header("Content-Type", type)
        self.send_header("Docker-Content-Digest", digest(data))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET": self.wfile.write(data)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
open(sys.argv[1], "w").write(str(server.server_address[1]))
server.serve_forever()
PYTHON
}

# Sizes that the machine does not have, or that a kind cannot work with: nothing is started.
sizes() {
    say "sizes that cannot be: said with the line before anything starts"
    sed 's/^    size: {cpus: 1, memory_mib: 512}/    size: {cpus: 1000, memory_mib: 512}/' stages/stage-1k.yaml >"$work/large.yaml"
    expect 4 "$lab" up "$work/large.yaml"
    says 'large.yaml:[0-9]+:[0-9]+: each node of tier `db` is to have 1000 processors'
    sed 's/^    size: {cpus: 1, memory_mib: 512}/    size: {cpus: 1, memory_mib: 32}/' stages/stage-1k.yaml >"$work/small.yaml"
    expect 2 "$lab" up "$work/small.yaml"
    says 'small.yaml:[0-9]+:[0-9]+: each node of tier `db` is to have 32 MiB of memory'
    nothing_left
}

own_images() {
    sizes
    local own=$name-own:1 base
    base=$("$lab" images build | awk '$1 == "base" { print $2 }')
    mkdir -p "$work/own"
    # As many images begin: root gives its files to somebody else, and becomes them.
    cat >"$work/own/start" <<'SH'
#!/bin/sh
set -e
mkdir -p /srv/data
chown nobody /srv/data
if [ -n "${GREEDY:-}" ]; then perl -e '$x = "x" x (200 << 20)' || true; exec sleep 3600; fi
exec setpriv --reuid=65534 --regid=65534 --clear-groups perl -MIO::Socket::INET -e '
    my $l = IO::Socket::INET->new(LocalPort => 8080, Listen => 64, ReuseAddr => 1) or die $!;
    while (my $c = $l->accept) {
        while (defined(my $line = <$c>)) { last if $line =~ /^\r?\n/ }
        print $c "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n$>\n" if open my $f, ">", "/srv/data/x";
        close $c;
    }'
SH
    chmod +x "$work/own/start"
    printf 'FROM %s\nCOPY start /start\nCMD ["/start"]\n' "$base" >"$work/own/Dockerfile"
    docker build -q -t "$own" "$work/own" >/dev/null || fail "the image of one's own cannot be built"

    say "an image that changes owners and becomes somebody else starts as it does elsewhere"
    own_stage "$own" >"$work/own.yaml"
    expect 0 "$lab" up "$work/own.yaml"
    expect 0 "$lab" down
    say "without the right to, the cause is named"
    own_stage "$own" 'cap_drop: [CHOWN]' >"$work/own.yaml"
    expect 4 "$lab" up "$work/own.yaml"
    says 'web-a1 stopped: .*no right to do what it does: chown: .*Operation not permitted'
    says '`CHOWN` in `cap_add` of tier `web`'
    expect 0 "$lab" down
    say "a process that is killed for want of memory is named at once, although its container goes on"
    own_stage "$own" 'size: {cpus: 1, memory_mib: 48}' 'env: {GREEDY: "yes"}' >"$work/own.yaml"
    local begun=$SECONDS
    expect 4 "$lab" up "$work/own.yaml"
    says 'web-a1 was killed for want of memory \(limit 48 MiB\)'
    [ $((SECONDS - begun)) -lt 90 ] || fail "it was said after $((SECONDS - begun)) s"
    # The table breaks long texts.
    expect 0 "$lab" status --format json
    says 'killed for want of memory'
    await "the control plane to note it" '"$lab" logs control 2>/dev/null | grep >/dev/null OutOfMemory'
    expect 0 "$lab" down
    say "folders, variables and files beside the stage; a container is healthy when its image says so"
    printf 'HEALTHCHECK CMD test "$GREETING" = "hello you" && test -s /etc/own.conf && test -e /tmp/healthy\n' \
        >>"$work/own/Dockerfile"
    printf '# Who is greeted.\nGREETING="hello you"\n' >"$work/own.env"
    own_stage "$own" 'env_file: own.env' 'files: {/etc/own.conf: "x"}' |
        sed -e 's/^    image: .*/    build: own/' -e 's/kind: service/kind: container/' \
            -e 's|^    health: /|    ports: [8080]|' >"$work/own.yaml"
    "$lab" up "$work/own.yaml" >"$work/up" 2>&1 &
    local up=$!
    await "its health check to be asked" '"$lab" status --format json 2>/dev/null | grep >/dev/null "exit code 1"'
    docker exec "$name.web-a1" touch /tmp/healthy
    wait "$up" || fail "it never became healthy: $(cat "$work/up")"
    expect 0 "$lab" down
    sed -e 's/kind: container/kind: service/' -e '/^    ports:/d' \
        -e 's|^    build: own|    build: own\n    entrypoint: [/start]\n    command: [""]\n    health: /|' -i "$work/own.yaml"
    expect 0 "$lab" up "$work/own.yaml"
    expect 0 "$lab" exec web-a1 -- sh -c 'echo "$GREETING, $(cat /etc/own.conf)"'
    says '^hello you, x$'
    local made
    made=$(docker inspect -f '{{.Config.Image}}' "$name.web-a1")
    expect 0 "$lab" down
    docker rmi -f "$own" "$made" >/dev/null
    own_pull
    nothing_left
}

# An image is pulled with what `docker login` keeps, here with a helper.
own_pull() {
    say "a registry that wants to know who one is gets what docker login keeps"
    own_registry "$work/registry" &
    local registry=$! image
    await "the registry" '[ -s "$work/registry" ]'
    image=127.0.0.1:$(cat "$work/registry")/team/shop:1
    own_stage "$image" >"$work/own.yaml"
    mkdir -p "$work/docker" "$work/bin"
    echo '{}' >"$work/docker/config.json"
    expect 4 env DOCKER_CONFIG="$work/docker" "$lab" up "$work/own.yaml" --dry-run
    says 'docker login'
    printf '#!/bin/sh\nread -r registry\necho %s\n' "'{\"Username\": \"ada\", \"Secret\": \"secret\"}'" >"$work/bin/docker-credential-e2e"
    chmod +x "$work/bin/docker-credential-e2e"
    printf '{"credHelpers": {"%s": "e2e"}}\n' "${image%%/*}" >"$work/docker/config.json"
    expect 0 env -u LAB_QUIET DOCKER_CONFIG="$work/docker" PATH="$work/bin:$PATH" "$lab" up "$work/own.yaml" --dry-run
    says "image $image pulled"
    docker rmi -f "$image" >/dev/null
    kill "$registry"
    wait "$registry" 2>/dev/null || true
}
