"""The provider's errors, in CloudFormation's words.

Each class below ProviderError has the name of a HandlerErrorCode, which begins the Reason.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from botocore import exceptions as botocore
from botocore.parsers import ResponseParserError


class ProviderError(Exception):
    """An error that becomes a FAILED response.

    maybe_done: the failed call may have taken effect, for example after a 500.
    may_pass: Connect gives this error while a change is not visible everywhere, or under way.
    unfinished: only time ran out. The same request continues from here when Lambda runs it again.
    """

    transient: ClassVar[bool] = False  # whether such an error is unfinished by nature

    def __init__(
        self,
        message: str,
        *,
        maybe_done: bool = False,
        may_pass: bool = False,
        unfinished: bool = False,
    ) -> None:
        super().__init__(message)
        self.maybe_done = maybe_done
        self.may_pass = may_pass
        self.unfinished = unfinished or self.transient

    @property
    def reason(self) -> str:
        """The Reason of the response, for example "NotFound: DescribeUser: …"."""
        code = next(c.__name__ for c in type(self).__mro__ if c.__base__ is ProviderError)
        return f"{code}: {self}"


class InvalidRequest(ProviderError):
    """The properties are wrong, or Connect refused them."""


class NotFound(ProviderError):
    """A resource that the template names does not exist."""


class AlreadyExists(ProviderError):
    """Another resource has the Name, and this request did not create it."""


class AccessDenied(ProviderError):
    """The function's role lacks a permission."""


class ServiceLimitExceeded(ProviderError):
    """A quota of the account or instance is used up. Never retried."""


class ResourceConflict(ProviderError):
    """The state of the resource, or of another resource that uses it, forbids the change."""


class Superseded(ResourceConflict):
    """CloudFormation no longer waits for the request, so the call was not made.

    maybe_done: an earlier try of the call may have taken effect.
    """

    def __init__(self, *, maybe_done: bool = False) -> None:
        message = "CloudFormation no longer waits for this request"
        super().__init__(message, maybe_done=maybe_done)


class NotStabilized(ProviderError):
    """The resource did not become ready."""


class Throttling(ProviderError):
    """Connect limits the request rate. Retried until the deadline, and then in the next run."""

    transient = True


class ServiceInternalError(ProviderError):
    """Connect failed or could not be reached. Retried like Throttling."""

    transient = True


class GeneralServiceException(ProviderError):
    """Any other error of Connect, or a bug in the provider."""


# A rollback ends despite these: its target is gone, taken or refused.
REFUSALS = (NotFound, InvalidRequest, AlreadyExists, ResourceConflict)

# Every error that botocore's Connect model declares for the operations that we call.
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
    "Throttling": Throttling,  # CloudFormation's own code
    "ThrottlingException": Throttling,
    "TooManyRequestsException": Throttling,
}
# On a create, a conflict means that the Name is taken (API: CreateTrafficDistributionGroup).
_ON_CREATE = {**_BY_CODE, "ResourceConflictException": AlreadyExists}

# API reference, "Eventual consistency" and "UpdateTrafficDistribution". What used a resource may
# just have left it (assumed).
_MAY_PASS = {
    "InvalidRequestException",
    "ResourceConflictException",
    "ResourceInUseException",
    "ResourceNotFoundException",
}

# botocore raises these before it sends a request. Its other connection errors may come later.
_NOT_SENT = (
    botocore.EndpointConnectionError,
    botocore.ConnectTimeoutError,
    botocore.ProxyConnectionError,
)
_OWN_IDS = ("Id", "QuickConnectId", "TrafficDistributionGroupId")
_REQUEST_ID = re.compile(r"\s*[\[(;,]?\s*request[ _-]?id\b[:= ]*[\w-]+\s*[\])]?", re.IGNORECASE)


def error_class(operation: str, code: str, status: int = 0) -> type[ProviderError]:
    """Return the error class for a Connect error code and the HTTP status of an operation."""
    table = _ON_CREATE if operation.startswith("Create") else _BY_CODE
    fallback = ServiceInternalError if status >= 500 else GeneralServiceException
    return table.get(code, fallback)


def from_botocore(
    operation: str,
    error: Exception,
    parameters: Mapping[str, Any],
    *,
    region: str = "",
    own_texts: Iterable[tuple[str, str]] = (),
    maybe_done: bool = False,
) -> ProviderError:
    """Return the ProviderError for an exception of botocore.

    Its text is "Operation: Code: message". Request ids are removed. Ids of resources stay, and a
    NotFound or InvalidRequest names those of the call.

    region: where the call went, if that is not the function's own Region. The text names it.
    own_texts: the user's own texts, each with the name that replaces it, longest first.
    maybe_done: an earlier try of the same call may have taken effect.
    """
    kind, code, message = _classify(operation, error)
    if kind is ServiceInternalError and not isinstance(error, _NOT_SENT):
        maybe_done = True
    text = _REQUEST_ID.sub("", message)
    for name, value in own_texts:
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", f"<{name}>", text)
    if kind in (NotFound, InvalidRequest):
        named = [f"{name} {value}" for name, value in _ids(parameters) if value not in text]
        text = f"{text} ({', '.join(named)})".lstrip() if named else text
    call = f"{operation} in {region}" if region else operation
    text = f"{call}: {code}: {text}" if text else f"{call}: {code}"
    may_pass = code in _MAY_PASS and kind is not AlreadyExists
    return kind(text, maybe_done=maybe_done, may_pass=may_pass)


def _classify(operation: str, error: Exception) -> tuple[type[ProviderError], str, str]:
    """Return the error class, the error code and the message of an exception of botocore."""
    name = type(error).__name__
    if isinstance(error, botocore.ClientError):
        details = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(details.get("Code", "Unknown"))
        return error_class(operation, code, status), code, str(details.get("Message", ""))
    if isinstance(error, botocore.ParamValidationError):
        return InvalidRequest, name, "the API's model refuses the parameters"
    if isinstance(error, botocore.ConnectionError | botocore.HTTPClientError | ResponseParserError):
        return ServiceInternalError, name, "no usable response"
    return (
        GeneralServiceException,
        name,
        str(error) if isinstance(error, botocore.BotoCoreError) else "",
    )


def _ids(parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each id in the parameters, except the one of the resource."""
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _ids(value)
        elif isinstance(value, str) and name.endswith("Id") and name not in _OWN_IDS:
            yield name, value
