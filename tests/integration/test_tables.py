"""What rules make of tables, and what `sluice schema ddl` says of it beforehand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import nested, run_sluice

ROW = {"id": ("int32", False), "name": ("string", True), "n": ("int16", True)}


def _ddl(scene: Scene, *more: str, **options: Any) -> tuple[int, list[dict[str, Any]]]:
    done = run_sluice("schema", "ddl", "-c", str(scene.config_file(**options)), "--output", "json", *more)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_schema_ddl_shows_then_applies(scene: Scene) -> None:
    """The newest shape makes the table, what older ones have beside it is added; a second run has nothing to do."""
    old = Table(scene.name, "shown", fields=ROW | {"gone": ("string", True)})
    new = Table(scene.name, "shown", fields=ROW | {"added": ("int64", True)})
    scene.topics.create(old.topic)
    scene.topics.produce_many(old.topic, [(old.key(1), old.value("c", after={"id": 1, "name": "a", "n": 1, "gone": "x"}))])
    scene.topics.produce_many(old.topic, [(new.key(2), new.value("c", after={"id": 2, "name": "b", "n": 2, "added": 7}))])
    code, shown = _ddl(scene)
    assert code == 0 and len(shown) == 2 and not scene.clickhouse.has_table("shown"), shown
    assert shown[0]["statement"].startswith("CREATE TABLE") and "`added` Nullable(Int64)" in shown[0]["statement"], shown
    assert "ADD COLUMN IF NOT EXISTS `gone` Nullable(String)" in shown[1]["statement"], shown
    code, applied = _ddl(scene, "--apply")
    assert code == 0 and [line["statement"] for line in applied] == [line["statement"] for line in shown], applied
    assert _ddl(scene) == (0, [])
    text = run_sluice("schema", "ddl", "-c", str(scene.config_file()))
    assert text.returncode == 0 and text.stdout == "", text
    worker = scene.run()
    wait_until(lambda: scene.clickhouse.final("shown", "id, name, gone, added") ==
               [{"id": 1, "name": "a", "gone": "x", "added": None}, {"id": 2, "name": "b", "gone": None, "added": "7"}] or
               scene.clickhouse.final("shown", "id, name, gone, added") ==
               [{"id": 1, "name": "a", "gone": "x", "added": None}, {"id": 2, "name": "b", "gone": None, "added": 7}],
               30, "both rows are there")
    assert not worker.events("table_created") and not worker.events("table_altered")
    assert worker.terminate() == 0


def test_schema_ddl_shows_views(scene: Scene) -> None:
    """The statement of the view stands behind the table's; an applied one is not shown again."""
    table = Table(scene.name, "viewed", fields=ROW)
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1)])
    rules = {"rules": [{"match": r"\.viewed$", "view": True}]}
    code, shown = _ddl(scene, "--apply", tables=rules)
    assert code == 0 and len(shown) == 2, shown
    assert shown[1]["statement"].startswith(f"CREATE OR REPLACE VIEW `{scene.name}`.`viewed_current`"), shown
    assert scene.clickhouse.has_table("viewed_current")
    assert _ddl(scene, tables=rules) == (0, [])


def test_schema_ddl_refuses(scene: Scene) -> None:
    """What a worker would stop at is told, and the exit code says so."""
    table = Table(scene.name, "plain", with_schema=False)
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1)])
    code, shown = _ddl(scene)
    assert code == 1 and "schemas.enable" in shown[0]["error"], shown


