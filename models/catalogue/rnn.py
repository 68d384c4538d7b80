"""The recurrent network's entry. `models/networks/rnn.py` is the network itself."""

from collections.abc import Mapping
from dataclasses import replace

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name

Params = Mapping[str, ParamValue]


def _reads_the_answer(params: Params, data: DataFacts | None) -> str | None:
    if params["bidirectional"] and data is not None and data.task == "next_token":
        return f"a bidirectional network reads the very tokens that {data.name} asks it to predict"
    return None


def _needless_readout(params: Params, data: DataFacts | None) -> str | None:
    if params["readout"] == "mean" and data is not None and data.task == "next_token":
        return f"next_token asks for an answer at every step, and readout mean gives one for the whole of {data.name}"
    return None


def _text_without_next_token(params: Params, data: DataFacts | None) -> str | None:
    if data is not None and (data.kind == "text") != (data.task == "next_token"):
        return f"tokens are read to predict the next one, and {data.name} is {data.kind} with the task {data.task}"
    return None


def _too_long_a_memory(params: Params, data: DataFacts | None) -> str | None:
    n_steps = _n_steps(data)
    if n_steps is not None and int(params["bptt_steps"]) >= n_steps:
        return (
            f"bptt_steps is {params['bptt_steps']}, and an example of {data.name if data else ''} has {n_steps} steps"
        )
    return None


def _n_steps(data: DataFacts | None) -> int | None:
    if data is None or data.kind == "table":
        return None
    return data.shape[1] if data.kind == "image" else data.shape[0]


RNN = ModelInfo(
    name="rnn",
    title="Recurrent network",
    meaning=(
        "Reads an example step by step and carries a state along: for sequences to classify, for the next value of a "
        "series, for the next token of a text. Images are read row by row."
    ),
    source=(
        "Elman, Finding structure in time, Cognitive Science 14, 1990; Hochreiter and Schmidhuber, Long short-term "
        "memory, Neural Computation 9, 1997; Cho et al., arXiv 1406.1078, 2014"
    ),
    tasks=("classification", "regression", "next_token"),
    kinds=("sequence", "text", "image"),
    template=Template("japanese_vowels"),
    hyperparameters=by_name(
        shared.epochs(40),
        shared.batch_size(32),
        shared.learning_rate(3e-3),
        Hyperparameter(
            "cell",
            "categorical",
            "gru",
            "Unit that carries the state. `elman` is the simple one, which soon forgets; `lstm` has gates that let it "
            "remember over many steps; `gru` does with fewer of them.",
            choices=("gru", "lstm", "elman"),
        ),
        Hyperparameter("layers", "int", 1, "Recurrent layers; each reads the states of the one below.", low=1, high=4),
        Hyperparameter(
            "hidden_units", "int", 64, "Size of each layer's state in each direction.", low=1, high=2048, log=True
        ),
        Hyperparameter(
            "bidirectional",
            "bool",
            False,
            "Whether a second set of units reads from the end. Not where the next token is to be predicted.",
        ),
        Hyperparameter(
            "readout",
            "categorical",
            "last",
            "What answers for a whole sequence: the `last` state, or the `mean` over the steps that are not padding.",
            choices=("last", "mean"),
        ),
        Hyperparameter(
            "embedding_size", "int", 32, "Numbers that stand for a token of a text; others ignore it.", low=1, high=1024
        ),
        Hyperparameter(
            "bptt_steps",
            "int",
            0,
            "Truncated backpropagation through time: steps that a gradient goes back before the state is taken as "
            "given. 0 for the whole sequence; less is faster and learns shorter dependencies.",
            low=0,
            high=4096,
        ),
        shared.dropout(),
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        replace(shared.INITIALISER, default="orthogonal"),
        shared.loss(),
        *shared.LOSS_SETTINGS,
    ),
    default_space={
        "learning_rate": {"type": "float", "low": 1e-3, "high": 3e-2, "log": True},
        "hidden_units": {"type": "categorical", "choices": [32, 64, 96]},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5},
        "weight_decay": {"type": "float", "low": 1e-6, "high": 1e-2, "log": True},
        "clip_norm": {"type": "categorical", "choices": [0.0, 1.0]},
    },
    rules=(
        Rule(("bidirectional",), _reads_the_answer, "Set bidirectional to false."),
        Rule(("readout",), _needless_readout, "Set readout to last."),
        Rule(("cell",), _text_without_next_token, "A sequence or an image, or a text with the task next_token."),
        Rule(("bptt_steps",), _too_long_a_memory, "0 for the whole sequence, or fewer steps than it has."),
        *shared.SCHEDULE_RULES,
        *shared.LOSS_RULES,
    ),
)
