"""sluice and ClickHouse's Kafka table engine side by side on the same topics; see docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "docker/local")]

import report  # noqa: E402
from engine import fresh_engine  # noqa: E402
from measure import Usage, measure  # noqa: E402
from sides import Feed, KafkaEngine, Sluice  # noqa: E402
from sluice_stack import Stack  # noqa: E402
from topics import Maker, Topics  # noqa: E402


def say(text: str) -> None:
    """Progress, with the time."""
    print(f"{time.strftime('%T')}  {text}", flush=True)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="changes per topic (default 1000000)")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", help="build folder of preset release")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench", help="folder of the result, logs and topics")
    parser.add_argument("--kind", choices=("json", "json_schema"), action="append", help="only this topic")
    parser.add_argument("--side", choices=("sluice", "sluice-once", "kafka-engine", "sluice-collapse"), action="append",
                        help="only this side")
    parser.add_argument("--keep", action="store_true", help="keep the topics for the next run")
    return parser.parse_args()


class Bench:
    """Everything of one run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._build = options.build.absolute()
        self._out = options.out.absolute()
        self._work = self._out / "run"
        self._work.mkdir(parents=True, exist_ok=True)
        self._engine_program = self._program("clickhouse-embedded")
        self._worker_program = self._program("sluice")
        self._stack = Stack(self._out / "stack")

    def _program(self, name: str) -> Path:
        path = self._build / "cmd" / name / name
        if not os.access(path, os.X_OK):
            raise SystemExit(f"bench: {path} is not built: cmake --preset release -B {self._build} && "
                             f"cmake --build {self._build}")
        return path

    def run(self) -> None:
        """Topics, all sides on each, report."""
        self._stack.up(["kafka", "zookeeper"])
        try:
            topics = Maker(self._stack.kafka.address, ROOT / "tests/data/debezium", self._work).make(
                self._options.rows, say)
            results = {kind: self._sides(kind, topics) for kind in self._options.kind or topics.names}
        finally:
            self._stack.down(purge=not self._options.keep)
        if self._options.side or self._options.kind:  # a result has all of them
            for usages in results.values():
                for name, usage in usages.items():
                    print(name, usage)
            return
        result = report.write(self._out / "result.json", ROOT, topics, results)
        run = result["run"]
        print(f"\n{topics.rows:,} changes: {topics.counts['u']:,} updates, {topics.counts['c']:,} inserts, "
              f"{topics.counts['d']:,} deletes; every side's table equals the others' and the oracle\n"
              f"commit {run['commit']}, {run['machine']}\n")
        print(report.table(topics, results))
        print(f"\nalso in {self._out / 'result.json'}")

    def _sides(self, kind: str, topics: Topics) -> dict[str, Usage]:
        sides = [Sluice(self._worker_program, self._work), Sluice(self._worker_program, self._work, once=True),
                 KafkaEngine(), Sluice(self._worker_program, self._work, collapse=True)]
        wanted = self._options.side or [side.name for side in sides]
        return {side.name: self._one(side, kind, topics) for side in sides if side.name in wanted}

    def _one(self, side, kind: str, topics: Topics) -> Usage:
        group = f"bench-{kind}-{side.name}-{time.time_ns() // 1_000_000}".replace("_", "-")
        feed = Feed(self._stack.kafka.address, topics.names[kind], kind, group)
        zookeeper = self._stack.service("zookeeper").address
        with fresh_engine(self._engine_program, self._work, f"{kind}-{side.name}", zookeeper) as engine:
            engine.make_table(side.version_type)
            usage = measure(side, engine, feed, topics.rows, self._stack.kafka.process.pid())
            self._compare(engine.content(side.lsn), topics.oracle, f"{kind}-{side.name}")
        say(f"{kind}, {side.name}: {usage.rows_per_second:,.0f} rows/s, "
            f"{usage.rows_per_cpu_second:,.0f} rows per CPU second, content equal")
        return usage

    def _compare(self, content: bytes, oracle: Path, name: str) -> None:
        """Cell by cell: every line holds every cell of a row, and both are in the order of the keys."""
        expected = oracle.read_bytes()
        if content == expected:
            return
        (self._work / f"{name}.tsv").write_bytes(content)
        got, want = content.splitlines(), expected.splitlines()
        for i, (a, b) in enumerate(zip(got, want)):
            if a != b:
                raise SystemExit(f"bench: {name}: row {i} differs from the oracle:\n{a.decode()}\n{b.decode()}")
        raise SystemExit(f"bench: {name}: {len(got)} rows, the oracle has {len(want)}")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it cleans up
    Bench(arguments()).run()
