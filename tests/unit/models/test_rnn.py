"""The recurrent network: its cells against torch's, its lanes, its truncation, and the combinations it refuses."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from benchmarks.training import plain_rnn
from models.catalogue import DATASETS, CatalogueError, DataShape, ParamValue, check_combination, get_model
from models.engine.stack import Stack
from models.layers.cells import CELLS
from models.layers.random import keyed_layers, set_keys
from models.layers.recurrent import Recurrent
from models.networks.registry import build_network
from models.networks.rnn import RNN
from models.seeds import generator

STEPS, D, UNITS, N = 9, 5, 7, 4
SEQUENCE = DataShape("classification", "sequence", (STEPS, D), 3)
SERIES = DataShape("regression", "sequence", (STEPS, 1), 1)
TEXT = DataShape("next_token", "text", (STEPS,), 11)
COLOUR = DataShape("classification", "image", (3, 4, 6), 3)
RATES = {"dropout": [0.3, 0.0, 0.5]}
Params = dict[str, ParamValue]
BY_CELL: list[tuple[DataShape, Params]] = [
    (SEQUENCE, {"layers": 2, "bidirectional": True}),
    (TEXT, {"layers": 2}),
    (SERIES, {"bptt_steps": 4}),
]
SHAPES: list[tuple[DataShape, Params]] = [
    *((data, {"cell": cell, **params}) for cell in CELLS for data, params in BY_CELL),
    (SEQUENCE, {"readout": "mean", "bidirectional": True}),
    (COLOUR, {"layers": 3}),
]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def examples(data: DataShape, *shape: int, seed: int = 0) -> Tensor:
    """Return (*shape, n_inputs) features, or tokens."""
    if data.kind == "text":
        return torch.randint(data.n_outputs, (*shape, data.n_inputs), generator=generator(seed, "test")).float()
    return draw(*shape, data.n_inputs, seed=seed)


def answer(network: nn.Module, x: Tensor, keys: Tensor, numbers: Mapping[str, Sequence[float]]) -> Tensor:
    """Run a network in training mode with keys and per-lane numbers."""
    for module in network.modules():
        set_numbers = getattr(module, "set_numbers", None)
        if set_numbers is not None:
            set_numbers(numbers)
    set_keys(keyed_layers(network), keys)
    result: Tensor = network.train()(x)
    return result


def make_pair(cell: str, is_bidirectional: bool = False) -> tuple[Recurrent, nn.RNNBase]:
    """Return a layer that never asks torch, and torch's own with the same weights."""
    mode = {"gru": "GRU", "lstm": "LSTM", "elman": "RNN"}[cell]
    theirs: nn.RNNBase = getattr(nn, mode)(D, UNITS, bidirectional=is_bidirectional)
    ours = Recurrent(cell, D, UNITS, is_bidirectional)
    ours._leaves_it_to_torch = lambda x: False  # type: ignore[method-assign]
    with torch.no_grad():
        for place, parameter in enumerate(ours.parameters()):
            parameter.copy_(draw(*parameter.shape, seed=place) * 0.4)
        for direction, suffix in enumerate(("", "_reverse")[: ours.n_directions]):
            for name, value in torch_weights(cell, *(p[direction] for p in ours.parameters())).items():
                getattr(theirs, f"{name}_l0{suffix}").copy_(value)
    return ours, theirs


