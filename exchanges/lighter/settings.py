"""What a section `[exchange.NAME]` with `venue = lighter` may say (CONFIG.md D.1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exchanges.account_settings import AUTO, SecretResolver, common_problems, secrets_from
from exchanges.secrets import Secret
from exchanges.settings import setting

LAST_VENDOR_SLOT: Final = 3
"""API key slots 0 to 3 belong to the vendor's own apps (section 5)."""
LAST_SLOT: Final = 254


class Network(StrEnum):
    """Which deployment of the venue is traded on (section 1)."""

    MAINNET = "mainnet"
    TESTNET = "testnet"
    ROBINHOOD = "robinhood"


@dataclass(frozen=True, slots=True, kw_only=True)
class LighterSettings:
    """One API key of one account on Lighter. The key is named by environment variable and never stands here itself."""

    network: Network = setting(
        help="mainnet, testnet, or robinhood (other hosts, another chain id in every signature)",
        default=Network.MAINNET,
    )
    account_index: int = setting(
        help="number of the account; required in live mode, never 0", ge=0, le=2**48 - 1, default=0, paper=False
    )
    api_key_index: int = setting(
        help="slot of the API key, 4 to 254; one bot per slot, two on one slot refuse each other's nonces",
        ge=0,
        le=LAST_SLOT,
        default=4,
        paper=False,
    )
    private_key_env: str = setting(
        help="variable with the private key of that slot (80 hex digits)",
        default="LIGHTER_API_KEY_PRIVATE_KEY",
        names_secret=True,
        paper=False,
    )
    read_quota_per_min: int = setting(
        help="requests a minute that only read; 60 on a standard account", unit="per minute", ge=10, le=4000, default=60
    )
    tx_quota_per_min: int = setting(
        help="transactions a minute, cancels included; 60 on a standard account",
        unit="per minute",
        ge=10,
        le=40000,
        default=60,
    )
    exit_reserved_pct: int = setting(
        help="share of both quotas that is kept for exits and cancels", unit="percent", ge=0, le=90, default=30
    )
    entry_ttl_s: int = setting(
        help="a resting entry expires at the venue after so long; the venue wants at least 5 minutes",
        unit="s",
        ge=300,
        le=2592000,
        default=900,
    )
    exit_ttl_s: int = setting(
        help="a resting exit expires at the venue after so long, and is posted anew",
        unit="s",
        ge=86400,
        le=2592000,
        default=2419200,
    )
    maker_fee_bps: str = setting(help="auto = read from the venue, else a number", unit="bps", default=AUTO)
    taker_fee_bps: str = setting(help="auto = read from the venue, else a number", unit="bps", default=AUTO)
    rest_url: str = setting(help="another REST address than the network's; empty = the network's", default="")
    ws_url: str = setting(help="another stream address than the network's; empty = the network's", default="")
    proxy: str = setting(help="http://host:port for REST and streams; empty = direct", default="")
    ca_file: str = setting(help="certificates to trust instead of the system's; empty = the system's", default="")

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong between or inside the settings beyond single ranges, one text per problem."""
        found = []
        if self.api_key_index <= LAST_VENDOR_SLOT:
            found.append(
                f"api_key_index = {self.api_key_index}: slots 0 to {LAST_VENDOR_SLOT} belong to the vendor's own apps; "
                f"use {LAST_VENDOR_SLOT + 1} to {LAST_SLOT}"
            )
        found.extend(common_problems(self))
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LighterCredentials:
    """What signs for one account: its number, the slot of the key, the key, and the chain the signatures are for."""

    account_index: int
    api_key_index: int
    private_key: Secret
    chain_id: int


def key_from(settings: LighterSettings, resolve: SecretResolver) -> Secret:
    """Read the private key that `settings` names.

    Raises:
        ConfigError: the variable is not set.
    """
    return secrets_from({"private_key": settings.private_key_env}, resolve)["private_key"]
