"""From a queued transaction to its verdict: the half of the venue that decides after the receipt has gone out.

Source: venues/lighter.md 4 (latencies), 8.3 (what a 200 does not mean), 10. Transactions wait the engine's latencies (a
taking order half as long again as a resting one, as 300 ms stand to 200 ms on the standard tier) and are then executed
in the order of their time. Refused silently, with the verdict in the record alone: a client index that is taken, a
reduce-only order with nothing to reduce, a resting order without margin. A taking order without margin leaves a
canceled order behind.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_types import (
    Amended,
    AmendOrder,
    CancelAll,
    CancelOrder,
    EndReason,
    EngineSettings,
    OrderView,
    Placed,
    PlaceOrder,
    RefusalReason,
    Refused,
    SetLeverage,
    TimeInForce,
)
from exchanges.simulated.faces.lighter import refusals, validation
from exchanges.simulated.faces.lighter.markets import FULL_MARGIN, NIL_MARKET, LighterMarket, by_id, fraction_of
from exchanges.simulated.faces.lighter.orders import INDEX_SPAN, OrderBookkeeping, OrderMeta, order_index
from exchanges.simulated.faces.lighter.refusals import CODES, VenueRefusal
from exchanges.simulated.faces.lighter.transactions import Attribute, Transaction, TxType
from exchanges.simulated.faces.lighter.tx_log import TxLog, TxRecord, cancel_info, order_info, refused_info
from exchanges.values import ZERO, OrderStatus, Side

NS_PER_MS: Final = 1_000_000
_CANCELS: Final = frozenset({TxType.CANCEL_ORDER, TxType.CANCEL_ALL})

Info = dict[str, object]


@dataclass(slots=True)
class AccountModes:
    """Switches of the account that the engine does not know. Persisted.

    `fractions` are margin fractions as asked for (1e-4), `isolated` the markets in isolated mode, `cancel_all_ms` when
    the dead man's switch fires (0: it is off).
    """

    fractions: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    cancel_all_ms: int = 0

    def margin_mode(self, symbol: str) -> int:
        """Return 0 for cross, 1 for isolated."""
        return validation.ISOLATED if symbol in self.isolated else validation.CROSS

    def fraction(self, symbol: str, leverage: int) -> int:
        """Return the margin fraction in force; `leverage` is the engine's."""
        return self.fractions.get(symbol) or fraction_of(leverage)


