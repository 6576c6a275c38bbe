import os
import sys

import numpy as np
import pytest
import readers
from stembench.errors import InputError
from stembench.lab import apart
from stembench.lab.formats import read_recording
from stembench.lab.marked_columns import read_marked_columns

pytestmark = pytest.mark.slow


def test_a_file_that_holds_libhdf5_for_ever_ends_in_a_message(tmp_path, monkeypatch):
    monkeypatch.setattr(apart, "SECONDS", 2.0)
    readers.write_input(tmp_path, "hspy", 1124)
    with pytest.raises(InputError, match=r"image\.hspy.*not read within 2 s, as it is damaged"):
        read_recording(tmp_path / "image.hspy")


def ending_its_process(path):
    os.abort()


def taking_all_memory(path):
    return np.ones(apart.MAX_ADDRESSES // 8), {}


@pytest.mark.parametrize(("read", "part"), [(ending_its_process, "ended its process"), (taking_all_memory, "allocate")])
def test_what_ends_its_process_is_told(tmp_path, monkeypatch, read, part):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=part):
        apart.read_apart(read, tmp_path / "file")


def test_it_is_read_wherever_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("raise RuntimeError('imported from the folder it ran in')")
    readers.READERS["hspy"].make(tmp_path)
    assert read_recording("image.hspy").values.shape == (24, 16)


def test_marked_columns_of_a_damaged_lattice_are_refused_by_their_name(tmp_path):
    (tmp_path / "columns.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(InputError, match=r"mine \(lab.images.x\): is no atom lattice"):
        read_marked_columns(tmp_path / "columns.hdf5", 0.1, (10, 10), "mine (lab.images.x)")
