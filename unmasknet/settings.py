"""Every setting of `unmask train`: default, bound, unit, meaning. Frozen; only builders read them.

A preset (`assets/configs/presets/NAME.toml`) gives all of them for both stages, `[segm]` and `[gan]`; --config, --set
and options of the command then change single ones. The defaults here are those of the preset `unmask`.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from maskgen.settings import COMMON, RUN, Option, Section

REFERENCE_SIDE = 256  # pixels; radii, widths and distances in the settings are meant at this side
LEARN = "What to learn"  # heading of `--help`

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Norm = Literal["none", "batch", "instance", "group"]
Activation = Literal["relu", "leaky", "elu", "silu"]
Init = Literal["default", "normal"]


class DataSettings(Section):
    """Where samples come from and how they become batches."""

    data: Annotated[tuple[str, ...], Option("DIR", LEARN, required="name the data set: --data DIR")] = ()
    """Data sets: folders or URLs of folders (http, s3, ..), or URLs of .tar files with {000000..000009}."""
    split: Literal["train", "val", "test"] = "train"
    """Split to learn from."""
    validate_split: Literal["train", "val", "test"] = "val"
    """Split to validate on; its people are no others' of the data set."""
    size: Annotated[
        int, Field(ge=32, le=1024, multiple_of=32), Option("PX", LEARN, default="the preset's")
    ] = 256
    """Side of the square pictures that the network sees, in pixels."""
    fit: Literal["resize", "crop"] = "resize"
    """How a sample of another size is made to fit: scaled, or cut around the hole."""
    batch: Annotated[int, Field(ge=1, le=4096), Option("B", LEARN, default="the preset's")] = 16
    """Samples of a step, of all ranks together."""
    lanes: Annotated[int, Field(ge=1, le=64)] = 4
    """Independent streams that the steps take turns in; the most workers that can share the reading."""
    workers: Annotated[int, Field(ge=0, le=64)] | None = None
    """Processes that decode, of one rank; must divide `lanes`; 0: none but the trainer; none: by the cores."""
    shuffle: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Samples, still encoded, that each lane draws from."""


class AugmentSettings(Section):
    """What is changed at random, alike in photo, truth and map, before a batch is made. All 0: nothing."""

    flip: Share = 0.5
    """Probability of a mirrored sample."""
    rotate: Annotated[float, Field(ge=0, le=45)] = 8.0
    """Degrees, the most either way."""
    zoom: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Scale up or down, the most, as a share."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.04
    """Shift either way, the most, as a share of the side."""
    colour: Share = 0.2
    """Strength of random brightness, contrast, saturation and hue."""
    blur: Share = 0.0
    """Probability of a blur, segmenter only."""
    noise: Share = 0.0
    """Probability of sensor noise, segmenter only."""
    jpeg: Share = 0.0
    """Probability of a further JPEG of the whole picture, segmenter only; `jpeg_min` is its lowest quality."""
    jpeg_min: Annotated[int, Field(ge=10, le=95)] = 50
    """Lowest quality of that JPEG; the highest is 95."""
    occlude: Share = 0.0
    """Probability of a thing before the face that is no mask, segmenter only."""
    unmasked: Share = 0.0
    """Probability that the segmenter is shown the photo without the mask, and an empty map."""
    map_jitter: Annotated[int, Field(ge=0, le=32)] = 0
    """Pixels at a side of 256 by which the generator's map is grown or shrunk at random, the most."""


