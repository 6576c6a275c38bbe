"""Describe a dataset: index, columns, card, and a page to look through it."""

from pathlib import Path

from job import running, say
from stembench.datasets.store import Shards, read_recipe, read_samples, write_index
from stembench.products import read_json, read_parquet, whole
from stembench.reporting.dataset_browser import dataset_browser
from stembench.reporting.dataset_card import citation, content_hash, dataset_card

if __name__ == "__main__":
    with running(snakemake):
        shards, output, name = snakemake.input.shards, snakemake.output, snakemake.wildcards.dataset
        with whole(output.index) as index, whole(output.columns) as columns:
            write_index(shards, index, columns)
        index = read_parquet(output.index)
        by_split: dict[str, list[str]] = {}
        for split, shard in zip(snakemake.params.splits, shards):
            by_split.setdefault(split, []).append(shard)
        sources = [
            {"what": cif, "source": citation(cif), "licence": "facts of a crystal; cite the source"}
            for cif in snakemake.input.cifs
        ]
        for folder in snakemake.input.lab:
            card = read_json(Path(folder) / "card.json")
            origin = f"{card['distribution'] or 'images/'} {card['file']}"
            sources.append({"what": f"{folder} (its noise)", "source": origin, "licence": card["licence"]})
        text = dataset_card(
            name,
            Path(output.card).parent.as_posix(),
            index,
            read_parquet(output.columns, columns=["sample", "asked"]),
            read_recipe(shards[0]),
            {split: content_hash(read_samples(folders)) for split, folders in by_split.items()},
            {split: len(folders) for split, folders in by_split.items()},
            sources,
            snakemake.params.licence,
            snakemake.params.remarks,
        )
        for remark in snakemake.params.remarks:
            say(f"{name}: {remark}")
        for path, content in ((output.card, text), (output.browser, dataset_browser(name, index, Shards(shards)))):
            with whole(path) as partial:
                partial.write_text(content, encoding="utf-8")