def test_a_rule_makes_the_table(scene: Scene) -> None:
    """Target, engine, keys, settings, index, projection, comment, view, and names that need quotes."""
    table = Table(scene.name, "ruled", fields=ROW)
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1), table.row(2, "b", 2)])
    rule = {"match": r"\.(ruled)$", "table": "it's `\\1` \\\\", "engine": "ReplacingMergeTree", "view": True,
            "partition_by": "intDiv(id, 10)", "settings": {"index_granularity": 4096}, "comment": "of a rule",
            "indexes": ["i n TYPE minmax GRANULARITY 1"], "columns": {"n": {"codec": "ZSTD(3)"}}}
    worker = scene.run(tables={"rules": [rule]})
    scene.wait_drained()
    made = scene.clickhouse.rows(f"SELECT name, engine_full, comment, create_table_query AS sql FROM system.tables "
                                  f"WHERE database = '{scene.name}' AND engine LIKE '%MergeTree'")[0]
    assert made["name"].startswith("it's `ruled` ") and "index_granularity = 4096" in made["engine_full"], made
    assert made["comment"] == f"sluice: {scene.name}/made/public.ruled\nof a rule", made
    assert "CODEC(ZSTD(3))" in made["sql"] and "INDEX i n TYPE minmax" in made["sql"], made
    scene.topics.produce_many(table.topic, [(table.key(1), table.value("d", before={"id": 1, "name": None, "n": None}))])
    name = made["name"].replace("\\", "\\\\").replace("`", "\\`")
    wait_until(lambda: scene.clickhouse.rows(f"SELECT * FROM `{scene.name}`.`{name}_current`") ==
               [{"id": 2, "name": "b", "n": 2}], 30, "the view shows what is there")
    assert worker.terminate() == 0


def test_a_view_never_replaces_a_table(scene: Scene) -> None:
    """Where the view's name is a table's, the rows of that table stay and the partition says what is wrong."""
    table = Table(scene.name, "seen", fields=ROW)
    scene.clickhouse.execute("CREATE TABLE seen_current (x Int32) ENGINE = MergeTree ORDER BY x")
    scene.clickhouse.execute("INSERT INTO seen_current VALUES (1)")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1)])
    worker = scene.run(tables={"rules": [{"match": r"\.seen$", "view": True}]})
    error = str(worker.wait_event("partition_stopped")["error"])
    assert '"seen_current", which is a table' in error and "view: false" in error, error
    assert scene.clickhouse.rows(f"SELECT x FROM `{scene.name}`.seen_current") == [{"x": 1}]


def test_a_table_from_records_without_schemas(scene: Scene) -> None:
    """tables.infer: the first record's values tell the types."""
    table = Table(scene.name, "guessed", with_schema=False)
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [
        (table.key(1), table.value("c", after={"id": 1, "t": True, "i": 5, "f": 1.5, "s": "x", "o": None}))])
    worker = scene.run(tables__infer=True)
    scene.wait_drained()
    types = {row["name"]: row["type"] for row in scene.clickhouse.rows(
        f"SELECT name, type FROM system.columns WHERE database = '{scene.name}' AND table = 'guessed'")}
    assert types == {"id": "Int64", "t": "Nullable(Bool)", "i": "Nullable(Int64)", "f": "Nullable(Float64)",
                     "s": "Nullable(String)", "o": "Nullable(String)", "_version": "UInt128", "is_deleted": "UInt8"}
    assert worker.terminate() == 0


def test_a_delete_of_nothing_but_a_key_comes_first(scene: Scene) -> None:
    """Without a schema and without `before`: planned from the key and the table that is there; types of other columns
    are told for rows to come."""
    table = Table(scene.name, "keyonly", with_schema=False)
    scene.clickhouse.execute("CREATE TABLE keyonly (id Int32, name Nullable(String), n Int16, _version UInt128, is_deleted "
                             "UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")
    scene.clickhouse.execute("INSERT INTO keyonly VALUES (1, 'old', 1, 1, 0), (2, 'old', 2, 1, 0)")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [(table.key(1), table.value("d")), table.row(3, "new", 3)])
    worker = scene.run(tables={"create": False, "source_types": ["public.keyonly.n=int16"]})
    wait_until(lambda: scene.clickhouse.final("keyonly", "id, name, n") ==
               [{"id": 2, "name": "old", "n": 2}, {"id": 3, "name": "new", "n": 3}], 40, "row 1 is gone, row 3 there")
    assert worker.terminate() == 0


def test_what_is_waited_for_is_told(scene: Scene) -> None:
    """A database that does not exist yet: the reason stands in /status and /readyz until it does."""
    table = Table(scene.name, "waits", fields=ROW)
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1)])
    later = f"{scene.name}_later"
    worker = scene.worker(tables={"rules": [{"match": "waits", "database": later}]}).start()

    def told() -> bool:
        shown = worker.partitions().get((table.topic, 0), {"error": ""})
        return later in shown["error"] and shown["state"] == "paused"
    wait_until(told, 40, "/status tells of the database")
    status, text = worker.get("/readyz")
    assert status == 503 and text.startswith(f'waiting: topic "{table.topic}" partition 0: ') and later in text, text
    scene.clickhouse.execute(f"CREATE DATABASE `{later}`")
    try:
        wait_until(lambda: worker.get("/readyz")[0] == 200, 40, "ready again")
        assert worker.partitions()[table.topic, 0]["error"] == ""
        assert worker.terminate() == 0
    finally:
        scene.clickhouse.execute(f"DROP DATABASE `{later}`")


