"""What the last stage of a Dockerfile tells a platform, as variables for bash.

    eval "$(dockerfile.py FILE)"

Fails where the stage adds files in a way that the test which calls this does not repeat.
"""

import json
import re
import shlex
import sys

LAYOUT = "sh deploy/image_tree.sh target/dist/fn-aws-guardduty /image"

text = open(sys.argv[1], encoding="utf-8").read()
text = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " ")
lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
last = max(number for number, line in enumerate(lines) if line[0] == "FROM")
build, image = lines[:last], lines[last:]

runs = [line[1] for line in build if line[0] == "RUN"]
assert any(run.endswith(LAYOUT) for run in runs), f"the build stage does not end with {LAYOUT}"
assert "--profile dist --no-default-features" in runs[-1], "the program is not built for packages"
added = [line for line in image if line[0] in ("COPY", "ADD", "RUN")]
assert added == [["COPY", "--from=build /image/ /"]], f"the image is made of more than that: {added}"


def values(instruction):
    return [line[1] for line in image if line[0] == instruction]


labels = dict(word.split("=", 1) for line in values("LABEL") for word in shlex.split(line))
assert labels["version"] == labels["org.opencontainers.image.version"]
environment = [word for line in values("ENV") for word in shlex.split(line)]
print("IMAGE_VERSION=" + shlex.quote(labels["version"]))
print("IMAGE_ENV=(" + shlex.join(environment) + ")")
print("IMAGE_USER=" + shlex.quote(*values("USER")))
for instruction in ("ENTRYPOINT", "CMD"):
    print(f"IMAGE_{instruction}=(" + shlex.join(json.loads(*values(instruction))) + ")")
