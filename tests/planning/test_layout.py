import re
from itertools import combinations, product

import pytest
from loaded_rules import FULL, MINE
from stembench.config.scales import FOLDERS_OF_NO_SCALE
from stembench.planning import SPLITS, Layout, Template
from stembench.planning.lab import APPLIED
from stembench.planning.layout import RESULTS, SHARED, any_of

LAYOUT = Layout("some_scale")
TEMPLATES = {name: getattr(LAYOUT, name) for name in vars(Layout) if isinstance(getattr(LAYOUT, name), Template)}
#: Folders that hold products, and are none themselves.
HOLD = {"models", "model", "evaluation", "enhancement", "lattice", "denoised_lattice"}
# Names that a user may give, some of which are parts of paths; and names of methods, which files or networks have.
GIVEN = ("a", "images", "index", "detection", "temimagenet", "seed0")
VALUES = {
    **dict.fromkeys(("material", "zone", "condition", "image", "instrument", "network", "dataset", "testset"), GIVEN),
    "distribution": GIVEN,
    "split": SPLITS,
    "shard": ("00000", "00001"),
    "task": ("localise", "denoise"),
    "seed": (0, 1),
    "method": ("gaussian_fit", "a-images-seed0", "a-images-seed0-own"),
    "product": APPLIED,
}


def paths(template: Template) -> set[str]:
    """The paths of a template over the values of its wildcards."""
    names = sorted(set(re.findall(r"{(\w+)}", template)))
    return {template.path(**dict(zip(names, values))) for values in product(*(VALUES[name] for name in names))}


PATHS = {name: paths(template) for name, template in TEMPLATES.items() if name not in HOLD}


@pytest.mark.parametrize("name", TEMPLATES.keys() - {"structure"})
def test_a_path_lies_below_the_folder_of_its_scale_or_in_one_that_all_scales_share(name):
    first, second, *_ = TEMPLATES[name].split("/")
    assert first == RESULTS
    assert second == "some_scale" or second in SHARED


def test_no_scale_can_have_the_name_of_a_folder_that_all_share():
    assert set(SHARED) <= set(FOLDERS_OF_NO_SCALE)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_wildcard_of_a_template_counts_in_its_paths(name):
    names = sorted(set(re.findall(r"{(\w+)}", TEMPLATES[name])))
    number = 1
    for each in names:
        number *= len(VALUES[each])
    assert len(paths(TEMPLATES[name])) == number


def test_two_templates_never_give_one_path():
    assert [pair for pair in combinations(PATHS, 2) if not PATHS[pair[0]].isdisjoint(PATHS[pair[1]])] == []


def test_no_product_lies_in_a_folder_that_is_another_product():
    """Snakemake empties the folder of a product before it is made."""
    products = set().union(*PATHS.values())
    inside = {path for path in products for parts in [path.split("/")] for n in range(1, len(parts))
              if "/".join(parts[:n]) in products}  # fmt: skip
    assert inside == set()


def test_a_path_whose_wildcard_has_no_value_is_an_error():
    with pytest.raises(KeyError, match="zone"):
        LAYOUT.projection.path(material="Si")


def test_a_template_keeps_the_wildcards_that_get_no_value():
    assert LAYOUT.projection.where(material="Si") == "results/structures/Si/{zone}/projection.json"
    assert LAYOUT.model.where(task="localise", seed=0).path(network="a", dataset="b") == LAYOUT.model.path(
        network="a", task="localise", dataset="b", seed=0
    )


def test_a_pattern_of_names_matches_these_and_no_other():
    pattern = any_of(["Fe2O3(a)", "b"])
    assert [bool(re.fullmatch(pattern, name)) for name in ("Fe2O3(a)", "b", "Fe2O3a", "")] == [True, True, False, False]
    assert not re.fullmatch(any_of([]), "")


@pytest.fixture(scope="module")
def jobs(rules_of, demo_jobs):
    """What each path is made from, at scales that differ in every size."""
    made = {"demo": demo_jobs}
    for scale, settings in {"full": FULL, "mine": MINE}.items():
        rules = rules_of(settings)
        made[scale] = rules.closure(rules.everything)
    return made


def test_scales_write_into_folders_of_their_own(jobs):
    for scale, made in jobs.items():
        folders = {path.split("/")[1] for path in made}
        assert folders - set(SHARED) == {scale}


def test_what_scales_share_is_made_from_the_same_at_every_scale(jobs):
    for one, other in combinations(jobs.values(), 2):
        shared = one.keys() & other.keys()
        assert {path.split("/")[1] for path in shared} == {"structures", "lab", "calibration", "validation"}
        for path in shared:
            assert one[path] == other[path], path


def test_the_images_that_networks_are_ranked_by_are_the_same_at_every_scale(jobs):
    assert len({repr(made["results/validation/general"].params) for made in jobs.values()}) == 1