class SegmenterSettings(Section):
    """The U-Net that finds the mask."""

    width: Annotated[int, Field(ge=4, le=512)] = 20
    """Channels of the first level; each level below has twice as many, up to `max_width`."""
    max_width: Annotated[int, Field(ge=4, le=2048)] = 256
    """Most channels of a level."""
    depth: Annotated[int, Field(ge=1, le=5)] = 4
    """Times that the picture is halved."""
    convs: Annotated[int, Field(ge=1, le=4)] = 2
    """Convolutions of a level, on the way down and on the way up."""
    patch: Annotated[int, Field(ge=1, le=8)] = 1
    """Side of the squares of pixels that are folded into channels first and unfolded last; 2 is four times as fast."""
    norm: Norm = "group"
    """Normalisation after each convolution."""
    activation: Activation = "silu"
    """Non-linearity; `leaky` has slope .2."""
    attention: bool = False
    """Attention gates on the skip connections."""
    init: Init = "default"
    """Initial weights: torch's own, or normal with deviation .02."""
    opening: Annotated[int, Field(ge=0, le=32)] = 1
    """Radius in pixels at a side of 256 of the opening (erode, dilate) that cleans the map; 0: none."""


class GeneratorSettings(Section):
    """The U-Net that restores the face."""

    gated: bool = True
    """Gated convolutions: features times a learned soft mask."""
    width: Annotated[int, Field(ge=4, le=512)] = 22
    """Channels of the first level; each level below has twice as many, up to `max_width`."""
    max_width: Annotated[int, Field(ge=4, le=2048)] = 256
    """Most channels of a level."""
    depth: Annotated[int, Field(ge=1, le=5)] = 4
    """Times that the picture is halved."""
    convs: Annotated[int, Field(ge=1, le=4)] = 1
    """Convolutions of a level, on the way down and on the way up."""
    patch: Annotated[int, Field(ge=1, le=8)] = 1
    """Side of the squares of pixels that are folded into channels first and unfolded last; 2 is four times as fast."""
    norm: Norm = "none"
    """Normalisation after each convolution."""
    activation: Activation = "elu"
    """Non-linearity; `leaky` has slope .2."""
    squeeze_excite: Annotated[int, Field(ge=0, le=8)] = 0
    """Levels of the encoder, from the first, that end in squeeze-and-excitation."""
    attention: bool = False
    """Attention gates on the skip connections."""
    middle: Literal["none", "dilated", "ffc"] = "ffc"
    """Blocks at the lowest level: none, atrous convolutions one after the other, or fast Fourier convolutions."""
    dilations: tuple[Annotated[int, Field(ge=1, le=64)], ...] = (2, 4, 8, 16)
    """Rates of the atrous convolutions."""
    ffc_blocks: Annotated[int, Field(ge=1, le=32)] = 6
    """Number of fast Fourier blocks, each of two convolutions and a way around them."""
    input: Literal["zeroed", "photo", "grey"] = "zeroed"
    """What it sees beside the map: the photo with the hole zeroed, with the mask as it is, or its brightness alone."""
    output: Literal["sigmoid", "tanh"] = "sigmoid"
    """How the last layer is bounded; both end in [0, 1]."""
    init: Init = "default"
    """Initial weights: torch's own, or normal with deviation .02."""


class DiscriminatorSettings(Section):
    """A patch discriminator; two of them are made, `whole` and `region`."""

    width: Annotated[int, Field(ge=4, le=512)] = 64
    """Channels of the first layer."""
    layers: Annotated[int, Field(ge=1, le=6)] = 3
    """Layers of stride 2."""
    norm: Norm = "none"
    """Normalisation after each convolution but the first."""
    spectral: bool = True
    """Spectral normalisation of the weights."""
    init: Init = "default"
    """Initial weights: torch's own, or normal with deviation .02."""
    whole_sees: Literal["result", "composite"] = "composite"
    """What the whole discriminator judges: the network's picture, or its hole laid into the photo."""
    region_sees: Literal["composite", "crop"] = "crop"
    """What the region discriminator judges: the composited photo, or the square around its hole, enlarged."""
    region_map: bool = True
    """Whether the region discriminator also sees the map."""
    augment: bool = True
    """Real and fake alike are shifted, re-coloured and cut at random before they are judged."""


