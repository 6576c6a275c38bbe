"""Train: every network for its tasks and datasets, from each seed.

Requires results/{scale}/datasets/{dataset}/{train,validation,test}/
Makes    results/{scale}/models/{network}/{task}/{dataset}/seed{seed}/
         (weights.safetensors, model.json, history.csv; checkpoints/ while it runs; then validation.npz and ranking.json,
         curves.png, validation.{png,pdf}; of networks that localise characterisation.json, and reliability.parquet,
         coverage.csv and reliability.{png,pdf} on the test split)
"""

from stembench.networks import NETWORKS
from stembench.planning import Training
from stembench.planning.guard import refuse_retraining

before_jobs(lambda dag: refuse_retraining(dag, CONFIG.training.retrain))

# The training of a job; the library module of its network; what it needs only where it draws its samples on the fly.
training = lambda w: Training(w.network, w.task, w.dataset, int(w.seed))
network_module = lambda w: NETWORKS.module(PLAN.trainings.architecture(w.network))
drawn = lambda dataset, paths: paths(dataset) if PLAN.datasets.drawn_on_the_fly(dataset) else []
# Where the weights lie that a network starts from. A parameter that is a function of `input` is no reason to train
# anew: which weights they are stands in the identity.
start_folder = lambda network, made: (
    os.path.dirname(made[0]) if made else (start := PLAN.trainings.start(network)) and start.folder
)


rule train_network:
    input:
        train=asked(lambda wildcards: PLAN.trainings.shards(wildcards.dataset, "train")),
        validation=asked(lambda wildcards: PLAN.trainings.shards(wildcards.dataset, "validation")),
        projections=lambda wildcards: PLAN.datasets.projections(wildcards.dataset, "test"),
        tiles=lambda w: drawn(w.dataset, lambda name: PLAN.datasets.tile_paths(name, "train")),
        calibration=lambda w: drawn(w.dataset, PLAN.datasets.calibration),
        start=asked(lambda wildcards: PLAN.trainings.start_files(wildcards.network)),
        mixed=asked(lambda wildcards: PLAN.trainings.mixed_shards(wildcards.network)),
    output:
        weights=LAYOUT.weights,
        record=LAYOUT.record,
        history=LAYOUT.history,
    log:
        LAYOUT.log("train_network", "{network}_{task}_{dataset}_seed{seed}"),
    benchmark:
        LAYOUT.benchmark("train_network", "{network}_{task}_{dataset}_seed{seed}")
    priority: 10  # the longest jobs start first
    conda:
        lambda wildcards: environment(PLAN.trainings.environment(wildcards.network))
    threads: 8 if GPU else 1
    resources:  # these do not change the trained network
        gpu=CONFIG.training.devices if GPU else 0,
        devices=CONFIG.training.devices,
        compiled=int(CONFIG.training.compile),
    params:
        identity=asked(lambda wildcards: PLAN.trainings.identity(training(wildcards))),
        scale=CONFIG.scale,
        starts_from=lambda wildcards, input: start_folder(wildcards.network, input.start),
    message:
        "Train {wildcards.network} to {wildcards.task} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_network.py"


rule validate_network:
    input:
        weights=LAYOUT.weights,
        record=LAYOUT.record,
        validation=asked(lambda wildcards: PLAN.trainings.shards(wildcards.dataset, "validation")),
        common=LAYOUT.common_validation,
        projections=lambda wildcards: PLAN.evaluations.validation_structures(wildcards.dataset),
    output:
        examples=LAYOUT.validation_examples,
        ranking=LAYOUT.ranking,
    log:
        LAYOUT.log("validate_network", "{network}_{task}_{dataset}_seed{seed}"),
    benchmark:
        LAYOUT.benchmark("validate_network", "{network}_{task}_{dataset}_seed{seed}")
    conda:
        lambda wildcards: environment(PLAN.trainings.environment(wildcards.network))
    params:
        code=lambda wildcards: code("validate_network", network_module(wildcards)),
        evaluation=PLAN.evaluations.matching,
    message:
        "Validate {wildcards.network}, trained to {wildcards.task} on {wildcards.dataset}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/validate_network.py"


