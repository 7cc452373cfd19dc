"""The two topics of the benchmark: the same changes without and with embedded schema, and their outcome in a file."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from events import Capture, Envelope, Stream, around_payload
from sluice_testing.wait import wait_until


@dataclass(frozen=True)
class Topics:
    """Names of the topics by kind, and what the changes come to."""

    names: dict[str, str]
    rows: int
    oracle: Path
    counts: dict[str, int]
    value_bytes: dict[str, float]


class Maker:
    """Fills the topics, or finds them filled by an earlier run."""

    def __init__(self, brokers: str, data: Path, folder: Path) -> None:
        self._brokers = brokers
        self._data = data
        self._folder = folder

    def make(self, rows: int, say) -> Topics:
        """Both topics with `rows` changes each."""
        names = {"json": f"bench-json-{rows}", "json_schema": f"bench-json-schema-{rows}"}
        oracle, facts = self._folder / f"oracle-{rows}.tsv", self._folder / f"topics-{rows}.json"
        if facts.exists() and all(self._filled(name, rows) for name in names.values()):
            kept = json.loads(facts.read_text())
            say(f"topics of {rows:,} changes are there from an earlier run")
            return Topics(names, rows, oracle, kept["counts"], kept["value_bytes"])
        facts.unlink(missing_ok=True)
        self._create(names)
        began = time.monotonic()
        stream, sizes = self._fill(names, rows)
        oracle.write_bytes(stream.oracle())
        value_bytes = {kind: round(size / rows, 1) for kind, size in sizes.items()}
        facts.write_text(json.dumps({"counts": stream.counts, "value_bytes": value_bytes}))
        say(f"two topics of {rows:,} changes made in {time.monotonic() - began:.0f} s")
        return Topics(names, rows, oracle, stream.counts, value_bytes)

    def _filled(self, name: str, rows: int) -> bool:
        consumer = Consumer({"bootstrap.servers": self._brokers, "group.id": "bench-look", "log_level": 0})
        try:
            return consumer.get_watermark_offsets(TopicPartition(name, 0), timeout=10) == (0, rows)
        except KafkaException:
            return False
        finally:
            consumer.close()

    def _create(self, names: dict[str, str]) -> None:
        admin = AdminClient({"bootstrap.servers": self._brokers})
        known = admin.list_topics(timeout=10).topics
        old = [name for name in names.values() if name in known]
        for future in admin.delete_topics(old).values() if old else ():
            future.result(30)
        wait_until(lambda: not set(old) & admin.list_topics(timeout=10).topics.keys(), 30,
                   "the old topics are gone; if they stay, run with --fresh")
        for future in admin.create_topics([NewTopic(name, 1, 1) for name in names.values()]).values():
            future.result(30)

    def _fill(self, names: dict[str, str], rows: int) -> tuple[Stream, dict[str, int]]:
        plain, typed = Capture(self._data / "customers-json"), Capture(self._data / "customers-json-schema")
        envelope = Envelope(plain)
        envelope.verify()
        headers = plain.headers[plain.streamed()[0]]
        value_head, value_tail = around_payload(typed.values[typed.streamed()[0]])
        key_head, key_tail = around_payload(typed.keys[0])
        plain_out = self._producer("none")
        typed_out = self._producer("lz4")
        sizes = dict.fromkeys(names, 0)
        stream = Stream(envelope, rows)
        for key, value in stream:
            key_text = b'{"id":%d}' % key
            framed = value_head + value + value_tail
            self._send(plain_out, names["json"], key_text, value, headers)
            self._send(typed_out, names["json_schema"], key_head + key_text + key_tail, framed, headers)
            sizes["json"] += len(value)
            sizes["json_schema"] += len(framed)
        for producer in (plain_out, typed_out):
            if producer.flush(120) != 0:
                raise SystemExit("bench: the broker did not take all records in 120 s")
        return stream, sizes

    def _producer(self, compression: str) -> Producer:
        return Producer({"bootstrap.servers": self._brokers, "compression.type": compression, "acks": "all",
                         "linger.ms": 50, "queue.buffering.max.kbytes": 256 * 1024})

    @staticmethod
    def _send(producer: Producer, topic: str, key: bytes, value: bytes, headers: list) -> None:
        while True:
            try:
                producer.produce(topic, value, key, partition=0, headers=headers)
                return
            except BufferError:
                producer.poll(0.1)
