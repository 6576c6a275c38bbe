import re
import subprocess
import sys
from pathlib import Path

#: Packages that take long to import, none of which a plan needs.
HEAVY = {
    *("abtem", "dask", "gemmi", "h5py", "lightning", "matplotlib", "pandas", "pyarrow", "rsciio", "skimage", "sklearn"),
    *("snakemake", "torch", "xarray", "zarr"),
}
BUILD = """
import sys
from stembench.config import load_config
from stembench.planning import make_plan

plan = make_plan(load_config({}))
assert plan.report.products and plan.report.captions and plan.trainings.default
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_plan_is_built_without_packages_that_are_slow_to_import(repository):
    """What every job of a cluster waits for, since each builds the plan anew."""
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(
        command, cwd=repository, env={"PYTHONPATH": "workflow_scripts"}, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & HEAVY == set()


def test_a_plan_reads_no_structure_and_no_image(plan_of, tmp_path):
    """Empty files will do."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.tif").touch()
    for name in ("Si", "SrTiO3"):
        (tmp_path / f"{name}.cif").touch()
    plan = plan_of({"lab": {"folder": str(tmp_path / "images")}}, structures=tmp_path)
    assert plan.report.products
    assert plan.lab.applied == ["mine"]


def test_the_crystals_of_one_cif_are_projected_from_it(plan_of, tmp_path):
    for name in ("Si", "Two"):
        (tmp_path / f"{name}.cif").touch()
    plan = plan_of({"structures": {"zones": {"Two#2": ["110"]}}}, structures=tmp_path)
    assert plan.crystals.views == [("Si", "110"), ("Two#2", "110")]
    assert plan.layout.cif("Two#2") == "structures/Two.cif"
    assert [
        name for name in ("Two", "Two#1", "Two#12", "Si", "Two#", "Tw") if re.fullmatch(plan.crystals.pattern, name)
    ] == [*("Two", "Two#1", "Two#12", "Si")]


def test_a_dataset_says_where_its_crystals_are_thinner_than_it_asks(plan_of):
    (remark,) = plan_of({}).datasets.remarks("srtio3_multislice")
    assert "up to 40 A thick" in remark
    assert "up to 100 A" in remark
    assert "scales.demo.thickest_A" in remark
    assert not plan_of({}).datasets.remarks("srtio3_linear")
    for settings in (
        {"scale": "full"},
        {"datasets": {"srtio3_multislice": {"thickness_A": [20, 40]}}},
        {"datasets": {"srtio3_multislice": {"materials": ["MoS2"], "zones": None}}},
        {"datasets": {"srtio3_multislice": {"arrangements": ["particle"]}}},
    ):
        assert not plan_of(settings).datasets.remarks("srtio3_multislice")


def test_two_plans_of_one_configuration_ask_for_the_same(plan_of):
    one, other = plan_of({}), plan_of({})
    assert one.report.products == other.report.products
    assert one.report.left_out == other.report.left_out
    assert [one.trainings.identity(each) for each in one.trainings.default] == [
        other.trainings.identity(each) for each in other.trainings.default
    ]


def test_a_copied_list_of_images_is_no_prediction(plan_of, tmp_path):
    folder = tmp_path / "physical"
    folder.mkdir()
    for name in ("metadata.csv", "00000.tif"):
        (folder / name).touch()
    evaluations = plan_of({"evaluation": {"external": {"theirs": str(tmp_path)}}}).evaluations
    assert "theirs" not in {row.method for row in evaluations.detection}
    assert "theirs" in {row.method for row in evaluations.enhancement}


def test_no_product_is_reported_twice(demo):
    assert len(set(demo.report.products)) == len(demo.report.products)


def test_methods_are_tried_on_marked_images_of_the_scale_and_of_the_user(plan_of, tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("mine.tif", "mine_columns.csv", "other.tif"):
        (tmp_path / "images" / name).touch()
    own = {"lab": {"folder": str(tmp_path / "images")}}
    demo, full = plan_of(own), plan_of(own, {"scale": "full"})
    assert demo.real_images.images == ["pbtio3_crop", "mine"]
    assert set(full.real_images.images) == {"pbtio3", "au_crop", "pbtio3_srruo3", "mine"}
    assert demo.real_images.all_marked == [False, True]
    names = set(demo.real_images.methods)
    assert {"shipped_column_finder", "atomid_net-physical-seed0", "gaussian_fit"} < names
    assert not {"random_points", "gaussian_fit_atomap"} & names
    assert "gaussian_fit_atomap" in full.real_images.methods
    assert "real_images" in demo.report.tables
    off = plan_of(own, {"evaluation": {"real_images": False}})
    assert not off.real_images.methods
    assert "real_images" not in off.report.tables


def test_test_sets_have_enough_structures_at_every_scale_but_the_demo(plan_of):
    plan = plan_of({"scale": "full"})
    for name in (*plan.evaluations.simulated_testsets, *plan.evaluations.generalisation):
        assert plan.datasets.images(name, "test") >= 150 * plan.datasets.recipe(name).images_per_structure, name


def test_a_scale_that_names_studies_reports_these_alone(plan_of):
    plan = plan_of({"scale": "study"})
    tables = {f"{name}{ending}" for name in ("ablation", "loss_comparison") for ending in ("", "_comparison")}
    assert {Path(path).stem for path in plan.report.products} == {*tables, "study_found_ablation"}
    assert plan.report.records == plan.report.cost_table == []
    assert plan_of({"scale": "full"}).report.records


def test_an_occluded_image_is_drawn_as_a_network_finds_it_told_none_the_right_and_a_wrong_structure(plan_of):
    report = plan_of({"scale": "study"}).report
    shown = report.parameters(report.figure("study_found_ablation"))
    assert [row["method"] for row in shown["methods"]] == [
        "told no structure",
        "told the structure",
        "told another structure",
    ]
    assert {row["testset"] for row in shown["methods"]} == {"hidden_columns"}
    assert "study_found_loss_comparison" not in report.figures
