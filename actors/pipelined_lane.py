"""An order lane that does not wait for answers: commands leave one behind the other over one connection.

For venues that want the orders of a key in one strict sequence, where one lane that waited for each reply would need a
burst of ten exits as many round trips (`capabilities.pipelined_orders`, DESIGN.md section 4). What is told to the
connection is the same as of every lane, and so are the gate's last acts before each write.

* Answers are matched by number. A positive one is what `Call.read` makes of it: often only a receipt.
* An answer that does not come, or a connection that ends, leaves the outcome unknown: told, never sent again. One that
  says nothing at all after an order was written is left, without waiting for its pings to fail.
* While the connection is not open, commands go by HTTP at once, exits as well as entries.
* Where an answer is not positive, those behind it were signed for a sequence that the venue does not have. Nothing more
  leaves until they are answered too, or given up; what the venue refused only for its place in the sequence is then
  signed anew. From then on one command at a time is out until one is taken.
* A command of an order that has one in flight waits for its answer: a cancel must not overtake its order.
"""

import random
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from actors.addresses import Address
from actors.messages import CancelOrder, OrderCommand
from actors.order_line import LineEnded, LineFrame, LineOpened, OrderLine
from actors.rest_thread import LEAST_WAIT_S, WARM_EVERY_S, LaneParts
from actors.rest_worker import OrderLane
from actors.send_gate import Denied, SendGate
from actors.streams import NewReader
from actors.venue_messages import LaneFact
from exchanges.errors import ExchangeError, MalformedMessage, OutcomeUnknown, RequestNotSent, StreamClosed
from exchanges.order_stream import ClosingSoon, OrderFrame, OrderStream
from exchanges.reports import OrderReport
from exchanges.venue import Call, SignAgain

if TYPE_CHECKING:
    from exchanges.values import ClientOrderId

MOST_IN_FLIGHT: Final = 32
ANSWER_NS: Final = 5_000_000_000
"""A healthy venue answers within a fraction of a second."""
SILENT_NS: Final = 3_000_000_000
"""So long an order waits for any sign of life from the connection it was written to."""
BROKEN_ANSWER_NS: Final = 1_000_000_000
"""So long the lane waits for the rest of a broken sequence: exits wait behind it."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A command whose answer is out."""

    command: OrderCommand
    call: Call[OrderReport]
    sent_ns: int


@dataclass(frozen=True, slots=True)
class _Abort:
    """End without the answers that are out."""


