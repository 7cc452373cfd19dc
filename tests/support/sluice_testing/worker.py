"""One `sluice run` process: configuration, log, HTTP port, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import urllib3

from . import programs
from .wait import wait_until

_HTTP = urllib3.PoolManager(num_pools=4, retries=False, timeout=urllib3.Timeout(5))
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer")


def run_sluice(*arguments: str, seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of sluice to its end."""
    return subprocess.run([str(programs.sluice()), *arguments], capture_output=True, text=True, check=False,
                          timeout=seconds, env={**os.environ, **environment})


def nested(options: dict[str, Any]) -> dict[str, Any]:
    """{"batch.max_age": x} becomes {"batch": {"max_age": x}}, as the file has it; only the first dot parts."""
    tree: dict[str, Any] = {}
    for key, value in options.items():
        first, dot, rest = key.partition(".")
        if dot:
            tree.setdefault(first, {})[rest] = value
        else:
            tree[key] = value
    return tree


class Worker:
    """A worker that can be started again and again with the same configuration. Its log goes on in one file."""

    def __init__(self, folder: Path, name: str, options: dict[str, Any]) -> None:
        self.name = name
        self.options = dict(options)
        self.config = folder / f"{name}.yaml"
        self.log = folder / f"{name}.log"
        self.environment: dict[str, str] = {}  # added to that of the tests at the next start
        self.process: subprocess.Popen[bytes] | None = None
        self._began = 0  # where the present run begins in the log

    # Life

    def write_config(self) -> None:
        """JSON is YAML, but for escapes of what needs two UTF-16 units."""
        self.config.write_text(json.dumps(nested(self.options), indent=2, ensure_ascii=False))

    def launch(self) -> Worker:
        """Starts the process without waiting for anything."""
        assert self.process is None or self.process.poll() is not None, f"worker {self.name} runs already"
        self.write_config()
        self._began = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([str(programs.sluice()), "run", "-c", str(self.config)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})
        return self

    def start(self, seconds: float = 30) -> Worker:
        """Starts the process and waits until it consumes; ready it is once there are topics."""
        self.launch()
        self.wait_event("started", seconds)
        return self

    def wait_ready(self, seconds: float = 30) -> None:
        """Waits until /readyz says 200."""
        def ready() -> bool:
            assert self.running(), f"ended with exit code {self.process and self.process.returncode}:\n{self.tail()}"
            status, text = self.get("/readyz")
            assert status == 200, f"/readyz answers {status}: {text.strip()}"
            return True
        wait_until(ready, seconds, f"worker {self.name} is ready")

    def running(self) -> bool:
        """True while the process lives."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The pid of the present run."""
        assert self.process is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def wait_ended(self, seconds: float = 40) -> int:
        """The exit code; fails when the process does not end in time."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"worker {self.name} does not end within {seconds:.0f} s") from None

    def terminate(self, seconds: float = 40) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait_ended(seconds)

    def kill9(self) -> None:
        """SIGKILL; back when the process is gone."""
        if self.running():
            self.signal(signal.SIGKILL)
            self.wait_ended()

    # What it shows

    def http_port(self) -> int:
        """The port that the present run listens on."""
        for event in self.events("http_listening"):
            return int(event["port"])
        raise OSError(f"worker {self.name} has no HTTP port yet")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one GET. OSError when it can't be asked."""
        try:
            answer = _HTTP.request("GET", f"http://127.0.0.1:{self.http_port()}{path}")
        except urllib3.exceptions.HTTPError as error:
            raise OSError(f"worker {self.name}: GET {path}: {error}") from error
        return answer.status, answer.data.decode()

    def status(self) -> dict[str, Any]:
        """/status as an object."""
        code, text = self.get("/status")
        assert code == 200, f"/status answers {code}: {text}"
        return json.loads(text)

    def partitions(self) -> dict[tuple[str, int], dict[str, Any]]:
        """The partitions of /status by topic and number."""
        return {(p["topic"], p["partition"]): p for p in self.status()["partitions"]}

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """/metrics: (name, labels) and the value."""
        code, text = self.get("/metrics")
        assert code == 200, f"/metrics answers {code}: {text}"
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                sample = _SAMPLE.match(line)
                assert sample, f"not in Prometheus' text format: {line!r}"
                labels = frozenset(_LABEL.findall(sample[2] or ""))
                found[sample[1], labels] = float(sample[3])
        return found

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all label sets that contain these labels; 0 if there is none."""
        wanted = set(labels.items())
        return sum(value for (n, have), value in self.metrics().items() if n == f"sluice_{name}" and wanted <= have)

    def events(self, event: str | None = None) -> list[dict[str, Any]]:
        """The log lines of the present run, parsed; lines of a sanitizer are left out."""
        found = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                parsed = json.loads(line)
                if event in (None, parsed["event"]):
                    found.append(parsed)
        return found

    def wait_event(self, event: str, seconds: float = 30, **fields: Any) -> dict[str, Any]:
        """The first line of this event with these fields in the present run."""
        def found() -> dict[str, Any] | None:
            running = self.running()  # before the log is read: the line may be its last one
            for line in self.events(event):
                if all(line.get(key) == value for key, value in fields.items()):
                    return line
            if not running:  # not "not yet"
                raise RuntimeError(f"worker {self.name} ended with exit code {self.process and self.process.returncode}")
            return None
        return wait_until(found, seconds, f"log line {event} {fields or ''} of worker {self.name}")

    def log_text(self) -> str:
        """The log of the present run; a line still being written is left out."""
        with self.log.open("rb") as log:
            log.seek(self._began)
            text = log.read().decode(errors="replace")
        return text if not self.running() else text[:text.rfind("\n") + 1]

    def tail(self, lines: int = 40) -> str:
        """The end of the log over all runs."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def sanitizer_reports(self) -> str:
        """What a sanitizer complained about, over all runs; empty if nothing."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found = _SANITIZER.search(text)
        return text[found.start():found.start() + 6000] if found else ""

    def rss_mib(self, peak: bool = False) -> float:
        """Resident memory (with peak: the highest so far) in MiB."""
        key = "VmHWM:" if peak else "VmRSS:"
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1]) / 1024
        raise OSError(f"worker {self.name} has no {key}")
