import pytest

from actors.grid.draft import Draft
from actors.grid.state import ExitBook
from actors.log_events import LogEvent
from actors.messages import CloseOrderPlaced, Note, NoteLevel, ReserveSequences
from tests.grid.harness import D, make_context

FIRST = ReserveSequences(grid="g", for_exits=True)
URGENT = CloseOrderPlaced(grid="g", lot=1, covered=D(1))
NEXT = CloseOrderPlaced(grid="g", lot=2, covered=D(1))


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_is_urgent_is_sent_once_with_all_that_came_before_and_the_answer_lists_everything(is_heard):
    sent = []
    draft = Draft(make_context(), ExitBook(), 1, sent.append if is_heard else None)
    draft.emit(FIRST)
    draft.emit_now(URGENT)
    draft.emit_now(NEXT)
    draft.emit(FIRST)
    assert sent == ([[FIRST, URGENT], [NEXT]] if is_heard else [])
    assert draft.finish().outputs == (FIRST, URGENT, NEXT, FIRST)


def test_a_note_says_what_it_was_given_and_else_nothing():
    draft = Draft(make_context(), ExitBook(), 1)
    draft.note(LogEvent.STREAM_LOST)
    draft.note(LogEvent.LOT_OVERDUE, "older than a day", level=NoteLevel.WARNING, lot=3, client_order_id=77)
    assert draft.finish().notes == (
        Note(event=LogEvent.STREAM_LOST, level=NoteLevel.INFO, grid="g", text="", lot=0, client_order_id=0),
        Note(
            event=LogEvent.LOT_OVERDUE,
            level=NoteLevel.WARNING,
            grid="g",
            text="older than a day",
            lot=3,
            client_order_id=77,
        ),
    )
