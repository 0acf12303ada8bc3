import json

from actors.app.outcome import as_json, for_people, with_verdict

COUNTS = {
    "entries_placed": 3,
    "entries_filled": 2,
    "fills": 4,
    "exits_placed": 2,
    "lots_opened": 2,
    "lots_closed": 1,
    "lots_open": 1,
    "position": "0.003",
    "unprotected_quantity": "0",
    "unprotected_quantity_max": "0.003",
    "dust_quantity": "0",
    "realized_pnl": "0.21",
    "fees": "0.02",
    "funding": "0",
    "naked_seconds_max": 0.4,
    "naked_seconds_p50": 0.3,
    "naked_seconds_p99": 0.4,
    "fill_to_exit_us_p50": 300,
    "fill_to_exit_us_p99": 900,
    "reconnects": 0,
}
SUMMARY = {"mode": "paper", "venues": {"aster": dict(COUNTS)}, "runtime_s": 60.0, **COUNTS, "state": "running"}
VERDICT = {"aster": {"violations": 1, "faults_injected": 7}}


def test_the_verdict_stands_with_its_venue_and_in_the_total():
    outcome = with_verdict(SUMMARY, VERDICT)
    assert outcome["violations"] == outcome["venues"]["aster"]["violations"] == 1
    assert outcome["faults_injected"] == outcome["venues"]["aster"]["faults_injected"] == 7


def test_a_witness_that_is_gone_has_not_counted_zero():
    outcome = with_verdict(SUMMARY, None)
    assert outcome["violations"] is outcome["venues"]["aster"]["violations"] is outcome["faults_injected"] is None
    assert '"violations":null' in as_json(outcome)
    assert "violations      unknown" in for_people(outcome)


def test_the_keys_are_those_of_the_contract_and_in_its_order():
    expected = ["mode", "venues", "runtime_s", *COUNTS, "faults_injected", "violations", "state"]
    assert list(with_verdict(SUMMARY, VERDICT)) == expected


def test_json_is_one_line_and_money_stays_text():
    text = as_json(with_verdict(SUMMARY, VERDICT))
    assert "\n" not in text
    assert json.loads(text)["realized_pnl"] == "0.21"


def test_people_see_every_number_that_matters():
    text = for_people(with_verdict(SUMMARY, VERDICT))
    for shown in ("paper run of 60.0 s, running at its end", "3 placed", "1 closed", "0.21", "max 0.4 s", "violations"):
        assert shown in text
