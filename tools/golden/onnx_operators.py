"""What ONNX 1.20.1 says about its operators, for the specs of @neuroprune/onnx.

    pip install onnx==1.20.1
    python tools/golden/onnx_operators.py

Writes packages/onnx/fixtures/operators/:
  schemas.json    inputs, attributes and numbers of outputs of every operator of ai.onnx, operator set 25
  history.json    the forms of those that changed after operator set 11, by the set they hold from
  inference.json  nodes with the types that ONNX's own shape inference gives them: one-node models of ONNX's test suite,
                  with sizes known and symbolic, and forms of older operator sets
"""

import json
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, defs, helper, numpy_helper, shape_inference
from onnx.backend.test.loader import load_model_tests

VERSION = "1.20.1"
OPSET = 25
FOLDER = Path(__file__).parents[2] / "packages/onnx/fixtures/operators"
ROWS = 4  # of each operator and operator set
KINDS = {"sparse_tensor": "sparse", "type_proto": "type"}
DTYPES = {
    "float": "float32", "double": "float64", "float8e4m3fn": "float8e4m3fn", "float8e4m3fnuz": "float8e4m3fnuz",
    "float8e5m2": "float8e5m2", "float8e5m2fnuz": "float8e5m2fnuz", "float4e2m1": "float4e2m1", "float8e8m0": "float8e8m0",
}  # fmt: skip


def schema_row(schema, since):
    """Inputs as '', '?' (optional) and '...' (any number), attributes, outputs [least, most], the set that brought it."""
    option = defs.OpSchema.FormalParameterOption
    mark = {option.Single: "", option.Optional: "?", option.Variadic: "..."}
    attrs = {}
    for name, a in sorted(schema.attributes.items()):
        kind = str(a.type).split(".")[-1].lower()
        attrs[name] = KINDS.get(kind, kind) + ("!" if a.required else "")
    many = schema.max_output > 1000
    return {
        "in": [mark[i.option] for i in schema.inputs],
        "attrs": attrs,
        "out": [schema.min_output, "..." if many else schema.max_output],
        "since": since,
    }


def schemas():
    newest, since = {}, {}
    for s in defs.get_all_schemas_with_history():
        if s.domain == "" and s.since_version <= OPSET:
            since[s.name] = min(s.since_version, since.get(s.name, OPSET))
            if s.name not in newest or newest[s.name].since_version < s.since_version:
                newest[s.name] = s
    return {name: schema_row(s, since[name]) for name, s in sorted(newest.items())}


def history():
    """Forms of each operator that changed after set 11: [from which set on, the form], deprecated ones left out."""
    every = {}
    for s in defs.get_all_schemas_with_history():
        if s.domain == "" and s.since_version <= OPSET:
            every.setdefault(s.name, []).append(s)
    found = {}
    for name, all_versions in sorted(every.items()):
        forms = []
        for s in sorted(all_versions, key=lambda s: s.since_version):
            form = {} if s.deprecated else {k: v for k, v in schema_row(s, 0).items() if k != "since"}
            if forms and s.since_version <= 11:
                forms.pop()
            if not forms or forms[-1][1] != form:
                forms.append([s.since_version, form])
        if forms[-1][0] > 11:
            found[name] = forms
    return found


def dtype_name(code):
    name = TensorProto.DataType.Name(code).lower()
    return DTYPES.get(name, name)


def type_row(type_proto):
    """[dtype, dims] of a tensor type; dims null when the rank is unknown, null for an unknown size; null for other types."""
    if type_proto is None or not type_proto.HasField("tensor_type"):
        return None
    t = type_proto.tensor_type
    dtype = dtype_name(t.elem_type) if t.elem_type else None
    if not t.HasField("shape"):
        return [dtype, None]
    dims = []
    for d in t.shape.dim:
        dims.append(d.dim_value if d.HasField("dim_value") else d.dim_param or None)
    return [dtype, dims]


