"""A lab image before and after enhancement by each network and the best filter."""

from job import running
from stembench.evaluation.examples import Examples
from stembench.products import read_json
from stembench.reporting.examples_figure import plot_enhancement
from stembench.reporting.style import method_labels

if __name__ == "__main__":
    with running(snakemake):
        methods, levels = snakemake.params.methods, {}
        for path in snakemake.input.settings:
            stored = read_json(path)
            levels[stored["method"]] = stored["levels"][f"{snakemake.params.counts_per_px:g}"]["psnr_db"]
        best = max(levels, key=levels.get)
        examples = dict(zip(method_labels(methods), map(Examples.read, snakemake.input.examples)))
        shown = [method["kind"] == "network" or method["method"] == best for method in methods]
        chosen = {name: examples[name] for name, is_shown in zip(examples, shown) if is_shown}
        plot_enhancement(chosen, snakemake.output)
