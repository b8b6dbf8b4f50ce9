"""A boot storm through the whole chain, beside dnsmasq and nginx as the do-it-yourself server."""

import json
import os
import random

from .lab import GENERATOR, QUICK, ROUNDS, SERVER, Lab, alone
from .nginx import nginx
from .peers import install, version
from .report import Section, middle, number, ratio, shown
from .servers import FIRST_MAC, address, chain_bellwether, dnsmasq, mac, write, write_bytes

PREFIX, ROUTER, FIRST = "10.79.0.0/16", "10.79.0.1", "10.79.16.0"
# Nodes, power-ons in a second (0: all at once).
STORMS = ((1_000, 0), (1_000, 200), (10_000, 200)) if QUICK else ((1_000, 0), (1_000, 200), (4_000, 200), (10_000, 200), (10_000, 500))
SIZES = {"loader": 173_792, "kernel": 1_000_000, "initrd": 2_000_000, "root.squashfs": 64 << 20}
STEPS = ("dhcp", "loader", "loader dhcp", "script", "kernel", "initrd", "root image", "answers", "ready")


class Bellwether:
    """One program."""

    name = "Bellwether"

    def __init__(self, lab, nodes, files):
        self.servers = [chain_bellwether(lab, nodes, files, PREFIX, FIRST, ROUTER)]


class Diy:
    """dnsmasq with a reservation for each node, and nginx with a script for each MAC and one set of cloud-init documents."""

    name = "dnsmasq + nginx"

    def __init__(self, lab, nodes, files):
        web, tftp, place = lab.place("web"), lab.place("tftp"), lab.place("dnsmasq")
        os.chmod(lab.folder, 0o755)
        for file in ("kernel", "initrd", "root.squashfs"):
            write_bytes(f"{web}/{file}", files[file])
        write_bytes(f"{tftp}/snponly.efi", files["loader"])
        at = f"http://{SERVER}"
        write(f"{web}/boot.ipxe", f"#!ipxe\nchain {at}/scripts/${{net0/mac:hexhyp}}.ipxe\n")
        os.makedirs(f"{web}/scripts"), os.makedirs(f"{web}/ci")
        for n in range(nodes):
            name = mac(n).replace(":", "-")
            write(f"{web}/scripts/{name}.ipxe", f"#!ipxe\nkernel {at}/kernel initrd=initrd root=live:{at}/root.squashfs "
                  f"ds=nocloud;s={at}/ci/ BOOTIF=01-{name}\ninitrd {at}/initrd\nboot\n")
        write(f"{web}/ci/meta-data", "instance-id: i\n")
        write(f"{web}/ci/vendor-data", "")
        write(f"{web}/ci/user-data", f"#cloud-config\nphone_home:\n  url: {at}/hook/ready\n")
        hosts = write(f"{place}/hosts", "".join(f"{mac(n)},{address(n, FIRST)}\n" for n in range(nodes)))
        self.servers = [
            dnsmasq(lab, place, "--no-ping", "--dhcp-range=10.79.1.0,10.79.1.250,255.255.0.0,12h", "--dhcp-authoritative",
                    f"--dhcp-leasefile={place}/leases", "--dhcp-lease-max=1000000", f"--dhcp-hostsfile={hosts}", "--quiet-dhcp",
                    "--dhcp-userclass=set:ipxe,iPXE", f"--dhcp-boot=tag:ipxe,{at}/boot.ipxe", "--dhcp-boot=tag:!ipxe,snponly.efi",
                    "--enable-tftp", f"--tftp-root={tftp}", "--tftp-max=10000", "--quiet-tftp").listens("udp", 67).settled(),
            nginx(lab, web)]


