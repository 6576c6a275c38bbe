import pytest
from stembench.config import LabImage
from stembench.errors import InputError
from stembench.lab.own_images import corrections_beside, files_of, own_images

HEADER = "image,pixel_size_A,pixel_size_y_A,mode,energy_keV,material,zone,frames\n"
NUMBERS = " ".join(map(str, range(64)))


def folder_of(path, *names):
    for name in names:
        (path / name).touch()
    return path


def test_every_file_with_a_reader_is_an_image_and_nothing_else_is(tmp_path):
    folder_of(tmp_path, "a.DM3", "b.tif", "README.md", "images.csv", "corrections.csv", "x.whl", "y.tar.gz", "._b.tif")
    (tmp_path / "c.zspy").mkdir()
    (tmp_path / "older.tif").mkdir()
    assert {name: image.file for name, image in own_images(tmp_path, {}).images.items()} == {
        "a": "a.DM3",
        "b": "b.tif",
        "c": "c.zspy",
    }
    assert own_images(tmp_path / "nowhere", {}) == ({}, {})


def test_text_is_an_image_if_its_first_line_is_a_row_of_one(tmp_path):
    for name, text in (("a.txt", NUMBERS), ("b.txt", f"# 10 nm\n{NUMBERS}"), ("README.txt", "mine"), ("c.txt", "1 2")):
        (tmp_path / name).write_text(text)
    assert list(own_images(tmp_path, {}).images) == ["a", "b"]


def test_files_of_microscopes_without_a_reader_are_images_that_are_to_be_refused(tmp_path):
    folder_of(tmp_path, "a.mib", "b.BCF", "c.pdf")
    assert list(own_images(tmp_path, {}).images) == ["a", "b"]


def test_the_table_names_a_signal(tmp_path):
    folder_of(tmp_path, "a.emd", "b.emd")
    (tmp_path / "images.csv").write_text("image,Signal\na,DF4-A\nb,\n")
    assert [image.signal for image in own_images(tmp_path, {}).images.values()] == ["DF4-A", None]


def test_files_of_an_entry_are_not_an_image_once_more(tmp_path):
    folder_of(tmp_path, "a.tif", "marked.hdf5", "b.tif")
    named = {"mine": LabImage(file="a.tif", columns="marked.hdf5"), "b": LabImage(file="b.tif", distribution="x")}
    assert {name: image.file for name, image in own_images(tmp_path, named).images.items()} == {"b_tif": "b.tif"}


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["SrTiO3 [001] 5.0 Mx.tif"], ["SrTiO3__001__5_0_Mx"]),
        (["a.dm3", "a.tif"], ["a_dm3", "a_tif"]),
        (["A.dm3", "a.tif"], ["A_dm3", "a_tif"]),
        (["図.png"], ["image"]),
        (["distributions.tif"], ["distributions_tif"]),
        (["x" * 200 + ".tif"], ["x" * 80]),
    ],
)
def test_names_of_images_can_be_names_of_folders(tmp_path, files, names):
    folder_of(tmp_path, *files)
    assert list(own_images(tmp_path, {}).images) == names


def test_marks_beside_an_image_are_its_own(tmp_path):
    folder_of(tmp_path, "a.tif", "a_columns.csv", "b.tif", "images.csv")
    (tmp_path / "images.csv").write_text("image,pixel_size_A\na.tif,0.1\n")
    images = own_images(tmp_path, {}).images
    assert (images["a"].columns, images["b"].columns) == ("a_columns.csv", None)
    assert files_of(tmp_path, images["a"]) == [str(tmp_path / "a.tif"), str(tmp_path / "a_columns.csv")]


def test_two_files_that_cannot_be_told_apart_are_named(tmp_path):
    folder_of(tmp_path, "a b.tif", "a-b.tif")
    with pytest.raises(InputError, match=r"a-b\.tif.*rename|a b\.tif.*rename"):
        own_images(tmp_path, {})


def test_an_emi_and_its_series_are_one_image(tmp_path):
    folder_of(tmp_path, "scan.emi", "scan_1.ser", "scan_2.ser", "other_1.ser")
    images = own_images(tmp_path, {}).images
    assert list(images) == ["other_1", "scan"]
    assert files_of("in", images["scan"]) == ["in/scan.emi"]
    assert files_of(tmp_path, images["scan"]) == [
        str(tmp_path / name) for name in ("scan.emi", "scan_1.ser", "scan_2.ser")
    ]


