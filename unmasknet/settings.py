"""All settings of `unmask train`: default, bounds, unit, meaning. Frozen; only builders read them.

A preset (`assets/configs/presets/NAME.toml`) sets all of them for both stages, `[segm]` and `[gan]`. --config, --set
and the options of the command then override single settings. The defaults here are those of the preset `unmask`.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from maskgen.section import COMMON, RUN, Option, Section

REFERENCE_SIDE = 256  # pixels; radii, widths and distances in the settings refer to images of this side
LEARN = "What to learn"  # heading of `--help`

Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Norm = Literal["none", "batch", "instance", "group"]
Activation = Literal["relu", "leaky", "elu", "silu"]
Init = Literal["default", "normal"]


class DataSettings(Section):
    """Source of the samples, and how they are combined into batches."""

    data: Annotated[tuple[str, ...], Option("DIR", LEARN, required="name the data set: --data DIR")] = ()
    """Data sets: folders or URLs of folders (http, s3, ...), or URLs of .tar files with {000000..000009}."""
    split: Literal["train", "val", "test"] = "train"
    """Split to train on."""
    validate_split: Literal["train", "val", "test"] = "val"
    """Split to validate on; none of its people is in another split."""
    size: Annotated[
        int, Field(ge=32, le=1024, multiple_of=32), Option("PX", LEARN, default="the preset's")
    ] = 256
    """Side of the network's square input images, in pixels."""
    fit: Literal["resize", "crop"] = "resize"
    """How a sample of another size is fitted: scaled, or cropped around the hole."""
    batch: Annotated[int, Field(ge=1, le=4096), Option("B", LEARN, default="the preset's")] = 16
    """Samples per step, all ranks together."""
    lanes: Annotated[int, Field(ge=1, le=64)] = 4
    """Independent streams that the steps take turns in; also the maximum number of workers."""
    workers: Annotated[int, Field(ge=0, le=64)] | None = None
    """Decoding processes per rank; must divide `lanes`; 0: the trainer decodes; not set: chosen by the cores."""
    shuffle: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Size of each lane's shuffle buffer, in samples; they are held encoded."""


class AugmentSettings(Section):
    """Random changes of a sample, the same for photo, ground truth and map. All 0: no augmentation."""

    flip: Fraction = 0.5
    """Probability of mirroring a sample."""
    rotate: Annotated[float, Field(ge=0, le=45)] = 8.0
    """Largest rotation in either direction, in degrees."""
    zoom: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Largest change of scale, up or down, as a fraction."""
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.04
    """Largest shift in either direction, as a fraction of the side."""
    colour: Fraction = 0.2
    """Strength of random changes of brightness, contrast, saturation and colour of the light."""
    blur: Fraction = 0.0
    """Probability of a blur, segmenter only."""
    noise: Fraction = 0.0
    """Probability of sensor noise, segmenter only."""
    jpeg: Fraction = 0.0
    """Probability of compressing the whole image once more as JPEG, segmenter only."""
    jpeg_min: Annotated[int, Field(ge=10, le=95)] = 50
    """Lowest quality of this JPEG; the highest is 95."""
    occlude: Fraction = 0.0
    """Probability of an object that is not a mask in front of the face, segmenter only."""
    unmasked: Fraction = 0.0
    """Probability that the segmenter gets the photo without the mask, and an empty map."""
    map_jitter: Annotated[int, Field(ge=0, le=32)] = 0
    """Largest random dilation or erosion of the generator's map, in pixels at a side of 256."""


class SegmenterSettings(Section):
    """U-Net that predicts the mask map."""

    width: Annotated[int, Field(ge=4, le=512)] = 20
    """Channels of the first level; doubled at each further level, up to `max_width`."""
    max_width: Annotated[int, Field(ge=4, le=2048)] = 256
    """Maximum number of channels of a level."""
    depth: Annotated[int, Field(ge=1, le=5)] = 4
    """Number of times that the image is halved."""
    convs: Annotated[int, Field(ge=1, le=4)] = 2
    """Convolutions per level, in the encoder and in the decoder."""
    patch: Annotated[int, Field(ge=1, le=8)] = 1
    """Side of the pixel squares folded into channels at the input and unfolded at the output; 2 is 4 times as fast."""
    norm: Norm = "group"
    """Normalisation after each convolution."""
    activation: Activation = "silu"
    """Non-linearity; `leaky` has slope .2."""
    attention: bool = False
    """Attention gates on the skip connections."""
    init: Init = "default"
    """Initial weights: torch's default, or normal with standard deviation .02."""
    opening: Annotated[int, Field(ge=0, le=32)] = 1
    """Radius of the morphological opening that cleans the map, in pixels at a side of 256; 0: no opening."""


