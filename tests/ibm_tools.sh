#!/usr/bin/env bash
# IBM's resilient-sdk must load our export: docgen documents it, codegen makes a package of it,
# nothing may be missing from either, and our app zip must be the one that its package makes.
#
# IBM_VENV names the virtual environment to use, made when it is not there; it belongs outside
# the tree. Without it a temporary one is made and removed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export_res="$root/export/export.res"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${IBM_VENV:-$work/venv}

if [[ ! -x "$venv/bin/resilient-sdk" || ! -x "$venv/bin/resilient-circuits" ]]; then
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        'resilient==51.*' 'resilient-circuits==51.*' 'resilient-sdk==51.*'
fi

# The whole workspace, so that nothing is built a second time with other features.
programs=$(bash "$root/tests/programs.sh")
"$programs/fn-aws-guardduty" package --output "$work" --repository Registry.Example.com/SOAR

# The SDK keeps settings and a log below the home folder.
export HOME="$work/home"
mkdir -p "$HOME" "$work/package"

# names LIST KEY: what the export calls its objects, one a line.
names() {
    "$venv/bin/python" - "$export_res" "$1" "$2" <<'PYTHON'
import json, sys
path, collection, key = sys.argv[1:]
for item in json.load(open(path, encoding="utf-8"))[collection]:
    if collection != "fields" or item["type_id"] == 0 and not item.get("internal"):
        print(item[key])
PYTHON
}

mapfile -t destinations < <(names message_destinations programmatic_name)
mapfile -t functions < <(names functions name)
mapfile -t workflows < <(names workflows programmatic_name)
mapfile -t rules < <(names actions name)
mapfile -t fields < <(names fields name)
mapfile -t tables < <(names types type_name)
mapfile -t artifact_types < <(names incident_artifact_types programmatic_name)

echo "docgen: document the export"
"$venv/bin/resilient-sdk" docgen -e "$export_res" -o "$work/export.md"

echo "codegen: a package of everything in it"
"$venv/bin/resilient-sdk" codegen -e "$export_res" -p fn_aws_guardduty -o "$work/package" \
    -m "${destinations[@]}" \
    -f "${functions[@]}" \
    -w "${workflows[@]}" \
    -r "${rules[@]}" \
    -fd "${fields[@]}" \
    -d "${tables[@]}" \
    -a "${artifact_types[@]}"

echo "codegen: the destination alone brings its functions"
mkdir "$work/smallest"
"$venv/bin/resilient-sdk" codegen -e "$export_res" -p fn_aws_guardduty -o "$work/smallest" -m fn_aws_gd
for function in "${functions[@]}"; do
    test -f "$work/smallest/fn_aws_guardduty/fn_aws_guardduty/components/$function.py"
done

"$venv/bin/python" - "$export_res" "$work" <<'PYTHON'
import json, pathlib, sys

export_res, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
ours = json.loads(export_res.read_text(encoding="utf-8"))
package = work / "package/fn_aws_guardduty"
theirs = json.loads((package / "fn_aws_guardduty/util/data/export.res").read_text(encoding="utf-8"))
document = (work / "export.md").read_text(encoding="utf-8")
missing = []

for collection in ["message_destinations", "functions", "workflows", "actions", "fields", "types", "incident_artifact_types", "incident_types"]:
    packaged = {item["uuid"] for item in theirs[collection]}
    missing += ["package: " + item["export_key"] for item in ours[collection] if item["uuid"] not in packaged]

named = [item["name"] for item in ours["fields"] if not item.get("internal")]
named += [item["display_name"] for item in ours["functions"] + ours["types"]]
named += [item["name"] for item in ours["actions"] + ours["incident_artifact_types"]]
named += [item["programmatic_name"] for item in ours["workflows"]]
named += [column for table in ours["types"] for column in table["fields"]]
missing += ["document: " + name for name in named if name not in document]

for workflow in ours["workflows"]:
    page = package / "data" / (workflow["programmatic_name"] + ".md")
    if not page.is_file():
        missing.append("page: " + workflow["programmatic_name"])

if missing:
    sys.exit("IBM's tools lost:\n  " + "\n  ".join(missing))
print("IBM's tools found everything")
PYTHON

echo "package: the app zip beside that of the same app in Python"
"$venv/bin/python" "$root/tests/ibm/app_zip.py" "$venv/bin/resilient-sdk" "$work/package/fn_aws_guardduty" "$work"/app-*.zip
