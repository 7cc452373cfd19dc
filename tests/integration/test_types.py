"""Every supported type, nullable and not, with its edge values: from the snapshot, from the stream, made and existing
tables, JSON with embedded schema and without."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any

import pytest
from psycopg import sql
from sluice_stack import Stack, StackError
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

# name, PostgreSQL type, column that sluice makes, another column it must also write to, values.
_CONTROL = "".join(chr(c) for c in range(1, 32)) + "\x7f"
_ZONE = dt.timezone(dt.timedelta(hours=5, minutes=30))
_JSON = json.dumps({"a": [1, 2.50, -1e-7, None, True], "ü\"\\": {"🚚": "\u2028 </script> \t"}, "": {}}, ensure_ascii=False)

COLUMNS: tuple[tuple[str, str, str, str, tuple[Any, ...]], ...] = (
    ("bo", "boolean", "Bool", "UInt8", (True, False)),
    ("i2", "smallint", "Int16", "Int64", (-2**15, 2**15 - 1, 0, -1)),
    ("i4", "integer", "Int32", "Int64", (-2**31, 2**31 - 1, 0)),
    ("i8", "bigint", "Int64", "Int128", (-2**63, 2**63 - 1, 0, 2**53 + 1)),
    ("f4", "real", "Float32", "Float64", (0.0, 1.5, -3.4028235e38, 1.1754944e-38, "NaN", "Infinity", "-Infinity")),
    ("f8", "double precision", "Float64", "Float64",
     (0.1, -1.7976931348623157e308, 5e-324, 1e15, 123456789.123456789, "NaN", "Infinity", "-Infinity")),
    ("n10", "numeric(10,2)", "Decimal(10, 2)", "Decimal(18, 2)", ("0", "-0.01", "99999999.99", "-99999999.99", "1.10")),
    ("n38", "numeric(38,10)", "Decimal(38, 10)", "Decimal(76, 10)",
     ("9" * 28 + "." + "9" * 10, "-" + "9" * 28 + "." + "9" * 10, "0", "-0.0000000001", "128", "-1", "256.5")),
    ("n76", "numeric(76,38)", "Decimal(76, 38)", "String", ("9" * 38 + "." + "9" * 38, "-" + "9" * 38 + ".5")),
    ("tx", "text", "String", "String",
     ("", "plain", _CONTROL, "quote ' \" ` \\ \\N \\0 {}", "ä ß 漢字 🚚 👩‍👩‍👧 \U0010ffff", " " * 20, "x" * 1500,
      "__debezium_unavailable", "NULL", "\\", "\r\n\t")),
    ("vc", "varchar(40)", "String", "LowCardinality(String)", ("", "v", "ü" * 40)),
    ("ch", "char(6)", "String", "String", ("", "ab", "äöüäöü")),
    ("uu", "uuid", "UUID", "String", ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                                      "0123abcd-4567-89ef-8000-fedcba987654")),
    ("js", "json", "String", "String", (_JSON, "null", "1", '  {"b":1,  "b":2}', '"\\u0041"')),
    ("jb", "jsonb", "String", "String", (_JSON, "null", "[]", '{"deep":' + "[" * 50 + "]" * 50 + "}")),
    ("by", "bytea", "String", "String", (b"", bytes(range(256)), b"\0", b"\xff\xfe\0a")),
    ("en", "mood", "LowCardinality(String)", "String", ("ok", "so, so", "ünder'way\\")),
    ("da", "date", "Date32", "Date32", ("1900-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "2299-12-31")),
    ("t3", "timestamp(3)", "DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')",
     ("1900-01-01 00:00:00", "1969-12-31 23:59:59.999", "2024-02-29 12:34:56.789", "2299-12-31 23:59:59.999")),
    ("t6", "timestamp(6)", "DateTime64(6, 'UTC')", "DateTime64(6, 'UTC')",
     ("1900-01-01 00:00:00.000001", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00", "2299-12-31 23:59:59.999999")),
    ("tz", "timestamptz", "DateTime64(6, 'UTC')", "DateTime64(6, 'UTC')",
     (dt.datetime(1901, 1, 1, 0, 0, 0, 1, _ZONE), dt.datetime(2024, 2, 29, 23, 59, 59, 999999, _ZONE),
      dt.datetime(2299, 12, 31, 23, 59, 59, 0, dt.timezone.utc))),
    ("z3", "timestamptz(3)", "DateTime64(6, 'UTC')", "DateTime64(3, 'UTC')",
     (dt.datetime(1901, 1, 1, 0, 0, 0, 1000, _ZONE), dt.datetime(2299, 12, 31, 23, 59, 59, 999000, dt.timezone.utc))),
    ("z0", "timestamptz(0)", "DateTime64(6, 'UTC')", "DateTime",
     (dt.datetime(1999, 12, 31, 23, 59, 59, 0, dt.timezone.utc),)),
)
N_ROWS = max(len(column[4]) for column in COLUMNS)

# What a bare value can't tell by itself: text in ClickHouse that is bytes, microseconds that are not seconds.
HINTS = {"by": "bytes", "n10": "decimal", "n38": "decimal", "t3": "timestamp_ms", "t6": "timestamp_us",
         "tz": "zoned_timestamp", "z3": "zoned_timestamp", "z0": "zoned_timestamp", "da": "date", "uu": "uuid",
         "js": "json", "jb": "json", "en": "enum"}


def _make(scene: Scene) -> None:
    scene.source.execute("CREATE TYPE mood AS ENUM ('ok', 'so, so', 'ünder''way\\')")
    for table, suffix in (("full_types", " NOT NULL"), ("null_types", "")):
        columns = ", ".join(f"{name} {kind}{suffix}" for name, kind, *_ in COLUMNS)
        scene.source.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY, {columns})")
        _write(scene, table, first_id=0, shift=0)


def _write(scene: Scene, table: str, first_id: int, shift: int) -> None:
    """Row r has value r + shift of each column; in the table with NULLs every third value is one."""
    names = [name for name, *_ in COLUMNS]
    statement = sql.SQL("INSERT INTO {} VALUES ({}) ON CONFLICT (id) DO UPDATE SET {}").format(
        sql.Identifier(table), sql.SQL(", ").join([sql.Placeholder()] * (len(names) + 1)),
        sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names))
    for row in range(N_ROWS):
        values = [column[4][(row + shift) % len(column[4])] for column in COLUMNS]
        if table == "null_types":
            values = [None if (row + shift + i) % 3 == 0 else value for i, value in enumerate(values)]
        scene.source.connection.execute(statement, [first_id + row, *values])


def _create_target(scene: Scene, table: str, other: bool) -> None:
    def kind(made: str, also: str) -> str:
        chosen = also if other else made
        if table == "full_types":
            return chosen
        if chosen.startswith("LowCardinality("):
            return chosen.replace("(String)", "(Nullable(String))")
        return f"Nullable({chosen})"
    columns = ", ".join(f"{name} {kind(made, also)}" for name, _, made, also, _ in COLUMNS)
    scene.clickhouse.execute(f"CREATE TABLE {table} (id Int32, {columns}, is_deleted UInt8, _version UInt128) "
                             "ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")


def _stream(scene: Scene) -> None:
    """The same values again, through updates, inserts and deletes."""
    for table in ("full_types", "null_types"):
        _write(scene, table, first_id=0, shift=1)
        _write(scene, table, first_id=1000, shift=0)
        _write(scene, table, first_id=2000, shift=2)
    scene.source.execute("DELETE FROM full_types WHERE id >= 2000", "DELETE FROM null_types WHERE id >= 2000")


def test_made_tables(scene: Scene) -> None:
    """Tables from embedded schemas have the documented columns, and every cell is equal."""
    _make(scene)
    worker = scene.run()
    scene.connector("full_types,null_types")
    scene.wait_equal("full_types,null_types")
    _stream(scene)
    scene.wait_equal("full_types,null_types")

    types = {row["table"] + "." + row["name"]: row["type"] for row in scene.clickhouse.rows(
        f"SELECT table, name, type FROM system.columns WHERE database = '{scene.name}'")}
    for name, _, made, _, _ in COLUMNS:
        assert types[f"full_types.{name}"] == made
        nullable = "LowCardinality(Nullable(String))" if made.startswith("Low") else f"Nullable({made})"
        assert types[f"null_types.{name}"] == nullable
    assert types["full_types.id"] == types["null_types.id"] == "Int32"
    assert types["full_types._version"] == "UInt128"
    engines = scene.clickhouse.rows(f"SELECT engine_full, sorting_key FROM system.tables WHERE database = '{scene.name}'")
    for engine in engines:
        assert engine["engine_full"].startswith("ReplacingMergeTree(_version, is_deleted)")
        assert engine["sorting_key"].strip("()") == "id"
    assert worker.terminate() == 0


@pytest.mark.parametrize("other", [False, True], ids=["same-columns", "other-columns"])
def test_existing_tables_with_schema(scene: Scene, other: bool) -> None:
    """Columns that somebody else made, the documented ones and others they also go into."""
    _make(scene)
    for table in ("full_types", "null_types"):
        _create_target(scene, table, other)
    worker = scene.run()
    scene.connector("full_types,null_types")
    scene.wait_equal("full_types,null_types")
    _stream(scene)
    scene.wait_equal("full_types,null_types")
    assert worker.terminate() == 0


def test_existing_tables_without_schema(scene: Scene) -> None:
    """Bare values: the column and, where that is not enough, tables.source_types tell the type."""
    _make(scene)
    for table in ("full_types", "null_types"):
        _create_target(scene, table, other=False)
    hints = [f"public.{table}.{name}={kind}" for table in ("full_types", "null_types") for name, kind in HINTS.items()]
    worker = scene.run(tables__source_types=hints)
    scene.connector("full_types,null_types", converter="json-plain")
    scene.wait_equal("full_types,null_types")
    _stream(scene)
    scene.wait_equal("full_types,null_types")
    assert worker.terminate() == 0


def test_names_that_need_quoting(scene: Scene) -> None:
    """Capitals, blanks, quotes, backslashes, dots, reserved words and letters outside ASCII in table and columns."""
    table = "Größe & Co.select `x`"
    columns = ["Key Part", "käy2", "a b", "CamelCase", 'qu"ote', "qu'ote", "tick`s", "back\\slash", "dot.ted", "select",
               "漢字🚚", "_x", "1digit", "per%cent", "n\\n", "?", "{p:String}"]
    scene.source.connection.execute(sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(c)) for c in columns),
        sql.SQL(", ").join(map(sql.Identifier, columns[:2]))))

    def write(key: str, value: str) -> None:
        values = [key, "k'\"\\`" + key] + [f"{value} {i}" for i in range(len(columns) - 2)]
        scene.source.connection.execute(sql.SQL("INSERT INTO {} VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {} = {}").format(
            sql.Identifier(table), sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
            sql.SQL(", ").join(map(sql.Identifier, columns[:2])), sql.Identifier("a b"), sql.Placeholder()),
            [*values, value])

    def target() -> list[dict[str, Any]]:
        quoted = ["`" + c.replace("\\", "\\\\").replace("`", "\\`") + "`" for c in columns]
        name = table.replace("\\", "\\\\").replace("`", "\\`")
        return scene.clickhouse.rows(f"SELECT {', '.join(quoted)} FROM `{name}` FINAL ORDER BY ALL")

    def wait_same() -> None:
        wanted = sorted(scene.source.query(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)).as_string(
            scene.source.connection)))
        wait_until(lambda: sorted(tuple(row.values()) for row in target()) == wanted, 30, f"{wanted}")

    write("one", "snapshot")
    write("two", "snapshot")
    worker = scene.run()
    scene.connector("public\\..*")
    wait_same()
    write("one", "streamed")
    write("ünï🚚", "streamed")
    scene.source.connection.execute(sql.SQL("DELETE FROM {} WHERE {} = 'two'").format(
        sql.Identifier(table), sql.Identifier(columns[0])))
    wait_same()
    assert worker.terminate() == 0


def test_unique_index_over_a_name_with_a_quote(scene: Scene, stack: Stack) -> None:
    """In place of a primary key: the connector looks for a column with two quotes and fails."""
    scene.source.execute('CREATE TABLE quoted ("qu""ote" integer NOT NULL, v text)',
                         'CREATE UNIQUE INDEX quoted_index ON quoted ("qu""ote")',
                         "ALTER TABLE quoted REPLICA IDENTITY USING INDEX quoted_index", "INSERT INTO quoted VALUES (1, 'a')")
    with contextlib.suppress(StackError):  # it may fail at once
        scene.connector("quoted")
    wait_until(lambda: 'The column "qu""ote" is referenced as PRIMARY KEY' in stack.connect.failure(scene.name), 60,
               "the connector fails")


@pytest.mark.parametrize("converter", ["json", "avro"])
def test_table_names_that_json_escapes(scene: Scene, stack: Stack, converter: str) -> None:
    """Quotes, a backslash, a letter beyond the first 65,536: the table's name is the same in each encoding."""
    names = ['quo"te', "back\\slash", "it's", "truck 🚚", "`tick`"]
    for number, name in enumerate(names):
        table = sql.Identifier(name)
        scene.source.connection.execute(sql.SQL("CREATE TABLE {} (id int PRIMARY KEY, v text)").format(table))
        scene.source.connection.execute(sql.SQL("INSERT INTO {} VALUES ({}, 'first')").format(table, number))
    options = {}
    if converter == "avro":
        stack.up(["registry"])
        options = {"registry__url": stack.service("registry").url() + "/apis/ccompat/v7"}
    worker = scene.run(**options)
    scene.connector("public\\..*", converter=converter)
    scene.wait_streaming()
    for number, name in enumerate(names):
        scene.source.connection.execute(sql.SQL("UPDATE {} SET v = 'changed'").format(sql.Identifier(name)))
        shown = "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
        quoted = name.replace("\\", "\\\\").replace("'", "\\'")
        wait_until(lambda quoted=quoted: scene.clickhouse.has_table(quoted), 60, f"table {name!r}")
        wait_until(lambda shown=shown, number=number: scene.clickhouse.rows(f"SELECT id, v FROM {shown} FINAL") == [
            {"id": number, "v": "changed"}], 60, f"the rows of table {name!r}")
    assert worker.terminate() == 0


