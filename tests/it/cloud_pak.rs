//! Cloud Pak for Security: a path before `/rest`.

use sandbox::Options;

use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_rest_call_has_the_prefix() {
    for written in ["/api/respond", "api/respond/"] {
        let mut world = World::with(Options {
            resource_prefix: Some("/api/respond".into()),
            ..Options::default()
        })
        .await;
        world.set_connection("resource_prefix", written);
        world.does_its_whole_work().await;
    }
}
