"""Stops: price, loss on the average entry, loss of the day, and the pause price.

A stop acts on fresh prices only, and only after the breach has lasted; it is latched: a price that returns changes
nothing, only an operator resumes. A stale price never fires a stop, and never silently hides one: the breach is
forgotten, entries are blocked and an alarm is raised by the price's owner. The pause price is not latched and has
hysteresis.
"""

from actors.grid import risk
from actors.grid.draft import Draft
from actors.grid.pricing import HUNDRED, move_fraction
from actors.grid.risk import DeskExposure
from actors.grid.settings import MismatchAction, StopAction
from actors.grid.state import (
    MILLISECOND_NS,
    SECOND_NS,
    Breach,
    Flattening,
    GridContext,
    GridState,
    Latch,
    Mode,
    Quote,
)
from actors.log_events import LogEvent
from actors.messages import FlattenPositions, LatchChanged, LatchKind, NoteLevel
from exchanges.records import replace

ENTRY_GRACE_NS = 2 * SECOND_NS
"""How long a flatten waits for the entry's proven end before it starts with what is held."""


def latch_of(context: GridContext, kind: LatchKind, text: str) -> Latch:
    """Return the latch of a stop, with what it does besides."""
    flatten = kind is LatchKind.STOP_LOSS or (
        kind is LatchKind.STOP_PRICE and context.settings.risk.stop_action is StopAction.FLATTEN
    )
    return Latch(kind=kind, text=text, flatten=flatten)


def latch(draft: Draft[GridState], kind: LatchKind, text: str) -> None:
    """Halt the grid for good: durable, announced once, entries canceled, lots closed if the stop says so."""
    if draft.state.latch is not None:
        return
    latched = latch_of(draft.context, kind, text)
    draft.state = replace(draft.state, latch=latched, mode=Mode.HALTED, breach=None)
    draft.emit(LatchChanged(grid=draft.context.name, kind=kind, text=text))
    draft.note(LogEvent.STOP_LATCHED, f"{kind}: {text}", level=NoteLevel.CRITICAL)
    if latched.flatten:
        start_flatten(draft, kind.value)


def start_flatten(draft: Draft[GridState], reason: str) -> None:
    """Close everything once the entry has ended."""
    flattening = Flattening(reason=reason, deadline_ns=draft.now_ns + ENTRY_GRACE_NS)
    draft.state = replace(draft.state, flattening=flattening, flatten_reason=reason, is_draining=True)


def drive_flatten(draft: Draft[GridState]) -> None:
    """Tell the closer to flatten when the entry has ended, or when waiting for that takes too long.

    Called only once the venue has been read: what the entry has become is not known before.
    """
    state = draft.state
    flattening = state.flattening
    if flattening is None or flattening.is_told:
        return
    has_live_entry = bool(state.strays) or (state.pending is not None and not state.pending.is_done)
    if has_live_entry and draft.now_ns < flattening.deadline_ns:
        return
    draft.state = replace(state, flattening=replace(flattening, is_told=True))
    draft.emit(FlattenPositions(grid=draft.context.name, reason=flattening.reason))


def flattened(draft: Draft[GridState]) -> None:
    """Everything is closed, unless a fill was on its way to the closer: then its lots decide. A latch stays."""
    state = draft.state
    flattening = state.flattening
    if flattening is not None and state.sent > state.lots.entries_received:
        draft.state = replace(state, flattening=replace(flattening, awaits_lots=True))
        return
    draft.state = replace(state, flattening=None)


def lots_told(draft: Draft[GridState]) -> None:
    """Flatten once more if a fill that was on its way has arrived in a lot."""
    state = draft.state
    flattening = state.flattening
    if flattening is None or not flattening.awaits_lots or state.sent > state.lots.entries_received:
        return
    draft.state = replace(state, flattening=None)
    if state.lots.position != 0:
        start_flatten(draft, flattening.reason)


def flatten_again_after_fill(draft: Draft[GridState]) -> None:
    """A fill arrived after the grid was flattened: it is closed as well."""
    state = draft.state
    if state.flattening is None and state.flatten_reason:
        start_flatten(draft, state.flatten_reason)


