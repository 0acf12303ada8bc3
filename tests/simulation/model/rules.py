"""Plausible wrong rules, each a small change of the bot's own code. Every one of them has to be refuted.

What people write when an answer is missing: a timeout is taken for a refusal, an absence for a proof, a list for the
truth, a cancel for an empty order. `refuted_by` names the models in which the counterexample is looked for.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from actors.connection_reads import VenueReads
from actors.grid import entry as entries
from actors.grid import inquiry, recovery
from actors.messages import OrderNotFound, PlaceLimitOrder
from exchanges.client import ExchangeClient
from exchanges.lighter import records, voids
from exchanges.lighter.transactions import _queued
from exchanges.order_account import OrderAccount
from exchanges.records import replace
from tests.simulation.model.desk import Desk

Patches = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class WrongRule:
    """One wrong rule: what it says, how the bot is changed to follow it, and where that shows."""

    name: str
    says: str
    follow: Patches
    refuted_by: tuple[str, ...]


def _instead(target: object, name: str, function: object) -> Patches:
    return lambda: patch.object(target, name, function)


def _all(*changes: Patches) -> Patches:
    @contextmanager
    def together() -> Iterator[None]:
        with ExitStack() as stack:
            for change in changes:
                stack.enter_context(change())
            yield

    return together


# --- silence ---


def _finish_unknown(draft, event) -> None:
    entry = entries.find(draft.state, event.client_order_id)
    if entry is not None and not entry.is_done:
        entries.finish(draft, entry, is_charged=False)


def _resend_unknown(draft, event) -> None:
    entry = entries.find(draft.state, event.client_order_id)
    _outcome_unknown(draft, event)
    if entry is not None and not entry.is_done and entry.accepted_ns is None:
        context = draft.context
        draft.emit(
            PlaceLimitOrder(
                grid=context.name, exchange=context.exchange, symbol=context.symbol,
                client_order_id=entry.client_order_id, side=context.entry_side, price=entry.price,
                quantity=entry.quantity, post_only=True, reduce_only=False, lot=entry.lot,
            )
        )  # fmt: skip


_outcome_unknown = recovery.outcome_unknown


def _failed_is_absent(reads, grid, client_order_id, failure) -> None:
    reads._facts.tell_owner(OrderNotFound(grid=grid, client_order_id=client_order_id, asked_ns=failure.asked_ns))


# --- absence ---


def _absent_is_rejected(draft, event) -> None:
    entry = entries.find(draft.state, event.client_order_id)
    if entry is not None and not entry.is_done and entry.inquiry is not None:
        entries.finish(draft, entry, is_charged=False)


_not_found = recovery.not_found


def _waited_at_receipt(draft, event) -> None:
    _not_found(draft, replace(event, asked_ns=draft.now_ns))


def _any_absence(found, asked_ns, *_):
    return replace(found, absences=found.absences + 1, absent_ns=asked_ns)


def _fence_without_slack() -> AbstractContextManager[object]:
    begin = inquiry.begin

    def early(why, *, fence_ns, at_ns):
        return begin(why, fence_ns=fence_ns - 2_000_000_000, at_ns=at_ns)

    return _all(
        _instead(inquiry, "begin", early),
        _instead(VenueReads, "_can_still_come", lambda *_: False),
    )()


def _unlisted_has_ended(draft, event) -> None:
    entry = draft.state.pending
    if entry is not None and not entry.is_done and entry.client_order_id not in event.client_order_ids:
        entries.finish(draft, entry)


# --- cancels ---


def _cancel_ends_it(draft, event) -> None:
    entry = entries.find(draft.state, event.client_order_id)
    if entry is not None and not entry.is_done:
        entries.finish(draft, entry)


_claim = OrderAccount.claim


def _only_trades_count(account, cumulative, average=None, *, waits_from_ns=None) -> None:
    if average is not None:
        _claim(account, cumulative, average, waits_from_ns=waits_from_ns)


# --- counting ---


def _fills_overwrite(entry, event):
    return replace(_ledger_says(entry, event), filled=event.quantity)


_ledger_says = entries.ledger_says


# --- receipts and nonces ---


def _receipt_is_acceptance(client, report, *, received_ns) -> None:
    client.apply(report, received_ns=received_ns)


_decide = voids._decide


def _used_nonce_means(is_accepted: bool) -> Patches:
    def decide(account, ref, tag, look_again, nonce, received_ns):
        sent = account.sent.get(tag)
        if sent is None or sent.order is None or nonce <= sent.nonce:
            return _decide(account, ref, tag, look_again, nonce, received_ns)
        return _queued(sent.order, received_ns) if is_accepted else records.never_accepted(sent.order, received_ns)

    return _instead(voids, "_decide", decide)


def _no_record_is_never(account, ref, tag, look_again, nonce, received_ns):
    sent = account.sent.get(tag)
    if sent is None or sent.order is None:
        return _decide(account, ref, tag, look_again, nonce, received_ns)
    return records.never_accepted(sent.order, received_ns)


# --- memory ---


def _forget_intents(desk, *, lost_fills) -> None:
    del lost_fills
    desk.out.clear()
    desk.was_forgotten = desk.has_concluded = True


ENTRY_MODELS = ("aster entry", "backpack entry")
CANCEL_MODELS = ("aster entry, cancels", "backpack entry, cancels")

WRONG_RULES: tuple[WrongRule, ...] = (
    WrongRule(
        "timeout = rejected", "no answer in time: it was not taken",
        _instead(recovery, "outcome_unknown", _finish_unknown), ENTRY_MODELS,
    ),
    WrongRule(
        "re-send on unknown", "no answer in time: send the same order again",
        _instead(recovery, "outcome_unknown", _resend_unknown), ENTRY_MODELS,
    ),
    WrongRule(
        "failed query = absent", "the question brought nothing: there is no such order",
        _instead(VenueReads, "_tell_unsettled", _failed_is_absent), ENTRY_MODELS,
    ),
    WrongRule(
        "absent = rejected", "the venue does not know it: it was not taken",
        _all(_instead(recovery, "not_found", _absent_is_rejected),
             _instead(VenueReads, "_can_still_come", lambda *_: False)), ENTRY_MODELS,
    ),
    WrongRule(
        "absent and waited at receipt", "the answer was read after the fence",
        _all(_instead(recovery, "not_found", _waited_at_receipt),
             _instead(VenueReads, "_can_still_come", lambda *_: False)), ENTRY_MODELS,
    ),
    WrongRule(
        "no fence", "any absence counts",
        _all(_instead(inquiry, "absent", _any_absence),
             _instead(VenueReads, "_can_still_come", lambda *_: False)), ENTRY_MODELS,
    ),
    WrongRule(
        "fence without slack", "the venue's clock is ours",
        _fence_without_slack, ENTRY_MODELS,
    ),
    WrongRule(
        "fence from the decision", "the fence counts from when the order was decided on, not from when it left",
        _all(_instead(Desk, "is_placing", lambda *_: False),
             _instead(VenueReads, "_can_still_come", lambda *_: False)), ("backpack exit",),
    ),
    WrongRule(
        "unlisted = ended", "it is not among the open orders: it has ended",
        _instead(recovery, "listed", _unlisted_has_ended), ("aster entry, lists",),
    ),
    WrongRule(
        "cancel success = nothing filled", "a cancel ends an order, whatever its report says was filled",
        _all(_instead(recovery, "canceled", _cancel_ends_it), _instead(OrderAccount, "claim", _only_trades_count)),
        CANCEL_MODELS,
    ),
    WrongRule(
        "stale cancel report = final", "the report of a cancel is the last word on a venue where it is not",
        _instead(recovery, "canceled", _cancel_ends_it), ("aster entry, stale cancels",),
    ),
    WrongRule(
        "cancel refused = gone", "there is no such open order: it has ended",
        _instead(recovery, "cancel_failed", _cancel_ends_it), CANCEL_MODELS,
    ),
    WrongRule(
        "no deduplication", "every report of a fill is a fill",
        _instead(OrderAccount, "is_repeated_trade", lambda *_: False), ("aster entry, repeats",),
    ),
    WrongRule(
        "fills overwrite", "the last fill is what was filled",
        _instead(entries, "ledger_says", _fills_overwrite), ENTRY_MODELS,
    ),
    WrongRule(
        "intents are not kept", "what was being placed is not known after a crash",
        _instead(Desk, "restart", _forget_intents), ("aster entry, crashes",),
    ),
    WrongRule(
        "receipt = accepted", "code 200 says that the order rests",
        _instead(ExchangeClient, "apply_receipt", _receipt_is_acceptance), ("lighter entry",),
    ),
    WrongRule(
        "nonce used = accepted", "its nonce was used: it was carried out",
        _used_nonce_means(is_accepted=True), ("lighter entry, others",),
    ),
    WrongRule(
        "nonce used = never accepted", "its nonce was used and there was no record before: another has taken it",
        _used_nonce_means(is_accepted=False), ("lighter entry",),
    ),
    WrongRule(
        "no record = never accepted", "there is no record of the transaction: it was lost",
        _instead(voids, "_decide", _no_record_is_never), ("lighter entry",),
    ),
)  # fmt: skip