class GeneratorSettings(Section):
    """U-Net that restores the face."""

    gated: bool = True
    """Use gated convolutions: features are multiplied by a learned soft mask."""
    width: Annotated[int, Field(ge=4, le=512)] = 22
    """Channels of the first level; doubled at each further level, up to `max_width`."""
    max_width: Annotated[int, Field(ge=4, le=2048)] = 256
    """Maximum number of channels of a level."""
    depth: Annotated[int, Field(ge=1, le=5)] = 4
    """Number of times that the image is halved."""
    convs: Annotated[int, Field(ge=1, le=4)] = 1
    """Convolutions per level, in the encoder and in the decoder."""
    patch: Annotated[int, Field(ge=1, le=8)] = 1
    """Side of the pixel squares folded into channels at the input and unfolded at the output; 2 is 4 times as fast."""
    norm: Norm = "none"
    """Normalisation after each convolution."""
    activation: Activation = "elu"
    """Non-linearity; `leaky` has slope .2."""
    squeeze_excite: Annotated[int, Field(ge=0, le=8)] = 0
    """Levels of the encoder, from the first, that end in squeeze-and-excitation."""
    attention: bool = False
    """Attention gates on the skip connections."""
    middle: Literal["none", "dilated", "ffc"] = "ffc"
    """Blocks at the lowest level: none, a sequence of atrous convolutions, or fast Fourier convolutions."""
    dilations: tuple[Annotated[int, Field(ge=1, le=64)], ...] = (2, 4, 8, 16)
    """Rates of the atrous convolutions."""
    ffc_blocks: Annotated[int, Field(ge=1, le=32)] = 6
    """Number of fast Fourier blocks, each of two convolutions and a residual connection."""
    input: Literal["zeroed", "photo", "grey"] = "zeroed"
    """Input besides the map: the photo with the hole set to zero, unchanged, or with the hole in grey."""
    output: Literal["sigmoid", "tanh"] = "sigmoid"
    """Activation of the last layer; both are scaled to [0, 1]."""
    init: Init = "default"
    """Initial weights: torch's default, or normal with standard deviation .02."""


class DiscriminatorSettings(Section):
    """Patch discriminator; two are built, `whole` and `region`."""

    width: Annotated[int, Field(ge=4, le=512)] = 64
    """Channels of the first layer."""
    layers: Annotated[int, Field(ge=1, le=6)] = 3
    """Layers before the last two, each of stride 2, except the first with `first_stride` 1."""
    kernel: Annotated[int, Field(ge=3, le=4)] = 4
    """Side of the convolutions."""
    first_stride: Annotated[int, Field(ge=1, le=2)] = 2
    """Stride of the first layer; 1 lets it see the finest detail."""
    norm: Norm = "none"
    """Normalisation after each convolution except the first."""
    spectral: bool = True
    """Apply spectral normalisation to the weights."""
    init: Init = "default"
    """Initial weights: torch's default, or normal with standard deviation .02."""
    whole_sees: Literal["result", "composite"] = "composite"
    """Input of the whole discriminator: the network's image, or that image composited into the photo."""
    region_sees: Literal["composite", "crop", "window"] = "crop"
    """Input of the region discriminator: the composited photo, the square around its hole scaled to half of the
    side, or a window of 5/8 of the side over the hole, whose pixels are not resampled."""
    region_high_pass: Annotated[int, Field(ge=0, le=31)] = 0
    """Side, in pixels, of the mean filter whose result is subtracted from the region discriminator's input, so that
    it classifies detail and not tone; odd; 0: no filter."""
    region_map: bool = True
    """Give the map to the region discriminator as well."""
    augment: bool = True
    """Shift, recolour and cut real and fake images at random in the same way before they are classified."""

    @model_validator(mode="after")
    def _filters(self) -> "DiscriminatorSettings":
        if self.region_high_pass and self.region_high_pass % 2 == 0:
            raise ValueError(
                f"discriminator.region_high_pass {self.region_high_pass}: the filter has a middle pixel; set an odd "
                f"number, such as {self.region_high_pass + 1}, or 0"
            )
        return self


