"""`orderBookDetails`: markets, their numbers, and the scaling of prices and sizes (venues/lighter.md, section 3).

The venue names markets by number, and numbers differ between its networks; everything else here names them by symbol.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from exchanges.errors import MalformedMessage
from exchanges.lighter.parsing import Fields
from exchanges.values import MarketRules

ACTIVE: Final = "active"
PERPETUAL: Final = "perp"
LARGEST_PRICE: Final = 2**32 - 1
LARGEST_BASE: Final = 2**48 - 1
FULL_MARGIN: Final = 10_000
"""Margin fractions are in units of 1e-4."""

_MOST_DECIMALS: Final = 18
_MOST_OPEN_ORDERS: Final = 1000
"""Section 4: active orders per market."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One market: its number and decimals, and its rules in venue-neutral terms."""

    index: int
    size_decimals: int
    price_decimals: int
    rules: MarketRules

    def price_to_wire(self, price: Decimal) -> int:
        """Return a price in ticks. Raises ValueError where it is off the tick or out of the venue's 32 bits."""
        return _scaled(price, self.price_decimals, LARGEST_PRICE, "price")

    def size_to_wire(self, size: Decimal) -> int:
        """Return a size in steps. Raises ValueError where it is off the step or out of the venue's 48 bits."""
        return _scaled(size, self.size_decimals, LARGEST_BASE, "size")


def _scaled(value: Decimal, decimals: int, largest: int, what: str) -> int:
    scaled = value.scaleb(decimals)
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or not 1 <= scaled <= largest:
        raise ValueError(f"a {what} of {value} is not a whole number of 1e-{decimals} within 1..{largest}")
    return int(scaled)


def margin_fraction(leverage: int) -> int:
    """Return the initial margin fraction of a leverage (section 10)."""
    return FULL_MARGIN // leverage


class MarketTable:
    """Markets by symbol and by number. Replaced as a whole; reading it needs no lock."""

    def __init__(self) -> None:
        self._by_symbol: Mapping[str, Market] = MappingProxyType({})
        self._symbols: Mapping[int, str] = MappingProxyType({})

    def learn(self, markets: Iterable[Market]) -> None:
        """Take what the venue lists now, in place of what was known."""
        by_symbol = {market.rules.symbol: market for market in markets}
        self._symbols = MappingProxyType({market.index: symbol for symbol, market in by_symbol.items()})
        self._by_symbol = MappingProxyType(by_symbol)

    def get(self, symbol: str) -> Market | None:
        """Return a market, None where it is not known (yet)."""
        return self._by_symbol.get(symbol)

    def symbol(self, index: int) -> str | None:
        """Return the symbol of a market's number, None where it is not known (spot markets never are)."""
        return self._symbols.get(index)


def markets(data: object) -> tuple[Market, ...]:
    """Read every perpetual market.

    A market that does not trade and cannot be read is left out; one that trades and cannot be read is malformed.
    """
    found = []
    for row in Fields(data, "orderBookDetails").rows("order_book_details"):
        fields = Fields(row, "orderBookDetails")
        if fields.text("market_type") != PERPETUAL:
            continue
        try:
            found.append(market(row))
        except MalformedMessage:
            if fields.text("status") == ACTIVE:
                raise
    return tuple(found)


def market(data: object) -> Market:
    """Read one market."""
    fields = Fields(data, "orderBookDetails")
    index = fields.whole("market_id")
    sizes, prices = _decimals(fields, "size_decimals"), _decimals(fields, "price_decimals")
    tick, step = Decimal(1).scaleb(-prices), Decimal(1).scaleb(-sizes)
    least = fields.whole("min_initial_margin_fraction")
    if not 0 < least <= FULL_MARGIN:
        raise fields.error("min_initial_margin_fraction is outside 1..10000")
    return Market(
        index=index,
        size_decimals=sizes,
        price_decimals=prices,
        rules=MarketRules(
            symbol=fields.text("symbol"),
            tick=tick,
            step=step,
            min_quantity=fields.amount("min_base_amount"),
            max_quantity=LARGEST_BASE * step,
            market_max_quantity=LARGEST_BASE * step,
            min_notional=fields.amount("min_quote_amount"),
            reduce_only_exempt=False,
            min_price=tick,
            max_price=LARGEST_PRICE * tick,
            max_open_orders=_MOST_OPEN_ORDERS,
            max_leverage=FULL_MARGIN // least,
            base_asset=fields.text("symbol"),
            quote_asset="USDC",
            is_trading=fields.text("status") == ACTIVE and not _is_closing(fields),
        ),
    )


def _decimals(fields: Fields, key: str) -> int:
    """A number of decimals; the list of markets calls the same `supported_...`."""
    value = fields.whole(key if fields.has(key) else f"supported_{key}")
    if not 0 <= value <= _MOST_DECIMALS:
        raise fields.error(f"{key} is not a number of decimals")
    return value


def _is_closing(fields: Fields) -> bool:
    """Whether the market takes reduce-only orders only."""
    if not fields.has("market_config"):
        return False
    config = Fields(fields.get("market_config"), "market_config")
    return config.has("force_reduce_only") and config.flag("force_reduce_only")
