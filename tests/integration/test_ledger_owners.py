"""Two that believe they own a partition, and targets on which nobody can promise exactly once."""

from __future__ import annotations

import signal

import pytest
from sluice_testing.once import Once, ledger_row, set_ledger_row, wait_state
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.stored import wait_stored
from sluice_testing.wait import wait_until

OPTIONS = {"kafka__group__instance__id": None, "kafka__session__timeout__ms": 1500, "kafka__heartbeat__interval__ms": 300}
COLUMNS = """id Int32, name Nullable(String), n Nullable(Int16), _version UInt128, is_deleted UInt8,
    _op LowCardinality(String), _topic LowCardinality(String), _partition Int32, _offset Int64"""
WINDOW = "non_replicated_deduplication_window"


@pytest.mark.parametrize(("ledger", "insert"), [("keeper_map", "at_rest"), ("keeper_map", "under_way"),
                                                ("keeper_map", "answered_late"), ("kafka", "under_way")])
def test_suspended_owner_comes_back(scene: Scene, ledger: str, insert: str) -> None:
    """SIGSTOP beyond the session time, a second worker takes over, SIGCONT: the first one does no harm."""
    options = {"ledger": ledger, "retry__max": "300ms", "batch__max_rows": 50, **OPTIONS}
    once = Once(scene, **options)
    once.run_and_store(20)
    first = once.worker
    if insert != "at_rest":
        when = "before" if insert == "under_way" else "after"
        scene.clickhouse.fault("delay", ms=3000, when=when, match=f"INSERT INTO `{scene.name}`.`t`")
    once.produce(40, start=100)
    if insert == "at_rest":
        once.check()
    else:
        wait_until(lambda: scene.clickhouse.fault_hits() == 1, 30, "an insert is under way")
    first.signal(signal.SIGSTOP)
    second = scene.run("second", **{"delivery": "exactly_once", "tables__mode": "log", **options})
    second.wait_event("partition_assigned")
    once.produce(120, start=200)
    wait_stored(scene.clickhouse, "t", 180)
    first.signal(signal.SIGCONT)
    once.produce(60, start=400)
    once.check()
    wait_until(lambda: scene.topics.members(scene.name) == 2, 30, "the first one is back in the group")
    once.produce(30, start=600)
    once.check()
    for worker in (first, second):
        assert worker.metric("stopped_partitions") == 0
        assert worker.terminate() == 0


def test_row_taken_by_somebody_else(scene: Scene) -> None:
    """The ledger's row changes under a worker that the group still trusts: it is fenced, and acquires it again."""
    once = Once(scene)
    once.run_and_store(20)
    for number in range(3):
        row = ledger_row(scene, once.topic)
        taken = row | {"epoch": row["epoch"] + 1, "owner": 0x77, "seq": row["seq"] + 1}
        words = [f"{name}{value}" for name, value in (("epoch=", taken["epoch"]), ("owner=", "77"),
                                                      ("seq=", taken["seq"]))]
        names = [word.split("=")[0] + "=" for word in words]
        taken["state"] = " ".join(next((new for name, new in zip(names, words, strict=True) if old.startswith(name)), old)
                                  for old in row["state"].split(" "))
        set_ledger_row(scene, taken)
        once.produce(10, start=100 * (number + 1))
        once.check()
        assert once.worker.metric("ledger_fenced_total") == number + 1
        assert len(once.worker.events("partition_fenced")) == number + 1
    assert once.worker.metric("stopped_partitions") == 0
    assert once.worker.terminate() == 0


def test_two_groups_on_one_ledger(scene: Scene) -> None:
    """Two workers of one pipeline in different groups both own everything, for ever: they fence each other, and no row
    is stored twice or lost."""
    once = Once(scene, batch__max_rows=10, batch__max_age="50ms", **OPTIONS)
    once.run_and_store(20)
    rival = scene.run("rival", delivery="exactly_once", tables__mode="log", batch__max_rows=7, batch__max_age="50ms",
                         kafka__group__id=f"{scene.name}-rival", **OPTIONS)
    for number in range(20):
        once.produce(20, start=1000 + 20 * number)
        wait_stored(scene.clickhouse, "t", 20 + 20 * (number + 1))
    assert rival.terminate() == 0
    once.produce(20, start=5000)
    once.check()
    assert once.worker.metric("ledger_fenced_total") > 0
    assert once.worker.terminate() == 0


def _refused(scene: Scene, ddl: str, words: list[str], remedy: str, **options: object) -> None:
    """A target that was made as told stops its partition alone; after the remedy and SIGHUP it goes on."""
    for statement in ddl.split(";"):
        scene.clickhouse.execute(statement)
    once = Once(scene, **options)
    good = Table(scene.name, "good")
    scene.topics.create(good.topic)
    once.worker.start()
    once.produce(10)
    text = str(wait_state(once.worker, once.topic, words[0]))
    for word in words:
        assert word in text, (word, text)
    scene.topics.produce_many(good.topic, [good.row(i, "good", 1) for i in range(10)])
    wait_stored(scene.clickhouse, "good", 10)
    assert once.rows() == 0
    for statement in remedy.split(";"):
        scene.clickhouse.execute(statement)
    once.worker.signal(signal.SIGHUP)
    if options.get("tables__mode") == "replace":
        wait_stored(scene.clickhouse, "t", 10)
        scene.wait_drained()
    else:
        once.check()
    wait_until(lambda: once.worker.metric("stopped_partitions") == 0, 10, "no partition is stopped")
    assert once.worker.terminate() == 1, "the end tells that a partition was stopped meanwhile"


@pytest.mark.parametrize("setting", ["", f"SETTINGS {WINDOW} = 5"])
def test_target_without_a_window(scene: Scene, setting: str) -> None:
    """The engine would not know a block that comes again, or forget it too soon."""
    _refused(scene, f"CREATE TABLE t ({COLUMNS}) ENGINE = MergeTree ORDER BY id {setting}",
             ["`t`", WINDOW, "ALTER TABLE", "MODIFY SETTING"], f"ALTER TABLE t MODIFY SETTING {WINDOW} = 10000")


def test_plain_merge_tree_for_replaced_rows(scene: Scene) -> None:
    """Mode replace on an engine that replaces nothing."""
    made = f"CREATE TABLE t ({COLUMNS}) ENGINE = %s ORDER BY id SETTINGS {WINDOW} = 10000"
    _refused(scene, made % "MergeTree", ["ReplacingMergeTree", "tables.mode"],
             "DROP TABLE t SYNC;" + made % "ReplacingMergeTree(_version, is_deleted)", tables__mode="replace")


def test_materialized_view_on_the_target(scene: Scene) -> None:
    """A view would count rows of a block that comes again."""
    _refused(scene, f"""CREATE TABLE t ({COLUMNS}) ENGINE = MergeTree ORDER BY id SETTINGS {WINDOW} = 10000;
             CREATE TABLE counted (id Int32) ENGINE = MergeTree ORDER BY id;
             CREATE MATERIALIZED VIEW counting TO counted AS SELECT id FROM t""",
             ["materialized view", "counting"], "DROP VIEW counting SYNC")
