"""`scripts/bench load` and `scripts/bench check`: what our programs cost, without containers."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def say(text):
    print(text, file=sys.stderr, flush=True)


def examples(profile):
    """The folder with the programs that measure, built before anything is measured."""
    command = ["cargo", "build", "--quiet", "--locked", "-p", "lab", "--bins", "--examples", "--profile", profile]
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        sys.exit("bench: the build failed")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / ("debug" if profile == "dev" else profile) / "examples"


def measured(command):
    """Standard output of a command, with its processor time in seconds and its greatest memory in MiB."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(list(map(str, command)), stdout=out, stderr=subprocess.PIPE, text=True)
        said = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"bench: exit code {child.returncode}: {' '.join(map(str, command))}\n{said[-2000:]}")
        out.seek(0)
        return out.read(), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


# Answers as the shop's: the generator wants sessions and ids, the others only a status.
SITE = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location = /sessions {{ return 201 '{{"token":"t","user_id":"1"}}'; }}
    location = /orders {{ return 201 '{{"order_id":1}}'; }}
    location = /posts {{ return 200 '{{"posts":[]}}'; }}
    location / {{ return 200 '{{"page":1,"products":[]}}'; }}
  }}
}}
"""


class Nginx:
    """One nginx of this machine with one worker, as a site that always answers."""

    def __init__(self, folder):
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if not program:
            sys.exit("bench: nginx is not installed; install it (package nginx-light), then run this again")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        file = pathlib.Path(folder) / "nginx.conf"
        file.write_text(SITE.format(folder=folder, port=self.address.split(":")[1]))
        self.process = subprocess.Popen([program, "-c", str(file), "-p", str(folder), "-e", "stderr"])
        limit = time.monotonic() + 10
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.end()
                sys.exit("bench: nginx does not answer")
            time.sleep(0.05)

    def answers(self):
        try:
            host, port = self.address.split(":")
            socket.create_connection((host, int(port)), timeout=1).close()
            return True
        except OSError:
            return False

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def by_lab(programs, site, rate, seconds, folder):
    """What `lab load` sends, with the journal on."""
    journal = pathlib.Path(folder) / "journal.jsonl"
    text, cpu, _ = measured([programs / "send", site, rate, seconds, journal])
    found = json.loads(text)
    lines = sum('"event":"op"' in line for line in journal.open())
    if lines != found["sent"] + found["dropped"]:
        sys.exit(f"bench: {lines} lines in the journal of {found}")
    return found["sent"], found["sent"] - found["ok"] + found["dropped"], cpu, found["p99_ms"]


def by_oha(site, rate, seconds, connections):
    """The same rate, with latency from the intended start as well."""
    command = ["oha", "--no-tui", "--output-format", "json", "-q", rate, "-z", f"{seconds}s", "-c", connections]
    text, cpu, _ = measured([*command, "--latency-correction", f"http://{site}/products?page=1"])
    found = json.loads(text)
    sent = sum(found["statusCodeDistribution"].values())
    failed = sum(found["errorDistribution"].values())
    return sent, failed, cpu, found["latencyPercentiles"]["p99"] * 1000


UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def by_wrk(site, seconds, connections):
    """As fast as it can: a closed loop, which has no rate."""
    command = ["wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "--latency"]
    text, cpu, _ = measured([*command, f"http://{site}/products?page=1"])
    lines = text.splitlines()
    sent = next(int(line.split()[0]) for line in lines if " requests in " in line)
    p99 = next(line.split()[1] for line in lines if line.split()[:1] == ["99%"])
    number = p99.rstrip("mus")
    failed = next((int(line.rsplit(" ", 1)[1]) for line in lines if "Non-2xx" in line), 0)
    return sent, failed, cpu, float(number) * UNITS[p99[len(number):]]


def load(arguments):
    """Requests per second and core, and p99, of three generators against one nginx."""
    programs = examples(arguments.profile)
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        nginx = Nginx(folder)
        try:
            rate, seconds, connections = arguments.rate, arguments.span, arguments.connections
            rows = {f"lab load ({rate}/s)": by_lab(programs, nginx.address, rate, seconds, folder)}
            # A build from before, or one with a workload file: the same four words.
            for other in arguments.beside:
                rows[f"{other} ({rate}/s)"] = by_lab(pathlib.Path(other), nginx.address, rate, seconds,
                                                     tempfile.mkdtemp(dir=folder))
            if shutil.which("oha"):
                rows[f"oha ({rate}/s)"] = by_oha(nginx.address, rate, seconds, connections)
            else:
                say("oha is not here, so nothing is compared with it: cargo install oha")
            if shutil.which("wrk"):
                rows["wrk (closed loop)"] = by_wrk(nginx.address, seconds, connections)
            else:
                say("wrk is not here, so nothing is compared with it: package wrk")
        finally:
            nginx.end()
    shown = [
        [name, sent, failed, f"{sent / cpu:.0f}", f"{cpu / sent * 1e6:.0f} us", f"{p99:.1f} ms"]
        for name, (sent, failed, cpu, p99) in rows.items()
    ]
    arguments.table(["GENERATOR", "REQUESTS", "FAILED", "PER S AND CORE", "CPU EACH", "P99"], shown)
    ours = next(iter(rows.values()))
    missed = [name for name, row in rows.items() if name.startswith("oha") and ours[2] / ours[0] > 1.3 * row[2] / row[0]]
    missed += [other for other in rows if any(other.startswith(b) for b in arguments.beside)
               and ours[0] / ours[2] < 0.95 * rows[other][0] / rows[other][2]]
    for name in missed:
        print(f"missed: against {name} (at least 0.95 of a build from before, at most 1.3 times oha's time)")
    return 1 if missed else 0


KINDS = ["browse", "order", "product", "post", "read-forum", "add-to-cart"]
START = 1_735_689_600_000_000
PER_S = 1000


def journal(stage, count, out):
    """One experiment of so many operations, one each millisecond, with an outage of a second and complete
    final reads."""
    experiment = next(n for n, e in stage["experiments"].items() if e["faults"][0]["fault"] == "kill-primary")
    # When it is injected is the stage's, what it is the fault's own.
    what = {k: v for k, v in stage["experiments"][experiment]["faults"][0].items() if k != "at_ms"}
    last, keys = count * 1000, {"order": [], "post": []}
    fault, heal = last // 3 // 1000 * 1000, last // 2 // 1000 * 1000

    def line(at, event, **fields):
        out.write(json.dumps({"at": START + at, "event": event, **fields}, separators=(",", ":")) + "\n")

    line(0, "run-started", run="bench", seed=1, version="0.1.0", quick=False, stage=stage)
    line(0, "experiment-started", experiment=experiment, key_prefix="bench-")
    line(0, "phase", phase="steady")
    for n in range(count):
        due, kind = n * 1000, KINDS[n % len(KINDS)]
        if due == fault:
            line(due - 3, "phase", phase="fault")
            line(due - 2, "fault-planned", id="f1", fault=what,
                 nodes=["db-a1"], heal="start db-a1 again")
            line(due, "fault-injected", id="f1")
            line(due, "fault-confirmed", id="f1", evidence="db-a1: exited (137)")
        if due == heal:
            line(due, "fault-healed", id="f1")
            line(due, "heal-confirmed", id="f1", evidence="db-a1: running")
            line(due, "phase", phase="settle")
        bad = fault <= due < fault + 1_000_000
        at = due + 4000 + n % 7 * 300
        fields = {"kind": kind, "intended": START + due, "done": START + at, "outcome": "ok", "detail": "200"}
        if kind in ("order", "post", "add-to-cart"):
            fields["key"] = f"bench-{n}"
        if bad:
            fields.update(outcome="unknown" if "key" in fields else "fail", detail="no answer in time")
        elif kind in keys:
            keys[kind].append([f"bench-{n}", 1])
        line(at, "op", **fields)
    line(last + 20_000, "phase", phase="audit")
    for kind, found in keys.items():
        for begin in range(0, len(found), 5000):
            line(last + 30_000, "audit-keys", kind=kind, keys=found[begin:begin + 5000])
        line(last + 30_000, "audit-keys-end", kind=kind)
    line(last + 40_000, "audit-ledger", entries=200, debit_cents=5, credit_cents=5, unbalanced_orders=[],
         incomplete_orders=[], products=200, wrong_stock=[])
    line(last + 50_000, "experiment-ended", experiment=experiment)
    line(last + 50_000, "run-ended")


def check(arguments):
    """Time and memory to read and judge one journal: 4 s and 2 s of it to judge, 1 GiB for a million."""
    programs = examples(arguments.profile)
    # Without a lab, an engine or an image.
    stage = json.loads(subprocess.run([programs.parent / "lab", "show", "stage-1k", "--format", "json"],
                                      check=True, capture_output=True, text=True).stdout)
    rows, missed = [], False
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as folder:
        file = pathlib.Path(folder) / "journal.jsonl"
        with file.open("w") as out:
            journal(stage, arguments.operations, out)
        say(f"{arguments.operations} operations, {file.stat().st_size / 2**20:.0f} MiB")
        for program in [programs, *map(pathlib.Path, arguments.beside)]:
            text, _, memory = measured([program / "judge", file])
            found = json.loads(text)
            whole = found["read_s"] + found["judge_s"]
            if program == programs:
                missed = whole > 4 or found["judge_s"] > 2 or memory > 1024
            rows.append([program, found["entries"], f"{whole:.2f} s", f"{found['judge_s']:.2f} s",
                         f"{memory:.0f} MiB", ", ".join(found["verdicts"])])
    arguments.table(["PROGRAMS", "ENTRIES", "READ AND JUDGED (4 s)", "JUDGED (2 s)", "MEMORY (1024 MiB)", "VERDICT"], rows)
    return 1 if missed and arguments.operations >= 1_000_000 else 0


def add(words, table):
    """Adds the two subcommands to a parser."""
    word = words.add_parser("load", help="what our traffic generator costs, beside oha and wrk")
    word.add_argument("--rate", type=int, default=2000)
    word.add_argument("--for", dest="span", type=int, default=20, metavar="SECONDS")
    word.add_argument("--connections", type=int, default=50, help="of oha and wrk")
    word.set_defaults(go=load)
    other = words.add_parser("check", help="time and memory to judge a million operations")
    other.add_argument("--operations", type=int, default=1_000_000)
    other.set_defaults(go=check)
    for each in (word, other):
        each.add_argument("--profile", default="release", help="Cargo's; `dev` to try the script itself")
        each.add_argument("--beside", action="append", default=[], metavar="FOLDER",
                          help="with the same programs of another build")
        each.set_defaults(table=table, needs_lab=False)
