//! Small charts of the last hours, drawn by the server.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use crate::measures::{History, Sample};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 72.0;

/// One value at one time; `None` where it is not known.
type Point = (Timestamp, Option<f64>);

/// Incidents made a minute, functions a minute, and the lag.
pub(super) fn charts(history: &History) -> Markup {
    let samples: Vec<&Sample> = history.samples().collect();
    let lag = |sample: &&Sample| (sample.at, sample.lag.map(|lag| lag.as_secs_f64()));
    let lags: Vec<Point> = samples.iter().map(lag).collect();
    html! {
        (chart("Findings escalated a minute", &rates(&samples, |sample| sample.escalated), plain))
        (chart("Queue messages a minute", &rates(&samples, |sample| sample.messages), plain))
        (chart("Longest lag", &lags, spoken))
    }
}

fn rates(samples: &[&Sample], count: impl Fn(&Sample) -> u64) -> Vec<Point> {
    let rate = |pair: &[&Sample]| {
        let minutes = pair[1].at.duration_since(pair[0].at).as_secs_f64() / 60.0;
        let more = count(pair[1]).saturating_sub(count(pair[0]));
        #[expect(clippy::cast_precision_loss, reason = "counts of one minute")]
        let rate = (minutes > 0.0).then(|| more as f64 / minutes);
        (pair[1].at, rate)
    };
    samples.windows(2).map(rate).collect()
}

fn plain(value: f64) -> String {
    if value < 10.0 && value.fract() > 0.05 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole seconds")]
fn spoken(seconds: f64) -> String {
    super::page::span(SignedDuration::from_secs(seconds as i64))
}

fn chart(title: &str, points: &[Point], told: impl Fn(f64) -> String) -> Markup {
    let known: Vec<f64> = points.iter().filter_map(|(_, value)| *value).collect();
    let most = known.iter().copied().fold(0.0, f64::max);
    let last = known
        .last()
        .map_or_else(|| "not known yet".to_owned(), |last| told(*last));
    let text = format!("{title}: now {last}, at most {}", told(most));
    html! {
        figure {
            figcaption { (title) ": " strong { (last) } @if most > 0.0 { " (at most " (told(most)) ")" } }
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(text) {
                @for line in lines(points, most) { polyline points=(line) {} }
            }
        }
    }
}

/// The points of each stretch without a gap, in the chart's coordinates.
fn lines(points: &[Point], most: f64) -> Vec<String> {
    let (Some((first, _)), Some((last, _))) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let span = last.duration_since(*first).as_secs_f64().max(1.0);
    let place = |at: Timestamp, value: f64| {
        let x = at.duration_since(*first).as_secs_f64() / span * WIDTH;
        let y = HEIGHT - 1.0 - value / most.max(f64::MIN_POSITIVE) * (HEIGHT - 2.0);
        format!("{x:.1},{y:.1}")
    };
    let stretches = points.split(|(_, value)| value.is_none());
    let line = |stretch: &[Point]| {
        let known = stretch
            .iter()
            .filter_map(|(at, value)| Some(place(*at, (*value)?)));
        known.collect::<Vec<_>>().join(" ")
    };
    stretches
        .map(line)
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_nothing_is_known() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let points = [
            (at(0), Some(0.0)),
            (at(10), Some(2.0)),
            (at(20), None),
            (at(40), Some(1.0)),
        ];
        assert_eq!(lines(&points, 2.0), ["0.0,71.0 90.0,1.0", "360.0,36.0"]);
        assert!(lines(&[], 0.0).is_empty());
    }

    #[test]
    fn a_rate_is_what_came_within_the_minute() {
        let sample = |second, escalated| Sample {
            at: Timestamp::from_second(second).unwrap(),
            escalated,
            messages: 0,
            lag: None,
        };
        let samples = [sample(0, 10), sample(60, 40), sample(180, 50)];
        let samples: Vec<&Sample> = samples.iter().collect();
        let rates: Vec<f64> = rates(&samples, |sample| sample.escalated)
            .into_iter()
            .filter_map(|(_, rate)| rate)
            .collect();
        assert_eq!(rates, [30.0, 5.0]);
    }
}
