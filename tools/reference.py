"""Write docs/reference, docs/schemas and docs/assumptions.md, for `make docs`.

A page has the order of a CloudFormation page: syntax, properties, return values, examples.
"""

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfn_connect.resource_types import RESOURCE_TYPES
from tools.check_aws import page
from tools.json_schema import OPEN, schema_of, template_schema

ROOT = Path(__file__).resolve().parent.parent
Schema = Mapping[str, Any]


_LIMITS = {
    "minLength": "Minimum length",
    "maxLength": "Maximum length",
    "minimum": "Minimum",
    "maximum": "Maximum",
    "multipleOf": "In steps of",
    "minItems": "Minimum number of items",
    "maxItems": "Maximum number of items",
    "maxProperties": "Maximum number of entries",
    "pattern": "Pattern",
}


def rendered() -> dict[Path, str]:
    """Return the path and the text of every generated file."""
    slugs = {name: made.page for name, made in RESOURCE_TYPES.items()}
    schemas = {resource_type: f"{slug}.json" for resource_type, slug in slugs.items()}
    files = {ROOT / "docs/schemas/template.json": _json(template_schema(schemas))}
    files[ROOT / "docs/assumptions.md"] = page.page()
    for resource_type, slug in slugs.items():
        schema = schema_of(resource_type, RESOURCE_TYPES[resource_type].model)
        files[ROOT / "docs/schemas" / f"{slug}.json"] = _json(schema)
        lines = "\n".join(_page(resource_type, slug, schema))
        files[ROOT / "docs/reference" / f"{slug}.md"] = f"{lines}\n"
    return files


def _json(schema: Schema) -> str:
    return f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n"


def _page(resource_type: str, slug: str, schema: Schema) -> Iterator[str]:
    model = RESOURCE_TYPES[resource_type].model
    yield f"# {resource_type}\n"
    yield "<!-- Written by `make docs` from the models. -->\n"
    yield f"{inspect.cleandoc(schema['description'])}\n"
    yield from _syntax(resource_type, schema)
    yield "## Properties\n"
    for name, value in sorted(schema["properties"].items()):
        yield from _property(schema, name, value)
        yield f"- *Update requires*: {_update_requires(model.create_only, name, value)}\n"
    yield "## Property types\n"
    for definition, block in sorted(schema.get("$defs", {}).items()):
        yield f"### {definition}\n\n{block['description']}\n"
        for name, value in sorted(block["properties"].items()):
            yield from _property(block, name, value)
            yield ""
    ref = model.attributes["Arn"].removeprefix("The ").rstrip(".")
    yield f"## Return values\n\n### Ref\n\nReturns the {ref}.\n\n### Fn::GetAtt\n"
    for name, meaning in model.attributes.items():
        yield f"- `{name}`: {meaning}"
    example = (ROOT / "examples/reference" / f"{slug}.yaml").read_text()
    yield f"\n## Examples\n\n```yaml\n{example}```\n"
    yield f"The schema of the properties is [{slug}.json](../schemas/{slug}.json)."


def _syntax(resource_type: str, schema: Schema) -> Iterator[str]:
    """Yield the JSON and YAML syntax. The list of properties shows alternative spellings."""
    shown = {
        name: _type(value["anyOf"][0], link=False)
        for name, value in sorted(schema["properties"].items())
        if not _other_spelling(value)
    }
    yield "## Syntax\n\n### JSON\n"
    yield f'```json\n{{\n  "Type" : "{resource_type}",\n  "Properties" : {{'
    yield ",\n".join(f'    "{name}" : {kind}' for name, kind in shown.items())
    yield "  }\n}\n```\n\n### YAML\n"
    yield f"```yaml fragment\nType: {resource_type}\nProperties:"
    yield from (f"  {name}: {kind}" for name, kind in shown.items())
    yield "```\n"


def _property(block: Schema, name: str, value: Schema) -> Iterator[str]:
    """Yield the entry of a property, without the line about updates."""
    described = value["description"]
    literal = value["anyOf"][0]
    yield f"**`{name}`**\n\n{described[0].upper()}{described[1:]}.\n"
    yield f"- *Required*: {_required(block, name)}"
    yield f"- *Type*: {_type(literal)}"
    if "enum" in literal and _type(literal) != "Boolean":
        allowed = literal["enum"]
        yield f"- *Allowed values*: {' | '.join(f'`{word}`' for word in allowed)}"
    for part in literal.get("anyOf", [literal])[:1]:
        for keyword, label in _LIMITS.items():
            if keyword in part and (keyword != "pattern" or "integer" not in part["type"]):
                yield f"- *{label}*: `{part[keyword]}`"
    if "default" in value:
        yield f"- *Default*: `{value['default']}`"


def _required(block: Schema, name: str) -> str:
    if name in block.get("required", ()):
        return "Yes"
    for choice in block.get("allOf", ()):
        spellings = [option["required"][0] for option in choice.get("anyOf", ())]
        if name in spellings:
            return f"Conditional: one of {', '.join(f'`{s}`' for s in spellings)}"
        if name in choice.get("then", {}).get("required", ()):
            ((other, value),) = choice["if"]["properties"].items()
            return f"Conditional: if `{other}` is `{value['const']}`, and only then"
    return "No"


def _update_requires(create_only: frozenset[str], name: str, value: Schema) -> str:
    if name == "ServiceToken":
        return "Updates are not supported"
    replaced = {name, _other_spelling(value)} & create_only
    return "Replacement" if replaced else "No interruption"


def _other_spelling(value: Schema) -> str:
    """Return the property that means the same as this one, or an empty string."""
    described = str(value["description"])
    return described.removeprefix("the same as ") if described.startswith("the same as ") else ""


def _type(literal: Schema, *, link: bool = True) -> str:
    """Return the name of a type, in the words of CloudFormation's pages."""
    if "anyOf" in literal:
        return " | ".join(_type(part, link=link) for part in literal["anyOf"] if part not in OPEN)
    if "$ref" in literal:
        name = literal["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if link else name
    if True in literal.get("enum", ()):
        return "Boolean"
    if literal["type"] == "array":
        return f"List of {_type(literal['items'], link=link)}"
    if literal["type"] == "object":
        return "Map of String"
    return "Integer" if "integer" in literal["type"] else "String"


def main() -> None:
    """Write every generated file. With --check, fail if a file is not current."""
    files = rendered()
    if sys.argv[1:] == ["--check"]:
        old = [path.name for path, text in files.items() if path.read_text() != text]
        sys.exit(f"Out of date, run `make docs`: {', '.join(old)}" if old else 0)
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
