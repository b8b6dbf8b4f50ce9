"""How Bellwether grows: start, memory, answers and command lines with more nodes and with more events."""

import sqlite3
import time

from .http import ask_all, wrk
from .lab import BELLWETHER, QUICK, ROUNDS, SERVER, Lab, alone, run
from .peers import install
from .report import Section, shown
from .servers import chain_bellwether, write

NODES = (100, 1_000, 10_000) if QUICK else (100, 1_000, 10_000, 100_000)
EVENTS = (0, 100_000, 1_000_000) if QUICK else (0, 1_000_000, 10_000_000)
EVENT_NODES = 1_000
FILES = {"loader": b"loader", "kernel": b"kernel", "initrd": b"initrd", "root.squashfs": b"root"}


def timed(*command):
    began = time.monotonic()
    out = run(*command)
    return time.monotonic() - began, out.stdout


def resident(server):
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1e3


def command(state, *words):
    return timed(BELLWETHER, "--state", state, *words)[0]


def first_scripts(lab, path, count):
    """Milliseconds of each of a hundred scripts that begin a boot, one after the other over one connection."""
    urls = "".join(f'url = "http://{SERVER}{path % (1 + number * count // 100)}"\noutput = /dev/null\n' for number in range(100))
    out = lab.ask("curl", "-sSf", "-w", "%{time_total}\n", "-K", write(f"{lab.folder}/urls", urls)).stdout
    return sorted(float(line) * 1e3 for line in out.split())


def nodes(lab, count):
    """One size: everything from the start to the command line."""
    began = time.monotonic()
    server = chain_bellwether(lab, count, FILES, relayed="10.80.0.0/13", first="10.81.0.0", router="10.80.0.1")
    first_start = time.monotonic() - began
    state = f"{lab.folder}/bellwether"
    file = f"{state}/cluster.yaml"
    memory = resident(server)
    width = len(str(count))
    path = f"/boot/nid%0{width}d/script"
    first = first_scripts(lab, path, count)
    ask_all(lab, server, path, count)
    scripts, busy = wrk(lab, server, 1, path, count), wrk(lab, server, 16, path, count)
    with open(file) as old:
        text = old.read()
    # The last node gets another kernel argument.
    write(f"{state}/changed.yaml", text.rstrip().removesuffix("}") + ", kernel_args: changed }\n")
    found = {"first_start": first_start, "memory": memory, "first_p50": first[50], "first_p98": first[98], "script_p50": scripts["p50"], "script_p99": scripts["p99"], "scripts": busy["rate"],
             "check": timed(BELLWETHER, "check", file)[0], "plan": command(state, "plan", f"{state}/changed.yaml"),
             "apply": command(state, "apply", "--yes", f"{state}/changed.yaml"), "list": command(state, "nodes"),
             "why": command(state, "why", f"nid{1:0{width}}")}
    found["user_data"], text = timed(BELLWETHER, "--state", state, "show", f"nid{1:0{width}}", "--render", "user-data")
    found["user_data_size"] = len(text) / 1e3
    found["peak"] = server.stop()
    server, found["start"] = again(lab, state)
    server.stop()
    return found


def again(lab, state):
    """Starts the server on a state that is there; seconds until it answers over HTTP."""
    began = time.monotonic()
    server = lab.start("bellwether", [BELLWETHER, "serve", "--state", state, "--config", f"{state}/cluster.yaml"], {"RUST_LOG": "warn"})
    server.until("it is healthy", lambda: run("ip", "netns", "exec", lab.client, "curl", "-sf", f"http://{SERVER}/healthz", check=False).stdout, 280)
    return server, time.monotonic() - began


