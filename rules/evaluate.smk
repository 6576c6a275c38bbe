"""Evaluate: settings chosen on validation images, then every method on every test set.

Requires results/datasets/, results/models/, results/lab/
Makes    results/testsets/{testset}/ (a lab image's blocks at several doses, with reference columns)
         results/tuning/detection/{dataset}/{method}.json
         results/tuning/enhancement/{task}/{dataset}/{method}.json
         results/evaluation/{testset}/{method}/ (columns.parquet, images.parquet), detection by a classical method;
         of networks {method} ends in the localiser, {network}-{dataset}-seed{n}-{localiser}
         results/lattice_precision/{testset}/images/ (a lab image of one crystal, also with columns displaced)
         results/lattice_precision/{testset}/{method}/ (spacings.parquet, responses.parquet)
         results/localisation_after_denoising/{testset}/ (the same of images that were denoised, a pair a denoiser)
         results/localisation_after_denoising/{testset}/images.parquet (fits to simulated images, denoised)
         results/cost/{network}/{task}.json (what applying a network costs)
         results/enhancement/{task}/{testset}/{method}/ (images.parquet, images against the task's labels; examples.npz, those
         that figures show, of lab images too)
"""


rule build_lab_testset:
    input:
        image=lambda wildcards: f"results/lab/{LAB_TESTSETS[wildcards.testset].image}",
    output:
        folder=directory("results/testsets/{testset}"),
    log:
        "results/logs/build_lab_testset/{testset}.log",
    wildcard_constraints:
        testset=any_of(LAB_TESTSETS),
    conda:
        "../envs/training.yaml"
    params:
        code=code("build_lab_testset"),
        settings=lambda wildcards: section(LAB_TESTSETS[wildcards.testset]),
        counts_per_px=lab_testset_doses,
        draws=SCALE.lab_draws,
    message:
        "Build the lab test set {wildcards.testset}"
    script:
        "../workflow_scripts/build_lab_testset.py"


rule plot_reference:
    input:
        image=lambda wildcards: f"results/lab/{LAB_TESTSETS[wildcards.testset].image}",
    output:
        figure=report(
            "results/figures/reference_{testset}.png",
            category="Lab images",
            caption="../report/reference.rst",
            labels={"test set": "{testset}"},
        ),
    log:
        "results/logs/plot_reference/{testset}.log",
    wildcard_constraints:
        testset=any_of(LAB_TESTSETS),
    conda:
        "../envs/reporting.yaml"
    params:
        code=code("plot_reference"),
        settings=lambda wildcards: section(LAB_TESTSETS[wildcards.testset]),
        marked=lambda wildcards: CONFIG.lab.images[LAB_TESTSETS[wildcards.testset].image].columns,
    message:
        "Draw the reference columns of {wildcards.testset}"
    script:
        "../workflow_scripts/plot_reference.py"


rule tune_detection:
    input:
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        structures=lambda wildcards: shown_structures(wildcards.dataset),
    output:
        settings="results/tuning/detection/{dataset}/{method}.json",
    log:
        "results/logs/tune_detection/{dataset}_{method}.log",
    wildcard_constraints:
        method=any_of({*KNOWN_NETWORKS, *(name for name in FINDERS if FINDERS.load(name).settings)}),
    priority: 5  # the 2-D Gaussian fits take longest
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code("tune_detection", KNOWN_NETWORKS, wildcards.method),
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        evaluation=EVALUATION,
    message:
        "Tune {wildcards.method} on {wildcards.dataset}"
    script:
        "../workflow_scripts/tune_detection.py"


rule evaluate_detection:
    input:
        test=lambda wildcards: test_shards(wildcards.testset),
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        settings=detection_tuning,
        structures=lambda wildcards: shown_structures(wildcards.testset),
    output:
        **evaluated_by([None]),
    log:
        "results/logs/evaluate_detection/{testset}_{method}.log",
    wildcard_constraints:
        method=any_of({*DETECTORS, *STUDY_DETECTORS} - set(KNOWN_NETWORKS)),
    priority: 5  # the 2-D Gaussian fits take longest
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code("evaluate_detection", KNOWN_NETWORKS, wildcards.method),
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        evaluation=EVALUATION,
        localisers=[None],
        exact=lambda wildcards: wildcards.testset not in LAB_TESTSETS,
    message:
        "Find columns in {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_detection.py"


use rule evaluate_detection as evaluate_network with:
    output:
        **evaluated_by(OUR_LOCALISERS),
    wildcard_constraints:
        method=any_of([method for method in KNOWN_NETWORKS if not has_own_localiser(method)]),
    params:
        code=lambda wildcards: method_code(
            "evaluate_detection", KNOWN_NETWORKS, wildcards.method, localisers=OUR_LOCALISERS
        ),
        localisers=OUR_LOCALISERS,


