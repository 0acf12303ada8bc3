"""Signed transactions and tokens: what the native library makes of arguments, checked by hash and signature."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from exchanges.clock import SystemClock
from exchanges.errors import ConfigError
from exchanges.lighter.library import SIGNATURES, SignedTx, SignerRefused, load
from exchanges.lighter.settings import LighterCredentials, LighterSettings
from exchanges.lighter.signing import checked
from exchanges.lighter.venue import LighterVenue
from exchanges.secrets import Secret
from exchanges.simulated.lighter_crypto import text_hash, transactions
from tests.vectors.cases import Case, Wrong, need, same, text_of, whole_of
from tests.vectors.lighter_file import HASH_DIGITS, LighterFile, from_hex, info_of, verified

LIFE_MS: Final = 599_000
_SLOW_MS: Final = 30_000
_TX_TYPES: Final = {
    "SignCreateOrder": 14,
    "SignCancelOrder": 15,
    "SignCancelAllOrders": 16,
    "SignModifyOrder": 17,
    "SignUpdateLeverage": 20,
    "SignUpdateMargin": 29,
}
_COMMON: Final = {"account_index": "AccountIndex", "api_key_index": "ApiKeyIndex", "nonce": "Nonce"}
_NAMES: Final = {
    "SignCreateOrder": {
        "market_index": "MarketIndex",
        "client_order_index": "ClientOrderIndex",
        "base_amount": "BaseAmount",
        "price": "Price",
        "is_ask": "IsAsk",
        "order_type": "Type",
        "time_in_force": "TimeInForce",
        "reduce_only": "ReduceOnly",
        "trigger_price": "TriggerPrice",
        "order_expiry": "OrderExpiry",
    },
    "SignCancelOrder": {"market_index": "MarketIndex", "order_index": "Index"},
    "SignCancelAllOrders": {"time_in_force": "TimeInForce", "time_ms": "Time"},
    "SignModifyOrder": {
        "market_index": "MarketIndex",
        "order_index": "Index",
        "base_amount": "BaseAmount",
        "price": "Price",
        "trigger_price": "TriggerPrice",
    },
    "SignUpdateLeverage": {
        "market_index": "MarketIndex",
        "initial_margin_fraction": "InitialMarginFraction",
        "margin_mode": "MarginMode",
    },
    "SignUpdateMargin": {"market_index": "MarketIndex", "usdc_amount": "USDCAmount", "direction": "Direction"},
}
"""Function -> argument -> key of the transaction it becomes (sections 5.3, 6.1)."""

_ATTRIBUTES: Final = {
    "integrator_account_index": 1,
    "integrator_taker_fee": 2,
    "integrator_maker_fee": 3,
    "skip_nonce": 4,
    "self_trade_behavior": 6,
    "self_trade_equality": 7,
    "order_version": 8,
}
_ALL_MARKETS: Final = 255


def arguments_of(row: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
    """Return function and arguments of a row; the names must be those the library's function has."""
    function, arguments = text_of(row, "function"), need(row, "args")["args"]
    if function not in SIGNATURES:
        raise Wrong(f"the client knows no function {function!r:.60}")
    if set(need(arguments)) != {name for name, _ in SIGNATURES[function]}:
        raise Wrong(f"the arguments are not those of {function}")
    return function, {name: whole_of(arguments, name) for name in arguments}


def fields_of(function: str, arguments: Mapping[str, int]) -> dict[str, Any]:
    """Return the keys that a transaction has to have, but for its signature and its end."""
    fields: dict[str, Any] = {key: arguments[name] for name, key in {**_COMMON, **_NAMES[function]}.items()}
    given = {str(_ATTRIBUTES[name]): arguments[name] for name in _ATTRIBUTES if arguments.get(name)}
    if function == "SignCancelAllOrders" and arguments["market_index"] != _ALL_MARKETS:
        given["5"] = arguments["market_index"]
    return {**fields, "L2TxAttributes": given}


