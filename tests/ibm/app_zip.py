"""Our app zip beside the one that IBM's `resilient-sdk package` makes of the same app written in Python.

    app_zip.py SDK PACKAGE ZIP

SDK is the program, PACKAGE what its codegen made of our export, ZIP ours. The Python app is given our name, texts,
settings, permissions and icons, so that everything must be equal, values too, but for what is listed here.
"""

import json
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

sdk, package, ours = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
NAME = "fn_aws_guardduty"

# Paths in the archives and why one of them has what the other has not; `*` stands for one name.
ARCHIVE = {
    "MANIFEST.in": "tells Python's build what to pack",
    "PKG-INFO": "tells pip what the package is; app.json says the same",
    "setup.cfg": "Python's build",
    "setup.py": "Python's build",
    "tox.ini": "runs the Python app's tests",
    "fn_aws_guardduty.egg-info/*": "tells pip what the package is",
    "fn_aws_guardduty/*": "the Python program; ours is in the image, since it is compiled",
    "fn_aws_guardduty/*/*": "as above",
    "fn_aws_guardduty/*/*/*": "as above; the customizations are our export.res",
    "tests/*": "the Python app's tests",
    "doc/screenshots/main.png": "an empty picture for a document yet to be written",
    "CHANGELOG.md": "ours: what an upgrade brings",
    "LICENSE": "ours: theirs lies within the Python program",
    "app.config.example": "ours: every setting; theirs are in the Python program",
    "export.res": "ours: theirs lies within the Python program",
    "fn-aws-guardduty.service": "ours: the unit of an integration server",
    "image_tree.sh": "ours: lays out the image for the Dockerfile",
}

# What differs in export.res, by path, and why.
EXPORT = {
    "incident_types[].create_date": "the tool's clock; ours is fixed, so that the same sources give the same bytes",
    "incident_types[].update_date": "as above",
    "fields[].id": "a number within the document, which the platform replaces: the tool gives the internal field 0",
    "action_order": "the tool empties it, and with it the order in which the rules are arranged",
}

unexplained = []


def main():
    with zipfile.ZipFile(ours) as zipped:
        unpack_our_archive(zipped)
        theirs = make_theirs(json.loads(zipped.read("app.json")))
        with zipfile.ZipFile(theirs) as other:
            compare_members(zipped, other)
            compare("app.json", {}, *(json.loads(z.read("app.json")) for z in (zipped, other)))
            compare("export.res", EXPORT, *(in_order(json.loads(z.read("export.res"))) for z in (zipped, other)))
            compare_archives(zipped, other)
    unused = [path for path in EXPORT if path not in met]
    unexplained.extend(f"{path}: listed as a difference, and is none" for path in unused)
    if unexplained:
        sys.exit("our app zip differs from IBM's:\n  " + "\n  ".join(unexplained))
    print("the app zip is what IBM's tool makes")


def archive_of(zipped):
    name = next(name for name in zipped.namelist() if name.endswith(".tar.gz"))
    return tarfile.open(fileobj=zipped.open(name), mode="r:gz")


def unpack_our_archive(zipped):
    """The files that the tool looks for beside setup.py."""
    with archive_of(zipped) as archive:
        for member in archive.getmembers():
            path = pathlib.PurePosixPath(*pathlib.PurePosixPath(member.name).parts[1:])
            if path.parts[0] in ("icons", "payload_samples") or path.name == "apikey_permissions.txt":
                (package / path).parent.mkdir(parents=True, exist_ok=True)
                (package / path).write_bytes(archive.extractfile(member).read())


def make_theirs(app):
    """The same app in Python, packed by IBM's tool."""
    setup = package / "setup.py"
    text = setup.read_text(encoding="utf-8")
    long_description = re.fullmatch("<div>(.*)</div>", app["long_description"]["content"], re.DOTALL).group(1)
    for key, value in {
        "display_name": app["display_name"],
        "version": app["version"],
        "author": app["author"]["name"],
        "url": app["author"]["website"],
        "description": app["description"]["content"],
        "long_description": long_description,
    }.items():
        literal = '"""' + value + '"""' if key == "long_description" else json.dumps(value)
        text, count = re.subn(rf'(?ms)^    {key}=(""".*?"""|".*?"),$', lambda _: f"    {key}={literal},", text)
        assert count == 1, key
    setup.write_text(text, encoding="utf-8")
    settings = app["current_installation"]["executables"][0]["config_string"]
    config = package / NAME / "util/config.py"
    config.write_text(f"def config_section_data():\n    return {settings!r}\n", encoding="utf-8")
    repository = app["current_installation"]["executables"][0]["image"].rsplit("/", 1)[0]
    subprocess.run([sdk, "package", "-p", package, "--repository-name", repository], check=True, stdout=subprocess.DEVNULL)
    return package / f"dist/app-{NAME}-{app['version']}.zip"


def compare_members(*zips):
    ours, theirs = (sorted(zipped.namelist()) for zipped in zips)
    if ours != theirs:
        unexplained.append(f"members: ours {ours}, theirs {theirs}")
    for zipped in zips:
        for member in zipped.infolist():
            if member.external_attr >> 16 & 0o777 != 0o644 or member.compress_type != zipfile.ZIP_DEFLATED:
                unexplained.append(f"{zipped.filename}: {member.filename} is not a plain deflated file")


met = set()


def compare(path, explained, ours, theirs):
    """Each difference, to the last value."""
    general = re.sub(r"\[\d+\]", "[]", path).partition(".")[2].partition(".")[2]
    if general in explained:
        if ours != theirs:
            met.add(general)
    elif isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            if key in ours and key in theirs:
                compare(f"{path}.{key}", explained, ours[key], theirs[key])
            elif f"{general}.{key}".lstrip(".") in explained:
                met.add(f"{general}.{key}".lstrip("."))
            else:
                unexplained.append(f"{path}.{key}: only {'ours' if key in ours else 'theirs'} has it")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs)):
            compare(f"{path}[{number}]", explained, *pair)
    elif ours != theirs:
        unexplained.append(f"{path}: ours {str(ours)[:80]!r}, theirs {str(theirs)[:80]!r}")


def in_order(export):
    """The tool lists objects in an order of its own, which means nothing, and rewrites JSON that is text."""
    for value in export.values():
        if isinstance(value, list):
            value.sort(key=lambda item: item["uuid"] if isinstance(item, dict) else item)
    for function in export["functions"]:
        for key in ("output_json_schema", "output_json_example"):
            function[key] = json.loads(function[key])
    return export


def compare_archives(*zips):
    paths = []
    for zipped in zips:
        with archive_of(zipped) as archive:
            files = (member for member in archive.getmembers() if member.isfile())
            paths.append({member.name.partition("/")[2] for member in files})
    explained = [re.compile(re.escape(path).replace(r"\*", "[^/]*") + "$") for path in ARCHIVE]
    for path in paths[0] ^ paths[1]:
        if not any(pattern.match(path) for pattern in explained):
            unexplained.append(f"archive: only {'ours' if path in paths[0] else 'theirs'} has {path}")
    for pattern, path in zip(explained, ARCHIVE):
        if not any(pattern.match(name) for name in paths[0] ^ paths[1]):
            unexplained.append(f"archive: {path} is listed as a difference, and is none")


main()
