"""The kinds of schedules: which faults come, when and how often, all drawn from the schedule's seed."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from events import Target
from schedule import SESSION_MS, Missed, Schedule
from sluice_testing import load
from sluice_testing.proxy import DOWN, UP
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker
from tokens import use_up_tokens


def killed(s: Schedule) -> None:
    """kill -9 at each point of a batch's life, in an order of the seed; each life has other batch sizes."""
    s.make_targets()
    s.feed()
    points = s.points("after_open", "during_insert", "after_ack", "before_commit", "after_commit", "group_offsets_sent")
    s.chance.shuffle(points)
    for point in points:
        s.die_at(point, s.chance.randint(1, 12))
    s.start()
    s.wait_progress(s.chance.randint(50, 500))
    s.kill(s.workers["a"])
    s.start()
    s.wait_progress()
    s.finish()


def replayed(s: Schedule) -> None:
    """Killed again and again while a range is finished that an earlier life left open; also behind a token that is
    registered though its rows are not stored."""
    s.make_targets()
    s.feed()
    points = s.points("after_open", "during_insert", "after_ack")
    for point in s.chance.sample(points, 2) if s.plan.once else points:
        s.die_at(point, s.chance.randint(2, 8))
        if s.plan.once:
            s.die_at("after_acquire", s.chance.randint(1, 3))
            s.die_at("after_lookup", 1)
    if s.plan.once:
        s.die_at("after_open", s.chance.randint(1, 4))
        use_up_tokens(s)
        s.die_at("before_attempt", 1)
        use_up_tokens(s)
    worker = s.start()
    s.wait_progress(300, worker=worker)
    if s.plan.once:
        again: list[dict[str, Any]] = []

        def found() -> bool:
            again[:] = [line for line in worker.events("range_replayed") if line["attempt"] > 0 and line["missing"] > 0]
            return bool(again)
        try:
            s.wait(found, 30, "a range whose token was used while its rows were not stored", worker)
        except AssertionError as error:
            raise Missed(str(error)) from None
        s.tell(f"{len(again)} ranges were stored under another token than their first one")
        s.hit("token_without_rows", len(again))
    s.finish()


def zombies(s: Schedule) -> None:
    """A worker is suspended beyond its session, at a point or anywhere, or its insert hangs in the server; a second one
    takes over meanwhile; then the first one goes on as if nothing had happened."""
    s.make_targets()
    s.feed()
    old, new = "a", "b"
    points = s.points("after_open", "during_insert", "after_ack", "after_acquire")
    ways = ["hangs", "anywhere", *s.chance.sample(points, min(2, len(points)))]
    s.chance.shuffle(ways)
    for way in ways:
        worker = _suspend(s, old, way)
        second = s.start(new)
        # The first one had all of them.
        if not s.assigned(second):
            raise Missed("the second worker took nothing over")
        s.wait_progress(50, worker=second)
        s.pause(0.0, 3.0)
        worker.signal(signal.SIGCONT)
        s.tell(f"worker {new} took over; worker {old} goes on")
        s.hit("suspended")
        s.wait_progress(100, worker=second)
        s.pause(0.5, 2.5)
        s.collect(worker)
        if s.chance.random() < 0.5:
            worker.kill9()
            s.tell(f"worker {old} killed")
        else:
            worker.terminate()
            s.tell(f"worker {old} ended by SIGTERM")
        # The next round begins with one worker that has everything.
        s.collect(second)
        second.kill9()
        old, new = new, old
    s.start(old)
    s.finish()


