"""A fresh clickhouse-embedded with an empty data folder, and the target table of the benchmark."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from process import Child, cpu_seconds
from sluice_testing.wait import wait_until

DATABASE = "bench"
COLUMNS = """id Int64, email Nullable(String), name Nullable(String), profile Nullable(String), note Nullable(String),
created_at Nullable(DateTime64(6, 'UTC')), balance Nullable(Decimal(12, 2)), tags Nullable(String),
active Nullable(Bool)"""


class Engine:
    """The process and its HTTP interface."""

    def __init__(self, program: Path, folder: Path, log: Path, zookeeper: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        host, _, port = zookeeper.partition(":")
        config = folder / "config.xml"
        config.write_text(f"<clickhouse><zookeeper><node><host>{host}</host><port>{port}</port></node></zookeeper>"
                          "<keeper_map_path_prefix>/sluice/bench</keeper_map_path_prefix></clickhouse>\n")
        self.child = Child([str(program), "--listen", f"127.0.0.1:{self.port}", "--path", str(folder / "data"),
                            "--config-file", str(config)], log)

    def wait(self, seconds: float = 60.0) -> None:
        """Until it answers."""
        def answers() -> bytes:
            self.child.check()
            return self.query("SELECT 1")

        wait_until(answers, seconds, "clickhouse-embedded answers")

    def query(self, sql: str, **settings: str) -> bytes:
        """The body of the answer."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            link.request("POST", f"/?{urlencode(settings)}", sql.encode())
            answer = link.getresponse()
            body = answer.read()
        finally:
            link.close()
        if answer.status != 200:
            raise SystemExit(f"bench: {sql}\n{body.decode(errors='replace')}")
        return body

    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self.child.pid)

    def make_table(self, version_type: str) -> None:
        """The target: the same columns and settings on every side; only the version has the type the side gives it."""
        self.query(f"CREATE DATABASE {DATABASE}")
        self.query(f"CREATE TABLE {DATABASE}.customers ({COLUMNS}, _version {version_type}, is_deleted UInt8) "
                   "ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id "
                   "SETTINGS non_replicated_deduplication_window = 10000")

    def idle_rate(self, seconds: float = 5.0) -> float:
        """CPU seconds per second that the engine takes when nothing is asked of it, once it takes no less and less."""
        last = float("inf")

        def is_steady() -> bool:
            nonlocal last
            before, last = last, self._sample(0.5)
            return before - last < 0.05

        wait_until(is_steady, 60, "the engine comes to rest after its start")
        return self._sample(seconds)

    def _sample(self, seconds: float) -> float:
        """CPU seconds per second over an interval, in which there is nothing to wait for but its end."""
        before, began = self.cpu(), time.monotonic()
        time.sleep(seconds)
        return (self.cpu() - before) / (time.monotonic() - began)

    def merging(self) -> bool:
        """Whether parts are being merged."""
        return self.query("SELECT count() FROM system.merges").strip() != b"0"

    def content(self, lsn: str) -> bytes:
        """All cells of the living rows by key, with the lsn of the change that wrote the row."""
        columns = "id, email, name, profile, note, created_at, balance, tags, active"
        return self.query(f"SELECT {columns}, {lsn} FROM {DATABASE}.customers FINAL ORDER BY id FORMAT TabSeparated",
                          output_format_decimal_trailing_zeros="1")


@contextlib.contextmanager
def fresh_engine(program: Path, work: Path, name: str, zookeeper: str) -> Iterator[Engine]:
    """Started on an empty folder, which is gone afterwards; the log stays."""
    folder = work / f"engine-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    engine = Engine(program, folder, work / f"engine-{name}.log", zookeeper)
    try:
        engine.wait()
        yield engine
    finally:
        engine.child.stop()
        shutil.rmtree(folder, ignore_errors=True)
