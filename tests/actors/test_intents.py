"""The intent file: what was appended is read back; damage is dropped, counted and never hides a neighbor."""

import dataclasses
import os
import stat
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.append_file import OsAppendFile
from actors.intents import (
    LARGEST_BLOCK,
    Intent,
    encode_intent,
    encode_record,
    open_intents,
    open_log,
    read_boot_id,
)
from actors.messages import PlaceLimitOrder, PlaceMarketOrder
from exchanges.errors import JournalError
from exchanges.order_ids import MAX_SEQUENCE, OrderKey, pack
from exchanges.values import Side
from tests.fakes import START_WALL_NS, FakeClock

BOOT, OTHER_BOOT = "boot-1", "boot-2"


class MemoryFile:
    """An append file in memory that knows what was synced, and fails when told."""

    path = "memory"

    def __init__(self, content=b""):
        self.content = content
        self.synced = content
        self.aside = {}
        self.failing = ""

    def read(self):
        return self.content

    def append(self, data):
        if self.failing == "append":
            raise JournalError("memory cannot be appended to")
        self.content += data

    def sync(self):
        if self.failing == "sync":
            raise JournalError("memory cannot be made durable")
        self.synced = self.content

    def replace(self, data):
        self.content = self.synced = data

    def set_aside(self, suffix):
        self.aside[suffix] = self.content
        return f"memory.{suffix}"

    def close(self):
        pass


def intent(sequence=1, leg=0, **changes):
    values = {
        "client_order_id": pack(OrderKey(7, sequence, leg)),
        "grid": "btc",
        "exchange": "aster",
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "price": Decimal("61000.10"),
        "quantity": Decimal("0.005"),
        "post_only": True,
        "reduce_only": False,
        "immediate": False,
        "lot": sequence,
        "sent_wall_ns": START_WALL_NS,
        "fence_wall_ns": START_WALL_NS + 60,
    }
    return Intent(**{**values, **changes})


def opened(file, *, boot=BOOT, desk="alpha", tag=7):
    return open_log(file, FakeClock(), desk=desk, bot_tag=tag, boot_id=boot)


def reopened(file, **options):
    return opened(file, **options)[1]


def test_what_was_appended_is_read_back_exactly():
    file = MemoryFile()
    log, history = opened(file)
    assert history.intents == ()
    sent = [
        intent(1),
        intent(1, 1, side=Side.SELL, reduce_only=True, price=Decimal("1E-7")),
        intent(2, 14, immediate=True, post_only=False, parent_lot=1),
    ]
    for each in sent:
        log.append(each)
    history = reopened(file)
    assert history.intents == tuple(dataclasses.replace(each, boot_id=BOOT) for each in sent)
    assert history.highest_sequence == 2
    assert (history.torn, history.problems, history.suspect_through) == (0, (), 0)


def test_append_is_one_piece_per_order_and_does_not_sync():
    file = MemoryFile()
    log, _ = opened(file)
    before = file.synced
    log.append(intent())
    assert file.synced == before
    assert file.content == before + encode_intent(intent(), BOOT)


def test_record_takes_the_fields_of_both_order_commands():
    file = MemoryFile()
    log, _ = opened(file)
    common = {"grid": "btc", "exchange": "aster", "symbol": "BTCUSDT", "quantity": Decimal(1), "lot": 3}
    limit = PlaceLimitOrder(
        **common, client_order_id=pack(OrderKey(7, 3, 0)), side=Side.BUY, price=Decimal(5), post_only=True,
        reduce_only=False,
    )  # fmt: skip
    market = PlaceMarketOrder(
        **common, client_order_id=pack(OrderKey(7, 3, 14)), side=Side.SELL, worst_price=Decimal(4), parent_lot=2
    )
    log.record(limit, START_WALL_NS + 9)
    log.record(market, START_WALL_NS + 9)
    first, second = reopened(file).intents
    assert (first.price, first.post_only, first.reduce_only, first.immediate) == (Decimal(5), True, False, False)
    assert (second.price, second.post_only, second.reduce_only, second.immediate) == (Decimal(4), False, True, True)
    assert (second.parent_lot, second.sent_wall_ns, second.fence_wall_ns) == (2, START_WALL_NS, START_WALL_NS + 9)


