"""What holds for every test: nothing is left behind, and how long property tests search.

Choose the longer search with `HYPOTHESIS_PROFILE=nightly` or `--hypothesis-profile=nightly`. The order of tests is
random (pytest-randomly); the header of a run prints the seed, and
`--randomly-seed=N` repeats it.
"""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pykka
import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile("quick", max_examples=60, stateful_step_count=40, deadline=None, print_blob=True)
settings.register_profile(
    "nightly",
    max_examples=3000,
    stateful_step_count=120,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "mutation",  # many short runs that end at the first failure and are all the same
    max_examples=15,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

_DESCRIPTORS = Path("/proc/self/fd")
_GRACE_S = 2.0
_RECURSION_LIMIT = 1000


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread, a live actor or an open socket."""
    # A plug-in of somebody's dependency (py_ecc) raises it far beyond what the C stack holds.
    sys.setrecursionlimit(_RECURSION_LIMIT)
    before = _living()
    yield
    # what was told to end may need a moment; what was forgotten is still there after it
    pause = threading.Event()
    for _ in range(int(_GRACE_S / 0.02)):
        if not _living() - before:
            return
        pause.wait(0.02)
    left = _living() - before
    if left:
        pytest.fail(f"the test left behind: {', '.join(sorted(left))}")


def _living() -> set[str]:
    return _threads() | _actors() | _sockets()


def _threads() -> set[str]:
    return {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate()}


def _actors() -> set[str]:
    return {f"actor {ref}" for ref in pykka.ActorRegistry.get_all()}


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