@pytest.mark.parametrize(
    "content",
    [
        (HEADER + "a.tif,0.1,0.2,bf,200,Si,110,each\n").encode(),
        ("\ufeff" + HEADER + "\n a , 0.1,0.2 ,BF,200,Si,[110],Each\r\n").encode(),
        (HEADER + "a.tif,0.1,0.2,BF,200,Si,110,each\n")
        .replace(",", ";")
        .replace(".1", ",1")
        .replace(".2", ",2")
        .encode(),
        (HEADER + "a.tif,0.1,0.2,BF,200,Si,1 1 0,each\n").replace(",", "\t").encode("utf-16"),
    ],
)
def test_the_table_is_read_as_spreadsheets_write_it(tmp_path, content):
    folder_of(tmp_path, "a.tif", "b.tif")
    (tmp_path / "images.csv").write_bytes(content)
    images = own_images(tmp_path, {}, materials={"Si": ("110",)}).images
    assert images["a"] == LabImage(
        file="a.tif",
        pixel_size_A=0.1,
        pixel_size_y_A=0.2,
        mode="BF",
        energy_keV=200,
        material="Si",
        zone="110",
        frames="each",
    )
    assert images["b"] == LabImage(file="b.tif", mode=None)


@pytest.mark.parametrize(("written", "meant"), [("1", "001"), ("[-110]", "m110"), ("m110", "m110"), ("0 -1 1", "0m11")])
def test_zone_axes_are_read_as_people_and_spreadsheets_write_them(tmp_path, written, meant):
    folder_of(tmp_path, "a.tif")
    (tmp_path / "images.csv").write_text(f"image,material,zone\na.tif,Si,{written}\n")
    assert own_images(tmp_path, {}).images["a"].zone == meant


MISTAKES_IN_THE_TABLE = [
    ("image,pixel_size_A\nc.tif,0.1\n", ["line 2", "'c.tif' is no image", "a.tif, b.dm3, b.tif"]),
    ("image,pixel_size_A\nb,0.1\n", ["line 2", "'b' could be one of b.dm3, b.tif", "file's name"]),
    ("image,pixel_size_A\na.tif,0.1\n\na.tif,0.2\n", ["line 4", "line 2 names a.tif already"]),
    ("image,pixel_size_A\n,0.1\n", ["line 2", "the column image is empty"]),
    ("image,pixel_size_A\na.tif,0,1\n", ["line 2", "write 0.1, not 0,1"]),
    ("image,pixelsize\na.tif,1\n", ["line 1", "'pixelsize' is no column", "pixel_size_A"]),
    ("pixel_size_A\n1\n", ["line 1", "image"]),
    ("image,mode\nmine.tif,BF\n", ["line 2", "lab.images"]),
]
MISTAKES_IN_A_LINE = [
    ("image,pixel_size_A\na.tif,0.1 A\n", ["line 2", "pixel_size_A is '0.1 A'", "no number"]),
    ("image,pixel_size_A\na.tif,nan\n", ["line 2", "pixel_size_A"]),
    ("image,pixel_size_A\na.tif,-1\n", ["line 2", "pixel_size_A", "greater than 0"]),
    ("image,pixel_size_y_A\na.tif,1\n", ["line 2", "pixel_size_y_A is given without pixel_size_A"]),
    ("image,mode\na.tif,DF\n", ["line 2", "mode is 'DF'", "'HAADF'"]),
    ("image,frames\na.tif,sum\n", ["line 2", "frames is 'sum'", "'average'"]),
    ("image,material\na.tif,Unobtainium\n", ["line 2", "no structures/Unobtainium.cif", "Si"]),
    ("image,material,zone\na.tif,Si,112\n", ["line 2", "zone 112", "structures.zones.Si"]),
    ("image,material,zone\na.tif,Si,abc\n", ["line 2", "zone", "'abc'"]),
]


