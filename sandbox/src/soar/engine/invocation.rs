//! The message that asks a worker to run a function.

use serde_json::{Map, Value, json};

use super::Scene;
use crate::automation::{FunctionTask, InputValue};
use crate::soar::catalog::Function;
use crate::soar::catalog::field::{Choice, Field, Kind, Required, text_content};
use crate::soar::refusal::Refusal;
use crate::soar::state::State;
use crate::soar::{Platform, now};

/// A message to a function; tests may spoil it before it is published.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The queue, without `/queue/`.
    pub queue: String,
    /// All headers that are not the broker's own.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Value,
    /// Names the invocation in its replies.
    pub correlation_id: String,
}

impl Platform {
    /// A message as a workflow would send it, with inputs by name in the form of the wire.
    pub fn invocation(&self, function: &str, inputs: &Value) -> Result<Invocation, Refusal> {
        let known = self.read(|state| state.catalog.functions.get(function).cloned());
        let missing = || Refusal::missing(format!("there is no function {function}"));
        let known = known.ok_or_else(missing)?;
        let workflow = json!({
            "workflow_id": 1, "name": "Direct invocation", "programmatic_name": "direct_invocation",
            "object_type": {"id": 0, "name": "incident"}, "description": null, "uuid": null,
            "actions": [], "tags": [],
        });
        let instance = self.update(State::fresh_id);
        Ok(self.message(&known, inputs, &workflow, instance))
    }

    /// Puts a message on its queue; gives the correlation id of its replies.
    pub fn publish(&self, invocation: &Invocation) -> String {
        let body = invocation.body.to_string().into_bytes();
        let headers = invocation.headers.clone();
        self.broker().publish(&invocation.queue, headers, body);
        invocation.correlation_id.clone()
    }

    /// Publishes an unspoilt message; gives the correlation id of its replies.
    pub fn publish_invocation(&self, function: &str, inputs: &Value) -> Result<String, Refusal> {
        Ok(self.publish(&self.invocation(function, inputs)?))
    }

    /// The message of a task whose pre-process script has set these inputs.
    pub(super) fn invocation_of(
        &self,
        run: u64,
        task: &FunctionTask,
        scene: &Scene,
        set: Map<String, Value>,
    ) -> Result<Invocation, String> {
        let mut inputs = Map::new();
        for (uuid, value) in &task.inputs {
            let input = scene.inputs.iter().find(|input| input.uuid == *uuid);
            let input = input.ok_or_else(|| format!("the task sets the unknown input {uuid}"))?;
            inputs.insert(input.name.clone(), fixed(input, value)?);
        }
        for (name, value) in set {
            let input = scene.inputs.iter().find(|input| input.name == name);
            let input = input.ok_or_else(|| format!("the script sets the unknown input {name}"))?;
            inputs.insert(name, on_the_wire(input, &value)?);
        }
        // Inputs without a value are absent from the message.
        inputs.retain(|_, value| !value.is_null());
        let always = scene
            .inputs
            .iter()
            .filter(|i| i.required == Some(Required::Always));
        if let Some(missing) = always.into_iter().find(|i| !inputs.contains_key(&i.name)) {
            return Err(format!("the required input {} has no value", missing.name));
        }
        let workflow = self.read(|state| {
            let run = state.runs.get(&run)?;
            let workflow = state.catalog.workflows.get(&run.workflow)?;
            Some(json!({
                "workflow_id": workflow.id, "name": workflow.name,
                "programmatic_name": workflow.programmatic_name,
                "object_type": {"id": 0, "name": "incident"}, "description": null, "uuid": null,
                "actions": [], "tags": [],
            }))
        });
        let workflow = workflow.ok_or("the workflow is gone")?;
        Ok(self.message(&scene.function, &inputs.into(), &workflow, run))
    }

    /// Headers and body as a real platform's broker was seen to deliver them.
    fn message(
        &self,
        function: &Function,
        inputs: &Value,
        workflow: &Value,
        instance: u64,
    ) -> Invocation {
        let organization = self.organization();
        let address = format!("{}.{}", organization.id, function.destination);
        let correlation_id = format!("invid:{}", self.update(State::fresh_id));
        let headers = [
            ("reply-to", format!("/queue/acks.{address}")),
            ("correlation-id", correlation_id.clone()),
            ("Co3MessagePayload", "FunctionDataDTO".to_owned()),
            ("Co3ContentType", "application/json".to_owned()),
            ("Co3ContextToken", context_token(instance)),
            ("Co3RemoteAddr", "127.0.0.1".to_owned()),
            ("JMSXUserID", "SYSTEM".to_owned()),
            ("timestamp", now().to_string()),
        ];
        let mut workflow = workflow.clone();
        let in_instance = workflow.clone();
        workflow["tags"] = json!([]);
        let body = json!({
            "function": {
                "id": function.id, "name": function.name, "display_name": function.display_name,
                "creator": null, "description": null, "uuid": null, "version": null,
                "view_items": [], "workflows": [], "tags": [],
            },
            "groups": [],
            "inputs": inputs,
            "playbook_instance": null,
            "principal": organization.administrator().dto(),
            "workflow": workflow,
            "workflow_instance": {"workflow_instance_id": instance, "workflow": in_instance},
        });
        Invocation {
            queue: format!("actions.{address}"),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body,
            correlation_id,
        }
    }
}

/// Has the form of a JSON web token whose payload is `null`, as the real one; its signature is no secret.
fn context_token(instance: u64) -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.bnVsbA.{instance:016x}")
}

/// An input that the workflow's author fixed.
fn fixed(input: &Field, value: &InputValue) -> Result<Value, String> {
    let chosen = |uuid: &String| {
        let choice = input.choices.iter().find(|choice| choice.uuid == *uuid);
        choice
            .map(handle)
            .ok_or_else(|| format!("input {} has no value {uuid}", input.name))
    };
    Ok(match value {
        InputValue::Text(text) => json!(text),
        InputValue::Number(number) => json!(number),
        InputValue::Boolean(boolean) => json!(boolean),
        InputValue::Date(date) => json!(date),
        InputValue::Select(uuid) => chosen(uuid)?,
        InputValue::MultiSelect(uuids) => uuids.iter().map(chosen).collect::<Result<_, _>>()?,
        InputValue::TextContent { format, content } => {
            json!({"format": format, "content": content})
        }
    })
}

/// What a script set, checked and in the form of the wire.
fn on_the_wire(input: &Field, value: &Value) -> Result<Value, String> {
    let value = match (input.kind, value) {
        (Kind::Text, Value::Object(content)) => content.get("content").unwrap_or(value),
        _ => value,
    };
    let stored = input.accept(value)?;
    let choice = |id: &Value| {
        let choice = input.choices.iter().find(|choice| choice.value == *id);
        choice.map_or_else(|| id.clone(), handle)
    };
    Ok(match (input.kind, &stored) {
        (_, Value::Null) => Value::Null,
        (Kind::TextArea, _) => {
            let format = value["format"].as_str().unwrap_or("text");
            json!({"format": format, "content": text_content(value)})
        }
        (Kind::Select, id) => choice(id),
        (Kind::MultiSelect, Value::Array(ids)) => ids.iter().map(choice).collect(),
        _ => stored,
    })
}

fn handle(choice: &Choice) -> Value {
    json!({"id": choice.value, "name": choice.label})
}
