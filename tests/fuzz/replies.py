"""Bent answers of REST, and of the order stream where there is one, against everything a client asks and commands."""

import json
import time
from dataclasses import replace
from random import Random
from typing import Any, Final

from exchanges.errors import (
    ConfigError,
    ExchangeError,
    MalformedMessage,
    OutcomeUnknown,
    RequestNotSent,
    RequestRefused,
)
from exchanges.lighter.order_stream import SEND_TX_FRAME
from exchanges.order_stream import FrameReply, OrderStream
from exchanges.values import MarketRules
from exchanges.venue import Call, HttpReply, Undecided
from tests.fuzz.corpus import CALLS, Corpus
from tests.fuzz.frames import NOW_NS
from tests.fuzz.mutate import mutate
from tests.fuzz.oracle import Given, Unreadable, read_again, wrong_in
from tests.fuzz.outcome import SLOWEST_S, Failure, Tally, as_in_the_bot

ROUND: Final = 200
"""Answers for one client: what it has learned from bent ones is forgotten after so many."""
_STATUSES: Final = (
    100,
    199,
    202,
    204,
    299,
    301,
    307,
    400,
    401,
    403,
    404,
    405,
    408,
    409,
    418,
    429,
    451,
    500,
    502,
    503,
    599,
)
_OVER_THE_LINE: Final = frozenset({"place_limit_order", "cancel_order"})
_FURTHER: Final = 6
_PAGES: Final = (
    *(b"", b"<html><body>502 Bad Gateway</body></html>", b"null", b"[]", b"{}", b"OK", b'"text"', b"\x1f\x8b\x08\x00"),
    *(b'{"code":-1007,"msg":"Timeout"}', b'{"code":-2013,"msg":"x"}', b'{"code":"x","message":1}', b'{"code":null}'),
    *(b'{"code":21104,"message":"invalid nonce"}', b'{"code":"RESOURCE_NOT_FOUND","message":"Not found"}'),
)  # fmt: skip
_RETRY_AFTER: Final = ("5", "-1", "1e9", "9" * 30, "", "Wed, 21 Oct 2015 07:28:00 GMT", "\u0665")