def without_clock(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return a transaction without what differs at every call; no attributes are an empty object, as null is."""
    kept = {key: value for key, value in info.items() if key not in ("Sig", "ExpiredAt")}
    return {**kept, "L2TxAttributes": kept.get("L2TxAttributes") or {}}


class SigningChecks:
    """Checks of everything that is signed."""

    def __init__(self, file: LighterFile) -> None:
        self._file = file

    # --- the key ---

    def key(self, case: Case) -> None:
        """Check one entry of the key."""
        file, data = self._file, case.data
        match case.label:
            case "private_key":
                same("public key", f"0x{file.public_key().hex()}", file.key()["public_key"])
                _own_account(file, text_of(file.key(), "private_key"))
            case "public_key":
                same("public key", f"0x{file.public_key().hex()}", data)
            case "private_hex_chars":
                same("digits", len(text_of(file.key(), "private_key").removeprefix("0x")), data)
            case "public_hex_chars":
                same("digits", len(file.public_key().hex()), data)
            case "account_index":
                self._same_everywhere("account_index", data)
            case "chain_by_api_key_index":
                for row in file.section("sign_vectors"):
                    slot = whole_of(need(need(row, "args")["args"]), "api_key_index")
                    same(f"chain of slot {slot}", whole_of(need(row), "chain_id"), need(data).get(str(slot)))
                for slot, chain in need(data).items():
                    if chain not in (300, 304, 466324) or not slot.isdigit():  # section 1
                        raise Wrong(f"chain {chain} of slot {slot} is none of the venue's")
            case _:
                raise Wrong(f"an entry of unknown kind {case.label!r:.60}")

    def _same_everywhere(self, name: str, value: Any) -> None:
        rows = [need(row, "args")["args"] for row in self._file.section("sign_vectors")]
        if not rows:
            raise Wrong("there is no signed transaction to compare with")
        for row in rows:
            same(name, whole_of(need(row), name), value)

    # --- transactions ---

    def signed(self, case: Case) -> None:
        """Check one signed transaction: as recorded, and as our library signs the same arguments now."""
        row = need(case.data, "expected_fields", "hash_preimage", "hash_attributes", "tx_hash")
        function, arguments = arguments_of(row)
        info, tx_type = info_of(row), whole_of(row, "tx_type")
        same("tx_type", _TX_TYPES[function], tx_type)
        expected = {**need(row["expected_fields"])}
        same("fields", fields_of(function, arguments), {**without_clock(expected)})
        same("expected_fields", {key: info[key] for key in info if key not in ("Sig", "ExpiredAt")}, expected)
        same("ExpiredAt", whole_of(info, "ExpiredAt"), row.get("observed_expired_at"))
        same("chain", self._file.chain_of(arguments["api_key_index"]), row.get("chain_id"))
        same("hash_preimage", transactions.preimage(whole_of(row, "chain_id"), tx_type, info), row["hash_preimage"])
        given = {str(key): value for key, value in transactions.attributes(info).items()}
        same("hash_attributes", given, row["hash_attributes"])
        same("tx_hash", self._file.verified(tx_type, info), row["tx_hash"])
        for flag in ("independent_hash_match", "independent_signature_verify"):
            same(flag, True, row.get(flag))
        checked(function, arguments)
        self._signed_now(function, arguments, tx_type)

    def _signed_now(self, function: str, arguments: dict[str, int], tx_type: int) -> None:
        key, chain = self._file.private_key(), self._file.chain_of(arguments["api_key_index"])
        made, before_ms = _sign_now(key, chain, function, tuple(arguments.items()))
        info = info_of({"tx_info": made.info})
        same("our tx_type", made.tx_type, tx_type)
        same("our fields", without_clock(info), fields_of(function, arguments))
        if not 0 <= whole_of(info, "ExpiredAt") - before_ms - LIFE_MS <= _SLOW_MS:
            raise Wrong("our ExpiredAt is not 599 s from now")
        same("our tx_hash", self._file.verified(tx_type, info), made.hash)

    def double(self, case: Case) -> None:
        """Check that equal arguments give two valid signatures that differ."""
        results = [need(row, "tx_info", "tx_hash") for row in need(self._file.section("double_sign"))["results"]]
        if len(results) != 2:
            raise Wrong(f"two results were expected, not {len(results)}")
        infos = [info_of(row) for row in results]
        if case.label == "sig_equal":
            same("sig_equal", infos[0]["Sig"] == infos[1]["Sig"], case.data)
            return
        same("fields", without_clock(infos[0]), without_clock(infos[1]))
        for row, info in zip(results, infos, strict=True):
            same("tx_hash", self._file.verified(14, info), row["tx_hash"])
        arguments = {name: 0 for name, _ in SIGNATURES["SignCreateOrder"]}
        for name, key in {**_COMMON, **_NAMES["SignCreateOrder"]}.items():
            arguments[name] = whole_of(infos[0], key)
        slot = arguments["api_key_index"]
        library = self._file.library(slot, self._file.chain_of(slot))
        ours = [info_of({"tx_info": library.sign("SignCreateOrder", arguments).info}) for _ in range(2)]
        same("our fields", without_clock(ours[0]), without_clock(infos[0]))
        same("our signatures are equal", ours[0]["Sig"] == ours[1]["Sig"], False)

    def negative(self, case: Case) -> None:
        """Check what the library says to bad arguments; what it lets pass and changes, our check refuses."""
        row = need(case.data, "error", "accepted", "wire_price")
        function, arguments = arguments_of(row)
        slot = arguments["api_key_index"]
        library = self._file.library(slot, self._file.chain_of(slot))
        error, price = None, None
        try:
            made = info_of({"tx_info": library.sign(function, arguments).info})
        except SignerRefused as refusal:
            error = str(refusal)
        else:
            price = made.get("Price")
        same("error", error, row["error"])
        same("accepted", error is None, row["accepted"])
        same("wire_price", price, row["wire_price"])
        if price is not None and price != arguments["price"]:
            _must_be_refused(function, arguments)

    def create_client(self, case: Case) -> None:
        """Check what the library says to a key; what it refuses, our client refuses before."""
        row = need(case.data, "private_key", "error")
        given = text_of(row, "private_key")
        key = self._file.private_key().hex() if given == "<key>" else given
        numbers = {name: whole_of(row, name) for name in ("chain_id", "api_key_index", "account_index")}
        error = None
        try:
            load().create_client(f"0x{key}" if case.label == "ok" else key, **numbers)
        except SignerRefused as refusal:
            error = str(refusal)
        same("error", error, row["error"])
        if error is not None:
            _must_be_no_account(key, numbers)

    # --- tokens ---

    def token(self, case: Case) -> None:
        """Check one token: as recorded, and as our library makes one of the same deadline."""
        row = need(case.data, "message_hash", "sig_hex_len", "independent_signature_verify")
        deadline_s, slot = whole_of(row, "deadline_s"), whole_of(row, "api_key_index")
        message = f"{deadline_s}:{whole_of(row, 'account_index')}:{slot}"
        same("message", message, row.get("message"))
        same("account", self._file.account_index(), row["account_index"])
        same("message_hash", text_hash(message).hex(), row["message_hash"])
        same("independent_signature_verify", True, row["independent_signature_verify"])
        same("sig_hex_len", 2 * HASH_DIGITS, row["sig_hex_len"])
        library = self._file.library(slot, self._file.chain_of(slot))
        ours = library.auth_token(deadline_s, api_key_index=slot, account_index=self._file.account_index())
        for who, token in (("the file's", text_of(row, "token")), ("our", ours)):
            same(f"{who} message", token.rpartition(":")[0], message)
            signature = from_hex(token.rpartition(":")[2], f"{who} signature", HASH_DIGITS)
            same(f"{who} signature", verified(self._file.public_key(), text_hash(message), signature), True)

    def token_differs(self, case: Case) -> None:
        """Check that two tokens of one deadline differ."""
        library = self._file.library(4, self._file.chain_of(4))
        tokens = [
            library.auth_token(1_795_400_000, api_key_index=4, account_index=self._file.account_index())
            for _ in range(2)
        ]
        same("not deterministic", tokens[0] != tokens[1], case.data)


@lru_cache(maxsize=1000)
def _sign_now(key: bytes, chain_id: int, function: str, arguments: tuple[tuple[str, int], ...]) -> tuple[SignedTx, int]:
    """What the library makes of arguments, and the time before. Asked once for the same."""
    given = dict(arguments)
    slot = {name: given[name] for name in ("api_key_index", "account_index")}
    library = load()
    library.create_client(key.hex(), chain_id=chain_id, **slot)
    before_ms = SystemClock().wall_ns() // 1_000_000
    return library.sign(function, given), before_ms


def _must_be_refused(function: str, arguments: dict[str, int]) -> None:
    try:
        checked(function, arguments)
    except ValueError:
        return
    raise Wrong("the library changes an argument, and our check lets it pass")


def _account_of(key: str, numbers: Mapping[str, int]) -> LighterVenue:
    given = LighterCredentials(private_key=Secret(key), **numbers)
    return LighterVenue(LighterSettings(), given)


def _must_be_no_account(key: str, numbers: Mapping[str, int]) -> None:
    try:
        _account_of(key, numbers)
    except ConfigError:
        return
    raise Wrong("the library refuses the key, and our client takes it")


def _own_account(file: LighterFile, key: str) -> None:
    try:
        _account_of(key, {"chain_id": 304, "api_key_index": 4, "account_index": file.account_index()})
    except ConfigError as error:
        raise Wrong(f"our client does not take the key: {error}") from None
