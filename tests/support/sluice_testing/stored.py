"""Rows per offset: the topic itself says what has to be stored, a table in mode log shows what is.

Every data event of a topic is one row of its target, known by _topic, _partition and _offset. Control records, aborted
transactions, tombstones and records without rows (heartbeats, truncates) are none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import OffsetSpec

from .clickhouse import ClickHouse
from .topics import Topics
from .wait import wait_until

Offset = tuple[str, int, int]  # topic, partition, offset


def records(topics: Topics, *names: str) -> list[Any]:
    """Every committed record of these topics between their present beginning and end."""
    listed = topics.admin.list_topics(timeout=10).topics
    parts = [TopicPartition(name, number) for name in names for number in listed[name].partitions]
    begins = topics.admin.list_offsets({part: OffsetSpec.earliest() for part in parts})
    open_parts = [TopicPartition(p.topic, p.partition, future.result(10).offset) for p, future in begins.items()]
    consumer = Consumer({"bootstrap.servers": topics.bootstrap, "group.id": f"{topics.prefix}-oracle",
                         "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 2,
                         "isolation.level": "read_committed"})
    found, ended = [], set()

    def more() -> bool:
        for message in consumer.consume(1000, 0.2):
            if message.error() is None:
                found.append(message)
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                ended.add((message.topic(), message.partition()))
        return len(ended) == len(open_parts)

    try:
        consumer.assign(open_parts)
        wait_until(more, 20, f"the ends of {names}", every=0.001)
    finally:
        consumer.close()
    return found


def _is_data(message: Any) -> bool:
    if message.value() is None:
        return False
    value = json.loads(message.value())
    return value.get("payload", value).get("op") in ("c", "u", "d", "r")


def data_offsets(topics: Topics, *names: str) -> set[Offset]:
    """The offsets of every data event of these topics that is still there."""
    return {(m.topic(), m.partition(), m.offset()) for m in records(topics, *names) if _is_data(m)}


def stored_offsets(clickhouse: ClickHouse, *tables: str) -> Counter[Offset]:
    """How many rows stand for each offset, all tables together."""
    found: Counter[Offset] = Counter()
    for table in tables:
        for row in clickhouse.rows(f"SELECT _topic, _partition, _offset, count() AS n FROM `{table}` "
                                   "GROUP BY _topic, _partition, _offset"):
            found[row["_topic"], row["_partition"], row["_offset"]] += row["n"]
    return found


def difference(wanted: Iterable[Offset] | Counter[Offset], found: Counter[Offset]) -> str:
    """Which offsets have another number of rows than they should; empty if none has."""
    wanted = Counter(wanted)
    wrong = [f"{topic}[{partition}]@{offset}: {found[topic, partition, offset]} rows instead of "
             f"{wanted[topic, partition, offset]}"
             for topic, partition, offset in sorted(wanted.keys() | found.keys())
             if found[topic, partition, offset] != wanted[topic, partition, offset]]
    return "\n".join(wrong[:20] + ([f"... {len(wrong)} in all"] if len(wrong) > 20 else []))


def check_each_once(topics: Topics, clickhouse: ClickHouse, names: Iterable[str], tables: Iterable[str],
                    more: Iterable[Offset] = ()) -> None:
    """Every data event of the topics has one row, and one more for each time it is named in `more`."""
    wanted = Counter(data_offsets(topics, *names))
    assert wanted, "no data events: nothing would be shown"
    wanted.update(more)
    different = difference(wanted, stored_offsets(clickhouse, *tables))
    assert not different, different


def wait_stored(clickhouse: ClickHouse, table: str, rows: int, seconds: float = 30) -> None:
    """Waits until a table has at least so many rows."""
    def enough() -> bool:
        assert clickhouse.has_table(table), f"no table {table} yet"
        found = int(clickhouse.value(f"SELECT count() FROM `{table}`"))
        assert found >= rows, f"{found} rows in {table}"
        return True
    wait_until(enough, seconds, f"{rows} rows in {table}")
