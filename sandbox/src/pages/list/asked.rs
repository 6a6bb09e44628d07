//! What the incident list is asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pages::paging;

pub(super) const FINDING_ID: &str = "aws_guardduty_finding_id";
pub(super) const REGION: &str = "aws_guardduty_region";

/// The query of the list's address. Members that are as usual are left out of links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::pages) struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) q: String,
    #[serde(skip_serializing_if = "is_usual")]
    pub(super) status: Status,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) region: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) severity: String,
    #[serde(skip_serializing_if = "is_usual")]
    pub(super) sort: Column,
    #[serde(skip_serializing_if = "is_usual")]
    pub(super) order: Order,
    #[serde(skip_serializing_if = "is_first")]
    page: usize,
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_first(page: &usize) -> bool {
    *page == 1
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            q: String::new(),
            status: Status::default(),
            region: String::new(),
            severity: String::new(),
            sort: Column::default(),
            order: Order::default(),
            page: 1,
        }
    }
}

/// An enum of the address: its values, and what people read.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($(#[$default:meta])? $variant:ident: $value:literal, $label:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) enum $name {
            $($(#[$default])? #[serde(rename = $value)] $variant,)+
        }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$variant),+];

            pub(super) fn value(self) -> &'static str {
                match self { $(Self::$variant => $value),+ }
            }

            pub(super) fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }
    };
}

choices! {
    /// Which incidents by their status.
    Status {
        #[default] All: "all", "All";
        Active: "active", "Active";
        Closed: "closed", "Closed";
    }
}

choices! {
    /// The columns, in the order of the screen.
    Column {
        FindingId: "finding_id", "AWS GuardDuty Finding Id";
        Region: "region", "AWS GuardDuty Region";
        Closed: "closed", "Date Closed";
        Name: "name", "Name";
        Description: "description", "Description";
        #[default] Id: "id", "ID";
        Discovered: "discovered", "Date Discovered";
        Created: "created", "Date Created";
    }
}

choices! {
    Order {
        Ascending: "ascending", "Ascending";
        #[default] Descending: "descending", "Descending";
    }
}

impl Column {
    fn field(self) -> String {
        match self {
            Column::FindingId => format!("properties.{FINDING_ID}"),
            Column::Region => format!("properties.{REGION}"),
            Column::Closed => "end_date".to_owned(),
            Column::Name => "name".to_owned(),
            Column::Description => "description".to_owned(),
            Column::Id => "id".to_owned(),
            Column::Discovered => "discovered_date".to_owned(),
            Column::Created => "create_date".to_owned(),
        }
    }
}

impl Asked {
    /// As `POST /incidents/query` takes it.
    pub(super) fn query(&self) -> Value {
        let equals = |name: &str, value: &str| json!({"field_name": name, "method": "equals", "value": value});
        let mut conditions = Vec::new();
        match self.status {
            Status::All => {}
            Status::Active => conditions.push(equals("plan_status", "A")),
            Status::Closed => conditions.push(equals("plan_status", "C")),
        }
        if !self.region.is_empty() {
            conditions.push(equals(&Column::Region.field(), &self.region));
        }
        if !self.severity.is_empty() {
            conditions.push(equals("severity_code", &self.severity));
        }
        let order = match self.order {
            Order::Ascending => "asc",
            Order::Descending => "desc",
        };
        json!({
            "filters": [{"conditions": conditions}],
            "sorts": [{"field_name": self.sort.field(), "type": order}],
        })
    }

    /// The same by another column; by the one it is sorted by already, the other way round.
    pub(super) fn sorted_by(&self, column: Column) -> Self {
        let order = match self.order {
            Order::Ascending if column == self.sort => Order::Descending,
            _ => Order::Ascending,
        };
        Self {
            sort: column,
            order,
            page: 1,
            ..self.clone()
        }
    }
}

impl paging::Asked for Asked {
    const PATH: &'static str = "/";

    fn page(&self) -> usize {
        self.page
    }

    fn at_page(self, page: usize) -> Self {
        Self { page, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::paging::Asked as _;
    use super::*;

    #[test]
    fn an_address_says_what_is_unusual_and_is_read_back() {
        let usual = Asked::default();
        assert_eq!(usual.address(), "/");
        let asked = Asked {
            q: "a&b".to_owned(),
            status: Status::Closed,
            region: "us-east-1".to_owned(),
            page: 3,
            ..Asked::default()
        };
        let address = asked.address();
        assert_eq!(address, "/?q=a%26b&status=closed&region=us-east-1&page=3");
        let query = address.split_once('?').unwrap().1;
        assert_eq!(serde_urlencoded::from_str::<Asked>(query).unwrap(), asked);
    }

    #[test]
    fn a_heading_sorts_and_then_turns_round() {
        let asked = Asked::default().at_page(2);
        let by_name = asked.sorted_by(Column::Name);
        assert_eq!(by_name.address(), "/?sort=name&order=ascending");
        assert_eq!(by_name.sorted_by(Column::Name).address(), "/?sort=name");
    }
}
