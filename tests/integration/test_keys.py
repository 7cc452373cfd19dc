"""Rows that move: sorting keys outside the source's key, and keys that are deferrable."""

from __future__ import annotations

import pytest
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

DELIVERIES = ["at_least_once", "exactly_once"]


@pytest.mark.parametrize("partitions", [1, 4])
def test_observed_01_deferrable_keys_shift(scene: Scene, partitions: int) -> None:
    """UPDATE t SET id = id + 1: the delete of a key comes after the create of the row that takes it."""
    scene.topics.create(scene.topic("steps"), partitions=partitions)
    scene.source.execute("CREATE TABLE steps (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text, same text)",
                         "ALTER TABLE steps REPLICA IDENTITY FULL",
                         "INSERT INTO steps SELECT i, 'v' || i, 'same' FROM generate_series(1, 30) i",
                         # Rows that differ in nothing but the key.
                         "CREATE TABLE twins (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text)",
                         "ALTER TABLE twins REPLICA IDENTITY FULL",
                         "INSERT INTO twins SELECT i, 'same' FROM generate_series(1, 30) i")
    worker = scene.run(delivery="exactly_once", batch__max_rows=7)
    scene.connector("steps,twins")
    scene.wait_equal("steps,twins")
    scene.wait_streaming()
    for table in ("steps", "twins"):
        scene.source.execute(f"UPDATE {table} SET id = id + 1", f"UPDATE {table} SET id = id - 1",
                             f"INSERT INTO {table} (id) VALUES (500)", f"DELETE FROM {table} WHERE id = 500")
        with scene.source.connection.transaction():
            scene.source.execute(f"INSERT INTO {table} (id, v) VALUES (600, 'x')", f"DELETE FROM {table} WHERE id = 600",
                                 f"INSERT INTO {table} (id, v) VALUES (601, 'x')", f"DELETE FROM {table} WHERE id = 20",
                                 f"UPDATE {table} SET id = id + 1 WHERE id < 20")
    scene.wait_equal("steps,twins", seconds=120)
    assert worker.metric("stopped_partitions") == 0
    # The same again from the beginning, over what is stored.
    worker.terminate()
    scene.reset_offsets("--all-topics", "--to-earliest")
    scene.run("second", delivery="exactly_once", batch__max_rows=5)
    scene.wait_drained()
    scene.wait_equal("steps,twins", seconds=120)


@pytest.mark.parametrize("point", ["after_previous", "after_ack"])
def test_shift_with_a_kill(scene: Scene, point: str) -> None:
    """A worker dies between the question and the insert, and after the insert."""
    scene.source.execute("CREATE TABLE steps (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text)",
                         "ALTER TABLE steps REPLICA IDENTITY FULL",
                         "INSERT INTO steps SELECT i, 'v' || i FROM generate_series(1, 30) i")
    worker = scene.run(delivery="exactly_once", batch__max_rows=7)
    scene.connector("steps")
    scene.wait_equal("steps")
    scene.wait_streaming()
    worker.terminate()
    scene.source.execute("UPDATE steps SET id = id + 1")
    for passing in (1, 2, 3):
        worker.environment["SLUICE_KILL_AT"] = f"{point}:{passing}"
        worker.launch()
        assert worker.wait_ended() != 0
        del worker.environment["SLUICE_KILL_AT"]
    worker.start()
    scene.wait_equal("steps")