def attribute_row(a):
    """[type, value]; raises KeyError for types no row needs."""
    value = helper.get_attribute_value(a)
    kind = onnx.AttributeProto.AttributeType.Name(a.type).lower()
    if kind == "string":
        return [kind, value.decode()]
    if kind == "strings":
        return [kind, [v.decode() for v in value]]
    if kind == "tensor":
        array = numpy_helper.to_array(value)
        if array.size > 32 or array.dtype.name not in ("float32", "int64", "int32", "bool"):
            raise KeyError(kind)
        return [kind, [dtype_name(value.data_type), list(array.shape), finite(array.flatten().tolist())]]
    if kind not in ("int", "ints", "float", "floats"):
        raise KeyError(kind)
    return [kind, list(value) if kind.endswith("s") else value]


def finite(values):
    """JSON has no NaN and no infinity; no type depends on them."""
    return [v if v == v and abs(v) != float("inf") else 0 for v in values]


def small(array):
    return array.ndim <= 1 and array.size <= 8 and array.dtype.name in ("float32", "int64", "int32", "bool")


def infer(node, opset, inputs, outputs):
    """Types of the node's outputs. inputs: name -> (code, dims, array or None)."""
    constants = [numpy_helper.from_array(array, name) for name, (_, _, array) in inputs.items() if array is not None]
    free = [
        helper.make_tensor_value_info(name, code, dims)
        for name, (code, dims, array) in inputs.items()
        if array is None
    ]
    graph = helper.make_graph([node], "g", free, [onnx.ValueInfoProto(name=o) for o in outputs], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    types = {v.name: v.type for v in inferred.graph.output}
    return [type_row(types.get(o)) for o in outputs]


def renamed(dims, sizes):
    """A name for each size above 1, the same for equal sizes."""
    return [sizes.setdefault(d, f"d{len(sizes)}") if d > 1 else d for d in dims]


def unless_wrong(inferred, recorded):
    """ONNX's own inference errs here and there; recorded results do not."""
    if inferred and recorded and inferred[1] is not None:
        known = [(a, b) for a, b in zip(inferred[1], recorded[1]) if isinstance(a, int)]
        if len(inferred[1]) != len(recorded[1]) or any(a != b for a, b in known):
            return recorded
    return inferred


def without_wrong_sizes(inferred, truth):
    """With names, ONNX takes some sizes for 0."""
    if inferred and truth and inferred[1] is not None and truth[1] is not None and len(inferred[1]) == len(truth[1]):
        sizes = [None if isinstance(a, int) and a != b else a for a, b in zip(inferred[1], truth[1])]
        return [inferred[0], sizes]
    return inferred


def row(node, opset, inputs, recorded):
    """A row: operands [dtype, dims, values], attributes, the recorded types, and ONNX's with sizes known and symbolic."""
    outputs = [o for o in node.output]
    sizes = {}
    symbolic = {
        name: (code, dims if array is not None else renamed(dims, sizes), array)
        for name, (code, dims, array) in inputs.items()
    }
    result = {
        "op": node.op_type,
        "opset": opset,
        "in": [],
        "attrs": {a.name: attribute_row(a) for a in node.attribute},
        "out": recorded,
        "onnx": [unless_wrong(t, r) for t, r in zip(infer(node, opset, inputs, outputs), recorded)],
    }
    for name in node.input:
        if not name:
            result["in"].append(None)
            continue
        code, dims, array = inputs[name]
        value = [] if array is None else [finite(array.flatten().tolist())]
        result["in"].append([dtype_name(code), list(dims), *value])
    try:
        claims = infer(node, opset, symbolic, outputs)
        result["symbolic"] = [without_wrong_sizes(c, t) for c, t in zip(claims, result["onnx"])]
    except shape_inference.InferenceError:
        pass  # names it takes for different sizes
    return result


def suite_rows():
    """One-node models of ONNX's test suite; few of each operator, with different attributes and ranks."""
    seen = {}
    for case in load_model_tests(kind="node"):
        model = onnx.load(Path(case.model_dir) / "model.onnx")
        opsets = {o.domain: o.version for o in model.opset_import}
        if len(model.graph.node) != 1 or set(opsets) != {""} or model.functions:
            continue
        [node] = model.graph.node
        data = Path(case.model_dir) / "test_data_set_0"
        inputs = {}
        try:
            for i, v in enumerate(model.graph.input):
                proto = onnx.load_tensor(data / f"input_{i}.pb")
                array = numpy_helper.to_array(proto)
                inputs[v.name] = (proto.data_type, list(proto.dims), array if small(array) else None)
            recorded = []
            for o in model.graph.output:
                i = len(recorded)
                proto = onnx.load_tensor(data / f"output_{i}.pb")
                recorded.append([dtype_name(proto.data_type), list(proto.dims)])
            names = [o.name for o in model.graph.output]
            recorded = [recorded[names.index(o)] if o in names else None for o in node.output]
            key = (node.op_type, tuple(sorted(a.name for a in node.attribute)), len(node.input),
                   tuple(len(d) for _, d, _ in inputs.values()), bool([o for o in node.output if o]))  # fmt: skip
            rows = seen.setdefault(node.op_type, {})
            if key in rows or len(rows) >= ROWS:
                continue
            rows[key] = row(node, opsets[""], inputs, recorded)
        except (KeyError, onnx.onnx_cpp2py_export.checker.ValidationError):
            continue
        except Exception as error:  # sequences, optionals, what the reader does not know
            print(f"{case.name}: left out, {type(error).__name__}")
    return [r for rows in seen.values() for r in rows.values()]


F, I, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def f(*dims):
    return (F, list(dims), None)


def ints(*values):
    return (I, [len(values)], numpy.array(values, dtype=numpy.int64))


def floats(*values):
    return (F, [len(values)], numpy.array(values, dtype=numpy.float32))


# Operator set, operator, operands, attributes, number of outputs.
OLD = [
    (1, "Cast", [f(2, 3)], {"to": "INT64"}, 1),
    (1, "Pad", [f(2, 3)], {"paddings": [0, 1, 2, 3]}, 1),
    (1, "Reshape", [f(2, 3)], {"shape": [3, 2]}, 1),
    (1, "Slice", [f(4, 5)], {"starts": [1], "ends": [3], "axes": [1]}, 1),
    (1, "Split", [f(6, 5)], {"axis": 0}, 2),
    (2, "Pad", [f(2, 3)], {"pads": [0, 1, 2, 3]}, 1),
    (2, "Split", [f(6, 5)], {"axis": 0, "split": [2, 4]}, 2),
    (6, "Add", [f(2, 3, 4), f(3, 4)], {"broadcast": 1}, 1),
    (6, "Add", [f(2, 3, 4), f(3)], {"broadcast": 1, "axis": 1}, 1),
    (6, "Clip", [f(2, 3)], {"min": 0.0, "max": 1.0}, 1),
    (6, "Dropout", [f(2, 3)], {"ratio": 0.5}, 2),
    (6, "Tile", [f(2, 3), ints(2, 2)], {}, 1),
    (7, "BatchNormalization", [f(2, 3, 4), f(3), f(3), f(3), f(3)], {}, 1),
    (7, "BatchNormalization", [f(2, 3, 4), f(3), f(3), f(3), f(3)], {}, 5),
    (7, "Dropout", [f(2, 3)], {"ratio": 0.5}, 2),
    (7, "MaxPool", [f(1, 2, 7, 7)], {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"}, 1),
    (7, "Upsample", [f(1, 2, 3, 4)], {"scales": [1.0, 1.0, 2.0, 2.5]}, 1),
    (8, "Softmax", [f(2, 3, 4)], {"axis": 1}, 1),
    (9, "Upsample", [f(1, 2, 3, 4), floats(1, 1, 2, 2.5)], {}, 1),
    (9, "Slice", [f(4, 5, 6)], {"starts": [1, -3], "ends": [3, 100]}, 1),
    (9, "TopK", [f(4, 5)], {"k": 3, "axis": 0}, 2),
    (9, "Scatter", [f(3, 3), (I, [2, 3], None), f(2, 3)], {}, 1),
    (10, "Dropout", [f(2, 3)], {}, 2),
    (10, "Resize", [f(1, 2, 3, 4), floats(1, 1, 2, 0.5)], {}, 1),
    (10, "TopK", [f(4, 5), ints(3)], {}, 2),
    (11, "ReduceSum", [f(2, 3, 4)], {"axes": [-1], "keepdims": 0}, 1),
    (11, "Squeeze", [f(2, 1, 4, 1)], {"axes": [1]}, 1),
    (11, "Unsqueeze", [f(2, 4)], {"axes": [0, -1]}, 1),
    (11, "Split", [f(6, 5)], {"axis": -1, "split": [2, 3]}, 2),
    (11, "Resize", [f(1, 2, 3, 4), floats(), floats(1, 1, 2, 0.5)], {}, 1),
    (12, "Dropout", [f(2, 3)], {}, 2),
    (13, "ReduceMean", [f(2, 3, 4)], {"axes": [0, 2]}, 1),
    (13, "BatchNormalization", [f(2, 3, 4), f(3), f(3), f(3), f(3)], {}, 1),
    (14, "BatchNormalization", [f(2, 3, 4), f(3), f(3), f(3), f(3)], {"training_mode": 1}, 3),
    (17, "DFT", [f(2, 8, 1)], {"axis": 1, "onesided": 1}, 1),
    (17, "Split", [f(6, 5)], {"axis": 1}, 1),
    (22, "ConvTranspose", [f(1, 4, 5, 5), f(4, 3, 3, 3)], {"strides": [2, 2], "output_shape": [10, 11], "group": 2}, 1),
    (22, "MaxPool", [f(1, 2, 7, 8)], {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1, "pads": [1, 0, 1, 0]}, 2),
    (22, "Constant", [], {"value_ints": [1, 2, 3]}, 1),
    (22, "Constant", [], {"value_float": 1.5}, 1),
    (22, "RandomNormal", [], {"shape": [2, 3], "dtype": 11}, 1),
    (22, "RandomUniform", [], {"shape": [2, 3]}, 1),
    (22, "RandomNormalLike", [f(2, 3)], {}, 1),
    (22, "RandomUniformLike", [f(2, 3)], {"dtype": 10}, 1),
    (22, "Multinomial", [f(2, 3)], {"sample_size": 4}, 1),
    (22, "MaxRoiPool", [f(1, 3, 8, 8), f(4, 5)], {"pooled_shape": [2, 2]}, 1),
    (22, "GlobalLpPool", [f(1, 3, 8, 8)], {}, 1),
    (13, "MeanVarianceNormalization", [f(2, 3, 4, 5)], {"axes": [0, 2, 3]}, 1),
    (22, "LpNormalization", [f(2, 3)], {}, 1),
    (22, "RNN", [f(5, 2, 4), f(2, 3, 4), f(2, 3, 3)], {"hidden_size": 3, "direction": "bidirectional"}, 2),
]  # fmt: skip


def old_rows():
    for opset, op, operands, attrs, count in OLD:
        inputs = {f"x{i}": operand for i, operand in enumerate(operands)}
        outputs = [f"y{i}" for i in range(count)]
        yield row(helper.make_node(op, list(inputs), outputs, **attrs), opset, inputs, [None] * count)


def write(name, content):
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / name).write_text(content + "\n")


if __name__ == "__main__":
    assert onnx.__version__ == VERSION, f"expected onnx {VERSION}, got {onnx.__version__}"
    head = {"onnx": VERSION, "opset": OPSET}
    lines = [f"{json.dumps(name)}: {json.dumps(s)}" for name, s in schemas().items()]
    write("schemas.json", json.dumps(head)[:-1] + ', "operators": {\n' + ",\n".join(lines) + "\n}}")
    changes = [f"{json.dumps(name)}: {json.dumps(forms)}" for name, forms in history().items()]
    write("history.json", json.dumps(head)[:-1] + ', "operators": {\n' + ",\n".join(changes) + "\n}}")
    rows = sorted([*suite_rows(), *old_rows()], key=lambda r: (r["op"], r["opset"]))
    compact = [json.dumps(r, separators=(",", ":"), allow_nan=False) for r in rows]
    write("inference.json", json.dumps({"onnx": VERSION})[:-1] + ', "rows": [\n' + ",\n".join(compact) + "\n]}")
    print(f"{len(lines)} operators, {len(rows)} nodes of {len({r['op'] for r in rows})} operators")
