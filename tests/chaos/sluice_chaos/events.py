"""A load of change events straight into Kafka, as Debezium would write them, the same for the same seed."""

from __future__ import annotations

import json
import random
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaException, Producer
from sluice_testing.records import envelope, key_schema, value_schema

FIELDS = {"id": ("int32", False), "name": ("string", True), "n": ("int32", True), "event": ("int64", True)}
# Stand-ins for positions, with more digits than any name of a test has.
_LSN, _COMMIT = 777777777777777, 888888888888888
_WORDS = ("amber", "birch", "cédar", "delta", "終わり", "flint 🚚", "tab\\t", "quo\\\"te", "")


@dataclass(frozen=True)
class Target:
    """A table, and the topic that its changes are in."""

    table: str
    topic: str
    partitions: int


Record = tuple[str, int, bytes, bytes | None]  # topic, partition, key, value


class _Text:
    """Renders the records of one table; only what differs between two of them is made anew."""

    def __init__(self, prefix: str, target: Target, with_schema: bool) -> None:
        self.target = target
        made = json.dumps(envelope(prefix, target.table, "%(op)s", _LSN, commit=_COMMIT), separators=(",", ":"))
        made = made.replace("%", "%%").replace("%%(op)s", "%(op)s")
        made = made.replace('"before":null,"after":null', '"before":%(before)s,"after":%(after)s')
        made = made.replace(str(1760000000000 + _LSN), "%(ms)d").replace(str(_COMMIT), "%(commit)d")
        made = made.replace(str(_LSN), "%(lsn)d")
        self._value, self._key = made, '{"id":%d}'
        if with_schema:
            schema = json.dumps(value_schema(prefix, target.table, FIELDS), separators=(",", ":"))
            self._value = '{"schema":' + schema.replace("%", "%%") + ',"payload":' + made + "}"
            schema = json.dumps(key_schema(prefix, target.table), separators=(",", ":"))
            self._key = '{"schema":' + schema + ',"payload":{"id":%d}}'

    def key(self, row_id: int) -> bytes:
        return (self._key % row_id).encode()

    def value(self, op: str, lsn: int, before: str, after: str) -> bytes:
        return (self._value % {"op": op, "lsn": lsn, "commit": lsn - 8, "ms": 1760000000000 + lsn,
                               "before": before, "after": after}).encode()


class Events:
    """Changes in the order of their log positions: inserts, updates, deletes with tombstones, moves of the key."""

    def __init__(self, prefix: str, targets: list[Target], seed: str, keys: int, with_schema: bool = True) -> None:
        self._chance = random.Random(f"{seed}/events")
        self._texts = [_Text(prefix, target, with_schema) for target in targets]
        self._keys = keys
        self._living: list[set[int]] = [set() for _ in targets]
        self._lsn = 0x1000000
        self.made = 0

    def change(self) -> list[Record]:
        """The records of one change: one for an insert or update, two for a delete, three for a moved key."""
        chance = self._chance
        number = chance.randrange(len(self._texts))
        text, living = self._texts[number], self._living[number]
        row_id, drawn = chance.randint(1, self._keys), chance.random()
        if row_id not in living:
            living.add(row_id)
            return [self._upsert(text, "c", row_id)]
        if drawn < 0.72:
            return [self._upsert(text, "u", row_id)]
        living.discard(row_id)
        gone = self._delete(text, row_id)
        if drawn < 0.94:
            return gone
        other = chance.randint(1, self._keys)
        if other in living or other == row_id:
            return gone
        living.add(other)
        return [*gone, self._upsert(text, "c", other)]

    def _upsert(self, text: _Text, op: str, row_id: int) -> Record:
        self.made += 1
        after = '{"id":%d,"name":"%s %d","n":%d,"event":%d}' % (
            row_id, self._chance.choice(_WORDS), row_id, self._chance.randint(-2**31, 2**31 - 1), self.made)
        return self._record(text, row_id, text.value(op, self._next(), "null", after))

    def _delete(self, text: _Text, row_id: int) -> list[Record]:
        self.made += 1
        before = '{"id":%d,"name":null,"n":null,"event":%d}' % (row_id, self.made)
        return [self._record(text, row_id, text.value("d", self._next(), before, "null")),
                self._record(text, row_id, None)]

    def _next(self) -> int:
        self._lsn += 64
        return self._lsn

    @staticmethod
    def _record(text: _Text, row_id: int, value: bytes | None) -> Record:
        key = text.key(row_id)
        return text.target.topic, zlib.crc32(key) % text.target.partitions, key, value


