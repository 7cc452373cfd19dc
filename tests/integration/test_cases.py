"""What the real connector sends where that is not what one expects: docs/debezium.md says it in words.

All records are of one run: rows of each kind are written before the snapshot and again behind it. What sluice makes of such
records is tested where its code is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sluice_stack import Stack
from sluice_testing.scene import Scene
from sluice_testing.wait import wait_until

SINGLE = {  # column: type and value
    "bc": ("date", "'0044-03-15 BC'"),
    "end6": ("timestamp(6)", "'294276-12-31 23:59:59.999999'"),
    "end3": ("timestamp(3)", "'294276-12-31 23:59:59.999'"),
    "times": ("time[]", "'{01:02:03.123456}'"),
    "wraps": ("timetz", "'24:00:00+00'"),
    "nan": ("numeric(10,2)", "'NaN'"),
    "midnight": ("time", "'24:00:00'"),
    "midnight3": ("time(3)", "'24:00:00'"),
    "matrix": ("int[][]", "'{{1,2},{3,4}}'"),
    "texts": ("text[][]", "'{{a,b},{c,d}}'"),
    "none": ("varbit", "B''"),
    "one": ("varbit", "B'0'"),
    "two": ("varbit", "B'00'"),
    "defaulted": ("int DEFAULT 5", "NULL"),
    "placeholder": ("text", "'__debezium_unavailable_value'"),
    "scaled": ("numeric(5,-2)", "12300"),
    "moods": ("mood[]", "'{sad,NULL}'"),
}


class Run:
    """One connector's life; records of a table are read once, when they are asked for first."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._records: dict[str, list[tuple[Any, Any]]] = {}
        source = scene.source
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in SINGLE.items())
        source.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok')",
            f"CREATE TABLE single (id int PRIMARY KEY, {columns})",
            "CREATE TABLE by_index (id int PRIMARY KEY, other int NOT NULL UNIQUE)",
            "ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_other_key",
            "CREATE TABLE parted (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
            "CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100)",
            "CREATE TABLE made_up (id int PRIMARY KEY, u uuid NOT NULL, m mood NOT NULL, j json NOT NULL, t timestamptz NOT NULL)",
            "CREATE TABLE altered (id int PRIMARY KEY, ts timestamp(3), twice int GENERATED ALWAYS AS (id * 2) STORED)",
            "CREATE TABLE long (id int PRIMARY KEY, n int, b bytea, f float8[])",
            "ALTER TABLE long ALTER b SET STORAGE EXTERNAL",
            "CREATE TABLE copied (id int PRIMARY KEY)",
            "INSERT INTO parted VALUES (1, 'old')")
        self._write(1)
        scene.connector(r"public\..*", "json-plain", publication__autocreate__mode="all_tables",
                        binary__handling__mode="base64", snapshot__mode="initial")
        scene.wait_streaming(120)
        self._write(2)
        source.execute("UPDATE by_index SET other = other + 10", "DELETE FROM by_index WHERE other = 12",
                       "UPDATE parted SET v = 'new'", "DELETE FROM made_up", "UPDATE long SET n = 1 WHERE id = 2",
                       "ALTER TABLE altered ALTER ts TYPE timestamp(6)",
                       "INSERT INTO altered VALUES (3, '2026-01-01 00:00:00')")
        with source.connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
            copy.write("".join(f"{i}\n" for i in range(100, 1100)))
        source.execute("INSERT INTO single (id) VALUES (99)")
        wait_until(lambda: any(key["id"] == 99 for key, _ in self._read("single")), 120, "the last row has arrived", every=1)

    def _write(self, number: int) -> None:
        values = ", ".join(value for _, value in SINGLE.values())
        self.scene.source.execute(
            f"INSERT INTO copied VALUES ({number})",
            f"INSERT INTO single VALUES ({number}, {values})",
            f"INSERT INTO by_index VALUES ({number + 6}, {number})",
            f"INSERT INTO made_up VALUES ({number}, gen_random_uuid(), 'ok', '{{}}', now())",
            f"INSERT INTO altered VALUES ({number}, '2026-01-01 00:00:00')",
            f"INSERT INTO long SELECT {number}, 0, decode(string_agg(md5(i::text), ''), 'hex'), array_agg(i) FROM generate_series(1, 5000) i")

    def _read(self, table: str) -> list[tuple[Any, Any]]:
        found = []
        for message in self.scene.topics.read(self.scene.topic(table)):
            value = message.value()
            key = message.key()
            found.append((json.loads(key) if key else None, json.loads(value) if value else None))
        return found

    def records(self, table: str) -> list[tuple[Any, Any]]:
        """Keys and values of a table's topic, tombstones too (None)."""
        if table not in self._records:
            self._records[table] = self._read(table)
        return self._records[table]

    def values(self, table: str, op: str | None = None) -> list[Any]:
        """Envelopes, of one op if it is told."""
        return [value for _, value in self.records(table) if value is not None and op in (None, value["op"])]

    def both(self, column: str) -> list[Any]:
        """The value of a column in the snapshot and in the stream."""
        return [value["after"].get(column, "absent") for value in self.values("single") if value["after"]["id"] < 99]


