# Brings the incident up to date with what GuardDuty says about its finding now.
# Results of the function: success, reason, and content, which is empty when GuardDuty
# no longer has the finding, else {"payload": the incident as it would be made today
# (its artifacts: only those that are missing), "data_tables": {table: rows}}.

WORKFLOW = "Example: AWS GuardDuty: Refresh Finding"
FUNCTION = "func_aws_guardduty_refresh_finding"

# Scripts name an artifact type by what analysts see, the function by its API name.
# The types that the platform brings along have one name for both.
ARTIFACT_TYPES = {
    "aws_iam_access_key_id": "AWS IAM Access Key ID",
    "aws_iam_user_name": "AWS IAM User Name",
    "aws_s3_bucket_name": "AWS S3 Bucket Name",
    "IP Address": "IP Address",
    "DNS Name": "DNS Name",
    "Port": "Port",
}


def escape(value):
    """What AWS wrote, as text in a rich note."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def update_fields(severity_code, properties):
    """Only what GuardDuty has a word for: the rest of the incident stays as it is."""
    if severity_code is not None:
        incident.severity_code = severity_code

    updated_at = properties.get("aws_guardduty_finding_updated_at")
    if updated_at is not None:
        incident.properties.aws_guardduty_finding_updated_at = str(updated_at)
    count = properties.get("aws_guardduty_count")
    if count is not None:
        incident.properties.aws_guardduty_count = str(count)
    archived = properties.get("aws_guardduty_archived")
    if archived is not None:
        incident.properties.aws_guardduty_archived = str(archived)
    severity = properties.get("aws_guardduty_severity")
    if severity is not None:
        incident.properties.aws_guardduty_severity = str(severity)


def add_rows(data_tables):
    for table in data_tables:
        for cells in data_tables.get(table):
            row = incident.addRow(table)
            for column, cell in cells.get("cells").items():
                if cell.get("value") is not None:
                    row[column] = str(cell.get("value"))


def add_artifacts(artifacts):
    for artifact in artifacts:
        value = artifact.get("value")
        if value is None or value == "":
            continue
        kind = artifact.get("type").get("name")
        description = artifact.get("description").get("content")
        incident.addArtifact(ARTIFACT_TYPES.get(kind, kind), str(value), description)


def outcome(results):
    """The sentence that says what came of it."""
    function = "SOAR function <b>{0}</b>".format(FUNCTION)
    if results.get("success") is False:
        reason = escape(results.get("reason") or "no reason given")
        return "The finding was not refreshed: {0} failed with <b>{1}</b>".format(function, reason)
    if not results.get("content"):
        return "No finding data returned for {0}".format(function)
    return "Finding data returned for {0}".format(function)


returned = results or {}
content = returned.get("content")
if content and returned.get("success") is not False:
    payload = content.get("payload") or {}
    update_fields(payload.get("severity_code"), payload.get("properties") or {})
    add_rows(content.get("data_tables") or {})
    add_artifacts(payload.get("artifacts") or [])
note = "AWS GuardDuty Integration: Workflow <b>{0}</b>: {1}".format(WORKFLOW, outcome(returned))
incident.addNote(helper.createRichText(note))
