//! Whose credentials these are: STS `GetCallerIdentity`, which needs no permission.

use super::query::{Query, element};
use super::{Aws, AwsError};

const GET_CALLER_IDENTITY: Query = Query {
    service: "sts",
    service_id: "STS",
    operation: "GetCallerIdentity",
    body: "Action=GetCallerIdentity&Version=2011-06-15",
};

/// Who AWS takes the worker for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// The user or the assumed role.
    pub arn: String,
}

impl Aws {
    /// Asks STS in the master region, once.
    pub async fn caller_identity(&self) -> Result<Identity, AwsError> {
        let answer = self.query(&GET_CALLER_IDENTITY).await?;
        identity(&answer).ok_or_else(|| AwsError::Malformed {
            action: self.query_action(&GET_CALLER_IDENTITY),
            message: "it names no account".to_owned(),
        })
    }
}

fn identity(xml: &str) -> Option<Identity> {
    Some(Identity {
        account: element(xml, "Account")?,
        arn: element(xml, "Arn")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_account_and_arn() {
        let xml = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
            <Arn>arn:aws:iam::111122223333:user/soar</Arn><UserId>AIDA</UserId><Account>111122223333</Account>
            </GetCallerIdentityResult></GetCallerIdentityResponse>"#;
        let found = identity(xml).unwrap();
        assert_eq!(found.account, "111122223333");
        assert_eq!(found.arn, "arn:aws:iam::111122223333:user/soar");
        assert_eq!(identity("<GetCallerIdentityResponse/>"), None);
    }
}
