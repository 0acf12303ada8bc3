"""The threads that send orders to one venue; questions have one of their own (`actors.query_lane`).

They are plain threads behind a non-blocking `tell`, not actors: they block on sockets, and nothing else may. Every lane
has its own warm connection, so an exit never waits behind a question or behind the reply to another order. (Where a
venue wants its orders in one strict sequence, a single lane sends them without waiting for replies:
`actors.pipelined_lane`.) A command goes to the lane that (lot + leg) names, or to an idle one where that lane is busy;
a command of an order that is still in some lane follows it there, so the commands of one order keep their order.
Nothing is ever sent twice.

A lane tells what became of a command to the connection (`OrderSent`, then `OrderAnswered`, `OrderErred` or
`OrderHeld`); what that means is decided there.
"""

from collections import deque
from collections.abc import Callable
from queue import Empty
from typing import Any, Final

from actors.addresses import Address
from actors.messages import CancelOrder, OrderCommand, OrderSent
from actors.rest_thread import LEAST_WAIT_S, WARM_EVERY_S, LaneParts, RestThread, Transport, join_all, tell_quietly
from actors.runtime import Queue, runtime
from actors.send_gate import Denied, SendGate, is_entry, to_request
from actors.venue_messages import LaneFact, OrderAnswered, OrderErred, OrderHeld
from exchanges.errors import ConfigError, ExchangeError, RequestNotSent
from exchanges.order_ids import unpack
from exchanges.reports import OrderReport
from exchanges.values import ClientOrderId, OrderRef
from exchanges.venue import Call, SignAgain

_NEVER_NS: Final = 2**63


