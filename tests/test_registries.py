"""A new entry of a registry is one file."""

import os
import shutil
import subprocess
import sys
from textwrap import dedent

import pytest
from stembench.baselines.filters import FILTERS
from stembench.baselines.finders import FINDERS
from stembench.config import load_config
from stembench.errors import InputError
from stembench.localisation.localisers import LOCALISERS
from stembench.networks import NETWORKS
from stembench.networks.localisers import OWN_LOCALISERS
from stembench.sources import modules_behind

REGISTRIES = (FINDERS, FILTERS, LOCALISERS, NETWORKS, OWN_LOCALISERS)

# By kind: the package, a new file in it, and lines that use the new entry and print True.
ADDED = {
    "finder": (
        "stembench/baselines/finders",
        """
        import numpy as np
        from stembench.baselines.finders.base import Finder
        from stembench.localisation.peaks import PeakSettings

        def find(image, pixel_size, settings):
            y, x = np.unravel_index(image.argmax(), image.shape)
            return np.array([[x, y]]) * pixel_size, image[[y], [x]]

        FINDER = Finder(find=find, settings=(PeakSettings(0.0, 0.0, 0.1, relative=False),))
        """,
        """
        import numpy as np, pandas as pd
        from types import SimpleNamespace as Part
        from detection_method import Maps, reader_of
        from stembench.config import load_config

        load_config({"evaluation": {"detection_baselines": ["added"]}})
        image = np.zeros((1, 8, 9))
        image[0, 3, 5] = 1
        job = Part(params=Part(network=None), wildcards=Part(method="added"))
        read = reader_of(job, Maps(image, np.array([0.1]), np.array([np.nan]), "", ""), None)
        print(read(0, pd.Series({"pixel_size_A": 0.1}), None).round(6).tolist() == [[0.5, 0.3]])
        """,
    ),
    "filter": (
        "stembench/baselines/filters",
        """
        from stembench.baselines.filters.base import Filter

        FILTER = Filter(lambda image, pixel_size, exponent: image**exponent, parameters=(1.0, 2.0))
        """,
        """
        import json, numpy as np, pandas as pd
        from enhancement_method import filtered
        from stembench.baselines.filters import FILTERS
        from stembench.config import load_config

        load_config({"evaluation": {"enhancement_baselines": ["added"]}})
        image = np.linspace(0, 1, 64).reshape(8, 8)
        by_settings = dict(FILTERS.load("added").candidates(image, 0.1))
        settings = next(each for each in by_settings if each.parameter == 2 and each.background_sigma_A == 0)
        with open("tuned.json", "w") as file:
            json.dump({"levels": {"none": {"free_settings": vars(settings)}}}, file)
        (enhanced,) = filtered("added", "tuned.json", [image], pd.DataFrame({"pixel_size_A": [0.1]}))
        print(np.allclose(enhanced, by_settings[settings]) and np.ptp(enhanced) == 1)
        """,
    ),
    "localiser": (
        "stembench/localisation/localisers",
        """
        import numpy as np
        from stembench.localisation.localisers.base import Localiser

        LOCALISER = Localiser(lambda surface, pixel_size, spacing: np.full((1, 2), spacing), takes=("spacing",))
        """,
        """
        import numpy as np, pandas as pd
        from types import SimpleNamespace as Part
        from detection_method import Maps, reader_of
        from stembench.config import load_config

        load_config({"evaluation": {"localisers": ["maxima", "added"]}})
        read = reader_of(None, Maps(np.zeros((1, 8, 8)), np.array([0.1]), np.array([7.0]), "fcn", ""), "added")
        print(read(0, pd.Series({"pixel_size_A": 0.1}), None).tolist() == [[7, 7]])
        """,
    ),
    "network": (
        "stembench/networks",
        "NETWORK = 'the class of the network'",
        """
        from stembench.config import Config, load_config
        from stembench.networks import NETWORKS

        load_config({"networks": Config().networks | {"added": {"tasks": ["localise"]}}})
        print(NETWORKS.load("added") == "the class of the network")
        """,
    ),
}


