"""Who brings the changes into the table: sluice, or ClickHouse's own Kafka table engine with a materialized view."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine import DATABASE, Engine
from process import Child

BATCH_ROWS = 65536


@dataclass(frozen=True)
class Feed:
    """Where the changes are."""

    brokers: str
    topic: str
    kind: str  # json, json_schema
    group: str


class Sluice:
    """`sluice run` on the existing table."""

    version_type = "UInt128"
    lsn = "toUInt64(bitAnd(_version, toUInt128(bitShiftLeft(1::UInt64, 56) - 1)))"

    def __init__(self, program: Path, work: Path, collapse: bool = False, once: bool = False) -> None:
        self._program = program
        self._work = work
        self._collapse = collapse
        self._delivery = "exactly_once" if once else "at_least_once"
        self.name = "sluice-collapse" if collapse else "sluice-once" if once else "sluice"
        self.child: Child | None = None

    def start(self, engine: Engine, feed: Feed) -> None:
        """Writes the configuration and starts the worker."""
        config = {
            "name": feed.group,
            "kafka": {"bootstrap.servers": feed.brokers, "topics": [feed.topic]},
            "clickhouse": {"url": engine.url, "database": DATABASE},
            "delivery": self._delivery,
            "batch": {"max_rows": BATCH_ROWS, "max_age": "3s", "collapse": self._collapse},
            "http": {"listen": ""},
            "log": {"level": "debug"},
        }
        if feed.kind == "json":  # without a schema nothing else tells the unit of the numbers
            config["tables"] = {"source_types": ["public.customers.created_at=timestamp_us",
                                                 "public.customers.balance=decimal(2)"]}
        file = self._work / f"{feed.group}.yaml"
        file.write_text(json.dumps(config, indent=2) + "\n")
        self.child = Child([str(self._program), "run", "-c", str(file)], self._work / f"{feed.group}.log")

    def stop(self) -> None:
        """Ends the worker."""
        if self.child:
            self.child.stop()


class KafkaEngine:
    """Kafka table and materialized view in the engine itself, in the cheapest way found (docs/benchmarks.md)."""

    name = "kafka-engine"
    version_type = "UInt64"
    lsn = "_version"
    child = None

    _SETTINGS = (f"kafka_num_consumers = 1, kafka_max_block_size = {BATCH_ROWS}, "
                 f"kafka_poll_max_batch_size = {BATCH_ROWS}, kafka_flush_interval_ms = 7500")
    _ENVELOPE = ("Tuple(before Tuple(id Int64), after Tuple(id Int64, email Nullable(String), name Nullable(String), "
                 "profile Nullable(String), note Nullable(String), created_at Nullable(Int64), "
                 "balance Nullable(String), tags Nullable(String), active Nullable(Bool)), "
                 "source Tuple(lsn UInt64), op LowCardinality(String))")
    # What the queue reads: the text as it is, or the payload cut out of a record with schema.
    _QUEUE = {"json": ("message", "RawBLOB"), "json_schema": ("payload", "JSONEachRow")}
    # Connect writes a decimal as base64 of big-endian two's complement: turned round, and the sign moved to the top.
    _BALANCE = ("reinterpret(bitShiftRight(bitShiftLeft("
                "reinterpretAsInt64(reverse(base64Decode(row.balance) AS bytes)), "
                "8 * (8 - length(bytes)) AS shift), shift), 'Decimal(12, 2)')")

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def start(self, engine: Engine, feed: Feed) -> None:
        """Creates both; consuming begins with the view."""
        self._engine = engine
        column, format_name = self._QUEUE[feed.kind]
        engine.query(
            f"CREATE TABLE {DATABASE}.queue ({column} String) ENGINE = Kafka SETTINGS "
            f"kafka_broker_list = '{feed.brokers}', kafka_topic_list = '{feed.topic}', "
            f"kafka_group_name = '{feed.group}', kafka_format = '{format_name}', {self._SETTINGS}")
        engine.query(
            f"CREATE MATERIALIZED VIEW {DATABASE}.view TO {DATABASE}.customers AS "
            f"WITH JSONExtract({column}, '{self._ENVELOPE}') AS change, change.after AS row "
            "SELECT if(is_deleted, change.before.id, row.id) AS id, row.email AS email, row.name AS name, "
            "row.profile AS profile, row.note AS note, fromUnixTimestamp64Micro(row.created_at, 'UTC') AS created_at, "
            f"{self._BALANCE} AS balance, row.tags AS tags, row.active AS active, "
            f"change.source.lsn AS _version, change.op = 'd' AS is_deleted FROM {DATABASE}.queue")

    def stop(self) -> None:
        """An engine that ends while a Kafka table runs may crash at its exit."""
        assert self._engine
        self._engine.query(f"DROP TABLE IF EXISTS {DATABASE}.view SYNC")
        self._engine.query(f"DROP TABLE IF EXISTS {DATABASE}.queue SYNC")
