"""The mailbox: order is kept, the newest price wins, nothing newest is lost under races."""

import sys
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pykka._envelope import Envelope

from actors.inbox import Inbox, LazyInbox, conflation_key
from actors.messages import PriceChanged, PriceStale, Tick


def price(number: int, grid: str = "btc") -> PriceChanged:
    return PriceChanged(grid=grid, bid=Decimal(number), ask=Decimal(number + 1), alive_ns=number)


def drain(inbox: Inbox) -> list[object]:
    taken = []
    while not inbox.empty():
        taken.append(inbox.get().message)
    return taken


def test_messages_come_out_in_the_order_they_went_in():
    inbox = Inbox()
    for number in range(5):
        inbox.put(Envelope(number))
    assert inbox.depth == 5
    assert drain(inbox) == [0, 1, 2, 3, 4]
    assert inbox.peak == 5


def test_price_when_an_older_one_waits_replaces_it_in_place():
    inbox = Inbox()
    inbox.put(Envelope(price(1)))
    inbox.put(Envelope("fill"))
    inbox.put(Envelope(price(2)))
    assert drain(inbox) == [price(2), "fill"]


def test_prices_of_two_grids_do_not_replace_each_other():
    inbox = Inbox()
    inbox.put(Envelope(price(1, "btc")))
    inbox.put(Envelope(price(2, "eth")))
    assert drain(inbox) == [price(1, "btc"), price(2, "eth")]


@pytest.mark.parametrize("stale_last", [True, False])
def test_stale_and_price_share_a_slot_so_the_later_one_stands(stale_last):
    stale = PriceStale(grid="btc", why="silent")
    told = [price(1), stale] if stale_last else [stale, price(1)]
    inbox = Inbox()
    for message in told:
        inbox.put(Envelope(message))
    assert drain(inbox) == [told[-1]]


def test_asked_price_is_never_replaced_because_its_answer_is_awaited():
    inbox = Inbox()
    inbox.put(Envelope(price(1), reply_to=object()))
    inbox.put(Envelope(price(2)))
    assert drain(inbox) == [price(1), price(2)]


def test_conflation_key_is_none_for_what_must_be_delivered():
    assert conflation_key(Tick(now_ns=1, wall_ns=1)) is None
    assert conflation_key(price(1)) == conflation_key(PriceStale(grid="btc", why=""))


@given(st.lists(st.one_of(st.tuples(st.just("put"), st.sampled_from("ab")), st.just(("get", "")))))
def test_any_schedule_delivers_the_newest_of_each_grid_last(steps):
    inbox, newest, seen = Inbox(), {}, {}
    for number, (step, grid) in enumerate(steps):
        if step == "put":
            newest[grid] = price(number, grid)
            inbox.put(Envelope(newest[grid]))
        elif not inbox.empty():
            message = inbox.get().message
            seen[message.grid] = message
        assert inbox.depth <= 2
    for message in drain(inbox):
        seen[message.grid] = message
    assert seen == newest


def test_newest_price_survives_racing_producers_and_consumer():
    inbox, rounds, producers = Inbox(), 4000, 3
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    seen: dict[str, int] = {}

    def produce(grid: str) -> None:
        for number in range(rounds):
            inbox.put(Envelope(price(number, grid)))

    def consume() -> None:
        while len(seen) < producers or min(seen.values()) < rounds - 1:
            message = inbox.get().message
            assert message.alive_ns >= seen.get(message.grid, -1), "an older price after a newer one"
            seen[message.grid] = message.alive_ns

    threads = [threading.Thread(target=produce, args=(grid,), daemon=True) for grid in "abc"]
    consumer = threading.Thread(target=consume, daemon=True)
    try:
        consumer.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        consumer.join(20)
    finally:
        sys.setswitchinterval(before)
    assert not consumer.is_alive(), f"the newest price was lost: {seen}"
    assert seen == dict.fromkeys("abc", rounds - 1)
    for message in drain(inbox):  # a second delivery of the newest is all that may be left
        assert message.alive_ns == rounds - 1


def test_lazy_mailbox_keeps_one_order_and_waits_for_what_is_not_lazy():
    inbox = LazyInbox(lambda message: message != "wake")
    assert inbox.empty()
    for message in ("a", "b", "wake", "c"):
        inbox.put(Envelope(message))
    assert (inbox.depth, inbox.empty()) == (4, False)
    assert [inbox.get().message for _ in range(4)] == ["a", "b", "wake", "c"]
    assert (inbox.peak, inbox.empty()) == (4, True)


def test_lazy_mailbox_when_its_consumer_waits_is_woken_by_a_message_that_is_not_lazy_only():
    inbox = LazyInbox(lambda message: message != "wake")
    taken: list[object] = []
    has_some = threading.Event()

    def consume() -> None:
        while not taken or taken[-1] != "wake":
            taken.append(inbox.get().message)
            has_some.set()

    consumer = threading.Thread(target=consume)
    consumer.start()
    inbox.put(Envelope("late"))
    inbox.put(Envelope("later"))
    assert not has_some.wait(0.05)
    inbox.put(Envelope("wake"))
    consumer.join(2)
    assert taken == ["late", "later", "wake"]


def test_lazy_mailbox_when_a_lazy_message_is_asked_wakes():
    inbox = LazyInbox(lambda _message: True)
    inbox.put(Envelope("told"))
    inbox.put(Envelope("asked", reply_to=object()))
    assert [inbox.get().message, inbox.get().message] == ["told", "asked"]


def test_lazy_mailbox_when_producers_race_loses_nothing_and_keeps_each_ones_order():
    inbox = LazyInbox(lambda message: message[1] % 7 != 0)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        producers = [
            threading.Thread(target=lambda who=who: [inbox.put(Envelope((who, n))) for n in range(1, 1401)])
            for who in range(3)
        ]
        for producer in producers:
            producer.start()
        taken = [inbox.get().message for _ in range(3 * 1400)]
        for producer in producers:
            producer.join(5)
    finally:
        sys.setswitchinterval(before)
    assert inbox.empty()
    for who in range(3):
        assert [number for name, number in taken if name == who] == list(range(1, 1401))
