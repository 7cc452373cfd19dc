"""Writes the view in at most 80 columns: a table redrawn in place on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time

from . import shop
from .watch import View

_LINE_EVERY_SECONDS = 5.0
_WIDTH = 79


def say(text: str = "") -> None:
    """A line that stays."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Screen:
    """Used by one thread. Leave it with close(), which gives the cursor back."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._began = time.monotonic()
        self._drawn = 0
        self._next_line = 0.0

    def show(self, view: View, phase: str) -> None:
        """Draws the view; off a terminal only now and then."""
        if self._terminal:
            self._redraw(_table(view, phase))
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_SECONDS
            say(_line(view, phase))

    def close(self) -> None:
        """What was drawn last stays; the next text comes below it."""
        if self._drawn:
            sys.stdout.write("\x1b[?25h")
            sys.stdout.flush()
            self._drawn = 0

    def _redraw(self, lines: list[str]) -> None:
        up = f"\x1b[{self._drawn}A" if self._drawn else "\x1b[?25l"
        sys.stdout.write(up + "".join(f"\x1b[2K{line[:_WIDTH]}\n" for line in lines))
        sys.stdout.flush()
        self._drawn = len(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _delay(view: View) -> str:
    return "-" if view.delay is None else f"p50 {view.delay[0]:.2f} s, p95 {view.delay[1]:.2f} s"


def _table(view: View, phase: str) -> list[str]:
    lines = ["", f"{'table':<14}{'PostgreSQL':>14}{'ClickHouse FINAL':>18}{'rows/s in':>12}{'lag (records)':>16}"]
    for table in shop.TABLES:
        lines.append(f"{table.name:<14}{_number(view.source[table.name]):>14}{_number(view.target[table.name]):>18}"
                     f"{_number(view.rates.get(table.name, 0)):>12}{_number(view.lag.get(table.name)):>16}")
    return [*lines, "",
            f"  source   {view.changes:,} rows changed, {view.changes_per_second:,.0f}/s",
            f"  sluice   {view.rows:,.0f} rows written in {view.inserts:,.0f} inserts, {view.resident_mib:.0f} MiB "
            "resident",
            f"  delay    {_delay(view)} from commit to visible row, last 10 s",
            f"  {phase}{'; Debezium still makes its first copy' if view.copying() else ''}"]


def _line(view: View, phase: str) -> str:
    target = sum(rows or 0 for rows in view.target.values())
    delay = "" if view.delay is None else f"  p50 {view.delay[0]:.2f} s"
    return (f"  {phase}  PostgreSQL {sum(view.source.values()):,}  ClickHouse {target:,}  "
            f"lag {sum(view.lag.values()):,.0f}{delay}")
