"""`markets`: the filters of every perpetual market (venues/backpack.md, section 5)."""

from decimal import Decimal
from typing import Final

from exchanges.backpack.parsing import Fields, rows_of
from exchanges.errors import MalformedMessage
from exchanges.rounding import plain
from exchanges.values import ZERO, MarketRules

PERPETUAL: Final = "PERP"
TRADING_STATES: Final = frozenset({"Open", "LimitOnly"})
"""States in which an entry and the immediate order that may have to close it are both taken. PostOnly takes the entry
and not the emergency order, so it does not count."""

_STATES: Final = frozenset({*TRADING_STATES, "Closed", "CancelOnly", "PostOnly"})
_LARGEST: Final = Decimal(10) ** 18
_MOST_OPEN_ORDERS: Final = 100
"""The venue has a limit (ORDER_LIMIT) and does not publish it; section 18 advises to stay below this."""


def markets(data: object, _received_ns: int) -> dict[str, MarketRules]:
    """Read the rules of every visible perpetual market, by symbol.

    A market that does not trade and cannot be read is left out; one that trades and cannot be read is malformed.
    """
    found = {}
    for row in rows_of(data, "markets"):
        fields = Fields(row, "markets")
        if fields.text("marketType") != PERPETUAL or not fields.flag("visible"):
            continue
        try:
            rules = market_rules(row)
        except MalformedMessage:
            if fields.text("orderBookState") in TRADING_STATES:
                raise
            continue
        found[rules.symbol] = rules
    return found


def market_rules(data: object) -> MarketRules:
    """Read one market. There is no minimum notional and no contract multiplier."""
    fields = Fields(data, "markets")
    filters = Fields(fields.get("filters"), "market filters")
    price, quantity = Fields(filters.get("price"), "price filter"), Fields(filters.get("quantity"), "quantity filter")
    state = fields.text("orderBookState")
    if state not in _STATES:
        raise fields.error("orderBookState is not a state")
    band_up, band_down = _band(price)
    largest = quantity.optional_amount("maxQuantity") or _LARGEST
    return MarketRules(
        symbol=fields.text("symbol"),
        tick=_step(price, "tickSize"),
        step=_step(quantity, "stepSize"),
        min_quantity=quantity.amount("minQuantity"),
        max_quantity=largest,
        market_max_quantity=largest,
        min_notional=ZERO,
        reduce_only_exempt=False,
        min_price=price.optional_amount("minPrice"),
        max_price=price.optional_amount("maxPrice") or _LARGEST,
        band_up=band_up,
        band_down=band_down,
        max_open_orders=_MOST_OPEN_ORDERS,
        max_leverage=_max_leverage(fields),
        base_asset=fields.text("baseSymbol"),
        quote_asset=fields.text("quoteSymbol"),
        is_trading=state in TRADING_STATES,
    )


def _step(fields: Fields, key: str) -> Decimal:
    """A step without trailing zeros: they mean nothing."""
    value = fields.number(key)
    if value <= 0:
        raise fields.error(f"{key} is not positive")
    return Decimal(plain(value))


def _band(price: Fields) -> tuple[Decimal | None, Decimal | None]:
    """The narrower of both bands: around the last price, and around the mean mark price."""
    ups, downs = [], []
    mean = Fields(price.get("meanMarkPriceBand"), "price band") if price.has("meanMarkPriceBand") else None
    for fields in (price, mean):
        if fields is not None:
            ups.append(fields.optional_amount("maxMultiplier"))
            downs.append(fields.optional_amount("minMultiplier"))
    return min((up for up in ups if up), default=None), max((down for down in downs if down), default=None)


def _max_leverage(fields: Fields) -> int | None:
    """The whole part of 1 / base of the initial margin fraction; the account's own limit comes on top."""
    if not fields.has("imfFunction"):
        return None
    base = Fields(fields.get("imfFunction"), "imfFunction").number("base")
    if not 0 < base <= 1:
        raise fields.error("imfFunction has a base outside 0..1")
    return int(1 / base)
