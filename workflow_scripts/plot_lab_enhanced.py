"""A lab image before and after enhancement by each network and the best filter."""

from job import running
from stembench.evaluation.examples import Examples
from stembench.evaluation.tuning import best_tuned
from stembench.reporting.examples_figure import plot_enhancement
from stembench.reporting.style import method_labels

if __name__ == "__main__":
    with running(snakemake):
        methods = snakemake.params.methods
        best, _ = best_tuned(snakemake.input.filters, [f"{snakemake.params.counts_per_px:g}"])
        examples = dict(zip(method_labels(methods), map(Examples.read, snakemake.input.examples)))
        shown = [method["kind"] == "network" or method["method"] == best for method in methods]
        chosen = {name: examples[name] for name, is_shown in zip(examples, shown) if is_shown}
        plot_enhancement(chosen, snakemake.output)
