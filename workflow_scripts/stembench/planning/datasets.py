"""Which images each dataset holds, and what they are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any, Literal, get_args

from stembench.config import CalibratedNoise, Config, Dataset, Imaging, ImportedDataset
from stembench.config.arrangements import ARRANGEMENTS
from stembench.config.base import Section
from stembench.config.general import GENERAL
from stembench.errors import InputError
from stembench.imaging.conditions import detectors_of, probe_of
from stembench.planning.layout import Layout
from stembench.planning.materials import Crystals, View

Split = Literal["train", "validation", "test", "held_out"]
SPLITS: tuple[Split, ...] = get_args(Split)
#: Images on which networks of every scale are ranked: number, and edge [px].
_COMMON_IMAGES, _COMMON_PX = 100, 128
#: Materials that these show, of those that are there: what a user adds changes no rank, and those of networks that ship
#: stand beside the others.
_COMMON_MATERIALS = frozenset(
    ("DyScO3", "LiCoO2", "MoS2", "NiO", "Pt", "Si", "SrTiO3", "TiO2", "amorphous_graphene", "graphene")
)


def plain(section: Section) -> dict[str, Any]:
    """Return a section of the configuration as plain values, for the parameters of a rule."""
    return section.model_dump(mode="json")


def _with_conditions(imaging: Imaging, conditions: Sequence[str]) -> dict[str, Any]:
    values = plain(imaging)
    return values | {"conditions": {name: values["conditions"][name] for name in conditions}}


@dataclass(frozen=True, eq=False)
class Datasets:
    """The datasets of the configuration, and its test sets of generalisation, at the scale that is run.

    Attributes
    ----------
    config : Config
        The configuration.
    crystals : Crystals
        The crystals of `structures/`.
    instruments : mapping
        Names of the lab images that each instrument's noise is calibrated on.
    layout : Layout
        Paths.
    """

    config: Config
    crystals: Crystals
    instruments: Mapping[str, Sequence[str]]
    layout: Layout

    @cached_property
    def recipes(self) -> dict[str, Dataset | ImportedDataset]:
        """The recipe of each dataset and test set of generalisation."""
        return {**self.config.datasets, **self.config.generalisation.testsets}

    @cached_property
    def imported(self) -> dict[str, ImportedDataset]:
        """The datasets that others made."""
        return {name: recipe for name, recipe in self.recipes.items() if isinstance(recipe, ImportedDataset)}

    @cached_property
    def simulated(self) -> dict[str, Dataset]:
        """The datasets and test sets that are simulated."""
        return {name: recipe for name, recipe in self.recipes.items() if isinstance(recipe, Dataset)}

    def recipe(self, dataset: str) -> Dataset:
        """Return the recipe of a simulated dataset.

        Raises
        ------
        InputError
            If it is imported, or there is none of that name.
        """
        if dataset not in self.simulated:
            raise InputError(f"{dataset} is no simulated dataset; name one of {', '.join(self.simulated)}")
        return self.simulated[dataset]

    @cache  # noqa: B019 # a plan lives as long as its process
    def views(self, dataset: str, split: Split) -> list[View]:
        """Return what the images of a split show; held-out materials are shown in a split of their own."""
        recipe = self.recipe(dataset)
        shown = self.crystals.shown(recipe.materials, recipe.zones)
        if split != "held_out":
            return shown
        return [view for view in self.crystals.shown("held_out", recipe.zones) if view not in shown]

    def tiles(self, dataset: str, split: Split) -> list[tuple[str, str, str]]:
        """Return material, zone and condition of the tiles that a split is sampled from; linear images need none."""
        recipe = self.recipe(dataset)
        kinds = [self.config.arrangements[name].kind for name in recipe.arrangements]
        if recipe.forward_model == "linear" or "periodic" not in kinds:
            return []
        return [(*view, condition) for view in self.views(dataset, split) for condition in recipe.conditions]

    def remarks(self, dataset: str) -> list[str]:
        """Return what the card of a dataset says of images that are not as its recipe asks."""
        sampled = {material for material, *_ in self.tiles(dataset, "test")} if dataset in self.simulated else set()
        if sampled <= set(self.crystals.layers):
            return []
        multislice, thickest = self.config.multislice, self.recipe(dataset).thickness_A[1]
        reach = multislice.reach(self.config.sizes.thickest_A)
        if thickest <= reach:
            return []
        return [
            f"perfect crystals are up to {reach:g} A thick, as the tiles of this scale are, though the recipe asks for "
            f"up to {thickest:g} A; raise scales.{self.config.scale}.thickest_A (now "
            f"{self.config.sizes.thickest_A:g}) for thicker ones"
        ]

    def tile_paths(self, dataset: str, split: Split) -> list[str]:
        """Return the paths of the tiles that a split is sampled from."""
        return [
            self.layout.tile.path(material=material, zone=zone, condition=condition)
            for material, zone, condition in self.tiles(dataset, split)
        ]

    def tile(self, material: str, condition: str) -> dict[str, Any]:
        """Return what a tile depends on beside its structure; the source enters when an image is sampled."""
        described = self.config.imaging.conditions[condition]
        return {
            "probe": asdict(probe_of(described)) | {"source_size": 0.0, "source_tail": 0.0, "source_tail_size": 0.0},
            "detectors": detectors_of(described),
            "segmented": described.segmented_mrad,
            "multislice": self._multislice,
            "single_layer": material in self.crystals.layers,
            "phonons": self.config.sizes.phonons,
            "thickest_A": self.config.sizes.thickest_A,
        }

    def all_tiles(self) -> list[str]:
        """Return the paths of the tiles of every material, zone axis and simulated condition."""
        return [
            self.layout.tile.path(material=material, zone=zone, condition=condition)
            for material, zone in self.crystals.views
            for condition in self.config.multislice.conditions
        ]

    @cached_property
    def shown_condition(self) -> dict[str, Any]:
        """Imaging condition and column strengths by which structures are shown."""
        condition = self.config.imaging.conditions[self.config.multislice.compared_condition]
        strengths = [self.config.imaging.gamma, self.config.imaging.species_factors]
        return {"condition": plain(condition), "strengths": strengths}

    @property
    def common_samples(self) -> tuple[int, int]:
        """The samples of the validation split on which networks of every scale are ranked."""
        return 0, _COMMON_IMAGES

    @cached_property
    def common_sampling(self) -> dict[str, Any]:
        """What the images depend on that networks are ranked by: no setting but which crystals are held out."""
        return {
            "recipe": GENERAL.model_dump(mode="json", exclude={"share"}),
            "arrangements": {name: plain(ARRANGEMENTS[name]) for name in GENERAL.arrangements},
            "single_layers": self.crystals.are_layers(self.common_views),
            "tiles": [],
            "multislice": None,
            "imaging": _with_conditions(Imaging(), GENERAL.conditions),
            "image_px": _COMMON_PX,
        }

    @cached_property
    def common_views(self) -> list[View]:
        """What these images show."""
        shown = self.crystals.shown(GENERAL.materials, GENERAL.zones)
        return [view for view in shown if view[0] in _COMMON_MATERIALS] or shown

    @cached_property
    def _multislice(self) -> dict[str, Any]:
        """Settings of tiles; which of them are made or shown, and what computes them, changes none."""
        ignored = {"conditions", "compared", "compared_condition", "device"}
        return self.config.multislice.model_dump(mode="json", exclude=ignored)

    def imaging(self, conditions: Sequence[str]) -> dict[str, Any]:
        """Return the settings of the linear model, with some of the imaging conditions."""
        return _with_conditions(self.config.imaging, conditions)

    @cache  # noqa: B019
    def sampling(self, dataset: str, split: Split) -> dict[str, Any]:
        """Return what the samples of a split depend on beside structures, tiles and calibration.

        Their number and those who use them change none.
        """
        recipe, shown = self.recipe(dataset), self.views(dataset, split)
        scans = recipe.forward_model != "linear"
        return {
            "recipe": recipe.model_dump(mode="json", exclude={"share"}),
            "arrangements": {name: plain(self.config.arrangements[name]) for name in recipe.arrangements},
            "single_layers": self.crystals.are_layers(shown),
            "tiles": self.tiles(dataset, split),
            "multislice": {"settings": self._multislice, "phonons": self.config.sizes.phonons} if scans else None,
            "imaging": self.imaging(recipe.conditions),
            "image_px": self.config.sizes.image_px,
        }

    @cached_property
    def _imported_images(self) -> dict[str, dict[str, int]]:
        """Images in each split of each imported dataset."""
        from stembench.datasets.temimagenet import list_temimagenet  # reads tables and images

        counts = {}
        for name, recipe in self.imported.items():
            try:
                counts[name] = list_temimagenet(recipe).split.value_counts().to_dict()
            except InputError as error:
                raise InputError(f"datasets.{name}.folder: {error}") from None
        return counts

    def images(self, dataset: str, split: Split) -> int:
        """Return the number of images in a split; 0 where nothing can be shown."""
        if dataset in self.imported:
            return self._imported_images[dataset].get(split, 0)
        sizes, only_test = self.config.sizes, dataset in self.config.generalisation.testsets
        if not self.views(dataset, split) or (only_test and split != "test"):
            return 0
        share = self.recipe(dataset).share
        count = sizes.generalisation_images if only_test else getattr(sizes, f"{split}_images")
        return max(round(share * count), min(count, 1)) if share else 0

    def shards(self, dataset: str, split: Split) -> list[str]:
        """Return the paths of all shards of a split."""
        number = -(-self.images(dataset, split) // self.config.sizes.shard_images)
        return [self.layout.shard.path(dataset=dataset, split=split, shard=f"{i:05d}") for i in range(number)]

    def all_shards(self, dataset: str) -> list[str]:
        """Return the paths of all shards of a dataset, split after split."""
        return [shard for split in SPLITS for shard in self.shards(dataset, split)]

    def splits_of_shards(self, dataset: str) -> list[Split]:
        """Return the split of each of `all_shards`."""
        return [split for split in SPLITS for _ in self.shards(dataset, split)]

    def samples(self, dataset: str, split: Split, shard: int) -> tuple[int, int]:
        """Return the first sample of a shard and the one after its last.

        Raises
        ------
        InputError
            If the split has no such shard.
        """
        size, images = self.config.sizes.shard_images, self.images(dataset, split)
        if shard * size >= images:
            raise InputError(
                f"datasets.{dataset} has {images} images in its split {split} at scale {self.config.scale}, in shards "
                f"of {size}: there is no shard {shard:05d}"
            )
        return shard * size, min((shard + 1) * size, images)

    def projections(self, dataset: str, split: Split) -> list[str]:
        """Return the paths of the projected structures that a split shows; of imported images none is known."""
        return self.crystals.projections(self.views(dataset, split)) if dataset in self.simulated else []

    def cifs(self, dataset: str) -> list[str]:
        """Return the paths of the structures that a simulated dataset shows, those held out included."""
        if dataset in self.imported:
            return []
        shown = {view for split in SPLITS for view in self.views(dataset, split)}
        return sorted({self.layout.cif(material) for material, _ in shown})

    def licence(self, dataset: str) -> str:
        """Return what the card of a dataset says of its licence."""
        if dataset in self.imported:
            return "the owner's of the imported folder."
        return "for you who made it to choose; the licence of the workflow does not extend to it."

    def instrument(self, dataset: str) -> str | None:
        """Return the instrument whose noise a dataset carries, if it does."""
        noise = getattr(self.recipes[dataset], "noise", None)
        return noise.instrument if isinstance(noise, CalibratedNoise) else None

    def calibration(self, dataset: str) -> list[str]:
        """Return the path of the calibration whose noise a dataset carries, if it does."""
        instrument = self.instrument(dataset)
        return [self.layout.calibration.path(instrument=instrument)] if instrument else []

    def lab_images(self, dataset: str) -> list[str]:
        """Return the paths of the lab images that a dataset's noise was calibrated on."""
        images = self.instruments.get(self.instrument(dataset) or "", ())
        return [self.layout.lab_image.path(image=image) for image in images]

    @property
    def calibrated(self) -> dict[str, list[str]]:
        """Return the datasets that carry the noise of each instrument of the configuration and have test images."""
        instruments = self.config.calibration.instruments
        named = {each: [name for name in self.simulated if self.instrument(name) == each] for each in instruments}
        return {each: [name for name in names if self.images(name, "test")] for each, names in named.items()}

    @property
    def calibrated_shards(self) -> list[str]:
        """Return the first shard of the test images of each of these datasets."""
        return [self.shards(name, "test")[0] for names in self.calibrated.values() for name in names]

    def can_train(self, dataset: str) -> bool:
        """Whether a dataset holds images to train and to validate on."""
        return bool(self.images(dataset, "train") and self.images(dataset, "validation"))

    def drawn_on_the_fly(self, dataset: str) -> bool:
        """Whether trainings on a dataset draw its samples themselves; imported images can only be read."""
        return self.config.training.data == "on_the_fly" and dataset in self.simulated
