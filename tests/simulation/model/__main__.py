"""Search every state that one order can get into, for the bot's rules and for the wrong ones.

    python -m tests.simulation.model             the small models, and a counterexample for every wrong rule
    python -m tests.simulation.model --big       the large models as well (minutes; at least 1.8 million states)
    python -m tests.simulation.model --rule NAME one wrong rule only, with the way to its first bad state

Exit 1 if the bot's rules lead to a bad state, or if a wrong rule is not refuted.
"""

import argparse
import sys
from collections.abc import Iterable

from tests.simulation.model.explore import Verdict, explore
from tests.simulation.model.models import BIG, SMALL, named
from tests.simulation.model.rules import WRONG_RULES, WrongRule
from tests.simulation.model.world import Setup


def main() -> int:
    """Return 0 if every model is without a bad state and every wrong rule has one."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.model", description=__doc__.partition("\n")[0])
    parser.add_argument("--big", action="store_true", help="search the large models as well")
    parser.add_argument("--rule", help="refute this wrong rule only")
    options = parser.parse_args()
    failures = 0
    if not options.rule:
        failures += check_bot((*SMALL, *BIG) if options.big else SMALL, keeps_way=not options.big)
    rules = [rule for rule in WRONG_RULES if options.rule in (None, rule.name)]
    if not rules:
        parser.error(f"no such rule: {options.rule}; there are: {', '.join(rule.name for rule in WRONG_RULES)}")
    return 1 if failures + refute_all(rules) else 0


def check_bot(setups: Iterable[Setup], *, keeps_way: bool) -> int:
    """Search with the bot's own rules, print a table, return how many models are bad."""
    print(f"{'the rules of the bot':42} {'states':>10} {'edges':>10} {'reactions':>9} {'s':>7}  verdict")
    verdicts = []
    for setup in setups:
        verdicts.append(explore(setup, keeps_way=keeps_way))
        print_row(setup.name, verdicts[-1])
    states, edges = sum(one.states for one in verdicts), sum(one.edges for one in verdicts)
    print(f"{'all':42} {states:10,} {edges:10,} {'':9} {sum(one.seconds for one in verdicts):7.1f}")
    return sum(bool(one.problem) for one in verdicts)


def refute_all(rules: Iterable[WrongRule]) -> int:
    """Look for a counterexample to each wrong rule, print the ways, return how many have none."""
    missing = 0
    print(f"\n{'wrong rules':42} {'states':>10} {'edges':>10} {'reactions':>9} {'s':>7}  verdict")
    for rule in rules:
        verdict = refute(rule)
        missing += not verdict.problem
        print_row(rule.name, verdict, "NOT REFUTED")
    return missing


def refute(rule: WrongRule) -> Verdict:
    """Search with a wrong rule in place, model by model, up to the first bad state."""
    with rule.follow():
        for name in rule.refuted_by:
            verdict = explore(named(name))
            if verdict.problem:
                break
    return verdict


def print_row(name: str, verdict: Verdict, good: str = "no bad state") -> None:
    """Print one search, and the way to its bad state."""
    found = f"{verdict.problem} ({len(verdict.way) - 1} steps, {verdict.setup})" if verdict.problem else good
    print(
        f"{name:42} {verdict.states:10,} {verdict.edges:10,} {verdict.reactions:9,} {verdict.seconds:7.1f}  {found}",
        flush=True,
    )
    for number, step in enumerate(verdict.way, start=1):
        print(f"    {number:2} {step}" if number < len(verdict.way) else f"       {step}")


if __name__ == "__main__":
    sys.exit(main())