def torch_weights(cell: str, of_input: Tensor, of_state: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Return a direction's weights in torch's order, which for the GRU is r, z, candidate, by torch's names."""
    if cell == "gru":
        candidate, reset, update, new = bias.chunk(4)
        first = torch.cat((reset, update, candidate))
        second = torch.cat((torch.zeros(2 * UNITS), new))
        of_input = torch.cat((of_input[UNITS:], of_input[:UNITS]))
    else:
        first, second = bias, torch.zeros_like(bias)
    return {"weight_ih": of_input, "weight_hh": of_state, "bias_ih": first, "bias_hh": second}


@pytest.mark.parametrize("is_bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_cells_and_their_gradients_are_torchs(cell: str, is_bidirectional: bool) -> None:
    ours, theirs = make_pair(cell, is_bidirectional)
    x = draw(STEPS, N, D).requires_grad_()
    outputs, last = ours(x.permute(2, 0, 1).unsqueeze(0))
    wanted, state = theirs(x)
    wanted_last = (state[0] if cell == "lstm" else state).transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(outputs[0].permute(1, 2, 0), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(last[0], wanted_last, rtol=1e-5, atol=1e-6)

    slope, slope_last = draw(*wanted.shape, seed=8), draw(*wanted_last.shape, seed=9)
    of_theirs = torch.autograd.grad(
        (wanted * slope).sum() + (wanted_last * slope_last).sum(), [x, *theirs.parameters()]
    )
    loss = (outputs[0].permute(1, 2, 0) * slope).sum() + (last[0] * slope_last).sum()
    of_x, *of_ours = torch.autograd.grad(loss, [x, *ours.parameters()])
    torch.testing.assert_close(of_x, of_theirs[0], rtol=1e-4, atol=1e-5)
    for direction in range(ours.n_directions):
        found = torch_weights(cell, *(gradient[direction] for gradient in of_ours))
        for name, wanted_gradient in zip(found, of_theirs[1 + 4 * direction :], strict=False):
            is_shared_bias = cell == "gru" and name == "bias_hh"  # torch has a second bias for r and z
            rows = slice(2 * UNITS, None) if is_shared_bias else slice(None)
            if not (name == "bias_hh" and cell != "gru"):
                torch.testing.assert_close(found[name][rows], wanted_gradient[rows], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("is_bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_torchs_kernel_takes_over_with_the_same_answer(cell: str, is_bidirectional: bool) -> None:
    ours, _ = make_pair(cell, is_bidirectional)
    x = draw(1, D, STEPS, N)
    outputs, last = ours(x)
    by_torch, last_by_torch = ours._run_torch(x)
    torch.testing.assert_close(by_torch, outputs, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(last_by_torch, last, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("data", "params"), SHAPES)
def test_a_lane_answers_and_learns_as_it_does_alone(data: DataShape, params: Params) -> None:
    params = {"hidden_units": 8, "embedding_size": 6, **params}
    networks = [build_network("rnn", params, data, seed=seed) for seed in range(3)]
    stack = Stack(networks[0], [network.state_dict() for network in networks])
    x = examples(data, 3, 13)
    keys = torch.tensor([4, 5, 6], dtype=torch.int32)
    together = answer(stack.network, x, keys, RATES)
    slope = draw(*together.shape, seed=1)
    gradients = torch.autograd.grad(together, stack.parameters, slope)
    for lane, network in enumerate(networks):
        alone = answer(network, x[lane], keys[lane], {name: [values[lane]] for name, values in RATES.items()})
        torch.testing.assert_close(together[lane], alone, rtol=1e-4, atol=1e-5)
        own = torch.autograd.grad(alone, list(network.parameters()), slope[lane])
        for gradient, wanted in zip(gradients, own, strict=True):
            torch.testing.assert_close(gradient[lane], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bptt_steps", [1, 4, 8])
def test_truncation_cuts_the_gradient_where_a_detached_state_would(cell: str, bptt_steps: int) -> None:
    ours, theirs = make_pair(cell)
    ours.bptt_steps = bptt_steps
    x = draw(STEPS, N, D).requires_grad_()
    bounds = [0, *(step for step in range(1, STEPS) if (STEPS - step) % bptt_steps == 0), STEPS]
    state, pieces = None, []
    for start, stop in pairwise(bounds):
        piece, state = theirs(x[start:stop], state)
        state = tuple(one.detach() for one in state) if cell == "lstm" else state.detach()
        pieces.append(piece)
    outputs, _ = ours(x.permute(2, 0, 1).unsqueeze(0))
    slope = draw(STEPS, N, UNITS, seed=5)
    of_state = dict(theirs.named_parameters())["weight_hh_l0"]
    wanted = torch.autograd.grad((torch.cat(pieces) * slope).sum(), [x, of_state])
    found = torch.autograd.grad((outputs[0].permute(1, 2, 0) * slope).sum(), [x, ours.state_weight])
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1][0], wanted[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_truncated_gradient_of_the_last_state_reaches_its_last_steps_only(cell: str) -> None:
    network = build_network("rnn", {"cell": cell, "bptt_steps": 3}, SEQUENCE)
    x = examples(SEQUENCE, N).requires_grad_()
    [gradient] = torch.autograd.grad(network(x).square().sum(), [x])
    by_step = gradient.view(N, STEPS, D).abs().amax(dim=(0, 2))
    assert (by_step[:-3] == 0).all()
    assert (by_step[-3:] > 0).all()
    whole = build_network("rnn", {"cell": cell}, SEQUENCE)
    [gradient] = torch.autograd.grad(whole(x).square().sum(), [x])
    assert (gradient.view(N, STEPS, D).abs().amax(dim=(0, 2)) > 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_an_answer_to_a_token_knows_nothing_of_later_ones(cell: str) -> None:
    network = build_network("rnn", {"cell": cell, "layers": 2}, TEXT).eval()
    x = examples(TEXT, N)
    changed = x.clone()
    changed[:, 5] = (changed[:, 5] + 1) % TEXT.n_outputs
    before, after = network(x), network(changed)
    assert before.shape == (N, STEPS, TEXT.n_outputs)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.isclose(before[:, 5:], after[:, 5:]).all(dim=(0, 2)).any()


@pytest.mark.parametrize("is_bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_plain_version_of_the_benchmark_answers_and_learns_alike(cell: str, is_bidirectional: bool) -> None:
    ours = build_network("rnn", {"cell": cell, "hidden_units": UNITS, "bidirectional": is_bidirectional}, SEQUENCE)
    plain = plain_rnn.build((STEPS, D), 3, cell, UNITS, bidirectional=is_bidirectional)
    weights = dict(ours.named_parameters())
    with torch.no_grad():
        plain.output.weight.copy_(weights["output.weight"])
        plain.output.bias.copy_(weights["output.bias"])
        for direction, suffix in enumerate(("", "_reverse")[: 1 + is_bidirectional]):
            own = [weights[f"recurrent.0.{name}"][direction] for name in ("input_weight", "state_weight", "bias")]
            for name, value in torch_weights(cell, *own).items():
                getattr(plain.recurrent, f"{name}_l0{suffix}").copy_(value)
    x, y = examples(SEQUENCE, 16), torch.arange(16) % 3
    torch.testing.assert_close(ours(x), plain(x), rtol=1e-4, atol=1e-5)
    [found] = torch.autograd.grad(nn.functional.cross_entropy(ours(x), y), [weights["recurrent.0.state_weight"]])
    [wanted] = torch.autograd.grad(
        plain_rnn.loss(plain, x, y), [dict(plain.named_parameters())["recurrent.weight_hh_l0"]]
    )
    torch.testing.assert_close(found[0], wanted, rtol=1e-4, atol=1e-5)


def test_images_are_read_row_by_row() -> None:
    network = build_network("rnn", {"bptt_steps": 1}, COLOUR)
    x = examples(COLOUR, N).requires_grad_()
    [gradient] = torch.autograd.grad(network(x).square().sum(), [x])
    by_row = gradient.view(N, *COLOUR.shape).abs().amax(dim=(0, 1, 3))
    assert (by_row[:-1] == 0).all()
    assert by_row[-1] > 0


@pytest.mark.parametrize(("data", "params"), SHAPES)
def test_many_rows_are_answered_in_parts_with_the_same_answers(data: DataShape, params: Params) -> None:
    network = build_network("rnn", params, data).eval()
    assert isinstance(network, RNN)
    network._rows_at_once = 16
    x = examples(data, 3, 37)
    whole = network(x[0])
    with torch.inference_mode():
        torch.testing.assert_close(network(x[0]), whole, rtol=1e-4, atol=1e-5)
        stack = Stack(network, [network.state_dict()] * 3)
        torch.testing.assert_close(stack.network.eval()(x)[0], whole, rtol=1e-4, atol=1e-5)


def test_a_mean_readout_leaves_padding_out() -> None:
    network = build_network("rnn", {"readout": "mean"}, SEQUENCE).eval()
    assert isinstance(network, RNN)
    x = examples(SEQUENCE, N)
    x[0, : 4 * D] = 0  # four steps of padding
    x[1] = 0
    states, _ = network.recurrent[0](x.view(1, N, STEPS, D).permute(0, 3, 2, 1))  # (1, h, steps, n)
    means = torch.stack([states[0, :, 4:, 0].mean(1), states[0, :, -1, 1], states[0, :, :, 2].mean(1)])
    torch.testing.assert_close(network(x)[:3], network.output(means), rtol=1e-5, atol=1e-5)


def test_an_lstm_keeps_its_memory_at_first() -> None:
    [layer] = [
        module for module in build_network("rnn", {"cell": "lstm"}, SEQUENCE).modules() if hasattr(module, "cell")
    ]
    [bias] = [value for name, value in layer.named_parameters() if name == "bias"]
    enter, forget, new, leave = bias[0].chunk(4)
    assert (forget == 1).all()
    assert not torch.cat((enter, new, leave)).any()


@pytest.mark.parametrize("cell", CELLS)
def test_it_learns_to_remember_the_first_step(cell: str) -> None:
    data = DataShape("classification", "sequence", (12, 2), 2)
    network = build_network("rnn", {"cell": cell, "hidden_units": 16}, data, seed=1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for step in range(150):
        x = draw(32, 24, seed=step)
        loss = nn.functional.cross_entropy(network(x), (x[:, 0] > 0).long())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[:10]) / 10 > 0.6
    assert sum(losses[-10:]) / 10 < 0.4


@pytest.mark.parametrize(
    ("dataset", "wrong", "right"),
    [
        ("descriptions", {"bidirectional": True}, {"bidirectional": False}),
        ("descriptions", {"readout": "mean"}, {"readout": "last"}),
        ("japanese_vowels", {"bptt_steps": 29}, {"bptt_steps": 28}),
        ("digits", {"bptt_steps": 8}, {"bptt_steps": 7}),
        ("descriptions", {"bptt_steps": 64}, {"bptt_steps": 63}),
        ("sunspots", {"loss": "cross_entropy"}, {"loss": "huber", "bidirectional": True, "readout": "mean"}),
    ],
)
def test_impossible_combinations_are_refused(dataset: str, wrong: Params, right: Params) -> None:
    model = get_model("rnn")
    with pytest.raises(CatalogueError) as refusal:
        check_combination(model, wrong, DATASETS[dataset])
    assert refusal.value.code == "impossible_combination"
    assert dataset in str(refusal.value)
    assert check_combination(model, right, DATASETS[dataset])["cell"] == "gru"