class SegmLossSettings(Section):
    """What the segmenter is trained for."""

    bce: Weight = 1.0
    """Weight of the binary cross-entropy."""
    dice: Weight = 1.0
    """Weight of 1 - Dice."""


class GanLossSettings(Section):
    """What the generator is trained for, and when; each term is 0 for a perfect picture unless it says otherwise."""

    measure: Literal["result", "composite"] = "composite"
    """What L1, SSIM and the perceptual distance look at: the network's picture, or its hole laid into the photo."""
    l1_hole: Weight = 5.0
    """Weight of the mean absolute difference over the hole, in [0, 1]."""
    l1_whole: Weight = 0.0
    """Weight of the mean absolute difference over the whole picture, in [0, 1]."""
    ssim: Weight = 1.0
    """Weight of 1 - SSIM, in [0, 2]."""
    perceptual: Weight = 1.0
    """Weight of the distance between features of `perceptual_net`."""
    feature_matching: Weight = 10.0
    """Weight of the distance between the discriminators' features of result and truth."""
    whole: Weight = 0.3
    """Weight of the whole discriminator's opinion."""
    region: Weight = 0.7
    """Weight of the region discriminator's opinion."""
    adversarial: Literal["hinge", "bce"] = "hinge"
    """Kind of the adversarial loss."""
    whole_from: Share = 0.1
    """Share of the steps after which the whole discriminator joins; before, there is only reconstruction."""
    region_from: Share = 0.4
    """Share of the steps after which the region discriminator joins."""
    perceptual_net: Literal["auto", "vgg19", "vgg16", "efficientnet", "none"] = "auto"
    """Network of the perceptual distance. `auto`, or a VGG without weights at hand: EfficientNet-Lite0 instead."""
    perceptual_unit: bool = True
    """Features are scaled to length 1 at each place first, so that the distance stays in [0, 4]; else as they are."""
    perceptual_weights: str = ""
    """File with torchvision's weights of the VGG; empty looks in torch's own cache."""
    identity: Weight = 0.0
    """Weight of 1 - cosine of the face embeddings of result and truth by `identity_net`; for gen-data's crops."""
    identity_net: str = ""
    """Face network as ONNX of aligned RGB in [-1, 1], as ArcFace's are; never the one that `eval` judges by."""


class OptimiserSettings(Section):
    """How weights are changed."""

    lr: Annotated[float, Field(gt=0, le=1)] = 2e-4
    """Learning rate of the segmenter or the generator."""
    lr_discriminator: Annotated[float, Field(gt=0, le=1)] = 4e-4
    """Learning rate of the discriminators."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Adam's first decay."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Adam's second decay."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Learning rate over the steps."""
    warmup: Share = 0.01
    """Share of the steps over which the learning rate rises from 0."""
    clip: Weight = 1.0
    """Largest norm of all gradients of a network together; 0: no limit."""
    ema_images: Annotated[int, Field(ge=0)] = 10_000
    """Images over which the averaged weights forget half; 0: no average, the last weights are the result."""


