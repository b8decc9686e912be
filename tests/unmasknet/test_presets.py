"""Presets: completeness, comments, and agreement with their descriptions."""

import pytest
from pydantic import BaseModel
from torch import nn

from maskgen.assets import asset
from maskgen.config import print_config, read_toml
from maskgen.errors import UsageError
from unmasknet.models.blocks import AttentionGate, Conv, FourierBlock, SqueezeExcite
from unmasknet.models.discriminator import build_discriminators
from unmasknet.models.generator import build_generator
from unmasknet.models.perceptual import VGG_LAYERS
from unmasknet.models.segmenter import build_segmenter
from unmasknet.models.size import count_gmac, count_parameters
from unmasknet.presets import PRESETS, Preset, load_preset
from unmasknet.settings import GanSettings, SegmSettings

FOLLOWED = ("din2020", "fugan", "v2", "patch256")  # those that follow other projects


def parts(model: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, kind)]


def paths(model: BaseModel, prefix: str = "") -> set[str]:
    found = set()
    for name in type(model).model_fields:
        value = getattr(model, name)
        found |= paths(value, f"{prefix}{name}.") if isinstance(value, BaseModel) else {prefix + name}
    return found


def written(tree: dict, prefix: str = "") -> set[str]:
    found = set()
    for name, value in tree.items():
        found |= written(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name}
    return found


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_every_setting_except_the_optional_ones(name):
    path = asset(f"configs/presets/{name}.toml")
    preset = Preset.model_validate(read_toml(path))
    optional = {f"{stage}.{rest}" for stage in ("segm", "gan") for rest in ("data.workers", "loop.epochs")}
    assert paths(preset) - written(read_toml(path)) <= optional


@pytest.mark.parametrize("name", PRESETS)
def test_comments_of_a_preset_are_current(name):
    text = asset(f"configs/presets/{name}.toml").read_text("utf-8")
    head, _, body = text.partition("\n\n")
    assert head.startswith(f"# {name}: ")
    assert body == print_config(Preset.model_validate(read_toml(asset(f"configs/presets/{name}.toml"))))


def test_the_preset_unmask_is_what_the_settings_default_to():
    assert load_preset("unmask", "segm") == SegmSettings()
    assert load_preset("unmask", "gan") == GanSettings()


def test_an_unknown_preset_is_refused_with_the_choice():
    with pytest.raises(UsageError, match="tiny, small, unmask, din2020"):
        load_preset("best", "gan")


def test_lanes_are_shared_evenly_by_the_workers():
    with pytest.raises(ValueError, match=r"does not divide data\.lanes"):
        SegmSettings.model_validate({"data": {"lanes": 4, "workers": 3}})


@pytest.mark.parametrize("name", FOLLOWED)
def test_followed_presets_share_losses_and_their_weights(name):
    loss = load_preset(name, "gan").loss
    assert (loss.ssim, loss.l1_whole, loss.perceptual, loss.whole, loss.region) == (100, 100, 1, 0.3, 0.7)
    assert (loss.adversarial, loss.feature_matching, loss.measure) == ("bce", 0, "result")


@pytest.mark.parametrize("name", FOLLOWED)
def test_the_region_discriminator_sees_the_composited_photo_the_whole_one_the_result(name):
    discriminators = build_discriminators(load_preset(name, "gan").discriminator)
    assert discriminators["whole"].sees == "result"
    assert discriminators["region"].sees == "composite"
    assert not parts(discriminators["whole"], nn.Linear), "it classifies patches, not whole images"


