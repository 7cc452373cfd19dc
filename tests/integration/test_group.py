"""Several workers in one group: shares, hand-over, static membership, drain, reload."""

from __future__ import annotations

import signal

import pytest
from sluice_testing import load
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker


def _owned(*workers: Worker) -> list[set[tuple[str, int]]]:
    return [set(worker.partitions()) for worker in workers]


def _wait_shared(wanted: int, *workers: Worker) -> None:
    """Waits until every partition belongs to exactly one worker, and each worker has as many."""
    def shared() -> bool:
        owned = _owned(*workers)
        assert len(set().union(*owned)) == wanted, owned
        assert [len(one) for one in owned] == [wanted // len(workers)] * len(workers), owned
        return True
    wait_until(shared, 30, f"{wanted} partitions are shared out")


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_two_workers_on_four_partitions_one_leaves_one_comes(scene: Scene, delivery: str) -> None:
    """Under load, politely and with -9: equal at the end, nothing hangs, no partition has two owners or none."""
    tables = ",".join(load.TABLES)
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=500, orders=500, items=500)
    for table in load.TABLES:
        scene.topics.create(scene.topic(table), partitions=4)
    options = {"kafka__session__timeout__ms": 3000, "delivery": delivery}
    first, second = scene.run("first", **options), scene.run("second", **options)
    scene.connector(tables)
    with load.Load(scene.source, seed=4, rows=500) as running:
        def more(count: int) -> None:
            goal = running.transactions + count
            wait_until(lambda: running.transactions > goal, 30, f"{count} transactions")

        _wait_shared(12, first, second)
        more(200)
        assert first.terminate() == 0
        _wait_shared(12, second)
        more(100)
        third = scene.run("third", **options)
        _wait_shared(12, second, third)
        more(100)
        second.kill9()
        _wait_shared(12, third)
        second.start()
        _wait_shared(12, second, third)
        more(100)
    scene.wait_equal(tables)
    scene.wait_drained()
    for worker in (second, third):
        assert worker.metric("stopped_partitions") == 0
        wait_until(lambda w=worker: w.metric("lag_records") == 0, 20, "no lag is shown")
        assert worker.terminate() == 0


def test_two_workers_on_twelve_topics_have_six_each(scene: Scene) -> None:
    """Topics of one partition each: the range strategy would give all of them to one worker."""
    tables = [Table(scene.name, f"t{i:02}") for i in range(12)]
    scene.topics.create(*[table.topic for table in tables])
    first, second = scene.run("first"), scene.run("second")
    _wait_shared(12, first, second)
    assert [len(owned) for owned in _owned(first, second)] == [6, 6]
    for table in tables:
        scene.topics.produce_many(table.topic, [table.row(i, table.name, i) for i in range(20)])
    for table in tables:
        wait_until(lambda t=table: scene.clickhouse.count(t.name) == 20, 30, f"rows of {table.name}")
    scene.wait_drained()
    assert first.terminate() == 0 and second.terminate() == 0


def test_static_member_comes_back_to_its_partitions(scene: Scene) -> None:
    """With group.instance.id a restart is no rebalance: the other worker keeps what it has and is not disturbed."""
    tables = [Table(scene.name, f"t{i}") for i in range(4)]
    scene.topics.create(*[table.topic for table in tables])
    first = scene.run("first", kafka__group__instance__id="one", kafka__session__timeout__ms=20000)
    second = scene.run("second", kafka__group__instance__id="two", kafka__session__timeout__ms=20000)
    _wait_shared(4, first, second)
    before = _owned(first, second)
    rebalances = second.metric("rebalances_total")
    assert first.terminate() == 0
    for table in tables:
        scene.topics.produce_many(table.topic, [table.row(1, "while it was away", 1)])
    first.start()
    _wait_shared(4, first, second)
    assert _owned(first, second) == before
    assert second.metric("rebalances_total") == rebalances
    for table in tables:
        wait_until(lambda t=table: scene.clickhouse.count(t.name) == 1, 30, f"the row of {table.name}")
    first.kill9()
    first.start()
    _wait_shared(4, first, second)
    assert _owned(first, second) == before
    assert second.metric("rebalances_total") == rebalances
    assert first.terminate() == 0 and second.terminate() == 0


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_partitions_paused_at_a_rebalance_go_on_afterwards(scene: Scene, delivery: str) -> None:
    """Inserts fail, so partitions are held; a second worker comes and goes meanwhile; then everything arrives."""
    table = Table(scene.name, "held")
    scene.topics.create(table.topic, partitions=4)
    options = {"kafka__session__timeout__ms": 3000, "retry__max": "500ms", "drain__timeout": "1s",
               "delivery": delivery}
    first = scene.run("first", **options)
    for partition in range(4):
        scene.topics.produce_many(table.topic, [table.row(partition, "before", 1)], partition)
    wait_until(lambda: scene.clickhouse.has_table("held") and scene.clickhouse.count("held") == 4, 30, "rows arrive")
    scene.clickhouse.fault("refuse", code=241, count=100000, match="`held`")
    for partition in range(4):
        scene.topics.produce_many(table.topic, [table.row(partition, "while away", 2)], partition)
    wait_until(lambda: {p["state"] for p in first.partitions().values()} == {"paused"}, 30, "all partitions are held")
    second = scene.run("second", **options)
    _wait_shared(4, first, second)
    assert second.terminate() == 0
    _wait_shared(4, first)
    scene.clickhouse.clear_faults()
    for partition in range(4):
        scene.topics.produce_many(table.topic, [table.row(partition, "after", 3)], partition)
    wait_until(lambda: scene.clickhouse.final("held", "id, n") == [{"id": i, "n": 3} for i in range(4)], 30,
               "the last rows are stored")
    scene.wait_drained()
    assert first.terminate() == 0


