"""What is made from what: the plan of a run, in plain Python and without Snakemake."""
