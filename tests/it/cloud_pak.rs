//! Cloud Pak for Security: a path before `/rest`.

use sandbox::Options;
use sandbox::aws::Aws;

use crate::harness::{REGION, World, only};

#[tokio::test(flavor = "multi_thread")]
async fn every_rest_call_has_the_prefix() {
    for written in ["/api/respond", "api/respond/"] {
        let mut world = World::with(Options {
            resource_prefix: Some("/api/respond".into()),
            ..Options::default()
        })
        .await;
        world.set_connection("resource_prefix", written);
        let aws = world.sandbox.aws().clone();
        let finding = aws.create_sample(REGION, Aws::sample_kinds()[0]);
        world.start_and_listen().await;
        world.escalated([&finding]).await;
        let incident = only(world.platform(), &finding).id;
        world
            .platform()
            .close(incident, "Resolved", "seen to")
            .unwrap();
        world
            .eventually("the property says so", |platform| {
                platform.incident_for_finding(&finding)[0].property("aws_guardduty_archived")
                    == Some("True")
            })
            .await;
        assert!(aws.is_archived(REGION, &finding));
    }
}
