"""One exchange account: actor `ExchangeConnection`. Frames and replies come in, facts about our orders go out.

It owns the exchange's client (cumulative fills, open orders), the private stream's life, the catch-up after every
connect and the schedule of audits. It never blocks: questions go to the query lane as conversations
(`actors.connection_reads`), orders do not pass through here at all (they go from strategy and closer straight to the
order lanes), and only their outcomes come back.

Life: prepare (clock, rules, account) -> connect the stream -> catch up by REST while frames are kept -> apply the kept
frames -> ready. After a loss: connect again with growing waits, catch up again, then say that the stream is restored.
"""

from decimal import Decimal
from typing import Any, Final, assert_never

from actors.addresses import Address
from actors.base import BotActor
from actors.connection_facts import OrderFacts
from actors.connection_parts import (
    ConnectionBegun,
    ConnectionFailed,
    ConnectionParts,
    GridReading,
    StartRefused,
    restore_client,
)
from actors.connection_reads import VenueReads
from actors.connection_stream import PrivateStream, is_refusal
from actors.log_events import LogEvent
from actors.messages import (
    ActorFailed,
    AdoptDifference,
    FundingPaid,
    NoteLevel,
    OrderCommand,
    OrderSent,
    QueryOrder,
    StreamLost,
    StreamRestored,
    Tick,
)
from actors.order_questions import OrderQuestions
from actors.settings import ForeignPolicy
from actors.status import ConnectionPhase, ConnectionStatus
from actors.steps import Answer, StepRunner, Steps, attempt, wait
from actors.venue_messages import (
    Begin,
    ConnectionMessage,
    Distrust,
    Due,
    FrameReceived,
    LaneFact,
    OrderAnswered,
    OrderErred,
    OrderHeld,
    Port,
    QueryAnswered,
    QueryErred,
    ReadClock,
    StreamEnded,
    StreamOpened,
)
from exchanges.client import ClientCallbacks, ExchangeClient
from exchanges.errors import (
    AuthenticationRefused,
    ClockRefused,
    ConfigError,
    ExchangeError,
    MalformedMessage,
    StillPending,
)
from exchanges.fill_events import Acceptance, Fill
from exchanges.order_ids import OrderRole, unpack
from exchanges.records import replace
from exchanges.redaction import redact
from exchanges.reports import NoticeKind, PositionReport, StreamNotice
from exchanges.values import ZERO, ClientOrderId
from exchanges.venue import Call

_NS: Final = 1_000_000_000
_EXPIRED_KEY_WAIT_S: Final = 5.0
_REFUSALS_AT_START: Final = 5
_LOOKS_AT_START: Final = 4
"""What does not belong to this bot is read so often again, always the same, before it refuses the start."""

_LOOK_AGAIN_S: Final = 0.5
_SHUT_OUT_AGAIN_S: Final = 15.0
_MOST_KEPT_FRAMES: Final = 50_000
_KEEP_ENDED_NS: Final = 3600 * _NS
_CLOCK_EVERY_NS: Final = 60 * _NS
_CLOCK_AGAIN_NS: Final = 5 * _NS


