# What the scripts share. Sourced, not run; expects `root`.

# The programs run inside containers, too: static, so that no library of this machine is needed.
host=$(rustc -vV 2>/dev/null | sed -n 's/^host: //p')
bin=${CARGO_TARGET_DIR:-$root/target}/$host/release

# One engine for everything: what the lab is told, `docker` is told.
[ -z "${LAB_CONTEXT:-}" ] || { unset DOCKER_HOST && export DOCKER_CONTEXT=$LAB_CONTEXT; }
[ -z "${LAB_HOST:-}" ] || export DOCKER_HOST=$LAB_HOST

say() { printf '=> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 4; }

is_debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# install PACKAGE...: from Debian's archive, asking nothing.
install() {
    say "installing $*"
    { DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"; } >&2 ||
        die "cannot install $*"
}

need_rust() {
    command -v cargo >/dev/null || die "cargo is not here; install Rust (package rustup), then run this again"
    command -v cc >/dev/null || { is_debian_root && install gcc libc6-dev; } ||
        die "a C compiler is not here; install gcc, then run this again"
}

build_release() {
    # Cargo decides what is stale. An explicit target keeps the flag away from build scripts and
    # procedural macros, which cannot be static.
    (cd "$root" && RUSTFLAGS="-C target-feature=+crt-static" \
        cargo build --quiet --release --locked --target "$host" -p lab -p shop -p netproxy) ||
        die "the build failed"
}

docker_answers() { docker version >/dev/null 2>&1; }

# Waits until the engine answers; at most half a minute.
await_docker() {
    for _ in $(seq 60); do
        docker_answers && return 0
        sleep 0.5
    done
    return 1
}

need_docker() {
    docker_answers && return 0
    # An engine elsewhere is the user's own business.
    [ -z "${DOCKER_HOST:-}" ] || die "Docker does not answer at DOCKER_HOST=$DOCKER_HOST"
    if ! command -v dockerd >/dev/null; then
        is_debian_root || die "Docker is not installed; install Docker Engine 20.10 or later, then run this again"
        install docker.io
    fi
    docker_answers && return 0
    is_debian_root || die "Docker does not answer; start it (systemctl start docker), then run this again"
    say "starting Docker"
    if [ -d /run/systemd/system ]; then
        systemctl start docker >&2 || true
    else
        service docker start >&2 || true
    fi
    await_docker || die "Docker does not answer within 30 s of its start; its log says why"
}

# Without a registry the base image is made from Debian's packages.
need_bootstrap() {
    command -v mmdebstrap >/dev/null && return 0
    is_debian_root && install mmdebstrap
    return 0
}
