"""Every case below has a test that carries its number: test_case_07_*, test_cases_04_07_*, test_observed_01_*, in Python or C.

No services are needed: only names are read.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# What the connector's documentation and sources say may arrive.
CASES = (
    "positions fall between overlapping transactions",
    "a snapshot's row, then its update with a lower position",
    "incremental read before and after a change of its key",
    "sequence with a null part, null, absent",
    "rows of COPY that share positions",
    "deferrable key: a delete above the insert that follows it",
    "update without before",
    "delete with a made up before",
    "delete with nothing but the record's key",
    "change of the primary key over two batches",
    "change of the primary key with an unchanged TOAST value",
    "unchanged TOAST text, jsonb, bytea in each mode",
    "unchanged TOAST text[], int4[], uuid[], hstore in both modes",
    "unchanged TOAST values that arrive as null",
    "data that contains the placeholder",
    "tombstone without a delete, with a null key",
    "truncate, also over several partitions",
    "messages, heartbeats, transaction records, notifications",
    "table without a key, equal rows",
    "key of a unique index with a NULL member",
    "replica identity by an index that is not the primary key",
    "row moved between partitions of a table",
    "NULL in a column with a default",
    "decimal(38,10) in base64 and as a number",
    "decimals of variable scale",
    "NaN and infinity",
    "infinite and far dates and timestamps",
    "timestamp(3) beside timestamp(6) without schemas",
    "24:00:00, timetz, interval",
    "bit, bit varying, empty bytes",
    "JSON texts, the JSON null",
    "char(n), labels with commas, letters of four bytes",
    "arrays: empty, with null, null, of two dimensions",
    "geometry with SRID and without, point",
    "order of Avro unions, a type that is named again",
    "registry: unknown id, refusals, slow; bad frames",
    "columns added, dropped, renamed, changed; old shapes again",
    "flattened records in each delete mode",
    "two tables in one topic",
    "crash replay, gaps, a new source history",
)

# What was seen with Debezium 3.6.1 on PostgreSQL 15.
OBSERVED = (
    "deferrable keys shift: the delete comes after the create of its key",
    "unchanged TOAST values of a changed key over several Kafka partitions",
    "dates before Christ in snapshots",
    "timestamp(6) at the end of its range",
    "elements of time[], timetz 24:00:00",
    "numeric NaN, time 24:00:00",
    "replica identity by an index beside the primary key",
    "snapshot of a partitioned table through FOR ALL TABLES",
    "positions: no COMMIT yet, below sequence[0], shared",
    "values that deletes make up, arrays of two dimensions, bit varying",
    "columns whose unit changes, generated columns, defaults",
    "text equal to the placeholder",
    "a registry that loses its schemas",
    "names in Avro",
)

_TEST = re.compile(r"^(?:\s*def|static void) (test_\w+)\(", re.MULTILINE)
_NUMBERS = re.compile(r"(?<=_)(cases?|observed)((?:_\d\d)+)(?=_|$)")


def numbers(names: list[str]) -> set[tuple[str, int]]:
    """The cases and observations that these names carry."""
    found = set()
    for name in names:
        for kind, listed in _NUMBERS.findall(name):
            found |= {(kind.removesuffix("s"), int(number)) for number in listed.split("_")[1:]}
    return found


def _tested() -> set[tuple[str, int]]:
    tests = Path(__file__).resolve().parents[1]
    found: set[tuple[str, int]] = set()
    for pattern in ("integration/test_*.py", "unit/*/test_*.c", "property/*.c"):
        for path in tests.glob(pattern):
            found |= numbers(_TEST.findall(path.read_text(encoding="utf-8")))
    return found


def test_numbers_are_read() -> None:
    """One, several, of both kinds; other digits are no numbers of cases."""
    assert numbers(["test_case_07_x", "test_cases_04_16_y", "test_case_11_observed_02_z", "test_cases", "test_row_12_x"]) == {
        ("case", 7), ("case", 4), ("case", 16), ("case", 11), ("observed", 2)}


@pytest.mark.parametrize(("kind", "titles"), [("case", CASES), ("observed", OBSERVED)])
def test_each_has_a_test(kind: str, titles: tuple[str, ...]) -> None:
    """None is missing, and no test carries a number that there is not."""
    tested = {number for found, number in _tested() if found == kind}
    missing = [f"{kind} {number:02}: {title}" for number, title in enumerate(titles, 1) if number not in tested]
    assert not missing, f"no test in tests/ is named after {missing}"
    assert max(tested) <= len(titles), f"{kind} {max(tested)} is not listed here"


def test_each_state_of_the_ledger_has_tests() -> None:
    """The table in docs/ledger.md: every named state of lib/ledger/machine.h, with tests that there are."""
    tests = Path(__file__).resolve().parents[1]
    header = (tests.parent / "lib" / "ledger" / "machine.h").read_text(encoding="utf-8")
    states = re.findall(r"X\(SLUICE_LEDGER_\w+, \"(\w+)\"\)", header)
    text = (tests.parent / "docs" / "ledger.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.partition("## What each state shows")[2].split("\n") if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == states, "the table's states are those of the machine, in their order"
    there = {name for path in tests.glob("integration/test_*.py") for name in _TEST.findall(path.read_text(encoding="utf-8"))}
    for row in rows:
        named = re.findall(r"test_\w+", row[4])
        assert named and not set(named) - there, f"{row[1]}: {set(named) - there or 'no test'}"
