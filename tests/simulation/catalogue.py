"""The 84 rows of the fault catalogue (RELIABILITY.md C) and what covers each: `python -m tests.simulation.catalogue`.

A row is covered by a kind of fault that the simulation fires, by a test that injects it, or both. What the simulation
leaves to named tests is what it replaces or does not have: sockets and TLS, real files and signals, real threads, hours
of waiting, and reports that no simulated venue makes.
"""

import json
import sys
from collections.abc import Sequence
from typing import Final

from tests.simulation.faults import KINDS

ROWS: Final[dict[str, str]] = {
    "O1": "timeout, order accepted",
    "O2": "timeout, never arrived",
    "O3": "late accept",
    "O4": "late refuse",
    "O5": "duplicate ack",
    "O6": "429",
    "O7": "418 or firewall ban",
    "O8": "5xx, executed or not",
    "O9": "malformed, truncated, HTML or empty reply",
    "O10": "JSON that means something else",
    "O11": "reply later than the validity window",
    "O12": "clock skew",
    "O13": "nonce conflict or gap",
    "O14": "invalid signature, key revoked",
    "O15": "insufficient margin",
    "O16": "post-only would cross",
    "O17": "accepted, then canceled",
    "O18": "cancel races fill",
    "O19": "cancel unknown, queued or not found",
    "O20": "partial fill, then cancel",
    "O21": "modify half done",
    "O22": "batch with mixed results",
    "O23": "connection reset within a reply",
    "O24": "redirect to another host",
    "W1": "fill before ack",
    "W2": "duplicated fill",
    "W3": "reordered reports",
    "W4": "dropped fill",
    "W5": "end before the last fill",
    "W6": "sequence gap of the book",
    "W7": "disconnect during a fill",
    "W8": "snapshot newer than what follows",
    "W9": "stream credential expired",
    "W10": "silent stall, pings answered",
    "W11": "half-open connection",
    "W12": "forced close",
    "W13": "reconnects refused",
    "W14": "oversized frame",
    "W15": "garbage bytes",
    "W16": "unknown events and fields",
    "W17": "error in a callback",
    "W18": "subscription ignored",
    "W19": "auth token expires mid-stream",
    "W20": "frame of another account or market",
    "W21": "burst of frames",
    "M1": "crossed or locked book",
    "M2": "zero, negative or missing side",
    "M3": "stale quote that looks fresh",
    "M4": "tick or step changes",
    "M5": "halted market",
    "M6": "price jumps through a stop",
    "M7": "wick and back",
    "M8": "funding, liquidation near",
    "M9": "venue down for long",
    "M10": "empty book",
    "P1": "kill at any point",
    "P2": "torn last record",
    "P3": "unsynced tail lost",
    "P4": "disk full or read-only",
    "P5": "corrupt middle",
    "P6": "journal of somebody else",
    "P7": "an actor or thread dies",
    "P8": "an actor is blocked",
    "P9": "mailbox grows",
    "P10": "stop with orders in flight",
    "P11": "two instances",
    "P12": "the host ends the actors",
    "P13": "killed for memory",
    "P14": "suspend and resume",
    "P15": "wall clock steps back",
    "P16": "changed limits",
    "P17": "descriptors or threads leak",
    "V1": "partial liquidation, ADL",
    "V2": "manual order or close",
    "V3": "reduce-only refused",
    "V4": "reduce-only canceled or shrunk",
    "V5": "dust after partials",
    "V6": "self-trade prevention",
    "V7": "order expiry",
    "V8": "leverage or mode changed by hand",
    "V9": "fee tier changes",
    "V10": "history is gone",
    "V11": "trade id null or used again",
    "V12": "wrong account",
}
"""Row -> the fault, in a few words."""

