"""Writes app.config and ca.pem for a worker of the sandbox, and prints the AWS endpoint.

    sandbox_config.py ANNOUNCEMENT FOLDER PATH

ANNOUNCEMENT is the file with what `sandbox serve` printed, PATH where the worker sees FOLDER.
"""

import json
import pathlib
import sys

sandbox = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
folder, path = pathlib.Path(sys.argv[2]), sys.argv[3]
soar, aws = sandbox["soar"], sandbox["aws"]
(folder / "ca.pem").write_text(soar["ca_pem"], encoding="utf-8")
(folder / "app.config").write_text(
    f"""[resilient]
host = {soar["host"]}
port = {soar["port"]}
stomp_port = {soar["stomp_port"]}
org = {soar["org"]}
api_key_id = {soar["api_key_id"]}
api_key_secret = {soar["api_key_secret"]}
cafile = {path}/ca.pem

[fn_aws_guardduty]
aws_gd_access_key_id = {aws["access_key_id"]}
aws_gd_secret_access_key = {aws["secret_access_key"]}
aws_gd_master_region = us-east-1
aws_gd_regions = ^us-east-1$
aws_gd_polling_interval = 1s
""",
    encoding="utf-8",
)
print(aws["endpoint"])
