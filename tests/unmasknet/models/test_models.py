"""Networks: shapes, ranges, gradients, and the effect of each part."""

import pytest
import torch
from torch import nn

from maskgen.errors import InputError, MissingError
from unmasknet.maps import composite
from unmasknet.models import perceptual
from unmasknet.models.discriminator import Discriminator, build_discriminators, crop_around_map, diff_augment
from unmasknet.models.generator import build_generator
from unmasknet.models.segmenter import build_segmenter, grow, open_map, shrink
from unmasknet.models.size import count_gmac, count_parameters
from unmasknet.presets import PRESETS, load_preset
from unmasknet.settings import (
    DiscriminatorSettings,
    GanLossSettings,
    GanSettings,
    GeneratorSettings,
    SegmenterSettings,
)

SIDE = 64


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def pictures(count: int = 2, side: int = SIDE) -> torch.Tensor:
    return torch.rand(count, 3, side, side)


def holes(count: int = 2, side: int = SIDE) -> torch.Tensor:
    found = torch.zeros(count, 1, side, side)
    found[:, :, side // 2 : side - 8, side // 4 : -side // 4] = 1
    return found


@pytest.mark.parametrize("name", PRESETS)
def test_networks_of_every_preset_go_forward_and_backward(name):
    gan, segm = load_preset(name, "gan"), load_preset(name, "segm")
    photo, map = pictures(1), holes(1)
    segmenter = build_segmenter(segm.model)
    logits = segmenter(photo)
    assert logits.shape == map.shape
    generator = build_generator(gan.generator)
    result = generator(photo, map)
    assert result.shape == photo.shape
    assert result.min() >= 0
    assert result.max() <= 1
    total = logits.mean() + result.mean()
    for discriminator in build_discriminators(gan.discriminator).values():
        patches, features = discriminator(result, photo, map, torch.rand(1, 8))
        assert patches.shape[:2] == (1, 1)
        assert len(features) == gan.discriminator.layers + 1
        total = total + patches.mean()
    total.backward()
    for model in (segmenter, generator):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def small(**parts: object) -> nn.Module:
    return build_generator(GeneratorSettings(width=8, max_width=16, depth=2, ffc_blocks=1, **parts)).eval()


def test_a_zeroed_input_hides_the_mask_from_the_generator():
    generator, photo, map = small(input="zeroed"), pictures(), holes()
    other = composite(1 - photo, photo, map)
    assert torch.equal(generator(photo, map), generator(other, map))
    sees = small(input="photo")
    assert not torch.equal(sees(photo, map), sees(other, map))


def test_a_grey_input_shows_the_mask_s_brightness_and_not_its_colour():
    generator, photo, map = small(input="grey"), pictures(), holes()
    red, green = (torch.tensor(colour).view(1, 3, 1, 1) for colour in ((0.587, 0.0, 0.0), (0.0, 0.299, 0.0)))
    coloured = [composite((photo * 0.4 + colour), photo, map) for colour in (red, green)]
    brighter = composite(photo * 0.4 + 0.5, photo, map)
    assert torch.allclose(generator(coloured[0], map), generator(coloured[1], map), atol=1e-5)
    assert not torch.allclose(generator(coloured[0], map), generator(brighter, map), atol=1e-3)


def test_composite_keeps_the_photo_outside_the_hole():
    result, photo, map = pictures(), pictures(), holes()
    laid = composite(result, photo, map)
    assert torch.equal(laid[map.expand_as(laid) == 0], photo[map.expand_as(laid) == 0])
    assert torch.equal(laid[map.expand_as(laid) == 1], result[map.expand_as(laid) == 1])


def test_a_fourier_block_sees_the_whole_image():
    def reach(middle: str) -> int:
        generator, photo, map = (
            small(middle=middle),
            pictures(1).requires_grad_(),
            torch.zeros(1, 1, SIDE, SIDE),
        )
        generator(photo, map)[0, 0, 0, 0].backward()
        return int((photo.grad.abs().sum(dim=(0, 1)) > 0).sum())

    assert reach("ffc") == SIDE * SIDE > 2 * reach("none")


def test_opening_removes_only_thin_parts():
    plane = torch.zeros(1, 1, 32, 32)
    plane[..., 8:20, 8:20] = 1
    plain = plane.clone()
    plane[..., 25, 2:30] = 1
    assert torch.equal(open_map(plane, 1), plain)
    assert torch.equal(shrink(grow(plain, 2), 2), plain)
    assert torch.equal(open_map(plane, 0), plane)


def test_clean_scales_its_radius_with_the_image():
    segmenter = build_segmenter(SegmenterSettings(width=4, depth=1, opening=8))
    logits = torch.full((1, 1, 64, 64), -9.0)
    logits[..., 20:25, 20:25] = 9  # 5 pixels: as wide as the opening at 64, narrower than it at 256
    assert segmenter.clean(logits).sum() == 25
    large = torch.full((1, 1, 256, 256), -9.0)
    large[..., 20:25, 20:25] = 9
    assert segmenter.clean(large).sum() == 0


def test_crop_hole_frames_the_hole_or_returns_the_whole_image():
    x = torch.arange(SIDE, dtype=torch.float32).view(1, 1, 1, SIDE).expand(2, 1, SIDE, SIDE)
    map = torch.zeros(2, 1, SIDE, SIDE)
    map[0, :, 16:32, 24:40] = 1
    framed = crop_around_map(x, map, 32)
    assert framed.shape == (2, 1, 32, 32)
    assert framed[0].min() == pytest.approx(22, abs=0.5)  # 16 wide, margin 1.25: 22 to 42
    assert framed[0].max() == pytest.approx(41, abs=0.5)
    assert framed[1].min() < 1
    assert framed[1].max() > SIDE - 2


def test_diff_augment_depends_on_the_sample_and_is_differentiable():
    x, chance = pictures().mul(2).sub(1).requires_grad_(), torch.rand(2, 8)
    both = diff_augment(x, chance)
    alone = torch.cat([diff_augment(x[i : i + 1], chance[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(both, alone)
    both.sum().backward()
    assert x.grad.abs().sum() > 0


def test_diff_augment_in_the_middle_of_its_ranges_changes_only_what_it_cuts():
    x = pictures().mul(2).sub(1)
    still = torch.tensor([[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0]]).repeat(2, 1)
    changed = diff_augment(x, still)
    same = (changed - x).abs() < 1e-5
    assert same.float().mean() > 0.88
    assert (changed[~same] == 0).all()


def test_without_chance_or_settings_images_are_not_augmented():
    settings = DiscriminatorSettings(width=4, layers=2)
    discriminator = build_discriminators(settings)["whole"].eval()
    photo, map = pictures(), holes()
    assert torch.equal(discriminator(photo, photo, map)[0], discriminator(photo, photo, map)[0])
    off = build_discriminators(settings.model_copy(update={"augment": False}))["whole"].eval()
    assert torch.equal(off(photo, photo, map, torch.rand(2, 8))[0], off(photo, photo, map)[0])


def test_real_and_fake_are_composited_in_the_same_way():
    discriminator = Discriminator(
        sees="composite", with_map=True, augment=False, width=4, layers=2, norm="none", spectral=False
    )
    truth, map = pictures(), holes()
    fake = composite(truth, 1 - truth, map)  # right in the hole, wrong elsewhere: the photo counts there
    assert torch.allclose(discriminator(truth, truth, map)[0], discriminator(fake, truth, map)[0])


def test_parameters_and_multiply_adds_are_counted_right():
    conv = nn.Conv2d(3, 8, 3, padding=1)
    assert count_parameters(conv) == {"trainable": 3 * 8 * 9 + 8, "fixed": 0}
    assert count_gmac(conv, (1, 3, 32, 32)) == pytest.approx(3 * 8 * 9 * 32 * 32 / 1e9)
    conv.requires_grad_(False)
    assert count_parameters(conv)["fixed"] == 224


def test_vgg_is_cut_behind_the_layers_that_din_et_al_name():
    stages = perceptual.vgg_stages("vgg19")
    ends = [list(stage)[-1] for stage in stages]
    assert all(isinstance(end, nn.Conv2d) for end in ends)
    convs = [sum(isinstance(m, nn.Conv2d) for m in stage) for stage in stages]
    assert convs == [8, 4, 4]  # conv3_4 is the 8th, conv4_4 the 12th, conv5_4 the 16th
    x = pictures(1)
    shapes = []
    for stage in stages:
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(256, 16, 16), (512, 8, 8), (512, 4, 4)]


@pytest.mark.parametrize(("name", "places"), [("vgg16", (14, 21, 28)), ("vgg19", (16, 25, 34))])
def test_vgg_takes_torchvisions_weights(name, places, tmp_path):
    weights = {}
    for place, conv in zip(perceptual._vgg_places(name), convs_of(name), strict=False):
        weights |= {f"features.{place}.{part}": value for part, value in conv.state_dict().items()}
    torch.save(weights | {"classifier.0.weight": torch.zeros(1)}, tmp_path / "w.pth")
    loaded = perceptual.load_vgg(name, tmp_path / "w.pth", unit=False)
    assert loaded.name == name
    assert f"features.{places[-1]}.weight" in weights, "torchvision's number of the last convolution"
    last = list(loaded.stages[-1])[-1]
    assert torch.equal(last.weight, weights[f"features.{places[-1]}.weight"])


def convs_of(name: str) -> list[nn.Conv2d]:
    return [m for stage in perceptual.vgg_stages(name) for m in stage if isinstance(m, nn.Conv2d)]


def test_files_without_vggs_weights_are_refused(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="does not hold torchvision's weights of vgg16"):
        perceptual.load_vgg("vgg16", tmp_path / "w.pth", unit=True)
    with pytest.raises(MissingError, match="no such file"):
        perceptual.build_perceptual(
            GanLossSettings(perceptual_net="vgg16", perceptual_weights=str(tmp_path / "x.pth"))
        )


def test_without_vggs_weights_efficientnet_is_used_and_named(tmp_path, monkeypatch):
    pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    net = perceptual.build_perceptual(GanLossSettings(perceptual_net="vgg19"))
    assert net.name == "efficientnet-lite0"
    assert [f.shape[-1] for f in net.features(pictures())] == [32, 16, 8, 4]
    assert count_parameters(net)["trainable"] == 0
    truth = pictures()
    near, far = (truth + 0.02).clamp(0, 1), pictures()
    assert torch.equal(net(truth, truth), torch.zeros(2))
    assert (net(near, truth) < net(far, truth)).all()
    assert (net(far, truth) <= 4).all()
    assert not net.train().training, "its norms keep their statistics"


def test_no_perceptual_network_is_built_if_the_loss_is_off():
    assert perceptual.build_perceptual(GanLossSettings(perceptual_net="none")) is None
    assert perceptual.build_perceptual(GanLossSettings(perceptual=0)) is None


@pytest.mark.parametrize("patch", [2, 4])
def test_folded_pixels_make_the_same_sides_cheaper(patch):
    plain, folded = small(), small(patch=patch)
    assert folded(pictures(), holes()).shape == pictures().shape
    shapes = ((1, 3, SIDE, SIDE), (1, 1, SIDE, SIDE))
    assert count_gmac(folded, *shapes) < 3 / patch**2 * count_gmac(plain, *shapes)


def test_a_side_that_cannot_be_halved_is_refused_with_a_valid_one():
    with pytest.raises(ValueError, match=r"data\.size 160: .* such as 128"):
        GanSettings.model_validate({"data": {"size": 160}, "generator": {"depth": 5, "patch": 2}})
