//! The sample findings, as the SDK understands them.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn every_kind_reaches_the_sdk_whole() {
    let world = World::start().await;
    assert!(Aws::sample_kinds().len() >= 24);
    for kind in Aws::sample_kinds() {
        let id = world.aws.create_sample(REGION, kind);
        assert!(
            id.len() == 32 && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)),
            "{kind}: {id}"
        );
        let published = world.aws.finding(REGION, &id).unwrap();
        assert!(
            !published.to_string().contains("{{"),
            "{kind} has a placeholder left: {published}"
        );

        let get = world
            .client()
            .get_findings()
            .detector_id(world.detector())
            .finding_ids(&id);
        let answer = get
            .send()
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let [told] = answer.findings() else {
            panic!("{kind} was not told")
        };
        assert_eq!(told.id(), Some(id.as_str()));
        assert_eq!(told.r#type(), published["type"].as_str(), "{kind}");
        assert_eq!(told.title(), published["title"].as_str(), "{kind}");
        // The SDK reads a required number that is missing as zero.
        assert_eq!(
            told.severity(),
            published["severity"].as_f64().or(Some(0.0)),
            "{kind}"
        );
        let resource = told.resource().unwrap();
        assert_eq!(
            resource.resource_type(),
            published["resource"]["resourceType"].as_str(),
            "{kind}"
        );
        let service = told.service().unwrap();
        assert_eq!(service.detector_id(), Some(world.detector().as_str()));
        assert_eq!(told.arn(), published["arn"].as_str());
    }
}

#[tokio::test]
async fn the_parts_of_newer_kinds_are_where_the_sdk_looks_for_them() {
    let world = World::start().await;
    let told = |kind: &'static str| {
        let id = world.aws.create_sample(REGION, kind);
        let get = world
            .client()
            .get_findings()
            .detector_id(world.detector())
            .finding_ids(id)
            .send();
        async move { get.await.unwrap().findings()[0].clone() }
    };
    let probe = told("ec2_port_probe").await;
    let action = probe.service().unwrap().action().unwrap();
    assert_eq!(
        action
            .port_probe_action()
            .unwrap()
            .port_probe_details()
            .len(),
        2
    );

    let buckets = told("s3_malicious_ip_caller").await;
    assert_eq!(buckets.resource().unwrap().s3_bucket_details().len(), 2);
    assert!(
        buckets.resource().unwrap().s3_bucket_details()[0]
            .created_at()
            .is_some()
    );

    let task = told("ecs_malicious_file").await;
    let cluster = task.resource().unwrap().ecs_cluster_details().unwrap();
    assert!(cluster.task_details().unwrap().task_created_at().is_some());

    let call = told("eks_api_call").await;
    let action = call.service().unwrap().action().unwrap();
    assert_eq!(
        action
            .kubernetes_api_call_action()
            .unwrap()
            .source_ips()
            .len(),
        1
    );

    let login = told("rds_login").await;
    let action = login.service().unwrap().action().unwrap();
    assert_eq!(
        action
            .rds_login_attempt_action()
            .unwrap()
            .login_attributes()
            .len(),
        2
    );

    let runtime = told("runtime_reverse_shell").await;
    let process = runtime
        .service()
        .unwrap()
        .runtime_details()
        .unwrap()
        .process()
        .unwrap();
    assert_eq!(process.lineage().len(), 2);

    for kind in ["attack_sequence_iam", "attack_sequence_eks"] {
        let attack = told(kind).await;
        assert_eq!(attack.severity(), Some(9.0));
        let sequence = attack
            .service()
            .unwrap()
            .detection()
            .unwrap()
            .sequence()
            .unwrap();
        assert_eq!(
            (
                sequence.signals().len(),
                sequence.actors().len(),
                sequence.endpoints().len()
            ),
            (3, 1, 1)
        );
    }
}

#[test]
fn samples_name_no_address_that_someone_owns() {
    let aws = Aws::new(AwsOptions::default());
    aws.create_samples("us-east-1", Aws::sample_kinds().len());
    let text = serde_json::to_string(&aws.findings("us-east-1")).unwrap();
    let words = text.split(|character: char| !(character.is_ascii_digit() || character == '.'));
    let addresses: Vec<std::net::Ipv4Addr> = words.filter_map(|word| word.parse().ok()).collect();
    assert!(addresses.len() > Aws::sample_kinds().len());
    for address in addresses {
        assert!(
            address.is_documentation() || address.is_private(),
            "{address}"
        );
    }
}

#[tokio::test]
async fn the_edges_are_there() {
    let world = World::start().await;
    let told = |kind: &str| {
        let id = world.aws.create_sample(REGION, kind);
        world.aws.finding(REGION, &id).unwrap()
    };
    assert_eq!(told("edge_critical")["severity"], 9.5);
    assert_eq!(told("edge_no_severity").get("severity"), None);
    let names = told("edge_empty_names");
    assert_eq!(
        names["resource"]["instanceDetails"]["networkInterfaces"][0]["publicDnsName"],
        ""
    );
    assert!(
        told("edge_unicode")["title"]
            .as_str()
            .unwrap()
            .contains("🔥 <script>")
    );
    assert!(
        told("edge_long_description")["description"]
            .as_str()
            .unwrap()
            .len()
            >= 20_000
    );
}

#[tokio::test]
async fn a_seed_gives_the_same_findings_again_and_each_one_is_its_own() {
    let open = |seed| {
        let aws = Aws::new(AwsOptions {
            seed,
            ..AwsOptions::default()
        });
        aws.set_clock(|| "2026-03-01T00:00:00Z".parse().unwrap());
        let ids = aws.create_samples("us-east-1", 60);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 60);
        (aws.detector_id("us-east-1"), aws.findings("us-east-1"))
    };
    assert_eq!(open(7), open(7));
    assert_ne!(open(7).0, open(8).0);
}

#[tokio::test]
async fn the_api_makes_samples_too() {
    let world = World::start().await;
    let create = || {
        world
            .client()
            .create_sample_findings()
            .detector_id(world.detector())
    };
    create()
        .finding_types("AttackSequence:IAM/CompromisedCredentials")
        .send()
        .await
        .unwrap();
    assert_eq!(world.aws.findings(REGION)[0]["severity"], 9);

    assert_eq!(
        refusal(create().finding_types("Made:Up/Type").send().await).0,
        "BadRequestException"
    );
    create().send().await.unwrap();
    assert_eq!(
        world.aws.findings(REGION).len(),
        1 + Aws::sample_kinds().len()
    );
}
