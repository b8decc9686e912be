"""Restoring by a reference: what the reference shows of the face is shown in the result, in the photo's own light."""

import numpy as np
import pytest

from maskgen.errors import UsageError
from tests.helpers.references import (
    NoCheck,
    masked_portrait,
    other_view,
    portrait,
    psnr,
    real_unmasker,
    unmasker_with,
)
from unmasknet.restore.reference.same_person import UNCHECKED


@pytest.fixture(scope="module")
def by_network():
    return real_unmasker()(masked_portrait().masked)


@pytest.fixture(scope="module")
def by_reference():
    return real_unmasker()(masked_portrait().masked, references=[other_view()])


def test_a_reference_brings_the_hidden_face_back(by_network, by_reference):
    triplet = masked_portrait()
    network, reference = (psnr(one.picture, triplet.gt, triplet.map) for one in (by_network, by_reference))
    assert by_reference.by_reference
    assert not by_reference.warnings
    assert reference > network + 2


def test_pixels_outside_the_map_stay(by_reference):
    outside = by_reference.map == 0
    assert np.array_equal(by_reference.picture[outside], masked_portrait().masked[outside])


def test_the_result_says_that_a_reference_was_used(by_network, by_reference):
    assert by_reference.said.endswith("by a reference")
    assert not by_network.by_reference
    assert "reference" not in by_network.said


def test_the_light_of_the_reference_is_taken_off():
    masked = masked_portrait()
    results = [
        real_unmasker()(masked.masked, references=[other_view(gain=gain)]).picture.astype(float)
        for gain in (0.5, 0.9)
    ]
    inside = masked.map > 0
    assert abs(results[0][inside].mean() - results[1][inside].mean()) < 4  # of 0.4 x 150 grey levels


def test_references_can_be_loaded_once_for_several_photos(by_reference):
    unmasker = real_unmasker()
    person = unmasker.load_references([other_view()])
    again = unmasker(masked_portrait().masked, references=person)
    assert np.array_equal(again.picture, by_reference.picture)


def test_a_sideways_reference_serves_as_an_upright_one(by_network):
    triplet = masked_portrait()
    sideways = np.ascontiguousarray(np.rot90(other_view()))
    restored = real_unmasker()(triplet.masked, references=[sideways])
    assert (
        psnr(restored.picture, triplet.gt, triplet.map)
        > psnr(by_network.picture, triplet.gt, triplet.map) + 2
    )


def test_all_samples_are_painted():
    restored = real_unmasker()(masked_portrait().masked, references=[other_view()], samples=2)
    triplet = masked_portrait()
    scores = [psnr(one, triplet.gt, triplet.map) for one in restored.alternatives]
    assert len(scores) == 2
    assert abs(scores[0] - scores[1]) < 3


def test_without_a_face_network_a_line_says_that_nothing_was_checked():
    restored = unmasker_with(NoCheck())(masked_portrait().masked, references=[other_view()])
    assert restored.by_reference
    assert restored.warnings == (UNCHECKED,)


def test_a_photo_without_a_mask_stays_as_it_is():
    restored = real_unmasker()(portrait(), references=[other_view()])
    assert not restored.changed
    assert not restored.by_reference


@pytest.mark.parametrize("wrong", [{"expression": "smile"}, {"references": "me.jpg"}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(UsageError):
        real_unmasker()(masked_portrait().masked, **{"references": [other_view()], **wrong})
