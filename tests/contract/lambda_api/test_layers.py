"""Layers: published, listed, found by functions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.lambda_api.conftest import RUNTIME, zip_of

API = "https://docs.aws.amazon.com/lambda/latest/api"
DG = "https://docs.aws.amazon.com/lambda/latest/dg"
FINDS = "def handle(event, context):\n    import found\n    return [found.n, found.__file__]\n"


def module(number: int) -> bytes:
    return zip_of({"python/found.py": f"n = {number}\n"})


@pytest.fixture
def publish(functions: Any) -> Any:
    """Publishes a version of this test's layer; returns the answer."""
    name = f"l-{uuid.uuid4().hex[:10]}"

    def make(content: bytes, layer: str = name, **more: Any) -> Any:
        return functions.publish_layer_version(LayerName=layer, Content={"ZipFile": content}, **more)

    return make


@pytest.mark.cites(f"{API}/API_PublishLayerVersion.html#API_PublishLayerVersion_ResponseElements")
def test_each_publication_is_a_new_version(publish: Any, functions: Any) -> None:
    """ "Each time you call PublishLayerVersion with the same layer name, a new version is created"."""
    one = publish(module(1), Description="d", CompatibleRuntimes=[RUNTIME])
    two = publish(module(2))
    assert (one["Version"], two["Version"]) == (1, 2)
    assert one["LayerVersionArn"] == f"{one['LayerArn']}:1"
    assert one["Content"]["CodeSize"] == len(module(1))
    assert (one["Description"], one["CompatibleRuntimes"]) == ("d", [RUNTIME])
    got = functions.get_layer_version(LayerName=one["LayerArn"].rpartition(":")[2], VersionNumber=1)
    assert got["Content"]["CodeSha256"] == one["Content"]["CodeSha256"]
    by_arn = functions.get_layer_version_by_arn(Arn=one["LayerVersionArn"])
    assert by_arn["Version"] == 1


@pytest.mark.cites(f"{API}/API_ListLayerVersions.html#API_ListLayerVersions_ResponseElements")
def test_versions_are_listed_newest_first(publish: Any, functions: Any) -> None:
    """ListLayerVersions: Lists the versions of a Lambda layer, the latest first."""
    made = [publish(module(number)) for number in range(3)]
    name = made[0]["LayerArn"].rpartition(":")[2]
    listed = functions.list_layer_versions(LayerName=name)["LayerVersions"]
    assert [one["Version"] for one in listed] == [3, 2, 1]


@pytest.mark.cites(f"{API}/API_ListLayerVersions.html#API_ListLayerVersions_RequestParameters")
def test_versions_are_listed_by_compatible_runtime(publish: Any, functions: Any) -> None:
    """CompatibleRuntime: "Specify a runtime identifier to list only versions … compatible with that runtime"."""
    publish(module(1), CompatibleRuntimes=["nodejs22.x"])
    name = publish(module(2), CompatibleRuntimes=[RUNTIME])["LayerArn"].rpartition(":")[2]
    listed = functions.list_layer_versions(LayerName=name, CompatibleRuntime=RUNTIME)["LayerVersions"]
    assert [one["Version"] for one in listed] == [2]


@pytest.mark.cites(f"{API}/API_ListLayers.html#API_ListLayers_ResponseElements")
def test_layers_are_listed_with_their_latest_version(publish: Any, functions: Any) -> None:
    """LatestMatchingVersion: "The newest version of the layer"."""
    publish(module(1))
    name = publish(module(2))["LayerArn"].rpartition(":")[2]
    pages = functions.get_paginator("list_layers").paginate()
    (found,) = [one for page in pages for one in page["Layers"] if one["LayerName"] == name]
    assert found["LatestMatchingVersion"]["Version"] == 2


@pytest.mark.cites(f"{API}/API_GetLayerVersion.html#API_GetLayerVersion_Errors")
def test_a_layer_that_is_not_there(deploy: Any, functions: Any) -> None:
    """GetLayerVersion: ResourceNotFoundException; a function with it: InvalidParameterValueException."""
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_layer_version(LayerName="nobody-s-layer", VersionNumber=1)
    arn = functions.get_function_configuration(FunctionName=deploy())["FunctionArn"]
    missing = f"{arn.split(':function:')[0]}:layer:nobody-s-layer:1"
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.create_function(**deploy.settings(Layers=[missing]))


@pytest.mark.cites(f"{DG}/python-layers.html#python-layer-paths")
@pytest.mark.parametrize("folder", ["python", f"python/lib/{RUNTIME}/site-packages"])
def test_a_function_imports_from_a_layer(deploy: Any, call: Any, publish: Any, folder: str) -> None:
    """Lambda loads the layer content into the `/opt` directory: `python` and
    `python/lib/python3.x/site-packages`."""
    layer = publish(zip_of({f"{folder}/found.py": "n = 1\n"}))["LayerVersionArn"]
    assert call(deploy(FINDS, Layers=[layer])).value == [1, f"/opt/{folder}/found.py"]


@pytest.mark.cites(f"{DG}/adding-layers.html")
def test_a_later_layer_wins(deploy: Any, functions: Any, call: Any, publish: Any) -> None:
    """Lambda merges the layers in the order in which they are listed, and overwrites any duplicate files."""
    one, two = (publish(module(number))["LayerVersionArn"] for number in (1, 2))
    name = deploy(FINDS)
    for order, expected in (([one, two], 2), ([two, one], 1)):
        functions.update_function_configuration(FunctionName=name, Layers=order)
        deploy.settled(name)
        assert call(name).value[0] == expected
        shown = functions.get_function_configuration(FunctionName=name)["Layers"]
        assert [layer["Arn"] for layer in shown] == order


@pytest.mark.cites(f"{API}/API_DeleteLayerVersion.html")
def test_a_deleted_layer_stays_with_its_functions(deploy: Any, functions: Any, call: Any, publish: Any) -> None:
    """ "Deleted versions can no longer be viewed or added to functions. … a copy … remains … until no functions
    refer"."""
    made = publish(module(1))
    name = deploy(FINDS, Layers=[made["LayerVersionArn"]])
    layer = made["LayerArn"].rpartition(":")[2]
    functions.delete_layer_version(LayerName=layer, VersionNumber=1)
    assert call(name).value[0] == 1
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_layer_version(LayerName=layer, VersionNumber=1)
