"""How Bellwether and its peers are started for a comparison: each as its manual advises, leases durable, nothing logged."""

import hashlib
import json
import os

from .lab import BELLWETHER, GENERATOR, SERVER, run
from .peers import program

FIRST = "10.78.16.0"
FIRST_MAC = "00:0c:01:00:00:00"


def address(number, first=FIRST):
    octets = [int(part) for part in first.split(".")]
    value = sum(octet << shift for octet, shift in zip(octets, (24, 16, 8, 0))) + number
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def mac(number):
    return "00:0c:01:" + ":".join(f"{number >> shift & 255:02x}" for shift in (16, 8, 0))


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def cluster(path, nodes, *arguments):
    """Writes a cluster file with so many nodes."""
    return write(path, run(GENERATOR, "cluster", nodes, "--mac", FIRST_MAC, *arguments).stdout)


def bellwether(lab, folder, file, until="dhcp", environment=None):
    """`bellwether serve` on a cluster file; waits until what is asked of it is open."""
    server = lab.start("bellwether", [BELLWETHER, "serve", "--state", folder, "--config", file],
                       {"RUST_LOG": "warn", **(environment or {})})

    def served():
        status = run(BELLWETHER, "--state", folder, "--output", "json", "status", check=False)
        if status.returncode:
            return False
        networks = json.loads(status.stdout)["networks"]
        return all(network["serving"]["state"] in ("served", "absent") for network in networks)

    return server.until("its networks are served", served) if until == "dhcp" else server.listens("tcp", 80)


# --- DHCP: `nodes` are declared (0: everybody is a stranger and gets an address of the pool)

PREFIX = "10.72.0.0/13"


def pool(nodes):
    """First and last address: room for each stranger of a run, even at rates that nobody reaches."""
    return ("10.78.1.0", "10.78.1.200") if nodes else ("10.72.1.0", "10.77.255.250")


def dhcp_bellwether(lab, nodes):
    folder = lab.place("bellwether")
    file = cluster(f"{folder}/cluster.yaml", nodes, "--prefix", PREFIX, "--first", FIRST, "--pool", "-".join(pool(nodes)), "--line", "doors: { tftp: off, cache: off, syslog: off }")
    return bellwether(lab, folder, file)


def dhcp_kea(lab, nodes):
    folder = lab.place("kea")
    subnet = {"subnet": PREFIX, "pools": [{"pool": " - ".join(pool(nodes))}],
              "reservations-in-subnet": True, "reservations-out-of-pool": True,
              "reservations": [{"hw-address": mac(n), "ip-address": address(n)} for n in range(nodes)]}
    config = {"Dhcp4": {
        "interfaces-config": {"interfaces": ["sv0"], "dhcp-socket-type": "udp"},
        "lease-database": {"type": "memfile", "persist": True, "name": f"{folder}/leases.csv", "lfc-interval": 0},
        "multi-threading": {"enable-multi-threading": True, "thread-pool-size": os.cpu_count(), "packet-queue-size": 64},
        "host-reservation-identifiers": ["hw-address"],
        "valid-lifetime": 43200, "next-server": SERVER, "boot-file-name": "snponly.efi", "subnet4": [subnet],
        "loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": "stderr"}]}]}}
    path = write(f"{folder}/kea.json", json.dumps(config))
    server = lab.start("kea", [program("kea-dhcp4"), "-c", path],
                       {"KEA_PIDFILE_DIR": folder, "KEA_LOCKFILE_DIR": "none"})
    return server.listens("udp", 67).settled()


def dhcp_dnsmasq(lab, nodes):
    folder = lab.place("dnsmasq")
    hosts = write(f"{folder}/hosts", "".join(f"{mac(n)},{address(n)}\n" for n in range(nodes)))
    return dnsmasq(lab, folder, "--no-ping", f"--dhcp-range={','.join(pool(nodes))},255.248.0.0,12h", "--dhcp-authoritative",
                   f"--dhcp-leasefile={folder}/leases", "--dhcp-lease-max=1000000", f"--dhcp-hostsfile={hosts}",
                   "--quiet-dhcp", "--dhcp-boot=snponly.efi").listens("udp", 67).settled()


def dnsmasq(lab, folder, *arguments):
    return lab.start("dnsmasq", [program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root",
                                 "--interface=sv0", "--bind-interfaces", "--log-facility=-", f"--pid-file={folder}/pid", *arguments])


DHCP = {"Bellwether": dhcp_bellwether, "Kea": dhcp_kea, "dnsmasq": dhcp_dnsmasq}


# --- TFTP: `folder` holds the files

def tftp_bellwether(lab, folder):
    state = lab.place("bellwether")
    file = write(f"{state}/cluster.yaml", "cluster: bench\nnetworks: { lan: { prefix: 10.78.0.0/16, dhcp: off } }\n"
                 "doors: { dhcp: off, cache: off, syslog: off }\n")
    server = lab.start("bellwether", [BELLWETHER, "serve", "--state", state, "--config", file, "--loaders", folder],
                       {"RUST_LOG": "warn"})
    return server.listens("udp", 69)


def tftp_hpa(lab, folder):
    return lab.start("tftpd-hpa", [program("in.tftpd"), "-L", "-4", "-a", f"{SERVER}:69", "-u", "root", "-s", folder]).listens("udp", 69)


def tftp_atftpd(lab, folder):
    return lab.start("atftpd", [program("atftpd"), "--daemon", "--no-fork", "--user", "root", "--group", "root", "--bind-address", SERVER,
                                "--maxthread", "10000", "--logfile", "/dev/null", "--verbose=0", folder]).listens("udp", 69)


def tftp_dnsmasq(lab, folder):
    place = lab.place("dnsmasq")
    return dnsmasq(lab, place, "--enable-tftp", f"--tftp-root={folder}", "--tftp-max=10000", "--quiet-tftp").listens("udp", 69)


TFTP = {"Bellwether": tftp_bellwether, "tftpd-hpa": tftp_hpa, "atftpd": tftp_atftpd, "dnsmasq": tftp_dnsmasq}


# --- The whole chain: kernel, initrd and root are `files` {name: bytes}

def write_bytes(path, data):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o644)
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "path": os.path.basename(path)}


def image(folder, files):
    """An image as `bellwether image build` would leave it, of any bytes."""
    os.makedirs(folder)
    entries = {key: write_bytes(f"{folder}/{name}", files[name])
               for key, name in (("kernel", "kernel"), ("initrd", "initrd"), ("root", "root.squashfs"))}
    entries["kernel"]["version"] = "6.1.0-bench"
    nothing = hashlib.sha256(b"").hexdigest()
    manifest = {"name": "bench", "os": "debian-12", "architecture": "amd64", "built_at": "2026-01-01T00:00:00Z", "kind": "system",
                **entries, "packages": {"count": 0, "sha256": nothing}, "recipe": nothing}
    write(f"{folder}/manifest.json", json.dumps(manifest))


def chain_bellwether(lab, nodes, files, relayed="10.79.0.0/16", first="10.79.16.0", router="10.79.0.1"):
    folder = lab.place("bellwether")
    image(f"{folder}/images/bench", files)
    os.makedirs(f"{folder}/loaders")
    write_bytes(f"{folder}/loaders/snponly.efi", files["loader"])
    file = cluster(f"{folder}/cluster.yaml", nodes, "--prefix", relayed, "--first", first, "--network", f"router: {router}",
                   "--image", "bench", "--line", "doors: { cache: off, syslog: off }")
    return bellwether(lab, folder, file)
