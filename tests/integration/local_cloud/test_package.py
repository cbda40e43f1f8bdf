"""SAM's uploads for a build serve further stacks of that build, and no other build."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud.aws import Aws
from local.cloud.build import Target
from local.cloud.package import Package
from tests.support.emulated import running_emulator

BUCKET = "deployments"
TEMPLATE = {
    "Parameters": {"Called": {"Type": "String", "AllowedPattern": "[a-z]+"}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Called"}}}
    },
    "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}},
}
UPLOADS = {
    "0a1b": b"a function",
    "2c3d": b"a layer",
    "4e5f.template": json.dumps(TEMPLATE).encode(),
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        location = {"LocationConstraint": running.region}
        for bucket in ("sam", BUCKET):
            running.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)  # type: ignore[arg-type]
        for name, content in UPLOADS.items():
            running.s3.put_object(Bucket="sam", Key=name, Body=content)
        yield running


class Build(Target):
    """A build in a folder of its own."""

    folder = Path()


@pytest.fixture
def package(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Keep what was uploaded for a build."""
    monkeypatch.setattr(Build, "folder", tmp_path)
    (tmp_path / "sources").write_text("a build")
    made = Package(Build("x86_64"))
    made.keep(aws, "sam")
    return made


def test_a_package_is_of_the_build_that_it_was_made_for(package: Package) -> None:
    with package.being_made() as is_made:
        assert is_made
    (package.target.folder / "sources").write_text("another build")
    with package.being_made() as is_made:
        assert not is_made


def test_without_a_build_there_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Build, "folder", tmp_path)
    with Package(Build("x86_64")).being_made() as is_made:
        assert not is_made


def test_a_package_of_another_build_is_replaced(aws: Aws, package: Package) -> None:
    (package.folder / "old").write_text("of another build")
    package.keep(aws, "sam")
    assert {path.name for path in package.folder.iterdir()} == {*UPLOADS, "sources"}


def test_a_stack_is_made_of_the_same_uploads_with_its_own_parameters(
    aws: Aws, package: Package
) -> None:
    for name in ("one", "two"):
        end = package.deploy(aws, BUCKET, f"stack-{name}", {"Called": name})
        assert end == ""
        (made,) = aws.cloudformation.describe_stacks(StackName=f"stack-{name}")["Stacks"]
        assert made["Outputs"][0]["OutputValue"] == name
    for name, content in UPLOADS.items():
        assert aws.s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == content


def test_a_refused_stack_shows_the_reason(aws: Aws, package: Package) -> None:
    end = package.deploy(aws, BUCKET, "stack-refused", {"Called": "UP"})
    assert "Called" in end