def test_din2020_is_the_papers():
    settings = load_preset("din2020", "gan")
    generator = build_generator(settings.generator)
    atrous = [conv.conv.dilation[0] for conv in parts(generator.unet.middle, Conv)]
    assert atrous == [2, 4, 8, 16]
    encoder, decoder = generator.unet.down, generator.unet.up
    assert [len(parts(level, SqueezeExcite)) for level in encoder] == [1, 1, 1, 0, 0], "early, then no more"
    assert not parts(decoder, SqueezeExcite)
    assert generator.unet.down[0][0].conv.in_channels == 4, "photo and map"
    assert (settings.loss.whole_from, settings.loss.region_from) == (0, 2 / 5)
    assert settings.loss.perceptual_net == "vgg19"
    assert VGG_LAYERS["vgg19"] == ((3, 4), (4, 4), (5, 4))
    optimiser = settings.optimiser
    assert (optimiser.lr, optimiser.lr_discriminator, optimiser.beta1) == (2e-4, 2e-4, 0.5)
    assert load_preset("din2020", "segm").model.opening > 0


def test_fugan_has_attention_128_pixels_two_phases_and_its_segmenter_17_7_million_parameters():
    segm, gan = load_preset("fugan", "segm"), load_preset("fugan", "gan")
    segmenter, generator = build_segmenter(segm.model), build_generator(gan.generator)
    assert count_parameters(segmenter)["trainable"] == pytest.approx(17.7e6, rel=0.01)
    assert len(parts(segmenter, AttentionGate)) == segm.model.depth
    assert len(parts(generator, AttentionGate)) == gan.generator.depth
    assert segm.data.size == gan.data.size == 128
    assert gan.loss.whole_from == 0 < gan.loss.region_from < 1, "phase 1 has its adversarial loss"


def test_v2_has_instance_norm_leaky_relu_in_every_block_and_its_numbers():
    settings = load_preset("v2", "gan")
    generator = build_generator(settings.generator)
    for conv in parts(generator, Conv):
        assert isinstance(conv.norm, nn.InstanceNorm2d)
        assert isinstance(conv.activation, nn.LeakyReLU)
        assert conv.activation.negative_slope == 0.2
    assert settings.data.batch == 8
    assert (settings.optimiser.lr, settings.optimiser.lr_discriminator) == (2e-4, 2e-4)


def test_patch256_has_batch_norm_normal_weights_and_its_numbers():
    settings = load_preset("patch256", "gan")
    generator = build_generator(settings.generator)
    assert all(isinstance(conv.norm, nn.BatchNorm2d) for conv in parts(generator, Conv))
    for conv in parts(generator, Conv):
        assert conv.conv.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert (settings.data.size, settings.data.batch, settings.loss.perceptual_net) == (256, 16, "vgg16")
    optimiser = settings.optimiser
    assert (optimiser.lr, optimiser.beta1, optimiser.beta2) == (1e-4, 0.5, 0.999)


def test_unmask_has_gated_and_fourier_parts_spectral_norm_hinge_feature_matching_ema_and_jitter():
    settings = load_preset("unmask", "gan")
    generator = build_generator(settings.generator)
    assert all(conv.gated for conv in parts(generator, Conv))
    assert len(parts(generator, FourierBlock)) == 6
    discriminators = build_discriminators(settings.discriminator)
    for net in discriminators.values():
        assert not parts(net, nn.BatchNorm2d)
        assert all(hasattr(conv, "parametrizations") for conv in parts(net, nn.Conv2d))
    assert discriminators["region"].sees == "crop"
    assert discriminators["region"].with_map
    loss = settings.loss
    assert (loss.adversarial, loss.feature_matching, loss.l1_hole) == ("hinge", 10, 5)
    assert (loss.whole_from, loss.region_from) == (0.1, 0.4)
    assert settings.augment.map_jitter > 0
    assert 10_000 <= settings.optimiser.ema_images <= 20_000
    assert 5e6 <= count_parameters(generator)["trainable"] <= 12e6
    assert 5 <= count_gmac(generator, (1, 3, 256, 256), (1, 1, 256, 256)) <= 10


@pytest.mark.parametrize("name", PRESETS)
def test_only_presets_after_earlier_work_use_batch_norm(name):
    """A batch norm sees only the samples of its rank, so two ranks would not train like one."""
    batchy = {"fugan", "patch256"}
    generator = build_generator(load_preset(name, "gan").generator)
    assert bool(parts(generator, nn.BatchNorm2d)) == (name in batchy)
