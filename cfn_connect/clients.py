"""Clients of AWS for the commands, and the advice for each of their errors."""

from functools import cached_property
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

# Connect accepts two requests a second for each API. The pauses of twelve tries add up to minutes.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 12})

_SIGN_IN = "sign in, for example with `aws sso login`, or name a profile with --profile"
_ADVICE: dict[type[Exception], str] = {
    ResponseParserError: "the response is not one of AWS: check the proxy and the endpoint",
    exceptions.EndpointConnectionError: "check --region and the network",
    exceptions.NoCredentialsError: _SIGN_IN,
    exceptions.NoRegionError: "pass --region, or set AWS_REGION",
    exceptions.PartialCredentialsError: _SIGN_IN,
    exceptions.ProfileNotFound: "name a profile of ~/.aws/config with --profile",
    exceptions.TokenRetrievalError: _SIGN_IN,
    exceptions.UnauthorizedSSOTokenError: _SIGN_IN,
}
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException")


class CommandError(Exception):
    """An error of a command. Its text names the problem, then the fix."""


class Clients:
    """The clients of one command, each built once.

    region: the Region of the command, or None for the one of the environment.
    """

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        self._region, self._profile = region, profile
        self._made: dict[tuple[str, str], Any] = {}

    @cached_property
    def _session(self) -> Any:
        return boto3.session.Session(region_name=self._region, profile_name=self._profile)

    @property
    def region(self) -> str:
        """Return the command's Region."""
        region: str | None = self._session.region_name
        if region is None:
            raise exceptions.NoRegionError
        return region

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the client of a service, in the command's Region by default."""
        key = (service, region or self.region)
        if key not in self._made:
            self._made[key] = self.new_client(*key, _CONFIG)
        return self._made[key]

    def new_client(self, service: str, region: str, config: Config) -> Any:
        """Return a client with a configuration and event handlers of its own."""
        return self._session.client(service, region_name=region, config=config)


def code_of(error: ClientError) -> str:
    """Return the code of an error, or "" if the response has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def advice(error: BotoCoreError | ClientError | ResponseParserError) -> str:
    """Return one line with the problem and the fix."""
    if isinstance(error, ClientError):
        return _advice_for_response(error)
    fix = next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), None)
    problem = " ".join(str(error).split()).rstrip(".")
    return f"{problem}: {fix}" if fix else problem


def _advice_for_response(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code")), str(details.get("Message", ""))
    problem = f"{error.operation_name}: {code}: {message}".rstrip(": ")
    if code in _DENIED:
        return f"{problem}: allow {error.operation_name} for your identity"
    if code in _EXPIRED:
        return f"{problem}: {_SIGN_IN}"
    if code == "ChangeSetNotFound":
        return f"{problem}: check --change-set-name and --stack-name"
    if code == "ResourceNotFoundException":
        return f"{problem}: check --instance-id and --region"
    return problem
