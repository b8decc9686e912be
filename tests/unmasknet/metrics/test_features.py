"""Feature extractors and their distances. Skipped where their packages are not installed."""

from pathlib import Path

import pytest
import torch

from maskgen.errors import InputError, MissingError
from unmasknet.metrics import features, inception

needs_lite0 = pytest.mark.skipif(
    not features.has_lite0(), reason="EfficientNet-Lite0's packages are not installed"
)


@pytest.fixture(scope="module")
def lite0() -> features.Lite0:
    return features.build_lite0()


@needs_lite0
def test_vectors_equal_the_inputs_of_the_packages_own_classifier(lite0: features.Lite0) -> None:
    image = torch.rand(1, 3, 96, 96)
    own = lite0.net.extract_features((image - features.MEAN) / features.STD).mean((2, 3))
    assert torch.allclose(lite0(image).vector, own, atol=1e-4)
    assert own.shape == (1, 1280)


@needs_lite0
def test_distance_is_zero_to_itself_and_grows(lite0: features.Lite0) -> None:
    truth, noise = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    everything = torch.ones(1, 1, 64, 64)
    look = lite0(truth)
    near, far = (
        features.perceptual_distance(lite0(truth * (1 - a) + noise * a), look, everything) for a in (0.1, 0.5)
    )
    assert features.perceptual_distance(look, look, everything) == 0
    assert 0 < near < far <= 4


@needs_lite0
def test_distance_over_the_hole_is_larger_where_the_change_is(lite0: features.Lite0) -> None:
    truth = torch.rand(1, 3, 96, 96)
    map = torch.zeros(1, 1, 96, 96)
    map[..., 48:, :] = 1
    changed = torch.where(map > 0, 1 - truth, truth)
    look, other = lite0(truth), lite0(changed)
    assert features.perceptual_distance(other, look, map) > 2 * features.perceptual_distance(
        other, look, 1 - map
    )


@pytest.mark.parametrize(("size", "side"), [(32, 96), (64, 96), (128, 128), (178, 192), (512, 224)])
def test_images_are_resampled_to_a_side_near_their_own(size: int, side: int) -> None:
    assert features.side_for(size) == side


def test_inception_has_torchvisions_weights_without_its_classifiers() -> None:
    net = inception.Inception()
    assert (
        sum(p.numel() for p in net.parameters()) == 21_785_568
    )  # 23,834,568 less the classifier's 2,049,000
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 2048)


def test_other_weights_are_not_called_fid(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "pt_inception-2015-12-05-6726825d.pth")
    with pytest.raises(InputError, match="are not FID"):
        inception.load_inception(tmp_path / "pt_inception-2015-12-05-6726825d.pth")
    with pytest.raises(MissingError, match="no such file"):
        inception.load_inception(tmp_path / "nothing.pth")
