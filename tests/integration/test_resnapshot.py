"""`sluice resnapshot` with a real connector: each way to ask for a snapshot, and each way in which none comes.

One connector and one worker serve all tests of the file but the last; each has tables of its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sluice_stack import Stack
from sluice_testing.programs import sluice
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

TABLES = "busy,part,block,nokey,signals"
N_BUSY = 4000


class Shop:
    """A source with a connector that listens on both channels, and a worker."""

    def __init__(self, scene: Scene, tables: str = TABLES, converter: str = "json", **options: Any) -> None:
        self.scene = scene
        self.signal_topic = f"{scene.name}-signal"
        self.notices = f"{scene.name}.notices"
        self.options = {"kafka__topics": [f"^{scene.name}\\..*"], "delivery": "exactly_once",
                        "connector__notification_topic": self.notices, "connector__signal_table": "public.signals",
                        "tables__rules": [{"match": r"\.nokey$", "no_key": "position"}], **options}
        scene.topics.create(self.signal_topic, self.notices)
        scene.topics.create(scene.topic("busy"), partitions=3)
        scene.source.execute("CREATE TABLE signals (id text PRIMARY KEY, type text, data text)")
        for table in (name for name in tables.split(",") if name != "signals"):
            key = "" if table == "nokey" else " PRIMARY KEY"
            rows = N_BUSY if table == "busy" else 300
            scene.source.execute(f"CREATE TABLE {table} (id int{key}, v text)",
                                 f"INSERT INTO {table} SELECT i, 'v' || i FROM generate_series(1, {rows}) i")
        self.worker = scene.run(**self.options)
        scene.connector(tables, converter, signal__enabled__channels="source,kafka",
                        signal__kafka__topic=self.signal_topic,
                        signal__kafka__bootstrap__servers=scene.topics.bootstrap,
                        signal__data__collection="public.signals", signal__poll__interval__ms="500",
                        notification__enabled__channels="sink", notification__sink__topic__name=self.notices,
                        incremental__snapshot__chunk__size="400")
        for table in (name for name in tables.split(",") if name != "signals"):
            wait_until(lambda t=table: scene.clickhouse.count(t) == scene.source.value(f"SELECT count(*) FROM {t}"), 60, table)
        scene.wait_streaming()

    def ask(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`sluice resnapshot ...` to its end."""
        config = str(self.scene.config_file(**{**self.options, **options}))
        return run_sluice("resnapshot", *words, "-c", config, seconds=120, SLUICE_POSTGRES=self.scene.source.url)

    def done(self, *words: str) -> dict[str, Any]:
        """What it prints as JSON when it works."""
        done = self.ask(*words, "--execute", "--output", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(done.stdout)
        assert result["outcome"] == "done" and result["signal_id"] in done.stderr, done.stderr
        return result

    def ids(self, table: str) -> list[int]:
        """Keys of the rows that are there."""
        return [row["id"] for row in self.scene.clickhouse.final(table, "id")]


@pytest.fixture(scope="module")
def shop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One connector for the file."""
    scene = Scene(stack, tmp_path_factory.mktemp("resnapshot"), "resnapshot")
    yield Shop(scene)
    scene.close()


def test_says_what_it_will_do(shop: Shop) -> None:
    """Nothing is sent without --execute."""
    before = shop.scene.topics.end_offsets(shop.signal_topic, shop.notices)
    said = shop.ask("public.part", "--where", "id > 7")
    assert said.returncode == 0, said.stderr
    for part in (f'public.part, of connector "{shop.scene.name}"', f"{shop.scene.topic('part')}, 1 partition\n",
                 "incremental, rows where id > 7", f"a record in {shop.signal_topic}, key {shop.scene.name}",
                 f"{shop.scene.name}, 1 member\n", "Nothing was asked for; --execute does it."):
        assert part in said.stdout, said.stdout
    said = shop.ask(shop.scene.topic("nokey"), "--type", "blocking", "--signal", "table", "--dry-run", "--output", "json")
    assert said.returncode == 0, said.stderr
    plan = json.loads(said.stdout)
    assert (plan["outcome"], plan["type"], plan["signal_place"], plan["signal_id"]) == ("planned", "blocking", "public.signals", None)
    assert shop.scene.topics.end_offsets(shop.signal_topic, shop.notices) == before
    assert shop.scene.source.value("SELECT count(*) FROM signals") == 0


class Load(threading.Thread):
    """Changes, inserts and deletes among the first half of `busy`, until it is told to end."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(daemon=True)
        self._scene = scene
        self._end = threading.Event()
        self.rounds = 0

    def run(self) -> None:
        with self._scene.source.connect() as connection:
            while not self._end.wait(0.02):
                i = self.rounds
                connection.execute("UPDATE busy SET v = %s WHERE id %% 200 = %s AND id <= %s", (f"u{i}", i % 200, N_BUSY // 2))
                connection.execute("DELETE FROM busy WHERE id = %s", (1 + i * 7 % (N_BUSY // 2),))
                connection.execute("INSERT INTO busy VALUES (%s, 'new')", (N_BUSY + 1 + i,))
                self.rounds += 1

    def stop(self) -> None:
        """Waits for its end."""
        self._end.set()
        self.join(30)


def test_truncated_target_while_updates_flow(shop: Shop) -> None:
    """When the command ends, every row that was read is visible; in the end all is equal, and no deleted row is back."""
    load = Load(shop.scene)
    load.start()
    try:
        wait_until(lambda: load.rounds > 20, 30, "changes flow")
        shop.scene.clickhouse.execute("TRUNCATE TABLE busy")
        result = shop.done("public.busy")
        assert len([i for i in shop.ids("busy") if N_BUSY // 2 < i <= N_BUSY]) == N_BUSY // 2, result
        assert 0 < result["rows_read"] <= result["rows_scanned"] and result["partitions"] == 3, result
        rounds = load.rounds
        wait_until(lambda: load.rounds > rounds + 20, 30, "changes flow behind the snapshot")
    finally:
        load.stop()
    shop.scene.wait_equal("busy")
    deleted = {1 + i * 7 % (N_BUSY // 2) for i in range(load.rounds)}
    assert len(deleted) > 40 and not deleted & set(shop.ids("busy"))


def test_some_rows(shop: Shop) -> None:
    """A condition, by the topic and by the signalling table; one that no row meets."""
    shop.scene.clickhouse.execute("TRUNCATE TABLE part")
    result = shop.done("public.part", "--where", "id <= 100 AND v <> 'v7'")
    assert result["rows_read"] == result["rows_scanned"] == 99 and len(shop.ids("part")) == 99, result
    assert shop.done("public.part", "--where", "id < 0")["rows_read"] == 0
    result = shop.done("public.part", "--where", "v = 'v7' OR id > 250", "--signal", "table")
    assert shop.ids("part") == [*range(1, 101), *range(251, 301)], result
    assert shop.scene.source.value("SELECT type FROM signals WHERE id = %s", result["signal_id"]) == "execute-snapshot"
    result = shop.done("public.part", "--surrogate-key", "id")
    assert result["rows_read"] == 300 and len(shop.ids("part")) == 300, result


def test_blocking(shop: Shop) -> None:
    """At once, with a condition, and of a table without a key, whose rows are then there twice."""
    shop.scene.clickhouse.execute("TRUNCATE TABLE block")
    result = shop.done("public.block", "--type", "blocking", "--where", "id > 200 OR v = 'v1'")
    assert shop.ids("block") == [1, *range(201, 301)] and result["rows_scanned"] == 101, result
    assert shop.done("public.block", "--type", "blocking")["rows_read"] == 300
    assert shop.ids("block") == list(range(1, 301))
    shop.scene.source.execute("UPDATE block SET v = 'behind' WHERE id = 5")
    assert shop.done("public.nokey", "--type", "blocking")["rows_read"] == 300
    assert shop.scene.clickhouse.value("SELECT count() FROM nokey") == 600
    shop.scene.wait_equal("block")


def test_connector_refuses(shop: Shop) -> None:
    """What PostgreSQL does not understand: told, and the connector goes on."""
    for kind in ("incremental", "blocking"):
        failed = shop.ask("public.part", "--type", kind, "--where", "there is no such column", "--execute", "--output", "json")
        assert failed.returncode == 1, failed.stdout + failed.stderr
        assert json.loads(failed.stdout)["outcome"] == "failed" and "is --where right" in failed.stderr, failed.stderr
    assert shop.done("public.part", "--where", "id = 1")["rows_read"] == 1


def test_nobody_answers(shop: Shop) -> None:
    """A connector that does not listen, or whose notifications go elsewhere; then a worker that does not run."""
    shop.scene.topics.create(f"{shop.scene.name}-nobody")
    for option in ("connector__signal_topic", "connector__notification_topic"):
        silent = shop.ask("public.part", "--execute", "--timeout", "2s", **{option: f"{shop.scene.name}-nobody"})
        assert silent.returncode == 5, silent.stdout + silent.stderr
        assert "did not answer within 2 s" in silent.stderr and "signal.enabled.channels" in silent.stderr, silent.stderr
    shop.scene.wait_drained()
    assert shop.worker.terminate() == 0
    shop.scene.topics.wait_empty(shop.scene.name)
    shop.scene.clickhouse.execute("TRUNCATE TABLE part")
    silent = shop.ask("public.part", "--execute", "--timeout", "3s")
    assert silent.returncode == 5 and "0 members; start a worker" in silent.stdout, silent.stdout + silent.stderr
    assert "has committed nothing for 3 s" in silent.stderr and "does a worker run?" in silent.stderr, silent.stderr
    shop.worker.start()
    shop.scene.wait_equal("part")


def test_wrong_usage(shop: Shop) -> None:
    """Before anything is sent: exit code 2, with the remedy."""
    name = shop.scene.name
    cases: list[tuple[list[str], dict[str, Any], str]] = [
        (["public.prat"], {}, "no topic of kafka.topics is"),
        ([f"{name}.public.prat"], {}, f"did you mean {name}.public.part"),
        (["public.nokey"], {}, "has no key"),
        (["public.part", "--type", "blocking", "--surrogate-key", "id"], {}, "is for incremental snapshots"),
        (["public.part"], {"connector__notification_topic": None}, "connector.notification_topic is not set"),
        (["public.part"], {"connector__notification_topic": f"{name}.none"}, "is not there"),
        (["public.part"], {"connector__signal_topic": f"{name}-none"}, "signal.kafka.topic"),
        (["public.part"], {"connector__signal_topic": shop.notices}, "kafka.topics matches the signal topic"),
        (["public.part", "--signal", "table"], {"connector__signal_table": None}, "needs connector.signal_table"),
        (["public.part", "--signal", "table", "--postgres-file", "/dev/null"], {}, "there is nothing in it"),
    ]
    for words, options, text in cases:
        wrong = shop.ask(*words, "--execute", **options)
        assert wrong.returncode == 2 and text in wrong.stderr, (words, wrong.stdout + wrong.stderr)
    refused = shop.ask("public.part", "--signal", "table", "--execute", connector__signal_table="public.none")
    assert refused.returncode == 1 and 'relation "public.none" does not exist' in refused.stderr, refused.stderr
    away = shop.ask("public.part", "--signal", "table", "--execute", "--postgres", "postgresql://127.0.0.1:1/x")
    assert away.returncode == 1 and "connect to PostgreSQL" in away.stderr, away.stderr


def test_progress_on_a_terminal(shop: Shop) -> None:
    """A bar with share and rows (a short snapshot ends before there is a rate), no line wider than the terminal; the facts
    go to standard output."""
    config = str(shop.scene.config_file(**shop.options))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    command = [str(sluice()), "resnapshot", "public.busy", "-c", config, "--execute"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave, text=True) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux: the other end was closed
                break
            shown += part
        os.close(master)
        said = process.communicate(timeout=60)[0]
        assert process.returncode == 0, shown
    lines = shown.decode().replace("\r\n", "\n").replace("\n", "\r").split("\r")
    assert any("the snapshot is asked for" in line for line in lines) and "the connector has begun" in lines, lines
    bars = [line for line in lines if line.startswith("reading")]
    assert bars and any(" rows" in line for line in bars) and any("#" in line for line in bars), lines
    assert max(map(len, bars)) < 70, lines
    assert "rows were read in" in said and "are visible in ClickHouse" in said, said


def test_avro(scene: Scene) -> None:
    """Notifications and rows in Avro; at-least-once delivery."""
    scene.stack.up(["registry"])
    shop = Shop(scene, "small,signals", "avro", delivery="at_least_once", tables__rules=None,
                registry__url=f"{scene.stack.service('registry').url()}/apis/ccompat/v7")
    scene.clickhouse.execute("TRUNCATE TABLE small")
    assert shop.done("public.small")["rows_read"] == 300
    scene.wait_equal("small")
    assert shop.worker.terminate() == 0
