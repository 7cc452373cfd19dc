"""`sluice offsets list|reset|export|import` beside Kafka's own tool, on topics whose partitions are in every state."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from sluice_testing.once import OPTIONS_AT_REST, Once
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.stored import stored_offsets
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

LEDGERS = ["keeper_map", "kafka"]
HOUR = 3600 * 1000
Offsets = dict[tuple[str, int], int]


def _offsets(scene: Scene, word: str, *arguments: str, options: dict[str, Any] | None = None,
             **environment: str) -> subprocess.CompletedProcess[str]:
    """`sluice offsets ...` to its end."""
    config = str(scene.config_file(**(options or {})))
    return run_sluice("offsets", word, "-c", config, *arguments, **environment)


def _done(scene: Scene, word: str, *arguments: str, **more: Any) -> str:
    """What it prints when it works."""
    done = _offsets(scene, word, *arguments, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _read_csv(text: str) -> Offsets:
    lines = [line.split(",") for line in text.split("\n") if line.count(",") == 2]
    return {(topic.strip('"'), int(partition)): int(offset) for topic, partition, offset in lines}


def _list(scene: Scene, *arguments: str, **more: Any) -> dict[tuple[str, int], dict[str, Any]]:
    rows = json.loads(_done(scene, "list", *arguments, "--output", "json", **more))
    assert {row["group"] for row in rows} == {scene.name}
    return {(row["topic"], row["partition"]): row for row in rows}


class Board:
    """Two topics whose partitions stand everywhere: committed in the middle, at both ends, before the oldest record,
    behind the end, not at all, with and without records. The records of a partition are an hour apart."""

    COMMITTED = {0: 5, 1: 0, 2: 10, 3: 2, 4: 14, 6: 0}  # 5 and 7: nothing is committed

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.topic = scene.topic("t")
        self.other = scene.topic("a-name-that-kafkas-tool-puts-in-quotes")
        self.now = int(time.time() * 1000)
        scene.topics.create(self.topic, partitions=8)
        scene.topics.create(self.other, partitions=2)
        producer = Producer({"bootstrap.servers": scene.topics.bootstrap, "log_level": 2})
        for partition in range(6):  # 6 and 7 are empty
            for i in range(10):
                producer.produce(self.topic, f"{i}", str(i), partition, timestamp=self.time_of(i))
        for i in range(6):
            producer.produce(self.other, f"{i}", str(i), i % 2, timestamp=self.time_of(i))
        assert producer.flush(20) == 0
        gone = [TopicPartition(self.topic, partition, 4) for partition in (3, 5)]
        for future in scene.topics.admin.delete_records(gone).values():
            future.result(20)
        for partition, offset in self.COMMITTED.items():
            scene.topics.commit(scene.name, self.topic, partition, offset)
        scene.topics.commit(scene.name, self.other, 1, 2)

    def time_of(self, offset: int) -> int:
        """Milliseconds."""
        return self.now - (10 - offset) * HOUR

    def text_of(self, offset: float, form: str = "%Y-%m-%dT%H:%M:%S.000") -> str:
        """A time between records."""
        at = datetime.fromtimestamp(int(self.now / 1000 - (10 - offset) * 3600), timezone.utc)
        return at.strftime(form)

    def tool(self, *how: str, group: str = "") -> Offsets:
        """What Kafka's own tool would set, or sets."""
        done = self.scene.stack.kafka_tool("groups", "--group", group or self.scene.name, "--reset-offsets", "--export", *how)
        assert done.returncode == 0 and "Error" not in done.stdout, done.stdout + done.stderr
        return _read_csv(done.stdout)

    def ours(self, *how: str) -> Offsets:
        """The same for sluice."""
        return _read_csv(_done(self.scene, "reset", "--export", *how))


