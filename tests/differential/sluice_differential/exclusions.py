"""What the connector does not deliver, so that the generators leave it out: exactly this, nothing else.

VALUES are written to a table of their own in every run, and what arrives is asserted (destroyed.py): an entry that no longer
holds fails, and its values move to the generators. RULES are the others, each with the test that asserts it. Observed with
Debezium 3.6.1 on PostgreSQL 15; docs/types.md and docs/events.md tell the same to readers of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ABSENT = "(no such field)"
_NONE: Any = object()


@dataclass(frozen=True)
class Lost:
    """A value of a type; what the record of the snapshot and that of the stream hold instead."""

    name: str
    reason: str
    sql: str
    text: str
    snapshot: Any
    stream: Any = _NONE  # as in the snapshot

    def streamed(self) -> Any:
        """What the stream holds."""
        return self.snapshot if self.stream is _NONE else self.stream


@dataclass(frozen=True)
class Rule:
    """Something that is no single value."""

    name: str
    reason: str
    where: str
    test: str


def _absent(*types: tuple[str, str]) -> list[Lost]:
    return [Lost(f"absent_{sql}", "the connector maps no such type: the field is missing", sql, text, ABSENT) for sql, text in types]


VALUES: tuple[Lost, ...] = (
    Lost("bare_placeholder", "a text that is the placeholder and nothing else can't be told from the connector's own in an update",
         "text", "__debezium_unavailable_value", "__debezium_unavailable_value"),
    Lost("numeric_nan", "NaN has no Decimal: null and a warning", "numeric(10,2)", "NaN", None),
    Lost("numeric_plain_nan", "NaN has no VariableScaleDecimal: null and a warning", "numeric", "NaN", None),
    Lost("numeric_infinity", "infinity has no VariableScaleDecimal: null and a warning", "numeric", "Infinity", None),
    Lost("numeric_zeros", "of a numeric without precision the zeros at the end are gone, equal as a number", "numeric", "1.10",
         {"scale": 1, "value": "Cw=="}),
    Lost("array_bounds", "where an array begins is not sent", "integer[]", "[5:7]={1,2,3}", [1, 2, 3]),
    Lost("name_streamed", "a name is null in the stream", "name", "abc", "abc", None),
    Lost("varbit_empty", "bits arrive as a number without its length", "bit varying", "", ""),
    Lost("varbit_zeros", "bits arrive as a number: zeros in front are gone", "bit varying(8)", "0010", "Ag=="),
    Lost("bit_array", "no array but one bit string is announced, and null sent", "bit(12)[]", "{000000000001}", None),
    Lost("boolean_bit_array", "the same for bit(1)", "bit(1)[]", "{1,0}", None),
    Lost("ltree_array_null", "an array with a NULL inside is null", "ltree[]", "{a.b,NULL}", None),
    Lost("enum_array_null", "elements are required: an array with a NULL inside is null", "mood[]", "{ok,NULL}", None),
    Lost("tsvector_array_null", "elements are required: an array with a NULL inside is null", "tsvector[]", "{a,NULL}", None),
    Lost("int2vector", "announced as an array, but empty", "int2vector", "1 2", []),
    Lost("oidvector", "announced as an array, but empty", "oidvector", "1 2", []),
    Lost("time_array", "elements are cut to milliseconds", "time[]", "{01:02:03.123456}", [3723123000]),
    Lost("time_array_midnight", "24:00:00 wraps in arrays", "time(3)[]", "{24:00:00}", [0]),
    Lost("timetz_array", "elements are cut to seconds", "timetz[]", "{01:02:03.1234+00}", ["01:02:03Z"]),
    Lost("timetz_midnight", "24:00:00 wraps", "timetz", "24:00:00+00", "00:00:00Z"),
    Lost("matrix", "arrays have one dimension: the inner ones are null", "integer[]", "{{1,2},{3,4}}", [None, None]),
    Lost("interval_beyond_double", "counted as a double: the last digit may be off, at times below 2^53 too", "interval", "285 years 0.000001 sec",
         8993916000000002),
    Lost("interval_beyond_int64", "saturates", "interval", "-178000000 years", -9223372036854775808),
    Lost("timestamp_end", "the last days of PostgreSQL's range overflow", "timestamp", "294276-12-31 23:59:59.999999", -9223372036853775810),
    Lost("date_era", "the snapshot loses the era of dates before Christ", "date", "4713-01-01 BC", 1001860, -2440550),
    *_absent(("money[]", "{1}"), ("name[]", "{a}"), ("xml[]", "{<a/>}"), ("bit varying[]", "{101}"), ("interval[]", "{1 day}"),
             ("point[]", '{"(1,2)"}'), ("int4multirange", "{[1,3)}"), ("tsquery", "a & b"), ("lquery", "*.a"), ("issn", "1436-4522"),
             ("ean13", "978-0-393-04002-9"), ("box", "(1,1),(0,0)"), ("lseg", "((0,0),(1,1))"), ("line", "{1,2,3}"),
             ("path", "((0,0),(1,1))"), ("polygon", "((0,0),(1,1))"), ("circle", "<(0,0),1>"), ("positive[]", "{5}"), ("pg_lsn", "16/B374D848"),
             ("xid", "5"), ("xid8", "5"), ("tid", "(0,1)"), ("regclass", "pg_class"), ("jsonpath", "$.a"), ("pair", "(1,a)")),
)

_HERE = "tests/differential/sluice_differential/destroyed.py"

RULES: tuple[Rule, ...] = (
    Rule("numeric_negative_scale", "numeric(5,-2) is sent with scale 2046", "kinds._numbers", f"{_HERE}::negative_scale"),
    Rule("generated_columns", "in the snapshot, absent from the stream before PostgreSQL 18", "tables.Maker", f"{_HERE}::generated"),
    Rule("toast_null", "unchanged out-of-line values of types without a placeholder are null: arrays of smallint, oid, float, numeric, boolean, "
         "timestamp, time, citext, enum and hstore; numeric; bit varying", "kinds.Kind.long", f"{_HERE}::toast"),
    Rule("index_without_key", "REPLICA IDENTITY USING INDEX beside a primary key: deletes name the key 0", "tables.Maker.table",
         f"{_HERE}::foreign_index"),
    Rule("index_quote", "a unique index in place of a primary key over a column with a quote in its name ends the connector",
         "tables.Maker.table", "tests/integration/test_types.py::test_unique_index_over_a_name_with_a_quote"),
    Rule("keys_that_meet", "timetz of one instant, varbit with zeros in front, interval in the mode numeric: two keys arrive as one",
         "kinds.Kind.key", f"{_HERE}::meeting"),
    Rule("avro_null_default", "Apicurio's converter writes the default for NULL: NULL is left out of columns with a default, except in tables "
         "that the Avro connector does not read", "tables.Maker._column", f"{_HERE}::avro_default"),
)
