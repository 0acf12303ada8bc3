"""Position readings against the lots: one is a rumor, several equal ones are a fact.

A reading counts only if it was asked after the last change of ours and nothing of ours is in flight. The first one that
contradicts the lots makes us ask for every resting exit (a fill may not have been told); if it is confirmed, the
difference is somebody else's doing: entries stop, exits are cut to what is held, and a person decides (`adopt`). A
single wrong reading changes nothing, and a failed one never arrives here (ORIGIN.md defect 12).
"""

from decimal import Decimal

from actors.grid import closing, ledger, orders
from actors.grid.draft import Draft
from actors.grid.positions import held, put_lot
from actors.grid.state import SECOND_NS, ExitBook, Mismatch, Suspicion
from actors.log_events import LogEvent
from actors.messages import ConnectionReady, ExternalBooked, NoteLevel, PositionRead
from exchanges.records import replace
from exchanges.values import ZERO

SURPLUS_GAP_NS = 4 * SECOND_NS
"""Two readings of more than the lots hold must be asked so far apart: a fill of the entry may be on its way."""
ASKED_AGAIN = 3
"""So many settled exits are asked for again when the position holds less than the lots."""


def is_settled(book: ExitBook) -> bool:
    """Return whether nothing of ours can change the position without having been told: only resting exits are out."""
    return all(
        order.is_working and order.inquiry is None and order.cancel is None and not order.kind.is_immediate
        for order in book.orders
    )


def connected(draft: Draft[ExitBook], event: ConnectionReady) -> None:
    """The venue has been read. On a fresh start whatever it holds beyond our lots is not ours."""
    book = replace(draft.state, is_connected=True)
    if not book.is_fresh_start:
        draft.state = book
        _judge(draft, event.position, event.asked_ns)
        return
    external = event.position - draft.context.sign * held(book)
    draft.state = replace(book, is_fresh_start=False, external=external)
    if external != 0:
        _book_external(draft, 0, abs(external), ZERO)
        draft.note(LogEvent.POSITION_ADOPTED, f"{external} was there before us", level=NoteLevel.WARNING)


def read(draft: Draft[ExitBook], event: PositionRead) -> None:
    """Judge a scheduled reading."""
    _judge(draft, event.quantity, event.asked_ns)


def _judge(draft: Draft[ExitBook], quantity: Decimal, asked_ns: int) -> None:
    book = draft.state
    if asked_ns <= book.changed_ns or not is_settled(book):
        return
    reading = (quantity - book.external) * draft.context.sign
    awaited = sum((fill.quantity for fill in book.early), ZERO)
    if awaited and reading == held(book) - awaited:
        ledger.close_oldest(draft)
        book = draft.state
    if reading == held(book):
        _agree(draft, asked_ns)
        return
    if book.mismatch is not None and reading in (book.mismatch.least, book.mismatch.most):
        mismatch = Mismatch(least=reading, most=reading, asked_ns=asked_ns)
        draft.state = replace(book, suspicion=None, mismatch=mismatch)
        if book.adopts_proven:
            _adopt(draft, reading)
        _let_go(draft, asked_ns)
        return
    _suspect(draft, reading, asked_ns)


def _agree(draft: Draft[ExitBook], asked_ns: int) -> None:
    book = draft.state
    if book.suspicion is not None:
        draft.note(
            LogEvent.POSITION_READING_IGNORED,
            f"a reading of {book.suspicion.held} was not confirmed",
            level=NoteLevel.WARNING,
        )
    if book.mismatch is not None:
        draft.note(LogEvent.POSITION_MATCHED, f"{held(book)} held")
    for fill in book.early:
        draft.note(
            LogEvent.POSITION_MISMATCH,
            f"an exit filled {fill.quantity} more than the lots hold",
            level=NoteLevel.ERROR,
            client_order_id=fill.client_order_id,
        )
    draft.state = replace(book, suspicion=None, mismatch=None, is_agreed=True, adopts_proven=False, early=())
    _let_go(draft, asked_ns)


def _let_go(draft: Draft[ExitBook], asked_ns: int) -> None:
    for lot in draft.state.lots:
        if lot.awaits_position_ns and asked_ns > lot.awaits_position_ns:
            put_lot(draft, replace(lot, awaits_position_ns=0))


def _suspect(draft: Draft[ExitBook], reading: Decimal, asked_ns: int) -> None:
    book = draft.state
    suspicion = book.suspicion
    if suspicion is None or suspicion.held != reading:
        draft.state = replace(book, suspicion=Suspicion(held=reading, count=1, asked_ns=asked_ns))
        for order in book.orders:
            closing.ask(draft, order, "the position contradicts the lots")
        for order in book.finished[-ASKED_AGAIN:] if reading < held(book) else ():
            orders.query(draft, order)
        return
    gap_ns = SURPLUS_GAP_NS if reading > held(book) else 0
    if asked_ns <= suspicion.asked_ns + gap_ns:
        return
    count = suspicion.count + 1
    draft.state = replace(book, suspicion=replace(suspicion, count=count, asked_ns=asked_ns))
    if count < draft.context.settings.proof.mismatch_proofs:
        return
    mismatch = Mismatch(least=reading, most=reading, asked_ns=asked_ns)
    draft.state = replace(book, suspicion=None, mismatch=mismatch, is_agreed=False)
    draft.note(
        LogEvent.POSITION_MISMATCH,
        f"the venue holds {reading} of this grid's position, its lots hold {held(book)}: entries are blocked; "
        "close or restore the difference, or adopt it",
        level=NoteLevel.CRITICAL,
    )
    if book.adopts_proven:
        _adopt(draft, reading)
    _let_go(draft, asked_ns)


def adopt(draft: Draft[ExitBook], *, when_proven: bool) -> None:
    """Book the proven difference, or where it may still be proven and `when_proven` says so, once it is."""
    book = draft.state
    if book.proven is not None:
        _adopt(draft, book.proven)
    elif when_proven:
        draft.state = replace(book, adopts_proven=book.suspicion is not None or not book.is_agreed)
    else:
        draft.note(LogEvent.POSITION_ADOPTED, "no proven difference to adopt")


def _adopt(draft: Draft[ExitBook], reading: Decimal) -> None:
    """Book a difference as somebody else's: newest lots count as closed outside, a surplus as not ours."""
    book = draft.state
    missing = held(book) - max(ZERO, reading)
    foreign = min(reading, ZERO) if missing >= 0 else -missing
    external = book.external + draft.context.sign * foreign
    # what is held is what was read from here on: no fill of an exit waits for an entry any more
    draft.state = replace(
        book, mismatch=None, suspicion=None, external=external, adopts_proven=False, is_agreed=True, early=()
    )
    if foreign != 0:
        _book_external(draft, 0, abs(foreign), ZERO)
    for lot in reversed(book.lots):
        share = min(lot.remaining, missing)
        if share <= 0:
            continue
        missing -= share
        price = lot.average_entry
        put_lot(
            draft,
            replace(
                lot,
                exit_filled=lot.exit_filled + share,
                exit_notional=lot.exit_notional + share * price,
                dust=ZERO,
            ),
        )
        _book_external(draft, lot.lot, share, price)
    draft.note(LogEvent.POSITION_ADOPTED, f"lots hold {held(draft.state)}, foreign {external}", level=NoteLevel.WARNING)


def _book_external(draft: Draft[ExitBook], lot: int, quantity: Decimal, price: Decimal) -> None:
    draft.emit(
        ExternalBooked(grid=draft.context.name, lot=lot, quantity=quantity, price=price, external=draft.state.external)
    )
