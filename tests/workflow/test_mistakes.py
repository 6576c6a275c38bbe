import tifffile


def refused(done, *parts):
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    for part in parts:
        assert part in done.stdout, done.stdout[-4000:]


def test_an_unknown_key_is_named(copy):
    refused(copy.run("-n", "--config", "scael=demo"), "scael", "unknown key", "config/config.yaml")


def test_zone_axis_000_is_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Pt: ["000"]}}\n')
    refused(copy.run("-n", config=config), "structures.zones", "[000]", "no direction")


def test_a_material_without_a_cif_is_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Unobtainium: ["001"]}}\n')
    refused(copy.run("-n", config=config), "structures.zones.Unobtainium", "structures/Unobtainium.cif")


def test_a_broken_cif_is_named_and_the_other_materials_finish(copy):
    (copy.folder / "structures" / "Broken.cif").write_text("data_broken\nloop_\n_atom_site_label\n")
    materials = {"Broken": "001", "Pt": "001", "MoS2": "001"}
    wanted = [f"results/structures/{m}/{z}/projection.json" for m, z in materials.items()]
    done = copy.run("--keep-going", *wanted)
    refused(done, "structures/Broken.cif", "remove the file")
    assert [(copy.folder / path).exists() for path in wanted] == [False, True, True]


def test_a_lab_image_without_pixel_size_is_named(copy):
    tifffile.imwrite(copy.folder / "images" / "mine.tif", [[1.0, 2.0], [3.0, 4.0]])
    config = copy.folder / "mine.yaml"
    config.write_text("lab: {images: {mine: {file: mine.tif}}}\n")
    refused(copy.run("results/lab/mine", config=config), "mine.tif", "lab.images.mine.pixel_size_A")


def test_a_missing_image_and_its_columns_are_named(copy):
    config = copy.folder / "mine.yaml"
    config.write_text("lab: {images: {mine: {file: mine.tif, pixel_size_A: 0.1, columns: mine.csv}}}\n")
    refused(
        copy.run("-n", config=config), "lab.images.mine.file", "images/mine.tif", "lab.images.mine.columns", "put it"
    )


def test_ones_own_annotated_image_is_scored_by_one_entry(copy):
    tifffile.imwrite(copy.folder / "images" / "mine.tif", [[1.0, 2.0], [3.0, 4.0]])
    (copy.folder / "images" / "mine.csv").write_text("x_px,y_px\n0,0\n1,two\n")
    config = copy.folder / "mine.yaml"
    config.write_text("lab: {images: {mine: {file: mine.tif, pixel_size_A: 0.1, columns: mine.csv}}}\n")
    done = copy.run("-n", "results/tables/detection.csv", config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "results/evaluation/mine/smoothed_maxima/columns.parquet" in done.stdout
    assert "pbtio3" not in done.stdout
    refused(copy.run("results/lab/mine", config=config), "mine.csv", "line 3", "'two'")


def test_ones_own_structures_alone_need_no_change_of_the_default(copy):
    folder = copy.folder / "structures"
    (folder / "NiO.cif").rename(folder / "Mine.cif.kept")
    for path in folder.glob("*.cif"):
        path.unlink()
    (folder / "Mine.cif.kept").rename(folder / "Mine.cif")
    config = copy.folder / "mine.yaml"
    config.write_text('structures: {zones: {Mine: ["001"]}}\n')
    done = copy.run("-n", config=config)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "results/structures/Mine/001/structure.png" in done.stdout
    assert "thickness" not in done.stdout


def test_an_impossible_file_name_fails_at_once(copy):
    refused(copy.run("-n", "results/structures/Pt/999/projection.json"), "results/structures/Pt/999")