def _suspend(s: Schedule, name: str, way: str) -> Worker:
    """Starts a worker that has all partitions, and suspends it."""
    if way not in ("anywhere", "hangs"):
        nth = s.chance.randint(1, 3 if way == "after_acquire" else 12)
        worker = s.start(name, wait=False, SLUICE_STOP_AT=f"{way}:{nth}")
        try:
            s.wait(lambda: state_of(worker) == "T", 30, f"worker {name} is suspended", worker)
        except AssertionError:
            raise Missed(f"worker {name} did not reach {way} for the {nth}. time") from None
        s.tell(f"worker {name} suspended at {way}, passing {nth}")
        s.hit(f"suspended_{way}")
        return worker
    worker = s.start(name)
    s.wait_progress(100, worker=worker)
    if way == "hangs":
        inserts = f"INSERT INTO `{s.scene.name}`"
        before = s.clickhouse.fault_hits(inserts)
        s.clickhouse.fault("delay", ms=SESSION_MS + 2500, when="before", match=inserts)
        wait_until(lambda: s.clickhouse.fault_hits(inserts) > before, 20, "an insert hangs")
        s.hit("late_insert")
    else:
        s.pause(0.0, 0.5)
    worker.signal(signal.SIGSTOP)
    s.tell(f"worker {name} suspended{' while its insert hangs in the server' if way == 'hangs' else ''}")
    return worker


def state_of(worker: Worker) -> str:
    """The state of the process as the kernel names it; T: suspended."""
    try:
        return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def cut_from_clickhouse(s: Schedule) -> None:
    """Connections to ClickHouse are cut, delayed and halved; answers get lost after the rows were stored."""
    _network(s, clickhouse=True)


def cut_from_kafka(s: Schedule) -> None:
    """The same between worker and broker."""
    _network(s, clickhouse=False)


def _network(s: Schedule, clickhouse: bool) -> None:
    s.make_targets()
    proxy = s.proxy_clickhouse() if clickhouse else s.proxy_kafka()
    what = "ClickHouse" if clickhouse else "the broker"
    s.feed()
    worker = s.start()
    s.wait_progress(50)

    def cut() -> None:
        before = proxy.counts["cut"]

        def met() -> bool:
            proxy.cut()
            return proxy.counts["cut"] > before
        wait_until(met, 20, "a connection is there to be cut")

    def cut_in_the_middle() -> None:
        proxy.cut_after(s.chance.choice((UP, DOWN)), s.chance.randint(1, 3000 if clickhouse else 60000))
        s.pause(1.0, 2.0)

    def halve() -> None:
        proxy.hold(s.chance.choice((UP, DOWN)))
        s.pause(1.0, 6.0)
        proxy.release()

    def delay() -> None:
        proxy.delay(s.chance.uniform(0.05, 0.8))
        s.pause(2.0, 4.0)
        proxy.delay(0)

    def refuse() -> None:
        proxy.refuse(True)
        s.pause(0.5, 2.5)
        proxy.refuse(False)

    acts: list[Callable[[], None]] = [cut, cut_in_the_middle, halve, delay, refuse, cut_in_the_middle]
    s.chance.shuffle(acts)
    for act in acts:
        before = proxy.counts.copy()
        act()
        for name, times in (proxy.counts - before).items():
            s.tell(f"connections to {what}: {act.__name__} met {times} ({name})")
            s.hit(f"{'clickhouse' if clickhouse else 'kafka'}_{name}", times)
        s.wait_progress(20, worker=worker)
        if s.chance.random() < 0.3:
            s.kill(worker)
            s.start()
    s.finish()
    names = ("cut", "delayed", "halved")
    prefix = "clickhouse" if clickhouse else "kafka"
    missing = [name for name in names if not s.outcome.hits[f"{prefix}_{name}"]]
    if missing:
        raise Missed(f"connections were never {', '.join(missing)}")


