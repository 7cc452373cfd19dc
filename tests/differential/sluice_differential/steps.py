"""Statements as structures, so that tables, statements and columns can be taken away from them, and how they are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from tables import Table, Value, quoted

Cells = dict[int, Value]  # by the place of the column


@dataclass(frozen=True)
class Step:
    """One statement of one connection. `table` is the number of its table, None for BEGIN and the like."""

    connection: int
    verb: str  # a whole statement, or insert, copy, update, delete, upsert
    table: int | None = None
    rows: tuple[Cells, ...] = ()
    keys: tuple[tuple[Value, ...], ...] = ()
    changes: Cells = field(default_factory=dict)

    def without(self, columns: set[int]) -> Step | None:
        """The same without some columns that are not part of the key; None if nothing is left to do."""
        if self.verb == "update" and not (left := {i: v for i, v in self.changes.items() if i not in columns}):
            return None
        rows = tuple({i: v for i, v in row.items() if i not in columns} for row in self.rows)
        return replace(self, rows=rows, changes=left if self.verb == "update" else {})

    def sql(self, table: Table | None) -> str:
        """The statement; COPY with its data behind it, as psql takes it."""
        if table is None:
            return self.verb
        name = quoted(table.name)
        if self.verb == "copy":
            return f"{self.copy_head(table)};\n{self.copy_data(table)}\\."
        if self.verb in ("insert", "upsert"):
            columns = list(self.rows[0])
            values = ", ".join("(" + ", ".join(row[i].render() for i in columns) + ")" for row in self.rows)
            text = f"INSERT INTO {name} ({_list(table, columns)}) VALUES {values}"
            if self.verb == "upsert":
                others = [i for i in columns if i not in table.key]
                text += f" ON CONFLICT ({_list(table, table.key)}) DO " + (
                    "UPDATE SET " + ", ".join(f"{quoted(table.columns[i].name)} = excluded.{quoted(table.columns[i].name)}" for i in others)
                    if others else "NOTHING")
            return text
        where = " OR ".join("(" + " AND ".join(
            f"{quoted(table.columns[i].name)} = {value.render()}" for i, value in zip(table.key, key, strict=True)) + ")"
            for key in self.keys)
        if self.verb == "delete":
            return f"DELETE FROM {name} WHERE {where}"
        sets = ", ".join(f"{quoted(table.columns[i].name)} = {value.render()}" for i, value in self.changes.items())
        return f"UPDATE {name} SET {sets} WHERE {where}"

    def copy_head(self, table: Table) -> str:
        """COPY ... FROM STDIN."""
        return f"COPY {quoted(table.name)} ({_list(table, list(self.rows[0]))}) FROM STDIN"

    def copy_data(self, _table: Table) -> str:
        """The lines behind it."""
        return "".join("\t".join(_copied(value) for value in row.values()) + "\n" for row in self.rows)


def _list(table: Table, columns: Sequence[int]) -> str:
    return ", ".join(quoted(table.columns[i].name) for i in columns)


def _copied(value: Value) -> str:
    if value.text is None:
        return "\\N"
    text = value.text
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\b", "\\b"), ("\f", "\\f"), ("\v", "\\v")):
        text = text.replace(plain, escaped)
    return text


class Runner:
    """Connections that run steps one after the other; their transactions overlap."""

    def __init__(self, connect: Any, n: int, lock_seconds: int = 20) -> None:
        self._links: list[psycopg.Connection[Any]] = [connect() for _ in range(n)]
        for link in self._links:
            # The steps never wait for each other; one that does is a mistake of the generator, not a hang.
            link.execute(f"SET lock_timeout = '{lock_seconds}s'")
            link.execute("SET client_min_messages = warning")

    def run(self, step: Step, table: Table | None) -> None:
        """Runs one step."""
        link = self._links[step.connection]
        if step.verb == "copy" and table is not None:
            with link.cursor() as cursor, cursor.copy(step.copy_head(table)) as copy:  # type: ignore[arg-type]
                copy.write(step.copy_data(table))
        else:
            link.execute(step.sql(table))  # type: ignore[arg-type]

    def try_all(self, steps: Sequence[Step], table: Table) -> None:
        """Runs those that the server takes: while a failure is shrunk, a row may be gone that a later step expects."""
        for step in steps:
            try:
                self.run(step, table if step.table is not None else None)
            except psycopg.Error:
                pass
        for link in self._links:
            link.execute("COMMIT")

    def close(self) -> None:
        """Ends the connections; what is not committed is rolled back."""
        for link in self._links:
            link.close()
