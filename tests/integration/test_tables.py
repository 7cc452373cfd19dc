"""What rules make of tables, and what `sluice schema ddl` says of it beforehand."""

from __future__ import annotations

import json
from typing import Any

from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
from sluice_testing.worker import run_sluice

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
