"""`python -m tests.scenarios`: the confusion matrix, played on real servers and printed as a table."""

import sys
from collections.abc import Iterable, Mapping
from statistics import median

import click

from tests.scenarios.played import Played
from tests.scenarios.running import play_all
from tests.scenarios.scenario import MEMBERS, Scenario
from tests.scenarios.table import SCENARIOS


@click.command()
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True, help="So many runs in a row.")
@click.option("--laboratories", type=click.IntRange(min=1), default=4, show_default=True, help="So many side by side.")
@click.argument("names", nargs=-1)
def main(times: int, laboratories: int, names: tuple[str, ...]) -> None:
    """Play all scenarios, or those whose name holds one of NAMES; exit code 1 if a cell is wrong."""
    chosen = [each for each in SCENARIOS if not names or any(name in each.name for name in names)]
    wrong, results = 0, []
    for run in range(1, times + 1):
        click.echo(f"run {run} of {times}: {len(chosen)} scenarios")
        result = play_all(chosen, laboratories=laboratories, watch=_tell)
        wrong += sum(bool(_wrong(each, result[each.name])) for each in chosen)
        results += [played for played in result.values() if isinstance(played, Played)]
    click.echo(f"{times * len(chosen)} played, {wrong} wrong")
    click.echo(f"from fault to ejection: {_spread(played.ejections() for played in results)}")
    click.echo(f"from repair to return: {_spread(played.returns() for played in results)}")
    sys.exit(min(wrong, 1))


def _tell(scenario: Scenario, played: "Played | Exception") -> None:
    said = _wrong(scenario, played)
    if isinstance(played, Played):
        outcomes = ", ".join(f"{member} {'/'.join(sorted(played.outcomes[member]))}" for member in MEMBERS)
        blame = f"down: {', '.join(sorted(played.down)) or '-'}"
        shared = "shared fault" if played.shared_fault else ""
        word = "WRONG" if said else "right"
        click.echo(f"{word:6}{scenario.name:60}{blame:24}{shared:14}{_haproxy(played):59}{outcomes}")
        said += [f"late: {sentence}" for sentence in played.late(scenario)]
    for sentence in said:
        click.echo(f"      {sentence}")


def _spread(times: Iterable[Mapping[str, float]]) -> str:
    seconds = [each for by_name in times for each in by_name.values()]
    return f"{len(seconds)}, median {median(seconds):.1f} s, longest {max(seconds):.1f} s" if seconds else "none"


def _haproxy(played: Played) -> str:
    """Tell what HAProxy did: who was out how long after the fault, and back how long after the repair."""
    back = played.returns()
    told = [
        f"{name} {seconds:.1f} s, back {f'{back[name]:.1f} s' if name in back else 'never'}"
        for name, seconds in sorted(played.ejections().items())
    ]
    return f"ejected: {'; '.join(told) or '-'}"


def _wrong(scenario: Scenario, played: "Played | Exception") -> list[str]:
    return [f"it could not be played: {played!r}"] if isinstance(played, Exception) else played.wrong(scenario)


main()
