"""Evaluate: settings chosen on validation images, then every method on every test set.

Requires results/{scale}/datasets/, results/{scale}/models/, results/lab/
Makes, below results/{scale}/:
    testsets/{testset}/ (a lab image's blocks at several doses, with reference columns)
    tuning/detection/{dataset}/{method}.json
    tuning/enhancement/{task}/{dataset}/{method}.json
    evaluation/{testset}/{method}/ (columns.parquet, images.parquet), detection by a classical finder;
        of networks {method} ends in the localiser, {network}-{dataset}-seed{n}-{localiser}
    lattice_precision/{testset}/images/ (a lab image of one crystal, also with columns displaced)
    lattice_precision/{testset}/{method}/ (spacings.parquet, responses.parquet)
    localisation_after_denoising/{testset}/ (the same of denoised images, one pair per denoiser)
    localisation_after_denoising/{testset}/images.parquet (fits to simulated images, denoised)
    cost/{network}/{task}.json (cost of applying a network)
    export/{testset}/ (images of a test set without truth, for methods that are run elsewhere)
    real_images/{method}.csv (scores on lab images with marked columns; shipped_{network} is one that ships)
    enhancement/{task}/{testset}/{method}/ (images.parquet, scores against the task's labels; examples.npz, images that
        figures show, of lab images as well)
"""

from stembench.localisation import DEFAULT_LOCALISER
from stembench.planning.evaluations import ENHANCED
from stembench.planning.real_images import TUNED_AT

LAB_TESTSET = any_of(PLAN.evaluations.lab_testsets)
SINGLE_CRYSTAL = any_of(PLAN.evaluations.single_crystals)
FINDER, FILTER = any_of(PLAN.evaluations.finders), any_of(PLAN.evaluations.filters)
EXTERNAL = any_of(PLAN.evaluations.external_methods)
TUNED_FINDER = any_of(PLAN.evaluations.tuned_finders)


# Parameter: digest of a script with the method of its job, and the localisers that read a network's map.
method_code = lambda script, localisers=(): lambda w: code(
    script, *PLAN.evaluations.modules(method(w), localisers)
)
# Input function: files of the trained network behind a method; parameter: its folder. A classical method has none.
method_files = lambda task: asked(lambda w: PLAN.trainings.files(method(w), w.get("task", task)))
network_folder = lambda task: lambda w: PLAN.trainings.network(method(w), w.get("task", task))
# Structure that a method's network is told; conda environment of a method; its settings, tuned for its test set.
told_prior = lambda w: method(w).prior if method(w).is_network else "none"
method_environment = lambda w: environment(PLAN.evaluations.environment(method(w)))
detection_tuning = lambda w: PLAN.evaluations.detection_tuning(method(w), w.get("testset"))
# Outputs of evaluating a method on test sets, by each localiser; '' is a finder's own.
scores = lambda localisers, testsets=("{testset}",): PLAN.evaluations.score_paths(
    "{method}", localisers, testsets
)


rule build_lab_testset:
    input:
        image=asked(lambda wildcards: PLAN.evaluations.lab_image(wildcards.testset)),
    output:
        folder=directory(LAYOUT.testset),
    log:
        LAYOUT.log("build_lab_testset", "{testset}"),
    benchmark:
        LAYOUT.benchmark("build_lab_testset", "{testset}")
    wildcard_constraints:
        testset=LAB_TESTSET,
    conda:
        "../envs/training.yaml"
    params:
        code=code("build_lab_testset"),
        settings=lambda wildcards: PLAN.evaluations.lab_settings(wildcards.testset),
        counts_per_px=lambda wildcards: PLAN.evaluations.doses(wildcards.testset),
        draws=CONFIG.sizes.lab_draws,
    message:
        "Build the lab test set {wildcards.testset}"
    script:
        "../workflow_scripts/build_lab_testset.py"


rule tune_detection:
    input:
        validation=asked(lambda wildcards: PLAN.evaluations.tuning_images(wildcards.dataset)),
        weights=method_files("localise"),
        structures=lambda w: PLAN.datasets.projections(w.dataset, "validation"),
    output:
        settings=LAYOUT.detection_tuning,
    log:
        LAYOUT.log("tune_detection", "{dataset}_{method}"),
    benchmark:
        LAYOUT.benchmark("tune_detection", "{dataset}_{method}")
    wildcard_constraints:
        method=f"{NETWORK}|{TUNED_FINDER}",
    priority: 5  # the 2-D Gaussian fits take longest
    conda:
        method_environment
    params:
        code=method_code("tune_detection"),
        network=network_folder("localise"),
        prior=told_prior,
        evaluation=PLAN.evaluations.matching,
    message:
        "Tune {wildcards.method} on {wildcards.dataset}"
    script:
        "../workflow_scripts/tune_detection.py"


