import pytest
from loaded_rules import REPOSITORY, Rules, folder_of
from stembench.config import Config, Dataset, Imaging, PhysicalNoise
from stembench.crystals.cif import read_crystal
from stembench.crystals.material import Material
from stembench.crystals.projection import project_structure
from stembench.crystals.zones import parse_zone
from stembench.datasets.factory import Factory
from stembench.errors import InputError
from stembench.reporting.figures import FIGURES
from stembench.reporting.tables import TABLES

#: A crystal that a user adds, of a name that nothing knows.
ADDED = "mine"
#: Crystals in `structures/`: none, one that networks are trained on, one that is held out, two.
FOLDERS = {
    "none": (),
    "one": ("Si",),
    "one that is held out": ("Au",),
    "two": ("Si", "SrTiO3"),
    "two, one of them held out": ("Si", "Au"),
}


@pytest.fixture(scope="module")
def rules_with(tmp_path_factory):
    """A function that loads the rules, by default as they ship, beside some structures."""
    folders = {}

    def load(structures: tuple[str, ...], config: dict | None = None) -> Rules:
        if structures not in folders:
            folders[structures] = folder_of(tmp_path_factory.mktemp("structures") / "workflow", structures)
        return Rules(folders[structures], config or {})

    return load


@pytest.fixture(scope="module", params=FOLDERS)
def rules(request, rules_with):
    return rules_with(FOLDERS[request.param])


@pytest.fixture(scope="module")
def jobs(rules):
    return rules.closure(rules.everything)


def test_the_default_run_needs_only_structures_that_are_there(rules, jobs):
    needed = {path for job in jobs.values() for path in job.inputs if path.startswith("structures/")}
    assert needed <= {f"structures/{material}.cif" for material in rules.plan.crystals.zones}
    assert rules.plan.layout.report in jobs


def test_lab_images_are_calibrated_on_whatever_structures_there_are(jobs):
    assert {job.rule for job in jobs.values()} >= {"calibrate_noise", "assess_realism", "make_table", "report"}


def test_whatever_is_left_out_of_the_report_is_told_in_it(rules):
    plan, told = rules.plan, rules.plan.report.left_out
    for kind, registry, made in (("table", TABLES, plan.report.tables), ("figure", FIGURES, plan.report.figures)):
        missing = set(registry) - {planned.module for planned in made.values()}
        assert {name for name in registry if any(line.startswith(f"The {kind} {name}: ") for line in told)} == missing
    missing = {name for name in plan.datasets.simulated if not plan.datasets.all_shards(name)}
    lines = [line for line in told if line.endswith("none of its materials is in structures/.")]
    assert {line.split(":")[0].split()[-1] for line in lines} == missing
    assert ("structures/ holds no .cif file" in told[0]) == (not plan.crystals.zones)
    assert rules.rules["report"].params.left_out == told


def test_every_reported_path_is_made_by_the_rules(rules, jobs):
    assert set(rules.plan.report.products) <= set(jobs)


def test_all_that_ships_is_left_out_for_a_reason(demo):
    """The structures that ship leave nothing out at the scale of the benchmark."""
    assert {line.split(":")[0] for line in demo.report.left_out} <= {
        *(f"The table {name}" for name in ("study", "study_comparison"))
    }


@pytest.mark.parametrize(("structures", "rows"), [(("Si",), False), (("Si", "SrTiO3"), True)])
def test_networks_are_told_a_wrong_structure_where_there_is_a_second_material(rules_with, structures, rows):
    plan = rules_with(structures).plan
    assert bool(plan.evaluations.misled) == rows
    assert any(row.method.endswith("_wrong_prior") for row in plan.evaluations.generalisation_rows) == rows
    assert any("wrong structure" in line for line in plan.report.left_out) != rows
    for name in plan.evaluations.studies:
        misled = {row.testset for row in plan.evaluations.study_rows(name) if row.method == "wrong_prior"}
        for testset in misled:
            assert len({material for material, _ in plan.datasets.views(testset, "test")}) > 1


