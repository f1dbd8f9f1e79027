"""Logical ids from names: the same in each run, and unique in the template."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

_LONGEST = 255 - 6  # CloudFormation's limit, less a digest


class Wanted(NamedTuple):
    """A logical id to make. key: identifies the thing; name: its name; ending: of the id."""

    key: tuple[str, str]
    name: str
    ending: str = ""


def logical_ids(wanted: Iterable[Wanted], taken: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the logical id of each key.

    Ids that would be equal get a digest of their keys. So do names without a letter or digit of
    ASCII. A number would depend on the other names.

    taken: the ids that other things have.
    """
    plain = {each.key: each for each in wanted}
    words = {key: _words(each.name) for key, each in plain.items()}
    ids = {key: (words[key] + each.ending or key[0])[:_LONGEST] for key, each in plain.items()}
    uses = Counter([*ids.values(), *taken])
    return {
        key: made if words[key] and uses[made] == 1 else made + _digest(key)
        for key, made in ids.items()
    }


def _words(name: str) -> str:
    """Return the words of a name in ASCII, without spaces: "Künden-Dienst" is KundenDienst."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(word[0].upper() + word[1:] for word in re.findall("[A-Za-z0-9]+", ascii_name))


def _digest(key: tuple[str, str]) -> str:
    return hashlib.sha256(":".join(key).encode()).hexdigest()[:6]
