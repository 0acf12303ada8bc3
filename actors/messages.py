"""Every message that crosses a thread: frozen, small, and named by the grammar of its kind.

Commands are imperative and go down (PlaceLimitOrder), events are past tense and come up (OrderFilled). Nobody waits
for an answer; an answer is another
event. Fields are `Decimal` for money and quantity and integer nanoseconds for time: `*_wall_ns` is the wall clock
(for records), every other `*_ns` is the
monotonic clock of this process. `grid` names the grid (the NAME of `[grid.NAME]`), `lot` is the lot sequence of
`exchanges.order_ids`.

The pure core consumes and produces exactly these messages; actors only carry them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from exchanges.records import quicken
from exchanges.reports import OrderReport
from exchanges.values import (
    CancelReason,
    ClientOrderId,
    FeeRates,
    MarketRules,
    OrderId,
    OrderStatus,
    PriceSource,
    RejectReason,
    Side,
    TradeId,
)

ZERO = Decimal(0)


# --- commands to a venue ---


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLimitOrder:
    """Place a resting order. Strategy (entries), Closer (exits) -> order lane.

    `quote_ns` is when the quote it was priced from was last known alive (entries only, checked at the send gate);
    `caused_ns` is when the frame that caused
    this order was read (0 if none), for the fill-to-exit measurement.
    """

    grid: str
    exchange: str
    symbol: str
    client_order_id: ClientOrderId
    side: Side
    price: Decimal
    quantity: Decimal
    post_only: bool
    reduce_only: bool
    lot: int
    parent_lot: int = 0
    quote_ns: int = 0
    caused_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceMarketOrder:
    """Take liquidity now: an immediate-or-cancel order no worse than `worst_price`. Closer -> order lane. Always
    reduce-only.
    """

    grid: str
    exchange: str
    symbol: str
    client_order_id: ClientOrderId
    side: Side
    worst_price: Decimal
    quantity: Decimal
    lot: int
    parent_lot: int = 0
    caused_ns: int = 0
    reduce_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Cancel one of our orders. Strategy, Closer -> order lane. The answer is OrderCanceled, OrderFilled or a
    query's.
    """

    grid: str
    exchange: str
    symbol: str
    client_order_id: ClientOrderId
    order_id: OrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryOrder:
    """Ask the venue for the authoritative state of one order. Strategy, Closer -> Connection -> query lane."""

    grid: str
    exchange: str
    symbol: str
    client_order_id: ClientOrderId
    order_id: OrderId | None = None


OrderCommand = PlaceLimitOrder | PlaceMarketOrder | CancelOrder


# --- what became of an order ---


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """The venue has the order in its book. Connection -> owner by role of the id."""

    grid: str
    client_order_id: ClientOrderId
    order_id: OrderId | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRejected:
    """The venue refused the order: final, nothing was executed."""

    grid: str
    client_order_id: ClientOrderId
    reason: RejectReason
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDenied:
    """We refused it ourselves at the send gate, or nothing left this machine. Nothing happened at the venue."""

    grid: str
    client_order_id: ClientOrderId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilled:
    """A part of an order was executed. `quantity` is the DELTA that was not known before; `cumulative` the order's
    total after it.

    `trade_id` is None where the delta was concluded from a cumulative (a later report of the same trade changes
    nothing). `leaves` is what still rests, None
    where the order's size is not known yet. `fee` is a cost when positive.
    """

    grid: str
    client_order_id: ClientOrderId
    order_id: OrderId | None = None
    price: Decimal
    quantity: Decimal
    cumulative: Decimal
    leaves: Decimal | None = None
    trade_id: TradeId | None = None
    fee: Decimal = ZERO
    is_maker: bool | None = None
    sequence: int = 0
    occurred_wall_ns: int = 0
    received_wall_ns: int = 0
    received_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FillCorrected:
    """The execution behind a quantity that was told before is known now. No quantity changes.

    Connection -> Closer and Journal for exits; Connection -> Strategy -> Closer and Journal for entries, behind the
    fills it speaks of. `fee` is what to add to the fees told so far.
    """

    grid: str
    client_order_id: ClientOrderId
    quantity: Decimal
    price: Decimal
    assumed_price: Decimal
    fee: Decimal = ZERO
    trade_id: TradeId | None = None
    is_maker: bool | None = None
    occurred_wall_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FillAttributed:
    """A part of an exit's fill closed another lot than the one the exit is named after. Closer -> Journal.

    An exit takes the dust of other lots along, and a flatten closes many: only the Closer knows whose the fill was.
    `fee` is the part's share of the fill's.
    """

    grid: str
    client_order_id: ClientOrderId
    lot: int
    quantity: Decimal
    price: Decimal
    fee: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitCorrected:
    """A correction came after its lot was closed: the profit told for it changes by so much. Closer -> Journal."""

    grid: str
    lot: int
    realized_pnl: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCanceled:
    """The order ended with a remainder. `filled` is the cumulative known now; `final` says whether it can be trusted
    as the last word.
    """

    grid: str
    client_order_id: ClientOrderId
    reason: CancelReason
    filled: Decimal
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutcomeUnknown:
    """Sent, no definite answer. `fence_ns` is when (monotonic) the request can no longer be accepted; only absences
    asked after it count.
    """

    grid: str
    client_order_id: ClientOrderId
    fence_ns: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelFailed:
    """A cancel was refused or its outcome is unknown ('not open' is not 'canceled'). The owner asks."""

    grid: str
    client_order_id: ClientOrderId
    why: str
    retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSettled:
    """Authoritative answer to QueryOrder. A terminal status with `filled` is the last word; an open one says it rests.

    All fills up to `filled` were told before this message. `asked_ns` is when the question was sent.
    """

    grid: str
    client_order_id: ClientOrderId
    order_id: OrderId | None
    status: OrderStatus
    filled: Decimal
    asked_ns: int
    reason: CancelReason | None = None
    price: Decimal | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotFound:
    """The venue answered that it does not know the order. Proof only if asked after the fence, and only several
    times.
    """

    grid: str
    client_order_id: ClientOrderId
    asked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFailed:
    """A query brought no answer. Never read as empty, flat or absent. `client_order_id` is set when an order was
    asked for.
    """

    grid: str
    what: str
    error: str
    client_order_id: ClientOrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAmended:
    """One of our resting orders was moved or resized by somebody else, as a list of open orders shows it: `price` and
    `quantity` are what the venue has now. Connection -> owner by role of the id, Journal.
    """

    grid: str
    client_order_id: ClientOrderId
    price: Decimal
    quantity: Decimal


