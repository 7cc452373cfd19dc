"""What the schedules came to, as it is printed."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence

from schedule import POINTS, Outcome, Plan


class Report:
    """Collects outcomes from several threads and prints each when it is there."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self.plan = plan
        self.seed = seed
        self.outcomes: list[Outcome] = []
        self.hits: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._say(f"chaos: {plan.delivery}, first seed {seed}")

    def add(self, outcome: Outcome, counts: bool) -> None:
        """Prints a schedule; one that missed its fault and is tried again does not count."""
        with self._lock:
            if counts:
                self.outcomes.append(outcome)
            self.hits.update(outcome.hits)
            self.counted.update({name: int(value) for name, value in outcome.counted.items()})
            self._print(outcome)

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
        self._say(f"chaos: {len(self.outcomes)} schedules, {len(failed)} failed; faults {self.faults}, events {self.events:,}, "
                  f"duplicates {self.duplicates:,}, losses {self.losses:,}, manual steps 0; "
                  f"{time.monotonic() - self._began:.0f} s, first seed {self.seed}")
        if failed:
            self._say(f"chaos: failed seeds: {', '.join(map(str, failed))}")
        if missing:
            self._say(f"chaos: never hit: {', '.join(missing)}")
        if must_duplicate and self.duplicates == 0:
            self._say("chaos: not one row was stored twice, so these schedules show nothing")
        return not failed and not missing and bool(self.outcomes) and (self.duplicates > 0 or not must_duplicate)

    @staticmethod
    def _list(counts: Counter[str]) -> str:
        order = {point: number for number, point in enumerate(POINTS)}
        return ", ".join(f"{name} {counts[name]}" for name in sorted(counts, key=lambda n: (order.get(n, 99), n))) or "none"

    def _print(self, outcome: Outcome) -> None:
        verdict = outcome.verdict
        lines = [f"\nseed {outcome.seed}: {outcome.kind}, ledger {outcome.ledger}, mode {outcome.mode}"]
        lines += [f"    {line}" for line in outcome.story]
        lines.append(f"    hits: {self._list(outcome.hits)}")
        lines.append(f"    events {verdict.events:,}, rows {verdict.stored:,}, duplicates {verdict.duplicates:,}, losses "
                     f"{verdict.losses:,}, strange {verdict.strange:,}, wrong in FINAL {verdict.differences:,}; "
                     f"{outcome.seconds:.0f} s")
        lines += [f"    {text}" for text in verdict.examples if not self.passed(outcome)]
        if outcome.missed:
            lines.append(f"    not counted: {outcome.missed}")
        if outcome.failure:
            lines += [f"    {line}" for line in outcome.failure.splitlines()[:20]]
        if not self.passed(outcome):
            lines.append(f"    logs: {self.plan.folder}/seed-{outcome.seed}; repeat: tests/chaos/run --seed {outcome.seed} "
                         f"--delivery {self.plan.delivery}")
        lines.append(f"seed {outcome.seed}: {'passed' if self.passed(outcome) else 'FAILED'}")
        self._say("\n".join(lines))

    @staticmethod
    def _say(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
