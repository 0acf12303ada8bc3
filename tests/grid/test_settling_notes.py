"""What the log says of an exit: what became of it, of which lot it is and which order, and how alarming that is."""

import pytest

from actors.log_events import LogEvent
from actors.messages import Note, NoteLevel, OrderAmended
from exchanges.values import CancelReason, RejectReason
from tests.grid.harness import D
from tests.grid.test_settling import filled_grid

INFO, WARNING = NoteLevel.INFO, NoteLevel.WARNING


def number(grid, name):
    return grid.orders[name].command.client_order_id


def is_never_found(grid):
    grid.unknown("c2", fence_s=0)
    for _ in range(3):
        grid.pass_ms(1_000)
        if not grid.orders["c2"].has_ended:
            grid.not_found("c2")


def is_resized(grid):
    grid.ack("c2")
    grid.fill("c2", "t2", "0.300")
    grid.is_watching = False  # the harness takes an order to be as large as it was sent
    amended = OrderAmended(grid="g", client_order_id=number(grid, "c2"), price=D("101.5"), quantity=D("0.800"))
    grid.give("closer", amended)


def is_canceled(grid):
    grid.ack("c2")
    grid.fill("c2", "t2", "0.300")
    grid.done("c2", CancelReason.OTHER, "0.300")


FATES = {
    "placed": (lambda grid: grid.ack("c2"), LogEvent.CLOSE_ORDER_PLACED, INFO, "1.000 at 100.9"),
    "refused": (
        lambda grid: grid.reject("c2", RejectReason.MARGIN),
        LogEvent.CLOSE_ORDER_REFUSED,
        WARNING,
        "margin: no",
    ),
    "not sent": (lambda grid: grid.deny("c2", "halted"), LogEvent.CLOSE_ORDER_REFUSED, WARNING, "not sent: halted"),
    "unknown": (lambda grid: grid.unknown("c2"), LogEvent.CLOSE_OUTCOME_UNKNOWN, WARNING, "timeout"),
    "never accepted": (
        is_never_found,
        LogEvent.CLOSE_NEVER_ACCEPTED,
        WARNING,
        "3 answers 'not found' asked after the fence",
    ),
    "resized": (is_resized, LogEvent.CLOSE_ORDER_CHANGED, WARNING, "0.700 at 100.9 is 0.500 at 101.5 now"),
    "canceled": (is_canceled, LogEvent.CLOSE_ORDER_CANCELED, INFO, "other, 0.700 of 1.000 left"),
}


@pytest.mark.parametrize(("happens", "event", "level", "text"), FATES.values(), ids=FATES)
def test_the_log_says_what_became_of_an_exit(happens, event, level, text):
    grid = filled_grid()
    happens(grid)
    expected = Note(event=event, level=level, grid="g", text=text, lot=1, client_order_id=number(grid, "c2"))
    assert grid.notes_of(event) == [expected]