OrderEvent = (
    OrderAccepted
    | OrderRejected
    | OrderDenied
    | OrderFilled
    | OrderCanceled
    | OrderOutcomeUnknown
    | CancelFailed
    | OrderSettled
    | OrderNotFound
    | OrderAmended
    | QueryFailed
)


# --- the venue's books as read on schedule ---


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveOrdersListed:
    """Our open orders in the grid's market, as answered to a question sent at `asked_ns`. `foreign` counts the
    others.
    """

    grid: str
    client_order_ids: frozenset[ClientOrderId]
    foreign: int
    asked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRead:
    """The account's signed position in the grid's market, as answered to a question sent at `asked_ns`."""

    grid: str
    quantity: Decimal
    entry_price: Decimal
    liquidation_price: Decimal | None
    asked_ns: int


# --- connection and prices ---


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionReady:
    """The venue has been read: rules, account setup, orders, fills and position. Sent per grid, after all facts it
    implies were told.

    `position` is the venue's signed position; `foreign_orders` are open orders in the market that are not ours.
    """

    grid: str
    rules: MarketRules
    fees: FeeRates
    position: Decimal
    leverage: int
    foreign_orders: tuple[OrderReport, ...]
    asked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLost:
    """The private stream of the grid's venue is gone or not trusted: no new entries, existing exits stay."""

    grid: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRestored:
    """The private stream is back and everything missed has been read and told."""

    grid: str
    gap_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanged:
    """A valid best bid/ask. `alive_ns` is when (monotonic) the source was last proven alive. Conflated: only the
    newest per grid matters.
    """

    grid: str
    bid: Decimal
    ask: Decimal
    alive_ns: int
    source: PriceSource = PriceSource.STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStale:
    """No proof of life for longer than the setting allows, or the book is invalid: blocks entries, never satisfies a
    stop.
    """

    grid: str
    why: str