class OrderLane(RestThread):
    """One thread that sends commands, each after the reply to the one before. Waits for the rate budget without
    blocking the commands behind.
    """

    def __init__(self, parts: LaneParts, gate: SendGate, facts: Address[LaneFact], index: int) -> None:
        super().__init__(parts, f"{parts.name}/order-lane-{index}")
        self.busy_with: set[ClientOrderId] = set()
        self.placing: set[ClientOrderId] = set()
        """Orders that wait here, or whose placing has no answer yet."""
        self._gate = gate
        self._facts = facts
        self._mark = gate.halted.new_mark()
        self._queue: Queue[Any] = runtime().new_queue()
        """Commands, None for the end, and what a kind of lane puts there for itself."""
        self._deferred: deque[OrderCommand] = deque()
        self._retry_ns = _NEVER_NS
        self._sent_ns = 0
        self._holds_mark = False
        self._is_finishing = False

    def put(self, command: OrderCommand) -> None:
        """Queue a command. Any thread."""
        self.busy_with.add(command.client_order_id)
        if not isinstance(command, CancelOrder):
            self.placing.add(command.client_order_id)
        self._queue.put(command)

    @property
    def load(self) -> int:
        """How many commands wait or are being served. Any thread; a hint, not a count to rely on."""
        return self.depth + (self._job > 0)

    @property
    def depth(self) -> int:
        """How many commands wait. Any thread."""
        return self._queue.qsize() + len(self._deferred)

    def finish(self) -> None:
        """Let the thread end after what is queued."""
        self._queue.put(None)

    def _run(self) -> None:
        self._warm()
        while not self._has_ended():
            try:
                item = self._queue.get(timeout=self._patience_s())
            except Empty:
                self._rest()
                continue
            self._begin_job()
            self._take_up(item)
            self._job = 0
            if self._deferred:
                self._retry_deferred()
        for command in self._deferred:
            self._held(command, "the bot stopped before it could be sent")
        self._gate.halted.forget(self._mark)

    def _has_ended(self) -> bool:
        """Whether the thread may end."""
        return self._is_finishing

    def _take_up(self, item: Any) -> None:  # noqa: ANN401 - a command, None, or what a kind of lane has put there
        """Take one item of the queue."""
        if item is None:
            self._is_finishing = True
        else:
            self._serve(item)

    def _rest(self) -> None:
        """Nothing has come for as long as the lane's patience lasts."""
        if self._deferred:
            self._retry_deferred()
        elif self._queue.empty():
            self._warm()

    def _patience_s(self) -> float:
        if not self._deferred:
            return WARM_EVERY_S
        return max((self._retry_ns - self._parts.clock.monotonic_ns()) / 1e9, LEAST_WAIT_S)

    def _retry_deferred(self) -> None:
        waiting, self._deferred = self._deferred, deque()
        self._retry_ns = _NEVER_NS
        in_hand = self._job
        # exits and cancels first: they have a share of the budget that entries cannot take
        for command in sorted(waiting, key=is_entry):
            self._begin_job()
            self._serve(command)
        self._job = in_hand

    def _serve(self, command: OrderCommand) -> None:
        if isinstance(command, CancelOrder) and self._withdraw(command):
            return
        try:
            self._gate.check_early(command)
            call = self._build(command)
        except (Denied, ConfigError, ValueError) as why:
            # the last two: the venue's own rules for the market have changed since the gate got them
            self._held(command, str(why))
            return
        now_ns = self._parts.clock.monotonic_ns()
        wait_ns = self._take(call.request, now_ns)
        if wait_ns > 0:
            # what may leave first sets the time: an exit must not wait for the share that entries have spent
            self._retry_ns = min(self._retry_ns, now_ns + wait_ns)
            self._deferred.append(command)
            return
        self._send(command, call)

    def _withdraw(self, cancel: CancelOrder) -> bool:
        """Take back an order that still waits here for the budget: nothing has left, so nothing is to be canceled."""
        for command in self._deferred:
            if command.client_order_id == cancel.client_order_id and not isinstance(command, CancelOrder):
                self._deferred.remove(command)
                self._held(command, "canceled before it was sent")
                self._done(cancel)
                return True
        return False

    def _build(self, command: OrderCommand) -> Call[OrderReport]:
        venue = self._parts.venue
        if isinstance(command, CancelOrder):
            ref = OrderRef(symbol=command.symbol, client_order_id=command.client_order_id, order_id=command.order_id)
            return venue.cancel_order(ref)
        return venue.place_limit_order(to_request(command))

    def _send(self, command: OrderCommand, call: Call[OrderReport]) -> None:
        """Send a command and wait for its reply."""
        self._send_by_rest(command, call, self._gate.pass_through)

    def _send_by_rest(
        self, command: OrderCommand, call: Call[OrderReport], last_act: Callable[[OrderCommand], None]
    ) -> None:
        """Send a command by HTTP and wait for its reply. `last_act` is the gate's, with the mark held."""
        self._sent_ns = 0
        try:
            try:
                report = self._attempt(command, call, last_act)
            except SignAgain:
                # Refused before it did anything: the same order, whose intent is recorded, goes out once more.
                self._release_mark()
                self._begin_job()
                report = self._attempt(command, call, self._gate.check_early)
        except Denied as why:
            self._held(command, str(why))
        except ExchangeError as error:
            self._erred(command, error, self._sent_ns)
        else:
            self._answered(command, report)
        finally:
            self._release_mark()

    def _attempt(
        self, command: OrderCommand, call: Call[OrderReport], last_act: Callable[[OrderCommand], None]
    ) -> OrderReport:
        self._ask_first(call)
        # connecting takes seconds: with the mark held a halt would wait for it, and a quote's age be judged before it
        self._transport.prepare(call.request.operation)
        signed = self._parts.venue.sign(call.request, wall_ns=self._parts.venue_clock.wall_ns())
        self._hold_mark()
        last_act(command)
        return call.read(self._exchange(signed, lambda at_ns: self._written(command, at_ns)))

    def _ask_first(self, call: Call[OrderReport]) -> None:
        """Ask what has to be known before the command can be signed. Raises RequestNotSent where it cannot be."""
        question = call.first() if call.first is not None else None
        if question is None:
            return
        operation = question.request.operation
        if self._take(question.request, self._parts.clock.monotonic_ns()) > 0:
            raise RequestNotSent(self._parts.venue.name, operation, "the budget for questions is spent")
        try:
            signed = self._parts.venue.sign(question.request, wall_ns=self._parts.venue_clock.wall_ns())
            question.read(self._exchange(signed))
        except ExchangeError as error:
            self._note_pace(error)
            raise RequestNotSent(self._parts.venue.name, operation, str(error)) from error

    def _written(self, command: OrderCommand, at_ns: int) -> None:
        """Called by the transport directly after the request's last byte went to the socket."""
        self._sent_ns = at_ns
        self._release_mark()
        caused_ns = 0 if isinstance(command, CancelOrder) else command.caused_ns
        tell_quietly(
            self._facts,
            OrderSent(
                grid=command.grid,
                client_order_id=command.client_order_id,
                sent_ns=self._sent_ns,
                caused_ns=caused_ns,
            ),
        )

    def _hold_mark(self) -> None:
        self._mark.acquire()
        self._holds_mark = True

    def _release_mark(self) -> None:
        if self._holds_mark:
            self._holds_mark = False
            self._mark.release()

    def _answered(self, command: OrderCommand, report: OrderReport) -> None:
        self._done(command)
        tell_quietly(self._facts, OrderAnswered(command, report))

    def _erred(self, command: OrderCommand, error: ExchangeError, sent_ns: int) -> None:
        self._note_pace(error)
        self._done(command)
        tell_quietly(self._facts, OrderErred(command, error, sent_ns))

    def _held(self, command: OrderCommand, why: str) -> None:
        self._done(command)
        tell_quietly(self._facts, OrderHeld(command, why))

    def _done(self, command: OrderCommand) -> None:
        self.busy_with.discard(command.client_order_id)
        if not isinstance(command, CancelOrder):
            self.placing.discard(command.client_order_id)


