//! What the import came to, for people.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use crate::poller::backfill::{Counts, RegionReport};
use crate::requests::StopSignal;

pub(super) struct Summary {
    pub(super) reports: Vec<RegionReport>,
    pub(super) dry_run: bool,
    pub(super) stopped: Option<StopSignal>,
    pub(super) took: Duration,
}

/// A column: its heading, and what it shows of a region.
type Column = (&'static str, fn(&Counts) -> usize);

impl Summary {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self.stopped {
            Some(signal) => signal.into(),
            None if self.reports.iter().all(RegionReport::is_good) => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        }
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for report in &self.reports {
            total += report.counts;
        }
        total
    }

    /// What never happens mostly is left out where it did not happen.
    fn columns(&self) -> Vec<Column> {
        let (create, update) = if self.dry_run {
            ("to create", "to update")
        } else {
            ("created", "updated")
        };
        let mut columns: Vec<Column> = vec![
            ("listed", |counts| counts.listed),
            (create, |counts| counts.created),
            (update, |counts| counts.updated),
            ("already there", |counts| counts.already_there),
            ("set aside", |counts| counts.set_aside),
        ];
        let rare: [Column; 2] = [
            ("other type", |counts| counts.other_type),
            ("left", Counts::left),
        ];
        let total = self.total();
        columns.extend(rare.into_iter().filter(|(_, count)| count(&total) > 0));
        columns
    }

    /// The regions of which there is something to tell.
    fn telling(&self) -> impl Iterator<Item = &RegionReport> {
        let tells = |report: &&RegionReport| report.counts.listed > 0 || report.failure.is_some();
        self.reports.iter().filter(tells)
    }

    fn table(&self) -> Vec<Vec<String>> {
        let columns = self.columns();
        let row = |name: &str, counts: &Counts, took: Duration| {
            let counts = columns.iter().map(|(_, count)| count(counts).to_string());
            let seconds = format!("{:.1}", took.as_secs_f64());
            std::iter::once(name.to_owned())
                .chain(counts)
                .chain([seconds])
                .collect()
        };
        let headings = columns.iter().map(|(heading, _)| *heading);
        let headings = std::iter::once("region").chain(headings).chain(["seconds"]);
        let mut table: Vec<Vec<String>> = vec![headings.map(str::to_owned).collect()];
        table.extend(
            self.telling()
                .map(|report| row(&report.region, &report.counts, report.took)),
        );
        table.push(row("total", &self.total(), self.took));
        table
    }

    fn write_troubles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.reports {
            let region = &report.region;
            for aside in &report.set_aside {
                let (id, reason) = (&aside.finding_id, &aside.reason);
                writeln!(f, "set aside in {region}: finding {id}: {reason}")?;
            }
            let more = report.counts.set_aside - report.set_aside.len();
            if more > 0 {
                writeln!(f, "set aside in {region}: {more} more; the log names them")?;
            }
            if let Some(failure) = &report.failure {
                writeln!(f, "failed in {region}: {failure}")?;
            }
        }
        Ok(())
    }

    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        if self.dry_run {
            writeln!(f, "Nothing was changed.")?;
        } else if total.updated > 0 {
            writeln!(
                f,
                "updated: rows that were missing are added; an incident older than its finding is refreshed by the platform's rule as \
                 soon as the worker runs."
            )?;
        }
        if let Some(signal) = self.stopped {
            writeln!(
                f,
                "Stopped on {} before the end. Repeat the command to go on: nothing is made twice.",
                signal.name()
            )?;
        } else if total.set_aside + total.left() > 0 {
            writeln!(
                f,
                "Not all findings are in SOAR. Mend the cause and repeat the command: nothing is made twice."
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.reports.is_empty() {
            write_table(f, &self.table())?;
        }
        let silent = self.reports.len() - self.telling().count();
        if silent > 0 {
            writeln!(f, "Regions without such findings: {silent}.")?;
        }
        self.write_troubles(f)?;
        self.write_verdict(f)
    }
}

/// The first column to the left, numbers to the right.
fn write_table(f: &mut fmt::Formatter<'_>, table: &[Vec<String>]) -> fmt::Result {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = table.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in table {
        write!(f, "{:<1$}", row[0], widths[0])?;
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            write!(f, "  {cell:>width$}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poller::backfill::SetAside;

    fn report(region: &str, listed: usize, created: usize) -> RegionReport {
        RegionReport {
            region: region.into(),
            counts: Counts {
                listed,
                created,
                ..Counts::default()
            },
            took: Duration::from_millis(4210),
            ..RegionReport::default()
        }
    }

    fn summary(reports: Vec<RegionReport>) -> Summary {
        Summary {
            reports,
            dry_run: false,
            stopped: None,
            took: Duration::from_millis(5300),
        }
    }

    #[test]
    fn a_good_import_is_a_table() {
        let summary = summary(vec![
            report("eu-west-1", 120, 120),
            report("us-east-1", 3, 3),
            report("us-east-2", 0, 0),
        ]);
        assert_eq!(
            summary.to_string(),
            "region     listed  created  updated  already there  set aside  seconds\n\
             eu-west-1     120      120        0              0          0      4.2\n\
             us-east-1       3        3        0              0          0      4.2\n\
             total         123      123        0              0          0      5.3\n\
             Regions without such findings: 1.\n"
        );
        assert_eq!(summary.exit_code(), ExitCode::SUCCESS);
    }

    #[test]
    fn what_is_not_in_soar_is_told_with_its_reason() {
        let mut one = report("eu-west-1", 10, 8);
        one.counts.set_aside = 2;
        one.set_aside = vec![SetAside {
            finding_id: "f1".into(),
            reason: "refused".into(),
        }];
        let mut other = report("us-east-1", 5, 1);
        other.failure = Some("AWS is away".into());
        let summary = summary(vec![one, other]);
        let text = summary.to_string();
        for line in [
            "set aside in eu-west-1: finding f1: refused\n",
            "set aside in eu-west-1: 1 more; the log names them\n",
            "failed in us-east-1: AWS is away\n",
            "Not all findings are in SOAR.",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.lines().next().unwrap().contains("left"), "{text}");
        assert_eq!(summary.exit_code(), ExitCode::FAILURE);
    }

    #[test]
    fn a_stop_and_a_dry_run_say_so() {
        let mut stopped = summary(vec![report("eu-west-1", 10, 8)]);
        stopped.stopped = Some(StopSignal::Interrupt);
        assert!(stopped.to_string().contains("Stopped on SIGINT"));
        assert_eq!(stopped.exit_code(), ExitCode::from(130));
        let mut dry = summary(vec![report("eu-west-1", 8, 8)]);
        dry.dry_run = true;
        let text = dry.to_string();
        assert!(text.contains("to create") && text.contains("Nothing was changed."));
    }
}
