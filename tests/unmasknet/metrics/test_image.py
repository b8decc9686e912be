"""Each score against an independent computation or a known answer."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.morphology import disk, erosion
from torchmetrics.functional.image import structural_similarity_index_measure

from unmasknet import maps
from unmasknet.metrics import image as image_metrics

RNG = np.random.default_rng(7)


def images(count: int = 2, size: int = 40) -> torch.Tensor:
    return torch.from_numpy(RNG.random((count, 3, size, size), dtype=np.float32))


def square(size: int = 40, low: int = 10, high: int = 30) -> torch.Tensor:
    map = torch.zeros(1, 1, size, size)
    map[..., low:high, low:high] = 1
    return map


def test_psnr_over_the_whole_image_equals_scikit_images() -> None:
    real, fake = images(), images()
    everything = torch.ones(2, 1, 40, 40)
    expected = [
        peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1) for a, b in zip(real, fake, strict=True)
    ]
    assert image_metrics.psnr(fake, real, everything).tolist() == pytest.approx(expected, abs=1e-6)


def test_psnr_of_a_constant_error_of_a_tenth_is_20_db() -> None:
    real = torch.full((1, 3, 8, 8), 0.4, dtype=torch.float64)
    assert image_metrics.psnr(real + 0.1, real, torch.ones(1, 1, 8, 8)).item() == pytest.approx(20)


class Metal(torch.Tensor):
    """Tensor that pretends to be on an Apple GPU, which lacks double precision."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("mps")

    def double(self) -> torch.Tensor:  # type: ignore[override]
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    def cpu(self) -> torch.Tensor:  # type: ignore[override]
        return self.as_subclass(torch.Tensor)


def test_scores_need_no_doubles_on_apple_gpus() -> None:
    fake, real, map = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16)
    there = [tensor.as_subclass(Metal) for tensor in (fake, real, map)]
    for score in (image_metrics.psnr, image_metrics.ssim):
        assert float(score(*there)) == pytest.approx(float(score(fake, real, map)))


def test_psnr_of_identical_pixels_is_infinite() -> None:
    real = images()
    assert torch.isinf(image_metrics.psnr(real, real, square().expand(2, -1, -1, -1))).all()


def test_hole_scores_ignore_pixels_outside() -> None:
    real, fake, map = images(1), images(1), square()
    other = maps.composite(fake, images(1), map)
    assert image_metrics.psnr(fake, real, map) == image_metrics.psnr(other, real, map)
    assert image_metrics.l1(fake, real, map) == image_metrics.l1(other, real, map)


def test_an_empty_hole_has_no_score() -> None:
    real = images(1)
    nothing = torch.zeros(1, 1, 40, 40)
    assert math.isnan(image_metrics.psnr(real, real, nothing))
    assert math.isnan(image_metrics.ssim(real, real, nothing))


def test_whole_psnr_is_hole_psnr_plus_the_log_of_the_hole_fraction() -> None:
    real, map = images(1), square()
    whole = maps.composite(images(1), real, map)
    gain = image_metrics.psnr(whole, real, torch.ones_like(map)) - image_metrics.psnr(whole, real, map)
    assert gain.item() == pytest.approx(10 * math.log10(40 * 40 / 20**2))


def test_l1_is_the_mean_absolute_difference() -> None:
    real, fake, map = images(1), images(1), square()
    expected = np.abs(real.numpy() - fake.numpy())[0, :, 10:30, 10:30].mean()
    assert image_metrics.l1(fake, real, map).item() == pytest.approx(float(expected), abs=1e-6)


def test_ssim_map_equals_scikit_images_wherever_its_window_fits() -> None:
    real = images(1)
    fake = (real + 0.3 * images(1)).clamp(0, 1)
    _, expected = structural_similarity(
        fake[0].numpy(),
        real[0].numpy(),
        data_range=1.0,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    ours = image_metrics.ssim_map(fake, real)[0].numpy()
    assert np.abs(ours - expected)[:, 5:-5, 5:-5].max() < 1e-5
    assert image_metrics.ssim(fake, real, square()).item() == pytest.approx(
        float(expected[:, 10:30, 10:30].mean()), abs=1e-5
    )


def test_ssim_map_equals_torchmetrics_up_to_the_edge() -> None:
    real, fake = images(1), images(1)
    _, expected = structural_similarity_index_measure(
        fake.double(), real.double(), data_range=1.0, reduction="none", return_full_image=True
    )
    assert torch.allclose(image_metrics.ssim_map(fake, real).double(), expected, atol=1e-6)


def test_ssim_of_an_image_with_itself_is_one() -> None:
    real = images(1)
    assert image_metrics.ssim(real, real, square()).item() == pytest.approx(1, abs=1e-6)


def test_a_better_image_scores_better_in_all_metrics() -> None:
    real, noise, map = images(1), images(1), square()
    near, far = (real * (1 - share) + noise * share for share in (0.1, 0.5))
    assert image_metrics.psnr(near, real, map) > image_metrics.psnr(far, real, map)
    assert image_metrics.ssim(near, real, map) > image_metrics.ssim(far, real, map)
    assert image_metrics.l1(near, real, map) < image_metrics.l1(far, real, map)


def test_dice_and_iou_of_half_a_square_are_two_thirds_and_a_half() -> None:
    truth, found = square(), square(high=20)
    found[..., 20:30] = found[..., 10:20]
    found[..., 10:20, 10:30] = 1
    dice, iou = image_metrics.overlap(found, truth)
    assert dice.item() == pytest.approx(2 / 3)
    assert iou.item() == pytest.approx(1 / 2)


def test_two_empty_maps_score_one_and_a_single_empty_map_zero() -> None:
    nothing = torch.zeros(1, 1, 40, 40)
    assert image_metrics.overlap(nothing, nothing) == (1, 1)
    assert image_metrics.overlap(nothing, square()) == (0, 0)
    assert image_metrics.boundary_f(nothing, nothing) == 1
    assert image_metrics.boundary_f(nothing, square()) == 0


def test_ignored_pixels_do_not_change_the_overlap() -> None:
    truth, found = square(), square()
    counted = torch.ones_like(truth)
    counted[..., :5] = 0
    found[..., :5] = 1
    assert image_metrics.overlap(found, truth, counted) == (1, 1)


def test_boundary_f_tolerates_one_pixel_but_not_five() -> None:
    truth = square()
    assert image_metrics.boundary_f(torch.roll(truth, 1, dims=3), truth) == 1
    assert image_metrics.boundary_f(square(low=15, high=25), truth) == 0


def test_outline_is_the_map_less_its_erosion() -> None:
    blob = torch.zeros(1, 1, 40, 40)
    blob[0, 0, 8:22, 5:30] = 1
    blob[0, 0, 15:33, 12:18] = 1
    expected = blob[0, 0].numpy() - erosion(blob[0, 0].numpy(), disk(1))
    assert np.array_equal(maps.outline(blob)[0, 0].numpy(), expected)


def test_dilation_reaches_the_given_distance_along_the_axes() -> None:
    dot = torch.zeros(1, 1, 21, 21)
    dot[..., 10, 10] = 1
    for reach in range(5):
        grown = maps.grown(dot, reach)[0, 0]
        assert grown[10].sum() == grown[:, 10].sum() == 2 * reach + 1
        assert torch.equal(maps.shrunk(maps.grown(dot, reach), reach), dot)
