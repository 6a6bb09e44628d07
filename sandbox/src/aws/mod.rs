//! `GuardDuty`, EC2 `DescribeRegions` and STS.
