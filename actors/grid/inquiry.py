"""Proving what became of an order: questions with growing waits, and what an absence is worth.

"Never accepted" takes several answers "not found", each to a question of its own that was asked after the request could
no longer be accepted (the fence). An answer asked earlier proves nothing, however late it arrives: the request may
still have been on its way. Silence and failed queries prove nothing at all (RELIABILITY.md C.0, S10).
"""

from actors.grid.state import MILLISECOND_NS, SECOND_NS, Cancellation, Inquiry
from exchanges.records import replace

FIRST_WAIT_NS = 500 * MILLISECOND_NS
LONGEST_WAIT_NS = 5 * SECOND_NS
PROOF_WAIT_NS = 1 * SECOND_NS
"""Once an absence counts, the next is asked for so soon: a lot may be waiting. Histories trail by less than that."""
LISTING_GRACE_NS = 2 * SECOND_NS
"""An open-orders answer may trail an acceptance by so long (ORIGIN.md A.2, vanished entry)."""
SILENCE_NS = 10 * SECOND_NS
"""A command without any answer for so long is treated as unknown."""
CANCEL_WAIT_NS = 3 * SECOND_NS
"""A cancel without an answer for so long makes us ask."""


def begin(why: str, *, fence_ns: int, at_ns: int) -> Inquiry:
    """Return an inquiry whose first question is due at `at_ns`."""
    return Inquiry(why=why, fence_ns=fence_ns, next_ns=at_ns, wait_ns=FIRST_WAIT_NS)


def asked(inquiry: Inquiry, now_ns: int) -> Inquiry:
    """Return the inquiry after a question was sent: the next one waits twice as long, within the limit."""
    wait_ns = min(inquiry.wait_ns * 2, LONGEST_WAIT_NS)
    return replace(inquiry, next_ns=now_ns + inquiry.wait_ns, wait_ns=wait_ns)


def absent(inquiry: Inquiry, asked_ns: int, now_ns: int) -> Inquiry:
    """Return the inquiry after "not found": counted if asked after the fence and not counted before.

    The next question waits, whoever asked the last one (a start and every catch-up ask too), and where the fence is
    near, until it has passed: absence before it is worth nothing, and some venues answer few such questions a minute.
    """
    next_ns = max(inquiry.next_ns, now_ns + inquiry.wait_ns) if inquiry.next_ns <= now_ns else inquiry.next_ns
    if inquiry.fence_ns <= now_ns + LONGEST_WAIT_NS:
        next_ns = max(next_ns, inquiry.fence_ns + 1)
    inquiry = replace(inquiry, next_ns=next_ns)
    is_news = inquiry.absent_ns is None or asked_ns > inquiry.absent_ns
    if asked_ns <= inquiry.fence_ns or not is_news:
        return inquiry
    counted = replace(inquiry, absences=inquiry.absences + 1, absent_ns=asked_ns)
    if inquiry.absences:
        return counted
    return replace(counted, next_ns=now_ns + PROOF_WAIT_NS, wait_ns=PROOF_WAIT_NS)


def cancellation(why: str, now_ns: int) -> Cancellation:
    """Return a cancel that was just sent."""
    return Cancellation(why=why, next_ns=now_ns + CANCEL_WAIT_NS)
