"""The simulated venue's matching engine (public signatures; rules follow)."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Protocol

from exchanges.simulated.engine_types import (
    Answer,
    BalanceView,
    Command,
    EngineSettings,
    Event,
    IncomeView,
    MarketSpec,
    OrderView,
    PlaceOrder,
    PositionView,
    QuoteTick,
    TradeTick,
    TradeView,
)

FillCut = Callable[[Decimal, Decimal], Decimal]
"""(quantity that could fill now, step) -> how much of it fills now: 0 < result <= quantity, a multiple of step."""


class Observer(Protocol):
    """Something that watches the venue's own truth, told at the moment it happens (before any latency)."""

    def order_received(self, account: str, command: PlaceOrder, now_ns: int) -> None:
        """A place command reached the book, before it is accepted or refused."""
        ...

    def book_changed(self, account: str, symbol: str, now_ns: int) -> None:
        """Orders or position of an account in a market changed; read the engine for how they stand."""
        ...


class Engine:
    """One simulated venue: markets, accounts, their orders and money. Pure: no clock, I/O, randomness or thread.

    Not thread-safe: one owner calls everything. Time goes forward only; an earlier `now_ns` counts as the latest seen.

    Use: feed the market (`on_quote`, `on_trade`), hand over commands (`submit`), and call `advance(now_ns)` for what
    happened; `next_event_ns()` says when to call again at the latest. The answer of a submitted command comes as
    `CommandDone` with the id `submit` returned.
    """

    def __init__(
        self, markets: Sequence[MarketSpec], settings: EngineSettings, *, cut: FillCut | None = None, now_ns: int = 0
    ) -> None: ...

    # --- accounts ---
    def open_account(self, account: str, deposit: Decimal, now_ns: int) -> None:
        """Create an account with `deposit` in the quote asset. Does nothing if it exists (restored from disk)."""

    def accounts(self) -> tuple[str, ...]:
        """Names of all accounts."""
        raise NotImplementedError

    # --- the market ---
    def on_quote(  # noqa: PLR0913 - one row of a feed
        self, symbol: str, bid: Decimal, bid_qty: Decimal, ask: Decimal, ask_qty: Decimal, now_ns: int
    ) -> None:
        """Take a new best bid and ask of the market. Due commands run first; crossed or empty quotes are ignored."""

    def on_trade(self, symbol: str, price: Decimal, qty: Decimal, *, buyer_is_maker: bool, now_ns: int) -> None:
        """Take a trade between others. Due commands run first."""

    def feed(self, tick: QuoteTick | TradeTick, now_ns: int) -> None:
        """`on_quote` or `on_trade` for a row of a price source."""

    # --- commands ---
    def submit(self, account: str, command: Command, now_ns: int) -> int:
        """Hand over a command that reaches the venue now. Returns its id; its answer is a later `CommandDone`.

        It is executed after the latency of its kind (at once where that is 0, but still only seen through `advance`).
        """
        raise NotImplementedError

    def execute(self, account: str, command: Command, now_ns: int) -> Answer:
        """Execute a command at once, without latency. Its events still come by `advance`."""
        raise NotImplementedError

    def advance(self, now_ns: int) -> list[Event]:
        """Run everything due by `now_ns` and return the events whose time to leave the venue has come, in order."""
        raise NotImplementedError

    def next_event_ns(self) -> int | None:
        """When `advance` has something to do next without new input; None for never."""
        raise NotImplementedError

    # --- questions ---
    def symbols(self) -> tuple[str, ...]:
        """Markets in the order given."""
        raise NotImplementedError

    def market(self, symbol: str) -> MarketSpec | None:
        """A market's specification, None if unknown."""
        raise NotImplementedError

    def quote(self, symbol: str) -> QuoteTick | None:
        """The last best bid and ask, None before the first."""
        raise NotImplementedError

    def mark_price(self, symbol: str) -> Decimal | None:
        """Middle of the last best bid and ask."""
        raise NotImplementedError

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_id: str | None = None
    ) -> OrderView | None:
        """An order by venue id (wins) or client id (the open one, else the newest). None if unknown or forgotten."""
        raise NotImplementedError

    def open_orders(self, account: str, symbol: str | None = None) -> tuple[OrderView, ...]:
        """Open orders, oldest first."""
        raise NotImplementedError

    def orders(  # noqa: PLR0913 - the filters venues offer
        self,
        account: str,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int = 500,
    ) -> tuple[OrderView, ...]:
        """All orders still remembered, oldest first. Without `from_id` and `start_ns`: the newest `limit`."""
        raise NotImplementedError

    def trades(  # noqa: PLR0913 - the filters venues offer
        self,
        account: str,
        symbol: str,
        *,
        order_id: int | None = None,
        from_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        limit: int = 500,
    ) -> tuple[TradeView, ...]:
        """Executions of the account, oldest first; `from_id` and times are inclusive.

        Without `order_id`, `from_id` and `start_ns`: the newest `limit`; else the oldest `limit` that match.
        """
        raise NotImplementedError

    def position(self, account: str, symbol: str) -> PositionView:
        """The position, flat included. Raises KeyError for an unknown account or market."""
        raise NotImplementedError

    def positions(self, account: str) -> tuple[PositionView, ...]:
        """Every market's position, flat ones included, in the order of `symbols`."""
        raise NotImplementedError

    def balance(self, account: str) -> BalanceView:
        """Money of the account. Raises KeyError for an unknown account."""
        raise NotImplementedError

    def income(self, account: str, *, start_ns: int | None = None, limit: int = 1000) -> tuple[IncomeView, ...]:
        """Changes of the wallet, oldest first (newest `limit` without `start_ns`)."""
        raise NotImplementedError

    def watch(self, observer: Observer) -> None:
        """Add an observer of the venue's own truth."""

    # --- state ---
    @property
    def revision(self) -> int:
        """Rises with every change worth saving (accounts, orders, trades), not with quotes."""
        raise NotImplementedError

    def snapshot(self) -> str:
        """Accounts, open and remembered orders, trades, counters, as JSON text. In-flight commands and undelivered
        events are not part of it: they die with the process.
        """
        raise NotImplementedError

    def restore(self, text: str) -> None:
        """Load what `snapshot` returned into a fresh engine. Raises ValueError where it cannot be read."""