def test_reserved_block_is_on_disk_before_it_is_returned():
    file = MemoryFile()
    log, _ = opened(file)
    assert log.reserve() == (1, 64)
    assert file.synced == file.content
    assert log.reserve(10) == (65, 74)
    assert opened(MemoryFile(file.synced))[0].reserve(1) == (75, 75)


def test_reserve_after_a_failed_sync_hands_out_nothing_any_more():
    file = MemoryFile()
    log, _ = opened(file)
    file.failing = "sync"
    with pytest.raises(JournalError, match="durable"):
        log.reserve()
    file.failing = ""
    with pytest.raises(JournalError, match="earlier sync failed"):
        log.reserve()
    assert opened(file)[0].reserve(1) == (65, 65), "the block of the failed sync is not handed out again"


def test_reserve_ends_with_a_remedy_when_sequences_are_used_up():
    log, _ = opened(MemoryFile())
    log.raise_floor(MAX_SEQUENCE - 10)
    with pytest.raises(JournalError, match="bot_tag"):
        log.reserve(11)
    assert log.reserve(10) == (MAX_SEQUENCE - 9, MAX_SEQUENCE)


@pytest.mark.parametrize("count", [0, -1, LARGEST_BLOCK + 1])
def test_reserve_refuses_a_senseless_count(count):
    log, _ = opened(MemoryFile())
    with pytest.raises(ValueError, match="block"):
        log.reserve(count)


def test_floor_never_sinks():
    log, _ = opened(MemoryFile())
    log.raise_floor(100)
    log.raise_floor(50)
    assert log.reserve(1) == (101, 101)


def test_append_failure_reaches_the_caller():
    file = MemoryFile()
    log, _ = opened(file)
    file.failing = "append"
    with pytest.raises(JournalError, match="appended"):
        log.append(intent())


def file_with(*intents):
    file = MemoryFile()
    log, _ = opened(file)
    log.reserve()
    for each in intents:
        log.append(each)
    return file


@given(st.integers(min_value=1))
def test_torn_tail_is_dropped_and_counted_and_later_records_are_clean(cut):
    file = file_with(intent(1), intent(2))
    tail = encode_intent(intent(3), BOOT)
    file.content += tail[: 1 + cut % (len(tail) - 1)]
    log, history = opened(file)
    assert [each.lot for each in history.intents] == [1, 2]
    assert history.torn == 1
    assert history.problems == ()
    log.append(intent(4))
    again = reopened(file)
    assert [each.lot for each in again.intents] == [1, 2, 4]
    assert again.torn == 0


@given(st.data())
def test_any_flipped_byte_costs_at_most_the_records_it_touches(data):
    sent = [intent(number) for number in range(1, 5)]
    file = file_with(*sent)
    position = data.draw(st.integers(0, len(file.content) - 1))
    bit = data.draw(st.integers(0, 7))
    broken = bytearray(file.content)
    broken[position] ^= 1 << bit
    file.content = bytes(broken)
    try:
        log, history = opened(file)
    except JournalError:
        pytest.fail("a flipped byte may not stop the bot")
    read = {each.lot: dataclasses.replace(each, boot_id="") for each in history.intents}
    assert set(read) <= {1, 2, 3, 4}
    assert all(read[lot] == intent(lot) for lot in read), "no field may change unnoticed"
    assert len(read) >= 2
    assert log.reserve(1)[0] > 64, "ids of the block must stay used"
    assert history.torn or history.problems


def test_damaged_middle_is_kept_aside_and_said_loudly():
    file = file_with(intent(1), intent(2))
    original = file.content = file.content.replace(b"BTCUSDT", b"XXXUSDT", 1)
    history = reopened(file)
    assert [each.lot for each in history.intents] == [2]
    (problem,) = history.problems
    assert "damaged" in problem
    assert list(file.aside.values()) == [original]
    assert history.suspect_through == 64 + LARGEST_BLOCK
    assert reopened(file).problems == ()


def test_damaged_reservation_is_stepped_over():
    file = MemoryFile()
    log, _ = opened(file)
    log.reserve(LARGEST_BLOCK)
    file.content = file.content.replace(b'"reserved",1,', b'"reserved",9,')
    assert opened(file)[0].reserve(1)[0] > LARGEST_BLOCK


