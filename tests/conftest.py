"""What holds for every test: nothing is left behind, and how long property tests search.

Choose the longer search with `HYPOTHESIS_PROFILE=nightly` or `--hypothesis-profile=nightly`. The order of tests is
random (pytest-randomly); the header of a run prints the seed, and
`--randomly-seed=N` repeats it.
"""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pykka
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=60, stateful_step_count=40, deadline=None, print_blob=True)
settings.register_profile(
    "nightly",
    max_examples=3000,
    stateful_step_count=120,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

_DESCRIPTORS = Path("/proc/self/fd")
_GRACE_S = 2.0


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread, a live actor or an open socket."""
    threads, actors, sockets = _threads(), _actors(), _sockets()
    yield
    _expect_none("threads", lambda: _threads() - threads)
    _expect_none("actors", lambda: _actors() - actors)
    _expect_none("sockets", lambda: _sockets() - sockets)


def _expect_none(what: str, left: Callable[[], set[str]]) -> None:
    # What was told to end may need a moment; what was forgotten is still there after it.
    pause = threading.Event()
    for _ in range(int(_GRACE_S / 0.02)):
        if not left():
            return
        pause.wait(0.02)
    remaining = left()
    if remaining:
        pytest.fail(f"the test left {what} behind: {sorted(remaining)}")


def _threads() -> set[str]:
    return {f"{thread.name} ({thread.ident})" for thread in threading.enumerate()}


def _actors() -> set[str]:
    return {str(ref) for ref in pykka.ActorRegistry.get_all()}


def _sockets() -> set[str]:
    """Names of open sockets, empty where the system does not list them (only Linux does)."""
    if not _DESCRIPTORS.is_dir():
        return set()
    targets = set()
    for descriptor in _DESCRIPTORS.iterdir():
        try:
            target = descriptor.readlink()
        except OSError:  # the descriptor of this very listing, gone by now
            continue
        if str(target).startswith("socket:"):
            targets.add(str(target))
    return targets
