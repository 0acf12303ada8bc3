"""The names of log events, each with one line of help: what happened, and what it means for the reader.

The core returns notes that carry these names; shells log them (EXAMPLES.md, C7). A name is stable: people alarm on it.
"""

from enum import StrEnum
from typing import Self


class LogEvent(StrEnum):
    """An event name. `help` says what it means."""

    help: str

    def __new__(cls, value: str, text: str) -> Self:
        """Make a member from its name and its help text."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.help = text
        return member

    # life cycle
    BOT_STARTED = "bot_started", "all actors run"
    BOT_STOPPED = "bot_stopped", "everything ended in order"
    ACTOR_FAILED = "actor_failed", "an actor died; entries stop until it is back"
    ACTOR_RESTARTED = "actor_restarted", "an actor was started again from the journal"
    DEAD_LETTER = "dead_letter", "a message came to an actor that had ended"
    HALTED = "halted", "the send gate is closed for entries"
    WATCHDOG_ALARM = "watchdog_alarm", "something is stuck, dead, behind or has a wrong clock: entries are held back"
    WATCHDOG_CLEARED = "watchdog_cleared", "what the watchdog had found is over"
    CLOCK_STEPPED = "clock_stepped", "the wall clock was set: the venues' clocks are read anew"
    TIME_JUMPED = "time_jumped", "the process or the machine was away: quotes are dropped, the venues are read anew"
    RECONCILE_FINISHED = "reconcile_finished", "the venue has been read and the ledger agrees"
    # connection and prices
    STREAM_LOST = "stream_lost", "the private stream is gone: no entries, exits stay"
    STREAM_RESTORED = "stream_restored", "the private stream is back and what was missed has been read"
    STREAM_STALLED = "stream_stalled", "a stream looks open and is of no use: connected anew"
    ORDER_LINE_OPEN = "order_line_open", "orders go over one connection, none waiting for another's answer"
    ORDER_LINE_LOST = "order_line_lost", "the connection for orders is gone: they go by REST, one after the other"
    PRICE_STALE = "price_stale", "no proof of life from the price source: no entries, stops are blind"
    PRICE_RESTORED = "price_restored", "prices are fresh again"
    FRAME_MALFORMED = "frame_malformed", "a frame could not be read and changed nothing"
    REQUEST_REFUSED = "request_refused", "the venue answered no"
    START_DELAYED = "start_delayed", "a venue could not be read yet; tried again"
    START_WARNING = "start_warning", "the settings and the market fit, but their owner should know this"
    START_REFUSED = "start_refused", "the bot cannot start like this: a person must change something"
    FOREIGN_ORDER_SEEN = "foreign_order_seen", "an order at the venue is not this bot's"
    FILL_CORRECTED = "fill_corrected", "price or fee of a fill was learned after its quantity"
    ACCOUNT_NOTICE = "account_notice", "the venue speaks of margin, liquidation or changed settings"
    # entries
    ENTRY_ORDER_SUBMITTED = "entry_order_submitted", "an entry was handed to the order lane"
    ENTRY_ORDER_PLACED = "entry_order_placed", "the venue has the entry in its book"
    ENTRY_ORDER_CANCELED = "entry_order_canceled", "the entry ended without being completely filled"
    ENTRY_ORDER_REFUSED = "entry_order_refused", "the venue or the send gate refused the entry"
    ENTRY_POST_ONLY_REJECTED = (
        "entry_post_only_rejected",
        "the entry would have taken liquidity; tried again further away",
    )
    ENTRY_OUTCOME_UNKNOWN = "entry_outcome_unknown", "no definite answer to an entry: asked until proven"
    ENTRY_NEVER_ACCEPTED = "entry_never_accepted", "proven: the entry never reached the book"
    ENTRY_CANCEL_REQUESTED = (
        "entry_cancel_requested",
        "the entry is being canceled; it counts as live until proven ended",
    )
    ENTRY_ADOPTED = "entry_adopted", "an entry of ours was found at the venue"
    ENDED_ENTRY_RESTS = "ended_entry_rests", "an entry that was refused or ended is in the book: canceled"
    ENTRY_CHANGED = "entry_changed", "somebody moved or resized an entry: it counts as it is now"
    ENTRY_FILLED = "entry_filled", "a part of an entry was executed"
    CYCLE_READY = "cycle_ready", "the entry ended and every filled unit is covered"
    LATE_FILL_AFTER_DONE = "late_fill_after_done", "an order filled after it was reported as ended; the fill counts"
    ENTRIES_PAUSED = "entries_paused", "no entries until they are resumed"
    ENTRIES_RESUMED = "entries_resumed", "entries are allowed again"
    PAUSE_PRICE_REACHED = "pause_price_reached", "the price is beyond pause_price: no entries"
    PAUSE_PRICE_LEFT = "pause_price_left", "the price is back by the hysteresis: entries again"
    # exits
    LOT_OPENED = "lot_opened", "the first fill of a lot"
    LOT_CLOSED = "lot_closed", "a lot was closed completely"
    CLOSE_ORDER_SUBMITTED = "close_order_submitted", "an exit was handed to the order lane"
    CLOSE_ORDER_PLACED = "close_order_placed", "the venue has the exit in its book"
    CLOSE_ORDER_CANCELED = "close_order_canceled", "an exit ended with a remainder, which is placed again"
    CLOSE_ORDER_REFUSED = "close_order_refused", "the venue or the send gate refused an exit; tried again"
    CLOSE_ORDER_RETRIED = "close_order_retried", "an exit would have taken liquidity; tried again further away"
    CLOSE_FALLBACK_USED = "close_fallback_used", "resting was refused too often: closed at a capped price instead"
    CLOSE_OUTCOME_UNKNOWN = "close_outcome_unknown", "no definite answer to an exit: asked until proven"
    CLOSE_NEVER_ACCEPTED = "close_never_accepted", "proven: the exit never reached the book; placed again"
    CLOSE_ADOPTED = "close_adopted", "an exit of ours was found at the venue"
    ENDED_CLOSE_RESTS = "ended_close_rests", "an exit that was refused or ended is in the book: canceled"
    CLOSE_ORDER_CHANGED = "close_order_changed", "somebody moved or resized an exit: it stays so, the rest gets another"
    CLOSE_TRIMMED = "close_trimmed", "an exit is larger than what is left and is cut"
    BOOST_DISABLED = "boost_disabled", "the hourly loss budget of boost_mode is spent: normal exits"
    BOOST_ENABLED = "boost_enabled", "boost_mode is within its budget again"
    DUST_RECORDED = "dust_recorded", "a quantity is too small to rest; it joins the next exit"
    LOT_OVERDUE = "lot_overdue", "a lot is older than lot_timeout_s"
    EMERGENCY_ORDER_SUBMITTED = "emergency_order_submitted", "a reduce-only order at a capped price closes what is left"
    EXITS_WITHHELD = "exits_withheld", "resting exits are canceled on request"
    FLATTEN_STARTED = "flatten_started", "exits are canceled, then everything is closed"
    FLATTEN_FINISHED = "flatten_finished", "nothing is held and no exit is live"
    IDS_EXHAUSTED = "ids_exhausted", "no reserved ids are left: the journal has not answered"
    # risk
    STOP_LATCHED = "stop_latched", "a stop has fired; only an operator resumes"
    STOP_CLEARED = "stop_cleared", "an operator cleared a latched stop"
    RISK_LIMIT_HIT = "risk_limit_hit", "an entry would exceed a limit"
    POSITION_READING_IGNORED = "position_reading_ignored", "a reading contradicted the lots and was not confirmed"
    POSITION_MISMATCH = "position_mismatch", "position and lots differ, proven: a person must look"
    POSITION_MATCHED = "position_matched", "position and lots agree again"
    POSITION_ADOPTED = "position_adopted", "a difference was booked as somebody else's"
