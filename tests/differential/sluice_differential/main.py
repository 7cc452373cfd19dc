"""tests/differential/run: random tables and changes, PostgreSQL against ClickHouse in three encodings."""

from __future__ import annotations

import argparse
import random
import re
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "docker/local"), str(Path(__file__).parent)]

import destroyed  # noqa: E402  (the paths come first)
import kinds  # noqa: E402
from mix import Mix  # noqa: E402
from compare import Comparison, Difference  # noqa: E402
from pipeline import CONVERTERS, Pipeline, prepare  # noqa: E402
from shrink import Shrinker  # noqa: E402
from sluice_stack import Stack, StackError  # noqa: E402
from sluice_testing import seeded  # noqa: E402
from steps import Runner, Step  # noqa: E402
from tables import Table, draw_tables  # noqa: E402

SERVICES = ["postgres", "kafka", "registry", "connect", "zookeeper", "clickhouse"]
N_CONNECTIONS = 4
# The changes that meet the snapshot are spread over so much time.
SNAPSHOT_SECONDS = 5.0


def _arguments() -> argparse.ArgumentParser:
    parser = seeded.parser(
        "tests/differential/run", "Makes random tables and changes in PostgreSQL, copies them through the real connector in "
        "three encodings, and compares every cell with ClickHouse. A failure is shrunk and printed as SQL.", "dev")
    parser.add_argument("--tables", type=int, default=220, help="how many tables (default 220)")
    parser.add_argument("--changes", type=int, default=25, help="about so many operations on each table (default 25)")
    parser.add_argument("--partitions", type=int, default=Pipeline.partitions, help="of every fifth table's topic (default 3)")
    parser.add_argument("--encodings", default=",".join(CONVERTERS), help=f"of {','.join(CONVERTERS)} (default all)")
    parser.add_argument("--types", default="", metavar="REGEX", help="only column types that match (default all)")
    parser.add_argument("--only", help="only the tables with these names, separated by |")
    parser.add_argument("--no-shrink", action="store_true", help="print the differences only")
    return parser


