"""What all services have in common: a port, a folder, a process, and an answer to wait for."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from pathlib import Path

from . import ports
from .errors import StackError
from .process import Process


class Service(ABC):
    """One server of the stack. Subclasses say how to configure it, how to start it and how to see that it answers."""

    name: str
    needs: tuple[str, ...] = ()
    port_names: tuple[str, ...]
    stop_seconds: float = 20.0

    def __init__(self, state: Path, all_ports: dict[str, int], notes: dict[str, str], start_seconds: float) -> None:
        self.folder = state / self.name
        self.ports = all_ports
        self.notes = notes
        self.start_seconds = start_seconds
        self.process = Process(state / "run" / f"{self.name}.json", state / "log" / f"{self.name}.log")

    @property
    def port(self) -> int:
        """The port that clients use."""
        return self.ports[self.name]

    @property
    def address(self) -> str:
        """host:port of the clients' port."""
        return f"{ports.HOST}:{self.port}"

    @abstractmethod
    def prepare(self) -> None:
        """Writes the configuration; makes the data folder at the first start. Runs before every start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    @abstractmethod
    def answers(self) -> bool:
        """True once the server does what clients want of it. May raise OSError, which means: not yet."""

    @abstractmethod
    def url(self) -> str:
        """The address as `stack env` prints it."""

    def user(self) -> str | None:
        """The account to run as, None for the caller's own."""
        return None

    def working_folder(self) -> Path:
        """Where the process starts."""
        return self.folder

    def environment(self) -> dict[str, str]:
        """The environment of the process."""
        return dict(os.environ)

    def running(self) -> bool:
        """True while the process lives."""
        return self.process.pid() is not None

    def ready(self) -> bool:
        """True if the process lives and answers."""
        if not self.running():
            return False
        try:
            return self.answers()
        except OSError:
            return False

    def state(self) -> str:
        """One of ready, no answer, stopped, never started."""
        if self.running():
            return "ready" if self.ready() else "no answer"
        return "stopped" if self.process.pid_file.exists() else "never started"

    def start(self) -> None:
        """Starts the process unless it runs, and waits until it answers."""
        if not self.running():
            self.process.wait_collected()
            self._require_free_ports()
            self.folder.mkdir(parents=True, exist_ok=True)
            self.prepare()
            self.process.start(self.command(), cwd=self.working_folder(), env=self.environment(), user=self.user())
        self._wait_ready()

    def stop(self) -> None:
        """Ends the process, politely first."""
        self.process.stop(self.stop_seconds)

    def kill(self) -> None:
        """Ends the process with SIGKILL, for fault tests; start() brings it back on the same port and data."""
        self.process.kill()

    def remove(self) -> None:  # noqa: B027  (most services keep nothing there)
        """Removes what the service keeps outside the state folder."""

    def _require_free_ports(self) -> None:
        for port_name in self.port_names:
            port = self.ports[port_name]
            if not ports.is_free(port):
                raise StackError(f"{self.name}: port {port} is taken by another program: end that one, or remove this "
                                 "stack with `stack down --purge` and start it with another --port-base")

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self.ready():
            if not self.running():
                self._fail("ended while starting")
            if time.monotonic() > deadline:
                self._fail(f"does not answer on {self.address} after {self.start_seconds:.0f} s (--wait)")
            time.sleep(0.1)

    def _fail(self, what: str) -> None:
        raise StackError(f"{self.name} {what}; the end of its log {self.process.log}:\n{self.process.log_tail()}")
