"""Whether Backpack would take an order, as pure functions: the checks of venues/backpack.md 16 that need no account.

Symbol, state of the book, required fields, decimals, size, price band, in this order; the first rule that fails
answers. What depends on position, margin and book is the engine's when the order is executed.

Chosen where the venue is unknown: the band around the last price holds for both sides, the band around the mean mark
price for the side that would take; nothing in a triggered order is simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from exchanges.rounding import floor_to, is_multiple
from exchanges.simulated.engine_types import OrderType, QuoteTick, SelfTrade, TimeInForce
from exchanges.simulated.faces.backpack import refusals
from exchanges.simulated.faces.backpack.markets import LAST_PRICE_DOWN, LAST_PRICE_UP, BackpackMarket, State
from exchanges.simulated.faces.backpack.refusals import VenueRefusal, bad_request
from exchanges.simulated.faces.backpack.rendering import DEFAULT_STP
from exchanges.simulated.faces.backpack.requests import Fields
from exchanges.values import Side

SELF_TRADE: Final[Mapping[str, SelfTrade]] = {
    "RejectTaker": SelfTrade.EXPIRE_TAKER,
    "RejectMaker": SelfTrade.EXPIRE_MAKER,
    "RejectBoth": SelfTrade.EXPIRE_BOTH,
}
_BRACKETS: Final = tuple(
    f"{leg}{part}" for leg in ("stopLoss", "takeProfit") for part in ("LimitPrice", "TriggerPrice", "TriggerBy")
)
_FORCES: Final = ("GTC", "IOC", "FOK")
_REFERENCES: Final = ("LastPrice", "MarkPrice", "IndexPrice")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """A request to place an order, read. Exactly one of `quantity` and `quote_quantity` is set."""

    symbol: str
    side: Side
    order_type: OrderType
    price: Decimal | None
    quantity: Decimal | None
    quote_quantity: Decimal | None
    time_in_force: str
    post_only: bool
    reduce_only: bool
    client_id: int | None
    stp: str

    @property
    def force(self) -> TimeInForce:
        """The engine's word for how long the order lives."""
        return TimeInForce.GTX if self.post_only else TimeInForce(self.time_in_force)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What prices are compared with; None where there is none yet and the check is skipped."""

    last: Decimal | None = None
    mark: Decimal | None = None
    quote: QuoteTick | None = None


@dataclass(frozen=True, slots=True)
class _Typed:
    """The fields of an order, each of its type, not yet compared with anything."""

    fields: Fields
    symbol: str
    side: str
    order_type: str
    price: Decimal | None
    quantity: Decimal | None
    quote_quantity: Decimal | None


def read_order(
    fields: Fields, markets: Mapping[str, BackpackMarket], states: Mapping[str, State], prices: Prices
) -> OrderIntent:
    """Return the order a request asks for.

    Raises:
        Unparsable: a field of the wrong type, or a word the venue does not know.
        VenueRefusal: the first rule that is broken.
    """
    typed = _typed(fields)
    market = known_market(typed.symbol, markets)
    intent = _intent(typed)
    _check_state(intent, states.get(typed.symbol, State.OPEN))
    _check_required(intent, fields)
    intent = _sized(intent, market, prices)
    _check_decimals(intent, market)
    _check_size(intent, market)
    _check_band(intent, market, prices)
    return intent


def known_market(symbol: str, markets: Mapping[str, BackpackMarket]) -> BackpackMarket:
    """Return a market. Raises VenueRefusal where the venue does not have it."""
    market = markets.get(symbol)
    if market is None:
        raise refusals.unknown_symbol()
    return market


def _typed(fields: Fields) -> _Typed:
    for name in ("autoLend", "autoLendRedeem", "autoBorrow", "autoBorrowRepay"):
        fields.flag(name)
    fields.word("triggerBy", _REFERENCES)
    side, order_type = fields.word("side", ("Bid", "Ask")), fields.word("orderType", ("Limit", "Market"))
    return _Typed(
        fields,
        fields.required("symbol"),
        side or fields.required("side"),
        order_type or fields.required("orderType"),
        fields.decimal("price"),
        fields.decimal("quantity"),
        fields.decimal("quoteQuantity"),
    )


def _intent(typed: _Typed) -> OrderIntent:
    fields = typed.fields
    return OrderIntent(
        symbol=typed.symbol,
        side=Side.BUY if typed.side == "Bid" else Side.SELL,
        order_type=OrderType(typed.order_type.lower()),
        price=typed.price,
        quantity=typed.quantity,
        quote_quantity=typed.quote_quantity,
        time_in_force=fields.word("timeInForce", _FORCES) or "GTC",
        post_only=bool(fields.flag("postOnly")),
        reduce_only=bool(fields.flag("reduceOnly")),
        client_id=fields.client_id(),
        stp=fields.word("selfTradePrevention", tuple(SELF_TRADE)) or DEFAULT_STP,
    )


def _check_state(intent: OrderIntent, state: State) -> None:
    is_limit = intent.order_type is OrderType.LIMIT
    taken = {
        State.OPEN: True,
        State.LIMIT_ONLY: is_limit,
        State.POST_ONLY: is_limit and intent.post_only,
        State.CANCEL_ONLY: False,
        State.CLOSED: False,
    }
    if not taken[state]:
        raise refusals.trading_paused()


def _check_required(intent: OrderIntent, fields: Fields) -> None:
    _check_triggers(fields)
    if intent.order_type is OrderType.MARKET:
        if (intent.quantity is None) is (intent.quote_quantity is None):
            raise bad_request("Market orders must specify a positive `quantity` or `quoteQuantity`")
        if intent.post_only or intent.price is not None:
            raise refusals.invalid_order()
        return
    if intent.price is None or intent.price <= 0:
        raise bad_request("Limit orders must specify a positive `price`")
    if intent.quantity is None or intent.quote_quantity is not None:
        raise bad_request("Limit orders must specify a positive `quantity`")
    if intent.post_only and intent.time_in_force != "GTC":
        raise refusals.invalid_order()


def _check_triggers(fields: Fields) -> None:
    if fields.has("triggerPrice") is not fields.has("triggerQuantity"):
        raise bad_request("Must specify both `triggerPrice` and `triggerQuantity` or neither")
    if fields.has("triggerPrice"):
        raise refusals.not_simulated("A conditional order")
    if any(fields.has(name) for name in _BRACKETS):
        raise refusals.not_simulated("An attached stop-loss or take-profit")
    if fields.has("slippageTolerance"):
        raise refusals.not_simulated("A slippage tolerance")


def _sized(intent: OrderIntent, market: BackpackMarket, prices: Prices) -> OrderIntent:
    """Return a market order sized in quote with the base quantity the touch gives for it now."""
    if intent.quantity is not None or intent.quote_quantity is None:
        return intent
    if prices.quote is None:
        raise refusals.trading_paused()
    touch = prices.quote.ask if intent.side is Side.BUY else prices.quote.bid
    quantity = floor_to(intent.quote_quantity / touch, market.rules.step)
    return replace(intent, quantity=quantity, quote_quantity=None)


def _check_decimals(intent: OrderIntent, market: BackpackMarket) -> None:
    if intent.quantity is not None and not is_multiple(intent.quantity, market.rules.step):
        raise bad_request(refusals.QUANTITY_TOO_LONG)
    if intent.price is not None and not is_multiple(intent.price, market.rules.tick):
        raise bad_request(refusals.PRICE_TOO_LONG)


def _check_size(intent: OrderIntent, market: BackpackMarket) -> None:
    rules, quantity = market.rules, intent.quantity
    if quantity is None or quantity < rules.min_quantity:
        raise bad_request(refusals.QUANTITY_TOO_SMALL)
    if quantity > rules.max_quantity:
        raise VenueRefusal("INVALID_QUANTITY", refusals.QUANTITY_TOO_LARGE)


def _check_band(intent: OrderIntent, market: BackpackMarket, prices: Prices) -> None:
    rules, price = market.rules, intent.price
    if price is None:
        return
    low, high = [rules.min_price], [rules.max_price]
    if prices.last is not None:
        low.append(prices.last * LAST_PRICE_DOWN)
        high.append(prices.last * LAST_PRICE_UP)
    if prices.mark is not None and intent.side is Side.BUY and rules.band_up is not None:
        high.append(prices.mark * rules.band_up)
    if prices.mark is not None and intent.side is Side.SELL and rules.band_down is not None:
        low.append(prices.mark * rules.band_down)
    if not max(low) <= price <= min(high):
        raise VenueRefusal("INVALID_PRICE", refusals.PRICE_TOO_FAR)
