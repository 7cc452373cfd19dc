"""Everything one test works with, under names of its own, and taken away again at its end."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
from pathlib import Path
from typing import Any

from sluice_stack import Stack, StackError

from .clickhouse import ClickHouse
from .compare import compare_table
from .source import Source
from .topics import Topics
from .wait import wait_until
from .worker import Worker, nested

_NUMBER = itertools.count(1)


class Scene:
    """One test's database, topics, ClickHouse database, group, connectors and workers."""

    def __init__(self, stack: Stack, folder: Path, test: str, alone: bool = True) -> None:
        """`alone`: no other scene works with the stack meanwhile."""
        word = re.sub(r"[^a-z0-9]", "", test.lower().removeprefix("test_"))[:20]
        # Also distinct from earlier runs on a stack that was kept.
        self.name = f"{word}{next(_NUMBER)}x{random.SystemRandom().getrandbits(24):06x}"
        self.stack = stack
        self.folder = folder
        self._alone = alone
        self.topics = Topics(stack.kafka.address, self.name)
        self.clickhouse = ClickHouse(stack.service("clickhouse").url(), self.name)
        admin = ClickHouse(self.clickhouse.url, "default")
        admin.execute(f"CREATE DATABASE `{self.name}`")
        self.workers: list[Worker] = []
        self._source: Source | None = None
        self._connectors: list[str] = []
        # A folder's log is long: a failed test shows what was added since its start.
        self._log_starts = {row["service"]: self._log_size(row["service"]) for row in stack.status()}

    # Parts

    @property
    def source(self) -> Source:
        """The PostgreSQL database, made at first use."""
        if self._source is None:
            self._source = Source(self.stack.service("postgres").url(), self.name)
        return self._source

    def topic(self, table: str, schema: str = "public") -> str:
        """The topic of a table."""
        return f"{self.name}.{schema}.{table}"

    def connector(self, tables: str, converter: str = "json", name: str | None = None, **more: str) -> str:
        """Starts a Debezium connector on tables (comma-separated, schema public if none is told)."""
        listed = ",".join(t if "." in t else f"public.{t}" for t in tables.split(","))
        name = name or self.name
        config = self.stack.connect.debezium(self.name, self.source.database, listed, converter,
                                             **{"snapshot__fetch__size": "10240", "poll__interval__ms": "50", **more})
        self._connectors.append(name)
        self.stack.create_connector(name, config)
        return name

    def wait_streaming(self, seconds: float = 60) -> None:
        """Waits until the connector streams: its slot is in use, so the snapshot is over."""
        wait_until(lambda: self.source.value("SELECT count(*) FROM pg_replication_slots WHERE active "
                                             "AND database = current_database()"), seconds, "the connector streams")

    def wait_offset_recorded(self, seconds: float = 30) -> None:
        """Waits until Connect has recorded a streaming position.

        A connector that starts again without one takes a second snapshot, and rows deleted meanwhile stay in the sink.
        """
        def recorded() -> bool:
            position = self.stack.connect.position(self.name)
            assert position and "lsn_commit" in position and not position.get("snapshot"), position
            return True
        wait_until(recorded, seconds, "Connect has recorded a position", every=0.2)

    def options(self, **more: Any) -> dict[str, Any]:
        """A worker's options; in `more` a dot is written as two underscores."""
        base: dict[str, Any] = {
            "name": self.name,
            "kafka.bootstrap.servers": self.topics.bootstrap,
            "kafka.topics": [f"^{self.name}\\..*"],
            "kafka.session.timeout.ms": 6000,
            "kafka.heartbeat.interval.ms": 500,
            "kafka.topic.metadata.refresh.interval.ms": 1000,
            "clickhouse.url": self.clickhouse.url,
            "clickhouse.database": self.name,
            "clickhouse.ledger_path": f"/sluice_{self.name}",
            "delivery": "at_least_once",
            "batch.max_age": "100ms",
            "retry.max": "1s",
            "http.listen": "127.0.0.1:0",
            "log.format": "json",
            "log.level": "debug",
        }
        changed = base | {key.replace("__", "."): value for key, value in more.items()}
        return {key: value for key, value in changed.items() if value is not None}

    def worker(self, name: str = "worker", **more: Any) -> Worker:
        """A worker that is not started yet."""
        made = Worker(self.folder, name, self.options(**more))
        self.workers.append(made)
        return made

    def run(self, name: str = "worker", **more: Any) -> Worker:
        """A worker that consumes."""
        return self.worker(name, **more).start()

    def config_file(self, **more: Any) -> Path:
        """A configuration without a worker."""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(nested(self.options(**more)), indent=2))
        return path

    # Looking

    def differences(self, tables: str, schema: str = "public") -> str:
        """What differs between PostgreSQL and ClickHouse, empty if nothing does."""
        found = []
        for table in tables.split(","):
            key = [row[0] for row in self.source.query(
                """SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(attnum, at)
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                   WHERE i.indrelid = to_regclass(%s) AND i.indisprimary ORDER BY k.at""", f'{schema}."{table}"')]
            if not self.clickhouse.has_table(table):
                found.append(f"ClickHouse has no table {table} yet")
                continue
            difference = compare_table(self.source.url, f"{schema}.{table}", self.clickhouse.url, self.name, table, key)
            if difference is not None:
                found.append(str(difference))
        return "\n".join(found)

    def wait_equal(self, tables: str, seconds: float = 60) -> None:
        """Waits until every cell is equal. The load must have ended."""
        counts = {table: int(self.source.value(f'SELECT count(*) FROM "{table}"')) for table in tables.split(",")}

        def equal() -> bool:
            for table, count in counts.items():
                found = self.clickhouse.count(table)
                assert found == count, f"{table}: {count} rows in PostgreSQL, {found} in ClickHouse"
            different = self.differences(tables)
            assert not different, different
            return True
        wait_until(equal, seconds, f"{tables} are equal", every=0.3)

    def wait_drained(self, seconds: float = 60) -> None:
        """Waits until the group has committed everything there is in the topics."""
        self.topics.wait_drained(self.name, seconds)

    def move_offset(self, topic: str, partition: int, offset: int) -> None:
        """What an operator does after a bad record: Kafka's own tool, with the group at rest."""
        self.reset_offsets("--topic", f"{topic}:{partition}", "--to-offset", str(offset))

    def reset_offsets(self, *how: str) -> None:
        """Kafka's own tool, once the group has no members."""
        self.topics.wait_empty(self.name)
        done = self.stack.kafka_tool("groups", "--group", self.name, "--reset-offsets", *how, "--execute")
        assert done.returncode == 0 and "Error" not in done.stdout, done.stdout + done.stderr

    # The end

    def close(self) -> None:
        """Ends and removes everything; then fails if a sanitizer complained about a worker."""
        for worker in self.workers:
            worker.kill9()
        for connector in dict.fromkeys(self._connectors):
            with contextlib.suppress(StackError):
                self.stack.delete_connector(connector)
        if not os.environ.get("SLUICE_TEST_KEEP"):
            if self._source is not None:
                self._source.drop()
            with contextlib.suppress(OSError):
                if self._alone:
                    self.clickhouse.clear_faults()
                ClickHouse(self.clickhouse.url, "default").execute(f"DROP DATABASE IF EXISTS `{self.name}`")
            with contextlib.suppress(Exception):
                self.topics.admin.delete_topics(self.topics.names())
        for worker in self.workers:
            report = worker.sanitizer_reports()
            assert not report, f"worker {worker.name}: {report}"

    def _log_size(self, service: str) -> int:
        path = self.stack.service(service).process.log
        return path.stat().st_size if path.exists() else 0

    def logs(self) -> list[tuple[str, str]]:
        """Title and end of each log, for the report of a failed test."""
        found = [(f"log of worker {worker.name} ({worker.log})", worker.tail(60)) for worker in self.workers]
        for service, start in self._log_starts.items():
            path = self.stack.service(service).process.log
            if path.exists():
                with path.open("rb") as log:
                    log.seek(max(start, path.stat().st_size - 200_000))
                    lines = log.read().decode(errors="replace").splitlines()
                # The Java services tell much at INFO that says nothing about a failed test.
                added = "\n".join([line for line in lines if " INFO " not in line][-40:])
                if added:
                    found.append((f"log of {service} ({path})", added))
        return found