def test_same_as_kafkas_tool(scene: Scene) -> None:
    """Each way to tell where to, on partitions in every state; nothing is written meanwhile."""
    board = Board(scene)
    every = ["--topic", board.topic]
    # Both tools refuse to shift where nothing is committed.
    placed = ["--topic", board.topic + ":0,1,2,3,4,6"]
    exported = scene.folder / "exported.csv"
    exported.write_text(_done(scene, "export"))
    assert _read_csv(exported.read_text()) == scene.topics.committed(scene.name)
    quoted = scene.folder / "quoted.csv"
    quoted.write_text(f'"{board.other}",0,1\n"{board.other}",1,3\n{board.topic},5,1\n{board.topic},0,99\n')
    cases: list[list[str]] = [
        [*every, "--to-earliest"], [*every, "--to-latest"], [*every, "--to-current"],
        [*every, "--to-offset", "7"], [*every, "--to-offset", "0"], [*every, "--to-offset", "10"],
        [*every, "--to-offset", "11"], [*every, "--to-offset", "1000000000000"], [*every, "--to-offset", "-3"],
        [*placed, "--shift-by", "0"], [*placed, "--shift-by", "3"], [*placed, "--shift-by", "-3"],
        [*placed, "--shift-by", "-1000"], [*placed, "--shift-by", "1000"],
        [*every, "--to-datetime", board.text_of(6.5)],
        [*every, "--to-datetime", board.text_of(4.5, "%Y-%m-%dT%H:%M:%S.000Z")],
        [*every, "--to-datetime", board.text_of(4.5 + 2, "%Y-%m-%dT%H:%M:%S.000+02:00")],
        [*every, "--to-datetime", board.text_of(8.5 - 5, "%Y-%m-%dT%H:%M:%S.999-05")],
        [*every, "--to-datetime", "2001-02-03T04:05:06.007"], [*every, "--to-datetime", board.text_of(30)],
        [*every, "--by-duration", "PT2H30M"], [*every, "--by-duration", "P20D"], [*every, "--by-duration", "PT0.5S"],
        [*every, "--by-duration", "-PT1H"],
        ["--from-file", str(exported)], ["--from-file", str(quoted)],
        ["--all-topics", "--to-earliest"], ["--all-topics", "--shift-by", "-1"],
        ["--topic", f"{board.topic}:0,3", "--topic", board.other, "--topic", f"{board.topic}:7", "--to-latest"],
    ]
    before = scene.topics.committed(scene.name)
    with ThreadPoolExecutor(3) as threads:
        kafkas = list(threads.map(lambda case: board.tool(*case, "--dry-run"), cases))
    for case, wanted in zip(cases, kafkas):
        assert wanted, case
        assert board.ours(*case) == wanted, case
    assert scene.topics.committed(scene.name) == before


def test_same_state_behind_it(scene: Scene) -> None:
    """Two groups at the same offsets, one moved by Kafka's tool, one by sluice, and what each exports taken by the other."""
    board = Board(scene)
    twin = scene.name + "-twin"
    for (topic, partition), offset in scene.topics.committed(scene.name).items():
        scene.topics.commit(twin, topic, partition, offset)
    kafkas = scene.folder / "kafkas.csv"
    ours = scene.folder / "ours.csv"
    kafkas.write_text("".join(f'"{topic}",{partition},{offset}\n' for (topic, partition), offset
                              in board.tool("--all-topics", "--to-current", "--dry-run", group=twin).items()))
    ours.write_text(_done(scene, "export"))

    how = ["--topic", board.topic, "--topic", f"{board.other}:0", "--to-offset", "6", "--execute"]
    wanted = board.tool(*how, group=twin)
    said = _done(scene, "reset", *how)
    assert f"{board.topic}[3]: set to 6\n" in said and "Nothing was changed" not in said, said
    assert scene.topics.committed(scene.name) == scene.topics.committed(twin)
    assert {place: offset for place, offset in scene.topics.committed(twin).items() if place in wanted} == wanted

    board.tool("--from-file", str(ours), "--execute", group=twin)
    said = _done(scene, "import", "--from-file", str(kafkas), "--execute", "--output", "json")
    assert all(row["written"] for row in json.loads(said)), said
    assert scene.topics.committed(scene.name) == scene.topics.committed(twin)