@pytest.fixture(scope="module")
def printed(repository, tmp_path_factory):
    """What the lines of each kind print in a copy of the scripts and the library that has all the new files."""
    folder = tmp_path_factory.mktemp("copy")
    scripts = shutil.copytree(repository / "workflow_scripts", folder / "workflow_scripts")
    for package, entry, _ in ADDED.values():
        (scripts / package / "added.py").write_text(dedent(entry))
    lines = "\n".join(dedent(use) for _, _, use in ADDED.values())
    done = subprocess.run(
        [sys.executable, "-c", lines],
        env=os.environ | {"PYTHONPATH": str(scripts)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(ADDED, done.stdout.splitlines(), strict=True))


@pytest.mark.parametrize("kind", ADDED)
def test_a_new_entry_is_one_file(kind, printed):
    assert printed[kind] == "True"


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_a_name_that_is_not_there_is_named_with_the_known_ones_and_the_folder_for_it(registry, repository):
    with pytest.raises(InputError) as refused:
        registry.load("no_such")
    for part in (registry.kind, "'no_such'", *registry.names):
        assert part in str(refused.value)
    assert (repository / str(refused.value).rsplit(" ")[-1] / f"{registry.names[0]}.py").exists()


@pytest.mark.parametrize(
    ("content", "kind", "folder"),
    [
        ({"evaluation": {"detection_baselines": ["no_such"]}}, "finder", "baselines/finders/"),
        ({"generalisation": {"baselines": ["no_such"]}}, "finder", "baselines/finders/"),
        ({"evaluation": {"enhancement_baselines": ["no_such"]}}, "filter", "baselines/filters/"),
        ({"evaluation": {"localisers": ["maxima", "no_such"]}}, "localiser", "localisation/localisers/"),
        ({"studies": {"s": {"baselines": ["no_such"], "variants": {"v": {"network": "sfin"}}}}}, "finder", "finders/"),
        (
            {
                "studies": {
                    "s": {
                        "task": "denoise",
                        "scored": "images",
                        "baselines": ["no_such"],
                        "variants": {"v": {"network": "sfin"}},
                    }
                }
            },
            "filter",
            "filters/",
        ),
    ],
)
def test_the_configuration_refuses_a_name_that_is_not_there(content, kind, folder):
    with pytest.raises(InputError, match=rf"there is no {kind} 'no_such'; known are .*{folder}"):
        load_config(content)


def test_a_finder_that_needs_the_structure_is_for_studies_alone():
    with pytest.raises(InputError, match="template_matching needs the structure"):
        load_config({"evaluation": {"detection_baselines": ["template_matching"]}})


def test_names_and_what_the_workflow_plans_with_are_read_without_heavy_packages():
    code = """
    import sys
    from stembench.baselines.filters import FILTERS
    from stembench.baselines.finders import FINDERS
    from stembench.localisation.localisers import LOCALISERS
    from stembench.networks import NETWORKS
    print("numpy" in sys.modules or len([*FILTERS, *FINDERS, *LOCALISERS, *NETWORKS]))
    [registry.load(name) for registry in (FINDERS, LOCALISERS) for name in registry]
    print(sorted({"scipy", "skimage", "pandas", "torch", "atomap"} & set(sys.modules)))
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", dedent(code)], env=environment, capture_output=True, text=True)
    number = len([*FILTERS, *FINDERS, *LOCALISERS, *NETWORKS])
    assert done.stdout.splitlines() == [str(number), "[]"], done.stderr


@pytest.mark.parametrize(
    "script",
    ["tune_detection", "evaluate_detection", "evaluate_lattice_precision", "tune_enhancement", "evaluate_enhancement"],
)
def test_a_change_to_an_entry_reruns_only_what_loads_it(script, repository):
    folder = repository / "workflow_scripts"

    def entries(loaded):
        behind = modules_behind(folder / f"{script}.py", folder, loaded, ignored=["stembench.config"])
        named = {
            folder.joinpath(*registry.module(name).split(".")).with_suffix(".py"): name
            for registry in (FINDERS, FILTERS, LOCALISERS)
            for name in registry
        }
        return {name for file, name in named.items() if file in behind}

    assert entries(()) == set()
    assert entries([FILTERS.module("wiener")]) == {"wiener"}
    assert entries([FINDERS.module("gaussian_fit_atomap")]) == {"gaussian_fit_atomap"}
