"""From PostgreSQL to ClickHouse in three encodings: a connector with a slot of its own and a worker for each."""

from __future__ import annotations

import contextlib
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import normal
from confluent_kafka import KafkaException
from sluice_stack import Stack, StackError
from sluice_testing.clickhouse import ClickHouse
from sluice_testing.source import Source
from sluice_testing.topics import Topics
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker
from tables import Table, avro_name

# Each encoding's converter, as sluice_stack names it.
CONVERTERS = {"schema": "json", "plain": "json-plain", "avro": "avro"}
# Its last row is the last record of a connector.
MARKER = "the_end"


@dataclass
class Encoding:
    """One way through Kafka: topics and database have the same name."""

    kind: str
    name: str
    clickhouse: ClickHouse
    topics: Topics
    worker: Worker | None = None


class Pipeline:
    """One database, and what copies it."""

    partitions = 3  # of every fifth table's topic

    def __init__(self, stack: Stack, folder: Path, tables: list[Table], encodings: list[str], seed: int) -> None:
        self.stack, self.folder, self.tables = stack, folder, tables
        self.name = f"d{seed}x{random.SystemRandom().getrandbits(24):06x}"
        self.source = Source(stack.service("postgres").url(), self.name)
        url = stack.service("clickhouse").url()
        admin = ClickHouse(url, "default")
        self.encodings = []
        for kind in encodings:
            name = self.name + kind[0]
            admin.execute(f"CREATE DATABASE `{name}`")
            self.encodings.append(Encoding(kind, name, ClickHouse(url, name), Topics(stack.kafka.address, name)))
        self._connectors: list[str] = []
        self._marked = 0  # position in the log

    def of(self, encoding: Encoding) -> list[Table]:
        """The tables that an encoding carries."""
        return [table for table in self.tables if table.avro or encoding.kind != "avro"]

    # Connectors

    def connect(self) -> None:
        """All connectors at once; back when they run."""
        with ThreadPoolExecutor(len(self.encodings)) as pool:
            list(pool.map(self._connect, self.encodings))

    def _connect(self, encoding: Encoding) -> None:
        more = {
            "poll__interval__ms": "20", "snapshot__fetch__size": "10240", "max__queue__size": "4096",
            "skipped__operations": "none", "heartbeat__interval__ms": "0",
            "topic__creation__default__partitions": "1", "topic__creation__default__replication__factor": "1",
            "topic__creation__groups": "several", "topic__creation__several__include": r".*[05]",
            "topic__creation__several__partitions": str(Pipeline.partitions), "topic__creation__several__replication__factor": "1",
        }
        if encoding.kind == "avro":
            more |= {"field__name__adjustment__mode": "avro", "schema__name__adjustment__mode": "avro"}
            left_out = [table.name for table in self.tables if not table.avro]
        else:
            left_out = []
        config = self.stack.connect.debezium(encoding.name, self.name, r"(public|lost)\..*", CONVERTERS[encoding.kind], **more)
        if left_out:
            del config["table.include.list"]
            config["table.exclude.list"] = ",".join("public\\." + re.sub(r"([^\w ])", r"\\\1", name) for name in left_out)
            config["schema.include.list"] = "public,lost"
        self._connectors.append(encoding.name)
        self.stack.create_connector(encoding.name, config)

    def wait_streaming(self, seconds: float) -> None:
        """Waits until every snapshot is over."""
        def streaming() -> bool:
            self._check_connectors()
            active = self.source.value("SELECT count(*) FROM pg_replication_slots WHERE active AND database = current_database()")
            return int(active) == len(self.encodings)
        wait_until(streaming, seconds, "the connectors stream", every=0.3)

    def _check_connectors(self) -> None:
        """A task that failed says so at once, and is no "not yet"."""
        for name in self._connectors:
            trace = self.stack.connect.failure(name)
            if trace:
                raise RuntimeError(f"connector {name} failed:\n{trace}")

    def mark(self) -> None:
        """Writes the last row."""
        self._marked = int(self.source.value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))
        self.source.execute(f"INSERT INTO {MARKER} SELECT coalesce(max(id), 0) + 1 FROM {MARKER}")

    def wait_delivered(self, encoding: Encoding, seconds: float) -> None:
        """Waits until Kafka has everything up to the marker's last row.

        The row itself may be there before others are: each partition has a queue of its own in the connector's producer.
        Connect records a position once the broker has acknowledged all before it.
        """
        def delivered() -> bool:
            self._check_connectors()
            recorded = self.stack.connect.position(encoding.name)
            return recorded is not None and int(recorded.get("lsn") or 0) >= self._marked
        wait_until(delivered, seconds, f"connector {encoding.name} has delivered everything", every=0.3)

    # Workers

    def rules(self, encoding: Encoding) -> list[dict[str, object]]:
        """tables.rules: what the tables' columns need."""
        found: list[dict[str, object]] = []
        for table in self.of(encoding):
            columns: dict[str, dict[str, str]] = {}
            for column in table.columns:
                name, settings = column.name, {}
                if encoding.kind == "avro" and avro_name(name) != name:
                    name, settings = avro_name(name), {"rename": column.name}
                if column.policy != normal.REJECT:
                    settings["on_out_of_range"] = column.policy
                if settings:
                    columns[name] = settings
            rule: dict[str, object] = {"match": f"^{encoding.name}\\.public\\.{_escaped(table.name)}$"}
            if columns:
                rule["columns"] = columns
            if table.key_kind == "none":
                rule["no_key"] = "position"
            if len(rule) > 1:
                found.append(rule)
        return found

    def hints(self, encoding: Encoding) -> list[str]:
        """tables.source_types: what records without schemas do not tell, and the target's column neither."""
        return [f"public.{table.name}.{column.name}={column.kind.hint}" for table in self.of(encoding)
                for column in table.columns if encoding.kind == "plain" and column.kind.hint]

    def work(self, encoding: Encoding, name: str = "worker", **more: object) -> Worker:
        """Starts a worker."""
        options: dict[str, object] = {
            "name": encoding.name,
            "kafka.bootstrap.servers": self.stack.kafka.address,
            "kafka.topics": [f"^{encoding.name}\\.public\\..*"],
            "kafka.topic.metadata.refresh.interval.ms": 2000,
            "clickhouse.url": encoding.clickhouse.url,
            "clickhouse.database": encoding.name,
            "clickhouse.ledger_path": f"/sluice_{encoding.name}",
            "delivery": "at_least_once",
            "batch.max_age": "1s",
            "retry.max": "1s",
            "http.listen": "127.0.0.1:0",
            "log.format": "json",
            "tables.rules": self.rules(encoding),
            "tables.source_types": self.hints(encoding),
        }
        if encoding.kind == "avro":
            options["registry.url"] = self.stack.service("registry").url() + "/apis/ccompat/v7"
        options |= {key.replace("__", "."): value for key, value in more.items()}
        encoding.worker = Worker(self.folder, f"{encoding.name}-{name}", {k: v for k, v in options.items() if v})
        return encoding.worker.start()

    def wait_written(self, encoding: Encoding, seconds: float) -> None:
        """Waits until the rows up to the ends of all partitions are durable, except those that the worker has stopped."""
        worker = encoding.worker
        assert worker is not None

        ends: dict[tuple[str, int], int] = {}

        def ended() -> bool:
            try:
                ends.update(encoding.topics.end_offsets())
            except KafkaException:
                return False
            return True

        def written() -> bool:
            if not worker.running():
                raise RuntimeError(f"worker {worker.name} ended with {worker.process and worker.process.returncode}:\n{worker.tail(20)}")
            there = worker.partitions()
            lag = {part: end for part, end in ends.items() if end and part[0].startswith(f"{encoding.name}.public.") and not (
                part in there and (there[part]["state"] == "stopped" or there[part]["durable"] >= end))}
            assert not lag, f"{len(lag)} partitions are behind: {list(lag)[:5]}"
            return True
        wait_until(ended, seconds, "the ends of all topics", every=0.3)
        wait_until(written, seconds, f"{worker.name} has written everything", every=0.3)

    def stops(self, encoding: Encoding) -> dict[str, str]:
        """Topics that the worker has stopped, and why."""
        assert encoding.worker is not None
        return {topic: found["error"] for (topic, _), found in encoding.worker.partitions().items() if found["state"] == "stopped"}

    def copy_tables(self, origin: Encoding, target: Encoding) -> None:
        """Makes in one database the tables that a worker made in the other: what records without schemas can't tell."""
        for name, statement in ((row["name"], row["create_table_query"]) for row in origin.clickhouse.rows(
                f"SELECT name, create_table_query FROM system.tables WHERE database = '{origin.name}' AND engine LIKE '%MergeTree'")):
            head = f"CREATE TABLE {origin.name}."
            assert statement.startswith(head), f"{name}: {statement}"
            # Its comment names the source: a table that was made for another one is refused.
            target.clickhouse.execute("CREATE TABLE " + statement[len(head):].replace(f"sluice: {origin.name}/", f"sluice: {target.name}/"))

    # The end

    def close(self, keep: bool = False) -> str:
        """Ends everything; what a sanitizer complained about."""
        reports = []
        for encoding in self.encodings:
            if encoding.worker is not None:
                if encoding.worker.running():
                    encoding.worker.terminate()
                reports.append(encoding.worker.sanitizer_reports())
        for name in self._connectors:
            with contextlib.suppress(StackError):
                self.stack.delete_connector(name)
        if not keep:
            self.source.drop()
            for encoding in self.encodings:
                with contextlib.suppress(OSError):
                    encoding.clickhouse.execute(f"DROP DATABASE IF EXISTS `{encoding.name}`")
                with contextlib.suppress(Exception):
                    encoding.topics.admin.delete_topics(encoding.topics.names())
        return "".join(reports)


def _escaped(text: str) -> str:
    """A text inside a POSIX extended regular expression."""
    return re.sub(r"([\\^$.|?*+()\[\]{}])", r"\\\1", text)


def prepare(source: Source, prelude: tuple[str, ...], tables: list[Table]) -> None:
    """Makes the source's types and tables, and the marker's."""
    source.execute(*prelude, f"CREATE TABLE {MARKER} (id integer PRIMARY KEY)", f"INSERT INTO {MARKER} VALUES (1)")
    with source.connection.transaction():
        for table in tables:
            for statement in table.create():
                source.connection.execute(statement)  # type: ignore[arg-type]

