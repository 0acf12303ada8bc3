"""What an ExchangeConnection is built with, what it tells the bot, and what its readings are made of."""

import difflib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.addresses import Address
from actors.connection_facts import Owners
from actors.give_way import GiveWay, no_pause
from actors.grid.restore import RestoredGrid
from actors.journal import RestoredMarket
from actors.price_stream import Submit
from actors.send_gate import SendGate
from actors.settings import ForeignPolicy
from actors.status import ConnectionStatus
from actors.steps import Answer
from actors.streams import NewReader
from actors.timers import TimerService
from actors.venue_clock import VenueClock
from exchanges.client import ExchangeClient, OrderFillCallback
from exchanges.clock import Clock
from exchanges.errors import BotError
from exchanges.reports import ActiveOrders, BestPrice, PositionReport
from exchanges.values import ClientOrderId, FeeRates, MarketRules, OrderRequest, OrderStatus
from exchanges.venue import Venue


class StartRefused(BotError):
    """The bot cannot start like this, and trying again will not help. The text is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedGrid:
    """One grid on this exchange: where it trades, what it wants of the account, what is known from before."""

    name: str
    symbol: str
    leverage: int
    sign: int
    restored: RestoredGrid | None = None
    market: RestoredMarket | None = None


@dataclass(slots=True)
class MarketReading:
    """What the venue said of one market while the bot started."""

    rules: MarketRules
    fees: FeeRates
    leverage: int


@dataclass(frozen=True, slots=True)
class GridReading:
    """One market's open orders and position, as read by a catch-up or an audit."""

    active: Answer[ActiveOrders]
    position: Answer[PositionReport]


@dataclass(frozen=True, slots=True)
class ConnectionFailed:
    """The exchange cannot be traded like this; trying again will not help. Connection -> Bot, at the start only."""

    exchange: str
    text: str


@dataclass(frozen=True, slots=True)
class ConnectionBegun:
    """Every grid of the exchange is ready. Connection -> Bot."""

    exchange: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMarket:
    """What is known of a grid's market and account when it starts."""

    rules: MarketRules
    fees: FeeRates
    price: BestPrice
    leverage: int
    equity: Decimal
    has_open_lots: bool


CheckMarket = Callable[[str, StartMarket], tuple[Sequence[str], Sequence[str]]]
"""Takes a grid's name and its market; returns what forbids the start, and what its owner should know."""


def _is_in_no_lane(_: ClientOrderId) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionParts:
    """What a connection is built with.

    Attributes:
        exchange: NAME of `[exchange.NAME]`.
        venue: The account.
        bot_tag: Ids with this tag are ours.
        grids: What trades here; one grid per symbol.
        submit: The query lane.
        new_reader: Makes stream readers.
        gate: Gets the market rules.
        owners: Who is told about orders.
        bot: Told when the start has succeeded or cannot.
        order_fill_callback: Called for every fill, on this actor's thread (made by the bot from addresses).
        publish: Shows a status.
        fill_to_exit: Gets (exchange, ns) for each exit that left.
        give_way: Called after an entry's fill has been told, before everything that can wait.
        seen_sequence: Told lot sequences found at the venue.
        audit_every_s: Time between two audits.
        observe: The account is read and never changed.
        is_placing: Says whether an order waits in an order lane, or its placing has no answer yet.
        check_market: Says what of a grid's settings does not fit its market: (problems, warnings).
        suspect_until_wall_ns: After a loss of power, orders whose intent was lost may be accepted until then: nothing
            read before counts as the whole truth. 0 if nothing was lost.
        credential_hint: Names of the variables that hold the credentials, for error texts.
    """

    exchange: str
    venue: Venue
    bot_tag: int
    grids: Sequence[ConnectedGrid]
    submit: Submit
    new_reader: NewReader
    gate: SendGate
    clock: Clock
    venue_clock: VenueClock
    timers: TimerService
    source: random.Random
    owners: Owners
    bot: Address[ConnectionFailed | ConnectionBegun]
    order_fill_callback: OrderFillCallback
    publish: Callable[[ConnectionStatus], None]
    fill_to_exit: Callable[[str, int], None]
    seen_sequence: Callable[[int], None]
    audit_every_s: float
    foreign: ForeignPolicy
    check_market: CheckMarket
    suspect_until_wall_ns: int = 0
    credential_hint: str = ""
    observe: bool = False
    give_way: GiveWay = no_pause
    is_placing: Callable[[ClientOrderId], bool] = _is_in_no_lane


def unknown_market(grid: str, symbol: str, exchange: str, listed: Iterable[str]) -> str:
    """Return what to say of a symbol that an exchange does not list, with the names nearest to it."""
    near = difflib.get_close_matches(symbol, list(listed), n=3, cutoff=0.4)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return f"[grid.{grid}] symbol = {symbol}: {exchange} has no such market{hint}"


def restore_client(client: ExchangeClient, grid: ConnectedGrid, *, placed_ns: int) -> None:
    """Put what the journal knows of a market's orders into the client, so that nothing is told twice.

    `placed_ns` is monotonic: orders of an earlier run were placed before every question of this one.
    """
    if grid.market is None:
        return
    for known in grid.market.orders:
        request = OrderRequest(
            client_order_id=known.client_order_id,
            symbol=grid.symbol,
            side=known.side,
            quantity=known.quantity,
            price=known.price,
            post_only=False,
            reduce_only=known.reduce_only,
        )
        client.restore(
            request,
            placed_ns=placed_ns,
            order_id=known.order_id,
            trades=known.trades,
            filled=known.filled,
            status=_settled_status(known.filled, known.quantity) if known.is_settled else OrderStatus.UNKNOWN,
        )


def _settled_status(filled: Decimal, quantity: Decimal) -> OrderStatus:
    return OrderStatus.FILLED if filled >= quantity else OrderStatus.CANCELED
