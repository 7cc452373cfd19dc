"""One schedule: a scene of its own, a load, workers, the faults that its seed decides, and the verdict."""

from __future__ import annotations

import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from events import Events, Feeder, Target
from sluice_stack import Stack
from sluice_testing.oracle import Oracle, Verdict
from sluice_testing.proxy import Proxy
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker

WINDOW = 10000
SESSION_MS = 2500
METADATA = ("_op", "_topic", "_partition", "_offset")

# A worker dies there by its own hand: lib/base/point.h.
POINTS = ("after_acquire", "after_open", "during_insert", "after_ack", "before_commit", "after_commit",
          "group_offsets_sent", "during_rebalance", "after_lookup", "before_attempt")
# Those that at-least-once delivery passes too.
POINTS_AT_LEAST_ONCE = ("during_insert", "before_commit", "after_commit", "during_rebalance")


class Missed(AssertionError):
    """A fault that was planned did not hit: the schedule shows nothing."""


@dataclass
class Plan:
    """What all schedules of a run have in common."""

    stack: Stack
    folder: Path
    delivery: str = "exactly_once"
    ledger: str | None = None  # None: the seed decides
    rate: int = 500
    ways: dict[int, bool] = field(default_factory=dict)  # of the broker, and whether they are taken
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def once(self) -> bool:
        """True in exactly-once delivery."""
        return self.delivery == "exactly_once"


@dataclass
class Outcome:
    """What a schedule came to."""

    seed: int
    kind: str
    ledger: str
    mode: str
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)
    hits: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    counted: dict[str, float] = field(default_factory=dict)  # the workers' own figures
    failure: str = ""  # why it does not pass; duplicates are told by the verdict alone
    missed: str = ""


