"""Dead letters: bad records leave their partition, everything else is stored once, and nothing is forgotten."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import Any

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from sluice_testing.once import OPTIONS, OPTIONS_AT_REST
from sluice_testing.records import Table
from sluice_testing.scene import Scene
from sluice_testing.stored import difference, stored_offsets
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker, run_sluice

ROWS = 3000
ONCE = {**OPTIONS, **OPTIONS_AT_REST, "on_bad_record": "dead_letter"}


def _letters(scene: Scene) -> list[dict[str, Any]]:
    """The dead letters, with their own headers as text."""
    return [{"key": m.key(), "value": m.value(), "timestamp": m.timestamp()[1],
             **{name.removeprefix("__sluice."): value.decode() for name, value in m.headers() or []}}
            for m in scene.topics.read(f"{scene.name}.dlq")]


def _places(letters: list[dict[str, Any]]) -> Counter[tuple[str, int, int]]:
    return Counter((letter["topic"], int(letter["partition"]), int(letter["offset"])) for letter in letters)


def _bad_records(table: Table) -> dict[str, tuple[bytes, bytes]]:
    """What the decoder or a conversion refuses, by the error's code."""
    key, value = table.row(1000001, "cut off")
    return {
        "json": (key, value[:-20]),
        "value": (table.key(1000002), table.value("c", after={"id": 1000002, "name": "text", "n": "no number"})),
        "envelope": (table.key(1000003), b'{"id":4,"name":"four"}'),
    }


