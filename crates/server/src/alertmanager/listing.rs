//! Lists, written piece by piece off the async threads: a long one never stands in memory as text, and a client that
//! reads slowly holds no thread.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;
use skopos_alertmanager::Alertmanager;

use super::Shared;
use super::error::ApiError;
use super::handle::Busy;
use crate::text;

/// A piece is sent once it has this size.
const PIECE_BYTES: usize = 128 << 10;

/// Appends an item as JSON, as it is at a time (Unix milliseconds).
type Write<T> = fn(&T, i64, &mut Vec<u8>);

/// A list that is being written.
struct Listing<T> {
    items: Vec<T>,
    now_ms: i64,
    write: Write<T>,
    written: usize,
    is_done: bool,
}

impl<T> Listing<T> {
    /// The next part of the array, and at its end the newline that Go's encoder puts there.
    fn piece(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.written == 0 {
            out.push(b'[');
        }
        while out.len() < PIECE_BYTES
            && let Some(item) = self.items.get(self.written)
        {
            if self.written > 0 {
                out.push(b',');
            }
            (self.write)(item, self.now_ms, &mut out);
            self.written += 1;
        }
        if self.written == self.items.len() {
            out.extend_from_slice(b"]\n");
            self.is_done = true;
        }
        out
    }
}

/// Looks up a list and answers it.
pub(super) async fn answer<T: Send + 'static>(
    handle: &Shared,
    write: Write<T>,
    look: impl FnOnce(&Alertmanager, i64) -> Vec<T> + Send + 'static,
) -> Result<Response, ApiError> {
    let begin = move |handle: &super::AlertmanagerHandle| {
        let (items, now_ms) = handle.read(|machine, now_ms| (look(machine, now_ms), now_ms));
        let mut listing = Listing {
            items,
            now_ms,
            write,
            written: 0,
            is_done: false,
        };
        (listing.piece(), listing)
    };
    let (first, listing) = handle.work(begin).await?;
    let body = if listing.is_done {
        Body::from(first)
    } else {
        streamed(Arc::clone(handle), first, listing)
    };
    Ok(text::with_type(StatusCode::OK, text::JSON, body))
}

fn streamed<T: Send + 'static>(handle: Shared, first: Vec<u8>, listing: Listing<T>) -> Body {
    let rest = stream::unfold((Some(first), Some(listing)), move |(first, listing)| {
        let handle = Arc::clone(&handle);
        async move {
            if let Some(first) = first {
                return Some((Ok(Bytes::from(first)), (None, listing)));
            }
            let mut listing = listing.filter(|listing| !listing.is_done)?;
            match handle.go_on(move |_| (listing.piece(), listing)).await {
                Ok((piece, listing)) => Some((Ok(Bytes::from(piece)), (None, Some(listing)))),
                Err(busy) => Some((Err(broken_off(busy)), (None, None))),
            }
        }
    });
    Body::from_stream(rest)
}

fn broken_off(busy: Busy) -> std::io::Error {
    std::io::Error::other(format!("the list breaks off: {busy:?}"))
}
