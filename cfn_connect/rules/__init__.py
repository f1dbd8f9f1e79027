"""cfn-lint rules for Custom::Connect* resources: `cfn-lint --append-rules cfn_connect.rules`.

The rules read properties with the models of the Lambda functions. So they report the same errors as
a failed deployment, in the same words.
"""

from cfn_connect.rules.rules import (
    Attributes,
    DistinctNames,
    ExistingRegions,
    FittingProperties,
    KnownProperties,
    MappingKeys,
    RequiredProperties,
    ServiceTokens,
    ValidProperties,
)

__all__ = [
    "Attributes",
    "DistinctNames",
    "ExistingRegions",
    "FittingProperties",
    "KnownProperties",
    "MappingKeys",
    "RequiredProperties",
    "ServiceTokens",
    "ValidProperties",
]