def _produce_with(scene: Scene, table: Table, bad: list[tuple[bytes, bytes]], rows: int = ROWS) -> tuple[list[int], list[int]]:
    """`rows` good records with the bad ones among them; the offsets of both."""
    records = [table.row(i, f"row {i}", i % 1000) for i in range(rows)]
    places = [rows * (i + 1) // (len(bad) + 1) for i in range(len(bad))]
    for place, record in zip(reversed(places), reversed(bad)):
        records.insert(place, record)
    offsets = scene.topics.produce_many(table.topic, records)
    wrong = {places[i] + i for i in range(len(bad))}
    return [o for i, o in enumerate(offsets) if i not in wrong], [o for i, o in enumerate(offsets) if i in wrong]


def _check_stored(scene: Scene, table: Table, offsets: list[int], seconds: float = 60) -> None:
    """Each of these records, and no other, has one row."""
    def all_there() -> bool:
        assert scene.clickhouse.has_table(table.name)
        assert scene.clickhouse.value(f"SELECT count() FROM `{table.name}`") >= len(offsets)
        return True
    wait_until(all_there, seconds, "every good row is stored")
    scene.wait_drained()
    different = difference([(table.topic, 0, offset) for offset in offsets],
                           stored_offsets(scene.clickhouse, table.name))
    assert not different, different


def _run_until_killed(worker: Worker, point: str, passing: int) -> None:
    worker.environment["SLUICE_KILL_AT"] = f"{point}:{passing}"
    worker.launch()
    assert worker.wait_ended(60) == -signal.SIGKILL
    del worker.environment["SLUICE_KILL_AT"]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_bad_records_are_left_out(scene: Scene, delivery: str) -> None:
    """Three kinds of bad records among good ones: three letters that say everything, and each other row once. The topic
    of the letters matches kafka.topics and is not consumed."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    bad = _bad_records(table)
    good, refused = _produce_with(scene, table, list(bad.values()))
    worker = scene.run(**{**ONCE, "delivery": delivery})
    _check_stored(scene, table, good)

    letters = _letters(scene)
    assert _places(letters) == Counter((table.topic, 0, offset) for offset in refused)
    for letter, (code, record) in zip(letters, bad.items()):
        assert (letter["key"], letter["value"], letter["code"]) == (*record, code), letter
        assert letter["pipeline"] == scene.name and letter["timestamp"] > 0, letter
        assert int(letter["time"]) >= letter["timestamp"], letter
    assert letters[1]["table"] == f"{scene.name}.public.t" and '"n"' in letters[1]["text"], letters[1]
    assert int(letters[1]["version"]) > 2**64, letters[1]
    for code in bad:
        assert worker.metric("dead_letters_total", reason=code) == 1
    assert len(worker.events("dead_letter")) == 3
    assert f"{scene.name}.dlq" not in {topic for topic, _ in worker.partitions()}
    assert worker.terminate() == 0

    worker.start()
    scene.topics.produce_many(table.topic, [table.row(2000000, "later", 1)])
    wait_until(lambda: scene.clickhouse.value("SELECT count() FROM t WHERE id = 2000000"), 30, "it goes on")
    scene.wait_drained()
    assert len(_letters(scene)) == 3
    assert worker.terminate() == 0


def test_a_letter_that_is_not_taken_holds_the_partition(scene: Scene) -> None:
    """The broker refuses the letter: nothing of its range is opened or committed, /status says why. Once it is taken,
    everything goes on."""
    table = Table(scene.name, "t")
    dlq = f"{scene.name}.dlq"
    scene.topics.create(table.topic)
    scene.topics.create(dlq, max__message__bytes="300")
    good, refused = _produce_with(scene, table, [_bad_records(table)["value"]], 100)
    worker = scene.run(**ONCE)
    wait_until(lambda: "max.message.bytes" in worker.get("/readyz")[1], 30, "/readyz says what the partition waits for")
    assert scene.topics.committed(scene.name).get((table.topic, 0), 0) == 0
    assert not scene.clickhouse.has_table("t") or scene.clickhouse.value("SELECT count() FROM t") == 0
    change = ConfigEntry("max.message.bytes", "1000000", incremental_operation=AlterConfigOpType.SET)
    for future in scene.topics.admin.incremental_alter_configs(
            [ConfigResource(ResourceType.TOPIC, dlq, incremental_configs=[change])]).values():
        future.result(10)
    _check_stored(scene, table, good)
    assert _places(_letters(scene)) == Counter((table.topic, 0, offset) for offset in refused)
    assert worker.terminate() == 0


def test_more_than_the_limit_stops_the_partition(scene: Scene) -> None:
    """The third bad record within the window is no single one any more."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    good, refused = _produce_with(scene, table, list(_bad_records(table).values()), 100)
    worker = scene.run(**ONCE, dead_letters__limit=2)
    line = worker.wait_event("partition_stopped", topic=table.topic)
    assert line["offset"] == refused[2], line
    assert "dead_letters.limit" in line["error"] and "envelope" in line["error"], line
    wait_until(lambda: scene.topics.committed(scene.name).get((table.topic, 0)) == refused[2], 20, "what came before it is committed")
    assert len(_letters(scene)) == 2
    assert worker.terminate() == 1
    worker.options["dead_letters.limit"] = 1000
    worker.start()
    _check_stored(scene, table, good)
    assert worker.terminate() == 0


def test_what_concerns_more_than_one_record_stops(scene: Scene) -> None:
    """Without such a record others would be wrong, or all others have the same fault."""
    places = {}
    for case in ("moved", "position", "key", "truncate"):
        table = Table(scene.name, case)
        scene.topics.create(table.topic)
        scene.topics.produce_many(table.topic, [table.row(1, "one", 1)])
        key, value = table.row(2, "two", 2)
        headers = None
        if case == "moved":
            key, value = _bad_records(table)["value"]
            headers = {"__debezium.oldkey": json.dumps({"id": 1}).encode()}
        elif case == "position":
            broken = json.loads(value)
            del broken["payload"]["source"]["lsn"]
            value = table.wrap(broken["payload"])
        elif case == "key":
            key = None
        else:
            value = table.value("t")
        places[table.topic] = scene.topics.produce(table.topic, value, key, headers=headers)
    worker = scene.run(**{**ONCE, "tables__mode": "replace"}, tables__defaults={"truncate": "stop"})
    for topic, offset in places.items():
        assert worker.wait_event("partition_stopped", topic=topic)["offset"] == offset
    assert not _letters(scene)
    assert worker.terminate() == 1


def test_payloads_of_tables_with_transforms_stay_out(scene: Scene) -> None:
    """What a rule masks must not stand in a topic beside the table; with `original` it does."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    bad = table.key(5), table.value("c", after={"id": 5, "name": "secret", "n": "no number"})
    options = {**ONCE, "tables.rules": [{"match": ".*", "transforms": {"name": "mask"}}]}
    good, refused = _produce_with(scene, table, [bad, _bad_records(table)["json"]], 10)
    worker = scene.run(**options)
    _check_stored(scene, table, good)
    letters = _letters(scene)
    assert [letter["offset"] for letter in letters] == [str(offset) for offset in refused]
    assert all(letter["key"] is None and letter["value"] is None and letter["payload"] == "left out" for letter in letters)
    assert worker.terminate() == 0
    worker.options["dead_letters.payload"] = "original"
    worker.start()
    scene.topics.produce_many(table.topic, [bad])
    wait_until(lambda: len(_letters(scene)) == 3, 20, "the third letter")
    assert _letters(scene)[2]["value"] == bad[1]
    assert worker.terminate() == 0


def _constrained(scene: Scene, table: Table, engine: str = "MergeTree ORDER BY id") -> None:
    """A target that refuses some values, which only the server knows."""
    scene.clickhouse.execute(f"""CREATE TABLE `{table.name}` (id Int32, name Nullable(String), n Nullable(Int32), _op String,
        _topic String, _partition Int32, _offset Int64, _version UInt128, is_deleted UInt8,
        CONSTRAINT never_13 CHECK n IS NULL OR n != 13)
        ENGINE = {engine} SETTINGS non_replicated_deduplication_window = 10000""")


def _refused_rows(table: Table) -> list[tuple[bytes, bytes]]:
    return [table.row(3000000 + i, "refused", 13) for i in range(3)]


def _good_rows_without_13(table: Table) -> list[tuple[bytes, bytes]]:
    return [table.row(i, f"row {i}", 14 + i % 1000) for i in range(ROWS)]


def _produce_refused(scene: Scene, table: Table) -> tuple[list[int], list[int]]:
    records = _good_rows_without_13(table)
    for place, record in zip((ROWS - 1, ROWS // 2, 7), _refused_rows(table)):
        records.insert(place, record)
    wrong = [i for i, (_, value) in enumerate(records) if b'"refused"' in value]
    offsets = scene.topics.produce_many(table.topic, records)
    return [o for i, o in enumerate(offsets) if i not in wrong], [offsets[i] for i in wrong]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_rows_that_the_server_refuses_are_found(scene: Scene, delivery: str) -> None:
    """Three rows of a batch violate a constraint: three letters with the records as they were, each other row once."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    _constrained(scene, table)
    good, refused = _produce_refused(scene, table)
    worker = scene.run(**{**ONCE, "delivery": delivery})
    _check_stored(scene, table, good)
    letters = _letters(scene)
    assert _places(letters) == Counter((table.topic, 0, offset) for offset in refused)
    for letter in letters:
        assert letter["code"] == "server" and "469" in letter["text"], letter
        assert b'"refused"' in letter["value"] and letter["key"], letter
    assert worker.metric("dead_letters_total", reason="server") == 3
    assert not scene.clickhouse.values(f"SELECT name FROM system.tables WHERE database = '{scene.name}' AND name LIKE 'sluice_probe%'")
    assert worker.terminate() == 0


@pytest.mark.parametrize("point", ["during_probe:9", "after_dead_letter:2", "after_probe:1"])
def test_killed_while_probing(scene: Scene, point: str) -> None:
    """Killed anywhere on the way, the end is the same. A letter may be there twice, a row never."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    _constrained(scene, table)
    good, refused = _produce_refused(scene, table)
    worker = scene.worker(**ONCE)
    name, passing = point.split(":")
    _run_until_killed(worker, name, int(passing))
    worker.start()
    _check_stored(scene, table, good)
    assert set(_places(_letters(scene))) == {(table.topic, 0, offset) for offset in refused}
    assert worker.terminate() == 0


# The command


def _dlq(scene: Scene, *words: str, code: int = 0, **environment: str) -> str:
    done = run_sluice("dlq", *words, "-c", str(scene.workers[0].config), **environment)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def _listed(scene: Scene, *words: str) -> list[dict[str, Any]]:
    return json.loads(_dlq(scene, "list", "--output", "json", *words))


def _replayed(scene: Scene, table: Table, good: list[int], refused: list[int]) -> None:
    """Good and replayed rows are there once, at the places of their first records."""
    wait_until(lambda: scene.clickhouse.value(f"SELECT count() FROM `{table.name}`") >= len(good) + len(refused), 60,
               "the replayed rows are stored")
    scene.wait_drained()
    different = difference([(table.topic, 0, offset) for offset in good + refused],
                           stored_offsets(scene.clickhouse, table.name))
    assert not different, different


def test_replay_brings_them_in_once(scene: Scene) -> None:
    """Three rows violated a constraint. The constraint is dropped, the letters are replayed: three rows more, at their own
    places and with their own versions. A second replay finds nothing to do."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    _constrained(scene, table)
    good, refused = _produce_refused(scene, table)
    worker = scene.run(**ONCE)
    _check_stored(scene, table, good)
    before = scene.topics.end_offsets(table.topic)
    listed = _listed(scene)
    assert [letter["offset"] for letter in listed] == refused
    assert all(letter["state"] == "open" and letter["attempt"] == 1 and letter["reason"] == "server" for letter in listed)

    # Still there: it is refused again, under its first place, as the second try.
    place = f"{table.topic}:0:{refused[0]}"
    assert "To be replayed: 1\nNothing was changed" in _dlq(scene, "replay", "--at", place)
    _dlq(scene, "replay", "--at", place, "--execute")
    wait_until(lambda: [letter["attempt"] for letter in _listed(scene)] == [1, 1, 2], 30, "it is an open letter again")
    scene.wait_drained()

    scene.clickhouse.execute("ALTER TABLE t DROP CONSTRAINT never_13")
    assert "To be replayed: 3\nDone." in _dlq(scene, "replay", "--table", "public.t", "--execute")
    _replayed(scene, table, good, refused)
    versions = {letter["offset"]: int(letter["version"]) for letter in listed}
    stored = {row["o"]: int(row["v"]) for row in scene.clickhouse.rows(
        "SELECT _offset AS o, toString(_version) AS v FROM t WHERE name = 'refused'")}
    assert stored == versions
    assert not _listed(scene) and len(_listed(scene, "--all")) == 3
    assert "To be replayed: 0" in _dlq(scene, "replay", "--all", "--execute")
    _replayed(scene, table, good, refused)
    assert scene.topics.end_offsets(table.topic) == before, "nothing is written to the source's topic"
    assert worker.terminate() == 0
    worker.start()
    _replayed(scene, table, good, refused)
    assert worker.terminate() == 0


@pytest.mark.parametrize("point", ["during_replay", "after_replay"])
def test_a_replay_that_is_killed_is_everything_or_nothing(scene: Scene, point: str) -> None:
    """The command is killed before or after its transaction, and run again; the worker is killed in the replay, too."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    _constrained(scene, table)
    good, refused = _produce_refused(scene, table)
    worker = scene.run(**ONCE)
    _check_stored(scene, table, good)
    assert worker.terminate() == 0
    scene.clickhouse.execute("ALTER TABLE t DROP CONSTRAINT never_13")
    _dlq(scene, "replay", "--all", "--execute", code=-signal.SIGKILL, SLUICE_KILL_AT=f"{point}:1")
    assert len(_listed(scene)) == (3 if point == "during_replay" else 0)
    _dlq(scene, "replay", "--all", "--execute")
    _run_until_killed(worker, "after_ack", 1)
    worker.start()
    _replayed(scene, table, good, refused)
    assert worker.terminate() == 0


def test_a_value_is_replayed_into_a_widened_column(scene: Scene) -> None:
    """In a table of mode replace: what is newer than the replayed record stays."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    scene.clickhouse.execute("""CREATE TABLE t (id Int32, name Nullable(String), n Nullable(Int16), _version UInt128,
        is_deleted UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id
        SETTINGS non_replicated_deduplication_window = 10000""")
    worker = scene.run(**{**ONCE, "tables__mode": "replace", "tables__widen": False})
    scene.topics.produce_many(table.topic, [table.row(1, "one", 1), table.row(1, "two", 100000, "u"), table.row(2, "x", 100000),
                                            table.row(1, "three", 3, "u")])
    wait_until(lambda: len(_listed(scene)) == 2, 30, "two letters")
    scene.wait_drained()
    assert scene.clickhouse.final("t", "id, name, n") == [{"id": 1, "name": "three", "n": 3}]
    scene.clickhouse.execute("ALTER TABLE t MODIFY COLUMN n Nullable(Int32)")
    assert worker.terminate() == 0
    worker.start()
    _dlq(scene, "replay", "--reason", "value", "--execute")
    wait_until(lambda: scene.clickhouse.count("t") == 2, 30, "the second row is there")
    scene.wait_drained()
    assert scene.clickhouse.final("t", "id, name, n") == [{"id": 1, "name": "three", "n": 3}, {"id": 2, "name": "x", "n": 100000}]
    assert not _listed(scene)
    assert worker.terminate() == 0


def test_list_show_purge_and_refusals(scene: Scene) -> None:
    """What the command prints, what it refuses, and that purging removes only what was asked."""
    table = Table(scene.name, "t")
    scene.topics.create(table.topic)
    bad = _bad_records(table)
    good, refused = _produce_with(scene, table, list(bad.values()), 100)
    worker = scene.run(**ONCE)
    _check_stored(scene, table, good)
    text = _dlq(scene, "list")
    assert "3 dead letters" in text and f"{table.topic}:0:{refused[1]}" in text, text
    assert [letter["reason"] for letter in _listed(scene, "--reason", "value")] == ["value"]
    assert [letter["reason"] for letter in _listed(scene, "--table", "t")] == ["value"]
    assert not _listed(scene, "--table", "other") and not _listed(scene, "--to", "2020-01-01T00:00:00")
    assert len(_listed(scene, "--from", "2020-01-01T00:00:00")) == 3

    shown = _dlq(scene, "show", "--reason", "value")
    assert '"n": "no number"' in shown and "remedy" in shown and "replay" in shown, shown
    one = json.loads(_dlq(scene, "show", "--at", f"{table.topic}:0:{refused[0]}", "--output", "json"))[0]
    assert one["value"].encode() == bad["json"][1] and one["remedy"], one

    assert "say which ones" in _dlq(scene, "replay", code=2)
    assert "exclude each other" in _dlq(scene, "purge", "--all", "--dry-run", "--execute", code=2)
    assert "there is no dead letter" in _dlq(scene, "show", "--at", "t:0:1", code=2)
    assert "no worker reads" in _dlq(scene, "replay", "--all", "--set", "on_bad_record=stop", code=3)

    assert "Nothing was changed" in _dlq(scene, "purge", "--reason", "json")
    assert len(_listed(scene)) == 3
    _dlq(scene, "purge", "--reason", "value", "--execute")
    assert [letter["reason"] for letter in _listed(scene)] == ["json", "envelope"]
    _dlq(scene, "purge", "--all", "--execute")
    assert not _listed(scene) and not _listed(scene, "--all")
    assert "0 dead letters" in _dlq(scene, "list")
    checked = run_sluice("check", "-c", str(worker.config)).stdout
    assert f'"{scene.name}.dlq", 1 partition' in checked and f'"{scene.name}.replay", 1 partition' in checked, checked
    assert worker.terminate() == 0
