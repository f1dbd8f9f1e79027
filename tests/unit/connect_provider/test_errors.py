"""Every error of Connect gets CloudFormation's word, and its text shows no secret."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)

from connect_provider import errors
from sandbox.connect_model import ConnectModel
from tests.support.template import FUNCTIONS, operations

_MODEL = ConnectModel().service
DECLARED = sorted(
    {
        (operation, shape.name)
        for package in FUNCTIONS
        for operation in operations(package)
        for shape in _MODEL.operation_model(operation).error_shapes
    }
)


@pytest.mark.parametrize(("operation", "code"), DECLARED)
def test_every_declared_error_is_in_the_table(operation: str, code: str) -> None:
    """Botocore's model declares errors for each operation that the provider calls."""
    assert errors.error_class(operation, code) is not errors.GeneralServiceException


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("CreateQuickConnect", "DuplicateResourceException", errors.AlreadyExists),
        ("CreateTrafficDistributionGroup", "ResourceConflictException", errors.AlreadyExists),
        ("UpdateTrafficDistribution", "ResourceConflictException", errors.ResourceConflict),
        ("CreateQuickConnect", "LimitExceededException", errors.ServiceLimitExceeded),
        ("TagResource", "TooManyRequestsException", errors.Throttling),
        ("TagResource", "SomethingNewException", errors.GeneralServiceException),
    ],
)
def test_a_conflict_on_create_means_that_the_name_is_taken(
    operation: str, code: str, expected: type[errors.ProviderError]
) -> None:
    """The same code means something else for other operations."""
    assert errors.error_class(operation, code) is expected


def client_error(code: str, message: str, status: int = 400) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "X"
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Name is in use", "Name is in use"),
        ("Sales line 1 is in use", "<Name> is in use"),
        ("+15551234567 is not valid", "<PhoneNumber> is not valid"),
        (
            "not authorized to perform connect:TagResource",
            "not authorized to perform connect:TagResource",
        ),
        ("No. (Request ID: 1234-abcd)", "No."),
        ("No, RequestId: 1234-abcd", "No"),
        ("no. Service: Connect; Request ID: 12; Proxy: null", "no. Service: Connect; Proxy: null"),
    ],
)
def test_a_message_loses_values_and_request_ids(message: str, expected: str) -> None:
    """Everyone who may see the stack can read a Reason."""
    texts = [("Name", "Sales line 1"), ("PhoneNumber", "+15551234567")]
    error = client_error("InvalidRequestException", message)
    failure = errors.from_botocore("CreateQuickConnect", error, {}, own_texts=texts)
    assert str(failure) == f"CreateQuickConnect: InvalidRequestException: {expected}"


@pytest.mark.parametrize(
    ("error", "expected", "maybe_done"),
    [
        pytest.param(
            client_error("InternalServiceException", "", 500),
            errors.ServiceInternalError,
            True,
            id="a 500",
        ),
        pytest.param(client_error("503", "", 503), errors.ServiceInternalError, True, id="a 503"),
        pytest.param(
            ReadTimeoutError(endpoint_url=""), errors.ServiceInternalError, True, id="no response"
        ),
        pytest.param(
            EndpointConnectionError(endpoint_url=""),
            errors.ServiceInternalError,
            False,
            id="no connection",
        ),
        pytest.param(
            SSLError(endpoint_url="", error=""),
            errors.ServiceInternalError,
            True,
            id="TLS that breaks, perhaps after the request was sent",
        ),
        pytest.param(
            ParamValidationError(report="value: secret"), errors.InvalidRequest, False, id="type"
        ),
        pytest.param(
            NoCredentialsError(), errors.GeneralServiceException, False, id="no credentials"
        ),
        pytest.param(
            client_error("AccessDeniedException", "", 403), errors.AccessDenied, False, id="a 403"
        ),
    ],
)
def test_an_error_tells_whether_the_call_may_have_taken_effect(
    error: Exception,
    expected: type[errors.ProviderError],
    maybe_done: bool,  # noqa: FBT001
) -> None:
    """After a definite refusal, there is nothing to clean up."""
    failure = errors.from_botocore("CreateQuickConnect", error, {})
    assert (type(failure), failure.maybe_done) == (expected, maybe_done)
    assert "secret" not in failure.reason
