"""The table on stdout and build/bench/result.json."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from pathlib import Path

from measure import Usage
from topics import Topics

_TARGETS = {"json": 300_000, "json_schema": 150_000}  # rows per core second of the worker
_RATIO, _RSS_MIB, _ONCE = 2.0, 150, 0.9


def _sluice(usage: Usage) -> dict[str, float]:
    return {"worker_rows_per_core_second": round(usage.rows / usage.worker_cpu),
            "rows_per_cpu_second": round(usage.rows_per_cpu_second), "peak_rss_mib": round(usage.worker_rss_mib, 1),
            **_beside(usage)}


def _beside(usage: Usage) -> dict[str, float]:
    return {"rows_per_second": round(usage.rows_per_second), "worker_cpu_seconds": round(usage.worker_cpu, 2),
            "engine_cpu_seconds": round(usage.engine_cpu, 2), "broker_cpu_seconds": round(usage.broker_cpu, 2),
            "engine_peak_rss_mib": round(usage.engine_rss_mib, 1),
            "engine_idle_cpu_per_second": round(usage.engine_idle_rate, 3), "seconds_to_idle": round(usage.seconds, 1)}


def _once(usages: dict[str, Usage]) -> float:
    """What exactly-once delivery leaves of the rows per second."""
    return usages["sluice-once"].rows_per_second / usages["sluice"].rows_per_second


def _kind(usages: dict[str, Usage]) -> dict:
    peer = usages["kafka-engine"]
    part = {"sluice": _sluice(usages["sluice"]),
            "kafka_engine": {"rows_per_cpu_second": round(peer.rows_per_cpu_second), **_beside(peer)},
            "ratio_rows_per_cpu_second": round(usages["sluice"].rows_per_cpu_second / peer.rows_per_cpu_second, 2)}
    if "sluice-once" in usages:
        part["sluice_once"] = _sluice(usages["sluice-once"])
        part["ratio_once"] = round(_once(usages), 3)
    if "sluice-collapse" in usages:
        part["sluice_collapse"] = _sluice(usages["sluice-collapse"])
    return part


def machine() -> str:
    """Processor, cores, memory."""
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    cores = sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    return f"{cpu}, {cores} cores, {memory} GiB"


def commit(root: Path) -> str:
    """The commit that was measured, with + if files differ from it."""
    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False).stdout
    changed = git("status", "--porcelain", "--untracked-files=no").strip()
    return (git("rev-parse", "--short", "HEAD").strip() or "unknown") + ("+" if changed else "")


def write(file: Path, root: Path, topics: Topics, results: dict[str, dict[str, Usage]]) -> dict:
    """The result as JSON."""
    result: dict = {kind: _kind(usages) for kind, usages in results.items()}
    result["run"] = {"commit": commit(root), "date": time.strftime("%F %T"), "machine": machine(), "rows": topics.rows,
                     "counts": topics.counts, "value_bytes": topics.value_bytes}
    file.write_text(json.dumps(result, indent=2) + "\n")
    return result


def table(topics: Topics, results: dict[str, dict[str, Usage]]) -> str:
    """At most 100 columns wide."""
    lines = [f"{'':<26}{'rows/s':>9}  {'CPU, us per row':^23}{'rows per CPU second':^23}{'peak MiB':^16}",
             f"{'':<26}{'':>9}  {'worker':>7}{'engine':>8}{'all':>8}{'worker':>12}{'all':>11}"
             f"{'worker':>9}{'engine':>8}"]
    for kind, usages in results.items():
        lines.append(f"{kind}, {topics.value_bytes[kind]:.0f} bytes per value")
        lines += [_line(name, usage) for name, usage in usages.items()]
        lines += _verdict(kind, usages)
    return "\n".join(lines)


def _line(name: str, usage: Usage) -> str:
    engine = usage.engine_cpu * 1e6 / usage.rows
    worker, mine, resident = ("-", "-", "-") if usage.worker_cpu == 0 else (
        f"{usage.worker_cpu * 1e6 / usage.rows:.2f}", f"{usage.rows / usage.worker_cpu:,.0f}",
        f"{usage.worker_rss_mib:.0f}")
    both = (usage.worker_cpu + usage.engine_cpu) * 1e6 / usage.rows
    label = {"sluice": "sluice", "sluice-once": "sluice, exactly once", "sluice-collapse": "sluice, collapse on", "kafka-engine": "Kafka engine + view"}[name]
    return (f"  {label:<24}{usage.rows_per_second:>9,.0f}  {worker:>7}{engine:>8.2f}{both:>8.2f}"
            f"{mine:>12}{usage.rows_per_cpu_second:>11,.0f}{resident:>9}{usage.engine_rss_mib:>8.0f}")


def _verdict(kind: str, usages: dict[str, Usage]) -> list[str]:
    mine, peer = usages["sluice"], usages["kafka-engine"]
    ratio = mine.rows_per_cpu_second / peer.rows_per_cpu_second
    core = mine.rows / mine.worker_cpu

    def word(good: bool) -> str:
        return "met" if good else "MISSED"
    return [f"  targets: {ratio:.2f} x the Kafka engine of {_RATIO:.0f} {word(ratio >= _RATIO)}; worker {core:,.0f} "
            f"per core of {_TARGETS[kind]:,} {word(core >= _TARGETS[kind])}; {mine.worker_rss_mib:.0f} MiB of {_RSS_MIB} "
            f"{word(mine.worker_rss_mib < _RSS_MIB)}; exactly once {_once(usages):.0%} of its rows/s of {_ONCE:.0%} "
            f"{word(_once(usages) >= _ONCE)}"]
