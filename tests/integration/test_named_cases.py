"""Cases of the connector's documentation and of its records that no other file shows by name.

All records are constructed: the forms are those that the connector was seen to write or documents, with values that a test
can't make it write at will. One worker reads one topic; each test has a partition and a table of its own, so that a
partition that stops, or positions that fall, disturb no other.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from sluice_stack import Stack
from sluice_testing import registry as made
from sluice_testing.records import envelope
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

PLACEHOLDER = "__debezium_unavailable_value"
_PARTITIONS = 40
_DECIMAL = "org.apache.kafka.connect.data.Decimal"
_INT = {"type": "int32", "optional": True}
_LONG = {"type": "int64", "optional": True}
_TEXT = {"type": "string", "optional": True}
_BYTES = {"type": "bytes", "optional": True}
_VARIABLE = {"type": "struct", "optional": True, "name": "io.debezium.data.VariableScaleDecimal", "version": 1,
             "fields": [{"type": "int32", "optional": False, "field": "scale"},
                        {"type": "bytes", "optional": False, "field": "value"}]}


def _named(schema: dict[str, Any], name: str, **parameters: str) -> dict[str, Any]:
    return schema | {"name": name, "version": 1} | ({"parameters": parameters} if parameters else {})


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "optional": True}


def _decimal(scale: int, precision: int) -> dict[str, Any]:
    return _named(_BYTES, _DECIMAL, scale=str(scale), **{"connect.decimal.precision": str(precision)})


def _unscaled(value: int) -> str:
    """A decimal's digits as Connect writes them: big-endian, as short as possible, base64."""
    return base64.b64encode(value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)).decode()


class Rows:
    """Records of one table, written to one partition of the topic."""

    def __init__(self, shared: Shared, case: int, columns: dict[str, dict[str, Any]], name: str = "",
                 key: tuple[str, ...] = ("id",), with_schema: bool = True) -> None:
        self._shared, self._partition, self._key, self._with_schema = shared, case - 1, key, with_schema
        self.name = name or f"case_{case:02}"
        columns = {"id": {"type": "int32", "optional": False}, **columns}
        prefix = f"{shared.scene.name}.public.{self.name}"
        self._key_schema = {"type": "struct", "optional": False, "name": f"{prefix}.Key",
                            "fields": [columns[column] | {"field": column} for column in key]}
        row = {"type": "struct", "optional": True, "name": f"{prefix}.Value",
               "fields": [schema | {"field": column} for column, schema in columns.items()]}
        self._schema = {"type": "struct", "optional": False, "name": f"{prefix}.Envelope", "version": 2,
                        "fields": [row | {"field": "before"}, row | {"field": "after"}]}
        self._columns = columns
        self.lsn = 0x1000000
        self.offset = -1

    def put(self, op: str, row: dict[str, Any] | None, before: Any = None, key: Any = None, **source: Any) -> None:
        """One record at the next position; columns that `row` lacks are null, `source` replaces members."""
        self.lsn += 64
        after = None if row is None else {column: row.get(column) for column in self._columns}
        payload = envelope(self._shared.scene.name, self.name, op, self.lsn, before, after)
        payload["source"] |= source
        key = key or {column: (row or before)[column] for column in self._key}
        self.offset = self._shared.scene.topics.produce(
            self._shared.topic, self._wrap(self._schema, payload), self._wrap(self._key_schema, key), self._partition)

    def tombstone(self, key: Any) -> None:
        """What follows a delete."""
        self._shared.scene.topics.produce(self._shared.topic, None, self._wrap(self._key_schema, key), self._partition)

    def _wrap(self, schema: Any, payload: Any) -> bytes:
        text = json.dumps({"schema": schema, "payload": payload} if self._with_schema else payload,
                          separators=(",", ":"), ensure_ascii=False)
        # Numbers as Java writes them, which Python would write in another way.
        return text.replace('"number:', "").replace(':number"', "").encode()

    def wait(self, columns: str, want: list[tuple[Any, ...]], seconds: float = 30) -> None:
        """Waits until the target shows exactly these rows."""
        def same() -> bool:
            assert self._shared.scene.clickhouse.has_table(self.name), f"no table {self.name} yet"
            found = [tuple(row.values()) for row in self._shared.scene.clickhouse.final(self.name, columns)]
            assert found == want, f"found {found}\nwanted {want}"
            return True
        wait_until(same, seconds, f"the rows of {self.name}")

    def wait_stopped(self) -> str:
        """The error with which the partition stops at the last record."""
        line = self._shared.worker.wait_event("partition_stopped", partition=self._partition)
        assert line["offset"] == self.offset, line
        return str(line["error"])