rule plot_training:
    input:
        history=LAYOUT.history,
        examples=LAYOUT.validation_examples,
    output:
        curves=report(
            LAYOUT.model_figure("curves")[0],
            category="Training",
            caption="../report/training.rst",
            labels={"network": "{network}", "task": "{task}", "seed": "{seed}", "what": "loss"},
        ),
        validation=report(
            LAYOUT.model_figure("validation")[0],
            category="Training",
            caption="../report/validation.rst",
            labels={
                "network": "{network}",
                "task": "{task}",
                "seed": "{seed}",
                "what": "validation images",
            },
        ),
        validation_pdf=LAYOUT.model_figure("validation")[1],
    log:
        LAYOUT.log("plot_training", "{network}_{task}_{dataset}_seed{seed}"),
    benchmark:
        LAYOUT.benchmark("plot_training", "{network}_{task}_{dataset}_seed{seed}")
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_training"),
        loss=lambda wildcards: CONFIG.recipe(wildcards.network).loss,
        told=asked(lambda wildcards: PLAN.trainings.told(training(wildcards))),
    message:
        "Plot the training of {wildcards.network} to {wildcards.task}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/plot_training.py"


rule characterise_network:
    input:
        validation=asked(lambda wildcards: PLAN.trainings.shards(wildcards.dataset, "validation")),
        weights=LAYOUT.weights.where(task="localise"),
        record=LAYOUT.record.where(task="localise"),
    output:
        characterisation=LAYOUT.characterisation.where(task="localise"),
    log:
        LAYOUT.log("characterise_network", "{network}_{dataset}_seed{seed}"),
    benchmark:
        LAYOUT.benchmark("characterise_network", "{network}_{dataset}_seed{seed}")
    conda:
        lambda wildcards: environment(PLAN.trainings.environment(wildcards.network))
    params:
        code=lambda wildcards: code("characterise_network", network_module(wildcards)),
        evaluation=PLAN.evaluations.matching,
    message:
        "Characterise {wildcards.network}, trained on {wildcards.dataset}, on validation images"
    script:
        "../workflow_scripts/characterise_network.py"


rule measure_reliability:
    input:
        test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.dataset)),
        weights=LAYOUT.weights.where(task="localise"),
        record=LAYOUT.record.where(task="localise"),
        characterisation=LAYOUT.characterisation.where(task="localise"),
    output:
        columns=LAYOUT.reliability.where(task="localise"),
        coverage=LAYOUT.coverage.where(task="localise"),
    log:
        LAYOUT.log("measure_reliability", "{network}_{dataset}_seed{seed}"),
    benchmark:
        LAYOUT.benchmark("measure_reliability", "{network}_{dataset}_seed{seed}")
    conda:
        lambda wildcards: environment(PLAN.trainings.environment(wildcards.network))
    params:
        code=lambda wildcards: code("measure_reliability", network_module(wildcards)),
        evaluation=PLAN.evaluations.matching,
    message:
        "Compare confidence and error bars of {wildcards.network} with the truth of test images"
    script:
        "../workflow_scripts/measure_reliability.py"


rule plot_reliability:
    input:
        columns=LAYOUT.reliability.where(task="localise"),
    output:
        report(
            LAYOUT.model_figure("reliability")[0].where(task="localise"),
            category="Training",
            caption="../report/reliability.rst",
            labels={
                "network": "{network}",
                "task": "localise",
                "seed": "{seed}",
                "what": "confidence and error bars",
            },
        ),
        LAYOUT.model_figure("reliability")[1].where(task="localise"),
    log:
        LAYOUT.log("plot_reliability", "{network}_{dataset}_seed{seed}"),
    benchmark:
        LAYOUT.benchmark("plot_reliability", "{network}_{dataset}_seed{seed}")
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_reliability"),
        border_A=CONFIG.evaluation.border_A,
    message:
        "Draw confidence and error bars of {wildcards.network} against the truth"
    script:
        "../workflow_scripts/plot_reliability.py"
