"""HTTP beside nginx: a large image for few and for many, and a script that is rendered beside a file that is not."""

import json
import os
import random

from .lab import QUICK, ROUNDS, SERVER, Lab, alone
from .nginx import nginx
from .peers import install, program, version
from .report import Section, ratio, shown
from .servers import chain_bellwether, write, write_bytes

SECONDS = 3 if QUICK else 5
IMAGE = 100_000_000
CLIENTS = (1, 10, 50)
NODES = 10_000
NAME = f"nid%0{len(str(NODES))}d"
# Prints what was measured as JSON; each request is for another node, if `nodes` is not 0: one by one if `begin` is not 0, else by chance.
LUA = """
local nodes, path, begin = {nodes}, "{path}", {begin}
request = function()
  if nodes == 0 then return wrk.format("GET", path) end
  if begin == 0 then return wrk.format("GET", string.format(path, math.random(1, nodes))) end
  local number = begin
  begin = begin % nodes + 1
  return wrk.format("GET", string.format(path, number))
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('JSON{{"requests": %d, "bytes": %d, "us": %d, "p50": %g, "p99": %g, "errors": %d}}\\n', summary.requests, summary.bytes,
    summary.duration, latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def wrk(lab, server, connections, path, nodes=0, begin=0):
    script = write(f"{lab.folder}/wrk.lua", LUA.format(nodes=nodes, path=path, begin=begin))
    before = server.cpu()
    out = lab.ask(program("wrk"), "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "20s", "-s", script, f"http://{SERVER}")
    used = server.cpu() - before
    found = json.loads(out.stdout.split("JSON")[1])
    if found["errors"]:
        raise SystemExit(f"wrk met {found['errors']} errors at {path}: {server.said()}")
    seconds = found["us"] / 1e6
    return {"requests": found["requests"], "mbps": found["bytes"] / 1e6 / seconds, "rate": found["requests"] / seconds, "p50": found["p50"] / 1e3, "p99": found["p99"] / 1e3,
            "cpu_gb": used * 1e9 / max(found["bytes"], 1), "cpu_each": used * 1e6 / max(found["requests"], 1), "peak": server.peak / 1e3}


def ask_all(lab, server, path, nodes):
    """Asks once for each node at least: the boots are under way then, as they are when machines have asked DHCP."""
    asked = 0
    while asked < nodes:
        asked += wrk(lab, server, max(CLIENTS), path, nodes, begin=asked + 1)["requests"]


def main():
    install("nginx", "wrk", "ip", "ss")
    section = Section("HTTP", f"nginx {version('nginx')}, wrk {version('wrk')}")
    chance, results = random.Random(7), {}
    files = {"loader": b"loader", "kernel": chance.randbytes(1000), "initrd": chance.randbytes(1000), "root.squashfs": chance.randbytes(IMAGE)}
    with Lab() as lab:
        lab.route_clients("10.79.0.0/16", "10.79.0.1")
        web = lab.place("web")
        write_bytes(f"{web}/root.squashfs", files["root.squashfs"])

        def bellwether():
            return chain_bellwether(lab, NODES, files)

        server = bellwether()
        script = lab.ask("curl", "-sSf", f"http://{SERVER}/boot/{NAME % 1}/script").stdout
        server.stop()
        os.makedirs(f"{web}/scripts")
        for number in range(1, NODES + 1):
            write(f"{web}/scripts/{NAME % number}", script)
        subjects = {"Bellwether": (bellwether, "/images/bench/root.squashfs", f"/boot/{NAME}/script"),
                    "nginx": (lambda: nginx(lab, web), "/root.squashfs", f"/scripts/{NAME}")}
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                for name, (start, image, scripts) in subjects.items():
                    for test, path, nodes in ((("image", clients), image, 0), (("first script", clients), scripts, NODES),
                                              (("script", clients), scripts, NODES)):
                        with alone():
                            server = start()
                            if test[0] == "script":
                                ask_all(lab, server, path, nodes)
                            results.setdefault((test, name), []).append(wrk(lab, server, clients, path, nodes))
                            server.stop()
                        print(test, name, results[test, name][-1], flush=True)
    tables(section, results, len(script))
    section.write()


def tables(section, results, size):
    def values(test, name, key):
        return [one[key] for one in results[test, name]]

    def row(title, test, key, cost, unit):
        ours, theirs = (values(test, name, key) for name in ("Bellwether", "nginx"))
        return [title, shown(ours), shown(theirs), ratio(ours, theirs), *(f"{shown(values(test, name, cost))} {unit}" for name in ("Bellwether", "nginx")),
                *(" / ".join(shown(values(test, name, p)) for p in ("p50", "p99")) for name in ("Bellwether", "nginx")),
                *(shown(values(test, name, "peak"), 0) for name in ("Bellwether", "nginx"))]

    section.text(f"wrk with one thread, {SECONDS} s each, a fresh server each time; nginx with sendfile, an open-file cache and {os.cpu_count()} workers, "
                 f"no access log. {NODES:,} nodes are declared; each request for a script is for another of them. nginx has a file of the same "
                 f"{size:,} bytes for each node. Bellwether renders each script and writes into its journal that it was served: "
                 "on the disk before it answers where a boot begins with it (first scripts: nobody has asked DHCP), else behind the answer. "
                 "The other scripts are of boots under way: all nodes have asked before.\n")
    head = ["", "Bellwether", "nginx", "ratio", "processor of Bellwether", "of nginx", "p50 / p99 of Bellwether, ms", "of nginx, ms",
            "peak memory of Bellwether, MB", "of nginx, MB"]
    rows = [row(f"image of 100 MB, {n} client{'s' if n > 1 else ''}: MB/s", ("image", n), "mbps", "cpu_gb", "s/GB") for n in CLIENTS]
    for kind in ("script", "first script"):
        rows += [row(f"{kind}, {n} client{'s' if n > 1 else ''}: requests/s", (kind, n), "rate", "cpu_each", "us") for n in CLIENTS]
    section.table(head, rows)
