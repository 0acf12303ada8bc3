"""The markets of the simulated Backpack and their rows of `GET markets`.

Figures: venues/backpack.md section 5 (SOL, BTC) and the quantities and prices of ETH in public captures. A market that
is not in the table (a tape of something else) gets its rules from `[paper]` or the tape and the margin curve of SOL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from exchanges.rounding import plain
from exchanges.values import ZERO, MarketRules

QUOTE: Final = "USDC"
SUFFIX: Final = f"_{QUOTE}_PERP"
PERPETUAL: Final = "PERP"
MAX_LEVERAGE: Final = 50
MAX_OPEN_ORDERS: Final = 100
"""The venue's ORDER_LIMIT is not published; its notes advise to stay below this (section 18)."""

LAST_PRICE_UP: Final = Decimal(2)
LAST_PRICE_DOWN: Final = Decimal("0.25")
IMPACT_UP: Final = Decimal("1.01")
IMPACT_DOWN: Final = Decimal("0.99")
UNLIMITED: Final = Decimal(10) ** 18
CREATED_AT: Final = "2025-01-21T06:34:54.691858"


class State(StrEnum):
    """What a market takes (`orderBookState`)."""

    OPEN = "Open"
    CLOSED = "Closed"
    CANCEL_ONLY = "CancelOnly"
    LIMIT_ONLY = "LimitOnly"
    POST_ONLY = "PostOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackpackMarket:
    """One perpetual market. `initial` and `maintenance` are (base, factor) of the margin curves."""

    rules: MarketRules
    initial: tuple[Decimal, Decimal] = (Decimal("0.02"), Decimal("0.00006"))
    maintenance: tuple[Decimal, Decimal] = (Decimal("0.0135"), Decimal("0.000036"))

    @property
    def symbol(self) -> str:
        """The venue's name of the market."""
        return self.rules.symbol

    def price_text(self, value: Decimal) -> str:
        """Return a price padded to the tick, as streams have it."""
        return format(value, f".{decimals(self.rules.tick)}f")

    def quantity_text(self, value: Decimal) -> str:
        """Return a quantity padded to the step, as streams have it."""
        return format(value, f".{decimals(self.rules.step)}f")

    def notional(self, value: Decimal) -> Decimal:
        """Return price x quantity without the digits that a division by the quantity left behind."""
        return value.quantize(Decimal(1).scaleb(-decimals(self.rules.tick) - decimals(self.rules.step)))

    def notional_text(self, value: Decimal) -> str:
        """Return price x quantity as streams have it: padded, but a plain 0."""
        return format(self.notional(value), "f") if value else "0"


@lru_cache(maxsize=1024)
def decimals(value: Decimal) -> int:
    """Return how many digits after the point a value needs; trailing zeros do not count."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _row(base: str, tick: str, step: str) -> BackpackMarket:
    return BackpackMarket(
        rules=MarketRules(
            symbol=f"{base}{SUFFIX}",
            tick=Decimal(tick),
            step=Decimal(step),
            min_quantity=Decimal(step),
            max_quantity=UNLIMITED,
            market_max_quantity=UNLIMITED,
            min_notional=ZERO,
            reduce_only_exempt=False,
            min_price=Decimal(tick),
            max_price=UNLIMITED,
            band_up=Decimal("1.1"),
            band_down=Decimal("0.9"),
            max_open_orders=MAX_OPEN_ORDERS,
            max_leverage=MAX_LEVERAGE,
            base_asset=base,
            quote_asset=QUOTE,
        )
    )


_TABLE: Final = (_row("BTC", "0.1", "0.00001"), _row("ETH", "0.01", "0.0001"), _row("SOL", "0.01", "0.01"))
DEFAULT_MARKETS: Final[Mapping[str, BackpackMarket]] = {market.symbol: market for market in _TABLE}


def backpack_symbol(name: str) -> str:
    """Return Backpack's name of a market: `BTC` is `BTC_USDC_PERP`, `kBONK` (thousands) keeps its small letter."""
    if "_" in name:
        return name
    thousands = name[:1] == "k" and name[1:].isupper()
    return f"{name if thousands else name.upper()}{SUFFIX}"


def backpack_rules(symbol: str) -> MarketRules:
    """Return the venue's rules of a market; a cautious guess for one that is not in its table."""
    known = DEFAULT_MARKETS.get(symbol)
    if known is not None:
        return known.rules
    base = symbol.removesuffix(SUFFIX)
    return replace(DEFAULT_MARKETS[f"SOL{SUFFIX}"].rules, symbol=symbol, base_asset=base)


def market_for(rules: MarketRules) -> BackpackMarket:
    """Return the market with the given rules."""
    known = DEFAULT_MARKETS.get(rules.symbol)
    return BackpackMarket(rules=rules) if known is None else replace(known, rules=rules)


def curve(pair: tuple[Decimal, Decimal]) -> dict[str, str]:
    """Return a margin curve as the venue lists it."""
    return {"type": "sqrt", "base": plain(pair[0]), "factor": plain(pair[1])}


def _bound(value: Decimal) -> str | None:
    return None if value >= UNLIMITED else plain(value)


def market_row(market: BackpackMarket, state: State, funding_interval_ms: int) -> dict[str, object]:
    """Return a row of `GET markets`."""
    rules = market.rules
    band = None
    if rules.band_up is not None and rules.band_down is not None:
        band = {"maxMultiplier": plain(rules.band_up), "minMultiplier": plain(rules.band_down)}
    price = {
        "borrowEntryFeeMaxMultiplier": None,
        "borrowEntryFeeMinMultiplier": None,
        "discoveryBoundBand": None,
        "maxImpactMultiplier": plain(IMPACT_UP),
        "maxMultiplier": plain(LAST_PRICE_UP),
        "maxPrice": _bound(rules.max_price),
        "maxPriceUpdateMultiplier": None,
        "meanMarkPriceBand": band,
        "meanPremiumBand": None,
        "minImpactMultiplier": plain(IMPACT_DOWN),
        "minMultiplier": plain(LAST_PRICE_DOWN),
        "minPrice": plain(rules.min_price),
        "minPriceUpdateMultiplier": None,
        "tickSize": plain(rules.tick),
    }
    quantity = {
        "maxQuantity": _bound(rules.max_quantity),
        "minQuantity": plain(rules.min_quantity),
        "stepSize": plain(rules.step),
    }
    return {
        "baseSymbol": rules.base_asset,
        "createdAt": CREATED_AT,
        "filters": {"price": price, "quantity": quantity},
        "fundingInterval": funding_interval_ms,
        "fundingRateLowerBound": "-100",
        "fundingRateUpperBound": "100",
        "imfFunction": curve(market.initial),
        "marketType": PERPETUAL,
        "mmfFunction": curve(market.maintenance),
        "openInterestLimit": "4000000",
        "orderBookState": state.value,
        "positionLimitWeight": None,
        "quoteSymbol": rules.quote_asset,
        "rwaMarketType": None,
        "symbol": market.symbol,
        "visible": True,
    }
