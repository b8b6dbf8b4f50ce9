"""TFTP beside tftpd-hpa, atftpd and dnsmasq: many clients, block sizes, windows, a bad network."""

import json
import random

from .lab import GENERATOR, QUICK, ROUNDS, SERVER, Lab, alone
from .peers import install, program, version
from .report import Section, middle, ratio, shown
from .servers import TFTP, write_bytes

# Bytes of the file: for few clients, and for more than 100.
SIZES = {"few": 1 << 20, "many": 1 << 18}
CLIENTS = (1, 100, 1_000) if QUICK else (1, 100, 1_000, 5_000)
SHAPES = ((1468, 1), (512, 1), (1468, 16)) if QUICK else ((512, 1), (1468, 1), (1468, 4), (1468, 16), (1468, 64), (512, 16))
# A run moves about so much, and each client at least one file.
FILES = 100 if QUICK else 300
# The same on a bad network, where peers take minutes for it.
BAD_FILES = 60
# One address for each client: machines in a rack do not share theirs, and servers count what each address takes.
PREFIX, ROUTER, SOURCES = "10.79.0.0/16", "10.79.0.1", "10.79.1.0-10.79.40.255"
WINDOWED = {"Bellwether", "atftpd"}  # the others answer without the option
FAULTS = {
    "1 % lost, window 1": ["--loss", "0.01", "--windowsize", "1"],
    "1 % lost, window 16": ["--loss", "0.01", "--windowsize", "16"],
    "2 % overtaken, window 4, EDK II's manner": ["--reorder", "0.02", "--windowsize", "4", "--manner", "edk2"],
    "2 % overtaken, window 64, EDK II's manner": ["--reorder", "0.02", "--windowsize", "64", "--manner", "edk2"],
    "2 % overtaken, window 64": ["--reorder", "0.02", "--windowsize", "64"],
}


def measure(lab, start, folder, clients, *arguments, files=FILES):
    """A fresh server under so many clients."""
    server = start(lab, folder)
    before = server.cpu()
    count = max(1, files // clients)
    file = "few" if clients <= 100 else "many"
    out = lab.ask(GENERATOR, "tftp", SERVER, file, "-n", clients, "--count", count, "--source", SOURCES, "--deadline", 60,
                  "--compare", f"{folder}/{file}", *arguments, check=False, timeout=60 * count + 60)
    used = server.cpu() - before
    peak = server.stop()
    if not out.stdout:
        raise SystemExit(f"bellwether-bench tftp: {out.stderr}")
    found = json.loads(out.stdout)
    return {"rate": found["megabytes_per_second"], "p50": found["time"]["p50"], "p99": found["time"]["p99"], "max": found["time"]["max"],
            "failed": found["failed"], "transfers": found["transfers"], "failures": found["failures"], "storm": found["storm"],
            "unfair": found["slowest_over_median"], "duplicates": found["duplicates"], "repeated": found["repeated_by_clients"],
            "cpu": used * 1e9 / found["bytes"] if found["bytes"] else float("nan"), "own": found["own_cpu"], "peak": peak}


def main():
    install("dnsmasq", "in.tftpd", "atftpd", "ip", "ss")
    peers = ", ".join(f"{name} {version(tool)}" for name, tool in (("tftpd-hpa", "in.tftpd"), ("atftpd", "atftpd"), ("dnsmasq", "dnsmasq")))
    results = {}
    with Lab() as lab:
        lab.route_clients(PREFIX, ROUTER)
        folder = lab.place("files")
        for file, size in SIZES.items():
            write_bytes(f"{folder}/{file}", random.Random(7).randbytes(size))
        program("in.tftpd"), program("atftpd")  # downloads are no part of the measurement
        section = Section("TFTP", peers)

        def add(test, name, *arguments, files=FILES):
            before = results.setdefault((test, name), [])
            if before and before[-1]["failed"] * 2 > before[-1]["transfers"]:
                return  # it takes all the time after which clients give up, and says nothing new
            with alone():
                one = measure(lab, TFTP[name], folder, *arguments, files=files)
            before.append(one)
            print(test, name, one, flush=True)

        for _ in range(ROUNDS):
            for block, window in SHAPES:
                for clients in CLIENTS:
                    for name in TFTP:
                        if window == 1 or name in WINDOWED:
                            add((block, window, clients), name, clients, "--blksize", block, "--windowsize", window)
            for fault, arguments in FAULTS.items():
                for name in TFTP:
                    if name in WINDOWED or "window 1," in f"{fault},":
                        add(fault, name, 20, *arguments, files=BAD_FILES)
    tables(section, results)
    section.write()


def tables(section, results):
    ours, names = "Bellwether", list(TFTP)

    def values(test, name, key):
        return [one[key] for one in results.get((test, name), [])]

    def cell(test, name, key, digits=None):
        return shown(values(test, name, key), digits) if (test, name) in results else "no windows"

    def best(test, key, more=True):
        others = [values(test, name, key) for name in names if name != ours and (test, name) in results]
        return ratio(values(test, ours, key), (max if more else min)(others, key=middle), more) if others else ""

    section.text(f"`bellwether-bench tftp`, a file of 1 MiB (256 KiB for more than 100 clients), every byte compared, each client from an address of its own, all asking at the "
                 f"same moment; {FILES} files in a run or one for each client, if that is more. Who has not its file after 60 s has failed; a server with which most do is not asked again in further rounds.\n")
    grid = [(block, window, clients) for block, window in SHAPES for clients in CLIENTS]

    def label(test):
        return f"{test[0]} bytes, window {test[1]}, {test[2]:,} client{'s' if test[2] > 1 else ''}"

    section.table(["MB/s", *names, "ratio to the best peer"],
                  [[label(test), *(cell(test, name, "rate") for name in names), best(test, "rate")] for test in grid])
    section.table(["seconds for a file: p50 / p99 / slowest", *names],
                  [[label(test), *(" / ".join(f"{middle(values(test, name, key)):.2f}" for key in ("p50", "p99", "max"))
                                   if (test, name) in results else "" for name in names)] for test in grid])
    section.table(["not complete after 60 s, of all", *names],
                  [[label(test), *(f"{sum(values(test, name, 'failed')):,} of {sum(values(test, name, 'transfers')):,}"
                                   if (test, name) in results else "" for name in names)] for test in grid
                   if any(sum(values(test, name, "failed")) for name in names)] or [["none", *("" for _ in names)]])
    section.table(["server's processor, s/GB", *names],
                  [[label(test), *(cell(test, name, "cpu", 2) if (test, name) in results else "" for name in names)] for test in grid])
    section.table(["server's peak memory, MB", *names],
                  [[label(test), *(cell(test, name, "peak") if (test, name) in results else "" for name in names)] for test in grid])
    section.text(f"20 clients on a bad network, simulated in the clients; {BAD_FILES} files in a run. The storm factor is payload that arrived over bytes of the files; "
                 "RFC 7440 clients answer a gap once, EDK II each block after it.\n")
    section.table(["bad network", *(f"{name}: MB/s" for name in names), *(f"{name}: storm factor" for name in names)], [
        [fault, *(cell(fault, name, "rate") for name in names), *(cell(fault, name, "storm", 3) for name in names)] for fault in FAULTS])
