"""Compares a PostgreSQL table with its ClickHouse table, cell by cell.

Both sides are read in the order of their keys, as streams, so that a table of millions of rows needs little memory.
Both must be at rest meanwhile. The target is read with FINAL, where deleted rows no longer show.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from .cells import Canonical, canonical, clickhouse_text

Row = tuple[str | None, ...]

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_TEXT_TYPES = ("text", "varchar", "bpchar", "name", "citext")


@dataclass
class Difference:
    """How the two tables differ; str() is a report for people."""

    pg_table: str
    ch_table: str
    pg_rows: int = 0
    ch_rows: int = 0
    only_pg: int = 0
    only_ch: int = 0
    changed: int = 0
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = (f"{self.pg_table} ({self.pg_rows} rows in PostgreSQL) and {self.ch_table} ({self.ch_rows} rows in "
                f"ClickHouse) differ: {self.only_pg} only in PostgreSQL, {self.only_ch} only in ClickHouse, "
                f"{self.changed} with other values")
        return "\n  ".join([head, *self.examples])


@dataclass
class Comparison:
    """Rows and a checksum over all cells, of each side; difference is None when they are equal."""

    pg_rows: int
    ch_rows: int
    pg_checksum: str
    ch_checksum: str
    difference: Difference | None


@dataclass(frozen=True)
class _Column:
    name: str
    pg_type: str


def compare_table(pg_dsn: str, pg_table: str, ch_url: str, ch_database: str, ch_table: str,
                  key_columns: Sequence[str]) -> Difference | None:
    """None if every cell is equal, else what differs, with the first cases.

    pg_table is `schema.table`. Every column of it except generated ones must be in the target under the same name;
    what else the target has (_version, is_deleted) is not looked at.
    """
    return examine_table(pg_dsn, pg_table, ch_url, ch_database, ch_table, key_columns).difference


def examine_table(pg_dsn: str, pg_table: str, ch_url: str, ch_database: str, ch_table: str,
                  key_columns: Sequence[str], n_examples: int = 5) -> Comparison:
    """As compare_table(), with the rows and the checksum of both sides."""
    target = f"{ch_database}.{ch_table}"
    with psycopg.connect(pg_dsn, options="-c timezone=UTC -c datestyle=ISO -c bytea_output=hex") as link:
        columns = _columns(link, pg_table, key_columns)
        types = _target_types(ch_url, ch_database, ch_table)
        missing = [column.name for column in columns if column.name not in types]
        if missing:
            found = Difference(pg_table, target, examples=[f"{target} has no column {', '.join(missing)}"])
            return Comparison(0, 0, "", "", found)
        levels = [canonical(column.pg_type) for column in columns]
        ours = _Side(len(key_columns), levels, _pg_rows(link, pg_table, columns, len(key_columns)))
        theirs = _Side(len(key_columns), levels, _ch_rows(ch_url, target, columns, types, len(key_columns)))
        found = Difference(pg_table, target)
        _merge(ours, theirs, [column.name for column in columns], found, n_examples)
    found.pg_rows, found.ch_rows = ours.n_rows, theirs.n_rows
    return Comparison(ours.n_rows, theirs.n_rows, ours.checksum(), theirs.checksum(),
                      found if found.examples else None)


# The two sides


class _Side:
    """Rows of one side in canonical form, in key order, counted and summed up as they pass."""

    def __init__(self, n_keys: int, levels: Sequence[Canonical], rows: Iterator[Sequence[str | None]]) -> None:
        self._n_keys, self._levels, self._rows = n_keys, levels, rows
        self._hash = hashlib.blake2b(digest_size=8)
        self.n_rows = 0
        self.repeated: list[Row] = []
        self.row: Row | None = None
        self.step()

    @property
    def key(self) -> Row | None:
        """The key of the current row, None behind the last one."""
        return None if self.row is None else self.row[:self._n_keys]

    def step(self) -> None:
        """Goes to the next row."""
        before = self.key
        raw = next(self._rows, None)
        if raw is None:
            self.row = None
            return
        self.row = tuple(None if text is None else level(text) for level, text in zip(self._levels, raw, strict=True))
        self.n_rows += 1
        self._hash.update(json.dumps(self.row).encode())
        if self.key == before:
            self.repeated.append(self.row[:self._n_keys])

    def checksum(self) -> str:
        """Over every cell seen, in order."""
        return self._hash.hexdigest()


def _columns(link: psycopg.Connection, table: str, keys: Sequence[str]) -> list[_Column]:
    """The columns of the table, those of the key first."""
    found = link.execute(
        "SELECT a.attname, CASE t.typtype WHEN 'd' THEN b.typname ELSE t.typname END FROM pg_attribute a "
        "JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = t.typbasetype "
        "WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' "
        "ORDER BY a.attnum", (table,)).fetchall()
    types = {name: _Column(name, kind) for name, kind in found}
    unknown = [name for name in keys if name not in types]
    if unknown or not keys:
        raise ValueError(f"{table}: key columns {list(keys)} are not all among {list(types)}")
    return [types[name] for name in keys] + [column for name, column in types.items() if name not in keys]


def _pg_rows(link: psycopg.Connection, table: str, columns: Sequence[_Column],
             n_keys: int) -> Iterator[Sequence[str | None]]:
    """COPY writes every value by its type's own output function; keys are ordered byte-wise, as ClickHouse does."""
    order = [sql.SQL("{} COLLATE \"C\"" if column.pg_type in _TEXT_TYPES else "{}::text COLLATE \"C\"")
             .format(sql.Identifier(column.name)) for column in columns[:n_keys]]
    statement = sql.SQL("COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT").format(
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.SQL(".").join(sql.Identifier(part) for part in table.split(".")), sql.SQL(", ").join(order))
    with link.cursor() as cursor, cursor.copy(statement) as copy:
        yield from copy.rows()


