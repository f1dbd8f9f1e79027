"""cfn-lint rules for Custom::Connect* resources: `cfn-lint --append-rules cfn_connect.rules`.

A resource's properties are read by the model that the Lambda function reads them with, so what the
rules say is what a failed deployment would say.
"""

from cfn_connect.rules.rules import (
    Attributes,
    FittingProperties,
    KnownProperties,
    RequiredProperties,
    ServiceTokens,
    ValidProperties,
)

__all__ = [
    "Attributes",
    "FittingProperties",
    "KnownProperties",
    "RequiredProperties",
    "ServiceTokens",
    "ValidProperties",
]