# --- between strategy and closer ---


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilled:
    """A part of an entry was filled and needs its exit now. Strategy -> Closer."""

    grid: str
    lot: int
    price: Decimal
    quantity: Decimal
    fee: Decimal = ZERO
    leaves: Decimal | None = None
    received_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFinished:
    """The entry of a lot is terminal: no more fills expected (late ones are still taken). Strategy -> Closer."""

    grid: str
    lot: int
    filled: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOrderPlaced:
    """`covered` of the lot's quantity now has an accepted exit, is closed, or is named dust. Closer -> Strategy."""

    grid: str
    lot: int
    covered: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionClosed:
    """A lot is completely closed. Closer -> Strategy, Journal. Profit is after fees."""

    grid: str
    lot: int
    entry_price: Decimal
    exit_price: Decimal
    quantity: Decimal
    realized_pnl: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LotsChanged:
    """The exits as the entry gates need them; the newest one replaces the older. Closer -> Strategy.

    `exit_prices` are the prices of live exits. `position` is the signed quantity our lots hold, `cost` its entry
    notional (positive).
    """

    grid: str
    open_lots: int
    exit_prices: tuple[Decimal, ...]
    position: Decimal
    cost: Decimal
    unprotected_quantity: Decimal
    realized_pnl: Decimal
    fees: Decimal
    mismatch: bool = False
    entries_received: Decimal = ZERO
    """Entry quantity ever received from the strategy: what it sent beyond this is still on its way."""
    external: Decimal = ZERO
    """Signed position in the market that is known not to be ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverMeasured:
    """`quantity` of a lot was without an accepted exit for `naked_ns` (its fill read until accepted). Closer."""

    grid: str
    lot: int
    quantity: Decimal
    naked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRebuilt:
    """A lot that no journal knew was rebuilt from its exit at the venue. Closer -> Journal (durable).

    `quantity` counts as filled by its entry at `price`, which is what the exit's target stands for.
    """

    grid: str
    lot: int
    side: Side
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalBooked:
    """A difference between position and lots was booked as somebody else's. Closer -> Journal (durable).

    With `lot` set, `quantity` of that lot counts as closed outside at `price`. With `lot` 0 nothing of ours changed.
    `external` is the signed
    position known not to be ours from now on (`RestoredGrid.external`).
    """

    grid: str
    lot: int
    quantity: Decimal
    price: Decimal
    external: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSent:
    """The request's bytes were handed to the socket at `sent_ns`. Order lane -> Connection.

    `caused_ns` is when the frame that caused it was read, 0 if none: their difference is the fill-to-exit time.
    """

    grid: str
    client_order_id: ClientOrderId
    sent_ns: int
    caused_ns: int = 0


# --- operator and life cycle ---


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseEntries:
    """No new entries until ResumeEntries. Host -> Strategy. `grid` empty means all."""

    grid: str = ""
    reason: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeEntries:
    """Entries again; also clears a latched stop. Host -> Strategy. `grid` empty means all."""

    grid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEntries:
    """Cancel the resting entry and prove it gone; no new ones. Bot -> Strategy (orderly stop)."""

    grid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenPositions:
    """Cancel the exits, prove them ended, then close what is really left by reduce-only IOC. Strategy -> Closer."""

    grid: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelExits:
    """Cancel all resting exits without closing the position (`on_stop = cancel_all`). Bot -> Closer."""

    grid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten:
    """Operator: cancel the entry, close everything, stay paused. Host -> Strategy."""

    grid: str = ""
    reason: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flattened:
    """The grid holds nothing and has no live exit after FlattenPositions. Closer -> Strategy, Bot."""

    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptDifference:
    """Operator: book the difference between position and lots as an external close or opening. Host -> Closer."""

    grid: str = ""
    when_proven: bool = False
    """As soon as there is one: a start's reading is one proof, and a position takes several."""


class LatchKind(StrEnum):
    """What a latched stop was for."""

    STOP_PRICE = "stop_price"
    STOP_LOSS = "stop_loss"
    DAILY_LOSS = "daily_loss"
    OPERATOR = "operator"
    MISMATCH = "mismatch"
    DRAWDOWN = "max_drawdown"
    ORDER_PACE = "max_orders_per_min"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEntries:
    """A limit of the whole bot was reached: latch a stop in every grid. Strategy -> itself. `grid` empty means all."""

    kind: LatchKind
    text: str
    grid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPaid:
    """Funding was booked to the account (negative: a cost) for a market of the grid's. Connection -> Strategy, Journal.

    `received_wall_ns` decides the UTC day it counts in.
    """

    grid: str
    amount: Decimal
    received_wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatchChanged:
    """A stop was latched (`kind`) or cleared (None). Strategy -> Journal (durable), Bot."""

    grid: str
    kind: LatchKind | None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has come. timers -> any actor; `wall_ns` for records and day boundaries."""

    now_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Asked from outside threads only; answered with True when the mailbox is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Answered with its number when the mailbox is reached, by one call that never blocks. Watchdog -> any actor."""

    number: int
    answer: Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveSequences:
    """Half of a block of lot sequences is used: reserve the next one durably. Strategy, Closer -> Journal."""

    grid: str
    for_exits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencesReserved:
    """The block first..last is ours, durably, before this was told. Journal -> Strategy or Closer."""

    grid: str
    first: int
    last: int


class NoteLevel(StrEnum):
    """Consequence of a note: ERROR means a person must look."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A log event as data. Core -> shell, which logs it and tells the journal. `event` is a member of
    `actors.log_events.LogEvent`.
    """

    event: str
    level: NoteLevel = NoteLevel.INFO
    grid: str = ""
    text: str = ""
    lot: int = 0
    client_order_id: int = 0
    fields: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorFailed:
    """An actor died. BotActor -> TradingBot."""

    actor: str
    error: str
    traceback: str


quicken(__name__)