def test_what_it_says(scene: Scene) -> None:
    """The keys of the JSON, the clamps, warnings, and what is wrong."""
    board = Board(scene)
    done = _offsets(scene, "reset", "--topic", f"{board.topic}:0,3,7", "--to-offset", "2", "--output", "json")
    assert done.returncode == 0, done.stderr
    common = {"group": scene.name, "topic": board.topic, "asked": 2, "ledger_next": None, "effect": "", "written": False}
    assert json.loads(done.stdout) == [
        {**common, "partition": 0, "current": 5, "new": 2, "delta": -3, "clamped": "no"},
        {**common, "partition": 3, "current": 2, "new": 4, "delta": 2, "clamped": "earliest"},
        {**common, "partition": 7, "current": None, "new": 0, "delta": None, "clamped": "latest"}], done.stdout
    assert f'warning: topic "{board.topic}" partition 3: offset 2 is lower than the earliest; 4 is taken' in done.stderr
    assert "partition 7: offset 2 is higher than the latest; 0 is taken" in done.stderr, done.stderr
    lines = _done(scene, "reset", "--topic", f"{board.topic}:0,3,7", "--to-offset", "2").splitlines()
    cells = [line.split() for line in lines]
    assert [board.topic, "3", "2", "4", "+2", "earliest"] in cells and [board.topic, "7", "-", "0", "-", "latest"] in cells
    assert lines[-1] == "Nothing was changed; --execute does it.", lines

    rows = _list(scene)
    assert len(rows) == 10
    assert rows[board.topic, 0] == {"group": scene.name, "topic": board.topic, "partition": 0, "committed": 5, "start": 0,
                                    "end": 10, "lag": 5, "ledger_next": None, "member": ""}
    assert rows[board.topic, 5]["committed"] is None and rows[board.topic, 5]["lag"] is None
    assert rows[board.topic, 5]["start"] == 4 and rows[board.topic, 4]["lag"] == 0
    assert set(_list(scene, "--topic", board.other + ":1", "--topic", board.topic + ":2")) == {(board.other, 1), (board.topic, 2)}

    broken = scene.folder / "broken.csv"
    for content, reason in [(f"{board.topic},0\n", "a line is neither"), (f"{board.topic},0,1\n{board.topic},0,2\n", "is there twice"),
                            ("nowhere,0,1\n", "is not there"), ("other,t,0,1\n", "names no partition for this group")]:
        broken.write_text(content)
        done = _offsets(scene, "import", "--from-file", str(broken))
        assert done.returncode == 2 and reason in done.stderr, done.stderr
    for how, code, reason in [
            (["--topic", board.topic + ":8", "--to-latest"], 2, "partition 8 is not there"),
            (["--topic", "nowhere", "--to-latest"], 2, '"nowhere" is not there'),
            (["--topic", "nowhere", "--topic", board.topic, "--to-latest"], 2, '"nowhere" is not there'),
            (["--topic", board.topic + ":", "--to-latest"], 2, "--topic takes a topic's name"),
            (["--topic", board.topic, "--shift-by", "1"], 2, "partition 5: the group has committed no offset"),
            (["--from-file", str(scene.folder / "none")], 1, "No such file")]:
        done = _offsets(scene, "reset", *how, "--execute")
        assert done.returncode == code and reason in done.stderr, (how, done.stderr)
    done = _offsets(scene, "reset", "--all-topics", "--to-latest", options={"kafka__group__id": scene.name + "-new"})
    assert done.returncode == 2 and "the group has committed no offset" in done.stderr, done.stderr


