"""What must be stored, from the topics alone, and what is: rows counted by the record that they come from.

The targets have the columns _topic, _partition and _offset, and nothing was merged: every row that was ever inserted is
counted. A row that is there twice is a duplicate, whatever FINAL shows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from .clickhouse import ClickHouse

Place = tuple[str, int, int]  # topic, partition, offset
Partition = tuple[str, int]

# Rows with keys from here on are the tests' own.
FOREIGN_ID = 2_000_000_000


@dataclass(frozen=True)
class Change:
    """One data event of a topic."""

    table: str
    deleted: bool
    key: int | None
    row: dict[str, Any] | None  # the living row


@dataclass
class Verdict:
    """How the tables differ from the topics."""

    events: int = 0
    stored: int = 0
    duplicates: int = 0
    losses: int = 0
    strange: int = 0  # rows of records that are no data events, or with the wrong mark of deletion
    differences: int = 0  # keys whose living row is another one
    examples: list[str] = field(default_factory=list)

    def exact(self) -> bool:
        """True if every row is there as often as it must be."""
        return self.complete() and self.duplicates == 0

    def complete(self) -> bool:
        """True if nothing is wrong, except that rows may be there more often than they must."""
        return not (self.losses or self.strange or self.differences)

    def example(self, text: str) -> None:
        """Keeps the first few."""
        if len(self.examples) < 12:
            self.examples.append(text)


def read_changes(bootstrap: str, topics: list[str], seconds: float = 120) -> dict[Place, Change]:
    """Every data event of committed transactions, from the first to the present end of every partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    listed = admin.list_topics(timeout=20).topics
    parts = [TopicPartition(name, number, 0) for name in topics for number in listed[name].partitions]
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "oracle", "enable.auto.commit": False,
                         "enable.partition.eof": True, "isolation.level": "read_committed", "log_level": 2})
    found: dict[Place, Change] = {}
    left = {(part.topic, part.partition) for part in parts}
    try:
        consumer.assign(parts)
        deadline = time.monotonic() + seconds
        while left:
            assert time.monotonic() < deadline, f"the oracle can't read {left}"
            for message in consumer.consume(5000, 0.2):  # it waits for all of them
                if message.error() is None:
                    change = _change(message)
                    if change is not None:
                        found[message.topic(), message.partition(), message.offset()] = change
                elif message.error().code() == KafkaError._PARTITION_EOF:  # pylint: disable=protected-access
                    left.discard((message.topic(), message.partition()))
    finally:
        consumer.close()
    return found


def _change(message: Any) -> Change | None:
    if message.value() is None:
        return None
    payload = json.loads(message.value())
    payload = payload.get("payload", payload)
    if payload.get("op") not in ("c", "r", "u", "d"):
        return None
    after = payload["after"]
    row = after if payload["op"] != "d" else None
    key = (row or payload["before"]).get("id")
    return Change(payload["source"]["table"], row is None, key, row)