IMAGE = "image,material,zone\nmine.tif,Si,110\n"


@pytest.mark.parametrize(("table", "needed"), [("", set()), (IMAGE, {"results/structures/Si/110/projection.json"})])
def test_a_structure_that_is_added_changes_nothing_for_the_users_images(tmp_path, table, needed):
    made = []
    for structures in (("Si",), ("Si", "SrTiO3", ADDED)):
        folder = folder_of(tmp_path / str(len(structures)), structures)
        (folder / "images").mkdir()
        (folder / "images" / "mine.tif").touch()
        if table:
            (folder / "images" / "images.csv").write_text(table)
        rules = Rules(folder, {})
        made.append(rules.closure([*rules.plan.lab.applied_products({}), rules.plan.layout.applied_report]))
    assert made[0] == made[1]
    assert {path for path in made[0] if path.startswith("results/structures")} == needed
    assert {path.split("/")[1] for path in made[0]} <= {"applied", "lab", "structures"}


def test_a_network_is_never_a_product_for_the_users_images(tmp_path):
    """Neither trained nor deleted: `apply` reads networks where they lie."""
    folder = folder_of(tmp_path / "workflow", ("Si",))
    (folder / "images").mkdir()
    (folder / "images" / "mine.tif").touch()
    rules = Rules(folder, {})
    jobs = rules.closure([*rules.plan.lab.applied_products({}), rules.plan.layout.applied_report])
    assert not {path for path in jobs if "/models/" in path}
    assert not {path for job in jobs.values() for path in job.inputs if "/models/" in path}


def test_images_of_an_instrument_show_its_materials_whatever_else_is_there(rules_with):
    settings = {"instrument": {"from": ["perovskite_adf"], "materials": ["Si"]}}
    few, more = (
        (rules := rules_with(structures, settings)).closure(rules.plan.datasets.shards("instrument", "train"))
        for structures in (("Si",), ("Si", "Au", ADDED))
    )
    assert few == more


def test_a_structure_that_is_added_changes_no_rank(rules_with):
    ranked_on = "results/validation/general"
    few, more = (rules_with(structures).closure([ranked_on]) for structures in (("Si",), ("Si", "Au", ADDED)))
    assert few[ranked_on] == more[ranked_on]


def test_a_user_who_holds_out_every_material_is_refused(plan_of):
    names = sorted(path.stem for path in (REPOSITORY / "structures").glob("*.cif"))
    with pytest.raises(InputError, match=r"structures\.held_out: .*leave a material"):
        plan_of({"structures": {"held_out": names}})


@pytest.mark.parametrize("arrangement", Config().arrangements)
def test_every_arrangement_can_be_made_of_a_single_material(arrangement):
    config = Config()
    name = {"polar": "SrTiO3", "multiply_twinned": "Au"}.get(config.arrangements[arrangement].kind, "Si")
    projection = project_structure(read_crystal(REPOSITORY / "structures" / f"{name}.cif"), parse_zone("110"))
    recipe = Dataset(arrangements=(arrangement,), noise=PhysicalNoise(test_counts_per_px=(3.0,)))
    factory = Factory(recipe, config.arrangements, Imaging(), [Material.of(name, "110", projection)], 64)
    assert (len(factory.sample("test", 0).columns) > 0) == (arrangement not in ("empty", "tilted"))


def test_a_probe_is_fitted_where_a_dataset_draws_it(rules_with):
    """To the images of `instrument`, under the conditions of its dataset; for no other instrument."""
    instrument = {"from": ["perovskite_adf"], "materials": ["Si"], "conditions": ["200keV_24mrad"]}
    lab = rules_with(("Si",), {"instrument": instrument}).plan.lab
    fitted = {name: list(lab.probe_conditions(name)) for name in lab.instruments}
    assert fitted.pop("instrument") == ["200keV_24mrad"]
    assert fitted
    assert not any(fitted.values())