class Shared:
    """The scene of all tests and its worker."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.topic = f"{scene.name}.public.mixed"
        scene.topics.create(self.topic, partitions=_PARTITIONS)
        self.worker = scene.run(tables__rules=[{"match": r"\.clamped$", "on_out_of_range": "clamp"}])


@pytest.fixture(scope="module")
def shared(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """One worker for the file."""
    scene = Scene(stack, tmp_path_factory.mktemp("named"), "named")
    yield Shared(scene)
    scene.close()


# Order and kinds of events


def test_case_01_positions_fall_between_transactions(shared: Shared) -> None:
    """Two transactions on different rows overlap: the one that began first commits last, with lower positions."""
    rows = Rows(shared, 1, {"v": _TEXT})
    rows.put("c", {"id": 1, "v": "second begun"}, lsn=2008, sequence='["1000","2008"]')
    rows.put("u", {"id": 2, "v": "first begun"}, lsn=1504, sequence='["2100","1504"]')
    rows.put("c", {"id": 3, "v": "first begun"}, lsn=1600, sequence='["2100","1600"]')
    rows.put("u", {"id": 1, "v": "later"}, lsn=2200, sequence='["2150","2200"]')
    rows.wait("id, v", [(1, "later"), (2, "first begun"), (3, "first begun")])


def test_case_03_incremental_reads(shared: Shared) -> None:
    """A read without lsn and txId: newer than what came before it, older than what comes after, also if that has a
    position below the read's."""
    rows = Rows(shared, 3, {"v": _TEXT})

    def read(row_id: int, name: str) -> None:
        rows.put("r", {"id": row_id, "v": name}, snapshot="incremental", lsn=None, txId=None, sequence='["9000","9000"]')

    rows.put("u", {"id": 1, "v": "before"}, lsn=8000, sequence='["7000","8000"]')
    rows.put("u", {"id": 3, "v": "before"}, lsn=8504, sequence='["8500","8504"]')
    for row_id in (1, 2, 3):
        read(row_id, "read")
    rows.put("u", {"id": 1, "v": "changed at 8600, committed later"}, lsn=8600, sequence='["9100","8600"]')
    rows.put("d", None, {"id": 2, "v": None}, lsn=9200, sequence='["9100","9200"]')
    rows.wait("id, v", [(1, "changed at 8600, committed later"), (3, "read")])


def test_case_05_rows_of_copy_share_positions(shared: Shared) -> None:
    """1000 rows at seven positions: all are stored."""
    rows = Rows(shared, 5, {"n": _INT})
    for i in range(1000):
        lsn = 4096 + i // 157 * 8
        rows.put("c", {"id": i, "n": lsn}, lsn=lsn, sequence=f'["4000","{lsn}"]')
    rows.wait("count(), uniqExact(id), uniqExact(n)", [(1000, 1000, 7)])


def test_case_20_key_with_a_null_member(shared: Shared) -> None:
    """A unique index as key: a NULL in it is no place in a sorting key, the partition stops and says so."""
    rows = Rows(shared, 20, {"a": _INT, "v": _TEXT}, key=("id", "a"))
    rows.put("c", {"id": 1, "a": 1, "v": "x"})
    rows.wait("id, a, v", [(1, 1, "x")])
    rows.put("c", {"id": 2, "a": None, "v": "y"})
    error = rows.wait_stopped()
    assert '"a"' in error and "null" in error.lower(), error
    rows.wait("id, a, v", [(1, 1, "x")])


def test_case_21_delete_with_a_key_that_is_made_up(shared: Shared) -> None:
    """REPLICA IDENTITY USING INDEX beside a primary key: the delete names the key 0 and nothing tells the row, which
    stays; rows of other keys are not touched."""
    rows = Rows(shared, 21, {"other": _INT})
    rows.put("c", {"id": 7, "other": 1})
    rows.put("c", {"id": 8, "other": 2})
    rows.put("d", None, {"id": 0, "other": 1}, key={"id": 0})
    rows.tombstone({"id": 0})
    rows.put("u", {"id": 8, "other": 3})
    rows.wait("id, other", [(7, 1), (8, 3)])