def measure(lab, kind, nodes, rate, files):
    subject = kind(lab, nodes, files)
    before = sum(server.cpu() for server in subject.servers)
    out = lab.ask(GENERATOR, "storm", SERVER, "--relay", ROUTER, "-n", nodes, "--rate", rate, "--mac", FIRST_MAC,
                  "--deadline", 200, check=False, timeout=290)
    used = sum(server.cpu() for server in subject.servers) - before
    peak = sum(server.stop() for server in subject.servers)
    if not out.stdout:
        raise SystemExit(f"bellwether-bench storm: {out.stderr}")
    found = json.loads(out.stdout)
    return {**{key: found[key] for key in ("ready", "failed", "failures", "seconds", "repeated", "given_twice", "own_cpu")},
            "p50": found["total"]["p50"], "p99": found["total"]["p99"], "max": found["total"]["max"], "cpu": used, "peak": peak,
            "steps": {step["step"]: step for step in found["steps"]}}


def main():
    install("dnsmasq", "nginx", "ip", "ss")
    section = Section("Boot storm", f"dnsmasq {version('dnsmasq')}, nginx {version('nginx')}")
    chance, results = random.Random(7), {}
    files = {name: chance.randbytes(size) for name, size in SIZES.items()}
    with Lab() as lab:
        lab.route_clients(PREFIX, ROUTER)
        for _ in range(ROUNDS):
            for storm in STORMS:
                for kind in (Bellwether, Diy):
                    with alone():
                        one = measure(lab, kind, *storm, files)
                    results.setdefault((storm, kind.name), []).append(one)
                    print(storm, kind.name, {**one, "steps": {k: round(v["p99"], 4) for k, v in one["steps"].items()}}, flush=True)
    tables(section, results)
    section.write()


def tables(section, results):
    names = (Bellwether.name, Diy.name)
    section.text(
        "`bellwether-bench storm`: each node asks DHCP as firmware does, fetches its loader over TFTP, asks DHCP as iPXE does, fetches script, "
        f"kernel ({SIZES['kernel'] / 1e6:.0f} MB), initrd ({SIZES['initrd'] / 1e6:.0f} MB), the first MiB of the root image, the documents of "
        "cloud-init, and says that it is ready. It speaks from the address that it leased, through a relay agent. The do-it-yourself server has "
        "a script per MAC on disk, one set of documents for all, and takes the callback without keeping anything.\n")

    def values(storm, name, key):
        return [one[key] for one in results[storm, name]]

    def label(storm):
        return f"{storm[0]:,} nodes, " + (f"{storm[1]:,}/s" if storm[1] else "all at once")

    rows = []
    for storm in STORMS:
        for name in names:
            rows.append([label(storm), name, f"{sum(values(storm, name, 'ready')):,} of {storm[0] * len(results[storm, name]):,}",
                         shown(values(storm, name, "seconds")), shown(values(storm, name, "p50")), shown(values(storm, name, "p99")),
                         shown(values(storm, name, "repeated"), 0), shown(values(storm, name, "cpu")), shown(values(storm, name, "peak"))])
    section.table(["storm", "server", "ready", "seconds until the last", "a node: p50, s", "p99, s", "repeated packets", "processor, s",
                   "peak memory, MB"], rows)
    section.table(["storm", "time until the last, ratio", "p99 of a node, ratio"],
                  [[label(storm), *(ratio(*(values(storm, name, key) for name in names), False) for key in ("seconds", "p99"))] for storm in STORMS])
    rows = []
    for storm in STORMS:
        for name in names:
            def step(step, key, storm=storm, name=name):
                there = [one["steps"][step][key] for one in results[storm, name] if step in one["steps"]]
                return number(1e3 * middle(there)) if there else "-"
            rows.append([label(storm), name, *(f"{step(one, 'p50')} / {step(one, 'p99')}" for one in STEPS)])
    section.table(["ms: p50 / p99", "", *STEPS], rows)
    failures = {f"{label(storm)}, {name}: {why}": count for (storm, name), runs in results.items() for one in runs
                for why, count in one["failures"].items()}
    if failures:
        section.table(["failures (of the last round that had them)", ""], failures.items())
    twice = sum(one["given_twice"] for runs in results.values() for one in runs)
    section.text(f"Addresses given to two nodes: {twice}.")