def test_refuses_while_the_group_is_active(scene: Scene) -> None:
    """The member is named, and by `list` at its partitions; nothing is written, then it is."""
    once = Once(scene, partitions=2, **OPTIONS_AT_REST)
    topic = once.topic
    once.produce(3)
    scene.topics.commit(scene.name, topic, 0, 0)
    member = Consumer({"bootstrap.servers": scene.topics.bootstrap, "group.id": scene.name, "enable.auto.commit": False,
                       "client.id": "a-forgotten-worker", "session.timeout.ms": 6000, "log_level": 2})
    try:
        member.subscribe([topic])

        def joined() -> bool:
            member.poll(0.1)
            return len(member.assignment()) == 2
        wait_until(joined, 30, "the member has joined")
        for more in ([], ["--execute"]):
            done = _offsets(scene, "reset", "--topic", topic, "--to-latest", *more)
            assert done.returncode == 3 and "a-forgotten-worker (/127.0.0.1)" in done.stderr, done.stdout + done.stderr
            assert [topic, "0", "0", "3", "+3", "-"] in [line.split() for line in done.stdout.splitlines()], done.stdout
            assert "set to" not in done.stdout
        done = _offsets(scene, "reset", "--topic", topic, "--to-latest", "--execute", "--output", "json")
        assert done.returncode == 3 and not any(row["written"] for row in json.loads(done.stdout)), done.stdout
        assert scene.topics.committed(scene.name) == {(topic, 0): 0}
        rows = _list(scene)
        assert {row["member"] for row in rows.values()} == {"a-forgotten-worker (/127.0.0.1)"}, rows
    finally:
        member.close()
    _done(scene, "reset", "--topic", topic, "--to-latest", "--execute")
    assert scene.topics.committed(scene.name) == {(topic, 0): 3, (topic, 1): 0}
    assert {row["member"] for row in _list(scene).values()} == {""}


@pytest.mark.parametrize("ledger", LEDGERS)
def test_exactly_once_goes_with_it(scene: Scene, ledger: str) -> None:
    """Back and forth with the worker stopped: what is read again has one row more, what is passed over none."""
    once = Once(scene, partitions=4, ledger=ledger, **OPTIONS_AT_REST)
    options = {"delivery": "exactly_once", "ledger": ledger, "tables__mode": "log"}
    once.run_and_store(20, partitions=4)
    assert once.worker.terminate() == 0
    scene.topics.wait_empty(scene.name)
    once.produce(10, 3, start=20)
    before = stored_offsets(scene.clickhouse, "t")
    said = _done(scene, "reset", "--topic", f"{once.topic}:0,1", "--to-offset", "12", "--execute", options=options)
    assert f"{once.topic}[1]: offsets 12-19 are stored and will be stored twice" in said, said
    assert "one row under FINAL" in said and f"{once.topic}[1]: set to 12\n" in said, said
    said = _done(scene, "reset", "--topic", f"{once.topic}:3", "--shift-by", "4", "--execute", options=options)
    assert "offsets 20-23 will be missing" in said, said
    rows = _list(scene, options=options)
    assert [rows[once.topic, p]["ledger_next"] for p in range(4)] == [12, 12, 20, 24], rows
    assert [rows[once.topic, p]["committed"] for p in range(4)] == [12, 12, 20, 24], rows
    once.worker.start()
    positions = {0: 12, 1: 12, 2: 1000000, 3: 24}
    once.check_replayed(before, positions)
    assert once.worker.metric("ledger_resets_total") == 0, "the ledger had it already"
    assert once.worker.terminate() == 0


@pytest.mark.parametrize("ledger", LEDGERS)
def test_killed_between_ledger_and_commit(scene: Scene, ledger: str) -> None:
    """One partition is done, of the next the ledger alone, the last is untouched: a worker takes each as it is."""
    once = Once(scene, partitions=3, ledger=ledger, **OPTIONS_AT_REST)
    options = {"delivery": "exactly_once", "ledger": ledger, "tables__mode": "log"}
    once.run_and_store(20, partitions=3)
    assert once.worker.terminate() == 0
    scene.topics.wait_empty(scene.name)
    before = stored_offsets(scene.clickhouse, "t")
    done = _offsets(scene, "reset", "--topic", once.topic, "--to-offset", "15", "--execute", options=options,
                    SLUICE_KILL_AT="before_move_commit:2")
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    committed = scene.topics.committed(scene.name)
    assert [committed[once.topic, p] for p in range(3)] == [15, 20, 20]
    # In the Kafka ledger the commit is the row, so there is no state between old and new.
    moved = 15 if ledger == "keeper_map" else 20
    shown = json.loads(run_sluice("ledger", "show", "-c", str(scene.config_file(**options)), "--output", "json").stdout)
    assert [row["start"] for row in shown] == ["goes on at 15", f"goes on at {moved}", "goes on at 20"], shown
    once.worker.start()
    once.check_replayed(before, {0: 15, 1: moved, 2: 20})
    assert once.worker.metric("ledger_resets_total") == 0
    assert once.worker.terminate() == 0