class ExchangeConnection(BotActor):
    """Owns one exchange account's client, private stream and audits. See the module's text for its life."""

    def __init__(self, *, name: str, failures: Address[ActorFailed], parts: ConnectionParts) -> None:
        super().__init__(name=name, failures=failures)
        self._parts = parts
        self._grids = {grid.symbol: grid for grid in parts.grids}
        self._status = ConnectionStatus(exchange=parts.exchange)
        self._is_ready = False
        self._is_auditing = False
        self._is_streaming = False
        self._kept: list[FrameReceived] = []
        self._catching_up: Steps[None] | None = None
        self._lost_ns = 0
        self._clock_read_ns = 0
        self._filled_net: dict[str, Decimal] = {}
        self._sent_ns: dict[ClientOrderId, int] = {}

    def _on_start(self) -> None:
        parts = self._parts
        self._private = PrivateStream(
            venue=parts.venue,
            venue_clock=parts.venue_clock,
            symbols=tuple(self._grids),
            new_reader=parts.new_reader,
            address=self.actor_ref,
            source=parts.source,
        )
        self._runner = StepRunner(self._submit, self._arm_step)
        self._facts = OrderFacts(
            exchange=parts.exchange,
            grids={grid.symbol: grid.name for grid in parts.grids},
            owners=parts.owners,
            clock=parts.clock,
            fence_s=parts.venue.capabilities.fence_s,
            ask_about=self._ask_about,
        )
        self._client = ExchangeClient(
            parts.venue, bot_tag=parts.bot_tag, symbols=self._grids, callbacks=self._callbacks()
        )
        before_ns = parts.clock.monotonic_ns() - 1
        for grid in parts.grids:
            restore_client(self._client, grid, placed_ns=before_ns)
        self._reads = VenueReads(parts=parts, client=self._client, facts=self._facts, grids=self._grids)
        self._questions = OrderQuestions(
            runner=self._runner,
            reads=self._reads,
            client=self._client,
            grids=self._grids,
            accept_within_s=parts.venue.capabilities.accept_within_s,
        )

    def _callbacks(self) -> ClientCallbacks:
        return ClientCallbacks(
            order_fill=self._on_fill,
            order_accepted=self._on_accepted,
            order_ended=self._facts.ended,
            position=self._on_position,
            foreign_order=self._facts.foreign,
            notice=self._on_notice,
            fill_corrected=self._facts.corrected,
            doubt=self._facts.doubted,
        )

    def handle(self, message: ConnectionMessage) -> None:
        """Take one message."""
        match message:
            case FrameReceived():
                self._on_frame(message)
            case OrderAnswered() | OrderErred() | OrderHeld() | OrderSent():
                self._on_lane_fact(message)
            case QueryAnswered():
                self._runner.answered(message.ticket, message.value, message.asked_ns)
            case QueryErred():
                self._runner.erred(message.ticket, message.error, message.asked_ns)
                self._doubt_clock(message.error)
            case QueryOrder():
                self._questions.settle(message.grid, message.symbol, message.client_order_id)
            case StreamOpened():
                self._on_opened(message)
            case StreamEnded():
                self._on_ended(message)
            case Due():
                self._on_due(message)
            case Begin() | Distrust() | ReadClock():
                self._on_word(message)
            case _:
                assert_never(message)

    def _on_word(self, word: Begin | Distrust | ReadClock) -> None:
        """Take what the supervisors say."""
        match word:
            case Begin():
                self._runner.run(self._start_up())
            case Distrust():
                self._distrust(word.why)
            case ReadClock():
                self._read_clock_soon()

    def _on_lane_fact(self, fact: LaneFact) -> None:
        match fact:
            case OrderSent():
                self._on_sent(fact)
            case OrderAnswered():
                self._note_answer(fact.command)
                self._facts.answered(fact, self._client)
                self._questions.expect_acceptance(fact.command)
            case OrderErred():
                self._sent_ns.pop(fact.command.client_order_id, None)
                self._facts.erred(fact, self._client)
                self._doubt_clock(fact.error)
            case OrderHeld():
                self._facts.held(fact, self._client)

    def _on_stop(self) -> None:
        for key in ("audit", "renew"):
            self._parts.timers.cancel((self.name, key))
        if hasattr(self, "_runner"):
            self._private.close()
            self._runner.drop_all()

    # --- start ---

    def _start_up(self) -> Steps[None]:
        refusals = 0
        while True:
            try:
                yield from self._reads.prepare()
                yield from self._private.obtain()
            except StartRefused as error:
                self._fail_start(str(error))
                return
            except AuthenticationRefused as error:
                hint = f" Check {self._parts.credential_hint}." if self._parts.credential_hint else ""
                self._fail_start(f"{self._parts.exchange} does not accept the credentials: {error}.{hint}")
                return
            except ExchangeError as error:
                refusals = refusals + 1 if is_refusal(error) else 0
                if refusals >= _REFUSALS_AT_START:
                    self._fail_start(f"{self._parts.exchange} refuses: {error}")
                    return
                wait_s = self._private.next_wait_s()
                self._delay(f"cannot be read yet: {error}", wait_s, is_usual=isinstance(error, StillPending))
                yield from wait(wait_s)
            else:
                break
        self._parts.gate.set_rules(self._reads.rules)
        self._clock_read_ns = self._parts.clock.monotonic_ns()
        self._open_stream()

    def _fail_start(self, text: str) -> None:
        self._show(phase=ConnectionPhase.FAILED, why=text)
        self._facts.note(LogEvent.START_REFUSED, text, level=NoteLevel.CRITICAL)
        self.send(self._parts.bot, ConnectionFailed(self._parts.exchange, text))

    def _delay(self, text: str, wait_s: float, *, is_usual: bool = False) -> None:
        self._show(why=text)
        self.log.bind(event=LogEvent.START_DELAYED, exchange=self._parts.exchange).log(
            "DEBUG" if is_usual else "WARNING",
            "{}: {}; tried again in {:.1f} s",
            self._parts.exchange,
            redact(text),
            wait_s,
        )

    # --- life of the private stream ---

    def _open_stream(self) -> None:
        try:
            self._private.open(self._parts.clock.monotonic_ns())
        except ConfigError as error:
            self._fail_start(str(error))

    def _on_opened(self, opened: StreamOpened) -> None:
        if opened.stream != self._private.number:
            return
        self._private.watch.opened(self._parts.clock.monotonic_ns())
        self._show(phase=ConnectionPhase.CATCHING_UP, why="")
        self._arm_renewal()
        self._catching_up = self._catch_up()
        self._runner.run(self._catching_up)

    def _catch_up(self) -> Steps[None]:
        if not self._is_ready:
            yield from self._wait_out_fence()
        doubt, looks, again = "", 0, False
        while True:
            filled_net = dict(self._filled_net)
            readings = yield from self._read_venue(again=again)
            kept, self._kept = self._kept, []
            if self._is_ready:
                break
            # At the start the position is compared with the fills: both must be of one moment, so nothing may have
            # been filled between. Frames that came meanwhile are taken, and what they changed is read again.
            if kept:
                if not self._take_kept(kept):
                    return
                kept = []
                again = filled_net != self._filled_net
                if again:
                    continue
            # A fill between the two questions may be told late or never: what would refuse the start is read again.
            problem = self._start_problem(readings)
            looks = looks + 1 if problem == doubt else 1
            doubt = problem
            if not problem or looks > _LOOKS_AT_START or self._parts.foreign is not ForeignPolicy.REFUSE:
                break
            again = False
            yield from wait(_LOOK_AGAIN_S)
        self._catching_up = None
        self._private.works()
        self._show(phase=ConnectionPhase.LIVE, why="")
        if not self._take_kept(kept):
            return
        if self._is_ready:
            self._tell_restored(readings)
        else:
            self._tell_ready(readings)

    def _read_venue(self, *, again: bool) -> Steps[dict[str, GridReading]]:
        """Read everything (`again`: see `VenueReads.catch_up`), and again until it could be read."""
        while True:
            try:
                return (yield from self._reads.catch_up(again=again))
            except ExchangeError as error:
                again = False
                wait_s = self._private.next_wait_s()
                self._delay(f"catching up failed: {error}", wait_s)
                yield from wait(wait_s)

    def _wait_out_fence(self) -> Steps[None]:
        """After a loss of power: wait until no order whose intent was lost can be accepted any more, or shut it out."""
        while (left_ns := self._parts.suspect_until_wall_ns - self._parts.clock.wall_ns()) > 0:
            call = self._parts.venue.shut_out_earlier(self._parts.grids[0].symbol)
            outcome = None if call is None else (yield from attempt(call))
            wait_s = left_ns / _NS
            if isinstance(outcome, Answer):
                self._delay("the power was lost: what was on its way is shut out", outcome.value)
                yield from wait(outcome.value)
                return
            if outcome is not None:
                wait_s = min(wait_s, _SHUT_OUT_AGAIN_S)
            self._delay("the power was lost: orders may still be on their way", wait_s)
            yield from wait(wait_s)

    def _take_kept(self, kept: list[FrameReceived]) -> bool:
        """Apply frames that came while catching up. False: one of them says that the stream is no good, and the next
        catch-up says the rest.
        """
        # not to be dropped meanwhile: a conversation cannot be closed from inside itself
        running, self._catching_up = self._catching_up, None
        stream = self._private.number
        for frame in kept:
            self._apply_frame(frame)
        if self._private.number != stream:
            return False
        self._catching_up = running
        return True

    def _tell_restored(self, readings: dict[str, GridReading]) -> None:
        gap_ns = self._parts.clock.monotonic_ns() - self._lost_ns
        self.log.bind(event=LogEvent.STREAM_RESTORED, exchange=self._parts.exchange).info(
            "{}: private stream restored after {:.1f} s", self._parts.exchange, gap_ns / _NS
        )
        for symbol, reading in readings.items():
            grid = self._grids[symbol]
            self._reads.tell_listed(grid, reading.active)
            self._reads.tell_position(grid, reading.position)
            self._facts.tell_both(StreamRestored(grid=grid.name, gap_ns=gap_ns))

    def _start_problem(self, readings: dict[str, GridReading]) -> str:
        """Return what the venue holds that is not this bot's, empty if nothing."""
        problems = []
        for symbol, reading in readings.items():
            foreign = self._reads.foreign_problem(self._grids[symbol], reading, self._filled_net.get(symbol, ZERO))
            if foreign:
                problems.append(f"{symbol} on {self._parts.exchange} holds {foreign} that this bot does not know")
        return "; ".join(problems)

    def _tell_ready(self, readings: dict[str, GridReading]) -> None:
        problem = self._start_problem(readings)
        if problem and self._parts.foreign is ForeignPolicy.REFUSE:
            self._fail_start(f"{problem}. Close them, or set desk.on_start_foreign to ignore or adopt.")
            return
        if problem:
            self._facts.note(LogEvent.FOREIGN_ORDER_SEEN, problem, level=NoteLevel.WARNING)
        self._is_ready = True
        for symbol, reading in readings.items():
            grid = self._grids[symbol]
            self._reads.tell_listed(grid, reading.active)
            self._reads.tell_ready(grid, reading)
            if problem and self._parts.foreign is ForeignPolicy.ADOPT:
                self.send(self._parts.owners.closer, AdoptDifference(grid=grid.name, when_proven=True))
        self.send(self._parts.bot, ConnectionBegun(self._parts.exchange))
        self._facts.note(LogEvent.RECONCILE_FINISHED, f"{self._parts.exchange} has been read")
        port: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("audit"))
        self._parts.timers.every(int(self._parts.audit_every_s * _NS), port, (self.name, "audit"))

    def _on_ended(self, ended: StreamEnded) -> None:
        if ended.stream == self._private.number:
            self._lose(ended.why, renews=True)

    def _lose(self, why: str, *, renews: bool, least_wait_s: float = 0.0) -> None:
        """The stream is gone or not trusted: say so once, end what depended on it, connect anew after a wait."""
        if not self._private.number:
            return  # said already, by an earlier report of the same frame or by another of its frames
        self._private.close()
        self._kept.clear()
        if self._catching_up is not None:
            self._runner.drop(self._catching_up)
            self._catching_up = None
        was_live = self._status.phase is ConnectionPhase.LIVE
        self._show(phase=ConnectionPhase.LOST, why=why, reconnects=self._status.reconnects + was_live)
        if was_live:
            self._lost_ns = self._parts.clock.monotonic_ns()
            self.log.bind(event=LogEvent.STREAM_LOST, exchange=self._parts.exchange).warning(
                "{}: private stream lost: {}", self._parts.exchange, why
            )
            for grid in self._grids.values():
                self._facts.tell_both(StreamLost(grid=grid.name, why=why))
        self._runner.run(self._reconnect(renews=renews, least_wait_s=least_wait_s))

    def _on_heartbeat(self) -> None:
        why = self._private.problem(self._parts.clock.monotonic_ns()) if self._private.number else ""
        if why:
            self.log.bind(event=LogEvent.STREAM_STALLED, exchange=self._parts.exchange).error(
                "{}: the private stream is given up: {}", self._parts.exchange, why
            )
            self._lose(why, renews=True)

    def _distrust(self, why: str) -> None:
        """Nothing that was read so far counts as new: connect anew and catch up, which reads everything."""
        if self._status.phase in (ConnectionPhase.LIVE, ConnectionPhase.CATCHING_UP):
            self._lose(why, renews=True)

    def _reconnect(self, *, renews: bool, least_wait_s: float) -> Steps[None]:
        yield from wait(max(self._private.next_wait_s(), least_wait_s))
        while True:
            try:
                yield from self._private.revive(renews=renews)
            except ExchangeError as error:
                wait_s = self._private.next_wait_s()
                self._delay(f"reconnecting failed: {error}", wait_s)
                yield from wait(wait_s)
            else:
                break
        self._open_stream()

    def _arm_renewal(self) -> None:
        every_s = self._private.renew_every_s
        if every_s > 0:
            port: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("renew"))
            self._parts.timers.every(int(every_s * _NS), port, (self.name, "renew"))

    def _renew(self) -> Steps[None]:
        why, renews = yield from self._private.renew()
        if why:
            self._lose(why, renews=renews)

    # --- frames ---

    def _on_frame(self, frame: FrameReceived) -> None:
        if frame.stream != self._private.number:
            return
        if self._status.phase is ConnectionPhase.LIVE:
            self._apply_frame(frame)
        elif len(self._kept) < _MOST_KEPT_FRAMES:
            self._kept.append(frame)
        else:
            self._lose(f"more than {_MOST_KEPT_FRAMES} frames came while catching up", renews=True)

    def _apply_frame(self, frame: FrameReceived) -> None:
        try:
            reports = self._parts.venue.parse_private(frame.data, frame.received_wall_ns)
        except MalformedMessage as error:
            self._show(malformed=self._status.malformed + 1)
            self._facts.note(LogEvent.FRAME_MALFORMED, redact(str(error)), level=NoteLevel.WARNING)
            self._start_audit()
            return
        self._is_streaming = True
        for report in reports:
            if not isinstance(report, StreamNotice):
                self._private.watch.heard(frame.received_ns)
            self._client.apply(report, received_ns=frame.received_ns)
        self._is_streaming = False

    def _on_fill(
        self, order_id: ClientOrderId, fill_price: Decimal, fill_delta: Decimal, sequence: int, fill: Fill
    ) -> None:
        self._parts.order_fill_callback(order_id, fill_price, fill_delta, sequence, fill)
        key = unpack(order_id)
        if key is not None and key.role is OrderRole.ENTRY:
            # an exit follows from it: its next hop goes before the rest of this frame
            self._parts.give_way(more_waits=self.mailbox_depth > 0)
        self._expect_word()
        if not self._is_ready:
            self._filled_net[fill.symbol] = self._filled_net.get(fill.symbol, ZERO) + fill.side.sign * fill_delta
        elif fill.is_assumed and fill.order_id is not None:
            # a report is late or lost: what it said of price and fee is read from the venue's list
            self._questions.explain(fill.symbol, order_id, fill.order_id)

    def _on_accepted(self, event: Acceptance) -> None:
        self._facts.accepted(event)
        self._expect_word()

    def _expect_word(self) -> None:
        """Something about an order was learned: where the stream has not said it, it has to within a while."""
        if not self._is_streaming and self._status.phase is ConnectionPhase.LIVE:
            self._private.watch.expect(self._parts.clock.monotonic_ns())

    def _on_position(self, _report: PositionReport) -> None:
        """Positions on the stream race with fills; only those that were asked for are compared (the audit's)."""

    def _on_notice(self, notice: StreamNotice) -> None:
        match notice.kind:
            case NoticeKind.CREDENTIAL_EXPIRED:
                # The socket stays open and says nothing any more; venues/aster.md section 12.1 wants a pause first.
                self._lose("the stream's credential expired", renews=False, least_wait_s=_EXPIRED_KEY_WAIT_S)
            case NoticeKind.FUNDING:
                self._show(funding=self._status.funding + notice.quantity)
                text = f"funding {notice.quantity} in {notice.symbol or 'the account'}"
                self._facts.note(LogEvent.ACCOUNT_NOTICE, text)
                self._tell_funding(notice)
            case NoticeKind.LIQUIDATION | NoticeKind.MARGIN_CALL:
                text = f"{notice.kind.value} {notice.symbol}: {redact(notice.text)}"
                self._facts.note(LogEvent.ACCOUNT_NOTICE, text, level=NoteLevel.CRITICAL)
                self._start_audit()
            case NoticeKind.CONFIG_CHANGED:
                text = f"account settings changed: {notice.symbol} {redact(notice.text)}"
                # what the start itself has set comes back as an echo, sometimes when the start is over
                market = self._reads.markets.get(notice.symbol)
                is_echo = market is not None and notice.text == f"leverage {market.leverage}"
                level = NoteLevel.WARNING if self._is_ready and not is_echo else NoteLevel.INFO
                self._facts.note(LogEvent.ACCOUNT_NOTICE, text, level=level)
                self._start_audit()
            case NoticeKind.IGNORED:
                self._show(ignored=self._status.ignored + 1)
            case NoticeKind.SUBSCRIBED | NoticeKind.HEARTBEAT:
                pass

    def _tell_funding(self, notice: StreamNotice) -> None:
        """Tell funding to the grid of its market; without a market it is the account's, and counts in the first."""
        grid = self._grids.get(notice.symbol) if notice.symbol else next(iter(self._grids.values()))
        if grid is not None:
            wall_ns = self._parts.clock.wall_ns()
            paid = FundingPaid(grid=grid.name, amount=notice.quantity, received_wall_ns=wall_ns)
            self._parts.owners.strategy.tell(paid)
            self._parts.owners.journal.tell(paid)

    # --- orders and questions ---

    def _on_sent(self, sent: OrderSent) -> None:
        self._sent_ns[sent.client_order_id] = sent.sent_ns
        key = unpack(sent.client_order_id)
        if sent.caused_ns and key is not None and key.role is not OrderRole.ENTRY:
            self._parts.fill_to_exit(self._parts.exchange, sent.sent_ns - sent.caused_ns)

    def _note_answer(self, command: OrderCommand) -> None:
        sent_ns = self._sent_ns.pop(command.client_order_id, 0)
        if sent_ns:
            if self._parts.venue.capabilities.reply_is_acceptance:
                self._private.watch.expect(sent_ns)
            self._show(order_answer_ns=self._parts.clock.monotonic_ns() - sent_ns)

    def _ask_about(self, client_order_id: ClientOrderId, symbol: str) -> None:
        self._questions.ask_about(client_order_id, symbol)

    def _start_audit(self) -> None:
        # Also while the stream is lost: then it is the only way in which fills are learned.
        if self._is_ready and not self._is_auditing and self._catching_up is None:
            self._runner.run(self._audit())

    def _audit(self) -> Steps[None]:
        self._is_auditing = True
        asked_ns = self._parts.clock.monotonic_ns()
        try:
            complete = yield from self._reads.audit()
            if complete == len(self._grids):
                self._show(audited_ns=asked_ns)
            if asked_ns - self._clock_read_ns >= _CLOCK_EVERY_NS:
                self._clock_read_ns = asked_ns
                yield from self._reads.read_clock()
        except ExchangeError as error:
            self.log.bind(event=LogEvent.REQUEST_REFUSED).debug("the venue's clock could not be read: {}", error)
        finally:
            self._is_auditing = False
        self._client.forget_ended(asked_ns - _KEEP_ENDED_NS)
        ledger = self._client.ledger
        self._show(
            duplicates=ledger.duplicates,
            stale_updates=ledger.stale_updates,
            clock_offset_ns=self._parts.venue_clock.offset_ns,
        )

    def _doubt_clock(self, error: ExchangeError) -> None:
        """Read the venue's clock anew after a request was refused for its time, not more often than is any use."""
        now_ns = self._parts.clock.monotonic_ns()
        if isinstance(error, ClockRefused) and now_ns - self._clock_read_ns >= _CLOCK_AGAIN_NS:
            self._read_clock_soon()

    def _read_clock_soon(self) -> None:
        if self._is_ready:
            self._clock_read_ns = self._parts.clock.monotonic_ns()
            self._runner.run(self._read_clock_again())

    def _read_clock_again(self) -> Steps[None]:
        try:
            yield from self._reads.read_clock()
        except ExchangeError as error:
            self.log.bind(event=LogEvent.REQUEST_REFUSED).warning("the venue's clock could not be read: {}", error)
        self._show(clock_offset_ns=self._parts.venue_clock.offset_ns)

    # --- plumbing ---

    def _on_due(self, due: Due) -> None:
        match due.name:
            case "step":
                self._runner.waited(due.number)
            case "audit":
                self._start_audit()
            case "renew":
                self._runner.run(self._renew())

    def _submit(self, call: Call[object], ticket: int) -> None:
        self._parts.submit(call, self.actor_ref, ticket)

    def _arm_step(self, seconds: float, ticket: int) -> None:
        when_ns = self._parts.clock.monotonic_ns() + int(seconds * _NS)
        port: Port[Tick, Due] = Port(self.actor_ref, lambda _: Due("step", ticket))
        self._parts.timers.at(when_ns, port, (self.name, "step", ticket))

    def _show(self, **changes: Any) -> None:  # noqa: ANN401 - fields of ConnectionStatus, checked when it is made
        self._status = replace(self._status, **changes)
        self._parts.publish(self._status)
