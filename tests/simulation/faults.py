"""The seeded plan of what goes wrong: an explicit list, so that it can be shrunk, printed and repeated.

Each kind draws its times and amounts from a random stream of its own, and each seed switches half of the kinds off
(a swarm): rare combinations come up because others do not get in their way. The rows of RELIABILITY.md C that a kind
stands for are named beside it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.simulation.drawing import log_uniform, stream


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong from a moment on, or with the next thing it fits.

    Attributes:
        kind: A key of `KINDS`.
        at_s: Simulated seconds since the start.
        where: What it fits, see `lines.Armed`; or a name the kind knows.
        amount: How long, how far, how much: the kind says.
    """

    kind: str
    at_s: float
    where: str = ""
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: how often an hour, what it draws, and which rows of the catalogue it is."""

    per_hour: float
    rows: str
    wheres: tuple[str, ...] = ("",)
    least: float = 0.0
    most: float = 0.0
    venues: tuple[str, ...] = ("aster", "backpack", "lighter")

    def draw(self, name: str, at_s: float, rng: Random) -> Fault:
        """Draw one of this kind."""
        amount = log_uniform(rng, self.least, self.most) if self.least else rng.uniform(0, self.most)
        return Fault(name, round(at_s, 3), rng.choice(self.wheres), round(amount, 4))


_REQUESTS: Final = ("order", "order", "order", "query", "")
_STREAMS: Final = ("private", "private", "private", "public")

KINDS: Final[dict[str, Kind]] = {
    # --- requests on their way ---
    "request_lost": Kind(6, "O2", _REQUESTS),
    "request_late": Kind(6, "O3 O4 O11", _REQUESTS, 0.001, 130),
    "reply_lost": Kind(6, "O1 O8", _REQUESTS),
    "reply_late": Kind(6, "O5 O11", _REQUESTS, 0.001, 30),
    "reset_before": Kind(4, "O23", _REQUESTS),
    "reset_after": Kind(4, "O23", _REQUESTS),
    "html": Kind(4, "O9", _REQUESTS),
    "truncated": Kind(4, "O9", _REQUESTS, 0.0, 0.99),
    "empty": Kind(2, "O9", _REQUESTS),
    "garbled": Kind(3, "O9 O10", _REQUESTS, 0.0, 1.0),
    "redirect": Kind(2, "O24", _REQUESTS),
    "refused": Kind(3, "W13", ("connect",)),
    # --- in the venue's own words ---
    "mishap": Kind(
        10,
        "O6 O8 O9 O13 O19",
        (
            *("lost_request", "lost_reply", "late_reply", "timeout_before", "timeout_after", "html", "rate_limited"),
            *("error_in_200", "stale_nonce", "cancel_queued", "plain_text"),
        ),
        0.001,
        20,
    ),
    "listen_key": Kind(1, "W9", venues=("aster",)),
    # --- streams ---
    "frame_lost": Kind(8, "W4 W6", _STREAMS),
    "frame_twice": Kind(8, "W2", _STREAMS),
    "frame_again": Kind(6, "W2 W8", _STREAMS, 0.001, 60),
    "frame_late": Kind(6, "W5 W7 W21", _STREAMS, 0.001, 20),
    "frame_swapped": Kind(8, "W1 W3 W5", _STREAMS),
    "frame_garbled": Kind(5, "W15 W16", _STREAMS, 0.0, 1.0),
    "cut": Kind(8, "W7 W12", ("private", "private", "public")),
    "stall": Kind(2, "W10 W18", ("private", "public"), 1, 60),
    "half_open": Kind(2, "W11", ("private", "public"), 1, 60),
    "partition": Kind(2, "W11 W13", ("",), 0.01, 60),
    "outage": Kind(1, "M9", ("",), 1, 300),
    # --- the market and the account ---
    "jump": Kind(3, "M6 M7 O16", ("up", "down"), 0.001, 0.04),
    "cancel_ours": Kind(2, "V2 V4 V6 O17", ("exit", "entry")),
    "manual_reduce": Kind(1, "V1 V2 V3", ("",), 0.1, 1.0),
    # --- the machine ---
    "crash": Kind(2, "P1 P2 P12 P13", ("",), 0.02, 90),
    "power": Kind(0.5, "P3", ("",), 1, 60),
    "second": Kind(0.5, "P11"),
    "skew": Kind(1, "O12 P15", ("ahead", "behind"), 0.05, 100),
    "suspend": Kind(0.5, "P14", ("",), 1, 300),
    "hiccup": Kind(3, "P8 P9", ("strategy", "closer", "connection", "prices", "journal", "lane", "timers"), 0.01, 20),
    "die": Kind(0.5, "P7", ("strategy", "closer", "connection", "prices", "journal")),
    "disk_full": Kind(0.5, "P4", ("",), 0.1, 60),
    # --- the connection that orders go over, where there is one ---
    "line_cut": Kind(6, "W7 O1 O23", ("orders",), venues=("lighter",)),
    "line_stall": Kind(2, "W10 O1", ("orders",), 1, 60, venues=("lighter",)),
    "line_half_open": Kind(2, "W11 O1 O2", ("orders",), 1, 60, venues=("lighter",)),
    # --- the operator: new kinds come last, so that they move no draw of the others ---
    "halt": Kind(4, "P10 O18", ("", "busy"), 1, 90),
    "flatten": Kind(1, "M6 O18", ("",), 0.05, 120),
    "stop": Kind(0.5, "P10", ("",), 0.05, 90),
    "mute": Kind(1, "W10 M3", ("private", "public"), 1, 60),
    "deaf": Kind(1, "W18", ("private", "public"), venues=("backpack", "lighter")),
    "ban": Kind(0.5, "O7", ("",), 1, 120, venues=("aster",)),
    "no_margin": Kind(1, "O15", ("",), 1, 60),
    "leverage": Kind(1, "V8", ("",), 1, 20),
    "closed_market": Kind(0.5, "M5", ("",), 1, 60),
    "fee_tier": Kind(0.5, "V9", ("",), 0.0, 4.0),
    "move_exit": Kind(1, "V2 O21", ("",), 1, 30),
    "bitflip": Kind(0.5, "P5 P2", ("",), 0.0, 1.0),
}

Draw = Callable[[int, str, float], tuple[Fault, ...]]


def plan_for(seed: int, venue: str, seconds: float, *, density: float = 1.0) -> tuple[Fault, ...]:
    """Return what goes wrong in a run, in order of time. The end of the run is left in peace.

    A third of the seeds is quieter than usual: where faults are rare, what must hold in untroubled time is looked at.
    """
    swarm = stream(seed, "swarm")
    density *= swarm.choice((0.25, 1.0, 2.0))
    faults: list[Fault] = []
    for name, kind in KINDS.items():
        is_on = swarm.random() < 0.5
        if not is_on or venue not in kind.venues:
            continue
        rng = stream(seed, f"fault/{name}")
        at_s = 2.0
        while True:
            at_s += -math.log(1 - rng.random()) * 3600 / (kind.per_hour * 2 * density)
            if at_s > seconds * 0.95:
                break
            faults.append(kind.draw(name, at_s, rng))
    return tuple(sorted(faults, key=lambda fault: (fault.at_s, fault.kind)))


def described(faults: tuple[Fault, ...]) -> str:
    """Return a plan as text that `read_plan` reads."""
    return ",".join(f"{f.kind}:{f.where}:{f.amount:g}@{f.at_s:g}" for f in faults)


def read_plan(text: str) -> tuple[Fault, ...]:
    """Read what `described` wrote. Raises ValueError."""
    faults = []
    for item in filter(None, text.split(",")):
        head, _, at_s = item.rpartition("@")
        kind, where, amount = head.split(":")
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of fault; there are {', '.join(KINDS)}")
        faults.append(Fault(kind, float(at_s), where, float(amount)))
    return tuple(faults)
