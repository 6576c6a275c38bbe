"""What every stage shares: the plan, how rules ask it, and the wildcards that follow from it.

Requires config/config.yaml, structures/, images/
Makes    nothing
"""

import os
import shutil
import sys
import time
from functools import wraps
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The folder of this workflow; it is not the working directory where another workflow uses this one as a module.
SHIPPED = Path(os.path.relpath(Path(str(workflow.current_basedir)).parent))
if not (SHIPPED / "workflow_scripts").is_dir():
    raise WorkflowError(
        "stembench needs its whole folder beside its Snakefile: clone the repository, and give the module "
        "`snakefile:` the path of the Snakefile in the clone"
    )
sys.path.insert(0, str(SHIPPED.resolve() / "workflow_scripts"))

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.common.configfile import load_configfile
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent
from stembench.config import load_config
from stembench.errors import InputError
from stembench.planning import SPLITS, Method, make_plan
from stembench.planning.identity import code_digest as code
from stembench.planning.layout import any_of
from stembench.planning.methods import SEED_PATTERN
from stembench.planning.timing import finish
from stembench.products import check_writable, date_now


def config_layers():
    """Return the content of config.yaml, of each --configfile and of --config.

    Snakemake merges them in `config` key by key, so a changed recipe would keep keys of the old one.
    """
    if workflow.modifier.skip_configfile:
        return [dict(config)]  # of a module, which the workflow that uses it hands over
    settings = workflow.config_settings
    files = list(settings.configfiles)
    if not settings.replace_workflow_config:
        files = workflow.configfiles[len(files) :] + files  # Snakemake lists config.yaml last
    return [*map(load_configfile, files), dict(settings.config)]


try:
    LAYERS = config_layers()
    CONFIG = load_config(*LAYERS)
    PLAN = make_plan(CONFIG, shipped=SHIPPED)
    PLAN.report.products  # so that a mistake in any part ends here
    if workflow.is_main_process:
        check_writable(".")
except InputError as error:
    raise WorkflowError(str(error)) from None

LAYOUT, STARTED = PLAN.layout, time.time()
GPU = shutil.which("nvidia-smi") is not None
# Resources in a profile may name this variable; jobs need it as well.
os.environ.update(TRAINING_DEVICES=str(CONFIG.training.devices))
# Both are read when the report is written, and change no other product.
config.update(captions=PLAN.report.captions, layers=LAYERS)


def asked(answer):
    """Wrap an input function or parameter of the plan: a mistake ends in its message, without a traceback."""

    @wraps(answer)
    def answered(wildcards):
        try:
            return answer(wildcards)
        except InputError as error:
            logger.error(str(error))
            sys.exit(1)

    return answered


def method(wildcards):
    """Return the method of a job."""
    return Method.parse(wildcards.method)


def environment(name):
    """Return the path of a conda environment."""
    return f"../envs/{name}.yaml"


def before_jobs(look):
    """Let a function look at the DAG, of a run or dry run, before any job starts, and where none is to."""

    def told(record):
        try:
            numbered = getattr(record, "event", None) == LogEvent.RUN_INFO
            if numbered or record.getMessage() == NOTHING_TO_BE_DONE_MSG:
                look(workflow.dag)
        except InputError as error:
            raise WorkflowError(str(error)) from None
        return True

    if workflow.is_main_process:
        logger.addFilter(told)


NETWORK = PLAN.trainings.pattern(CONFIG.networks)


wildcard_constraints:
    material=PLAN.crystals.pattern,
    zone=any_of({zone for _, zone in PLAN.crystals.views}),
    condition=any_of(CONFIG.simulated_conditions),
    image=any_of(PLAN.lab.images),
    distribution=any_of(CONFIG.lab.distributions),
    instrument=any_of(PLAN.lab.instruments),
    dataset=any_of(PLAN.datasets.recipes),
    split=any_of(SPLITS),
    shard=r"\d{5}",  # number of a shard in its split, from 00000
    network=any_of(CONFIG.networks),
    task=any_of(PLAN.trainings.tasks),
    seed=SEED_PATTERN,
    testset=any_of({*CONFIG.datasets, *PLAN.evaluations.lab_testsets}),
    method=rf"{NETWORK}|{any_of([*PLAN.evaluations.finders, *PLAN.evaluations.filters])}",
    table=any_of(PLAN.report.tables),
    figure=any_of(PLAN.report.figures),