use rule evaluate_detection as evaluate_network_with_own_localiser with:
    output:
        **evaluated_by(CONFIG.evaluation.localisers),
    wildcard_constraints:
        method=any_of(filter(has_own_localiser, KNOWN_NETWORKS)),
    params:
        code=lambda wildcards: method_code(
            "evaluate_detection",
            KNOWN_NETWORKS,
            wildcards.method,
            ("networks", "networks.localisers"),
            CONFIG.evaluation.localisers,
        ),
        localisers=CONFIG.evaluation.localisers,


rule evaluate_generalisation:
    input:
        test=[shard for testset in GENERALISATION for shard in shards(testset, "test")],
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        settings=detection_tuning,
        structures=sorted({path for name in GENERALISATION for path in shown_structures(name)}),
    output:
        **evaluated_by([None], GENERALISATION),
    log:
        "results/logs/evaluate_generalisation/{method}.log",
    wildcard_constraints:
        method=any_of(set(GENERALISATION_METHODS) - set(KNOWN_NETWORKS)),
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code(
            "evaluate_generalisation", KNOWN_NETWORKS, wildcards.method
        ),
        shards=[shards(testset, "test") for testset in GENERALISATION],
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        evaluation=EVALUATION,
        localisers=[None],
    message:
        "Find columns beyond the training by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_generalisation.py"


use rule evaluate_generalisation as evaluate_network_generalisation with:
    output:
        **evaluated_by([DEFAULT_LOCALISER], GENERALISATION),
    wildcard_constraints:
        method=any_of(KNOWN_NETWORKS),
    params:
        code=lambda wildcards: method_code(
            "evaluate_generalisation",
            KNOWN_NETWORKS,
            wildcards.method,
            localisers=[DEFAULT_LOCALISER],
        ),
        localisers=[DEFAULT_LOCALISER],


rule build_single_crystal:
    input:
        image=lambda wildcards: f"results/lab/{LAB_TESTSETS[wildcards.testset].image}",
    output:
        folder=directory("results/lattice_precision/{testset}/images"),
    log:
        "results/logs/build_single_crystal/{testset}.log",
    wildcard_constraints:
        testset=any_of(SINGLE_CRYSTALS),
    conda:
        "../envs/training.yaml"
    params:
        code=code("build_single_crystal"),
        settings=lambda wildcards: section(LAB_TESTSETS[wildcards.testset]),
        counts_per_px=lab_testset_doses,
    message:
        "Displace columns of {wildcards.testset}"
    script:
        "../workflow_scripts/build_single_crystal.py"


rule evaluate_lattice_precision:
    input:
        images="results/lattice_precision/{testset}/images",
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        settings=detection_tuning,
        structures=[],
    output:
        spacings="results/lattice_precision/{testset}/{method}/spacings.parquet",
        responses="results/lattice_precision/{testset}/{method}/responses.parquet",
    log:
        "results/logs/evaluate_lattice_precision/{testset}_{method}.log",
    wildcard_constraints:
        testset=any_of(SINGLE_CRYSTALS),
        method=any_of({*DETECTORS, *KNOWN_NETWORKS}),
    conda:
        method_environment
    params:
        code=lambda wildcards: method_code(
            "evaluate_lattice_precision",
            KNOWN_NETWORKS,
            wildcards.method,
            localisers=[DEFAULT_LOCALISER],
        ),
        network=lambda wildcards: network_folder(KNOWN_NETWORKS, wildcards.method),
        prior=lambda wildcards: method_prior(wildcards.method),
        localiser=lambda wildcards: (
            DEFAULT_LOCALISER if wildcards.method in KNOWN_NETWORKS else None
        ),
        border_A=CONFIG.evaluation.border_A,
    message:
        "Measure the lattice of {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_lattice_precision.py"


rule denoise_single_crystal:
    input:
        images="results/lattice_precision/{testset}/images",
        weights=DENOISER_WEIGHTS,
        filters=tuned_filters,
    output:
        folder=directory("results/localisation_after_denoising/{testset}/images"),
    log:
        "results/logs/denoise_single_crystal/{testset}.log",
    wildcard_constraints:
        testset=any_of(SINGLE_CRYSTALS),
    conda:
        "../envs/training.yaml"
    params:
        code=denoising_code("denoise_single_crystal"),
        networks=DENOISERS,
    message:
        "Denoise {wildcards.testset}"
    script:
        "../workflow_scripts/denoise_single_crystal.py"


use rule evaluate_lattice_precision as evaluate_localisation_after_denoising with:
    input:
        images="results/localisation_after_denoising/{testset}/images",
        weights=lambda wildcards: weights_of(KNOWN_NETWORKS, wildcards.method),
        settings=detection_tuning,
        structures=[],
    output:
        spacings="results/localisation_after_denoising/{testset}/{method}/spacings.parquet",
        responses="results/localisation_after_denoising/{testset}/{method}/responses.parquet",
    log:
        "results/logs/evaluate_localisation_after_denoising/{testset}_{method}.log",
    message:
        "Measure the lattice of {wildcards.testset}, denoised, by {wildcards.method}"


