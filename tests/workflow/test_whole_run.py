import filecmp
import re

import pandas as pd
from products import check_products


def same_files(one, other):
    compared = filecmp.dircmp(one, other)
    waiting = [compared]
    while waiting:
        part = waiting.pop()
        names = set(part.left_list) ^ set(part.right_list)
        assert not names - {".snakemake_timestamp"}, names
        _, differing, failed = filecmp.cmpfiles(part.left, part.right, part.common_files, shallow=False)
        assert not set(differing + failed) - {".snakemake_timestamp"}, (part.left, differing)
        waiting += part.subdirs.values()


def test_every_product_is_there_and_parses(finished):
    assert len(check_products(finished.folder / "results")) > 50


def test_a_second_run_has_nothing_to_do(finished):
    done = finished.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_a_finished_run_is_estimated_at_nothing(finished):
    assert "Nothing to be done" in finished.run("estimate").stdout


def test_every_study_can_be_asked_for(finished):
    done = finished.run("studies", "--dry-run")
    assert done.returncode == 0, done.stdout[-4000:]
    trained = re.findall(r"Train (\S+) to (\S+) on (\S+),", done.stdout)
    assert set(trained) >= {
        ("structural_prior_unet", "localise", "physical"),
        ("structural_prior_self_attention", "localise", "physical"),
        ("structural_prior_cross_attention", "localise", "physical"),
        ("atomsegnet_unetpp", "superresolve_2x", "physical"),
        ("sfin", "denoise_background", "bright_field"),
    }
    assert len(trained) == len(set(trained))


def test_one_core_or_two_give_the_same_bytes(finished, copy):
    shard = "results/datasets/physical/train/00000"
    done = copy.run(shard, cores=1)
    assert done.returncode == 0, done.stdout[-4000:]
    same_files(finished.folder / shard, copy.folder / shard)


def test_an_exported_dataset_is_a_dataset_again(finished, tiny_with):
    folder = "results/datasets/physical/temimagenet/train"
    assert finished.run(folder).returncode == 0
    config = tiny_with({"datasets": {"theirs": {"folder": folder}}})
    done = finished.run("results/datasets/theirs/index.parquet", "results/datasets/theirs/README.md", config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    index = pd.read_parquet(finished.folder / "results/datasets/theirs/index.parquet")
    exported = pd.read_csv(finished.folder / folder / "metadata.csv")
    assert sorted(index["sample"]) == list(exported.number)
    assert set(index.split) == {"train", "validation", "test"}
    assert (index.groupby("structure").split.nunique() == 1).all()


def test_a_missing_folder_of_others_images_is_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text("datasets: {theirs: {folder: nowhere}}\n")
    done = copy.run("-n", config=config)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert "datasets.theirs.folder" in done.stdout
    assert "nowhere" in done.stdout


def test_a_library_change_reruns_the_rules_that_use_it_and_no_others(finished):
    module = finished.folder / "workflow_scripts" / "stembench" / "baselines" / "filters" / "gaussian.py"
    original = module.read_text()
    try:
        module.write_text(original + "\n# a comment\n")
        assert "Nothing to be done" in finished.run("-n").stdout
        module.write_text(original + "\n_UNUSED = 1\n")
        planned = finished.run("-n").stdout
    finally:
        module.write_text(original)
    assert "tune_enhancement" in planned
    assert "tabulate_enhancement" in planned
    others = ("generate_shard", "train_network", "tune_detection", "evaluate_detection", "evaluate_network")
    for rule in ("project_structure", *others):
        assert rule not in planned
