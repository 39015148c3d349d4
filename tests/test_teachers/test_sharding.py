"""Teachers whose weights are divided; tests/test_runs/test_sharded.py does it in two processes."""

import pytest
import torch
from tiny import classifier
from torch import nn
from torch.distributed.fsdp import StateDictType

from mmkd.engine import ShardedStrategy
from mmkd.networks.building import build_network
from mmkd.teachers import Teacher
from mmkd.teachers.sharding import units


def names(network: nn.Module) -> list[str]:
    found = {id(module): name for name, module in network.named_modules()}
    return [found[id(unit)] for unit in units(network)]


def test_units_are_blocks_and_single_layers() -> None:
    network = build_network(classifier())
    found = names(network)
    assert {"backbone.conv1", "backbone.layer1.0", "head.fc"} < {*found}
    held = [weight for unit in units(network) for weight in unit.parameters()]
    assert {*map(id, held)} == {*map(id, network.parameters())}
    assert len(held) == len({*map(id, held)}), "no unit is inside another"


def test_layers_whose_weights_others_read_stay_in_one_unit() -> None:
    layer = nn.TransformerEncoderLayer(8, 2)
    network = nn.ModuleDict(
        dict(layers=nn.ModuleList([layer]), attention=nn.MultiheadAttention(8, 2))
    )
    assert names(network) == ["layers.0", "attention"]
    assert names(layer)[0] == "self_attn", "its output layer is not called"


@pytest.mark.parametrize("options", [dict(compile=True), dict(speed="fast")])
def test_a_sharded_teacher_is_not_compiled(options: dict) -> None:
    with pytest.raises(ValueError, match="take shard=True without compile=True"):
        Teacher(nn.Linear(2, 2), shard=True, **options)


def test_one_process_holds_the_whole_teacher() -> None:
    teacher = Teacher(nn.Sequential(nn.Linear(2, 2)), shard=True)
    before = teacher.weights_hash()
    teacher.divide()
    assert type(teacher.network[0].weight) is nn.Parameter
    assert teacher.weights_hash() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about a machine without a GPU")
def test_on_a_cpu_gathered_weights_are_not_moved() -> None:
    strategy = ShardedStrategy(model_wrapper=dict(sync_module_states=True))
    assert strategy.state_dict_type is StateDictType.FULL_STATE_DICT
    assert strategy.state_dict_config.rank0_only
    assert not strategy.state_dict_config.offload_to_cpu
    assert strategy.model_wrapper["device_id"] == torch.device("cpu")
    assert strategy.model_wrapper["sync_module_states"]
    local = ShardedStrategy(state_dict_cfg="local")
    assert local.state_dict_type is StateDictType.LOCAL_STATE_DICT
