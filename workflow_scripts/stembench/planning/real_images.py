"""Methods on experimental images in which somebody marked the columns."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stembench.baselines.finders import FINDERS
from stembench.config import Config
from stembench.errors import InputError
from stembench.evaluation.rows import Kind
from stembench.networks import NETWORKS
from stembench.planning.choice import candidates
from stembench.planning.evaluations import Evaluations
from stembench.planning.lab import LabImages
from stembench.planning.layout import Layout
from stembench.planning.methods import Method
from stembench.products import read_json

#: Dose of the simulated images that classical finders are tuned on, as tuned settings name it [e/px].
TUNED_AT = "1"
#: Finders whose fits take minutes an image.
SLOW = ("gaussian_fit_atomap",)


@dataclass(frozen=True)
class Finding:
    """A method of the table `real_images`.

    Attributes
    ----------
    name : str
        Of its file, and wildcard of its job.
    method, kind, train_dataset, seed
        As the table shows them.
    network : str, optional
        Folder of the trained network; None for a classical finder.
    weights_sha256 : str
        Of a network that ships, whose files come with the workflow and are no inputs.
    """

    name: str
    method: str
    kind: Kind
    train_dataset: str = ""
    seed: int = 0
    network: str | None = None
    weights_sha256: str = ""


@dataclass(frozen=True, eq=False)
class RealImages:
    """Marked images and the methods that find columns in them.

    Attributes
    ----------
    config : Config
        The configuration.
    lab : LabImages
        Images.
    evaluations : Evaluations
        Methods, and the settings they are tuned to.
    layout : Layout
        Paths.
    shipped : Path
        Folder of the networks that ship.
    """

    config: Config
    lab: LabImages
    evaluations: Evaluations
    layout: Layout
    shipped: Path

    @cached_property
    def images(self) -> list[str]:
        """Names of the images of this scale in which columns are marked, the user's own among them."""
        if not self.config.evaluation.real_images:
            return []
        at_hand = {**self.config.lab_images, **{name: self.lab.images[name] for name in sorted(self.lab.own)}}
        return [name for name, image in at_hand.items() if image.columns]

    @cached_property
    def methods(self) -> dict[str, Finding]:
        """Every method by its name."""
        if not self.images:
            return {}
        found = []
        for each in candidates("localise", self.shipped, None):
            name = Path(each.folder).name
            found.append(
                Finding(
                    f"shipped_{name}",
                    f"{name}_shipped",
                    "network",
                    each.dataset,
                    network=each.folder,
                    weights_sha256=each.weights_sha256,
                )
            )
        for method in self.evaluations.localising:
            folder = self.evaluations.trainings.network(method, "localise")
            found.append(Finding(str(method), method.name, "network", method.dataset, method.seed, folder))
        for name in self._finders:
            found.append(Finding(name, name, FINDERS.load(name).kind))
        return {each.name: each for each in found}

    @property
    def _finders(self) -> list[str]:
        """Classical finders, if there are images to tune them on."""
        if not self.evaluations.datasets.images(self.config.generalisation.tuned_on, "validation"):
            return []
        left_out = () if self.config.sizes.slow_finders else SLOW
        named = [str(name) for name in self.config.evaluation.detection_baselines if name not in left_out]
        return [name for name in named if FINDERS.load(name).kind != "floor"]

    def method(self, name: str) -> Finding:
        """Return a method.

        Raises
        ------
        InputError
            If there is no such method, or no image.
        """
        if name not in self.methods:
            known = ", ".join(self.methods) or "none, since no columns are marked in any image"
            raise InputError(f"{name!r} is no method of the table real_images; there are {known}")
        return self.methods[name]

    @property
    def image_paths(self) -> list[str]:
        """Paths of the images."""
        return [self.layout.lab_image.path(image=image) for image in self.images]

    def settings(self, name: str) -> list[str]:
        """Return the path of the settings of a classical finder; a network has its own for each level of noise."""
        if self.method(name).network:
            return []
        return [self.evaluations.detection_tuning(Method(name))]

    def network_files(self, name: str) -> list[str]:
        """Return the files that a network trained here is applied from."""
        method = self.method(name)
        files = ("weights.safetensors", "model.json", "characterisation.json")
        return [f"{method.network}/{file}" for file in files] if method.network and not method.weights_sha256 else []

    def modules(self, name: str) -> list[str]:
        """Return the modules of the library that a method is loaded from by name."""
        network = self.method(name).network
        if not network:
            return [FINDERS.module(name)]
        if self.method(name).weights_sha256:
            return [NETWORKS.module(read_json(f"{network}/model.json")["architecture"])]
        return [NETWORKS.module(self.evaluations.trainings.architecture(Method.parse(name).name))]

    def environment(self, name: str) -> str:
        """Return the conda environment of a method."""
        return "training" if self.method(name).weights_sha256 else self.evaluations.environment(Method.parse(name))

    @property
    def all_marked(self) -> list[bool]:
        """Return of each image whether every column in it is marked."""
        return [self.lab.images[image].all_marked for image in self.images]

    @property
    def scores(self) -> list[str]:
        """Paths of what the table is made from, a file a method."""
        return [self.layout.real_images.path(method=name) for name in self.methods]

    def rows(self) -> list[dict[str, Any]]:
        """Return what the table says of each method, as plain values."""
        return [
            {"method": each.method, "kind": each.kind, "train_dataset": each.train_dataset, "seed": each.seed}
            for each in self.methods.values()
        ]