def test_case_23_null_in_a_column_with_a_default(shared: Shared) -> None:
    """The converter writes the default for it: nothing tells. Without that replacement the null is stored, and
    source.snapshot of streamed records is null too."""
    rows = Rows(shared, 23, {"n": _INT | {"default": 5}})
    rows.put("c", {"id": 1, "n": 5})
    rows.put("c", {"id": 2, "n": None}, snapshot=None)
    rows.put("u", {"id": 1, "n": None}, snapshot=None)
    rows.put("u", {"id": 1, "n": 6}, snapshot=None)
    rows.wait("id, n", [(1, 6), (2, None)])


# Unchanged TOAST values


def test_case_12_placeholder_of_texts_and_bytes(shared: Shared) -> None:
    """text, jsonb and bytea in the modes bytes and hex keep the old value. base64 and base64-url-safe have no
    placeholder: null arrives and is stored."""
    rows = Rows(shared, 12, {"t": _TEXT, "j": _named(_TEXT, "io.debezium.data.Json"), "b": _BYTES, "h": _TEXT, "q": _TEXT})
    rows.put("c", {"id": 1, "t": "text", "j": '{"a": 1}', "b": "/wA=", "h": "ff00", "q": "/wA="})
    gone = {"t": PLACEHOLDER, "j": PLACEHOLDER, "b": base64.b64encode(PLACEHOLDER.encode()).decode(), "h": PLACEHOLDER}
    rows.put("u", {"id": 1, **gone, "q": None})
    rows.wait("id, t, j, hex(b), h, q", [(1, "text", '{"a": 1}', "FF00", "ff00", None)])


def test_case_13_placeholder_of_arrays_and_hstore(shared: Shared) -> None:
    """Each type's own form of it, in rows of earlier batches and of the same one."""
    uuid = _named(_TEXT, "io.debezium.data.Uuid")
    rows = Rows(shared, 13, {
        "ta": _array(_TEXT), "ia": _array(_INT), "la": _array(_LONG), "ua": _array(uuid), "ba": _array(_BYTES),
        "hj": _named(_TEXT, "io.debezium.data.Json"),
        "hm": {"type": "map", "optional": True, "keys": {"type": "string", "optional": False}, "values": _TEXT}})
    old_uuid = "0123abcd-4567-89ef-8000-fedcba987654"
    numbers = list(PLACEHOLDER.encode())
    old = {"ta": ["a", None], "ia": [1, None], "la": [2**62], "ua": [old_uuid], "ba": ["/wA="], "hj": '{"k":"v"}', "hm": {"k": None}}
    gone = {"ta": [PLACEHOLDER], "ia": numbers, "la": numbers, "ua": ["b68a35a7-17ad-35b3-af2a-ae46edb4545a"],
            "ba": [base64.b64encode(PLACEHOLDER.encode()).decode()], "hj": json.dumps({PLACEHOLDER: PLACEHOLDER}, separators=(",", ":")),
            "hm": {PLACEHOLDER: PLACEHOLDER}}
    shown = "id, ta, ia, la, ua, arrayMap(b -> hex(b), ba) AS b, hj, hm"
    want = (["a", None], [1, None], [2**62], [old_uuid], ["FF00"], '{"k":"v"}', {"k": None})
    rows.put("c", {"id": 1, **old})
    rows.wait(shown, [(1, *want)])
    rows.put("c", {"id": 2, **old})
    rows.put("u", {"id": 2, **gone})
    rows.put("u", {"id": 1, **gone})
    rows.put("c", {"id": 3})
    rows.wait(shown, [(1, *want), (2, *want), (3, [], [], [], [], [], None, {})])