class Sequencer:
    """The queue of one account. `ended_early` is told about orders that ended without the engine knowing them."""

    def __init__(
        self,
        engine: Engine,
        account: str,
        markets: Mapping[str, LighterMarket],
        settings: EngineSettings,
        ended_early: Callable[[OrderView, OrderMeta], None],
        executed: Callable[[TxRecord], None],
    ) -> None:
        self.modes = AccountModes()
        self.orders = OrderBookkeeping(engine, account, markets)
        self.log = TxLog(executed)
        self._engine = engine
        self._account = account
        self._markets = by_id(markets)
        self._settings = settings
        self._ended_early = ended_early
        self._queue: list[tuple[int, int, TxRecord]] = []
        self._counter = 0
        self._now_ns = 0

    # --- the gate's half ---
    def check(self, tx: Transaction, now_ns: int) -> None:
        """Check everything about a transaction that can be said before it is queued.

        Raises:
            VenueRefusal: the first rule it breaks.
        """
        now_ms = now_ns // NS_PER_MS
        if tx.tx_type is TxType.CANCEL_ALL:
            validation.check_cancel_all(tx, now_ms)
            only = tx.attributes.get(Attribute.CANCEL_ALL_MARKET, NIL_MARKET)
            if only != NIL_MARKET:
                self._market(only)
            return
        market = self._market(tx["MarketIndex"])
        if tx.tx_type is TxType.CREATE_ORDER:
            self._check_order(tx, market, now_ms)
        elif tx.tx_type in (TxType.CANCEL_ORDER, TxType.MODIFY_ORDER):
            self._check_existing(tx, market)
        elif tx.tx_type is TxType.UPDATE_LEVERAGE:
            validation.check_leverage(tx, market)
            self._check_margin_mode(tx, market)
        else:
            self._check_margin(market)

    def _market(self, market_id: int) -> LighterMarket:
        market = self._markets.get(market_id)
        if market is None:
            raise VenueRefusal(refusals.BAD_MARKET)
        return market

    def _check_order(self, tx: Transaction, market: LighterMarket, now_ms: int) -> None:
        if not market.rules.is_trading:
            raise VenueRefusal(refusals.MARKET_NOT_ACTIVE)
        order = self._read(tx, market, now_ms)
        rests = order.time_in_force is not TimeInForce.IOC
        if rests and not order.reduce_only and self._engine.lacks_margin(self._account, order):
            raise VenueRefusal(refusals.NO_MARGIN)

    def _read(self, tx: Transaction, market: LighterMarket, now_ms: int) -> PlaceOrder:
        return validation.read_order(tx, market, self._engine.mark_price(market.symbol), now_ms)

    def _check_existing(self, tx: Transaction, market: LighterMarket) -> None:
        validation.check_index(tx["Index"])
        if tx.tx_type is TxType.MODIFY_ORDER:
            validation.check_base(tx["BaseAmount"])
            validation.check_price(tx["Price"])
            if tx["TriggerPrice"]:
                raise VenueRefusal(refusals.BAD_TRIGGER)
            if any(tx.attributes.get(key) for key in (1, 2, 3)):
                raise VenueRefusal(refusals.INTEGRATOR_NOT_APPROVED)
        if self._is_queued(market, tx["Index"]):
            return
        order = self.orders.find(market, tx["Index"])
        if order is None:
            raise VenueRefusal(refusals.BAD_ORDER_INDEX)
        if not order.is_open:
            raise VenueRefusal(refusals.NOT_ACTIVE)

    def _is_queued(self, market: LighterMarket, index: int) -> bool:
        """Whether the order itself is still on its way, so that only the sequencer can tell."""
        waiting = (record.tx for _, _, record in self._queue)
        return index < INDEX_SPAN and any(
            tx.tx_type is TxType.CREATE_ORDER
            and tx["ClientOrderIndex"] == index
            and tx["MarketIndex"] == market.market_id
            for tx in waiting
        )

    def _check_margin_mode(self, tx: Transaction, market: LighterMarket) -> None:
        changes = tx["MarginMode"] != self.modes.margin_mode(market.symbol)
        if changes and self._engine.position(self._account, market.symbol).quantity:
            raise VenueRefusal(refusals.MARGIN_MODE_WITH_POSITION)

    def _check_margin(self, market: LighterMarket) -> None:
        if self.modes.margin_mode(market.symbol) == validation.CROSS:
            raise VenueRefusal(refusals.BAD_MARGIN_MODE)
        if not self._engine.position(self._account, market.symbol).quantity:
            raise VenueRefusal(refusals.NO_POSITION)
        raise VenueRefusal(refusals.UNSUPPORTED_TX, detail=": isolated collateral is not simulated")

    # --- the queue ---
    def submit(self, tx: Transaction, digest: bytes, now_ns: int) -> int:
        """Queue a checked transaction; one without latency is executed at once. Returns when it will be (ns)."""
        record = self.log.add(tx, digest, now_ns)
        due_ns = now_ns + self._latency_ns(tx)
        self._counter += 1
        heapq.heappush(self._queue, (due_ns, self._counter, record))
        self.advance(now_ns)
        return due_ns

    def _latency_ns(self, tx: Transaction) -> int:
        if tx.tx_type in _CANCELS:
            return self._settings.cancel_latency_ns
        takes = tx.tx_type is TxType.CREATE_ORDER and tx["TimeInForce"] == validation.IMMEDIATE_OR_CANCEL
        return self._settings.ack_latency_ns * (3 if takes else 2) // 2

    def advance(self, now_ns: int) -> None:
        """Execute what is due, let orders expire, let the dead man's switch fire."""
        self._now_ns = now_ns
        while self._queue and self._queue[0][0] <= now_ns:
            _, _, record = heapq.heappop(self._queue)
            if record.tx["ExpiredAt"] < now_ns // NS_PER_MS:
                self.log.drop(record)
            else:
                self.log.settle(record, self._execute(record.tx), now_ns)
        now_ms = now_ns // NS_PER_MS
        for order_id, symbol in self.orders.expired(now_ms):
            self._engine.execute(self._account, CancelOrder(symbol=symbol, order_id=order_id), now_ns)
        if 0 < self.modes.cancel_all_ms <= now_ms:
            self.modes.cancel_all_ms = 0
            self._engine.execute(self._account, CancelAll(), now_ns)

    def next_ns(self) -> int | None:
        """When `advance` has something to do next."""
        times = [self._queue[0][0]] if self._queue else []
        expiry_ms = self.orders.next_expiry_ms()
        times += [at_ms * NS_PER_MS for at_ms in (expiry_ms, self.modes.cancel_all_ms) if at_ms]
        return min(times, default=None)

    # --- verdicts ---
    def _execute(self, tx: Transaction) -> Info:
        if tx.tx_type is TxType.CANCEL_ALL:
            return self._cancel_all(tx)
        market = self._markets[tx["MarketIndex"]]
        if tx.tx_type is TxType.CREATE_ORDER:
            return self._create(tx, market)
        if tx.tx_type is TxType.CANCEL_ORDER:
            return self._cancel(tx, market)
        if tx.tx_type is TxType.MODIFY_ORDER:
            return self._modify(tx, market)
        return self._set_leverage(tx, market)

    def _create(self, tx: Transaction, market: LighterMarket) -> Info:
        if self.orders.is_live(tx["ClientOrderIndex"]) and not self._is_live_in(market, tx["ClientOrderIndex"]):
            return refused_info(refusals.CLIENT_INDEX_TAKEN)
        try:
            command = self._read(tx, market, self._now_ns // NS_PER_MS - validation.EXPIRY_GRACE_MS)
        except VenueRefusal as refusal:
            return refused_info(refusal.code)
        meta = OrderMeta(
            expiry_ms=tx["OrderExpiry"], is_market=tx["Type"] == validation.MARKET, api_key_index=tx.api_key_index
        )
        answer = self._engine.execute(self._account, command, self._now_ns)
        if isinstance(answer, Refused):
            return self._refused_order(command, meta, market, answer)
        order = cast("Placed", answer).final
        if order.end_reason is EndReason.IMMEDIATE and self._lies_beyond(command):
            meta = replace(meta, ended_as="canceled-too-much-slippage")
        self.orders.note(order, meta)
        return order_info(order, meta, market)

    def _is_live_in(self, market: LighterMarket, index: int) -> bool:
        order = self.orders.by_client(market, index)
        return order is not None and order.is_open

    def _refused_order(self, command: PlaceOrder, meta: OrderMeta, market: LighterMarket, answer: Refused) -> Info:
        if answer.reason is RefusalReason.REDUCE_ONLY:
            held = self._engine.position(self._account, market.symbol).quantity
            is_wrong = held * command.side.sign > 0
            return refused_info(refusals.REDUCE_ONLY_DIRECTION if is_wrong else refusals.REDUCE_ONLY_INCREASES)
        if answer.reason is RefusalReason.MARGIN and command.time_in_force is TimeInForce.IOC:
            ended = replace(meta, ended_as="canceled-margin-not-allowed")
            phantom = self.orders.add_phantom(self._never_entered(command), ended)
            self._ended_early(phantom, ended)
            return order_info(phantom, ended, market)
        return refused_info(CODES[answer.reason])

    def _never_entered(self, command: PlaceOrder) -> OrderView:
        return OrderView(
            account=self._account,
            symbol=command.symbol,
            order_id=0,
            client_id=command.client_id,
            side=command.side,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            price=command.price or ZERO,
            quantity=command.quantity,
            filled=ZERO,
            average_price=ZERO,
            status=OrderStatus.CANCELED,
            reduce_only=command.reduce_only,
            created_ns=self._now_ns,
            updated_ns=self._now_ns,
        )

    def _lies_beyond(self, command: PlaceOrder) -> bool:
        """Whether the known depth goes on beyond an order's limit: its price was too tight."""
        quote = self._engine.quote(command.symbol)
        spec = self._engine.market(command.symbol)
        if quote is None or spec is None or command.price is None:
            return False
        depth = spec.rules.tick * self._settings.depth_ticks * self._settings.depth_levels
        if command.side is Side.BUY:
            return command.price < quote.ask + depth
        return command.price > quote.bid - depth

    def _cancel(self, tx: Transaction, market: LighterMarket) -> Info:
        order = self.orders.find(market, tx["Index"])
        if order is None:
            return refused_info(refusals.BAD_ORDER_INDEX)
        command = CancelOrder(symbol=market.symbol, order_id=order.order_id)
        if isinstance(self._engine.execute(self._account, command, self._now_ns), Refused):
            return refused_info(refusals.NOT_ACTIVE)
        return cancel_info(order, market)

    def _cancel_all(self, tx: Transaction) -> Info:
        if tx["TimeInForce"] != validation.CANCEL_NOW:
            self.modes.cancel_all_ms = tx["Time"]
            return {"a": tx.account_index, "ae": ""}
        only = self._markets.get(tx.attributes.get(Attribute.CANCEL_ALL_MARKET, NIL_MARKET))
        self._engine.execute(self._account, CancelAll(symbol=only.symbol if only else None), self._now_ns)
        return {"a": tx.account_index, "ae": ""}

    def _modify(self, tx: Transaction, market: LighterMarket) -> Info:
        order = self.orders.find(market, tx["Index"])
        if order is None or not order.is_open:
            return refused_info(refusals.BAD_ORDER_INDEX if order is None else refusals.NOT_ACTIVE)
        version = self.orders.meta(order).version
        if tx.attributes.get(Attribute.ORDER_VERSION, version) != version:
            return refused_info(refusals.BAD_ORDER_INDEX)
        command = AmendOrder(
            symbol=market.symbol,
            price=market.price(tx["Price"]),
            quantity=market.size(tx["BaseAmount"]),
            order_id=order.order_id,
        )
        answer = self._engine.execute(self._account, command, self._now_ns)
        if isinstance(answer, Refused):
            return refused_info(CODES[answer.reason])
        changed = cast("Amended", answer).order
        self.orders.change(changed, version=version + 1)
        index = order_index(market, order.side, order.order_id)
        before = {"i": index, "p": market.price_int(order.price), "is": market.size_int(order.quantity)}
        after = {"i": index, "p": market.price_int(changed.price), "is": market.size_int(changed.quantity)}
        return {"m": market.market_id, "oo": before, "no": after, "ae": ""}

    def _set_leverage(self, tx: Transaction, market: LighterMarket) -> Info:
        try:
            self._check_margin_mode(tx, market)
        except VenueRefusal as refusal:
            return refused_info(refusal.code)
        fraction, symbol = tx["InitialMarginFraction"], market.symbol
        command = SetLeverage(symbol=symbol, leverage=FULL_MARGIN // fraction)
        answer = self._engine.execute(self._account, command, self._now_ns)
        if isinstance(answer, Refused):
            return refused_info(CODES[answer.reason])
        self.modes.fractions[symbol] = fraction
        if tx["MarginMode"] == validation.ISOLATED:
            self.modes.isolated.add(symbol)
        else:
            self.modes.isolated.discard(symbol)
        return {"a": tx.account_index, "m": market.market_id, "imf": fraction, "mm": tx["MarginMode"], "ae": ""}
