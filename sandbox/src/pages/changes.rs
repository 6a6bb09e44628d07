//! Server-sent events that say that something changed, so that open pages look again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};

use super::Pages;

/// Changes that come closer together than this are told as one.
const PAUSE: Duration = Duration::from_millis(150);

pub(super) async fn tell(
    State(pages): State<Pages>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut watched = (pages.platform.changes(), pages.aws.changes());
    // The page was made before it was connected: the first event makes good what it missed meanwhile.
    watched.0.mark_changed();
    let changes = stream::unfold(watched, async |(mut platform, mut aws)| {
        tokio::select! {
            seen = platform.changed() => seen.ok()?,
            seen = aws.changed() => seen.ok()?,
        }
        tokio::time::sleep(PAUSE).await;
        platform.mark_unchanged();
        aws.mark_unchanged();
        Some((Ok(Event::default().data("changed")), (platform, aws)))
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}
