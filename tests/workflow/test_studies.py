import pandas as pd


def test_the_ablation_of_the_structural_prior_comes_from_one_target(finished):
    done = finished.run("results/tables/ablation.csv")
    assert done.returncode == 0, done.stdout[-4000:]
    table = pd.read_csv(finished.folder / "results/tables/ablation.csv")
    rows = table[table.subset == "all"].set_index("method")
    networks = ["unet", "self_attention", "cross_attention", "contrastive", "wrong_prior", "no_prior"]
    assert list(rows.index) == [*networks, "template_matching"]
    assert (rows.kind == ["network"] * 6 + ["baseline"]).all()
    assert list(rows.localiser.dropna()) == ["maxima"] * 6
    assert rows.f1.template_matching > 0.3  # the one row that no training of seconds makes


def test_a_study_of_images_has_their_quality_and_its_differences(finished):
    done = finished.run("results/tables/super_resolution_2x.csv")
    assert done.returncode == 0, done.stdout[-4000:]
    table = pd.read_csv(finished.folder / "results/tables/super_resolution_2x.csv")
    rows = table[table.subset == "all"].set_index("method")
    assert list(rows.index) == ["atomsegnet_unet", "atomsegnet_unetpp", "gaussian", "wiener"]
    assert (rows.psnr_db > 5).all()  # of images of the label's own size
    compared = pd.read_csv(finished.folder / "results/tables/super_resolution_2x_comparison.csv")
    assert set(compared.baseline) == {"atomsegnet_unet"}


def test_every_study_can_be_asked_for(finished):
    done = finished.run("studies", "--dry-run")
    assert done.returncode == 0, done.stdout[-4000:]


def test_a_network_that_cannot_be_had_says_so_in_its_rows_and_the_rest_goes_on(another, tiny_with):
    config = tiny_with({"networks": {"faster_rcnn": {"tasks": ["localise"]}}})
    done = another.run("results/tables/detection.csv", "results/tables/cost.csv", config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    table = pd.read_csv(another.folder / "results/tables/detection.csv")
    by_maxima = table.localiser == "maxima"
    rows = table[(table.subset == "all") & by_maxima].set_index(["method", "testset"])
    assert rows.note["faster_rcnn", "physical"].startswith("torchvision does not load here")
    assert pd.isna(rows.f1["faster_rcnn", "physical"])
    assert rows.f1["smoothed_maxima", "physical"] > 0
