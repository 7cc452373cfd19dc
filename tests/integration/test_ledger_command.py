"""`sluice ledger show|repair` on the real services: what it says about rows and marks, and what a repair leaves behind.

The rows are made by repairs and changed by hand, as a restored Keeper, an expired topic or an operator leaves them.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from sluice_testing.once import OPTIONS_AT_REST, Once
from sluice_testing.programs import sluice
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

LEDGERS = ["keeper_map", "kafka"]


class Desk:
    """An operator's view of one topic with two partitions and 100 records in each."""

    def __init__(self, scene: Scene, make: bool = True, **options: Any) -> None:
        self.scene = scene
        self.topic = scene.topic("t")
        self.options: dict[str, Any] = {"delivery": "exactly_once", "kafka__topics": [self.topic], **options}
        if not make:
            return
        scene.topics.create(self.topic, partitions=2)
        for partition in (0, 1):
            scene.topics.produce_many(self.topic, [(str(i), f"{i}") for i in range(100)], partition)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`sluice ledger ...` to its end."""
        config = str(self.scene.config_file(**self.options))
        return run_sluice("ledger", arguments[0], "-c", config, *arguments[1:])

    def show(self) -> list[dict[str, Any]]:
        """Both partitions."""
        done = self.run("show", "--output", "json")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert [(row["topic"], row["partition"]) for row in rows] == [(self.topic, 0), (self.topic, 1)], rows
        return rows

    def repair(self, *arguments: str, partition: int | None = 0) -> str:
        """A repair that works."""
        where = ["--all"] if partition is None else ["--topic", self.topic, "--partition", str(partition)]
        done = self.run("repair", *where, *arguments, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rewrite(self, change: str) -> None:
        """Changes the ledger's rows behind everybody's back: an expression over `state`, for the open range."""
        self.scene.clickhouse.execute(f"ALTER TABLE sluice_ledger UPDATE state = {change} WHERE 1")

    def delete_records(self, partition: int, before: int) -> None:
        """What retention does."""
        for future in self.scene.topics.admin.delete_records([TopicPartition(self.topic, partition, before)]).values():
            future.result(20)


@pytest.mark.parametrize("ledger", LEDGERS)
def test_from_nothing_to_repaired(scene: Scene, ledger: str) -> None:
    """Nothing yet; a repair to an offset; its row and mark agree, in the other partition nothing changed."""
    desk = Desk(scene, ledger=ledger)
    for row in desk.show():
        assert not row["has_row"] and row["committed"] == -1 and row["mark"] == "none", row
        assert row["start"] == "begins at auto.offset.reset" and row["remedy"] == "", row
    said = desk.repair("--to-offset", "40")
    assert "old  no row" in said and "new  next=40" in said and "offset 40 committed" in said, said
    first, second = desk.show()
    assert first["has_row"] and first["next"] == first["committed"] == 40 and first["hi"] == -1, first
    assert first["mark"] == "ours" and first["start"] == "goes on at 40" and first["state"] == "running", first
    assert first["epoch"] == 1 and first["seq"] == 1 and first["resets"] != "0" != first["owner"], first
    assert not second["has_row"] and second["committed"] == -1, second
    resets = first["resets"]
    said = desk.repair("--to-offset", "60", partition=None)
    assert "offsets 40-59 will be missing" in said, said
    first, second = desk.show()
    assert first["next"] == second["next"] == 60 and first["resets"] != resets and first["epoch"] == 2, first


@pytest.mark.parametrize("ledger", LEDGERS)
def test_where_to(scene: Scene, ledger: str) -> None:
    """earliest, latest, the group's own offset; and offsets that the topic does not have."""
    desk = Desk(scene, ledger=ledger)
    desk.repair("--to-offset", "latest")
    assert desk.show()[0]["next"] == 100
    said = desk.repair("--to-offset", "earliest")
    assert "offsets 0-99 are stored and will be stored twice" in said and "one row under FINAL" in said, said
    assert desk.show()[0]["next"] == 0
    scene.move_offset(desk.topic, 0, 33)
    row = desk.show()[0]
    assert row["mark"] == "not ours" and row["committed"] == 33, row
    if ledger == "keeper_map":
        assert row["start"] == "begins at 33, not where it was" and row["next"] == 0, row
    said = desk.repair("--from-group", partition=None)
    assert f"{desk.topic}[1]\n  left as it is" in said, said
    row = desk.show()[0]
    assert row["next"] == row["committed"] == 33 and row["mark"] == "ours", row
    for offset in ("101", "5000"):
        done = desk.run("repair", "--topic", desk.topic, "--partition", "0", "--to-offset", offset, "--yes")
        assert done.returncode == 2 and "which holds 0 to 100" in done.stderr, done.stderr
    done = desk.run("repair", "--topic", desk.topic, "--partition", "1", "--from-group", "--yes")
    assert done.returncode == 2 and "has an offset to take" in done.stderr, done.stderr
    done = desk.run("repair", "--topic", "unknown", "--from-group", "--yes")
    assert done.returncode == 2 and "no partition is selected" in done.stderr, done.stderr


