"""The account's endpoints: money, positions, orders by state and by client index, trades, nonces, transactions.

Source: venues/lighter.md 13, 14 and 8.3. Lists that are empty are null where the venue says so.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import OrderView
from exchanges.simulated.faces.lighter import refusals
from exchanges.simulated.faces.lighter.gate import Gate
from exchanges.simulated.faces.lighter.markets import NIL_MARKET, LighterMarket, by_id
from exchanges.simulated.faces.lighter.parameters import Params, integer, limit, required, whole
from exchanges.simulated.faces.lighter.refusals import VenueRefusal, bad_parameter
from exchanges.simulated.faces.lighter.rendering import account_row, order_row, position_row
from exchanges.simulated.faces.lighter.sequencer import Sequencer
from exchanges.simulated.faces.lighter.trade_log import PPM, Row, TradeLog

T = TypeVar("T")
NS_PER_S: Final = 1_000_000_000
MOST_ROWS: Final = 100
MOST_CLIENT_INDEXES: Final = 20
EMPTY_KEY: Final = "0" * 80
_SORT_KEYS: Final = {"block_height": "block_height", "timestamp": "transaction_time", "trade_id": "trade_id"}


class AccountData:
    """Handlers of the account's endpoints."""

    def __init__(
        self,
        engine: Engine,
        gate: Gate,
        markets: Mapping[str, LighterMarket],
        sequencer: Sequencer,
        trades: TradeLog,
    ) -> None:
        self._engine = engine
        self._gate = gate
        self._account = str(gate.credentials.account_index)
        self._markets = markets
        self._by_id = by_id(markets)
        self._sequencer = sequencer
        self._trades = trades

    # --- keys and limits ---
    def next_nonce(self, params: Params, now_ns: int) -> object:
        """GET nextNonce."""
        del now_ns
        self._gate.check_owner(integer(params, "account_index"), integer(params, "api_key_index"))
        return {"code": 200, "nonce": self._gate.last_nonce + 1}

    def api_keys(self, params: Params, now_ns: int) -> object:
        """GET apikeys: one key, or with the sentinel 255 all that are registered."""
        del now_ns
        self._own(params)
        mine = self._gate.credentials.api_key_index
        asked = integer(params, "api_key_index", NIL_MARKET)
        is_mine = asked in (mine, NIL_MARKET)
        row = {
            "account_index": int(self._account),
            "api_key_index": mine if is_mine else asked,
            "nonce": self._gate.last_nonce + 1 if is_mine else 0,
            "public_key": self._gate.public_key if is_mine else EMPTY_KEY,
            "transaction_time": 0,
        }
        return {"code": 200, "api_keys": [row]}

    def account_limits(self, params: Params, now_ns: int) -> object:
        """GET accountLimits: the standard tier, with the fees this simulation charges."""
        del now_ns
        self._own(params)
        specs = [spec for symbol in self._markets if (spec := self._engine.market(symbol)) is not None]
        fees = specs[0].fees if specs else None
        return {
            "code": 200,
            "max_llp_percentage": 100,
            "max_llp_amount": "0.000000",
            "user_tier": "standard",
            "user_tier_name": "standard",
            "can_create_public_pool": False,
            "current_maker_fee_tick": int(fees.maker * PPM) if fees else 0,
            "current_taker_fee_tick": int(fees.taker * PPM) if fees else 0,
            "leased_lit": "0.00000000",
            "effective_lit_stakes": "0.00000000",
            "user_tier_last_update": 0,
        }

    def _own(self, params: Params) -> None:
        if integer(params, "account_index") != self._gate.credentials.account_index:
            raise VenueRefusal(refusals.UNKNOWN_ACCOUNT)

    # --- money and positions ---
    def account(self, params: Params, now_ns: int) -> object:
        """GET account."""
        del now_ns
        if required(params, "by") not in ("index", "l1_address"):
            raise bad_parameter("by")
        if params["by"] == "l1_address" or required(params, "value") != self._account:
            raise VenueRefusal(refusals.UNKNOWN_ACCOUNT)
        only_active = params.get("active_only", "").lower() in ("true", "1")
        rows = [
            self.position(market)
            for market in self._markets.values()
            if not only_active or self._engine.position(self._account, market.symbol).quantity
        ]
        orders = len(self._engine.open_orders(self._account))
        balance = self._engine.balance(self._account)
        row = account_row(balance, rows, orders=orders, cancel_all_ms=self._sequencer.modes.cancel_all_ms)
        return {"code": 200, "total": 1, "accounts": [row]}

    def position(self, market: LighterMarket) -> dict[str, object]:
        """Return the position object of a market as it stands now."""
        view = self._engine.position(self._account, market.symbol)
        modes = self._sequencer.modes
        return position_row(
            view,
            market,
            open_orders=len(self._engine.open_orders(self._account, market.symbol)),
            fraction=modes.fraction(market.symbol, view.leverage),
            margin_mode=modes.margin_mode(market.symbol),
        )

    # --- orders ---
    def active_orders(self, params: Params, now_ns: int) -> object:
        """GET accountActiveOrders."""
        del now_ns
        self._own(params)
        chosen = self._symbols(params)
        orders = [order for order in self._engine.open_orders(self._account) if order.symbol in chosen]
        return {"code": 200, "orders": self._rows(orders) or None}

    def inactive_orders(self, params: Params, now_ns: int) -> object:
        """GET accountInactiveOrders: newest first, a page at a time."""
        del now_ns
        self._own(params)
        most = limit(params, MOST_ROWS)
        between = _between(params)
        ask_filter = params.get("ask_filter", "")
        orders = [
            order
            for order in self._sequencer.orders.ended(self._symbols(params))
            if (between is None or between[0] <= order.updated_ns // NS_PER_S <= between[1])
            and (ask_filter not in ("0", "1") or (order.side.sign < 0) is (ask_filter == "1"))
        ]
        page, cursor = _page(orders, most, params)
        return {"code": 200, "orders": self._rows(page) or None, "next_cursor": cursor}

    def orders_by_client(self, params: Params, now_ns: int) -> object:
        """GET accountOrders: orders by client index, live or ended; those nobody knows are left out."""
        del now_ns
        if params.get("account_index"):
            self._own(params)
        indexes = [whole(word) for word in required(params, "client_order_indexes").split(",")]
        if len(indexes) > MOST_CLIENT_INDEXES or None in indexes:
            raise bad_parameter("client_order_indexes")
        books = self._sequencer.orders
        found = (books.by_client(market, index or 0) for index in indexes for market in self._markets.values())
        return {"code": 200, "orders": self._rows(order for order in found if order is not None) or None}

    def _rows(self, orders: Iterable[OrderView]) -> list[dict[str, object]]:
        meta = self._sequencer.orders.meta
        return [order_row(order, meta(order), self._markets[order.symbol]) for order in orders]

    def _symbols(self, params: Params) -> tuple[str, ...]:
        market_id = integer(params, "market_id", NIL_MARKET)
        if market_id == NIL_MARKET:
            return tuple(self._markets)
        market = self._by_id.get(market_id)
        if market is None:
            raise bad_parameter("market_id")
        return (market.symbol,)

    # --- trades ---
    def trades(self, params: Params, now_ns: int) -> object:
        """GET trades: the account's, newest first unless asked otherwise."""
        del now_ns
        key = _SORT_KEYS.get(required(params, "sort_by"))
        if key is None:
            raise bad_parameter("sort_by")
        most, direction = limit(params, MOST_ROWS), params.get("sort_dir", "desc") or "desc"
        if direction not in ("asc", "desc"):
            raise bad_parameter("sort_dir")
        index = integer(params, "order_index", 0)
        since = integer(params, "from", 0)
        rows: list[Row] = [
            row
            for row in self._trades.rows(self._symbols(params))
            if (not index or index in (row["ask_id"], row["bid_id"])) and _is_from(row, key, since, direction)
        ]
        rows.sort(key=lambda row: (row[key], row["trade_id"]), reverse=direction == "desc")
        page, cursor = _page(rows, most, params)
        return {"code": 200, "trades": page, "next_cursor": cursor}

    # --- transactions ---
    def tx(self, params: Params, now_ns: int) -> object:
        """GET tx."""
        del now_ns
        by, value = required(params, "by"), required(params, "value")
        if by not in ("hash", "sequence_index"):
            raise bad_parameter("by")
        log = self._sequencer.log
        record = log.by_hash(value) if by == "hash" else log.by_index(integer(params, "value"))
        if record is None:
            raise VenueRefusal(refusals.UNKNOWN_TX)
        return record.as_dict()

    def account_txs(self, params: Params, now_ns: int) -> object:
        """GET accountTxs: newest first."""
        del now_ns
        name = "value" if params.get("by") == "account_index" else "account_index"
        self._own({"account_index": params.get(name, "")})
        return {"code": 200, "txs": [row.as_dict() for row in self._sequencer.log.newest(limit(params, MOST_ROWS))]}


def _between(params: Params) -> tuple[int, int] | None:
    text = params.get("between_timestamps", "")
    if not text:
        return None
    start, _, end = text.partition("-")
    return integer({"between_timestamps": start}, "between_timestamps"), integer({"end": end}, "end")


def _is_from(row: Row, key: str, since: int, direction: str) -> bool:
    """Whether a row lies on the asked side of `from`, which is in the unit of the sort key (time: milliseconds)."""
    value = row["timestamp"] if key == "transaction_time" else row[key]
    return not since or not isinstance(value, int) or (value >= since if direction == "asc" else value <= since)


def _page(rows: list[T], most: int, params: Params) -> tuple[list[T], str]:
    """Return one page and the cursor of the next ("" at the end). The cursor counts rows."""
    start = integer(params, "cursor", 0)
    rest = start + most
    return rows[start:rest], str(rest) if rest < len(rows) else ""
