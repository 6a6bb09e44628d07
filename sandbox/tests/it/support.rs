//! A running sandbox, a REST client of it, and a small export to import.

use reqwest::{Certificate, Client, Method, Response};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};

pub struct World {
    pub sandbox: Sandbox,
    pub client: Client,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub async fn start_with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let ca = Certificate::from_pem(sandbox.ca_pem().as_bytes()).expect("a certificate");
        let client = Client::builder().tls_certs_only([ca]).no_proxy().build();
        Self {
            sandbox,
            client: client.expect("a client"),
        }
    }

    /// A world whose platform knows the fields, tables and types of [`export`].
    pub async fn customized() -> Self {
        let world = Self::start().await;
        world
            .sandbox
            .platform()
            .import(&export())
            .expect("the export is imported");
        world
    }

    pub fn url(&self, path: &str) -> String {
        let (host, port) = (self.sandbox.soar_host(), self.sandbox.soar_port());
        match path.strip_prefix("/rest") {
            Some(_) => format!("https://{host}:{port}{path}"),
            None => format!(
                "https://{host}:{port}/rest/orgs/{}{path}",
                self.sandbox.org_id()
            ),
        }
    }

    /// A call with the API key.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.client.request(method, self.url(path));
        let (id, secret) = (self.sandbox.api_key_id(), self.sandbox.api_key_secret());
        let request = request.basic_auth(id, Some(secret)).json(body);
        request.send().await.expect("an answer")
    }

    /// A call that must succeed; gives the answer's body.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let response = self.send(method, path, body).await;
        let status = response.status();
        let body = response.json().await.expect("JSON");
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, body).await
    }

    /// A call that must be refused; gives the status and the message.
    pub async fn refused(&self, method: Method, path: &str, body: &Value) -> (u16, String) {
        let response = self.send(method, path, body).await;
        let status = response.status().as_u16();
        assert!(status >= 400, "{path} was accepted with {status}");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["success"], false);
        (
            status,
            body["message"].as_str().expect("a message").to_owned(),
        )
    }
}

/// An incident with what must be there.
pub fn incident(name: &str, properties: &Value) -> Value {
    json!({"name": name, "discovered_date": 1_700_000_000_000_i64, "properties": properties})
}

/// A small customization: a function on a queue, fields, a table, an artifact type.
pub fn export() -> Value {
    json!({
        "export_format_version": 2, "id": 1,
        "server_version": {"major": 45, "minor": 0, "build_number": 7888, "version": "45.0.7888"},
        "incident_types": [{"name": "Customization Packages (internal)", "uuid": "bfeec2d4-3770-11e8-ad39-4a0004044aa0"}],
        "message_destinations": [{
            "name": "fn_test", "programmatic_name": "fn_test", "export_key": "fn_test",
            "destination_type": 0, "expect_ack": true, "users": [], "uuid": "d-1",
        }],
        "fields": [
            field("incident/aws_guardduty_finding_id", "text", "i-1"),
            field("incident/note_of_test", "textarea", "i-2"),
            field("incident/flag_of_test", "boolean", "i-3"),
            field("incident/count_of_test", "number", "i-4"),
            field("__function/test_text", "text", "f-1"),
        ],
        "types": [{
            "type_id": 8, "type_name": "test_table", "display_name": "Test", "export_key": "test_table",
            "uuid": "t-1", "parent_types": ["incident"], "fields": {
                "second": field_with_order("test_table/second", 1),
                "first": field_with_order("test_table/first", 0),
            },
        }],
        "incident_artifact_types": [{
            "name": "Test Artifact", "programmatic_name": "test_artifact", "desc": "", "uuid": "a-1",
        }],
        "functions": [{
            "name": "fn_test_echo", "display_name": "Test: Echo", "destination_handle": "fn_test",
            "uuid": "fn-1", "view_items": [{"content": "f-1", "element": "field_uuid", "field_type": "__function"}],
        }],
        "workflows": [workflow()],
        "actions": [
            rule("Test: on flag", 0, &json!([
                {"evaluation_id": null, "field_name": "incident.properties.flag_of_test", "method": "changed", "type": null, "value": null},
                {"evaluation_id": null, "field_name": "incident.properties.flag_of_test", "method": "equals", "type": null, "value": true},
            ])),
            rule("Test: by hand", 1, &json!([
                {"evaluation_id": null, "field_name": "incident.properties.aws_guardduty_finding_id", "method": "has_a_value", "type": null, "value": null},
            ])),
        ],
        "layouts": [],
    })
}

/// Sets the function's text to the incident's finding id; afterwards writes whatever the results say.
fn workflow() -> Value {
    let task = json!({
        "inputs": {},
        "pre_processing_script": "inputs.test_text = incident.properties.aws_guardduty_finding_id",
        "pre_processing_script_language": "python3",
        "post_processing_script": POST_PROCESS,
        "post_processing_script_language": "python3",
        "result_name": "echo",
    });
    let task = task.to_string().replace('&', "&amp;").replace('<', "&lt;");
    let xml = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:resilient="http://resilient.ibm.com/bpmn" targetNamespace="http://www.camunda.org/test">
 <process id="wf_test" isExecutable="true" name="Test">
  <startEvent id="StartEvent_1"><outgoing>F1</outgoing></startEvent>
  <serviceTask id="ServiceTask_1" name="Echo" resilient:type="function">
   <extensionElements><resilient:function uuid="fn-1">{task}</resilient:function></extensionElements>
   <incoming>F1</incoming><outgoing>F2</outgoing></serviceTask>
  <endEvent id="EndEvent_1"><incoming>F2</incoming></endEvent>
  <sequenceFlow id="F1" sourceRef="StartEvent_1" targetRef="ServiceTask_1"/>
  <sequenceFlow id="F2" sourceRef="ServiceTask_1" targetRef="EndEvent_1"/>
 </process></definitions>"#
    );
    json!({
        "name": "Test", "programmatic_name": "wf_test", "export_key": "wf_test", "object_type": "incident",
        "uuid": "w-1", "content": {"workflow_id": "wf_test", "version": 1, "xml": xml},
    })
}

const POST_PROCESS: &str = r#"
content = results.content
incident.properties.note_of_test = content.echo
incident.severity_code = "High"
row = incident.addRow("test_table")
row.first = content.echo
incident.addArtifact("IP Address", content.address, "from the function")
incident.addNote(helper.createRichText("<b>%s</b>" % content.echo))
"#;

fn rule(name: &str, kind: u8, conditions: &Value) -> Value {
    json!({
        "name": name, "export_key": name, "type": kind, "enabled": true, "object_type": "incident",
        "logic_type": "all", "custom_condition": "", "conditions": conditions, "automations": [],
        "message_destinations": [], "workflows": ["wf_test"], "view_items": [], "uuid": name,
    })
}

fn field(key: &str, input_type: &str, uuid: &str) -> Value {
    let (_, name) = key.split_once('/').expect("a type");
    json!({
        "name": name, "export_key": key, "text": name, "input_type": input_type, "uuid": uuid,
        "values": [], "tooltip": "",
    })
}

fn field_with_order(key: &str, order: u64) -> Value {
    let mut field = field(key, "text", key);
    field["order"] = order.into();
    field
}
