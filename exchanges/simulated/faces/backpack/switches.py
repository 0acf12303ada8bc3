"""How the simulated Backpack behaves where its notes leave a choice, and which of its faults are on.

Source: venues/backpack.md section 16 (table of fault switches) and 18 (what is not established). The defaults are what
the note calls default or what is most often reported.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from exchanges.simulated.faces.backpack.markets import State

MS_NS = 1_000_000


class PostOnlyMode(StrEnum):
    """What becomes of a post-only order that would trade (section 7.4).

    http400: shape A, refused without a trace. reply_expired: shapes B and C, answered as Expired and told on the
    stream. http400_plus_event: shapes A and C, refused and told on the stream.
    """

    HTTP400 = "http400"
    REPLY_EXPIRED = "reply_expired"
    HTTP400_PLUS_EVENT = "http400_plus_event"


class ReplyOrder(StrEnum):
    """Whether the answer to an order or its first event leaves the venue first (section 13)."""

    REPLY_FIRST = "reply_first"
    EVENT_FIRST = "event_first"
    RANDOM = "random"


class NotFoundStyle(StrEnum):
    """How the venue says that an order does not rest (section 18: status and text are disputed)."""

    HTTP404 = "http404"
    HTTP400 = "http400"
    ORDER_NOT_FOUND = "order_not_found"


@dataclass(slots=True, kw_only=True)
class Switches:
    """May be changed at any time, on the venue's thread.

    Attributes:
        post_only_mode: See `PostOnlyMode`.
        reply_order: See `ReplyOrder`.
        not_found_style: See `NotFoundStyle`.
        speed_bump_ns: How long an order that is not post-only is held before it reaches the book.
        history_lag_ns: How far the history service trails the engine.
        position_lag_ns: How far the venue's view of positions trails its fills: reduce-only orders against a newer
            position are refused (reported as about half a second; off, because one report is not a rule).
        reduce_only_shrink: Resting reduce-only orders are made smaller when the position is.
        omit_client_id: Order events leave out `c`.
        empty_200_for_unknown_key: A good signature of a key nobody registered is answered 200 and {}; else 401.
        maintenance: The venue is under maintenance.
        clock_skew_ms: How far the venue's clock is off.
        silent_symbols: Markets whose public streams say nothing.
        states: Markets that are not Open.
    """

    post_only_mode: PostOnlyMode = PostOnlyMode.HTTP400
    reply_order: ReplyOrder = ReplyOrder.RANDOM
    not_found_style: NotFoundStyle = NotFoundStyle.HTTP404
    speed_bump_ns: int = 100 * MS_NS
    history_lag_ns: int = 300 * MS_NS
    position_lag_ns: int = 0
    reduce_only_shrink: bool = False
    omit_client_id: bool = False
    empty_200_for_unknown_key: bool = True
    maintenance: bool = False
    clock_skew_ms: int = 0
    silent_symbols: set[str] = field(default_factory=set)
    states: dict[str, State] = field(default_factory=dict)

    def state(self, symbol: str) -> State:
        """Return what a market takes now."""
        return self.states.get(symbol, State.OPEN)