class SegmLossSettings(Section):
    """Losses of the segmenter."""

    bce: Weight = 1.0
    """Weight of the binary cross-entropy."""
    dice: Weight = 1.0
    """Weight of 1 - Dice."""


class GanLossSettings(Section):
    """Losses of the generator, and when they join; unless stated otherwise, a term is 0 for a perfect image."""

    measure: Literal["result", "composite"] = "composite"
    """Image that L1, SSIM and the perceptual distance compare: the network's, or that composited into the photo."""
    l1_hole: Weight = 5.0
    """Weight of the mean absolute difference over the hole, in [0, 1]."""
    l1_whole: Weight = 0.0
    """Weight of the mean absolute difference over the whole image, in [0, 1]."""
    ssim: Weight = 1.0
    """Weight of 1 - SSIM, in [0, 2]."""
    perceptual: Weight = 1.0
    """Weight of the distance between features of `perceptual_net`."""
    feature_matching: Weight = 10.0
    """Weight of the distance between the discriminators' features of the result and of the ground truth."""
    whole: Weight = 0.3
    """Weight of the adversarial loss of the whole discriminator."""
    region: Weight = 0.7
    """Weight of the adversarial loss of the region discriminator."""
    adversarial: Literal["hinge", "bce"] = "hinge"
    """Kind of the adversarial loss."""
    whole_from: Fraction = 0.1
    """Fraction of the steps after which the whole discriminator joins."""
    region_from: Fraction = 0.4
    """Fraction of the steps after which the region discriminator joins."""
    perceptual_net: Literal["auto", "vgg19", "vgg16", "efficientnet", "none"] = "auto"
    """Network of the perceptual distance; EfficientNet-Lite0 replaces a VGG whose weights are not found."""
    perceptual_sees: Literal["whole", "window"] = "whole"
    """Part of the image whose features are compared: all of it, or the window over the hole (`region_sees`)."""
    perceptual_unit: bool = True
    """Scale the feature vector at each position to length 1, which keeps the distance in [0, 4]."""
    perceptual_weights: str = ""
    """File with torchvision's weights of the VGG; empty: looked up in torch's cache."""
    identity: Weight = 0.0
    """Weight of 1 - cosine similarity of `identity_net`'s embeddings of result and truth; for gen-data's crops."""
    identity_net: str = ""
    """ONNX file of a face network that takes aligned RGB in [-1, 1], as ArcFace does; not the one that `eval` uses."""


class OptimiserSettings(Section):
    """Settings of the optimisers."""

    lr: Annotated[float, Field(gt=0, le=1)] = 2e-4
    """Learning rate of the segmenter or the generator."""
    lr_discriminator: Annotated[float, Field(gt=0, le=1)] = 4e-4
    """Learning rate of the discriminators."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay rate of Adam's first moment."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay rate of Adam's second moment."""
    weight_decay: Weight = 0.0
    """Decoupled weight decay (AdamW)."""
    schedule: Literal["constant", "cosine"] = "cosine"
    """Schedule of the learning rate over the steps."""
    warmup: Fraction = 0.01
    """Fraction of the steps over which the learning rate rises from 0."""
    clip: Weight = 1.0
    """Maximum norm of all gradients of a network together; 0: no limit."""
    ema_images: Annotated[int, Field(ge=0)] = 10_000
    """Half-life of the averaged weights, in images; 0: no averaging, the last weights are the result."""


