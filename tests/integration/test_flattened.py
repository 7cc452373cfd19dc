"""Rows without an envelope, as the transform ExtractNewRecordState leaves them, in each of its delete modes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

_FIELDS = [{"type": "int32", "optional": False, "field": "id"}, {"type": "string", "optional": True, "field": "name"}]
_ADDED = [{"type": "string", "optional": True, "field": "__op"}, {"type": "int64", "optional": True, "field": "__lsn"},
          {"type": "string", "optional": True, "field": "__sequence"}]
_MARK = {"type": "string", "optional": True, "field": "__deleted"}


class Flat:
    """Constructed records in the forms that the transform's documentation shows."""

    def __init__(self, scene: Scene, table: str, with_schema: bool, added: bool = True, marked: bool = False) -> None:
        self._keys = Table(scene.name, table, with_schema)
        self.topic = self._keys.topic
        self._schema = {"type": "struct", "optional": True, "name": f"{self.topic}.Value",
                        "fields": _FIELDS + (_ADDED if added else []) + ([_MARK] if marked else [])}
        self._with_schema, self._added, self._marked = with_schema, added, marked
        self._lsn = 1000

    def row(self, op: str, row_id: int, name: str | None, deleted: bool = False) -> tuple[bytes, bytes]:
        """Key and value; a deleted row has what `before` held, other columns made up."""
        self._lsn += 64
        row: dict[str, Any] = {"id": row_id, "name": name}
        if self._added:
            row |= {"__op": op, "__lsn": self._lsn, "__sequence": json.dumps([str(self._lsn - 8), str(self._lsn)])}
        if self._marked:
            row["__deleted"] = "true" if deleted else "false"
        return self.key(row_id), self.wrap(row)

    def key(self, row_id: int) -> bytes:
        """The key record."""
        return self._keys.key(row_id)

    def wrap(self, row: Any) -> bytes:
        """A payload, null included."""
        return json.dumps({"schema": self._schema, "payload": row} if self._with_schema else row).encode()


def _make_target(scene: Scene, table: str) -> None:
    scene.clickhouse.execute(
        f"CREATE TABLE `{table}` (id Int32, name Nullable(String), _version UInt128, is_deleted UInt8) "
        "ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")


@pytest.mark.parametrize("with_schema", [True, False], ids=["schema", "plain"])
def test_case_38_flattened_delete_modes(scene: Scene, with_schema: bool) -> None:
    """tombstone (null with a schema: text null, or a wrapper of null), drop, rewrite, rewrite-with-tombstone,
    delete-to-tombstone: constructed records of each mode. __deleted is a text."""
    modes = {
        "nulls": Flat(scene, "nulls", with_schema), "dropped": Flat(scene, "dropped", with_schema),
        "rewritten": Flat(scene, "rewritten", with_schema, marked=True),
        "both": Flat(scene, "both", with_schema, marked=True), "real": Flat(scene, "real", with_schema),
    }
    for name, flat in modes.items():
        scene.topics.create(flat.topic)
        if not with_schema:
            _make_target(scene, name)
        records: list[tuple[bytes, bytes | None]] = [flat.row("c", i, f"v{i}") for i in range(1, 5)]
        records += [flat.row("u", 1, "new"), flat.row("r", 2, "read")]
        if name in ("rewritten", "both"):
            records.append(flat.row("d", 3, "", deleted=True))
        if name == "nulls":
            records.append((flat.key(3), flat.wrap(None)))
        if name in ("both", "real"):
            records.append((flat.key(3), None))
        records.append(flat.row("u", 4, "end"))
        scene.topics.produce_many(flat.topic, records)
    worker = scene.run(version__mode="offset", version__generation=3)
    for name in modes:
        want = [{"id": 1, "name": "new"}, {"id": 2, "name": "read"}, {"id": 3, "name": "v3"}, {"id": 4, "name": "end"}]
        if name != "dropped":
            del want[2]

        def same(name: str = name, want: Any = want) -> bool:
            return scene.clickhouse.has_table(name) and scene.clickhouse.final(name, "id, name") == want
        wait_until(same, 40, f"{name}: {want}")
        assert scene.clickhouse.values(
            f"SELECT DISTINCT toUInt16(bitShiftRight(_version, 112)) FROM `{name}`") == [3], "versions begin with the generation"
        assert "__op" not in scene.clickhouse.values(
            f"SELECT name FROM system.columns WHERE database = '{scene.name}' AND table = '{name}'")
    assert worker.metric("records_skipped_total", kind="tombstone") == 1  # the one behind a marked row
    assert worker.terminate() == 0