class Clock:
    """Says how long each part took."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def say(self, text: str) -> None:
        """One line with the time since the last one."""
        now = time.monotonic()
        print(f"[{now - self._began:6.1f} s, +{now - self._last:5.1f}] {text}", flush=True)
        self._last = now


class Case:
    """One seed: its tables, its steps, what came of it."""

    def __init__(self, options: argparse.Namespace, stack: Stack, folder: Path, seed: int, clock: Clock) -> None:
        self.options, self.stack, self.folder, self.seed, self._clock = options, stack, folder, seed, clock
        rng = random.Random(seed)
        used = [kind for kind in kinds.ALL if re.search(options.types, kind.sql)]
        self.tables: list[Table] = draw_tables(rng, options.tables, used)
        if options.only:
            self.tables = [table for table in self.tables if table.name in options.only.split("|")]
        mix = Mix(rng, self.tables, N_CONNECTIONS)
        self.n_before = mix.seed_rows()
        # A quarter of the changes meets the snapshot. No transaction stays open behind it: a new slot would wait for it.
        mix.draw(max(1, options.changes // 4))
        self.n_meanwhile = len(mix.steps)
        mix.draw(options.changes - options.changes // 4)
        self.steps: list[Step] = mix.steps
        self.strange: list[str] = []  # what arrives otherwise than exclusions.py says, and what a sanitizer says

    def run(self) -> list[Difference]:
        """Everything from the tables to the verdict."""
        encodings = self.options.encodings.split(",")
        pipeline = Pipeline(self.stack, self.folder, self.tables, encodings, self.seed)
        try:
            found = self._run(pipeline)
        finally:
            report = pipeline.close(self.options.keep)
            if report:
                self.strange.append(report)
        return found

    def _run(self, pipeline: Pipeline) -> list[Difference]:
        prepare(pipeline.source, kinds.PRELUDE, self.tables)
        destroyed.before(pipeline.source)
        runner = Runner(pipeline.source.connect, N_CONNECTIONS)
        self._steps(runner, 0, self.n_before)
        self._clock.say(f"{len(self.tables)} tables, {sum(len(t.columns) for t in self.tables)} columns, {len(self.steps)} statements")
        errors: list[BaseException] = []
        meanwhile = threading.Thread(target=self._guarded, args=(errors, runner))
        meanwhile.start()
        try:
            pipeline.connect()
            pipeline.wait_streaming(180)
        finally:
            meanwhile.join()
            if errors:
                raise errors[0]
        self._clock.say("snapshots are over")
        for encoding in pipeline.encodings:
            if encoding.kind != "plain":
                pipeline.work(encoding)
        self._steps(runner, self.n_meanwhile, len(self.steps))
        runner.close()
        destroyed.after(pipeline.source)
        pipeline.mark()
        self._clock.say("all changes are made")
        return self._judge(pipeline)

    def _guarded(self, errors: list[BaseException], runner: Runner) -> None:
        try:
            self._steps(runner, self.n_before, self.n_meanwhile, pause=SNAPSHOT_SECONDS / (self.n_meanwhile - self.n_before + 1))
        except BaseException as error:  # pylint: disable=broad-except # carried to the main thread
            errors.append(error)
            runner.close()  # else a slot that is being made waits for the open transactions

    def _steps(self, runner: Runner, first: int, last: int, pause: float = 0) -> None:
        for step in self.steps[first:last]:
            time.sleep(pause)
            table = None if step.table is None else self.tables[step.table]
            try:
                runner.run(step, table)
            except Exception as error:
                raise RuntimeError(f"the server refuses a statement of the generator: {error}\n{step.sql(table)[:2000]}") from error

    def _judge(self, pipeline: Pipeline) -> list[Difference]:
        found: dict[tuple[str, str], Difference] = {}
        comparison = Comparison(pipeline.source.connection)
        first = pipeline.encodings[0]
        for encoding in sorted(pipeline.encodings, key=lambda e: e.kind == "plain"):
            pipeline.wait_delivered(encoding, 180)
            if encoding.kind == "plain":
                pipeline.copy_tables(first, encoding)
                pipeline.work(encoding)
            try:
                pipeline.wait_written(encoding, 120)
            except AssertionError as late:  # what is there is compared all the same
                self.strange.append(str(late))
            stops = pipeline.stops(encoding)
            for table in pipeline.of(encoding):
                different = comparison.table(encoding, table)
                if different is not None:
                    different.note_stop(stops, encoding.name)
                    found[table.name, encoding.kind] = different
                    print(different, flush=True)
            self._clock.say(f"{encoding.kind}: {sum(1 for _, kind in found if kind == encoding.kind)} tables differ, "
                            f"{len(stops)} topics stopped")
        for encoding in pipeline.encodings[1:]:
            for table in pipeline.of(encoding):
                if (table.name, first.kind) not in found and (table.name, encoding.kind) not in found:
                    different = comparison.encodings(first.kind, encoding.kind, table)
                    if different is not None:
                        found[table.name, f"{first.kind}/{encoding.kind}"] = different
                        print(different, flush=True)
        self._clock.say(f"{comparison.n_cells} cells compared")
        self.strange += destroyed.judge(pipeline)
        return list(found.values())


def run_seed(options: argparse.Namespace, stack: Stack, folder: Path, seed: int) -> bool:
    """One seed; True if all is equal."""
    print(f"\ndifferential: seed {seed}", flush=True)
    clock = Clock()
    case = Case(options, stack, folder, seed, clock)
    different = case.run()
    for strange in case.strange:
        print(strange, flush=True)
    if different and not options.no_shrink:
        Shrinker(stack, folder, case.tables, case.steps, case.n_before, seed).show(different[0])
    repeat = f"tests/differential/run --seed {seed} --tables {options.tables} --changes {options.changes}"
    good = not different and not case.strange
    print(f"differential: seed {seed}: equal" if good else
          f"differential: seed {seed}: {len(different) + len(case.strange)} differences; again: {repeat}", flush=True)
    return good


def run(options: argparse.Namespace) -> int:
    """Exit code: 0 equal, 1 different, 2 could not run."""
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    Pipeline.partitions = options.partitions
    folder, stack = seeded.prepare(options, "differential")
    began, good = time.monotonic(), True
    try:
        stack.up(SERVICES)
        while True:
            good &= run_seed(options, stack, folder, seed)
            seed += 1
            if time.monotonic() - began >= options.seconds:
                break
    except StackError as error:
        print(f"differential: {error}", file=sys.stderr)
        return 2
    finally:
        if not options.keep and options.state is None:
            stack.down(purge=True)
    return 0 if good else 1


if __name__ == "__main__":
    seeded.main(run, _arguments())