def rebalanced(s: Schedule) -> None:
    """Workers join and leave, politely and by kill -9, also in the middle of a revocation."""
    s.make_targets()
    s.feed()
    first = s.start("a", wait=False, SLUICE_KILL_AT="during_rebalance:1")
    before = s.stored_rows()
    # Topics that are found one after the other make the group rebalance too, at times before anything is stored.
    s.wait(lambda: s.stored_rows() >= before + 100 or not first.running(), 60, "worker a stores rows")
    s.start("b", wait=False)
    _died(s, "a", "during_rebalance")
    names = ["a", "b", "c"]
    for _ in range(5):
        running = [n for n in names if n in s.workers and s.workers[n].running()]
        idle = [n for n in names if n not in running]
        if idle and (len(running) < 2 or s.chance.random() < 0.6):
            name = s.chance.choice(idle)
            s.start(name)
            s.tell(f"worker {name} joined {len(running)} others")
            s.hit("joined")
        else:
            worker = s.workers[s.chance.choice(running)]
            if s.chance.random() < 0.5:
                s.kill(worker)
            else:
                s.collect(worker)
                status = worker.terminate()
                assert status == 0, f"worker {worker.name} ended with exit code {status}"
                s.tell(f"worker {worker.name} left")
                s.hit("left")
        s.pause(0.2, 2.0)
        s.wait_progress(30)
    s.finish()


def _died(s: Schedule, name: str, point: str) -> None:
    try:
        status = s.workers[name].wait_ended(30)
    except AssertionError:
        raise Missed(f"worker {name} did not pass {point}") from None
    if status != -signal.SIGKILL:
        raise RuntimeError(f"worker {name} ended with exit code {status}; its log: {s.workers[name].log}")
    s.tell(f"worker {name} died at {point}")
    s.hit(point)


def offsets_reset(s: Schedule) -> None:
    """Kafka's own tool moves the group's offsets while no worker runs; the next worker is killed on the way."""
    s.make_targets()
    s.feed()
    worker = s.start()
    s.wait_progress(300)
    for number in range(3):
        if s.chance.random() < 0.5:
            s.kill(worker)
        else:
            worker.terminate()
            s.tell("the worker ended by SIGTERM")
        s.wait_group_empty()
        s.wait_no_inserts()
        reset(s, back=number == 0)
        s.die_at(s.chance.choice(s.points("after_acquire", "after_open", "after_ack") or ["before_commit"]), 1)
        worker = s.start()
        s.wait_progress(200)
        if s.plan.once:
            s.collect(worker)
    s.finish()


def reset(s: Schedule, back: bool) -> None:
    """One reset by one of the tool's ways, told to the oracle."""
    ways = [["--to-earliest"], ["--shift-by", f"-{s.chance.randint(1, 400)}"]]
    if not back:
        ways += [["--to-offset", str(s.chance.randint(0, 300))], ["--shift-by", str(s.chance.randint(1, 60))],
                 ["--to-latest"], ["--to-current"]]
    way = s.chance.choice(ways)
    topic = s.chance.choice(s.topics)
    before = s.scene.topics.committed(s.scene.name)
    done = s.plan.stack.kafka_tool("groups", "--group", s.scene.name, "--topic", topic, "--reset-offsets", *way,
                                   "--execute")
    assert done.returncode == 0 and "Error" not in done.stdout, done.stdout + done.stderr
    after = s.scene.topics.committed(s.scene.name)
    if s.chance.random() < 0.5:
        for target in s.targets:
            if target.topic == topic:
                s.clickhouse.execute(f"TRUNCATE TABLE IF EXISTS `{target.table}`")
        s.tell(f"the tables of {topic} emptied")
    # Where the tool wrote the number that was there, it wrote it all the same, without the worker's mark.
    moved = {part: offset for part, offset in after.items() if part[0] == topic}
    s.oracle.reset(s.tables, moved)
    changed = {part[1]: f"{before.get(part)} to {offset}" for part, offset in moved.items()}
    s.tell(f"offsets of {topic} reset {' '.join(way)}: {changed}")
    s.hit("offsets_reset")