def watch(draft: Draft[GridState], desk: DeskExposure) -> None:
    """Check every stop and the pause price against the state as it is now."""
    _watch_daily_loss(draft, desk)
    _watch_mismatch(draft)
    quote = draft.state.quote
    if quote is None or not quote.is_fresh(draft.now_ns, draft.context.settings.stale_after_ms):
        if draft.state.breach is not None:
            draft.state = replace(draft.state, breach=None)
        return
    if draft.state.latch is None:
        _watch_price(draft, quote)
    _watch_pause(draft, quote)


def _watch_price(draft: Draft[GridState], quote: Quote) -> None:
    kind = breached(draft.context, draft.state, quote)
    breach = draft.state.breach
    if kind is None:
        if breach is not None:
            draft.state = replace(draft.state, breach=None)
        return
    if breach is None or breach.kind is not kind:
        breach = Breach(kind=kind, since_ns=draft.now_ns)
        draft.state = replace(draft.state, breach=breach)
    if draft.now_ns >= confirm_ns(draft.context, breach):
        latch(draft, kind, f"mid {quote.mid}")


def confirm_ns(context: GridContext, breach: Breach) -> int:
    """Return when a breach has lasted long enough."""
    return breach.since_ns + context.settings.risk.stop_confirm_ms * MILLISECOND_NS


def breached(context: GridContext, state: GridState, quote: Quote) -> LatchKind | None:
    """Return which price stop the mid is beyond now, None if none."""
    settings, sign, mid = context.settings.risk, context.sign, quote.mid
    if settings.stop_price is not None and (mid - settings.stop_price) * sign < 0:
        return LatchKind.STOP_PRICE
    held = abs(state.lots.position)
    if settings.stop_loss and held > 0:
        move = move_fraction(settings.stop_loss_pct, settings.stop_loss_basis, context.applied_leverage)
        limit = state.lots.cost / held * (1 - sign * move)
        if (mid - limit) * sign <= 0:
            return LatchKind.STOP_LOSS
    return None


def _watch_pause(draft: Draft[GridState], quote: Quote) -> None:
    settings, sign = draft.context.settings.risk, draft.context.sign
    if settings.pause_price is None:
        return
    if not draft.state.price_paused:
        if (quote.mid - settings.pause_price) * sign > 0:
            draft.state = replace(draft.state, price_paused=True)
            draft.note(LogEvent.PAUSE_PRICE_REACHED, f"mid {quote.mid}, pause price {settings.pause_price}")
        return
    back = settings.pause_price * (1 - sign * settings.pause_hysteresis_pct / HUNDRED)
    if (quote.mid - back) * sign < 0:
        draft.state = replace(draft.state, price_paused=False)
        draft.note(LogEvent.PAUSE_PRICE_LEFT, f"mid {quote.mid}, resumes beyond {back}")


def _watch_daily_loss(draft: Draft[GridState], desk: DeskExposure) -> None:
    limit = desk.daily_loss_limit_usd
    if limit is None:
        return
    today = risk.realized_today(draft.state) + desk.other_realized_today_usd
    if today - draft.state.day.forgiven <= -limit:
        latch(draft, LatchKind.DAILY_LOSS, f"{today} today, limit {limit}")


def _watch_mismatch(draft: Draft[GridState]) -> None:
    if draft.state.lots.mismatch and draft.context.settings.proof.on_mismatch is MismatchAction.HALT:
        latch(draft, LatchKind.MISMATCH, "position and lots differ")


def resume(draft: Draft[GridState], desk: DeskExposure) -> None:
    """Clear pause and latch for an operator; today's loss is accepted, a flatten in progress is not undone."""
    state = draft.state
    today = risk.realized_today(state) + desk.other_realized_today_usd
    was_latched = state.latch is not None
    draft.state = replace(
        state,
        mode=Mode.RUNNING,
        pause_reason="",
        is_draining=False,
        flatten_reason="",
        latch=None,
        day=replace(state.day, forgiven=min(today, state.day.forgiven)),
    )
    if was_latched:
        draft.emit(LatchChanged(grid=draft.context.name, kind=None))
        draft.note(LogEvent.STOP_CLEARED, "resumed by an operator")
    if state.mode is not Mode.RUNNING:
        draft.note(LogEvent.ENTRIES_RESUMED, "resumed by an operator")
