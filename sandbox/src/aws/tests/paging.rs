//! Pages, their tokens and their order.

use std::collections::BTreeSet;

use aws_sdk_guardduty::operation::list_findings::builders::ListFindingsFluentBuilder;
use aws_sdk_guardduty::types::{Condition, FindingCriteria, OrderBy, SortCriteria};

use super::*;

fn list(world: &World) -> ListFindingsFluentBuilder {
    world.client().list_findings().detector_id(world.detector())
}

fn sorted_by(attribute: &str, order: OrderBy) -> SortCriteria {
    SortCriteria::builder()
        .attribute_name(attribute)
        .order_by(order)
        .build()
}

fn not_archived() -> FindingCriteria {
    FindingCriteria::builder()
        .criterion(
            "service.archived",
            Condition::builder().equals("false").build(),
        )
        .build()
}

/// All pages as the SDK's own paginator walks them.
async fn walk(request: ListFindingsFluentBuilder) -> Vec<Vec<String>> {
    let mut pages = request.into_paginator().send();
    let mut told = Vec::new();
    while let Some(page) = pages.next().await {
        told.push(page.unwrap().finding_ids().to_vec());
    }
    told
}

/// Puts `count` findings a second apart, of which every tenth is archived.
fn put_many(world: &World, count: i64) -> Vec<String> {
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let put = |at: i64| {
        let updated_at = (start + jiff::SignedDuration::from_secs(at)).to_string();
        let mut finding = finding(&updated_at, &json!(at % 10));
        finding["service"] = json!({"archived": at % 10 == 9});
        world.aws.put_finding(REGION, finding)
    };
    (0..count).map(put).collect()
}

#[tokio::test]
async fn every_order_tells_each_finding_once() {
    let world = World::start().await;
    let ids = put_many(&world, 120);
    let everything: BTreeSet<_> = ids.iter().cloned().collect();

    let unordered = walk(list(&world)).await;
    assert_eq!(
        unordered.iter().map(Vec::len).collect::<Vec<_>>(),
        [50, 50, 20]
    );
    assert_eq!(
        unordered.into_iter().flatten().collect::<BTreeSet<_>>(),
        everything
    );

    let ascending = walk(list(&world).sort_criteria(sorted_by("updatedAt", OrderBy::Asc)))
        .await
        .concat();
    assert_eq!(ascending, ids);
    let mut descending = walk(list(&world).sort_criteria(sorted_by("updatedAt", OrderBy::Desc)))
        .await
        .concat();
    descending.reverse();
    assert_eq!(descending, ids);

    let by_severity = walk(
        list(&world)
            .sort_criteria(sorted_by("severity", OrderBy::Desc))
            .max_results(7),
    )
    .await;
    let severities: Vec<_> = by_severity
        .concat()
        .iter()
        .map(|id| {
            world.aws.finding(REGION, id).unwrap()["severity"]
                .as_i64()
                .unwrap()
        })
        .collect();
    assert!(severities.is_sorted_by(|a, b| a >= b));
    assert_eq!(
        by_severity.into_iter().flatten().collect::<BTreeSet<_>>(),
        everything
    );
}

#[tokio::test]
async fn a_full_last_page_has_no_successor() {
    let world = World::start().await;
    put_many(&world, 50);
    let page = list(&world).send().await.unwrap();
    assert_eq!(page.finding_ids().len(), 50);
    assert_eq!(page.next_token(), Some(""));
}

#[tokio::test]
async fn pages_hold_one_to_fifty() {
    let world = World::start().await;
    put_many(&world, 3);
    assert_eq!(
        list(&world)
            .max_results(1)
            .send()
            .await
            .unwrap()
            .finding_ids()
            .len(),
        1
    );
    for size in [0, 51, -1] {
        assert_eq!(
            refusal(list(&world).max_results(size).send().await).0,
            "BadRequestException"
        );
    }
}

#[tokio::test]
async fn a_token_serves_only_the_criteria_it_was_given_for() {
    let world = World::start().await;
    put_many(&world, 120);
    let ascending = || {
        list(&world)
            .sort_criteria(sorted_by("updatedAt", OrderBy::Asc))
            .max_results(10)
    };
    let token = ascending()
        .send()
        .await
        .unwrap()
        .next_token()
        .unwrap()
        .to_owned();

    ascending().next_token(&token).send().await.unwrap();
    for other in [
        list(&world).next_token(&token),
        ascending()
            .finding_criteria(not_archived())
            .next_token(&token),
        ascending().next_token("made up"),
    ] {
        assert_eq!(refusal(other.send().await).0, "BadRequestException");
    }
}

#[tokio::test]
async fn a_finding_that_is_updated_while_paging_moves_to_the_end() {
    let world = World::start().await;
    let ids = put_many(&world, 20);
    let request = || {
        list(&world)
            .sort_criteria(sorted_by("updatedAt", OrderBy::Asc))
            .max_results(10)
    };
    let first = request().send().await.unwrap();
    world.aws.update_finding(REGION, &ids[3]);
    let second = request()
        .next_token(first.next_token().unwrap())
        .send()
        .await
        .unwrap();
    let third = request()
        .next_token(second.next_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(second.finding_ids(), &ids[10..]);
    assert_eq!(third.finding_ids(), [ids[3].clone()]);
}

#[tokio::test]
async fn the_same_token_comes_back_when_told_to() {
    let world = World::start().await;
    put_many(&world, 150);
    world.aws.repeat_next_token(true);
    let first = list(&world)
        .send()
        .await
        .unwrap()
        .next_token()
        .unwrap()
        .to_owned();
    let second = list(&world).next_token(&first).send().await.unwrap();
    assert_eq!(second.next_token(), Some(first.as_str()));
}

#[tokio::test]
async fn bounds_that_exclude_each_other_let_nothing_through() {
    let world = World::start().await;
    put_many(&world, 5);
    let never = Condition::builder()
        .greater_than(2_000_000_000_000)
        .less_than(1_000_000_000_000)
        .build();
    let criteria = FindingCriteria::builder()
        .criterion("updatedAt", never)
        .build();
    let request = list(&world)
        .sort_criteria(sorted_by("updatedAt", OrderBy::Desc))
        .finding_criteria(criteria);
    assert!(request.send().await.unwrap().finding_ids().is_empty());
}

/// Pages must come from the index: a scan of everything for each of 1,800 pages would look at 90 million findings.
#[tokio::test]
async fn a_hundred_thousand_findings_are_listed_page_by_page() {
    let world = World::start().await;
    let ids = put_many(&world, 100_000);
    let current: Vec<_> = ids
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 10 != 9)
        .map(|(_, id)| id.clone())
        .collect();
    let request = list(&world)
        .sort_criteria(sorted_by("updatedAt", OrderBy::Asc))
        .finding_criteria(not_archived());
    let pages = tokio::time::timeout(std::time::Duration::from_mins(2), walk(request))
        .await
        .unwrap();
    assert_eq!(pages.len(), 1_800);
    assert!(pages.concat() == current);
}
