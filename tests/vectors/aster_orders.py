"""Numbers and rules: filters, rounding, precision, and what the venue answers to an order.

The answer to an order is predicted twice: by the client's `validation` (which denies such an order before it is sent)
and by the simulated venue's. Both have to name a code the file allows.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from exchanges.aster.markets import SymbolFilters
from exchanges.aster.validation import AccountView, predict_code, would_take
from exchanges.rounding import floor_to, is_multiple, plain, round_price
from exchanges.simulated.faces.aster.markets import DEFAULT_MARKETS, AsterMarket
from exchanges.simulated.faces.aster.validation import OrderContext, validate_order
from exchanges.values import ZERO, Side
from tests.vectors.aster_account import endpoint_code
from tests.vectors.aster_file import AsterFile, read_filters
from tests.vectors.aster_outcomes import check_gtx_outcome
from tests.vectors.cases import Case, Wrong, decimal_of, need, one_of, same, text_of, whole_of

_CODE = re.compile(r"-[0-9]{4}")
_POSITION = re.compile(r"(LONG|SHORT) position of at least ([0-9.]+)")
_OPEN_ORDERS = re.compile(r"when ([0-9]+) orders are open")
_BAND = re.compile(r"(?:cap|floor) = ([0-9.]+)\*([0-9.]+) = ([0-9.]+)")
_NO_MARGIN = -2019
_ACCOUNT_NUMBERS = {
    "position": "position",
    "positionAmt": "position",
    "available": "available",
    "availableBalance": "available",
}
_PINNED = "symbol_filters_2026_01_12"
_FIGURES = {
    "tickSize": "tick",
    "minPrice": "min_price",
    "maxPrice": "max_price",
    "stepSize": "step",
    "minQty": "min_quantity",
    "maxQty": "max_quantity",
    "marketMaxQty": "market_max_quantity",
    "notional": "min_notional",
    "multiplierUp": "band_up",
    "multiplierDown": "band_down",
}


class OrderChecks:
    """Checks of the symbol filters, `rounding_vectors`, `precision_traps` and `order_validation_vectors`."""

    def __init__(self, file: AsterFile) -> None:
        self._file = file

    # --- figures ---

    def symbol_filters(self, case: Case) -> None:
        """Check that the client reads the figures as they stand, that they fit each other, and the known capture."""
        row = need(case.data)
        filters = read_filters(row)
        same("symbol", case.label, row["symbol"])
        for key, field in _FIGURES.items():
            same(key, getattr(filters.rules, field), decimal_of(row, key))
        same("pricePrecision", filters.price_precision, whole_of(row, "pricePrecision"))
        same("quantityPrecision", filters.quantity_precision, whole_of(row, "quantityPrecision"))
        same("maxNumOrders", filters.rules.max_open_orders, whole_of(row, "maxNumOrders"))
        _check_figures(filters)
        known = DEFAULT_MARKETS.get(case.label)
        if case.section == _PINNED and known is not None:
            for key, field in _FIGURES.items():
                same(f"{key} of the capture", getattr(known.rules, field), decimal_of(row, key))
            same("pricePrecision of the capture", known.price_precision, row["pricePrecision"])
            same("quantityPrecision of the capture", known.quantity_precision, row["quantityPrecision"])
            same("maxNumOrders of the capture", known.rules.max_open_orders, row["maxNumOrders"])

    def rounding(self, case: Case) -> None:
        """Check prices (buy down, sell up) and quantities (down)."""
        row = need(case.data, "symbol", "side", "price_in", "qty_in", "price_out", "qty_out")
        rules = self._file.filters_of(row).rules
        price = round_price(decimal_of(row, "price_in"), rules.tick, _side(row))
        same("price_out", plain(price), text_of(row, "price_out"))
        same("qty_out", plain(floor_to(decimal_of(row, "qty_in"), rules.step)), text_of(row, "qty_out"))

    def precision(self, case: Case) -> None:
        """Check which of the two precision codes a price or a quantity gets."""
        row = need(case.data, "symbol", "expect_code")
        filters = self._file.filters_of(row)
        parameters = _harmless_order(filters)
        if ("price" in row) is ("quantity" in row):
            raise Wrong("a trap has either a price or a quantity")
        name = "price" if "price" in row else "quantity"
        parameters[name] = text_of(row, name)
        most, step = (
            (filters.price_precision, filters.rules.tick)
            if name == "price"
            else (filters.quantity_precision, filters.rules.step)
        )
        digits = len(parameters[name].partition(".")[2])
        flags = {
            f"digits_ok_by_{name}Precision": digits <= most,
            f"multiple_of_{'tick' if name == 'price' else 'step'}": is_multiple(Decimal(parameters[name]), step),
        }
        if f"digits_ok_by_{name}Precision" not in row:
            raise Wrong(f"missing: digits_ok_by_{name}Precision")
        for flag, ours in flags.items():
            if flag in row:
                same(flag, ours, row[flag])
        self._check_codes(parameters, _State(), (whole_of(row, "expect_code"),))

    # --- orders ---

    def validation(self, case: Case) -> None:
        """Check what the venue answers to a request."""
        row = need(case.data, "params", "expect", "mark_price")
        parameters = dict(need(row["params"]))
        if not all(isinstance(value, str) for value in parameters.values()):
            raise Wrong("a parameter that is not a string")
        state = _State(mark=decimal_of(row, "mark_price"))
        account = need(row["account"]) if row.get("account") is not None else {}
        state = state.with_account(account)
        expect = row["expect"]
        codes, accepts = read_expectation(expect)
        allowed = (None,) if accepts else codes
        if "endpoint" in parameters:
            margin = str(account.get("marginType", "cross"))
            one_of("code", endpoint_code(parameters, dual_side=state.dual_side, margin_type=margin), allowed)
            return
        self._check_order(row, parameters, _stated(str(expect), state), allowed)

    def _check_order(
        self, row: Mapping[str, Any], parameters: dict[str, str], state: "_State", allowed: tuple[int | None, ...]
    ) -> None:
        expect = str(row["expect"])
        reduces = parameters.get("reduceOnly") == "true"
        if reduces and allowed == (None,) and state.position == 0:
            self._check_codes(parameters, state, (-2022,))  # without a position it would be refused
            state = state.covering(parameters)
        self._check_codes(parameters, state, allowed)
        if state.open_orders:
            self._check_codes(parameters, replace(state, open_orders=state.open_orders - 1), (None,))
        if allowed != (None,):
            _check_cap(row, parameters, self._file)
            return
        bid, ask = _book(row, state.mark)
        takes = parameters["type"] == "MARKET" or would_take(_side(parameters), Decimal(parameters["price"]), bid, ask)
        if "book" in row or "takes" in expect or "HTTP 200" in expect:
            is_gtx_refusal = expect.startswith("HTTP 200")
            same("would take", takes, "takes" in expect or is_gtx_refusal)
        if expect.startswith("HTTP 200"):
            same("timeInForce", "GTX", parameters.get("timeInForce"))
            check_gtx_outcome(expect, parameters)

    def _check_codes(self, parameters: dict[str, str], state: "_State", allowed: tuple[int | None, ...]) -> None:
        filters = self._file.filters()
        ours = predict_code(parameters, filters, state.view())
        one_of("code predicted by the client", ours, allowed)
        theirs = validate_order(parameters, state.context(filters))
        one_of("code of the simulated venue", theirs, allowed)


@dataclass(frozen=True, slots=True)
class _State:
    """The account and the market around an order."""

    mark: Decimal | None = None
    dual_side: bool = False
    position: Decimal = ZERO
    open_orders: int = 0
    available: Decimal | None = None
    leverage: int = 20

    def with_account(self, account: Mapping[str, Any]) -> "_State":
        """The same with what a case says of its account."""
        found: dict[str, Any] = {}
        if "dualSidePosition" in account:
            found["dual_side"] = _flag(account, "dualSidePosition")
        for key, field in _ACCOUNT_NUMBERS.items():
            if key in account:
                found[field] = decimal_of(account, key)
        for key, field in (("openOrders", "open_orders"), ("leverage", "leverage")):
            if key in account:
                found[field] = whole_of(account, key)
        return replace(self, **found)

    def covering(self, parameters: Mapping[str, str]) -> "_State":
        """The same with a position that the order reduces."""
        sign = -1 if parameters["side"] == "BUY" else 1
        return replace(self, position=sign * Decimal(parameters["quantity"]))

    def view(self) -> AccountView:
        """For the client."""
        return AccountView(
            dual_side=self.dual_side,
            position=self.position,
            open_orders=self.open_orders,
            mark_price=self.mark,
            available=self.available,
            leverage=self.leverage,
        )

    def context(self, filters: Mapping[str, SymbolFilters]) -> OrderContext:
        """For the simulated venue, with the file's figures in place of its own."""
        markets = {
            symbol: AsterMarket(
                rules=each.rules, price_precision=each.price_precision, quantity_precision=each.quantity_precision
            )
            for symbol, each in filters.items()
        }
        return OrderContext(
            mark_price=self.mark,
            dual_side=self.dual_side,
            position=self.position,
            open_orders=self.open_orders,
            available=self.available,
            leverage=self.leverage,
            markets=markets,
        )


