"""Processes that die or stay away: the worker, ClickHouse, the broker. Nothing is lost, no manual step is needed."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from sluice_testing import load
from sluice_testing.programs import has_sanitizer, sluice
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

ALL = ",".join(load.TABLES)
# How long ClickHouse stays away; the long form is for a quiet machine: SLUICE_SOAK=60.
SOAK_SECONDS = float(os.environ.get("SLUICE_SOAK", "15"))


def _is_suspended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _loaded(scene: Scene, rows: int, **options: object) -> None:
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=rows, orders=rows, items=rows)
    scene.connector(ALL)
    scene.wait_streaming()


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_worker_killed_five_times_under_load(scene: Scene, delivery: str) -> None:
    """kill -9 at random moments of snapshot and load, restarted each time: equal, and nothing was stopped."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    worker = scene.worker(kafka__session__timeout__ms=2000, batch__max_rows=500, delivery=delivery)
    _loaded(scene, 3000)
    with load.Load(scene.source, seed, connections=2, rows=3000) as running:
        for _ in range(5):
            worker.start()
            worker.wait_event("partition_assigned")
            began, moment = time.monotonic(), chance.random() * 2
            # A random moment: after a number of transactions, or of seconds if the load is slow.
            goal = running.transactions + chance.randint(1, 600)
            wait_until(lambda: running.transactions >= goal or time.monotonic() - began > moment, 30, "the moment",
                       every=0.005)
            worker.kill9()
        worker.start()
        goal = running.transactions + 200
        wait_until(lambda: running.transactions >= goal, 30, "200 more transactions")
    scene.wait_equal(ALL)
    scene.wait_drained()
    assert worker.metric("stopped_partitions") == 0
    assert worker.terminate() == 0


def test_clickhouse_away_then_killed_in_the_middle_of_an_insert(scene: Scene) -> None:
    """The worker keeps what fits into memory.limit, pauses, and goes on by itself when ClickHouse is back."""
    limit = 16 << 20
    worker = scene.run(memory__limit="16MiB", batch__max_bytes="2MiB", batch__max_rows=5000)
    _loaded(scene, 500)
    scene.wait_equal(ALL)
    server = scene.stack.service("clickhouse")
    try:
        with load.Load(scene.source, seed=2, rows=500) as running:
            server.stop()
            away_since = time.monotonic()
            # More than the limit: about 3 kB for each record with its schema.
            scene.source.execute("INSERT INTO orders SELECT 1000000 + i, 1, 'bulk', 1, repeat('x', 200), "
                                 "timestamp '2024-01-01', NULL FROM generate_series(1, 40000) i")
            wait_until(lambda: worker.metric("paused_partitions") > 0, 60, "partitions are paused at the limit")
            assert worker.get("/readyz")[0] == 503
            assert worker.get("/livez")[0] == 200
            wait_until(lambda: time.monotonic() - away_since > SOAK_SECONDS, SOAK_SECONDS + 5, "the time away")
            assert worker.metric("retries_total") > 0
            server.start()
            stored = worker.metric("rows_inserted_total")
            wait_until(lambda: worker.metric("rows_inserted_total") > stored, 30, "inserts go on")
            scene.clickhouse.fault("delay", ms=20000, when="before")
            wait_until(lambda: scene.clickhouse.fault_hits() > 0, 30, "an insert is under way")
            server.kill()
            seen = running.transactions
            wait_until(lambda: running.transactions > seen + 50, 30, "the load goes on")
            server.start()
    finally:
        server.start()
    scene.wait_equal(ALL, seconds=90)
    scene.wait_drained()
    assert worker.status()["peak_buffered_bytes"] <= limit, worker.status()
    assert worker.metric("memory_limit_bytes") == limit
    assert worker.metric("stopped_partitions") == 0
    assert worker.get("/readyz")[0] == 200
    if not has_sanitizer(sluice()):
        assert worker.rss_mib(peak=True) < 200
    assert worker.terminate() == 0