def test_case_14_unchanged_values_without_a_placeholder(shared: Shared) -> None:
    """float8[], vector and geometry come as null, as a NULL would: it is stored as one, other columns are right."""
    geometry = {"type": "struct", "optional": True, "name": "io.debezium.data.geometry.Geometry", "version": 1,
                "fields": [{"type": "bytes", "optional": False, "field": "wkb"}, _INT | {"field": "srid"}]}
    double = {"type": "double", "optional": True}
    rows = Rows(shared, 14, {"n": _INT, "f": _array(double), "g": geometry,
                             "v": _named(_array({"type": "double", "optional": False}), "io.debezium.data.DoubleVector")})
    value = {"f": [1.5, None], "v": [1.0, 2.5], "g": {"wkb": _wkb(None), "srid": None}}
    rows.put("c", {"id": 1, "n": 1, **value})
    rows.put("c", {"id": 2, "n": 1, **value})
    rows.put("u", {"id": 1, "n": 2})
    rows.wait("id, n, f, v, g IS NULL AS x", [(1, 2, [], [], 1), (2, 1, [1.5, None], [1, 2.5], 0)])


def test_case_15_placeholder_as_a_part_of_data(shared: Shared) -> None:
    """Values are compared whole: what only contains it is data, in updates too."""
    rows = Rows(shared, 15, {"t": _TEXT, "b": _BYTES, "ta": _array(_TEXT), "ia": _array(_INT)})
    numbers = [*PLACEHOLDER.encode(), 1]
    rows.put("c", {"id": 1, "t": "old", "b": "/w==", "ta": ["old"], "ia": [1]})
    rows.put("u", {"id": 1, "t": f"see {PLACEHOLDER}", "b": base64.b64encode(f"{PLACEHOLDER}!".encode()).decode(),
                   "ta": [PLACEHOLDER, "x"], "ia": numbers})
    rows.put("u", {"id": 2, "t": f"{PLACEHOLDER} ", "b": None, "ta": [f"{PLACEHOLDER}s"], "ia": numbers[:-2]})
    rows.wait("id, t, b, ta, ia", [
        (1, f"see {PLACEHOLDER}", f"{PLACEHOLDER}!", [PLACEHOLDER, "x"], numbers),
        (2, f"{PLACEHOLDER} ", None, [f"{PLACEHOLDER}s"], numbers[:-2])])


# Types


def test_case_24_decimals(shared: Shared) -> None:
    """decimal(38,10) in base64 and as numbers, small ones with an exponent; integers of 38 digits."""
    rows = Rows(shared, 24, {"d": _decimal(10, 38), "w": _decimal(0, 38)})
    nines = 10**38 - 1
    values = [12345, -12345, 0, -1, 128, nines, -nines]
    for i, value in enumerate(values):
        rows.put("c", {"id": i, "d": _unscaled(value), "w": _unscaled(value)})
    texts = [("1E-7", "0.0000001"), ("0E-10", "0"), ("-1E-10", "-0.0000000001"), ("1.10", "1.1"), ("128", "128"),
             ("9" * 28 + "." + "9" * 10, "9" * 28 + "." + "9" * 10)]
    for i, (text, _) in enumerate(texts):
        rows.put("c", {"id": 100 + i, "d": f"number:{text}:number", "w": f"number:{nines}:number"})
    shown = [(0, "0.0000012345", "12345"), (1, "-0.0000012345", "-12345"), (2, "0", "0"), (3, "-0.0000000001", "-1"),
             (4, "0.0000000128", "128"), (5, f"{'9' * 28}.{'9' * 10}", str(nines)), (6, f"-{'9' * 28}.{'9' * 10}", str(-nines))]
    rows.wait("id, toString(d) AS a, toString(w) AS b", shown + [(100 + i, text, str(nines)) for i, (_, text) in enumerate(texts)])


def test_case_25_decimals_of_variable_scale(shared: Shared) -> None:
    """Scale 0, a large one, and in an array with null elements."""
    rows = Rows(shared, 25, {"d": _VARIABLE, "a": _array(_VARIABLE)})
    rows.put("c", {"id": 1, "d": {"scale": 0, "value": "ZA=="}, "a": [{"scale": 4, "value": "AYr3"}, None]})
    rows.put("c", {"id": 2, "d": {"scale": 300, "value": _unscaled(-7)}, "a": []})
    rows.put("c", {"id": 3, "d": None, "a": [{"scale": 1, "value": _unscaled(-5)}]})
    rows.wait("id, d, a", [(1, "100", ["10.1111", None]), (2, "-0." + "0" * 299 + "7", []), (3, None, ["-0.5"])])


