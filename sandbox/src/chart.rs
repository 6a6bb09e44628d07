//! A chart of values over time, as SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 160.0;
const MARGIN: f64 = 48.0;

/// One quantity over time.
#[derive(Debug, Clone)]
pub struct Series {
    /// What is measured, with its unit.
    pub name: String,
    /// Seconds since the start, and the value.
    pub points: Vec<(f64, f64)>,
}

/// All series below each other, each from zero to its highest value.
pub fn svg(title: &str, series: &[Series]) -> String {
    let count = u32::try_from(series.len()).unwrap_or(u32::MAX);
    let height = MARGIN + f64::from(count) * (HEIGHT + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{w}\" height=\"{height}\" fill=\"white\"/>\n<text x=\"{MARGIN}\" y=\"24\" font-size=\"14\">{title}</text>\n",
        w = WIDTH + 2.0 * MARGIN,
    );
    for (number, series) in (0..count).zip(series) {
        let top = MARGIN + f64::from(number) * (HEIGHT + MARGIN);
        svg.push_str(&panel(series, top));
    }
    svg + "</svg>\n"
}

fn panel(series: &Series, top: f64) -> String {
    let highest = |pick: fn(&(f64, f64)) -> f64| {
        let values = series.points.iter().map(pick);
        values.fold(f64::EPSILON, f64::max)
    };
    let (end, most) = (highest(|point| point.0), highest(|point| point.1) * 1.1);
    let at = |(time, value): &(f64, f64)| {
        let x = MARGIN + time / end * WIDTH;
        let y = top + HEIGHT - value / most * HEIGHT;
        format!("{x:.1},{y:.1}")
    };
    let line: Vec<String> = series.points.iter().map(at).collect();
    let bottom = top + HEIGHT;
    let mut panel = String::new();
    // Writing to a text cannot fail.
    let _ = write!(
        panel,
        "<text x=\"{MARGIN}\" y=\"{}\">{}</text>\n\
         <path d=\"M{MARGIN},{top} V{bottom} H{}\" fill=\"none\" stroke=\"#888\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"1.5\"/>\n\
         <text x=\"4\" y=\"{}\">{most:.0}</text>\n<text x=\"4\" y=\"{bottom}\">0</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
        top - 6.0,
        series.name,
        MARGIN + WIDTH,
        line.join(" "),
        top + 10.0,
        MARGIN + WIDTH,
        bottom + 16.0,
        duration(end),
    );
    panel
}

fn duration(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_a_line_from_left_to_right() {
        let series = Series {
            name: "MB".to_owned(),
            points: vec![(0.0, 5.0), (300.0, 10.0)],
        };
        let svg = svg("memory", &[series]);
        assert!(svg.contains("48.0,"), "{svg}");
        assert!(svg.contains("768.0,"), "{svg}");
        assert!(svg.contains("5 min"), "{svg}");
        assert_eq!(duration(8.04), "8.0 s");
    }
}