@pytest.fixture(scope="module")
def run(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The one run."""
    scene = Scene(stack, tmp_path_factory.mktemp("cases"), "cases")
    yield Run(scene)
    scene.close()


def test_observed_03_date_before_christ(run: Run) -> None:
    """The snapshot loses the era, the stream does not."""
    right = run.scene.source.value("SELECT date '0044-03-15 BC' - date '1970-01-01'")
    assert run.both("bc") == [-703383, right]


def test_observed_04_end_of_timestamps(run: Run) -> None:
    """Microseconds overflow, milliseconds do not; in both halves."""
    assert run.both("end6") == [-9223372036853775810] * 2
    assert run.both("end3") == [9224318015999999] * 2


def test_observed_05_times(run: Run) -> None:
    """Elements of time[] are cut to milliseconds; 24:00:00 with a time zone wraps."""
    assert run.both("times") == [[3723123000]] * 2
    assert run.both("wraps") == ["00:00:00Z"] * 2


def test_observed_06_nan_and_midnight(run: Run) -> None:
    """NaN has no Decimal; 24:00:00 is a whole day."""
    assert run.both("nan") == [None] * 2
    assert run.both("midnight") == [86400000000] * 2 and run.both("midnight3") == [86400000] * 2


def test_observed_07_identity_by_another_index(run: Run) -> None:
    """A delete names the key 0, and an update of the index column deletes the key 0 and creates."""
    deleted = [key for key, value in run.records("by_index") if value is not None and value["op"] == "d"]
    assert deleted and all(key == {"id": 0} for key in deleted), deleted
    assert not run.values("by_index", "u")


def test_observed_08_partitions_and_root(run: Run) -> None:
    """The snapshot reads root and leaf; the stream names the leaf only, so the root's topic stays as it was."""
    assert [(value["op"], value["after"]["v"]) for value in run.values("parted")] == [("r", "old")]
    assert [(value["op"], value["after"]["v"]) for value in run.values("parted_low")] == [("r", "old"), ("u", "new")]


def test_observed_09_positions(run: Run) -> None:
    """Before the first COMMIT there is no sequence[0]; rows of one COPY share positions, and lsn lies below sequence[0]
    or above."""
    first = next(value for value in run.values("copied") if value["op"] == "c")
    assert json.loads(first["source"]["sequence"])[0] is None, first["source"]
    places = [value["source"]["lsn"] for value in run.values("copied", "c") if value["after"]["id"] >= 100]
    assert len(places) == 1000 and len(set(places)) < 500, len(set(places))


def test_observed_10_made_up_values(run: Run) -> None:
    """A delete invents values for NOT NULL columns; arrays of two dimensions and lengths of bit strings are lost."""
    for value in run.values("made_up", "d"):
        row = value["before"]
        assert (row["u"], row["m"], row["j"], row["t"]) == ("", "", "", "1970-01-01T00:00:00Z"), row
    assert len(run.values("made_up", "d")) == 2
    assert run.both("matrix") == [[None, None]] * 2
    assert all(text.startswith("[Ljava.lang.String;@") for texts in run.both("texts") for text in texts), run.both("texts")
    assert [run.both(name) for name in ("none", "one", "two")] == [["", ""]] * 3


def test_observed_11_columns_that_change(run: Run) -> None:
    """A unit changes without a word in JSON; generated columns are in the snapshot only; NULL beside a default stays NULL
    where the converter has replace.null.with.default=false."""
    rows = [value["after"] for value in run.values("altered")]
    assert [row["ts"] for row in rows] == [1767225600000, 1767225600000, 1767225600000000]
    assert ["twice" in row for row in rows] == [True, False, False]
    assert run.both("defaulted") == [None] * 2


def test_observed_12_text_of_the_placeholder(run: Run) -> None:
    """In a read and in a create it is what the column holds."""
    assert run.both("placeholder") == ["__debezium_unavailable_value"] * 2


def test_toast_in_base64_mode(run: Run) -> None:
    """An unchanged bytea is null there, as is an array of a type without a placeholder."""
    (update,) = run.values("long", "u")
    assert update["after"]["n"] == 1 and update["after"]["b"] is None and update["after"]["f"] is None, str(update)[:300]


def test_scale_below_zero(run: Run) -> None:
    """numeric(5,-2) comes with the scale 2046: more than a thousand digits."""
    assert all(len(value) > 1000 for value in run.both("scaled"))


def test_null_in_an_array_of_labels(run: Run) -> None:
    """A NULL element makes the whole array of an enum null."""
    assert run.both("moods") == [None] * 2