class Schedule:
    """Everything that the kinds of faults need. Thread: one, of its own."""

    def __init__(self, plan: Plan, seed: int, kind: str, ledger: str, mode: str) -> None:
        self.plan = plan
        self.seed = seed
        self.chance = random.Random(f"{seed}/{kind}")
        self.outcome = Outcome(seed, kind, ledger if plan.once else "none", mode)
        self.folder = plan.folder / f"seed-{seed}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.scene = Scene(plan.stack, self.folder, f"chaos{seed}", alone=False)
        self.clickhouse = self.scene.clickhouse
        self.targets: list[Target] = []
        self.tables: list[str] = []
        self.topics: list[str] = []
        self.feeder: Feeder | None = None
        self.oracle = Oracle(self.clickhouse, self.scene.topics.bootstrap, mode == "log")
        self.workers: dict[str, Worker] = {}
        self.over: dict[str, str] = {}  # options that every worker gets
        self._proxies: list[Proxy] = []
        self._began = time.monotonic()
        self._may_die: set[str] = set()

    def points(self, *names: str) -> list[str]:
        """Those of these points that a worker passes in this delivery, with this ledger."""
        passed = set(POINTS) if self.plan.once else set(POINTS_AT_LEAST_ONCE)
        # The Kafka ledger's writes are the commits.
        passed -= {"before_commit", "after_commit"} if self.outcome.ledger == "kafka" else {"group_offsets_sent"}
        return [name for name in names if name in passed]

    # The scene

    def make_targets(self, premade: tuple[str, ...] = ("half", "parted")) -> None:
        """Three topics: two tables in one, a table that sluice makes, and one with PARTITION BY."""
        name = self.scene.name
        shared, made, parted = (f"{name}.public.{topic}" for topic in ("shared", "made", "parted"))
        self.targets = [Target("whole", shared, 3), Target("half", shared, 3), Target("made", made, 2),
                        Target("parted", parted, 1)]
        for topic, partitions in {(t.topic, t.partitions) for t in self.targets}:
            self.scene.topics.create(topic, partitions=partitions)
        self.topics = sorted({target.topic for target in self.targets})
        self.tables = [target.table for target in self.targets]
        for table in self.tables:
            if table in premade:
                self.make_table(table, parted=table != "half")

    def make_table(self, table: str, parted: bool) -> None:
        """A table as an operator makes it."""
        log = self.outcome.mode == "log"
        engine = "MergeTree" if log else "ReplacingMergeTree(_version, is_deleted)"
        self.clickhouse.execute(
            f"CREATE TABLE `{table}` (id Int32, name Nullable(String), n Nullable(Int32), event Nullable(Int64), "
            "_op LowCardinality(String), _topic LowCardinality(String), _partition Int32, _offset Int64, "
            "_version UInt128, is_deleted UInt8) "
            f"ENGINE = {engine} {'PARTITION BY id % 4 ' if parted else ''}ORDER BY id "
            f"SETTINGS non_replicated_deduplication_window = {WINDOW}")

    def feed(self, keys: int = 400, rate: int | None = None, **more: Any) -> Feeder:
        """Starts the load."""
        events = Events(self.scene.name, self.targets, str(self.seed), keys, more.pop("with_schema", True))
        self.feeder = Feeder(self.scene.topics.bootstrap, self.scene.name, events, str(self.seed),
                             rate or self.plan.rate, **more).start()
        return self.feeder

    def proxy(self, target: str, port: int = 0) -> Proxy:
        """A proxy that ends with the schedule."""
        made = Proxy(target, port)
        self._proxies.append(made)
        return made

    def proxy_clickhouse(self) -> Proxy:
        """All workers reach ClickHouse through it."""
        made = self.proxy(self.clickhouse.url.rpartition("/")[2])
        self.over["clickhouse.url"] = f"http://{made.address}"
        return made

    def proxy_kafka(self) -> Proxy:
        """All workers reach the broker through it."""
        with self.plan.lock:
            way = next(number for number, taken in self.plan.ways.items() if not taken)
            self.plan.ways[way] = True
        self._way = way
        listener, port = self.plan.stack.kafka.ways()[way]
        made = self.proxy(listener, port)
        self.over["kafka.bootstrap.servers"] = made.address
        return made

    # Workers

    def options(self) -> dict[str, Any]:
        """A worker's options; sizes differ from life to life, which a replay must not notice."""
        chance = self.chance
        return {
            "delivery": self.plan.delivery,
            **({"ledger": self.outcome.ledger} if self.plan.once else {}),
            "tables.mode": self.outcome.mode,
            "columns.metadata": list(METADATA),
            "kafka.auto.offset.reset": "earliest",
            "kafka.session.timeout.ms": SESSION_MS,
            "kafka.heartbeat.interval.ms": 400,
            # A broker that had to load a group twice has forgotten that a member died: then only this time ends its wait.
            "kafka.max.poll.interval.ms": 45000,
            "kafka.fetch.message.max.bytes": chance.choice((4096, 65536, 1048576)),
            "kafka.reconnect.backoff.max.ms": 500,
            "kafka.socket.timeout.ms": 5000,
            "clickhouse.request_timeout": "4s",
            "clickhouse.connect_timeout": "2s",
            "batch.max_rows": chance.choice((60, 200, 1000, 65536)),
            "batch.max_age": chance.choice(("20ms", "60ms", "200ms")),
            "batch.collapse": False,
            "senders": chance.choice((2, 3, 4)),
            "retry.initial": "50ms",
            "retry.max": "500ms",
            "drain.timeout": "8s",
            "log.level": "info",
            **self.over,
        }

    def worker(self, name: str = "a") -> Worker:
        """The worker of that name, with the options of a new life."""
        if name not in self.workers:
            self.workers[name] = self.scene.worker(name)
        worker = self.workers[name]
        worker.options |= self.options()
        if self.outcome.ledger != "keeper_map":
            worker.options.pop("clickhouse.ledger_path", None)
        return worker

    def start(self, name: str = "a", wait: bool = True, **environment: str) -> Worker:
        """Starts a worker and waits until it has partitions."""
        worker = self.worker(name)
        worker.environment = environment
        worker.launch()
        if wait:
            self.wait(lambda: bool(self.assigned(worker)), 90, f"worker {name} has partitions", worker)
        return worker

    def wait(self, condition: Callable[[], Any], seconds: float, what: str, worker: Worker | None = None) -> None:
        """wait_until(), but a worker that ended unasked fails at once."""
        def checked() -> Any:
            if worker is not None and not worker.running():
                raise RuntimeError(f"worker {worker.name} ended with exit code "
                                   f"{worker.process and worker.process.returncode}; its log: {worker.log}")
            self.check_stopped()
            return condition()
        wait_until(checked, seconds, what)

    def check_stopped(self) -> None:
        """No partition may ever be stopped."""
        for worker in self.workers.values():
            if worker.running():
                for line in worker.events("partition_stopped"):
                    raise RuntimeError(f"worker {worker.name} stopped a partition: {line}")

    @staticmethod
    def assigned(worker: Worker) -> set[tuple[str, int]]:
        """What the worker owns, as it says."""
        try:
            return set(worker.partitions())
        except (OSError, AssertionError, KeyError):
            return set()

    def stored_rows(self) -> int:
        """Rows in the tables."""
        return int(self.clickhouse.value(
            f"SELECT sum(rows) FROM system.parts WHERE database = '{self.scene.name}' AND active") or 0)

    def wait_progress(self, rows: int = 1, seconds: float = 60, worker: Worker | None = None) -> None:
        """Waits until so many more rows are stored."""
        before = self.stored_rows()
        self.wait(lambda: self.stored_rows() >= before + rows, seconds, f"{rows} more rows are stored", worker)

    # Faults

    def tell(self, text: str) -> None:
        """A line of the story, with its time."""
        self.outcome.story.append(f"{time.monotonic() - self._began:6.1f} s  {text}")

    def hit(self, what: str, times: int = 1) -> None:
        """A fault was seen to hit."""
        self.outcome.hits[what] += times

    def pause(self, low: float, high: float) -> None:
        """A length of time that the seed decides."""
        time.sleep(self.chance.uniform(low, high))

    def die_at(self, point: str, nth: int, name: str = "a", seconds: float = 30,
               during: Callable[[], None] = lambda: None) -> None:
        """One life that ends at a named point, seen by its exit."""
        worker = self.start(name, wait=False, SLUICE_KILL_AT=f"{point}:{nth}")
        during()
        try:
            status = worker.wait_ended(seconds)
        except AssertionError:
            self.check_stopped()
            worker.kill9()
            raise Missed(f"worker {name} did not reach {point} for the {nth}. time in {seconds:.0f} s") from None
        if status != -signal.SIGKILL:
            raise RuntimeError(f"worker {name} ended with exit code {status} before {point}; its log: {worker.log}")
        self.tell(f"worker {name} died at {point}, passing {nth}")
        self.hit(point)

    def kill(self, worker: Worker) -> None:
        """SIGKILL at a moment when it works."""
        if not self.assigned(worker):
            raise Missed(f"worker {worker.name} had no partitions when it was killed")
        worker.kill9()
        self.tell(f"worker {worker.name} killed")
        self.hit("kill9")

    def collect(self, worker: Worker) -> None:
        """Adds what the worker counted in the present life."""
        for metric in ("ledger_replays_total", "ledger_fenced_total", "ledger_conflicts_total", "ledger_resets_total",
                       "ledger_rows_missing_total", "retries_total"):
            try:
                found = worker.metric(metric)
            except (OSError, AssertionError):
                return
            self.outcome.counted[metric] = self.outcome.counted.get(metric, 0) + found

    def wait_group_empty(self) -> None:
        """Waits until the broker has given up on every dead member."""
        wait_until(lambda: self.scene.topics.members(self.scene.name) == 0, 40, "the group has no members", every=0.2)

    def wait_no_inserts(self) -> None:
        """Waits until nothing that a dead worker sent is still under way in the server."""
        wait_until(lambda: not self.clickhouse.value(
            "SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND query LIKE "
            f"'%{self.scene.name}%' AND query NOT LIKE '%system.processes%'"), 40, "no insert is under way")

    # The end

    def finish(self, drain_seconds: float = 180) -> None:
        """The load ends, everything is stored and committed, nothing is stopped; then the verdict."""
        if self.feeder is not None:
            self.feeder.stop()
        if not any(worker.running() for worker in self.workers.values()):
            self.start("a")
        try:
            self.scene.topics.wait_drained(self.scene.name, drain_seconds)
        except AssertionError:
            if self.scene.topics.is_held_up(self.scene.name):
                raise Missed("the broker keeps a transaction of the load open") from None
            raise
        for worker in self.workers.values():
            if worker.running():
                stopped = worker.metric("stopped_partitions")
                assert stopped == 0, f"worker {worker.name} has {stopped:.0f} stopped partitions"
                self.collect(worker)
                status = worker.terminate()
                assert status == 0, f"worker {worker.name} ended with exit code {status}"
        self.judge()

    def judge(self) -> None:
        """Counts the rows and compares the state."""
        self.wait_no_inserts()
        verdict = self.outcome.verdict = self.oracle.judge(self.tables, self.topics)
        if self.outcome.mode == "replace" and self.targets:
            self.oracle.judge_final(verdict, self.tables)

    def close(self) -> None:
        """Takes everything away."""
        if self.feeder is not None and not self.feeder.done:
            self.feeder.stop()
        for worker in self.workers.values():
            if worker.running():
                worker.signal(signal.SIGCONT)
        try:
            self.scene.close()
        finally:
            for proxy in self._proxies:
                proxy.close()
            if hasattr(self, "_way"):
                with self.plan.lock:
                    self.plan.ways[self._way] = False
        self.outcome.seconds = time.monotonic() - self._began