TESTS: Final[dict[str, tuple[str, ...]]] = {
    "O4": ("contract/test_unknown.py::test_ac_11_after_the_fence_a_request_is_refused",),
    "O7": (
        "exchanges/simulated/test_face_requests.py::test_too_much_weight_is_429_and_stubbornness_418",
        "exchanges/aster/test_outcomes.py::test_a_ban_lasts_as_long_as_the_venue_says",
    ),
    "O10": ("exchanges/test_wire_json.py::*",),
    "O14": ("actors/test_connection.py::test_refused_credentials_end_the_start_and_name_the_variable",),
    "O15": ("grid/test_recovery.py::test_refusal_that_repeats_itself_pauses",),
    "O17": ("grid/test_settling.py::test_exits_canceled_again_and_again_are_spaced",),
    "O20": ("grid/test_scenarios.py::test_scenario_05_entry_cancelled_after_partial",),
    "O21": ("grid/test_cycle.py::test_requote_of_a_partly_filled_entry_starts_the_ladder",),
    "O24": ("exchanges/test_rest_transport.py::test_redirect_is_returned_and_not_followed",),
    "W9": ("system/test_bot_on_loopback.py::test_an_expired_listen_key_leads_to_a_new_stream",),
    "W14": ("exchanges/test_stream_transport.py::test_announced_oversize_ends_the_connection_before_it_is_read",),
    "W16": ("actors/test_price_stream.py::test_other_frames_are_not_prices",),
    "W17": ("exchanges/test_stream_transport.py::test_error_in_a_callback_ends_the_connection_and_is_told",),
    "W18": ("actors/test_price_stream.py::test_a_silent_stream_beside_a_moving_market_is_given_up",),
    "W19": ("contract/test_streams.py::test_ac_21_the_stream_outlives_its_credential",),
    "W20": (
        "exchanges/test_client.py::test_reports_of_other_markets_are_dropped_and_counted",
        "exchanges/test_client.py::test_orders_of_others_are_told_as_foreign_and_never_counted",
    ),
    "W21": ("actors/test_burst.py::*",),
    "M1": ("actors/test_price_stream.py::test_an_impossible_book_is_told_as_stale_once",),
    "M2": ("actors/test_quotes.py::test_a_book_that_cannot_be_is_no_quote",),
    "M3": ("actors/test_price_stream.py::test_a_silent_stream_beside_a_moving_market_is_given_up",),
    "M6": ("grid/test_scenarios_risk.py::test_scenario_18_stop_price",),
    "M7": ("actors/test_quotes.py::test_a_wick_that_comes_back_never_counts",),
    "M8": ("actors/test_connection.py::test_funding_is_summed_and_liquidation_is_alarmed",),
    "M10": ("system/test_garbage.py::test_prices_that_cannot_be_move_nothing",),
    "P1": ("system/test_kills.py::test_killed_at_random_moments_everything_is_found_back",),
    "P2": ("actors/test_intents.py::test_torn_tail_is_dropped_and_counted_and_later_records_are_clean",),
    "P4": ("actors/test_intents.py::test_full_disk_is_an_error_with_path_and_remedy",),
    "P5": (
        "actors/test_intents.py::test_damaged_middle_is_kept_aside_and_said_loudly",
        "actors/journal/test_state.py::test_damaged_journal_is_moved_aside_and_the_start_goes_on_from_the_intents",
    ),
    "P6": ("actors/test_intents.py::test_file_of_another_bot_is_refused_with_both_names",),
    "P7": ("system/test_watchdogs.py::test_an_actor_whose_thread_is_dead_without_a_word_is_replaced",),
    "P8": ("system/test_watchdogs.py::test_a_lane_that_hangs_holds_entries_back_until_it_comes_free",),
    "P10": (
        "system/test_stopping.py::test_ctrl_c_leaves_the_exits_and_takes_the_entry_back",
        "system/test_stopping.py::test_a_second_signal_ends_at_once",
    ),
    "P11": ("actors/test_locks.py::test_second_process_is_refused_and_told_the_pid",),
    "P14": ("system/test_watchdogs.py::test_a_bot_that_was_stopped_for_a_while_reads_everything_anew",),
    "P16": ("system/test_bad_input.py::test_wrong_settings_are_usage_errors_all_at_once",),
    "P17": ("exchanges/test_stream_transport.py::test_a_hundred_connections_leave_no_thread_and_no_socket",),
    "V3": ("grid/test_settling.py::test_refused_reduce_only_waits_for_a_position_reading",),
    "V4": ("grid/test_settling.py::test_order_shrunk_by_the_venue_is_asked",),
    "V5": ("grid/test_scenarios_risk.py::test_scenario_22_minimum_notional_and_dust",),
    "V7": ("contract/test_orders.py::test_ac_39_an_order_ended_by_another_hand_is_told_by_the_stream",),
    "V10": ("system/test_journal_behind.py::*",),
    "V11": (
        "exchanges/test_fills.py::test_executions_without_id_are_told_apart_by_their_totals",
        "exchanges/test_fills.py::test_trade_id_used_twice_is_doubted_and_not_counted_again",
    ),
    "V12": ("actors/test_locks.py::test_same_state_folder_for_another_account_is_refused",),
}
"""Row -> tests that inject it, under `tests/`; `*` stands for all of a file."""

OPEN: Final[dict[str, str]] = {
    "O22": "no client of ours sends batches",
    "M4": "rules are read at a start only; an order that the new ones refuse is tried again with growing waits",
}
"""Row -> why nothing covers it."""


def kinds_of(row: str) -> tuple[str, ...]:
    """Return the kinds of fault of the simulation that stand for a row."""
    return tuple(name for name, kind in KINDS.items() if row in kind.rows.split())


def is_covered(row: str) -> bool:
    """Whether a kind of fault or a named test stands for a row."""
    return bool(kinds_of(row) or TESTS.get(row))


def table() -> list[dict[str, object]]:
    """Return a record for each row, ready for JSON."""
    return [
        {
            "row": row,
            "fault": fault,
            "simulated": list(kinds_of(row)),
            "tests": list(TESTS.get(row, ())),
            "open": OPEN.get(row, ""),
        }
        for row, fault in ROWS.items()
    ]


def main(arguments: Sequence[str]) -> int:
    """Print the table; exit 1 where a row is neither covered nor said to be open."""
    rows = table()
    covered = sum(map(is_covered, ROWS))
    exit_code = 1 if any(not is_covered(row) and row not in OPEN for row in ROWS) else 0
    if "--json" in arguments:
        print(json.dumps({"rows": rows, "covered": covered, "total": len(ROWS)}))
        return exit_code
    for record in rows:
        simulated, tests = record["simulated"], record["tests"]
        assert isinstance(simulated, list)
        assert isinstance(tests, list)
        by = ", ".join(simulated) or "-"
        print(f"{record['row']:<4} {record['fault']:<42} {by:<60} {record['open'] or '; '.join(tests)}")
    simulated = sum(bool(kinds_of(row)) for row in ROWS)
    print(f"{covered} of {len(ROWS)} rows covered, {simulated} of them in the simulation")
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
