"""From a table that differs to few statements that anyone can paste.

Candidates are run many at a time: each is a table of its own, in one database with one connector. A round takes seconds,
however many candidates it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from compare import Comparison, Difference
from kinds import PRELUDE
from pipeline import Pipeline, prepare
from sluice_stack import Stack
from steps import Runner, Step
from tables import Table

N_CONNECTIONS = 4


@dataclass(frozen=True)
class Candidate:
    """A table and what happens to it; `before` of the steps come before the connector."""

    table: Table
    steps: tuple[Step, ...]
    before: int

    def size(self) -> tuple[int, int]:
        """What is to become small."""
        return sum(1 + len(step.rows) + len(step.keys) for step in self.steps), len(self.table.columns)

    def keep(self, wanted: Callable[[int], bool]) -> Candidate:
        """The same with some of its steps."""
        places = [i for i in range(len(self.steps)) if wanted(i)]
        return replace(self, steps=tuple(self.steps[i] for i in places), before=sum(1 for i in places if i < self.before))

    def without_columns(self, columns: set[int]) -> Candidate:
        """The same without some columns."""
        left = [i for i in range(len(self.table.columns)) if i not in columns]
        place = {old: new for new, old in enumerate(left)}
        steps, before = [], 0
        for i, step in enumerate(self.steps):
            fewer = step.without(columns)
            if fewer is not None:
                steps.append(replace(fewer, rows=tuple({place[c]: v for c, v in row.items()} for row in fewer.rows),
                                     changes={place[c]: v for c, v in fewer.changes.items()}))
                before += i < self.before
        table = replace(self.table, columns=[self.table.columns[i] for i in left], key=tuple(place[i] for i in self.table.key))
        return Candidate(table, tuple(steps), before)

    def sql(self) -> str:
        """All of it, with the connector's start between."""
        lines = [f"{text};" for text in (*PRELUDE, *self.table.create())]
        lines += [self._line(step) for step in self.steps[:self.before]]
        lines.append("-- the connector starts here")
        return "\n".join(lines + [self._line(step) for step in self.steps[self.before:]])

    def _line(self, step: Step) -> str:
        several = len({step.connection for step in self.steps}) > 1
        text = step.sql(self.table if step.table is not None else None)
        return (f"/* connection {step.connection} */ " if several else "") + text + ("" if step.verb == "copy" else ";")


def _columns(candidate: Candidate) -> Iterable[Candidate]:
    """Without each half, quarter and single one of the columns that are not the key."""
    others = [i for i in range(len(candidate.table.columns)) if i not in candidate.table.key]
    size = len(others)
    while size > 1:
        size = (size + 1) // 2
        for at in range(0, len(others), size):
            part = set(others[at:at + size])
            if len(part) < len(others) or candidate.table.key:
                yield candidate.without_columns(part)


def _steps(candidate: Candidate) -> Iterable[Candidate]:
    """Without each half, quarter, eighth and single one of the steps, and single rows of those with several."""
    n = len(candidate.steps)
    size = n
    while size > 1:
        size = (size + 1) // 2
        for at in range(0, n, size):
            yield candidate.keep(lambda i, at=at, size=size: not at <= i < at + size)  # type: ignore[misc]
        if size <= max(1, n // 8) and n > 24:
            break
    for i, step in enumerate(candidate.steps):
        for rows, keys in ((step.rows[::2], step.keys[::2]), (step.rows[1::2], step.keys[1::2])):
            if len(step.rows) > 1 or len(step.keys) > 1:
                smaller = replace(step, rows=rows, keys=keys)
                yield replace(candidate, steps=candidate.steps[:i] + (smaller,) + candidate.steps[i + 1:])


class Shrinker:
    """Makes one difference small."""

    def __init__(self, stack: Stack, folder: Path, tables: list[Table], steps: list[Step], before: int, seed: int) -> None:
        self._stack, self._folder, self._seed = stack, folder, seed
        self._tables, self._steps, self._before = tables, steps, before

    def show(self, difference: Difference, seconds: float = 240) -> None:
        """Prints the smallest case found in that time."""
        deadline = time.monotonic() + seconds
        candidate, encoding = self._whole(difference.table), difference.encoding.split("/")[-1].split(" ")[0]
        print(f"\nshrinking table {candidate.table.name!r}, {len(candidate.steps)} statements, {len(candidate.table.columns)} columns")
        last = self._run([candidate], encoding)[0]
        if last is None:
            print("it does not differ by itself; the whole table's statements:\n" + candidate.sql()[:20000])
            return
        went_on = True
        while went_on and time.monotonic() < deadline:
            went_on = False
            for smaller in (_columns, _steps):
                tried = sorted(smaller(candidate), key=Candidate.size)[:40]
                found = self._run(tried, encoding) if tried else []
                best = next(((c, d) for c, d in zip(tried, found, strict=True) if d is not None), None)
                if best is not None and best[0].size() < candidate.size():
                    candidate, last, went_on = *best, True
                    print(f"  still differs with {len(candidate.steps)} statements, {len(candidate.table.columns)} columns", flush=True)
        print(f"\n-- {last}\n{candidate.sql()}\n", flush=True)

    def _whole(self, table: Table) -> Candidate:
        """All statements on the table, and the transactions that hold some."""
        number = self._tables.index(table)
        wanted = [i for i, step in enumerate(self._steps) if step.table in (None, number)]
        steps = tuple(self._steps[i] for i in wanted)
        return _tidy(Candidate(table, steps, sum(1 for i in wanted if i < self._before)))

    def _run(self, candidates: list[Candidate], encoding: str) -> list[Difference | None]:
        """Each candidate's difference, None if it has none."""
        named = [replace(c, table=c.table.named(f"{c.table.name[:50]}_{i}{c.table.name[-1]}")) for i, c in enumerate(candidates)]
        tables = [c.table for c in named]
        encodings = ["schema", "plain"] if encoding == "plain" else [encoding]
        pipeline = Pipeline(self._stack, self._folder, tables, encodings, self._seed)
        try:
            prepare(pipeline.source, PRELUDE, tables)
            runner = Runner(pipeline.source.connect, N_CONNECTIONS, lock_seconds=1)
            for candidate in named:
                runner.try_all(candidate.steps[:candidate.before], candidate.table)
            pipeline.connect()
            pipeline.wait_streaming(120)
            for candidate in named:
                runner.try_all(candidate.steps[candidate.before:], candidate.table)
            runner.close()
            pipeline.mark()
            comparison = Comparison(pipeline.source.connection)
            for one in pipeline.encodings:
                pipeline.wait_delivered(one, 120)
                if one.kind == "plain":
                    pipeline.copy_tables(pipeline.encodings[0], one)
                pipeline.work(one)
                pipeline.wait_written(one, 120)
            stops = pipeline.stops(pipeline.encodings[-1])
            found = [comparison.table(pipeline.encodings[-1], table) for table in tables]
            for different in found:
                if different is not None:
                    different.note_stop(stops, pipeline.encodings[-1].name)
            return found
        finally:
            pipeline.close()


def _tidy(candidate: Candidate) -> Candidate:
    """Without transactions that hold no statement on the table."""
    opened: dict[int, list[int]] = {}
    dropped: set[int] = set()
    for i, step in enumerate(candidate.steps):
        if step.verb == "BEGIN":
            opened[step.connection] = [i]
        elif step.connection in opened:
            opened[step.connection].append(i)
            if step.verb in ("COMMIT", "ROLLBACK"):
                places = opened.pop(step.connection)
                if all(candidate.steps[p].table is None for p in places):
                    dropped |= set(places)
    return candidate.keep(lambda i: i not in dropped)
