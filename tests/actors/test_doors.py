"""Time, threads, randomness and sockets are reached through their doors only; the simulation stands on that.

A module that goes around a door would run on real time, or beside the scheduler, in the deterministic simulation.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

BANNED = {
    "threading": {"Thread", "Event", "Condition", "Lock", "RLock", "Semaphore", "Timer", "Barrier", "current_thread"},
    "queue": {"Queue", "SimpleQueue", "LifoQueue", "PriorityQueue"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"},
    "random": {"random", "randint", "choice", "shuffle", "uniform", "randrange", "getrandbits", "SystemRandom"},
    "secrets": {"token_bytes", "token_hex", "token_urlsafe", "randbits", "randbelow", "choice"},
    "os": {"urandom"},
    "uuid": {"uuid1", "uuid4"},
    "socket": {"socket", "create_connection"},
}

ALLOWED = {
    "actors/runtime.py": "the door to threads",
    "exchanges/clock.py": "the door to time",
    "exchanges/network.py": "opens sockets for the two transports",
    "exchanges/rest_transport.py": "a transport: the simulation has its own",
    "exchanges/stream_transport.py": "a transport: the simulation has its own",
    "exchanges/http_reply.py": "reads a socket of the transport",
    "exchanges/pacing.py": "a lock held over a few lines that cannot wait for anything",
    "exchanges/aster/signing.py": "a lock held over a few lines that cannot wait for anything",
    "exchanges/lighter/library.py": "loads the vendor's library; the simulation signs without it",
    "exchanges/lighter/nonces.py": "a lock held over a few lines that cannot wait for anything",
    "exchanges/lighter/sent.py": "a lock held over a few lines that cannot wait for anything",
    "exchanges/lighter/signing.py": "locks around the vendor's library, which has one state for all",
}


def guarded_modules() -> list[Path]:
    """Every module that runs inside the simulation."""
    paths = [*(ROOT / "actors").rglob("*.py"), *(ROOT / "exchanges").rglob("*.py")]
    outside = (ROOT / "actors" / "app", ROOT / "exchanges" / "simulated")
    return [path for path in paths if not any(folder in path.parents for folder in outside)]


def banned_uses(source: str) -> Iterator[str]:
    """Yield `module.name` for each use of what has a door, by attribute or by import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in BANNED.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name in BANNED.get(node.module or "", ()):
                    yield f"{node.module}.{alias.name}"


def test_only_the_doors_reach_for_time_threads_randomness_and_sockets() -> None:
    found = {}
    for path in guarded_modules():
        name = path.relative_to(ROOT).as_posix()
        uses = sorted(set(banned_uses(path.read_text(encoding="utf-8"))))
        if uses and name not in ALLOWED:
            found[name] = uses
    assert found == {}


def test_every_exception_is_still_needed() -> None:
    unused = [name for name in ALLOWED if not set(banned_uses((ROOT / name).read_text(encoding="utf-8")))]
    assert unused == []


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.sleep(1)",
        "from threading import Thread",
        "import random\nrandom.random()",
        "import os\nos.urandom(8)",
    ],
)
def test_a_way_around_a_door_is_seen(line: str) -> None:
    assert list(banned_uses(line))
