import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from stembench.datasets.store import read_samples, write_index, write_shard
from stembench.reporting.dataset_card import citation, content_hash, dataset_card, parameter_ranges


@pytest.fixture(scope="module")
def samples(small_factory):
    return [small_factory.sample(split, i) for split in ("train", "test") for i in range(3)]


def stored(folder, samples, recipe):
    folder.mkdir(parents=True)
    write_shard(folder, samples, recipe)
    return folder


def test_a_hash_depends_on_the_content_and_not_on_shards(samples, tmp_path):
    one = [stored(tmp_path / "one", samples, {})]
    two = [stored(tmp_path / "a", samples[:2], {}), stored(tmp_path / "b", samples[2:], {})]
    assert content_hash(read_samples(one)) == content_hash(read_samples(two)) == content_hash(samples)
    moved = replace(samples[1], columns=samples[1].columns.assign(x_A=samples[1].columns.x_A + 1e-6))
    pixel = samples[1].images["image"].copy()
    pixel[0, 0] = 1 - pixel[0, 0]
    other = replace(samples[1], images=samples[1].images | {"image": pixel})
    hashes = {content_hash([samples[0], each, *samples[2:]]) for each in (samples[1], moved, other)}
    assert len(hashes) == 3


def test_a_citation_names_journal_year_and_doi(repository, tmp_path):
    assert "2017 doi 10.6028/jres.122.024" in citation(repository / "structures" / "Si.cif")
    cited = "".join(f"data_{i}\n_citation_journal_full 'M\xfcller'\n_citation_year 200{i}\n" for i in (1, 2))
    (tmp_path / "two.cif").write_bytes(cited.encode("latin-1"))
    assert citation(tmp_path / "two.cif") == "M\\xfcller 2001; M\\xfcller 2002"
    (tmp_path / "own.cif").write_text("data_own\n_cell_length_a 4\n")
    assert citation(tmp_path / "own.cif") == "the file names none"


def test_ranges_leave_out_images_without_a_parameter():
    index = pd.DataFrame(
        {"sample": [0, 1, 2], "split": "test", "structure": 0, "dose": [1.0, np.nan, 4.0], "mode": ["BF", "ADF", "BF"]}
    )
    numbers, categories = parameter_ranges(index)
    assert numbers.loc["dose"].to_list() == [2, 1, 2.5, 4]
    assert list(numbers.index) == ["dose"]
    assert categories["values"].to_dict() == {"mode": "ADF (1), BF (2)"}


@pytest.fixture(scope="module")
def card(small_factory, samples, tmp_path_factory):
    root = tmp_path_factory.mktemp("card")
    folder = root / "results" / "demo" / "datasets" / "small"
    recipe = small_factory.recipe.model_dump(mode="json")
    shards = [stored(folder / "train" / "00000", samples[:2], recipe)]
    shards += [stored(folder / "train" / "00001", samples[2:3], recipe)]
    shards += [stored(folder / "test" / "00000", samples[3:], recipe)]
    write_index(shards, folder / "index.parquet", folder / "columns.parquet")
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in ("index", "columns")]
    hashes = {"train": content_hash(samples[:3]), "test": content_hash(samples[3:])}
    source = {"what": "structures/Si.cif", "source": "a journal", "licence": "its own"}
    return root, dataset_card(
        "small",
        "results/demo/datasets/small",
        *tables,
        recipe,
        hashes,
        {"train": 2, "test": 1},
        [source],
        "CC0-1.0",
        ["crystals are thin"],
    )


def test_the_lines_on_the_card_load_the_dataset(card, samples, monkeypatch):
    root, text = card
    monkeypatch.chdir(root)
    (lines,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(lines.splitlines()) == 3
    found = {}
    exec(lines, found)
    assert np.array_equal(found["data"].image, np.stack([sample.images["image"] for sample in samples[:3]]))


def test_the_card_tells_recipe_counts_hashes_and_licences(card, small_factory, samples):
    _, text = card
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert yaml.safe_load(recipe) == small_factory.recipe.model_dump(mode="json")
    rows = [re.split(r"\s*\|\s*", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    counted = [sum(len(s.columns) for s in part) for part in (samples[:3], samples[3:])]
    assert ["train", "3", "2", str(counted[0])] in [row[:4] for row in rows]
    assert ["test", "3", "2", str(counted[1])] in [row[:4] for row in rows]
    assert ["train", content_hash(samples[:3])] in rows
    assert ["structures/Si.cif", "a journal", "its own"] in rows
    assert "CC0-1.0" in text
    assert "\n- Crystals are thin.\n" in text
    sizes = sorted(sample.parameters["pixel_size_A"] for sample in samples)
    assert ["pixel_size_A", "6", f"{sizes[0]:.4g}", f"{np.median(sizes):.4g}", f"{sizes[-1]:.4g}"] in rows
    assert {row[0] for row in rows} >= set(samples[0].parameters) - {"sample", "split", "structure"}
