"""Where the order of log positions is not the order of changes: the end state is right all the same."""

from __future__ import annotations

import json
import threading
from typing import Any

from sluice_testing import load
from sluice_testing.records import Table, envelope
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until


def _payloads(scene: Scene, table: str) -> list[dict[str, Any]]:
    """The envelopes in a table's topic."""
    return [json.loads(m.value())["payload"] for m in scene.topics.read(scene.topic(table)) if m.value() is not None]


def test_case_02_transaction_begun_before_the_snapshot_and_committed_after_it(scene: Scene) -> None:
    """Its changes are streamed with positions below the snapshot's, which showed the old rows: the changes win.

    A slot becomes consistent in two steps, each of which waits for the transactions that run: what begins between them
    is streamed from its first record on, also if that lies before the point of the snapshot.
    """
    scene.source.execute("CREATE TABLE overlap (id int PRIMARY KEY, v text)", "CREATE TABLE aside (id int)",
                         "INSERT INTO overlap SELECT i, 'old' FROM generate_series(1, 10) i")
    worker = scene.run()
    failed: list[BaseException] = []

    def connect() -> None:
        try:
            scene.connector("overlap", create__slot__command__timeout="60000")
        except BaseException as error:  # pylint: disable=broad-except # carried to the test
            failed.append(error)

    def wait_for_slot(transaction: str) -> None:
        wait_until(lambda: failed or scene.source.value(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted "
            f"AND transactionid = '{transaction}'"), 30, f"the slot waits for transaction {transaction}")

    with scene.source.connect(False) as a, scene.source.connect(False) as b, scene.source.connect(False) as writer:
        first = a.execute("INSERT INTO aside VALUES (1) RETURNING pg_current_xact_id()::text").fetchone()[0]
        connector = threading.Thread(target=connect)
        connector.start()
        wait_for_slot(first)
        second = b.execute("INSERT INTO aside VALUES (2) RETURNING pg_current_xact_id()::text").fetchone()[0]
        a.commit()
        wait_for_slot(second)
        writer.execute("UPDATE overlap SET v = 'new' WHERE id <= 5")
        writer.execute("DELETE FROM overlap WHERE id = 6")
        writer.execute("UPDATE overlap SET id = 70 WHERE id = 7")
        b.commit()
        connector.join(60)
        assert not failed and not connector.is_alive(), failed
        scene.wait_streaming()
        wait_until(lambda: scene.clickhouse.count("overlap") == 10, 30, "the snapshot is stored")
        assert scene.clickhouse.values("SELECT DISTINCT v FROM overlap FINAL") == ["old"]
        writer.commit()
    scene.wait_equal("overlap")
    shown = [(e["op"], e["source"]["lsn"]) for e in _payloads(scene, "overlap")]
    reads = {lsn for op, lsn in shown if op == "r"}
    assert [op for op, lsn in shown if lsn < min(reads)] == ["u"] * 5 + ["d"] * 2 + ["c"], \
        f"the case was not produced: {shown}"
    assert worker.terminate() == 0


def test_case_02_overlap_with_positions_below_the_snapshot(scene: Scene) -> None:
    """The same as measured, byte for byte in the positions: read at L, streamed below L without sequence[0]."""
    table = Table(scene.name, "below")
    scene.topics.create(table.topic)
    high, low = 0x1555358, 0x15552A0

    def write(op: str, row_id: int, name: str, lsn: int, commit: int | None, **source: str) -> tuple[bytes, bytes]:
        table.lsn = lsn - 64
        return table.key(row_id), table.value(op, after={"id": row_id, "name": name, "n": 1}, commit=commit, **source)

    scene.topics.produce_many(table.topic, [
        write("r", 1, "old", high, None, snapshot="first"), write("r", 2, "old", high, None, snapshot="last"),
        write("u", 1, "new", low, None), write("u", 1, "newer", low + 8, None), write("u", 2, "then", high + 80, high + 64)])
    wait_for = [{"id": 1, "name": "newer"}, {"id": 2, "name": "then"}]
    # One record per batch and worker life: the state must survive in the committed offset's metadata.
    worker = scene.worker(batch__max_rows=1, kafka__session__timeout__ms=2000)
    for _ in range(3):
        worker.start()
        worker.kill9()
    worker.start()
    wait_until(lambda: scene.clickhouse.final("below", "id, name") == wait_for, 30, f"{wait_for}")
    scene.wait_drained()
    assert worker.terminate() == 0


def test_case_06_deferrable_key_taken_over_by_another_transaction(scene: Scene) -> None:
    """T2 inserts key 1 before T1's delete of it is written and commits later: delete with the higher position first,
    then the insert with the lower one. The row lives."""
    scene.source.execute("CREATE TABLE swap (id int, v text, PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED)",
                         "ALTER TABLE swap REPLICA IDENTITY FULL", "INSERT INTO swap VALUES (1, 'old'), (2, 'stays')")
    worker = scene.run()
    scene.connector("swap")
    scene.wait_equal("swap")
    scene.wait_streaming()
    with scene.source.connect(autocommit=False) as second, scene.source.connect(autocommit=False) as first:
        second.execute("INSERT INTO swap VALUES (1, 'new')")
        first.execute("DELETE FROM swap WHERE id = 1")
        first.commit()
        second.commit()
    scene.source.execute("INSERT INTO swap VALUES (3, 'marker')")
    wait_until(lambda: scene.clickhouse.count("swap") == 3, 30, "three rows")
    scene.wait_equal("swap")
    shown = [(e["op"], e["source"]["lsn"]) for e in _payloads(scene, "swap") if (e["after"] or e["before"])["id"] == 1]
    assert [op for op, _ in shown] == ["r", "d", "c"] and shown[1][1] > shown[2][1], f"the case was not produced: {shown}"
    assert worker.terminate() == 0


