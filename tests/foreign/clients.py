"""How other people's clients are pointed at a venue: its address and its credentials, nothing else is changed."""

import asyncio
import importlib
import importlib.util
import platform
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
TIMEOUT_S = 45
"""A busy machine is slow, not wrong."""

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}


@contextmanager
def ccxt_aster(rest: str, credentials: Mapping[str, Any]) -> Iterator[Any]:
    """ccxt's `aster`. By default it has a builder approved who takes a fee of every order; that is off."""
    options = {
        "privateKey": credentials["private_key"],
        "options": {"builderFee": False, "defaultType": "swap"},
    }
    futures, spot = f"{rest}/fapi", f"{rest}/api"
    urls = {"fapiPublic": futures, "fapiPrivate": futures, "sapiPublic": spot, "sapiPrivate": spot}
    with _ccxt("aster", options, urls) as client:
        yield client


@contextmanager
def ccxt_backpack(rest: str, credentials: Mapping[str, Any]) -> Iterator[Any]:
    """ccxt's `backpack`."""
    options = {"apiKey": credentials["api_key"], "secret": credentials["secret"]}
    with _ccxt("backpack", options, dict.fromkeys(("public", "private"), rest)) as client:
        yield client


@contextmanager
def ccxt_lighter(rest: str, credentials: Mapping[str, Any]) -> Iterator[Any]:
    """ccxt's `lighter`, which signs with the vendor's native library and gives every transaction a nonce that may
    skip.
    """
    account, key = credentials["account_index"], credentials["api_key_index"]
    auth = {"signer": None, "lighterPrivateKey": credentials["private_key"], "deadline": None, "token": None}
    options = {
        "accountIndex": account,
        "apiKeyIndex": key,
        "chainId": credentials["chain_id"],
        "libraryPath": _signer_library(),
        "auths": {str(account): {str(key): auth}},
    }
    with _ccxt("lighter", {"options": options}, dict.fromkeys(("root", "public", "private"), rest)) as client:
        yield client


@contextmanager
def _ccxt(name: str, options: Mapping[str, Any], urls: Mapping[str, str]) -> Iterator[Any]:
    made = getattr(importlib.import_module("ccxt"), name)
    client = made({"enableRateLimit": False, "timeout": TIMEOUT_S * 1000, **options})
    client.urls["api"] = dict(urls)
    client.session.trust_env = False
    try:
        yield client
    finally:
        client.session.close()


def _signer_library() -> str:
    """The native library that comes with lighter-sdk, which ccxt wants to be shown."""
    spec = importlib.util.find_spec("lighter")
    folders = spec.submodule_search_locations if spec is not None else None
    assert folders, "lighter-sdk, which has the signing library, is not installed"
    system = platform.system().lower()
    ending = {"linux": "so", "darwin": "dylib", "windows": "dll"}[system]
    machine = _MACHINES[platform.machine().lower()]
    return str(Path(folders[0]) / "signers" / f"lighter-signer-{system}-{machine}.{ending}")


def bpx_account(rest: str, credentials: Mapping[str, Any]) -> Any:
    """bpx-py's Account."""
    account = importlib.import_module("bpx.account").Account(str(credentials["api_key"]), str(credentials["secret"]))
    account.BPX_API_URL = f"{rest}/"
    return account


def bpx_public(rest: str) -> Any:
    """bpx-py's Public."""
    public = importlib.import_module("bpx.public").Public()
    public.BASE_URL = f"{rest}/"
    return public


def lighter_sdk() -> Any:
    """The vendor's package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the package warns about while it is imported is not about us
        return importlib.import_module("lighter")


def on_a_loop(converse: Callable[[], Awaitable[T]]) -> T:
    """Run a conversation of the vendor's asyncio clients on a loop and a thread of its own; return its result."""
    results: list[T] = []
    failures: list[BaseException] = []

    async def run() -> None:
        results.append(await converse())

    def talk() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread, which raises it
            failures.append(error)

    thread = threading.Thread(target=talk, name="vendor-client")
    thread.start()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive(), "the vendor's client hangs"
    if failures:
        raise failures[0]
    return results[0]
