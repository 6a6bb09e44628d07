//! Threads that run scripts for asynchronous code.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use tokio::sync::oneshot;

use super::{AutomationError, ScriptContext, ScriptEffects, run_script};

/// An unoptimised interpreter takes much stack for each level of the script's calls.
const STACK: usize = 16 * 1024 * 1024;

/// Runs scripts on threads of its own, which keep their interpreters; they end with the last clone.
#[derive(Debug, Clone)]
pub struct ScriptRunner {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    script: String,
    context: ScriptContext,
    answer: oneshot::Sender<Result<ScriptEffects, AutomationError>>,
}

impl ScriptRunner {
    /// Starts so many threads, at least one. Fails when the system gives no thread.
    pub fn start(threads: usize) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name(format!("script-{number}"))
                .stack_size(STACK)
                .spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Runs a script as [`run_script`] does.
    pub async fn run(
        &self,
        script: &str,
        context: ScriptContext,
    ) -> Result<ScriptEffects, AutomationError> {
        let (answer, outcome) = oneshot::channel();
        let job = Job {
            script: script.to_owned(),
            context,
            answer,
        };
        let gone = || AutomationError::Python("the script's thread has ended".to_owned());
        self.jobs.send(job).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

fn work(queue: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // Whoever asked may have gone.
        let _ = job.answer.send(run_script(&job.script, &job.context));
    }
}
