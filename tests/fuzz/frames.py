"""Bent frames against the parsers and the ledger of a venue's client."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from random import Random
from typing import Any, Final

from exchanges.client import ClientCallbacks, ExchangeClient
from exchanges.errors import MalformedMessage
from exchanges.reports import Report
from exchanges.values import ClientOrderId
from tests.fuzz.corpus import TAG, Corpus
from tests.fuzz.mutate import mutate
from tests.fuzz.oracle import Given, Unreadable, read_again, texts_of, wrong_in
from tests.fuzz.outcome import SLOWEST_S, Failure, Tally, as_in_the_bot

ROUND: Final = 400
"""Frames for one client: it begins anew, so that what one frame did cannot hide what another does."""
NOW_NS: Final = 1_700_000_000_000_000_000
_PUBLIC_SHARE: Final = 0.25
_HONEST_SHARE: Final = 0.05
_CLOSE_LOOK: Final = 4
_TEXT_PING: Final = b"ping"
_LONGEST_TEXT: Final = 200
Parse = Callable[[bytes, int], tuple[Report, ...]]


class Account:
    """The client of one account with its ledger, and a check of everything it tells."""

    def __init__(self, corpus: Corpus) -> None:
        self.told = 0
        self.problem: str | None = None
        self._filled: dict[int, Decimal] = {}
        self._last_sequence = 0
        self._orders = {order.client_order_id: order for order in corpus.orders}
        callbacks = ClientCallbacks(
            order_fill=self._on_fill,
            order_accepted=self._on_anything,
            order_ended=self._on_anything,
            position=self._on_anything,
            foreign_order=self._on_anything,
            notice=self._on_anything,
            fill_corrected=self._on_anything,
            doubt=self._on_anything,
            best_price=self._on_anything,
            account=self._on_anything,
        )
        self.venue = corpus.venue()
        self.client = ExchangeClient(self.venue, bot_tag=TAG, symbols=(corpus.symbol,), callbacks=callbacks)
        for order in corpus.orders:
            self.client.register(order, placed_ns=1)

    def _on_anything(self, *_: Any, **__: Any) -> None:
        self.told += 1

    def _on_fill(self, order_id: int, price: Decimal, delta: Decimal, sequence: int, fill: Any) -> None:
        self.told += 1
        total = self._filled[order_id] = self._filled.get(order_id, Decimal(0)) + delta
        order = self._orders.get(order_id)
        if not (delta.is_finite() and delta > 0 and price.is_finite() and price > 0):
            self.problem = f"a fill of {delta} at {price} was told"
        elif sequence <= self._last_sequence:
            self.problem = f"fill {sequence} was told after {self._last_sequence}"
        elif fill.cumulative != total:
            self.problem = f"the fills told add up to {total}, the last says {fill.cumulative}"
        elif order is not None and total > order.quantity:
            self.problem = f"{total} was told to be filled of an order of {order.quantity}"
        self._last_sequence = sequence

    def check(self) -> str | None:
        """Return what is wrong with what was told so far, None where nothing is."""
        for order_id, total in self._filled.items():
            known = self.client.ledger.filled(ClientOrderId(order_id))
            if known != total:
                return f"fills of {total} were told, the ledger has {known}"
        return self.problem

    def counts(self) -> tuple[int, ...]:
        """What the ledger and its client have counted so far."""
        ledger = self.client.ledger
        return self.told, ledger.duplicates, ledger.stale_updates, ledger.dropped, self.client.unwatched

    def states(self) -> tuple[object, ...]:
        """Everything the ledger knows of the orders."""
        ledger = self.client.ledger
        return tuple((ledger.state(known), ledger.filled(known)) for known in self._orders)


class FrameSearch:
    """Bends frames of one venue and looks what its client makes of them."""

    def __init__(self, corpus: Corpus, rng: Random) -> None:
        self._corpus = corpus
        self._rng = rng
        self.tally = Tally()
        self._orders = frozenset(
            number for order in corpus.orders for number in (order.price, order.quantity) if number is not None
        )
        self._begin()

    def _begin(self) -> None:
        self._account = Account(self._corpus)
        rules = self._corpus.teach(self._account.venue)[self._corpus.symbol]
        self._given = Given(self._orders, (rules.tick, rules.step))
        self._note_state()

    def _note_state(self) -> None:
        self._counts, self._states = self._account.counts(), self._account.states()

    def run(self, frames: int) -> Tally:
        """Bend so many frames."""
        with as_in_the_bot():
            for number in range(frames):
                if number % ROUND == ROUND - 1:
                    self._begin()
                self.take(*self._next())
        return self.tally

    def _next(self) -> tuple[bytes, bool]:
        rng, corpus = self._rng, self._corpus
        is_private = rng.random() >= _PUBLIC_SHARE
        seed = rng.choice(corpus.private if is_private else corpus.public)
        return (seed.encode() if rng.random() < _HONEST_SHARE else mutate(seed, rng)), is_private

    def take(self, frame: bytes, is_private: bool) -> None:
        """Let the client read one frame, and judge what it made of it."""
        tally, venue = self.tally, self._account.venue
        tally.readings += 1
        began = time.thread_time()
        try:
            if is_private:
                problem = self._private(frame, venue.parse_private)
            else:
                problem = self._public(frame, venue.parse_public)
        except Exception as error:  # noqa: BLE001 - whatever it is, it would have ended an actor
            problem = f"{type(error).__name__}: {error}"
        if problem is None and time.thread_time() - began > SLOWEST_S:
            problem = "it took more than a second"
        if problem is not None:
            where = "private frame" if is_private else "public frame"
            tally.fail(Failure(self._corpus.subject.name, where, problem, frame))
            self._begin()

    def _public(self, frame: bytes, parse: Parse) -> str | None:
        try:
            reports = parse(frame, NOW_NS)
        except MalformedMessage as error:
            self.tally.refused += 1
            return _bad_error(error)
        self.tally.accepted += 1
        return self._judge(frame, reports)

    def _private(self, frame: bytes, parse: Parse) -> str | None:
        account = self._account
        try:
            reports = parse(frame, NOW_NS)
        except MalformedMessage as error:
            self.tally.refused += 1
            looks_closely = self.tally.refused % _CLOSE_LOOK == 0
            if account.counts() != self._counts or (looks_closely and account.states() != self._states):
                return "an unreadable frame has changed the ledger"
            return _bad_error(error)
        self.tally.accepted += 1
        for report in reports:
            account.client.apply(report, received_ns=1)
        self._note_state()
        return account.check() or self._judge(frame, reports)

    def _judge(self, frame: bytes, reports: tuple[Report, ...]) -> str | None:
        if frame == _TEXT_PING:
            return None
        try:
            said = read_again(frame)
        except Unreadable as error:
            return f"it was read although it holds what nobody may read ({error})"
        return wrong_in(reports, said, self._given) or next(_bad_texts(reports), None)


def _bad_error(error: MalformedMessage) -> str | None:
    return "the text of its error is too long" if len(str(error)) > 4 * _LONGEST_TEXT else None


def _bad_texts(reports: tuple[Report, ...]) -> Iterator[str]:
    for text in texts_of(reports):
        if len(text) > _LONGEST_TEXT:
            yield f"a notice has a text of {len(text)} characters"
