"""A random mix of operations on random tables: what is run is a list of steps, the same for the same seed.

A model keeps which keys have rows, so that every step succeeds: a transaction owns the keys that it touched until it ends.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from steps import Cells, Step
from tables import Table

Key = tuple[int, int]  # table, place in its keys


@dataclass
class _Connection:
    number: int
    open: bool = False
    left: int = 0  # steps until the transaction ends
    log: list[tuple[Key, bool]] = field(default_factory=list)  # key, whether it had a row before
    savepoints: list[int] = field(default_factory=list)


class Mix:
    """Draws steps."""

    def __init__(self, rng: random.Random, tables: list[Table], n_connections: int = 4) -> None:
        self._rng, self._tables = rng, tables
        self._living: set[Key] = set()
        self._owner: dict[Key, int] = {}
        self._connections = [_Connection(n) for n in range(n_connections)]
        self.steps: list[Step] = []

    # What there is

    def _keys(self, table: int, connection: int, living: bool, n: int) -> list[int]:
        """Up to n keys with or without rows that no other transaction holds."""
        found = [i for i in range(len(self._tables[table].keys))
                 if ((table, i) in self._living) == living and self._owner.get((table, i), connection) == connection]
        return self._rng.sample(found, min(n, len(found)))

    def _set(self, connection: _Connection, table: int, place: int, living: bool) -> None:
        key = table, place
        if connection.open:
            connection.log.append((key, key in self._living))
            self._owner[key] = connection.number
        (self._living.add if living else self._living.discard)(key)

    def _undo(self, connection: _Connection, down_to: int) -> None:
        while len(connection.log) > down_to:
            key, living = connection.log.pop()
            (self._living.add if living else self._living.discard)(key)

    def _release(self, connection: _Connection) -> None:
        self._owner = {key: owner for key, owner in self._owner.items() if owner != connection.number}
        connection.open, connection.log, connection.savepoints = False, [], []

    # Cells

    def _row(self, table: int, place: int | None, copied: bool, left_out: set[int]) -> Cells:
        made = self._tables[table]
        key = dict(zip(made.key, made.keys[place], strict=True)) if place is not None else {}
        return {i: key.get(i) or column.value(self._rng, copied) for i, column in enumerate(made.columns) if i not in left_out}

    def _left_out(self, table: int) -> set[int]:
        """Columns that an insert does not name: those with a default, or that may be NULL."""
        made = self._tables[table]
        return {i for i, column in enumerate(made.columns) if i not in made.key and (column.default is not None or not column.required)
                and self._rng.random() < 0.1}

    # Operations

    def _insert(self, connection: _Connection, table: int, n: int, verb: str = "insert") -> None:
        made = self._tables[table]
        places: list[int | None] = list(self._keys(table, connection.number, False, n)) if made.key else [None] * n
        if not places:
            return
        left_out = self._left_out(table)
        if len(left_out) == len(made.columns):
            left_out = set()
        rows = tuple(self._row(table, place, verb == "copy", left_out) for place in places)
        self.steps.append(Step(connection.number, verb, table, rows))
        for place in places:
            if place is not None:
                self._set(connection, table, place, True)

    def _upsert(self, connection: _Connection, table: int) -> None:
        living = self._rng.random() < 0.7
        places = self._keys(table, connection.number, living, 1)
        if places:
            row = self._row(table, places[0], False, self._left_out(table))
            self.steps.append(Step(connection.number, "upsert", table, (row,)))
            self._set(connection, table, places[0], True)

    def _update(self, connection: _Connection, table: int, n: int) -> None:
        made = self._tables[table]
        others = [i for i in range(len(made.columns)) if i not in made.key]
        places = self._keys(table, connection.number, True, n)
        if not places or not others:
            return
        chosen = self._rng.sample(others, min(len(others), self._rng.choice((1, 1, 2, 3, len(others)))))
        changes = {i: made.columns[i].value(self._rng) for i in chosen}
        self.steps.append(Step(connection.number, "update", table, keys=tuple(made.keys[p] for p in places), changes=changes))
        for place in places:
            self._set(connection, table, place, True)

    def _move(self, connection: _Connection, table: int) -> None:
        """A change of the key, sometimes of other columns too."""
        made = self._tables[table]
        old, new = self._keys(table, connection.number, True, 1), self._keys(table, connection.number, False, 1)
        if not old or not new:
            return
        changes: Cells = dict(zip(made.key, made.keys[new[0]], strict=True))
        if self._rng.random() < 0.4:
            others = [i for i in range(len(made.columns)) if i not in made.key]
            changes |= {i: made.columns[i].value(self._rng) for i in others[:2]}
        self.steps.append(Step(connection.number, "update", table, keys=(made.keys[old[0]],), changes=changes))
        self._set(connection, table, old[0], False)
        self._set(connection, table, new[0], True)

    def _delete(self, connection: _Connection, table: int, n: int, again: bool = False) -> None:
        made = self._tables[table]
        places = self._keys(table, connection.number, True, n)
        if not places:
            return
        self.steps.append(Step(connection.number, "delete", table, keys=tuple(made.keys[p] for p in places)))
        for place in places:
            self._set(connection, table, place, False)
        if again:
            self.steps.append(Step(connection.number, "insert", table, (self._row(table, places[0], False, set()),)))
            self._set(connection, table, places[0], True)

    def _operate(self, connection: _Connection, table: int) -> None:
        rng, made = self._rng, self._tables[table]
        if made.inserts_only():
            self._insert(connection, table, rng.choice((1, 1, 5)), rng.choice(("insert", "copy")))
            return
        choice = rng.randrange(100)
        if choice < 22:
            self._insert(connection, table, rng.choice((1, 1, 3)))
        elif choice < 30:
            self._insert(connection, table, 8 * made.busy, rng.choice(("insert", "copy")))
        elif choice < 68:
            self._update(connection, table, rng.choice((1, 1, 1, 4)))
        elif choice < 78:
            self._move(connection, table)
        elif choice < 88:
            self._delete(connection, table, rng.choice((1, 1, 3)))
        elif choice < 93:
            self._delete(connection, table, 1, again=True)
        else:
            self._upsert(connection, table)

    # Transactions

    def _control(self, connection: _Connection) -> None:
        rng = self._rng
        if connection.left <= 0:
            if rng.random() < 0.2:
                self.steps.append(Step(connection.number, "ROLLBACK"))
                self._undo(connection, 0)
            else:
                self.steps.append(Step(connection.number, "COMMIT"))
            self._release(connection)
        elif rng.random() < 0.1:
            self.steps.append(Step(connection.number, f"SAVEPOINT s{len(connection.savepoints)}"))
            connection.savepoints.append(len(connection.log))
        elif connection.savepoints and rng.random() < 0.2:
            at = rng.randrange(len(connection.savepoints))
            self._undo(connection, connection.savepoints[at])
            self.steps.append(Step(connection.number, f"ROLLBACK TO SAVEPOINT s{at}"))
            del connection.savepoints[at + 1:]

    def seed_rows(self) -> int:
        """Rows for the snapshot, in most tables. Returns the number of steps so far."""
        for table, made in enumerate(self._tables):
            if self._rng.random() < 0.9:
                self._insert(self._connections[0], table, min(8, max(1, len(made.keys) // 2)), self._rng.choice(("insert", "copy")))
        return len(self.steps)

    def draw(self, n_per_table: int, window: int = 12) -> None:
        """About so many operations on each table; `window` tables at a time, so that transactions span tables."""
        order = list(range(len(self._tables)))
        self._rng.shuffle(order)
        for at in range(0, len(order), window):
            group = order[at:at + window]
            for _ in range(n_per_table * len(group)):
                connection = self._rng.choice(self._connections)
                if not connection.open and self._rng.random() < 0.3:
                    connection.open, connection.left = True, self._rng.choice((1, 3, 8, 40))
                    self.steps.append(Step(connection.number, "BEGIN"))
                self._operate(connection, self._rng.choice(group))
                if connection.open:
                    connection.left -= 1
                    self._control(connection)
        for connection in self._connections:
            if connection.open:
                connection.left = 0
                self._control(connection)

