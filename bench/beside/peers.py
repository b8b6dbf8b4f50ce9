"""Where the peers come from: Debian packages, installed, or unpacked where two of them exclude each other."""

import glob
import os
import shutil
import subprocess

from .lab import TARGET, run

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
INSTALLED = {
    "kea-dhcp4": "kea-dhcp4-server", "perfdhcp": "kea-admin", "dnsmasq": "dnsmasq-base", "nginx": "nginx-light",
    "ipmipower": "freeipmi-tools", "ipmitool": "ipmitool",
    "wrk": "wrk", "curl": "curl", "ip": "iproute2", "ss": "iproute2",
}
# Their packages exclude each other.
UNPACKED = {"in.tftpd": "tftpd-hpa", "atftpd": "atftpd"}
NEEDED_BY_UNPACKED = {"libwrap.so.0": "libwrap0", "libpcre.so.3": "libpcre3", "libpcre2-posix.so.3": "libpcre2-posix3"}


def install(*programs):
    """Installs what is missing of these."""
    packages = {INSTALLED[p] for p in programs if p in INSTALLED and not shutil.which(p, path=PATH)}
    if any(p in UNPACKED for p in programs):
        known = run("ldconfig", "-p").stdout if shutil.which("ldconfig", path=PATH) else ""
        packages |= {package for library, package in NEEDED_BY_UNPACKED.items()
                     if library not in known and run("apt-cache", "policy", package, check=False).stdout.strip()}
    if packages:
        # No daemon that comes with a package may start.
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *sorted(packages)], check=True,
                       stdout=subprocess.DEVNULL, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1"))


def program(name):
    """Where a program is."""
    if name not in UNPACKED:
        found = shutil.which(name, path=PATH)
        if not found:
            raise SystemExit(f"{name} is not there: apt-get install {INSTALLED.get(name, name)}")
        return found
    folder = os.path.abspath(f"{TARGET}/bench-peers/{UNPACKED[name]}")
    path = f"{folder}/root/usr/sbin/{name}"
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        run("apt-get", "download", UNPACKED[name], cwd=folder)
        run("dpkg-deb", "-x", glob.glob(f"{folder}/*.deb")[0], f"{folder}/root")
    return path


def version(name):
    """The version of the package of a program."""
    package = {**INSTALLED, **UNPACKED}[name]
    if name in UNPACKED:
        program(name)  # on a fresh machine its package is not there yet
        deb = glob.glob(os.path.abspath(f"{TARGET}/bench-peers/{package}/*.deb"))
        return run("dpkg-deb", "-f", deb[0], "Version").stdout.strip() if deb else "?"
    return run("dpkg-query", "-W", "-f", "${Version}", package, check=False).stdout.strip() or "?"
