"""What the schedules came to, as it is printed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence

from recovery import Recovery
from schedule import POINTS, Outcome, Plan
from sluice_testing.programs import REPOSITORY


_HEAD = """\
# Soak

<!-- Made by `make soak`, which rewrites this file. -->

`make soak` runs the model with larger bounds, millions of random schedules of the ledger's machine, and the schedules
of `tests/chaos` on real services (Kafka, ZooKeeper, PostgreSQL with Debezium, and clickhouse-embedded): 25, then on until
an hour is over (`SECONDS=`), and the one in which another sink failed. Each seed is one schedule;
`tests/chaos/run --seed N` repeats it.

The topic itself says what must be stored: each data event once, as one row by topic, partition, offset and deletion
mark, counted while nothing is merged, collapsed or optimised away; tables with and without PARTITION BY,
ReplacingMergeTree and plain MergeTree. FINAL must equal the state that the topics come to, or PostgreSQL cell by cell. A
fault counts only if it was seen to hit. No partition may stop, and nobody lends a hand. Connections that one fault met
are counted one by one.

"""


class Report:
    """Collects outcomes from several threads and prints each when it is there."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.seed = seed
        self.outcomes: list[Outcome] = []
        self.hits: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.recoveries: list[Recovery] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._commit = subprocess.run(["git", "-C", str(REPOSITORY), "rev-parse", "--short=10", "HEAD"],
                                      capture_output=True, text=True, check=False).stdout.strip()
        self._say(f"chaos: {plan.delivery}, first seed {seed}")

    def add(self, outcome: Outcome, counts: bool) -> None:
        """Prints a schedule; one that missed its fault and is tried again does not count."""
        with self._lock:
            if counts:
                self.outcomes.append(outcome)
            self.hits.update(outcome.hits)
            self.counted.update({name: int(value) for name, value in outcome.counted.items()})
            self._print(outcome)

    def add_recovery(self, measured: Recovery) -> None:
        """Prints times."""
        self.recoveries.append(measured)
        self._say("\n" + "\n".join(measured.lines()))

    def passed(self, outcome: Outcome) -> bool:
        """At least once may store rows twice, and nothing else."""
        verdict = outcome.verdict
        good = verdict.exact() if self.plan.once else verdict.complete()
        return good and verdict.events > 0 and not outcome.failure and not outcome.missed

    @property
    def events(self) -> int:
        return sum(outcome.verdict.events for outcome in self.outcomes)

    @property
    def duplicates(self) -> int:
        return sum(outcome.verdict.duplicates for outcome in self.outcomes)

    @property
    def losses(self) -> int:
        return sum(outcome.verdict.losses for outcome in self.outcomes)

    @property
    def faults(self) -> int:
        """Faults that were seen to hit; connections that one fault met count one by one."""
        return self.hits.total()

    def end(self, points: Sequence[str], must_duplicate: bool) -> bool:
        """The sums; True if all of it passes."""
        failed = [outcome.seed for outcome in self.outcomes if not self.passed(outcome)]
        missing = [point for point in points if not self.hits[point]]
        self._say(f"\nhits: {self._list(self.hits)}")
        if self.counted:
            self._say(f"workers counted: {self._list(self.counted)}")
        self._say(f"chaos: {len(self.outcomes)} schedules, {len(failed)} failed; faults {self.faults}, events "
                  f"{self.events:,}, duplicates {self.duplicates:,}, losses {self.losses:,}, manual steps 0; "
                  f"{time.monotonic() - self._began:.0f} s, first seed {self.seed}")
        if failed:
            self._say(f"chaos: failed seeds: {', '.join(map(str, failed))}")
        if missing:
            self._say(f"chaos: never hit: {', '.join(missing)}")
        if must_duplicate and self.duplicates == 0:
            self._say("chaos: not one row was stored twice, so these schedules show nothing")
        slow = [measured.ledger for measured in self.recoveries if not measured.good()]
        if slow:
            self._say(f"chaos: recovery takes too long with ledger {', '.join(slow)}")
        return not failed and not missing and not slow and (self.duplicates > 0 or not must_duplicate) \
            and bool(self.outcomes or self.recoveries)

    def document(self, good: bool) -> str:
        """docs/soak.md."""
        kinds: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            kinds.setdefault(outcome.kind, []).append(outcome)
        lines = [_HEAD, "## Last run", "",
                 f"Commit {self._commit}, {time.strftime('%F', time.gmtime())}, first seed {self.seed}, "
                 f"{(time.monotonic() - self._began) / 60:.0f} minutes: {'passed' if good else '**failed**'}.", "",
                 "| schedules | faults | events | duplicates | losses | manual steps |", "|---|---|---|---|---|---|",
                 f"| {len(self.outcomes)} | {self.faults:,} | {self.events:,} | {self.duplicates} | {self.losses} | 0 |",
                 "",
                 "| kind | schedules | with ledger keeper_map | with ledger kafka | events | duplicates | losses |",
                 "|---|---|---|---|---|---|---|"]
        for kind, outcomes in kinds.items():
            of = Counter(outcome.ledger for outcome in outcomes)
            lines.append(f"| {kind} | {len(outcomes)} | {of['keeper_map']} | {of['kafka']} | "
                         f"{sum(o.verdict.events for o in outcomes):,} | "
                         f"{sum(o.verdict.duplicates for o in outcomes)} | {sum(o.verdict.losses for o in outcomes)} |")
        lines += ["", "Faults that were seen to hit:", "", "| fault | hits |", "|---|---|"]
        lines += [f"| {name} | {self.hits[name]:,} |" for name in self._names(self.hits)]
        failed = [str(outcome.seed) for outcome in self.outcomes if not self.passed(outcome)]
        if failed:
            lines += ["", f"Failed seeds: {', '.join(failed)}."]
        if self.recoveries:
            lines += ["", "## Recovery", "", "From kill -9 to the first row stored after it, five times each.", ""]
            lines += [f"- {line}" for measured in self.recoveries for line in measured.lines()]
        return "\n".join(lines) + "\n"

    @staticmethod
    def _names(counts: Counter[str]) -> list[str]:
        order = {point: number for number, point in enumerate(POINTS)}
        return sorted(counts, key=lambda name: (order.get(name, len(order)), name))

    def _list(self, counts: Counter[str]) -> str:
        return ", ".join(f"{name} {counts[name]}" for name in self._names(counts)) or "none"

    def _print(self, outcome: Outcome) -> None:
        verdict = outcome.verdict
        lines = [f"\nseed {outcome.seed}: {outcome.kind}, ledger {outcome.ledger}, mode {outcome.mode}"]
        lines += [f"    {line}" for line in outcome.story]
        lines.append(f"    hits: {self._list(outcome.hits)}")
        lines.append(f"    events {verdict.events:,}, rows {verdict.stored:,}, duplicates {verdict.duplicates:,}, "
                     f"losses {verdict.losses:,}, strange {verdict.strange:,}, wrong in FINAL {verdict.differences:,}; "
                     f"{outcome.seconds:.0f} s")
        lines += [f"    {text}" for text in verdict.examples if not self.passed(outcome)]
        if outcome.missed:
            lines.append(f"    not counted: {outcome.missed}")
        if outcome.failure:
            lines += [f"    {line}" for line in outcome.failure.splitlines()[:20]]
        if not self.passed(outcome):
            ledger = f" --ledger {outcome.ledger}" if self.plan.once else ""
            lines.append(f"    logs: {self.plan.folder}/seed-{outcome.seed}; repeat: tests/chaos/run --seed {outcome.seed}"
                         f" --kind {outcome.kind} --mode {outcome.mode} --delivery {self.plan.delivery}{ledger}")
        lines.append(f"seed {outcome.seed}: {'passed' if self.passed(outcome) else 'FAILED'}")
        self._say("\n".join(lines))

    @staticmethod
    def _say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
