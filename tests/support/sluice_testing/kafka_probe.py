"""A member of a consumer group that does what the test says: the program kafka_probe.c."""

from __future__ import annotations

import dataclasses
import os
import select
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from .programs import REPOSITORY
from .topics import Topics


def _program() -> Path:
    return Path(os.environ.get("SLUICE_KAFKA_PROBE", REPOSITORY / "build/dev/tests/integration/kafka_probe"))


@dataclasses.dataclass
class Row:
    """A row of the ledger."""

    epoch: int
    owner: int
    seq: int
    next: int
    hi: int


class Ended(Exception):
    """The process is no more."""


class Probe:
    """One process, one member."""

    def __init__(self, bootstrap: str, group: str, topic: str, *options: str,
                 env: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [_program(), bootstrap, group, "shop", topic, "session.timeout.ms=6000", "heartbeat.interval.ms=500",
             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **(env or {})})

    def send(self, command: str) -> None:
        """Gives a command without waiting for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, seconds: float = 60) -> list[str]:
        """The lines of one answer; the last one is "ok" or "error ..."."""
        assert self._process.stdout is not None
        lines: list[str] = []
        deadline = time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, f"no answer within {seconds} s; so far {lines[-5:]}"
            line = self._process.stdout.readline()
            if not line:
                raise Ended(f"the probe ended with {self._process.wait()}; so far {lines[-5:]}")
            lines.append(line.decode().rstrip("\n"))
            if lines[-1] == "ok" or lines[-1].startswith("error "):
                return lines

    def answered(self, seconds: float) -> bool:
        """True if an answer begins within the time."""
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def ask(self, command: str) -> list[str]:
        """Gives a command and returns its answer."""
        self.send(command)
        return self.answer()

    def tell(self, command: str) -> list[str]:
        """The same for a command that must succeed."""
        lines = self.ask(command)
        assert lines[-1] == "ok", f"{command}: {lines}"
        return lines[:-1]

    def refused(self, command: str) -> str:
        """The same for a command that must not."""
        lines = self.ask(command)
        assert lines[-1] != "ok", f"{command}: {lines}"
        return lines[-1]

    def messages(self, command: str) -> dict[int, list[int]]:
        """The offsets by partition that a command read."""
        found: dict[int, list[int]] = {}
        for line in self.tell(command):
            if line.startswith("message "):
                _, partition, offset = line.split()
                found.setdefault(int(partition), []).append(int(offset))
        return found

    def committed(self, partition: int = 0) -> tuple[int, str]:
        """Offset and text, as stable offset."""
        line = next(line for line in self.tell(f"committed {partition}") if line.startswith("committed "))
        _, offset, text = line.split(" ", 2)
        return int(offset), text

    def signal(self, number: int) -> None:
        """SIGSTOP, SIGCONT, SIGKILL."""
        self._process.send_signal(number)

    def close(self) -> None:
        """Ends it politely: it leaves the group."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            assert self._process.wait(30) == 0

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()

    def rows(self, command: str) -> dict[int, Row | None]:
        """What a command of the ledger shows of each partition."""
        found: dict[int, Row | None] = {}
        for line in self.tell(command):
            words = line.rstrip(" !").split()
            if words[0] == "none":
                found[int(words[1])] = None
            elif words[0] == "row":
                found[int(words[1])] = Row(*map(int, words[2:]))
        return found

    def row(self, command: str, partition: int = 0) -> Row:
        """The same for one that must be there."""
        row = self.rows(command)[partition]
        assert row is not None, command
        return row


class Group:
    """A topic and a group of this test."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.name = f"probe-{uuid.uuid4().hex[:12]}"
        self.topic = f"{self.name}.topic"
        self.topics = Topics(bootstrap, self.name)
        self.probes: list[Probe] = []

    def make(self, partitions: int, records: int, **config: str) -> None:
        """The topic, with that many records in each partition."""
        self.topics.create(self.topic, partitions=partitions, **config)
        for partition in range(partitions):
            if records > 0:
                self.topics.produce_many(self.topic, [(str(n), "x" * 100) for n in range(records)], partition)

    def probe(self, *options: str, env: dict[str, str] | None = None) -> Probe:
        """A new member, not joined yet."""
        self.probes.append(Probe(self.bootstrap, self.name, self.topic, *options, env=env))
        return self.probes[-1]

    def joined(self, partitions: int, *options: str) -> Probe:
        """A new member that has that many partitions."""
        probe = self.probe(*options)
        probe.tell("join")
        probe.tell(f"await {partitions}")
        return probe


def group_on(request: pytest.FixtureRequest) -> Iterator[Group]:
    """On the broker of SLUICE_STACK_KAFKA if one is named, else on that of the run's stack."""
    bootstrap = os.environ.get("SLUICE_STACK_KAFKA")
    made = Group(bootstrap or request.getfixturevalue("stack").addresses["SLUICE_STACK_KAFKA"])
    try:
        yield made
    finally:
        for probe in made.probes:
            probe.kill()
