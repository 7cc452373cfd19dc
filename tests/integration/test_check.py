"""`sluice check`: a line for each thing a worker needs, its remedy, and the exit code."""

from __future__ import annotations

import json
from typing import Any

from sluice_testing.scene import Scene
from sluice_testing.worker import run_sluice

TABLE = "(id Int64, _version {version}, is_deleted UInt8) ENGINE = {engine} ORDER BY id"
REPLACING = "ReplacingMergeTree(_version, is_deleted)"


def _check(scene: Scene, **options: Any) -> tuple[int, dict[str, dict[str, str]]]:
    path = scene.config_file(**{"kafka__topics": [scene.topic("t")], **options})
    done = run_sluice("check", "-c", str(path), "--output", "json")
    return done.returncode, {line["subject"]: line for line in json.loads(done.stdout)}


def _make_table(scene: Scene, name: str, version: str = "UInt128", engine: str = REPLACING) -> None:
    scene.clickhouse.execute(f"CREATE TABLE `{scene.name}`.`{name}` {TABLE.format(version=version, engine=engine)}")


def test_all_well(scene: Scene) -> None:
    """Nothing fails, the lines say what was found, as a table and as JSON; nothing is made."""
    scene.topics.create(scene.topic("t"), partitions=3)
    _make_table(scene, "t")
    before = scene.clickhouse.rows("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name")
    code, lines = _check(scene)
    assert code == 0, lines
    assert not [line for line in lines.values() if line["status"] == "fail"], lines
    assert lines[f"topic {scene.topic('t')}"]["text"] == "3 partitions"
    assert lines["table t"]["status"] == "ok" and REPLACING in lines["table t"]["text"]
    done = run_sluice("check", "-c", str(scene.config_file(kafka__topics=[scene.topic("t")])))
    assert done.returncode == 0 and f"topic {scene.topic('t')}" in done.stdout, done.stdout
    after = scene.clickhouse.rows("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name")
    assert before == after


def test_missing_things(scene: Scene) -> None:
    """A topic, a database and a broker that are not there: fail, with the remedy, exit 1, and the rest is still shown."""
    code, lines = _check(scene)
    line = lines[f"topic {scene.topic('t')}"]
    assert code == 1 and line["status"] == "fail" and "kafka.topics" in line["text"], lines
    code, lines = _check(scene, clickhouse__database="nowhere")
    assert code == 1 and "CREATE DATABASE" in lines["clickhouse.database"]["text"], lines
    assert "kafka.bootstrap.servers" in lines
    code, lines = _check(scene, kafka__bootstrap__servers="127.0.0.1:1", clickhouse__url="http://127.0.0.1:1")
    assert code == 1, lines
    assert lines["clickhouse.url"]["status"] == "fail" and lines["kafka.bootstrap.servers"]["status"] == "fail"


def test_unfit_tables(scene: Scene) -> None:
    """Tables that could not hold versions or deletes are told before the first record."""
    cases = {"plain": ("UInt128", "MergeTree", "ReplacingMergeTree"),
             "narrow": ("UInt64", REPLACING, "UInt128"),
             "nodelete": ("UInt128", "ReplacingMergeTree(_version)", "deleted column")}
    for name, (version, engine, _) in cases.items():
        scene.topics.create(scene.topic(name))
        _make_table(scene, name, version, engine)
    code, lines = _check(scene, kafka__topics=[f"^{scene.name}\\..*"])
    assert code == 1, lines
    for name, (_, _, word) in cases.items():
        assert lines[f"table {name}"]["status"] == "fail" and word in lines[f"table {name}"]["text"], lines


def test_pattern_without_a_topic(scene: Scene) -> None:
    """No topic yet is no failure: topics may appear later."""
    code, lines = _check(scene, kafka__topics=[f"^{scene.name}\\.later\\..*"])
    assert code == 0 and lines["kafka.topics"]["status"] == "warn", lines
