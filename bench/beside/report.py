"""Medians, spreads, ratios; and `bench/RESULTS.md`, one section per subject."""

import os
import re
import statistics
import time

from .lab import HERE, QUICK, ROUNDS

RESULTS = os.path.join(HERE, "RESULTS.md")
ORDER = ["DHCP", "TFTP", "HTTP", "Boot storm", "Growth", "BMCs"]


def middle(values):
    return statistics.median(values)


def number(value, digits=None):
    if value != value:
        return "-"
    if digits is None:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def shown(values, digits=None):
    """Median [least..most]; of a single value itself."""
    if len(values) == 1:
        return number(values[0], digits)
    return f"{number(middle(values), digits)} [{number(min(values), digits)}..{number(max(values), digits)}]"


def ratio(ours, theirs, more_is_better=True):
    """Above 1 means that Bellwether is ahead; the medians are compared."""
    a, b = middle(ours), middle(theirs)
    if not more_is_better:
        a, b = b, a
    return f"{a / b:.2f}" if b and a == a and b == b else "-"


def load():
    """Processes that want a core besides ours."""
    with open("/proc/loadavg") as file:
        return float(file.read().split()[0])


def machine():
    with open("/proc/cpuinfo") as file:
        text = file.read()
    model = re.search(r"model name\s*: (.*)", text)
    with open("/proc/meminfo") as file:
        memory = int(re.search(r"MemTotal:\s+(\d+)", file.read()).group(1)) / 2**20
    return f"{os.cpu_count()} cores ({model.group(1).strip() if model else 'unknown'}), {memory:.0f} GiB, Linux {os.uname().release}"


class Section:
    """One subject's part of the results."""

    def __init__(self, title, versions):
        self.title, self.lines = title, []
        self.began, self.load = time.time(), load()
        self.versions = versions

    def text(self, text=""):
        self.lines.append(text)
        print(text, flush=True)

    def table(self, head, rows):
        self.text("| " + " | ".join(head) + " |")
        self.text("|" + "---|" * len(head))
        for row in rows:
            self.text("| " + " | ".join(str(cell) for cell in row) + " |")
        self.text()

    def write(self):
        """Puts the section into the results in the place of its last version."""
        minutes = (time.time() - self.began) / 60
        mode = "quick mode, " if QUICK else ""
        head = [f"## {self.title}", "",
                f"{mode}{ROUNDS} round{'s' if ROUNDS > 1 else ''}, {minutes:.0f} minutes, {time.strftime('%Y-%m-%d')}; "
                f"{machine()}; load before: {self.load:.1f}. Beside: {self.versions}.", ""]
        sections = {}
        if os.path.exists(RESULTS):
            with open(RESULTS) as file:
                for part in re.split(r"^(?=## )", file.read(), flags=re.M)[1:]:
                    sections[part.split("\n", 1)[0][3:]] = part.rstrip() + "\n"
        sections[self.title] = "\n".join(head + self.lines).rstrip() + "\n"
        known = [sections.pop(title) for title in ORDER if title in sections]
        with open(RESULTS, "w") as file:
            file.write(PREFACE + "\n" + "\n".join([*known, *sections.values()]))


PREFACE = """# Beside the peers

Made by `make bench`: see [README.md](README.md) for how. Server and clients are in two namespaces of one machine and share its
cores; all subjects of a table run alternately. Median [least..most] of the rounds. A ratio above 1 means that Bellwether is
ahead. Read ratios rather than rates: the rates are those of the machine.
"""