def test_names_that_the_server_takes_for_one_nested(scene: Scene) -> None:
    """Arrays v.a and v.b would have to be of one length: refused before the table is made; renamed they work."""
    lists: dict[str, Any] = {name: {"type": "array", "optional": True, "items": {"type": "string", "optional": True}}
                             for name in ("v.a", "v.b")}
    table = Table(scene.name, "dotted", fields=ROW)
    schema = json.loads(table.value("c", after={}))["schema"]
    for image in schema["fields"]:
        image["fields"] += [kind | {"field": name} for name, kind in lists.items()]
    payload = json.loads(table.value("c", after={"id": 1, "name": "a", "n": 1, "v.a": ["x", "y"], "v.b": ["z"]}))["payload"]
    scene.topics.create(table.topic)
    scene.topics.produce(table.topic, json.dumps({"schema": schema, "payload": payload}).encode(), table.key(1))
    worker = scene.run()
    stopped = worker.wait_event("partition_stopped", 40)
    assert '"v.a" and "v.b"' in stopped["error"] and "rename" in stopped["error"], stopped
    assert not scene.clickhouse.has_table("dotted") and worker.terminate() == 1
    worker = scene.run(tables={"rules": [{"match": "dotted", "columns": {"v.a": {"rename": "v_a"}}}]})
    wait_until(lambda: scene.clickhouse.has_table("dotted") and
               scene.clickhouse.final("dotted", "id, v_a, `v.b`") == [{"id": 1, "v_a": ["x", "y"], "v.b": ["z"]}],
               40, "the row")
    assert worker.terminate() == 0


def test_a_view_is_no_target(scene: Scene) -> None:
    """The engine is told, and nothing is altered, nor shown as if it could be."""
    table = Table(scene.name, "seen", fields=ROW)
    scene.clickhouse.execute("CREATE VIEW seen AS SELECT toInt32(1) AS id")
    scene.topics.create(table.topic)
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1)])
    code, shown = _ddl(scene)
    assert code == 1 and "engine is View" in shown[0]["error"], shown
    worker = scene.run()
    assert "the table's engine is View" in worker.wait_event("partition_stopped", 40)["error"]
    assert worker.terminate() == 1


def test_the_examples_in_the_documents(scene: Scene) -> None:
    """The rules that README and docs/tables.md show make tables as they stand there."""
    root = Path(__file__).resolve().parents[2]
    fields = [{"type": "int64", "optional": False, "field": "customer_id"},
              {"type": "int64", "optional": True, "name": "io.debezium.time.MicroTimestamp", "version": 1, "field": "created_at"},
              *({"type": "string", "optional": True, "field": name} for name in ("email", "ssn", "note"))]
    table = Table(scene.name, "orders", fields={"id": ("int32", False)})
    record = json.loads(table.value("c", after={"id": 1, "customer_id": 2, "created_at": 1760000000000000, "email": "a@b.org",
                                                "ssn": "1", "note": "n"}, name="shop", schema="inventory"))
    for image in record["schema"]["fields"]:
        image["fields"] += fields
    scene.topics.create(table.topic)
    scene.topics.produce(table.topic, json.dumps(record).encode(), table.key(1))
    options = {key: value for key, value in nested(scene.options(transforms__key="0123456789abcdef")).items() if key != "tables"}
    for document, made in (("README.md", "orders"), ("docs/tables.md", "inventory_orders")):
        rules = re.search(r"```yaml\n(tables:\n.*?)```", (root / document).read_text(), re.S)
        assert rules is not None, document
        config = scene.folder / "example.yaml"
        config.write_text(rules[1].replace("database: sales", f"database: {scene.name}") +
                          "".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items()))
        done = run_sluice("schema", "ddl", "-c", str(config), "--apply")
        assert done.returncode == 0 and scene.clickhouse.has_table(made), done
