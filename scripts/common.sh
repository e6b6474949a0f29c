# What the scripts share. Sourced, not run; expects `root` and `set -o pipefail`.

# The programs run inside containers, too: static, so that no library of this machine is needed.
host=$(rustc -vV 2>/dev/null | sed -n 's/^host: //p')
bin=${CARGO_TARGET_DIR:-$root/target}/$host/release

# One engine for everything: what the lab is told, `docker` is told.
[ -z "${LAB_CONTEXT:-}" ] || { unset DOCKER_HOST && export DOCKER_CONTEXT=$LAB_CONTEXT; }
[ -z "${LAB_HOST:-}" ] || export DOCKER_HOST=$LAB_HOST

# For build_says.
shopt -s extglob

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
    local colour=never
    [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && colour=always
    # Cargo decides what is stale. An explicit target keeps the flag away from build scripts and
    # procedural macros, which cannot be static.
    (cd "$root" && RUSTFLAGS="-C target-feature=+crt-static" CARGO_TERM_QUIET=false CARGO_TERM_COLOR=$colour \
        CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=200 \
        cargo build --release --locked --target "$host" -p lab -p shop -p netproxy 2>&1 >/dev/null) |
        follow_build || die "the build failed"
}

# A log hears of a build that goes on so often, in seconds.
build_line_every=${build_line_every:-10}

# follow_build: says how compiling gets on, from what cargo writes with its progress bar. One line that is
# rewritten on a terminal, a line now and then elsewhere, and none when nothing is to be built. Warnings and
# errors go through as they are.
follow_build() {
    local read_so_far="" piece code lines line doing="" shown="" quoting="" begun=$SECONDS last=0 width=80
    if [ -t 2 ]; then
        width=$(stty size <&2 2>/dev/null) && width=${width#* } || width=80
    fi
    while :; do
        piece="" code=0
        IFS= read -r -d $'\r' -t 1 piece || code=$?
        read_so_far+=$piece
        # What has no end yet is only looked at when cargo has nothing to add to it.
        if [ "$code" -gt 128 ]; then
            lines=${read_so_far%"${read_so_far##*$'\n'}"}
        else
            lines=$read_so_far
        fi
        read_so_far=${read_so_far#"$lines"}
        while [ -n "$lines" ]; do
            line=${lines%%$'\n'*}
            [ "$line" = "$lines" ] && lines="" || lines=${lines#*$'\n'}
            build_says "$line"
        done
        [ -n "$doing" ] && build_progress
        [ "$code" = 1 ] && break
    done
    [ -t 2 ] && [ -n "$shown" ] && printf '\r\e[K' >&2
    return 0
}

# One line of cargo's: what it is doing, or what somebody should read.
build_says() {
    local bare=${1//$'\e['*([0-9;])[mK]/}
    bare=${bare#"${bare%%[! ]*}"}
    case "$bare" in
        Building*\]*/*:*)
            bare=${bare#*] }
            doing="compiling: ${bare%%/*} of $(build_names "${bare#*/}")"
            ;;
        Downloading* | Fetch* | Updating*) doing="fetching what is compiled" ;;
        Blocking*) doing="waiting for another build to end" ;;
        Building* | Compiling* | Downloaded* | Finished* | Fresh* | Locking* | Adding*) quoting="" ;;
        "") [ -z "$quoting" ] || printf '\n' >&2 ;;
        *)
            [ -t 2 ] && [ -n "$shown" ] && printf '\r\e[K' >&2
            printf '%s\n' "$1" >&2
            quoting=1
            ;;
    esac
}

# `293: lab, shop` becomes `293 (lab, shop)`.
build_names() {
    local names=${1#*: }
    names=${names%"${names##*[! ]}"}
    printf '%s (%s)' "${1%%:*}" "$names"
}

build_progress() {
    local text="=> $doing, $((SECONDS - begun)) s"
    if [ -t 2 ]; then
        shown=$text
        printf '\r\e[K%s' "${text:0:$((width - 1))}" >&2
    elif [ -z "$shown" ] || [ $((SECONDS - last)) -ge "$build_line_every" ]; then
        shown=$text last=$SECONDS
        printf '%s\n' "$text" >&2
    fi
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
