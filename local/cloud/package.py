"""What ``sam deploy`` uploads for a build, kept, so that the next stack of it needs no SAM.

SAM reads the template seven times, packs every function and layer, and starts slowly: five seconds
of processor time for each stack. What it uploads is the same for the same build, whatever the
parameters are.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError, WaiterError

from local.cloud.aws import Aws
from local.cloud.build import Target

_TEMPLATE = ".template"
"""The end of the name that SAM gives to the template among what it uploads."""


@dataclass(frozen=True)
class Package:
    """The uploads of a build, by their names in the bucket; another build replaces them."""

    target: Target

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.target.folder / "package"

    @contextmanager
    def being_made(self) -> Iterator[bool]:
        """Keep others from making it meanwhile; give whether there is one of this build."""
        with (self.target.folder / "package.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._of_build.exists() and self._of_build.read_text() == self._build

    def keep(self, aws: Aws, bucket: str) -> None:
        """Take everything that SAM has just uploaded."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        pages = aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for each in (found["Key"] for page in pages for found in page["Contents"]):
            content = aws.s3.get_object(Bucket=bucket, Key=each)["Body"].read()
            (self.folder / each).write_bytes(content)
        self._of_build.write_text(self._build)

    def deploy(self, aws: Aws, bucket: str, stack: str, parameters: Mapping[str, str]) -> str:
        """Make a stack of it; return why that failed, an empty text when it did not."""
        uploads = [path for path in self.folder.iterdir() if path != self._of_build]
        for path in uploads:
            aws.s3.put_object(Bucket=bucket, Key=path.name, Body=path.read_bytes())
        (template,) = (path.name for path in uploads if path.suffix == _TEMPLATE)
        try:
            aws.cloudformation.create_stack(
                StackName=stack,
                TemplateURL=f"{aws.endpoint}/{bucket}/{template}",
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
                Parameters=[
                    {"ParameterKey": name, "ParameterValue": value}
                    for name, value in parameters.items()
                ],
            )
            waiter = aws.cloudformation.get_waiter("stack_create_complete")
            waiter.wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        except (ClientError, WaiterError) as error:
            return str(error)
        return ""

    @property
    def _of_build(self) -> Path:
        """The file that names the build; written last."""
        return self.folder / "sources"

    @property
    def _build(self) -> str:
        return (self.target.folder / "sources").read_text()
