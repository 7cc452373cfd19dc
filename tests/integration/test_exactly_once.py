"""Exactly-once delivery through crashes and unclear outcomes: the topic itself says which rows there must be."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sluice_testing.once import LEDGER, Once
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.stored import check_each_once, data_offsets, stored_offsets, wait_stored
from sluice_testing.wait import wait_until

COMPACTED = {"cleanup__policy": "compact", "segment__ms": "100", "min__cleanable__dirty__ratio": "0.001",
             "delete__retention__ms": "0", "min__compaction__lag__ms": "0"}

# What a restart changes: fetches of a few records, ranges of a few rows.
OTHER_SIZES = {"kafka.max.partition.fetch.bytes": 10000, "batch.max_rows": 7, "batch.max_bytes": "64KiB"}


def _every_kind(once: Once, start: int) -> None:
    """Rows with transactions around them, aborted ones among them, and records without rows in between."""
    topics, table = once.scene.topics, once.table

    def rows(first: int, count: int) -> list[tuple[bytes, bytes]]:
        return [table.row(i, "y" * 300, 1) for i in range(first, first + count)]

    once.produce(60, start=start, size=2000)
    topics.produce_transaction(once.topic, rows(start + 100, 20))
    topics.produce_transaction(once.topic, rows(start + 200, 20), abort=True)
    topics.produce_many(once.topic, [(table.key(i), None) for i in range(start, start + 10)])
    once.produce(30, start=start + 300)
    topics.produce_transaction(once.topic, rows(start + 400, 5), abort=True)
    once.produce(10, start=start + 500)


# The point, and how many replays it leaves: an acknowledged commit with our mark closes the range of a ledger of its own.
@pytest.mark.parametrize(("ledger", "point", "replays", "missing"), [
    ("keeper_map", "after_open", 1, True), ("keeper_map", "during_insert", 1, None),
    ("keeper_map", "after_ack", 1, False), ("keeper_map", "before_commit", 1, False),
    ("keeper_map", "after_commit", 0, None), ("kafka", "after_open", 1, True)])
def test_killed_at_a_point(scene: Scene, ledger: str, point: str, replays: int, missing: bool | None) -> None:
    """The next start has other poll and batch sizes and a target with one column more; what is open is rebuilt."""
    once = Once(scene, ledger=ledger, batch__max_age="500ms")
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    _every_kind(once, 1000)
    # The first commit of all is that of the position at which it starts.
    once.run_until_killed(point, passing=2 if "commit" in point else 1)
    scene.clickhouse.execute("ALTER TABLE t ADD COLUMN added_meanwhile String DEFAULT 'x'")
    once.worker.options.update(OTHER_SIZES)
    began = time.monotonic()
    once.worker.start()
    once.produce(20, start=2000)
    once.check()
    took = time.monotonic() - began
    lines = once.worker.events("range_replayed")
    assert len(lines) == replays == once.worker.metric("ledger_replays_total"), lines
    for line in lines:
        assert line["topic"] == once.topic and line["partition"] == 0, line
        assert line["lo"] == 20 <= line["hi"] and line["attempt"] >= 0 and line["rows"] > 0, line
        if missing is not None:
            assert line["missing"] == (line["rows"] if missing else 0), line
    assert took < 20, "a static member is back at once"
    assert once.worker.terminate() == 0


def test_killed_at_the_first_range_of_all(scene: Scene) -> None:
    """No offset behind a row was ever committed: the ledger alone knows."""
    once = Once(scene)
    once.produce(50)
    once.run_until_killed("after_ack")
    assert scene.topics.committed(scene.name).get((once.topic, 0), 0) == 0
    once.worker.start()
    once.check()
    assert once.worker.metric("ledger_replays_total") == 1
    assert once.worker.terminate() == 0


# The Kafka ledger's own writes are its commits, so it does not pass the points around one.
@pytest.mark.parametrize(("ledger", "points"), [
    ("keeper_map", ["after_open", "after_open", "during_insert", "after_ack", "after_acquire", "before_commit",
                    "after_commit", "after_acquire"]),
    ("kafka", ["after_open", "during_insert", "after_ack", "after_acquire", "after_lookup"])])
def test_killed_at_every_point_one_after_the_other(scene: Scene, ledger: str, points: list[str]) -> None:
    """A replay may be killed too, as often as one likes."""
    once = Once(scene, ledger=ledger, batch__max_rows=25)
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    once.produce(200, start=1000)
    for point in points:
        once.run_until_killed(point, passing=2 if "commit" in point else 1)
    once.worker.start()
    once.check()
    assert once.worker.terminate() == 0


def _fast_cleaner(scene: Scene) -> None:
    """The broker looks for something to compact every 100 ms instead of every 15 s."""
    done = scene.stack.kafka_tool("configs", "--alter", "--entity-type", "brokers", "--entity-default", "--add-config",
                                  "log.cleaner.backoff.ms=100")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("point", ["after_open", "after_ack"])
def test_topic_compacted_while_a_range_is_open(scene: Scene, point: str) -> None:
    """Most records of the range are gone when it is rebuilt, its last one too; those that are left are stored once."""
    _fast_cleaner(scene)
    once = Once(scene, config=COMPACTED)
    once.run_and_store(20)
    assert once.worker.terminate() == 0
    offsets = once.produce(60, start=1000)
    once.run_until_killed(point)
    stored = stored_offsets(scene.clickhouse, "t")
    once.produce(50, start=1010)
    gone = set(once.offsets(offsets[10:]))

    def compacted() -> bool:
        once.produce(1, start=5000)  # a new segment, so that the one before can be cleaned
        return not gone & data_offsets(scene.topics, once.topic)
    wait_until(compacted, 60, "the overwritten records are gone", every=0.3)
    once.worker.start()
    scene.wait_drained()
    found, there = stored_offsets(scene.clickhouse, "t"), data_offsets(scene.topics, once.topic)
    assert set(once.offsets(offsets[:10])) <= there, "records that were not overwritten are there"
    assert {offset: found[offset] for offset in there} == dict.fromkeys(there, 1)
    assert {offset: n for offset, n in found.items() if n > 1} == {}
    assert {offset: found[offset] for offset in stored} == dict(stored)
    assert once.worker.metric("ledger_replays_total") == 1
    assert once.worker.terminate() == 0


# Faults of the server at an insert of rows, and the longest time in which the worker waits for an answer.
INSERT_FAULTS: list[dict[str, Any]] = [
    {"kind": "delay", "ms": 1500, "when": "before"}, {"kind": "delay", "ms": 1500, "when": "after"},
    {"kind": "cut_before", "count": 2}, {"kind": "cut_after", "count": 2}, {"kind": "status"},
    {"kind": "proxy", "status": 502}, {"kind": "refuse", "code": 241, "count": 2},
]


LEDGER_FAULTS: list[dict[str, Any]] = [{"kind": "cut_after"}, {"kind": "status"}, {"kind": "cut_before"},
                                       {"kind": "delay", "ms": 1500, "when": "after"}]


@pytest.mark.parametrize("ledger", ["keeper_map", "kafka"])
def test_answers_to_inserts_are_lost(scene: Scene, ledger: str) -> None:
    """Cut before and after the rows were stored, empty answers, answers too late: every row once. The first insert of
    all comes to the server after those that took its place, and stores nothing."""
    once = Once(scene, ledger=ledger, clickhouse__request_timeout="1s", retry__max="200ms")
    once.run_and_store(20)
    for number, fault in enumerate(INSERT_FAULTS):
        scene.clickhouse.fault(**fault, match=f"INSERT INTO `{scene.name}`.`t`")
        once.produce(30, start=1000 * (number + 1))
        wait_until(lambda f=fault: scene.clickhouse.fault_hits() >= f.get("count", 1), 30, f"{fault} has hit")
        wait_stored(scene.clickhouse, "t", 20 + 30 * (number + 1))
        scene.clickhouse.clear_faults()
    once.check()
    assert once.worker.metric("stopped_partitions") == 0
    assert once.worker.terminate() == 0


def test_at_least_once_stores_rows_twice(scene: Scene) -> None:
    """The same in the other mode of delivery, so that these tests are seen to fail where they must."""
    once = Once(scene, delivery="at_least_once", retry__max="200ms")
    once.run_and_store(20)
    scene.clickhouse.fault("cut_after", match=f"INSERT INTO `{scene.name}`.`t`")
    once.produce(30, start=1000)
    with pytest.raises(AssertionError, match="2 rows instead of 1"):
        once.check()
    assert once.worker.terminate() == 0


def test_answers_of_the_ledger_are_lost(scene: Scene) -> None:
    """Every statement on the ledger in turn, while the worker runs and while it starts."""
    once = Once(scene, clickhouse__request_timeout="1s", retry__max="200ms", batch__max_age="50ms")
    once.run_and_store(20)
    rows = 20
    for fault in LEDGER_FAULTS:
        for skip in range(2):
            scene.clickhouse.fault(**fault, match=LEDGER, skip=skip)
            once.produce(5, start=rows)
            rows += 5
            wait_stored(scene.clickhouse, "t", rows)
            while scene.clickhouse.fault_hits() == 0:  # fewer statements for one range than were to be skipped
                once.produce(1, start=rows)
                rows += 1
                wait_stored(scene.clickhouse, "t", rows)
            scene.clickhouse.clear_faults()
    once.check()
    assert once.worker.metric("stopped_partitions") == 0
    for fault in LEDGER_FAULTS[:2]:
        for skip in range(1, 5):
            once.worker.kill9()
            scene.clickhouse.fault(**fault, match=LEDGER, skip=skip)
            once.produce(5, start=rows)
            rows += 5
            once.worker.start()
            wait_stored(scene.clickhouse, "t", rows)
            assert scene.clickhouse.fault_hits() == 1
            scene.clickhouse.clear_faults()
    once.check()
    assert once.worker.terminate() == 0


def test_answers_to_the_look_up_are_lost(scene: Scene) -> None:
    """An insert fails, and then the question what is stored: nobody takes silence for an answer."""
    once = Once(scene, clickhouse__request_timeout="1s", retry__max="200ms")
    once.run_and_store(20)
    for number, fault in enumerate(LEDGER_FAULTS):
        scene.clickhouse.fault("cut_after", match=f"INSERT INTO `{scene.name}`.`t`")
        scene.clickhouse.fault(**fault, match="SELECT DISTINCT toInt64(`_offset`)")
        once.produce(30, start=1000 * (number + 1))
        scene.wait_drained()
        scene.clickhouse.clear_faults()
    once.check()
    assert once.worker.terminate() == 0


@pytest.mark.parametrize("killed", [False, True])
def test_two_targets_in_one_range(scene: Scene, killed: bool) -> None:
    """Records of two tables take turns in one topic; one target takes its rows, the other one refuses for a while."""
    once = Once(scene, batch__max_age="300ms", retry__max="300ms")
    other = Table(scene.name, "u")

    def produce(count: int, start: int) -> None:
        rows = [(once.table if i % 2 else other).row(start + i, "x", 1) for i in range(count)]
        scene.topics.produce_many(once.topic, rows)

    produce(20, 0)
    once.worker.start()
    for table in ("t", "u"):
        wait_stored(scene.clickhouse, table, 10)
    scene.wait_drained()
    scene.clickhouse.fault("refuse", code=241, count=1000000, match=f"INSERT INTO `{scene.name}`.`u`")
    produce(100, 1000)
    wait_stored(scene.clickhouse, "t", 60)
    wait_until(lambda: scene.clickhouse.fault_hits() > 1, 30, "the other target refuses")
    if killed:
        once.worker.kill9()
    scene.clickhouse.clear_faults()
    if killed:
        once.worker.options.update(OTHER_SIZES)
        once.worker.start()
    scene.wait_drained()
    check_each_once(scene.topics, scene.clickhouse, [once.topic], ["t", "u"])
    assert int(scene.clickhouse.value("SELECT count() FROM u")) == 60
    assert once.worker.terminate() == 0


def test_sixty_four_partitions_at_the_first_start(scene: Scene) -> None:
    """All are acquired with few statements, and each goes on by itself."""
    once = Once(scene, partitions=64)
    for partition in range(64):
        once.produce(3, partition, start=100 * partition)
    once.worker.start()
    once.check()
    assert once.worker.metric("ledger_writes_total") >= 128
    assert once.worker.metric("ledger_statements_total") < 128, "partitions that are ready together share a statement"
    once.worker.kill9()
    for partition in range(64):
        once.produce(3, partition, start=100 * partition + 50)
    once.worker.start()
    once.check()
    assert once.worker.terminate() == 0


@pytest.mark.parametrize("ledger", ["keeper_map", "kafka"])
def test_ranges_without_rows_are_committed(scene: Scene, ledger: str) -> None:
    """Tombstones and aborted transactions alone: the lag reaches 0, nothing is inserted."""
    once = Once(scene, ledger=ledger)
    once.run_and_store(5)
    for start in (100, 200):
        scene.topics.produce_many(once.topic, [(once.table.key(i), None) for i in range(10)])
        scene.topics.produce_transaction(once.topic, [once.table.row(start, "no", 1)], abort=True)
        scene.wait_drained()
    assert once.rows() == 5
    once.worker.kill9()
    scene.topics.produce_transaction(once.topic, [once.table.row(300, "no", 1)], abort=True)
    once.worker.start()
    once.check()
    wait_until(lambda: once.worker.metric("lag_records") == 0, 10, "no lag is shown")
    once.produce(5, start=400)
    once.check()
    assert once.worker.terminate() == 0


@pytest.mark.parametrize("ledger", ["keeper_map", "kafka"])
def test_sigterm_stores_and_commits_everything_read(scene: Scene, ledger: str) -> None:
    """What waits for a batch of a minute is stored before the end; the next start has nothing to replay."""
    once = Once(scene, ledger=ledger, batch__max_age="60s")
    offsets = once.produce(500)
    once.worker.start()
    wait_until(lambda: once.worker.metric("records_consumed_total") == 500, 30, "all records are read")
    assert once.worker.terminate() == 0
    assert scene.topics.committed(scene.name) == {(once.topic, 0): offsets[-1] + 1}
    once.check()
    once.worker.options["batch.max_age"] = "50ms"
    once.worker.start()
    once.produce(5, start=1000)
    once.check()
    assert once.worker.events("range_replayed") == []
    assert once.worker.terminate() == 0


def test_rows_of_replace_tables_are_written_once(scene: Scene) -> None:
    """The usual targets, with merges stopped and the coordinates beside each row, killed at two points."""
    once = Once(scene, tables__mode="replace", batch__collapse=False,
                columns__metadata=["_op", "_topic", "_partition", "_offset"])
    once.run_and_store(20)
    scene.clickhouse.execute("SYSTEM STOP MERGES t")
    assert once.worker.terminate() == 0
    records = [once.table.row(i % 50, "again", i % 100, op="u") for i in range(300)]
    deletes = [(once.table.key(i), once.table.value("d", before={"id": i, "name": None, "n": None})) for i in range(10)]
    scene.topics.produce_many(once.topic, records + deletes)
    once.worker.options["batch.max_rows"] = 40
    for point in ("after_open", "after_ack"):
        once.run_until_killed(point)
    once.worker.options["batch.max_rows"] = 1000
    once.worker.start()
    once.check()
    assert scene.clickhouse.count("t") == 40
    assert once.worker.terminate() == 0