def read_expectation(expect: object) -> tuple[tuple[int, ...], bool]:
    """Return (allowed codes, whether the request is accepted) of the file's words.

    Raises:
        Wrong: the words are none we know.
    """
    if isinstance(expect, int) and not isinstance(expect, bool):
        return (expect,), False
    if isinstance(expect, str):
        if re.match(r"accept\b|HTTP 200 with status NEW\b", expect):
            return (), True
        if re.match(r"-[0-9]{4}\b", expect):
            return tuple(int(code) for code in _CODE.findall(expect)), False
    raise Wrong(f"an expectation that cannot be read: {expect!r:.80}")


def _stated(expect: str, state: _State) -> _State:
    """The state that the words of an expectation presuppose."""
    position, orders = _POSITION.search(expect), _OPEN_ORDERS.search(expect)
    if (" if " in expect and position is None) or (" when " in expect and orders is None):
        raise Wrong(f"a condition that cannot be read: {expect!r:.80}")
    if position is not None:
        sign = 1 if position[1] == "LONG" else -1
        state = replace(state, position=sign * Decimal(position[2]))
    if orders is not None:
        state = replace(state, open_orders=int(orders[1]))
    if expect == str(_NO_MARGIN) and state.available is None:
        state = replace(state, available=ZERO)
    return state


