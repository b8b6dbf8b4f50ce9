"""Two namespaces and a cable: a server on one side, clients on the other, and what the server costs.

Nothing outside of the namespaces is touched, but for what `receive_buffers` sets and puts back. Only processes that were
started here are ended.
"""

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "../target"))
BELLWETHER = os.path.abspath(os.environ.get("BELLWETHER", f"{TARGET}/dist/bellwether"))
GENERATOR = os.path.abspath(os.environ.get("BELLWETHER_BENCH", f"{TARGET}/dist/bellwether-bench"))
QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
ROUNDS = os.environ.get("ROUNDS", "1" if QUICK else "3")
if not (ROUNDS.isascii() and ROUNDS.isdigit() and int(ROUNDS)):
    raise SystemExit(f"ROUNDS={ROUNDS} is no number of rounds: 1 or more")
ROUNDS = int(ROUNDS)
SERVER = "10.78.0.1"
CLIENT = "10.78.0.2"
TICK = os.sysconf("SC_CLK_TCK")
NUMBERS = itertools.count()


def ready():
    """Ends with the reason if nothing can be measured here."""
    if os.geteuid() != 0:
        raise SystemExit("benchmarks make network namespaces: run them as root")
    for variable, path in (("BELLWETHER", BELLWETHER), ("BELLWETHER_BENCH", GENERATOR)):
        if not os.access(path, os.X_OK):
            raise SystemExit(f"{path} is not there: build it with `make dist`, or name another one in {variable}")


def cgroup(name):
    """A new control group that counts processor time, of ended children too; none where the kernel gives none."""
    for root, count in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat")):
        path = f"{root}/{name}"
        try:
            os.mkdir(path)
        except OSError:
            continue
        if os.path.exists(f"{path}/{count}"):
            return path
        os.rmdir(path)
    return None