# One rule for the finders, and one for the networks whose maps are read by the same localisers.
for RULE, LOCALISED_BY, METHODS in PLAN.evaluations.detection_rules():

    rule:
        name:
            RULE
        input:
            test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.testset)),
            weights=method_files("localise"),
            settings=asked(detection_tuning),
            structures=lambda wildcards: PLAN.evaluations.structures(wildcards.testset),
        output:
            **scores(LOCALISED_BY),
        log:
            LAYOUT.log(RULE, "{testset}_{method}"),
        benchmark:
            LAYOUT.benchmark(RULE, "{testset}_{method}")
        wildcard_constraints:
            method=METHODS,
        priority: 5
        conda:
            method_environment
        params:
            code=method_code("evaluate_detection", LOCALISED_BY),
            network=network_folder("localise"),
            prior=told_prior,
            evaluation=PLAN.evaluations.matching,
            localisers=LOCALISED_BY,
            exact=lambda wildcards: wildcards.testset not in PLAN.evaluations.lab_testsets,
        message:
            "Find columns in {wildcards.testset} by {wildcards.method}"
        script:
            "../workflow_scripts/evaluate_detection.py"


rule export_testset:
    input:
        test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.testset)),
    output:
        folder=directory(LAYOUT.export),
    log:
        LAYOUT.log("export_testset", "{testset}"),
    benchmark:
        LAYOUT.benchmark("export_testset", "{testset}")
    wildcard_constraints:
        testset=any_of(PLAN.evaluations.exported),
    conda:
        "../envs/training.yaml"
    params:
        code=code("export_testset"),
    message:
        "Write the images of {wildcards.testset} for methods that are run elsewhere"
    script:
        "../workflow_scripts/export_testset.py"


rule evaluate_external:
    input:
        test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.testset)),
        predictions=lambda w: PLAN.evaluations.predictions(w.method, w.testset, ".csv"),
        settings=[],
    output:
        **scores([""]),
    log:
        LAYOUT.log("evaluate_external", "{testset}_{method}"),
    benchmark:
        LAYOUT.benchmark("evaluate_external", "{testset}_{method}")
    wildcard_constraints:
        testset=any_of(PLAN.evaluations.exported),
        method=EXTERNAL,
    conda:
        "../envs/training.yaml"
    params:
        code=code("evaluate_detection"),
        external=True,
        network=None,
        evaluation=PLAN.evaluations.matching,
        localisers=[""],
        exact=lambda wildcards: wildcards.testset not in PLAN.evaluations.lab_testsets,
    message:
        "Score the columns that {wildcards.method} found in {wildcards.testset}"
    script:
        "../workflow_scripts/evaluate_detection.py"


rule evaluate_generalisation:
    input:
        test=[
            shard
            for name in PLAN.evaluations.generalisation
            for shard in PLAN.evaluations.images(name)
        ],
        weights=method_files("localise"),
        settings=asked(detection_tuning),
        structures=PLAN.evaluations.generalisation_structures,
    output:
        **scores([""], PLAN.evaluations.generalisation),
    log:
        LAYOUT.log("evaluate_generalisation", "{method}"),
    benchmark:
        LAYOUT.benchmark("evaluate_generalisation", "{method}")
    wildcard_constraints:
        method=FINDER,
    conda:
        method_environment
    params:
        code=method_code("evaluate_generalisation", [""]),
        shards=[PLAN.evaluations.images(name) for name in PLAN.evaluations.generalisation],
        network=network_folder("localise"),
        prior=told_prior,
        evaluation=PLAN.evaluations.matching,
        localisers=[""],
    message:
        "Find columns beyond the training by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_generalisation.py"


use rule evaluate_generalisation as evaluate_network_generalisation with:
    output:
        **scores([DEFAULT_LOCALISER], PLAN.evaluations.generalisation),
    wildcard_constraints:
        method=NETWORK,
    params:
        code=method_code("evaluate_generalisation", [DEFAULT_LOCALISER]),
        localisers=[DEFAULT_LOCALISER],


rule build_single_crystal:
    input:
        image=asked(lambda wildcards: PLAN.evaluations.lab_image(wildcards.testset)),
    output:
        folder=directory(LAYOUT.lattice_images),
    log:
        LAYOUT.log("build_single_crystal", "{testset}"),
    benchmark:
        LAYOUT.benchmark("build_single_crystal", "{testset}")
    wildcard_constraints:
        testset=SINGLE_CRYSTAL,
    conda:
        "../envs/training.yaml"
    params:
        code=code("build_single_crystal"),
        settings=lambda wildcards: PLAN.evaluations.lab_settings(wildcards.testset),
        counts_per_px=lambda wildcards: PLAN.evaluations.doses(wildcards.testset),
    message:
        "Displace columns of {wildcards.testset}"
    script:
        "../workflow_scripts/build_single_crystal.py"


