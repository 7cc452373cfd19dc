"""`sluice check`: a line for each thing a worker needs, its remedy, and the exit code."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sluice_stack import Stack, layout, ports
from sluice_testing.clickhouse import ClickHouse
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until
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


# Exactly once

WINDOW = "SETTINGS non_replicated_deduplication_window = 10000"
KEEPER = """<clickhouse><zookeeper><node><host>127.0.0.1</host><port>1</port></node></zookeeper>
<keeper_map_path_prefix>/x</keeper_map_path_prefix></clickhouse>"""


def _check_once(scene: Scene, **options: Any) -> tuple[int, dict[str, dict[str, str]]]:
    return _check(scene, **{"delivery": "exactly_once", **options})


def _make_window_table(scene: Scene, name: str, before: str = "", settings: str = WINDOW) -> None:
    scene.topics.create(scene.topic(name))
    scene.clickhouse.execute(f"CREATE TABLE `{name}` (id Int64, _version UInt128, is_deleted UInt8) "
                             f"ENGINE = {REPLACING} {before} ORDER BY id {settings}")


def test_exactly_once_all_well(scene: Scene) -> None:
    """The ledger with the reason, the brokers' limit, and the window's reckoning; only the ledger's table is made."""
    _make_window_table(scene, "t")
    code, lines = _check_once(scene)
    assert code == 0, lines
    assert "exactly once" in lines["config"]["text"]
    assert lines["ledger"]["text"] == (f'keeper_map, table "{scene.name}.sluice_ledger" on path "/sluice_{scene.name}": '
                                       "the server offers it; it can be written and read"), lines
    assert lines["offset.metadata.max.bytes"]["status"] == "ok"
    # 1 partition every 100 ms and full batches of 65536 rows: 25.3 inserts a second; session 6 s, limit 10 s, request 60 s.
    text = lines["exactly once t"]["text"]
    assert text.startswith("window of 10000 blocks / (25.3 inserts/s x 1 table partition) = 396 s; needed: "), text
    assert "= 76 s." in text, text
    assert scene.clickhouse.values("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name") == [
        "sluice_ledger", "t"]
    code, lines = _check_once(scene, ledger="kafka")
    assert code == 0 and lines["ledger"]["text"].startswith("kafka, in the metadata"), lines


def test_first_address_is_dead(scene: Scene) -> None:
    """The addresses are tried in turn, as a worker does; the dead one is told."""
    path = scene.config_file(kafka__topics=[scene.topic("t")], clickhouse__url=["http://127.0.0.1:1", scene.clickhouse.url])
    done = run_sluice("check", "-c", str(path), "--output", "json")
    lines = [line for line in json.loads(done.stdout) if line["subject"] == "clickhouse.url"]
    assert [line["status"] for line in lines] == ["warn", "ok"], lines
    assert "127.0.0.1:1" in lines[0]["text"] and "trying the next address" in lines[0]["text"], lines
    assert "clickhouse version" in done.stdout, done.stdout


def test_partitions_in_named_states(scene: Scene) -> None:
    """What a worker would stop is a line with state, partition and remedy."""
    _make_window_table(scene, "t")
    topic = scene.topic("t")
    code, lines = _check_once(scene)
    assert code == 0 and lines["ledger states"]["text"] == "none of 1 partition would be stopped", lines
    path = str(scene.config_file(kafka__topics=[topic], delivery="exactly_once"))
    done = run_sluice("ledger", "repair", "-c", path, "--all", "--to-offset", "latest", "--yes")
    assert done.returncode == 0, done.stderr
    scene.clickhouse.execute("TRUNCATE TABLE sluice_ledger")
    code, lines = _check_once(scene)
    line = lines["ledger states"]
    assert code == 1 and line["status"] == "fail", lines
    assert line["text"].startswith(f'ledger_lost: topic "{topic}" partition 0, 1 in all: the ledger has no row'), line
    assert "sluice ledger repair" in line["text"], line


