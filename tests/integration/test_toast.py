"""Unchanged TOAST values: every form of the connector's placeholder, each policy, and key changes over four partitions."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sluice_stack import Stack
from sluice_testing.records import Table, envelope
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


@pytest.mark.parametrize("converter", ["json", "avro"])
def test_case_12_13_placeholder_of_the_connectors_choice(scene: Scene, stack: Stack, converter: str) -> None:
    """unavailable.value.placeholder is another text: in every type's form of it the old value stays."""
    types = {"tx": ("text", "repeat('x', 9000)"), "js": ("jsonb", "jsonb_build_object('k', repeat('y', 9000))"),
             "by": ("bytea", "decode(repeat('00ff', 5000), 'hex')"),
             "ta": ("text[]", "(SELECT array_agg(i::text) FROM generate_series(1, 3000) i)"),
             "ia": ("integer[]", "(SELECT array_agg(i) FROM generate_series(1, 3000) i)"),
             "ua": ("uuid[]", "(SELECT array_agg(md5(i::text)::uuid) FROM generate_series(1, 3000) i)"),
             "hs": ("hstore", "hstore('k', repeat('z', 9000))")}
    scene.source.execute("CREATE EXTENSION hstore", "CREATE TABLE gone (id integer PRIMARY KEY, n integer, "
                         + ", ".join(f"{name} {kind}" for name, (kind, _) in types.items()) + ")",
                         *(f"ALTER TABLE gone ALTER COLUMN {name} SET STORAGE EXTERNAL" for name in types),
                         "INSERT INTO gone SELECT i, 0, " + ", ".join(value for _, value in types.values()) + " FROM generate_series(1, 3) i")
    options = {}
    if converter == "avro":
        stack.up(["registry"])
        options = {"registry__url": stack.service("registry").url() + "/apis/ccompat/v7"}
    worker = scene.run(toast__placeholder="~not here~", **options)
    scene.connector("gone", converter=converter, unavailable__value__placeholder="~not here~", hstore__handling__mode="map")
    shown = ("n, length(tx) AS tx, length(js) AS js, length(by) AS by, length(ta) AS ta, ia[3000] AS ia, length(ua) AS ua, "
             "length(hs['k']) AS hs")
    want = {"tx": 9000, "js": 9009, "by": 10000, "ta": 3000, "ia": 3000, "ua": 3000, "hs": 9000}

    def wait_rows(n: int) -> None:
        wait_until(lambda: scene.clickhouse.has_table("gone") and scene.clickhouse.final("gone", shown) == [{"n": n, **want}] * 3,
                   60, f"three rows with n = {n}")
    wait_rows(0)
    scene.wait_streaming()
    scene.source.execute("UPDATE gone SET n = 1")
    wait_rows(1)
    assert worker.metric("toast_values_total") == 3 * len(types)
    assert worker.terminate() == 0


