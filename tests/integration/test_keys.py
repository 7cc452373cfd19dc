"""Rows that move: sorting keys outside the source's key, and keys that are deferrable."""

from __future__ import annotations

import pytest
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

DELIVERIES = ["at_least_once", "exactly_once"]


@pytest.mark.parametrize("partitions", [1, 4])
def test_deferrable_keys_shift(scene: Scene, partitions: int) -> None:
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
