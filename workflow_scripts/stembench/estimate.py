"""What a run will take, from the jobs that are to be done and from rates that were measured.

`estimate.csv` holds what the jobs of a rule take on one core of a laptop-like machine, measured in a run of the demo
(Snakemake's log and the sizes of its products): to start and end, a megapixel of the images that it goes through, and
a million resamplings of an image's scores. `estimate_networks.csv` holds columns of that run's `tables/cost.csv`, and
the same of each network at its published width, from single steps and passes on one core.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from stembench.config import Config
from stembench.crystals.cif import read_crystal
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.imaging.conditions import probe_of
from stembench.imaging.limits import cell_width
from stembench.imaging.tile_plan import TilePlan

_HERE = Path(__file__).parent
#: Of a tile, on one core (benchmarks/tile_library.py).
_S_A_TRANSFORM_POINT = 1.4e-9
#: Of a lab image cut into blocks, a noise draw at each of its doses: the demo's perovskite [Mpx].
_LAB_MEGAPIXELS_A_DRAW = 1.2
#: Forward and backward pass of a training, in forward passes.
_PASSES_A_STEP = 3
#: What a GPU does in a training where none was measured, an assumption: a thirtieth of what an A100 does at most in
#: bfloat16 (312e12, NVIDIA's datasheet) [operations/s].
ASSUMED_GPU_RATE = 10e12
_BYTES_A_PARAMETER = 4


class Job(NamedTuple):
    """A job by its rule and wildcards."""

    rule: str
    wildcards: tuple[tuple[str, str], ...]


class Estimate(NamedTuple):
    """What a job takes: on one core [s], its training on a GPU [s] (0 where it trains nothing), on the disk [MB]."""

    core_s: float
    gpu_s: float
    disk_mb: float


class Estimator:
    """Estimates jobs of a configuration.

    Parameters
    ----------
    config : Config
        The configuration.
    images : mapping of int
        Images by (dataset, split).
    structures : str or Path
        Folder of CIFs.
    costs : str or Path
        `tables/cost.csv` of an earlier run in the same place; what it measured goes first, if there is one.
    """

    def __init__(
        self, config: Config, images: Mapping[tuple[str, str], int], structures: str | Path, costs: str | Path
    ) -> None:
        self.config, self.images, self.structures = config, images, Path(structures)
        self.crops = {str(task): crops for task, crops in config.sizes.samples_seen.items()}
        rules = pd.read_csv(_HERE / "estimate.csv", keep_default_na=False)
        self.rules = {(row.rule, row.method): row for row in rules.itertuples()}
        self.networks = pd.read_csv(_HERE / "estimate_networks.csv")
        if Path(costs).exists():
            own = pd.read_csv(costs).dropna(subset=["samples_per_s", "macs_per_px"])
            self.networks = pd.concat([own[self.networks.columns], self.networks], ignore_index=True)
        on_cpu = self.networks.device.str.startswith("CPU")
        self.on_cpu, self.on_gpu = self.networks[on_cpu], self.networks[~on_cpu]

    @property
    def gpu_is_measured(self) -> bool:
        """Whether an earlier run has measured trainings on a GPU."""
        return len(self.on_gpu) > 0

    def __call__(self, job: Job) -> Estimate:
        """What a job takes."""
        wildcards = dict(job.wildcards)
        method = wildcards.get("method", "")
        rate = self.rules.get((job.rule, method)) or self.rules.get((job.rule, "")) or self.rules["default", ""]
        images, pixels = self._images(job.rule, wildcards), self.config.sizes.image_px**2 / 1e6
        megapixels = images * pixels
        if wildcards.get("testset") in self.config.lab_testsets:
            megapixels = _LAB_MEGAPIXELS_A_DRAW * self.config.sizes.lab_draws
        core_s = rate.start_s + rate.s_per_megapixel * megapixels
        core_s += rate.s_per_million_resampled * images * self.config.sizes.bootstrap / 1e6
        disk_mb, gpu_s = rate.mb + rate.mb_per_megapixel * megapixels, 0.0
        if job.rule == "simulate_tile":
            core_s += self._tile_s(wildcards)
        elif job.rule == "train_network":
            network = wildcards["network"]
            trained_s, gpu_s = self._training_s(network, wildcards["task"])
            core_s += trained_s
            measured = self._measured(network)
            disk_mb += _BYTES_A_PARAMETER * self._wider(network, measured) * measured.parameters / 1e6
        elif (network := method.split("-")[0]) in self.config.networks:
            measured = self._measured(network)
            core_s += measured.inference_ms_per_megapixel / 1e3 * self._wider(network, measured) * megapixels
        return Estimate(core_s, gpu_s, disk_mb)

    def _images(self, rule: str, wildcards: Mapping[str, str]) -> int:
        """Images that a job goes through."""
        if "shard" in wildcards:
            a_shard = self.config.sizes.shard_images
            left = self.images[wildcards["dataset"], wildcards["split"]] - int(wildcards["shard"]) * a_shard
            return min(left, a_shard)
        if "testset" in wildcards:
            return self.images.get((wildcards["testset"], "test"), 0)
        if rule.startswith("tune_"):
            return self.images[wildcards["dataset"], "validation"]
        if "dataset" in wildcards:
            return sum(count for (name, _), count in self.images.items() if name == wildcards["dataset"])
        beyond = rule.endswith("generalisation")
        known = self.config.generalisation.testsets if beyond else self.config.datasets
        return sum(count for (name, split), count in self.images.items() if split == "test" and name in known)

    def _measured(self, network: str, task: str = "", rates: pd.DataFrame | None = None) -> pd.Series:
        """The row of a network (of its architecture, else of the costliest) whose width and then task are nearest."""
        rows = self.on_cpu if rates is None else rates
        alike = rows.method.isin([network, self.config.networks[network].architecture])
        if not alike.any():
            alike = rows.method == rows.method[(rows.macs_per_px / rows.width**2).idxmax()]
        found = rows[alike]
        apart = np.abs(np.log(found.width / self._width(network)))
        return found.iloc[np.lexsort([found.task != task, apart])[0]]

    def _width(self, network: str) -> float:
        width = self.config.recipe(network).width
        assert width is not None  # the scale's where no recipe sets one
        return width

    def _wider(self, network: str, measured: pd.Series) -> float:
        """How many times as costly a pixel is as it was measured: multiply-adds go with the channels squared."""
        return (self._width(network) / measured.width) ** 2

    def _training_s(self, network: str, task: str) -> tuple[float, float]:
        crops = self.crops[task]
        crop_px = self.config.recipe(network).crop_px
        assert crop_px is not None

        def seconds(measured: pd.Series) -> float:
            more = (crop_px / measured.crop_px) ** 2 * self._wider(network, measured)
            return crops / measured.samples_per_s * more

        on_cpu = self._measured(network, task)
        if self.gpu_is_measured:
            return seconds(on_cpu), seconds(self._measured(network, task, self.on_gpu))
        operations = 2 * _PASSES_A_STEP * on_cpu.macs_per_px * self._wider(network, on_cpu) * crop_px**2
        return seconds(on_cpu), crops * operations / ASSUMED_GPU_RATE

    def _tile_s(self, wildcards: Mapping[str, str]) -> float:
        material, zone = wildcards["material"], wildcards["zone"]
        crystal = project_structure(read_crystal(self.structures / f"{material}.cif"), parse_zone(zone))
        settings, probe = self.config.multislice, probe_of(self.config.imaging.conditions[wildcards["condition"]])
        alone = material in self.config.structures.single_layers
        thickness = crystal.period if alone else self.config.sizes.thickest_A
        width = cell_width(probe, thickness, settings.cell_A)
        plan = TilePlan.of(crystal, probe, width, settings.sampling_A, settings.slice_A)
        return _S_A_TRANSFORM_POINT * plan.transforms(thickness) * max(self.config.sizes.phonons, 1)


def estimates(jobs: Iterable[Job], estimator: Estimator) -> pd.DataFrame:
    """A row a rule: `rule`, `jobs`, `core_h`, `longest_core_h`, `gpu_h`, `disk_gb`; the longest rules first."""
    rows = pd.DataFrame([(job.rule, *estimator(job)) for job in jobs], columns=["rule", *Estimate._fields])
    by_rule = rows.groupby("rule")
    table = pd.DataFrame(
        {
            "jobs": by_rule.size(),
            "core_h": by_rule.core_s.sum() / 3600,
            "longest_core_h": by_rule.core_s.max() / 3600,
            "gpu_h": by_rule.gpu_s.sum() / 3600,
            "disk_gb": by_rule.disk_mb.sum() / 1e3,
        }
    )
    return table.sort_values("core_h", ascending=False).reset_index()


def wall_h(core_h: float, longest_h: float, cores: int) -> float:
    """Hours on some cores, at least: as long as the longest job, which is on one."""
    return float(np.maximum(core_h / cores, longest_h))