@pytest.mark.parametrize(("content", "parts"), MISTAKES_IN_THE_TABLE)
def test_a_mistake_in_the_table_is_told_with_its_line_and_the_remedy(tmp_path, content, parts):
    folder_of(tmp_path, "a.tif", "b.tif", "b.dm3", "mine.tif")
    (tmp_path / "images.csv").write_text(content)
    with pytest.raises(InputError) as refused:
        own_images(tmp_path, {"mine": LabImage(file="mine.tif")}, materials={"Si": ("110",)})
    for part in (str(tmp_path / "images.csv"), *parts):
        assert part in str(refused.value)


@pytest.mark.parametrize(("content", "parts"), MISTAKES_IN_A_LINE)
def test_a_mistake_in_the_line_of_an_image_refuses_this_image_alone(tmp_path, content, parts):
    folder_of(tmp_path, "a.tif", "c.tif")
    (tmp_path / "images.csv").write_text(content)
    images, refused = own_images(tmp_path, {}, materials={"Si": ("110",)})
    assert images == {name: LabImage(file=f"{name}.tif", mode=None) for name in ("a", "c")}
    assert list(refused) == ["a"]
    for part in (str(tmp_path / "images.csv"), *parts):
        assert part in refused["a"]


@pytest.mark.parametrize("materials", [{"Two": ("110",)}, {"Two#1": ("001", "110"), "Two#2": ("110",)}])
def test_a_material_may_be_one_crystal_of_a_cif_that_holds_several(tmp_path, materials):
    folder_of(tmp_path, "a.tif")
    (tmp_path / "images.csv").write_text("image,material\na.tif,Two#2\n")
    image = own_images(tmp_path, {}, materials=materials).images["a"]
    assert (image.material, image.zone) == ("Two#2", "110")
    refused = own_images(tmp_path, {}, materials={"Si": ("110",)}).refused["a"]
    assert "material Two#2 is unknown, there is no structures/Two.cif" in refused


def test_a_material_has_the_zone_axis_that_is_its_only_one_and_else_is_asked_for_it(tmp_path):
    folder_of(tmp_path, "a.tif")
    (tmp_path / "images.csv").write_text("image,material\na.tif,Si\n")
    assert own_images(tmp_path, {}, materials={"Si": ("110",)}).images["a"].zone == "110"
    refused = own_images(tmp_path, {}, materials={"Si": ("001", "110")}).refused["a"]
    assert "line 2: the zone axis of Si is missing; write one of 001, 110" in refused


@pytest.mark.parametrize("called", ["my_sample__1", "my sample (1)", "my sample (1).tif"])
def test_corrections_are_called_as_the_image_or_its_file(tmp_path, called):
    folder_of(tmp_path, "my sample (1).tif", "b.tif", "._b.corrections.csv", f"{called}.corrections.csv")
    found = corrections_beside(tmp_path, own_images(tmp_path, {}).images)
    assert found == {"my_sample__1": tmp_path / f"{called}.corrections.csv"}


@pytest.mark.parametrize(
    ("files", "part"),
    [
        (["a.tif", "aa.corrections.csv"], "belongs to no image.*call it IMAGE.corrections.csv, with IMAGE one of a"),
        (["a.tif", "a.png", "a.corrections.csv"], "could be of a_png or a_tif"),
        (["a.tif", "a.corrections.csv", "a.tif.corrections.csv"], "a.corrections.csv corrects the same image"),
    ],
)
def test_corrections_of_no_image_or_not_of_one_alone_are_told(tmp_path, files, part):
    folder_of(tmp_path, *files)
    with pytest.raises(InputError, match=part):
        corrections_beside(tmp_path, own_images(tmp_path, {}).images)


def test_a_table_that_is_no_text_is_told(tmp_path):
    (tmp_path / "images.csv").write_bytes(b"image,mode\n\xff\xff\n")
    with pytest.raises(InputError, match=r"images\.csv: is no CSV text.*UTF-8"):
        own_images(tmp_path, {})


def test_a_name_that_snakemake_would_read_as_a_wildcard_is_refused(tmp_path):
    folder_of(tmp_path, "{a}.tif")
    with pytest.raises(InputError, match=r"\{a\}\.tif.*rename"):
        own_images(tmp_path, {})
