"""Unchanged TOAST values: every form of the connector's placeholder, each policy, and key changes over four partitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

# Out of line and not compressed: what an update leaves alone is not sent.
BIG = "repeat({0}::text || ' äß漢🚚 ', 700)"
COLUMNS = {
    "tx": ("text", BIG),
    "vc": ("varchar(20000)", BIG),
    "js": ("json", "json_build_object('k', {0}, 'v', repeat('x', 5000))"),
    "jb": ("jsonb", "jsonb_build_object('k', {0}, 'v', repeat('y', 5000))"),
    "by": ("bytea", "decode(repeat(lpad(to_hex({0}), 8, '0'), 1000), 'hex')"),
}


@pytest.fixture(params=["at_least_once", "exactly_once"])
def delivery(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both kinds of delivery ask at another time."""
    yield request.param


def _create(scene: Scene, table: str, identity: str = "DEFAULT") -> None:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    scene.source.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, n integer NOT NULL, {columns})",
                         f"ALTER TABLE {table} REPLICA IDENTITY {identity}")
    for name in COLUMNS:
        scene.source.execute(f"ALTER TABLE {table} ALTER COLUMN {name} SET STORAGE EXTERNAL")


def _insert(scene: Scene, table: str, first: int, last: int) -> None:
    values = ", ".join(value.format("i") for _, value in COLUMNS.values())
    scene.source.execute(f"INSERT INTO {table} SELECT i, 0, {values} FROM generate_series({first}, {last}) i")


def _rules(**more: Any) -> dict[str, Any]:
    return {"tables__create": True, **more}


def test_case_12_values_stay(scene: Scene, delivery: str) -> None:
    """Updates that leave big values alone, of rows from the snapshot, from earlier batches and from the same batch."""
    scene.topics.create(scene.topic("docs"), partitions=4)
    _create(scene, "docs")
    _insert(scene, "docs", 1, 40)
    worker = scene.run(delivery=delivery)
    scene.connector("docs")
    scene.wait_equal("docs")
    scene.wait_streaming()
    scene.source.execute("UPDATE docs SET n = n + 1", "UPDATE docs SET n = n + 1 WHERE id % 2 = 0",
                         "UPDATE docs SET tx = 'short' WHERE id % 5 = 0", "UPDATE docs SET n = 7 WHERE id % 3 = 0",
                         "UPDATE docs SET by = NULL WHERE id = 6", "UPDATE docs SET n = 8 WHERE id = 6",
                         "DELETE FROM docs WHERE id = 9")
    _insert(scene, "docs", 9, 9)
    _insert(scene, "docs", 100, 110)
    scene.source.execute("UPDATE docs SET n = -1 WHERE id >= 100")
    scene.wait_equal("docs")
    assert worker.metric("previous_lookups_total") > 0
    assert worker.metric("toast_values_total") > 0


def test_case_11_observed_02_values_move_with_their_key(scene: Scene, delivery: str) -> None:
    """A key change moves a row to another partition; its big values stand under the old key only."""
    scene.topics.create(scene.topic("docs"), partitions=4)
    _create(scene, "docs")
    _insert(scene, "docs", 1, 30)
    worker = scene.run(delivery=delivery, retry__initial="50ms")
    scene.connector("docs")
    scene.wait_equal("docs")
    scene.wait_streaming()
    for i in range(1, 31):
        scene.source.execute(f"UPDATE docs SET id = {1000 + i} WHERE id = {i}")
    scene.wait_equal("docs")
    # A chain in one transaction, and many at once.
    with scene.source.connection.transaction():
        scene.source.execute("UPDATE docs SET id = 2001 WHERE id = 1001", "UPDATE docs SET id = 3001 WHERE id = 2001",
                             "UPDATE docs SET n = 5 WHERE id = 3001", "UPDATE docs SET id = 4001 WHERE id = 3001")
    scene.source.execute("UPDATE docs SET id = id + 10000 WHERE id < 1020", "UPDATE docs SET n = n + 1")
    scene.wait_equal("docs", seconds=120)
    assert not [line for line in worker.events() if line.get("event") == "partition_stopped"]


def test_a_value_that_nobody_knows_stops_by_name(scene: Scene) -> None:
    """The target never had the row: stop names table, column and remedy; null stores NULL."""
    _create(scene, "docs")
    _insert(scene, "docs", 1, 2)
    scene.connector("docs", snapshot__mode="no_data")
    scene.wait_streaming()
    scene.source.execute("UPDATE docs SET n = 1 WHERE id = 1")
    worker = scene.run()
    line = worker.wait_event("partition_stopped")
    assert 'table "public.docs", field "tx"' in line["error"] and "toast_missing" in line["error"], line
    worker.terminate()
    scene.run("second", tables__defaults={"toast_missing": "null"})
    wait_until(lambda: scene.clickhouse.rows("SELECT id, n, tx, js FROM docs FINAL")
               == [{"id": 1, "n": 1, "tx": None, "js": None}], 30, "the row without its values")