def test_case_10_change_of_the_primary_key(scene: Scene) -> None:
    """Deleted under the old key, created under the new one, both with one position; and back again, and in chains."""
    scene.source.execute("CREATE TABLE moves (a int, b text, v text, PRIMARY KEY (a, b))",
                         "INSERT INTO moves SELECT i, 'k' || i, 'v' FROM generate_series(1, 20) i")
    worker = scene.run(batch__max_rows=3)
    scene.connector("moves")
    scene.wait_equal("moves")
    with scene.source.connect(autocommit=False) as writer:
        writer.execute("UPDATE moves SET a = a + 100 WHERE a <= 5")
        writer.execute("UPDATE moves SET a = a - 100, v = 'back' WHERE a IN (101, 102)")
        writer.execute("UPDATE moves SET b = 'other' WHERE a = 103")
        writer.commit()
    scene.source.execute("UPDATE moves SET a = 1000, v = 'x' WHERE a = 20", "DELETE FROM moves WHERE a = 1000",
                         "INSERT INTO moves VALUES (20, 'k20', 'again')", "UPDATE moves SET a = a + 1 WHERE a = 20")
    scene.wait_equal("moves")
    assert worker.terminate() == 0


def test_connector_killed_and_restarted_emits_again(scene: Scene) -> None:
    """Connect is killed with -9 under load and repeats what it had not recorded: the end state is right."""
    tables = ",".join(load.TABLES)
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=100, orders=100, items=100)
    worker = scene.run()
    scene.connector(tables)
    scene.wait_equal(tables)
    with load.Load(scene.source, seed=1, rows=50) as running:
        wait_until(lambda: running.transactions > 200, 30, "200 transactions")
        scene.wait_offset_recorded()
        before = sum(scene.topics.end_offsets().values())
        wait_until(lambda: sum(scene.topics.end_offsets().values()) > before, 30, "records behind the recorded position")
        scene.stack.connect.kill()
        scene.stack.connect.start()
        wait_until(lambda: running.transactions > 600, 30, "400 transactions more")
    scene.wait_equal(tables, seconds=90)
    assert worker.metric("stopped_partitions") == 0
    assert worker.terminate() == 0


def test_schema_of_another_table_in_the_topic(scene: Scene) -> None:
    """Shards in one topic whose schemas have the same text, altered one after the other: the second one's change is seen
    and followed though the record before it, of the first, had the new text already."""
    old = Table(scene.name, "shard", fields={"id": ("int32", False), "n": ("int16", True)})
    new = Table(scene.name, "shard", fields={"id": ("int32", False), "n": ("int32", True)})
    scene.topics.create(old.topic)
    worker = scene.run()

    def put(schema: Table, shard: str, row_id: int, lsn: int) -> None:
        payload = envelope(scene.name, shard, "c", lsn, after={"id": row_id, "n": 1})
        scene.topics.produce(old.topic, schema.wrap(payload), schema.key(row_id))

    put(old, "second", 1, 1000)
    wait_until(lambda: scene.clickhouse.has_table("second") and scene.clickhouse.count("second") == 1, 30, "a row")
    put(new, "first", 1, 2000)
    put(new, "second", 2, 3000)
    wait_until(lambda: scene.clickhouse.count("second") == 2, 30, "the row of the new schema")
    assert scene.clickhouse.final("second", "id, n, toTypeName(n) AS t") == [
        {"id": 1, "n": 1, "t": "Nullable(Int32)"}, {"id": 2, "n": 1, "t": "Nullable(Int32)"}]
    assert worker.terminate() == 0


def test_primary_key_changed_under_load(scene: Scene) -> None:
    """The columns stay, the key gets a second one: rows of the new key must not replace each other under the old."""
    scene.source.execute("CREATE TABLE pk (a int NOT NULL, b int NOT NULL, v text, PRIMARY KEY (a))",
                         "INSERT INTO pk SELECT i, i, 'first' FROM generate_series(1, 5) AS i")
    scene.connector("pk")
    worker = scene.run()
    scene.wait_equal("pk")
    scene.wait_streaming()
    scene.source.execute("ALTER TABLE pk DROP CONSTRAINT pk_pkey", "ALTER TABLE pk ADD PRIMARY KEY (a, b)",
                         "INSERT INTO pk VALUES (1, 100, 'second'), (2, 200, 'second')")
    stopped = worker.wait_event("partition_stopped")
    assert "is not in the sorting key" in stopped["error"], stopped
    assert scene.clickhouse.final("pk", "a, v") == [{"a": i, "v": "first"} for i in range(1, 6)]
    assert worker.terminate() == 1
