"""Changes an incident with IBM's REST client and waits for what the worker's answer leaves in it.

Usage: check.py WORK_FOLDER, while resilient-circuits runs.
"""

import json
import pathlib
import sys
import time

import resilient

SECONDS = 90

work = pathlib.Path(sys.argv[1])
soar = json.loads((work / "sandbox.json").read_text())["soar"]
client = resilient.get_client({
    "host": soar["host"], "port": soar["port"], "org": soar["org"], "cafile": str(work / "ca.pem"),
    "api_key_id": soar["api_key_id"], "api_key_secret": soar["api_key_secret"],
})

incident = client.post("/incidents", {"name": "From IBM's client", "discovered_date": 1700000000000})
uri = "/incidents/%s" % incident["id"]

patch = resilient.Patch(client.get(uri))
patch.add_value("ibm_flag", new_value=True)
answer = client.patch(uri, patch).json()
assert answer["success"], answer

# What it believes is stale now: the platform says so, and the client takes the new value over.
patch = resilient.Patch(incident)
patch.add_value("name", new_value="Changed", old_value="Something else")
client.patch(uri, patch, overwrite_conflict=True)
assert client.get(uri)["name"] == "Changed"


def rename(found):
    found["name"] = "Changed again"


client.get_put(uri, rename)
assert client.get(uri)["name"] == "Changed again"

deadline = time.monotonic() + SECONDS
while time.monotonic() < deadline:
    notes = [note["text"] for note in client.get(uri + "/comments")]
    if notes:
        assert notes[0].startswith("echoed: "), notes
        sys.exit(0)
    time.sleep(0.2)
sys.exit("the worker has not answered within %s seconds" % SECONDS)