# The same row under each of the connector's modes. A column: its type, its value.
_MODE_COLUMNS = {
    "da": ("date", "2024-02-29"), "t3": ("time(3)", "04:05:11.789"), "t6": ("time", "23:59:59.123456"),
    "s3": ("timestamp(3)", "2024-02-29 12:34:56.789"), "s6": ("timestamp", "2024-02-29 12:34:56.789012"),
    "tz": ("timestamptz", "2024-02-29 12:34:56.789012+02"), "tt": ("timetz", "11:51:30.123+02"),
    "nu": ("numeric(10,2)", "-12345.60"), "nv": ("numeric", "10.1111"), "mo": ("money", "12.34"),
    "by": ("bytea", "\\xfbff"), "hs": ("hstore", "k=>v"), "iv": ("interval", "1 day -2 hours 1.5 seconds"),
    "b12": ("bit(12)", "000110000011"), "vb": ("bit varying", "101"), "ip": ("inet", "192.168.2.1"),
    "pt": ("point", "(1.5,-2)"), "ai": ("integer[]", "{1,NULL,3}"), "at": ("text[]", '{a,"",NULL}'),
    "an": ("numeric(6,2)[]", "{1.50,NULL}"), "au": ("uuid[]", "{0123abcd-4567-89ef-8000-fedcba987654}"),
    "ad": ("date[]", "{2024-02-29}"), "as6": ("timestamp[]", "{2024-02-29 12:34:56.789012}"),
}
_MODE_TEXTS = {
    "da": "2024-02-29", "t3": "04:05:11.789", "t6": "23:59:59.123456", "s3": "2024-02-29 12:34:56.789",
    "s6": "2024-02-29 12:34:56.789012", "tz": "2024-02-29 10:34:56.789012", "tt": "09:51:30.123Z", "nu": "-12345.6",
    "nv": "10.1111", "mo": "12.34", "by": "FBFF", "hs": '{"k":"v"}', "iv": "79201500000", "b12": "000110000011", "vb": "101",
    "ip": "192.168.2.1", "pt": "(1.5,-2)", "ai": "[1,NULL,3]", "at": "['a','',NULL]", "an": "[1.5,NULL]",
    "au": "['0123abcd-4567-89ef-8000-fedcba987654']", "ad": "['2024-02-29']", "as6": "['2024-02-29 12:34:56.789012']",
}
# A mode: the connector's settings, and what differs then.
_MODES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "adaptive": ({}, {}),
    "connect": ({"time__precision__mode": "connect", "decimal__handling__mode": "double", "binary__handling__mode": "base64",
                 "hstore__handling__mode": "map", "interval__handling__mode": "string"},
                {"t6": "23:59:59.123", "s6": "2024-02-29 12:34:56.789", "as6": "['2024-02-29 12:34:56.789']",
                 "by": "+/8=", "hs": "{'k':'v'}", "iv": "P0Y0M1DT-1H-59M-58.5S"}),
    "isostring": ({"time__precision__mode": "isostring", "decimal__handling__mode": "string", "binary__handling__mode": "hex",
                   "hstore__handling__mode": "map"},
                  {"s3": "2024-02-29 12:34:56.789000", "nu": "-12345.60", "by": "fbff", "hs": "{'k':'v'}",
                   "an": "['1.50',NULL]"}),
    "microseconds": ({"time__precision__mode": "microseconds", "binary__handling__mode": "base64-url-safe",
                      "value__converter__decimal__format": "NUMERIC"},
                     {"s3": "2024-02-29 12:34:56.789000", "by": "-_8="}),
    "nanoseconds": ({"time__precision__mode": "nanoseconds"},
                    {"s3": "2024-02-29 12:34:56.789000000", "s6": "2024-02-29 12:34:56.789012000",
                     "as6": "['2024-02-29 12:34:56.789012000']"}),
    "adaptive_time_microseconds": ({"time__precision__mode": "adaptive_time_microseconds"}, {}),
}


