"""A source whose history goes back: a base backup is taken, more is written, and the backup takes the server's place."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sluice_stack import layout
from sluice_testing.records import Table, envelope
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until


def _as_postgres() -> dict[str, object]:
    """PostgreSQL's programs refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid}


class Backup:
    """A copy of the whole server as it was, that can be started in its place."""

    def __init__(self, scene: Scene) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sluice-backup-", dir="/var/tmp"))
        self._data = self._folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._database = scene.source.database
        self._server: subprocess.Popen[bytes] | None = None
        self._log = self._folder / "log"
        url = scene.stack.service("postgres").url()
        done = subprocess.run([str(layout.POSTGRES_BIN / "pg_basebackup"), "-D", str(self._data), "-d", url, "-c", "fast",
                               "-X", "stream", "--no-sync"], capture_output=True, text=True, check=False, cwd="/",
                              timeout=120, **_as_postgres())  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"port = {self.port}\n")

    @property
    def url(self) -> str:
        """The database in the copy."""
        return f"postgresql://postgres:postgres@127.0.0.1:{self.port}/{self._database}"

    def start(self) -> None:
        """The copy becomes a server."""
        with self._log.open("wb") as log:
            self._server = subprocess.Popen([str(layout.POSTGRES_BIN / "postgres"), "-D", str(self._data)], stdout=log,
                                            stderr=log, cwd="/", **_as_postgres())  # type: ignore[call-overload]
        wait_until(self._answers, 60, "the restored server answers")

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=2):
            return True
        return False

    def remove(self) -> None:
        """Ends the server."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(60)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def _backup(scene: Scene) -> Iterator[Backup]:
    made = Backup(scene)
    try:
        yield made
    finally:
        made.remove()


def test_case_40_restored_from_a_base_backup(scene: Scene) -> None:
    """What is changed after the restore is right though its positions are lower; what only the lost history had stays
    until somebody removes it. With version.on_new_history: stop the worker says so first."""
    scene.source.execute("CREATE TABLE back (id int PRIMARY KEY, v text)",
                         "INSERT INTO back SELECT i, 'kept' FROM generate_series(1, 10) i")
    worker = scene.run(version__on_new_history="stop", version__clock_slack="0s")
    scene.connector("back")
    scene.wait_equal("back")
    scene.wait_streaming()
    with _backup(scene) as backup:
        for _ in range(3):
            scene.source.execute("UPDATE back SET v = 'lost' WHERE id <= 5", "SELECT pg_switch_wal()")
        scene.source.execute("INSERT INTO back VALUES (100, 'ghost')", "UPDATE back SET v = 'lost' WHERE id <= 5")
        scene.wait_equal("back")
        scene.stack.delete_connector(scene.name)
        backup.start()
        scene.connector("back", name=f"{scene.name}-restored", database__port=str(backup.port), snapshot__mode="no_data",
                        slot__name=f"{scene.name}_restored")
        with psycopg.connect(backup.url, autocommit=True) as restored:
            wait_until(lambda: restored.execute("SELECT count(*) FROM pg_replication_slots WHERE active").fetchone()
                       == (1,), 60, "the connector streams from the restored server")
            restored.execute("UPDATE back SET v = 'new' WHERE id IN (1, 2)")
            restored.execute("DELETE FROM back WHERE id = 3")
            restored.execute("INSERT INTO back VALUES (50, 'new')")
        stopped = worker.wait_event("partition_stopped", 60)
        assert "new_history" in stopped["error"] and "version.on_new_history" in stopped["error"], stopped
        assert worker.terminate() == 1
        worker.options["version.on_new_history"] = "new_generation"
        worker.start()
        want = [(1, "new"), (2, "new"), (4, "lost"), (5, "lost"), *((i, "kept") for i in range(6, 11)), (50, "new"),
                (100, "ghost")]
        wait_until(lambda: [(row["id"], row["v"]) for row in scene.clickhouse.final("back", "id, v")] == want, 60,
                   f"{want}")
        scene.wait_drained()
        # A replay of the whole topic passes the same point and ends the same.
        worker.kill9()
        scene.reset_offsets("--all-topics", "--to-earliest")
        worker.start()
        scene.wait_drained(90)
        assert [(row["id"], row["v"]) for row in scene.clickhouse.final("back", "id, v")] == want
        scene.stack.delete_connector(f"{scene.name}-restored")
    assert worker.terminate() == 0


def test_case_40_history_unclear(scene: Scene) -> None:
    """Constructed: a position falls at a time that lies above the last one by less than version.clock_slack."""
    table = Table(scene.name, "unclear")
    scene.topics.create(table.topic)

    def put(lsn: int, name: str, later_us: int) -> tuple[bytes, bytes]:
        made = envelope(scene.name, "unclear", "u", lsn, after={"id": 1, "name": name, "n": 1})
        made["source"] |= {"ts_us": 1760000000000000 + later_us, "ts_ms": 1760000000000 + later_us // 1000}
        return table.key(1), table.wrap(made)

    scene.topics.produce_many(table.topic, [put(5000, "before", 0), put(4000, "again", -1000), put(3000, "after", 2000)])
    worker = scene.run()
    stopped = worker.wait_event("partition_stopped", 60, offset=2)
    assert "history_unclear" in stopped["error"] and "version.clock_slack" in stopped["error"], stopped
    wait_until(lambda: scene.clickhouse.final("unclear", "name") == [{"name": "before"}], 30, "what came before")
    assert worker.terminate() == 1
    worker.options["version.clock_slack"] = "0s"
    worker.start()
    wait_until(lambda: scene.clickhouse.final("unclear", "name") == [{"name": "after"}], 60, "the new history wins")
    assert worker.terminate() == 0
