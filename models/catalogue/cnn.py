"""The convolutional network's entry. `models/networks/cnn.py` is the network itself."""

from collections.abc import Iterator, Mapping

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name
from models.catalogue.images import AUGMENTATION, size_after
from models.catalogue.widths import read_widths, widths_parameter, widths_rule

Params = Mapping[str, ParamValue]


def sizes_on_the_way(params: Params, size: int) -> Iterator[tuple[str, int]]:
    """Follow an edge of the image through the network.

    Args:
        params: complete hyperparameters.
        size: of the data's images, in pixels.

    Yields:
        What was passed, in words, and the size after it; below 1 where nothing is left.
    """
    kernel, pool_size = int(params["kernel"]), int(params["pool_size"])
    padding = kernel // 2 if params["padding"] else 0
    is_pooled = params["pooling"] in ("max", "average")
    for block in range(1, len(read_widths(str(params["channels"]))) + 1):
        for place in range(1, int(params["convolutions"]) + 1):
            stride = first_stride(params) if place == 1 else 1
            size = size_after(size, kernel, stride, padding)
            yield f"convolution {place} of block {block}", size
        if is_pooled:
            size = size_after(size, pool_size, pool_size)
            yield f"the pooling of block {block}", size


def first_stride(params: Params) -> int:
    """Return the stride of a block's first convolution, in pixels."""
    return int(params["pool_size"] if params["pooling"] == "stride" else params["stride"])


def _nothing_left(params: Params, data: DataFacts | None) -> str | None:
    if data is None or data.kind != "image":
        return None
    smaller = min(data.shape[1:])
    for passed, size in sizes_on_the_way(params, smaller):
        if size < 1:
            return f"nothing is left of an image of {smaller} pixels after {passed}"
    return None


def _no_channels(params: Params, data: DataFacts | None) -> str | None:
    return None if params["channels"] else "a convolutional network needs at least one block, and channels names none"


def _two_strides(params: Params, data: DataFacts | None) -> str | None:
    if params["pooling"] == "stride" and params["stride"] != 1:
        return f"with pooling stride it is pool_size that sets the stride, and stride asks for {params['stride']} too"
    return None


def _unequal_sum(params: Params, data: DataFacts | None) -> str | None:
    if params["residual"] and not (params["padding"] and int(params["kernel"]) % 2):
        return (
            "residual adds a block's input to its result, and without padding or with an even kernel their sizes differ"
        )
    return None


CNN = ModelInfo(
    name="cnn",
    title="Convolutional network",
    meaning=(
        "Blocks of convolutions that look for the same small patterns everywhere in an image, each followed by a "
        "pooling that keeps what was found and forgets where exactly. The first network to try on images."
    ),
    source="LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, 1998",
    tasks=("classification", "regression"),
    kinds=("image",),
    template=Template("digits"),
    hyperparameters=by_name(
        shared.epochs(),
        shared.batch_size(),
        shared.learning_rate(),
        widths_parameter(
            "channels", "Channels of each block, such as `16-32`: how many patterns it looks for.", default="16-32"
        ),
        Hyperparameter(
            "convolutions", "int", 1, "Convolutions of a block, one after the other before the pooling.", low=1, high=8
        ),
        Hyperparameter("kernel", "int", 3, "Edge of the square a convolution looks at, in pixels.", low=1, high=11),
        Hyperparameter(
            "stride",
            "int",
            1,
            "Pixels from one square to the next, in the first convolution of each block; more shrink the image.",
            low=1,
            high=4,
        ),
        Hyperparameter(
            "padding", "bool", True, "Whether zeros around the image keep its size; otherwise it loses its border."
        ),
        Hyperparameter(
            "pooling",
            "categorical",
            "max",
            "What makes the image smaller after each block: the largest number of each square, their `average`, "
            "nothing, or `stride`: the block's first convolution moves by `pool_size` pixels.",
            choices=("max", "average", "stride", "none"),
        ),
        Hyperparameter("pool_size", "int", 2, "Edge of the squares that are pooled, in pixels.", low=2, high=4),
        shared.activation(),
        Hyperparameter(
            "norm",
            "categorical",
            "none",
            "Normalisation after each convolution: `batch` over the examples of a step and the pixels, by channel. It "
            "steadies the training of deep networks.",
            choices=("none", "batch"),
        ),
        Hyperparameter(
            "residual",
            "bool",
            False,
            "Whether each block's input is added to its result (through a 1x1 convolution where the channels differ), "
            "which helps deep networks.",
        ),
        Hyperparameter(
            "head",
            "categorical",
            "flatten",
            "How the last block's images become features: `flatten` keeps each pixel, `global_average` only the mean "
            "of each channel, which needs far fewer weights and ignores where a pattern was.",
            choices=("flatten", "global_average"),
        ),
        widths_parameter(
            "widths", "Width of each dense layer between the blocks and the output, such as `128-64`.", default="64"
        ),
        shared.dropout(),
        Hyperparameter(
            "channel_dropout",
            "float",
            0.0,
            "Share of the channels silenced at random after each block in each training step, against overfitting.",
            low=0.0,
            high=0.95,
            per_lane=True,
        ),
        *AUGMENTATION,
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        shared.INITIALISER,
        shared.loss(),
        *shared.LOSS_SETTINGS,
    ),
    default_space={
        "learning_rate": {"type": "float", "low": 3e-4, "high": 0.01, "log": True},
        "channels": {"type": "categorical", "choices": ["8-16", "16-32", "32-64"]},
        "norm": {"type": "categorical", "choices": ["none", "batch"]},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5},
        # Up to one pixel: on digits of 8x8, validation accuracy fell from 0.987 at half a pixel to 0.976 at one.
        "augment_shift": {"type": "float", "low": 0.0, "high": 1.0},
        "augment_rotate": {"type": "float", "low": 0.0, "high": 15.0},
    },
    rules=(
        widths_rule("channels"),
        widths_rule("widths"),
        Rule(("channels",), _no_channels, "Such as `16-32`."),
        Rule(("stride", "pooling"), _two_strides, "Set stride to 1, or take another pooling."),
        Rule(("residual", "padding", "kernel"), _unequal_sum, "Padding true and an odd kernel, or residual false."),
        Rule(
            ("channels", "convolutions", "kernel", "stride", "padding", "pooling", "pool_size"),
            _nothing_left,
            "Fewer blocks, a smaller kernel or stride, padding true, or another pooling.",
        ),
        *shared.SCHEDULE_RULES,
        *shared.LOSS_RULES,
    ),
)