def _clock(text: str) -> str:
    """A time of day without zeros at its end: whether the column is Time64 or String is the server's age."""
    return text.removesuffix("Z").rstrip("0").removesuffix(".")


@pytest.mark.parametrize("converter", ["json", "avro"])
def test_handling_modes(scene: Scene, stack: Stack, converter: str) -> None:
    """Every mode of time, decimals, bytes, hstore and intervals, from the snapshot and from the stream."""
    options = {}
    if converter == "avro":
        stack.up(["registry"])
        options = {"registry__url": stack.service("registry").url() + "/apis/ccompat/v7"}
    scene.source.execute("CREATE EXTENSION hstore")
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in _MODE_COLUMNS.items())

    def write(number: int) -> None:
        for mode in _MODES:
            values = [value for _, value in _MODE_COLUMNS.values()]
            scene.source.connection.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(
                sql.Identifier(f"m_{mode}"), sql.SQL(", ").join([sql.Placeholder()] * (len(values) + 1))), [number, *values])

    for mode in _MODES:
        scene.source.execute(f"CREATE TABLE m_{mode} (id integer PRIMARY KEY, {columns})")
    write(1)
    worker = scene.run(kafka__topics=[f"^{scene.name}.*"], **options)
    for mode, (settings, _) in _MODES.items():
        prefix = f"{scene.name}_{mode}"
        scene.connector(f"m_{mode}", converter, name=prefix, **{"topic__prefix": prefix, "slot__name": prefix[-60:].lower(),
                                                     "publication__name": prefix[-60:].lower(), **settings})
    wait_until(lambda: all(scene.clickhouse.has_table(f"m_{mode}") and scene.clickhouse.count(f"m_{mode}") == 1
                           for mode in _MODES), 90, "the snapshots have arrived")
    write(2)
    for mode, (_, differing) in _MODES.items():
        wait_until(lambda mode=mode: scene.clickhouse.count(f"m_{mode}") == 2, 60, f"the row streamed in mode {mode}")
        raw = mode in ("adaptive", "nanoseconds", "adaptive_time_microseconds")
        selected = ", ".join(f"{'hex' if name == 'by' and raw else 'toString'}({name}) AS {name}" for name in _MODE_COLUMNS)
        for row in scene.clickhouse.rows(f"SELECT {selected} FROM m_{mode} FINAL ORDER BY id"):
            wanted = _MODE_TEXTS | differing
            found = {name: _clock(text) if name in ("t3", "t6") else text for name, text in row.items()}
            if mode == "isostring":
                found["s3"] = found["s3"].replace("T", " ")
            assert found == wanted, mode
    assert worker.terminate() == 0