def test_to_a_place_of_the_source(scene: Scene) -> None:
    """Every change that was committed at the place or later is behind the offset, and one transaction more at most."""
    topic = scene.topic("t")
    scene.source.execute("CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t SELECT -g, 'x' FROM generate_series(1, 40) g")
    scene.connector("t")
    scene.wait_streaming()
    places: list[tuple[str, str, int]] = []  # position, time, how many ids were committed before
    committed: list[int] = []

    def commit(ids: list[int]) -> None:
        scene.source.execute("INSERT INTO t VALUES " + ", ".join(f"({i}, 'x')" for i in ids))
        committed.extend(ids)

    def look() -> None:
        scene.source.execute("SELECT pg_sleep(0.003)")
        position, at = scene.source.query("SELECT pg_current_wal_lsn()::text, to_char(clock_timestamp() AT TIME ZONE 'UTC', "
                                          "'YYYY-MM-DD\"T\"HH24:MI:SS.MS')")[0]
        places.append((position, at, len(committed)))
        scene.source.execute("SELECT pg_sleep(0.003)")

    with scene.source.connect(autocommit=False) as long, long.cursor() as cursor:
        for i in range(0, 60, 3):
            if i == 15:  # written before some places, committed behind them
                cursor.execute("INSERT INTO t SELECT 1000 + g, 'x' FROM generate_series(1, 5) g")
            if i == 45:
                look()
                long.commit()
                committed.extend(range(1001, 1006))
            if i % 9 == 0:
                look()
            commit([i, i + 1, i + 2])
    wait_until(lambda: sum(scene.topics.end_offsets(topic).values()) == 40 + 65, 30, "everything is in the topic")
    offsets = {json.loads(message.value())["payload"]["after"]["id"]: message.offset()
               for message in scene.topics.read(topic)}

    def found(*how: str) -> int:
        return _read_csv(_done(scene, "reset", "--topic", topic, "--export", *how))[topic, 0]

    with ThreadPoolExecutor(4) as threads:
        by_position = list(threads.map(lambda place: found("--to-lsn", place[0]), places))
        by_time = list(threads.map(lambda place: found("--to-source-time", place[1]), places))
    for (position, at, n), offset, exact in zip(places, by_position, by_time):
        first = min(offsets[i] for i in committed[n:])
        before = min((offsets[i] for i in committed[max(n - 5, 0):n]), default=0)
        assert before <= offset <= first, (position, n)
        assert exact == first, (at, n)
    assert found("--to-lsn", "0/0") == found("--to-source-time", "2001-01-01T00:00:00Z") == 0
    assert found("--to-source-time", "2101-01-01T00:00:00Z") == 105
    done = _offsets(scene, "reset", "--topic", topic, "--to-lsn", "FFFFFFFF/0", "--export")
    assert _read_csv(done.stdout) == {(topic, 0): 105} and "no record is at or after that position" in done.stderr, done.stderr

    scene.topics.produce(topic, Table("another", "t").value("c", after={"id": 1, "name": "x", "n": 1}))
    done = _offsets(scene, "reset", "--topic", topic, "--to-lsn", "FFFFFFFF/0")
    assert done.returncode == 1 and "offset 105: records of the sources" in done.stderr and "are mixed" in done.stderr, done.stderr
    scene.topics.produce(topic, "{}")
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    done = _offsets(scene, "reset", "--topic", topic, "--to-source-time", now, "--execute")
    assert done.returncode == 1 and "offset 106" in done.stderr, done.stdout + done.stderr
    assert not scene.topics.committed(scene.name)