def test_case_26_numbers_that_are_none(shared: Shared) -> None:
    """NaN and infinities: texts in float8, texts or null in numeric."""
    rows = Rows(shared, 26, {"f": {"type": "double", "optional": True}, "s": _TEXT, "p": _decimal(2, 10)})
    for i, (real, text) in enumerate([("NaN", "NAN"), ("Infinity", "POSITIVE_INFINITY"), ("-Infinity", "NEGATIVE_INFINITY")]):
        rows.put("c", {"id": i, "f": real, "s": text, "p": None})
    rows.wait("id, toString(f) AS a, s, p", [(0, "nan", "NAN", None), (1, "inf", "POSITIVE_INFINITY", None),
                                            (2, "-inf", "NEGATIVE_INFINITY", None)])


_DATE = _named(_INT, "io.debezium.time.Date")
_MS = _named(_LONG, "io.debezium.time.Timestamp")
_US = _named(_LONG, "io.debezium.time.MicroTimestamp")
_ZONED = _named(_TEXT, "io.debezium.time.ZonedTimestamp")


def test_case_27_times_beyond_the_column(shared: Shared) -> None:
    """Infinities in every form, dates before Christ, the year 294276: nearest value by policy, else the partition stops."""
    rows = Rows(shared, 27, {"d": _DATE, "m": _MS, "u": _US, "z": _ZONED}, name="clamped")
    low, high = 9223372036832400000, 9223372036825200000
    rows.put("c", {"id": 1, "d": -2147472692, "m": high // 1000, "u": high, "z": "infinity"})
    rows.put("c", {"id": 2, "d": -2147472691, "m": -low // 1000, "u": -low, "z": "-infinity"})
    rows.put("r", {"id": 3, "d": -622191234, "m": 9224318015999999, "u": high, "z": "+21016-11-04T06:51:30.123456Z"})
    rows.put("r", {"id": 4, "d": -625821272, "m": -62198755200000, "u": -62198755200000000, "z": "-0043-03-15T00:00:00Z"})
    rows.put("c", {"id": 5, "d": -735160, "m": 0, "u": -1, "z": "1969-12-31T23:59:59.999999Z"})
    last = ("2299-12-31", "2299-12-31 23:59:59.999", "2299-12-31 23:59:59.999999", "2299-12-31 23:59:59.999999")
    first = ("1900-01-01", "1900-01-01 00:00:00.000", "1900-01-01 00:00:00.000000", "1900-01-01 00:00:00.000000")
    rows.wait("id, d, m, u, z", [
        (1, *last), (2, *first), (3, *last), (4, *first),
        (5, "1900-01-01", "1970-01-01 00:00:00.000", "1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999")])
    refused = Rows(shared, 27, {"d": _DATE}, name="case_27")
    refused.lsn = rows.lsn
    refused.put("c", {"id": 1, "d": 0})
    refused.put("c", {"id": 2, "d": -2147472692})
    error = refused.wait_stopped()
    assert '"d"' in error and "infinity" in error, error


def test_case_28_two_units_without_schema(shared: Shared) -> None:
    """timestamp(3) in milliseconds beside timestamp(6) in microseconds, as bare numbers: the columns tell."""
    shared.scene.clickhouse.execute(
        "CREATE TABLE case_28 (id Int32, m Nullable(DateTime64(3, 'UTC')), u Nullable(DateTime64(6, 'UTC')), _version UInt128, "
        "is_deleted UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY id")
    rows = Rows(shared, 28, {"m": _MS, "u": _US}, with_schema=False)
    rows.put("c", {"id": 1, "m": 1709210096789, "u": 1709210096789012})
    rows.put("c", {"id": 2, "m": -1, "u": -1})
    rows.put("c", {"id": 3})
    rows.wait("id, m, u", [(1, "2024-02-29 12:34:56.789", "2024-02-29 12:34:56.789012"),
                          (2, "1969-12-31 23:59:59.999", "1969-12-31 23:59:59.999999"), (3, None, None)])


def test_case_29_times_of_day_and_intervals(shared: Shared) -> None:
    """24:00:00 in both units, timetz without a fraction, intervals with negative parts in both modes."""
    rows = Rows(shared, 29, {"m": _named(_INT, "io.debezium.time.Time"), "u": _named(_LONG, "io.debezium.time.MicroTime"),
                             "z": _named(_TEXT, "io.debezium.time.ZonedTime"),
                             "n": _named(_LONG, "io.debezium.time.MicroDuration"), "i": _named(_TEXT, "io.debezium.time.Interval")})
    rows.put("c", {"id": 1, "m": 86400000, "u": 86400000000, "z": "11:51:02Z", "n": -79201500000, "i": "P0Y0M-3DT4H5M6.7S"})
    rows.put("c", {"id": 2, "m": 0, "u": 86399999999, "z": "11:51:30.123Z", "n": 2629800000000, "i": "P1Y-2M3DT-4H-5M-6.78S"})
    rows.wait("id, substring(toString(m), 1, 8) AS a, substring(toString(u), 1, 15) AS b, z, n, i", [
        (1, "24:00:00", "24:00:00.000000", "11:51:02Z", -79201500000, "P0Y0M-3DT4H5M6.7S"),
        (2, "00:00:00", "23:59:59.999999", "11:51:30.123Z", 2629800000000, "P1Y-2M3DT-4H-5M-6.78S")])


def test_case_30_bits(shared: Shared) -> None:
    """bit(12) has its length; of bit varying the zeros in front are lost in the record; no bytes are no bits."""
    bits = "io.debezium.data.Bits"
    rows = Rows(shared, 30, {"b": _named(_BYTES, bits, length="12"), "v": _named(_BYTES, bits, length="2147483647"), "y": _BYTES})
    rows.put("c", {"id": 1, "b": "gwE=", "v": "Ag==", "y": ""})
    rows.put("c", {"id": 2, "b": "", "v": "", "y": "AA=="})
    rows.put("c", {"id": 3})
    rows.wait("id, b, v, hex(y) AS h", [(1, "000110000011", "10", ""), (2, "0" * 12, "", "00"), (3, None, None, None)])


def test_case_31_json_texts(shared: Shared) -> None:
    """Kept as they are: 64-bit integers, duplicate keys, escapes; a JSON null is a text, a NULL is none."""
    rows = Rows(shared, 31, {"j": _named(_TEXT, "io.debezium.data.Json")})
    texts = ['{"a":9223372036854775807,"a":1,"b":-9223372036854775808}', r'{"x":"\u0000\u00e4\/"}', "null", None, ' [1,  2.50] ']
    for i, text in enumerate(texts):
        rows.put("c", {"id": i, "j": text})
    rows.wait("id, j", list(enumerate(texts)))


def test_case_32_texts_and_labels(shared: Shared) -> None:
    """char(n) keeps its blanks, a label may hold a comma, letters may have four bytes."""
    rows = Rows(shared, 32, {"c": _TEXT, "e": _named(_TEXT, "io.debezium.data.Enum", allowed="ok,so, so"), "t": _TEXT})
    rows.put("c", {"id": 1, "c": "ab    ", "e": "so, so", "t": "ä漢🚚\U0010ffff"})
    rows.put("c", {"id": 2, "c": "      ", "e": "ok", "t": ""})
    rows.wait("id, c, e, t", [(1, "ab    ", "so, so", "ä漢🚚\U0010ffff"), (2, "      ", "ok", "")])


def test_case_33_arrays(shared: Shared) -> None:
    """Empty, with a null element, null, and what the connector leaves of two dimensions."""
    rows = Rows(shared, 33, {"i": _array(_INT), "t": _array(_TEXT)})
    java = "[Ljava.lang.String;@1b2c"
    rows.put("c", {"id": 1, "i": [], "t": []})
    rows.put("c", {"id": 2, "i": [1, None, -3], "t": ["a", None, ""]})
    rows.put("c", {"id": 3})
    rows.put("c", {"id": 4, "i": [None, None], "t": [java, java]})
    rows.wait("id, i, t", [(1, [], []), (2, [1, None, -3], ["a", None, ""]), (3, [], []), (4, [None, None], [java, java])])


def _wkb(srid: int | None) -> str:
    """A point (1, 1) as PostGIS writes it, little-endian, base64."""
    kind = 1 if srid is None else 0x20000001
    head = struct.pack("<BI", 1, kind) + (b"" if srid is None else struct.pack("<I", srid))
    return base64.b64encode(head + struct.pack("<dd", 1, 1)).decode()


def test_case_34_geometry(shared: Shared) -> None:
    """With the SRID inside, without one, and a point whose srid is null."""
    parts = [{"type": "bytes", "optional": False, "field": "wkb"}, _INT | {"field": "srid"}]
    double = {"type": "double", "optional": False}
    rows = Rows(shared, 34, {
        "g": {"type": "struct", "optional": True, "name": "io.debezium.data.geometry.Geometry", "version": 1, "fields": parts},
        "p": {"type": "struct", "optional": True, "name": "io.debezium.data.geometry.Point", "version": 1,
              "fields": [double | {"field": "x"}, double | {"field": "y"}, _BYTES | {"field": "wkb"}, _INT | {"field": "srid"}]}})
    point = {"x": 1.5, "y": -2.0, "wkb": _wkb(None), "srid": None}
    rows.put("c", {"id": 1, "g": {"wkb": _wkb(3187), "srid": 3187}, "p": point})
    rows.put("c", {"id": 2, "g": {"wkb": _wkb(None), "srid": None}, "p": None})
    one = "000000000000F03F"
    rows.wait("id, g, toString(p) AS t", [(1, f"0101000020730C0000{one}{one}", "(1.5,-2)"),
                                         (2, f"0101000000{one}{one}", "(NULL,NULL)")])


# Avro and the registry


def _avro_schema(namespace: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """An envelope whose row is defined in `before` and named in `after`."""
    schema = made.value_schema()
    row = {"type": "record", "name": "Value", "fields": fields}
    before, after, *rest = schema["fields"]
    return schema | {"namespace": namespace, "fields": [before | {"type": ["null", row]}, after, *rest]}


def _avro_record(scene: Scene, table: str, row: bytes, lsn: int) -> bytes:
    """An insert of a row that is encoded already."""
    plain = made.avro_insert(scene.name, table, 1, None, lsn)
    return plain[:2] + row + plain[4:]  # in place of the id and the index of null


def test_case_35_order_of_unions(scene: Scene) -> None:
    """["null", T] and [T, "null"] in one record; the row's type is defined in `before` and only named in `after`."""
    topic = scene.topic("t")
    scene.topics.create(topic)
    fields = [{"name": "id", "type": "int"}, {"name": "a", "type": ["null", "string"]}, {"name": "b", "type": ["string", "null"]},
              {"name": "c", "type": ["int", "null"], "default": 5}]
    rows = [b"\x02" b"\x02\x02x" b"\x00\x02y" b"\x00\x0e",  # 1, x, y, 7
            b"\x04" b"\x00" b"\x02" b"\x02"]  # 2 and three NULLs
    with made.fake_registry() as registry:
        registry.schemas["/schemas/ids/1"] = {"schema": json.dumps(made.KEY_SCHEMA)}
        registry.schemas["/schemas/ids/2"] = {"schema": json.dumps(_avro_schema("made.public.t", fields))}
        for i, row in enumerate(rows, 1):
            scene.topics.produce(topic, made.framed(2, _avro_record(scene, "t", row, 0x1000000 + i * 64)),
                                 made.framed(1, made.avro_key(i)))
        worker = scene.run(registry__url=f"http://{registry.address}", format="avro")
        want = [{"id": 1, "a": "x", "b": "y", "c": 7}, {"id": 2, "a": None, "b": None, "c": None}]
        wait_until(lambda: scene.clickhouse.has_table("t") and scene.clickhouse.final("t", "id, a, b, c") == want, 30, f"{want}")
        assert worker.terminate() == 0


def test_observed_14_names_in_avro(scene: Scene) -> None:
    """Names are adjusted letter by letter in Avro: the table keeps its own, from `source`; columns have the adjusted ones."""
    topic = f"{scene.name}.public.gr__e"
    scene.topics.create(topic)
    fields = [{"name": "id", "type": "int"}, {"name": "__", "type": ["null", "string"]},
              {"name": "_1digit", "type": ["null", "string"]}]
    with made.fake_registry() as registry:
        registry.schemas["/schemas/ids/1"] = {"schema": json.dumps(made.KEY_SCHEMA | {"namespace": "made.public.gr__e"})}
        registry.schemas["/schemas/ids/2"] = {"schema": json.dumps(_avro_schema("made.public.gr__e", fields))}
        row = b"\x02" b"\x02\x02x" b"\x02\x02y"
        scene.topics.produce(topic, made.framed(2, _avro_record(scene, "größe", row, 0x1000000)), made.framed(1, made.avro_key(1)))
        worker = scene.run(registry__url=f"http://{registry.address}")
        want = [{"id": 1, "__": "x", "_1digit": "y"}]
        wait_until(lambda: scene.clickhouse.has_table("größe") and scene.clickhouse.final("größe", "id, __, _1digit") == want,
                   30, f"{want}")
        assert worker.terminate() == 0


def test_case_36_a_registry_that_fails(scene: Scene) -> None:
    """404, then the schema; 503; slower than registry.timeout; a refusal of credentials stops by name; a record too short
    for an id."""
    topic = scene.topic("t")
    scene.topics.create(topic)
    rows = [{"id": 1, "name": "one"}]

    def put(schema: int, row_id: int, name: str) -> None:
        value = made.framed(schema, made.avro_insert(scene.name, "t", row_id, name, 0x1000000 + row_id * 64))
        scene.topics.produce(topic, value, made.framed(1, made.avro_key(row_id)))

    def wait_rows() -> None:
        wait_until(lambda: scene.clickhouse.has_table("t") and scene.clickhouse.final("t", "id, name") == rows, 30, f"{rows}")

    with made.fake_registry() as registry:
        registry.schemas["/schemas/ids/1"] = {"schema": json.dumps(made.KEY_SCHEMA)}
        for schema in (2, 3, 4):
            registry.schemas[f"/schemas/ids/{schema}"] = {"schema": json.dumps(made.value_schema() | {"doc": str(schema)})}
        registry.refusals = [404, 503, 404]
        put(2, 1, "one")
        worker = scene.run(registry__url=f"http://{registry.address}", format="avro", registry__timeout="300ms",
                           retry__initial="20ms", retry__max="100ms")
        wait_rows()
        assert not registry.refusals
        registry.delays = [1.0]
        put(3, 2, "two")
        rows.append({"id": 2, "name": "two"})
        wait_rows()
        assert not registry.delays
        registry.refusals = [401] * 1000
        put(4, 3, "three")
        line = worker.wait_event("partition_stopped", 60)
        assert line["offset"] == 2 and "401" in line["error"] and "registry." in line["error"], line
        assert worker.terminate() == 1
        registry.refusals = []
        worker.start()
        rows.append({"id": 3, "name": "three"})
        wait_rows()
        scene.topics.produce(topic, b"\0\0\0\1", made.framed(1, made.avro_key(4)))
        line = worker.wait_event("partition_stopped", 60)
        assert line["offset"] == 3 and "4 bytes" in line["error"], line
        assert worker.terminate() == 1


def test_observed_13_a_registry_that_lost_its_schemas(scene: Scene) -> None:
    """A registry that keeps them in memory names others by the same ids after its restart: what such a schema does not
    fit stops by name, nothing is stored of it; with the right one back it goes on."""
    topic = scene.topic("t")
    scene.topics.create(topic)
    right = {"schema": json.dumps(made.value_schema())}
    scene.topics.produce(topic, made.framed(2, made.avro_insert(scene.name, "t", 1, "one", 0x1000000)), made.framed(1, made.avro_key(1)))
    with made.fake_registry() as registry:
        registry.schemas["/schemas/ids/1"] = {"schema": json.dumps(made.KEY_SCHEMA)}
        registry.schemas["/schemas/ids/2"] = {"schema": json.dumps(made.KEY_SCHEMA)}
        worker = scene.run(registry__url=f"http://{registry.address}", format="avro")
        line = worker.wait_event("partition_stopped", 60)
        assert line["offset"] == 0 and "left behind the Avro data" in line["error"], line
        assert not scene.clickhouse.has_table("t")
        assert worker.terminate() == 1
        registry.schemas["/schemas/ids/2"] = right
        worker.start()
        wait_until(lambda: scene.clickhouse.has_table("t")
                   and scene.clickhouse.final("t", "id, name") == [{"id": 1, "name": "one"}], 30, "the row")
        assert worker.terminate() == 0
