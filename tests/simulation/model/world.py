"""The world around one order: everything that can happen next, in any order.

A request waits in our own lane, travels, arrives late or not at all; its answer is lost, late or no answer; the venue
takes the order, refuses it, fills it in parts, cancels it by itself or when asked; frames are lost, repeated and
overtake each other; questions are answered by what is true when they arrive; the process crashes and starts again.
Time is a handful of moments around the fence. What the venue says is true: it is silence, delay and loss that lie.

A state is (bot, venue, moment, messages on their way, what may still go wrong), each a small number; messages are bits.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.grid.harness import START_NS
from tests.simulation.model.bots import Bots, Input
from tests.simulation.model.counterparts import CANCELED, FILLED, OPEN, UNITS, Counterpart
from tests.simulation.model.desk import Desk

NONE, QUEUED, REFUSED = "none", "queued", "refused"
_SECOND_NS = 1_000_000_000
_JUST_S = 1e-6
Message = tuple[Any, ...]
Packed = tuple[int, int, int, int, int]
"""A state: bot, venue, moment, bits of the messages, budget."""


class Truth(NamedTuple):
    """What is true at the venue: the order, since when it exists and stands as it does, how many came of one intent.

    `nonce` says whose transaction took the order's nonce. While an order is queued, `born` is when it was signed.
    """

    status: str = NONE
    filled: int = 0
    born: int = -1
    changed: int = -1
    orders: int = 0
    nonce: str = ""


class Budget(NamedTuple):
    """How often something may still happen; this is what keeps the model finite.

    Losses and repeats are of single messages, and 503 counts as a loss. An answer that comes too late costs nothing.
    """

    losses: int = 1
    repeats: int = 1
    questions: int = 2
    crashes: int = 0
    cancels: int = 0
    lists: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Setup:
    """One model.

    Attributes:
        name: For the tables.
        venue: Whose order it is.
        is_entry: An entry, else an exit.
        budget: What may go wrong.
        late_s: By so much later than its window says the venue still takes a request: clocks differ.
        can_wait: The request may wait in our own lane (the gate lets no entry of an old quote leave, but every exit).
        has_stale_cancels: The venue's cancel reports may miss the last fill (and are declared so).
    """

    name: str
    venue: Counterpart
    is_entry: bool
    budget: Budget
    late_s: float
    can_wait: bool = False
    has_stale_cancels: bool = False

    @property
    def times_s(self) -> tuple[float, ...]:
        """The moments: the sending, the end of the window, inside the slack, just before the fence, and after it.

        Where nonces prove, the first minute matters: before and after a record has to be there (10 s).
        """
        window_s, fence_s = self.venue.window_s, self.venue.capabilities.fence_s - _JUST_S
        if self.venue.has_nonces:
            return (0.0, 12.0, 24.0, fence_s, fence_s + 6.0)
        return (0.0, window_s, window_s + self.venue.slack_s / 2, fence_s, fence_s + 6.0)


class World:
    """All that can follow from a state, and what must not be."""

    def __init__(self, setup: Setup, bots: Bots) -> None:
        self.setup = setup
        self.bots = bots
        self._times_s = setup.times_s
        self._last = len(self._times_s) - 1
        self._trail_s = setup.venue.slack_s / 2 if setup.venue.history_trails else 0.0
        self._bits: dict[Message, int] = {}
        self._messages: list[Message] = []
        self._truths: list[Truth] = []
        self._truth_numbers: dict[Truth, int] = {}
        self._budgets: list[Budget] = []
        self._budget_numbers: dict[Budget, int] = {}

    # --- numbering ---

    def _bit(self, message: Message) -> int:
        bit = self._bits.get(message)
        if bit is None:
            bit = self._bits[message] = 1 << len(self._messages)
            self._messages.append(message)
        return bit

    def _in(self, net: int) -> Iterator[tuple[int, Message]]:
        while net:
            bit = net & -net
            net ^= bit
            yield bit, self._messages[bit.bit_length() - 1]

    def _pack(self, bot: int, truth: Truth, moment: int, net: int, budget: Budget) -> Packed:
        v = self._truth_numbers.get(truth)
        if v is None:
            v = self._truth_numbers[truth] = len(self._truths)
            self._truths.append(truth)
        b = self._budget_numbers.get(budget)
        if b is None:
            b = self._budget_numbers[budget] = len(self._budgets)
            self._budgets.append(budget)
        return bot, v, moment, net, b

    @property
    def first(self) -> Packed:
        """The machine has decided, and nothing has left yet."""
        return self._pack(self.bots.first, Truth(), 0, self._bit(("lane",)), self.setup.budget)

    def shown(self, state: Packed) -> str:
        """Return a state in words."""
        bot, v, moment, net, b = state
        on_their_way = [" ".join(map(str, message)) for _, message in self._in(net)]
        return f"{self._times_s[moment]:g} s {self._truths[v]} {self.bots.facts[bot]} {on_their_way} {self._budgets[b]}"

    # --- what follows ---

    def following(self, state: Packed) -> Iterator[tuple[str, Packed]]:
        """Yield everything that can happen next."""
        bot, v, moment, net, b = state
        truth, budget = self._truths[v], self._budgets[b]
        if self.bots.facts[bot].has_concluded:  # the machine has made up its mind: only what may prove it wrong matters
            for bit, message in self._in(net):
                if message[0] in ("stream", "place"):
                    yield from self._delivered(state, bit, message)
            return
        if moment < self._last:
            yield "time passes", self._after(bot, truth, moment + 1, net, budget, ("tick",))
        yield from self._at_the_venue(bot, truth, moment, net, budget)
        if budget.cancels:
            left = budget._replace(cancels=budget.cancels - 1)
            yield "the operator wants it canceled", self._after(bot, truth, moment, net, left, ("want cancel",))
        if budget.lists:
            left = budget._replace(lists=budget.lists - 1)
            bits = net | self._bit(("list?", moment))
            yield "an audit asks for open orders", self._pack(bot, truth, moment, bits, left)
        if budget.crashes:
            yield from self._crash(bot, truth, moment, net, budget)
        if budget.others and not truth.nonce and not self._has_lane(net):
            left = budget._replace(others=budget.others - 1)
            bits = net | self._bit(("other",))
            yield (
                "another transaction takes the nonce asked for",
                self._after(bot, truth, moment, bits, left, ("other",)),
            )
        for bit, message in self._in(net):
            yield from self._delivered(state, bit, message)

    def _after(self, bot: int, truth: Truth, moment: int, net: int, budget: Budget, given: Input) -> Packed:
        """Let the bot take an input, and put what leaves it on its way."""
        bot, outs = self.bots.react(bot, moment, given)
        waiting = list(outs)
        ticket = given[1] if given[0] == "answer" else 0
        while waiting and not self.bots.facts[bot].has_concluded:
            out = waiting.pop(0)
            if out[0] != "ask":
                net |= self._bit(("cancel",) if out[0] == "cancel" else ("place", moment))
            elif out[1] == ticket or budget.questions:  # what an answer leads to belongs to the same question
                budget = budget if out[1] == ticket else budget._replace(questions=budget.questions - 1)
                net |= self._bit(("ask", out[1], out[2]))
            else:
                bot, more = self.bots.react(bot, moment, ("answer", out[1], out[2], "failed", 0))
                waiting.extend(more)
        return self._pack(bot, truth, moment, net, budget)

    def _has_lane(self, net: int) -> bool:
        return bool(net & (self._bit(("lane",)) | self._bit(("http",))))

    def _at_the_venue(
        self, bot: int, truth: Truth, moment: int, net: int, budget: Budget
    ) -> Iterator[tuple[str, Packed]]:
        if truth.status == QUEUED:
            if self._times_s[moment] <= self._deadline_s(truth.born):
                yield "the venue carries it out", self._open(bot, truth, moment, net, budget)
            refused = truth._replace(status=REFUSED, born=moment, changed=moment)
            yield "the venue drops it without a word", self._pack(bot, refused, moment, net, budget)
        if truth.status != OPEN:
            return
        filled = truth.filled + 1
        status = FILLED if filled == UNITS else OPEN
        told = self._bit(("stream", status, filled, filled - 1))
        now = truth._replace(status=status, filled=filled, changed=moment)
        yield f"unit {filled} fills", self._pack(bot, now, moment, net | told, budget)
        yield "the venue cancels it", self._canceled(bot, truth, moment, net, budget)

    def _open(self, bot: int, truth: Truth, moment: int, net: int, budget: Budget) -> Packed:
        now = truth._replace(status=OPEN, filled=0, born=moment, changed=moment, orders=truth.orders + 1)
        return self._pack(bot, now, moment, net | self._bit(("stream", OPEN, 0, -1)), budget)

    def _canceled(self, bot: int, truth: Truth, moment: int, net: int, budget: Budget) -> Packed:
        told = truth.filled - 1 if self.setup.has_stale_cancels and truth.filled else truth.filled
        now = truth._replace(status=CANCELED, changed=moment)
        return self._pack(bot, now, moment, net | self._bit(("stream", CANCELED, told, -1)), budget)

    def _crash(self, bot: int, truth: Truth, moment: int, net: int, budget: Budget) -> Iterator[tuple[str, Packed]]:
        left = budget._replace(crashes=budget.crashes - 1)
        staying = sum(bit for bit, message in self._in(net) if message[0] in ("place", "cancel", "other"))
        for lost in (0, 1) if self.bots.facts[bot].told else (0,):
            name = "crash and restart" if not lost else "crash and restart, the last fill not on disk"
            yield name, self._after(bot, truth, moment, staying, left, ("crash", lost))

    # --- what is on its way ---

    def _delivered(self, state: Packed, bit: int, message: Message) -> Iterator[tuple[str, Packed]]:
        bot, v, moment, net, b = state
        truth, budget = self._truths[v], self._budgets[b]
        rest = net ^ bit
        match message[0]:
            case "lane":
                yield from self._lane(bot, truth, moment, rest, budget)
            case "http":
                gone = rest & ~self._replies(net)
                yield "no answer in time", self._after(bot, truth, moment, gone, budget, ("reply", "none"))
            case "place":
                yield from self._arrives(bot, truth, moment, rest, budget, message[1])
                if budget.losses:
                    left = budget._replace(losses=budget.losses - 1)
                    yield "the request is lost", self._pack(bot, truth, moment, rest, left)
            case "reply":
                given = rest ^ self._bit(("http",))
                yield f"the answer comes: {message[1]}", self._after(bot, truth, moment, given, budget, message)
            case "stream":
                yield from self._stream(bot, truth, moment, net, rest, budget, message)
            case "ask":
                yield from self._asked(bot, truth, moment, rest, budget, message)
            case "answer":
                yield f"answered: {message[2:]}", self._after(bot, truth, moment, rest, budget, message)
                yield from self._failed(bot, truth, moment, rest, budget, message)
            case _:
                yield from self._delivered_rarely(state, rest, message)

    def _delivered_rarely(self, state: Packed, rest: int, message: Message) -> Iterator[tuple[str, Packed]]:
        bot, v, moment, _, b = state
        truth, budget = self._truths[v], self._budgets[b]
        match message[0]:
            case "cancel":
                yield from self._cancel_arrives(bot, truth, moment, rest, budget)
            case "cancel_reply":
                yield f"the cancel is answered: {message[1]}", self._after(bot, truth, moment, rest, budget, message)
                yield from self._lost_cancel(bot, truth, moment, rest, budget)
            case "list?":
                now = (truth.status, truth.filled) if truth.status == OPEN else None
                bits = rest | self._bit(("listed", START_NS + int(self._times_s[message[1]] * _SECOND_NS), now))
                yield f"open orders are read: {now}", self._pack(bot, truth, moment, bits, budget)
            case "listed":
                yield f"the list comes: {message[2]}", self._after(bot, truth, moment, rest, budget, message)
            case "other":
                word = "21104" if truth.nonce else "ok"
                now = truth if truth.nonce else truth._replace(nonce="other")
                bits = rest | self._bit(("other_reply", word))
                yield f"the other transaction arrives: {word}", self._pack(bot, now, moment, bits, budget)
            case "other_reply":
                yield f"the other is answered: {message[1]}", self._after(bot, truth, moment, rest, budget, message)
                if budget.losses:
                    left = budget._replace(losses=budget.losses - 1)
                    yield "the other's answer is lost", self._pack(bot, truth, moment, rest, left)
            case _:
                raise AssertionError(message)

    def _replies(self, net: int) -> int:
        return sum(bit for bit, message in self._in(net) if message[0] == "reply")

    def _lane(self, bot: int, truth: Truth, moment: int, rest: int, budget: Budget) -> Iterator[tuple[str, Packed]]:
        if moment == 0 or self.setup.can_wait:
            bits = rest | self._bit(("http",)) | self._bit(("place", moment))
            yield "the request is written", self._after(bot, truth, moment, bits, budget, ("write",))
        if self.setup.is_entry:
            yield "the gate holds it back", self._after(bot, truth, moment, rest, budget, ("hold",))

    def _deadline_s(self, sent: int) -> float:
        return self._times_s[sent] + self.setup.venue.window_s + self.setup.late_s

    def _arrives(
        self, bot: int, truth: Truth, moment: int, rest: int, budget: Budget, sent: int
    ) -> Iterator[tuple[str, Packed]]:
        """The request is at the venue."""
        has_lane = bool(rest & self._bit(("http",)))

        def answered(word: str, bits: int) -> int:
            return bits | self._bit(("reply", word)) if has_lane else bits

        is_again = truth.orders > 0 and truth.status != OPEN and sent > 0
        if self._times_s[moment] > self._deadline_s(sent) or (truth.nonce and self.setup.venue.has_nonces):
            yield "the request comes too late", self._pack(bot, truth, moment, answered("refused", rest), budget)
            return
        if truth.status != NONE and not is_again:
            yield "the request comes twice", self._pack(bot, truth, moment, rest, budget)
            return
        if self.setup.venue.has_nonces:
            now = truth._replace(status=QUEUED, nonce="order", born=sent, changed=moment)
            yield "the venue queues it", self._pack(bot, now, moment, answered("ok", rest), budget)
            return
        yield "the venue takes it", self._open(bot, truth, moment, answered("ok", rest), budget)
        refused = truth._replace(status=REFUSED)
        yield "the venue refuses it", self._pack(bot, refused, moment, answered("refused", rest), budget)
        if budget.losses and has_lane:
            left = budget._replace(losses=budget.losses - 1)
            yield "the venue takes it and says 503", self._open(bot, truth, moment, answered("503", rest), left)
            yield "the venue refuses it and says 503", self._pack(bot, refused, moment, answered("503", rest), left)

    def _stream(
        self, bot: int, truth: Truth, moment: int, net: int, rest: int, budget: Budget, message: Message
    ) -> Iterator[tuple[str, Packed]]:
        words = f"{message[1]} {message[2]}/{UNITS}"
        yield f"the stream says {words}", self._after(bot, truth, moment, rest, budget, message)
        if budget.repeats:
            left = budget._replace(repeats=budget.repeats - 1)
            yield f"the stream says {words}, and will again", self._after(bot, truth, moment, net, left, message)
        if budget.losses:
            left = budget._replace(losses=budget.losses - 1)
            yield f"the stream loses {words}", self._pack(bot, truth, moment, rest, left)

    # --- questions ---

    def _asked(
        self, bot: int, truth: Truth, moment: int, rest: int, budget: Budget, message: Message
    ) -> Iterator[tuple[str, Packed]]:
        _, ticket, operation = message
        for now, answer in self._answers(truth, moment, operation):
            bits = rest | self._bit(("answer", ticket, operation, answer, now.filled))
            yield f"asked {operation}: {answer}", self._pack(bot, now, moment, bits, budget)
        yield from self._failed(bot, truth, moment, rest, budget, message)

    def _failed(
        self, bot: int, truth: Truth, moment: int, rest: int, budget: Budget, message: Message
    ) -> Iterator[tuple[str, Packed]]:
        if budget.losses:
            left = budget._replace(losses=budget.losses - 1)
            given = ("answer", message[1], message[2], "failed", 0)
            yield f"no answer to {message[2]}", self._after(bot, truth, moment, rest, left, given)

    def _answers(self, truth: Truth, moment: int, operation: str) -> Iterator[tuple[Truth, Any]]:
        """Yield what the venue can say now, with what is true after it said so."""
        if operation == "GET tx":
            yield from ((truth, ("record", word)) for word in self._records(truth, moment))
        elif operation == "GET nextNonce":
            yield truth, ("nonce", 101 if truth.nonce else 100)
        elif operation == "SignCancelOrder":
            yield (truth, ("void", "21104")) if truth.nonce else (truth._replace(nonce="void"), ("void", "ok"))
        else:
            known = (truth.status, truth.filled) if truth.status in (OPEN, CANCELED, FILLED) else None
            yield truth, known
            if known is not None and operation.startswith("GET history") and self._is_recent(truth.born, moment):
                yield truth, None
            elif known is not None and operation.startswith("GET history") and self._is_recent(truth.changed, moment):
                yield truth, (OPEN, 0)
            elif known is not None and self.setup.venue.has_nonces and truth.born == moment:
                yield truth, None

    def _is_recent(self, since: int, moment: int) -> bool:
        return self._times_s[moment] < self._times_s[since] + self._trail_s

    def _records(self, truth: Truth, moment: int) -> tuple[str, ...]:
        if truth.nonce != "order":
            return ("none",)
        if truth.status == QUEUED:
            return ("pending", "none") if truth.changed == moment else ("pending",)
        word = "refused" if truth.status == REFUSED else "done"
        return (word, "none") if truth.born == moment and truth.changed == moment else (word,)

    # --- cancels ---

    def _cancel_arrives(
        self, bot: int, truth: Truth, moment: int, rest: int, budget: Budget
    ) -> Iterator[tuple[str, Packed]]:
        if self._has_lane(rest):
            return  # a lane sends one command of an order after the other
        if truth.status == OPEN:
            now = truth._replace(status=CANCELED, changed=moment)
            told = truth.filled - 1 if self.setup.has_stale_cancels and truth.filled else truth.filled
            bits = rest | self._bit(("stream", CANCELED, told, -1))
            bits |= self._bit(("cancel_reply", (CANCELED, told)))
            yield "the cancel arrives: it is canceled", self._pack(bot, now, moment, bits, budget)
        else:
            bits = rest | self._bit(("cancel_reply", None))
            yield "the cancel arrives: there is no such open order", self._pack(bot, truth, moment, bits, budget)
        yield from self._lost_cancel(bot, truth, moment, rest, budget)

    def _lost_cancel(
        self, bot: int, truth: Truth, moment: int, rest: int, budget: Budget
    ) -> Iterator[tuple[str, Packed]]:
        if budget.losses:
            left = budget._replace(losses=budget.losses - 1)
            given = ("cancel_reply", "none")
            yield "no answer to the cancel", self._after(bot, truth, moment, rest, left, given)

    # --- what must not be ---

    def problem(self, state: Packed) -> str:
        """Return what is wrong in a state, empty if nothing."""
        bot, v, moment, net, _ = state
        truth, facts = self._truths[v], self.bots.facts[bot]
        if facts.told > truth.filled:
            return "more fills are told than there were"
        if truth.orders > 1:
            return "one intent has become two orders"
        if facts.believes and not truth.orders:
            return "it is taken for accepted, and the venue never had it"
        if not facts.has_concluded:
            return ""
        if truth.status in (OPEN, QUEUED):
            return "it is taken for ended, and it rests"
        if truth.status == NONE and self._can_still_come(truth, moment, net):
            return "it is taken for ended, and it can still be accepted"
        if facts.seen != facts.told_then:
            return "machine and ledger have counted differently"
        if facts.seen != truth.filled:
            return "it is taken for ended without all of its fills"
        return ""

    def _can_still_come(self, truth: Truth, moment: int, net: int) -> bool:
        if self.setup.venue.has_nonces and truth.nonce:
            return False
        for _, message in self._in(net):
            if message[0] == "lane" and (moment == 0 or self.setup.can_wait):
                return True
            if message[0] == "place" and self._times_s[moment] <= self._deadline_s(message[1]):
                return True
        return False


def play(desk: Desk, given: Input) -> None:
    """Put an input of the model into the bot's code."""
    match given:
        case ("stream", status, filled, trade):
            desk.stream(status, filled, None if trade < 0 else trade)
        case ("answer", ticket, operation, truth, trades):
            desk.answer(ticket, desk.venue.answer_to_question(operation, truth, desk.rendered), trades)
        case ("listed", asked_ns, truth):
            status, filled = (None, 0) if truth is None else truth
            desk.listed(asked_ns, status, filled)
        case (word,):
            _DONE_BY_DESK[word](desk)
        case (word, what):
            _play_reply(desk, word, what)
        case _:
            raise AssertionError(given)


_DONE_BY_DESK: dict[str, Callable[[Desk], None]] = {
    "write": Desk.write,
    "hold": Desk.hold,
    "tick": Desk.tick,
    "want cancel": Desk.want_cancel,
    "other": Desk.send_other,
}


def _play_reply(desk: Desk, word: str, what: Any) -> None:
    match word:
        case "reply":
            desk.reply(desk.venue.answer_to_order(what, desk.rendered(OPEN, 0)))
        case "cancel_reply" if what == "none":
            desk.cancel_reply(None)
        case "cancel_reply":
            desk.cancel_reply(desk.venue.canceled(None if what is None else desk.rendered(*what)))
        case "crash":
            desk.restart(lost_fills=what)
        case "other_reply":
            desk.other_reply(is_taken=what == "ok")
        case _:
            raise AssertionError((word, what))
