"""Lot sequences from durably reserved blocks.

A block's upper bound is on disk before any id of it is used, so no id is ever used twice (DESIGN.md section 3). The
next block is asked for when half of one is used, off the mailbox, so an order never waits for a disk.
"""

from actors.grid.state import SECOND_NS, IdBlock
from actors.messages import SequencesReserved
from exchanges.order_ids import OrderKey, pack
from exchanges.records import replace
from exchanges.values import ClientOrderId

BLOCK_SIZE = 64
ASK_AGAIN_NS = 10 * SECOND_NS


def take(block: IdBlock) -> tuple[IdBlock, int] | None:
    """Return the block without its next sequence, and that sequence; None if nothing is left."""
    if not block.ranges:
        return None
    (first, last), *rest = block.ranges
    ranges = (((first + 1, last),) if first < last else ()) + tuple(rest)
    return replace(block, ranges=ranges), first


def add(block: IdBlock, event: SequencesReserved) -> IdBlock:
    """Return the block with the reserved range added. A range that was told before changes nothing."""
    newest = max((last for _, last in block.ranges), default=0)
    if event.first <= newest:
        return replace(block, asked_ns=None)
    return replace(block, ranges=(*block.ranges, (event.first, event.last)), asked_ns=None)


def needs_more(block: IdBlock, now_ns: int) -> bool:
    """Return whether the next block has to be asked for: half is used, and nobody asked recently.

    An unanswered question is repeated after a while: a second block costs nothing, a journal that restarted forgets.
    """
    if block.left > BLOCK_SIZE // 2:
        return False
    return block.asked_ns is None or now_ns - block.asked_ns >= ASK_AGAIN_NS


def order_id(bot_tag: int, sequence: int, leg: int) -> ClientOrderId:
    """Return the client order id of a leg."""
    return pack(OrderKey(bot_tag, sequence, leg))
