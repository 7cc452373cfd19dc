"""The trap of the plain MergeTree: a deduplication token that is registered though its rows are not stored.

The first two tests show it without sluice, so that the fault of the others is proven; then exactly-once delivery walks into
it and stores every row once.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from sluice_testing.clickhouse import ClickHouseError
from sluice_testing.once import Once
from sluice_testing.parts import RenameFault
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until


@pytest.fixture
def fault(scene: Scene) -> Iterator[RenameFault]:
    """ClickHouse with the fault at the rename of a part."""
    with RenameFault(scene.stack, scene.folder) as made:
        yield made


def _table(scene: Scene, name: str) -> str:
    """Makes a table with a window; the path of its parts begins with its UUID's folder."""
    scene.clickhouse.execute(f"CREATE TABLE {name} (a UInt64) ENGINE = MergeTree ORDER BY a "
                             "SETTINGS non_replicated_deduplication_window = 100")
    return _folder(scene, name)


def _folder(scene: Scene, name: str) -> str:
    return str(scene.clickhouse.value(f"SELECT toString(uuid) FROM system.tables WHERE database = '{scene.name}' "
                                      f"AND name = '{name}'"))


def _insert(scene: Scene, token: str) -> None:
    scene.clickhouse.execute("INSERT INTO trap SELECT number FROM numbers(3)", insert_deduplication_token=token,
                             async_insert=0, deduplicate_insert="enable")


def _count(scene: Scene) -> int:
    return int(scene.clickhouse.value("SELECT count() FROM trap"))


def test_a_token_outlives_its_rows_when_the_engine_is_killed(scene: Scene, fault: RenameFault) -> None:
    """Killed between token and part: after the restart the same insert gets 200, and the rows are nowhere."""
    fault.arm("kill", _table(scene, "trap"))
    with pytest.raises(ClickHouseError):
        _insert(scene, "token")
    fault.wait_killed()
    fault.restart()
    assert _count(scene) == 0
    _insert(scene, "token")
    assert _count(scene) == 0, "the engine has no trap any more: sluice's look-up after a 200 may go"
    _insert(scene, "another token")
    assert _count(scene) == 3


def test_a_token_outlives_its_rows_when_the_rename_fails(scene: Scene, fault: RenameFault) -> None:
    """The rename fails once: 500, then 200 to the same bytes under the same token, and nothing is stored."""
    fault.arm("fail", _table(scene, "trap"))
    with pytest.raises(ClickHouseError, match="answers 500"):
        _insert(scene, "token")
    fault.wait_hit()
    _insert(scene, "token")
    assert _count(scene) == 0, "the engine has no trap any more: sluice's look-up after a 200 may go"
    _insert(scene, "another token")
    assert _count(scene) == 3


@pytest.mark.parametrize("worker_dies", [False, True])
def test_rows_are_stored_once_when_the_engine_is_killed(scene: Scene, fault: RenameFault, worker_dies: bool) -> None:
    """Killed between token and part of an insert of sluice, once with the worker too, which finds the range again."""
    once = Once(scene)
    once.run_and_store(20)
    fault.arm("kill", _folder(scene, "t"))
    once.produce(300)
    fault.wait_killed()
    if worker_dies:
        once.worker.kill9()
    fault.restart()
    if worker_dies:
        once.worker.start()
    once.check()
    if worker_dies:
        wait_until(lambda: once.worker.metric("ledger_replays_total") == 1, 10, "the replay is counted")
        line = once.worker.wait_event("range_replayed")
        assert line["rows"] == line["missing"] > 0, line
    assert once.worker.metric("ledger_rows_missing_total") > 0
    assert once.worker.terminate() == 0


def test_rows_are_stored_once_when_the_rename_fails(scene: Scene, fault: RenameFault) -> None:
    """The first answer is an error, the second one a 200 that is worth nothing."""
    once = Once(scene)
    once.run_and_store(20)
    for _ in range(2):
        fault.arm("fail", _folder(scene, "t"))
        once.produce(50)
        fault.wait_hit()
        once.check()
    assert once.worker.metric("ledger_rows_missing_total") > 0
    assert once.worker.metric("rows_inserted_total") == 120, "rows that were sent again are counted once"
    assert once.worker.terminate() == 0


@pytest.mark.parametrize(("how", "skip"), [("kill", 1), ("kill", 3), ("fail", 0)])
def test_one_part_of_several(scene: Scene, fault: RenameFault, how: str, skip: int) -> None:
    """PARTITION BY: four parts for each insert, which the engine commits one by one; the fault comes in between."""
    scene.clickhouse.execute("""CREATE TABLE t (id Int32, name Nullable(String), n Nullable(Int16), _version UInt128,
        is_deleted UInt8, _op LowCardinality(String), _topic LowCardinality(String), _partition Int32, _offset Int64)
        ENGINE = MergeTree PARTITION BY id % 4 ORDER BY id SETTINGS non_replicated_deduplication_window = 10000""")
    once = Once(scene)
    once.run_and_store(20)
    fault.arm(how, _folder(scene, "t"), skip)
    once.produce(80)
    if how == "kill":
        fault.wait_killed()
        once.worker.signal(signal.SIGSTOP)  # so that nothing is sent before the rows are counted
        fault.restart()
        stored = once.rows()
        assert (stored - 20) % 20 == 0 and stored < 100, stored
        once.worker.signal(signal.SIGCONT)
    else:
        fault.wait_hit()
    once.check()
    assert once.rows() == 100
    assert once.worker.terminate() == 0


