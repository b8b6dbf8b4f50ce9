"""BMCs: asking many for their power beside ipmipower and ipmitool, and keeping what many consoles say."""

import json
import os
import subprocess
import time

from .lab import BELLWETHER, QUICK, ROUNDS, Lab, alone, run
from .peers import install, program
from .report import Section, middle, ratio, shown

COUNT = 200
MANY = 1000
DEAD_EACH = 20
CONSOLES = 200
# A line of 59 octets each 5 ms are 115,200 baud.
CHATTER = 5
SECONDS = 10 if QUICK else 30
# ipmitool takes one BMC after the other; so many are asked, and the time is counted for all.
LOOP = 20

CLUSTER = """cluster: bench
networks: {{ boot: {{ prefix: 10.99.0.0/24 }} }}
doors: {{ dhcp: off, tftp: off, http: off, cache: off, syslog: off }}
defaults: {{ bmc: {{ user: admin, password_from: "env:BMC_PASSWORD" }} }}
nodes:
  n[0001-{count:04}]: {{ mac: 52:54:00:00:00:01+, bmc: {{ address: 127.1.0.1+ }}, console_via: {console} }}
"""


def bmcs(lab, count, *words):
    server = lab.start("bmcs", [BELLWETHER, "lab", "bmcs", "127.1.0.1", count, *words])
    return server.until("the BMCs are there", lambda: f"{count} BMCs" in server.said())


def bellwether(lab, count, console):
    state = lab.place("bellwether")
    with open(f"{state}/cluster.yaml", "w") as file:
        file.write(CLUSTER.format(count=count, console=console))
    server = lab.start("bellwether", [BELLWETHER, "serve", "--state", state, "--config", f"{state}/cluster.yaml"],
                       {"RUST_LOG": "warn", "BMC_PASSWORD": "lab"})
    return state, server.until("it answers", lambda: cli(state, "status").returncode == 0)


def cli(state, *words):
    return run(BELLWETHER, "--state", state, *words, check=False, timeout=200)


def timed(command):
    began = time.monotonic()
    out = command()
    return time.monotonic() - began, out


def inside(lab, *words, **options):
    return run("ip", "netns", "exec", lab.server, *words, check=False, timeout=200, **options)


def asked(lab):
    """Seconds until each has told how the power of all is."""
    found = {}
    virtual = bmcs(lab, COUNT)
    state, server = bellwether(lab, COUNT, "off")
    before = server.cpu()
    seconds, out = timed(lambda: cli(state, "power", "status", "*"))
    assert out.stdout == f"off      n[0001-{COUNT:04}]\n", out.stdout + out.stderr
    found["Bellwether"], found["cpu"] = seconds, server.cpu() - before
    server.stop()
    hosts = f"127.1.0.[1-{COUNT}]"
    power = [program("ipmipower"), "-D", "LAN_2_0", "-I", "17", "-u", "admin", "-p", "lab", "-h", hosts, "--stat"]
    seconds, out = timed(lambda: inside(lab, *power))
    assert out.stdout.count(": off") == COUNT, out.stdout[:500]
    found["ipmipower"] = seconds

    def loop():
        for n in range(1, LOOP + 1):
            words = ["-I", "lanplus", "-C", "17", "-H", f"127.1.0.{n}", "-U", "admin", "-P", "lab", "power", "status"]
            assert "is off" in inside(lab, program("ipmitool"), *words).stdout

    found["ipmitool"] = timed(loop)[0] * COUNT / LOOP
    virtual.stop()
    return found


