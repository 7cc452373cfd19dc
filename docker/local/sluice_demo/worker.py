"""The worker under show: its configuration file, its process, and what it says of itself over HTTP."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path

from sluice_stack import StackError, layout
from sluice_stack.process import Process
from sluice_stack.rest import request

_SAMPLE = re.compile(r"^sluice_(\w+?)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """One reading of /metrics; names without the prefix sluice_."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, dict[Labels, float]] = defaultdict(dict)
        for name, labels, value in _SAMPLE.findall(text):
            self._samples[name][tuple(sorted(_LABEL.findall(labels)))] = float(value)

    def total(self, name: str) -> float:
        """The sum over all labels; 0 if there is none yet."""
        return sum(self._samples[name].values())

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sum per value of one label."""
        found: dict[str, float] = defaultdict(float)
        for labels, value in self._samples[name].items():
            found[dict(labels)[label]] += value
        return found

    def buckets(self, name: str) -> dict[float, float]:
        """A histogram: upper bound and number of observations at or below it."""
        return {float(bound): count for bound, count in self.by(f"{name}_bucket", "le").items()}


def quantile(now: dict[float, float], before: dict[float, float], part: float) -> float | None:
    """A quantile of what was observed between two readings, straight between the bounds; None if nothing was."""
    counts = sorted((bound, count - before.get(bound, 0)) for bound, count in now.items())
    if not counts or counts[-1][1] <= 0:
        return None
    wanted = part * counts[-1][1]
    low, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / max(count - below, 1e-9)
        low, below = bound, count
    return low


class Worker:
    """`sluice run` on a configuration of its own; outlives the demo if it is not stopped."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.program = program
        self.config = folder / "sluice.yaml"
        self.process = Process(folder / "sluice.pid.json", folder / "sluice.log")
        self.address = ""

    def start(self, kafka: str, clickhouse: str, database: str, listen: str) -> None:
        """Writes the configuration and starts the worker on it."""
        if not os.access(self.program, os.X_OK):
            raise StackError(f"{self.program} is not built: make demo builds it, or cmake --preset release && "
                             "cmake --build build/release")
        self.address = listen
        self.config.write_text(f"""\
name: {database}
kafka:
  bootstrap.servers: {kafka}
  topics: ["^{database}\\\\.inventory\\\\..*"]
  topic.metadata.refresh.interval.ms: 2000   # new topics are found sooner than after the default 30 s
clickhouse:
  url: {clickhouse}
  database: {database}
batch:
  max_age: 500ms                             # most of the delay at this load; the default is 1s
tables:
  create: true
http:
  listen: {listen}
""")
        self.process.start([str(self.program), "run", "-c", str(self.config)], cwd=layout.REPOSITORY,
                           env=dict(os.environ))

    def stop(self) -> None:
        """Asks it to drain and leave, as a service manager would."""
        self.process.stop(30)

    def metrics(self) -> Metrics | None:
        """None while it does not answer; raises StackError once it is dead."""
        if self.process.pid() is None:
            raise StackError(f"sluice has ended; the end of its log {self.process.log}:\n{self.process.log_tail(12)}")
        try:
            status, text = request("GET", f"http://{self.address}/metrics", timeout=5)
        except OSError:
            return None
        return Metrics(text) if status == 200 else None

    def complaints(self) -> list[str]:
        """Why partitions stand still, in the worker's own words."""
        try:
            status, text = request("GET", f"http://{self.address}/status", timeout=5)
        except OSError:
            return []
        parts = json.loads(text)["partitions"] if status == 200 else []
        return [f"{part['topic']}: {part['error']}" for part in parts if part["error"]]

    def resident_mib(self) -> float:
        """Memory of the process."""
        pid = self.process.pid()
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return 0.0
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024 if "VmRSS" in text else 0.0
