"""The answers of the HTTP server in examples/serving_http."""

import json

import keras
import numpy as np
import pytest
from http_asking import PREDICT, Function, client, predict, refusal

import tf_softpool as tsp

X = np.random.default_rng(0).normal(0, 10, (3, 6, 4, 3)).astype("float32")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Returns a model with one input and one output of open sizes, and a client of its server."""
    image = keras.Input((None, None, 3), name="image")
    y = tsp.layers.SortedPooling2D(2, 1, rank_initializer=tsp.layers.LeadingRank(0.4))(image)
    model = keras.Model(image, tsp.layers.SoftPooling2D(2)(y))
    tsp.export(model, path := tmp_path_factory.mktemp("one") / "model")
    return model, client(tsp.serving.load(path))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Returns a model with two inputs and two outputs, and a client of its server."""
    image, text = keras.Input((6, 4, 3), name="image"), keras.Input((4, 3), name="text")
    outputs = {"soft": tsp.layers.SoftPooling2D(2)(image), "sorted": tsp.layers.SortedPooling1D(2)(text)}
    model = keras.Model([image, text], outputs)
    tsp.export(model, path := tmp_path_factory.mktemp("two") / "model")
    return model, client(tsp.serving.load(path))


@pytest.mark.parametrize(
    "body",
    [
        {"instances": X.tolist()},
        {"instances": [{"image": x} for x in X.tolist()]},
        {"inputs": X.tolist(), "signature_name": "serving_default"},
        {"inputs": {"image": X.tolist()}, "anything": ["else"]},
    ],
)
def test_one_input(body, one):
    model, client = one
    reply = predict(client, body)
    assert reply.status_code == 200, reply.text
    ((key, values),) = reply.json().items()
    assert key == ("predictions" if "instances" in body else "outputs")
    np.testing.assert_allclose(np.float32(values), model.predict(X, verbose=0), rtol=1e-6)


def test_two_inputs(two):
    model, client = two
    text = X[:, 1:5, 0].copy()
    expected = model.predict([X, text], verbose=0)
    columns = predict(client, {"inputs": {"image": X.tolist(), "text": text.tolist()}}).json()["outputs"]
    rows = [{"text": t, "image": x} for x, t in zip(X.tolist(), text.tolist(), strict=True)]
    rows = predict(client, {"instances": rows}).json()["predictions"]
    assert columns.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(np.float32(columns[name]), values, rtol=1e-6)
        assert [row[name] for row in rows] == columns[name]


IMAGE = [[[1.0, 2.0, 3.0]] * 3] * 3
BAD = [
    (b"", "not JSON in UTF-8: Expecting value"),
    (b'{"instances": [', "not JSON in UTF-8"),
    (b'{"instances": ["\xff"]}', "not JSON in UTF-8"),
    (json.dumps({"instances": [IMAGE]}).encode("utf-16"), "not JSON in UTF-8"),
    (b'{"instances": [[[[NaN, 0, 0]]]]}', "NaN is not a JSON number"),
    (b'{"instances": [[[[-Infinity, 0, 0]]]]}', "-Infinity is not a JSON number"),
    (b'{"instances": ' + b"9" * 5000 + b"}", "not JSON in UTF-8"),
    (b'{"instances": ' + b"[" * 10**5 + b"]" * 10**5 + b"}", "nested too deeply"),
    (b'{"inputs": [], "inputs": []}', "has a key twice"),
    ([IMAGE], "not a JSON object"),
    ({"rows": [IMAGE]}, "needs one of the keys 'instances' and 'inputs'"),
    ({"instances": [IMAGE], "inputs": [IMAGE]}, "needs one of the keys"),
    ({"instances": [IMAGE], "signature_name": "other"}, "no signature 'other'"),
    ({"instances": [IMAGE], "signature_name": None}, "no signature None"),
    ({"instances": []}, "not a list of one row or more"),
    ({"instances": {"image": [IMAGE]}}, "not a list of one row or more"),
    ({"instances": [{"image": IMAGE}, {"x": IMAGE}]}, "Row 1 of 'instances' has the inputs ['x'], the model"),
    ({"instances": [{"image": IMAGE, "x": 1}]}, "has the inputs ['image', 'x'], the model takes ['image']"),
    ({"inputs": {"\ud800": [IMAGE]}}, r"'inputs' has the inputs ['\ud800'], the model takes ['image']"),
    ({"inputs": {}}, "has the inputs [], the model takes ['image']"),
    ({"instances": [IMAGE, IMAGE[:2]]}, "lists of the input 'image' differ in length or in depth"),
    ({"instances": [[1, [2]]]}, "'image' is float32 [?, ?, ?, 3], but has a list at [0, 1]"),
    ({"instances": [[[2], 1]]}, "differ in length or in depth"),
    ({"instances": IMAGE}, "got an array of shape [3, 3, 3]"),
    ({"instances": [[[[1, 2]] * 3] * 3]}, "got an array of shape [1, 3, 3, 2]"),
    ({"inputs": []}, "got an array of shape [0]"),
    ({"inputs": 1}, "got an array of shape []"),
    ({"instances": [[[[1, 2, "3"]]]]}, "has a string at [0, 0, 0, 2]"),
    ({"instances": [[[[1, True, 3]]]]}, "has true or false at [0, 0, 0, 1]"),
    ({"instances": [[[[None, 2, 3]]]]}, "has null at [0, 0, 0, 0]"),
    ({"instances": [[[[{"b64": ""}, 2, 3]]]]}, "has an object at"),
    ({"inputs": {"b64": ""}}, "has an object at []"),
    ({"instances": [[[[1e39, 2, 3]]]]}, "beyond the range of float32"),
    (b'{"instances": [[[[1e999, 2, 3]]]]}', "beyond the range of float32"),
    ({"instances": [[[[10**400, 2, 3]]]]}, "beyond the range of float32"),
    ({"instances": [IMAGE[:1]]}, "does not take these inputs: ksize 2 is larger than the input's"),
]


