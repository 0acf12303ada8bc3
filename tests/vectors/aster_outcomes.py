"""What the client makes of a post-only order that would take: acknowledged, then expired with nothing filled."""

import json
import re
from collections.abc import Mapping

from exchanges.aster import parsing, stream
from exchanges.reports import OrderReport
from exchanges.values import CancelReason, OrderStatus
from tests.vectors.cases import Wrong, same

_WORDS = re.compile(
    r"HTTP 200 with status (?P<ack>[A-Z]+) \(ACK\) then WS (?P<x>[A-Z]+)/(?P<status>[A-Z]+) with z=(?P<z>[0-9.]+)"
    r"; with RESULT status (?P<result>[A-Z]+) in the reply"
)


def check_gtx_outcome(expect: str, parameters: Mapping[str, str]) -> None:
    """Let the client read the replies and the event the file describes."""
    words = _WORDS.fullmatch(expect)
    if words is None:
        raise Wrong(f"an expectation that cannot be read: {expect!r:.80}")
    acknowledged = _reply(parameters, words["ack"])
    same("status of the acknowledgement", (acknowledged.status, acknowledged.reason), (OrderStatus.OPEN, None))
    post_only = (OrderStatus.EXPIRED, CancelReason.POST_ONLY)
    result = _reply(parameters, words["result"])
    same("status of the result", (result.status, result.reason), post_only)
    event = _event(parameters, words)
    same("status of the event", (event.status, event.reason), post_only)


def _reply(parameters: Mapping[str, str], status: str) -> OrderReport:
    return parsing.order(
        {
            "orderId": 1,
            "symbol": parameters["symbol"],
            "status": status,
            "clientOrderId": "x",
            "price": parameters["price"],
            "origQty": parameters["quantity"],
            "executedQty": "0",
            "timeInForce": parameters["timeInForce"],
            "type": parameters["type"],
            "reduceOnly": False,
            "side": parameters["side"],
            "updateTime": 1,
        },
        1,
    )


def _event(parameters: Mapping[str, str], words: re.Match[str]) -> OrderReport:
    order = {"s": parameters["symbol"], "c": "x", "S": parameters["side"], "o": parameters["type"]}
    order |= {"f": parameters["timeInForce"], "q": parameters["quantity"], "p": parameters["price"], "ap": "0"}
    order |= {"x": words["x"], "X": words["status"], "l": "0", "z": words["z"], "L": "0"}
    event = {"e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1, "o": order | {"i": 1, "T": 1, "t": 0, "m": False, "R": False}}
    reports = stream.parse_private(json.dumps(event).encode(), 1)
    if len(reports) != 1 or not isinstance(reports[0], OrderReport):
        raise Wrong(f"an expired order is not one order report: {reports!r:.80}")
    return reports[0]
