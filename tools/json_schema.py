"""JSON Schemas for the properties of resource types, as templates write them."""

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import SchemaValidator, core_schema

from connect_provider.properties import ResourceProperties

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# A function in its short form, such as !Ref, as docs/linting.md describes it to an editor. Its type
# is null there, while its value is text or a list. No other value satisfies this.
_SHORT: JsonSchemaValue = {"type": "null", "not": {"const": None}}
# Any value can be an intrinsic function, or a dynamic reference.
OPEN: list[JsonSchemaValue] = [
    {
        "type": "object",
        "propertyNames": {"pattern": "^(Ref|Fn::.+)$"},
        "minProperties": 1,
        "maxProperties": 1,
    },
    {"type": "string", "pattern": r"\{\{resolve:"},
    _SHORT,
]

# Any map can have macros and loops, which add members.
_MACROS = {"^Fn::(Transform$|ForEach::)": True}
_TRUTHS = ("true", "yes", "y", "on", "t", "1", "false", "no", "n", "off", "f", "0")


class TemplateJsonSchema(GenerateJsonSchema):
    """Pydantic's schema, extended for templates.

    It accepts intrinsic functions, scalars as text, and both spellings of an id.
    """

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """Accept "50" as well as 50."""
        number = super().int_schema(schema)
        return {**number, "type": ["integer", "string"], "pattern": r"^\s*\+?[0-9_]+(\.0+)?\s*$"}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Accept 2026 as well as "2026", if the text can be a number.

        Omit patterns with Unicode classes: some languages do not support them.
        """
        shown = super().str_schema(schema)
        if r"\p{" in shown.get("pattern", ""):
            del shown["pattern"]
        if SchemaValidator(schema).isinstance_python("2026"):
            shown["type"] = ["string", "number", "boolean"]
        return shown

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        """Accept "true" and "Yes" as well as true."""
        words = [spelled for word in _TRUTHS for spelled in (word, word.capitalize(), word.upper())]
        return {"enum": list(dict.fromkeys([True, False, *words]))}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Refuse null, as CloudFormation does."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Omit empty defaults."""
        shown = super().default_schema(schema)
        return shown if schema.get("default") else _without(shown, "default")

    def list_schema(self, schema: core_schema.ListSchema) -> JsonSchemaValue:
        """Accept a function for an item."""
        shown = super().list_schema(schema)
        return {**shown, "items": {"anyOf": [shown["items"], *OPEN]}}

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Omit titles, which only repeat the names."""
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Accept a function for a value, and apply the limits of the keys."""
        shown = super().dict_schema(schema)
        return {
            **shown,
            "propertyNames": self.generate_inner(schema["keys_schema"]),
            "additionalProperties": {"anyOf": [shown["additionalProperties"], *OPEN]},
            "patternProperties": _MACROS,
        }

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Accept a function for a property, and each spelling of an id."""
        shown = _without(super().model_schema(schema), "title")
        for name, info in schema["cls"].model_fields.items():
            if isinstance(info.validation_alias, AliasChoices):
                self._add_spellings(shown, name, info.validation_alias)
        shown["properties"] = {
            name: {
                **{k: v for k, v in value.items() if k in ("description", "default")},
                "anyOf": [_without(value, "description", "default"), *OPEN],
            }
            for name, value in shown["properties"].items()
        }
        return {**shown, "patternProperties": _MACROS}

    def _add_spellings(self, shown: JsonSchemaValue, name: str, alias: AliasChoices) -> None:
        spellings = [str(choice) for choice in alias.choices]
        for spelling in spellings[1:]:
            same = {"description": f"the same as {name}"}
            shown["properties"][spelling] = {**shown["properties"][name], **same}
        # A function can return AWS::NoValue.
        literal = {"type": ["array", "boolean", "number", "string"]}
        both = {"required": spellings, "properties": dict.fromkeys(spellings, literal)}
        rules = shown.setdefault("allOf", [])
        rules.append({"not": both})
        if name in shown.get("required", ()):
            shown["required"].remove(name)
            rules.append({"anyOf": [{"required": [spelling]} for spelling in spellings]})


def template_schema(schemas: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of a template's resources; schemas: the file for each resource type."""

    def by_condition(file: str) -> JsonSchemaValue:
        function = {"type": "object", "required": ["Fn::If"]}
        return {"if": {"anyOf": [function, _SHORT]}, "else": {"$ref": file}}

    resources = [
        {
            "if": {"properties": {"Type": {"const": resource_type}}, "required": ["Type"]},
            "then": {"properties": {"Properties": by_condition(file)}, "required": ["Properties"]},
        }
        for resource_type, file in schemas.items()
    ]
    members = {"Resources": {"additionalProperties": {"allOf": resources}}}
    return {"$schema": DIALECT, "title": "CloudFormation template", "properties": members}


def _without(schema: JsonSchemaValue, *keywords: str) -> JsonSchemaValue:
    return {keyword: value for keyword, value in schema.items() if keyword not in keywords}


def schema_of(resource_type: str, model: type[ResourceProperties]) -> dict[str, Any]:
    """Return the schema of a resource's Properties.

    CloudFormation requires a ServiceToken. The model does not.
    """
    shown = model.model_json_schema(schema_generator=TemplateJsonSchema)
    shown["required"] = ["ServiceToken", *shown.get("required", ())]
    return {"$schema": DIALECT, "title": resource_type, **shown}
