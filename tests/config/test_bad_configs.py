"""Golden bad configs: bad/NAME.yaml is refused with exactly the words of bad/NAME.expected."""

from pathlib import Path

import pytest

from probe.config import ConfigError, load

BAD = Path(__file__).with_name("bad")


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_a_bad_config_is_refused_in_these_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(ConfigError) as refused:
        load(Path(f"{name}.yaml"))
    assert f"{refused.value}\n" == Path(f"{name}.expected").read_text()
    assert "hunter2" not in str(refused.value)


def test_every_expectation_belongs_to_a_config() -> None:
    assert {path.stem for path in BAD.glob("*.expected")} == {path.stem for path in BAD.glob("*.yaml")}


@pytest.mark.parametrize(
    "path, wrong",
    [
        ("nowhere.yaml", "cannot be read (No such file or directory)"),
        (".", "cannot be read (Is a directory)"),
        ("a\0b", "is not the name of a file"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    path: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        load(Path(path))
    (problem,) = refused.value.problems
    assert (problem.line, problem.path, problem.wrong) == (1, "", wrong)


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ConfigError, match="is too large; keep it below 16 MiB"):
        load(huge)
