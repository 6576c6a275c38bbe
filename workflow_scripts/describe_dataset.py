"""A dataset's card."""

from pathlib import Path

from job import running
from stembench.datasets.store import read_recipe, read_samples
from stembench.products import read_json, read_parquet, whole
from stembench.reporting.dataset_card import citation, content_hash, dataset_card

if __name__ == "__main__":
    with running(snakemake):
        shards: dict[str, list[str]] = {}
        for split, shard in zip(snakemake.params.splits, snakemake.input.shards):
            shards.setdefault(split, []).append(shard)
        sources = [
            {"what": cif, "source": citation(cif), "licence": "facts of a crystal; cite the source"}
            for cif in snakemake.input.get("cifs", [])
        ]
        for folder in snakemake.input.get("lab", []):
            card = read_json(Path(folder) / "card.json")
            origin = f"{card['distribution'] or 'images/'} {card['file']}"
            sources.append({"what": f"{folder} (its noise)", "source": origin, "licence": card["licence"]})
        text = dataset_card(
            snakemake.wildcards.dataset,
            read_parquet(snakemake.input.index),
            read_parquet(snakemake.input.columns, columns=["sample", "asked"]),
            read_recipe(snakemake.input.shards[0]),
            {split: content_hash(read_samples(folders)) for split, folders in shards.items()},
            {split: len(folders) for split, folders in shards.items()},
            sources,
            snakemake.params.licence,
        )
        with whole(snakemake.output.card) as partial:
            partial.write_text(text, encoding="utf-8")
