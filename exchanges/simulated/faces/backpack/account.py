"""The account endpoints: settings, balances, margin, positions.

Source: venues/backpack.md 8 and 9. Leverage is one number for the account: it is handed to every market of the engine,
as far as that market's own limit goes.
"""

from decimal import Decimal
from typing import Final

from exchanges.rounding import floor_to, plain
from exchanges.simulated.engine_types import BalanceView, OrderType, PositionView, Refused, SetLeverage
from exchanges.simulated.faces.backpack import refusals
from exchanges.simulated.faces.backpack.context import Context
from exchanges.simulated.faces.backpack.endpoints import Reply
from exchanges.simulated.faces.backpack.markets import MAX_LEVERAGE, PERPETUAL, QUOTE
from exchanges.simulated.faces.backpack.orders import MARKET_TYPES
from exchanges.simulated.faces.backpack.refusals import bad_request, refusal_of
from exchanges.simulated.faces.backpack.rendering import position_object, price_digits
from exchanges.simulated.faces.backpack.requests import Request
from exchanges.values import ZERO, Side

FLAGS: Final = ("autoBorrowSettlements", "autoLend", "autoRealizePnl", "autoRepayBorrows")
_BPS: Final = 10_000


class AccountEndpoints:
    """Handlers of the account endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def account(self, request: Request, now_ns: int) -> object:
        """GET account. Fees are in basis points."""
        del request, now_ns
        context = self._context
        spec = context.engine.market(next(iter(context.markets)))
        maker, taker = (ZERO, ZERO) if spec is None else (spec.fees.maker, spec.fees.taker)
        orders = context.engine.open_orders(context.account)
        return {name: context.account_flags.get(name, True) for name in FLAGS} | {
            "borrowLimit": "0",
            "futuresMakerFee": plain(maker * _BPS),
            "futuresTakerFee": plain(taker * _BPS),
            "leverageLimit": plain(context.leverage_limit),
            "limitOrders": sum(order.order_type is OrderType.LIMIT for order in orders),
            "liquidating": False,
            "positionLimit": "0",
            "spotMakerFee": "8",
            "spotTakerFee": "10",
            "triggerOrders": 0,
        }

    def update(self, request: Request, now_ns: int) -> object:
        """PATCH account: an empty body says yes."""
        fields = request.fields
        limit = fields.decimal("leverageLimit")
        flags = {name: value for name in FLAGS if (value := fields.flag(name)) is not None}
        if limit is not None:
            self._set_leverage(limit, now_ns)
        self._context.account_flags.update(flags)
        return Reply(None)

    def _set_leverage(self, limit: Decimal, now_ns: int) -> None:
        context = self._context
        if not 1 <= limit <= MAX_LEVERAGE:
            raise bad_request("Invalid leverage limit")
        before = {symbol: context.engine.position(context.account, symbol).leverage for symbol in context.markets}
        for symbol in context.markets:
            refused = self._apply(symbol, int(limit), now_ns)
            if refused is not None:
                for changed, leverage in before.items():
                    self._apply(changed, leverage, now_ns)
                raise refusal_of(refused)
        context.leverage_limit = limit

    def _apply(self, symbol: str, leverage: int, now_ns: int) -> Refused | None:
        context = self._context
        most = context.markets[symbol].rules.max_leverage or MAX_LEVERAGE
        command = SetLeverage(symbol=symbol, leverage=min(leverage, most))
        answer = context.engine.execute(context.account, command, now_ns)
        return answer if isinstance(answer, Refused) else None

    # --- money ---
    def capital(self, request: Request, now_ns: int) -> object:
        """GET capital."""
        del request, now_ns
        balance = self._balance()
        available = max(min(balance.available, balance.wallet), ZERO)
        locked = max(balance.wallet - available, ZERO)
        return {QUOTE: {"available": _money(available), "locked": _money(locked), "staked": "0"}}

    def collateral(self, request: Request, now_ns: int) -> object:
        """GET capital/collateral."""
        del request, now_ns
        context, balance = self._context, self._balance()
        rows = context.engine.positions(context.account)
        exposure = sum((abs(row.quantity) * row.mark_price for row in rows), ZERO)
        market = next(iter(context.markets.values()))
        wallet = _money(balance.wallet)
        return {
            "assetsValue": wallet,
            "borrowLiability": "0",
            "collateral": [
                {
                    "assetMarkPrice": "1",
                    "availableQuantity": wallet,
                    "balanceNotional": wallet,
                    "collateralValue": wallet,
                    "collateralWeight": "1",
                    "lendQuantity": "0",
                    "openOrderQuantity": "0",
                    "symbol": QUOTE,
                    "totalQuantity": wallet,
                }
            ],
            "imf": plain(market.initial[0]),
            "liabilitiesValue": "0",
            "marginFraction": _money(balance.equity / exposure) if exposure else None,
            "mmf": plain(market.maintenance[0]),
            "netEquity": _money(balance.equity),
            "netEquityAvailable": _money(balance.available),
            "netEquityLocked": _money(max(balance.equity - balance.available, ZERO)),
            "netExposureFutures": _money(exposure),
            "pnlUnrealized": _money(balance.unrealized_pnl),
            "unsettledEquity": "0",
        }

    def _balance(self) -> BalanceView:
        return self._context.engine.balance(self._context.account)

    # --- limits ---
    def order_limit(self, request: Request, now_ns: int) -> object:
        """GET account/limits/order: what could be ordered with the margin that is there."""
        fields, context = request.fields, self._context
        market = context.market(fields.required("symbol"))
        side = Side.BUY if (fields.word("side", ("Bid", "Ask")) or fields.required("side")) == "Bid" else Side.SELL
        price, reduce_only = fields.decimal("price"), fields.flag("reduceOnly")
        position = context.position(market.symbol, now_ns)
        reducible = max(-side.sign * position.quantity, ZERO)
        quantity = reducible if reduce_only else reducible + self._affordable(position, price)
        return {
            "autoBorrow": fields.flag("autoBorrow"),
            "autoBorrowRepay": fields.flag("autoBorrowRepay"),
            "autoLendRedeem": fields.flag("autoLendRedeem"),
            "maxOrderQuantity": plain(floor_to(quantity, market.rules.step)),
            "price": fields.text("price"),
            "reduceOnly": reduce_only,
            "side": fields.text("side"),
            "symbol": market.symbol,
        }

    def _affordable(self, position: PositionView, price: Decimal | None) -> Decimal:
        at = price or self._context.engine.mark_price(position.symbol)
        return self._balance().available * position.leverage / at if at else ZERO

    def borrow_limit(self, request: Request, now_ns: int) -> object:
        """GET account/limits/borrow: nothing is lent."""
        del now_ns
        return {"maxBorrowQuantity": "0", "symbol": request.fields.required("symbol")}

    def withdrawal_limit(self, request: Request, now_ns: int) -> object:
        """GET account/limits/withdrawal."""
        del now_ns
        fields, balance = request.fields, self._balance()
        symbol = fields.required("symbol")
        most = max(min(balance.available, balance.wallet), ZERO) if symbol == QUOTE else ZERO
        return {
            "autoBorrow": fields.flag("autoBorrow"),
            "autoLendRedeem": fields.flag("autoLendRedeem"),
            "maxWithdrawalQuantity": _money(most),
            "symbol": symbol,
        }

    # --- positions ---
    def positions(self, request: Request, now_ns: int) -> object:
        """GET position: [] when flat, but not found where one flat market is asked for."""
        fields = request.fields
        symbol, kind = fields.text("symbol"), fields.word("marketType", MARKET_TYPES)
        if symbol is not None:
            self._context.market(symbol)
        rows = [] if kind not in (None, PERPETUAL) else self._rows(symbol, now_ns)
        if symbol is not None and not rows:
            raise refusals.not_found()
        return rows

    def _rows(self, symbol: str | None, now_ns: int) -> list[dict[str, object]]:
        context = self._context
        symbols = context.markets if symbol is None else (symbol,)
        views = (context.position(name, now_ns) for name in symbols)
        return [
            position_object(
                view,
                context.markets[view.symbol],
                maker_fee=context.maker_fee(view.symbol),
                position_id=context.position_id(view.symbol),
            )
            for view in views
            if view.quantity
        ]

    def no_loans(self, request: Request, now_ns: int) -> object:
        """GET borrowLend/positions: nothing is lent."""
        del request, now_ns
        return []


def _money(value: Decimal) -> str:
    return plain(price_digits(value))