def test_other_boot_makes_everything_reserved_suspect_for_good():
    file = file_with(intent(1))
    assert reopened(file).suspect_through == 0
    log, history = opened(file, boot=OTHER_BOOT)
    assert (history.suspect_through, history.suspect_wall_ns) == (64, START_WALL_NS)
    assert [each.lot for each in history.intents] == [1]
    log.reserve()
    later = reopened(file, boot=OTHER_BOOT)
    assert later.suspect_through == 64, "kept, but not raised by a mere restart"
    assert reopened(file, boot="boot-3").suspect_through == 128


def test_unknown_boot_id_counts_as_another_boot_each_time():
    file = MemoryFile()
    log, _ = opened(file, boot="")
    log.reserve()
    assert reopened(file, boot="").suspect_through == 64


def test_compact_keeps_the_wanted_the_highest_sequence_and_the_suspicion():
    file = file_with(intent(1), intent(2), intent(3))
    log, _ = opened(file, boot=OTHER_BOOT)
    assert log.compact(lambda each: each.lot == 2) == 1
    history = reopened(file, boot=OTHER_BOOT)
    assert [each.lot for each in history.intents] == [2]
    assert history.intents[0].boot_id == BOOT
    assert (history.highest_sequence, history.suspect_through) == (64, 64)


@pytest.mark.parametrize(("desk", "tag"), [("beta", 7), ("alpha", 8)])
def test_file_of_another_bot_is_refused_with_both_names(desk, tag):
    file = file_with(intent(1))
    before = file.content
    with pytest.raises(JournalError, match=f"'alpha' with bot_tag 7, not to '{desk}' with {tag}"):
        opened(file, desk=desk, tag=tag)
    assert file.content == before


def test_newer_format_is_refused():
    file = MemoryFile(encode_record(("header", 2, "alpha", 7)))
    with pytest.raises(JournalError, match="format 2"):
        opened(file)


def test_order_with_a_foreign_tag_is_damage_not_ours():
    file = file_with(intent(1))
    file.content += encode_intent(intent(2, client_order_id=pack(OrderKey(9, 2, 0))), BOOT)
    history = reopened(file)
    assert [each.lot for each in history.intents] == [1]
    assert history.problems


@pytest.mark.parametrize(
    "record",
    [
        ("order", 1, 2, 3),
        ("order", *range(13)),
        ("reserved", "1", 64, "", BOOT),
        ("header", 1),
        ("something new", 1),
        (),
    ],
)
def test_record_of_a_wrong_shape_is_damage_even_with_a_right_checksum(record):
    file = file_with(intent(1))
    file.content += encode_record(record)
    history = reopened(file)
    assert [each.lot for each in history.intents] == [1]
    assert len(history.problems) == 1


def test_log_names_its_file_and_its_highest_sequence():
    log, _ = opened(MemoryFile())
    log.reserve(5)
    assert (log.path, log.highest_sequence) == ("memory", 5)


# --- on the real file system ---