class PipelinedLane(OrderLane):
    """See the module's text. Everything happens on the lane's thread, except `put`, `load`, `finish` and `abort`.

    Args:
        parts, gate, facts, index: See `OrderLane`.
        stream: The venue's connection for orders.
        new_reader: Makes connections.
        source: Randomness of the waits between them.
    """

    def __init__(
        self,
        parts: LaneParts,
        gate: SendGate,
        facts: Address[LaneFact],
        index: int,
        *,
        stream: OrderStream,
        new_reader: NewReader,
        source: random.Random,
    ) -> None:
        super().__init__(parts, gate, facts, index)
        self._stream = stream
        self._line = OrderLine(
            f"{self._name}'s connection",
            stream.endpoint,
            new_reader=new_reader,
            put=self._queue.put,
            clock=parts.clock,
            source=source,
        )
        self._flights: dict[str, _Flight] = {}
        self._again: deque[OrderCommand] = deque()
        self._tries: dict[ClientOrderId, int] = {}
        """How often a command was refused for its own signature, of those that were written before."""
        self._window = MOST_IN_FLIGHT
        self._broken_ns = 0
        self._taken_ns = 0
        self._warm_ns = 0
        self._is_leaving = ""

    @property
    def load(self) -> int:
        """See `OrderLane.load`; commands in flight are being served."""
        return super().load + len(self._flights)

    @property
    def depth(self) -> int:
        """See `OrderLane.depth`."""
        return super().depth + len(self._again)

    def abort(self) -> None:
        """End without the answers that are out: what became of these commands is unknown. Any thread."""
        super().abort()
        self._queue.put(_Abort())

    # --- the thread ---

    def _run(self) -> None:
        self._line.keep()
        try:
            super()._run()
        finally:
            self._line.close()

    def _has_ended(self) -> bool:
        return super()._has_ended() and not self._flights and not self._again

    def _patience_s(self) -> float:
        now_ns = self._parts.clock.monotonic_ns()
        times = [now_ns + int(WARM_EVERY_S * 1e9)]
        if self._deferred and self._may_send():
            times.append(self._retry_ns)
        if self._line.next_try_ns is not None:
            times.append(self._line.next_try_ns)
        if self._flights:
            times.append(min(self._give_up_ns(), self._silent_ns()))
        return max((min(times) - now_ns) / 1e9, LEAST_WAIT_S)

    def _take_up(self, item: Any) -> None:  # noqa: ANN401 - see OrderLane
        if isinstance(item, LineFrame):
            if self._line.take(item):
                self._on_frame(item)
        elif isinstance(item, LineOpened | LineEnded):
            if self._line.take(item) and isinstance(item, LineEnded):
                self._lose(item.why)
        elif isinstance(item, _Abort):
            self._lose("the bot stopped before the answer")
        else:
            self._look_around()
            super()._take_up(item)
        self._look_around()

    def _rest(self) -> None:
        self._look_around()
        now_ns = self._parts.clock.monotonic_ns()
        if self._deferred or now_ns >= self._warm_ns:
            self._warm_ns = now_ns + int(WARM_EVERY_S * 1e9)
            super()._rest()

    def _look_around(self) -> None:
        """Do what is due by time: give answers up, leave an old connection, open a new one."""
        if self._flights and self._queue.empty():  # else its answer may wait there: this thread was held up
            now_ns = self._parts.clock.monotonic_ns()
            if now_ns >= self._silent_ns():
                self._leave("nothing was heard after an order was written")
            elif now_ns >= self._give_up_ns():
                self._give_up_oldest()
        problem = self._line.problem
        if problem:
            self._leave(problem)
        if self._line.is_old and not self._flights:
            self._is_leaving = self._is_leaving or "it is old"
        if not self._flights:
            self._whole_again()
        self._line.keep()

    def _whole_again(self) -> None:
        """Nothing is in flight: a broken sequence is over, and what it held back goes first."""
        self._broken_ns = 0
        if self._is_leaving:
            self._line.leave(self._is_leaving)
            self._is_leaving = ""
        if self._again:
            self._deferred.extendleft(reversed(self._again))
            self._again.clear()
            self._retry_deferred()

    def _retry_deferred(self) -> None:
        if self._may_send():
            super()._retry_deferred()

    # --- sending ---

    def _may_send(self) -> bool:
        """Whether anything may leave now."""
        if not self._flights:
            return True
        return not self._broken_ns and not self._is_leaving and len(self._flights) < self._window

    def _serve(self, command: OrderCommand) -> None:
        if isinstance(command, CancelOrder) and self._withdraw(command):
            return
        order = command.client_order_id
        is_behind = any(flight.command.client_order_id == order for flight in self._flights.values())
        if is_behind or not self._may_send():
            self._deferred.append(command)
            return
        super()._serve(command)

    def _withdraw(self, cancel: CancelOrder) -> bool:
        for command in self._again:
            if not isinstance(command, CancelOrder) and command.client_order_id == cancel.client_order_id:
                self._again.remove(command)
                self._held(command, "canceled before it was signed again")
                self._done(cancel)
                return True
        return super()._withdraw(cancel)

    def _send(self, command: OrderCommand, call: Call[OrderReport]) -> None:
        """Write a command behind those in flight, or send it by HTTP where there is no connection."""
        is_again = command.client_order_id in self._tries
        last_act = self._gate.check_early if is_again else self._gate.pass_through
        if not self._line.is_up:
            self._send_by_rest(command, call, last_act)
            return
        try:
            frame = self._sign(command, call)
            if frame is None:
                return
            self._hold_mark()
            last_act(command)
            self._line.send(frame.text)
        except Denied as why:
            self._held(command, str(why))
        except StreamClosed as closed:
            self._release_mark()
            self._send_failed(command, call, closed)
        except ExchangeError as error:
            self._erred(command, error, 0)
        else:
            now_ns = self._parts.clock.monotonic_ns()
            self._flights[frame.number] = _Flight(command, call, now_ns)
            self._written(command, now_ns)
        finally:
            self._release_mark()

    def _sign(self, command: OrderCommand, call: Call[OrderReport]) -> OrderFrame | None:
        """Sign a command as the next of the sequence. None: it does not follow from those in flight and waits."""
        if not self._flights:
            self._ask_first(call)
            return self._stream.sign(call.request, self._parts.venue_clock.wall_ns(), None)
        newest = next(reversed(self._flights.values())).call.request
        try:
            return self._stream.sign(call.request, self._parts.venue_clock.wall_ns(), newest)
        except RequestNotSent:
            self._break()
            self._deferred.append(command)
            return None

    def _send_failed(self, command: OrderCommand, call: Call[OrderReport], closed: StreamClosed) -> None:
        self._line.lost(closed.text)
        self._lose(closed.text)
        if closed.unsent:
            self._send_by_rest(command, call, self._gate.check_early)  # its intent is recorded
            return
        now_ns = self._parts.clock.monotonic_ns()
        self._erred(command, self._unknown(call, f"cut while it was written: {closed.text}"), now_ns)

    # --- answers ---

    def _on_frame(self, frame: LineFrame) -> None:
        try:
            answer = self._stream.read(frame.data, frame.wall_ns)
        except MalformedMessage as error:
            self._leave(f"an answer could not be read: {error.text}")
            return
        if isinstance(answer, ClosingSoon):
            self._is_leaving = "the venue is about to close it"
            self._break()
        elif answer is not None and answer.number is None:
            self._leave("the venue refused a command without saying which")
        elif answer is not None:
            flight = self._flights.pop(str(answer.number), None)
            if flight is not None:  # else it was given up, and is settled by asking
                self._conclude(flight, answer.reply)

    def _conclude(self, flight: _Flight, reply: Any) -> None:  # noqa: ANN401 - an HttpReply
        command = flight.command
        try:
            report = flight.call.read(reply)
        except SignAgain as error:
            self._sign_again(flight, error)
            self._window = 1
            self._break()
        except ExchangeError as error:
            self._erred(command, error, flight.sent_ns)
            self._break()
        else:
            self._window = MOST_IN_FLIGHT
            self._taken_ns = max(self._taken_ns, flight.sent_ns)
            self._answered(command, report)

    def _sign_again(self, flight: _Flight, error: SignAgain) -> None:
        """The venue did nothing: the same command once more, unless its owner wants it canceled meanwhile."""
        command, order = flight.command, flight.command.client_order_id
        tries = self._tries.get(order, 0)
        if not self._broken_ns:  # else it was refused for its place in a broken sequence
            tries += 1
        if tries > 1:
            self._erred(command, error, flight.sent_ns)
            return
        self._tries[order] = tries
        self._again.append(command)
        for waiting in self._deferred:
            if isinstance(waiting, CancelOrder) and waiting.client_order_id == order and self._withdraw(waiting):
                self._deferred.remove(waiting)
                return

    def _break(self) -> None:
        """What is in flight was signed for a sequence that the venue does not have, perhaps."""
        if self._flights and not self._broken_ns:
            self._broken_ns = self._parts.clock.monotonic_ns()

    def _give_up_ns(self) -> int:
        """When the oldest command in flight is not waited for any more."""
        oldest_ns = next(iter(self._flights.values())).sent_ns + ANSWER_NS
        return min(oldest_ns, self._broken_ns + BROKEN_ANSWER_NS) if self._broken_ns else oldest_ns

    def _silent_ns(self) -> int:
        """When the connection is left for its silence; an answer or a pong since the oldest was written proves it."""
        oldest_ns = next(iter(self._flights.values())).sent_ns
        return oldest_ns + SILENT_NS if self._line.alive_ns <= oldest_ns else oldest_ns + 2 * ANSWER_NS

    def _give_up_oldest(self) -> None:
        flight = self._flights.pop(next(iter(self._flights)))
        self._erred(flight.command, self._unknown(flight.call, "no answer came in time"), flight.sent_ns)
        if (
            self._taken_ns <= flight.sent_ns
        ):  # else one behind it was taken, so it was counted and only its answer is lost
            self._break()

    def _leave(self, why: str) -> None:
        """The connection says what cannot be understood: nothing on it can be told from its answers any more."""
        self._line.leave(why)
        self._lose(why)

    def _lose(self, why: str) -> None:
        """The connection is gone, and the answers to what is in flight with it."""
        flights, self._flights = self._flights, {}
        for flight in flights.values():
            self._erred(flight.command, self._unknown(flight.call, f"no answer: {why}"), flight.sent_ns)

    def _unknown(self, call: Call[OrderReport], text: str) -> OutcomeUnknown:
        return OutcomeUnknown(self._parts.venue.name, call.request.operation, text)

    def _done(self, command: OrderCommand) -> None:
        super()._done(command)
        self._tries.pop(command.client_order_id, None)