def test_case_09_delete_with_nothing_but_a_key(scene: Scene) -> None:
    """A flattened null value in log positions: it has none, which is said with the ways out; by offset it deletes."""
    flat = Flat(scene, "keyonly", True)
    scene.topics.create(flat.topic)
    scene.topics.produce_many(flat.topic, [flat.row("c", 1, "a"), flat.row("c", 2, "b"), (flat.key(1), flat.wrap(None))])
    worker = scene.run()
    stopped = worker.wait_event("partition_stopped", 60, offset=2)
    assert "version.mode: offset" in stopped["error"] and "delete.tombstone.handling.mode" in stopped["error"], stopped
    wait_until(lambda: scene.clickhouse.final("keyonly", "id") == [{"id": 1}, {"id": 2}], 30, "the rows before it")
    assert worker.terminate() == 1


def test_case_38_versions_by_log_position(scene: Scene) -> None:
    """With add.fields op, lsn, sequence a row has the version that it has in an envelope."""
    flat = Flat(scene, "positions", True, marked=True)
    scene.topics.create(flat.topic)
    late, early = flat.row("u", 1, "first"), flat.row("u", 1, "second")
    scene.topics.produce_many(flat.topic, [late, early, late, flat.row("d", 2, "", deleted=True), (flat.key(2), None)])
    worker = scene.run()
    wait_until(lambda: scene.clickhouse.has_table("positions")
               and scene.clickhouse.final("positions", "id, name") == [{"id": 1, "name": "second"}], 40, "one row")
    scene.wait_drained()
    assert scene.clickhouse.values("SELECT toString(max(_version)) FROM positions WHERE id = 1") == [
        str((1120 << 56) + 1128)]
    assert worker.terminate() == 0


def test_case_38_columns_named_like_parts_of_an_envelope(scene: Scene) -> None:
    """Columns op, source, schema, payload: told apart by the option."""
    topic = f"{scene.name}.public.odd"
    scene.topics.create(topic)
    scene.clickhouse.execute(
        "CREATE TABLE odd (id Int32, op String, source String, `schema` String, payload String, _version UInt128, "
        "is_deleted UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")
    row = {"id": 1, "op": "c", "source": "web", "schema": "s", "payload": "p"}
    scene.topics.produce(topic, json.dumps(row).encode(), b'{"id":1}')
    worker = scene.worker(version__mode="offset").start()
    stopped = worker.wait_event("partition_stopped", 40)
    assert "records.flattened_topics" in stopped["error"], stopped
    assert worker.terminate() == 1
    worker.options["records.flattened_topics"] = [f"^{scene.name}\\.public\\.odd$"]
    worker.start()
    wait_until(lambda: scene.clickhouse.final("odd", "id, op, source, `schema`, payload") == [row], 40, "the row")
    assert worker.terminate() == 0


@pytest.mark.parametrize("mode", ["rewrite-with-tombstone", "tombstone"])
def test_case_38_the_real_transform(scene: Scene, mode: str) -> None:
    """Debezium with the transform: inserts, updates, deletes, key changes; PostgreSQL and ClickHouse are equal."""
    scene.source.execute("CREATE TABLE flat (id int PRIMARY KEY, v text, n int NOT NULL DEFAULT 5)",
                         "INSERT INTO flat SELECT i, 'v' || i, i FROM generate_series(1, 50) i")
    options = {} if mode == "rewrite-with-tombstone" else {"version__mode": "offset"}
    worker = scene.run(**options)
    scene.connector("flat", transforms="unwrap", transforms__unwrap__type="io.debezium.transforms.ExtractNewRecordState",
                    transforms__unwrap__delete__tombstone__handling__mode=mode,
                    transforms__unwrap__add__fields="op,lsn,sequence,table,schema,db,name,source.ts_ms")
    scene.wait_equal("flat")
    scene.wait_streaming()
    scene.source.execute("UPDATE flat SET v = 'new' WHERE id <= 10", "DELETE FROM flat WHERE id BETWEEN 5 AND 15",
                         "UPDATE flat SET id = id + 100 WHERE id > 40", "INSERT INTO flat VALUES (7, 'again')")
    scene.wait_equal("flat")
    scene.wait_drained()
    assert worker.terminate() == 0