class LoopSettings(Section):
    """How long, on what, and what is written when. Steps count updates of the weights."""

    steps: Annotated[int, Field(ge=1), Option("N", LEARN, default="the preset's")] = 100_000
    """Updates of the weights."""
    epochs: Annotated[Annotated[float, Field(gt=0)] | None, Option("N", LEARN)] = None
    """Passes over the data instead of `steps`."""
    minutes: Annotated[float, Field(ge=0), Option("M", LEARN, default="0, no limit")] = 0.0
    """Minutes after which this start of the run ends, with all saved, as if `steps` were done; 0: no limit."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Parts that a batch is computed in, when memory is short; the result is the same."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic: `bf16` is mixed precision; `auto` takes it on GPUs that have it."""
    device: Annotated[str, Option("auto|cpu|cuda", RUN)] = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1`, `mps`."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """CPU threads of the trainer; none: torch's choice."""
    log_every: Annotated[int, Field(ge=1)] = 50
    """Steps between lines of metrics.jsonl."""
    validate_every: Annotated[int, Field(ge=1)] = 2000
    """Steps between validations."""
    validate_samples: Annotated[int, Field(ge=1)] = 500
    """Samples of a validation, the first of the split."""
    sample_every: Annotated[int, Field(ge=1)] = 1000
    """Steps between pictures of the fixed samples."""
    samples: Annotated[int, Field(ge=1, le=64)] = 8
    """Number of fixed samples."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 1000
    """Steps between writings of last.pt."""
    keep_every: Annotated[int, Field(ge=0)] = 0
    """Steps between checkpoints that are kept beside last and best; 0: none."""
    max_bad_steps: Annotated[int, Field(ge=1)] = 20
    """Steps in a row with a loss that is no number, after which the run stops."""


class _TrainSettings(Section):
    data: DataSettings = DataSettings()
    augment: AugmentSettings = AugmentSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    loop: LoopSettings = LoopSettings()
    seed: Annotated[int, Field(ge=0), Option("N", COMMON)] = 0
    """What all random choices are drawn from: weights, order, augmentation."""

    @model_validator(mode="after")
    def _fits(self) -> "_TrainSettings":
        if self.data.workers and self.data.lanes % self.data.workers:
            raise ValueError(
                f"data.workers {self.data.workers} does not divide data.lanes {self.data.lanes}; "
                f"set data.lanes to a multiple of it"
            )
        if self.data.batch % self.loop.accumulate:
            raise ValueError(
                f"loop.accumulate {self.loop.accumulate} does not divide data.batch {self.data.batch}"
            )
        return self


def _check_side(side: int, net: SegmenterSettings | GeneratorSettings) -> None:
    """Raises ValueError for a side that the network cannot halve as often as it wants to."""
    factor = net.patch * 2**net.depth
    if side % factor:
        raise ValueError(
            f"data.size {side}: this network folds squares of {net.patch} and halves {net.depth} times; "
            f"take a multiple of {factor}, such as {max(round(side / factor), 1) * factor}"
        )


class SegmSettings(_TrainSettings):
    """Settings of `unmask train segm`."""

    stage: ClassVar[Literal["segm", "gan"]] = "segm"

    model: SegmenterSettings = SegmenterSettings()
    loss: SegmLossSettings = SegmLossSettings()
    augment: AugmentSettings = AugmentSettings(
        rotate=15.0,
        zoom=0.2,
        shift=0.08,
        colour=0.5,
        blur=0.2,
        noise=0.3,
        jpeg=1.0,
        occlude=0.15,
        unmasked=0.1,
    )
    optimiser: OptimiserSettings = OptimiserSettings(lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=1e-4)
    loop: LoopSettings = LoopSettings(steps=20_000)

    @model_validator(mode="after")
    def _halves(self) -> "SegmSettings":
        _check_side(self.data.size, self.model)
        return self


class GanSettings(_TrainSettings):
    """Settings of `unmask train gan`."""

    stage: ClassVar[Literal["segm", "gan"]] = "gan"

    segmenter: Annotated[str, Option("RUN", LEARN)] = ""
    """Run folder of a segmenter whose maps are trained on beside the true ones; empty: true maps alone."""
    predicted: Share = 0.3
    """Share of the samples that get the segmenter's map, where there is one."""
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    loss: GanLossSettings = GanLossSettings()
    augment: AugmentSettings = AugmentSettings(map_jitter=4)

    @model_validator(mode="after")
    def _halves(self) -> "GanSettings":
        _check_side(self.data.size, self.generator)
        if self.loss.identity and self.data.fit == "crop":
            raise ValueError(
                'loss.identity: looks for the face where a whole crop has it, but data.fit is "crop", a cut around the '
                'hole; set data.fit to "resize", or loss.identity to 0'
            )
        return self
