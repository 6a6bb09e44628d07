# Writes down whether GuardDuty archived the finding.
# Results of the function: success, reason, inputs, and content {"status": "ok"} or
# {"status": "error", "msg": why AWS refused}.

WORKFLOW = "Example: AWS GuardDuty: Archive Finding"
FUNCTION = "func_aws_guardduty_archive_finding"


def escape(value):
    """What AWS or an analyst wrote, as text in a rich note."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def finding(inputs):
    return "The finding with id <b>{0}</b> and detector id <b>{1}</b> in region <b>{2}</b>".format(
        escape(inputs.get("aws_gd_finding_id")),
        escape(inputs.get("aws_gd_detector_id")),
        escape(inputs.get("aws_gd_region")),
    )


def outcome(results):
    """(was the finding archived, the sentence that says so)"""
    by = "SOAR function <b>{0}</b>".format(FUNCTION)
    content = results.get("content")
    subject = finding(results.get("inputs") or {})
    if results.get("success") is False:
        reason = escape(results.get("reason") or "no reason given")
        return False, "{0} was not archived: {1} failed with <b>{2}</b>".format(subject, by, reason)
    if not content:
        return False, "There was no result returned for {0}".format(by)

    status = content.get("status")
    if status == "ok":
        return True, "{0} was successfully archived by {1}".format(subject, by)
    if status == "error":
        message = escape(content.get("msg") or "no message given")
        return False, "{0} was not archived by {1}: AWS answered <b>{2}</b>".format(subject, by, message)
    return False, "{0} got the unexpected status <b>{1}</b> from {2}".format(subject, escape(status), by)


archived, sentence = outcome(results or {})
if archived:
    incident.properties.aws_guardduty_archived = "True"
note = "AWS GuardDuty Integration: Workflow <b>{0}</b>: {1}".format(WORKFLOW, sentence)
incident.addNote(helper.createRichText(note))
