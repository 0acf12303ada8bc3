"""The account endpoints: money, positions, fees, income and the account's switches.

Source: venues/aster.md 10. Hedge mode can be set (a client must be able to find it and switch it off) but is not
simulated: orders with a position side are refused.
"""

from collections.abc import Callable
from decimal import Decimal

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import BalanceView, IncomeKind, IncomeView, PositionView, Refused, SetLeverage
from exchanges.simulated.faces.aster import refusals, rendering
from exchanges.simulated.faces.aster.endpoints import AccountModes, Params, refusal_of
from exchanges.simulated.faces.aster.markets import MAX_LEVERAGE, AsterMarket
from exchanges.simulated.faces.aster.orders import SUCCESS, read_limit, read_stp_mode, read_window
from exchanges.simulated.faces.aster.refusals import VenueRefusal, missing
from exchanges.simulated.faces.aster.rendering import milliseconds, money, text
from exchanges.simulated.faces.aster.validation import check_leverage, check_position_mode, known_market, required

DEFAULT_INCOME_LIMIT = 100
MAX_NOTIONAL = "1000000"
_INCOME = {
    IncomeKind.DEPOSIT: "TRANSFER",
    IncomeKind.REALIZED_PNL: "REALIZED_PNL",
    IncomeKind.FEE: "COMMISSION",
    IncomeKind.FUNDING: "FUNDING_FEE",
    IncomeKind.LIQUIDATION_FEE: "INSURANCE_CLEAR",
}