NewLane = Callable[[LaneParts, SendGate, Address[LaneFact], int], OrderLane]


class OrderLanes:
    """The order lanes of one venue: an address for order commands. `tell` is safe from any thread and never blocks.

    Args:
        parts: What the lanes share.
        gate: The last checks before the socket.
        facts: The connection, which is told what became of each command.
        lanes: How many threads (`capabilities.order_lanes`).
        new_lane: Makes one of them, from the first three and its number.
    """

    def __init__(
        self, parts: LaneParts, gate: SendGate, facts: Address[LaneFact], lanes: int, *, new_lane: NewLane = OrderLane
    ) -> None:
        self.gate = gate
        self._count_order = parts.count_order
        self._lanes = [new_lane(parts, gate, facts, index) for index in range(lanes)]

    def start(self) -> None:
        """Start the threads; each connects at once."""
        for lane in self._lanes:
            lane.start()

    def tell(self, command: OrderCommand, /) -> None:
        """Queue a command for the lane that has its order, else for its own lane or an idle one."""
        if not isinstance(command, CancelOrder):
            self._count_order()
        order = command.client_order_id
        idle: OrderLane | None = None
        for lane in self._lanes:
            if order in lane.busy_with:
                lane.put(command)
                return
            if idle is None and not lane.load:
                idle = lane
        key = unpack(order)
        own = self._lanes[(key.sequence + key.leg if key else order) % len(self._lanes)]
        (own if idle is None or not own.load else idle).put(command)

    def is_placing(self, client_order_id: ClientOrderId) -> bool:
        """Whether an order waits here to be placed, or its placing has no answer yet. Any thread.

        It ends just before what became of it is told.
        """
        return any(client_order_id in lane.placing for lane in self._lanes)

    @property
    def workers(self) -> tuple[RestThread, ...]:
        """The threads."""
        return tuple(self._lanes)

    @property
    def depth(self) -> int:
        """How many commands wait or are being served."""
        return sum(lane.load for lane in self._lanes)

    def stop(self, timeout_s: float) -> bool:
        """End the threads: after what is queued, or by force after `timeout_s`. Whether all have ended."""
        for lane in self._lanes:
            lane.finish()
        return join_all(self._lanes, timeout_s)


__all__ = ["LaneParts", "NewLane", "OrderLane", "OrderLanes", "Transport"]
