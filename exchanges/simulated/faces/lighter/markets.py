"""The markets of the simulated Lighter and the integers that stand for prices and sizes on the wire.

Figures: venues/lighter.md 3. A market that is not in the table gets the next free number, and its decimals from tick
and step, which must be powers of ten because the venue knows no others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from exchanges.values import MarketRules

QUOTE: Final = "USDC"
QUOTE_DECIMALS: Final = 6
FULL_MARGIN: Final = 10_000
"""Margin fractions count in 1e-4."""

ORDER_QUOTE_LIMIT: Final = Decimal("281474976.710655")
MAX_PRICE_INT: Final = 2**32 - 1
MAX_BASE_INT: Final = 2**48 - 1
MAX_ORDERS_PER_MARKET: Final = 1000
NIL_MARKET: Final = 255
_HEADROOM: Final = 4
_FIRST_UNLISTED: Final = 100
_LEAST_QUOTE: Final = Decimal(10)
_DEFAULT_FRACTION: Final = 500
_MAINTENANCE: Final = 120
_CLOSEOUT: Final = 80
_QUOTES: Final = ("USDT", "USDC", "USD")


@dataclass(frozen=True, slots=True, kw_only=True)
class LighterMarket:
    """One perpetual market as Lighter describes it. Margin fractions are in 1e-4."""

    rules: MarketRules
    market_id: int
    size_decimals: int
    price_decimals: int
    default_fraction: int
    min_fraction: int
    maintenance_fraction: int = _MAINTENANCE
    closeout_fraction: int = _CLOSEOUT

    @property
    def symbol(self) -> str:
        """The venue's name of the market: the base asset."""
        return self.rules.symbol

    def price(self, price_int: int) -> Decimal:
        """Return the price a wire integer stands for."""
        return Decimal(price_int).scaleb(-self.price_decimals)

    def size(self, base_int: int) -> Decimal:
        """Return the size a wire integer stands for."""
        return Decimal(base_int).scaleb(-self.size_decimals)

    def price_int(self, price: Decimal) -> int:
        """Return the wire integer of a price, cut to the market's decimals."""
        return int(price.scaleb(self.price_decimals))

    def size_int(self, size: Decimal) -> int:
        """Return the wire integer of a size, cut to the market's decimals."""
        return int(size.scaleb(self.size_decimals))

    def price_text(self, price: Decimal) -> str:
        """Return a price with exactly the market's decimals."""
        return format(price, f".{self.price_decimals}f")

    def size_text(self, size: Decimal) -> str:
        """Return a size with exactly the market's decimals."""
        return format(size, f".{self.size_decimals}f")


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the table: number, decimals, least size, least margin fraction."""

    symbol: str
    market_id: int
    size_decimals: int
    price_decimals: int
    min_base: str
    min_fraction: int


_TABLE: Final = {
    row.symbol: row
    for row in (
        _Row("ETH", 0, 4, 2, "0.0050", 200),
        _Row("BTC", 1, 5, 1, "0.00010", 200),
        _Row("SOL", 2, 3, 3, "0.100", 400),
        _Row("HYPE", 24, 2, 4, "0.15", 500),
        _Row("CRV", 36, 1, 5, "35.0", 1000),
    )
}


def lighter_symbol(name: str) -> str:
    """Return Lighter's name of a market: `BTC`, `btcusdt` and `BTC/USDC` are all `BTC`."""
    upper = name.upper().partition("/")[0].removesuffix("-PERP")
    for quote in _QUOTES:
        if upper.endswith(quote) and len(upper) > len(quote):
            return upper[: -len(quote)]
    return upper


