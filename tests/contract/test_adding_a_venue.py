"""The README's how-to for a venue nobody has built yet, followed to the letter with a toy venue."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from actors.config import capabilities, load_settings, samples
from actors.config.capabilities import capabilities_table
from actors.config.samples import replace_block
from exchanges import VENUES
from exchanges.errors import ConfigError
from exchanges.simulated.assembly import FACES
from exchanges.simulated.faces.kit import FaceKit
from exchanges.venue import Venue
from tests.contract.conftest import TOY
from tests.contract.toy.client import VENUE as CLIENT

ROOT = Path(__file__).resolve().parents[2]
TOY_FOLDER = Path(__file__).parent / "toy"
ROLES = {"client": "exchanges/NAME", "face": "exchanges/simulated/faces/NAME"}


def how_to():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^### Adding a venue\n(.*?)(?=^##+ )", readme, re.MULTILINE | re.DOTALL)
    assert found is not None, "README has no section 'Adding a venue'"
    return found[1]


def files_of_the_toy():
    for part, place in ROLES.items():
        for path in sorted((TOY_FOLDER / part).glob("*.py")):
            if path.read_text(encoding="utf-8"):
                yield f"{place}/{path.name}"


@pytest.mark.parametrize("file", [*files_of_the_toy()])
def test_the_how_to_names_every_file_that_the_toy_needed(file):
    assert f"`{file}`" in how_to()


def test_the_how_to_names_no_file_that_a_venue_can_do_without():
    named = set(re.findall(r"`(exchanges/(?:simulated/faces/)?NAME/\w+\.py)`", how_to()))
    assert named == set(files_of_the_toy())


def test_everything_else_the_how_to_names_exists():
    places = re.findall(r"`((?:actors|exchanges|tests|conf|\.ci)/[\w./]+|setup\.cfg)`", how_to())
    places = [place for place in places if "NAME" not in place]
    assert len(places) >= 6
    for place in places:
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("name", ["VENUES", "FACES", "DIALECTS"])
def test_the_how_to_names_the_tables(name):
    assert f"`{name}`" in how_to()


def test_the_toy_is_registered_nowhere():
    assert TOY.name not in VENUES
    assert TOY.name not in FACES


def test_the_toy_has_what_the_protocols_ask_for():
    account = CLIENT.with_credentials(CLIENT.settings(), {"key": "k", "secret": "s"}, "http://x", "ws://x")
    asked = {name for name in vars(Venue) if not name.startswith("_")}
    assert asked - set(dir(account)) == set()
    assert {each.name for each in fields(FaceKit) if hasattr(TOY.kit, each.name)} == {e.name for e in fields(FaceKit)}


@pytest.mark.parametrize(("part", "forbidden"), [("client", ".face"), ("face", ".client")])
def test_client_and_face_share_nothing(part, forbidden):
    for path in (TOY_FOLDER / part).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert forbidden not in module, f"{path.name} imports {module}"
                assert part == "face" or not module.startswith("exchanges.simulated"), f"{path.name} imports {module}"
                assert not module.startswith("actors"), f"{path.name} imports {module}"


INI = """
[desk]
name = toys
mode = live
state_dir = state
[exchange.mine]
venue = toy
key_env = MY_KEY
[grid.btc]
exchange = mine
symbol = BTC-PERP
order_notional_usd = 600
[risk]
max_margin_usd = 1000
"""


def test_one_row_makes_it_a_venue_of_the_ini(tmp_path):
    path = tmp_path / "toy.ini"
    path.write_text(INI, encoding="utf-8")
    with pytest.raises(ConfigError, match="toy"):
        load_settings(path)
    venues, environ = {**VENUES, TOY.name: lambda: CLIENT}, {"MY_KEY": "k", "TOY_SECRET": "s"}
    settings = load_settings(path, environ=environ, venues=venues)
    assert settings.venues == {"mine": "toy"}
    assert settings.exchanges["mine"].key_env == "MY_KEY"
    path.write_text(INI.replace("key_env", "kye_env"), encoding="utf-8")
    with pytest.raises(ConfigError, match="key_env"):
        load_settings(path, environ=environ, venues=venues)


def test_one_row_makes_its_tables_in_the_readme(monkeypatch):
    venues = {**VENUES, TOY.name: lambda: CLIENT}
    monkeypatch.setattr(capabilities, "VENUES", venues)
    monkeypatch.setattr(samples, "VENUES", venues)
    table = capabilities_table()
    assert table.splitlines()[0].endswith("| toy | meaning |")
    assert "**`[exchange.NAME] with venue = toy`**" in samples.settings_table()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert table in replace_block(readme, "capabilities", table)
