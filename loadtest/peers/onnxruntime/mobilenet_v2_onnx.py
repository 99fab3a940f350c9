"""Builds MobileNetV2 as an ONNX model from a checkpoint with torchvision's keys.

The batch norms must be folded into the convolutions (every convolution has a bias), as ONNX Runtime
would fold them itself: both peers then compute the same arithmetic.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Tensors = dict[str, np.ndarray]

# (blocks, stride of the first) of the seven groups: table 2 of the paper.
GROUPS = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)]
OPSET = 17
IR_VERSION = 9


class _Builder:
    """Appends nodes to a graph; `hw` is the side of the feature map that was made last."""

    def __init__(self, weights: Tensors, padding: str, hw: int) -> None:
        self.weights = weights
        self.padding = padding
        self.hw = hw
        self.nodes: list[onnx.NodeProto] = []
        self.initializers = [
            numpy_helper.from_array(np.float32(0), "relu6_min"),
            numpy_helper.from_array(np.float32(6), "relu6_max"),
        ]

    def constant(self, name: str) -> str:
        if name not in self.weights:
            raise ValueError(
                f"no tensor {name}: expected torchvision's keys with folded batch norms"
            )
        self.initializers.append(numpy_helper.from_array(self.weights[name], name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def pads(self, kernel: int, stride: int) -> list[int]:
        """[top, left, bottom, right] for the convolution that comes next."""
        if self.padding == "symmetric":
            return [kernel // 2] * 4
        output = -(-self.hw // stride)
        total = max((output - 1) * stride + kernel - self.hw, 0)
        before, after = total // 2, total - total // 2
        return [before, before, after, after]

    def conv(self, x: str, key: str, stride: int = 1, relu6: bool = True) -> str:
        weight, bias = self.constant(f"{key}.weight"), self.constant(f"{key}.bias")
        channels_out, channels_in, kernel, _ = self.weights[weight].shape
        # A depthwise weight is [C, 1, k, k]; no dense convolution here has one input channel.
        groups = channels_out if channels_in == 1 else 1
        pads = self.pads(kernel, stride)
        self.hw = (self.hw + pads[0] + pads[2] - kernel) // stride + 1
        y = self.node(
            "Conv", [x, weight, bias], kernel_shape=[kernel, kernel], strides=[stride, stride],
            pads=pads, group=groups,
        )  # fmt: skip
        return self.node("Clip", [y, "relu6_min", "relu6_max"]) if relu6 else y

    def block(self, x: str, index: int, stride: int) -> str:
        """An inverted residual block; the first one of the network has no expansion."""
        key = f"features.{index}.conv"
        shortcut, y = x, x
        first = f"{key}.0.0.weight"
        expanded = f"{key}.2.weight" in self.weights
        if expanded:
            y = self.conv(y, f"{key}.0.0")
            y = self.conv(y, f"{key}.1.0", stride)
        else:
            y = self.conv(y, f"{key}.0.0", stride)
        project = f"{key}.2" if expanded else f"{key}.1"
        y = self.conv(y, project, relu6=False)
        channels_in = self.weights[first].shape[1 if expanded else 0]
        channels_out = self.weights[f"{project}.weight"].shape[0]
        return self.node("Add", [shortcut, y]) if stride == 1 and channels_in == channels_out else y


def build(weights: Tensors, padding: str, batch: int, size: int = 224) -> bytes:
    """The serialised model: "input" [batch, 3, size, size] to "logits" [batch, classes].

    `padding` is "tf_same" or "symmetric", as in the checkpoint's metadata.
    """
    if padding not in ("tf_same", "symmetric"):
        raise ValueError(f'padding "{padding}": expected "tf_same" or "symmetric"')
    net = _Builder(weights, padding, size)
    x = net.conv("input", "features.0.0", stride=2)
    index = 1
    for blocks, first_stride in GROUPS:
        for i in range(blocks):
            x = net.block(x, index, first_stride if i == 0 else 1)
            index += 1
    x = net.conv(x, f"features.{index}.0")
    x = net.node("GlobalAveragePool", [x])
    x = net.node("Flatten", [x])
    weight, bias = net.constant("classifier.1.weight"), net.constant("classifier.1.bias")
    net.nodes.append(helper.make_node("Gemm", [x, weight, bias], ["logits"], transB=1))
    classes = weights[weight].shape[0]
    graph = helper.make_graph(
        net.nodes,
        "mobilenet_v2",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])],
        net.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()
