"""The normalisation of cells: every entry with texts as both servers write them, and texts that must stay different."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent / "sluice_differential"), str(ROOT / "tests/support"), str(ROOT / "docker/local")]

import exclusions  # noqa: E402  (the paths come first)
import kinds  # noqa: E402
import normal  # noqa: E402
import tables  # noqa: E402
from mix import Mix  # noqa: E402
from normal import CLAMP, NULL, REJECT, Pair  # noqa: E402

# pair, PostgreSQL's text, ClickHouse's text of the same value
SAME: tuple[tuple[Pair, str, str], ...] = (
    (normal.SAME, "a\tb", "a\tb"),
    (normal.BOOLEAN, "t", "true"), (normal.BOOLEAN, "0", "false"),
    (normal.NUMBER, "1.50", "1.5"), (normal.NUMBER, "-0.00", "0"), (normal.NUMBER, "100", "100"), (normal.NUMBER, "0.10", "0.1"),
    (normal.MONEY, "-$1,234.50", "-1234.5"), (normal.MONEY, "$0.00", "0"),
    (normal.DOUBLE, "1e+16", "10000000000000000"), (normal.DOUBLE, "NaN", "nan"), (normal.DOUBLE, "-Infinity", "-inf"),
    (normal.SINGLE, "1e-45", "1e-45"), (normal.SINGLE, "1.6777216e+07", "16777216"), (normal.SINGLE, "Infinity", "inf"),
    (normal.BYTES, "\\x00Ff", "00ff"), (normal.BYTES, "\\x", ""),
    (normal.CLOCK, "12:00:00", "12:00:00.000000"), (normal.CLOCK, "24:00:00", "24:00:00.000000"), (normal.CLOCK, "01:02:03.5", "01:02:03.500"),
    (normal.CLOCK_UTC, "01:02:03.1234+05:30", "19:32:03.1234Z"), (normal.CLOCK_UTC, "23:00:00-05", "04:00:00Z"), (normal.CLOCK_UTC, "12:00:00+00", "12:00Z"),
    (normal.DATE, "1970-01-01", "1970-01-01"), (normal.DATE, "2299-12-31", "2299-12-31"),
    (normal.times(1), "2024-02-29 12:34:56.7", "2024-02-29 12:34:56.700000"), (normal.times(1), "2024-02-29 12:34:56+00", "2024-02-29 12:34:56"),
    (normal.INTERVAL, "1 year 2 mons 3 days 04:05:06.7", "37091106700000"), (normal.INTERVAL, "-1 mons +2 days -00:00:00.000001", "-2457000000001"),
    (normal.INTERVAL, "00:00:00", "0"), (normal.INTERVAL, "1 mon -1 days", "2543400000000"),
    (normal.HSTORE, '"a"=>"1", "b"=>NULL, "c"=>"q\\"\\\\"', '{"c": "q\\"\\\\", "b": null, "a": "1"}'), (normal.HSTORE, "", "{}"),
    (normal.POINT, "(1.5,-2)", '["1.5", "-2"]'),
    (normal.array_pair(normal.NUMBER), "{1.50,NULL}", '["1.5", null]'), (normal.array_pair(normal.SAME), "{}", "[]"),
    (normal.array_pair(normal.SAME), '{"a,b","NULL","","q\\"\\\\",x}', '["a,b", "NULL", "", "q\\"\\\\", "x"]'),
    (normal.array_pair(normal.BYTES), '{"\\\\x00ff",NULL}', '["00ff", null]'),
)

DIFFERENT: tuple[tuple[Pair, str, str], ...] = (
    (normal.SAME, "a", "a "), (normal.SAME, "", " "), (normal.BOOLEAN, "t", "false"), (normal.NUMBER, "1.5", "1.05"), (normal.NUMBER, "10", "1"),
    (normal.MONEY, "$1.00", "100"), (normal.DOUBLE, "0.1", "0.10000000149011612"), (normal.DOUBLE, "0", "-0"), (normal.SINGLE, "1", "2"),
    (normal.BYTES, "\\x00", ""), (normal.CLOCK, "12:00:00", "12:00:00.000001"), (normal.CLOCK, "00:00:00", "24:00:00"),
    (normal.CLOCK_UTC, "12:00:00+01", "12:00:00Z"), (normal.DATE, "1970-01-01", "1970-01-02"), (normal.times(1), "2024-02-29 12:34:56.000001", "2024-02-29 12:34:56"),
    (normal.times(1), "1970-01-01 00:00:00 BC", "1970-01-01 00:00:00"), (normal.INTERVAL, "1 day", "86400000001"), (normal.HSTORE, '"a"=>NULL', '{"a": "NULL"}'),
    (normal.HSTORE, '"a"=>"1"', "{}"), (normal.POINT, "(1,2)", '["2", "1"]'), (normal.array_pair(normal.SAME), "{NULL}", "[]"),
    (normal.array_pair(normal.SAME), "{NULL}", '["NULL"]'), (normal.array_pair(normal.SAME), "{a,b}", '["b", "a"]'),
)


@pytest.mark.parametrize(("pair", "one", "other"), SAME)
def test_same(pair: Pair, one: str, other: str) -> None:
    """Two spellings of one value are equal."""
    assert pair.postgres(one, REJECT) == pair.clickhouse(other)


@pytest.mark.parametrize(("pair", "one", "other"), DIFFERENT)
def test_different(pair: Pair, one: str, other: str) -> None:
    """Two values stay different."""
    assert pair.postgres(one, REJECT) != pair.clickhouse(other)


@pytest.mark.parametrize(("unit", "text", "clamped"), [
    (normal.DAY_US, "infinity", "2299-12-31"), (normal.DAY_US, "4713-01-01 BC", "1900-01-01"), (normal.DAY_US, "1899-12-31", "1900-01-01"),
    (1, "-infinity", "1900-01-01 00:00:00"), (1, "2300-01-01 00:00:00", "2299-12-31 23:59:59.999999"),
    (1000, "10000-01-01 00:00:00+00", "2299-12-31 23:59:59.999")])
def test_range(unit: int, text: str, clamped: str) -> None:
    """What on_out_of_range makes of times beyond the target's type."""
    pair = normal.times(unit)
    assert pair.postgres(text, NULL) is None
    assert pair.postgres(text, CLAMP) == pair.clickhouse(clamped)
    assert pair.postgres(text, REJECT) != pair.clickhouse(clamped)
    assert pair.postgres(clamped, NULL) == pair.postgres(clamped, CLAMP) == pair.clickhouse(clamped)


