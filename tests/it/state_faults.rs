//! The state folder fails: nothing is lost and nothing made twice, a restart only looks at more.

use sandbox::aws::Aws;

use crate::harness::{REGION, World};

const UNWRITABLE: &str = "cannot be written";

/// A worker that keeps its state in a folder of its own and has saved it.
async fn saving() -> (World, Vec<String>) {
    let mut world = World::new().await;
    let folder = world.path("state");
    std::fs::create_dir(&folder).unwrap();
    world.set("aws_gd_state_dir", &folder.display().to_string());
    let findings = world.sandbox.aws().create_samples(REGION, 5);
    world.start();
    world.escalated(&findings).await;
    world.cycles(1).await;
    assert!(
        folder.join(fn_aws_guardduty::state::FILE_NAME).exists(),
        "the state is saved"
    );
    (world, findings)
}

async fn goes_on(world: &World, findings: &mut Vec<String>) {
    let kinds = Aws::sample_kinds();
    findings.push(world.sandbox.aws().create_sample(REGION, kinds[0]));
    let incidents = world.escalated(&*findings).await;
    assert_eq!(incidents.len(), findings.len());
    for finding in findings {
        world.assert_whole(finding);
    }
}

/// Root writes everywhere, so no folder is made read-only: a file takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_that_is_lost_amid_the_work_is_reported_once() {
    let (mut world, mut findings) = saving().await;
    let folder = world.path("state");
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    world.log_shows(UNWRITABLE).await;
    goes_on(&world, &mut findings).await;
    world.cycles(2).await;
    let warned = format!("{UNWRITABLE}: ");
    let log = world.log();
    let warnings = log.lines().filter(|line| line.contains("\"WARN\""));
    let warnings = warnings.filter(|line| line.contains(&warned));
    assert_eq!(warnings.count(), 1, "{log}");
    assert_eq!(world.stop().await.code(), Some(0));
    world.start();
    goes_on(&world, &mut findings).await;
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    world.cycles(1).await;
    assert!(folder.join(fn_aws_guardduty::state::FILE_NAME).exists());
    assert_eq!(world.stop().await.code(), Some(0));
}

/// As a full disk leaves it, or an editor.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_file_cut_short_is_kept_aside() {
    for damaged in ["", "{\"platform\":\"", "[]"] {
        let (mut world, mut findings) = saving().await;
        assert_eq!(world.stop().await.code(), Some(0));
        let file = world.path("state").join(fn_aws_guardduty::state::FILE_NAME);
        std::fs::write(&file, damaged).unwrap();
        world.start();
        goes_on(&world, &mut findings).await;
        assert!(world.log().contains("is damaged"), "{}", world.log());
        let aside = std::fs::read_to_string(file.with_extension("unreadable"));
        assert_eq!(aside.unwrap(), damaged);
    }
}
