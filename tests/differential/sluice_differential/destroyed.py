"""Asserts what arrives of the things in exclusions.py: tables in a schema of their own that only the connector reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from exclusions import ABSENT, VALUES
from pipeline import Encoding, Pipeline
from sluice_testing.source import Source
from tables import literal

SCHEMA = "lost"
_LONG = "(SELECT array_agg(i::{0}) FROM generate_series(1, 9000) i)"
# Column and type: unchanged in an update, each is null, as a NULL would be.
_TOASTED = (("f", "double precision", _LONG), ("n", "numeric", _LONG), ("s", "smallint", _LONG), ("c", "citext", _LONG))
# Two keys of a type that arrive as one.
_MEETING = (("timetz", "10:00+02", "09:00+01"), ("bit varying", "0", "00"), ("interval", "1 month", "30 days 10:30:00"))


def before(source: Source) -> None:
    """Makes the tables and the rows of the snapshot."""
    columns = ", ".join(f"v{i} {lost.sql}" for i, lost in enumerate(VALUES))
    source.execute(
        f"CREATE SCHEMA {SCHEMA}",
        "CREATE TYPE pair AS (a integer, b text)",
        f"CREATE TABLE {SCHEMA}.single (id integer PRIMARY KEY, {columns})",
        f"CREATE TABLE {SCHEMA}.generated (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED)",
        f"CREATE TABLE {SCHEMA}.scales (id integer PRIMARY KEY, n numeric(5,-2))",
        f"CREATE TABLE {SCHEMA}.toasted (id integer PRIMARY KEY, other integer, "
        + ", ".join(f"{name} {kind}[]" for name, kind, _ in _TOASTED) + ")",
        *(f"CREATE TABLE {SCHEMA}.meeting{i} (k {kind} PRIMARY KEY)" for i, (kind, *_) in enumerate(_MEETING)),
        f"CREATE TABLE {SCHEMA}.foreign_index (id integer PRIMARY KEY, other integer NOT NULL UNIQUE)",
        f"ALTER TABLE {SCHEMA}.foreign_index REPLICA IDENTITY USING INDEX foreign_index_other_key",
        "CREATE TABLE null_default (id integer PRIMARY KEY, n integer DEFAULT 5)")
    _write(source, 1)


def after(source: Source) -> None:
    """Writes what the stream is to hold."""
    _write(source, 2)
    source.execute(*(f"INSERT INTO {SCHEMA}.meeting{i} VALUES ('{one}'), ('{other}')" for i, (_, one, other) in enumerate(_MEETING)))
    source.execute(f"UPDATE {SCHEMA}.toasted SET other = 1", f"DELETE FROM {SCHEMA}.foreign_index")


def _write(source: Source, number: int) -> None:
    values = ", ".join(literal(lost.text) for lost in VALUES)
    source.execute(
        f"INSERT INTO {SCHEMA}.single VALUES ({number}, {values})",
        f"INSERT INTO {SCHEMA}.generated VALUES ({number})",
        f"INSERT INTO {SCHEMA}.scales VALUES ({number}, 12300)",
        f"INSERT INTO {SCHEMA}.toasted SELECT {number}, 0, " + ", ".join(long.format(kind) for _, kind, long in _TOASTED),
        f"INSERT INTO {SCHEMA}.foreign_index VALUES ({number + 6}, {number})",
        f"INSERT INTO null_default VALUES ({number}, NULL)")


def judge(pipeline: Pipeline) -> list[str]:
    """What arrives otherwise than exclusions.py says."""
    found = []
    for encoding in pipeline.encodings:
        if encoding.kind == "schema":
            for check in (_single, _generated, _negative_scale, _toast, _foreign_index, _meeting):
                found += check(lambda table, encoding=encoding: _records(encoding, table))  # type: ignore[misc]
        found += _avro_default(encoding)
    return found


Read = Callable[[str], list[dict[str, Any]]]


def _records(encoding: Encoding, table: str) -> list[dict[str, Any]]:
    messages = encoding.topics.read(f"{encoding.name}.{SCHEMA}.{table}", 30)
    return [json.loads(message.value())["payload"] for message in messages if message.value() is not None]


def _differ(name: str, wanted: Any, found: Any) -> list[str]:
    return [] if wanted == found else [f"{name}: {found!r} arrives instead of {wanted!r}: correct exclusions.py and the generators"]


def _avro_default(encoding: Encoding) -> list[str]:
    wanted = [5, 5] if encoding.kind == "avro" else [None, None]
    rows = encoding.clickhouse.values("SELECT n FROM null_default FINAL ORDER BY id")
    return _differ(f"avro_null_default ({encoding.kind})", wanted, rows)


def _single(read: Read) -> list[str]:
    snapshot, stream = (record["after"] for record in read("single"))
    found = []
    for i, lost in enumerate(VALUES):
        found += _differ(f"{lost.name} (snapshot)", lost.snapshot, snapshot.get(f"v{i}", ABSENT))
        found += _differ(f"{lost.name} (stream)", lost.streamed(), stream.get(f"v{i}", ABSENT))
    return found


def _generated(read: Read) -> list[str]:
    return _differ("generated_columns", [{"id": 1, "twice": 2}, {"id": 2}], [record["after"] for record in read("generated")])


def _negative_scale(read: Read) -> list[str]:
    lengths = [len(record["after"]["n"]) > 1000 for record in read("scales")]
    return _differ("numeric_negative_scale", [True, True], lengths)


def _toast(read: Read) -> list[str]:
    updates = [record["after"] for record in read("toasted") if record["op"] == "u"]
    return _differ("toast_null", [[None] * len(_TOASTED)] * 2, [[row[name] for name, _, _ in _TOASTED] for row in updates])


def _foreign_index(read: Read) -> list[str]:
    return _differ("index_without_key", [0, 0], [record["before"]["id"] for record in read("foreign_index") if record["op"] == "d"])


def _meeting(read: Read) -> list[str]:
    found = []
    for i, (kind, *_) in enumerate(_MEETING):
        keys = [record["after"]["k"] for record in read(f"meeting{i}")]
        found += _differ(f"keys_that_meet ({kind})", [2, 1], [len(keys), len(set(keys))])
    return found
