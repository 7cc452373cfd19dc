"""Runs the demo from an empty stack to the comparison, and takes everything down again."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from sluice_stack import Stack, StackError, layout, ports
from sluice_stack.rest import request
from sluice_testing import Comparison, examine_table

from . import shop
from .load import Load
from .screen import Screen, say
from .watch import View, Watch
from .worker import Worker

_REFRESH_SECONDS = 0.25
_PATIENCE_SECONDS = 30.0
_CONNECTOR = "shop"


def main(arguments: list[str]) -> int:
    """Exit code: 0 all tables equal, 1 not equal or failed, 2 wrong usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    demo = Demo(layout.local_home() / "demo")
    # Also where a shell started it in the background, with interrupts ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if options.command == "stop":
        return demo.clear()
    return demo.run(options.seconds, options.rate, keep=options.keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description="A shop in PostgreSQL under live load, and its tables in "
                                     "ClickHouse, side by side. Ends by itself with a comparison of every cell.")
    parser.add_argument("command", nargs="?", choices=("run", "stop"), default="run",
                        help="stop ends what a run with --keep left running")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the live load (default 60)")
    parser.add_argument("--rate", type=float, default=500.0, help="rows changed per second (default 500)")
    parser.add_argument("--keep", action="store_true", default=os.environ.get("KEEP", "0") not in ("", "0"),
                        help="leave everything running (also KEEP=1)")
    return parser


