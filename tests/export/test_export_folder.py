"""The folder: whole or not at all, the same bytes for the same chains, and nobody else's files touched."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from refine.errors import InputError
from refine.export import EXPORTS, ExportChain, Filters, LeftOut, export


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_a_data_file_and_a_card(tmp_path: Path, chain: ExportChain, name: str) -> None:
    written = export(name, [chain, replace(chain, id="chain-2")], tmp_path / "new" / "folder")
    assert names(tmp_path / "new" / "folder") == ["README.md", "train.jsonl"]
    data = written.path.read_bytes()
    lines = [json.loads(line) for line in data.splitlines()]
    assert len(lines) == written.rows > 1
    assert [line["chain_id"] for line in lines] == sorted(line["chain_id"] for line in lines)
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    card = (written.path.parent / "README.md").read_text()
    assert card.startswith(
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: train.jsonl\n---\n"
    )
    assert written.sha256 in card
    assert f"Rows: {written.rows}\n" in card


@pytest.mark.parametrize("name", EXPORTS)
def test_the_same_chains_give_the_same_bytes(tmp_path: Path, chain: ExportChain, name: str) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        export(name, [chain], folder)
    first, second = ({each: (folder / each).read_bytes() for each in names(folder)} for folder in folders)
    assert first == second


def test_the_card_says_what_was_filtered(tmp_path: Path, chain: ExportChain) -> None:
    export("sft_final", [chain], tmp_path, Filters(include_demo=True, uses=("research",)))
    card = (tmp_path / "README.md").read_text()
    assert "Chains of the demo model: included" in card
    assert "must have allowed: research" in card


def test_an_export_replaces_an_earlier_one(tmp_path: Path, chain: ExportChain) -> None:
    export("sft_final", [chain], tmp_path)
    assert export("sft_final", [chain, chain], tmp_path).rows == 2
    assert len((tmp_path / "train.jsonl").read_bytes().splitlines()) == 2


@pytest.mark.parametrize("name", ["README.md", "train.jsonl"])
def test_somebody_elses_file_is_left_alone(tmp_path: Path, chain: ExportChain, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match="that no export wrote"):
        export("sft_final", [chain], tmp_path)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_an_export_cut_off_leaves_the_earlier_one(tmp_path: Path, chain: ExportChain) -> None:
    def cut_off() -> Iterator[ExportChain]:
        yield replace(chain, id="later")
        raise KeyboardInterrupt

    export("sft_final", [chain], tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with pytest.raises(KeyboardInterrupt):
        export("sft_final", cut_off(), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_chains_are_taken_one_at_a_time(tmp_path: Path, chain: ExportChain) -> None:
    taken = 0

    def chains() -> Iterator[ExportChain]:
        nonlocal taken
        for _ in range(5):
            taken += 1
            yield chain

    for name, kind in EXPORTS.items():
        taken = 0
        next(kind.rows(chains(), Filters(), LeftOut()))
        assert taken == 1, name


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, chain: ExportChain) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError) as caught:
            export("sft_final", [chain], folder)
        assert str(caught.value).startswith(f"{folder}: cannot be written")
        assert "\n" not in str(caught.value)


def test_an_unknown_export_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown export 'kto'; expected one of sft_final, dpo_round, trajectory"):
        export("kto", [], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_no_rows_are_an_empty_file(tmp_path: Path) -> None:
    assert export("sft_final", [], tmp_path).rows == 0
    assert (tmp_path / "train.jsonl").read_bytes() == b""