class Feeder:
    """Writes events at a steady rate from a thread; some in transactions of Kafka, some of which are aborted."""

    def __init__(self, bootstrap: str, name: str, events: Events, seed: str, rate: int, transactions: bool = True,
                 limit: int | None = None) -> None:
        self._bootstrap = bootstrap
        self._name = name
        self._events = events
        self._chance = random.Random(f"{seed}/feeder")
        self._rate = rate
        self._transactions = transactions
        self._limit = limit
        self._stop = threading.Event()
        self._plain = self._producer()
        self._transactional: Producer | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.trouble = 0  # chunks whose outcome Kafka did not tell

    def start(self) -> Feeder:
        """Begins."""
        self._thread.start()
        return self

    @property
    def made(self) -> int:
        """Changes so far."""
        return self._events.made

    @property
    def done(self) -> bool:
        """True once everything up to the limit is written."""
        return not self._thread.is_alive()

    def stop(self, seconds: float = 90) -> None:
        """Ends after what was begun; raises what went wrong."""
        self._stop.set()
        self.join(seconds)

    def join(self, seconds: float) -> None:
        """Waits for the limit."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the load does not end"
        if self._error is not None:
            raise AssertionError("the load failed") from self._error

    def _producer(self, **more: str) -> Producer:
        return Producer({"bootstrap.servers": self._bootstrap, "enable.idempotence": True, "linger.ms": 2,
                         "log_level": 0, "reconnect.backoff.max.ms": 500, "compression.type": "lz4", **more})

    def _run(self) -> None:
        try:
            began, seconds = time.monotonic(), 0.05
            for chunk in self._chunks(max(1, int(self._rate * seconds))):
                self._write(chunk)
                due = began + self._events.made / self._rate
                # A broker that was away is not made up for in one go: the load stays steady.
                began = max(began, began + time.monotonic() - due - 1)
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    break
            assert self._plain.flush(60) == 0, "records were not written in 60 s"
            if self._transactions and self._transactional is None:
                self._begin()
        except BaseException as error:  # pylint: disable=broad-except # carried to the caller's thread
            self._error = error

    def _chunks(self, size: int) -> Iterator[list[Record]]:
        while self._limit is None or self._events.made < self._limit:
            chunk: list[Record] = []
            while len(chunk) < size and (self._limit is None or self._events.made < self._limit):
                chunk += self._events.change()
            yield chunk

    def _write(self, chunk: list[Record]) -> None:
        if self._transactions and self._chance.random() < 0.25:
            assert self._plain.flush(60) == 0, "records were not written in 60 s"  # keeps the order of a key
            self._write_transaction(chunk, abort=self._chance.random() < 0.25)
            return
        for record in chunk:
            self._produce(self._plain, record)
        self._plain.poll(0)

    def _write_transaction(self, chunk: list[Record], abort: bool) -> None:
        try:
            producer = self._transactional or self._begin()
            producer.begin_transaction()
            for record in chunk:
                self._produce(producer, record)
            producer.flush(30)
            (producer.abort_transaction if abort else producer.commit_transaction)(30)
        except KafkaException:
            # The broker was away. Whether the chunk is in the topic is told by the topic; a new producer ends what
            # the old one left open.
            self.trouble += 1
            self._transactional = None

    def _begin(self) -> Producer:
        """A transactional producer; it ends what an earlier one left open."""
        made = self._producer(**{"transactional.id": f"{self._name}-load", "transaction.timeout.ms": "20000"})
        made.init_transactions(60)
        self._transactional = made
        return made

    @staticmethod
    def _produce(producer: Producer, record: Record) -> None:
        topic, partition, key, value = record
        while True:
            try:
                producer.produce(topic, value=value, key=key, partition=partition)
                return
            except BufferError:
                producer.poll(0.1)
