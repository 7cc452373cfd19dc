"""The encoder's bytes, read back by the engine: every column type with its edges, and the order of a sorted batch.

`encode_column` (tests/unit/table) turns JSON values into the body of an INSERT; what the engine then shows as text is
compared with what this file expects, which knows nothing of the encoder.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sluice_testing.programs import sluice

from test_clickhouse_embedded_support import Server


def _plain(value: int, scale: int) -> str:
    """value / 10^scale as the engine prints decimals: without zeros at the end."""
    digits = str(abs(value)).rjust(scale + 1, "0")
    text = f"{digits[:len(digits) - scale]}.{digits[len(digits) - scale:]}".rstrip("0").rstrip(".")
    return ("-" if value < 0 else "") + text


def _unscaled(value: int) -> str:
    """An integer as Debezium writes a decimal's: big-endian, as short as possible, base64."""
    return base64.b64encode(value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)).decode()


_UUIDS = ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000",
          "ffffffff-ffff-ffff-ffff-ffffffffffff", "01234567-89ab-cdef-0123-456789abcdef"]
_TEXTS = ["", "plain", "a\n\t\"\\'", "ä漢🚚", "\x01\x7f", "x" * 127, "x" * 128, "y" * 20000]

# source type, column type, values with the text that the engine must show ("\\N": NULL).
CASES: list[tuple[str, str, list[tuple[Any, str]]]] = [
    ("boolean", "Bool", [(True, "true"), (False, "false")]),
    ("boolean", "Nullable(UInt8)", [(True, "1"), (None, "\\N")]),
    *[("untyped", f"{sign}Int{bits}", [(n, str(n)) for n in numbers])
      for bits in (8, 16, 32, 64, 128, 256)
      for sign, numbers in (("", (-(2 ** (bits - 1)), -1, 0, 1, 2 ** (bits - 1) - 1)), ("U", (0, 1, 2**bits - 1)))],
    ("int64", "Nullable(Int128)", [(-(2**63), str(-(2**63))), (None, "\\N")]),
    ("int32", "Decimal(20, 3)", [(-5, "-5"), (2**31 - 1, str(2**31 - 1))]),
    ("int64", "String", [(-(2**63), str(-(2**63)))]),
    ("int32", "Float64", [(-7, "-7")]),
    ("float32", "Float32", [(1.5, "1.5"), (3.4028235e38, "3.4028235e38"), ("NaN", "nan"), ("-Infinity", "-inf")]),
    ("float64", "Float64", [(0.1, "0.1"), (5e-324, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e308"),
                            ("Infinity", "inf")]),
    *[(f"decimal({scale})", f"Decimal({precision}, {scale})",
       [(_unscaled(n), _plain(n, scale)) for n in (10**precision - 1, -(10**precision) + 1, 1, -1, 0)])
      for precision, scale in ((9, 2), (18, 1), (38, 10), (76, 38))],
    ("decimal(2)", "Decimal(76, 20)", [(_unscaled(-12345), "-123.45"), (_unscaled(10**40), "1" + "0" * 38)]),
    ("decimal(2)", "String", [(_unscaled(-12340), "-123.40"), (_unscaled(0), "0.00"),
                             (_unscaled(10**90), "1" + "0" * 88 + ".00")]),
    ("decimal(2)", "Float64", [(_unscaled(12345), "123.45")]),
    ("string", "String", [(t, t) for t in _TEXTS]),
    ("string", "LowCardinality(Nullable(String))", [("a", "a"), (None, "\\N"), ("", "")]),
    ("string", "FixedString(5)", [("ab", "ab"), ("abcde", "abcde"), ("ä", "ä")]),
    ("enum", "Enum8('a' = -128, 'it\\'s, \"b\"' = 127)", [("a", "a"), ("it's, \"b\"", "it's, \"b\"")]),
    ("enum", "Nullable(Enum16('x' = -32768, 'y' = 32767))", [("y", "y"), ("x", "x"), (None, "\\N")]),
    ("uuid", "UUID", [(u, u) for u in _UUIDS]),
    ("uuid", "Nullable(UUID)", [(None, "\\N"), (_UUIDS[3], _UUIDS[3])]),
    ("bytes", "String", [(base64.b64encode(t.encode()).decode(), t) for t in _TEXTS]),
    ("bytes", "FixedString(3)", [("YWI=", "ab")]),
    ("date", "Date", [(0, "1970-01-01"), (19782, "2024-02-29"), (65535, "2149-06-06")]),
    ("date", "Date32", [(-25567, "1900-01-01"), (-1, "1969-12-31"), (120529, "2299-12-31")]),
    ("timestamp_ms", "DateTime('UTC')", [(0, "1970-01-01 00:00:00"), (4294967295000, "2106-02-07 06:28:15")]),
    ("timestamp_ms", "DateTime64(3, 'UTC')", [(-2208988800000, "1900-01-01 00:00:00.000"),
                                              (10413791999999, "2299-12-31 23:59:59.999")]),
    ("timestamp_us", "DateTime64(6, 'UTC')", [(-1, "1969-12-31 23:59:59.999999"),
                                              (10413791999999999, "2299-12-31 23:59:59.999999")]),
    ("timestamp_us", "DateTime64(3, 'UTC')", [(-1000, "1969-12-31 23:59:59.999")]),
    ("timestamp_us", "DateTime64(8, 'UTC')", [(10413791999999999, "2299-12-31 23:59:59.99999900")]),
    ("timestamp_ns", "DateTime64(9, 'UTC')", [(2**63 - 2, "2262-04-11 23:47:16.854775806"),
                                              (-2208988800000000000, "1900-01-01 00:00:00.000000000")]),
    ("timestamp_us", "String", [(-1, "1969-12-31 23:59:59.999999")]),
    ("zoned_timestamp", "DateTime64(6, 'UTC')", [("2024-02-29T21:59:59.123456Z", "2024-02-29 21:59:59.123456"),
                                                 ("1900-01-01T00:00:00Z", "1900-01-01 00:00:00.000000")]),
    ("zoned_timestamp", "Nullable(DateTime('Asia/Tokyo'))", [("2024-02-29T21:59:59Z", "2024-03-01 06:59:59"),
                                                             (None, "\\N")]),
]

_EWKB = "0101000020E6100000000000000000F03F0000000000000040"
_WKB = base64.b64encode(bytes.fromhex("0101000000000000000000F03F0000000000000040")).decode()
_POINT = "Tuple(x Nullable(Float64), y Nullable(Float64))"
CASES += [
    ("int8", "Int8", [(-128, "-128"), (127, "127")]),
    ("time_ms", "Time64(3)", [(0, "00:00:00.000"), (86400000, "24:00:00.000")]),
    ("time_us", "Nullable(Time64(6))", [(14711789000, "04:05:11.789000"), (86400000000, "24:00:00.000000"),
                                        (None, "\\N")]),
    ("time_ns", "Time64(9)", [(1000, "00:00:00.000001000")]),
    ("time_us", "Time", [(86399000000, "23:59:59")]),
    ("time_us", "String", [(86400000000, "24:00:00.000000")]),
    ("iso_time", "Time64(6)", [("04:05:11.789Z", "04:05:11.789000")]),
    ("iso_date", "Date32", [("2017-09-15Z", "2017-09-15")]),
    ("iso_timestamp", "DateTime64(6, 'UTC')", [("2019-07-09T02:28:57.123456Z", "2019-07-09 02:28:57.123456")]),
    ("string", "IPv4", [(a, a) for a in ("192.168.2.1", "0.0.0.0", "255.255.255.254")]),
    ("string", "Nullable(IPv6)", [("2001:db8::8:800:200c:417a", "2001:db8::8:800:200c:417a"),
                                  ("1.2.3.4", "::ffff:1.2.3.4"), (None, "\\N")]),
    ("string", "Decimal(38, 4)", [("22.2200", "22.22"), ("-0.0001", "-0.0001")]),
    ("bits(12)", "String", [("gwE=", "000110000011")]),
    ("variable_decimal", "Nullable(String)", [({"scale": 4, "value": "AYr3"}, "10.1111"), (None, "\\N")]),
    ("variable_decimal", "Decimal(76, 10)", [({"scale": 4, "value": "AYr3"}, "10.1111")]),
    ("point", "Point", [({"x": 1.5, "y": -2.0, "wkb": None, "srid": None}, "(1.5,-2)")]),
    ("point", _POINT, [({"x": 1.5, "y": -2.0}, "(1.5,-2)"), (None, "(NULL,NULL)")]),
    ("geometry", "String", [({"wkb": _WKB, "srid": 4326}, _EWKB)]),
    ("sparse_vector", "Map(UInt16, Float64)", [({"dimensions": 5, "vector": [[1, 2.0], [3, 4.5]]}, "{1:2,3:4.5}"),
                                               (None, "{}")]),
    ("array(int32)", "Array(Nullable(Int32))", [([1, None, -1], "[1,NULL,-1]"), ([], "[]"), (None, "[]"),
                                                (list(range(300)), str(list(range(300))).replace(" ", ""))]),
    ("array(string)", "Array(LowCardinality(Nullable(String)))", [(["a", "", None, "it's"],
                                                                   "['a','',NULL,'it\\'s']")]),
    ("array(decimal(2))", "Array(Nullable(Decimal(76, 4)))", [([_unscaled(12345), None], "[123.45,NULL]")]),
    ("array(variable_decimal)", "Array(Nullable(String))", [([{"scale": 0, "value": "ZA=="}, None], "['100',NULL]")]),
    ("array(bytes)", "Array(FixedString(2))", [(["YWI="], "['ab']")]),
    ("array(uuid)", "Array(Nullable(UUID))", [([_UUIDS[0], None], f"['{_UUIDS[0]}',NULL]")]),
    ("array(date)", "Array(Date32)", [([0, -1], "['1970-01-01','1969-12-31']")]),
    ("array(timestamp_us)", "Array(DateTime64(6, 'UTC'))", [([1], "['1970-01-01 00:00:00.000001']")]),
    ("array(time_us)", "Array(Time64(6))", [([1], "['00:00:00.000001']")]),
    ("array(enum)", "Array(Enum8('a' = 1, 'b' = 2))", [(["b", "a"], "['b','a']")]),
    ("array(array(int8))", "Array(Array(Int8))", [([[1], [], [2, 3]], "[[1],[],[2,3]]")]),
    ("array(float64)", "Array(Float64)", [([1.0, "NaN", "-Infinity"], "[1,nan,-inf]")]),
    ("array(int32)", "String", [([1, None], "[1, null]")]),
    ("map(string)", "Map(String, Nullable(String))", [({"k": "v", "n": None}, "{'k':'v','n':NULL}"), ({}, "{}"),
                                                      (None, "{}")]),
    ("map(string)", "Map(LowCardinality(String), String)", [({"k": "v"}, "{'k':'v'}")]),
    ("map(array(int32))", "Map(String, Array(Int32))", [({"k": [1, 2]}, "{'k':[1,2]}")]),
    ("untyped", "Tuple(a Int8, `b c` String)", [({"b c": "v", "a": 1}, "(1,'v')")]),
    ("struct", "String", [({"a": [1, {"b": None}]}, '{"a": [1, {"b": null}]}')]),
    ("json", "JSON", [('{"a": 1, "b": {"c": "x"}}', '{"a":1,"b":{"c":"x"}}'), ("{}", "{}")]),
    ("struct", "JSON", [({"a": 1}, '{"a":1}')]),
]

# Types that may be sorting keys, with values in no order.
_RANDOM = random.Random(20260821)
KEYS: list[tuple[str, str, list[Any]]] = [
    *[("untyped", f"{sign}Int{bits}", [_RANDOM.randrange(low, high) >> _RANDOM.randrange(bits) for _ in range(300)])
      for bits in (8, 16, 32, 64, 128, 256)
      for sign, low, high in (("", -(2 ** (bits - 1)), 2 ** (bits - 1)), ("U", 0, 2**bits))],
    ("float64", "Float64", ["-Infinity", "Infinity", *[_RANDOM.uniform(-1e9, 1e9) for _ in range(200)]]),
    ("float32", "Float32", [_RANDOM.uniform(-1e9, 1e9) for _ in range(200)]),
    ("decimal(2)", "Decimal(38, 2)", [_unscaled(_RANDOM.randrange(-(10**38), 10**38)) for _ in range(200)]),
    ("string", "String", ["".join(_RANDOM.choices("ab\x01ä", k=_RANDOM.randrange(12))) for _ in range(400)]),
    ("string", "LowCardinality(String)", [f"customer-{_RANDOM.randrange(10**9)}" for _ in range(400)]),
    ("string", "FixedString(10)", ["".join(_RANDOM.choices("ab", k=_RANDOM.randrange(11))) for _ in range(400)]),
    ("uuid", "UUID", [f"{n >> 96:08x}-{n >> 80 & 0xffff:04x}-{n >> 64 & 0xffff:04x}-{n >> 48 & 0xffff:04x}-"
                      f"{n & 0xffffffffffff:012x}" for n in (_RANDOM.getrandbits(128) for _ in range(200))]),
    ("enum", "Enum8('z' = -5, 'a' = 0, 'm' = 7)", _RANDOM.choices("zam", k=30)),
    ("boolean", "Bool", [True, False, True, False]),
    ("date", "Date", [_RANDOM.randrange(65536) for _ in range(100)]),
    ("date", "Date32", [_RANDOM.randrange(-25567, 120530) for _ in range(100)]),
    ("timestamp_us", "DateTime64(6)", [_RANDOM.randrange(-(10**15), 10**15) for _ in range(100)]),
    ("timestamp_ms", "DateTime", [_RANDOM.randrange(2**32) * 1000 for _ in range(100)]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An engine of this module alone."""
    made = Server(tmp_path_factory.mktemp("encoding"))
    yield made
    made.stop()


def _encode(key: str, source: str, kind: str, lines: list[str]) -> bytes:
    named = os.environ.get("SLUICE_ENCODE_COLUMN")
    program = Path(named) if named else sluice().parents[2] / "tests/unit/table/encode_column"
    done = subprocess.run([program, key, source, kind], input="".join(line + "\n" for line in lines).encode(),
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _insert(server: Server, kind: str, engine: str, body: bytes) -> None:
    server.run("DROP TABLE IF EXISTS encoding")
    server.run(f"CREATE TABLE encoding (id Int32, v {kind}, _version UInt128, is_deleted UInt8) ENGINE = {engine}",
               allow_suspicious_low_cardinality_types=1)
    as_text = " SETTINGS input_format_binary_read_json_as_string = 1" if kind == "JSON" else ""  # as the plan has it
    answer = server.insert(f"INSERT INTO encoding{as_text} FORMAT RowBinaryWithNamesAndTypes", body)
    assert answer.status == 200 and answer.code == 0, answer


@pytest.mark.parametrize(("source", "kind", "values"), CASES, ids=[f"{s} into {k}" for s, k, _ in CASES])
def test_values(server: Server, source: str, kind: str, values: list[tuple[Any, str]]) -> None:
    """Each value comes back as the text expected; the row after them is a deleted one."""
    body = _encode("id", source, kind, [*(json.dumps(value) for value, _ in values), ""])
    _insert(server, kind, "ReplacingMergeTree(_version, is_deleted) ORDER BY id", body)
    rows = [json.loads(line) for line in
            server.run("SELECT id, ifNull(toString(v), '\\\\N') AS t, toString(_version) AS w, is_deleted "
                       "FROM encoding ORDER BY id FORMAT JSONCompactEachRow").split("\n")]
    assert [text for _, text, _, deleted in rows if not deleted] == [text for _, text in values]
    assert [(n, int(version)) for n, _, version, _ in rows] == [(n, (7 << 64) + n) for n in range(len(values) + 1)]
    assert rows[-1][3] == 1
    zero = "v IS NULL" if kind.startswith(("Nullable(", "LowCardinality(Nullable(")) else f"v = defaultValueOfTypeName('{_quoted(kind)}')"
    if kind == "Date32":
        zero = "v = '1970-01-01'"  # the engine's own default is the first day of its range
    if kind == "JSON":
        zero = "toString(v) = '{}'"
    if kind == _POINT:
        zero = "v.x IS NULL AND v.y IS NULL"
    assert server.run(f"SELECT {zero} FROM encoding WHERE is_deleted") == "1"


@pytest.mark.parametrize(("source", "kind", "values"), KEYS, ids=[k for _, k, _ in KEYS])
def test_order(server: Server, source: str, kind: str, values: list[Any]) -> None:
    """A batch is sorted as the engine sorts, rows of one key in order of arrival."""
    body = _encode("v", source, kind, [json.dumps(value) for value in values])
    _insert(server, kind, "Memory", body)
    sent = server.run("SELECT groupArray(id) FROM encoding", max_threads=1)
    assert sent == server.run("SELECT groupArray(id) FROM (SELECT id FROM encoding ORDER BY v, id)", max_threads=1)
    assert len(json.loads(sent)) == len(values)
