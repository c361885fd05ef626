"""`nnlite completion`: what a shell proposes, asked of bash itself."""

import shutil
import subprocess

import pytest

from nnlite.cli import main

BASH = shutil.which("bash")


@pytest.fixture
def script(capsys):
    def of(shell):
        assert main(["completion", shell]) == 0
        return capsys.readouterr().out

    return of


@pytest.fixture
def proposed(script, tmp_path):
    """What bash proposes for a line that ends with the word to complete."""
    if BASH is None:
        pytest.skip("bash is not installed")
    (tmp_path / "c.yaml").touch()
    (tmp_path / "with blank.csv").touch()
    (tmp_path / "runs" / "c-1").mkdir(parents=True)
    (tmp_path / "runs" / "c-1" / "config.yaml").touch()
    (tmp_path / "runs" / "unfinished").mkdir()
    completion = script("bash")

    def ask(*words):
        quoted = " ".join(f"'{word}'" for word in words)
        asked = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _nnlite"
        code = f"""{completion}\n{asked}; printf '%s\\n' "${{COMPREPLY[@]}}"; complete -p nnlite"""
        done = subprocess.run([BASH, "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
        *replies, registered = done.stdout.splitlines()
        assert registered == "complete -o filenames -F _nnlite nnlite"
        return [reply for reply in replies if reply]

    return ask


def test_commands_are_proposed_first(proposed):
    assert {"train", "tune", "predict", "completion", "--version"} <= set(proposed("nnlite", ""))
    assert sorted(proposed("nnlite", "tr")) == ["train"]


def test_options_are_those_of_the_command(proposed):
    assert proposed("nnlite", "tune", "c.yaml", "--tr") == ["--trials"]
    assert proposed("nnlite", "train", "--tr") == []
    assert {"--set", "--log-every", "--help", "-h"} <= set(proposed("nnlite", "train", "-"))


def test_values_of_options_are_their_choices(proposed):
    assert proposed("nnlite", "tune", "c.yaml", "--sampler", "") == ["tpe", "random"]
    assert proposed("nnlite", "train", "c.yaml", "--log-format", "j") == ["json"]
    assert proposed("nnlite", "completion", "") == ["bash", "zsh", "fish"]


def test_files_folders_and_runs_are_proposed_where_they_belong(proposed):
    assert sorted(proposed("nnlite", "train", "")) == ["c.yaml", "runs", "with blank.csv"]
    assert proposed("nnlite", "train", "with") == ["with blank.csv"]
    assert proposed("nnlite", "train", "c.yaml", "--out", "") == ["runs"]
    assert proposed("nnlite", "evaluate", "") == ["runs/c-1", "runs"]


def test_scripts_for_other_shells_name_every_command_and_option(script):
    zsh, fish = script("zsh"), script("fish")
    assert (
        "compdef _nnlite nnlite" in zsh
        and "'--sampler[method of suggesting values (default\\: tpe)]:choice:(tpe random)'" in zsh
    )
    assert "-a train -d " in fish
    assert "-n '__fish_seen_subcommand_from tune' -l sampler" in fish and "-x -a 'tpe random'" in fish
    for shell, text in (("zsh", zsh), ("fish", fish)):
        if shutil.which(shell):
            assert subprocess.run([shell, "-n"], input=text, text=True).returncode == 0


def test_an_unknown_shell_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "tcsh"])
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
