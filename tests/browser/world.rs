//! The sandbox, a worker that serves it, and an analyst's browser.

use sandbox::aws::Aws;
use sandbox::soar::{IncidentView, Platform};
use sandbox::{Options, Sandbox};

use crate::chromium::Chromium;
use crate::worker_process::{PATIENCE, REGION, WorkerProcess, free_port, import_into};

pub(crate) const OTHER_REGION: &str = "eu-west-1";
/// A finding that fills every kind of tab.
pub(crate) const KIND: &str = "s3_malicious_ip_caller";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) browser: Chromium,
    /// Where the worker's own page is.
    pub(crate) worker_page: String,
    /// Runs until the world ends.
    _worker: WorkerProcess,
}

impl World {
    /// Two regions without findings, a worker that listens, and a browser.
    pub(crate) async fn new() -> Self {
        let options = Options {
            regions: vec![REGION.to_owned(), OTHER_REGION.to_owned()],
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        import_into(&sandbox);
        let mut worker = WorkerProcess::of(&sandbox);
        worker
            .app
            .set("aws_gd_regions", &format!("'^({REGION}|{OTHER_REGION})$'"));
        let port = free_port();
        worker.app.set("aws_gd_http_listen", &port.to_string());
        worker.start();
        let browser = Chromium::open(&sandbox.pages_url()).await;
        let queue = format!("actions.{}.fn_aws_gd", sandbox.org_id());
        let listening = sandbox.broker().wait_for_subscriber(&queue);
        let listening = tokio::time::timeout(PATIENCE, listening).await;
        listening.expect("the worker subscribes");
        Self {
            sandbox,
            browser,
            worker_page: format!("http://127.0.0.1:{port}/"),
            _worker: worker,
        }
    }

    /// The same with a finding and its incident, open in the browser.
    pub(crate) async fn at_an_incident() -> (Self, u64) {
        let world = Self::new().await;
        let id = world.incident(KIND).await.id;
        world.browser.go(&format!("/incidents/{id}")).await;
        (world, id)
    }

    pub(crate) fn aws(&self) -> &Aws {
        self.sandbox.aws()
    }

    pub(crate) fn platform(&self) -> &Platform {
        self.sandbox.platform()
    }

    /// Publishes a finding and waits until its incident has a note, and rows where its kind has some.
    pub(crate) async fn incident(&self, kind: &str) -> IncidentView {
        let finding = self.aws().create_sample(REGION, kind);
        let whole = |platform: &Platform| {
            let incidents = platform.incident_for_finding(&finding);
            incidents
                .iter()
                .any(|i| !i.notes.is_empty() && i.table("gd_resource_affected").len() == 1)
        };
        assert!(
            self.platform().wait_for(whole, PATIENCE).await,
            "{kind} is no incident"
        );
        self.platform().incident_for_finding(&finding).remove(0)
    }

    pub(crate) async fn close(self) {
        self.browser.close().await;
        self.sandbox.shutdown().await;
    }
}