def _share_a_key(scene: Scene, n_between: int) -> None:
    """Two rows with one key until the transaction ends: an older or a newer one goes, between other rows."""
    def between(value: str) -> list[str]:
        return [f"UPDATE steps SET v = '{value}' WHERE id BETWEEN 10 AND {9 + n_between}"]
    for n, (taken, deleted) in enumerate([("INSERT INTO steps VALUES (1, 'new', 'same')", "v LIKE 'old%'"),
                                          ("INSERT INTO steps VALUES (2, 'new', 'same')", "v = 'old2'"),
                                          ("UPDATE steps SET id = 3 WHERE id = 15", "v = 'old3'"),
                                          ("INSERT INTO steps VALUES (4, 'old4', 'same')", "ctid = (SELECT max(ctid) FROM steps WHERE id = 4)")]):
        key = n + 1
        with scene.source.connection.transaction():
            scene.source.execute(taken, *between(f"a{n_between}{n}"), f"DELETE FROM steps WHERE id = {key} AND {deleted}",
                                 *between(f"b{n_between}{n}"))
    with scene.source.connection.transaction():
        scene.source.execute("INSERT INTO steps SELECT i, 'bulk', 'same' FROM generate_series(1001, 1020) i",
                             "INSERT INTO steps SELECT i, 'new', 'same' FROM generate_series(5, 9) i",
                             "DELETE FROM steps WHERE id BETWEEN 5 AND 9 AND v <> 'new'")


@pytest.mark.parametrize(("delivery", "between"), [("at_least_once", (3, 5)), ("exactly_once", (0, 4))])
def test_rows_that_share_a_key(scene: Scene, delivery: str, between: tuple[int, ...]) -> None:
    """Deferred: with REPLICA IDENTITY FULL the deleted row tells which of two rows of one key it is."""
    rules = [{"match": r"\.(steps|twins)$", "identity": "full"}]
    scene.source.execute("CREATE TABLE steps (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text, same text)",
                         "ALTER TABLE steps REPLICA IDENTITY FULL",
                         "CREATE TABLE twins (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text)",
                         "ALTER TABLE twins REPLICA IDENTITY FULL",
                         "INSERT INTO twins SELECT i, 'same' FROM generate_series(1, 15) i")
    worker = scene.run(delivery=delivery, batch__max_rows=4, tables__rules=rules)
    scene.connector("steps,twins")
    scene.wait_equal("twins")
    scene.wait_streaming()
    for n_between in between:
        scene.source.execute("DELETE FROM steps", "INSERT INTO steps SELECT i, 'old' || i, 'same' FROM generate_series(1, 15) i")
        _share_a_key(scene, n_between)
    scene.source.execute("UPDATE twins SET id = id + 1")
    scene.wait_equal("steps,twins", seconds=120)
    assert worker.metric("stopped_partitions") == 0
    worker.terminate()
    scene.reset_offsets("--all-topics", "--to-earliest")
    second = scene.run("second", delivery=delivery, batch__max_rows=7, tables__rules=rules)
    scene.wait_drained()
    scene.wait_equal("steps,twins", seconds=120)
    # The newest of them goes, amid one batch: over two it would stop by name.
    with scene.source.connection.transaction():
        scene.source.execute("INSERT INTO twins VALUES (5, 'newest')", "DELETE FROM twins WHERE v = 'newest'")
    scene.wait_drained()
    scene.wait_equal("twins")
    assert second.metric("stopped_partitions") == 0


