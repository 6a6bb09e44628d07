"""Imports a small customization with IBM's REST client and writes the worker's app.config.

Usage: prepare.py WORK_FOLDER COMPONENTS_FOLDER, with the sandbox's line in WORK_FOLDER/sandbox.json.
"""

import json
import pathlib
import sys

import customization
import resilient

work, components = pathlib.Path(sys.argv[1]), sys.argv[2]
soar = json.loads((work / "sandbox.json").read_text())["soar"]
(work / "ca.pem").write_text(soar["ca_pem"])

administrator = resilient.get_client({
    "host": soar["host"], "port": soar["port"], "org": soar["org"], "cafile": str(work / "ca.pem"),
    "email": soar["email"], "password": soar["password"],
})
pending = administrator.post("/configurations/imports", customization.EXPORT)
assert pending["status"] == "PENDING", pending
pending["status"] = "ACCEPTED"
administrator.put("/configurations/imports/%s" % pending["id"], pending)

key = resilient.get_client({
    "host": soar["host"], "port": soar["port"], "org": soar["org"], "cafile": str(work / "ca.pem"),
    "api_key_id": soar["api_key_id"], "api_key_secret": soar["api_key_secret"],
})
for destination in administrator.get("/message_destinations")["entities"]:
    uri = "/message_destinations/%s" % destination["id"]
    destination = administrator.get(uri)
    destination["api_keys"].append(key.api_key_handle)
    administrator.put(uri, destination)

(work / "app.config").write_text("\n".join([
    "[resilient]",
    "host=%s" % soar["host"],
    "port=%s" % soar["port"],
    "stomp_port=%s" % soar["stomp_port"],
    "org=%s" % soar["org"],
    "api_key_id=%s" % soar["api_key_id"],
    "api_key_secret=%s" % soar["api_key_secret"],
    "cafile=%s" % (work / "ca.pem"),
    "componentsdir=%s" % components,
    "logdir=%s" % work,
    "",
]))
