"""A function on a queue, a workflow that calls it, and a rule that starts the workflow."""

import json
from xml.sax.saxutils import escape

FUNCTION = "fn_ibm_echo"

_TASK = {
    "inputs": {},
    "pre_processing_script": "inputs.ibm_text = incident.name",
    "pre_processing_script_language": "python3",
    "post_processing_script": 'incident.addNote("echoed: " + results["echo"])',
    "post_processing_script_language": "python3",
    "result_name": "echo",
}

_XML = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:resilient="http://resilient.ibm.com/bpmn" targetNamespace="http://www.camunda.org/test">
  <process id="wf_ibm_echo" isExecutable="true" name="Echo">
    <startEvent id="StartEvent_1"><outgoing>Flow_1</outgoing></startEvent>
    <serviceTask id="ServiceTask_1" name="Echo" resilient:type="function">
      <extensionElements><resilient:function uuid="function-1">%s</resilient:function></extensionElements>
      <incoming>Flow_1</incoming><outgoing>Flow_2</outgoing>
    </serviceTask>
    <endEvent id="EndEvent_1"><incoming>Flow_2</incoming></endEvent>
    <sequenceFlow id="Flow_1" sourceRef="StartEvent_1" targetRef="ServiceTask_1"/>
    <sequenceFlow id="Flow_2" sourceRef="ServiceTask_1" targetRef="EndEvent_1"/>
  </process>
</definitions>""" % escape(json.dumps(_TASK))


def _field(key, input_type):
    return {
        "name": key.split("/")[1], "export_key": key, "text": key, "input_type": input_type,
        "uuid": "field-" + key, "values": [], "tooltip": "",
    }


EXPORT = {
    "export_format_version": 2,
    "id": 1,
    "server_version": {"major": 45, "minor": 0, "build_number": 7888, "version": "45.0.7888"},
    "incident_types": [{"name": "Customization Packages (internal)", "uuid": "type-1"}],
    "message_destinations": [{
        "name": "fn_ibm", "programmatic_name": "fn_ibm", "export_key": "fn_ibm", "destination_type": 0,
        "expect_ack": True, "users": [], "uuid": "destination-1",
    }],
    "fields": [_field("incident/ibm_flag", "boolean"), _field("__function/ibm_text", "text")],
    "functions": [{
        "name": FUNCTION, "display_name": "IBM: Echo", "export_key": FUNCTION, "uuid": "function-1",
        "destination_handle": "fn_ibm", "view_items": [{
            "content": "field-__function/ibm_text", "element": "field_uuid", "field_type": "__function",
        }],
    }],
    "workflows": [{
        "name": "Echo", "programmatic_name": "wf_ibm_echo", "export_key": "wf_ibm_echo",
        "object_type": "incident", "uuid": "workflow-1",
        "content": {"workflow_id": "wf_ibm_echo", "version": 1, "xml": _XML},
    }],
    "actions": [{
        "name": "Echo", "export_key": "Echo", "type": 0, "enabled": True, "object_type": "incident",
        "logic_type": "all", "custom_condition": "", "conditions": [{
            "evaluation_id": None, "field_name": "incident.properties.ibm_flag", "method": "changed",
            "type": None, "value": None,
        }],
        "automations": [], "message_destinations": [], "workflows": ["wf_ibm_echo"], "uuid": "rule-1",
    }],
}
