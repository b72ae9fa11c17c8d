//! An HTTP server that keeps what it is asked and answers from a list.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value as Json;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path, with the query; the whole URL where a proxy is asked.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    /// A header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// An answer: status, headers, body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
    /// Whether it never comes.
    is_silent: bool,
}

impl Reply {
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", "text/plain")],
            body: body.to_owned(),
            is_silent: false,
        }
    }

    pub(crate) fn json(body: &str) -> Self {
        Self {
            headers: vec![("content-type", "application/json; charset=utf-8")],
            ..Self::text(200, body)
        }
    }

    pub(crate) fn silent() -> Self {
        Self {
            is_silent: true,
            ..Self::text(200, "")
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[derive(Debug, Default)]
struct Book {
    asked: Vec<Asked>,
    replies: VecDeque<Reply>,
}

pub(crate) struct Site {
    pub(crate) url: String,
    book: Arc<Mutex<Book>>,
}

impl Site {
    /// Starts a server that gives the replies in turn, then `ok` for ever.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let book = Arc::new(Mutex::new(Book {
            asked: Vec::new(),
            replies: replies.into(),
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&book));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, book }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.lock().expect("no panic before").asked.clone()
    }
}

async fn answer(State(book): State<Arc<Mutex<Book>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 4 << 20).await.expect("a body");
    let headers = parts.headers.iter();
    let asked = Asked {
        line: format!("{} {}", parts.method, parts.uri),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let reply = {
        let mut book = book.lock().expect("no panic before");
        book.asked.push(asked);
        book.replies.pop_front().unwrap_or_else(|| Reply::text(200, "ok"))
    };
    if reply.is_silent {
        std::future::pending::<()>().await;
    }
    let mut response = (
        StatusCode::from_u16(reply.status).expect("a status"),
        Body::from(reply.body),
    )
        .into_response();
    response.headers_mut().clear();
    for (name, value) in reply.headers {
        let value = value.parse().expect("a header's value");
        response.headers_mut().insert(name, value);
    }
    response
}
