"""Deploy the provider, and stacks that use it, in the sandbox."""

import fcntl
import hashlib
import io
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from sandbox import scene
from sandbox.aws import Sandbox, SandboxError
from tools import botocore_data, build

ROOT = Path(__file__).parent.parent
PROVIDER_STACK = "cfn-connect-provider"
ARTIFACT_KEY = "functions.zip"
_CODE_URI = "CodeUri: functions/"
_LARGEST_BODY = 51_200  # bytes
_FAILED = ("ROLLBACK_COMPLETE", "FAILED")


class StackFailed(SandboxError):
    """A stack ended in an unexpected status."""

    def __init__(self, name: str, status: str) -> None:
        super().__init__(f"stack {name}: {status}")
        self.status = status


# It shows a stack event: logical id, type, status and reason.
Watch = Callable[[Mapping[str, Any]], None]


class Account(Protocol):
    """The sandbox, or an account of AWS; poll_seconds: the pause between two looks at a stack."""

    poll_seconds: float

    def client(self, service: str, region: str = ...) -> Any:
        """Return a boto3 client of a service."""


def deploy_provider(sandbox: Sandbox, watch: Watch, region: str = scene.REGION) -> None:
    """Deploy template.yaml with the sources of functions/, in a Region."""
    deploy_functions(sandbox, artifact(sandbox.python), PROVIDER_STACK, watch, region)


def deploy_functions(
    account: Account,
    code: bytes,
    name: str,
    watch: Watch,
    region: str,
    parameters: Mapping[str, str] | None = None,
) -> None:
    """Deploy template.yaml with an artifact; `name` replaces PROVIDER_STACK in every name."""
    s3 = account.client("s3", region)
    bucket = f"{name}-{region}"
    _create_bucket(s3, bucket, region)
    s3.put_object(Bucket=bucket, Key=ARTIFACT_KEY, Body=code)
    template = (ROOT / "template.yaml").read_text()
    if template.count(_CODE_URI) != 1:
        raise SandboxError(f"template.yaml should say {_CODE_URI!r} once")
    template = template.replace(_CODE_URI, f"CodeUri: s3://{bucket}/{ARTIFACT_KEY}")
    template = template.replace(PROVIDER_STACK, name)
    deploy(account, name, template, parameters or {}, watch, region)


def _create_bucket(s3: Any, bucket: str, region: str) -> None:
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else elsewhere))


def artifact(python: Path) -> bytes:
    """Return a zip of functions/ and the dependencies that it pins, for MiniStack's Python.

    A function then imports its own boto3 and pydantic, and not the older ones beside MiniStack.
    """
    content = io.BytesIO(_dependencies(python).read_bytes())
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(build.FUNCTIONS.rglob("*.py")):
            archive.write(path, path.relative_to(build.FUNCTIONS))
    return content.getvalue()


def _dependencies(python: Path) -> Path:
    """Return a zip of the pinned dependencies, which is made once and kept in .build/."""
    requirements = build.FUNCTIONS / "requirements.txt"
    key = hashlib.sha256(requirements.read_bytes() + str(python).encode()).hexdigest()[:16]
    made = ROOT / ".build/sandbox" / f"{key}.zip"
    made.parent.mkdir(parents=True, exist_ok=True)
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several sandboxes may start together
        if not made.exists():
            with TemporaryDirectory(dir=made.parent) as folder:
                packages = Path(folder, "packages")
                build.install(requirements, packages, python=str(python))
                botocore_data.keep_services(packages / "botocore/data")
                build.compile_modules(packages, str(python))
                Path(shutil.make_archive(f"{folder}/packages", "zip", packages)).replace(made)
    return made


def deploy(
    account: Account,
    name: str,
    template: str,
    parameters: Mapping[str, str],
    watch: Watch,
    region: str = scene.REGION,
) -> dict[str, str]:
    """Create or update a stack, wait, and return its outputs; raise StackFailed if it fails."""
    cloudformation = account.client("cloudformation", region)
    arguments: dict[str, Any] = {
        "StackName": name,
        **_template(account, name, template, region),
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    seen = len(_events(cloudformation, name))
    if seen:
        cloudformation.update_stack(**arguments)
    else:
        cloudformation.create_stack(**arguments)
    stack = _wait(cloudformation, name, seen, watch, account.poll_seconds)
    if stack["StackStatus"].endswith(_FAILED):
        raise StackFailed(name, stack["StackStatus"])
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def _template(account: Account, name: str, template: str, region: str) -> dict[str, str]:
    """Return the argument for a template. CloudFormation reads a large one from a bucket."""
    if len(template.encode()) <= _LARGEST_BODY:
        return {"TemplateBody": template}
    s3 = account.client("s3", region)
    bucket = f"{name}-templates-{region}"
    _create_bucket(s3, bucket, region)
    s3.put_object(Bucket=bucket, Key="template.yaml", Body=template.encode())
    url = {"Bucket": bucket, "Key": "template.yaml"}
    return {"TemplateURL": s3.generate_presigned_url("get_object", Params=url)}


def delete(account: Account, name: str, watch: Watch, region: str = scene.REGION) -> None:
    """Delete a stack and wait until it is gone; raise StackFailed if it fails."""
    cloudformation = account.client("cloudformation", region)
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    seen = len(_events(cloudformation, stack_id))
    cloudformation.delete_stack(StackName=name)
    stack = _wait(cloudformation, stack_id, seen, watch, account.poll_seconds)
    status = stack["StackStatus"]
    if status != "DELETE_COMPLETE":
        raise StackFailed(name, status)


def _wait(cloudformation: Any, name: str, seen: int, watch: Watch, pause: float) -> dict[str, Any]:
    """Show the events after the first `seen` until the stack is done; return the stack."""
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        events = _events(cloudformation, name)
        for event in events[seen:]:
            watch(event)
        seen = len(events)
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        time.sleep(pause)


def _events(cloudformation: Any, name: str) -> list[dict[str, Any]]:
    """Return a stack's events, oldest first; an unknown stack has none."""
    try:
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]
    except cloudformation.exceptions.ClientError:
        return []
