"""The types that the suite writes: one entry each, with its values and how its cells are compared.

A type that the connector does not deliver is an entry in exclusions.py instead.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import normal
import texts
from normal import Pair
from texts import Draw

# Texts that PostgreSQL stores outside the row, as SQL on the functions of PRELUDE.
_LONG = {
    "text": "(filler({}))", "bytea": "(decode(filler({}), 'hex'))", "json": "('{{\"a\": \"' || filler({}) || '\"}}')",
    "xml": "('<a>' || filler({}) || '</a>')", "text[]": "(ARRAY[filler({}), NULL, 'x'])",
    "bytea[]": "(ARRAY[decode(filler({}), 'hex'), NULL])", "json[]": "(ARRAY['{{\"a\": \"' || filler({}) || '\"}}', NULL])",
    "integer[]": "(fillers({}))", "date[]": "(SELECT array_agg('1970-01-01'::date + i % 20000) FROM unnest(fillers({})) i)",
    "uuid[]": "(SELECT array_agg(md5(i::text)) FROM unnest(fillers({})) i)",
    "hstore": "(hstore('k', filler({})) || hstore('n', NULL))",
    "tsvector": "(SELECT array_to_tsvector(array_agg(DISTINCT md5(i::text))) FROM unnest(fillers({})) i)",
    "ltree": "(SELECT string_agg(md5(i::text), '.') FROM unnest(fillers({})) i)",
}

# What every run's database needs before its tables.
PRELUDE = (
    "CREATE EXTENSION hstore", "CREATE EXTENSION citext", "CREATE EXTENSION ltree", "CREATE EXTENSION isn",
    "CREATE TYPE mood AS ENUM ('ok', 'so, so', 'ünder''way\\', '', 'NULL', '🚚')",
    "CREATE DOMAIN small_text AS varchar(20)",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
    # Not compressible to what fits into a row.
    "CREATE FUNCTION filler(seed integer) RETURNS text LANGUAGE sql IMMUTABLE AS "
    "$$ SELECT string_agg(md5((seed + i)::text), '') FROM generate_series(1, 250 + seed % 50) i $$",
    "CREATE FUNCTION fillers(seed integer) RETURNS integer[] LANGUAGE sql IMMUTABLE AS "
    "$$ SELECT array_agg(hashint4(seed + i)) FROM generate_series(1, 1500 + seed % 50) i $$",
)


@dataclass(frozen=True)
class Kind:
    """One type of a column."""

    sql: str
    draw: Draw
    pair: Pair
    key: bool = False  # may be part of a key
    long: str | None = None  # an entry of _LONG: values stored outside the row, whose absence the connector marks
    array: bool = True  # the connector delivers arrays of it
    array_nulls: bool = True
    array_draw: Draw | None = None  # values inside arrays, where they differ
    array_long: str | None = None
    hint: str = ""  # source_type for records without schemas, where the column does not tell
    any_draw: Draw | None = None  # with values beyond the target's type, for columns with a range policy
    composite: bool = False  # ClickHouse has no NULL of it

    def long_value(self, rng: random.Random) -> str:
        """SQL for a value that is stored outside the row."""
        assert self.long is not None
        return f"{_LONG[self.long].format(rng.randrange(10**6))}::{self.sql}"

    def null_text(self) -> str | None:
        """What NULL becomes: arrays and tuples have none (null_composite: empty)."""
        if not self.composite:
            return None
        return "[]" if self.sql.endswith("[]") else "[null, null]"

    def array_of(self) -> Kind:
        """The array of this type."""
        element = self.array_draw or self.draw
        return Kind(self.sql + "[]", texts.array_of(element, self.array_nulls), normal.array_pair(self.pair), long=self.array_long,
                    array=False, hint=self.hint and f"array({self.hint})", composite=True)


def _texts() -> list[Kind]:
    long = {"long": "text", "array_long": "text[]"}
    return [
        Kind("text", texts.text, normal.SAME, key=True, **long),
        Kind("varchar", texts.text, normal.SAME, key=True, **long),
        Kind("varchar(12)", texts.text_up_to(12), normal.SAME, key=True),
        Kind("char(6)", texts.padded(6), normal.SAME, key=True),
        Kind('"char"', texts.one_of("a", "Z", "9", " "), normal.SAME, key=True),
        Kind("small_text", texts.text_up_to(20), normal.SAME, key=True, array=False),
        Kind("citext", texts.text, normal.SAME, key=True, long="text"),  # exclusion toast_null for its arrays
        Kind("uuid", texts.identifier, normal.SAME, key=True, array_long="uuid[]", hint="uuid"),
        Kind("mood", texts.one_of("ok", "so, so", "ünder'way\\", "", "NULL", "🚚"), normal.SAME, key=True, array_nulls=False, hint="enum"),
        Kind("xml", texts.xml, normal.SAME, long="xml", array=False),
        Kind("json", texts.json_text, normal.SAME, long="json", array_long="json[]", hint="json"),
        Kind("jsonb", texts.jsonb_text, normal.SAME, long="json", array_long="json[]", hint="json"),
        Kind("hstore", texts.hstore, normal.HSTORE, long="hstore", hint="json"),
        Kind("ltree", texts.ltree, normal.SAME, long="ltree", array_nulls=False),  # exclusion ltree_array_null
        Kind("tsvector", texts.tsvector, normal.SAME, long="tsvector", array_nulls=False),
        Kind("isbn", texts.one_of("978-0-393-04002-9", "0-393-04002-X"), normal.SAME, array=False),
        Kind("bytea", texts.hexadecimal, normal.BYTES, key=True, long="bytea", array_long="bytea[]", hint="bytes"),
    ]


def _networks() -> list[Kind]:
    return [
        Kind("inet", texts.inet, normal.SAME, key=True),
        Kind("cidr", texts.cidr, normal.SAME, key=True),
        Kind("macaddr", texts.mac(6), normal.SAME, key=True),
        Kind("macaddr8", texts.mac(8), normal.SAME, key=True),
        Kind("int4range", texts.int_range(2**31), normal.SAME),
        Kind("int8range", texts.int_range(2**63), normal.SAME),
        Kind("numrange", texts.num_range, normal.SAME),
        Kind("tsrange", texts.moment_range(False), normal.SAME),
        Kind("tstzrange", texts.moment_range(True), normal.SAME),
        Kind("daterange", texts.day_range, normal.SAME),
    ]


def _numbers() -> list[Kind]:
    found = [
        Kind("boolean", texts.one_of("t", "f"), normal.BOOLEAN, key=True),
        Kind("smallint", texts.integer(-2**15, 2**15 - 1), normal.SAME, key=True),
        Kind("integer", texts.integer(-2**31, 2**31 - 1), normal.SAME, key=True, array_long="integer[]"),
        Kind("bigint", texts.integer(-2**63, 2**63 - 1), normal.SAME, key=True, array_long="integer[]"),
        Kind("positive", texts.integer(1, 2**31 - 1), normal.SAME, array=False),
        Kind("oid", texts.integer(0, 2**32 - 1), normal.SAME, key=True),
        Kind("real", texts.single, normal.SINGLE, key=True),
        Kind("double precision", texts.double, normal.DOUBLE, key=True),
        Kind("numeric", texts.numeric, normal.NUMBER, hint="variable_decimal"),
        Kind("money", texts.money, normal.MONEY, array=False, hint="decimal"),
        Kind("bit(1)", texts.bits(1, 1), normal.BOOLEAN, array=False),
        Kind("bit(12)", texts.bits(12, 12), normal.SAME, array=False, hint="bits(12)"),
        Kind("bit(70)", texts.bits(70, 70), normal.SAME, array=False, hint="bits(70)"),
        # The length is lost: exclusion varbit_zeros. Without one a value begins with 1; of varbit(n) it has n bits.
        Kind("varbit", texts.bits(1, 40, first="1"), normal.SAME, array=False, hint="bits"),
        Kind("varbit(9)", texts.bits(9, 9), normal.SAME, array=False, hint="bits(9)"),
        Kind("point", texts.point, normal.POINT, array=False, hint="point", composite=True),
    ]
    for precision, scale in ((1, 0), (5, 2), (10, 2), (19, 0), (38, 10), (38, 38), (76, 38)):
        found.append(Kind(f"numeric({precision},{scale})", texts.decimal(precision, scale), normal.NUMBER, key=precision < 39, hint="decimal"))
    found.append(Kind("numeric(100,50)", texts.decimal(100, 50), normal.NUMBER, hint="decimal(50)"))
    return found


def _times() -> list[Kind]:
    found = [Kind("date", texts.day, normal.DATE, key=True, array_long="date[]", hint="date", any_draw=texts.any_day),
             Kind("interval", texts.interval, normal.INTERVAL, array=False)]
    for suffix, digits in (("", 6), ("(0)", 0), ("(1)", 1), ("(3)", 3), ("(4)", 4), ("(6)", 6)):
        unit = 1000 if digits <= 3 and suffix else 1
        # Elements of time[] are cut to milliseconds, and 24:00:00 wraps; those of timetz[] are cut to seconds: exclusions
        # time_array, time_array_midnight, timetz_array.
        found += [
            Kind(f"time{suffix}", texts.clock(digits), normal.CLOCK, key=True, array_draw=texts.clock(min(digits, 3), midnight=False),
                 hint="time_ms" if unit == 1000 else "time_us"),
            Kind(f"timetz{suffix}", texts.clock_with_zone(digits), normal.CLOCK_UTC, array_draw=texts.clock_with_zone(0),
                 hint="zoned_time"),
            Kind(f"timestamp{suffix}", texts.moment(digits), normal.times(unit), key=True,
                 hint="timestamp_ms" if unit == 1000 else "timestamp_us", any_draw=texts.any_moment(digits)),
            Kind(f"timestamptz{suffix}", texts.moment(digits, zone=True), normal.times(1), key=True,
                 hint="zoned_timestamp", any_draw=texts.any_moment(digits, zone=True)),
        ]
    return found


SCALARS: tuple[Kind, ...] = (*_texts(), *_networks(), *_numbers(), *_times())
ARRAYS: tuple[Kind, ...] = tuple(kind.array_of() for kind in SCALARS if kind.array)
ALL: tuple[Kind, ...] = SCALARS + ARRAYS
KEYS: tuple[Kind, ...] = tuple(kind for kind in SCALARS if kind.key)