@pytest.mark.parametrize(("body", "message"), BAD)
def test_bad_requests(body, message, one):
    error = refusal(predict(one[1], body))
    assert message in error
    assert "[[" not in error or "node" not in error


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"instances": [IMAGE]}, "Row 0 of 'instances' is not an object with the inputs ['image', 'text']"),
        ({"inputs": [IMAGE]}, "'inputs' is not an object with the inputs ['image', 'text']"),
        ({"inputs": {"image": X.tolist()}}, "has the inputs ['image'], the model takes ['image', 'text']"),
        ({"inputs": {"b64": ""}}, "has the inputs ['b64'], the model takes ['image', 'text']"),
    ],
)
def test_bad_requests_to_two_inputs(body, message, two):
    assert message in refusal(predict(two[1], body))


@pytest.mark.parametrize(
    ("dtype", "good", "bad"),
    [
        ("uint8", [0, 255], [256, -1, 1.0, True, "1"]),
        ("int64", [2**63 - 1, -(2**63)], [2**63, 1e3]),
        ("bool", [True, False], [0, 1.0, "true"]),
        ("float16", [65504, -0.5], [65520]),
        ("bfloat16", [3.38953139e38, 1], [3.4e38]),
        ("float64", [1e308, 5e-324, 0.1], [b"1e309"]),
        ("string", ["é", "", {"b64": "aGk="}], [1, None, {"b64": "?"}, {"b64": 1}, {"b65": ""}, "\ud800"]),
        ("complex64", [], [1]),
    ],
)
def test_types(dtype, good, bad):
    asked = client(Function(dtype=dtype))
    echo = [x if x != {"b64": "aGk="} else "hi" for x in good]
    if good:
        values = predict(asked, {"instances": good}).json()["predictions"]
        assert values == echo or np.array_equal(np.array(values, dtype), np.array(echo, dtype))
    for value in bad:
        body = b'{"instances": [%s]}' % value if isinstance(value, bytes) else {"instances": [value]}
        refusal(predict(asked, body))


def test_what_json_has_not():
    special = np.array([[np.nan, np.inf], [-np.inf, 0.5]], "float32")
    reply = predict(client(Function(lambda _: {"y": special})), {"instances": [0]})
    assert reply.json() == {"predictions": [["NaN", "Infinity"], ["-Infinity", 0.5]]}
    np.testing.assert_array_equal(np.array(reply.json()["predictions"], "float32"), special)
    reply = predict(client(Function(dtype="string", name="x_bytes")), {"inputs": ["hi"]})
    assert reply.json() == {"outputs": [{"b64": "aGk="}]}


@pytest.mark.parametrize("y", [{"y": np.float32(1)}, {"y": np.zeros(1), "z": np.zeros(2)}])
def test_outputs_without_rows(y):
    asked = client(Function(lambda _: {name: np.array(values) for name, values in y.items()}))
    assert "ask with 'inputs'" in refusal(predict(asked, {"instances": [0]}))
    assert predict(asked, {"inputs": [0]}).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_size(chunked):
    asked = client(Function(), max_bytes=100)
    for size, status in ((100, 200), (101, 413), (201, 413), (10**6, 413)):
        body = b'{"instances": [1]}'.ljust(size)
        content = (body[i : i + 50] for i in range(0, size, 50)) if chunked else body
        reply = asked.post(PREDICT, content=content)
        assert reply.status_code == status
        assert status == 200 or "larger than 100 bytes" in refusal(reply, 413)


def test_paths(one, two):
    status = one[1].get("/v1/models/model").json()
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    told = two[1].get("/v1/models/model/versions/1/metadata").json()
    signature = told["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"].keys() == {"image", "text"}
    assert signature["outputs"].keys() == {"soft", "sorted"}
    assert signature["inputs"]["text"]["dtype"] == "DT_FLOAT"
    sizes = [length["size"] for length in signature["outputs"]["soft"]["tensor_shape"]["dim"]]
    assert sizes == ["-1", "3", "2", "3"]
    for path in ("/", "/v1/models/other", "/v1/models/model/", "/v1/models/model/versions/2"):
        assert "The model is at /v1/models/model." in refusal(one[1].get(path), 404)
    refusal(one[1].post("/v1/models/other:predict", content=b"{}"), 404)
    refusal(one[1].get("/v1/models/model:predict"), 405)
    refusal(one[1].delete("/v1/models/model"), 405)
