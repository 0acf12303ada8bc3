"""`exchangeInfo`: the filters of every market (venues/aster.md, section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from exchanges.aster.parsing import Fields
from exchanges.errors import MalformedMessage
from exchanges.rounding import plain
from exchanges.values import ZERO, MarketRules
from exchanges.venue import RateLimit

TRADING: Final = "TRADING"
_TEST_PREFIX: Final = "TEST"
_LARGEST: Final = Decimal(10) ** 18
_INTERVALS_S: Final = {"SECOND": 1.0, "TEN_SECONDS": 10.0, "MINUTE": 60.0, "HOUR": 3600.0, "DAY": 86400.0}
_UNITS: Final = {"REQUEST_WEIGHT": "weight", "ORDERS": "order"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFilters:
    """The rules of one market with the two numbers of decimals that only the venue's error codes depend on.

    A price must be a multiple of `rules.tick`; `price_precision` only decides whether a wrong one is answered -1111
    (too many decimals) or -4014 (not on the tick).
    """

    rules: MarketRules
    price_precision: int
    quantity_precision: int


def exchange_info(data: object, _received_ns: int) -> dict[str, MarketRules]:
    """Read the rules of every perpetual market that can be traded by name, by symbol.

    Left out: symbols that are not ASCII or have no base asset, the venue's own test instruments, and markets that do
    not trade and cannot be read. A market that trades and cannot be read is malformed.
    """
    found = {}
    for row in Fields(data, "exchangeInfo").items("symbols"):
        fields = Fields(row, "exchangeInfo")
        if not _is_tradable(fields):
            continue
        try:
            filters = symbol_filters(row)
        except MalformedMessage:
            if fields.text("status") == TRADING:
                raise
            continue
        found[filters.rules.symbol] = filters.rules
    return found


def _is_tradable(fields: Fields) -> bool:
    symbol = fields.text("symbol")
    return (
        symbol.isascii()
        and bool(symbol)
        and not symbol.startswith(_TEST_PREFIX)
        and fields.has("baseAsset")
        and bool(fields.text("baseAsset"))
        and fields.has("contractType")
        and fields.text("contractType") == "PERPETUAL"
    )


def symbol_filters(data: object) -> SymbolFilters:
    """Read one row of `symbols`."""
    fields = Fields(data, "exchangeInfo")
    filters: dict[str, Fields] = {}
    for row in fields.items("filters"):
        each = Fields(row, "exchangeInfo filter")
        filters[each.text("filterType")] = each
    for needed in ("PRICE_FILTER", "LOT_SIZE"):
        if needed not in filters:
            raise fields.error(f"{needed} is missing")
    price, lot = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    market_lot = filters.get("MARKET_LOT_SIZE", lot)
    band_up, band_down = _band(filters)
    return SymbolFilters(
        rules=MarketRules(
            symbol=fields.text("symbol"),
            tick=_step(price, "tickSize"),
            step=_step(lot, "stepSize"),
            min_quantity=lot.amount("minQty"),
            max_quantity=_ceiling(lot, "maxQty"),
            market_max_quantity=_ceiling(market_lot, "maxQty"),
            min_notional=filters["MIN_NOTIONAL"].amount("notional") if "MIN_NOTIONAL" in filters else ZERO,
            reduce_only_exempt=True,
            min_price=price.amount("minPrice"),
            max_price=_ceiling(price, "maxPrice"),
            band_up=band_up,
            band_down=band_down,
            max_open_orders=filters["MAX_NUM_ORDERS"].whole("limit") if "MAX_NUM_ORDERS" in filters else 200,
            base_asset=fields.text("baseAsset"),
            quote_asset=fields.text("quoteAsset"),
            is_trading=fields.text("status") == TRADING,
        ),
        price_precision=fields.whole("pricePrecision"),
        quantity_precision=fields.whole("quantityPrecision"),
    )


def _step(fields: Fields, key: str) -> Decimal:
    """A step without its trailing zeros ("0.0100"): they mean nothing (section 7, precision traps)."""
    value = fields.number(key)
    if value <= 0:
        raise fields.error(f"{key} is not positive")
    return Decimal(plain(value))


def _ceiling(fields: Fields, key: str) -> Decimal:
    """An upper bound; 0 means that there is none."""
    return fields.amount(key) or _LARGEST


def _band(filters: Mapping[str, Fields]) -> tuple[Decimal | None, Decimal | None]:
    fields = filters.get("PERCENT_PRICE")
    if fields is None:
        return None, None
    return fields.amount("multiplierUp") or None, fields.amount("multiplierDown") or None


def rate_limits(data: object) -> tuple[RateLimit, ...]:
    """Read the budgets the venue publishes. Kinds and intervals that are not known are left out."""
    found = []
    for row in Fields(data, "exchangeInfo").items("rateLimits"):
        fields = Fields(row, "rateLimits")
        unit = _UNITS.get(fields.text("rateLimitType"))
        interval = _INTERVALS_S.get(fields.text("interval"))
        if unit is not None and interval is not None:
            found.append(
                RateLimit(unit=unit, amount=fields.whole("limit"), per_s=interval * fields.whole("intervalNum"))
            )
    return tuple(found)
