//! The regions of the account: EC2 `DescribeRegions`.

use std::time::Duration;

use super::query::{Query, elements};
use super::{Aws, AwsError};
use crate::domain::Backoff;

const ATTEMPTS: u32 = 5;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20), 2);
const DESCRIBE_REGIONS: Query = Query {
    service: "ec2",
    service_id: "EC2",
    operation: "DescribeRegions",
    body: "Action=DescribeRegions&Version=2016-11-15",
};

impl Aws {
    /// The names of the regions that are enabled for the account, asked in the master region.
    pub async fn describe_regions(&self) -> Result<Vec<String>, AwsError> {
        let mut attempt = 0;
        loop {
            match self.try_describe_regions().await {
                Err(error) if error.is_transient() && attempt + 1 < ATTEMPTS => {
                    tokio::time::sleep(BACKOFF.jittered(attempt, rand::random())).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// The same, asked once.
    pub async fn try_describe_regions(&self) -> Result<Vec<String>, AwsError> {
        let answer = self.query(&DESCRIBE_REGIONS).await?;
        elements(&answer, "regionName").map_err(|message| AwsError::Malformed {
            action: self.query_action(&DESCRIBE_REGIONS),
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_names_of_the_regions() {
        let xml = r#"<?xml version="1.0"?><DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
            <regionInfo><item><regionName>us-east-1</regionName><regionEndpoint>e</regionEndpoint></item>
            <item><regionName>eu-west-1</regionName></item></regionInfo></DescribeRegionsResponse>"#;
        assert_eq!(
            elements(xml, "regionName").unwrap(),
            ["us-east-1", "eu-west-1"]
        );
    }
}
