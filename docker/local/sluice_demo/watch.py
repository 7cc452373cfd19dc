"""Looks at both databases and at the worker, and keeps enough of the past for rates and delays."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import psycopg
from sluice_testing.compare import query

from . import shop
from .load import Load
from .worker import Metrics, Worker, quantile

_WINDOW_SECONDS = 3.0
_DELAY_WINDOW_SECONDS = 10.0


@dataclass
class View:
    """What is shown; None where nothing is known yet."""

    source: dict[str, int]
    target: dict[str, int | None]
    lag: dict[str, float]
    rates: dict[str, float] = field(default_factory=dict)
    changes: int = 0
    changes_per_second: float = 0.0
    delay: tuple[float, float] | None = None
    rows: float = 0
    inserts: float = 0
    resident_mib: float = 0.0
    stopped: bool = False

    def caught_up(self) -> bool:
        """Equal counts and nothing waiting: worth comparing, not yet a proof."""
        return self.source == self.target and not any(self.lag.values())

    def copying(self) -> bool:
        """A table is not there yet, or far from full: changes follow after the copy."""
        return any((self.target[name] or 0) < 0.9 * rows for name, rows in self.source.items())


@dataclass(frozen=True)
class _Reading:
    at: float
    metrics: Metrics | None
    changes: int


class Watch:
    """Samples on demand; one thread."""

    def __init__(self, dsn: str, clickhouse: str, worker: Worker, load: Load) -> None:
        self._link = psycopg.connect(dsn, autocommit=True)
        self._clickhouse, self._worker, self._load = clickhouse, worker, load
        self._past: deque[_Reading] = deque()

    def close(self) -> None:
        """Leaves the database."""
        self._link.close()

    def look(self) -> View:
        """One sample. Raises StackError if the worker is dead, OSError if ClickHouse does not answer."""
        now = _Reading(time.monotonic(), self._worker.metrics(), self._load.changes().total())
        self._past.append(now)
        while now.at - self._past[0].at > _DELAY_WINDOW_SECONDS:
            self._past.popleft()
        view = View(shop.counts(self._link), self._target_counts(), {}, changes=now.changes,
                    resident_mib=self._worker.resident_mib())
        if now.metrics is not None:
            self._add_metrics(view, now, now.metrics)
        return view

    def _add_metrics(self, view: View, now: _Reading, metrics: Metrics) -> None:
        view.lag = {topic.rpartition(".")[2]: lag for topic, lag in metrics.by("lag_records", "topic").items()}
        view.rows = metrics.total("rows_inserted_total")
        view.inserts = metrics.total("inserts_total")
        view.stopped = metrics.total("stopped_partitions") > 0
        oldest = self._past[0]
        view.delay = _delay(metrics, oldest.metrics)
        recent = next(reading for reading in self._past if now.at - reading.at <= _WINDOW_SECONDS)
        seconds = now.at - recent.at
        if seconds > 0 and recent.metrics is not None:
            rows, before = (_by_table(reading) for reading in (metrics, recent.metrics))
            view.rates = {name: (count - before.get(name, 0)) / seconds for name, count in rows.items()}
            view.changes_per_second = (now.changes - recent.changes) / seconds

    def _target_counts(self) -> dict[str, int | None]:
        """FINAL counts of the tables that exist already, all in one statement."""
        there = set(query(self._clickhouse,
                          f"SELECT name FROM system.tables WHERE database = '{shop.DATABASE}' FORMAT TSV"))
        names = [table.name for table in shop.TABLES if table.name in there]
        found: dict[str, int | None] = {table.name: None for table in shop.TABLES}
        if names:
            parts = [f"SELECT '{name}', count() FROM {shop.DATABASE}.{name} FINAL" for name in names]
            for line in query(self._clickhouse, " UNION ALL ".join(parts) + " FORMAT TSV"):
                name, _, number = line.partition("\t")
                found[name] = int(number)
        return found


def _by_table(metrics: Metrics) -> dict[str, float]:
    return {name.rpartition(".")[2]: rows for name, rows in metrics.by("rows_inserted_total", "table").items()}


def _delay(now: Metrics, before: Metrics | None) -> tuple[float, float] | None:
    """p50 and p95 of the delay from commit to visible row, of the last seconds."""
    name = "commit_to_visible_seconds"
    buckets, old = now.buckets(name), before.buckets(name) if before else {}
    middle, high = quantile(buckets, old, 0.5), quantile(buckets, old, 0.95)
    return None if middle is None or high is None else (middle, high)
