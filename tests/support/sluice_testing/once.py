"""What tests of exactly-once delivery share: options, one topic's scene, killed workers, the ledger's table."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

from .records import Table
from .scene import Scene
from .stored import check_each_once, data_offsets, difference, stored_offsets, wait_stored
from .wait import wait_until
from .worker import Worker

LEDGER = "sluice_ledger"

# mode log shows every duplicate. A static member is back at once after kill -9.
OPTIONS: dict[str, Any] = {"delivery": "exactly_once", "tables__mode": "log", "kafka__group__instance__id": "one"}

# No static member: the group is to be empty soon after the worker's end, else its offsets can't be moved.
OPTIONS_AT_REST: dict[str, Any] = {"kafka__group__instance__id": None, "kafka__session__timeout__ms": 1500,
                                   "kafka__heartbeat__interval__ms": 300}

# As in lib/base/point.h: where SLUICE_KILL_AT lets a worker die.
POINTS = ("after_open", "during_insert", "after_ack", "before_commit", "after_commit")


class Once:
    """A topic, its target in mode log, and a worker with exactly-once delivery."""

    def __init__(self, scene: Scene, table: str = "t", partitions: int = 1, config: dict[str, str] | None = None,
                 worker: Worker | None = None, **options: Any) -> None:
        """`worker`: that of another topic, which consumes this one too."""
        self.scene = scene
        self.table = Table(scene.name, table)
        self.topic = self.table.topic
        scene.topics.create(self.topic, partitions=partitions, **(config or {}))
        self.worker = worker or scene.worker(**{**OPTIONS, **options})

    def produce(self, rows: int, partition: int = 0, start: int = 0, size: int = 10) -> list[int]:
        """Inserts of so many rows; their offsets."""
        return self.scene.topics.produce_many(
            self.topic, [self.table.row(start + i, "x" * size, i % 1000) for i in range(rows)], partition)

    def run_and_store(self, rows: int, partitions: int = 1) -> None:
        """Starts the worker and waits until some first rows of each partition are stored and committed."""
        self.worker.start()
        for partition in range(partitions):
            self.produce(rows, partition)
        wait_stored(self.scene.clickhouse, self.table.name, rows * partitions)
        self.scene.wait_drained()

    def run_until_killed(self, point: str, passing: int = 1, seconds: float = 30) -> None:
        """Starts the worker, which dies at that passing of the point, and leaves it ready for a start without."""
        self.worker.environment["SLUICE_KILL_AT"] = f"{point}:{passing}"
        self.worker.launch()
        code = self.worker.wait_ended(seconds)
        assert code == -signal.SIGKILL, f"ended with {code} instead of by SLUICE_KILL_AT={point}:{passing}"
        del self.worker.environment["SLUICE_KILL_AT"]

    def check(self, more: Any = ()) -> None:
        """The group has committed everything, and every data event is stored once (and once more if in `more`)."""
        self.scene.wait_drained()
        check_each_once(self.scene.topics, self.scene.clickhouse, [self.topic], [self.table.name], more)

    def check_replayed(self, before: Counter[tuple[str, int, int]], positions: dict[int, int]) -> None:
        """In each partition the offsets from its position on have one row more than before, the others none."""
        self.scene.wait_drained()
        there = data_offsets(self.scene.topics, self.topic)
        wanted = before + Counter(offset for offset in there if offset[2] >= positions[offset[1]])
        different = difference(wanted, stored_offsets(self.scene.clickhouse, self.table.name))
        assert not different, different

    def rows(self) -> int:
        """Physical rows of the table."""
        return int(self.scene.clickhouse.value(f"SELECT count() FROM `{self.table.name}`"))

    def make_anew(self, rows: int) -> None:
        """Deletes the topic and makes it again with so many other records."""
        topics = self.scene.topics
        topics.admin.delete_topics([self.topic])[self.topic].result(20)
        wait_until(lambda: self.topic not in topics.names(), 20, "the topic is gone")

        def made() -> bool:
            try:
                topics.create(self.topic)
            except Exception as error:  # the broker may still be deleting it
                raise AssertionError(str(error)) from error
            return True
        wait_until(made, 20, "the topic is there again", every=0.2)
        self.produce(rows, start=500, size=11)

    def offsets(self, offsets: Any, partition: int = 0) -> list[tuple[str, int, int]]:
        """Offsets of a partition as stored.py names them."""
        return [(self.topic, partition, offset) for offset in offsets]


def wait_state(worker: Worker, topic: str, state: str, partition: int = 0, seconds: float = 30) -> dict[str, Any]:
    """Waits until the partition was stopped in a named state; log and /status name topic, partition and remedy."""
    line = worker.wait_event("partition_stopped", seconds, topic=topic, partition=partition)
    text = " ".join(str(value) for value in line.values())
    assert state in text, line
    shown = wait_until(lambda: worker.partitions()[topic, partition], 10, "the partition in /status")
    assert shown["state"] == "stopped", shown
    assert topic in shown["error"] and f"partition {partition}" in shown["error"], shown
    wait_until(lambda: worker.get("/readyz")[0] == 503, 10, "/readyz tells of the stopped partition")
    return line


def ledger_row(scene: Scene, topic: str, partition: int = 0) -> dict[str, Any]:
    """A partition's row in the KeeperMap ledger."""
    found = [row for row in scene.clickhouse.rows(f"SELECT k, epoch, owner, seq, state FROM {LEDGER}")
             if row["k"].endswith(f"/{topic}/{partition}")]
    assert len(found) == 1, found
    return found[0]


def set_ledger_row(scene: Scene, row: dict[str, Any]) -> None:
    """Writes a row as it is, whoever owns it."""
    scene.clickhouse.execute(f"ALTER TABLE {LEDGER} UPDATE epoch = {row['epoch']}, owner = {row['owner']}, "
                             f"seq = {row['seq']}, state = '{row['state']}' WHERE k = '{row['k']}'")