def test_exactly_once_unfit_targets(scene: Scene) -> None:
    """No window, one that is too small, several servers with tables of their own: fail, and what is advised cures it."""
    _make_window_table(scene, "none", settings="")
    _make_window_table(scene, "parts", "PARTITION BY id % 10")
    topics = {"kafka__topics": [f"^{scene.name}\\..*"], "clickhouse__request_timeout": "120s"}
    scene.clickhouse.execute("INSERT INTO parts SELECT number, 1, 0 FROM numbers(10)")
    code, lines = _check_once(scene, **topics)
    assert code == 1, lines
    for table in ("none", "parts"):
        line = lines[f"exactly once {table}"]
        assert line["status"] == "fail" and "MODIFY SETTING non_replicated_deduplication_window" in line["text"], line
        found = re.search(r"(ALTER TABLE .* MODIFY SETTING \w+ = \d+)", line["text"])
        assert found, line
        scene.clickhouse.execute(found[1])
    assert "x 10 table partitions" in lines["exactly once parts"]["text"], lines
    code, lines = _check_once(scene, **topics)
    assert code == 0, lines
    two = [scene.clickhouse.url, scene.clickhouse.url.replace("127.0.0.1", "localhost")]
    code, lines = _check_once(scene, **topics, clickhouse__url=two)
    assert code == 1 and "clickhouse.url names 2 servers" in lines["exactly once none"]["text"], lines


def test_log_targets(scene: Scene) -> None:
    """In mode log a target keeps every change: plain MergeTree with the columns that tell a row's place."""
    scene.topics.create(scene.topic("t"), scene.topic("u"))
    columns = "id Int64, _op String, _topic String, _partition Int32, _version UInt128, is_deleted UInt8"
    scene.clickhouse.execute(f"CREATE TABLE t ({columns}, _offset Int64) ENGINE = MergeTree ORDER BY id {WINDOW}")
    scene.clickhouse.execute(f"CREATE TABLE u ({columns}) ENGINE = MergeTree ORDER BY id {WINDOW}")
    options = {"kafka__topics": [f"^{scene.name}\\..*"], "tables__mode": "log"}
    code, lines = _check_once(scene, **options)
    assert code == 1, lines
    assert lines["table t"]["status"] == "ok" and lines["exactly once t"]["status"] == "ok", lines
    assert lines["table u"]["status"] == "fail" and '"_offset"' in lines["table u"]["text"], lines
    scene.clickhouse.execute("DROP TABLE t")
    _make_table(scene, "t")
    assert "does not keep every change" in _check_once(scene, **options)[1]["table t"]["text"]


@contextlib.contextmanager
def _server(folder: Path, config: str) -> Iterator[str]:
    (folder / "data").mkdir()
    (folder / "config.xml").write_text(config)
    address = f"127.0.0.1:{ports.choose(['clickhouse'], None)['clickhouse']}"
    command = [str(layout.clickhouse_embedded()), "--listen", address, "--path", str(folder / "data"), "--config-file",
               str(folder / "config.xml")]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            url = f"http://{address}"
            wait_until(lambda: ClickHouse(url, "default").execute("SELECT 1") == "1\n", 30, "the server answers")
            yield url
        finally:
            process.kill()


@pytest.mark.parametrize(("config", "server_code"), [
    ("<clickhouse/>", 36), ("<clickhouse><keeper_map_path_prefix>/x</keeper_map_path_prefix></clickhouse>", 139)])
def test_ledger_auto_without_keeper_map(scene: Scene, tmp_path: Path, config: str, server_code: int) -> None:
    """A server that has no KeeperMap: auto takes Kafka and says why; asked for by name it is refused."""
    scene.topics.create(scene.topic("t"))
    with _server(tmp_path, config) as url:
        options = {"clickhouse__url": url, "clickhouse__database": "default"}
        code, lines = _check_once(scene, **options)
        assert code == 0, lines
        assert f"the server does not offer KeeperMap (code {server_code})" in lines["ledger"]["text"], lines
        code, lines = _check_once(scene, **options, ledger="keeper_map")
        assert code == 1 and "give it keeper_map_path_prefix and a Keeper" in lines["ledger"]["text"], lines
        assert ClickHouse(url, "default").rows("SHOW TABLES") == []