def _ch_rows(url: str, target: str, columns: Sequence[_Column], types: dict[str, str],
             n_keys: int) -> Iterator[Sequence[str | None]]:
    cells = [clickhouse_text(column.pg_type, _quoted(column.name), types[column.name]) for column in columns]
    database, _, table = target.partition(".")
    names = [f"c{number}" for number in range(len(cells))]
    text = (f"SELECT {', '.join(f'{cell} AS {name}' for cell, name in zip(cells, names, strict=True))} "
            f"FROM {_quoted(database)}.{_quoted(table)} FINAL ORDER BY {', '.join(names[:n_keys])} "
            "FORMAT JSONCompactEachRow")
    for line in query(url, text):
        yield json.loads(line)


def _target_types(url: str, database: str, table: str) -> dict[str, str]:
    text = (f"SELECT name, type FROM system.columns WHERE database = {_literal(database)} AND "
            f"table = {_literal(table)} FORMAT JSONCompactEachRow")
    found = dict(json.loads(line) for line in query(url, text))
    if not found:
        raise ValueError(f"there is no table {database}.{table} at {url}")
    return found


def query(url: str, text: str, seconds: float = 120.0) -> Iterator[str]:
    """The lines of the answer to a SELECT. Raises OSError with the server's text if it fails, also half-way."""
    asked = urllib.request.Request(url, data=text.encode(), method="POST")
    try:
        with _OPENER.open(asked, timeout=seconds) as answer:
            for line in answer:
                if line.startswith((b"__exception__", b"Code: ")):
                    raise OSError(f"{url}: {(line + answer.read(2000)).decode(errors='replace')}")
                if stripped := line.decode(errors="surrogateescape").rstrip("\r\n"):
                    yield stripped
    except urllib.error.HTTPError as error:
        raise OSError(f"{url} answers {error.code}: {error.read().decode(errors='replace')}") from error
    except http.client.HTTPException as error:
        raise OSError(f"{url}: the answer broke off: {error!r}") from error


def _quoted(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# Side by side


def _merge(ours: _Side, theirs: _Side, names: Sequence[str], found: Difference, n_examples: int) -> None:
    def example(text: str) -> None:
        if len(found.examples) < n_examples:
            found.examples.append(text)

    while ours.row is not None or theirs.row is not None:
        if theirs.key is None or (ours.key is not None and _before(ours.key, theirs.key)):
            found.only_pg += 1
            example(f"only in PostgreSQL: {ours.row}")
            ours.step()
        elif ours.key is None or _before(theirs.key, ours.key):
            found.only_ch += 1
            example(f"only in ClickHouse: {theirs.row}")
            theirs.step()
        else:
            if ours.row != theirs.row:
                found.changed += 1
                example(_cells(names, len(theirs.key), ours.row, theirs.row))
            ours.step()
            theirs.step()
    for key in theirs.repeated:
        example(f"more than once in ClickHouse: key {key}")


def _before(one: Row, other: Row) -> bool:
    """Both servers sort by the bytes of the text; str would compare code points alike, but not lone surrogates."""
    return [(text or "").encode(errors="surrogateescape") for text in one] < \
           [(text or "").encode(errors="surrogateescape") for text in other]


def _cells(names: Sequence[str], n_keys: int, ours: Row | None, theirs: Row | None) -> str:
    assert ours is not None and theirs is not None
    cells = [f"{name}: {one!r} in PostgreSQL, {other!r} in ClickHouse"
             for name, one, other in zip(names, ours, theirs, strict=True) if one != other]
    return f"key {ours[:n_keys]}: {'; '.join(cells)}"