def test_changes_of_keys_in_the_mode_connect(scene: Scene) -> None:
    """The old key stands in a header, in which SimpleHeaderConverter writes dates without quotes, and those up to 1970 as a
    time of day: named. JsonConverter writes the numbers that the record has."""
    keys = {"day": ("date", "'2024-02-29'"), "moment": ("timestamp(3)", "'1969-12-31 23:59:59.999'"), "clock": ("time(3)", "'01:02:03.456'")}
    for table, (kind, value) in {**keys, "lost": keys["day"]}.items():
        scene.source.execute(f"CREATE TABLE {table} (k {kind} PRIMARY KEY, v text)", f"ALTER TABLE {table} ALTER v SET STORAGE EXTERNAL",
                             f"INSERT INTO {table} VALUES ({value}, repeat('x', 9000))")
    worker = scene.run(kafka__topics=[f"^{scene.name}.*"])
    scene.connector(",".join(keys), time__precision__mode="connect", header__converter="org.apache.kafka.connect.json.JsonConverter")
    prefix = f"{scene.name}_simple"
    scene.connector("lost", name=prefix, time__precision__mode="connect", topic__prefix=prefix, slot__name=prefix, publication__name=prefix)
    scene.wait_equal("day,moment,lost")
    scene.wait_streaming()
    for table in [*keys, "lost"]:
        scene.source.execute(f"UPDATE {table} SET k = k + interval '1 day 1 hour'")
    scene.wait_equal("moment,day")
    wait_until(lambda: scene.clickhouse.has_table("clock") and scene.clickhouse.rows(
        "SELECT toString(k) AS k, length(v) AS n FROM clock FINAL") == [{"k": "02:02:03.456000", "n": 9000}], 30, "the time of day")
    line = worker.wait_event("partition_stopped", topic=f"{prefix}.public.lost")
    assert "set header.converter to JsonConverter" in line["error"], line
    assert worker.terminate() == 1


def test_what_isostring_and_snapshots_lose(scene: Scene) -> None:
    """24:00:00 wraps in isostring, and a date before Christ loses its era in the snapshot; the stream has it right."""
    scene.source.execute("CREATE TABLE lost (id integer PRIMARY KEY, t time, d date)",
                         "INSERT INTO lost VALUES (1, '24:00:00', '0044-03-15 BC')")
    scene.connector("lost", time__precision__mode="isostring")
    scene.wait_streaming()
    scene.source.execute("INSERT INTO lost VALUES (2, '24:00:00', '0044-03-15 BC')")

    def arrived() -> bool:
        rows = [json.loads(message.value())["payload"]["after"] for message in scene.topics.read(scene.topic("lost"), 30)]
        assert [(row["t"], row["d"]) for row in rows] == [("00:00:00Z", "0044-03-15Z"), ("00:00:00Z", "-0043-03-15Z")], rows
        return True
    wait_until(arrived, 60, "both rows have arrived")
