"""Kafka as the tests use it: topics, records made by hand, offsets of the group, Kafka's own tools."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from .wait import wait_until


class Topics:
    """Topics of one prefix."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.bootstrap = bootstrap
        self.prefix = prefix
        self.admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        self._producer: Producer | None = None
        self._transactional: Producer | None = None

    def create(self, *topics: str, partitions: int = 1, **config: str) -> None:
        """Makes topics; a dot in a configuration key is written as two underscores."""
        settings = {key.replace("__", "."): value for key, value in config.items()}
        made = self.admin.create_topics([NewTopic(topic, partitions, 1, config=settings) for topic in topics])
        for future in made.values():
            future.result(30)

    def produce(self, topic: str, value: bytes | str | None, key: bytes | str | None = None, partition: int = 0,
                headers: dict[str, bytes] | None = None) -> int:
        """Writes one record and returns its offset."""
        return self.produce_many(topic, [(key, value)], partition, headers)[0]

    def produce_many(self, topic: str, records: list[tuple[Any, Any]], partition: int = 0,
                     headers: dict[str, bytes] | None = None) -> list[int]:
        """Writes (key, value) pairs in order and returns their offsets."""
        if self._producer is None:
            self._producer = Producer({"bootstrap.servers": self.bootstrap, "enable.idempotence": True,
                                       "linger.ms": 5, "log_level": 2})
        offsets: list[int] = []
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                failed.append(error)
            else:
                offsets.append(message.offset())

        for key, value in records:
            while True:
                try:
                    self._producer.produce(topic, value=value, key=key, partition=partition, headers=headers,
                                           on_delivery=delivered)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        assert self._producer.flush(30) == 0 and not failed, f"records were not written to {topic}: {failed}"
        return offsets

    def produce_transaction(self, topic: str, records: list[tuple[Any, Any]], abort: bool = False) -> None:
        """Writes (key, value) pairs in a transaction of Kafka."""
        if self._transactional is None:
            self._transactional = Producer({"bootstrap.servers": self.bootstrap, "log_level": 2,
                                            "transactional.id": f"{self.prefix}-producer"})
            self._transactional.init_transactions(30)
        self._transactional.begin_transaction()
        for key, value in records:
            self._transactional.produce(topic, value=value, key=key, partition=0)
        assert self._transactional.flush(30) == 0
        if abort:
            self._transactional.abort_transaction(30)
        else:
            self._transactional.commit_transaction(30)

    def commit(self, group: str, topic: str, partition: int, offset: int) -> None:
        """Sets the committed offset of a group at rest, unchecked, as a restored or mirrored group has it."""
        asked = self.admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition, offset)])])
        for future in asked.values():
            future.result(20)

    def names(self) -> list[str]:
        """The topics of the prefix."""
        return sorted(name for name in self.admin.list_topics(timeout=10).topics
                      if name.startswith(self.prefix + "."))

    def end_offsets(self, *topics: str, stable: bool = False) -> dict[tuple[str, int], int]:
        """End of every partition of these topics (default: all of the prefix); nothing for one that is not there yet.

        `stable`: what lies in or behind an open transaction does not count."""
        isolation = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
        listed = self.admin.list_topics(timeout=10).topics
        parts = [TopicPartition(name, p) for name in (topics or self.names()) if name in listed for p in listed[name].partitions]
        asked = self.admin.list_offsets({part: OffsetSpec.latest() for part in parts},
                                        isolation_level=isolation) if parts else {}
        return {(part.topic, part.partition): future.result(10).offset for part, future in asked.items()}

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """The committed offsets of a group."""
        asked = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        return {(part.topic, part.partition): part.offset
                for part in asked[group].result(10).topic_partitions if part.offset >= 0}

    def lag(self, group: str) -> dict[tuple[str, int], int]:
        """Records that the group has not committed, where there are any. Nobody consumes dead letters."""
        committed = self.committed(group)
        return {part: end - committed.get(part, 0) for part, end in self.end_offsets().items()
                if end > committed.get(part, 0) and not part[0].endswith(".dlq")}

    def is_held_up(self, group: str) -> bool:
        """True if the group has committed all but what lies in or behind an open transaction."""
        committed = self.committed(group)
        return all(end <= committed.get(part, 0) for part, end in self.end_offsets(stable=True).items())

    def wait_drained(self, group: str, seconds: float = 60) -> None:
        """Waits until the group has committed the end of every partition of the prefix."""
        def drained() -> bool:
            left = self.lag(group)
            assert not left, f"lag of group {group}: {left}"
            return True
        wait_until(drained, seconds, f"group {group} has committed everything", every=0.2)

    def members(self, group: str) -> int:
        """How many members the group has."""
        described = self.admin.describe_consumer_groups([group])[group].result(10)
        return len(described.members)

    def wait_empty(self, group: str) -> None:
        """Waits until the group has no members: only then its offsets can be moved."""
        wait_until(lambda: self.members(group) == 0, 30, f"group {group} has no members")

    def read(self, topic: str, seconds: float = 10) -> list[Any]:
        """Every record of a topic up to its present end."""
        ends = {part: end for part, end in self.end_offsets(topic).items() if end > 0}
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"{self.prefix}-reader",
                             "enable.auto.commit": False, "enable.partition.eof": False, "log_level": 2})
        messages: list[Any] = []
        try:
            consumer.assign([TopicPartition(t, p, 0) for t, p in ends])
            wanted = sum(ends.values())

            def more() -> bool:
                messages.extend(m for m in consumer.consume(1000, 0.2) if m.error() is None)
                return len(messages) >= wanted
            wait_until(more, seconds, f"all {wanted} records of {topic}", every=0.001)
        finally:
            consumer.close()
        return messages
