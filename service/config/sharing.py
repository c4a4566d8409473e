"""Settings that are written once for several: `bucket_defaults` and `grant_sets`. Pure."""

from collections.abc import Mapping
from typing import Any

from service.errors import Location


def with_shared_settings(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the defaults in each bucket, and the grants in place of their set.

    What is not well-formed, or has an unknown name, stays for the validation to refuse.
    """
    found = dict(document)
    defaults, buckets = found.get("bucket_defaults"), found.get("buckets")
    if isinstance(defaults, Mapping) and isinstance(buckets, Mapping):
        found["buckets"] = {
            name: _with_defaults(defaults, own or {}) if isinstance(own, Mapping | None) else own
            for name, own in buckets.items()
        }
    sets = found.get("grant_sets")
    if isinstance(sets, Mapping):
        if isinstance(callers := found.get("callers"), list | tuple):
            found["callers"] = [_with_grants(caller, sets) for caller in callers]
        if "unsafe_anonymous_caller" in found:
            anonymous = found["unsafe_anonymous_caller"]
            found["unsafe_anonymous_caller"] = _with_grants(anonymous, sets)
    return found


def _with_defaults(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A bucket's null removes a default."""
    removed = {key for key in defaults if key in own and own[key] is None}
    return {key: value for key, value in {**defaults, **own}.items() if key not in removed}


def _with_grants(caller: Any, sets: Mapping[Any, Any]) -> Any:
    name = caller.get("grants") if isinstance(caller, Mapping) else None
    return {**caller, "grants": sets[name]} if isinstance(name, str) and name in sets else caller


def written_location(location: Location, document: Any) -> Location:
    """Return where the setting at `location` is written, which may be in what is shared."""
    if not isinstance(document, Mapping):
        return location
    match location:
        case ("callers", int(), "grants", _, *_) | ("unsafe_anonymous_caller", "grants", _, *_):
            at = location.index("grants") + 1
            name = value_at(document, location[:at])
            return ("grant_sets", name, *location[at:]) if isinstance(name, str) else location
        case ("buckets", _, key, *more):
            own, defaults = value_at(document, location[:2]), document.get("bucket_defaults")
            if isinstance(defaults, Mapping) and key in defaults and key not in (own or ()):
                return ("bucket_defaults", key, *more)
    return location


def value_at(document: Any, location: Location) -> Any:
    """Return the value at `location`, or None."""
    for part in location:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document
