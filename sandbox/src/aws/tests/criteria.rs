//! Which findings criteria let through.

use std::collections::BTreeSet;

use aws_sdk_guardduty::types::{Condition, FindingCriteria, FindingStatisticType, GroupByType};

use super::*;

/// Lists what one condition lets through.
async fn list(
    world: &World,
    field: &str,
    condition: Condition,
) -> Result<BTreeSet<String>, (String, String)> {
    let criteria = FindingCriteria::builder()
        .criterion(field, condition)
        .build();
    let list = world
        .client()
        .list_findings()
        .detector_id(world.detector())
        .finding_criteria(criteria);
    match list.send().await {
        Ok(page) => Ok(page.finding_ids().iter().cloned().collect()),
        Err(error) => Err(refusal(Err::<(), _>(error))),
    }
}

fn condition() -> aws_sdk_guardduty::types::builders::ConditionBuilder {
    Condition::builder()
}

fn set(ids: &[&String]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).clone()).collect()
}

#[tokio::test]
async fn updates_are_compared_at_whole_seconds_and_greater_includes_the_second() {
    let world = World::start().await;
    let put = |time: &str| world.aws.put_finding(REGION, finding(time, &json!(5)));
    let before = put("2026-01-01T00:00:09.999Z");
    let within = put("2026-01-01T00:00:10.200Z");
    let after = put("2026-01-01T00:00:11.000Z");
    let bound = "2026-01-01T00:00:10.700Z"
        .parse::<jiff::Timestamp>()
        .unwrap()
        .as_millisecond();

    let at_or_after = set(&[&within, &after]);
    assert_eq!(
        list(&world, "updatedAt", condition().greater_than(bound).build())
            .await
            .unwrap(),
        at_or_after
    );
    assert_eq!(
        list(
            &world,
            "updatedAt",
            condition().greater_than_or_equal(bound).build()
        )
        .await
        .unwrap(),
        at_or_after
    );
    assert_eq!(
        list(&world, "updatedAt", condition().less_than(bound).build())
            .await
            .unwrap(),
        set(&[&before])
    );
    let up_to = list(
        &world,
        "updatedAt",
        condition().less_than_or_equal(bound).build(),
    )
    .await
    .unwrap();
    assert_eq!(up_to, set(&[&before, &within]));
}

#[tokio::test]
async fn severities_are_compared_as_numbers_by_new_and_old_operators() {
    let world = World::start().await;
    let put = |severity: Value| {
        world
            .aws
            .put_finding(REGION, finding("2026-01-01T00:00:00Z", &severity))
    };
    let (low, medium, high) = (put(json!(2)), put(json!(5.3)), put(json!(8.0)));
    let none = put(Value::Null);

    let cases = [
        (
            condition().greater_than_or_equal(5).build(),
            set(&[&medium, &high]),
        ),
        (condition().greater_than(8).build(), set(&[])),
        (condition().less_than(8).build(), set(&[&low, &medium])),
        (condition().equals("8").build(), set(&[&high])),
        (
            condition().not_equals("8").build(),
            set(&[&low, &medium, &none]),
        ),
        (
            condition().greater_than(2).less_than(8).build(),
            set(&[&medium]),
        ),
    ];
    for (condition, expected) in cases {
        assert_eq!(
            list(&world, "severity", condition.clone()).await.unwrap(),
            expected,
            "{condition:?}"
        );
    }
    #[expect(deprecated, reason = "older clients still send these")]
    let old = [condition().gte(8).build(), condition().eq("8").build()];
    for condition in old {
        assert_eq!(
            list(&world, "severity", condition).await.unwrap(),
            set(&[&high])
        );
    }
}

#[tokio::test]
async fn texts_are_compared_wherever_the_field_lies() {
    let world = World::start().await;
    let instance = world.aws.create_sample(REGION, "ec2_port_probe");
    let user = world.aws.create_sample(REGION, "iam_api_call");
    world.aws.archive(REGION, &user);
    let told = world.aws.finding(REGION, &instance).unwrap();
    let interface = &told["resource"]["instanceDetails"]["networkInterfaces"][0];
    let address = interface["privateIpAddresses"][0]["privateIpAddress"]
        .as_str()
        .unwrap();

    let cases = [
        ("id", instance.as_str(), &instance),
        ("type", "Recon:IAMUser/MaliciousIPCaller", &user),
        ("resource.resourceType", "AccessKey", &user),
        ("service.archived", "true", &user),
        ("service.archived", "false", &instance),
        (
            "service.action.awsApiCallAction.api",
            "DescribeInstances",
            &user,
        ),
        (
            "resource.instanceDetails.networkInterfaces.privateIpAddresses.privateIpAddress",
            address,
            &instance,
        ),
    ];
    for (field, value, expected) in cases {
        let found = list(&world, field, condition().equals(value).build())
            .await
            .unwrap();
        assert_eq!(found, set(&[expected]), "{field}");
    }
    let ours = list(
        &world,
        "accountId",
        condition().equals("111122223333").build(),
    )
    .await
    .unwrap();
    assert_eq!(ours.len(), 2);
}

#[tokio::test]
async fn criteria_that_the_api_does_not_know_are_refused() {
    let world = World::start().await;
    let many = (0..51).map(|at| at.to_string()).collect();
    let refused = [
        ("createdAt", condition().greater_than(0).build()),
        ("service.count", condition().greater_than(0).build()),
        ("type", condition().greater_than(0).build()),
        ("type", condition().matches("Recon*").build()),
        ("id", condition().set_equals(Some(many)).build()),
    ];
    for (field, condition) in refused {
        let (code, message) = list(&world, field, condition).await.unwrap_err();
        assert_eq!(code, "BadRequestException", "{field}");
        assert!(
            message.starts_with("The request is rejected because "),
            "{message}"
        );
    }
}

#[tokio::test]
async fn statistics_count_by_severity() {
    let world = World::start().await;
    for severity in [2.0, 8.0, 8.0] {
        world
            .aws
            .put_finding(REGION, finding("2026-01-01T00:00:00Z", &json!(severity)));
    }
    let statistics = || {
        world
            .client()
            .get_findings_statistics()
            .detector_id(world.detector())
    };
    #[expect(deprecated, reason = "older clients still ask this way")]
    let (by_type, counts) = {
        let call = statistics().finding_statistic_types(FindingStatisticType::CountBySeverity);
        let answer = call.send().await.unwrap();
        let told = answer
            .finding_statistics()
            .unwrap()
            .count_by_severity()
            .unwrap()
            .clone();
        (answer, told)
    };
    assert!(by_type.finding_statistics().is_some());
    assert_eq!((counts["2.0"], counts["8.0"]), (1, 2));

    let answer = statistics()
        .group_by(GroupByType::Severity)
        .send()
        .await
        .unwrap();
    let groups = answer.finding_statistics().unwrap().grouped_by_severity();
    let totals: Vec<_> = groups
        .iter()
        .map(|group| (group.severity().unwrap(), group.total_findings().unwrap()))
        .collect();
    assert_eq!(totals, [(2.0, 1), (8.0, 2)]);
}
