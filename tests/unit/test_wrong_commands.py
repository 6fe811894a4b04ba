"""Commands that make no sense: a sentence that says what to do, exit code 2, and Spark is not started."""

from pathlib import Path

import pytest

from commands import run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scoring", "--as-of", "yesterday"], "ISO 8601"),
        (["scoring"], "--as-of, or both --from and --to"),
        (["scoring", "--from", "2013-04-01"], "--as-of, or both --from and --to"),
        (["scoring", "--from", "2013-04-01", "--to", "2013-04-03", "--version", "1"], "--version needs --as-of"),
        (["scoring", "--from", "2013-04-01", "--to", "2013-04-03", "--each", "daily"], "such as P7D"),
        (["data", "--as-of", "2013-04-01", "--use-case", "nothing"], "no use case 'nothing'"),
        (["demo", "--months", "1-2"], "--months 1-2"),
        (["demo", "--continue", "--fresh"], "not both"),
    ],
)
def test_a_wrong_command_says_what_to_do(
    tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    assert run(tmp_path, *arguments) == 2

    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