class Mover:
    """Constructed records of a table in two partitions, among them the halves of key changes with an unchanged value."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.scene = scene
        self.table = Table(scene.name, name)
        scene.topics.create(self.table.topic, partitions=2)

    def row(self, partition: int, row_id: int, name: str) -> None:
        """A new row."""
        self.scene.topics.produce_many(self.table.topic, [self.table.row(row_id, name)], partition=partition)

    def move(self, lsn: int, old: int, new: int, away: int | None = None, here: int | None = None) -> None:
        """The deleted half, the created half, or both, into these partitions."""
        wrap, prefix, name = self.table.wrap, self.table.prefix, self.table.name
        gone = {"id": old, "name": None, "n": None}
        moved = {"id": new, "name": "__debezium_unavailable_value", "n": None}
        if away is not None:
            self.scene.topics.produce(self.table.topic, wrap(envelope(prefix, name, "d", lsn, before=gone)),
                                      self.table.key(old), away, {"__debezium.newkey": json.dumps({"id": new}).encode()})
        if here is not None:
            self.scene.topics.produce(self.table.topic, wrap(envelope(prefix, name, "c", lsn, after=moved)),
                                      self.table.key(new), here, {"__debezium.oldkey": json.dumps({"id": old}).encode()})

    def next(self) -> int:
        """The next position."""
        self.table.lsn += 64
        return self.table.lsn

    def wait_names(self, want: dict[int, str]) -> None:
        """Waits for the rows that live."""
        name = self.table.name
        wait_until(lambda: self.scene.clickhouse.has_table(name) and self.scene.clickhouse.final(name, "id, name")
                   == [{"id": row_id, "name": text} for row_id, text in sorted(want.items())], 60, f"the rows {want}")


def test_values_outlive_their_old_key(scene: Scene, delivery: str) -> None:
    """Constructed: the old key is used again and merged before the created half is read. And once more, from the start,
    with and without what the target holds."""
    mover = Mover(scene, "reused")
    mover.row(0, 1, "first")
    worker = scene.run(delivery=delivery, retry__initial="50ms")
    mover.wait_names({1: "first"})
    lsn = mover.next()
    mover.move(lsn, 1, 2, away=0)
    mover.wait_names({})
    mover.row(0, 1, "second")
    mover.wait_names({1: "second"})
    scene.clickhouse.execute("OPTIMIZE TABLE reused FINAL")
    assert scene.clickhouse.count("reused") == 1
    mover.move(lsn, 1, 2, here=1)
    mover.wait_names({1: "second", 2: "first"})
    # The other way round: it waits until the deleted half is read. A value goes on from key to key.
    lsn = mover.next()
    mover.move(lsn, 2, 4, here=0)
    wait_until(lambda: worker.metric("previous_waits_total") > 0, 30, "the created half waits")
    mover.move(lsn, 2, 4, away=1)
    mover.wait_names({1: "second", 4: "first"})
    want = {1: "second", 4: "first"}
    stored = scene.clickhouse.rows("SELECT DISTINCT target, column, type FROM sluice_moved")
    assert stored == [{"target": f"{scene.name}.reused", "column": "name", "type": "Nullable(String)"}], stored
    assert worker.terminate() == 0
    scene.clickhouse.execute("OPTIMIZE TABLE reused FINAL")
    scene.reset_offsets("--all-topics", "--to-earliest")
    worker = scene.run("again", delivery=delivery)
    scene.wait_drained()
    mover.wait_names(want)
    assert worker.terminate() == 0
    scene.clickhouse.execute("DROP TABLE reused")
    scene.reset_offsets("--all-topics", "--to-earliest")
    worker = scene.run("anew", delivery=delivery)
    mover.wait_names(want)
    assert worker.terminate() == 0


@pytest.mark.parametrize("point", ["after_previous", "after_put_aside"])
def test_a_worker_dies_over_a_deleted_half(scene: Scene, delivery: str, point: str) -> None:
    """Constructed: killed before and after the values are put aside; the created half finds them, once the old key is
    used again and merged."""
    mover = Mover(scene, "killed")
    mover.row(0, 1, "first")
    worker = scene.run(delivery=delivery, retry__initial="50ms")
    mover.wait_names({1: "first"})
    assert worker.terminate() == 0
    worker.environment["SLUICE_KILL_AT"] = f"{point}:1"
    worker.launch()
    lsn = mover.next()
    mover.move(lsn, 1, 2, away=0)
    assert worker.wait_ended() == -9
    del worker.environment["SLUICE_KILL_AT"]
    worker.start()
    mover.wait_names({})
    mover.row(0, 1, "second")
    mover.wait_names({1: "second"})
    scene.clickhouse.execute("OPTIMIZE TABLE killed FINAL")
    mover.move(lsn, 1, 2, here=1)
    mover.wait_names({1: "second", 2: "first"})
    assert worker.terminate() == 0


def test_key_changes_that_cross(scene: Scene, delivery: str) -> None:
    """Constructed: each of two partitions has a created half that waits for the deleted one in the other's batch."""
    mover = Mover(scene, "crossing")
    mover.row(0, 1, "one")
    mover.row(1, 3, "three")
    first, second = mover.next(), mover.next()
    mover.move(first, 1, 2, away=0, here=1)
    mover.move(second, 3, 4, away=1, here=0)
    worker = scene.run(delivery=delivery, retry__initial="50ms")
    mover.wait_names({2: "one", 4: "three"})
    assert worker.terminate() == 0


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


def _two_tables(scene: Scene, partitions: int) -> tuple[Table, Table, dict[str, Any]]:
    """Two source tables whose records stand in one topic, and go into one target."""
    tables = [Table(scene.name, name) for name in ("leaf_a", "leaf_b")]
    for table in tables:
        table.topic = scene.topic("leaves")
    tables[1].lsn += 32
    scene.topics.create(tables[0].topic, partitions=partitions)
    return tables[0], tables[1], {"tables__rules": [{"match": r"\.leaf_[ab]$", "table": "leaves", "shared": True}]}


