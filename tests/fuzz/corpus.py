"""Real payloads of one venue: what its simulated face says in a scripted session, and what the recorded vectors hold.

The session goes through the client's own code over the bench of the contract tests: entries, fills in pieces, exits,
cancels, refusals. Nothing is written by hand, so a payload that the venue learns to say is bent from then on.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final

from actors.send_gate import to_request
from exchanges.errors import ExchangeError, MalformedMessage
from exchanges.reports import NoticeKind, Report, StreamNotice
from exchanges.values import MarketRules, OrderId, OrderRef, OrderRequest
from exchanges.venue import AccountSetup, Call, HttpReply, SignedRequest, Undecided, Venue
from tests.contract.bench import client_of
from tests.contract.desk import TAG, Desk, open_desk
from tests.contract.venues import SUBJECTS, Subject

_RECORDED: Final = Path(__file__).parents[1] / "vectors" / "recorded"
_MOST_OF_A_KIND: Final = 6
_LONGEST: Final = 20_000
VENUES: Final = tuple(subject.name for subject in SUBJECTS)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Payloads of one venue.

    Attributes:
        private: Frames of the private stream.
        public: Frames of the public stream.
        replies: Answers of REST by the operation they answer.
        orders: The orders that the private frames are about.
        order_id: The venue's id of one of them.
        credentials: The account's, as `--serve` prints them.
    """

    subject: Subject
    symbol: str
    private: tuple[str, ...]
    public: tuple[str, ...]
    replies: Mapping[str, tuple[HttpReply, ...]]
    orders: tuple[OrderRequest, ...]
    order_id: OrderId
    credentials: Mapping[str, str | int]

    def venue(self) -> Venue:
        """A client of the account that knows the markets, as after a start."""
        made = client_of(self.subject, self.credentials)
        self.teach(made)
        return made

    def teach(self, venue: Venue) -> Mapping[str, MarketRules]:
        """Let a client read the honest list of markets; return it."""
        call = venue.markets()
        return call.read(self.replies[call.request.operation][0])

    @property
    def ref(self) -> OrderRef:
        """A question about the first order."""
        return OrderRef(symbol=self.symbol, client_order_id=self.orders[0].client_order_id, order_id=self.order_id)


MakeCall = Callable[[Venue, "Corpus | _Session"], Call[Any] | None]


def _checks(number: int) -> MakeCall:
    def make(venue: Venue, about: "Corpus | _Session") -> Call[Any] | None:
        found = venue.account_checks(AccountSetup(symbol=about.symbol, leverage=5))
        return found[number] if number < len(found) else None

    return make


CALLS: Final[Mapping[str, MakeCall]] = {
    "server_time": lambda venue, _: venue.server_time(),
    "markets": lambda venue, _: venue.markets(),
    "best_price": lambda venue, about: venue.best_price(about.symbol),
    "query_order": lambda venue, about: venue.query_order(about.ref),
    "active_orders": lambda venue, about: venue.active_orders(about.symbol),
    "order_fills": lambda venue, about: venue.order_fills(about.ref),
    "recent_fills": lambda venue, about: venue.recent_fills(about.symbol, after=None, since_ns=1),
    "position": lambda venue, about: venue.position(about.symbol),
    "account_summary": lambda venue, _: venue.account_summary(),
    "fee_rates": lambda venue, about: venue.fee_rates(about.symbol),
    "place_limit_order": lambda venue, about: venue.place_limit_order(about.orders[0]),
    "cancel_order": lambda venue, about: venue.cancel_order(about.ref),
    "open_private": lambda venue, _: venue.open_private(),
    "renew_private": lambda venue, _: venue.renew_private("k" * 64),
    **{f"account_check_{number}": _checks(number) for number in range(5)},
}
"""Every call of the `Venue` protocol."""