class Oracle:
    """Expected and stored rows of one schedule. An operator's reset makes records expected once more, see reset()."""

    def __init__(self, clickhouse: ClickHouse, bootstrap: str, log_mode: bool) -> None:
        self._clickhouse = clickhouse
        self._bootstrap = bootstrap
        self._deleted = "_op = 'd'" if log_mode else "is_deleted"
        # Of partitions that were reset: where to, and how often each record was stored before the last reset.
        self._from: dict[Partition, int] = {}
        self._base: Counter[Place] = Counter()
        self.changes: dict[Place, Change] = {}

    def stored(self, tables: list[str]) -> tuple[Counter[Place], Counter[Place]]:
        """How often each record is stored as a living and as a deleted row."""
        living: Counter[Place] = Counter()
        deleted: Counter[Place] = Counter()
        for table in tables:
            if not self._clickhouse.has_table(table):
                continue
            text = self._clickhouse.execute(
                f"SELECT _topic, _partition, _offset, {self._deleted} AS gone, count() FROM `{table}` "
                "WHERE _offset >= 0 GROUP BY _topic, _partition, _offset, gone FORMAT TabSeparated")
            for line in text.splitlines():
                topic, partition, offset, gone, count = line.split("\t")
                place = topic, int(partition), int(offset)
                (deleted if gone in ("1", "true") else living)[place] += int(count)
        return living, deleted

    def reset(self, tables: list[str], moved: dict[Partition, int]) -> None:
        """The group's offsets were moved while no worker ran and no insert was under way.

        What is stored now stays; what lies at or above the new offset comes once more.
        """
        living, deleted = self.stored(tables)
        now = living + deleted
        for partition, offset in moved.items():
            for place in [p for p in self._base if p[:2] == partition]:
                del self._base[place]
            self._base.update({p: n for p, n in now.items() if p[:2] == partition})
            self._from[partition] = offset

    def expected(self, place: Place) -> tuple[int, int]:
        """How often a data event must be stored: at least, at most.

        A row of before the reset can't be told from its repetition. So a range that was interrupted after the reset
        leaves out what it finds; without such rows the number is exact.
        """
        first, base = self._from.get(place[:2]), self._base[place]
        if first is None:
            return 1, 1
        if place[2] < first:
            return base, base
        return max(1, base), base + 1

    def judge(self, tables: list[str], topics: list[str]) -> Verdict:
        """Compares everything; nothing may be under way."""
        changes = self.changes = read_changes(self._bootstrap, topics)
        living, deleted = self.stored(tables)
        verdict = Verdict(events=len(changes), stored=living.total() + deleted.total())
        for place, change in changes.items():
            right, wrong = (deleted, living) if change.deleted else (living, deleted)
            self._compare(verdict, place, self.expected(place), right[place])
            if wrong[place]:
                verdict.strange += wrong[place]
                verdict.example(f"{change.table} {place}: wrong mark of deletion")
        for place in (living.keys() | deleted.keys()) - changes.keys():
            verdict.strange += living[place] + deleted[place]
            verdict.example(f"{place}: stored, but it is no data event of a committed transaction")
        return verdict

    def judge_final(self, verdict: Verdict, tables: list[str]) -> None:
        """FINAL against the state that the topics come to, as judge() read them."""
        wanted: dict[str, dict[int, dict[str, Any]]] = {table: {} for table in tables}
        for place, change in sorted(self.changes.items(), key=lambda item: item[0]):
            if self.expected(place)[1] == 0 or change.key is None:
                continue
            if change.row is None:
                wanted[change.table].pop(change.key, None)
            else:
                wanted[change.table][change.key] = change.row
        for table in tables:
            rows = self._clickhouse.rows(f"SELECT id, name, n, event FROM `{table}` FINAL WHERE id < {FOREIGN_ID}") \
                if wanted[table] or self._clickhouse.has_table(table) else []
            self._compare_final(verdict, table, wanted[table], rows)

    @staticmethod
    def _compare_final(verdict: Verdict, table: str, wanted: dict[int, dict[str, Any]],
                       rows: list[dict[str, Any]]) -> None:
        found = {row["id"]: row for row in rows}
        if len(found) != len(rows):
            verdict.differences += len(rows) - len(found)
            verdict.example(f"{table} FINAL: {len(rows) - len(found)} keys more than once")
        for key in sorted(wanted.keys() | found.keys()):
            if wanted.get(key) != found.get(key):
                verdict.differences += 1
                verdict.example(f"{table} FINAL: key {key} must be {wanted.get(key)}, is {found.get(key)}")

    @staticmethod
    def _compare(verdict: Verdict, place: Place, expected: tuple[int, int], stored: int) -> None:
        least, most = expected
        if stored > most:
            verdict.duplicates += stored - most
        elif stored < least:
            verdict.losses += least - stored
        else:
            return
        verdict.example(f"{place}: stored {stored} times, expected {least if least == most else f'{least} to {most}'}")
