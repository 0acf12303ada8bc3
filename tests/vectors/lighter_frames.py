"""Sample frames, requests and replies: each must come out of the client's readers as what it says."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from exchanges.errors import ExchangeError
from exchanges.fills import Ending, Fill, FillLedger
from exchanges.lighter import stream
from exchanges.lighter.account import Account
from exchanges.lighter.errors import BAD_TOKEN
from exchanges.lighter.library import SignedTx
from exchanges.lighter.parsing import Fields
from exchanges.lighter.records import record
from exchanges.lighter.signing import form_of
from exchanges.lighter.transactions import place_order
from exchanges.reports import (
    BestPrice,
    FillReport,
    NoticeKind,
    OrderReport,
    PositionReport,
    Report,
    StreamNotice,
)
from exchanges.values import CancelReason, ClientOrderId, OrderRequest, OrderStatus, Side
from exchanges.venue import HttpReply, SignAgain
from tests.vectors.cases import Case, Wrong, decimal_of, need, same, text_of, whole_of
from tests.vectors.lighter_book import BookGapError, OrderBook
from tests.vectors.lighter_file import HASH_DIGITS, NOW_NS, LighterFile, info_of
from tests.vectors.lighter_orders import check_order, check_position, check_trade
from tests.vectors.lighter_replies import ReplyChecks

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH: Final = re.compile(rf"[0-9a-f]{{{HASH_DIGITS}}}")
_HARMLESS: Final = {30003: "Already Subscribed to : "}
_SAYINGS: Final = {
    30002: "Not Subscribed to : ",
    30005: "Invalid Channel",
    20001: "invalid param : auth field is required: ",
    BAD_TOKEN: "invalid auth: invalid deadline: ",
    21104: "invalid nonce",
    **_HARMLESS,
}
_ORDER: Final = OrderRequest(
    client_order_id=ClientOrderId(1001),
    symbol="ETH",
    side=Side.BUY,
    quantity=decimal_of({"q": "0.0250"}, "q"),
    price=decimal_of({"p": "2345.67"}, "p"),
    post_only=True,
    reduce_only=False,
)


def only(reports: tuple[Report, ...], kind: type[Any]) -> Any:
    """Return the one report that was read."""
    if len(reports) != 1 or not isinstance(reports[0], kind):
        raise Wrong(f"read as {', '.join(type(report).__name__ for report in reports)}, not one {kind.__name__}")
    return reports[0]


def reply_of(status: int, body: Any) -> HttpReply:
    """Return an answer of the venue."""
    return HttpReply(status=status, headers={}, body=json.dumps(body, default=str).encode(), received_ns=NOW_NS)


class FrameChecks:
    """Checks of `frames`."""

    def __init__(self, file: LighterFile) -> None:
        self._file = file
        self._frames = file.document.get("frames", {})

    def frame(self, case: Case) -> None:
        """Check one entry: a frame, a list of frames, a request, a reply, or what a scenario should come to."""
        checks: dict[str, Callable[[Any], None]] = {
            "connected": self._connected,
            "order_book_stream_ok": lambda _: self._book(),
            "order_book_stream_expected_after": lambda _: self._book(),
            "order_book_gap": self._gap,
            "ticker": self._ticker,
            "ticker_empty_side": self._ticker,
            "account_all_orders_empty_snapshot": self._empty,
            "account_all_trades_snapshot": self._empty,
            "send_tx_ok": self._send_tx,
            "send_tx_invalid_nonce": self._send_tx,
            "duplicate_client_index": self._duplicate,
            "ws_errors": self._errors,
            "ws_sendtx_request": self._ws_request,
            "ws_sendtx_reply": self._ws_reply,
            "ws_sendtxbatch_request": self._ws_batch,
            "rest_sendtx_form": self._form,
            "rest_sendtxbatch_form": self._batch_form,
            "rest": ReplyChecks(self._file).replies,
        }
        check = checks.get(case.label)
        if check is not None:
            check(case.data)
        elif case.label.startswith("scenario_"):
            self._scenario(case.label.removesuffix("_expected"))
        else:
            raise Wrong(f"a frame of unknown kind {case.label!r:.60}")

    def _private(self, frame: Any) -> tuple[Report, ...]:
        return stream.parse_private(self._file.account(), json.dumps(frame, default=str).encode(), NOW_NS)

    def _public(self, frame: Any) -> tuple[Report, ...]:
        return stream.parse_public(self._file.account(), json.dumps(frame, default=str).encode(), NOW_NS)

    # --- public ---

    def _connected(self, frame: Any) -> None:
        same("keys", sorted(need(frame)), ["session_id", "type"])
        same("session_id", _UUID.fullmatch(text_of(frame, "session_id")) is not None, True)
        for parse in (self._private, self._public):
            same("notice", only(parse(frame), StreamNotice).kind, NoticeKind.SUBSCRIBED)

    def _followed(self) -> OrderBook:
        book = OrderBook()
        rows = need(self._frames, "order_book_stream_ok")["order_book_stream_ok"]
        for at, row in enumerate(rows):
            kind = "subscribed" if at == 0 else "update"
            _check_book_frame(row, kind, self._file.market().index)
            book.apply(Fields(row, "order_book"))
        return book

    def _book(self) -> None:
        book = self._followed()
        expected = need(need(self._frames, "order_book_stream_expected_after")["order_book_stream_expected_after"])
        for key, levels, best_last in (("bids", book.bids, True), ("asks", book.asks, False)):
            ours = sorted(levels.items(), reverse=best_last)
            theirs = [(decimal_of({"v": price}, "v"), decimal_of({"v": size}, "v")) for price, size in expected[key]]
            same(key, ours, theirs)
            for price, size in expected[key]:
                self._check_decimals(price, size)
        same("nonce", book.nonce, whole_of(expected, "nonce"))

    def _gap(self, frame: Any) -> None:
        _check_book_frame(frame, "update", self._file.market().index)
        book = self._followed()
        begins = whole_of(frame["order_book"], "begin_nonce")
        same("begins after the book's nonce", begins > (book.nonce or 0), True)
        try:
            book.apply(Fields(frame, "order_book"))
        except BookGapError:
            return
        raise Wrong("a change that does not follow was taken")

    def _ticker(self, frame: Any) -> None:
        report = only(self._public(frame), BestPrice)
        ticker = need(need(frame, "ticker", "nonce", "timestamp")["ticker"], "a", "b")
        same("symbol", report.symbol, text_of(ticker, "s"))
        same("channel", text_of(frame, "channel"), f"ticker:{self._file.market().index}")
        same("type", text_of(frame, "type"), "update/ticker")
        for name, ours in (("a", (report.ask, report.ask_quantity)), ("b", (report.bid, report.bid_quantity))):
            texts = [text_of(need(ticker[name]), key) for key in ("price", "size")]
            same(f"{name} is empty or not", bool(texts[0]), bool(texts[1]))
            same(name, ours, tuple(decimal_of({"v": text or "0"}, "v") for text in texts))
            if texts[0]:
                self._check_decimals(*texts)
        same("not crossed", not report.ask or not report.bid or report.bid < report.ask, True)
        times = [whole_of(frame, "last_updated_at"), whole_of(ticker, "last_updated_at")]
        same("last_updated_at", times, [report.occurred_ns // 1000] * 2)
        same("sent after it was made", whole_of(frame, "timestamp") * 1000 >= times[0], True)
        same("nonce", whole_of(frame, "nonce") > 0, True)

    def _check_decimals(self, price: str, size: str) -> None:
        market = self._file.market()
        for text, places in ((price, market.price_decimals), (size, market.size_decimals)):
            same(f"decimals of {text}", len(text.partition(".")[2]), places)

    # --- the account ---

    def _empty(self, frame: Any) -> None:
        kind = text_of(frame, "type").partition("/")
        same("type", kind[0], "subscribed")
        same("channel", text_of(frame, "channel"), f"{kind[2]}:{self._file.account_index()}")
        key = kind[2].removeprefix("account_all_")
        same(key, need(frame, key)[key], {})
        notice = only(self._private(frame), StreamNotice)
        same("notice", (notice.kind, notice.text), (NoticeKind.IGNORED, frame["type"]))
        for name in frame:
            if name.endswith("_volume"):
                same(name, frame[name], 0)

    def _errors(self, rows: Any) -> None:
        for row in rows:
            error = need(need(row, "error")["error"])
            code, text = whole_of(error, "code"), text_of(error, "message")
            known = _SAYINGS.get(code)
            if known is None or not text.startswith(known):
                raise Wrong(f"an error nobody knows: {code} {text!r:.60}")
            channel = text.removeprefix(known)
            # A name of a channel follows a saying that ends for one.
            same("channel", re.fullmatch(r"[a-z_]+:[0-9]+", channel) is not None, known.endswith(": "))
            notice = only(self._private(row), StreamNotice)
            harmless = code in _HARMLESS or (channel.startswith("account_tx") and code != BAD_TOKEN)
            expected = NoticeKind.IGNORED if harmless else NoticeKind.CREDENTIAL_EXPIRED
            same("notice", (notice.kind, notice.text), (expected, f"{code} {text}"[:100]))
            if "id" in row:
                same("id", text_of(row, "id").startswith("req-"), True)

    # --- scenarios ---

    def _scenario(self, name: str) -> None:
        frames = need(self._frames, name)[name]
        expected = need(self._frames.get(f"{name}_expected", {}))
        ledger, fills, endings, reports = FillLedger(), [], [], []
        for frame in frames:
            for report in self._checked(frame):
                reports.append(report)
                if isinstance(report, OrderReport | FillReport):
                    update = ledger.apply(report)
                    fills += [event for event in update.events if isinstance(event, Fill)]
                    endings += [event for event in update.events if isinstance(event, Ending)]
        if not endings:
            raise Wrong("the order never ended")
        self._compare(name, expected, fills, endings, [each for each in reports if isinstance(each, OrderReport)])
        trades = [str(report.trade_id) for report in reports if isinstance(report, FillReport)]
        same("trade_ids", trades, [str(number) for number in expected.get("trade_ids", trades)])

    def _compare(
        self,
        name: str,
        expected: Mapping[str, Any],
        fills: list[Fill],
        endings: list[Ending],
        orders: list[OrderReport],
    ) -> None:
        cumulative = sum((fill.quantity for fill in fills), start=decimal_of({"z": "0"}, "z"))
        same("cum_filled", str(cumulative or "0"), str(decimal_of(expected, "cum_filled")) if "cum_filled" in expected else str(cumulative or "0"))  # fmt: skip # noqa: E501
        same("endings", len(endings), 1)
        if "avg_price" in expected:
            same("avg_price", sum(fill.price * fill.quantity for fill in fills) / cumulative, decimal_of(expected, "avg_price"))  # fmt: skip # noqa: E501
        if "wrong_if_initial_minus_remaining" in expected:
            last = orders[-1]
            wrong = decimal_of(expected, "wrong_if_initial_minus_remaining")
            same("initial less remaining", (last.quantity, last.filled == wrong), (wrong, False))
        if "final_status" in expected:
            same("final_status", endings[0].status, OrderStatus(text_of(expected, "final_status")))
        if name == "scenario_postonly_rejected":
            same("reason", (endings[0].reason, endings[0].cumulative), (CancelReason.POST_ONLY, cumulative))
        if "partial_then_cancel" in name:
            same("reason", endings[0].reason, CancelReason.REQUESTED)
        if "full_fill" in name:
            same("status", endings[0].status, OrderStatus.FILLED)

    def _checked(self, frame: Any) -> tuple[Report, ...]:
        """The reports of a frame, each compared with the row it was read from."""
        kind = text_of(frame, "type").partition("/")[2]
        same("channel", text_of(frame, "channel"), f"{kind}:{self._file.account_index()}")
        same("type", frame["type"].partition("/")[0], "update")
        key = kind.removeprefix("account_all_")
        checks: dict[str, tuple[type[Any], Callable[..., None]]] = {
            "orders": (OrderReport, check_order),
            "trades": (FillReport, check_trade),
            "positions": (PositionReport, check_position),
        }
        if key not in checks:
            raise Wrong(f"a channel of unknown kind {kind!r:.60}")
        reports = self._private(frame)
        market = self._file.market()
        rows = need(need(frame, key)[key])
        same("markets", list(rows), [str(market.index)])
        row = rows[str(market.index)]
        cls, check = checks[key]
        check(only(reports, cls), row[0] if isinstance(row, list) else row, market, self._file.account_index())
        return reports

    # --- transactions ---

    def _placed(self, status: int, body: Any, tx_hash: str) -> tuple[Account, Callable[[], OrderReport]]:
        account = self._file.account(tx_hash)
        call = place_order(account, _ORDER)
        account.sign(call.request, NOW_NS)
        return account, lambda: call.read(reply_of(status, body))

    def _send_tx(self, row: Any) -> None:
        body = need(need(row, "http_status", "body")["body"], "code")
        status, code = whole_of(row, "http_status"), whole_of(body, "code")
        account, read = self._placed(status, body, "")
        try:
            report = read()
        except SignAgain as error:
            same("answer", (status, code, body["message"]), (400, 21104, "invalid nonce"))
            same("code", error.code, str(code))
            same("nonce is asked for", account.nonces.is_known, False)
            return
        except ExchangeError as error:
            raise Wrong(f"read as {type(error).__name__}: {error}") from None
        same("answer", (status, code), (200, 200))
        _check_receipt(body)
        same("receipt", (report.status, report.order_id), (OrderStatus.OPEN, None))
        same("hash is of a signed transaction", body["tx_hash"] in self._hashes(), True)
        same("next nonce", account.nonces.take(), 101)

    def _hashes(self) -> set[str]:
        return {text_of(need(row), "tx_hash") for row in self._file.section("sign_vectors")}

    def _duplicate(self, row: Any) -> None:
        body = need(need(row, "send_tx", "private_frames", "tx_lookup_event_info", "nonce_consumed")["send_tx"])
        account, read = self._placed(200, body, text_of(body, "tx_hash"))
        read()
        _check_receipt(body)
        same("frames", row["private_frames"], [])
        same("nonce_consumed", account.nonces.take() == 101, row["nonce_consumed"])
        event_info = text_of(row, "tx_lookup_event_info")
        found = record({"type": 14, "status": 2, "info": "", "event_info": event_info})
        same("duplicate", (found.is_refused, found.is_duplicate), (True, True))
        same("refusal", json.loads(found.refusal), {"code": 21728, "message": "client order index already exists"})

    def _transaction(self, tx_type: Any, info: Any) -> str:
        if tx_type != 14 and tx_type != 15:  # noqa: PLR1714 - True would equal 1
            raise Wrong(f"a transaction of type {tx_type!r:.20}")
        return self._file.verified(tx_type, need(info))

    def _batch(self, types: str, infos: str) -> None:
        try:
            listed, texts = json.loads(types), json.loads(infos)
        except ValueError:
            raise Wrong("tx_types and tx_infos are JSON texts") from None
        same("as many types as transactions", len(listed), len(texts))
        same("spelling", (json.dumps(listed), json.dumps(texts)), (types, infos))
        hashes = [self._transaction(kind, info_of({"tx_info": text})) for kind, text in zip(listed, texts, strict=True)]
        for each in hashes:
            same("of a signed transaction", each in self._hashes(), True)

    def _ws_request(self, row: Any) -> None:
        data = need(need(row, "type", "data")["data"], "id", "tx_type", "tx_info")
        same("type", row["type"], "jsonapi/sendtx")
        same("hash", self._transaction(data["tx_type"], data["tx_info"]), self._answered(text_of(data, "id")))

    def _answered(self, request: str) -> str:
        reply = need(need(self._frames, "ws_sendtx_reply")["ws_sendtx_reply"])
        same("id", text_of(reply, "id"), request)
        return text_of(reply, "tx_hash")

    def _ws_reply(self, row: Any) -> None:
        same("type", text_of(row, "type"), "jsonapi/sendtx")
        same("code", whole_of(row, "code"), 200)
        request = need(need(self._frames, "ws_sendtx_request")["ws_sendtx_request"])["data"]
        same("id", text_of(row, "id"), text_of(need(request), "id"))
        same("tx_hash", self._transaction(request["tx_type"], request["tx_info"]), text_of(row, "tx_hash"))
        _check_time(row)

    def _ws_batch(self, row: Any) -> None:
        data = need(need(row, "type", "data")["data"], "id")
        same("type", row["type"], "jsonapi/sendtxbatch")
        same("id", re.fullmatch(r"req-[0-9]+", text_of(data, "id")) is not None, True)
        self._batch(text_of(data, "tx_types"), text_of(data, "tx_infos"))

    def _form(self, text: Any) -> None:
        pairs = _pairs(text, ("tx_type", "tx_info"))
        tx_hash = self._transaction(int(pairs["tx_type"]), info_of(pairs))
        same("form", form_of(SignedTx(int(pairs["tx_type"]), pairs["tx_info"], tx_hash)).decode(), text)
        same("of a signed transaction", tx_hash in self._hashes(), True)

    def _batch_form(self, text: Any) -> None:
        pairs = _pairs(text, ("tx_types", "tx_infos"))
        same("form", urlencode(pairs), text)
        self._batch(pairs["tx_types"], pairs["tx_infos"])


def _pairs(text: Any, keys: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(text, str):
        raise Wrong("a form is a text")
    pairs = dict(parse_qsl(text, keep_blank_values=True))
    same("keys", tuple(pairs), keys)
    if "tx_type" in pairs and not pairs["tx_type"].isdigit():
        raise Wrong("tx_type is no number")
    return pairs


def _check_receipt(body: Mapping[str, Any]) -> None:
    same("tx_hash", _HASH.fullmatch(text_of(body, "tx_hash")) is not None, True)
    said = text_of(body, "message")
    try:
        note = json.loads(said)
    except ValueError:
        raise Wrong("message is not JSON text") from None
    same("message", note, {"ratelimit": "didn't use volume quota"})
    _check_time(body)


def _check_time(body: Mapping[str, Any]) -> None:
    """Milliseconds of a plausible date."""
    same("time in ms", 1_700_000_000_000 < whole_of(body, "predicted_execution_time_ms") < 2_000_000_000_000, True)


def _check_book_frame(frame: Any, kind: str, market_index: int) -> None:
    book = need(need(frame, "order_book")["order_book"], "code", "asks", "bids", "offset", "nonce", "begin_nonce")
    same("type", text_of(frame, "type"), f"{kind}/order_book")
    same("channel", text_of(frame, "channel"), f"order_book:{market_index}")
    same("code", whole_of(book, "code"), 0)
    same("offset", whole_of(frame, "offset"), whole_of(book, "offset"))
    same("last_updated_at", whole_of(frame, "last_updated_at"), whole_of(book, "last_updated_at"))
    same("sent after", whole_of(frame, "timestamp") * 1000 >= frame["last_updated_at"], True)
    begin, nonce = whole_of(book, "begin_nonce"), whole_of(book, "nonce")
    same("nonces", (begin == 0) if kind == "subscribed" else begin < nonce, True)
