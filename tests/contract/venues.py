"""Which venues the cards run on, and the tables of what may differ between them.

A venue takes part as soon as `exchanges.VENUES` has its client and `exchanges.simulated.assembly.FACES` its face.
Cards ask capabilities. Where a venue's dialect shows in what the bot is told, it stands in `DIALECTS`, and a venue
without a row there is held to nothing but what every venue owes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from exchanges import VENUES
from exchanges.simulated.assembly import FACES, face_kit
from exchanges.simulated.faces.kit import FaceKit
from exchanges.values import CancelReason, RejectReason
from exchanges.venue import VenuePackage


@dataclass(frozen=True, slots=True)
class Subject:
    """A venue under test: its client and its face."""

    package: VenuePackage
    kit: FaceKit

    @property
    def name(self) -> str:
        """The venue's name."""
        return self.package.name

    @property
    def order_method(self) -> str:
        """How an order arrives, as mishaps name it: by POST, or by frame ("WS")."""
        return "WS" if self.package.capabilities.pipelined_orders else "POST"

    @property
    def dialect(self) -> "Dialect":
        """How this venue says what every venue says."""
        return DIALECTS.get(self.name, Dialect())


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a venue says the same thing. None: any way that loses nothing.

    Attributes:
        post_only: A post-only order that would take: refused (a RejectReason), or accepted and ended (a CancelReason).
        reduce_only_flat: A reduce-only order with nothing to reduce, likewise.
        is_timed: A signed request carries a time that must be near the venue's clock.
        stamps_own_time: What signs takes the time from the machine and from nobody else, so the clock cannot be
            corrected, and the bench begins at the machine's time.
    """

    post_only: RejectReason | CancelReason | None = None
    reduce_only_flat: RejectReason | CancelReason | None = None
    is_timed: bool | None = None
    stamps_own_time: bool = False


DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        # aster.md 8.2: acknowledged NEW, then EXPIRED; 5.4: -2022; 3.4: nonce near the clock
        "aster": Dialect(post_only=CancelReason.POST_ONLY, reduce_only_flat=RejectReason.REDUCE_ONLY, is_timed=True),
        # backpack.md 7.4: HTTP 400; 7.5: HTTP 400; 3.3: X-Timestamp and X-Window
        "backpack": Dialect(post_only=RejectReason.POST_ONLY, reduce_only_flat=RejectReason.REDUCE_ONLY, is_timed=True),
        # lighter.md 11.1: canceled-post-only and canceled-reduce-only after a receipt; 9: nonces carry no time; 5.4:
        # the native library reads the machine's clock
        "lighter": Dialect(
            post_only=CancelReason.POST_ONLY,
            reduce_only_flat=CancelReason.REDUCE_ONLY,
            is_timed=False,
            stamps_own_time=True,
        ),
    }
)


def _found() -> Iterator[tuple[str, Subject | str]]:
    for name in sorted({*VENUES, *FACES}):
        if name not in VENUES:
            yield name, f"{name} has a face and no client in exchanges.VENUES"
            continue
        if name not in FACES:
            yield name, f"{name} has a client and no face in exchanges.simulated.assembly.FACES"
            continue
        try:
            yield name, Subject(VENUES[name](), face_kit(name))
        except ModuleNotFoundError as error:
            # Only a package that is not there at all: whatever else is wrong inside it is an error of every card.
            face = f"exchanges.simulated.faces.{name}"
            expected = {f"exchanges.{name}", face, f"{face}.kit"}
            if error.name not in expected:
                raise
            yield name, f"{name} is registered, and {error.name} does not exist"


_FOUND: Final[dict[str, Subject | str]] = dict(_found())
SUBJECTS: Final = tuple(found for found in _FOUND.values() if isinstance(found, Subject))
"""Venues that every card runs on."""
MISSING: Final = {name: found for name, found in _FOUND.items() if isinstance(found, str)}
"""Venues that no card runs on, and why."""
