"""The account's channels: what happened in one moment as one frame per channel, and the snapshots to start from.

Source: venues/lighter.md 11.3 and 12. Orders, trades and positions of a moment go out in an order that nobody promises
(it is drawn), and what an order went through within that moment is told as where it ended: a post-only order that would
take is never told as open, a taking order may be told as filled first. Snapshots show what the frames have told so far,
so that no frame is older than them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from random import Random
from typing import Final

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    BalanceChanged,
    LeverageChanged,
    Liquidated,
    OrderAccepted,
    OrderAmended,
    OrderCanceled,
    OrderExpired,
    OrderView,
    PositionChanged,
    PositionView,
    PrivateEvent,
    Traded,
)
from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.gate import Gate
from exchanges.simulated.faces.lighter.markets import LighterMarket, by_id
from exchanges.simulated.faces.lighter.parameters import whole
from exchanges.simulated.faces.lighter.refusals import VenueRefusal
from exchanges.simulated.faces.lighter.rendering import asset_row, order_row, position_row, user_stats
from exchanges.simulated.faces.lighter.sequencer import Sequencer
from exchanges.simulated.faces.lighter.sessions import Message, Sessions
from exchanges.simulated.faces.lighter.trade_log import Row, TradeLog
from exchanges.simulated.faces.lighter.tx_log import TxRecord, block_height
from exchanges.values import ZERO

NS_PER_MS: Final = 1_000_000
WITH_TOKEN: Final = frozenset(
    {"account_all_orders", "account_orders", "account_market", "account_all_assets", "account_tx", "notification"}
)
OPEN_TO_ALL: Final = frozenset({"account_all_trades", "account_all_positions", "account_all", "user_stats"})
_PER_MARKET: Final = frozenset({"account_orders", "account_market"})
_MONEY: Final = (
    "quantity",
    "entry_price",
    "unrealized_pnl",
    "realized_pnl",
    "initial_margin",
    "maintenance_margin",
    "liquidation_price",
)
_NO_VOLUMES: Final = {"total_volume": 0, "monthly_volume": 0, "weekly_volume": 0, "daily_volume": 0}

Rows = dict[str, list[dict[str, object]]]


def is_private(channel: str) -> bool:
    """Whether a channel tells about an account."""
    family = channel.partition(":")[0]
    return family in WITH_TOKEN or family in OPEN_TO_ALL


class PrivateStream:
    """Renders one account's events for whoever subscribed."""

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        markets: Mapping[str, LighterMarket],
        sequencer: Sequencer,
        trades: TradeLog,
        sessions: Sessions,
        rng: Random,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._account = str(gate.credentials.account_index)
        self._markets = markets
        self._by_id = by_id(markets)
        self._sequencer = sequencer
        self._trades = trades
        self._sessions = sessions
        self._rng = rng
        self._open: dict[int, OrderView] = {}
        self._positions: dict[str, PositionView] = {}
        self._notices = 0

    def load(self) -> None:
        """Take up what a restored engine holds."""
        self._open = {order.order_id: order for order in self._engine.open_orders(self._account)}
        self._positions = {view.symbol: view for view in self._engine.positions(self._account)}

    # --- snapshots ---
    def snapshot(self, channel: str, auth: str | None, now_ns: int) -> Message:
        """Return the first frame of a private channel.

        Raises:
            VenueRefusal: BAD_PARAMETER without a token where one is needed, BAD_AUTH for a bad one, BAD_CHANNEL.
        """
        family, *rest = channel.split(":")
        market = self._check_channel(family, rest)
        if family in WITH_TOKEN:
            if not auth:
                raise VenueRefusal(refusals.BAD_PARAMETER, detail=f": auth field is required: {channel}")
            self._gate.check_token(auth, now_ns, detail=f": {channel}")
        return self._first(family, channel, market, now_ns)

    def _check_channel(self, family: str, rest: list[str]) -> LighterMarket | None:
        market = None
        if family in _PER_MARKET and rest:
            market_id = whole(rest.pop(0))
            market = None if market_id is None else self._by_id.get(market_id)
        if rest != [self._account] or (family in _PER_MARKET and market is None):
            raise VenueRefusal(refusals.BAD_CHANNEL)
        return market

    def _first(self, family: str, channel: str, market: LighterMarket | None, now_ns: int) -> Message:
        head: Message = {"type": f"subscribed/{family}", "channel": _inbound(channel)}
        if family == "account_all_orders":
            return head | {"orders": self._order_rows(self._open.values())}
        if family in _PER_MARKET and market is not None:
            return head | self._market_body(family, market, list(self._open.values()), now_ns)
        if family == "account_all_trades":
            return head | {"trades": {}, **_NO_VOLUMES}
        if family == "account_all_positions":
            return head | _positions_body(self._position_rows(self._known_markets()))
        if family == "account_all":
            return head | self._all_body(self._known_markets(), {}, assets=True) | _NO_VOLUMES
        if family == "user_stats":
            return head | self._stats_body(now_ns)
        if family == "account_all_assets":
            return head | self._assets_body()
        if family == "account_tx":
            return head | {"txs": [record.as_dict() for record in self._sequencer.log.newest(50)]}
        return head | {"notifs": []}

    def _known_markets(self) -> list[str]:
        """Markets with a position, an order, or a past."""
        used = {order.symbol for order in self._open.values()}
        return [
            symbol
            for symbol in self._markets
            if symbol in used or self._position(symbol).quantity or self._position(symbol).updated_ns
        ]

    # --- events ---
    def on_events(self, events: Sequence[PrivateEvent]) -> None:
        """Send what happened, moment by moment."""
        for at_ns, moment in groupby(events, key=lambda event: event.occurred_ns):
            self._send_moment(list(moment), at_ns)

    def _send_moment(self, events: list[PrivateEvent], at_ns: int) -> None:
        orders: dict[int, OrderView] = {}
        trades: Rows = {}
        touched: dict[str, None] = {}
        for event in events:
            if isinstance(event, OrderAccepted | OrderAmended | OrderCanceled | OrderExpired | Traded):
                orders[event.order.order_id] = event.order
                touched[event.order.symbol] = None
            if isinstance(event, Traded):
                self._add_trade(trades, event)
            elif isinstance(event, PositionChanged):
                self._positions[event.position.symbol] = event.position
                touched[event.position.symbol] = None
            elif isinstance(event, LeverageChanged):
                touched[event.symbol] = None
            elif isinstance(event, Liquidated):
                self._notify(event)
        for order in orders.values():
            self._note(order)
        has_money = any(isinstance(event, BalanceChanged) for event in events)
        self._send_parts(list(orders.values()), trades, list(touched), at_ns, has_money=has_money)

    def _note(self, order: OrderView) -> None:
        if order.is_open:
            self._open[order.order_id] = order
        else:
            self._open.pop(order.order_id, None)
            self._sequencer.orders.forget_ended(order)

    def _add_trade(self, trades: Rows, event: Traded) -> None:
        row = self._trades.own(event.trade.symbol, event.trade.trade_id)
        if row is not None:
            trades.setdefault(str(self._markets[event.trade.symbol].market_id), []).append(row)

    def send_ended(self, order: OrderView, at_ns: int) -> None:
        """Tell of an order that ended before the engine knew it."""
        self._send_parts([order], {}, [], at_ns, has_money=False)

    def _send_parts(
        self, orders: list[OrderView], trades: Rows, touched: list[str], at_ns: int, *, has_money: bool
    ) -> None:
        parts: list[tuple[str, Message]] = []
        if orders:
            parts.append(("account_all_orders", {"orders": self._order_rows(orders, is_update=True)}))
        if trades:
            parts.append(("account_all_trades", {"trades": trades}))
        if touched:
            parts.append(("account_all_positions", _positions_body(self._position_rows(touched))))
        self._rng.shuffle(parts)
        if touched or has_money:
            parts.append(("account_all", self._all_body(touched, trades, assets=has_money)))
            parts.append(("user_stats", self._stats_body(at_ns)))
        if has_money:
            parts.append(("account_all_assets", self._assets_body()))
        for family, body in parts:
            self._send(family, f"{family}:{self._account}", body)
        for symbol in {order.symbol for order in orders} | set(touched):
            self._send_market(self._markets[symbol], orders, trades, at_ns)

    def _send_market(self, market: LighterMarket, orders: list[OrderView], trades: Rows, at_ns: int) -> None:
        for family in _PER_MARKET:
            channel = f"{family}:{market.market_id}:{self._account}"
            if self._sessions.has(channel):
                body = self._market_body(family, market, orders, at_ns, is_update=True)
                if family == "account_market":
                    body["trades"] = trades.get(str(market.market_id), [])
                self._send(family, channel, body)

    def on_executed(self, record: TxRecord) -> None:
        """Tell the verdict about a transaction."""
        self._send("account_tx", f"account_tx:{self._account}", {"txs": [record.as_dict()]})

    def _notify(self, event: Liquidated) -> None:
        self._notices += 1
        notice = {
            "id": str(self._notices),
            "created_at": event.occurred_ns // NS_PER_MS,
            "kind": "liquidation",
            "account_index": int(self._account),
            "content": {"is_ask": False, "usdc_amount": format(event.equity, ".6f")},
            "ack": False,
            "acked_at": None,
        }
        self._send("notification", f"notification:{self._account}", {"notifs": [notice]})

    def _send(self, family: str, channel: str, body: Message) -> None:
        if self._sessions.has(channel):
            head: Message = {"type": f"update/{family}", "channel": _inbound(channel)}
            self._sessions.send(channel, head | body, is_private=True)

    # --- bodies ---
    def _order_rows(self, orders: Iterable[OrderView], *, is_update: bool = False) -> Rows:
        rows: Rows = {}
        for order in orders:
            market = self._markets[order.symbol]
            row = order_row(order, self._sequencer.orders.meta(order), market, is_update=is_update)
            rows.setdefault(str(market.market_id), []).append(row)
        return rows

    def _position(self, symbol: str) -> PositionView:
        """The position as far as it has been told: flat where nothing has."""
        told = self._positions.get(symbol)
        if told is not None:
            return told
        flat = dict.fromkeys(_MONEY, ZERO)
        return replace(self._engine.position(self._account, symbol), **flat, updated_ns=0)  # type: ignore[arg-type]

    def _position_row(self, symbol: str) -> dict[str, object]:
        view, modes = self._position(symbol), self._sequencer.modes
        return position_row(
            view,
            self._markets[symbol],
            open_orders=sum(order.symbol == symbol for order in self._open.values()),
            fraction=modes.fraction(symbol, view.leverage),
            margin_mode=modes.margin_mode(symbol),
        )

    def _position_rows(self, symbols: Iterable[str]) -> dict[str, object]:
        return {str(self._markets[symbol].market_id): self._position_row(symbol) for symbol in symbols}

    def _market_body(
        self, family: str, market: LighterMarket, orders: list[OrderView], at_ns: int, *, is_update: bool = False
    ) -> Message:
        rows = self._order_rows((order for order in orders if order.symbol == market.symbol), is_update=is_update)
        if family == "account_orders":
            return {"account": int(self._account), "nonce": block_height(at_ns), "orders": rows}
        return {
            "account": int(self._account),
            "orders": rows.get(str(market.market_id), []),
            "position": self._position_row(market.symbol),
            "trades": [],
            "funding_history": None,
        }

    def _all_body(self, symbols: Iterable[str], trades: dict[str, list[Row]], *, assets: bool) -> Message:
        body: Message = {
            "account": int(self._account),
            "positions": self._position_rows(symbols),
            "trades": trades,
            "funding_histories": {},
            "shares": [],
        }
        return body | self._assets_body() if assets else body

    def _stats_body(self, at_ns: int) -> Message:
        return {"stats": user_stats(self._engine.balance(self._account)), "timestamp": at_ns // NS_PER_MS}

    def _assets_body(self) -> Message:
        row = asset_row(self._engine.balance(self._account))
        return {"assets": {str(row["asset_id"]): row}}


def _positions_body(rows: dict[str, object]) -> Message:
    return {"positions": rows, "shares": [], "last_funding_round": None, "last_funding_discount": None}


def _inbound(channel: str) -> str:
    """Return a channel as its frames name it: the one of a market keeps its slashes."""
    return channel.replace(":", "/") if channel.startswith("account_market:") else channel