def with_dead(lab):
    """Seconds until all that live have told, and until the dead are known to be."""
    virtual = bmcs(lab, MANY, "--dead-each", DEAD_EACH)
    state, server = bellwether(lab, MANY, "off")
    body = json.dumps({"nodes": "*", "order": "power", "action": "status"})
    curl = ["curl", "-sN", "--unix-socket", f"{state}/control.sock", "-H", "content-type: application/json", "-d", body, "http://localhost/v1/bmc"]
    began = time.monotonic()
    live, last = 0, 0.0
    with subprocess.Popen(curl, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if json.loads(line)["ok"]:
                live, last = live + 1, time.monotonic() - began
    whole = time.monotonic() - began
    assert live == MANY - MANY // DEAD_EACH, live
    peak = server.stop()
    virtual.stop()
    return {"live": last, "whole": whole, "peak": peak}


def consoles(lab):
    """What 200 consoles at 115,200 baud cost, and whether all of it is kept."""
    virtual = bmcs(lab, CONSOLES, "--chatter", CHATTER)
    state, server = bellwether(lab, CONSOLES, "sol")

    def is_open():
        listed = json.loads(cli(state, "--output", "json", "console", "list").stdout)["consoles"]
        return sum(console["state"] == "open" for console in listed) == CONSOLES

    server.until("the consoles are open", is_open)
    cli(state, "power", "on", "*")
    time.sleep(2)
    before, theirs = server.cpu(), virtual.cpu()
    time.sleep(SECONDS)
    used, cost = (server.cpu() - before) / SECONDS, (virtual.cpu() - theirs) / SECONDS
    lines, gaps = 0, 0
    for n in range(1, CONSOLES + 1):
        text = cli(state, "console", "log", f"n{n:04}").stdout
        # The last line may be on its way.
        numbers = [int(line.split()[1]) for line in text.splitlines() if line.endswith("dog")]
        lines += len(numbers)
        gaps += sum(b != a + 1 for a, b in zip(numbers, numbers[1:]))
    peak = server.stop()
    virtual.stop()
    return {"cpu": used, "theirs": cost, "lines": lines, "gaps": gaps, "peak": peak}


def main():
    install("ipmipower", "ipmitool", "curl", "ip", "ss")
    section = Section("BMCs", "FreeIPMI's ipmipower, ipmitool")
    results = {"asked": [], "dead": [], "consoles": []}
    with Lab() as lab:
        for _ in range(ROUNDS):
            for kind, measure in (("asked", asked), ("dead", with_dead), ("consoles", consoles)):
                with alone():
                    results[kind].append(measure(lab))
                print(kind, results[kind][-1], flush=True)
    of = lambda kind, key: [one[key] for one in results[kind]]
    section.text(f"The BMCs are `bellwether lab bmcs` on the same two cores: {COUNT} are asked for their power with cipher suite 17 by one command; "
                 f"ipmitool, which knows one BMC at a time, in a loop over {LOOP} of them, counted for all.\n")
    names = ("ipmipower", "ipmitool")
    section.table(["", "Bellwether", *names, "ratio to ipmipower", "ratio to ipmitool"], [
        [f"power status of {COUNT}: s", shown(of("asked", "Bellwether")), *(shown(of("asked", name)) for name in names),
         *(ratio(of("asked", "Bellwether"), of("asked", name), more_is_better=False) for name in names)]])
    section.text(f"{MANY:,} BMCs, {MANY // DEAD_EACH} of them silent, 64 in flight: all that live have answered after {shown(of('dead', 'live'))} s, "
                 f"all are told after {shown(of('dead', 'whole'))} s; the server's peak memory is {shown(of('dead', 'peak'))} MB.\n")
    section.text(f"{CONSOLES} consoles, each a line of 59 octets every {CHATTER} ms (115,200 baud), for {SECONDS} s: "
                 f"{middle(of('consoles', 'lines')):,.0f} lines kept, {sum(of('consoles', 'gaps'))} missing; "
                 f"the server takes {shown([100 * v for v in of('consoles', 'cpu')])} % of a core, the virtual BMCs "
                 f"{shown([100 * v for v in of('consoles', 'theirs')])} %; peak memory {shown(of('consoles', 'peak'))} MB.\n")
    section.write()
