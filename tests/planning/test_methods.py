import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stembench.config.base import NAME_PATTERN
from stembench.errors import InputError
from stembench.planning import Method

NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
SEEDS = st.integers(0, 10**6)
PRIORS = st.sampled_from(["right", "wrong", "none"])
NETWORKS = st.builds(Method, NAMES, NAMES, SEEDS, PRIORS, st.just("") | NAMES)


@given(NETWORKS | st.builds(Method, NAMES))
def test_a_method_is_read_back_from_its_name(method):
    assert Method.parse(str(method)) == method


@given(NETWORKS, NETWORKS)
def test_two_methods_have_two_names(one, other):
    assert (str(one) == str(other)) == (one == other)


TEXTS = st.text(alphabet="ab01-_ ./\n٣", max_size=12) | st.from_regex(
    r"a-b(-(wrong|right|none)_prior)?-seed0?\d(-[a_-]*)?"
)


@given(TEXTS)
def test_a_text_is_refused_or_is_the_name_of_the_method_that_it_is_read_as(text):
    try:
        found = Method.parse(text)
    except InputError:
        return
    assert str(found) == text


def test_a_text_that_is_no_name_is_answered_with_what_to_write():
    with pytest.raises(InputError, match="NETWORK-DATASET-seedN"):
        Method.parse("sfin-physical")


@pytest.mark.parametrize(
    "text",
    ["", "-", "a-b", "a-b-seed", "a-b-seed00", "a-b-seed٣", "a-b-seed0-", "a-b-right_prior-seed0", "a-b-seed0\n"],
)
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=re.escape(repr(text))):
        Method.parse(text)


def test_a_name_is_as_folders_and_tables_write_it():
    assert str(Method("sffn", "physical", 2, "wrong", "own")) == "sffn-physical-wrong_prior-seed2-own"
    assert str(Method("gaussian_fit")) == "gaussian_fit"


def test_what_is_trained_is_told_no_structure_and_has_no_localiser():
    method = Method("sffn", "physical", 2, "wrong", "own")
    assert method.trained == Method("sffn", "physical", 2)
    assert method.trained.read_by("own") == Method("sffn", "physical", 2, localiser="own")
    assert method.is_network
    assert not Method("gaussian_fit").is_network
