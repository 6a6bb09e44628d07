"""Runs one workflow script as SOAR would, and more strictly: what the platform does not
have, or the export does not define, is an error. Case on stdin, effects on stdout, as JSON."""

import ast
import json
import sys

SEVERITIES = ["Low", "Medium", "High"]


class Refused(Exception):
    pass


def check(condition, *words):
    if not condition:
        raise Refused(" ".join(str(word) for word in words))


class Results(dict):
    """What a function returned: keys are attributes as well."""

    def __getattr__(self, name):
        check(name in self, "results has no", name)
        return self[name]


class RichText:
    def __init__(self, html):
        check(isinstance(html, str), "rich text must be a string")
        self.html = html


class Helper:
    __slots__ = ()

    def createRichText(self, html):
        return RichText(html)


class Named:
    """Attributes with known names; reading one gives its value, writing one is recorded."""

    def __init__(self, what, values, written):
        object.__setattr__(self, "_state", (what, values, written))

    def __getattr__(self, name):
        what, values, _ = object.__getattribute__(self, "_state")
        check(name in values, what, "has no", name)
        return values[name]

    def __setattr__(self, name, value):
        what, values, written = object.__getattribute__(self, "_state")
        check(name in values, what, "has no", name)
        written[name] = value


class Row(Named):
    def __setitem__(self, name, value):
        check(isinstance(value, str), "column", name, "takes text, not", repr(value))
        setattr(self, name, value)


class Incident:
    def __init__(self, case, effects):
        vars(self).update(id=case["incident"]["id"], _case=case, _effects=effects)
        values = dict.fromkeys(case["incident_fields"])
        values.update(case["incident"]["properties"])
        vars(self)["properties"] = Named("incident.properties", values, effects["properties"])

    def __setattr__(self, name, value):
        check(name == "severity_code", "incident.", name, "cannot be set")
        check(value in SEVERITIES, value, "is no severity")
        self._effects["severity_code"] = value

    def addRow(self, table):
        columns = self._case["data_tables"].get(table)
        check(columns is not None, "there is no table", table)
        cells = {}
        self._effects["rows"].append({"table": table, "cells": cells})
        return Row(table, dict.fromkeys(columns), cells)

    def addArtifact(self, kind, value, description):
        check(kind in self._case["artifact_types"], "there is no artifact type", kind)
        check(isinstance(value, str) and value, "an artifact needs a value")
        check(isinstance(description, str), "a description is text")
        self._effects["artifacts"].append({"type": kind, "value": value, "description": description})

    def addNote(self, note):
        check(isinstance(note, RichText), "the note is not rich text")
        self._effects["notes"].append(note.html)


def restricted(tree):
    """What the platform's restricted Python refuses to compile."""
    for node in ast.walk(tree):
        check(not isinstance(node, (ast.Import, ast.ImportFrom, ast.AnnAssign)), "refused:", ast.dump(node)[:60])
        name = getattr(node, "id", None) or getattr(node, "attr", None) or ""
        check(not name.startswith("_"), "names may not begin with an underscore:", name)


def main():
    case = json.load(sys.stdin)
    effects = {"inputs": {}, "properties": {}, "rows": [], "artifacts": [], "notes": []}
    results = case["results"]
    scope = {
        "__builtins__": {"str": str},
        "incident": Incident(case, effects),
        "inputs": Named("inputs", dict.fromkeys(case["inputs"]), effects["inputs"]),
        "results": None if results is None else json.loads(json.dumps(results), object_hook=Results),
        "helper": Helper(),
    }
    restricted(ast.parse(case["script"]))
    exec(compile(case["script"], case["name"], "exec"), scope)
    json.dump(effects, sys.stdout)


main()