class Demo:
    """One run on a state folder of its own; what an earlier run left there is removed first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = Stack(folder / "stack")
        program = os.environ.get("SLUICE_BIN") or layout.REPOSITORY / "build/release/cmd/sluice/sluice"
        self._worker = Worker(folder, Path(program))
        self._load: Load | None = None
        self._began = time.monotonic()

    def run(self, seconds: float, rate: float, keep: bool) -> int:
        """From nothing to the comparison; always leaves a clean machine, except with keep."""
        kept, purge = False, True
        try:
            self.clear()
            self._prepare(rate)
            self._live(seconds)
            equal = self._compare()
            kept, purge = keep, equal
            if keep:
                self._explain()
            return 0 if equal else 1
        except (StackError, OSError, psycopg.Error) as error:
            purge = False
            say(f"demo: {error}")
            return 1
        except KeyboardInterrupt:
            say("demo: interrupted")
            return 130
        finally:
            if not kept:
                self._leave(purge)

    def clear(self) -> int:
        """Ends and removes what is left of an earlier run."""
        self._worker.stop()
        self._stack.down(purge=True)
        # The folders of a stack that never came up, too.
        shutil.rmtree(self._stack.state, ignore_errors=True)
        self._worker.process.log.unlink(missing_ok=True)
        self._stack = Stack(self._stack.state)
        return 0

    # Steps

    def _step(self, text: str) -> None:
        say(f"{time.monotonic() - self._began:5.1f} s  {text}")

    def _prepare(self, rate: float) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._step("starting PostgreSQL, Kafka, Connect, ZooKeeper, ClickHouse")
        self._stack.up(["postgres", "connect", "clickhouse"])
        address = self._stack.addresses
        self._step("making the shop: customers, products, orders, order_items")
        self._dsn = shop.create(address["SLUICE_STACK_POSTGRES"])
        self._clickhouse = address["SLUICE_STACK_CLICKHOUSE"]
        status, text = request("POST", f"{self._clickhouse}/?query=CREATE%20DATABASE%20{shop.DATABASE}")
        if status != 200:
            raise StackError(f"clickhouse answers {status} to CREATE DATABASE: {text.strip()}")
        self._step("starting Debezium on it: JSON with a schema in every record")
        self._start_connector()
        listen = f"{ports.HOST}:{ports.choose(['sluice'], None)['sluice']}"
        self._worker.start(address["SLUICE_STACK_KAFKA"], self._clickhouse, shop.DATABASE, listen)
        self._step(f"sluice run -c {_shown(self._worker.config)}   (log {_shown(self._worker.process.log)})")
        self._load = Load(self._dsn, rate)

    def _start_connector(self) -> None:
        tables = ",".join(table.source for table in shop.TABLES)
        # Without this the converter writes a column's default where the row holds NULL.
        config = self._stack.connect.debezium(_CONNECTOR, shop.DATABASE, tables,
                                              value__converter__replace__null__with__default="false")
        self._stack.create_connector(_CONNECTOR, config)

    def _live(self, seconds: float) -> None:
        """The load, then waiting until all of it has arrived; shown all the time."""
        assert self._load is not None
        watch, screen = Watch(self._dsn, self._clickhouse, self._worker, self._load), Screen()
        try:
            self._load.start()
            self._show_until(watch, screen, seconds, "load, {:.0f} s to go", lambda _: False)
            self._load.stop()
            self._show_until(watch, screen, _PATIENCE_SECONDS, "load ended", View.caught_up)
        finally:
            screen.close()
            watch.close()

    def _show_until(self, watch: Watch, screen: Screen, seconds: float, phase: str,
                    done: Callable[[View], bool]) -> None:
        """Shows until done() says so or the time is over."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            view = watch.look()
            screen.show(view, phase.format(end - now))
            self._require_progress(view)
            if done(view):
                return
            time.sleep(max(0.0, now + _REFRESH_SECONDS - time.monotonic()))

    def _require_progress(self, view: View) -> None:
        assert self._load is not None
        if self._load.error is not None:
            raise StackError(f"the load ended: {self._load.error}")
        if view.stopped:
            raise StackError("sluice stopped a partition:\n" + "\n".join(self._worker.complaints()))

    def _compare(self) -> bool:
        """Every cell of every table, from both sides through their own clients."""
        self._step("comparing every cell")
        say(f"  {'':<12}{'PostgreSQL':>26}{'ClickHouse':>26}")
        equal = True
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for table in shop.TABLES:
            found = self._examine(table, deadline)
            verdict = "equal" if found.difference is None else "NOT EQUAL"
            say(f"  {table.name:<12}{found.pg_rows:>9,} {found.pg_checksum}{found.ch_rows:>9,} {found.ch_checksum}"
                f"  {verdict}")
            if found.difference is not None:
                say(str(found.difference))
                equal = False
        self._step("every table is equal" if equal else "tables differ")
        return equal

    def _examine(self, table: shop.Table, deadline: float) -> Comparison:
        """Again until equal or too late: equal counts do not tell that Debezium has sent the last update."""
        while True:
            found = examine_table(self._dsn, table.source, self._clickhouse, shop.DATABASE, table.name, table.key)
            if found.difference is None or time.monotonic() > deadline:
                return found
            time.sleep(_REFRESH_SECONDS)

    def _explain(self) -> None:
        """Where everything is, and what to try."""
        url, dsn = self._clickhouse, self._dsn
        stop = _shown(Path(__file__).parents[1] / "demo")
        say(f"""
left running (KEEP=1):
  PostgreSQL   {dsn}
  ClickHouse   {url}   (database {shop.DATABASE})
  Connect      {self._stack.connect.url()}/connectors/{_CONNECTOR}/status
  sluice       http://{self._worker.address}/status, /metrics; configuration {_shown(self._worker.config)}
try:
  psql '{dsn}' -c "UPDATE inventory.customers SET name = 'Zoë' WHERE id = 1"
  curl '{url}/?database={shop.DATABASE}' -d 'SELECT id, name, _version FROM customers FINAL WHERE id = 1'
  curl '{url}/?database={shop.DATABASE}' -d 'SELECT status, count(), sum(total) FROM orders FINAL GROUP BY status'
  curl '{url}/?database={shop.DATABASE}' -d 'SHOW CREATE TABLE order_items FORMAT TSVRaw'
  curl http://{self._worker.address}/status
stop and remove it:
  {stop} stop""")

    def _leave(self, purge: bool) -> None:
        """Takes everything down; an impatient second Ctrl-C must not leave half of it running."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self._load is not None:
            self._load.stop()
        self._worker.stop()
        self._stack.down(purge)
        self._step("all stopped" if purge else f"all stopped; logs are in {_shown(self._folder)}")


def _shown(path: Path) -> str:
    """Relative to the working folder where that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