def test_values_move_where_tables_share_a_target(scene: Scene, delivery: str) -> None:
    """Constructed: a batch that has rows of two source tables ends with the other one than its key change is of."""
    one, other, rules = _two_tables(scene, 2)
    lsn = one.lsn + 4096
    gone = one.wrap(envelope(scene.name, one.name, "d", lsn, before={"id": 1, "name": None, "n": None}))
    moved = {"id": 2, "name": "__debezium_unavailable_value", "n": None}
    scene.topics.produce_many(one.topic, [one.row(1, "first")], partition=0)
    scene.topics.produce(one.topic, gone, one.key(1), 0, {"__debezium.newkey": b'{"id":2}'})
    scene.topics.produce_many(other.topic, [other.row(100, "last")], partition=0)
    scene.topics.produce(one.topic, one.wrap(envelope(scene.name, one.name, "c", lsn, after=moved)), one.key(2), 1,
                         {"__debezium.oldkey": b'{"id":1}'})
    worker = scene.run(delivery=delivery, toast__wait="10s", retry__initial="50ms", **rules)
    wait_until(lambda: scene.clickhouse.has_table("leaves") and scene.clickhouse.final("leaves", "id, name")
               == [{"id": 2, "name": "first"}, {"id": 100, "name": "last"}], 30, "the value under its new key")
    assert worker.terminate() == 0


def test_values_stay_where_tables_share_a_target(scene: Scene, delivery: str) -> None:
    """Constructed: a row that lacks a value waits for the earlier batch of its target, whatever table that ends with."""
    one, other, rules = _two_tables(scene, 1)
    worker = scene.run(delivery=delivery, batch__max_rows=2, **rules)
    scene.topics.produce_many(one.topic, [one.row(1, "old"), other.row(100, "x")])
    wait_until(lambda: scene.clickhouse.has_table("leaves") and scene.clickhouse.count("leaves") == 2, 30, "two rows")
    scene.clickhouse.fault("delay", ms=1500, when="before")
    scene.topics.produce_many(one.topic, [one.row(1, "new", op="u"), other.row(101, "x"),
                                          other.row(102, "x"), one.row(1, "__debezium_unavailable_value", 7, op="u")])
    wait_until(lambda: scene.clickhouse.count("leaves") == 4, 30, "all rows")
    assert scene.clickhouse.fault_hits() == 1
    scene.clickhouse.clear_faults()
    assert scene.clickhouse.final("leaves", "id, n, name")[0] == {"id": 1, "n": 7, "name": "new"}
    assert worker.terminate() == 0


def test_values_move_where_one_partition_saw_the_history_go_back(scene: Scene, delivery: str) -> None:
    """Constructed: the source was restored, which only the partition of the deleted half could see."""
    mover = Mover(scene, "restored")
    table, name, later = mover.table, mover.table.name, (1760000000000 + (1 << 30)) * 1000
    first, back, lsn = table.lsn + 8192, table.lsn + 64, table.lsn + 128

    def put(partition: int, key: int, op: str, at: int, headers: dict[str, bytes] | None = None, **more: Any) -> None:
        value = table.wrap(envelope(scene.name, name, op, at, **more))
        scene.topics.produce(table.topic, value, table.key(key), partition, headers)
    put(0, 1, "c", first, after={"id": 1, "name": "first", "n": None})
    put(0, 3, "c", back, after={"id": 3, "name": "third", "n": None}, ts_us=later)
    put(0, 1, "d", lsn, {"__debezium.newkey": b'{"id":2}'}, before={"id": 1, "name": None, "n": None}, ts_us=later)
    put(1, 2, "c", lsn, {"__debezium.oldkey": b'{"id":1}'}, ts_us=later,
        after={"id": 2, "name": "__debezium_unavailable_value", "n": None})
    worker = scene.run(delivery=delivery, toast__wait="10s", retry__initial="50ms")
    mover.wait_names({2: "first", 3: "third"})
    rows = scene.clickhouse.rows("SELECT DISTINCT bitShiftRight(_version, 112) AS g, id FROM restored ORDER BY g, id")
    assert {(row["g"], row["id"]) for row in rows} >= {(1, 3), (0, 2)}, rows
    assert worker.terminate() == 0


def test_a_partition_that_waits_leaves_at_once(scene: Scene, delivery: str) -> None:
    """Constructed: a worker that is told to stop does not wait for a half that it would have to read; the next one does."""
    mover = Mover(scene, "leaving")
    mover.row(0, 1, "one")
    lsn = mover.next()
    mover.move(lsn, 1, 2, here=1)
    mover.row(1, 5, "five")
    options = {"delivery": delivery, "retry__initial": "50ms", "drain__timeout": "60s"}
    worker = scene.run(**options)
    wait_until(lambda: scene.clickhouse.has_table("leaving") and {"id": 1, "name": "one"} in scene.clickhouse.final(
        "leaving", "id, name"), 60, "the row of the other partition")
    wait_until(lambda: worker.metric("previous_waits_total") > 0, 30, "the created half waits")
    began = time.monotonic()
    assert worker.terminate() == 0
    assert time.monotonic() - began < 40
    mover.move(lsn, 1, 2, away=0)
    worker = scene.run("second", **options)
    mover.wait_names({2: "one", 5: "five"})
    assert worker.terminate() == 0