def lighter_rules(symbol: str) -> MarketRules:
    """Return the venue's rules of a market; those of SOL for one that is not in its table."""
    row = _TABLE.get(symbol, _TABLE["SOL"])
    tick, step = Decimal(1).scaleb(-row.price_decimals), Decimal(1).scaleb(-row.size_decimals)
    return MarketRules(
        symbol=symbol,
        tick=tick,
        step=step,
        min_quantity=Decimal(row.min_base),
        max_quantity=MAX_BASE_INT * step,
        market_max_quantity=MAX_BASE_INT * step,
        min_notional=_LEAST_QUOTE,
        reduce_only_exempt=False,
        min_price=tick,
        max_price=MAX_PRICE_INT * tick,
        max_open_orders=MAX_ORDERS_PER_MARKET,
        max_leverage=FULL_MARGIN // row.min_fraction,
        base_asset=symbol,
        quote_asset=QUOTE,
    )


def fit_rules(rules: MarketRules, price: Decimal) -> MarketRules:
    """Return the rules with tick and step cut to the power of ten of their last digit: 0.25 becomes 0.01, 5 becomes 1.

    The tick is coarser where the wire's 32 bits would not hold several times `price`.
    """
    tick, step = _last_digit(rules.tick), _last_digit(rules.step)
    while price * _HEADROOM > MAX_PRICE_INT * tick:
        tick *= 10
    return replace(rules, tick=tick, min_price=tick, step=step, min_quantity=min(rules.min_quantity, step))


def _last_digit(value: Decimal) -> Decimal:
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(min(exponent, 0)) if isinstance(exponent, int) else value


def build_markets(rules: Iterable[MarketRules]) -> dict[str, LighterMarket]:
    """Return the markets by symbol, in the order given.

    Raises:
        ValueError: a tick or a step is not a power of ten.
    """
    markets: dict[str, LighterMarket] = {}
    for one in rules:
        row = _TABLE.get(one.symbol)
        market_id = row.market_id if row is not None else _FIRST_UNLISTED + len(markets)
        least = FULL_MARGIN // one.max_leverage if one.max_leverage else FULL_MARGIN
        markets[one.symbol] = LighterMarket(
            rules=one,
            market_id=market_id,
            size_decimals=_decimals(one.step, one.symbol),
            price_decimals=_decimals(one.tick, one.symbol),
            default_fraction=max(_DEFAULT_FRACTION, least),
            min_fraction=least,
        )
    return markets


def _decimals(step: Decimal, symbol: str) -> int:
    sign, digits, exponent = step.normalize().as_tuple()
    if sign or digits != (1,) or not isinstance(exponent, int) or exponent > 0:
        raise ValueError(f"{symbol}: on Lighter tick and step are 1, 0.1, 0.01, ...: {step} is not")
    return -exponent


def by_id(markets: Mapping[str, LighterMarket]) -> dict[int, LighterMarket]:
    """Return the markets by their numbers."""
    return {market.market_id: market for market in markets.values()}


def fraction_of(leverage: int) -> int:
    """Return the margin fraction of a leverage, in 1e-4."""
    return FULL_MARGIN // leverage


def describe(market: LighterMarket) -> dict[str, object]:
    """Return one row of `GET orderBooks`."""
    rules = market.rules
    return {
        "symbol": market.symbol,
        "market_id": market.market_id,
        "market_type": "perp",
        "base_asset_id": 0,
        "quote_asset_id": 0,
        "status": "active" if rules.is_trading else "inactive",
        "taker_fee": "0.0000",
        "maker_fee": "0.0000",
        "liquidation_fee": "1.0000",
        "min_base_amount": market.size_text(rules.min_quantity),
        "min_quote_amount": format(rules.min_notional, ".6f"),
        "order_quote_limit": str(ORDER_QUOTE_LIMIT),
        "supported_size_decimals": market.size_decimals,
        "supported_price_decimals": market.price_decimals,
        "supported_quote_decimals": QUOTE_DECIMALS,
        "is_taker_fee_enabled": True,
        "is_maker_fee_enabled": True,
        "created_at": "1737000000000",
        "multiplier": "1",
    }
