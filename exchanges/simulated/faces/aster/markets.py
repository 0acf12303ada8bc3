"""The markets of the simulated Aster and their `exchangeInfo`.

Figures: venues/aster.md section 7, the capture of 2026-01-12. A market that is not in the table (a tape of something
else) gets its rules from `[paper]` or the tape and its precisions from them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from exchanges.values import MarketRules

QUOTE_ASSETS = ("USDT", "USDC", "USD1", "USD")
ORDER_TYPES = ("LIMIT", "MARKET")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX")
MAX_LEVERAGE = 125
REQUEST_WEIGHT_PER_MINUTE = 2400
ORDERS_PER_MINUTE = 1200
ORDERS_PER_TEN_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterMarket:
    """One market as Aster describes it.

    `price_precision` and `quantity_precision` are the most decimals a value may have (-1111 beyond), which is not the
    same as the tick.
    """

    rules: MarketRules
    price_precision: int
    quantity_precision: int

    @property
    def symbol(self) -> str:
        """The venue's name of the market."""
        return self.rules.symbol


def _row(
    symbol: str,
    precisions: tuple[int, int],
    tick: str,
    step: str,
    prices: tuple[str, str],
    quantities: tuple[str, str],
    band: tuple[str, str],
) -> AsterMarket:
    base, quote = split_assets(symbol)
    rules = MarketRules(
        symbol=symbol,
        tick=Decimal(tick),
        step=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=Decimal(quantities[0]),
        market_max_quantity=Decimal(quantities[1]),
        min_notional=Decimal(5),
        reduce_only_exempt=True,
        min_price=Decimal(prices[0]),
        max_price=Decimal(prices[1]),
        band_up=Decimal(band[0]),
        band_down=Decimal(band[1]),
        max_open_orders=200,
        max_leverage=MAX_LEVERAGE,
        base_asset=base,
        quote_asset=quote,
    )
    return AsterMarket(rules=rules, price_precision=precisions[0], quantity_precision=precisions[1])


def split_assets(symbol: str) -> tuple[str, str]:
    """Return (base, quote) of a symbol by its known quote assets; (symbol, 'USDT') where none fits."""
    for quote in QUOTE_ASSETS:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol[: -len(quote)], quote
    return symbol, "USDT"


_TABLE = (
    _row("BTCUSDT", (1, 3), "0.1", "0.001", ("1", "1000000"), ("1000", "120"), ("1.0200", "0.9800")),
    _row("ETHUSDT", (2, 3), "0.10", "0.001", ("39.90", "1000000"), ("10000", "2000"), ("1.0200", "0.9800")),
    _row("SOLUSDT", (4, 2), "0.0100", "0.01", ("0.4200", "100000"), ("1000000", "5000"), ("1.0300", "0.9700")),
    _row("BNBUSDT", (3, 2), "0.100", "0.01", ("6.600", "100000"), ("100000", "2000"), ("1.0200", "0.9800")),
    _row("ASTERUSDT", (5, 2), "0.00010", "0.01", ("0.00010", "200"), ("2000000", "200000"), ("1.0500", "0.9500")),
    _row("DOGEUSDT", (6, 0), "0.000010", "1", ("0.002440", "2000"), ("10000000", "2000000"), ("1.0200", "0.9800")),
    _row("1000PEPEUSDT", (7, 0), "0.0000010", "1", ("0.0000010", "200"), ("35000000", "1000000"), ("1.0300", "0.9700")),
    _row("TAOUSDT", (3, 4), "0.010", "0.0010", ("0.010", "100000"), ("5000", "50"), ("1.1000", "0.9000")),
    _row("ZKUSDT", (6, 1), "0.000010", "1", ("0.000100", "200"), ("1000000", "300000"), ("1.2000", "0.8000")),
)

DEFAULT_MARKETS: Mapping[str, AsterMarket] = {market.symbol: market for market in _TABLE}


def decimals(value: Decimal) -> int:
    """Return how many digits after the point a value needs; trailing zeros do not count."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def market_for(rules: MarketRules) -> AsterMarket:
    """Return the market with the given rules: precisions from the table where it knows the symbol, else from tick and
    step.
    """
    known = DEFAULT_MARKETS.get(rules.symbol)
    price = max(decimals(rules.tick), known.price_precision if known else 0)
    quantity = max(decimals(rules.step), known.quantity_precision if known else 0)
    return AsterMarket(rules=rules, price_precision=price, quantity_precision=quantity)


def exchange_info(markets: Iterable[AsterMarket], server_ms: int) -> dict[str, object]:
    """Return the body of `GET exchangeInfo`."""
    listed = list(markets)
    assets = sorted({market.rules.quote_asset or "USDT" for market in listed})
    return {
        "timezone": "UTC",
        "serverTime": server_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, REQUEST_WEIGHT_PER_MINUTE),
            _rate_limit("ORDERS", "MINUTE", 1, ORDERS_PER_MINUTE),
            _rate_limit("ORDERS", "SECOND", 10, ORDERS_PER_TEN_SECONDS),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"} for asset in assets],
        "symbols": [_symbol(market) for market in listed],
    }


def _rate_limit(kind: str, interval: str, count: int, limit: int) -> dict[str, object]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def _symbol(market: AsterMarket) -> dict[str, object]:
    rules = market.rules
    base, quote = split_assets(rules.symbol)
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1627628400000,
        "status": "TRADING" if rules.is_trading else "SETTLING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base_asset or base,
        "quoteAsset": rules.quote_asset or quote,
        "marginAsset": rules.quote_asset or quote,
        "pricePrecision": market.price_precision,
        "quantityPrecision": market.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0200",
        "liquidationFee": "0.025000",
        "marketTakeBound": "0.02",
        "filters": _filters(rules),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def _filters(rules: MarketRules) -> list[dict[str, object]]:
    step, least = format(rules.step, "f"), format(rules.min_quantity, "f")
    filters: list[dict[str, object]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": format(rules.min_price, "f"),
            "maxPrice": format(rules.max_price, "f"),
            "tickSize": format(rules.tick, "f"),
        },
        {"filterType": "LOT_SIZE", "minQty": least, "maxQty": format(rules.max_quantity, "f"), "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": least,
            "maxQty": format(rules.market_max_quantity, "f"),
            "stepSize": step,
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": rules.max_open_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": format(rules.min_notional, "f")},
    ]
    if rules.band_up is not None and rules.band_down is not None:
        filters.append(
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": format(rules.band_up, "f"),
                "multiplierDown": format(rules.band_down, "f"),
                "multiplierDecimal": "4",
                "ltMultiplierUp": "0",
                "ltMultiplierDown": "0",
            }
        )
    return filters