rule evaluate_lattice_precision:
    input:
        images=LAYOUT.lattice_images,
        weights=method_files("localise"),
        settings=asked(detection_tuning),
        structures=[],
    output:
        spacings=LAYOUT.lattice_spacings,
        responses=LAYOUT.lattice_responses,
    log:
        LAYOUT.log("evaluate_lattice_precision", "{testset}_{method}"),
    benchmark:
        LAYOUT.benchmark("evaluate_lattice_precision", "{testset}_{method}")
    wildcard_constraints:
        testset=SINGLE_CRYSTAL,
        method=f"{NETWORK}|{FINDER}",
    conda:
        method_environment
    params:
        code=method_code("evaluate_lattice_precision", [DEFAULT_LOCALISER]),
        network=network_folder("localise"),
        prior=told_prior,
        localiser=lambda wildcards: DEFAULT_LOCALISER if method(wildcards).is_network else "",
        border_A=CONFIG.evaluation.border_A,
    message:
        "Measure the lattice of {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/evaluate_lattice_precision.py"


rule denoise_single_crystal:
    input:
        images=LAYOUT.lattice_images,
        weights=PLAN.evaluations.denoiser_files,
        filters=asked(lambda wildcards: PLAN.evaluations.tuned_filters(wildcards.testset)),
    output:
        folder=directory(LAYOUT.denoised_images),
    log:
        LAYOUT.log("denoise_single_crystal", "{testset}"),
    benchmark:
        LAYOUT.benchmark("denoise_single_crystal", "{testset}")
    wildcard_constraints:
        testset=SINGLE_CRYSTAL,
    conda:
        "../envs/training.yaml"
    params:
        code=code("denoise_single_crystal", *PLAN.evaluations.denoiser_modules),
        networks=PLAN.evaluations.denoisers,
    message:
        "Denoise {wildcards.testset}"
    script:
        "../workflow_scripts/denoise_single_crystal.py"


use rule evaluate_lattice_precision as evaluate_localisation_after_denoising with:
    input:
        images=LAYOUT.denoised_images,
        weights=method_files("localise"),
        settings=asked(detection_tuning),
        structures=[],
    output:
        spacings=LAYOUT.denoised_spacings,
        responses=LAYOUT.denoised_responses,
    log:
        LAYOUT.log("evaluate_localisation_after_denoising", "{testset}_{method}"),
    benchmark:
        LAYOUT.benchmark("evaluate_localisation_after_denoising", "{testset}_{method}")
    message:
        "Measure the lattice of {wildcards.testset}, denoised, by {wildcards.method}"


rule evaluate_precision_after_denoising:
    input:
        test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.testset)),
        weights=PLAN.evaluations.denoiser_files,
        filters=asked(lambda wildcards: PLAN.evaluations.tuned_filters(wildcards.testset)),
        settings=asked(
            lambda w: PLAN.evaluations.detection_tuning(Method("gaussian_fit"), w.testset)
        ),
    output:
        images=LAYOUT.denoised_fits,
    log:
        LAYOUT.log("evaluate_precision_after_denoising", "{testset}"),
    benchmark:
        LAYOUT.benchmark("evaluate_precision_after_denoising", "{testset}")
    wildcard_constraints:
        testset=any_of(PLAN.evaluations.denoised_testsets),
    conda:
        "../envs/training.yaml"
    params:
        code=code("evaluate_precision_after_denoising", *PLAN.evaluations.denoiser_modules),
        networks=PLAN.evaluations.denoisers,
        evaluation=PLAN.evaluations.matching,
        images=CONFIG.evaluation.images_after_denoising,
    message:
        "Fit Gaussians to denoised images of {wildcards.testset}"
    script:
        "../workflow_scripts/evaluate_precision_after_denoising.py"


rule tune_enhancement:
    input:
        validation=asked(lambda wildcards: PLAN.evaluations.tuning_images(wildcards.dataset)),
    output:
        settings=LAYOUT.enhancement_tuning,
    log:
        LAYOUT.log("tune_enhancement", "{task}_{dataset}_{method}"),
    benchmark:
        LAYOUT.benchmark("tune_enhancement", "{task}_{dataset}_{method}")
    wildcard_constraints:
        method=FILTER,
    conda:
        "../envs/training.yaml"
    params:
        code=method_code("tune_enhancement"),
    message:
        "Tune the {wildcards.method} filter to {wildcards.task} on {wildcards.dataset}"
    script:
        "../workflow_scripts/tune_enhancement.py"


