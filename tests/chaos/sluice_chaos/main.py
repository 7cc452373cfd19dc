"""tests/chaos/run: schedules of faults, one for each seed, and what they come to."""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "docker/local"), str(Path(__file__).parent)]

import kinds  # noqa: E402  (the paths come first)
import recovery  # noqa: E402
from report import Report  # noqa: E402
from schedule import POINTS, POINTS_AT_LEAST_ONCE, Missed, Outcome, Plan, Schedule  # noqa: E402
from sluice_stack import StackError  # noqa: E402
from sluice_testing import seeded  # noqa: E402
from sluice_testing.clickhouse import ClickHouse  # noqa: E402

SERVICES = ["kafka", "zookeeper", "clickhouse"]
LEDGERS = ("keeper_map", "kafka")
# These disturb whatever else runs on the stack.
ALONE = (kinds.services_killed, kinds.million)
NAMED = {kind.__name__: kind for kind in (*kinds.KINDS, kinds.million)}
MODES = {kinds.from_postgres: "replace", kinds.million: "log"}
WAYS = 3


def _arguments() -> argparse.ArgumentParser:
    parser = seeded.parser(
        "tests/chaos/run", "Runs schedules of faults against workers on the real services and counts the rows. One seed is one "
        "schedule: with its seed a schedule that failed is repeated. The programs are built with SLUICE_TEST_POINTS.", "chaos")
    parser.add_argument("--schedules", type=int, default=1, help="so many seeds from there on (default 1)")
    parser.add_argument("--kind", choices=list(NAMED), help="only this kind of faults")
    parser.add_argument("--delivery", choices=["exactly_once", "at_least_once"], default="exactly_once")
    parser.add_argument("--ledger", choices=LEDGERS, help="default: the seed decides")
    parser.add_argument("--mode", choices=["replace", "log"], help="default: the seed decides")
    parser.add_argument("--parallel", type=int, default=3, help="schedules at a time (default 3)")
    parser.add_argument("--rate", type=int, default=500, help="events a second in each schedule (default 500)")
    parser.add_argument("--million", action="store_true",
                        help="also a million live events with ten kills, with either ledger")
    parser.add_argument("--recovery", action="store_true", help="also measure how long rows stay away after a crash")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the sums into this document")
    parser.add_argument("--all-points", action="store_true", help="fail if a point was never hit")
    parser.add_argument("--must-duplicate", action="store_true",
                        help="pass only if rows are stored twice somewhere, and none is missing")
    return parser


def kind_of(seed: int, only: str | None) -> Callable[[Schedule], None]:
    """Every kind comes once in as many seeds as there are kinds."""
    return NAMED[only] if only else kinds.KINDS[seed % len(kinds.KINDS)]


def run_one(plan: Plan, seed: int, options: argparse.Namespace, kind: Callable[[Schedule], None]) -> Outcome:
    """One schedule, from its scene to its verdict."""
    turn, number = divmod(seed, len(kinds.KINDS))
    ledger = options.ledger or LEDGERS[(turn + number) % 2]
    mode = options.mode or ("replace", "log")[(turn // 2 + number // 2) % 2]
    if kind in MODES:
        mode = MODES[kind]
    s = Schedule(plan, seed, kind.__name__, ledger, mode)
    try:
        kind(s)
    except Missed as missed:
        s.outcome.missed = str(missed)
    except Exception as error:  # pylint: disable=broad-except # whatever it is, the schedule did not pass
        s.outcome.failure = f"{type(error).__name__}: {error}"
        (s.folder / "traceback").write_text(traceback.format_exc())
    try:
        s.close()
    except Exception as error:  # pylint: disable=broad-except # a sanitizer's report, or a service that is gone
        s.outcome.failure = s.outcome.failure or f"{type(error).__name__}: {error}"
    return s.outcome


class Runner:
    """Rounds of schedules on one stack."""

    def __init__(self, options: argparse.Namespace, plan: Plan, report: Report) -> None:
        self._options = options
        self._plan = plan
        self._report = report

    def round(self, seeds: list[int]) -> None:
        """Those that can run side by side, then the others one by one; a missed fault gets a second chance."""
        alone = [seed for seed in seeds if kind_of(seed, self._options.kind) in ALONE]
        with ThreadPoolExecutor(self._options.parallel) as pool:
            outcomes = pool.map(self._run, [seed for seed in seeds if seed not in alone])
            again = [outcome.seed for outcome in outcomes if outcome.missed]
        again += [outcome.seed for outcome in map(self._run, alone) if outcome.missed]
        for seed in again:
            self._run(seed, last=True)
        ClickHouse(self._plan.stack.service("clickhouse").url(), "default").clear_faults()

    def million(self, seed: int) -> None:
        """The schedule in which another sink failed, once with each ledger."""
        for number in range(len(LEDGERS)) if self._options.ledger is None else (0,):
            outcome = run_one(self._plan, seed + number * len(kinds.KINDS), self._options, kinds.million)
            self._report.add(outcome, counts=True)

    def _run(self, seed: int, last: bool = False) -> Outcome:
        outcome = run_one(self._plan, seed, self._options, kind_of(seed, self._options.kind))
        self._report.add(outcome, counts=last or not outcome.missed)
        return outcome


def run(options: argparse.Namespace) -> int:
    """Exit code: 0 passed, 1 not, 2 could not run."""
    # The first kind first: ten seeds from there on have it with both ledgers, and all points are reached.
    drawn = random.SystemRandom().randrange(10**5) * len(kinds.KINDS)
    seed = options.seed if options.seed is not None else drawn
    folder, stack = seeded.prepare(options, "chaos", faults=True, kafka_ways=WAYS, merges=False)
    plan = Plan(stack, folder, options.delivery, options.ledger, options.rate, dict.fromkeys(range(WAYS), False))
    report = Report(plan, seed)
    began = time.monotonic()
    try:
        n = options.schedules
        n_sure = max(n, len(kinds.KINDS)) if options.seconds else n
        wanted = {kind_of(s, options.kind) for s in range(seed, seed + n_sure)}
        stack.up([*SERVICES, *(["postgres", "connect"] if kinds.from_postgres in wanted else [])])
        runner = Runner(options, plan, report)
        runner.round(list(range(seed, seed + n)))
        while time.monotonic() - began < options.seconds:
            runner.round(list(range(seed + n, seed + n + len(kinds.KINDS))))
            n += len(kinds.KINDS)
        if options.million:
            runner.million(seed)
        if options.recovery:
            for ledger in (options.ledger,) if options.ledger else LEDGERS:
                report.add_recovery(recovery.measure(plan, ledger))
    except StackError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    finally:
        if not options.keep:
            stack.down(purge=options.state is None)
    points = (POINTS if plan.once else POINTS_AT_LEAST_ONCE) if options.all_points else ()
    good = report.end(points, options.must_duplicate)
    if options.write:
        options.write.write_text(report.document(good))
    return 0 if good else 1


if __name__ == "__main__":
    seeded.main(run, _arguments())
