"""DHCP beside Kea and dnsmasq: the highest rate with less than 1 % lost, latency at fixed rates, an avalanche."""

import re
import subprocess

from .lab import QUICK, ROUNDS, SERVER, Lab, alone, receive_buffers
from .peers import install, program, version
from .report import Section, ratio, shown
from .servers import DHCP, FIRST_MAC

SECONDS = 3 if QUICK else 5
NODES = 20_000
# More than can ask in a run: each is a stranger once.
STRANGERS = 300_000
LOSS = 0.01
START, TOP = 500, 32_000
# Step at which the search ends: rates this close are one rate.
CLOSE = 1.25 if QUICK else 1.1
LATENCY = (1_000, 3_000)
AVALANCHE = 10_000
# Bytes of receive buffer of perfdhcp's one socket, into which the answers to all clients come. With the kernel's usual 208 KiB,
# some 160 answers, it loses those that come while it waits for a core: that measures the generator.
BUFFER = 32 << 20
# Seconds after which an avalanche that is not through is given up.
PATIENCE = 150
PXE = ["-o", "60,505845436c69656e743a417263683a30303030373a554e44493a303033303136", "-o", "93,0007", "-o", "94,010310"]


def perfdhcp(lab, *arguments, timeout=200):
    # In one thread: with two it takes up to one and a half cores of the servers' two, and reaches less.
    command = [program("perfdhcp"), "-4", "-g", "single", "-l", "cv0", "-b", f"mac={FIRST_MAC}", *PXE, *arguments, SERVER]
    with receive_buffers(BUFFER):
        return lab.ask(*command, check=False, timeout=timeout).stdout


def counts(text):
    """Per exchange: sent, received, delays in ms."""
    found = {}
    for name, block in re.findall(r"\*\*\*Statistics for: (\S+)\*\*\*(.*?)(?=\*\*\*Statistics|\*\*\*Timestamps|\Z)", text, re.S):
        numbers = {key: float(value) for key, value in re.findall(r"^(sent packets|received packets|avg delay|max delay): ([\d.]+)", block, re.M)}
        found[name] = numbers
    return found


def delays(text):
    """All delays in ms of each exchange, from the timestamps that `-x t` prints."""
    found = {}
    for name, block in re.findall(r"\*\*\*Timestamps for packets: (\S+)\*\*\*(.*?)(?=\*\*\*|\Z)", text, re.S):
        pairs = re.findall(r"^sent / received: ([\d.]+) / ([\d.]+)", block, re.M)
        found[name] = sorted((float(received) - float(sent)) * 1e3 for sent, received in pairs)
    return found


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def offered(lab, start, nodes, rate, seconds=SECONDS):
    """A fresh server under a rate: full exchanges per second and what was lost."""
    server = start(lab, nodes)
    before = server.cpu()
    text = perfdhcp(lab, "-r", rate, "-R", nodes or STRANGERS, "-p", seconds, "-d", 2, "-W", 2_000_000)
    used = server.cpu() - before
    peak = server.stop()
    found = counts(text)
    sent = found.get("DISCOVER-OFFER", {}).get("sent packets", 0)
    done = found.get("REQUEST-ACK", {}).get("received packets", 0)
    if not sent:
        return {"rate": 0, "sent": 0, "lost": 1.0, "cpu": 0, "peak": peak, "limit": 0}
    return {"rate": done / seconds, "sent": sent / seconds, "lost": 1 - done / sent, "cpu": used / max(done, 1) * 1e3, "peak": peak, "limit": 0}


def highest(lab, start, nodes, first=START):
    """The highest offered rate of which less than 1 % are lost, by doubling and then halving the gap."""
    best, low, high, rate = None, None, None, first
    while True:
        one = offered(lab, start, nodes, rate)
        if one["lost"] >= LOSS:
            # One run may have met other work on the machine; two in a row are the server.
            one = offered(lab, start, nodes, rate)
        if one["lost"] < LOSS:
            low, best = rate, one
            # A generator that does not reach its rate has measured what it reached.
            if one["sent"] < 0.9 * rate or rate >= TOP:
                return dict(one, limit=1)
        else:
            high = rate
        if high is None:
            rate *= 2
        elif low is None:
            if rate <= 50:
                return one
            rate //= 2
        elif high / low <= CLOSE:
            return best
        else:
            rate = int((high * low) ** 0.5)


def latency(lab, start, nodes, rate):
    """Delays in ms at a fixed rate: median and 99th percentile of both halves of an exchange, and what was lost."""
    server = start(lab, nodes)
    text = perfdhcp(lab, "-r", rate, "-R", nodes or STRANGERS, "-p", SECONDS, "-d", 2, "-W", 2_000_000, "-x", "t")
    server.stop()
    found, all_delays = counts(text), delays(text)
    sent = found.get("DISCOVER-OFFER", {}).get("sent packets", 0)
    done = found.get("REQUEST-ACK", {}).get("received packets", 0)
    halves = [all_delays.get(name, []) for name in ("DISCOVER-OFFER", "REQUEST-ACK")]
    return {"lost": 1 - done / sent if sent else 1.0,
            **{f"{half}{share}": percentile(values, share / 100)
               for half, values in zip(("offer", "ack"), halves) for share in (50, 99)}}