def test_ledger_auto_with_keeper_away(scene: Scene, tmp_path: Path) -> None:
    """A Keeper that can't be reached is no reason to take another ledger."""
    scene.topics.create(scene.topic("t"))
    with _server(tmp_path, KEEPER) as url:
        code, lines = _check_once(scene, clickhouse__url=url, clickhouse__database="default",
                                  clickhouse__request_timeout="2s")
        assert code == 1 and lines["ledger"]["status"] == "fail" and "kafka" not in lines["ledger"]["text"], lines


def test_ledger_path_in_use(scene: Scene) -> None:
    """A path with other columns below it is told as such, also by auto: it is not taken for a missing KeeperMap."""
    scene.topics.create(scene.topic("t"))
    scene.clickhouse.execute(f"CREATE TABLE other (k String, v Int64) ENGINE = KeeperMap('/{scene.name}') PRIMARY KEY k")
    code, lines = _check_once(scene, clickhouse__ledger_path=f"/{scene.name}")
    assert code == 1 and "another clickhouse.ledger_path" in lines["ledger"]["text"], lines
    left = scene.clickhouse.values("SELECT name FROM system.tables WHERE name LIKE 'sluice_probe%'")
    assert left == []


@pytest.mark.parametrize(("converter", "replaced", "text"), [
    ("json", "true", 'NULL in the columns "a" arrives as their default; set value.converter.replace.null.with.default=false'),
    ("json", "false", ""),
    ("json-plain", "true", "NULL in columns that have a default arrives as it, if there are any; "
                           "set value.converter.replace.null.with.default=false"),
    ("json-plain", "false", ""),
    ("avro", "", 'NULL in the columns "a" arrives as their default; set ignore.default.for.nullables=true'),
])
def test_null_that_the_converter_replaces(scene: Scene, stack: Stack, converter: str, replaced: str, text: str) -> None:
    """Columns whose NULL arrives as their default are told of, unless the converter leaves NULL alone."""
    options = {}
    if converter == "avro":
        stack.up(["registry"])
        options = {"registry__url": stack.service("registry").url() + "/apis/ccompat/v7"}
    scene.source.execute("CREATE TABLE t (id integer PRIMARY KEY, a text DEFAULT 'x', b integer NOT NULL DEFAULT 5, c text)")
    told = {"value__converter__replace__null__with__default": replaced} if replaced else {}
    scene.connector("t", converter=converter, **told)
    scene.wait_streaming()
    scene.source.execute("INSERT INTO t VALUES (1, NULL, 1, NULL)")
    wait_until(lambda: scene.topic("t") in scene.topics.names(), 30, "the record is there")
    subject = f"records of {scene.topic('t')}"

    def checked() -> bool:
        code, lines = _check(scene, clickhouse__database="default", **options)
        assert code == 0, lines
        if text:
            assert subject in lines, lines
            assert lines[subject]["status"] == "warn", lines
            assert text in lines[subject]["text"], lines
        else:
            assert subject not in lines, lines
        return True
    wait_until(checked, 30, "check tells of the converter")


def test_rules(scene: Scene) -> None:
    """Rules that take no table and columns that no table has are warned of, from the records that are there."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    match = rf"^{scene.name}\.public\.t$"
    rules = [{"match": match, "transforms": {"nmae": "mask", "n": "drop"}}, {"match": "customers"}]
    code, lines = _check(scene, tables__rules=rules)
    assert code == 0 and not [subject for subject in lines if subject.startswith("tables.rules")], lines
    scene.topics.produce_many(table.topic, [table.row(1, "a", 1)])
    code, lines = _check(scene, tables__rules=rules)
    assert code == 0, lines
    line = lines["tables.rules[0]"]
    assert line["status"] == "warn" and 'has a column "nmae" (did you mean "name"?)' in line["text"], line
    line = lines["tables.rules[1]"]
    assert line["status"] == "warn" and "takes none of the 1 source tables" in line["text"], line
    code, lines = _check(scene, tables__rules=[{"match": match, "transforms": {"name": "mask"}}])
    assert code == 0 and lines["tables.rules"]["status"] == "ok", lines
    scene.topics.produce_many(table.topic, [(table.key(2), b"{")])
    code, lines = _check(scene, tables__rules=rules[1:])
    assert code == 0 and "1 of the records looked at can't be read" in lines["tables.rules"]["text"], lines