class ReplySearch:
    """Bends answers of one venue and looks what its client concludes."""

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._corpus = corpus
        self._rng = rng
        self.tally = Tally()
        self._every = tuple(reply for found in corpus.replies.values() for reply in found)
        self._given = Given(
            frozenset(
                number for order in corpus.orders for number in (order.price, order.quantity) if number is not None
            ),
            texts=frozenset({corpus.order_id}),
        )
        self._begin()

    def _begin(self) -> None:
        self._venue = self._corpus.venue()
        self._order_stream = self._venue.order_stream()
        self._calls = []
        for name, make in CALLS.items():
            call = make(self._venue, self._corpus)
            if call is not None:
                self._calls.append((name, self._signed(call)))

    def _signed(self, call: Call[Any]) -> Call[Any]:
        """Sign as a lane does: an honest answer to the question that comes first, then the command."""
        question = call.first() if call.first is not None else None
        if question is not None:
            question.read(self._corpus.replies[question.request.operation][0])
        self._venue.sign(call.request, wall_ns=NOW_NS)
        return call

    def run(self, replies: int) -> Tally:
        """Bend so many answers."""
        with as_in_the_bot():
            for number in range(replies):
                if number % ROUND == ROUND - 1:
                    self._can_still_sign()
                    self._begin()
                name, call = self._rng.choice(self._calls)
                if self._order_stream is not None and name in _OVER_THE_LINE and self._rng.random() < 0.5:
                    self._take_frame(name, call, self._order_stream)
                else:
                    self.take(name, call, self._next(call))
        return self.tally

    def _take_frame(self, name: str, call: Call[Any], stream: OrderStream) -> None:
        """Let the client read the answer to an order as it comes over the order stream."""
        rng = self._rng
        body = json.loads(rng.choice(self._corpus.replies[call.request.operation]).body)
        honest = {"id": "7", "error": body} if rng.random() < 0.3 else {"type": SEND_TX_FRAME, "id": "7", **body}
        frame = mutate(rng.choice((json.dumps(honest), '{"type":"shutdown"}')), rng)
        try:
            answer = stream.read(frame, NOW_NS)
        except MalformedMessage:
            self.tally.readings += 1
            self.tally.refused += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it would have ended a lane
            self._fail(f"{name} (order stream)", f"{type(error).__name__}: {error}", frame)
        else:
            if isinstance(answer, FrameReply):
                self.take(name, call, answer.reply)

    def _fail(self, where: str, what: str, data: bytes) -> None:
        self.tally.fail(Failure(self._corpus.subject.name, where, what, data))

    def _next(self, call: Call[Any]) -> HttpReply:
        rng = self._rng
        own = self._corpus.replies.get(call.request.operation)
        reply = rng.choice(own) if own and rng.random() < 0.9 else rng.choice(self._every)
        dice = rng.random()
        if dice < 0.08:
            body = rng.choice(_PAGES)
        elif reply.body[:1] in (b"{", b"["):
            body = mutate(reply.body.decode(), rng)
        else:
            body = rng.choice(_PAGES) if dice < 0.5 else reply.body
        headers = {**reply.headers, "retry-after": rng.choice(_RETRY_AFTER)} if dice > 0.9 else reply.headers
        status = rng.choice(_STATUSES) if rng.random() < 0.2 else reply.status
        return replace(reply, status=status, headers=headers, body=body, received_ns=NOW_NS)

    def take(self, name: str, call: Call[Any], reply: HttpReply) -> None:
        """Let the client read one answer, and those to the questions that follow from it; judge what it concludes."""
        for _ in range(_FURTHER):
            self.tally.readings += 1
            began = time.thread_time()
            further: Call[Any] | None = None
            try:
                problem = self._judge(reply, call.read(reply))
                self.tally.accepted += 1
            except Undecided as more:
                problem, further = None, more.further
            except ExchangeError as error:
                self.tally.refused += 1
                problem = _wrong_error(call, reply, error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it would have ended a lane
                problem = f"{type(error).__name__}: {error}"
            if problem is None and time.thread_time() - began > SLOWEST_S:
                problem = "it took more than a second"
            if problem is not None:
                self._fail(f"{name} ({call.request.operation}, HTTP {reply.status})", problem, reply.body)
                return
            if further is None:
                return
            call, reply = further, self._next(further)

    def _judge(self, reply: HttpReply, value: object) -> str | None:
        if not 200 <= reply.status < 300:
            # some refusals are an answer ("no need to change", "no position"), but only the venue's own
            is_venues = 400 <= reply.status < 500 and reply.body[:1] == b"{"
            return None if is_venues else f"HTTP {reply.status} was taken for a success"
        if isinstance(value, dict):
            self._corpus.teach(self._venue)  # the rules of a bent list are judged, and not traded by
            return _wrong_rules(value)
        if not reply.body.strip():
            return None
        try:
            said = read_again(reply.body)
        except Unreadable as error:
            return f"it was read although it holds what nobody may read ({error})"
        return wrong_in(value, said, self._given)

    def _can_still_sign(self) -> None:
        """Whatever was learned from bent answers: a command is signed, or refused before it leaves."""
        try:
            call = self._venue.place_limit_order(self._corpus.orders[0])
        except (ConfigError, ValueError):  # by a bent list of markets there is no such order: its rules come from there
            return
        self.tally.readings += 1
        try:
            if call.first is None or call.first() is None:
                self._venue.sign(call.request, wall_ns=NOW_NS)
        except RequestNotSent:
            self.tally.refused += 1
        except Exception as error:  # noqa: BLE001 - as above
            self._fail("sign", f"after bent answers signing fails with {type(error).__name__}: {error}", b"")


def _wrong_error(call: Call[Any], reply: HttpReply, error: ExchangeError) -> str | None:
    """Whether an error may be concluded from this answer."""
    if not isinstance(error, RequestRefused | OutcomeUnknown | MalformedMessage):
        return f"{type(error).__name__} is no conclusion from an answer"
    if isinstance(error, MalformedMessage) and call.request.method != "GET":
        return "a command whose answer cannot be read has an unknown outcome, not a malformed one"
    if isinstance(error, RequestRefused) and reply.status >= 500:
        return f"HTTP {reply.status} was taken for a refusal"
    return None


def _wrong_rules(markets: dict[str, Any]) -> str | None:
    """Rules of markets must be usable, whatever they were made of."""
    for rules in markets.values():
        if not isinstance(rules, MarketRules):
            return f"a market with rules of {type(rules).__name__}"
        for number in (rules.tick, rules.step):
            if not (number.is_finite() and number > 0):
                return f"{rules.symbol} has a step of {number}"
        for number in (rules.min_quantity, rules.max_quantity, rules.min_notional, rules.min_price, rules.max_price):
            if not (number.is_finite() and number >= 0):
                return f"{rules.symbol} has a limit of {number}"
    return None