def stat_of(pid):
    """The fields of a process from its state on; none if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def run(*command, check=True, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if check and done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done


@contextlib.contextmanager
def alone():
    """Holds the file BENCH_LOCK, if one is named, so that other work on a shared machine can keep out of each measurement."""
    path = os.environ.get("BENCH_LOCK")
    if not path:
        yield
        return
    with open(path, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def receive_buffers(size):
    """Sockets that are opened meanwhile have receive buffers of so many bytes: for generators that set none and stand for
    thousands of clients, each of which has its own. The kernel has one default for all namespaces; it is put back."""
    path = "/proc/sys/net/core/rmem_default"
    try:
        with open(path) as setting:
            before = setting.read()
        with open(path, "w") as setting:
            setting.write(str(size))
    except OSError as error:
        raise SystemExit(f"{path} cannot be set ({error.strerror}): run benchmarks on a machine of their own, not in a container") from error
    try:
        yield
    finally:
        with open(path, "w") as setting:
            setting.write(before)


class Lab:
    """The namespaces, on a link of that prefix's length; a context manager that leaves nothing behind."""

    def __init__(self, length=16):
        self.length = length
        self.server, self.client = f"bwb{os.getpid()}s", f"bwb{os.getpid()}c"
        self.folder = tempfile.mkdtemp(prefix="bellwether-bench-", dir=os.environ.get("BENCH_DIR"))
        os.chmod(self.folder, 0o755)
        self.running = []

    def __enter__(self):
        def end(*_):
            raise KeyboardInterrupt

        self.handlers = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
        for name in (self.server, self.client):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.server, "link", "add", "sv0", "type", "veth", "peer", "name", "cv0", "netns", self.client)
        for name, link, address in ((self.server, "sv0", SERVER), (self.client, "cv0", CLIENT)):
            run("ip", "-n", name, "addr", "add", f"{address}/{self.length}", "dev", link)
            run("ip", "-n", name, "link", "set", link, "up")
        return self

    def __exit__(self, *_):
        # A second Ctrl-C would leave servers and namespaces behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for server in list(self.running):
            server.stop()
        for name in (self.server, self.client):
            run("ip", "netns", "del", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def route_clients(self, prefix, gateway):
        """Clients own every address of a prefix behind a router that is theirs, as machines behind a relay agent do."""
        run("ip", "-n", self.client, "route", "replace", "local", prefix, "dev", "lo")
        run("ip", "-n", self.client, "addr", "replace", f"{gateway}/32", "dev", "lo")
        run("ip", "-n", self.server, "route", "replace", prefix, "via", CLIENT)

    def place(self, name):
        """An empty folder."""
        path = f"{self.folder}/{name}"
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def start(self, name, command, environment=None):
        return Server(self, name, command, environment)

    def ask(self, *command, check=True, timeout=280):
        """Runs a client to its end."""
        return run("ip", "netns", "exec", self.client, *command, check=check, timeout=timeout)


class Server:
    """A running server with everything that it forks."""

    def __init__(self, lab, name, command, environment):
        self.lab, self.name = lab, name
        self.log = f"{lab.folder}/{name}.log"
        self.cgroup = cgroup(f"bwb{os.getpid()}-{next(NUMBERS)}")
        enter = ["sh", "-c", f"echo $$ > {self.cgroup}/cgroup.procs; exec \"$@\"", "sh"] if self.cgroup else []
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*enter, "ip", "netns", "exec", lab.server, *[str(word) for word in command]], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=dict(os.environ, **(environment or {})), start_new_session=True)
        self.pid = self.process.pid  # `ip netns exec` becomes the server
        self.peak = 0
        self.ended = threading.Event()
        self.sampler = threading.Thread(target=self._sample, daemon=True)
        self.sampler.start()
        lab.running.append(self)

    def tree(self):
        """The process and everything that it started: by its control group, else by its session."""
        if self.cgroup:
            try:
                with open(f"{self.cgroup}/cgroup.procs") as procs:
                    return [int(line) for line in procs]
            except OSError:
                return []
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and (stat_of(pid) or [0] * 4)[3] == str(self.pid)]

    def cpu(self):
        """Seconds of processor time until now, of ended children too."""
        if self.cgroup:
            try:
                with open(f"{self.cgroup}/cpuacct.usage") as usage:
                    return int(usage.read()) / 1e9
            except OSError:
                with open(f"{self.cgroup}/cpu.stat") as stat:
                    return int(stat.readline().split()[1]) / 1e6
        return sum(sum(int(f) for f in (stat_of(pid) or [])[11:15]) for pid in self.tree()) / TICK

    def _sample(self):
        while not self.ended.wait(0.1):
            total = 0
            for pid in self.tree():
                try:
                    with open(f"/proc/{pid}/status") as status:
                        # Pages that forks share are counted once, with the parent.
                        want = "VmHWM:" if pid == self.pid else "RssAnon:"
                        total += next((int(line.split()[1]) for line in status if line.startswith(want)), 0)
                except OSError:
                    continue
            self.peak = max(self.peak, total)

    def alive(self):
        return self.process.poll() is None

    def until(self, what, so, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.alive():
                raise SystemExit(f"{self.name} ended by itself:\n{self.said()}")
            if so():
                return self
            time.sleep(0.02)
        raise SystemExit(f"{self.name}: waited {seconds} s until {what}\n{self.said()}")

    def listens(self, kind, port):
        """Waits until something in the server's namespace listens there."""
        flag = "-lntH" if kind == "tcp" else "-lnuH"
        return self.until(f"{kind} port {port} is open", lambda: run(
            "ip", "netns", "exec", self.lab.server, "ss", flag, f"sport = :{port}").stdout.strip())

    def settled(self, seconds=60):
        """Waits until it has read what it reads at its start: until it rests."""
        def rests():
            before = self.cpu()
            time.sleep(0.3)
            return self.cpu() - before < 0.03

        return self.until("it rests", rests, seconds)

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-4000:]

    def stop(self, hard=False):
        """Ends it; returns its peak of memory in MB."""
        if self in self.lab.running:
            self.lab.running.remove(self)
            self.ended.set()
            self.sampler.join()
            for pid in self.tree() or [self.pid]:
                try:
                    os.kill(pid, signal.SIGKILL if hard else signal.SIGTERM)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            for _ in range(100):
                try:
                    os.rmdir(self.cgroup) if self.cgroup else None
                    break
                except OSError:
                    time.sleep(0.02)  # a child is on its way out
        return self.peak / 1000
