"""What can go wrong, in CloudFormation's words.

Each class is named after a CloudFormation HandlerErrorCode, and a Reason begins with that name:

    ProviderError
    ├── InvalidRequest            the template is wrong; no call was made, or Connect refused it
    ├── NotFound                  something that the template names does not exist
    ├── AlreadyExists             the name is taken by something that is not ours
    ├── AccessDenied              the function's role lacks a permission
    ├── ServiceLimitExceeded      a quota of the account or instance is used up
    ├── ResourceConflict          the state of something else forbids it for now
    ├── NotStabilized             it was made, changed or deleted, but never got ready
    ├── Throttling                Connect's request rate was exceeded until time ran out
    ├── ServiceInternalError      Connect failed, or could not be reached
    └── GeneralServiceException   anything else that Connect said
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
    ProxyConnectionError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError


class ProviderError(Exception):
    """An error whose class name is CloudFormation's HandlerErrorCode.

    maybe_done: the call that failed may have taken effect (a 500, a lost connection).
    unfinished: nothing is wrong but the time: the same request, run again, goes on from here.
    overtaken: nothing was done, since CloudFormation waits no longer for the request.
    """

    maybe_done = False
    unfinished = False
    overtaken = False

    @property
    def reason(self) -> str:
        """The Reason of the answer, for example "NotFound: DescribeUser: …"."""
        return f"{type(self).__name__}: {self}"


class InvalidRequest(ProviderError):
    """The properties are wrong, or Connect refused them."""


class NotFound(ProviderError):
    """Something that the template names does not exist."""


class AlreadyExists(ProviderError):
    """The name is taken by a resource that this request did not make."""


class AccessDenied(ProviderError):
    """The function's role lacks a permission."""


class ServiceLimitExceeded(ProviderError):
    """A quota of the account or instance is used up. Never retried."""


class ResourceConflict(ProviderError):
    """The state of the resource, or of something that uses it, forbids the change."""


class NotStabilized(ProviderError):
    """The resource did not become stable."""


class Throttling(ProviderError):
    """Connect's request rate is exceeded. Retried until the deadline."""

    unfinished = True


class ServiceInternalError(ProviderError):
    """Connect failed or could not be reached. Retried a few times."""


class GeneralServiceException(ProviderError):
    """Any other answer of Connect."""


# Every error that botocore's Connect model declares for the operations that are called here.
_BY_CODE: Mapping[str, type[ProviderError]] = {
    "AccessDeniedException": AccessDenied,
    "DuplicateResourceException": AlreadyExists,
    "InternalServiceException": ServiceInternalError,
    "InvalidParameterException": InvalidRequest,
    "InvalidRequestException": InvalidRequest,
    "LimitExceededException": ServiceLimitExceeded,
    "ResourceConflictException": ResourceConflict,
    "ResourceInUseException": ResourceConflict,
    "ResourceNotFoundException": NotFound,
    "ResourceNotReadyException": ResourceConflict,
    "ServiceQuotaExceededException": ServiceLimitExceeded,
    "Throttling": Throttling,  # CloudFormation's word
    "ThrottlingException": Throttling,
    "TooManyRequestsException": Throttling,
}
# A create that conflicts means that its name is taken (CreateTrafficDistributionGroup's API page).
_ON_CREATE = {**_BY_CODE, "ResourceConflictException": AlreadyExists}

# What botocore raises before a request is sent. Its other connection errors may come afterwards.
_NOT_SENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
_REQUEST_ID = re.compile(r"\s*[\[(;,]?\s*request[ _-]?id\b[:= ]*[\w-]+\s*[\])]?", re.IGNORECASE)


def error_class(operation: str, code: str, status: int = 0) -> type[ProviderError]:
    """Return the class for a Connect error code that an operation answered with `status`."""
    table = _ON_CREATE if operation.startswith("Create") else _BY_CODE
    fallback = ServiceInternalError if status >= 500 else GeneralServiceException
    return table.get(code, fallback)


def from_botocore(operation: str, error: Exception, parameters: Mapping[str, Any]) -> ProviderError:
    """Return the ProviderError for what botocore raised when `operation` was called.

    Its text is "Operation: Code: message", without request ids, and with the call's own values
    replaced by their names, since a Reason is shown to everyone who may see the stack.
    """
    code, message, maybe_done = type(error).__name__, "", False
    kind: type[ProviderError] = GeneralServiceException
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code, message = str(answer.get("Code", "Unknown")), str(answer.get("Message", ""))
        kind = error_class(operation, code, status)
        maybe_done = kind is ServiceInternalError
    elif isinstance(error, ParamValidationError):
        kind, message = InvalidRequest, "the API's model refuses the parameters"
    elif isinstance(error, BotoConnectionError | HTTPClientError | ResponseParserError):
        kind, message = ServiceInternalError, "no usable answer"
        maybe_done = not isinstance(error, _NOT_SENT)
    elif isinstance(error, BotoCoreError):
        message = str(error)
    text = _REQUEST_ID.sub("", message)
    for name, value in _leaves(parameters):
        if len(value) > 3:
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w|:[A-Z])", f"<{name}>", text)
    failure = kind(f"{operation}: {code}: {text}" if text else f"{operation}: {code}")
    failure.maybe_done = maybe_done
    return failure


def _leaves(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of every text in the parameters, the longest values first."""
    found: list[tuple[str, str]] = []
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found += _leaves(value)
        elif isinstance(value, str):
            found.append((name, value))
    yield from sorted(found, key=lambda leaf: -len(leaf[1]))
