"""One text per value, the same whether PostgreSQL or ClickHouse wrote it.

PostgreSQL's side is the output of COPY ... TO STDOUT, ClickHouse's that of toString() (of hex() for bytea). Only what
is a matter of spelling is levelled: trailing zeros, the form of a boolean, the shortest form of a float. Texts and JSON
are compared character by character.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

Canonical = Callable[[str], str]


def _same(text: str) -> str:
    return text


def _boolean(text: str) -> str:
    return "true" if text in ("t", "true", "1") else "false" if text in ("f", "false", "0") else text


def _number(text: str) -> str:
    """Exact decimals of any length: `1.50` is `1.5`, `-0.00` is `0`."""
    whole, point, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    short = f"{whole}.{fraction}" if point and fraction else whole
    return "0" if short == "-0" else short


def _double(text: str) -> str:
    return repr(float(text))


def _single(text: str) -> str:
    """A float4 by its own bits: both sides write the shortest decimal that reads back, not always the same one."""
    return repr(struct.unpack("f", struct.pack("f", float(text)))[0])


def _time(text: str) -> str:
    """`2024-01-02 03:04:05.120000` is `2024-01-02 03:04:05.12`, with or without the +00 of timestamptz in UTC."""
    text = text.removesuffix("+00")
    return text.rstrip("0").removesuffix(".") if "." in text else text


def _bytes(text: str) -> str:
    return text.removeprefix("\\x").lower()


# By pg_type.typname; everything else (text family, uuid, json, enum, date, integers) is written alike on both sides.
_BY_TYPE: dict[str, Canonical] = {
    "bool": _boolean,
    "numeric": _number,
    "float8": _double,
    "float4": _single,
    "timestamp": _time,
    "timestamptz": _time,
    "bytea": _bytes,
}


def canonical(pg_type: str) -> Canonical:
    """The function that levels texts of a PostgreSQL type (pg_type.typname)."""
    return _BY_TYPE.get(pg_type, _same)


def clickhouse_text(pg_type: str, column: str, column_type: str) -> str:
    """The ClickHouse expression that writes a column (a quoted name) of the given type as text."""
    if pg_type == "bytea":
        return f"lower(hex({column}))"
    if pg_type in ("timestamp", "timestamptz") and "DateTime" in column_type:
        return f"toString(toTimeZone({column}, 'UTC'))"
    return f"toString({column})"
