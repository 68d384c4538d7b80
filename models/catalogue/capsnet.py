"""The capsule network's entry. `models/networks/capsnet.py` is the network itself."""

from collections.abc import Mapping

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name
from models.catalogue.images import AUGMENTATION, size_after
from models.catalogue.widths import widths_parameter, widths_rule

MAX_CAPSULES = 8192


def capsule_grid(params: Mapping[str, ParamValue], shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width of the grid on which the primary capsules stand; below 1 where nothing is left.

    Args:
        params: the network's hyperparameters.
        shape: (channels, height, width) of the images.
    """
    height, width = shape[1:]
    for layer in ("conv", "primary"):
        kernel, stride = int(params[f"{layer}_kernel"]), int(params[f"{layer}_stride"])
        height, width = size_after(height, kernel, stride), size_after(width, kernel, stride)
    return height, width


def _nothing_left(params: Mapping[str, ParamValue], data: DataFacts | None) -> str | None:
    if data is None or data.kind != "image" or min(capsule_grid(params, data.shape)) >= 1:
        return None
    return (
        f"conv_kernel {params['conv_kernel']} with stride {params['conv_stride']} leaves less of a "
        f"{data.shape[1]}x{data.shape[2]} image than primary_kernel {params['primary_kernel']} needs"
    )


def _too_many_capsules(params: Mapping[str, ParamValue], data: DataFacts | None) -> str | None:
    if data is None or data.kind != "image":
        return None
    height, width = capsule_grid(params, data.shape)
    n_capsules = height * width * int(params["primary_types"])
    return f"{n_capsules} primary capsules are more than {MAX_CAPSULES}" if n_capsules > MAX_CAPSULES else None


def _margins_crossed(params: Mapping[str, ParamValue], data: DataFacts | None) -> str | None:
    present, absent = float(params["present_margin"]), float(params["absent_margin"])
    return None if absent < present else f"absent_margin {absent:g} is not below present_margin {present:g}"


_SIZES = ("primary_kernel", "primary_stride", "conv_kernel", "conv_stride")

CAPSNET = ModelInfo(
    name="capsnet",
    title="Capsule network",
    meaning=(
        "Capsules are groups of units: a capsule's length says how likely a thing is there, its direction how it "
        "looks. Parts vote for wholes, votes that agree win, and a decoder draws the image again from the winner."
    ),
    source="Sabour, Frosst and Hinton, Dynamic Routing Between Capsules, arXiv 1710.09829",
    tasks=("classification",),
    kinds=("image",),
    template=Template("digits", n_trials=12),
    hyperparameters=by_name(
        shared.epochs(30),
        shared.batch_size(),
        shared.learning_rate(2e-3),
        Hyperparameter("conv_channels", "int", 64, "Features that the first layer finds.", low=1, high=512, log=True),
        Hyperparameter("conv_kernel", "int", 3, "Edge of the squares the first layer looks at, in pixels.", 1, 15),
        Hyperparameter("conv_stride", "int", 1, "Pixels from one such square to the next.", low=1, high=4),
        shared.activation(),
        Hyperparameter(
            "primary_types",
            "int",
            16,
            "Kinds of primary capsules; each kind stands once at every place of its grid.",
            low=1,
            high=128,
            log=True,
        ),
        Hyperparameter("primary_dim", "int", 8, "Numbers in a primary capsule.", low=1, high=64, log=True),
        Hyperparameter("primary_kernel", "int", 3, "Edge of the squares a primary capsule looks at.", low=1, high=15),
        Hyperparameter("primary_stride", "int", 2, "Places from one primary capsule to the next.", low=1, high=4),
        Hyperparameter("capsule_dim", "int", 16, "Numbers in the capsule of a class.", low=1, high=64, log=True),
        Hyperparameter(
            "routings",
            "int",
            3,
            "Rounds in which votes that agree gain weight. With 1 all votes count alike.",
            low=1,
            high=5,
        ),
        widths_parameter(
            "decoder_widths", "Width of each hidden layer of the decoder that redraws the image.", "128-256"
        ),
        Hyperparameter(
            "reconstruction_weight",
            "float",
            5e-4,
            "Weight of the squared error of the redrawn image, summed over its pixels, beside the margin loss. Makes "
            "capsules describe what they see. 0 ignores the decoder.",
            low=0.0,
            high=1.0,
            per_lane=True,
        ),
        Hyperparameter(
            "present_margin",
            "float",
            0.9,
            "Length from which the capsule of the right class is long enough (m+).",
            low=0.0,
            high=1.0,
            per_lane=True,
        ),
        Hyperparameter(
            "absent_margin",
            "float",
            0.1,
            "Length up to which the capsule of a wrong class is short enough (m-).",
            low=0.0,
            high=1.0,
            per_lane=True,
        ),
        Hyperparameter(
            "absent_weight",
            "float",
            0.5,
            "How much the wrong classes count in the margin loss (lambda): less keeps lengths from shrinking at first.",
            low=0.0,
            high=10.0,
            per_lane=True,
        ),
        *AUGMENTATION,
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        shared.INITIALISER,
    ),
    default_space={
        "learning_rate": {"type": "float", "low": 5e-4, "high": 1e-2, "log": True},
        "conv_channels": {"type": "int", "low": 32, "high": 96, "step": 32},
        "primary_types": {"type": "categorical", "choices": [8, 16]},
        "routings": {"type": "int", "low": 1, "high": 3},
        "reconstruction_weight": {"type": "float", "low": 1e-5, "high": 1e-2, "log": True},
        "augment_shift": {"type": "float", "low": 0.0, "high": 1.0},
    },
    rules=(
        Rule(_SIZES, _nothing_left, "Smaller kernels or smaller strides."),
        Rule(("primary_types", *_SIZES), _too_many_capsules, f"Up to {MAX_CAPSULES}: fewer types, or longer strides."),
        widths_rule("decoder_widths"),
        Rule(("absent_margin", "present_margin"), _margins_crossed, "An absent_margin below the present_margin."),
        *shared.SCHEDULE_RULES,
    ),
)
