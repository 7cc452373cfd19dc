"""TRUNCATE: ignored, applied or a reason to stop; without any order against the rows of other partitions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sluice_testing.records import Table, envelope
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until


def _record(scene: Scene, table: Table, lsn: int) -> bytes:
    """What Debezium writes for a TRUNCATE: no key, no rows."""
    return table.wrap(envelope(scene.name, table.name, "t", lsn))


def _rows(table: Table, first: int, n: int, name: str) -> list[tuple[bytes, bytes]]:
    return [table.row(row_id, name) for row_id in range(first, first + n)]


def _policy(name: str) -> dict[str, Any]:
    return {"tables__defaults": {"truncate": name}}


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_case_17_truncate_of_the_real_connector(scene: Scene, delivery: str) -> None:
    """Applied: rows from before it are gone, those of the same transaction behind it stay; by default it is ignored."""
    scene.source.execute("CREATE TABLE emptied (id int PRIMARY KEY, v text)", "CREATE TABLE kept (id int PRIMARY KEY)",
                         "INSERT INTO emptied SELECT i, 'old' FROM generate_series(1, 30) i",
                         "INSERT INTO kept SELECT generate_series(1, 5)")
    worker = scene.run(delivery=delivery, tables__rules=[{"match": r"\.emptied$", "truncate": "apply"}])
    scene.connector("emptied,kept", skipped__operations="none")
    scene.wait_equal("emptied,kept")
    scene.wait_streaming()
    with scene.source.connect(autocommit=False) as writer:
        writer.execute("INSERT INTO emptied VALUES (40, 'gone')")
        writer.execute("TRUNCATE emptied, kept")
        writer.execute("INSERT INTO emptied VALUES (1, 'new'), (50, 'new')")
        writer.commit()
    scene.source.execute("INSERT INTO emptied VALUES (60, 'later')", "INSERT INTO kept VALUES (6)")
    scene.wait_equal("emptied")
    wait_until(lambda: scene.clickhouse.count("kept") == 6, 30, "the other table keeps its rows")
    assert worker.metric("truncates_total", policy="apply") == 1
    assert worker.metric("truncates_total", policy="ignore") == 1
    assert worker.terminate() == 0


def test_case_17_truncate_over_several_partitions(scene: Scene) -> None:
    """Constructed: it stands in one partition, older rows are read behind it in others; and after a crash, twice."""
    table = Table(scene.name, "spread")
    scene.topics.create(table.topic, partitions=3)
    for partition in range(3):
        scene.topics.produce_many(table.topic, _rows(table, 10 * partition, 5, "old"), partition=partition)
    late = _rows(table, 100, 5, "old, read late")
    table.lsn += 64
    truncate = _record(scene, table, table.lsn)
    newer = _rows(table, 200, 5, "new")
    worker = scene.run(delivery="exactly_once", **_policy("apply"))
    wait_until(lambda: scene.clickhouse.count("spread") == 15, 60, "the rows")
    scene.topics.produce(table.topic, truncate, None, partition=1)
    wait_until(lambda: scene.clickhouse.count("spread") == 0, 60, "no rows")
    scene.topics.produce_many(table.topic, late, partition=2)
    scene.topics.produce_many(table.topic, newer, partition=0)
    ids = [{"id": row_id} for row_id in range(200, 205)]
    wait_until(lambda: scene.clickhouse.final("spread", "id") == ids, 60, "the new rows alone")
    scene.wait_drained()
    worker.kill9()
    # Everything once more: rows of before the TRUNCATE are stored as deleted, in whatever order they come.
    scene.reset_offsets("--topic", table.topic, "--to-earliest")
    worker.start()
    scene.wait_drained(90)
    assert scene.clickhouse.final("spread", "id") == ids
    assert worker.terminate() == 0


def test_truncate_stops(scene: Scene) -> None:
    """Policy stop names the table; a target that several tables share can't be emptied for one of them."""
    table = Table(scene.name, "stops")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, _rows(table, 1, 3, "x"))
    scene.topics.produce(table.topic, _record(scene, table, table.lsn + 64), None)
    worker = scene.run(**_policy("stop"))
    stopped = worker.wait_event("partition_stopped", 60, offset=3)
    assert "public.stops" in stopped["error"] and "truncate: stop" in stopped["error"], stopped
    assert worker.terminate() == 1
    del worker.options["tables.defaults"]
    worker.options["tables.rules"] = [{"match": r"\.stops$", "truncate": "apply", "shared": True}]
    worker.start()
    stopped = worker.wait_event("partition_stopped", 60, offset=3)
    assert "shared: true" in stopped["error"], stopped
    wait_until(lambda: scene.clickhouse.count("stops") == 3, 30, "the rows before it")
    assert worker.terminate() == 1


def test_case_17_truncate_without_a_key_is_one_event_per_table(scene: Scene) -> None:
    """What the connector writes: null key, null before and after."""
    scene.source.execute("CREATE TABLE shown (id int PRIMARY KEY)", "INSERT INTO shown VALUES (1)")
    scene.connector("shown", skipped__operations="none")
    scene.wait_streaming()
    scene.source.execute("TRUNCATE shown")
    wait_until(lambda: sum(scene.topics.end_offsets(scene.topic("shown")).values()) == 2, 30, "two records")
    message = scene.topics.read(scene.topic("shown"))[1]
    payload = json.loads(message.value())["payload"]
    assert message.key() is None
    assert (payload["op"], payload["before"], payload["after"]) == ("t", None, None)
