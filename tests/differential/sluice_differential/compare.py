"""PostgreSQL and ClickHouse cell by cell, each read through its own client; and the encodings' tables with each other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from pipeline import Encoding
from sluice_testing.clickhouse import ClickHouseError
from tables import Table, quoted

Row = tuple["str | None", ...]


@dataclass
class Difference:
    """How one table differs."""

    table: Table
    encoding: str
    text: str
    columns: set[str] = field(default_factory=set)
    stopped: str = ""

    def note_stop(self, stops: dict[str, str], prefix: str) -> None:
        """If the table's topic was stopped, that is why. Topics have an underscore for what Kafka does not take."""
        adjusted = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" * (len(c.encode("utf-16-le")) // 2)
                           for c in self.table.name)
        self.stopped = stops.get(f"{prefix}.public.{adjusted}", "")

    def __str__(self) -> str:
        head = f"{self.table.name!r} ({self.encoding}): {self.text}"
        return head + (f"\n  its partition stopped: {self.stopped}" if self.stopped else "")


def _ticked(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def postgres_rows(link: psycopg.Connection[Any], table: Table) -> list[Row]:
    """The rows as COPY writes them, in the comparable form."""
    columns = ", ".join(quoted(column.name) for column in table.columns)
    found = []
    with link.cursor() as cursor, cursor.copy(f"COPY (SELECT {columns} FROM {quoted(table.name)}) TO STDOUT") as copy:
        for row in copy.rows():
            cells = [cell.decode() if isinstance(cell, (bytes, memoryview)) else cell for cell in row]
            found.append(tuple(_from_postgres(column, cell) for column, cell in zip(table.columns, cells, strict=True)))
    return found


def _from_postgres(column: Any, cell: str | None) -> str | None:
    if cell is None:
        return column.kind.null_text()
    return column.kind.pair.postgres(cell, column.policy)


def clickhouse_rows(encoding: Encoding, table: Table) -> list[Row]:
    """The cells as the server writes them, before anything is levelled."""
    cells = ", ".join(column.kind.pair.expression.format(_ticked(column.name)) + f" AS `c {i}`" for i, column in enumerate(table.columns))
    text = encoding.clickhouse.execute(f"SELECT {cells} FROM {_ticked(table.name)} AS t FINAL FORMAT JSONCompactEachRow",
                                       prefer_column_name_to_alias=1, output_format_json_quote_64bit_integers=0)
    return [tuple(json.loads(line)) for line in text.splitlines()]


def levelled(table: Table, rows: Iterable[Row]) -> list[Row]:
    """ClickHouse's rows in the comparable form."""
    return [tuple(None if cell is None else column.kind.pair.clickhouse(cell) for column, cell in zip(table.columns, row, strict=True))
            for row in rows]


class Comparison:
    """One look at everything."""

    def __init__(self, link: psycopg.Connection[Any]) -> None:
        self._link = link
        link.execute("SET timezone = 'UTC'")
        self.n_cells = 0
        self.raw: dict[tuple[str, str], list[Row]] = {}

    def table(self, encoding: Encoding, table: Table) -> Difference | None:
        """What differs in one table."""
        wanted = postgres_rows(self._link, table)
        if not wanted and not encoding.clickhouse.values(
                f"SELECT 1 FROM system.tables WHERE database = '{encoding.name}' AND name = {_string(table.name)}"):
            return None  # no record ever told of it
        try:
            raw = clickhouse_rows(encoding, table)
            found = levelled(table, raw)
        except (ClickHouseError, ValueError) as error:
            return Difference(table, encoding.kind, str(error)[:600])
        self.raw[table.name, encoding.kind] = raw
        self.n_cells += len(wanted) * len(table.columns)
        return self._differ(encoding.kind, table, wanted, found)

    def encodings(self, first: str, other: str, table: Table) -> Difference | None:
        """What differs between two encodings' tables, as the server writes them."""
        one, two = (self.raw.get((table.name, kind)) for kind in (first, other))
        if one is None or two is None:
            return None
        # The order of hstore's keys is the connector's choice, anew each time.
        loose = [column.kind.sql.startswith("hstore") for column in table.columns]

        def shown(rows: list[Row]) -> list[Row]:
            return [tuple(cell if not is_loose or cell is None else column.kind.pair.clickhouse(cell)
                          for column, cell, is_loose in zip(table.columns, row, loose, strict=True)) for row in rows]
        return self._differ(f"{first} and {other}", table, shown(one), shown(two))

    @staticmethod
    def _differ(encoding: str, table: Table, wanted: list[Row], found: list[Row]) -> Difference | None:
        missing, strange = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
        if not missing and not strange:
            return None
        by_key = {tuple(row[i] for i in table.key): row for row in strange} if table.key else {}
        lines, columns = [], set()
        for row in list(missing)[:200]:
            other = by_key.pop(tuple(row[i] for i in table.key), None) if table.key else None
            key = ", ".join(f"{table.columns[i].name}={row[i]!r}" for i in table.key)
            if other is None:
                lines.append(f"only in the first: {key or row}")
                continue
            for column, one, two in zip(table.columns, row, other, strict=True):
                if one != two:
                    columns.add(column.name)
                    lines.append(f"{key}: {column.name!r} ({column.kind.sql}, {'NOT NULL' if column.required else 'NULL'}, "
                                 f"{column.policy}) is {_short(one)}, arrived as {_short(two)}")
        lines += [f"only in the second: {row}"[:400] for row in (by_key.values() if table.key else strange)]
        head = f"{missing.total()} rows differ or are missing, {strange.total()} differ or are too many"
        return Difference(table, encoding, "\n  ".join([head, *lines[:8]]), columns)


def _short(text: str | None) -> str:
    return repr(text) if text is None or len(text) < 160 else f"{text[:120]!r}... ({len(text)} characters)"


def _string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
