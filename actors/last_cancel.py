"""The last act of a bot whose actors are gone: cancel the entries it knows of. Blocks; for the root's thread only.

Nobody would cover what such an entry still filled. It takes the shortest way there is, one transport and one request
per order, with no lane, budget or gate; what became of each is said aloud, because nobody is left to prove it.
"""

from typing import Final

from loguru import logger

from actors.grid.restore import RestoredOrder
from actors.log_events import LogEvent
from actors.wires import CrewPlan
from exchanges.errors import BotError, UnknownOrder
from exchanges.reports import OrderReport
from exchanges.values import OrderRef
from exchanges.venue import Call, SignAgain, SignedRequest

_TIMEOUT_S: Final = (1.0, 2.0)
_AT_MOST_NS: Final = 10 * 1_000_000_000


def cancel_known_entries(plan: CrewPlan) -> tuple[str, ...]:
    """Cancel every entry that may be live, once; return the grids of which one may still be. No actor may run.

    It takes 10 s and one request at most. Raises nothing: what could not be done is logged as critical.
    """
    if plan.settings.desk.observe:
        return ()
    try:
        state = plan.open_state()
    except BotError as error:
        _say(f"nothing could be canceled: {error}")
        return tuple(plan.markets)
    state.intents.close()
    deadline_ns = plan.clock.monotonic_ns() + _AT_MOST_NS
    left = []
    for name in plan.exchanges:
        canceler = _Canceler(plan, name, deadline_ns)
        try:
            for grid in plan.settings.grids:
                orders = state.restored.grids[grid.name].orders if grid.exchange == name else ()
                ended = [canceler.cancel(grid.symbol, order) for order in orders if not order.reduce_only]
                if not all(ended):
                    left.append(grid.name)
        finally:
            canceler.close()
    return tuple(left)


class _Canceler:
    """Cancels at one exchange."""

    def __init__(self, plan: CrewPlan, exchange: str, deadline_ns: int) -> None:
        access = plan.accesses[exchange]
        self._exchange = exchange
        self._venue = access.venue
        self._clock = plan.clock
        self._offset_ns = plan.board.connection(exchange).clock_offset_ns
        self._deadline_ns = deadline_ns
        self._transport = plan.network.new_transport(access, plan.clock, _TIMEOUT_S)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def cancel(self, symbol: str, order: RestoredOrder) -> bool:
        """Cancel an entry; whether the venue has said that it is not live."""
        what = f"entry {order.client_order_id} of {symbol} on {self._exchange}"
        if self._clock.monotonic_ns() > self._deadline_ns:
            _say(f"{what} may still be live: no time was left to cancel it")
            return False
        try:
            self._ask(symbol, order)
        except UnknownOrder:
            _say(f"{what} is not live: the venue does not know it")
        except (BotError, ValueError) as error:  # also a market that was never read: the others are asked all the same
            _say(f"{what} may still be live: {error}")
            return False
        else:
            _say(f"{what} was canceled; what it had filled is found at the next start")
        return True

    def _ask(self, symbol: str, order: RestoredOrder) -> None:
        ref = OrderRef(symbol=symbol, client_order_id=order.client_order_id, order_id=order.order_id)
        call = self._venue.cancel_order(ref)
        try:
            self._send(call)
        except SignAgain:
            self._send(call)

    def _send(self, call: Call[OrderReport]) -> None:
        first = call.first() if call.first is not None else None
        if first is not None:
            first.read(self._transport.send(self._sign(first)))
        call.read(self._transport.send(self._sign(call)))

    def _sign(self, call: Call[OrderReport] | Call[object]) -> SignedRequest:
        return self._venue.sign(call.request, wall_ns=self._clock.wall_ns() + self._offset_ns)


def _say(text: str) -> None:
    logger.bind(event=LogEvent.HALTED).critical("{}", text)
