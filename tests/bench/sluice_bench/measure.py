"""One side on one topic: from the start until worker and engine are idle, with what they used."""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition
from engine import Engine
from process import cpu_seconds, peak_rss_mib
from sides import BATCH_ROWS, Feed
from sluice_testing.wait import wait_until

_DEADLINE_SECONDS = 600.0
_STILL_SECONDS = 3  # no merge and no more than the idle engine's CPU for so long: idle
_STILL_CPU = 0.05   # CPU seconds per second above the idle engine's that still count as nothing


@dataclass(frozen=True)
class Usage:
    """CPU seconds; the engine's without what it takes when idle."""

    rows: int
    rows_per_second: float
    seconds: float
    worker_cpu: float
    engine_cpu: float
    engine_idle_rate: float
    broker_cpu: float
    worker_rss_mib: float
    engine_rss_mib: float

    @property
    def rows_per_cpu_second(self) -> float:
        """Worker and engine together."""
        return self.rows / (self.worker_cpu + self.engine_cpu)


class Progress:
    """The committed offset of a group, asked of the broker: it costs neither worker nor engine anything."""

    def __init__(self, feed: Feed) -> None:
        self._consumer = Consumer({"bootstrap.servers": feed.brokers, "group.id": feed.group, "log_level": 0})
        self._partition = TopicPartition(feed.topic, 0)

    def offset(self) -> int:
        """Everything below it is in the table."""
        return max(0, wait_until(self._committed, 30, "the broker tells the committed offset")[0].offset)

    def _committed(self) -> list[TopicPartition]:
        try:
            return self._consumer.committed([self._partition], timeout=30)
        except KafkaException as error:  # a broker that has just started loads its groups first
            raise AssertionError(str(error)) from error

    def close(self) -> None:
        """Drops the connection."""
        self._consumer.close()


def measure(side, engine: Engine, feed: Feed, rows: int, broker_pid: int) -> Usage:
    """Runs the side to the end of the topic. The table is made and empty."""
    idle_rate = engine.idle_rate()
    progress = Progress(feed)
    progress.offset()  # connects
    engine_before, broker_before, began = engine.cpu(), cpu_seconds(broker_pid), time.monotonic()
    try:
        side.start(engine, feed)
        samples = _until_consumed(side, engine, progress, rows)
        broker_cpu = cpu_seconds(broker_pid) - broker_before
        ended, engine_cpu, worker_cpu = _until_idle(side, engine, idle_rate)
        seconds = ended - began
        return Usage(rows, _rate(samples, rows), seconds, worker_cpu,
                     engine_cpu - engine_before - idle_rate * seconds, idle_rate, broker_cpu,
                     peak_rss_mib(side.child.pid) if side.child else 0.0, peak_rss_mib(engine.child.pid))
    finally:
        progress.close()
        side.stop()


def _until_consumed(side, engine: Engine, progress: Progress, rows: int) -> list[tuple[float, int]]:
    """Times and offsets."""
    samples, deadline = [(time.monotonic(), 0)], time.monotonic() + _DEADLINE_SECONDS
    while samples[-1][1] < rows:
        time.sleep(0.02)  # the interval at which progress is sampled
        offset = progress.offset()
        if offset > samples[-1][1]:
            samples.append((time.monotonic(), offset))
        for child in (engine.child, side.child):
            if child:
                child.check()
        if time.monotonic() > deadline:
            raise SystemExit(f"bench: {side.name} stands at offset {offset} of {rows} after {_DEADLINE_SECONDS:.0f} s; "
                             f"the logs are beside {engine.child.log}")
    return samples


def _rate(samples: list[tuple[float, int]], rows: int) -> float:
    """Rows per second from the first visible batch to the last full one; the rest waits for its age on either side."""
    full = rows // BATCH_ROWS * BATCH_ROWS
    first = samples[1]
    last = next(sample for sample in samples if sample[1] >= full)
    return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0


def _until_idle(side, engine: Engine, idle_rate: float) -> tuple[float, float, float]:
    """Waits until nothing happens any more; time and CPU of engine and worker when that began."""
    def look() -> tuple[float, float, float]:
        return time.monotonic(), engine.cpu(), cpu_seconds(side.child.pid) if side.child else 0.0

    deadline = time.monotonic() + _DEADLINE_SECONDS
    quiet, last = [look()], look()
    while len(quiet) <= _STILL_SECONDS:
        time.sleep(1.0)  # the interval of which the CPU time is taken
        now = look()
        used = now[1] - last[1] + now[2] - last[2]
        last = now
        quiet.append(now)
        if engine.merging() or used > (idle_rate + _STILL_CPU):
            quiet = [now]
        if time.monotonic() > deadline:
            raise SystemExit("bench: the engine does not come to rest")
    return quiet[0]
