//! The regions of AWS and the partitions they belong to.

const COMMERCIAL: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
const CHINA: &[&str] = &["cn-north-1", "cn-northwest-1"];
const GOV_CLOUD: &[&str] = &["us-gov-east-1", "us-gov-west-1"];

/// Regions that an account has to ask for before it may use them.
const OPT_IN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// The commercial regions, those first that need not be asked for.
pub(crate) fn commercial() -> impl Iterator<Item = &'static str> {
    COMMERCIAL.iter().chain(OPT_IN).copied()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partition {
    Commercial,
    China,
    GovCloud,
}

impl Partition {
    pub(super) fn of(region: &str) -> Self {
        if region.starts_with("cn-") {
            Self::China
        } else if region.starts_with("us-gov-") {
            Self::GovCloud
        } else {
            Self::Commercial
        }
    }

    /// As it stands in an ARN.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Commercial => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }

    pub(super) fn dns_suffix(self) -> &'static str {
        match self {
            Self::China => "amazonaws.com.cn",
            Self::Commercial | Self::GovCloud => "amazonaws.com",
        }
    }

    /// What an account has without asking.
    pub(super) fn default_regions(self) -> &'static [&'static str] {
        match self {
            Self::Commercial => COMMERCIAL,
            Self::China => CHINA,
            Self::GovCloud => GOV_CLOUD,
        }
    }

    pub(super) fn opt_in_regions(self) -> &'static [&'static str] {
        match self {
            Self::Commercial => OPT_IN,
            Self::China | Self::GovCloud => &[],
        }
    }
}