def test_shift_in_a_shared_target(scene: Scene) -> None:
    """Two tables in one topic and one target: batches begin with rows of the one, amid a transaction that shifts keys of
    the other."""
    for table, first in (("steps", 1), ("others", 1001)):
        scene.source.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, n int, v text)",
                             f"ALTER TABLE {table} REPLICA IDENTITY FULL",
                             f"INSERT INTO {table} SELECT i, i, 'v' || i FROM generate_series({first}, {first + 19}) i")
    worker = scene.run(batch__max_rows=7, tables__rules=[
        {"match": r"\.(steps|others)$", "table": "both", "shared": True}])
    scene.connector("steps,others", transforms="route", transforms__route__type="io.debezium.transforms.ByLogicalTableRouter",
                    transforms__route__topic__regex="(.*)\\.(steps|others)", transforms__route__topic__replacement="$1.both",
                    transforms__route__key__enforce__uniqueness="false")
    scene.wait_streaming()
    for n_between in (4, 5, 6, 7):
        with scene.source.connection.transaction():
            scene.source.execute("UPDATE steps SET id = id + 1 WHERE n <= 10",
                                 f"UPDATE others SET v = v || '+' WHERE n <= 1000 + {n_between}",
                                 "UPDATE steps SET id = id + 1 WHERE n > 10")

    def equal() -> bool:
        want = [{"id": i, "v": v} for i, v in scene.source.query(
            "SELECT id, v FROM steps UNION ALL SELECT id, v FROM others ORDER BY id")]
        got = scene.clickhouse.final("both", "id, v")
        assert got == want, [row for row in want if row not in got] + [row for row in got if row not in want]
        return True
    wait_until(lambda: scene.clickhouse.has_table("both") and equal(), 60, "the target equals both tables")
    assert worker.terminate() == 0


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_sorting_key_outside_the_key(scene: Scene, delivery: str) -> None:
    """ORDER BY (place, id): a row that moves leaves a deleted row behind, also with big values that did not change."""
    scene.source.execute("CREATE TABLE goods (id integer PRIMARY KEY, place integer NOT NULL, n integer, big text)",
                         "ALTER TABLE goods ALTER COLUMN big SET STORAGE EXTERNAL",
                         "INSERT INTO goods SELECT i, i % 5, 0, repeat(i::text, 3000) FROM generate_series(1, 40) i")
    worker = scene.run(delivery=delivery, batch__max_rows=17,
                       tables__rules=[{"match": r"\.goods$", "order_by": ["place", "id"]}])
    scene.connector("goods")
    scene.wait_equal("goods")
    scene.wait_streaming()
    scene.source.execute("UPDATE goods SET place = place + 1", "UPDATE goods SET place = place - 1 WHERE id < 20",
                         "UPDATE goods SET n = 1 WHERE id < 10", "DELETE FROM goods WHERE id IN (3, 33)",
                         "UPDATE goods SET id = id + 100 WHERE id BETWEEN 5 AND 8",
                         "INSERT INTO goods VALUES (3, 9, 9, 'again')", "UPDATE goods SET place = 77 WHERE id = 3")
    scene.wait_equal("goods")
    assert worker.metric("moved_rows_total") > 0
    assert int(scene.clickhouse.rows("SELECT count() AS n FROM goods FINAL WHERE is_deleted = 0")[0]["n"]) == 39
    worker.terminate()
    scene.reset_offsets("--all-topics", "--to-earliest")
    scene.run("second", delivery=delivery, batch__max_rows=11,
              tables__rules=[{"match": r"\.goods$", "order_by": ["place", "id"]}])
    scene.wait_drained()
    scene.wait_equal("goods")
    assert int(scene.clickhouse.rows("SELECT count() AS n FROM goods FINAL")[0]["n"]) == 39


def test_case_19_tables_without_a_key(scene: Scene) -> None:
    """Two equal rows stay two; an update of one of them stops by name."""
    scene.source.execute("CREATE TABLE notes (n integer, v text)", "ALTER TABLE notes REPLICA IDENTITY FULL",
                         "INSERT INTO notes VALUES (1, 'same'), (1, 'same')")
    worker = scene.run(tables__rules=[{"match": r"\.notes$", "no_key": "position"}])
    scene.connector("notes")
    wait_until(lambda: scene.clickhouse.has_table("notes")
               and len(scene.clickhouse.rows("SELECT n, v FROM notes FINAL")) == 2, 60, "both rows")
    scene.wait_streaming()
    scene.source.execute("INSERT INTO notes VALUES (1, 'same')")
    wait_until(lambda: len(scene.clickhouse.rows("SELECT n, v FROM notes FINAL")) == 3, 30, "the third")
    scene.source.execute("UPDATE notes SET v = 'other' WHERE n = 1")
    line = worker.wait_event("partition_stopped")
    assert 'table "public.notes" has no key' in line["error"], line
