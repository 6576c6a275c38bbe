import filecmp
import shutil

import pandas as pd
from products import check_products
from stembench.planning import Layout

LAYOUT = Layout("tiny")


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
    assert len(check_products(finished.folder, finished.plan())) > 50


def test_a_second_run_has_nothing_to_do(finished):
    done = finished.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_a_finished_run_is_estimated_at_nothing(finished):
    assert "Nothing to be done" in finished.look("estimate").stdout


def test_every_study_can_be_asked_for_and_plans_each_of_its_trainings_once(finished):
    planned = finished.pending("studies")
    trained = [path for path, rule in planned.items() if rule == "train_network" and path.endswith(".safetensors")]
    wanted = {
        ("structural_prior_unet", "localise", "hidden_columns"),
        ("structural_prior_self_attention", "localise", "hidden_columns"),
        ("structural_prior_cross_attention", "localise", "hidden_columns"),
        ("atomsegnet_unetpp", "superresolve_2x", "physical"),
        ("sfin", "denoise_background", "bright_field"),
    }
    assert set(trained) >= {
        LAYOUT.weights.path(network=network, task=task, dataset=dataset, seed=0) for network, task, dataset in wanted
    }
    assert len(trained) == len(set(trained))


def test_one_core_or_two_give_the_same_bytes(finished, copy):
    shard = LAYOUT.shard.path(dataset="physical", split="train", shard="00000")
    structures = LAYOUT.projection.where(material="", zone="").split("//")[0]
    shutil.copytree(finished.folder / structures, copy.folder / structures)
    done = copy.run(shard, cores=1)
    assert done.returncode == 0, done.stdout[-4000:]
    same_files(finished.folder / shard, copy.folder / shard)


def test_an_exported_dataset_is_a_dataset_again(finished, tiny_with):
    folder = LAYOUT.temimagenet.path(dataset="physical", split="train")
    index = LAYOUT.dataset_index.path(dataset="theirs")
    assert finished.run(folder).returncode == 0
    done = finished.run(index, config=tiny_with({"datasets": {"theirs": {"folder": folder}}}))
    assert done.returncode == 0, done.stdout[-4000:]
    imported = pd.read_parquet(finished.folder / index)
    exported = pd.read_csv(finished.folder / folder / "metadata.csv")
    assert sorted(imported["sample"]) == list(exported.number)
    assert set(imported.split) == {"train", "validation", "test"}
    assert (imported.groupby("structure").split.nunique() == 1).all()
