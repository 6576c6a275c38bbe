import numpy as np
import pytest
from scipy.spatial import cKDTree
from stembench.config import Config
from stembench.crystals.arrangements import View, arranged
from stembench.crystals.specimen import columns_of

VIEW = View((40.0, 40.0), 3.0, 0.3, np.array([0.5, 1.0]), 30.0)


def made(name, projections, seed=0):
    return arranged(Config().arrangements[name], projections[0], projections, VIEW, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def projections(projection_of):
    return [projection_of("SrTiO3", "001"), projection_of("Pt", "110")]


@pytest.mark.parametrize("name", Config().arrangements)
def test_every_arrangement_is_made_of_atoms_apart_and_again_the_same(name, projections):
    specimen, again = made(name, projections), made(name, projections)
    assert (specimen.positions == again.positions).all()
    assert np.isfinite(specimen.positions).all()
    columns = columns_of(specimen, specimen.numbers**1.7)
    assert len(columns["x_A"]) > 10
    assert (columns["strength"] > 0).all()
    apart = cKDTree(specimen.positions).query(specimen.positions, k=2)[0][:, 1]
    assert apart.min() > 0.5
    assert len(specimen) != len(made(name, projections, 1)) or name in ("periodic", "defects")


@pytest.mark.parametrize(("name", "hides"), [("occluded", True), ("occluded_by_crystal", True), ("embedded", False)])
def test_overlayers_alone_hide_columns(name, hides, projections):
    specimen = made(name, projections)
    assert columns_of(specimen, specimen.numbers**1.7)["hidden"].any() == hides


def test_a_particle_of_a_single_layer_is_a_flake(projection_of):
    projection = projection_of("MoS2", "001")
    view = View((40.0, 40.0), 3.0, 0.0, np.zeros(2), projection.period, single_layer=True)
    particle = arranged(Config().arrangements["particle"], projection, [projection], view, np.random.default_rng(0))
    molybdenum = particle.positions[particle.numbers == 42]
    assert len(molybdenum) > 10
    assert np.ptp(molybdenum[:, 2]) < 0.1
