//! Runs workflows: scripts, messages to functions, their answers.

mod effects;
mod invocation;
mod replies;

use std::io;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Platform, now};
use crate::automation::{FunctionTask, Script, ScriptContext, ScriptEffects, ScriptRunner};
use effects::Scene;
pub use invocation::Invocation;
pub(crate) use replies::Replies;
pub use replies::Reply;

/// Two scripts at once suffice: they are short, functions take the time.
const SCRIPT_THREADS: usize = 2;

/// Starts the tasks that run workflows and take in answers.
pub(super) fn start(
    platform: &Platform,
    mut starts: mpsc::UnboundedReceiver<u64>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) -> io::Result<()> {
    let scripts = ScriptRunner::start(SCRIPT_THREADS)?;
    let mut replies = platform.broker().subscribe_replies();
    let (listener, ended) = (platform.clone(), stop.clone());
    tracker.spawn(async move {
        while let Some(Some(sent)) = ended.run_until_cancelled(replies.recv()).await {
            listener.take_reply(&sent);
        }
    });
    let (runner, ended, runs) = (platform.clone(), stop.clone(), tracker.clone());
    tracker.spawn(async move {
        while let Some(Some(id)) = ended.run_until_cancelled(starts.recv()).await {
            let (platform, scripts, ended) = (runner.clone(), scripts.clone(), ended.clone());
            runs.spawn(async move {
                let run = platform.run_workflow(id, &scripts);
                if let Some(outcome) = ended.run_until_cancelled(run).await {
                    platform.settle(id, outcome);
                }
            });
        }
    });
    Ok(())
}

impl Platform {
    fn settle(&self, id: u64, outcome: Result<(), String>) {
        if let Err(error) = &outcome {
            tracing::info!(run = id, error, "a workflow failed");
        }
        let _ = self.change(|state| {
            state.finish_run(id, outcome, now());
            Ok(())
        });
    }

    /// All tasks of a run in order; an error is what the analyst sees at the workflow.
    async fn run_workflow(&self, id: u64, scripts: &ScriptRunner) -> Result<(), String> {
        let tasks = self.read(|state| {
            let run = state.runs.get(&id)?;
            let workflow = state.catalog.workflows.get(&run.workflow)?;
            Some(workflow.parsed.tasks.clone())
        });
        for task in tasks.ok_or("the workflow is gone")? {
            self.run_task(id, &task, scripts).await?;
        }
        Ok(())
    }

    async fn run_task(
        &self,
        run: u64,
        task: &FunctionTask,
        scripts: &ScriptRunner,
    ) -> Result<(), String> {
        let scene = self.scene(run, task)?;
        let pre = match &task.pre_process {
            Some(script) => {
                self.run_script(run, script, scene.context(None), scripts)
                    .await?
            }
            None => ScriptEffects::default(),
        };
        let invocation = self.invocation_of(run, task, &scene, pre.inputs)?;
        let results = self.invoke(run, &invocation).await?;
        if let Some(script) = &task.post_process {
            // The incident may have changed while the function ran.
            let scene: Scene = self.scene(run, task)?;
            self.run_script(run, script, scene.context(Some(results)), scripts)
                .await?;
        }
        Ok(())
    }

    async fn run_script(
        &self,
        run: u64,
        script: &Script,
        context: ScriptContext,
        scripts: &ScriptRunner,
    ) -> Result<ScriptEffects, String> {
        let effects = scripts
            .run(&script.text, context)
            .await
            .map_err(|e| e.to_string())?;
        for line in &effects.log {
            tracing::debug!(run, line, "a script logged");
        }
        self.apply_effects(run, &effects)?;
        Ok(effects)
    }
}