def test_real_file_is_private_and_survives_reopening(tmp_path):
    folder = tmp_path / "state"
    log, _ = open_intents(folder, desk="alpha", bot_tag=7, clock=FakeClock())
    log.reserve()
    log.append(intent())
    log.close()
    log.close()
    assert stat.S_IMODE((folder / "intents.log").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    log, history = open_intents(folder, desk="alpha", bot_tag=7, clock=FakeClock())
    log.close()
    assert [each.lot for each in history.intents] == [1]
    assert history.suspect_through == 0


def test_lanes_append_at_once_without_mixing_records(tmp_path):
    file = OsAppendFile(tmp_path / "intents.log")
    log, _ = opened(file)
    log.reserve(LARGEST_BLOCK)
    start = threading.Barrier(4)

    def lane(number):
        start.wait()
        for offset in range(200):
            log.append(intent(1 + number * 200 + offset))

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    log.close()
    reread = OsAppendFile(tmp_path / "intents.log")
    history = reopened(reread)
    assert sorted(each.lot for each in history.intents) == list(range(1, 801))
    assert history.problems == ()


def test_full_disk_is_an_error_with_path_and_remedy(tmp_path):
    if not os.path.exists("/dev/full"):  # noqa: PTH110 - a device, not a file of the test
        pytest.skip("this system has no /dev/full")
    (tmp_path / "intents.log").symlink_to("/dev/full")
    with pytest.raises(JournalError, match=r"intents\.log cannot be opened"):
        OsAppendFile(tmp_path / "intents.log").append(b"x")
    descriptor = os.open("/dev/full", os.O_WRONLY)
    file = OsAppendFile(tmp_path / "other.log")
    file._descriptor = descriptor
    with pytest.raises(JournalError, match=r"other\.log cannot be appended to: No space left.*space"):
        file.append(b"x")
    file.close()


def test_short_write_is_an_error(tmp_path, monkeypatch):
    file = OsAppendFile(tmp_path / "intents.log")
    file.append(b"first")
    monkeypatch.setattr(os, "write", lambda _descriptor, data: len(data) - 1)
    with pytest.raises(JournalError, match="only 4 of 5 bytes"):
        file.append(b"again")
    file.close()


def test_folder_that_is_a_file_is_an_error_with_the_path(tmp_path):
    (tmp_path / "state").write_text("not a folder")
    with pytest.raises(JournalError, match="state"):
        open_intents(tmp_path / "state", desk="alpha", bot_tag=7, clock=FakeClock())


def test_folder_that_vanishes_is_an_error_for_every_act(tmp_path):
    file = OsAppendFile(tmp_path / "state" / "intents.log")
    file.append(b"x")
    (tmp_path / "state" / "intents.log").unlink()
    (tmp_path / "state").rmdir()
    (tmp_path / "state").write_text("in the way")
    for act in (lambda: file.replace(b"y"), lambda: file.set_aside("z"), file.read):
        with pytest.raises(JournalError, match=r"intents\.log|state"):
            act()
    file.close()


def test_failed_sync_is_an_error(tmp_path, monkeypatch):
    file = OsAppendFile(tmp_path / "intents.log")
    file.append(b"x")

    def refuse(_descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(JournalError, match=r"intents\.log cannot be made durable: Input/output error"):
        file.sync()
    file.close()


def test_set_aside_and_replace_keep_a_private_copy(tmp_path):
    file = OsAppendFile(tmp_path / "intents.log")
    file.append(b"old")
    aside = file.set_aside("damaged-1")
    file.replace(b"new")
    file.append(b"+more")
    file.sync()
    assert file.read() == b"new+more"
    with open(aside, "rb") as kept:  # noqa: PTH123 - the port names files as text
        assert kept.read() == b"old"
    assert stat.S_IMODE(os.stat(aside).st_mode) == 0o600  # noqa: PTH116 - see above
    file.close()


def test_boot_id_is_the_same_while_the_machine_runs():
    assert read_boot_id() == read_boot_id()


@given(
    grid=st.text(max_size=12),
    symbol=st.text(max_size=12),
    price=st.decimals(min_value="0.0000001", max_value="1e9", allow_nan=False),
    post_only=st.booleans(),
    reduce_only=st.booleans(),
    takes=st.booleans(),
)
def test_recorded_command_is_byte_for_byte_the_encoded_intent(grid, symbol, price, post_only, reduce_only, takes):
    file = MemoryFile()
    log, _ = opened(file)
    before = len(file.content)
    common = {"grid": grid, "exchange": 'a"\\é', "symbol": symbol, "quantity": Decimal("0.10"), "lot": 3}
    common |= {"client_order_id": pack(OrderKey(7, 3, 1)), "side": Side.SELL, "reduce_only": reduce_only}
    if takes:
        command = PlaceMarketOrder(**common, worst_price=price, parent_lot=2)
    else:
        command = PlaceLimitOrder(**common, price=price, post_only=post_only)
    log.record(command, START_WALL_NS + 9)
    wanted = intent(
        **common,
        price=price,
        post_only=post_only and not takes,
        immediate=takes,
        parent_lot=2 if takes else 0,
        sent_wall_ns=START_WALL_NS,
        fence_wall_ns=START_WALL_NS + 9,
    )
    assert file.content[before:] == encode_intent(wanted, BOOT)