def avalanche(lab, start, nodes):
    """Seconds until every one of many clients that ask at the same moment has its address."""
    server = start(lab, nodes)
    before = server.cpu()
    try:
        text = perfdhcp(lab, "--scenario", "avalanche", "-R", AVALANCHE, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        text = ""
    used = server.cpu() - before
    peak = server.stop()
    took = re.search(r"It took (\d+):(\d+):([\d.]+) to provision", text)
    resent = re.search(r"Requests resent: (\d+)", text)
    if not took or not resent:
        return {"seconds": float("inf"), "resent": float("inf"), "cpu": used, "peak": peak}
    hours, minutes, seconds = (float(part) for part in took.groups())
    return {"seconds": hours * 3600 + minutes * 60 + seconds, "resent": int(resent.group(1)), "cpu": used, "peak": peak}


KINDS = {"declared nodes": NODES, "strangers, addresses of a pool": 0}


def main():
    install("kea-dhcp4", "dnsmasq", "perfdhcp", "ip", "ss")
    peers = ", ".join(f"{name} {version(tool)}" for name, tool in (("Kea", "kea-dhcp4"), ("dnsmasq", "dnsmasq"), ("perfdhcp", "perfdhcp")))
    section = Section("DHCP", peers)
    results = {}
    with Lab(13) as lab:
        for _ in range(ROUNDS):
            for kind, nodes in KINDS.items():
                for test, measure in TESTS.items():
                    for name, start in DHCP.items():
                        if QUICK and (test, name) == ("avalanche", "dnsmasq"):
                            # It takes all the time after which it is given up.
                            results[kind, test, name] = [{"seconds": float("nan"), "resent": float("nan"), "cpu": float("nan"), "peak": float("nan")}]
                            continue
                        before = results.setdefault((kind, test, name), [])
                        if before and before[-1].get("seconds") == float("inf"):
                            continue  # given up once: it would be again
                        with alone():
                            if test == "rate" and before:
                                # Further rounds begin at half of what the one before found.
                                before.append(highest(lab, start, nodes, max(50, int(before[-1]["rate"] / 2))))
                            else:
                                before.append(measure(lab, start, nodes))
                        print(kind, test, name, results[kind, test, name][-1], flush=True)
    section.text(TEXT)
    for kind in KINDS:
        tables(section, kind, lambda test, name, key: [one[key] for one in results[kind, test, name]])
    section.write()


def tables(section, kind, values):
    ours, names = "Bellwether", list(DHCP)
    section.text(f"### {kind[0].upper()}{kind[1:]}\n")
    section.table(["", *names, *(f"ratio to {name}" for name in names[1:])], [
        ["exchanges/s with less than 1 % lost", *(shown(values("rate", name, "rate")) for name in names),
         *(ratio(values("rate", ours, "rate"), values("rate", name, "rate")) for name in names[1:])],
        ["rounds in which perfdhcp asked no faster", *(f"{sum(values('rate', name, 'limit'))} of {len(values('rate', name, 'limit'))}" for name in names),
         *("" for _ in names[1:])],
        ["of them the server's processor, ms each", *(shown(values("rate", name, "cpu"), 3) for name in names),
         *(ratio(values("rate", ours, "cpu"), values("rate", name, "cpu"), False) for name in names[1:])],
        ["peak memory there, MB", *(shown(values("rate", name, "peak")) for name in names),
         *(ratio(values("rate", ours, "peak"), values("rate", name, "peak"), False) for name in names[1:])],
        [f"avalanche of {AVALANCHE:,}: seconds until all are served", *(shown(values("avalanche", name, "seconds")) for name in names),
         *(ratio(values("avalanche", ours, "seconds"), values("avalanche", name, "seconds"), False) for name in names[1:])],
        ["avalanche: repeated requests", *(shown(values("avalanche", name, "resent"), 0) for name in names), *("" for _ in names[1:])],
    ])
    rows = []
    for rate in LATENCY:
        for key, text in (("offer50", "OFFER p50"), ("offer99", "OFFER p99"), ("ack50", "ACK p50"), ("ack99", "ACK p99")):
            rows.append([f"{rate:,}/s: {text}, ms", *(shown(values(rate, name, key)) for name in names)])
        rows.append([f"{rate:,}/s: lost, %", *(shown([100 * one for one in values(rate, name, "lost")], 1) for name in names)])
    section.table(["delay", *names], rows)


TESTS = {"rate": highest, **{rate: lambda lab, start, nodes, rate=rate: latency(lab, start, nodes, rate) for rate in LATENCY},
         "avalanche": avalanche}
TEXT = f"""perfdhcp in one thread and with a receive buffer of {BUFFER >> 20} MiB (the usual one loses answers to thousands of clients while perfdhcp waits
for a core), each exchange another client with PXE's options, sent to the server as a relay agent does: of the declared nodes
one after the other, and from the first one again after the last, while strangers never come back; the server starts with an
empty lease file for each run, which is on a disk. The rate is searched for: doubled until 1 % of the exchanges of {SECONDS} s are lost twice in a row, then
the gap is halved until it is below {CLOSE - 1:.0%}; further rounds begin at half of what the one before found. Bellwether and dnsmasq sync each lease (Bellwether in groups) before its
ACK leaves; Kea appends to its file and does not sync. Bellwether asks the wire whether a pool address is free before it
offers it to a stranger (half a second); Kea 2.2 cannot and dnsmasq is told not to. {NODES:,} nodes are declared; for
strangers the pool has 393,000 addresses. An avalanche that is not
through after {PATIENCE} s is given up ("inf"), and not tried in further rounds. Where perfdhcp asks no faster although nothing is lost, the rate is what it reached."""