class LoopSettings(Section):
    """Duration, device and intervals of a run. A step is one update of the weights."""

    steps: Annotated[int, Field(ge=1), Option("N", LEARN, default="the preset's")] = 100_000
    """Number of updates of the weights."""
    epochs: Annotated[Annotated[float, Field(gt=0)] | None, Option("N", LEARN)] = None
    """Number of passes over the data; replaces `steps`."""
    minutes: Annotated[float, Field(ge=0), Option("M", LEARN, default="0, no limit")] = 0.0
    """Minutes after which this start of the run saves its state and ends; 0: no limit."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Number of parts in which a batch is computed, to save memory; the result is the same."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Precision: `bf16` is mixed precision; `auto` uses it where it is faster, as measured at the start."""
    device: Annotated[str, Option("auto|cpu|cuda", RUN)] = "auto"
    """Device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`."""
    threads: Annotated[int, Field(ge=0, le=1024), Option("N", RUN)] = 0
    """CPU threads of the trainer; 0: torch decides."""
    log_every: Annotated[int, Field(ge=1)] = 50
    """Steps between two lines of metrics.jsonl."""
    validate_every: Annotated[int, Field(ge=1)] = 2000
    """Steps between validations."""
    validate_samples: Annotated[int, Field(ge=1)] = 500
    """Number of samples per validation, from the start of the split."""
    sample_every: Annotated[int, Field(ge=1)] = 1000
    """Steps between images of the fixed samples."""
    samples: Annotated[int, Field(ge=1, le=64)] = 8
    """Number of fixed samples."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 1000
    """Steps between two writes of last.pt."""
    keep_every: Annotated[int, Field(ge=0)] = 0
    """Steps between checkpoints that are kept in addition to last.pt and best.pt; 0: none are kept."""
    max_bad_steps: Annotated[int, Field(ge=1)] = 20
    """Number of consecutive steps with a non-finite loss after which the run stops."""

    @field_validator("threads", mode="before")
    @classmethod
    def _not_set(cls, threads: Any) -> Any:
        """Reads the default of earlier versions, which is in the weights and checkpoints that they wrote."""
        return 0 if threads is None else threads


class _TrainSettings(Section):
    data: DataSettings = Field(default_factory=DataSettings)
    augment: AugmentSettings = Field(default_factory=AugmentSettings)
    optimiser: OptimiserSettings = Field(default_factory=OptimiserSettings)
    loop: LoopSettings = Field(default_factory=LoopSettings)
    seed: Annotated[int, Field(ge=0), Option("N", COMMON)] = 0
    """Seed of all random choices: weights, order of samples, augmentation."""

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
    """Raises ValueError if the network cannot halve `side` as often as its depth requires."""
    factor = net.patch * 2**net.depth
    if side % factor:
        raise ValueError(
            f"data.size {side}: this network folds squares of {net.patch} and halves {net.depth} times; "
            f"set a multiple of {factor}, such as {max(round(side / factor), 1) * factor}"
        )


class SegmSettings(_TrainSettings):
    """Settings of `unmask train segm`."""

    stage: ClassVar[Literal["segm", "gan"]] = "segm"

    model: SegmenterSettings = Field(default_factory=SegmenterSettings)
    loss: SegmLossSettings = Field(default_factory=SegmLossSettings)
    augment: AugmentSettings = Field(
        default_factory=lambda: AugmentSettings(
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
    )
    optimiser: OptimiserSettings = Field(
        default_factory=lambda: OptimiserSettings(lr=1e-3, beta1=0.9, beta2=0.999, weight_decay=1e-4)
    )
    loop: LoopSettings = Field(default_factory=lambda: LoopSettings(steps=20_000))

    @model_validator(mode="after")
    def _halves(self) -> "SegmSettings":
        _check_side(self.data.size, self.model)
        return self


class GanSettings(_TrainSettings):
    """Settings of `unmask train gan`."""

    stage: ClassVar[Literal["segm", "gan"]] = "gan"

    segmenter: Annotated[str, Option("RUN", LEARN)] = ""
    """Run folder of a segmenter whose maps are trained on in addition to true maps; empty: true maps only."""
    predicted: Fraction = 0.3
    """Fraction of the samples that get the segmenter's map; only with `segmenter`."""
    generator: GeneratorSettings = Field(default_factory=GeneratorSettings)
    discriminator: DiscriminatorSettings = Field(default_factory=DiscriminatorSettings)
    loss: GanLossSettings = Field(default_factory=GanLossSettings)
    augment: AugmentSettings = Field(default_factory=lambda: AugmentSettings(map_jitter=4))

    @model_validator(mode="after")
    def _halves(self) -> "GanSettings":
        _check_side(self.data.size, self.generator)
        if self.loss.identity and self.data.fit == "crop":
            raise ValueError(
                'loss.identity: expects the face at its position in a whole crop of gen-data, but data.fit is "crop", '
                'which cuts around the hole; set data.fit to "resize", or loss.identity to 0'
            )
        return self