def test_sigterm_stores_and_commits_everything_read(scene: Scene) -> None:
    """Rows that wait for a batch of an hour are stored and committed before the process ends."""
    table = Table(scene.name, "drained")
    scene.topics.create(table.topic)
    worker = scene.run(batch__max_age="60s")
    offsets = scene.topics.produce_many(table.topic, [table.row(i, "x" * 50, i % 100) for i in range(3000)])
    wait_until(lambda: worker.metric("records_consumed_total") == 3000, 30, "all records are read")
    assert scene.topics.committed(scene.name).get((table.topic, 0), 0) <= offsets[-1]
    assert worker.terminate() == 0
    assert scene.topics.lag(scene.name) == {}
    assert scene.topics.committed(scene.name)[table.topic, 0] == offsets[-1] + 1
    assert scene.clickhouse.count("drained") == 3000
    assert scene.topics.members(scene.name) == 0


def test_second_signal_ends_at_once(scene: Scene) -> None:
    """Whoever sends a second SIGTERM does not want to wait for the drain; the rows are read again."""
    table = Table(scene.name, "hurry")
    scene.topics.create(table.topic)
    worker = scene.run(batch__max_age="60s", drain__timeout="600s", kafka__session__timeout__ms=2000)
    scene.topics.produce_many(table.topic, [table.row(1, "x", 1)])
    wait_until(lambda: worker.metric("records_consumed_total") == 1, 30, "the record is read")
    wait_until(lambda: worker.metric("tables_planned") == 1, 30, "the table is planned")
    scene.clickhouse.fault("refuse", code=241, count=100000)
    worker.signal(signal.SIGTERM)
    worker.wait_event("retry")
    worker.signal(signal.SIGTERM)
    assert worker.wait_ended(10) == 1
    scene.clickhouse.clear_faults()
    worker.options["drain.timeout"] = "20s"
    worker.options["batch.max_age"] = "100ms"
    worker.start()
    wait_until(lambda: scene.clickhouse.count("hurry") == 1, 30, "the row is stored by the next start")
    assert worker.terminate() == 0


def test_sighup_takes_over_what_can_be_reloaded(scene: Scene) -> None:
    """A new batch.max_age holds from then on; a broken file changes nothing; an option that needs a restart is told."""
    table = Table(scene.name, "reload")
    scene.topics.create(table.topic)
    worker = scene.run(batch__max_age="60s")
    scene.topics.produce_many(table.topic, [table.row(1, "x", 1)])
    wait_until(lambda: worker.metric("tables_planned") == 1, 30, "the table is planned")
    assert scene.clickhouse.count("reload") == 0
    worker.options["batch.max_age"] = "50ms"
    worker.options["senders"] = 3
    worker.write_config()
    worker.signal(signal.SIGHUP)
    assert worker.wait_event("reloaded")["needs_restart"] == "senders"
    wait_until(lambda: scene.clickhouse.count("reload") == 1, 20, "the row is sent at its new age")

    worker.options["batch.max_age"] = "5 parsec"
    worker.write_config()
    worker.signal(signal.SIGHUP)
    assert "parsec" in worker.wait_event("reload_failed")["error"]
    scene.topics.produce_many(table.topic, [table.row(2, "x", 1)])
    wait_until(lambda: scene.clickhouse.count("reload") == 2, 20, "it goes on with what it had")
    assert worker.terminate() == 0
