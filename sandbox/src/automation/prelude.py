"""What a script of a workflow finds in its scope, and what it did with it.

The platform refuses unknown names rather than ignoring them; so do these objects.
"""

# Stores an attribute of an object whose own __setattr__ is the script's.
_store = object.__setattr__


class Record(dict):
    """A JSON object whose members are items and attributes; nested values are wrapped when they are read."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError("there is no member '%s', only: %s" % (name, ", ".join(map(str, self))))

    def __setattr__(self, name, value):
        raise AttributeError("results cannot be changed (%s)" % name)

    def __setitem__(self, name, value):
        raise TypeError("results cannot be changed (%s)" % name)

    def __getitem__(self, name):
        value = _item(self, name)
        return _wrap(value) if type(value) in _nested else value

    def get(self, name, default=None):
        value = dict.get(self, name, default)
        return _wrap(value) if type(value) in _nested else value

    def values(self):
        return [_wrap(value) if type(value) in _nested else value for value in dict.values(self)]

    def items(self):
        return [(name, _wrap(value) if type(value) in _nested else value) for name, value in dict.items(self)]


_item = dict.__getitem__
# Scripts read single values most of all: these need no call of _wrap.
_nested = (dict, list)


def _wrap(value):
    if type(value) is dict:
        return Record(value)
    if type(value) is list:
        return [_wrap(item) for item in value]
    return value


class TextContent:
    """Text with its format, as helper.createRichText makes it."""

    def __init__(self, format, content):
        if not isinstance(content, str):
            raise TypeError("text is needed, not %s" % type(content).__name__)
        self.format = format
        self.content = content

    def as_json(self):
        return {"format": self.format, "content": self.content}


class Helper:
    def createRichText(self, text):
        return TextContent("html", text)

    def createPlainText(self, text):
        return TextContent("text", text)


class Properties:
    """Named values that can be read only, such as rule.properties."""

    def __init__(self, owner, values):
        _store(self, "_owner", owner)
        _store(self, "_values", values)

    def __getattr__(self, name):
        if name not in self._values:
            raise AttributeError("%s has no property '%s'" % (self._owner, name))
        return _wrap(self._values[name])

    def __setattr__(self, name, value):
        raise AttributeError("%s.%s cannot be set" % (self._owner, name))


class Holder:
    """An object that only has properties."""

    def __init__(self, owner, values):
        self.properties = Properties(owner, values)


class Log:
    def __init__(self, lines):
        self._lines = lines

    def info(self, text):
        self._lines.append(str(text))

    debug = warn = error = info


class Inputs:
    """The inputs of the function about to be called."""

    def __init__(self, names, values):
        _store(self, "_names", names)
        _store(self, "_values", values)

    def __getattr__(self, name):
        _known(self._names, name, "the function has no input '%s'")
        return self._values.get(name)

    def __setattr__(self, name, value):
        _known(self._names, name, "the function has no input '%s'")
        self._values[name] = _plain(value, "input " + name)


class Fields:
    """Fields of the incident, at its top or under properties."""

    def __init__(self, prefix, values, kinds, changes):
        _store(self, "_prefix", prefix)
        _store(self, "_now", dict(values))
        _store(self, "_kinds", kinds)
        _store(self, "_changes", changes)

    def __getattr__(self, name):
        if name in self._now:
            return _wrap(self._now[name])
        _known(self._kinds, self._prefix + name, "incident has no field '%s'")
        return None

    def __setattr__(self, name, value):
        name_in_full = self._prefix + name
        if name_in_full not in self._kinds and name in self._now:
            raise AttributeError("incident field '%s' cannot be set" % name_in_full)
        _known(self._kinds, name_in_full, "incident has no field '%s'")
        _check(self._kinds[name_in_full], value, "incident field '%s'" % name_in_full)
        self._now[name] = value
        self._changes.append([name_in_full, _plain(value, name_in_full)])


class Row:
    """A new row of a data table; its cells are set as attributes or items."""

    def __init__(self, table, columns):
        _store(self, "_table", table)
        _store(self, "_columns", columns)
        _store(self, "_cells", {})

    def __getattr__(self, column):
        return self[column]

    def __getitem__(self, column):
        _known(self._columns, column, "table " + self._table + " has no column '%s'")
        return self._cells.get(column)

    def __setitem__(self, column, value):
        # Most cells are text: those are done without a further call.
        if not (type(value) is str and self._columns.get(column) == "text"):
            _known(self._columns, column, "table " + self._table + " has no column '%s'")
            _check(self._columns[column], value, "column '%s' of table %s" % (column, self._table))
            value = _plain(value, column)
        self._cells[column] = value

    __setattr__ = __setitem__


class Incident(Fields):
    def __init__(self, context, effects):
        incident = dict(context["incident"])
        kinds = context["fields"]
        properties = Fields("properties.", incident.pop("properties", None) or {}, kinds, effects["fields"])
        Fields.__init__(self, "", incident, kinds, effects["fields"])
        _store(self, "properties", properties)
        _store(self, "_context", context)
        _store(self, "_effects", effects)

    def addRow(self, table):
        _known(self._context["tables"], table, "there is no data table '%s'")
        row = Row(table, self._context["tables"][table])
        self._effects["rows"].append({"table": table, "cells": row._cells})
        return row

    def addArtifact(self, type, value, description):
        _known(self._context["artifact_types"], type, "there is no artifact type '%s'")
        _text(value, "the value of an artifact")
        if description is not None:
            description = _content(description, "the description of an artifact")
        self._effects["artifacts"].append({"type": type, "value": value, "description": description})

    def addNote(self, note):
        content = _content(note, "a note")
        _text(content, "a note")
        format = note.format if isinstance(note, TextContent) else "text"
        self._effects["notes"].append({"format": format, "content": content})


def _known(names, name, complaint):
    if name not in names:
        raise AttributeError(complaint % (name,))


def _text(value, what):
    if not isinstance(value, str):
        raise TypeError("%s must be text, not %s" % (what, type(value).__name__))
    if not value.strip():
        raise ValueError("%s must not be empty" % what)


def _content(value, what):
    if isinstance(value, TextContent):
        return value.content
    if not isinstance(value, str):
        raise TypeError("%s must be text, not %s" % (what, type(value).__name__))
    return value


_classes_of = {
    "text": (str, TextContent),
    "number": (int, float),
    "boolean": (bool,),
    "date": (int,),
    "select": (str, int),
    "multi_select": (list, tuple),
}


def _check(kind, value, what):
    if value is None or kind == "any":
        return
    classes = _classes_of[kind]
    if not isinstance(value, classes) or (isinstance(value, bool) and bool not in classes):
        raise TypeError("%s takes %s, not %s" % (what, kind, type(value).__name__))


def _plain(value, what):
    if isinstance(value, TextContent):
        return value.as_json()
    if isinstance(value, (list, tuple)):
        return [_plain(item, what) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError("%s cannot be of type %s" % (what, type(value).__name__))


def _no_print(*values, **options):
    raise NameError("scripts have no print; use log.info")


def begin(context):
    """Returns the names that a script sees, and the record of its effects."""
    effects = {"inputs": {}, "fields": [], "rows": [], "artifacts": [], "notes": [], "log": []}
    names = {
        "incident": Incident(context, effects),
        "inputs": Inputs(context["inputs"], effects["inputs"]),
        "helper": Helper(),
        "log": Log(effects["log"]),
        "rule": Holder("rule", context["rule_properties"]),
        "workflow": Holder("workflow", context["workflow_properties"]),
        "print": _no_print,
    }
    if context["has_results"]:
        names["results"] = _wrap(context["results"])
    return names, effects
