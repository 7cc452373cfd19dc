"""The services together: ports kept in a file, started side by side, stopped in reverse."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import layout, ports
from .clickhouse import ClickHouse
from .connect import Connect
from .errors import StackError
from .kafka import Kafka, way_port_names
from .postgres import Postgres
from .registry import Registry
from .service import Service
from .zookeeper import ZooKeeper

# In the order in which ports are handed out from a base; a service stands behind those that it needs.
SERVICES: tuple[type[Service], ...] = (Postgres, Kafka, ZooKeeper, Registry, Connect, ClickHouse)
NAMES = tuple(service.name for service in SERVICES)

TOOLS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "configs": "kafka.admin.ConfigCommand",
    "consume": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "produce": "org.apache.kafka.tools.ConsoleProducer",
}


class Stack:
    """One set of services on one state folder. Several stacks run at once on folders of their own.

    Thread: any, but one at a time; other processes are kept out by a lock on the state folder while up() or down() run.
    """

    def __init__(self, state: str | Path | None = None, port_base: int | None = None,
                 start_seconds: float = 120.0, faults: bool = False, kafka_ways: int = 0,
                 merges: bool = True) -> None:
        """`kafka_ways`: listeners of the broker for proxies; without `merges` ClickHouse keeps every part as it was
        inserted. Both hold from the first start on."""
        self.state = Path(state or layout.local_home() / "stack").absolute()
        self.start_seconds = start_seconds
        self._file = self.state / "stack.json"
        self._port_base = port_base
        self._faults = faults
        self._first_notes = {"kafka_ways": str(kafka_ways), "clickhouse_merges": "on" if merges else "off"}
        self._services: dict[str, Service] = {}

    # Looking at it

    def exists(self) -> bool:
        """True once the stack was started (and not purged)."""
        return self._file.exists()

    def service(self, name: str) -> Service:
        """The service of that name, for start(), stop(), kill(), port, address and url()."""
        if name not in NAMES:
            raise StackError(f"no service {name!r}; there are {', '.join(NAMES)}")
        if not self._services:
            self._load()
        return self._services[name]

    @property
    def kafka(self) -> Kafka:
        """The broker."""
        return self.service("kafka")  # type: ignore[return-value]

    @property
    def connect(self) -> Connect:
        """The Connect worker: create_connector(), delete_connector(), debezium()."""
        return self.service("connect")  # type: ignore[return-value]

    @property
    def addresses(self) -> dict[str, str]:
        """SLUICE_STACK_<SERVICE> and the address, as `stack env` prints them."""
        return {f"SLUICE_STACK_{name.upper()}": self.service(name).url() for name in NAMES}

    def status(self) -> list[dict[str, Any]]:
        """One entry per service: service, pid, port, state (ready, no answer, stopped, never started)."""
        services = [self.service(name) for name in NAMES]
        return [{"service": service.name, "pid": service.process.pid(), "port": service.port,
                 "state": service.state()} for service in services]

    # Starting and stopping

    def up(self, names: list[str] | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        """Starts the named services (default all) and what they need; those that run are left alone."""
        wanted = self._with_needs(names or list(NAMES))
        with self._locked():
            self._load_or_choose()
            if self._faults:
                self._notes["clickhouse_faults"] = "on"
            if "clickhouse" in wanted:
                layout.clickhouse_embedded()
            try:
                self._start_side_by_side(wanted, say)
            finally:
                self._save()

    def down(self, purge: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        """Stops all services, each before those that it needs. With purge the state folder goes too."""
        if not self.exists():
            return
        with self._locked():
            self._load()
            for layer in self._layers(set(NAMES)):
                self._side_by_side([self._stopper(name, say) for name in layer])
            if purge:
                for service in self._services.values():
                    service.remove()
                shutil.rmtree(self.state)
                self._services = {}

    # Helpers for tests and the demo

    def create_connector(self, name: str, config: dict[str, Any], seconds: float = 120.0) -> None:
        """Makes or changes a connector and waits until it runs."""
        self.connect.create_connector(name, config, seconds)

    def delete_connector(self, name: str) -> None:
        """Removes a connector, if it is there."""
        self.connect.delete_connector(name)

    def kafka_tool(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one of Kafka's own tools on this stack's broker: a key of TOOLS or a main class."""
        return self.kafka.tool(TOOLS.get(tool, tool), "--bootstrap-server", self.kafka.address, *arguments)

    # Inside

    @staticmethod
    def _with_needs(names: list[str]) -> set[str]:
        by_name = {service.name: service for service in SERVICES}
        wanted: set[str] = set()
        queue = list(names)
        while queue:
            name = queue.pop()
            if name not in by_name:
                raise StackError(f"no service {name!r}; there are {', '.join(NAMES)}")
            if name not in wanted:
                wanted.add(name)
                queue += by_name[name].needs
        return wanted

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Two programs that start the same stack at once would take each other's ports and data."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _load_or_choose(self) -> None:
        if self.exists():
            self._load()
            first = self._services[NAMES[0]].port
            if self._port_base not in (None, first):
                raise StackError(f"the stack in {self.state} has its ports from {first} on already: leave out "
                                 "--port-base, or remove it with `stack down --purge`")
            return
        port_names = [port for service in SERVICES for port in service.port_names]
        port_names += [port for way in way_port_names(int(self._first_notes["kafka_ways"])) for port in way]
        self._make(ports.choose(port_names, self._port_base), dict(self._first_notes))
        for folder in ("run", "log"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)
        self._save()

    def _load(self) -> None:
        try:
            kept = json.loads(self._file.read_text())
        except FileNotFoundError:
            raise StackError(f"there is no stack in {self.state}: start it with `stack up`") from None
        if not self._services:
            self._make(kept["ports"], kept["notes"])

    def _make(self, all_ports: dict[str, int], notes: dict[str, str]) -> None:
        self._ports, self._notes = all_ports, notes
        self._services = {kind.name: kind(self.state, all_ports, notes, self.start_seconds) for kind in SERVICES}

    def _save(self) -> None:
        partial = self._file.with_suffix(".new")
        partial.write_text(json.dumps({"ports": self._ports, "notes": self._notes}, indent=2) + "\n")
        partial.rename(self._file)

    def _start_side_by_side(self, wanted: set[str], say: Callable[[str], None]) -> None:
        done = {name: threading.Event() for name in wanted}
        failed = threading.Event()

        def starter(name: str) -> Callable[[], None]:
            def run() -> None:
                service = self._services[name]
                try:
                    for need in service.needs:
                        done[need].wait()
                    if failed.is_set():
                        return
                    before = service.running()
                    service.start()
                    say(f"{name:<11} {'runs already' if before else 'ready'}  {service.url()}")
                except BaseException:
                    failed.set()
                    raise
                finally:
                    done[name].set()
            return run

        self._side_by_side([starter(name) for name in NAMES if name in wanted], failed.set)

    def _stopper(self, name: str, say: Callable[[str], None]) -> Callable[[], None]:
        def run() -> None:
            service = self._services[name]
            if service.running():
                service.stop()
                say(f"{name:<11} stopped")
        return run

    @staticmethod
    def _layers(names: set[str]) -> list[list[str]]:
        """Groups to stop one after the other: nobody is stopped before those that need it."""
        needs = {service.name: set(service.needs) for service in SERVICES}
        left, layers = set(names), []
        while left:
            layer = [name for name in left if not any(name in needs[other] for other in left)]
            layers.append(layer)
            left -= set(layer)
        return layers

    @staticmethod
    def _side_by_side(jobs: list[Callable[[], None]], cancel: Callable[[], None] = lambda: None) -> None:
        """Runs the jobs in threads; raises the first error after all have ended.

        An interrupt calls cancel() and still waits for the jobs under way: a service that one of them starts after the
        caller's down() would stay behind. A second interrupt does not wait.
        """
        errors: list[BaseException] = []

        def guarded(job: Callable[[], None]) -> None:
            try:
                job()
            except BaseException as error:  # pylint: disable=broad-except # carried to the caller's thread
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            cancel()
            for thread in threads:
                thread.join()
            raise
        if errors:
            raise errors[0]