def test_asks_before_it_writes(scene: Scene) -> None:
    """No answer, a no and a dry run change nothing; a yes does."""
    desk = Desk(scene)
    config = str(scene.config_file(**desk.options))
    command = [str(sluice()), "ledger", "repair", "-c", config, "--topic", desk.topic, "--to-offset", "10"]
    for answer in ("", "n\n", "\n", "q"):
        done = subprocess.run(command, input=answer, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1 and "Write this? [y/N]" in done.stdout, done.stdout + done.stderr
        assert done.stdout.endswith("Nothing was changed.\n"), done.stdout
    done = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and "Nothing was changed (--dry-run)" in done.stdout, done.stdout + done.stderr
    assert not any(row["has_row"] for row in desk.show())
    done = subprocess.run(command, input="y\n", capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["next"] for row in desk.show()] == [10, 10]


def test_refuses_while_the_group_has_members(scene: Scene) -> None:
    """Somebody who owns the partitions is named; once it is gone the repair works."""
    desk = Desk(scene)
    member = Consumer({"bootstrap.servers": scene.topics.bootstrap, "group.id": scene.name,
                       "client.id": "a-forgotten-worker", "session.timeout.ms": 6000, "log_level": 2})
    try:
        member.subscribe([desk.topic])

        def joined() -> bool:
            member.poll(0.1)
            return scene.topics.members(scene.name) == 1
        wait_until(joined, 30, "the member has joined")
        done = desk.run("repair", "--all", "--to-offset", "5", "--yes")
        assert done.returncode == 3 and "a-forgotten-worker (/127.0.0.1)" in done.stderr, done.stdout + done.stderr
        assert desk.run("repair", "--all", "--to-offset", "5", "--dry-run").returncode == 0
        assert not any(row["has_row"] for row in desk.show())
    finally:
        member.close()
    desk.repair("--to-offset", "5", partition=None)
    assert [row["next"] for row in desk.show()] == [5, 5]


def test_ledger_lost_and_behind(scene: Scene) -> None:
    """The row is gone, or older than the mark: named with the remedy, and gone after a repair from the group."""
    desk = Desk(scene)
    desk.repair("--to-offset", "40", partition=None)
    old = scene.clickhouse.rows("SELECT * FROM sluice_ledger ORDER BY k")
    desk.repair("--to-offset", "50", partition=None)
    scene.clickhouse.execute("TRUNCATE TABLE sluice_ledger")
    for row in desk.show():
        assert row["state"] == "ledger_lost" and row["start"] == "stops: ledger_lost", row
        assert "sluice ledger repair" in row["remedy"], row
    text = desk.run("show").stdout
    assert f'ledger_lost: topic "{desk.topic}" partition 0 and 1 more\n  the ledger has no row' in text, text
    said = desk.repair("--from-group", partition=None)
    assert "now  a start stops: ledger_lost" in said and "the range that was open when the row was lost is not known" in said, said
    for row in desk.show():
        assert row["start"] == "goes on at 50" and row["epoch"] == 3 and row["seq"] == 3, row
    lines = "\n".join(json.dumps(row) for row in old)
    scene.clickhouse.execute("TRUNCATE TABLE sluice_ledger")
    scene.clickhouse.execute(f"INSERT INTO sluice_ledger FORMAT JSONEachRow\n{lines}")
    for row in desk.show():
        assert row["state"] == "ledger_behind" and row["next"] == 40 and row["committed"] == 50, row
    desk.repair("--from-group", partition=None)
    assert {row["start"] for row in desk.show()} == {"goes on at 50"}


def test_open_range_and_lost_records(scene: Scene) -> None:
    """An open range is shown with what a start does: replay, or stop where its records are gone."""
    desk = Desk(scene)
    desk.repair("--to-offset", "40", partition=None)
    desk.rewrite("replaceOne(replaceOne(state, 'hi=-1', 'hi=59'), 'attempt=0', 'attempt=2')")
    for row in desk.show():
        assert row["hi"] == 59 and row["attempt"] == 2 and row["start"] == "replays 40-59", row
    assert "40-59 #2" in desk.run("show").stdout
    desk.delete_records(0, 45)
    first, second = desk.show()
    assert first["state"] == "range_not_rebuildable" and "on_offset_lost: earliest" in first["remedy"], first
    assert second["start"] == "replays 40-59", second
    said = desk.repair("--to-offset", "60")
    assert "offsets 40-59 may be missing" in said, said
    assert desk.show()[0]["start"] == "goes on at 60"
    desk.delete_records(0, 70)
    assert desk.show()[0]["state"] == "offset_out_of_range"
    desk.options["on_offset_lost"] = "earliest"
    assert desk.show()[0]["start"] == "begins at 70, not where it was"


def test_damaged_row(scene: Scene) -> None:
    """A row that somebody edited is shown as such beside the others; a repair shows what is known and writes it anew."""
    desk = Desk(scene)
    desk.repair("--to-offset", "40", partition=None)
    scene.clickhouse.execute("ALTER TABLE sluice_ledger UPDATE state = replaceOne(state, 'next=40', 'next=4x') WHERE k LIKE '%/0'")
    first, second = desk.show()
    assert first["state"] == "row_damaged" and first["start"] == "stops: row_damaged", first
    assert first["next"] == -1 and first["epoch"] == 1 and "sluice ledger repair" in first["remedy"], first
    assert second["start"] == "goes on at 40", second
    assert f'row_damaged: topic "{desk.topic}" partition 0\n' in desk.run("show").stdout
    said = desk.repair("--from-group")
    assert "old  damaged, epoch=1 seq=1" in said and "offsets from 40 on may be stored already" in said, said
    for row in desk.show():
        assert row["start"] == "goes on at 40" and row["state"] == "running", row
    assert desk.show()[0]["epoch"] == 2


def test_other_ledger(scene: Scene) -> None:
    """A pipeline that began with the one ledger is not taken over by the other; a repair moves it on purpose."""
    desk = Desk(scene, ledger="kafka")
    desk.repair("--to-offset", "40", partition=None)
    desk.options["ledger"] = "keeper_map"
    for row in desk.show():
        assert row["state"] == "other_ledger" and row["mark"] == "other ledger", row
    desk.repair("--from-group", partition=None)
    assert {row["start"] for row in desk.show()} == {"goes on at 40"}


def test_topic_made_anew(scene: Scene) -> None:
    """The offset to go on from is there, of another record: shown as a worker would find it, and the advice begins with
    the oldest record."""
    once = Once(scene, **OPTIONS_AT_REST)
    desk = Desk(scene, make=False, tables__mode="log")
    desk.topic = once.topic
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    config = str(scene.config_file(**desk.options))
    once.make_anew(60)
    shown = json.loads(run_sluice("ledger", "show", "-c", config, "--output", "json").stdout)
    assert [row["state"] for row in shown] == ["topic_made_anew"], shown
    assert shown[0]["repair"].endswith(f"--topic {once.topic} --partition 0 --to-offset 0"), shown
    assert f"  $ {shown[0]['repair']}\n" in desk.run("show").stdout
    done = desk.run("repair", "--all", "--as-advised", "--yes")
    assert done.returncode == 0 and "now  a start stops: topic_made_anew" in done.stdout, done.stdout + done.stderr
    once.worker.start()
    scene.wait_drained()
    assert once.rows() == 80
    assert once.worker.terminate() == 0


def test_as_advised(scene: Scene) -> None:
    """Partitions that would stop, each with the remedy of its own state; one that would not is left alone, one of which
    nothing is known too."""
    desk = Desk(scene)
    desk.repair("--to-offset", "40", partition=None)
    done = desk.run("repair", "--all", "--as-advised", "--yes")
    assert done.returncode == 2 and "none of the selected partitions would stop" in done.stderr, done.stderr
    desk.delete_records(0, 45)
    scene.clickhouse.execute("ALTER TABLE sluice_ledger UPDATE state = replaceOne(state, 'hi=-1', 'hi=59') WHERE k LIKE '%/1'")
    first, second = desk.show()
    assert first["state"] == "offset_out_of_range" and first["repair"].endswith("--partition 0 --to-offset 45"), first
    assert second["start"] == "replays 40-59" and second["repair"] == "", second
    desk.delete_records(1, 45)
    text = desk.run("show").stdout
    assert "--partition 1 --to-offset 60\n" in text, text
    said = desk.repair("--as-advised", partition=None)
    assert f"{desk.topic}[0]: written, and offset 45 committed" in said, said
    assert f"{desk.topic}[1]: written, and offset 60 committed" in said, said
    scene.clickhouse.execute("ALTER TABLE sluice_ledger UPDATE state = replaceOne(state, 'next=45', 'next=x') WHERE k LIKE '%/0'")
    said = desk.repair("--as-advised", partition=None)
    assert f"{desk.topic}[1]\n  left as it is: goes on at 60" in said and "offset 45 committed" in said, said
    assert [row["start"] for row in desk.show()] == ["goes on at 45", "goes on at 60"]
    scene.clickhouse.execute("TRUNCATE TABLE sluice_ledger")
    text = desk.run("show").stdout
    assert "partition 0 and 1 more" in text and "$ sluice ledger repair -c FILE --all --as-advised" in text, text
    desk.repair("--as-advised", partition=None)
    assert [row["start"] for row in desk.show()] == ["goes on at 45", "goes on at 60"]


def test_needs_exactly_once(scene: Scene) -> None:
    """A pipeline that keeps no ledger has nothing to show, and none is made."""
    desk = Desk(scene, delivery="at_least_once")
    for arguments in (["show"], ["repair", "--all", "--to-offset", "1", "--yes"]):
        done = desk.run(*arguments)
        assert done.returncode == 2 and "keeps no ledger" in done.stderr, done.stderr
    assert not scene.clickhouse.has_table("sluice_ledger")


def test_leftover_row(scene: Scene) -> None:
    """The row of a topic that is gone is shown as such, and is in nobody's way."""
    desk = Desk(scene)
    desk.repair("--to-offset", "40", partition=None)
    scene.topics.create(scene.topic("other"))
    scene.topics.admin.delete_topics([desk.topic])[desk.topic].result(20)
    wait_until(lambda: desk.topic not in scene.topics.names(), 20, "the topic is gone")
    desk.options["kafka__topics"] = [scene.topic("other")]
    text = desk.run("show").stdout
    assert text.count("no such topic") == 2 and scene.topic("other") in text, text
    said = desk.repair("--to-offset", "0", partition=None)
    assert said.count("left as it is: no such topic") == 2 and f"{scene.topic('other')}[0]: written" in said, said


@pytest.mark.parametrize("ledger", LEDGERS)
def test_beside_a_worker(scene: Scene, ledger: str) -> None:
    """A running worker is never shown as stopping and can't be repaired away; what a kill leaves is shown, then cured."""
    once = Once(scene, partitions=2, ledger=ledger, kafka__group__instance__id=None)
    desk = Desk(scene, make=False, ledger=ledger, tables__mode="log")
    desk.topic = once.topic
    desk.options["kafka__topics"] = [once.topic]
    once.run_and_store(50, partitions=2)
    for _ in range(3):
        once.produce(500)
        for row in desk.show():
            assert row["state"] in ("running", "replaying") and row["has_row"] and row["mark"] == "ours", row
    done = desk.run("repair", "--all", "--to-offset", "earliest", "--yes")
    assert done.returncode == 3 and "sluice (/127.0.0.1)" in done.stderr, done.stdout + done.stderr
    scene.wait_drained()
    assert once.worker.terminate() == 0
    once.produce(20)
    once.run_until_killed("after_open")
    first, second = desk.show()
    assert first["start"] == "replays 1550-1569" and second["start"] == "goes on at 50", (first, second)
    wait_until(lambda: scene.topics.members(scene.name) == 0, 30, "the dead worker's session is over")
    said = desk.repair("--to-offset", "1560")
    assert "offsets 1560-1569 may be stored already" in said and "offsets 1550-1559 may be missing" in said, said
    once.worker.start()
    scene.wait_drained()
    stored = scene.clickhouse.values("SELECT _offset FROM t WHERE _partition = 0 AND _offset >= 1540 ORDER BY _offset")
    assert stored == [*range(1540, 1550), *range(1560, 1570)], stored
    started = once.worker.wait_event("partition_started", topic=once.topic, partition=0)
    assert started["offset"] == 1560 and not once.worker.events("offset_reset"), started
    assert once.worker.terminate() == 0


def _on_terminal(columns: int, *command: str) -> str:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True) as process:
        os.close(slave)
        parts = []
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:  # Linux: the other end was closed
                break
            if not part:
                break
            parts.append(part)
        os.close(master)
        assert process.wait(60) == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_fits_the_terminal(scene: Scene) -> None:
    """No line of the table is wider than the terminal; in a pipe everything is there."""
    desk = Desk(scene)
    desk.repair("--to-offset", "40", partition=None)
    command = [str(sluice()), "ledger", "show", "-c", str(scene.config_file(**desk.options))]
    for columns in (60, 80, 100):
        lines = _on_terminal(columns, *command).splitlines()
        table = [line for line in lines if "PARTITION" in line or "goes on" in line]
        assert len(table) == 3 and max(map(len, table)) <= columns, "\n".join(lines)
    whole = desk.run("show").stdout
    assert desk.topic in whole and "WRITTEN (UTC)" in whole and "MARK" in whole, whole