def test_worker_stopped_while_clickhouse_is_away(scene: Scene) -> None:
    """SIGTERM with inserts that can't succeed: it ends within drain.timeout, and the next start stores everything."""
    worker = scene.run(drain__timeout="1s")
    _loaded(scene, 100)
    scene.wait_equal(ALL)
    server = scene.stack.service("clickhouse")
    server.stop()
    try:
        scene.source.execute("UPDATE customers SET name = 'changed meanwhile'")
        worker.wait_event("retry")
        began = time.monotonic()
        assert worker.terminate(seconds=20) == 0
        assert time.monotonic() - began < 10
        # It can't start without the server, and says so.
        worker.options["start.timeout"] = "1s"
        worker.launch()
        assert worker.wait_ended(30) == 1
        assert "start.timeout" in worker.log_text()
    finally:
        server.start()
    worker.start()
    scene.wait_equal(ALL)
    assert worker.terminate() == 0


def test_broker_killed_and_restarted(scene: Scene) -> None:
    """kill -9 of the broker under load; the worker comes back into its group by itself."""
    worker = scene.run()
    _loaded(scene, 500)
    with load.Load(scene.source, seed=3, rows=500) as running:
        goal = running.transactions + 100
        wait_until(lambda: running.transactions > goal, 30, "100 transactions")
        scene.wait_offset_recorded()
        scene.stack.kafka.kill()
        goal = running.transactions + 100
        wait_until(lambda: running.transactions > goal, 30, "100 transactions without a broker")
        assert worker.get("/livez")[0] == 200
        scene.stack.kafka.start()
        goal = running.transactions + 100
        wait_until(lambda: running.transactions > goal, 30, "100 transactions more")
    scene.wait_equal(ALL, seconds=120)
    scene.wait_drained()
    assert worker.metric("stopped_partitions") == 0
    assert worker.terminate() == 0


def test_broker_dies_between_assignment_and_offsets(scene: Scene) -> None:
    """The committed offsets can't be read: the worker joins again, begins where it stopped, and does not end."""
    table = Table(scene.name, "late")
    scene.topics.create(table.topic, partitions=2)
    worker = scene.run(delivery="exactly_once")
    scene.topics.produce_many(table.topic, [table.row(i, "before") for i in range(10)])
    wait_until(lambda: scene.clickhouse.has_table("late") and scene.clickhouse.count("late") == 10, 60, "the first rows")
    assert worker.terminate() == 0
    worker.environment["SLUICE_STOP_AT"] = "before_committed:1"
    worker.launch()
    wait_until(lambda: _is_suspended(worker.pid), 30, "the worker stands before it asks for the offsets")
    scene.stack.kafka.kill()
    worker.signal(signal.SIGCONT)
    worker.wait_event("assignment_refused", 60)
    scene.stack.kafka.start()
    scene.topics.produce_many(table.topic, [table.row(i, "after") for i in range(10, 20)])
    wait_until(lambda: scene.clickhouse.count("late") == 20, 60, "the rows that came later")
    assert not worker.events("offset_reset"), worker.tail()
    assert worker.terminate() == 0


def test_one_refused_table_does_not_hold_up_the_others(scene: Scene) -> None:
    """Inserts into one table fail for long, with more waiting than memory.limit; the other table's rows arrive."""
    refused, good = Table(scene.name, "refused"), Table(scene.name, "good")
    scene.topics.create(refused.topic, good.topic)
    worker = scene.run(memory__limit="16MiB", batch__max_bytes="1MiB", retry__max="500ms")
    scene.topics.produce_many(refused.topic, [refused.row(0, "first", 0)])
    wait_until(lambda: scene.clickhouse.has_table("refused") and scene.clickhouse.count("refused") == 1, 30,
               "the table is there")
    scene.clickhouse.fault("refuse", code=497, count=100000, match="`refused`")
    scene.topics.produce_many(refused.topic, [refused.row(i, "x" * 2000, 1) for i in range(20000)])
    wait_until(lambda: worker.partitions()[refused.topic, 0]["state"] == "paused", 30, "the partition is held")
    scene.topics.produce_many(good.topic, [good.row(i, "y" * 100, 1) for i in range(5000)])
    wait_until(lambda: scene.clickhouse.has_table("good") and scene.clickhouse.count("good") == 5000, 30,
               "the other table's rows arrive")
    assert worker.partitions()[good.topic, 0]["state"] == "running"
    wait_until(lambda: worker.partitions()[refused.topic, 0]["lag_records"] > 1000, 10, "the held lag is shown")
    assert worker.get("/readyz")[0] == 503
    scene.clickhouse.clear_faults()
    wait_until(lambda: len(scene.clickhouse.final("refused", "id")) == 20000, 60, "the held rows arrive")
    assert worker.terminate() == 0