def fill(state, count):
    """Repeats the events of real answers until there are so many, spread over the nodes that asked; the snapshots are removed."""
    store = sqlite3.connect(next(iter(run("sh", "-c", f"ls {state}/*.db").stdout.split())))
    store.execute("pragma journal_mode=wal"), store.execute("pragma synchronous=off"), store.execute("pragma cache_size=-500000")
    store.execute("delete from snapshot")
    last, at = store.execute("select max(seq), max(at) from event").fetchone()
    kinds = store.execute("select actor, subject, kind, body from event where subject like 'node:%' or subject like 'nid%' order by seq limit 400").fetchall()
    if not kinds:
        raise SystemExit("no events of nodes to repeat")

    def rows():
        for number in range(1, count - last + 1):
            actor, subject, kind, body = kinds[number % len(kinds)]
            yield last + number, at + number, actor, subject, kind, body

    store.executemany("insert into event (seq, at, actor, subject, kind, body) values (?, ?, ?, ?, ?, ?)", rows())
    store.commit()
    store.execute("pragma wal_checkpoint(truncate)")
    store.close()


def events(lab, count):
    server = chain_bellwether(lab, EVENT_NODES, FILES)
    state, name = f"{lab.folder}/bellwether", f"nid{1:0{len(str(EVENT_NODES))}}"
    for number in range(1, 101):
        lab.ask("curl", "-sf", f"http://{SERVER}/boot/nid{number:0{len(str(EVENT_NODES))}}/script")
    server.stop()
    if count:
        fill(state, count)
    server, replay = again(lab, state)
    server.stop()
    server, start = again(lab, state)
    # The index of events by node follows behind; what is asked below is asked of a journal at rest.
    server.settled(280)
    found = {"replay": replay, "start": start, "memory": resident(server)}
    path = f"/boot/nid%0{len(str(EVENT_NODES))}d/script"
    ask_all(lab, server, path, EVENT_NODES)
    scripts = wrk(lab, server, 1, path, EVENT_NODES)
    found.update(script_p50=scripts["p50"], script_p99=scripts["p99"], list=command(state, "nodes"), why=command(state, "why", name),
                 timeline=command(state, "timeline", name), events=command(state, "events", "--last", "100"),
                 disk=int(run("du", "-sk", state).stdout.split()[0]) / 1e3)
    server.stop()
    return found


def main():
    install("wrk", "curl", "ip", "ss")
    section = Section("Growth", "itself")
    by_nodes, by_events = {}, {}
    with Lab() as lab:
        lab.route_clients("10.80.0.0/13", "10.80.0.1")
        for _ in range(ROUNDS):
            for count in NODES:
                with alone():
                    by_nodes.setdefault(count, []).append(nodes(lab, count))
                print(count, by_nodes[count][-1], flush=True)
        for _ in range(1 if EVENTS[-1] > 1_000_000 else ROUNDS):
            for count in EVENTS:
                with alone():
                    by_events.setdefault(count, []).append(events(lab, count))
                print(count, by_events[count][-1], flush=True)

    def table(results, first, names):
        section.table([first, *(f"{count:,}" for count in results)],
                      [[title, *(shown([one[key] for one in runs]) for runs in results.values())] for key, title in names.items()])

    section.text("Each node has a line of its own in the cluster file. Command lines count from the shell's call to their end.\n")
    table(by_nodes, "declared nodes", {
        "first_start": "first start until it serves, s", "start": "start on its state until it answers HTTP, s", "memory": "memory after the start, MB",
        "peak": "peak memory, MB", "first_p50": "a script that begins a boot, synced: p50, ms", "first_p98": "p98, ms",
        "script_p50": "a script of a boot under way, 1 client: p50, ms", "script_p99": "p99, ms", "scripts": "scripts/s, 16 clients",
        "user_data": "`show NODE --render user-data`, s", "user_data_size": "size of that, kB", "check": "`check`, s", "plan": "`plan`, one node changed, s", "apply": "`apply` of that, s",
        "list": "`nodes`, s", "why": "`why NODE`, s"})
    section.text(f"{EVENT_NODES:,} nodes, of which 100 have asked; the journal is filled with copies of the events of their answers, so that each has a hundredth of them.\n")
    table(by_events, "events in the journal", {
        "replay": "start without a snapshot (all events folded), s", "start": "start with one, s", "memory": "memory after the start, MB",
        "disk": "state on disk, MB", "script_p50": "a script, 1 client: p50, ms", "script_p99": "p99, ms", "list": "`nodes`, s", "why": "`why NODE`, s",
        "timeline": "`timeline NODE`, s", "events": "`events --last 100`, s"})
    section.write()
