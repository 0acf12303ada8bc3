import pytest

from actors.grid.draft import Draft
from actors.grid.state import ExitBook
from actors.messages import CloseOrderPlaced, ReserveSequences
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