def services_killed(s: Schedule) -> None:
    """Broker, ClickHouse and ZooKeeper are killed and started again, one by one and together; and the worker."""
    s.make_targets()
    s.feed()
    s.start()
    s.wait_progress(100)
    names = ["kafka", "clickhouse"]
    if s.outcome.ledger == "keeper_map":
        names.append("zookeeper")
    groups = [[name] for name in names] + [s.chance.sample(names, 2)]
    s.chance.shuffle(groups)
    for group in groups:
        worker, before = s.workers["a"], _troubles(s)
        for name in group:
            s.plan.stack.service(name).kill()
            s.pause(0.0, 0.5)
        s.pause(0.3, 3.0)
        try:
            s.wait(lambda b=before: _troubles(s) > b, 30, "the worker notices", worker)
        except AssertionError:
            raise Missed(f"the worker did not notice that {' and '.join(group)} was away") from None
        too = s.chance.random() < 0.3
        if too:
            worker.kill9()
        for name in s.chance.sample(group, len(group)):
            s.plan.stack.service(name).start()
        s.tell(f"{' and '.join(group)} killed and started again{', and the worker' if too else ''}")
        for name in group:
            s.hit(f"{name}_killed")
        if too:
            s.start()
            s.hit("kill9")
        s.wait_progress(30, 90)
    s.finish()


def _troubles(s: Schedule) -> int:
    """Lines of warning and error in the worker's log, over all its lives."""
    return len(re.findall(r'"level":"(?:warn|error)"', s.workers["a"].log.read_text(errors="replace")))


def from_postgres(s: Schedule) -> None:
    """PostgreSQL and Debezium's connector under load; the worker dies now and then, its connections are cut."""
    proxy = s.proxy_clickhouse()
    scene = s.scene
    scene.source.execute(*load.DDL)
    load.fill(scene.source, customers=300, orders=300, items=300)
    s.tables = list(load.TABLES)
    s.topics = [scene.topic(table) for table in s.tables]
    scene.connector(",".join(s.tables))
    points = s.points("during_insert", "after_ack", "before_commit", "after_commit", "group_offsets_sent")
    s.start()
    s.wait_progress(1)
    s.workers["a"].kill9()
    with load.Load(scene.source, s.seed, connections=2, rows=400, pause_seconds=0.01):
        for point in s.chance.sample(points, 3):
            s.die_at(point, s.chance.randint(1, 8))
        s.start()
        s.wait_progress(100)
        n_cut = proxy.cut()
        s.hit("clickhouse_cut", n_cut)
        s.tell(f"connections to ClickHouse: cut {n_cut}")
        s.wait_progress(100)
    tables = ",".join(s.tables)
    if s.outcome.mode == "replace":
        scene.wait_equal(tables)
        s.tell(f"{tables} equal PostgreSQL, cell by cell")
    s.finish()


def million(s: Schedule) -> None:
    """What the official Connect sink could not do: a million live events, 8,000 a second, kill -9 ten times 2 to 10 s
    after the first insert of a life, on a plain MergeTree."""
    s.targets = [Target("events", f"{s.scene.name}.public.events", 1)]
    s.tables, s.topics = ["events"], [s.targets[0].topic]
    s.scene.topics.create(s.targets[0].topic)
    s.make_table("events", parted=False)
    s.over = {"kafka.session.timeout.ms": 6000, "kafka.heartbeat.interval.ms": 2000, "batch.max_rows": 65536,
              "batch.max_age": "1s", "kafka.fetch.message.max.bytes": 1048576, "senders": 2}
    feeder = s.feed(keys=200_000, rate=8000, limit=1_000_000, with_schema=False, transactions=False)
    for _ in range(10):
        worker = s.start()
        s.wait_progress(1, worker=worker)
        s.pause(2.0, 10.0)
        s.kill(worker)
    s.start()
    feeder.join(300)
    s.finish(240)


KINDS: tuple[Callable[[Schedule], None], ...] = (
    killed, replayed, zombies, cut_from_clickhouse, cut_from_kafka, rebalanced, offsets_reset, services_killed,
    from_postgres)