def test_days() -> None:
    """The calendar, before and after the common era."""
    assert [normal.days_of(*day) for day in ((1970, 1, 1), (1969, 12, 31), (2000, 2, 29), (-43, 3, 15), (-4712, 1, 1))] == \
        [0, -1, 11016, -735160, -2440550]


def test_avro_names() -> None:
    """Names as field.name.adjustment.mode=avro makes them."""
    assert [tables.avro_name(name) for name in ("a b", "käy", "1digit", "🚚", "_x")] == ["a_b", "k_y", "_1digit", "__", "_x"]


def test_literals() -> None:
    """Texts that can be pasted."""
    assert tables.literal("it's") == "'it''s'"
    assert tables.literal("a\n\\'") == "E'a\\u000A\\\\'''"
    assert tables.literal("\U0010ffff") == "E'\\U0010FFFF'"


def test_same_seed_same_steps() -> None:
    """A seed stands for a run."""
    def drawn(seed: int) -> list[str]:
        rng = random.Random(seed)
        made = tables.draw_tables(rng, 20, list(kinds.ALL))
        mix = Mix(rng, made)
        mix.seed_rows()
        mix.draw(10)
        return [step.sql(None if step.table is None else made[step.table]) for step in mix.steps]
    assert drawn(5) == drawn(5)
    assert drawn(5) != drawn(6)


def test_every_type_comes() -> None:
    """The tables of a run hold every type, nullable and not."""
    made = tables.draw_tables(random.Random(1), 60, list(kinds.ALL))
    for required in (False, True):
        missing = {kind.sql for kind in kinds.ALL} - {c.kind.sql for table in made for c in table.columns if c.required == required}
        assert not missing


def test_exclusions_name_their_tests() -> None:
    """Every rule's test is there, and no excluded value is one that the generators write."""
    for rule in exclusions.RULES:
        path, _, name = rule.test.partition("::")
        assert re.search(rf"\b_?{name}\b", (ROOT / path).read_text()), rule
    names = [entry.name for entry in (*exclusions.VALUES, *exclusions.RULES)]
    assert len(names) == len(set(names))
    written = {kind.sql for kind in kinds.ALL}
    assert not [lost.sql for lost in exclusions.VALUES if lost.snapshot == exclusions.ABSENT and lost.sql in written]
    json.dumps([lost.text for lost in exclusions.VALUES])


def test_exclusions_are_documented() -> None:
    """What the connector itself loses can be looked up."""
    told = (ROOT / "docs/types.md").read_text()
    names = [lost.name for lost in exclusions.VALUES if not lost.name.startswith("absent_")]
    assert not [name for name in names if f"`{name}`" not in told] and "`absent_*`" in told