class AccountEndpoints:
    """Handlers of the account endpoints. `notify` sends an ACCOUNT_CONFIG_UPDATE body to the account's stream."""

    def __init__(
        self,
        engine: Engine,
        account: str,
        markets: dict[str, AsterMarket],
        modes: AccountModes,
        notify: Callable[[dict[str, object], int], None],
    ) -> None:
        self._engine = engine
        self._account = account
        self._markets = markets
        self._modes = modes
        self._notify = notify

    # --- money and positions ---
    def balance(self, params: Params, now_ns: int) -> object:
        """GET balance."""
        del params, now_ns
        balance = self._engine.balance(self._account)
        return [
            {
                "accountAlias": self._account[2:8],
                "asset": balance.asset,
                "balance": money(balance.wallet),
                "crossWalletBalance": money(balance.wallet),
                "crossUnPnl": money(balance.unrealized_pnl),
                "availableBalance": money(balance.available),
                "maxWithdrawAmount": money(min(balance.available, balance.wallet)),
                "marginAvailable": True,
                "updateTime": milliseconds(balance.updated_ns),
            }
        ]

    def account(self, params: Params, now_ns: int) -> object:
        """GET account and accountWithJoinMargin."""
        del params, now_ns
        balance = self._engine.balance(self._account)
        totals = _totals(balance)
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "updateTime": 0,
            **{"total" + name[0].upper() + name[1:]: value for name, value in totals.items()},
            "totalCrossWalletBalance": money(balance.wallet),
            "totalCrossUnPnl": money(balance.unrealized_pnl),
            "availableBalance": money(balance.available),
            "maxWithdrawAmount": money(min(balance.available, balance.wallet)),
            "assets": [
                {
                    "asset": balance.asset,
                    **totals,
                    "crossWalletBalance": money(balance.wallet),
                    "crossUnPnl": money(balance.unrealized_pnl),
                    "availableBalance": money(balance.available),
                    "maxWithdrawAmount": money(min(balance.available, balance.wallet)),
                    "marginAvailable": True,
                    "updateTime": milliseconds(balance.updated_ns),
                }
            ],
            "positions": [self._account_position(position) for position in self._engine.positions(self._account)],
        }

    def _account_position(self, position: PositionView) -> dict[str, object]:
        return {
            "symbol": position.symbol,
            "initialMargin": money(position.initial_margin),
            "maintMargin": money(position.maintenance_margin),
            "unrealizedProfit": money(position.unrealized_pnl),
            "positionInitialMargin": money(position.initial_margin),
            "openOrderInitialMargin": "0",
            "leverage": str(position.leverage),
            "isolated": self._modes.margin_type(position.symbol) == "isolated",
            "entryPrice": text(position.entry_price),
            "maxNotional": MAX_NOTIONAL,
            "positionSide": "BOTH",
            "positionAmt": text(position.quantity),
            "updateTime": milliseconds(position.updated_ns),
        }

    def position_risk(self, params: Params, now_ns: int) -> object:
        """GET positionRisk: the row of a symbol, flat or not; without a symbol only what is not flat (seen live)."""
        del now_ns
        symbol = params.get("symbol") or None
        if symbol is not None:
            known_market(symbol, self._markets)
            positions: tuple[PositionView, ...] = (self._engine.position(self._account, symbol),)
        else:
            positions = tuple(row for row in self._engine.positions(self._account) if row.quantity)
        return [rendering.position_row(row, self._modes.margin_type(row.symbol)) for row in positions]

    def commission_rate(self, params: Params, now_ns: int) -> object:
        """GET commissionRate."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        spec = self._engine.market(symbol)
        if spec is None:
            raise VenueRefusal(refusals.BAD_SYMBOL)
        return {
            "symbol": symbol,
            "makerCommissionRate": text(spec.fees.maker),
            "takerCommissionRate": text(spec.fees.taker),
        }

    def income(self, params: Params, now_ns: int) -> object:
        """GET income."""
        del now_ns
        start_ns, end_ns = read_window(params)
        limit = read_limit(params, DEFAULT_INCOME_LIMIT)
        symbol, kind = params.get("symbol") or None, params.get("incomeType") or None
        rows = [
            _income_row(row)
            for row in self._engine.income(self._account, start_ns=start_ns, limit=10**9)
            if (symbol is None or row.symbol == symbol)
            and (kind is None or _INCOME[row.kind] == kind)
            and (end_ns is None or row.occurred_ns <= end_ns)
        ]
        return rows[:limit] if start_ns is not None else rows[-limit:]

    def leverage_bracket(self, params: Params, now_ns: int) -> object:
        """GET leverageBracket: one bracket per market, as the engine charges margin."""
        del now_ns
        symbol = params.get("symbol") or None
        if symbol is not None:
            known_market(symbol, self._markets)
            return self._bracket(symbol)
        return [self._bracket(name) for name in self._markets]

    def _bracket(self, symbol: str) -> dict[str, object]:
        spec = self._engine.market(symbol)
        rate = spec.maintenance_rate if spec else Decimal(0)
        most = self._markets[symbol].rules.max_leverage or MAX_LEVERAGE
        bracket = {
            "bracket": 1,
            "initialLeverage": most,
            "notionalCap": int(MAX_NOTIONAL),
            "notionalFloor": 0,
            "maintMarginRatio": text(rate),
            "cum": 0,
        }
        return {"symbol": symbol, "brackets": [bracket]}

    # --- switches ---
    def set_leverage(self, params: Params, now_ns: int) -> object:
        """POST leverage."""
        symbol = required(params, "symbol")
        market = known_market(symbol, self._markets)
        leverage = check_leverage(params)
        if market.rules.max_leverage is not None and leverage > market.rules.max_leverage:
            raise VenueRefusal(refusals.BAD_LEVERAGE)
        answer = self._engine.execute(self._account, SetLeverage(symbol=symbol, leverage=leverage), now_ns)
        if isinstance(answer, Refused):
            raise refusal_of(answer)
        return {"leverage": leverage, "maxNotionalValue": MAX_NOTIONAL, "symbol": symbol}

    def set_margin_type(self, params: Params, now_ns: int) -> object:
        """POST marginType."""
        del now_ns
        symbol = required(params, "symbol")
        known_market(symbol, self._markets)
        wanted = {"ISOLATED": "isolated", "CROSSED": "cross"}.get(required(params, "marginType"))
        if wanted is None:
            raise missing("marginType")
        if wanted == self._modes.margin_type(symbol):
            raise VenueRefusal(refusals.SAME_MARGIN_TYPE)
        if wanted == "isolated" and self._modes.multi_assets:
            raise VenueRefusal(refusals.ISOLATED_WITH_MULTI_ASSET)
        if self._engine.open_orders(self._account, symbol):
            raise VenueRefusal(refusals.MARGIN_TYPE_WITH_ORDERS)
        if self._engine.position(self._account, symbol).quantity:
            raise VenueRefusal(refusals.MARGIN_TYPE_WITH_POSITION)
        self._modes.margin_types[symbol] = wanted
        return SUCCESS

    def set_position_mode(self, params: Params, now_ns: int) -> object:
        """POST positionSide/dual."""
        wanted = check_position_mode(params, dual_side=self._modes.dual_side)
        if self._engine.open_orders(self._account):
            raise VenueRefusal(refusals.POSITION_MODE_WITH_ORDERS)
        if any(position.quantity for position in self._engine.positions(self._account)):
            raise VenueRefusal(refusals.POSITION_MODE_WITH_POSITION)
        self._modes.dual_side = wanted
        self._notify({"ai": {"j": self._modes.multi_assets, "f": False, "d": wanted}}, now_ns)
        return SUCCESS

    def position_mode(self, params: Params, now_ns: int) -> object:
        """GET positionSide/dual."""
        del params, now_ns
        return {"dualSidePosition": self._modes.dual_side}

    def set_multi_assets(self, params: Params, now_ns: int) -> object:
        """POST multiAssetsMargin."""
        word = required(params, "multiAssetsMargin").lower()
        if word not in ("true", "false"):
            raise missing("multiAssetsMargin")
        self._modes.multi_assets = word == "true"
        self._notify({"ai": {"j": self._modes.multi_assets, "f": False, "d": self._modes.dual_side}}, now_ns)
        return SUCCESS

    def multi_assets(self, params: Params, now_ns: int) -> object:
        """GET multiAssetsMargin."""
        del params, now_ns
        return {"multiAssetsMargin": self._modes.multi_assets}

    def set_stp_mode(self, params: Params, now_ns: int) -> object:
        """POST stpMode."""
        del now_ns
        required(params, "stpMode")
        self._modes.stp_mode = read_stp_mode(params, self._modes.stp_mode)
        return SUCCESS

    def stp_mode(self, params: Params, now_ns: int) -> object:
        """GET stpMode."""
        del params, now_ns
        return {"stpMode": self._modes.stp_mode.value}

    def noop(self, params: Params, now_ns: int) -> object:
        """POST noop: nothing but the use of its nonce."""
        del params, now_ns
        return SUCCESS


def _totals(balance: BalanceView) -> dict[str, str]:
    return {
        "initialMargin": money(balance.position_margin + balance.order_margin),
        "maintMargin": money(balance.maintenance_margin),
        "walletBalance": money(balance.wallet),
        "unrealizedProfit": money(balance.unrealized_pnl),
        "marginBalance": money(balance.equity),
        "positionInitialMargin": money(balance.position_margin),
        "openOrderInitialMargin": money(balance.order_margin),
    }


def _income_row(row: IncomeView) -> dict[str, object]:
    return {
        "symbol": row.symbol,
        "incomeType": _INCOME[row.kind],
        "income": money(row.change),
        "asset": row.asset,
        "info": str(row.trade_id) if row.trade_id else _INCOME[row.kind],
        "time": milliseconds(row.occurred_ns),
        "tranId": row.income_id,
        "tradeId": str(row.trade_id) if row.trade_id else "",
    }