class _Session:
    """A scripted session on a desk, listened to."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.symbol = desk.symbol
        self.orders: list[OrderRequest] = []
        self.private: list[str] = []
        self.replies: dict[str, list[HttpReply]] = defaultdict(list)
        self._exchange = desk.bench.exchange
        self._deliver = desk.deliver
        desk.bench.exchange = self._overhear  # type: ignore[method-assign]
        desk.deliver = self._listen  # type: ignore[method-assign]

    @property
    def ref(self) -> OrderRef:
        return self.desk.ref(self.orders[0].client_order_id)

    def _overhear(self, signed: SignedRequest) -> HttpReply:
        reply = self._exchange(signed)
        self.replies[signed.operation].append(reply)
        return reply

    def _listen(self, *frames: bytes) -> None:
        self.private += [frame.decode() for frame in frames]
        self._deliver(*frames)

    def play(self) -> tuple[str, ...]:
        """Trade through everything that frames are about; return the public frames of a while."""
        desk = self.desk
        desk.live()
        public = desk.bench.connect(desk.venue.public_stream((desk.symbol,)))
        assert public is not None
        entry = desk.entry()
        self._send(entry)
        desk.fill(entry, desk.unit * 3)
        desk.query(entry)
        desk.fill(entry, desk.unit * 7)
        leaving = desk.exit_of(entry, quantity=desk.unit * 4)
        self._send(leaving)
        desk.fill(leaving, desk.unit)
        desk.command(desk.cancel_of(leaving))
        self._send(desk.exit_of(entry, leg=2, quantity=desk.unit * 9))
        desk.command(desk.entry(price=desk.ask_price + 10 * desk.rules.tick))
        self._send(desk.emergency_of(entry, quantity=desk.unit))
        resting = desk.entry(price=desk.ask_price - 200 * desk.rules.tick)
        self._send(resting)
        desk.command(desk.cancel_of(resting))
        desk.command(desk.cancel_of(resting))
        desk.audit()
        desk.pass_time(2)
        desk.bench.quote(desk.ask_price - 3 * desk.rules.tick, desk.ask_price + 5 * desk.rules.tick)
        desk.pass_time(1)
        return tuple(public.frames)

    def _send(self, command: Any) -> None:
        self.orders.append(to_request(command))
        self.desk.command(command)

    def learn_order_id(self) -> OrderId:
        """The venue's id of the first order."""
        found = self.desk.ask(self.desk.venue.query_order(self.ref)).order_id
        assert found is not None
        return found

    def ask_everything(self, about: "Corpus") -> None:
        """Make every call once; refusals are answers too."""
        for make in CALLS.values():
            call = make(self.desk.venue, about)
            if call is None:
                continue
            try:
                self.desk.ask(call)
            except ExchangeError:
                continue


def _of_vectors(venue: Venue, name: str) -> Iterator[tuple[str, bool]]:
    """Every object in the recorded vectors that is a frame of a stream: its text, and whether it is private."""
    document = json.loads((_RECORDED / f"{name}.json").read_text(), parse_float=Decimal)
    pending = [document]
    while pending:
        node = pending.pop()
        pending += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        if not isinstance(node, dict):
            continue
        text = json.dumps(node, default=str)
        if len(text) > _LONGEST:
            continue
        for is_private, parse in ((True, venue.parse_private), (False, venue.parse_public)):
            if _says_something(parse, text):
                yield text, is_private


def _says_something(parse: Callable[[bytes, int], tuple[Report, ...]], text: str) -> bool:
    try:
        reports = parse(text.encode(), 1)
    except MalformedMessage:
        return False
    return not all(isinstance(each, StreamNotice) and each.kind is NoticeKind.IGNORED for each in reports)


def _different(texts: list[str]) -> tuple[str, ...]:
    """Texts that differ in more than their figures, some of each kind."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        shape = "".join(" " if each.isdigit() else each for each in text)
        kind = kinds[" ".join(shape.split())]
        if len(kind) < _MOST_OF_A_KIND and text not in kind:
            kind.append(text)
    return tuple(text for kind in kinds.values() for text in kind)


@cache
def corpus_of(name: str) -> Corpus:
    """Play the session of a venue; once per process."""
    subject = next(each for each in SUBJECTS if each.name == name)
    with open_desk(subject) as desk:
        session = _Session(desk)
        public = session.play()
        made = Corpus(
            subject=subject,
            symbol=desk.symbol,
            private=(),
            public=(),
            replies=session.replies,
            orders=tuple(session.orders),
            order_id=session.learn_order_id(),
            credentials=dict(desk.bench.credentials),
        )
        session.ask_everything(made)
        recorded = list(_of_vectors(desk.venue, name))
    return Corpus(
        subject=subject,
        symbol=made.symbol,
        private=_different(session.private + [text for text, is_private in recorded if is_private]),
        public=_different([*public, *(text for text, is_private in recorded if not is_private)]),
        replies={operation: _few(found) for operation, found in session.replies.items()},
        orders=made.orders,
        order_id=made.order_id,
        credentials=made.credentials,
    )


def _few(replies: list[HttpReply]) -> tuple[HttpReply, ...]:
    """The first answers of each length: they repeat each other."""
    return tuple({len(reply.body): reply for reply in reversed(replies)}.values())[:_MOST_OF_A_KIND]


__all__ = ["CALLS", "TAG", "VENUES", "Corpus", "Undecided", "corpus_of"]