def _check_figures(filters: SymbolFilters) -> None:
    """Figures of one market fit each other in every capture that is known (section 7)."""
    rules = filters.rules
    if not is_multiple(rules.min_price, rules.tick):
        raise Wrong("minPrice is not on the tick")
    if not (0 < rules.min_price < rules.max_price):
        raise Wrong("minPrice is not below maxPrice")
    for name, quantity in (("minQty", rules.min_quantity), ("maxQty", rules.max_quantity)):
        if not is_multiple(quantity, rules.step):
            raise Wrong(f"{name} is not on the step")
    if not (0 < rules.min_quantity < rules.market_max_quantity <= rules.max_quantity):
        raise Wrong("the quantities are not in order")
    if rules.band_up is None or rules.band_down is None or not (rules.band_down < 1 < rules.band_up):
        raise Wrong("the price band does not enclose the mark price")


def _check_cap(row: Mapping[str, Any], parameters: Mapping[str, str], file: AsterFile) -> None:
    """A note that works out the band (`cap = mark*multiplier = price`) agrees with the file's figures."""
    found = _BAND.search(str(row.get("note", "")))
    if found is None:
        return
    rules = file.filters_of(parameters).rules
    band = rules.band_up if parameters["side"] == "BUY" else rules.band_down
    same("mark price of the note", Decimal(found[1]), decimal_of(row, "mark_price"))
    same("multiplier of the note", Decimal(found[2]), band)
    same("band of the note", Decimal(found[3]), Decimal(found[1]) * Decimal(found[2]))


def _harmless_order(filters: SymbolFilters) -> dict[str, str]:
    """An order that breaks no rule, of about twice the least notional."""
    rules = filters.rules
    price = floor_to(max(rules.min_price * 1000, Decimal(1)), rules.tick)
    price = min(max(price, rules.tick), rules.max_price)
    quantity = max(floor_to(2 * rules.min_notional / price, rules.step) + rules.step, rules.min_quantity)
    return {
        "symbol": rules.symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTX",
        "quantity": plain(quantity),
        "price": plain(price),
    }


def _book(row: Mapping[str, Any], mark: Decimal | None) -> tuple[Decimal, Decimal]:
    """Best bid and ask: the file's, else the mark price on both sides."""
    if "book" in row:
        book = need(row["book"], "bid", "ask")
        bid, ask = decimal_of(book, "bid"), decimal_of(book, "ask")
        if bid >= ask:
            raise Wrong("the book is crossed")
        return bid, ask
    return mark or ZERO, mark or ZERO


def _side(row: Mapping[str, Any]) -> Side:
    if row["side"] not in ("BUY", "SELL"):
        raise Wrong(f"side {row['side']!r}")
    return Side.BUY if row["side"] == "BUY" else Side.SELL


def _flag(row: Mapping[str, Any], key: str) -> bool:
    if not isinstance(row[key], bool):
        raise Wrong(f"{key} is not true or false")
    return row[key]