rule evaluate_enhancement:
    input:
        test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.testset)),
        weights=method_files(None),
        settings=asked(lambda w: PLAN.evaluations.enhancement_tuning(method(w), w.task, w.testset)),
    output:
        images=LAYOUT.enhanced_images,
        examples=LAYOUT.enhanced_examples,
    log:
        LAYOUT.log("evaluate_enhancement", "{task}_{testset}_{method}"),
    benchmark:
        LAYOUT.benchmark("evaluate_enhancement", "{task}_{testset}_{method}")
    wildcard_constraints:
        testset=any_of(CONFIG.datasets),
        method=f"{NETWORK}|{FILTER}",
    conda:
        method_environment
    params:
        code=method_code("evaluate_enhancement"),
        network=network_folder(None),
    message:
        "Score images of {wildcards.testset} by {wildcards.method}, task {wildcards.task}"
    script:
        "../workflow_scripts/evaluate_enhancement.py"


rule evaluate_external_enhancement:
    input:
        test=asked(lambda wildcards: PLAN.evaluations.images(wildcards.testset)),
        predictions=lambda w: PLAN.evaluations.predictions(w.method, w.testset, ".tif"),
    output:
        images=LAYOUT.enhanced_images,
        examples=LAYOUT.enhanced_examples,
    log:
        LAYOUT.log("evaluate_external_enhancement", "{task}_{testset}_{method}"),
    benchmark:
        LAYOUT.benchmark("evaluate_external_enhancement", "{task}_{testset}_{method}")
    wildcard_constraints:
        task=ENHANCED,
        testset=any_of(PLAN.evaluations.exported),
        method=EXTERNAL,
    conda:
        "../envs/training.yaml"
    params:
        code=code("evaluate_external_enhancement"),
    message:
        "Score the images of {wildcards.testset} that {wildcards.method} made"
    script:
        "../workflow_scripts/evaluate_external_enhancement.py"


rule enhance_lab_image:
    input:
        image=asked(lambda wildcards: PLAN.evaluations.lab_image(wildcards.testset)),
        testset=LAYOUT.testset,
        weights=method_files(None),
        settings=asked(lambda w: PLAN.evaluations.enhancement_tuning(method(w), w.task, w.testset)),
    output:
        examples=LAYOUT.enhanced_examples,
    log:
        LAYOUT.log("enhance_lab_image", "{task}_{testset}_{method}"),
    benchmark:
        LAYOUT.benchmark("enhance_lab_image", "{task}_{testset}_{method}")
    wildcard_constraints:
        task=ENHANCED,
        testset=LAB_TESTSET,
        method=f"{NETWORK}|{FILTER}",
    conda:
        method_environment
    params:
        code=method_code("enhance_lab_image"),
        network=network_folder(None),
        # The recorded image is treated as one of the highest dose that methods are tuned for.
        recorded_counts_per_px=lambda wildcards: max(
            PLAN.evaluations.tuned_doses(wildcards.testset)
        ),
        counts_per_px=lambda wildcards: PLAN.evaluations.shown_dose(wildcards.testset),
    message:
        "Enhance the lab image {wildcards.testset} by {wildcards.method}"
    script:
        "../workflow_scripts/enhance_lab_image.py"


rule measure_cost:
    input:
        network=asked(lambda w: PLAN.trainings.first_files(w.network, w.task)),
    output:
        cost=LAYOUT.cost,
    log:
        LAYOUT.log("measure_cost", "{network}_{task}"),
    benchmark:
        LAYOUT.benchmark("measure_cost", "{network}_{task}")
    conda:
        lambda wildcards: environment(PLAN.trainings.environment(wildcards.network))
    threads: 1
    resources:
        gpu=1 if GPU else 0,
    params:
        code=lambda wildcards: code("measure_cost", network_module(wildcards)),
    message:
        "Measure the cost of applying {wildcards.network}, trained to {wildcards.task}"
    script:
        "../workflow_scripts/measure_cost.py"


rule find_on_real_images:
    input:
        images=PLAN.real_images.image_paths,
        weights=asked(lambda wildcards: PLAN.real_images.network_files(wildcards.method)),
        settings=asked(lambda wildcards: PLAN.real_images.settings(wildcards.method)),
    output:
        scores=LAYOUT.real_images,
    log:
        LAYOUT.log("find_on_real_images", "{method}"),
    benchmark:
        LAYOUT.benchmark("find_on_real_images", "{method}")
    wildcard_constraints:
        method=any_of(PLAN.real_images.methods),
    conda:
        lambda wildcards: environment(PLAN.real_images.environment(wildcards.method))
    params:
        code=lambda w: code("find_on_real_images", *PLAN.real_images.modules(w.method)),
        images=PLAN.real_images.images,
        all_marked=PLAN.real_images.all_marked,
        network=lambda wildcards: PLAN.real_images.method(wildcards.method).network,
        weights_sha256=lambda w: PLAN.real_images.method(w.method).weights_sha256,
        tuned_at=TUNED_AT,
    message:
        "Find columns in marked lab images by {wildcards.method}"
    script:
        "../workflow_scripts/find_on_real_images.py"