rule evaluate_precision_after_denoising:
    input:
        test=lambda wildcards: test_shards(wildcards.testset),
        weights=DENOISER_WEIGHTS,
        filters=tuned_filters,
        settings=lambda wildcards: (
            f"results/tuning/detection/{wildcards.testset}/smoothed_maxima.json"
        ),
    output:
        images="results/localisation_after_denoising/{testset}/images.parquet",
    log:
        "results/logs/evaluate_precision_after_denoising/{testset}.log",
    wildcard_constraints:
        testset=any_of(DENOISED_TESTSETS),
    conda:
        "../envs/training.yaml"
    params:
        code=denoising_code("evaluate_precision_after_denoising"),
        networks=DENOISERS,
        evaluation=EVALUATION,
        images=CONFIG.evaluation.images_after_denoising,
    message:
        "Fit Gaussians to denoised images of {wildcards.testset}"
    script:
        "../workflow_scripts/evaluate_precision_after_denoising.py"


rule tune_enhancement:
    input:
        validation=lambda wildcards: shards(wildcards.dataset, "validation"),
    output:
        settings="results/tuning/enhancement/{task}/{dataset}/{method}.json",
    log:
        "results/logs/tune_enhancement/{task}_{dataset}_{method}.log",
    wildcard_constraints:
        method=any_of(FILTERS),
    conda:
        "../envs/training.yaml"
    params:
        code=lambda wildcards: method_code("tune_enhancement", {}, wildcards.method),
    message:
        "Tune the {wildcards.method} filter to {wildcards.task} on {wildcards.dataset}"
    script:
        "../workflow_scripts/tune_enhancement.py"


rule evaluate_enhancement:
    input:
        test=lambda wildcards: test_shards(wildcards.testset),
        weights=lambda wildcards: weights_of(IMAGE_NETWORKS[wildcards.task], wildcards.method),
        settings=filter_settings,
    output:
        images="results/enhancement/{task}/{testset}/{method}/images.parquet",
        examples="results/enhancement/{task}/{testset}/{method}/examples.npz",
    log:
        "results/logs/evaluate_enhancement/{task}_{testset}_{method}.log",
    wildcard_constraints:
        testset=any_of(CONFIG.datasets),
    conda:
        "../envs/training.yaml"
    params:
        code=lambda wildcards: method_code(
            "evaluate_enhancement", IMAGE_NETWORKS[wildcards.task], wildcards.method
        ),
        network=lambda wildcards: network_folder(IMAGE_NETWORKS[wildcards.task], wildcards.method),
    message:
        "Score the images that {wildcards.method} makes of {wildcards.testset} to {wildcards.task}"
    script:
        "../workflow_scripts/evaluate_enhancement.py"


rule measure_cost:
    input:
        weights=lambda wildcards: f"{measured_training(wildcards)}/weights.safetensors",
        record=lambda wildcards: f"{measured_training(wildcards)}/model.json",
    output:
        cost="results/cost/{network}/{task}.json",
    log:
        "results/logs/measure_cost/{network}_{task}.log",
    conda:
        network_environment
    threads: 1
    resources:
        gpu=1 if GPU else 0,
    params:
        code=lambda wildcards: code("measure_cost", wildcards.network),
        network=measured_training,
    message:
        "Measure what {wildcards.network} costs that was trained to {wildcards.task}"
    script:
        "../workflow_scripts/measure_cost.py"


rule enhance_lab_image:
    input:
        image=lambda wildcards: f"results/lab/{LAB_TESTSETS[wildcards.testset].image}",
        testset="results/testsets/{testset}",
        weights=lambda wildcards: weights_of(ENHANCEMENT_NETWORKS, wildcards.method),
        settings=filter_settings,
    output:
        examples="results/enhancement/{task}/{testset}/{method}/examples.npz",
    log:
        "results/logs/enhance_lab_image/{task}_{testset}_{method}.log",
    wildcard_constraints:
        task="denoise_background",
        testset=any_of(LAB_TESTSETS),
    conda:
        "../envs/training.yaml"
    params:
        code=lambda wildcards: method_code(
            "enhance_lab_image", ENHANCEMENT_NETWORKS, wildcards.method
        ),
        network=lambda wildcards: network_folder(ENHANCEMENT_NETWORKS, wildcards.method),
        # What was recorded is read as the highest dose that methods are tuned for.
        recorded_counts_per_px=lambda wildcards: max(lab_testset_doses(wildcards)),
        counts_per_px=overlay_dose,
    message:
        "Enhance the lab image {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/enhance_lab_image.py"
