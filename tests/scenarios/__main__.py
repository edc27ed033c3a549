"""`python -m tests.scenarios`: the confusion matrix, played on real servers and printed as a table."""

import sys

import click

from tests.scenarios.playing import Played
from tests.scenarios.running import play_all
from tests.scenarios.scenario import MEMBERS, Scenario
from tests.scenarios.table import SCENARIOS


@click.command()
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True, help="So many runs in a row.")
@click.option("--laboratories", type=click.IntRange(min=1), default=3, show_default=True, help="So many side by side.")
@click.argument("names", nargs=-1)
def main(times: int, laboratories: int, names: tuple[str, ...]) -> None:
    """Play all scenarios, or those whose name holds one of NAMES; exit code 1 if a cell is wrong."""
    chosen = [each for each in SCENARIOS if not names or any(name in each.name for name in names)]
    wrong = 0
    for run in range(1, times + 1):
        click.echo(f"run {run} of {times}: {len(chosen)} scenarios")
        result = play_all(chosen, laboratories=laboratories, watch=_tell)
        wrong += sum(bool(_wrong(each, result[each.name])) for each in chosen)
    click.echo(f"{times * len(chosen)} played, {wrong} wrong")
    sys.exit(min(wrong, 1))


def _tell(scenario: Scenario, played: "Played | Exception") -> None:
    said = _wrong(scenario, played)
    if isinstance(played, Played):
        outcomes = ", ".join(f"{member} {'/'.join(sorted(played.outcomes[member]))}" for member in MEMBERS)
        blame = f"down: {', '.join(sorted(played.down)) or '-'}"
        shared = "shared fault" if played.shared_fault else ""
        click.echo(f"{'WRONG' if said else 'right':6}{scenario.name:60}{blame:24}{shared:14}{outcomes}")
    for sentence in said:
        click.echo(f"      {sentence}")


def _wrong(scenario: Scenario, played: "Played | Exception") -> list[str]:
    return [f"it could not be played: {played!r}"] if isinstance(played, Exception) else played.wrong(scenario)


main()
